//! `/admin/stuck`: dead letters with their replay, and waiting work.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use postly_app::{admin::Stuck, operator::OperatorError};
use postly_domain::{AdminAction, UnixMillis};
use serde::Deserialize;

use super::{
    AdminState, STUCK, Shell,
    act::{FormAct, act},
    page, say,
    session::{Operator, OwnForm},
};
use crate::{pages::moment::Moment, problem::Problem};

pub(super) fn router() -> Router<AdminState> {
    Router::new().route(STUCK, get(show)).route("/admin/stuck/replay", post(replay))
}

#[derive(Template)]
#[template(path = "admin/stuck.html")]
struct StuckPage {
    s: Shell,
    found: Stuck,
}

impl StuckPage {
    fn moment(&self, at: &UnixMillis) -> Moment {
        Moment::new(*at)
    }
}

async fn show(State(state): State<AdminState>, operator: Operator) -> Result<Response, Problem> {
    let found = state.app.admin.stuck().await?;
    Ok(page(StatusCode::OK, &StuckPage { s: Shell::of(&operator, STUCK), found }))
}

#[derive(Deserialize)]
struct ReplayForm {
    /// The id of a dead letter; empty for all.
    #[serde(default)]
    id: String,
}

async fn replay(
    State(state): State<AdminState>,
    operator: Operator,
    OwnForm(form): OwnForm<ReplayForm>,
) -> Response {
    let id = form.id.trim();
    let is_id = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') && id.len() <= 64;
    if !is_id {
        let text = "This is no id of a dead letter.";
        return say(StatusCode::BAD_REQUEST, Shell::of(&operator, ""), "Not done", text, STUCK);
    }
    let id = (!id.is_empty()).then_some(id);
    let about = FormAct { action: AdminAction::Replay, subject: id.unwrap_or("all"), note: "", back: STUCK };
    let work = async {
        let done = state.app.operator.replay(id).await?;
        // No dead letter was replayed: its service window has closed, or the author has no credit.
        if done.replayed == 0 && done.skipped > 0 { Err(OperatorError::NotReplayable) } else { Ok(done) }
    };
    act(&state, &operator, &about, work).await
}
