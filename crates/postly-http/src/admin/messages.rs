//! `/admin/messages`: the timeline of one message.

use askama::Template;
use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};
use postly_app::admin::{Act, Delivery, StoredCall, StoredEvent, Timeline};
use postly_domain::{AdminAction, UnixMillis, id::AuthorId};
use serde::Deserialize;

use super::{
    AdminState, MESSAGES, Shell,
    glance::{dollars, duration},
    not_found, page, redirect,
    session::{Operator, OwnForm},
};
use crate::{extract::PathId, pages::moment::Moment, problem::Problem};

pub(super) fn router() -> Router<AdminState> {
    Router::new().route(MESSAGES, get(search).post(find)).route("/admin/messages/{id}", get(show))
}

#[derive(Template)]
#[template(path = "admin/messages.html")]
struct SearchPage {
    s: Shell,
    error: &'static str,
}

async fn search(operator: Operator) -> Response {
    page(StatusCode::OK, &SearchPage { s: Shell::of(&operator, MESSAGES), error: "" })
}

/// An id. Sent by POST, because provider ids contain phone numbers.
#[derive(Deserialize)]
struct SearchForm {
    id: String,
}

async fn find(
    State(state): State<AdminState>,
    operator: Operator,
    OwnForm(form): OwnForm<SearchForm>,
) -> Result<Response, Problem> {
    match state.app.admin.find_message(&form.id).await? {
        Some(id) => Ok(redirect(&format!("{MESSAGES}/{id}"))),
        None => {
            let error = "No message has this id. Raw events of providers are kept for a limited time only.";
            let shown = SearchPage { s: Shell::of(&operator, MESSAGES), error };
            Ok(page(StatusCode::NOT_FOUND, &shown))
        }
    }
}

/// A step of the timeline.
struct Step {
    at: UnixMillis,
    title: String,
    details: Vec<String>,
}

impl Step {
    fn new(at: UnixMillis, title: impl Into<String>, details: Vec<String>) -> Self {
        Self { at, title: title.into(), details }
    }

    fn moment(&self) -> Moment {
        Moment::new(self.at)
    }
}

#[derive(Template)]
#[template(path = "admin/timeline.html")]
struct TimelinePage {
    s: Shell,
    id: String,
    author: Option<String>,
    text: Option<String>,
    generation: Option<String>,
    steps: Vec<Step>,
    calls: usize,
    cost: String,
    own_share: Option<String>,
}

async fn show(
    State(state): State<AdminState>,
    operator: Operator,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let Some(found) = state.app.admin.timeline(&id).await? else { return Ok(not_found(&operator, MESSAGES)) };
    // Recorded under the author, so that the log of an author has the views of all their messages.
    let (subject, note) = (found.author().map_or(id.as_str(), AuthorId::as_str), format!("message {id}"));
    let view = Act { operator: operator.name(), action: AdminAction::ViewMessage, subject, note: &note };
    state.app.admin.note_view(&view).await?;
    let cost = found.calls.iter().filter_map(|call| call.price_microunits).sum();
    let end = found.event.as_ref().and_then(|event| Some(event.finished_at?.since_ms(event.received_at)));
    let shown = TimelinePage {
        s: Shell::of(&operator, MESSAGES),
        author: found.author().map(ToString::to_string),
        text: found.text.clone(),
        generation: found.generation.as_ref().map(|generation| generation.id.to_string()),
        steps: steps(&found),
        calls: found.calls.len(),
        cost: dollars(cost),
        own_share: end.map(duration),
        id,
    };
    Ok(page(StatusCode::OK, &shown))
}

/// Returns the steps of a message in order of time.
fn steps(found: &Timeline) -> Vec<Step> {
    let mut steps = vec![];
    if let Some(event) = &found.event {
        let lag = event.received_at.since_ms(event.occurred_at);
        let details = vec![
            format!("{} {} {}", event.provider, event.kind.as_str(), event.id),
            format!("written {} before, by the provider's clock", duration(lag)),
        ];
        steps.push(Step::new(event.received_at, "Webhook received and stored", details));
    }
    for (hold, _) in &found.holds {
        let details = vec![format!("hold {} of {} credit", hold.id, hold.amount)];
        steps.push(Step::new(hold.created_at, "Credit held", details));
    }
    steps.extend(found.calls.iter().map(call));
    for (hold, entries) in &found.holds {
        if let (Some(at), true) = (hold.closed_at, hold.state == "released") {
            steps.push(Step::new(at, "Hold released: nothing is charged", vec![]));
        }
        for entry in entries {
            let title = format!("{} {:+}", entry.reason, entry.delta);
            steps.push(Step::new(entry.created_at, title, entry.note.iter().cloned().collect()));
        }
    }
    if let Some(generation) = &found.generation {
        let details = vec![
            format!("generation {} for {} in {}", generation.id, generation.platform, generation.language),
            format!("written by {}, prompts {}", generation.writer, generation.prompt_version),
        ];
        steps.push(Step::new(generation.created_at, "Posts saved", details));
    }
    steps.extend(found.deliveries.iter().map(queued));
    steps.extend(found.event.as_ref().map(end));
    for delivery in &found.deliveries {
        sent(delivery, &mut steps);
    }
    // The sort is stable: steps of the same millisecond stay in this order.
    steps.sort_by_key(|step| step.at);
    steps
}

/// Returns the end of the event, or a step beside its arrival if it has not ended.
fn end(event: &StoredEvent) -> Step {
    let tries = format!("attempts: {}, round: {}", event.attempts, event.round);
    match event.finished_at {
        Some(at) => {
            let details = event.outcome.iter().cloned().chain([tries]).collect();
            Step::new(at, format!("Event ended: {}", event.state), details)
        }
        None => Step::new(event.received_at, "Event not ended yet", vec![tries]),
    }
}

fn call(call: &StoredCall) -> Step {
    let tokens = match (call.prompt_tokens, call.completion_tokens) {
        (Some(input), Some(output)) => format!("{input} tokens in, {output} out"),
        _ => "tokens not counted".to_owned(),
    };
    let price = call.price_microunits.map_or_else(|| "price not known".to_owned(), dollars);
    let request = call.request_id.as_ref().map(|id| format!("the server calls it {id}"));
    let details = std::iter::once(format!("{tokens}, {price}, {} ms", call.latency_ms)).chain(request);
    Step::new(
        call.created_at,
        format!("Model {} ({}): {}", call.model, call.stage, call.outcome),
        details.collect(),
    )
}

fn queued(delivery: &Delivery) -> Step {
    let message = &delivery.message;
    let details = vec![
        format!("message {} to {}", message.id, message.provider),
        format!("may leave until {}", Moment::new(message.expires_at).shown),
    ];
    Step::new(message.created_at, format!("Queued: {}", message.purpose), details)
}

fn sent(delivery: &Delivery, steps: &mut Vec<Step>) {
    let message = &delivery.message;
    for (attempt, ticks) in &delivery.attempts {
        let mut details = vec![format!("attempt {}", attempt.id)];
        if let Some(name) = &attempt.provider_message_id {
            details.push(format!("the provider calls it {name}"));
        }
        if let Some(code) = attempt.error_code {
            details.push(format!("error {code}"));
        }
        if let Some(category) = &attempt.price_category {
            let billed = match attempt.billable {
                Some(true) => "billed",
                Some(false) => "not billed",
                None => "billing not told",
            };
            details.push(format!("category {category}, {billed}"));
        }
        let known = attempt.status.as_deref().unwrap_or(&attempt.state);
        steps.push(Step::new(attempt.started_at, format!("Attempt to send: {known}"), details));
        for tick in ticks {
            let details = vec![format!("at {} by the provider's clock", Moment::new(tick.occurred_at).shown)];
            steps.push(Step::new(tick.received_at, format!("Status: {}", tick.status), details));
        }
    }
    if let (Some(at), Some(reason)) = (message.finished_at, &message.reason) {
        steps.push(Step::new(at, format!("Message {}: {reason}", message.state), vec![]));
    }
}
