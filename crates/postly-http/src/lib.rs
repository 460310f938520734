//! The doors: the public listener and the operator's.

mod connection;
mod operator;
mod problem;
mod serve;
mod webhook;

use std::time::Duration;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, HeaderValue, StatusCode, header},
};
use postly_app::App;
use tower_http::{
    catch_panic::CatchPanicLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    set_header::SetResponseHeaderLayer,
    timeout::{RequestBodyTimeoutLayer, TimeoutLayer},
};

pub use operator::{Metrics, operator_router};
pub use problem::{Code, Problem};
pub use serve::{MAX_CONNECTIONS, serve};

/// How long a request may take in all, its body included. Storing a webhook has its own, shorter limit.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a body may pause between two pieces.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The name under which a request is found in the logs.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The public listener: what providers and browsers reach.
pub fn public_router(app: App) -> Router {
    harden(Router::new().merge(webhook::router()).fallback(problem::not_found).with_state(app))
}

/// What holds for every answer of every listener.
fn harden(router: Router) -> Router {
    let always = |name, value| SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value));
    router
        .layer(DefaultBodyLimit::max(webhook::MAX_BODY_BYTES))
        .layer(RequestBodyTimeoutLayer::new(BODY_TIMEOUT))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST_TIMEOUT))
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(always(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(always(header::REFERRER_POLICY, "no-referrer"))
        .layer(always(header::CACHE_CONTROL, "no-store"))
        .layer(always(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
}
