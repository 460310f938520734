//! `/account`: the state of an account, its sessions and tokens, and the forms that change them.

use askama::Template;
use axum::{
    Router,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use postly_app::{AccountChange, LoggedIn, Profile, StoreError};
use postly_domain::{
    Language,
    id::{SessionId, TokenId},
};
use serde::Deserialize;

use super::{
    frame::Frame,
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
        .route("/account/login", post(change_login))
        .route("/account/tokens", post(make_token))
        .route("/account/tokens/revoke", post(revoke_token))
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage<'a> {
    t: &'a Texts,
    f: Frame,
    s: Steps,
    v: View,
    profile: Profile,
    number_changed_at: Option<Moment>,
    sessions: Vec<SessionRow>,
    tokens: Vec<TokenRow>,
    /// The address for agents, if this build serves them.
    agent_url: Option<String>,
}

/// The notices and errors shown beside the state of the account.
#[derive(Default)]
pub(super) struct View {
    /// The notice of a completed action; empty if there is none.
    done: String,
    /// The invalid field of the login form, and its error.
    wrong: Option<(&'static str, String)>,
    /// The e-mail address as typed.
    typed_email: Option<String>,
    /// The secret of a new token.
    secret: String,
    /// The error in the name of a token; empty if there is none.
    token_error: String,
    /// True if the page proposes to link a number first.
    links_number: bool,
}

impl View {
    /// Returns the error of a field of the login form; empty if there is none.
    fn error(&self, field: &str) -> &str {
        self.wrong.as_ref().filter(|(wrong, _)| *wrong == field).map_or("", |(_, sentence)| sentence)
    }

    /// Returns the notice named by a redirect; none if the name is unknown.
    fn noticed(query: Option<&str>, t: &Texts) -> Self {
        let query = query.unwrap_or_default().as_bytes();
        let done = form_urlencoded::parse(query).find(|(name, _)| name == "done").map(|(_, value)| value);
        let done = done.unwrap_or_default();
        let sentence = match done.as_ref() {
            "language" => &t.done_language,
            "login" => &t.done_login,
            "session" => &t.done_session,
            "number" => &t.done_number,
            "signup" => &t.done_signup,
            "token" => &t.done_token,
            _ => "",
        };
        Self { done: sentence.to_owned(), links_number: done == "signup", ..Self::default() }
    }
}

struct TokenRow {
    id: String,
    name: String,
    created_at: Moment,
    used_at: Option<Moment>,
}

impl AccountPage<'_> {
    fn languages(&self) -> [(&'static str, &'static str, bool); 5] {
        Language::ALL
            .map(|language| (language.code(), language_name(language), language == self.profile.language))
    }
}

/// Returns the name of a language in that language.
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

async fn show(State(state): State<AppState>, here: PageContext, RawQuery(query): RawQuery) -> Response {
    let Some(session) = &here.visitor.session else { return redirect(LOGIN) };
    let s = Steps::new(&state, ACCOUNT);
    let noticed = move |t: &Texts| View::noticed(query.as_deref(), t);
    render(&state, session, here.t, StatusCode::OK, s, noticed).await
}

/// Responds with the account of a session, and the progress of linking a number.
pub(super) async fn page(
    state: &AppState,
    own: &LoggedIn,
    t: &Texts,
    status: StatusCode,
    s: Steps,
) -> Response {
    render(state, own, t, status, s, |_| View::default()).await
}

async fn render(
    state: &AppState,
    own: &LoggedIn,
    t: &Texts,
    status: StatusCode,
    mut s: Steps,
    view: impl FnOnce(&Texts) -> View,
) -> Response {
    let author = &own.session.author;
    let loaded = async {
        let (profile, sessions) =
            (state.app.accounts.profile(author).await?, state.app.accounts.sessions(author).await?);
        Ok::<_, StoreError>((profile, sessions, state.app.accounts.tokens(author).await?))
    };
    let (profile, sessions, tokens) = match loaded.await {
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
    let tokens = tokens.into_iter().map(|token| TokenRow {
        id: token.id.to_string(),
        name: token.name,
        created_at: Moment::new(token.created_at),
        used_at: token.used_at.map(Moment::new),
    });
    let (sessions, tokens) = (sessions.collect(), tokens.collect());
    let (f, v) = (Frame::of_member(author, ACCOUNT), view(t));
    let agent_url = agent_url(state);
    answer(status, &AccountPage { t, f, s, v, sessions, tokens, agent_url, number_changed_at, profile })
}

#[cfg(feature = "mcp")]
fn agent_url(state: &AppState) -> Option<String> {
    Some(format!("{}{}", state.site.public_base_url.trim_end_matches('/'), crate::mcp::PATH))
}

#[cfg(not(feature = "mcp"))]
fn agent_url(_: &AppState) -> Option<String> {
    None
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
    state.app.accounts.change_account(session, &change, &here.visitor.browser).await?;
    Ok(redirect("/account?done=language"))
}

/// The fields of the login form. An empty one changes nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LoginForm {
    email: String,
    password: String,
    #[serde(default)]
    current: String,
}

/// Sets or changes the e-mail address and the password.
async fn change_login(
    State(state): State<AppState>,
    here: PageContext,
    Form(form): Form<LoginForm>,
) -> Response {
    let Some(own) = &here.visitor.session else { return redirect(LOGIN) };
    let filled = |text: &'_ str| -> Option<String> { Some(text.to_owned()).filter(|text| !text.is_empty()) };
    let (email, password, current) =
        (filled(form.email.trim()), filled(&form.password), filled(&form.current));
    let change = AccountChange {
        language: None,
        email: email.as_deref().filter(|email| own.email.as_deref() != Some(email)),
        password: password.as_deref(),
        current_password: current.as_deref(),
    };
    let problem = if own.email.is_none() && password.is_none() {
        // An address without a password cannot log in.
        Problem::new(Code::WeakPassword)
    } else {
        match state.app.accounts.change_account(own, &change, &here.visitor.browser).await {
            Ok(_) => return redirect("/account?done=login"),
            Err(error) => error.into(),
        }
    };
    let (t, status) = (here.t, problem.status());
    let (field, sentence) = match problem.code() {
        Code::InvalidCredentials => ("current", t.wrong_current.as_str()),
        Code::ProofNeeded | Code::RateLimited => ("current", t.problem(problem.code())),
        Code::WeakPassword => ("password", t.problem(Code::WeakPassword)),
        other => ("email", t.problem(other)),
    };
    let view = View {
        wrong: Some((field, sentence.to_owned())),
        typed_email: Some(form.email.clone()),
        ..View::default()
    };
    render(&state, own, t, status, Steps::new(&state, ACCOUNT), |_| view).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenForm {
    name: String,
}

/// Makes a token. The response shows its secret, once.
async fn make_token(
    State(state): State<AppState>,
    here: PageContext,
    Form(form): Form<TokenForm>,
) -> Response {
    let Some(own) = &here.visitor.session else { return redirect(LOGIN) };
    let (view, status) = match state.app.accounts.make_token(&own.session.author, &form.name).await {
        Ok(made) => (View { secret: made.secret, ..View::default() }, StatusCode::CREATED),
        Err(error) => {
            let problem = Problem::from(error);
            let token_error = here.t.problem(problem.code()).to_owned();
            (View { token_error, ..View::default() }, problem.status())
        }
    };
    render(&state, own, here.t, status, Steps::new(&state, ACCOUNT), |_| view).await
}

async fn revoke_token(
    State(state): State<AppState>,
    here: PageContext,
    Form(form): Form<SessionForm>,
) -> Result<Response, Problem> {
    let Some(own) = &here.visitor.session else { return Ok(redirect(LOGIN)) };
    state.app.accounts.revoke_token(&own.session.author, &TokenId::new(form.id)).await?;
    Ok(redirect("/account?done=token"))
}

/// The id of a session or of a token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionForm {
    id: String,
}

/// Ends a session. A session that has already ended is a success.
async fn end_session(
    State(state): State<AppState>,
    here: PageContext,
    headers: HeaderMap,
    Form(form): Form<SessionForm>,
) -> Result<Response, Problem> {
    let Some(own) = &here.visitor.session else { return Ok(redirect(LOGIN)) };
    let id = SessionId::new(form.id);
    state.app.accounts.end_session(&own.session.author, &id).await?;
    if id == own.session.id {
        return Ok((gone(&state.site, &headers), redirect(LOGIN)).into_response());
    }
    Ok(redirect("/account?done=session"))
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
    state.app.accounts.end_sessions(&own.session.author).await?;
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
