//! Metrics of requests.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    http::Method,
    middleware::Next,
    response::Response,
};
use postly_domain::metric;

/// Counts a request and measures the time to the head of its response. The label is the pattern of the
/// matched route, because a client must not create labels.
pub(crate) async fn observe(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let route = match request.extensions().get::<MatchedPath>() {
        Some(path) => path.as_str().to_owned(),
        None => "none".to_owned(),
    };
    let method = known(request.method());
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::histogram!(metric::HTTP_REQUEST_SECONDS, "route" => route.clone()).record(begun.elapsed());
    let labels = [("route", route), ("method", method.to_owned()), ("status", status)];
    metrics::counter!(metric::HTTP_REQUESTS, &labels).increment(1);
    response
}

fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}
