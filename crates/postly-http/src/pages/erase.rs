//! `/account/erase`: erasure of the account, in two steps.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;

use super::{
    frame::Frame,
    page as answer, redirect,
    steps::{ACCOUNT, LOGIN, PageContext},
    texts::Texts,
};
use crate::{auth::gone, extract::Form, problem::Problem, site::AppState};

pub(super) fn router() -> Router<AppState> {
    Router::new().route("/account/erase", get(ask_erase).post(erase))
}

#[derive(Template)]
#[template(path = "erase.html")]
struct ErasePage<'a> {
    t: &'a Texts,
    f: Frame,
    error: &'a str,
    done: bool,
}

async fn ask_erase(here: PageContext) -> Response {
    let f = Frame::of(&here.visitor, ACCOUNT);
    answer(StatusCode::OK, &ErasePage { t: here.t, f, error: "", done: false })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EraseForm {
    /// The confirmation box; absent if it is not ticked.
    sure: Option<String>,
}

async fn erase(
    State(state): State<AppState>,
    here: PageContext,
    headers: HeaderMap,
    Form(form): Form<EraseForm>,
) -> Result<Response, Problem> {
    let Some(own) = &here.visitor.session else { return Ok(redirect(LOGIN)) };
    let t = here.t;
    if form.sure.is_none() {
        let f = Frame::of(&here.visitor, ACCOUNT);
        let asked_again = ErasePage { t, f, error: &t.erase_unsure, done: false };
        return Ok(answer(StatusCode::BAD_REQUEST, &asked_again));
    }
    state.app.erasure.erase(&own.session.author).await?;
    let done = answer(StatusCode::OK, &ErasePage { t, f: Frame::of_nobody(LOGIN), error: "", done: true });
    Ok((gone(&state.site, &headers), done).into_response())
}
