//! The pages of the site, public and behind a login. They work without a script. With one, forms are sent as
//! JSON to the API and the page stays.

mod account;
pub(crate) mod assets;
mod brand;
mod cards;
pub(crate) mod credits;
mod dashboard;
mod erase;
mod frame;
mod landing;
mod legal;
mod login;
mod member;
pub(crate) mod moment;
mod posts;
mod recharge;
mod reset;
mod steps;
mod texts;

use askama::Template;
use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRequestParts as _, Request, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};

pub(crate) use steps::qr;

use crate::{
    extract::{RequestContext, preferred_language},
    problem::Problem,
    site::AppState,
};
pub(crate) use frame::Frame;
pub(crate) use texts::Texts;

/// The longest form: an e-mail address and a password, with every byte escaped.
const MAX_FORM_BYTES: usize = 8 * 1024;
/// The longest form with a brief: 8 KiB, with every byte escaped as three.
const MAX_BRIEF_FORM_BYTES: usize = 32 * 1024;
/// The brand memory: 7,000 characters of up to 12 bytes each, as forms escape them.
const MAX_BRAND_FORM_BYTES: usize = 96 * 1024;

pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .merge(landing::router())
        .merge(dashboard::router().layer(DefaultBodyLimit::max(MAX_BRIEF_FORM_BYTES)))
        .merge(posts::router())
        .merge(cards::router())
        .merge(legal::router())
        .merge(credits::router())
        .merge(login::router())
        .merge(account::router())
        .merge(erase::router())
        .merge(brand::router().layer(DefaultBodyLimit::max(MAX_BRAND_FORM_BYTES)))
        .merge(steps::router())
        .merge(recharge::router())
        .merge(reset::router())
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .merge(assets::router())
}

/// The headers of every page. The referrer policy is `same-origin`, because with `no-referrer` browsers send
/// `null` as the origin of a form. No address has a secret before its `#`.
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

pub(crate) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, HEADERS, html).into_response(),
        Err(error) => Problem::internal(&error).into_response(),
    }
}

#[derive(Template)]
#[template(path = "not_found.html")]
struct NotFoundPage<'a> {
    t: &'a texts::Texts,
    f: Frame,
}

/// Responds with the page for an unknown address.
fn not_found(t: &texts::Texts, f: Frame) -> Response {
    page(StatusCode::NOT_FOUND, &NotFoundPage { t, f })
}

/// Answers an unknown address: with a page if a browser asks for one, otherwise with a problem.
pub(crate) async fn fallback(State(state): State<AppState>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    if !accepts_pages(&parts.headers) {
        return crate::problem::not_found().await.into_response();
    }
    match RequestContext::from_request_parts(&mut parts, &state).await {
        Ok(visitor) => not_found(texts::Texts::of_visitor(&visitor), Frame::of(&visitor, "")),
        Err(_) => {
            not_found(texts::Texts::of_language(preferred_language(&parts.headers)), Frame::of_nobody(""))
        }
    }
}

/// Returns true if a request accepts pages, as those of browsers do.
fn accepts_pages(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

/// Redirects to one of our pages, by GET.
pub(crate) fn redirect(path: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, path)]).into_response()
}
