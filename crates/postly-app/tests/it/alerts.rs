//! The alerts that are raised while a test runs, on its thread.

use std::sync::{Arc, Mutex};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::DefaultGuard,
};

/// Collects the names and messages of alerts.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(String, String)>>>);

#[derive(Default)]
struct Fields {
    alert: Option<String>,
    message: String,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "alert" {
            self.alert = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}

impl Subscriber for Collector {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Some(name) = fields.alert else { return };
        assert!(*event.metadata().level() <= tracing::Level::WARN, "an alert is a warning or an error");
        self.0.lock().unwrap().push((name, fields.message));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// The alerts of this thread since the creation of this value.
pub(crate) struct Alerts {
    raised: Arc<Mutex<Vec<(String, String)>>>,
    _guard: DefaultGuard,
}

impl Alerts {
    pub(crate) fn listen() -> Self {
        let collector = Collector::default();
        let raised = Arc::clone(&collector.0);
        Self { raised, _guard: tracing::subscriber::set_default(collector) }
    }

    /// Returns the names of the alerts since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        self.take_told().into_iter().map(|(name, _)| name).collect()
    }

    /// Returns the alerts since the last call, with their messages.
    pub(crate) fn take_told(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.raised.lock().unwrap())
    }
}
