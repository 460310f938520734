//! `/admin/switches`: pauses of generation and of the providers.

use askama::Template;
use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};
use postly_app::PauseTarget;
use postly_domain::AdminAction;
use serde::Deserialize;

use super::{
    AdminState, SWITCHES, Shell,
    act::{FormAct, act},
    page, say,
    session::{Operator, OwnForm},
};
use crate::{pages::moment::Moment, problem::Problem};

pub(super) fn router() -> Router<AdminState> {
    Router::new().route(SWITCHES, get(show).post(switch))
}

/// A part of the service that the operator can pause.
struct Switch {
    name: &'static str,
    meaning: &'static str,
    since: Option<Moment>,
}

#[derive(Template)]
#[template(path = "admin/switches.html")]
struct SwitchesPage {
    s: Shell,
    switches: Vec<Switch>,
}

async fn show(State(state): State<AdminState>, operator: Operator) -> Result<Response, Problem> {
    let pauses = state.app.admin.operator_pauses().await?;
    let switches = [
        (PauseTarget::Generation, "writing posts, on WhatsApp and on the web"),
        (PauseTarget::Meta, "messages through Meta, and briefs that arrive through it"),
        (PauseTarget::Twilio, "messages through Twilio, and briefs that arrive through it"),
    ];
    let switches = switches.map(|(target, meaning)| Switch {
        name: target.as_str(),
        meaning,
        since: pauses.of(target).map(Moment::new),
    });
    Ok(page(StatusCode::OK, &SwitchesPage { s: Shell::of(&operator, SWITCHES), switches: switches.into() }))
}

#[derive(Deserialize)]
struct SwitchForm {
    target: String,
    /// `pause` or `resume`.
    to: String,
    #[serde(default)]
    reason: String,
}

async fn switch(
    State(state): State<AdminState>,
    operator: Operator,
    OwnForm(form): OwnForm<SwitchForm>,
) -> Response {
    let (Some(target), pauses) = (PauseTarget::parse(&form.target), form.to == "pause") else {
        let text = "There is no such switch.";
        return say(StatusCode::BAD_REQUEST, Shell::of(&operator, ""), "Not done", text, SWITCHES);
    };
    let action = if pauses { AdminAction::Pause } else { AdminAction::Resume };
    let about = FormAct { action, subject: target.as_str(), note: form.reason.trim(), back: SWITCHES };
    let work = async {
        if pauses { state.app.pauses.pause(target).await } else { state.app.pauses.resume(target).await }
    };
    act(&state, &operator, &about, work).await
}
