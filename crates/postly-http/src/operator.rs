//! The operator's listener: health, readiness, figures. Not for the public.

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use postly_app::App;

/// The figures of this process.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Collects the figures of this process from now on. Once per process; a second call collects nothing.
    pub fn collect() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("Figures are collected already; this collector stays empty");
        }
        metrics::describe_counter!("postly_alerts_total", "Alerts raised since the start, by name.");
        Self(handle)
    }
}

/// The operator's listener.
pub fn operator_router(app: App, metrics: Metrics) -> Router {
    let figures = get(move || async move {
        metrics.0.run_upkeep();
        ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.0.render())
    });
    crate::harden(
        Router::new()
            .route("/healthz", get(async || "ok"))
            .route("/readyz", get(readiness))
            .route("/metrics", figures)
            .fallback(crate::problem::not_found)
            .with_state(app),
    )
}

/// Ready when the database can be written to. Providers' and models' health is not ours to report here.
async fn readiness(State(app): State<App>) -> Response {
    if app.is_ready().await {
        "ready".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the database cannot be written to").into_response()
    }
}
