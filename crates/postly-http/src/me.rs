//! `/api/me` and `/api/credits`: the profile of an author, its changes, export and erasure, and the balance.

use axum::{
    Json as JsonBody, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use postly_app::{AccountChange, Profile, operator::AuthorSelector, rfc3339};
use postly_domain::Language;
use serde::{Deserialize, Serialize};

use crate::{
    auth::gone,
    extract::{Cursor, Json, Reader, RequestContext, Session},
    problem::{Code, Problem},
    site::AppState,
};

pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/me", get(show).patch(change).delete(erase))
        .route("/api/me/export", get(export))
        .route("/api/credits", get(credits))
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MeBody {
    id: String,
    email: Option<String>,
    wa_phone_e164: Option<String>,
    language: &'static str,
    available: i64,
    held: i64,
}

impl From<Profile> for MeBody {
    fn from(profile: Profile) -> Self {
        Self {
            id: profile.id.to_string(),
            email: profile.email,
            wa_phone_e164: profile.phone.map(|phone| phone.as_str().to_owned()),
            language: profile.language.code(),
            available: profile.wallet.available(),
            held: profile.wallet.held,
        }
    }
}

/// Shows the author who asks.
#[utoipa::path(
    get,
    path = "/api/me",
    tag = "account",
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "The author.", body = MeBody),
    ),
)]
pub(crate) async fn show(
    State(state): State<AppState>,
    Reader(author): Reader,
) -> Result<JsonBody<MeBody>, Problem> {
    let profile = state.app.accounts.profile(&author).await?;
    Ok(JsonBody(profile.into()))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct ChangeMe {
    language: Option<String>,
    email: Option<String>,
    password: Option<String>,
    current_password: Option<String>,
}

/// Changes language, e-mail address or password. The latter two ask for the current password, or for a login
/// by WhatsApp within the hour.
#[utoipa::path(
    patch,
    path = "/api/me",
    tag = "account",
    security(("session" = [])),
    request_body = ChangeMe,
    responses(
        (status = 200, description = "The author after the change.", body = MeBody),
        (status = 400, description = "`invalid_email`, `weak_password`, or the current password is wrong: `invalid_credentials`."),
        (status = 403, description = "Neither the current password nor a recent login by WhatsApp: `proof_needed`."),
        (status = 409, description = "The address has an account: `email_taken`."),
        (status = 429, description = "Too many requests: `rate_limited`, with `Retry-After`."),
    ),
)]
pub(crate) async fn change(
    State(state): State<AppState>,
    visitor: RequestContext,
    Json(asked): Json<ChangeMe>,
) -> Result<JsonBody<MeBody>, Problem> {
    let session = visitor.session.as_ref().ok_or(Problem::new(Code::Unauthenticated))?;
    let language = match &asked.language {
        Some(code) => Some(Language::from_code(code).ok_or(Problem::new(Code::InvalidRequest))?),
        None => None,
    };
    let change = AccountChange {
        language,
        email: asked.email.as_deref(),
        password: asked.password.as_deref(),
        current_password: asked.current_password.as_deref(),
    };
    Ok(JsonBody(state.app.accounts.change_account(session, &change, &visitor.browser).await?.into()))
}

/// Erases the account for good.
#[utoipa::path(
    delete,
    path = "/api/me",
    tag = "account",
    security(("session" = [])),
    responses(
        (status = 204, description = "The account is erased."),
    ),
)]
pub(crate) async fn erase(
    State(state): State<AppState>,
    Session(session): Session,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    state.app.erasure.erase(&session.session.author).await?;
    Ok((StatusCode::NO_CONTENT, gone(&state.site, &headers)).into_response())
}

/// Downloads everything that is stored of the author.
#[utoipa::path(
    get,
    path = "/api/me/export",
    tag = "account",
    security(("session" = [])),
    responses(
        (status = 200, description = "Everything that is stored of the author.", body = serde_json::Value),
    ),
)]
pub(crate) async fn export(
    State(state): State<AppState>,
    Session(session): Session,
) -> Result<Response, Problem> {
    let export = state.app.accounts.export(&session.session.author).await?;
    let named = [(header::CONTENT_DISPOSITION, "attachment; filename=\"postly-export.json\"")];
    Ok((named, JsonBody(export)).into_response())
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EntryBody {
    id: String,
    delta: i64,
    reason: String,
    note: Option<String>,
    reference: Option<String>,
    created_at: String,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct CreditsBody {
    available: i64,
    held: i64,
    entries: Vec<EntryBody>,
    next: Option<String>,
}

/// Shows the balance and its changes.
#[utoipa::path(
    get,
    path = "/api/credits",
    tag = "money",
    security(("token" = []), ("session" = [])),
    params(("cursor" = Option<String>, Query, description = "The `next` of the page before")),
    responses(
        (status = 200, description = "The balance and a page of the ledger, newest first.", body = CreditsBody),
    ),
)]
pub(crate) async fn credits(
    State(state): State<AppState>,
    Reader(author): Reader,
    Cursor(cursor): Cursor,
) -> Result<JsonBody<CreditsBody>, Problem> {
    let found = state.app.operator.credits(&AuthorSelector::Id(author), cursor.as_deref()).await;
    let (wallet, entries, next) = found.map_err(|error| Problem::internal(&error))?;
    let entries = entries.into_iter().map(|entry| EntryBody {
        id: entry.id.to_string(),
        delta: entry.delta,
        reason: entry.reason,
        note: entry.note,
        reference: entry.reference,
        created_at: rfc3339(entry.created_at),
    });
    Ok(JsonBody(CreditsBody {
        available: wallet.available(),
        held: wallet.held,
        entries: entries.collect(),
        next,
    }))
}
