//! Traces by OTLP. Only the spans of [`TRACE`] and the writing of posts are exported, and no line of the log:
//! what a span holds is decided where it is made.
//!
//! The spans of one message are one trace across processes and restarts, although nothing but the event's id
//! is stored: the trace has the id of the event, and its root has a part of it.

use std::{
    cell::Cell,
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use opentelemetry::{
    Context,
    trace::{
        SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState, TracerProvider as _,
    },
};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{
        BatchConfigBuilder, BatchSpanProcessor, IdGenerator, RandomIdGenerator, Sampler, SdkTracerProvider,
    },
};
use tokio::runtime::Handle;
use tracing::{
    Metadata, Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{
    Layer,
    filter::{FilterFn, LevelFilter},
    layer,
    registry::LookupSpan,
};

use super::TRACE;

/// Ended spans that wait to be exported; further ones are dropped. Some 2 MB.
const QUEUE: usize = 4_096;
/// Spans in one request.
const BATCH: usize = 512;
const EXPORT_EVERY: Duration = Duration::from_secs(5);
/// The longest time of one request.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest time that a stop waits for the last spans.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// The name of the first span of a message, which is made once, when its event is stored.
const ROOT: &str = "event.receive";
/// The field that names the event of a span.
const EVENT_ID: &str = "event.id";

/// The export of traces. Dropping it exports nothing more.
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Exports the spans that wait, within [`FLUSH_TIMEOUT`].
    pub(crate) async fn stop(self) {
        let stopped = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(FLUSH_TIMEOUT));
        if !matches!(stopped.await, Ok(Ok(()))) {
            tracing::info!("Stopped without exporting the last traces");
        }
    }
}

/// Sets up the export to an address such as `http://collector:4318`, and returns the layer that records.
pub(crate) fn layer<S>(endpoint: &str) -> anyhow::Result<(Traces, impl Layer<S> + use<S>)>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Client::new()?)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .context("cannot set up the export of traces")?;
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE)
        .with_max_export_batch_size(BATCH)
        .with_scheduled_delay(EXPORT_EVERY)
        .build();
    let mut resource = Resource::builder();
    if std::env::var_os("OTEL_SERVICE_NAME").is_none_or(|name| name.is_empty()) {
        resource = resource.with_service_name("postly");
    }
    let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let provider = SdkTracerProvider::builder()
        .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batches).build())
        .with_id_generator(Ids::default())
        // A part of a message's trace would be of no use; a collector can leave out whole ones.
        .with_sampler(Sampler::AlwaysOn)
        .with_resource(resource.with_attribute(version).build())
        .build();
    let spans = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("postly"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false);
    Ok((
        Traces(provider),
        Messages(spans).with_filter(FilterFn::new(is_traced).with_max_level_hint(LevelFilter::INFO)),
    ))
}

fn is_traced(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && (metadata.target() == TRACE || metadata.name() == "pipeline.write")
}

/// Our HTTP client. The exporter waits on a thread of its own, so requests run on the runtime.
#[derive(Debug)]
struct Client {
    http: reqwest::Client,
    runtime: Handle,
    /// True while exports fail, so that a collector that is down is one line in the log.
    fails: Arc<AtomicBool>,
}

impl Client {
    fn new() -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(EXPORT_TIMEOUT)
            // A redirect would carry traces, and the headers of the collector, to another host.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("cannot set up the client for traces")?;
        Ok(Self { http, runtime: Handle::current(), fails: Arc::default() })
    }

    fn note(&self, outcome: Result<u16, &reqwest::Error>) {
        let failure = match outcome {
            Ok(status) if (200..300).contains(&status) => None,
            Ok(status) => Some(format!("status {status}")),
            Err(error) if error.is_timeout() => Some("timeout".to_owned()),
            Err(error) if error.is_connect() => Some("no connection".to_owned()),
            Err(_) => Some("the connection broke".to_owned()),
        };
        let failed_before = self.fails.swap(failure.is_some(), Ordering::Relaxed);
        match failure {
            Some(reason) if !failed_before => {
                tracing::warn!(
                    reason,
                    "Traces cannot be exported (OTEL_EXPORTER_OTLP_ENDPOINT); they are dropped"
                );
            }
            None if failed_before => tracing::info!("Traces are exported again"),
            Some(_) | None => {}
        }
    }
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let http = self.http.clone();
        let exchange = async move {
            let response = http.execute(request).await?;
            let status = response.status();
            // The answer of a collector is short, and not read.
            Ok::<_, reqwest::Error>(status)
        };
        let status = self.runtime.spawn(exchange).await?;
        self.note(status.as_ref().map(reqwest::StatusCode::as_u16));
        Ok(Response::builder().status(status?).body(Bytes::new())?)
    }
}

/// The ids of a trace and of its root.
#[derive(Debug, Clone, Copy)]
struct Root {
    trace: TraceId,
    span: SpanId,
}

impl Root {
    /// Derives the ids from the id of an event: the UUID, and its last half.
    fn of(event: &str) -> Option<Self> {
        let bytes = uuid::Uuid::parse_str(event).ok()?.into_bytes();
        let (_, last) = bytes.split_last_chunk::<8>()?;
        Some(Self { trace: TraceId::from_bytes(bytes), span: SpanId::from_bytes(*last) })
    }

    /// The context of a span below the root.
    fn context(self) -> Context {
        let flags = TraceFlags::SAMPLED;
        Context::new().with_remote_span_context(SpanContext::new(
            self.trace,
            self.span,
            flags,
            true,
            TraceState::NONE,
        ))
    }
}

thread_local! {
    /// The ids of the root that this thread is starting.
    static STARTING: Cell<Option<Root>> = const { Cell::new(None) };
}

/// Random ids, except for the root of a message's trace.
#[derive(Debug, Default)]
struct Ids(RandomIdGenerator);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        STARTING.get().map_or_else(|| self.0.new_trace_id(), |root| root.trace)
    }

    fn new_span_id(&self) -> SpanId {
        STARTING.get().map_or_else(|| self.0.new_span_id(), |root| root.span)
    }
}

/// Puts the spans that name an event below the root of its trace.
struct Messages<L>(L);

/// Reads the field that names the event.
#[derive(Default)]
struct EventField(Option<Root>);

impl Visit for EventField {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == EVENT_ID {
            self.0 = Root::of(&format!("{value:?}"));
        }
    }
}

impl<S, L> Layer<S> for Messages<L>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    L: Layer<S>,
{
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: layer::Context<'_, S>) {
        let mut event = EventField::default();
        attributes.record(&mut event);
        let Some(root) = event.0 else { return self.0.on_new_span(attributes, id, context) };
        if attributes.metadata().name() == ROOT {
            if let Some(span) = context.span(id) {
                span.extensions_mut().insert(root);
            }
            self.0.on_new_span(attributes, id, context);
        } else {
            let _parent = root.context().attach();
            self.0.on_new_span(attributes, id, context);
        }
    }

    fn on_enter(&self, id: &span::Id, context: layer::Context<'_, S>) {
        // The span is started, and gets its ids, when it is entered first.
        STARTING.set(context.span(id).and_then(|span| span.extensions().get::<Root>().copied()));
        self.0.on_enter(id, context);
        STARTING.set(None);
    }

    fn on_exit(&self, id: &span::Id, context: layer::Context<'_, S>) {
        self.0.on_exit(id, context);
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: layer::Context<'_, S>) {
        self.0.on_record(id, values, context);
    }

    fn on_follows_from(&self, id: &span::Id, follows: &span::Id, context: layer::Context<'_, S>) {
        self.0.on_follows_from(id, follows, context);
    }

    fn on_close(&self, id: span::Id, context: layer::Context<'_, S>) {
        self.0.on_close(id, context);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_and_its_root_are_named_by_the_event() {
        let root = Root::of("019a8f3c-1b2d-7c3e-8f10-a1b2c3d4e5f6").unwrap();
        assert_eq!(root.trace.to_string(), "019a8f3c1b2d7c3e8f10a1b2c3d4e5f6");
        assert_eq!(root.span.to_string(), "8f10a1b2c3d4e5f6");
        assert!(Root::of("an-old-id").is_none());
    }
}
