//! `/api/me` and `/api/credits`: what an author has, changes, takes along, and leaves behind.

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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MeBody {
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

async fn show(State(state): State<AppState>, Reader(author): Reader) -> Result<JsonBody<MeBody>, Problem> {
    let profile = state.app.profile(&author).await?;
    Ok(JsonBody(profile.into()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ChangeMe {
    language: Option<String>,
    email: Option<String>,
    password: Option<String>,
    current_password: Option<String>,
}

async fn change(
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
    Ok(JsonBody(state.app.change_account(session, &change, &visitor.browser).await?.into()))
}

async fn erase(
    State(state): State<AppState>,
    Session(session): Session,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    state.app.erase(&session.session.author).await?;
    Ok((StatusCode::NO_CONTENT, gone(&state.site, &headers)).into_response())
}

async fn export(State(state): State<AppState>, Session(session): Session) -> Result<Response, Problem> {
    let export = state.app.export(&session.session.author).await?;
    let named = [(header::CONTENT_DISPOSITION, "attachment; filename=\"postly-export.json\"")];
    Ok((named, JsonBody(export)).into_response())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EntryBody {
    id: String,
    delta: i64,
    reason: String,
    note: Option<String>,
    reference: Option<String>,
    created_at: String,
}

#[derive(Serialize)]
struct CreditsBody {
    available: i64,
    held: i64,
    entries: Vec<EntryBody>,
    next: Option<String>,
}

async fn credits(
    State(state): State<AppState>,
    Reader(author): Reader,
    Cursor(cursor): Cursor,
) -> Result<JsonBody<CreditsBody>, Problem> {
    let found = state.app.credits(&AuthorSelector::Id(author), cursor.as_deref()).await;
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
