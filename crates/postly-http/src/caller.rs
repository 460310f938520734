//! The author of a request, identified by a session, an API token, or the cookie of another NextAuth app.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use postly_app::{ApiToken, Credential, LoggedIn};
use postly_domain::id::{AuthorId, SessionId};

use crate::{
    problem::{Code, Problem},
    session_cookie::Claims,
    site::AppState,
};

/// A session of this service.
pub(crate) struct Session(pub(crate) LoggedIn);

impl FromRequestParts<AppState> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        match session(state, &parts.headers).await? {
            Some(session) => Ok(Self(session)),
            None => Err(Problem::new(Code::Unauthenticated)),
        }
    }
}

/// An author who may read and generate, and the proof: an API token, a session of this service or, if cookies
/// are shared, one of another NextAuth app. If a request has a token, only the token counts.
pub(crate) struct Caller {
    pub(crate) author: AuthorId,
    pub(crate) credential: Credential,
}

/// The author of a [`Caller`].
pub(crate) struct Reader(pub(crate) AuthorId);

impl FromRequestParts<AppState> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        Caller::from_request_parts(parts, state).await.map(|caller| Self(caller.author))
    }
}

/// The API token of a request (`Authorization: Bearer …`). A cookie does not replace it.
pub(crate) struct Bearer(pub(crate) ApiToken);

impl FromRequestParts<AppState> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let unauthenticated = Problem::new(Code::Unauthenticated);
        let mut authorizations = parts.headers.get_all(header::AUTHORIZATION).iter();
        let (Some(only), None) = (authorizations.next(), authorizations.next()) else {
            return Err(unauthenticated);
        };
        let parted = only.to_str().ok().and_then(|text| text.split_once(' '));
        let Some((_, secret)) = parted.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) else {
            return Err(unauthenticated);
        };
        state.app.accounts.token(secret.trim()).await?.map(Self).ok_or(unauthenticated)
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        if parts.headers.contains_key(header::AUTHORIZATION) {
            let Bearer(token) = Bearer::from_request_parts(parts, state).await?;
            return Ok(Self { author: token.author, credential: Credential::Token(token.id) });
        }
        if let Some(found) = session(state, &parts.headers).await? {
            let postly_app::Session { author, id, .. } = found.session;
            return Ok(Self { author, credential: Credential::Session(id) });
        }
        if state.site.shared {
            for claims in state.site.cookies.read_each_shared(&parts.headers, now_s(state)) {
                // A cookie that names a session of this service is valid only while that session is.
                if claims.sid.is_none()
                    && let Some(author) = state.app.accounts.known_author(&AuthorId::new(claims.sub)).await?
                {
                    return Ok(Self { author, credential: Credential::Shared });
                }
            }
        }
        Err(Problem::new(Code::Unauthenticated))
    }
}

/// Returns the first valid session among the cookies of a request.
pub(crate) async fn session(state: &AppState, headers: &HeaderMap) -> Result<Option<LoggedIn>, Problem> {
    for claims in state.site.cookies.read_each(headers, now_s(state)) {
        if let Some(found) = session_of(state, claims).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

async fn session_of(state: &AppState, claims: Claims) -> Result<Option<LoggedIn>, Problem> {
    let Some(sid) = claims.sid else { return Ok(None) };
    Ok(state.app.accounts.session(&SessionId::new(sid), &AuthorId::new(claims.sub)).await?)
}

/// Ends every session named by the cookies of a request, because a remaining one would log the browser in
/// again.
pub(crate) async fn end_sessions(state: &AppState, headers: &HeaderMap) -> Result<(), Problem> {
    for claims in state.site.cookies.read_each(headers, now_s(state)) {
        if let Some(found) = session_of(state, claims).await? {
            state.app.accounts.end_session(&found.session.author, &found.session.id).await?;
        }
    }
    Ok(())
}

fn now_s(state: &AppState) -> i64 {
    state.app.core.now().0.div_euclid(1000)
}
