//! `/api/events` and the progress of a generation: server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::{
    Router,
    extract::{FromRequestParts, State},
    http::{HeaderName, HeaderValue, header, request::Parts},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::get,
};
use futures_util::{Stream, stream};
use postly_app::{LiveEvent, LiveEvents};
use postly_domain::{
    event::DeliveryStatus,
    id::{AuthorId, GenerationId},
};
use serde::Serialize;
use tokio::time::Instant;

use crate::{
    extract::Caller,
    generations::GenerationBody,
    problem::{Code, Problem},
    site::AppState,
};

/// The interval of comments on a silent stream: below the 60 s after which proxies close a silent response,
/// and the 30 s after which mobile networks drop a silent connection. A comment also detects a disconnected
/// client.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The longest duration of a stream. The browser then opens a new one, and its cookie is checked again.
const MAX_STREAM: Duration = Duration::from_secs(3600);
/// The delay before a browser reopens an ended stream. Browsers spread it themselves.
const RETRY: Duration = Duration::from_secs(3);
/// The longest id of an event: ours have 36 characters.
const MAX_ID_BYTES: usize = 64;

pub(crate) fn router() -> Router<AppState> {
    Router::new().route("/api/events", get(watch))
}

/// Marks a response that is a live stream: its connection does not count toward the limit of connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LongStream;

/// The body of a `status` event: the new delivery status of the answer to a generation.
#[derive(Serialize)]
struct StatusBody<'a> {
    id: &'a str,
    delivery: &'static str,
}

#[derive(Serialize)]
struct BalanceBody {
    available: i64,
    held: i64,
}

/// Returns the name of a delivery status; `queued` for a message without one.
pub(crate) fn delivery_name(delivery: Option<DeliveryStatus>) -> &'static str {
    delivery.map_or("queued", DeliveryStatus::as_str)
}

/// The query of a stream.
pub(crate) struct WatchQuery {
    /// The newest generation that the client has; later ones are sent.
    after: Option<String>,
    /// The author that the client shows. If another author has logged in since in this browser, the request
    /// is refused.
    author: Option<String>,
}

impl FromRequestParts<AppState> for WatchQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Problem> {
        let mut read = Self { after: None, author: None };
        for (name, value) in form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            let place = match name.as_ref() {
                "after" => &mut read.after,
                "author" => &mut read.author,
                _ => continue,
            };
            if value.len() > MAX_ID_BYTES
                || value.contains('\0')
                || place.replace(value.into_owned()).is_some()
            {
                return Err(Problem::new(Code::InvalidRequest));
            }
        }
        // A reconnecting browser sends the id of the last event that it received, which is newer than the
        // address.
        let last = parts.headers.get("last-event-id").and_then(|id| id.to_str().ok());
        if let Some(last) = last.filter(|id| !id.is_empty() && id.len() <= MAX_ID_BYTES) {
            read.after = Some(last.to_owned());
        }
        Ok(read)
    }
}

/// Streams what changes for an author: new generations, deliveries of answers, the balance.
#[utoipa::path(
    get,
    path = "/api/events",
    tag = "posts",
    security(("token" = []), ("session" = [])),
    params(("after" = Option<String>, Query, description = "The newest generation that the client has: those above it are sent"), ("author" = Option<String>, Query, description = "The author that the client shows; another one is refused"), ("Last-Event-ID" = Option<String>, Header, description = "As `after`, sent by browsers that reconnect")),
    responses(
        (status = 200, description = "Server-sent events: `generation` (a generation), `status` (`{\"id\",\"delivery\"}`: queued, accepted, sent, delivered, read or failed) and `balance` (`{\"available\",\"held\"}`). A comment every 15 s; the stream ends after an hour, and with its session or token.", body = String, content_type = "text/event-stream"),
        (status = 403, description = "`author` is another author: `forbidden`."),
    ),
)]
pub(crate) async fn watch(
    State(state): State<AppState>,
    Caller { author, credential }: Caller,
    WatchQuery { after, author: shown }: WatchQuery,
) -> Result<Response, Problem> {
    if shown.is_some_and(|shown| shown != author.as_str()) {
        return Err(Problem::new(Code::Forbidden));
    }
    let events = state.app.streams.watch(&author, credential, after).map_err(|_| Problem::busy())?;
    let until = Instant::now() + MAX_STREAM;
    let first = Event::default().retry(RETRY).comment("");
    let rest = stream::unfold((state, author, events), move |(state, author, mut events)| async move {
        let event = next_event(&state, &author, &mut events, until).await?;
        Some((Ok(event), (state, author, events)))
    });
    let events = futures_util::StreamExt::chain(stream::iter([Ok(first)]), rest);
    let mut response = answer(events);
    response.extensions_mut().insert(LongStream);
    Ok(response)
}

/// Returns the next event of a stream; `None` ends the stream.
async fn next_event(
    state: &AppState,
    author: &AuthorId,
    events: &mut LiveEvents,
    until: Instant,
) -> Option<Event> {
    loop {
        let change = tokio::time::timeout_at(until, events.recv()).await.ok()??;
        let event = match change {
            LiveEvent::Balance { available, held } => event("balance", &BalanceBody { available, held }),
            LiveEvent::Status(id, delivery) => {
                event("status", &StatusBody { id: id.as_str(), delivery: delivery_name(delivery) })
            }
            LiveEvent::Generation(id) => match generation(state, author, &id).await {
                Some(body) => event("generation", &body).id(id.as_str()),
                None => continue,
            },
        };
        return Some(event);
    }
}

/// Returns the generation of an event. `None` if a refund has hidden it meanwhile or the database does not
/// respond: the client finds it when it reads the list.
async fn generation(state: &AppState, author: &AuthorId, id: &GenerationId) -> Option<GenerationBody> {
    match state.app.web.generation(author, id).await {
        Ok(found) => found.map(GenerationBody::from),
        Err(error) => {
            tracing::debug!(%error, "Could not read a generation for a live stream");
            None
        }
    }
}

/// Returns a response of events, with a comment after each silent interval.
pub(crate) fn answer(events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    // Buffering proxies would delay the events.
    const BUFFERING: (HeaderName, HeaderValue) =
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    let stream = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    ([BUFFERING, (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], stream).into_response()
}

/// Makes an event with a JSON body.
pub(crate) fn event(name: &'static str, body: &impl Serialize) -> Event {
    Event::default().event(name).json_data(body).unwrap_or_else(|error| {
        tracing::error!(%error, "An event cannot be written as JSON");
        Event::default().event(name).data("{}")
    })
}
