//! `/api/tokens`: the tokens with which programs read and generate for an author.

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

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenBody {
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
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct NewTokenBody {
    #[serde(flatten)]
    token: TokenBody,
    secret: String,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct TokensBody {
    tokens: Vec<TokenBody>,
    /// There are never more than fit on one page.
    next: Option<String>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MakeBody {
    #[schema(example = "Ma caisse")]
    name: String,
}

/// Makes a token for a program. It reads and generates; it asks for a session of ours.
///
/// A token makes no token: it asks for a session of ours.
#[utoipa::path(
    post,
    path = "/api/tokens",
    tag = "account",
    security(("session" = [])),
    request_body = MakeBody,
    responses(
        (status = 201, description = "The token with its secret, which is shown this once.", body = NewTokenBody),
        (status = 409, description = "There are 10 tokens already: `too_many_tokens`."),
        (status = 400, description = "The name is empty, too long or not one line: `invalid_name`."),
    ),
)]
pub(crate) async fn make(
    State(state): State<AppState>,
    Session(own): Session,
    Json(asked): Json<MakeBody>,
) -> Result<(StatusCode, JsonBody<NewTokenBody>), Problem> {
    let made = state.app.accounts.make_token(&own.session.author, &asked.name).await?;
    let body = NewTokenBody { token: made.token.into(), secret: made.secret };
    Ok((StatusCode::CREATED, JsonBody(body)))
}

/// Lists the tokens.
#[utoipa::path(
    get,
    path = "/api/tokens",
    tag = "account",
    security(("session" = [])),
    responses(
        (status = 200, description = "The tokens, newest first, without their secrets.", body = TokensBody),
    ),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    Session(own): Session,
) -> Result<JsonBody<TokensBody>, Problem> {
    let tokens = state.app.accounts.tokens(&own.session.author).await?;
    Ok(JsonBody(TokensBody { tokens: tokens.into_iter().map(TokenBody::from).collect(), next: None }))
}

/// Revokes a token.
#[utoipa::path(
    delete,
    path = "/api/tokens/{id}",
    tag = "account",
    security(("session" = [])),
    params(("id" = String, Path, description = "The id of the token")),
    responses(
        (status = 204, description = "The token is revoked."),
    ),
)]
pub(crate) async fn revoke(
    State(state): State<AppState>,
    Session(own): Session,
    PathId(id): PathId,
) -> Result<StatusCode, Problem> {
    let revoked = state.app.accounts.revoke_token(&own.session.author, &TokenId::new(id)).await?;
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
