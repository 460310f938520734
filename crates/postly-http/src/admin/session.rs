//! Extractors for the operator's session, and for forms sent from the operator's pages.

use std::net::SocketAddr;

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use postly_app::{
    Admin,
    admin::{AdminSession, SESSION_MS},
};
use postly_domain::OperatorName;
use serde::de::DeserializeOwned;

use super::{AdminState, LOGIN, Shell, redirect, say};
use crate::{
    extract::cookies,
    problem::Problem,
    site::{Peer, is_forwarded_https, visitor},
};

/// The cookie of the pages. Before the login it binds the login form to its browser.
const COOKIE: &str = "postly.admin";
/// The longest token that is accepted; ours have 43 characters.
const LONGEST_TOKEN: usize = 64;

/// A logged-in operator.
pub(super) struct Operator {
    pub(super) session: AdminSession,
    pub(super) token: String,
    pub(super) form_token: String,
}

impl Operator {
    pub(super) fn name(&self) -> &OperatorName {
        &self.session.operator
    }
}

impl FromRequestParts<AdminState> for Operator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AdminState) -> Result<Self, Response> {
        let Some(token) = token(&parts.headers) else { return Err(redirect(LOGIN)) };
        let access = &state.pages.access;
        let found = state.app.admin.admin_session(access, &token).await;
        match found.map_err(|error| Problem::from(error).into_response())? {
            Some(session) => Ok(Self { session, form_token: access.form_token(&token), token }),
            None => Err(redirect(LOGIN)),
        }
    }
}

/// A browser before the login.
pub(super) struct Visitor {
    pub(super) token: String,
    pub(super) form_token: String,
    /// The client address, for limits.
    pub(super) address: String,
    is_https: bool,
}

impl FromRequestParts<AdminState> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AdminState) -> Result<Self, Response> {
        let peer: Option<SocketAddr> = parts.extensions.get::<Peer>().map(|peer| peer.0);
        let proxies = &state.pages.trusted_proxies;
        let token = match token(&parts.headers) {
            Some(token) => token,
            None => Admin::admin_token().map_err(|error| Problem::internal(&error).into_response())?,
        };
        Ok(Self {
            form_token: state.pages.access.form_token(&token),
            token,
            address: visitor(proxies, peer, &parts.headers),
            is_https: is_forwarded_https(proxies, peer, &parts.headers),
        })
    }
}

impl Visitor {
    /// Returns the `Set-Cookie` for a token; an empty token removes the cookie.
    pub(super) fn cookie(&self, token: &str) -> HeaderValue {
        let secs = if token.is_empty() { 0 } else { SESSION_MS / 1_000 };
        let secure = if self.is_https { "; Secure" } else { "" };
        let text =
            format!("{COOKIE}={token}; Path=/admin; Max-Age={secs}; HttpOnly; SameSite=Strict{secure}");
        // Cannot fail: base64 and digits are valid in a header.
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

fn token(headers: &HeaderMap) -> Option<String> {
    let is_token = |value: &&str| {
        (1..=LONGEST_TOKEN).contains(&value.len())
            && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    cookies(headers, COOKIE).find(is_token).map(str::to_owned)
}

/// The fields of a form sent from one of our pages in this browser. Its headers must not name another origin,
/// and `form_token` must have the token of the browser's pages.
pub(super) struct OwnForm<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<AdminState> for OwnForm<T> {
    type Rejection = Response;

    async fn from_request(request: Request<Body>, state: &AdminState) -> Result<Self, Response> {
        let shell = || Shell { operator: None, form_token: String::new(), here: "" };
        let refused = || {
            let text = "This form does not come from a page that this browser has open. Open the page again and send it once more.";
            say(StatusCode::FORBIDDEN, shell(), "Not accepted", text, "/admin")
        };
        if is_foreign(request.headers()) {
            return Err(refused());
        }
        let Some(token) = token(request.headers()) else { return Err(refused()) };
        let body = axum::body::Bytes::from_request(request, state).await.map_err(|rejection| {
            say(
                rejection.status(),
                shell(),
                "Not read",
                "The form is too long, or did not arrive whole.",
                "/admin",
            )
        })?;
        let sent = form_urlencoded::parse(&body).find(|(name, _)| name == "form_token");
        if !sent.is_some_and(|(_, sent)| state.pages.access.is_form_token(&token, &sent)) {
            return Err(refused());
        }
        let fields = axum::Form::<T>::from_request(
            Request::builder()
                .method("POST")
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Body::from(body))
                .map_err(|error| Problem::internal(&error).into_response())?,
            state,
        );
        match fields.await {
            Ok(axum::Form(fields)) => Ok(Self(fields)),
            Err(_) => {
                let text = "A field of the form is missing or cannot be read.";
                Err(say(StatusCode::BAD_REQUEST, shell(), "Not read", text, "/admin"))
            }
        }
    }
}

/// Returns true if the headers of a form name another origin. The address of the pages is not configured, so
/// the origin is compared with the `Host` of the request.
fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_none_or(|host| text("host") != Some(host))
        }
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_from_elsewhere_is_told_by_its_headers() {
        let check = |lines: &[(&'static str, &'static str)], expected: bool| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, HeaderValue::from_static(value));
            }
            assert_eq!(is_foreign(&headers), expected, "{lines:?}");
        };
        check(&[], false);
        check(&[("sec-fetch-site", "same-origin"), ("origin", "http://elsewhere")], false);
        check(&[("sec-fetch-site", "cross-site")], true);
        check(&[("sec-fetch-site", "same-site")], true);
        check(&[("host", "127.0.0.1:9090"), ("origin", "http://127.0.0.1:9090")], false);
        check(&[("host", "127.0.0.1:9090"), ("origin", "http://127.0.0.1:8080")], true);
        check(&[("host", "127.0.0.1:9090"), ("origin", "null")], true);
    }
}
