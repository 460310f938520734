//! `/account`: who is logged in, where, with which number; and how to leave.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use postly_app::{AccountChange, LoggedIn, Profile, StoreError};
use postly_domain::{Language, id::SessionId};
use serde::Deserialize;

use super::{
    moment::Moment,
    page as answer, redirect,
    steps::{ACCOUNT, LOGIN, PageContext, Steps},
    texts::Texts,
};
use crate::{
    auth::gone,
    extract::{self, Form},
    problem::{Code, Problem},
    site::AppState,
};

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route(ACCOUNT, get(show))
        .route("/account/language", post(set_language))
        .route("/account/sessions/end", post(end_session))
        .route("/account/sessions/end-all", post(end_sessions))
        .route("/account/logout", post(log_out))
        .route("/account/erase", get(ask_erase).post(erase))
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage<'a> {
    t: &'a Texts,
    s: Steps,
    profile: Profile,
    number_changed_at: Option<Moment>,
    sessions: Vec<SessionRow>,
}

impl AccountPage<'_> {
    fn languages(&self) -> [(&'static str, &'static str, bool); 5] {
        Language::ALL
            .map(|language| (language.code(), language_name(language), language == self.profile.language))
    }
}

/// The name of a language in itself.
pub(super) fn language_name(language: Language) -> &'static str {
    match language {
        Language::Fr => "Français",
        Language::En => "English",
        Language::Es => "Español",
        Language::Pt => "Português",
        Language::Ar => "العربية",
    }
}

struct SessionRow {
    id: String,
    browser: String,
    seen_at: Moment,
    current: bool,
}

async fn show(State(state): State<AppState>, here: PageContext) -> Response {
    let Some(session) = &here.visitor.session else { return redirect(LOGIN) };
    page(&state, session, here.t, StatusCode::OK, Steps::at(ACCOUNT)).await
}

/// The account of a session, with the steps of a number that is being linked.
pub(super) async fn page(
    state: &AppState,
    own: &LoggedIn,
    t: &Texts,
    status: StatusCode,
    mut s: Steps,
) -> Response {
    let author = &own.session.author;
    let loaded =
        async { Ok::<_, StoreError>((state.app.profile(author).await?, state.app.sessions(author).await?)) };
    let (profile, sessions) = match loaded.await {
        Ok(loaded) => loaded,
        Err(error) => return Problem::from(error).into_response(),
    };
    let t = if s.is_begun() { t } else { Texts::of_language(profile.language) };
    s.user_id = Some(author.to_string());
    let sessions = sessions.into_iter().map(|session| SessionRow {
        current: session.id == own.session.id,
        id: session.id.to_string(),
        browser: if session.label == "?" { t.unknown_browser.to_owned() } else { session.label },
        seen_at: Moment::new(session.seen_at),
    });
    let number_changed_at = profile.number_changed_at.map(Moment::new);
    answer(status, &AccountPage { t, s, sessions: sessions.collect(), number_changed_at, profile })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LanguageForm {
    language: String,
}

async fn set_language(
    State(state): State<AppState>,
    here: PageContext,
    Form(form): Form<LanguageForm>,
) -> Result<Response, Problem> {
    let Some(session) = &here.visitor.session else { return Ok(redirect(LOGIN)) };
    let language = Language::from_code(&form.language).ok_or(Problem::new(Code::InvalidRequest))?;
    let change = AccountChange { language: Some(language), ..AccountChange::default() };
    state.app.change_account(session, &change, &here.visitor.browser).await?;
    Ok(redirect(ACCOUNT))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionForm {
    id: String,
}

/// One that has ended meanwhile is as good as ended.
async fn end_session(
    State(state): State<AppState>,
    here: PageContext,
    headers: HeaderMap,
    Form(form): Form<SessionForm>,
) -> Result<Response, Problem> {
    let Some(own) = &here.visitor.session else { return Ok(redirect(LOGIN)) };
    let id = SessionId::new(form.id);
    state.app.end_session(&own.session.author, &id).await?;
    if id == own.session.id {
        return Ok((gone(&state.site, &headers), redirect(LOGIN)).into_response());
    }
    Ok(redirect(ACCOUNT))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoFields {}

async fn end_sessions(
    State(state): State<AppState>,
    here: PageContext,
    headers: HeaderMap,
    Form(NoFields {}): Form<NoFields>,
) -> Result<Response, Problem> {
    let Some(own) = &here.visitor.session else { return Ok(redirect(LOGIN)) };
    state.app.end_sessions(&own.session.author).await?;
    Ok((gone(&state.site, &headers), redirect(LOGIN)).into_response())
}

async fn log_out(
    State(state): State<AppState>,
    here: PageContext,
    headers: HeaderMap,
    Form(NoFields {}): Form<NoFields>,
) -> Result<Response, Problem> {
    if here.visitor.session.is_none() {
        return Ok(redirect(LOGIN));
    }
    extract::end_sessions(&state, &headers).await?;
    Ok((gone(&state.site, &headers), redirect(LOGIN)).into_response())
}

#[derive(Template)]
#[template(path = "erase.html")]
struct ErasePage<'a> {
    t: &'a Texts,
    error: &'a str,
    done: bool,
}

async fn ask_erase(here: PageContext) -> Response {
    answer(StatusCode::OK, &ErasePage { t: here.t, error: "", done: false })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EraseForm {
    /// The box that says she is sure; absent when it is not ticked.
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
        let asked_again = ErasePage { t, error: &t.erase_unsure, done: false };
        return Ok(answer(StatusCode::BAD_REQUEST, &asked_again));
    }
    state.app.erase(&own.session.author).await?;
    let done = answer(StatusCode::OK, &ErasePage { t, error: "", done: true });
    Ok((gone(&state.site, &headers), done).into_response())
}
