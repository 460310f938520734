//! The steps of `POST /api/generations` as server-sent events.

use axum::{
    http::{HeaderMap, header},
    response::{Response, sse::Event},
};
use futures_util::{StreamExt as _, stream};
use postly_app::{Progress, WebBrief};
use postly_domain::id::AuthorId;
use serde::Serialize;

use crate::{
    events,
    generations::{CreatedBody, created},
    problem::{Code, Problem},
    site::AppState,
};

/// Returns true if the client prefers events to JSON.
pub(crate) fn accepts_events(headers: &HeaderMap) -> bool {
    let accepted =
        headers.get(header::ACCEPT).and_then(|accepted| accepted.to_str().ok()).unwrap_or_default();
    let first = accepted.split([',', ';']).next().unwrap_or_default();
    first.trim().eq_ignore_ascii_case("text/event-stream")
}

/// Returns the id of the request, as written to the logs.
pub(crate) fn request_id(headers: &HeaderMap) -> String {
    headers.get(crate::REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned()
}

/// A step of a streamed request.
enum Step {
    Progress(Progress),
    Ended(Box<Result<CreatedBody, Problem>>),
}

/// The steps of one request that may wait for the client: all of them.
const MAX_STEPS: usize = 4;

/// Responds with the steps of a request as events: `accepted`, `writing`, then `done` or `failed`. A request
/// that is refused is answered with its problem.
pub(crate) async fn stream_progress(
    state: AppState,
    author: AuthorId,
    key: String,
    brief: WebBrief,
    request_id: String,
) -> Result<Response, Problem> {
    let (steps, mut received) = tokio::sync::mpsc::channel(MAX_STEPS);
    tokio::spawn(async move {
        // Do not stop if the client disconnects: a retry with the same key returns the result.
        let report = |progress| drop(steps.try_send(Step::Progress(progress)));
        let written = state.app.web.generate_with_progress(&author, &key, &brief, report).await;
        let ended = created(&state, &author, written).await;
        let _ = steps.send(Step::Ended(Box::new(ended))).await;
    });
    let first = match received.recv().await {
        Some(Step::Ended(ended)) if ended.is_err() => return Err(ended.err().unwrap_or_else(Problem::busy)),
        Some(first) => first,
        None => return Err(Problem::new(Code::Internal)),
    };
    let steps = stream::unfold((Some(first), received), |(first, mut received)| async move {
        let step = match first {
            Some(first) => first,
            None => received.recv().await?,
        };
        Some((step, (None, received)))
    });
    Ok(events::answer(steps.map(move |step| Ok(step.event(&request_id)))))
}

impl Step {
    fn event(&self, request_id: &str) -> Event {
        match self {
            Self::Progress(Progress::Accepted) => events::event("accepted", &NoFields {}),
            Self::Progress(Progress::Writing) => events::event("writing", &NoFields {}),
            Self::Ended(ended) => match ended.as_ref() {
                Ok(created) => events::event("done", created),
                Err(problem) => events::event("failed", &problem.body(request_id)),
            },
        }
    }
}

#[derive(Serialize)]
struct NoFields {}
