//! The latest requests in both directions, as the phone page shows them.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::config::Upstream;
use crate::deliver::Delivery;
use crate::journal::{JournalEntry, Outcome};
use crate::world::World;

/// The number of lines on the page, and of deliveries that are kept for it.
const LINES: usize = 60;

/// A delivery of a webhook to the service.
#[derive(Clone, Debug)]
struct Delivered {
    at_ms: i64,
    path: String,
    status: u16,
}

/// The latest deliveries.
#[derive(Default)]
pub(crate) struct Deliveries(VecDeque<Delivered>);

impl Deliveries {
    pub(crate) fn record(&mut self, at_ms: i64, path: &str, delivery: &Delivery) {
        if self.0.len() >= LINES {
            self.0.pop_front();
        }
        // The query of a status callback names one message; the path is enough for a reader.
        let path = path.split('?').next().unwrap_or_default().to_owned();
        self.0.push_back(Delivered { at_ms, path, status: delivery.status });
    }
}

/// Returns the latest lines, newest first: the time, the direction (`in` towards the service), the request,
/// the answer, and the fault that was played.
pub(crate) fn lines(world: &World) -> Vec<Value> {
    let mut lines: Vec<(i64, Value)> = world.journal.latest(LINES).iter().map(from_service).collect();
    let state = world.state();
    lines.extend(state.deliveries.0.iter().map(to_service));
    drop(state);
    lines.sort_by_key(|(at_ms, _)| std::cmp::Reverse(*at_ms));
    lines.into_iter().take(LINES).map(|(_, line)| line).collect()
}

fn from_service(entry: &JournalEntry) -> (i64, Value) {
    let server = match entry.upstream {
        Upstream::Meta => "Meta",
        Upstream::Twilio => "Twilio",
        Upstream::Model => "modèle",
        Upstream::Stripe => "Stripe",
    };
    let answer = match &entry.outcome {
        Outcome::Pending => "en attente".to_owned(),
        Outcome::Accepted { .. } => "accepté".to_owned(),
        Outcome::Answered { status } => status.to_string(),
        Outcome::Refused { status, code: None } => status.to_string(),
        Outcome::Refused { status, code: Some(code) } => format!("{status} · {code}"),
        Outcome::Dropped => "connexion coupée".to_owned(),
    };
    let path = entry.path.split('?').next().unwrap_or_default();
    let line = json!({
        "at_ms": entry.at_ms,
        "direction": "out",
        "request": format!("{server} · {} {path}", entry.method),
        "answer": answer,
        "fault": entry.fault,
    });
    (entry.at_ms, line)
}

fn to_service(delivered: &Delivered) -> (i64, Value) {
    let answer =
        if delivered.status == 0 { "sans réponse".to_owned() } else { delivered.status.to_string() };
    let line = json!({
        "at_ms": delivered.at_ms,
        "direction": "in",
        "request": format!("POST {}", delivered.path),
        "answer": answer,
        "fault": null,
    });
    (delivered.at_ms, line)
}
