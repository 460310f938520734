//! The alerts that are raised while a test runs, on its thread.

use std::sync::{Arc, Mutex};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::DefaultGuard,
};

/// Keeps the names of alerts.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<String>>>);

struct Name<'a>(&'a mut Vec<String>);

impl Visit for Name<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "alert" {
            self.0.push(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
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
        let mut names = self.0.lock().unwrap();
        let level = *event.metadata().level();
        let before = names.len();
        event.record(&mut Name(&mut names));
        assert!(names.len() == before || level <= tracing::Level::WARN, "an alert is a warning or an error");
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// The alerts of this thread, from now on.
pub(super) struct Alerts {
    names: Arc<Mutex<Vec<String>>>,
    _guard: DefaultGuard,
}

impl Alerts {
    pub(super) fn listen() -> Self {
        let collector = Collector::default();
        let names = Arc::clone(&collector.0);
        Self { names, _guard: tracing::subscriber::set_default(collector) }
    }

    /// Those since the last time this was asked.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.names.lock().unwrap())
    }
}
