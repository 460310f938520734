//! `/admin/authors`: the search for an author, the author's page, and its forms.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use postly_app::{
    Admin,
    admin::{Act, AuthorPage, PaymentLine},
    operator::{Adjustment, AuthorSelector, OperatorError},
};
use postly_domain::{
    AdminAction,
    id::{AuthorId, GenerationId},
};
use serde::Deserialize;

use super::{
    AUTHORS, AdminState, Shell,
    act::{FormAct, act, is_key},
    not_found, page,
    payments::{shown, state_of},
    redirect, say,
    session::{Operator, OwnForm},
};
use crate::{
    extract::{Cursor, PathId},
    pages::moment::Moment,
    problem::Problem,
};

pub(super) fn router() -> Router<AdminState> {
    Router::new()
        .route(AUTHORS, get(search).post(find))
        .route("/admin/authors/{id}", get(show))
        .route("/admin/authors/{id}/adjust", post(adjust))
        .route("/admin/authors/{id}/block", post(block))
        .route("/admin/authors/{id}/unblock", post(unblock))
        .route("/admin/generations/{id}/refund", post(refund))
}

#[derive(Template)]
#[template(path = "admin/authors.html")]
struct SearchPage {
    s: Shell,
    error: String,
}

async fn search(operator: Operator) -> Response {
    page(StatusCode::OK, &SearchPage { s: Shell::of(&operator, AUTHORS), error: String::new() })
}

/// The text of a search. Sent by POST, so that no phone number is in an address.
#[derive(Deserialize)]
struct SearchForm {
    who: String,
}

async fn find(
    State(state): State<AdminState>,
    operator: Operator,
    OwnForm(form): OwnForm<SearchForm>,
) -> Result<Response, Problem> {
    let failed =
        |status, error: String| Ok(page(status, &SearchPage { s: Shell::of(&operator, AUTHORS), error }));
    let who = match state.app.admin.author_named(&form.who) {
        Ok(who) => who,
        Err(error) => return failed(StatusCode::BAD_REQUEST, format!("Not found: {error}.")),
    };
    match state.app.people.account(&who).await {
        Ok(found) => Ok(redirect(&format!("{AUTHORS}/{}", found.author.id))),
        Err(OperatorError::UnknownAuthor) => {
            failed(StatusCode::NOT_FOUND, "No author has this id, number or e-mail address.".to_owned())
        }
        Err(error) => Err(Problem::internal(&error)),
    }
}

#[derive(Template)]
#[template(path = "admin/author.html")]
struct ShowPage {
    s: Shell,
    a: AuthorPage,
    /// The key of the credit adjustment form.
    key: String,
    is_blocked: bool,
    blocked_at: Option<Moment>,
    created_at: Moment,
}

impl ShowPage {
    fn moment(&self, at: &postly_domain::UnixMillis) -> Moment {
        Moment::new(*at)
    }

    fn paid(&self, line: &PaymentLine) -> String {
        shown(&line.paid)
    }

    fn state(&self, line: &PaymentLine) -> String {
        state_of(line)
    }

    fn signed(&self, delta: &i64) -> String {
        format!("{delta:+}")
    }
}

async fn show(
    State(state): State<AdminState>,
    operator: Operator,
    PathId(id): PathId,
    Cursor(cursor): Cursor,
) -> Result<Response, Problem> {
    let who = AuthorSelector::Id(AuthorId::new(id));
    let found = match state.app.admin.author_page(&who, cursor.as_deref()).await {
        Ok(found) => found,
        Err(OperatorError::UnknownAuthor) => return Ok(not_found(&operator, AUTHORS)),
        Err(error) => return Err(Problem::internal(&error)),
    };
    let subject = found.details.author.id.as_str();
    let view = Act { operator: operator.name(), action: AdminAction::ViewAuthor, subject, note: "" };
    state.app.admin.note_view(&view).await?;
    let blocked_at = found.details.author.blocked_at;
    let shown = ShowPage {
        s: Shell::of(&operator, AUTHORS),
        key: Admin::admin_token().map_err(|error| Problem::internal(&error))?,
        is_blocked: blocked_at.is_some(),
        blocked_at: blocked_at.map(Moment::new),
        created_at: Moment::new(found.details.author.created_at),
        a: found,
    };
    Ok(page(StatusCode::OK, &shown))
}

#[derive(Deserialize)]
struct AdjustForm {
    direction: String,
    amount: String,
    reason: String,
    key: String,
}

async fn adjust(
    State(state): State<AdminState>,
    operator: Operator,
    PathId(id): PathId,
    OwnForm(form): OwnForm<AdjustForm>,
) -> Response {
    let back = format!("{AUTHORS}/{id}");
    let amount = form.amount.trim().parse::<i64>().ok().filter(|amount| *amount > 0);
    let delta = match (form.direction.as_str(), amount) {
        ("grant", Some(amount)) => amount,
        ("deduct", Some(amount)) => -amount,
        _ => 0,
    };
    let note = form.reason.trim();
    if note.is_empty() || !is_key(&form.key) {
        return no_reason(&operator, &back);
    }
    let made_by = Some(operator.name().as_str());
    let adjustment = Adjustment { delta, note, made_by, key: Some(&form.key) };
    let who = AuthorSelector::Id(AuthorId::new(id.clone()));
    let recorded = format!("{delta:+}: {note}");
    let form = FormAct { action: AdminAction::Adjust, subject: &id, note: &recorded, back: &back };
    act(&state, &operator, &form, state.app.operator.adjust_once(&who, &adjustment)).await
}

#[derive(Deserialize)]
struct BlockForm {
    #[serde(default)]
    reason: String,
}

async fn block(
    State(state): State<AdminState>,
    operator: Operator,
    PathId(id): PathId,
    OwnForm(form): OwnForm<BlockForm>,
) -> Response {
    set_blocked(&state, &operator, &id, &form.reason, true).await
}

async fn unblock(
    State(state): State<AdminState>,
    operator: Operator,
    PathId(id): PathId,
    OwnForm(form): OwnForm<BlockForm>,
) -> Response {
    set_blocked(&state, &operator, &id, &form.reason, false).await
}

async fn set_blocked(
    state: &AdminState,
    operator: &Operator,
    id: &str,
    reason: &str,
    is_blocked: bool,
) -> Response {
    let back = format!("{AUTHORS}/{id}");
    let action = if is_blocked { AdminAction::Block } else { AdminAction::Unblock };
    let who = AuthorSelector::Id(AuthorId::new(id.to_owned()));
    let form = FormAct { action, subject: id, note: reason.trim(), back: &back };
    act(state, operator, &form, state.app.operator.set_blocked(&who, is_blocked)).await
}

#[derive(Deserialize)]
struct RefundForm {
    reason: String,
}

async fn refund(
    State(state): State<AdminState>,
    operator: Operator,
    PathId(id): PathId,
    OwnForm(form): OwnForm<RefundForm>,
) -> Result<Response, Problem> {
    let generation = GenerationId::new(id);
    let Some(author) = state.app.admin.author_of_generation(&generation).await? else {
        return Ok(not_found(&operator, AUTHORS));
    };
    let back = format!("{AUTHORS}/{author}");
    let reason = form.reason.trim();
    if reason.is_empty() {
        return Ok(no_reason(&operator, &back));
    }
    let note = format!("generation {generation}: {reason}");
    let form = FormAct { action: AdminAction::Refund, subject: author.as_str(), note: &note, back: &back };
    let name = operator.name().as_str();
    Ok(act(&state, &operator, &form, state.app.deliveries.refund_generation(&generation, reason, name)).await)
}

fn no_reason(operator: &Operator, back: &str) -> Response {
    let text = "Write the reason: it stands in the statement of the author.";
    say(StatusCode::UNPROCESSABLE_ENTITY, Shell::of(operator, ""), "Not done", text, back)
}
