//! The pages: the door of the house, and the account behind it. They work without a script; with one, forms are sent
//! as JSON to the API and the page stays.

mod account;
mod assets;
mod login;
mod steps;
mod texts;

use askama::Template;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};

pub(crate) use steps::qr;

use crate::{problem::Problem, site::Door};

/// The longest form: an address and a password, with every byte escaped.
const MAX_FORM_BYTES: usize = 8 * 1024;

pub(crate) fn router() -> Router<Door> {
    Router::new()
        .merge(login::router())
        .merge(account::router())
        .merge(steps::router())
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .merge(assets::router())
}

/// What every page is answered with. Its forms name our origin only if it may be named to ourselves: with
/// `no-referrer`, browsers call the origin of a form `null`. Nothing secret stands in an address before its `#`.
const HEADERS: [(HeaderName, &str); 4] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
         form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (header::REFERRER_POLICY, "same-origin"),
    (header::VARY, "accept-language"),
];

fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, HEADERS, html).into_response(),
        Err(error) => Problem::internal(&error).into_response(),
    }
}

/// To one of our pages, by GET.
fn redirect(path: &'static str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, path)]).into_response()
}
