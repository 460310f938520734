//! Extractors: the browser of a request, its session, and protection against requests from other sites.

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, Path, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use postly_app::{Browser, BrowserToken, LoggedIn};
use postly_domain::Language;
use serde::de::DeserializeOwned;

pub(crate) use crate::caller::{Caller, Reader, Session, end_sessions};
use crate::{
    caller::session,
    long_bodies::Crowded,
    problem::{Code, Problem},
    site::{AppState, Peer, Site},
};

/// The cookie that binds challenges to a browser.
const CHALLENGE: &str = "postly.challenge";
/// The number of cookies of that name that are read: one for each path and domain that ever set one.
const MAX_CHALLENGES: usize = 5;
/// The lifetime of the cookie, in seconds: longer than a code is valid, with time to request another.
const CHALLENGE_SECS: i64 = 3600;

/// The browser of a request, and its session, if there is one.
pub(crate) struct RequestContext {
    pub(crate) browser: Browser,
    pub(crate) session: Option<LoggedIn>,
}

impl FromRequestParts<AppState> for RequestContext {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.0);
        let mut known: Vec<BrowserToken> = vec![];
        for token in cookies(&parts.headers, CHALLENGE).filter_map(BrowserToken::parse) {
            if known.len() < MAX_CHALLENGES && !known.contains(&token) {
                known.push(token);
            }
        }
        let mut known = known.into_iter();
        let token = match known.next() {
            Some(token) => token,
            None => BrowserToken::fresh().map_err(|error| Problem::internal(&error))?,
        };
        let browser = Browser {
            token,
            others: known.collect(),
            address: state.site.visitor(peer, &parts.headers),
            label: label(&parts.headers),
            language: requested_language(&parts.headers),
        };
        Ok(Self { browser, session: session(state, &parts.headers).await? })
    }
}

impl RequestContext {
    /// Returns the `Set-Cookie` that stores the browser's secret.
    pub(crate) fn challenge_cookie(&self, site: &Site) -> HeaderValue {
        challenge_cookie(site, self.browser.token.as_str(), CHALLENGE_SECS)
    }

    /// Returns the `Set-Cookie` that removes the secret after use.
    pub(crate) fn no_challenge_cookie(site: &Site) -> HeaderValue {
        challenge_cookie(site, "", 0)
    }
}

fn challenge_cookie(site: &Site, value: &str, secs: i64) -> HeaderValue {
    let secure = if site.is_https() { "; Secure" } else { "" };
    let text = format!("{CHALLENGE}={value}; Path=/; Max-Age={secs}; HttpOnly; SameSite=Lax{secure}");
    // Cannot fail: base64 and digits are valid in a header.
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Returns the values of the cookies of this name, in the order of the request.
pub(crate) fn cookies<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter_map(move |(found, value)| (found == name).then_some(value))
}

/// Returns the language that a browser prefers among ours, or else French.
pub(crate) fn preferred_language(headers: &HeaderMap) -> Language {
    requested_language(headers).unwrap_or(Language::Fr)
}

/// Returns the language that a browser prefers among ours, if it names one of them.
fn requested_language(headers: &HeaderMap) -> Option<Language> {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let mut best = (None, 0.0);
    for range in accepted.unwrap_or_default().split(',') {
        let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
        let code = tag.trim().split('-').next().unwrap_or_default();
        let Some(language) = Language::from_code(code) else { continue };
        let weight = weight.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).unwrap_or(0.0);
        // At equal weight the first counts.
        if weight > best.1 {
            best = (Some(language), weight);
        }
    }
    best.0
}

/// Returns a short name of the browser, composed of known names. No text of the `User-Agent` is copied.
fn label(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let first = |names: &[(&'static str, &'static str)]| {
        names.iter().find(|(sign, _)| agent.contains(sign)).map(|(_, name)| *name)
    };
    // The order matters: the `User-Agent` of each also contains the names of later ones.
    let program = first(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = first(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "Mac"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ]);
    match (program, system) {
        (Some(program), Some(system)) => format!("{program} · {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "?".to_owned(),
    }
}

/// Refuses changes from other sites. A browser declares the origin of a request, and sends JSON across sites
/// only after a preflight, which the service never grants. For forms see [`Form`].
pub(crate) async fn reject_cross_site(
    State(state): State<AppState>,
    request: Request<Body>,
    next: Next,
) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let headers = request.headers();
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let is_foreign = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => !state.site.is_own_origin(origin),
        // Not a browser: it sends no cookie except those given to it.
        (None, None) => false,
    };
    if !reads && is_foreign {
        return Problem::new(Code::CrossSite).into_response();
    }
    match state.long_bodies.place(headers).await {
        Ok(_place) => next.run(request).await,
        Err(Crowded) => Problem::new(Code::Unavailable).into_response(),
    }
}

/// The `{id}` of a path. Any text that can be no id of ours or of a provider is not found.
pub(crate) struct PathId(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        /// Longer than any id of ours or of a provider.
        const LONGEST: usize = 256;
        let id = Path::<String>::from_request_parts(parts, state).await.map(|Path(id)| id).ok();
        let is_id = |id: &String| {
            (1..=LONGEST).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        };
        id.filter(is_id).map(Self).ok_or(Problem::new(Code::NotFound))
    }
}

/// The `cursor` of a list, if there is one.
pub(crate) struct Cursor(pub(crate) Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for Cursor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default().as_bytes();
        let mut found = form_urlencoded::parse(query).filter(|(name, _)| name == "cursor");
        match (found.next(), found.next()) {
            (None, _) => Ok(Self(None)),
            (Some((_, cursor)), None) if !cursor.contains('\0') => Ok(Self(Some(cursor.into_owned()))),
            (Some(_), _) => Err(Problem::new(Code::InvalidRequest)),
        }
    }
}

/// The body of a request, as JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<AppState> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, state: &AppState) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(Code::NotJson));
        }
        let bytes =
            Bytes::from_request(request, state).await.map_err(|rejection| unread(rejection.status()))?;
        // Serde would read an array as the fields in their order.
        let is_object = bytes.trim_ascii_start().starts_with(b"{");
        let body = if is_object { serde_json::from_slice(&bytes).ok() } else { None };
        body.map(Self).ok_or(Problem::new(Code::InvalidRequest))
    }
}

/// Returns true if `Content-Type` is JSON.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// The fields of a form from one of our pages. Other sites may send forms without a preflight, so a request
/// without an origin is refused. Every browser sends one, and [`reject_cross_site`] has checked it.
pub(crate) struct Form<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<AppState> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, state: &AppState) -> Result<Self, Problem> {
        let headers = request.headers();
        if !headers.contains_key("sec-fetch-site") && !headers.contains_key(header::ORIGIN) {
            return Err(Problem::new(Code::CrossSite));
        }
        match axum::Form::from_request(request, state).await {
            Ok(axum::Form(fields)) => Ok(Self(fields)),
            Err(rejection) => Err(unread(rejection.status())),
        }
    }
}

/// Returns the problem of a body that was not read: too long, or incomplete.
pub(crate) fn unread(status: StatusCode) -> Problem {
    Problem::new(match status {
        StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
        _ => Code::InvalidRequest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_speaks_the_language_that_its_reader_likes_best() {
        for (accepted, expected) in [
            ("", "fr"),
            ("de", "fr"),
            ("*", "fr"),
            ("en", "en"),
            ("ar-MA", "ar"),
            ("pt-BR,pt;q=0.9", "pt"),
            ("EN-gb, fr;q=0.9", "en"),
            ("de-DE, en;q=0.7, fr;q=0.3", "en"),
            ("fr-CA,fr;q=0.8,en-US;q=0.5,en;q=0.3", "fr"),
            ("fr;q=0.2, es;q=0.8", "es"),
            ("en;q=0", "fr"),
            ("en;q=nan, x;;;,,=", "fr"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, accepted.parse().unwrap());
            assert_eq!(preferred_language(&headers).code(), expected, "{accepted}");
        }
    }

    #[test]
    fn a_browser_is_named_in_short_and_by_us() {
        for (agent, expected) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
                "Firefox · Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1",
                "Safari · iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
                "Chrome · Android",
            ),
            ("*bold* <script> 🔐 123456", "?"),
            ("", "?"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::USER_AGENT, HeaderValue::from_bytes(agent.as_bytes()).unwrap());
            assert_eq!(label(&headers), expected, "{agent}");
        }
    }

    #[test]
    fn every_cookie_of_a_name_is_found() {
        let mut headers = HeaderMap::new();
        headers
            .append(header::COOKIE, HeaderValue::from_static("a=1; postly.challenge=x; postly.challenge=y"));
        headers.append(header::COOKIE, HeaderValue::from_static("b=2; postly.challenge=z"));
        let found = |name| cookies(&headers, name).collect::<Vec<_>>();
        assert_eq!(found(CHALLENGE), ["x", "y", "z"]);
        assert_eq!(found("b"), ["2"]);
        assert!(found("c").is_empty());
    }
}
