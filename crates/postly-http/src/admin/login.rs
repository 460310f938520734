//! `/admin/login` and `/admin/logout`.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use postly_app::admin::{AdminLogin, AdminLoginError};
use serde::Deserialize;

use super::{
    AdminState, HOME, LOGIN, Shell, page, redirect,
    session::{Operator, OwnForm, Visitor},
};
use crate::problem::Problem;

pub(super) fn router() -> Router<AdminState> {
    Router::new().route("/admin/login", get(show).post(log_in)).route("/admin/logout", post(log_out))
}

#[derive(Template)]
#[template(path = "admin/login.html")]
struct LoginPage {
    s: Shell,
    asks_code: bool,
    name: String,
    error: String,
}

impl LoginPage {
    fn answer(
        state: &AdminState,
        visitor: &Visitor,
        status: StatusCode,
        name: String,
        error: String,
    ) -> Response {
        let s = Shell { operator: None, form_token: visitor.form_token.clone(), here: "" };
        let shown = Self { s, asks_code: state.pages.access.asks_code(), name, error };
        let cookie = [(header::SET_COOKIE, visitor.cookie(&visitor.token))];
        (cookie, page(status, &shown)).into_response()
    }
}

async fn show(State(state): State<AdminState>, visitor: Visitor) -> Response {
    LoginPage::answer(&state, &visitor, StatusCode::OK, String::new(), String::new())
}

#[derive(Deserialize)]
struct LoginForm {
    name: String,
    password: String,
    #[serde(default)]
    code: String,
}

async fn log_in(
    State(state): State<AdminState>,
    visitor: Visitor,
    OwnForm(form): OwnForm<LoginForm>,
) -> Response {
    let LoginForm { name, password, code } = form;
    let login = AdminLogin { name: &name, password: &password, code: &code, address: &visitor.address };
    let opened = match state.app.admin.admin_log_in(&state.pages.access, &login).await {
        Ok(opened) => opened,
        Err(error) => return refused(&state, &visitor, name, &error),
    };
    ([(header::SET_COOKIE, visitor.cookie(&opened.token))], redirect(HOME)).into_response()
}

fn refused(state: &AdminState, visitor: &Visitor, name: String, error: &AdminLoginError) -> Response {
    let answer = |status, text: String| LoginPage::answer(state, visitor, status, name, text);
    match error {
        AdminLoginError::Name => {
            let text = "Write your name, in at most 60 characters: the audit log keeps it.";
            answer(StatusCode::BAD_REQUEST, text.to_owned())
        }
        AdminLoginError::Wrong => {
            answer(StatusCode::UNAUTHORIZED, "The password or the code is not right.".to_owned())
        }
        AdminLoginError::RateLimited { retry_after_s } => {
            let text = format!("Too many failed logins from this address. Try again in {retry_after_s} s.");
            let wait = [(header::RETRY_AFTER, retry_after_s.to_string())];
            (wait, answer(StatusCode::TOO_MANY_REQUESTS, text)).into_response()
        }
        AdminLoginError::Compare(_) | AdminLoginError::Randomness(_) => {
            Problem::internal(error).into_response()
        }
        AdminLoginError::Store(_) => {
            let text = "The database does not answer. Try again in a moment.";
            answer(StatusCode::SERVICE_UNAVAILABLE, text.to_owned())
        }
    }
}

#[derive(Deserialize)]
struct LogoutForm {}

async fn log_out(
    State(state): State<AdminState>,
    visitor: Visitor,
    operator: Operator,
    OwnForm(LogoutForm {}): OwnForm<LogoutForm>,
) -> Response {
    let ended = state.app.admin.admin_log_out(&state.pages.access, &operator.session, &operator.token).await;
    if let Err(error) = ended {
        return Problem::from(error).into_response();
    }
    let headers = [
        (header::SET_COOKIE, visitor.cookie("")),
        (header::HeaderName::from_static("clear-site-data"), header::HeaderValue::from_static("\"cache\"")),
    ];
    (headers, redirect(LOGIN)).into_response()
}
