//! `/api/whatsapp/webhook`: the webhook of both providers, told apart by their signatures.

use std::time::Instant;

use axum::{
    Router,
    body::Body,
    extract::{RawQuery, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use http_body_util::LengthLimitError;
use postly_app::{App, IngestError, WebhookRequest};
use postly_domain::{Provider, TRACE, metric};

use crate::long_bodies::{LongBodies, announced};

/// The longest body that is read. Meta sends at most 3 MB; RULES 3.1 sets 4 MiB.
pub(crate) const MAX_BODY_BYTES: usize = 4_194_304;

/// The response body for Twilio, which logs an empty response without a content type as an error (11200,
/// 12300).
const EMPTY_TWIML: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Response/>"#;

/// The state of the webhook handlers.
#[derive(Clone)]
struct WebhookState {
    app: App,
    long_bodies: LongBodies,
}

pub(crate) fn router(app: App, long_bodies: LongBodies) -> Router {
    let porter = WebhookState { app, long_bodies };
    Router::new().route("/api/whatsapp/webhook", get(handshake).post(receive)).with_state(porter)
}

/// Answers Meta's handshake with exactly its challenge, as plain text because the challenge is untrusted.
async fn handshake(State(porter): State<WebhookState>, RawQuery(query): RawQuery) -> Response {
    match porter.app.ingress.handshake(query.as_deref().unwrap_or_default()) {
        Some(challenge) => ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], challenge).into_response(),
        None => StatusCode::FORBIDDEN.into_response(),
    }
}

/// Responds with 200 only after the events of a webhook are stored. Refusals have an empty body.
#[tracing::instrument(
    target = TRACE,
    name = "webhook",
    skip_all,
    fields(otel.kind = "server", provider, outcome, status),
)]
async fn receive(State(porter): State<WebhookState>, request: Request) -> Response {
    let begun = Instant::now();
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let claimed = WebhookRequest { target: &target, headers: &head.headers, body: b"" }.claimed_provider();
    let claimed = claimed.map_or("none", Provider::as_str);
    let count = |status: StatusCode, outcome: &'static str| {
        let span = tracing::Span::current();
        span.record("provider", claimed)
            .record("outcome", outcome)
            .record("status", i64::from(status.as_u16()));
        let labels = [("provider", claimed), ("outcome", outcome)];
        metrics::counter!(metric::WEBHOOK_REQUESTS, &labels).increment(1);
        metrics::histogram!(metric::WEBHOOK_ACK_SECONDS, "provider" => claimed).record(begun.elapsed());
        status
    };
    if let Some(refusal) = unsupported(&head.headers) {
        return count(refusal, "refused").into_response();
    }
    let Ok(_place) = porter.long_bodies.place(&head.headers).await else {
        return count(StatusCode::SERVICE_UNAVAILABLE, "crowded").into_response();
    };
    let body = match read(&head.headers, body).await {
        Ok(body) => body,
        Err(status) => {
            let outcome = if status == StatusCode::PAYLOAD_TOO_LARGE { "too_large" } else { "incomplete" };
            return count(status, outcome).into_response();
        }
    };
    match porter
        .app
        .ingress
        .ingest(WebhookRequest { target: &target, headers: &head.headers, body: &body })
        .await
    {
        Ok(provider) => {
            count(StatusCode::OK, "ok");
            match provider {
                Provider::Meta => StatusCode::OK.into_response(),
                Provider::Twilio => ([(header::CONTENT_TYPE, "text/xml")], EMPTY_TWIML).into_response(),
            }
        }
        Err(IngestError::NotAuthentic(reason)) => {
            tracing::info!(%reason, "Refused a webhook: {reason}");
            count(StatusCode::UNAUTHORIZED, "bad_sig").into_response()
        }
        Err(error @ (IngestError::NotStored(_) | IngestError::TooSlow)) => {
            tracing::info!(%error, source = std::error::Error::source(&error), "Could not store a webhook");
            count(StatusCode::SERVICE_UNAVAILABLE, "unavailable").into_response()
        }
    }
}

/// Refuses a body that was transformed on its way, because signatures cover the original bytes, and a content
/// type that no provider sends.
fn unsupported(headers: &HeaderMap) -> Option<StatusCode> {
    let is = |value: &HeaderValue, expected: &str| {
        value.to_str().is_ok_and(|text| {
            text.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(expected))
        })
    };
    let encoded = headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| !is(encoding, "identity"));
    let foreign = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| !is(kind, "application/json") && !is(kind, "application/x-www-form-urlencoded"));
    (encoded || foreign).then_some(StatusCode::UNSUPPORTED_MEDIA_TYPE)
}

/// Reads a body up to the limit. A body that announces more is not read at all.
pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<axum::body::Bytes, StatusCode> {
    if announced(headers).is_some_and(|length| length > MAX_BODY_BYTES) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    axum::body::to_bytes(body, MAX_BODY_BYTES).await.map_err(|error| {
        let too_long =
            std::error::Error::source(&error).is_some_and(<dyn std::error::Error>::is::<LengthLimitError>);
        // Otherwise the client paused for too long or disconnected.
        if too_long { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::REQUEST_TIMEOUT }
    })
}
