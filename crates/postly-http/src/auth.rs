//! `/api/auth/…`: codes, logins and sessions.

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
    routing::{get, post},
};
use postly_app::{
    AccountError, CodeRequestError, LoggedIn, Profile, SessionCookie, Verified, VerifyError, rfc3339,
};
use postly_domain::id::{AuthorId, SessionId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    extract::{self, Json, PathId, RequestContext, Session},
    pages::qr,
    problem::{Code, Problem},
    session_cookie::Claims,
    site::{AppState, Site},
};

pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/auth/request-otp", post(request_otp))
        .route("/api/auth/verify-otp", post(verify_otp))
        .route("/api/auth/link", post(open_link))
        .route("/api/auth/phrase", post(new_phrase))
        .route("/api/auth/phrase/verify", post(verify_phrase))
        .route("/api/auth/signup", post(sign_up))
        .route("/api/auth/login", post(log_in))
        .route("/api/auth/logout", post(log_out))
        .route("/api/auth/sessions", get(sessions).delete(end_sessions))
        .route("/api/auth/sessions/{id}", get(show_session).delete(end_session))
}

/// `userId`, where it stands, is the session's own: it is never whom anything is done for.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct RequestOtp {
    #[serde(default)]
    #[schema(value_type = String)]
    phone: Value,
    #[serde(default)]
    user_id: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Done {
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
}

impl Done {
    fn saying(message: &'static str) -> axum::Json<Self> {
        axum::Json(Self { success: true, message: Some(message) })
    }
}

/// Asks for a code by WhatsApp. Without a session it logs in, with one it links the number. Sets the cookie
/// `postly.challenge`.
#[utoipa::path(
    post,
    path = "/api/auth/request-otp",
    tag = "codes",
    request_body = RequestOtp,
    responses(
        (status = 200, description = "The code is on its way, if this number can have one.", body = Done),
        (status = 400, description = "Not a number: `invalid_phone`."),
        (status = 401, description = "`userId` without a session: `unauthenticated`."),
        (status = 403, description = "`userId` of another author: `forbidden`."),
        (status = 429, description = "Too many requests: `rate_limited`, with `Retry-After`."),
    ),
)]
pub(crate) async fn request_otp(
    State(state): State<AppState>,
    visitor: RequestContext,
    Json(asked): Json<RequestOtp>,
) -> Result<Response, Problem> {
    let phone = asked.phone.as_str().ok_or(Problem::new(Code::InvalidPhone))?;
    let user_id = asked.user_id.map(AuthorId::new);
    state.app.codes.request_code(phone, user_id.as_ref(), visitor.session.as_ref(), &visitor.browser).await?;
    let cookie = [(header::SET_COOKIE, visitor.challenge_cookie(&state.site))];
    Ok((AppendHeaders(cookie), Done::saying("Code envoyé par WhatsApp")).into_response())
}

impl From<CodeRequestError> for Problem {
    fn from(error: CodeRequestError) -> Self {
        match error {
            CodeRequestError::InvalidPhone => Self::new(Code::InvalidPhone),
            CodeRequestError::Unauthenticated => Self::new(Code::Unauthenticated),
            CodeRequestError::Forbidden => Self::new(Code::Forbidden),
            CodeRequestError::RateLimited { retry_after_s } => Self::rate_limited(retry_after_s),
            CodeRequestError::Store(error) => error.into(),
            CodeRequestError::Randomness(error) => Self::internal(&error),
        }
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerifyOtp {
    #[serde(default)]
    #[schema(value_type = String)]
    phone: Value,
    #[serde(default)]
    #[schema(value_type = String)]
    code: Value,
}

/// Exchanges a code for a session, or links its number.
#[utoipa::path(
    post,
    path = "/api/auth/verify-otp",
    tag = "codes",
    request_body = VerifyOtp,
    responses(
        (status = 200, description = "Logged in, with the session cookie; or `{\"success\":true,\"message\"}` when the number was linked.", body = LoggedInBody),
        (status = 400, description = "No such code, or it is used up: `invalid_code`."),
        (status = 409, description = "The number belongs to another full account: `number_taken`."),
    ),
)]
pub(crate) async fn verify_otp(
    State(state): State<AppState>,
    visitor: RequestContext,
    headers: HeaderMap,
    Json(typed): Json<VerifyOtp>,
) -> Result<Response, Problem> {
    let (Some(phone), Some(code)) = (typed.phone.as_str(), typed.code.as_str()) else {
        return Err(Problem::new(Code::InvalidCode));
    };
    let verified =
        state.app.codes.verify_code(phone, code, visitor.session.as_ref(), &visitor.browser).await?;
    Ok(answer(&state.site, &headers, verified))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenLink {
    token: String,
}

/// The token of a login link. It stands behind the `#` of the link, which no browser sends and no robot
/// follows.
#[utoipa::path(
    post,
    path = "/api/auth/link",
    tag = "codes",
    request_body = OpenLink,
    responses(
        (status = 200, description = "Logged in.", body = LoggedInBody),
        (status = 400, description = "No such link, or it is used up: `invalid_code`."),
        (status = 409, description = "The number belongs to another full account: `number_taken`."),
    ),
)]
pub(crate) async fn open_link(
    State(state): State<AppState>,
    visitor: RequestContext,
    headers: HeaderMap,
    Json(link): Json<OpenLink>,
) -> Result<Response, Problem> {
    let verified = state.app.codes.open_link(&link.token, visitor.session.as_ref(), &visitor.browser).await?;
    Ok(answer(&state.site, &headers, verified))
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PhraseBody {
    phrase: String,
    url: String,
    /// The address as a QR code, for a page to show: a picture (`data:image/svg+xml;base64,…`).
    qr: Option<String>,
    expires_at: String,
}

/// Makes a phrase that this browser shows and WhatsApp brings; the reply there has the code.
#[utoipa::path(
    post,
    path = "/api/auth/phrase",
    tag = "codes",
    responses(
        (status = 201, description = "A phrase to send on WhatsApp.", body = PhraseBody),
        (status = 404, description = "No number is known that the phrase could be sent to: `no_whatsapp`."),
        (status = 429, description = "Too many requests: `rate_limited`, with `Retry-After`."),
    ),
)]
pub(crate) async fn new_phrase(
    State(state): State<AppState>,
    visitor: RequestContext,
) -> Result<Response, Problem> {
    let phrase = state.app.logins.new_phrase(visitor.session.as_ref(), &visitor.browser).await?;
    let phrase = phrase.ok_or(Problem::new(Code::NoWhatsapp))?;
    let body = PhraseBody {
        phrase: phrase.phrase,
        qr: qr(&phrase.url),
        url: phrase.url,
        expires_at: rfc3339(phrase.expires_at),
    };
    let cookie = [(header::SET_COOKIE, visitor.challenge_cookie(&state.site))];
    Ok((StatusCode::CREATED, AppendHeaders(cookie), axum::Json(body)).into_response())
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerifyPhrase {
    code: String,
}

/// Exchanges the code of a phrase for a session, or links its number.
#[utoipa::path(
    post,
    path = "/api/auth/phrase/verify",
    tag = "codes",
    request_body = VerifyPhrase,
    responses(
        (status = 200, description = "Logged in.", body = LoggedInBody),
        (status = 400, description = "No such code, or it is used up: `invalid_code`."),
        (status = 409, description = "The number belongs to another full account: `number_taken`."),
    ),
)]
pub(crate) async fn verify_phrase(
    State(state): State<AppState>,
    visitor: RequestContext,
    headers: HeaderMap,
    Json(typed): Json<VerifyPhrase>,
) -> Result<Response, Problem> {
    let verified =
        state.app.codes.verify_phrase(&typed.code, visitor.session.as_ref(), &visitor.browser).await?;
    Ok(answer(&state.site, &headers, verified))
}

impl From<VerifyError> for Problem {
    fn from(error: VerifyError) -> Self {
        match error {
            // One answer for all causes, so that it does not reveal if a number has an account or a code.
            VerifyError::Invalid => Self::new(Code::InvalidCode),
            VerifyError::NumberTaken => Self::new(Code::NumberTaken),
            VerifyError::Store(error) => error.into(),
            VerifyError::Randomness(error) => Self::internal(&error),
        }
    }
}

fn answer(site: &Site, request: &HeaderMap, verified: Verified) -> Response {
    match verified {
        Verified::LoggedIn(cookie, profile) => logged_in(site, request, &cookie, profile, StatusCode::OK),
        Verified::Linked => {
            let cookie = [(header::SET_COOKIE, RequestContext::no_challenge_cookie(site))];
            (AppendHeaders(cookie), Done::saying("Numéro WhatsApp lié avec succès")).into_response()
        }
    }
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserBody {
    id: String,
    email: Option<String>,
    credits: i64,
    wa_phone_e164: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct LoggedInBody {
    success: bool,
    user: UserBody,
    redirect: &'static str,
}

fn logged_in(
    site: &Site,
    request: &HeaderMap,
    cookie: &SessionCookie,
    profile: Profile,
    status: StatusCode,
) -> Response {
    let body = LoggedInBody {
        success: true,
        user: UserBody {
            id: profile.id.to_string(),
            email: profile.email,
            credits: profile.wallet.available(),
            wa_phone_e164: profile.phone.map(|phone| phone.as_str().to_owned()),
        },
        redirect: "/dashboard",
    };
    with_session(site, request, cookie, (status, axum::Json(body)).into_response())
}

/// Adds the cookies of a new session to a response, and removes cookies that are no longer needed.
pub(crate) fn with_session(
    site: &Site,
    request: &HeaderMap,
    cookie: &SessionCookie,
    mut response: Response,
) -> Response {
    let claims = Claims {
        sub: cookie.author.to_string(),
        sid: Some(cookie.id.to_string()),
        email: cookie.email.clone(),
        issued_at_s: cookie.issued_at.0.div_euclid(1000),
        expires_at_s: cookie.expires_at.0.div_euclid(1000),
    };
    let headers = response.headers_mut();
    // Old chunks of a longer cookie would be read together with the new one.
    for cleared in site.cookies.clear_chunks(request) {
        headers.append(header::SET_COOKIE, cleared);
    }
    headers.append(header::SET_COOKIE, RequestContext::no_challenge_cookie(site));
    match site.cookies.issue(&claims) {
        Ok(cookie) => {
            headers.append(header::SET_COOKIE, cookie);
            response
        }
        Err(error) => Problem::internal(&error).into_response(),
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    email: String,
    password: String,
}

/// Makes an account with an e-mail address and a password.
#[utoipa::path(
    post,
    path = "/api/auth/signup",
    tag = "account",
    request_body = Credentials,
    responses(
        (status = 201, description = "The account is made and its author logged in.", body = LoggedInBody),
        (status = 400, description = "`invalid_email` or `weak_password`."),
        (status = 401, description = "The session to which the login is added has ended: `unauthenticated`."),
        (status = 409, description = "The address has an account: `email_taken`."),
        (status = 429, description = "Too many requests: `rate_limited`, with `Retry-After`."),
    ),
)]
pub(crate) async fn sign_up(
    State(state): State<AppState>,
    visitor: RequestContext,
    headers: HeaderMap,
    Json(asked): Json<Credentials>,
) -> Result<Response, Problem> {
    let session = visitor.session.as_ref();
    let (cookie, profile) =
        state.app.accounts.sign_up(&asked.email, &asked.password, session, &visitor.browser).await?;
    Ok(logged_in(&state.site, &headers, &cookie, profile, StatusCode::CREATED))
}

/// Logs in with an e-mail address and a password.
#[utoipa::path(
    post,
    path = "/api/auth/login",
    tag = "account",
    request_body = Credentials,
    responses(
        (status = 200, description = "Logged in.", body = LoggedInBody),
        (status = 400, description = "Wrong address or password: `invalid_credentials`."),
        (status = 429, description = "Too many requests: `rate_limited`, with `Retry-After`."),
    ),
)]
pub(crate) async fn log_in(
    State(state): State<AppState>,
    visitor: RequestContext,
    headers: HeaderMap,
    Json(asked): Json<Credentials>,
) -> Result<Response, Problem> {
    let session = visitor.session.as_ref();
    let (cookie, profile) = state
        .app
        .accounts
        .log_in_by_password(&asked.email, &asked.password, session, &visitor.browser)
        .await?;
    Ok(logged_in(&state.site, &headers, &cookie, profile, StatusCode::OK))
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Email(_) => Self::new(Code::InvalidEmail),
            AccountError::Password(_) => Self::new(Code::WeakPassword),
            AccountError::EmailTaken => Self::new(Code::EmailTaken),
            AccountError::InvalidCredentials => Self::new(Code::InvalidCredentials),
            AccountError::ProofNeeded => Self::new(Code::ProofNeeded),
            AccountError::LinkSpent => Self::new(Code::InvalidLink),
            AccountError::SessionEnded => Self::new(Code::Unauthenticated),
            AccountError::RateLimited { retry_after_s } => Self::rate_limited(retry_after_s),
            AccountError::Store(error) => error.into(),
            AccountError::Hash => Self::internal(&error),
        }
    }
}

/// Also for whoever is not logged in: the cookies are taken away all the same.
#[utoipa::path(
    post,
    path = "/api/auth/logout",
    tag = "account",
    responses(
        (status = 200, description = "Logged out.", body = Done),
    ),
)]
pub(crate) async fn log_out(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, Problem> {
    extract::end_sessions(&state, &headers).await?;
    let body = axum::Json(Done { success: true, message: None });
    Ok((gone(&state.site, &headers), body).into_response())
}

/// Returns the headers that remove the cookies of a session.
pub(crate) fn gone(
    site: &Site,
    request: &HeaderMap,
) -> AppendHeaders<Vec<(header::HeaderName, HeaderValue)>> {
    AppendHeaders(site.cookies.clear(request).into_iter().map(|value| (header::SET_COOKIE, value)).collect())
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionBody {
    id: String,
    browser: String,
    created_at: String,
    seen_at: String,
    current: bool,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionsBody {
    sessions: Vec<SessionBody>,
    /// The last change of the account's number, so that an author notices one that they did not make.
    number_changed_at: Option<String>,
    /// There are never more than fit on one page.
    next: Option<String>,
}

/// Lists the browsers that are logged in.
#[utoipa::path(
    get,
    path = "/api/auth/sessions",
    tag = "account",
    security(("session" = [])),
    responses(
        (status = 200, description = "The sessions, newest first.", body = SessionsBody),
    ),
)]
pub(crate) async fn sessions(
    State(state): State<AppState>,
    Session(own): Session,
) -> Result<axum::Json<SessionsBody>, Problem> {
    let found = state.app.accounts.sessions(&own.session.author).await?;
    let sessions = found.into_iter().map(|session| session_body(session, &own));
    let profile = state.app.accounts.profile(&own.session.author).await?;
    let number_changed_at = profile.number_changed_at.map(rfc3339);
    Ok(axum::Json(SessionsBody { sessions: sessions.collect(), number_changed_at, next: None }))
}

fn session_body(session: postly_app::Session, own: &LoggedIn) -> SessionBody {
    SessionBody {
        current: session.id == own.session.id,
        id: session.id.to_string(),
        browser: session.label,
        created_at: rfc3339(session.created_at),
        seen_at: rfc3339(session.seen_at),
    }
}

/// Shows one session.
#[utoipa::path(
    get,
    path = "/api/auth/sessions/{id}",
    tag = "account",
    security(("session" = [])),
    params(("id" = String, Path, description = "The id of the session")),
    responses(
        (status = 200, description = "The session.", body = SessionBody),
    ),
)]
pub(crate) async fn show_session(
    State(state): State<AppState>,
    Session(own): Session,
    PathId(id): PathId,
) -> Result<axum::Json<SessionBody>, Problem> {
    let found = state.app.accounts.sessions(&own.session.author).await?;
    let session = found.into_iter().find(|session| session.id.as_str() == id);
    let session = session.ok_or(Problem::new(Code::NotFound))?;
    Ok(axum::Json(session_body(session, &own)))
}

/// Ends every session of the author.
#[utoipa::path(
    delete,
    path = "/api/auth/sessions",
    tag = "account",
    security(("session" = [])),
    responses(
        (status = 204, description = "All sessions have ended."),
    ),
)]
pub(crate) async fn end_sessions(
    State(state): State<AppState>,
    Session(own): Session,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    state.app.accounts.end_sessions(&own.session.author).await?;
    Ok((StatusCode::NO_CONTENT, gone(&state.site, &headers)).into_response())
}

/// Ends one session.
#[utoipa::path(
    delete,
    path = "/api/auth/sessions/{id}",
    tag = "account",
    security(("session" = [])),
    params(("id" = String, Path, description = "The id of the session")),
    responses(
        (status = 204, description = "The session has ended."),
    ),
)]
pub(crate) async fn end_session(
    State(state): State<AppState>,
    Session(own): Session,
    PathId(id): PathId,
) -> Result<StatusCode, Problem> {
    let ended = state.app.accounts.end_session(&own.session.author, &SessionId::new(id)).await?;
    if ended { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::new(Code::NotFound)) }
}
