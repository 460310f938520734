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
    frame::Frame,
    landing::DASHBOARD,
    page as answer, redirect,
    steps::{LOGIN, PageContext, Steps},
    texts::Texts,
};
use crate::{
    auth::with_session,
    extract::{Form, RequestContext},
    site::AppState,
};

/// The target after a sign-up: the account page, at the forms that link a number.
const SIGNED_UP: &str = "/account?done=signup#number-ways";

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
    f: Frame,
    s: Steps,
    logged_in: bool,
}

#[derive(Template)]
#[template(path = "signup.html")]
struct SignUpPage<'a> {
    t: &'a Texts,
    f: Frame,
    s: Steps,
    logged_in: bool,
}

impl LoginPage<'_> {
    /// True if the password is a new one.
    fn is_new(&self) -> bool {
        false
    }
}

impl SignUpPage<'_> {
    /// True if the password is a new one.
    fn is_new(&self) -> bool {
        true
    }
}

pub(super) fn page(t: &Texts, status: StatusCode, s: Steps) -> Response {
    answer(status, &LoginPage { t, f: Frame::of_nobody(LOGIN), s, logged_in: false })
}

/// Responds with the login page. A logged-in author is not redirected, because the part of the address after
/// `#` may contain the token of a login link.
async fn show(State(state): State<AppState>, visitor: RequestContext) -> Response {
    let (s, f) = (Steps::new(&state, LOGIN), Frame::of(&visitor, LOGIN));
    let logged_in = visitor.session.is_some();
    answer(StatusCode::OK, &LoginPage { t: Texts::of_visitor(&visitor), f, s, logged_in })
}

async fn show_sign_up(State(state): State<AppState>, visitor: RequestContext) -> Response {
    let (s, f) = (Steps::new(&state, LOGIN), Frame::of(&visitor, LOGIN));
    let logged_in = visitor.session.is_some();
    answer(StatusCode::OK, &SignUpPage { t: Texts::of_visitor(&visitor), f, s, logged_in })
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
    let opened =
        state.app.accounts.log_in_by_password(&form.email, &form.password, None, &visitor.browser).await;
    entered(&state, &headers, t, DASHBOARD, form.email, opened, |status, s| page(t, status, s))
}

async fn sign_up(
    State(state): State<AppState>,
    PageContext { visitor, t, .. }: PageContext,
    headers: HeaderMap,
    Form(form): Form<Credentials>,
) -> Response {
    let opened = state.app.accounts.sign_up(&form.email, &form.password, None, &visitor.browser).await;
    entered(&state, &headers, t, SIGNED_UP, form.email, opened, |status, s| {
        answer(status, &SignUpPage { t, f: Frame::of_nobody(LOGIN), s, logged_in: false })
    })
}

/// Redirects to the target after a login. Otherwise shows the error beside the form, with the address as
/// typed.
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
            let mut steps = Steps::new(state, LOGIN);
            steps.email = email;
            let status = steps.say("password", t, &error.into());
            again(status, steps)
        }
    }
}
