//! `/admin/handoffs`: conversations with an author who asks for a person.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use postly_app::{
    Admin, HandoffError,
    admin::{Act, Handoff, Line},
    answerable_until,
};
use postly_domain::AdminAction;
use serde::Deserialize;

use super::{
    AdminState, HANDOFFS, Shell,
    act::{FormAct, act, is_key},
    not_found, page,
    session::{Operator, OwnForm},
};
use crate::{extract::PathId, pages::moment::Moment, problem::Problem};

pub(super) fn router() -> Router<AdminState> {
    Router::new()
        .route(HANDOFFS, get(list))
        .route("/admin/handoffs/{id}", get(show))
        .route("/admin/handoffs/{id}/reply", post(reply))
        .route("/admin/handoffs/{id}/close", post(close))
}

/// An open handoff.
struct Request {
    id: String,
    author: String,
    provider: &'static str,
    opened_at: Moment,
    written_at: Moment,
    answerable_until: Moment,
    is_answerable: bool,
}

impl Request {
    fn of(state: &AdminState, handoff: &Handoff) -> Self {
        let until = answerable_until(handoff);
        Self {
            id: handoff.id.clone(),
            author: handoff.author.to_string(),
            provider: handoff.provider.as_str(),
            opened_at: Moment::new(handoff.opened_at),
            written_at: Moment::new(handoff.written_at),
            answerable_until: Moment::new(until),
            is_answerable: state.app.core.now() < until,
        }
    }
}

#[derive(Template)]
#[template(path = "admin/handoffs.html")]
struct ListPage {
    s: Shell,
    requests: Vec<Request>,
}

async fn list(State(state): State<AdminState>, operator: Operator) -> Result<Response, Problem> {
    let open = state.app.operator.handoffs().await?;
    let requests = open.iter().map(|handoff| Request::of(&state, handoff)).collect();
    Ok(page(StatusCode::OK, &ListPage { s: Shell::of(&operator, HANDOFFS), requests }))
}

#[derive(Template)]
#[template(path = "admin/handoff.html")]
struct ShowPage {
    s: Shell,
    r: Request,
    lines: Vec<Line>,
    /// The key of the reply form.
    key: String,
}

impl ShowPage {
    fn moment(&self, at: &postly_domain::UnixMillis) -> Moment {
        Moment::new(*at)
    }
}

async fn show(
    State(state): State<AdminState>,
    operator: Operator,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let Some(handoff) = state.app.operator.handoff(&id).await? else {
        return Ok(not_found(&operator, HANDOFFS));
    };
    let subject = handoff.author.as_str();
    let view = Act { operator: operator.name(), action: AdminAction::ViewHandoffs, subject, note: "" };
    state.app.admin.note_view(&view).await?;
    let shown = ShowPage {
        s: Shell::of(&operator, HANDOFFS),
        r: Request::of(&state, &handoff),
        lines: state.app.admin.conversation(&handoff.author).await?,
        key: Admin::admin_token().map_err(|error| Problem::internal(&error))?,
    };
    Ok(page(StatusCode::OK, &shown))
}

/// Returns the author of an open handoff for the audit log, or the id of the handoff if it is not open.
async fn author_of(state: &AdminState, id: &str) -> String {
    match state.app.operator.handoff(id).await {
        Ok(Some(handoff)) => handoff.author.to_string(),
        // The command itself reports a database failure.
        Ok(None) | Err(_) => id.to_owned(),
    }
}

#[derive(Deserialize)]
struct ReplyForm {
    text: String,
    key: String,
}

async fn reply(
    State(state): State<AdminState>,
    operator: Operator,
    PathId(id): PathId,
    OwnForm(form): OwnForm<ReplyForm>,
) -> Response {
    let back = format!("{HANDOFFS}/{id}");
    let author = author_of(&state, &id).await;
    let about = FormAct { action: AdminAction::AnswerHandoff, subject: &author, note: "", back: &back };
    let work = async {
        if is_key(&form.key) {
            state.app.operator.answer_handoff_once(&id, &form.text, &form.key).await
        } else {
            Err(HandoffError::Unknown)
        }
    };
    act(&state, &operator, &about, work).await
}

#[derive(Deserialize)]
struct CloseForm {}

async fn close(
    State(state): State<AdminState>,
    operator: Operator,
    PathId(id): PathId,
    OwnForm(CloseForm {}): OwnForm<CloseForm>,
) -> Response {
    let author = author_of(&state, &id).await;
    let about = FormAct { action: AdminAction::CloseHandoff, subject: &author, note: "", back: HANDOFFS };
    let work = async {
        if state.app.operator.close_handoff(&id).await? { Ok(()) } else { Err(HandoffError::Unknown) }
    };
    act(&state, &operator, &about, work).await
}
