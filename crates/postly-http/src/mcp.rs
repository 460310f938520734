//! `/mcp`: the tools of the Model Context Protocol, for agents that write posts for the author of a token. It
//! is Streamable HTTP without sessions and with JSON responses, so that a client does not notice a restart
//! (RULES 3.12).

mod tools;

use std::sync::Arc;

use axum::{
    Json as JsonBody, Router,
    body::{Body, Bytes},
    extract::{FromRequest as _, FromRequestParts, Request, State},
    http::{HeaderMap, StatusCode, header, request::Parts, uri::Authority},
    response::{IntoResponse, Response},
    routing::{any, post},
};
use http_body_util::Full;
use postly_domain::id::AuthorId;
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
};
use serde_json::json;
use url::Url;

use self::tools::Tools;
use crate::{
    MAX_JSON_BYTES,
    caller::Bearer,
    extract::{is_json, unread},
    problem::{Code, Problem, not_found},
    progress,
    site::{AppState, Site},
};

/// The path of the endpoint, below `PUBLIC_BASE_URL`.
pub(crate) const PATH: &str = "/mcp";

pub(crate) fn router() -> Router<AppState> {
    // A client that was refused looks for a login here. A page or a redirect instead of JSON would make it
    // fail with an obscure error.
    Router::new().route(PATH, post(serve)).route("/.well-known/{*path}", any(not_found))
}

/// The author of an agent, identified by the token of the request.
struct Agent(AuthorId);

impl FromRequestParts<AppState> for Agent {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        if !is_own_host(&state.site, parts) || !is_own_origin(&state.site, &parts.headers) {
            return Err(Problem::new(Code::CrossSite).into_response());
        }
        match Bearer::from_request_parts(parts, state).await {
            Ok(Bearer(token)) => Ok(Self(token.author)),
            Err(problem) if problem.code() == Code::Unauthenticated => {
                Err(([(header::WWW_AUTHENTICATE, "Bearer")], problem).into_response())
            }
            Err(problem) => Err(problem.into_response()),
        }
    }
}

/// Returns true if the request names the public host or this machine. The domain of another site that points
/// to this service is refused (DNS rebinding). A name of this machine cannot point elsewhere, and its pages
/// have another origin.
fn is_own_host(site: &Site, parts: &Parts) -> bool {
    let mut named = parts.headers.get_all(header::HOST).iter();
    let header = match (named.next(), named.next()) {
        (Some(only), None) => only.to_str().ok().and_then(|host| host.parse::<Authority>().ok()),
        (None, _) | (Some(_), Some(_)) => None,
    };
    let Some(authority) = parts.uri.authority().cloned().or(header) else { return false };
    // Normalize the host as browsers do: lower case, international hosts in Punycode.
    let host = Url::parse(&format!("http://{}/", authority.host())).ok();
    let host = host.as_ref().and_then(Url::host_str);
    let ours = Url::parse(&site.public_base_url).ok();
    host.is_some_and(|host| {
        matches!(host, "localhost" | "127.0.0.1" | "[::1]")
            || ours.as_ref().and_then(Url::host_str) == Some(host)
    })
}

/// Returns false if a browser sends the request from a page of another site.
fn is_own_origin(site: &Site, headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ORIGIN)
        .iter()
        .all(|origin| origin.to_str().is_ok_and(|origin| site.is_own_origin(origin)))
}

/// Handles one message of an agent.
async fn serve(State(state): State<AppState>, Agent(author): Agent, request: Request) -> Response {
    if !is_json(request.headers()) {
        return Problem::new(Code::NotJson).into_response();
    }
    let (parts, body) = request.into_parts();
    let request_id = progress::request_id(&parts.headers);
    let read = Bytes::from_request(Request::from_parts(parts.clone(), body), &state).await;
    let bytes = match read {
        Ok(bytes) => bytes,
        Err(rejection) => return unread(rejection.status()).into_response(),
    };
    let request = Request::from_parts(parts, Full::new(bytes));
    let tools = Tools { state, author, request_id };
    let service = StreamableHttpService::new(
        move || Ok(tools.clone()),
        Arc::new(NeverSessionManager::default()),
        // Host and origin are checked by [`Agent`], which refuses a foreign one in JSON.
        StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_max_request_body_bytes(MAX_JSON_BYTES)
            .disable_allowed_hosts(),
    );
    in_json(service.handle(request).await.map(Body::new))
}

/// Replaces the plain-text errors of the library with JSON.
fn in_json(response: Response) -> Response {
    let is_json = is_json(response.headers());
    match response.status() {
        StatusCode::NOT_ACCEPTABLE => error(
            StatusCode::NOT_ACCEPTABLE,
            -32600,
            "Accept must name application/json and text/event-stream.",
        ),
        StatusCode::UNSUPPORTED_MEDIA_TYPE if !is_json => {
            error(StatusCode::BAD_REQUEST, -32700, "The body is not one message of JSON-RPC 2.0.")
        }
        StatusCode::INTERNAL_SERVER_ERROR if !is_json => Problem::new(Code::Internal).into_response(),
        _ => response,
    }
}

/// Returns a JSON-RPC error without a request id.
fn error(status: StatusCode, code: i32, message: &str) -> Response {
    let body = json!({ "jsonrpc": "2.0", "id": null, "error": { "code": code, "message": message } });
    (status, JsonBody(body)).into_response()
}
