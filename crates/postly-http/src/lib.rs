//! The HTTP service: the public listener and the operator's.

mod admin;
mod auth;
mod billing;
mod brand;
mod caller;
mod connection;
mod description;
mod events;
mod extract;
mod generations;
mod long_bodies;
#[cfg(feature = "mcp")]
mod mcp;
mod me;
mod observe;
mod operator;
mod pages;
mod problem;
mod progress;
mod serve;
mod session_cookie;
mod site;
mod tokens;
mod webhook;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{from_fn, from_fn_with_state},
};
use postly_app::App;
use tower::util::MapResponseLayer;
use tower_http::{
    catch_panic::CatchPanicLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    set_header::SetResponseHeaderLayer,
    timeout::{RequestBodyTimeoutLayer, TimeoutLayer},
};

pub use admin::AdminPages;
pub use operator::{Metrics, operator_router};
pub use problem::{Code, Problem};
pub use serve::{MAX_CONNECTIONS, serve};
pub use session_cookie::{Claims, CookieKeys, IssueError};
pub use site::{Network, Site};

use long_bodies::LongBodies;
use site::AppState;

/// The time limit of a request, including its body. Storing a webhook has its own, shorter limit.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest pause between two pieces of a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The header with the id of a request, as written to the logs.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest body of a request that is not a webhook. An invalid body of a megabyte is still answered with
/// its error.
const MAX_JSON_BYTES: usize = 2 * 1024 * 1024;

/// Returns the routes of the public listener, for providers and browsers.
pub fn public_router(app: App, site: Site) -> Router {
    let long_bodies = LongBodies::new();
    let webhook = webhook::router(app.clone(), long_bodies.clone());
    let events = billing::webhook(app.clone(), long_bodies.clone());
    let state = AppState { app, site: Arc::new(site), long_bodies };
    let pages = Router::new()
        .merge(auth::router())
        .merge(me::router())
        .merge(generations::router())
        .merge(events::router())
        .merge(tokens::router())
        .merge(brand::router())
        .merge(description::router())
        .merge(billing::router())
        .merge(pages::router());
    #[cfg(feature = "mcp")]
    let pages = pages.merge(mcp::router());
    let pages = pages
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_JSON_BYTES))
        .layer(from_fn_with_state(state.clone(), extract::reject_cross_site))
        .fallback(pages::fallback)
        .with_state(state);
    harden(Router::new().merge(webhook).merge(events).merge(pages))
}

/// Adds the headers, limits and error handling common to all listeners. Public for the bench, which measures
/// a handler without the service.
pub fn harden(router: Router) -> Router {
    let always = |name, value| SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value));
    // One layer made of many, outermost first, because a router boxes the future of each request once per
    // layer.
    router
        .layer((
            SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid),
            PropagateRequestIdLayer::new(REQUEST_ID),
            from_fn(observe::observe),
            always(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
            always(header::CACHE_CONTROL, "no-store"),
            always(header::REFERRER_POLICY, "no-referrer"),
            always(header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            CatchPanicLayer::custom(problem::panicked),
            TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST_TIMEOUT),
            RequestBodyTimeoutLayer::new(BODY_TIMEOUT),
            DefaultBodyLimit::max(webhook::MAX_BODY_BYTES),
        ))
        .layer(MapResponseLayer::new(problem::named))
}

#[cfg(test)]
mod tests {
    use axum::{
        body::{Body, to_bytes},
        extract::Request,
        routing::get,
    };
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn s04_a_panic_is_a_problem_like_any_other_and_keeps_what_it_said_to_itself() {
        let broken = get(async || -> &'static str { panic!("the secret of a panic") });
        let router = harden(Router::new().route("/broken", broken).route("/whole", get(async || "ok")));
        let ask = async |path: &str| {
            let request = Request::builder().uri(path).body(Body::empty()).unwrap();
            router.clone().oneshot(request).await.unwrap()
        };
        let response = ask("/broken").await;
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        let length = response.headers().get("content-length").cloned();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert!(length.is_none_or(|length| length == body.len().to_string().as_str()));
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&problem["code"], &problem["request_id"]), (&"internal".into(), &id.into()));
        assert!(!problem.to_string().contains("secret"), "{problem}");
        // The next request is served.
        assert_eq!(ask("/whole").await.status(), 200);
    }
}
