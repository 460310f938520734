//! `/login` and `/signup`.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
    routing::{get, post},
};
use postly_app::{AccountError, Profile, SessionCookie};
use serde::Deserialize;

use super::{
    landing::DASHBOARD,
    page as answer, redirect,
    steps::{ACCOUNT, LOGIN, PageContext, Steps},
    texts::Texts,
};
use crate::{
    auth::with_session,
    extract::{Form, RequestContext},
    site::AppState,
};

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route(LOGIN, get(show))
        .route("/login/password", post(log_in))
        .route("/signup", get(show_sign_up).post(sign_up))
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    t: &'a Texts,
    s: Steps,
    logged_in: bool,
}

#[derive(Template)]
#[template(path = "signup.html")]
struct SignUpPage<'a> {
    t: &'a Texts,
    s: Steps,
    logged_in: bool,
}

impl LoginPage<'_> {
    /// Whether the password is one to be chosen.
    fn is_new(&self) -> bool {
        false
    }
}

impl SignUpPage<'_> {
    /// Whether the password is one to be chosen.
    fn is_new(&self) -> bool {
        true
    }
}

pub(super) fn page(t: &Texts, status: StatusCode, s: Steps, logged_in: bool) -> Response {
    answer(status, &LoginPage { t, s, logged_in })
}

/// Whoever is logged in already is not sent on: what stands behind the `#` may be a link to another session.
async fn show(visitor: RequestContext, headers: HeaderMap) -> Response {
    page(Texts::of(&headers), StatusCode::OK, Steps::at(LOGIN), visitor.session.is_some())
}

async fn show_sign_up(visitor: RequestContext, headers: HeaderMap) -> Response {
    let (s, logged_in) = (Steps::at(LOGIN), visitor.session.is_some());
    answer(StatusCode::OK, &SignUpPage { t: Texts::of(&headers), s, logged_in })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    email: String,
    password: String,
}

async fn log_in(
    State(state): State<AppState>,
    PageContext { visitor, t, .. }: PageContext,
    headers: HeaderMap,
    Form(form): Form<Credentials>,
) -> Response {
    let opened = state.app.log_in_by_password(&form.email, &form.password, None, &visitor.browser).await;
    entered(&state, &headers, t, DASHBOARD, form.email, opened, |status, s| {
        answer(status, &LoginPage { t, s, logged_in: false })
    })
}

async fn sign_up(
    State(state): State<AppState>,
    PageContext { visitor, t, .. }: PageContext,
    headers: HeaderMap,
    Form(form): Form<Credentials>,
) -> Response {
    let opened = state.app.sign_up(&form.email, &form.password, None, &visitor.browser).await;
    // A new account has a number to link.
    entered(&state, &headers, t, ACCOUNT, form.email, opened, |status, s| {
        answer(status, &SignUpPage { t, s, logged_in: false })
    })
}

/// To the target; else what is said beside the form, with the address as it was typed.
fn entered(
    state: &AppState,
    headers: &HeaderMap,
    t: &'static Texts,
    target: &'static str,
    email: String,
    opened: Result<(SessionCookie, Profile), AccountError>,
    again: impl FnOnce(StatusCode, Steps) -> Response,
) -> Response {
    match opened {
        Ok((cookie, _)) => with_session(&state.site, headers, &cookie, redirect(target)),
        Err(error) => {
            let mut steps = Steps::at(LOGIN);
            steps.email = email;
            let status = steps.say("password", t, &error.into());
            again(status, steps)
        }
    }
}
