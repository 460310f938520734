//! The ways to prove a number, on the page that logs in and on the one that links.

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

/// The forms of both pages.
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

/// Who sends a form of which page. Whoever has a session has nothing to send on the page that logs in, where a code
/// would link; whoever has none has nothing to send on the account's.
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
            (_, _) => Ok(Self { base, visitor, t: Texts::of(&parts.headers) }),
        }
    }
}

/// How far somebody has come.
pub(super) struct Steps {
    /// The page: its forms are sent to addresses below it.
    pub(super) base: &'static str,
    /// Whose number it will be. The API refuses when that is not the session's author any more.
    pub(super) user_id: Option<String>,
    /// As it was typed.
    pub(super) phone: String,
    /// As it was typed.
    pub(super) email: String,
    /// Whether a code was asked for.
    pub(super) asked: bool,
    /// What opens WhatsApp.
    pub(super) phrase: Option<Shown>,
    /// Whether the answer to a phrase is waited for.
    pub(super) answering: bool,
    /// Whether what is said is about the address.
    pub(super) about_email: bool,
    said: Option<(&'static str, &'static str)>,
}

/// A phrase on a page. It is in the address and nowhere to read: nothing shown in a browser is typed on a phone.
pub(super) struct Shown {
    pub(super) url: String,
    pub(super) qr: String,
}

impl Steps {
    /// The beginning: the number begins with the country code of the region that the operator names.
    pub(super) fn new(state: &AppState, base: &'static str) -> Self {
        let phone = state.app.calling_code().map(|code| format!("{code} ")).unwrap_or_default();
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

    /// What is said beside a form; empty when nothing is.
    pub(super) fn error(&self, form: &str) -> &'static str {
        self.said.filter(|(at, _)| *at == form).map_or("", |(_, text)| text)
    }

    /// Whether another way than the number is in use.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.answering || self.said.is_some_and(|(form, _)| !matches!(form, "number" | "code"))
    }

    /// Whether a form was sent already.
    pub(super) fn is_begun(&self) -> bool {
        self.asked || self.answering || self.said.is_some()
    }

    /// Says beside a form what is wrong, and returns the status that goes with it.
    pub(super) fn say(&mut self, form: &'static str, t: &'static Texts, problem: &Problem) -> StatusCode {
        self.said = Some((form, t.problem(problem.code())));
        self.about_email = matches!(problem.code(), Code::InvalidEmail | Code::EmailTaken);
        problem.status()
    }
}

/// A QR code as the address of a picture: black on white whatever the page's colours, with the quiet zone that
/// readers need. `None` for what does not fit: our addresses have about 60 bytes.
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

/// The next step is on the page that answers, and not behind a redirect: the number would stand in its address.
async fn ask(State(state): State<AppState>, here: PageContext, Form(form): Form<NumberForm>) -> Response {
    let PageContext { base, visitor, t } = &here;
    let mut steps = Steps::new(&state, base);
    let user_id = form.user_id.map(AuthorId::new);
    let asked = state
        .app
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
    let verified =
        state.app.verify_code(&form.phone, &form.code, visitor.session.as_ref(), &visitor.browser).await;
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
    let phrase = state.app.new_phrase(visitor.session.as_ref(), &visitor.browser).await;
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
    let verified = state.app.verify_phrase(&form.code, visitor.session.as_ref(), &visitor.browser).await;
    match verified {
        Ok(verified) => entered(&state, &headers, &verified),
        Err(error) => {
            let mut steps = Steps { answering: true, ..Steps::new(&state, base) };
            let status = steps.say("phrase-code", t, &error.into());
            show(&state, &here, status, steps).await
        }
    }
}

/// To the dashboard once logged in, or to the account with the number linked.
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
