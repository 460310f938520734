//! The operator's listener, which is not public: health, readiness, metrics, and the operator's pages.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use postly_app::{App, Readiness, Shutdown};
use postly_domain::{
    Alert, UnixMillis,
    metric::{self, Metric, MetricKind},
};
use serde::Serialize;

use crate::admin::{self, AdminPages};

/// The metrics of this process.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Collects the metrics of this process from now on. Call it once per process; a second call collects
    /// nothing.
    pub fn collect() -> Self {
        let mut builder = PrometheusBuilder::new();
        for Metric { name, kind, .. } in metric::ALL {
            if let MetricKind::Histogram(bounds) = kind {
                let matcher = Matcher::Full((*name).to_owned());
                // Fails only for an empty list of bounds; the histogram would become a summary.
                builder = builder.set_buckets_for_metric(matcher, bounds).unwrap_or_default();
            }
        }
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("Metrics are collected already; this collector stays empty");
        }
        describe();
        // An alert rule sees no increase of a counter that appears with its first alert, so start each at 0.
        for alert in Alert::ALL {
            metrics::counter!(metric::ALERTS, "name" => alert.as_str()).absolute(0);
        }
        Self(handle)
    }

    /// Records the version, engine, role and start time of this process.
    pub fn build_info(
        &self,
        version: &'static str,
        engine: &'static str,
        role: &'static str,
        started: UnixMillis,
    ) {
        let labels = [("version", version), ("engine", engine), ("role", role)];
        metrics::gauge!(metric::BUILD_INFO, &labels).set(1.0);
        let started = u64::try_from(started.0).unwrap_or(0);
        metrics::gauge!(metric::PROCESS_START).set(Duration::from_millis(started).as_secs_f64());
    }

    fn render(&self) -> String {
        process();
        self.0.run_upkeep();
        self.0.render()
    }
}

/// Sets the help text of each metric, which ends with its unit.
fn describe() {
    for Metric { name, kind, unit, help } in metric::ALL {
        let help = format!("{help}. Unit: {unit}.");
        match kind {
            MetricKind::Counter => metrics::describe_counter!(*name, help),
            MetricKind::Gauge => metrics::describe_gauge!(*name, help),
            MetricKind::Histogram(_) => metrics::describe_histogram!(*name, help),
        }
    }
}

/// Updates the memory and descriptor metrics from `/proc`; on other systems than Linux, nothing.
fn process() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes: Option<f64> =
        resident.and_then(|rest| rest.split_whitespace().next()).and_then(|number| number.parse().ok());
    if let Some(kilobytes) = kilobytes {
        metrics::gauge!(metric::PROCESS_RESIDENT).set(kilobytes * 1024.0);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        let count = u32::try_from(open.count()).unwrap_or(u32::MAX);
        metrics::gauge!(metric::PROCESS_OPEN_FDS).set(f64::from(count));
    }
}

/// The state of the handlers of the operator's listener.
#[derive(Clone)]
struct Operator {
    app: App,
    /// Requested while the service drains.
    shutdown: Shutdown,
}

/// Returns the routes of the operator's listener. `shutdown` belongs to the service, not to this listener:
/// while the service drains, `/readyz` reports it. Without `pages`, `/admin` does not exist.
pub fn operator_router(app: App, metrics: Metrics, shutdown: Shutdown, pages: Option<AdminPages>) -> Router {
    let figures = get(async move || {
        ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render())
    });
    let pages = pages.map_or_else(Router::new, |pages| admin::router(app.clone(), pages));
    crate::harden(
        Router::new()
            .route("/healthz", get(async || "ok"))
            .route("/readyz", get(readiness))
            .route("/metrics", figures)
            .fallback(crate::problem::not_found)
            .with_state(Operator { app, shutdown })
            .merge(pages),
    )
}

/// The body of `/readyz`.
#[derive(Serialize)]
struct ReadinessBody {
    ready: bool,
    degraded: Vec<&'static str>,
    /// The reason if the service is not ready: `database`, `schema` or `draining`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// Responds with ready if the database accepts writes and has our tables, and the service does not drain.
/// Providers and models that do not respond make the service degraded only, because received messages are
/// stored all the same.
async fn readiness(State(operator): State<Operator>) -> Response {
    let Readiness { fault, degraded } = operator.app.monitor.readiness().await;
    let draining = operator.shutdown.is_requested().then_some("draining");
    let reason = draining.or_else(|| fault.map(postly_app::NotReady::as_str));
    let status = if reason.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(ReadinessBody { ready: reason.is_none(), degraded, reason })).into_response()
}
