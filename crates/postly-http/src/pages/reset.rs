//! `/reset`: a new password, by the one-use link that the operator makes. The token is after the `#`; the
//! script of the pages moves it into the form.

use askama::Template;
use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};
use postly_app::AccountError;
use serde::Deserialize;

use super::{frame::Frame, page as answer, texts::Texts};
use crate::{
    extract::{Form, RequestContext},
    problem::Problem,
    site::AppState,
};

pub(super) fn router() -> Router<AppState> {
    Router::new().route("/reset", get(show).post(reset))
}

#[derive(Template)]
#[template(path = "reset.html")]
struct ResetPage<'a> {
    t: &'a Texts,
    f: Frame,
    /// The token that was sent with a refused password.
    token: String,
    error: &'a str,
    is_done: bool,
}

async fn show(visitor: RequestContext) -> Response {
    let t = Texts::of_visitor(&visitor);
    answer(
        StatusCode::OK,
        &ResetPage { t, f: Frame::of_nobody("/reset"), token: String::new(), error: "", is_done: false },
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResetForm {
    token: String,
    password: String,
}

async fn reset(
    State(state): State<AppState>,
    visitor: RequestContext,
    Form(form): Form<ResetForm>,
) -> Response {
    let t = Texts::of_visitor(&visitor);
    let ResetForm { token, password } = form;
    let page = |status, token, error, is_done| {
        answer(status, &ResetPage { t, f: Frame::of_nobody("/reset"), token, error, is_done })
    };
    match state.app.accounts.reset_password(&token, &password).await {
        Ok(()) => page(StatusCode::OK, String::new(), "", true),
        Err(AccountError::LinkSpent) => page(StatusCode::BAD_REQUEST, String::new(), &t.reset_spent, false),
        Err(error) => {
            let problem = Problem::from(error);
            page(problem.status(), token, t.problem(problem.code()), false)
        }
    }
}
