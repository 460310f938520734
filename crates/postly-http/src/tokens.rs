//! `/api/tokens`: tokens with which programs read and generate for an author.

use axum::{
    Json as JsonBody, Router,
    extract::State,
    http::StatusCode,
    routing::{delete, get},
};
use postly_app::{ApiToken, TokenError, rfc3339};
use postly_domain::id::TokenId;
use serde::{Deserialize, Serialize};

use crate::{
    extract::{Json, PathId, Session},
    problem::{Code, Problem},
    site::AppState,
};

pub(crate) fn router() -> Router<AppState> {
    Router::new().route("/api/tokens", get(list).post(make)).route("/api/tokens/{id}", delete(revoke))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenBody {
    id: String,
    name: String,
    created_at: String,
    /// To the hour.
    used_at: Option<String>,
}

impl From<ApiToken> for TokenBody {
    fn from(token: ApiToken) -> Self {
        Self {
            id: token.id.to_string(),
            name: token.name,
            created_at: rfc3339(token.created_at),
            used_at: token.used_at.map(rfc3339),
        }
    }
}

/// A new token, and the only time that its secret is shown.
#[derive(Serialize)]
struct NewTokenBody {
    #[serde(flatten)]
    token: TokenBody,
    secret: String,
}

#[derive(Serialize)]
struct TokensBody {
    tokens: Vec<TokenBody>,
    /// There are never more than fit on one page.
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MakeBody {
    name: String,
}

/// A token makes no token: it asks for a session of ours.
async fn make(
    State(state): State<AppState>,
    Session(own): Session,
    Json(asked): Json<MakeBody>,
) -> Result<(StatusCode, JsonBody<NewTokenBody>), Problem> {
    let made = state.app.make_token(&own.session.author, &asked.name).await?;
    let body = NewTokenBody { token: made.token.into(), secret: made.secret };
    Ok((StatusCode::CREATED, JsonBody(body)))
}

async fn list(State(state): State<AppState>, Session(own): Session) -> Result<JsonBody<TokensBody>, Problem> {
    let tokens = state.app.tokens(&own.session.author).await?;
    Ok(JsonBody(TokensBody { tokens: tokens.into_iter().map(TokenBody::from).collect(), next: None }))
}

async fn revoke(
    State(state): State<AppState>,
    Session(own): Session,
    PathId(id): PathId,
) -> Result<StatusCode, Problem> {
    let revoked = state.app.revoke_token(&own.session.author, &TokenId::new(id)).await?;
    if revoked { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::new(Code::NotFound)) }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Name => Self::new(Code::InvalidName),
            TokenError::TooMany => Self::new(Code::TooManyTokens),
            TokenError::Store(error) => error.into(),
            TokenError::Randomness(error) => Self::internal(&error),
        }
    }
}
