//! The forms that prove a number, on the login page and on the account page.

use axum::{
    Router,
    extract::{FromRequestParts, State},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{AppendHeaders, IntoResponse, Response},
    routing::post,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use postly_app::Verified;
use postly_domain::id::AuthorId;
use qrcode::{QrCode, render::svg};
use serde::Deserialize;

use super::{account, landing::DASHBOARD, login, redirect, texts::Texts};
use crate::{
    auth::with_session,
    extract::{Form, RequestContext},
    problem::{Code, Problem},
    site::AppState,
};

/// Returns the routes of the forms of both pages.
pub(super) fn router() -> Router<AppState> {
    [LOGIN, ACCOUNT].into_iter().fold(Router::new(), |router, base| {
        router
            .route(&format!("{base}/code"), post(ask))
            .route(&format!("{base}/verify"), post(verify))
            .route(&format!("{base}/phrase"), post(phrase))
            .route(&format!("{base}/phrase/verify"), post(verify_phrase))
    })
}

pub(super) const LOGIN: &str = "/login";
pub(super) const ACCOUNT: &str = "/account";

/// The page and the browser of a form. A request with a session cannot use the login page, where a code would
/// link its number; a request without one cannot use the account page.
pub(super) struct PageContext {
    pub(super) base: &'static str,
    pub(super) visitor: RequestContext,
    pub(super) t: &'static Texts,
}

impl FromRequestParts<AppState> for PageContext {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let visitor =
            RequestContext::from_request_parts(parts, state).await.map_err(Problem::into_response)?;
        let base = if parts.uri.path().starts_with(ACCOUNT) { ACCOUNT } else { LOGIN };
        match (base, &visitor.session) {
            (ACCOUNT, None) => Err(redirect(LOGIN)),
            (LOGIN, Some(_)) => Err(redirect(ACCOUNT)),
            (_, _) => Ok(Self { base, t: Texts::of_visitor(&visitor), visitor }),
        }
    }
}

/// The state of the forms.
pub(super) struct Steps {
    /// The address of the page; its forms are sent below it.
    pub(super) base: &'static str,
    /// The author of a number being linked. The API refuses if it is no longer the author of the session.
    pub(super) user_id: Option<String>,
    /// The phone number as typed.
    pub(super) phone: String,
    /// The e-mail address as typed.
    pub(super) email: String,
    /// True if a code was requested.
    pub(super) asked: bool,
    /// The link that opens WhatsApp.
    pub(super) phrase: Option<Shown>,
    /// True while the page waits for the code of a phrase.
    pub(super) answering: bool,
    /// True if the error is about the e-mail address.
    pub(super) about_email: bool,
    said: Option<(&'static str, &'static str)>,
}

/// A phrase on a page. Only the link contains it; it is not shown as text, because nothing that a browser
/// shows is typed on a phone.
pub(super) struct Shown {
    pub(super) url: String,
    pub(super) qr: String,
}

impl Steps {
    /// Returns the initial state. The number begins with the country code of the region that the operator has
    /// configured.
    pub(super) fn new(state: &AppState, base: &'static str) -> Self {
        let phone = state.app.core.calling_code().map(|code| format!("{code} ")).unwrap_or_default();
        Self {
            base,
            user_id: None,
            phone,
            email: String::new(),
            asked: false,
            phrase: None,
            answering: false,
            about_email: false,
            said: None,
        }
    }

    /// Returns the error of a form; empty if there is none.
    pub(super) fn error(&self, form: &str) -> &'static str {
        self.said.filter(|(at, _)| *at == form).map_or("", |(_, text)| text)
    }

    /// Returns true if another form than that of the number is in use.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.answering || self.said.is_some_and(|(form, _)| !matches!(form, "number" | "code"))
    }

    /// Returns true if a form was already sent.
    pub(super) fn is_begun(&self) -> bool {
        self.asked || self.answering || self.said.is_some()
    }

    /// Sets the error of a form, and returns the status of the problem.
    pub(super) fn say(&mut self, form: &'static str, t: &'static Texts, problem: &Problem) -> StatusCode {
        self.said = Some((form, t.problem(problem.code())));
        self.about_email = matches!(problem.code(), Code::InvalidEmail | Code::EmailTaken);
        problem.status()
    }
}

/// Returns a QR code as a data URL: black on white in every theme, with the quiet zone that readers require.
/// `None` if the text is too long; our addresses have about 60 bytes.
pub(crate) fn qr(text: &str) -> Option<String> {
    const LONGEST: usize = 200;
    if text.len() > LONGEST {
        return None;
    }
    let svg = QrCode::new(text).ok()?.render::<svg::Color<'_>>().module_dimensions(1, 1).build();
    Some(format!("data:image/svg+xml;base64,{}", BASE64_STANDARD.encode(svg)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NumberForm {
    phone: String,
    #[serde(rename = "userId")]
    user_id: Option<String>,
}

/// Responds with the next step directly, because a redirect would put the number into the address.
async fn ask(State(state): State<AppState>, here: PageContext, Form(form): Form<NumberForm>) -> Response {
    let PageContext { base, visitor, t } = &here;
    let mut steps = Steps::new(&state, base);
    let user_id = form.user_id.map(AuthorId::new);
    let asked = state
        .app
        .codes
        .request_code(&form.phone, user_id.as_ref(), visitor.session.as_ref(), &visitor.browser)
        .await;
    steps.phone = form.phone;
    let status = match asked {
        Ok(()) => {
            steps.asked = true;
            StatusCode::OK
        }
        Err(error) => steps.say("number", t, &error.into()),
    };
    let cookie = [(header::SET_COOKIE, visitor.challenge_cookie(&state.site))];
    (AppendHeaders(cookie), show(&state, &here, status, steps).await).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeForm {
    phone: String,
    code: String,
}

async fn verify(
    State(state): State<AppState>,
    here: PageContext,
    headers: HeaderMap,
    Form(form): Form<CodeForm>,
) -> Response {
    let PageContext { base, visitor, t } = &here;
    let verified = state
        .app
        .codes
        .verify_code(&form.phone, &form.code, visitor.session.as_ref(), &visitor.browser)
        .await;
    match verified {
        Ok(verified) => entered(&state, &headers, &verified),
        Err(error) => {
            let mut steps = Steps { phone: form.phone, asked: true, ..Steps::new(&state, base) };
            let status = steps.say("code", t, &error.into());
            show(&state, &here, status, steps).await
        }
    }
}

async fn phrase(
    State(state): State<AppState>,
    here: PageContext,
    Form(NoFields {}): Form<NoFields>,
) -> Response {
    let PageContext { base, visitor, t } = &here;
    let mut steps = Steps::new(&state, base);
    let phrase = state.app.logins.new_phrase(visitor.session.as_ref(), &visitor.browser).await;
    let status = match phrase {
        Ok(Some(phrase)) => {
            steps.answering = true;
            steps.phrase = Some(Shown { qr: qr(&phrase.url).unwrap_or_default(), url: phrase.url });
            StatusCode::OK
        }
        Ok(None) => steps.say("phrase", t, &Problem::new(Code::NoWhatsapp)),
        Err(error) => steps.say("phrase", t, &error.into()),
    };
    let cookie = [(header::SET_COOKIE, visitor.challenge_cookie(&state.site))];
    (AppendHeaders(cookie), show(&state, &here, status, steps).await).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PhraseForm {
    code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoFields {}

async fn verify_phrase(
    State(state): State<AppState>,
    here: PageContext,
    headers: HeaderMap,
    Form(form): Form<PhraseForm>,
) -> Response {
    let PageContext { base, visitor, t } = &here;
    let verified =
        state.app.codes.verify_phrase(&form.code, visitor.session.as_ref(), &visitor.browser).await;
    match verified {
        Ok(verified) => entered(&state, &headers, &verified),
        Err(error) => {
            let mut steps = Steps { answering: true, ..Steps::new(&state, base) };
            let status = steps.say("phrase-code", t, &error.into());
            show(&state, &here, status, steps).await
        }
    }
}

/// Redirects to the dashboard after a login, or to the account after linking a number.
fn entered(state: &AppState, headers: &HeaderMap, verified: &Verified) -> Response {
    match verified {
        Verified::LoggedIn(cookie, _) => with_session(&state.site, headers, cookie, redirect(DASHBOARD)),
        Verified::Linked => {
            let cookie = [(header::SET_COOKIE, RequestContext::no_challenge_cookie(&state.site))];
            (AppendHeaders(cookie), redirect("/account?done=number")).into_response()
        }
    }
}

async fn show(state: &AppState, here: &PageContext, status: StatusCode, steps: Steps) -> Response {
    match &here.visitor.session {
        Some(session) => account::page(state, session, here.t, status, steps).await,
        None => login::page(here.t, status, steps),
    }
}
