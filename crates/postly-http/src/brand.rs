//! `/api/brand`: the rules and facts for every brief of an author.

use axum::{
    Json as JsonBody, Router,
    extract::{DefaultBodyLimit, State},
    routing::get,
};
use postly_app::BrandChangeError;
use postly_domain::brand::{Address, Brand};
use serde::{Deserialize, Serialize};

use crate::{
    extract::{Json, Reader, Session},
    problem::{Code, Problem},
    site::AppState,
};

pub(crate) fn router() -> Router<AppState> {
    /// The longest brand memory, with every character escaped.
    const MAX_BYTES: usize = 96 * 1024;
    Router::new().route("/api/brand", get(show).put(replace)).layer(DefaultBodyLimit::max(MAX_BYTES))
}

/// A form of address: *tu* is informal, *vous* formal.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
enum AddressBody {
    Informal,
    Formal,
}

/// A brand memory. A field that is missing or null says nothing.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[derive(Default)]
pub(crate) struct BrandBody {
    /// At most 80 characters, as `place`, `trade` and `tone`.
    name: Option<String>,
    place: Option<String>,
    trade: Option<String>,
    /// The tone of posts whose brief names none.
    tone: Option<String>,
    address: Option<AddressBody>,
    /// False for posts without emoji.
    emojis: Option<bool>,
    /// At most 30, of 60 characters each. None of them ever stands in a post.
    banned_words: Vec<String>,
    /// At most 20, of 200 characters each.
    facts: Vec<String>,
    /// Printed as it is at the end of every post; at most 160 characters.
    signature: Option<String>,
}

impl From<Brand> for BrandBody {
    fn from(brand: Brand) -> Self {
        let address = brand.address.map(|address| match address {
            Address::Informal => AddressBody::Informal,
            Address::Formal => AddressBody::Formal,
        });
        let Brand { name, place, trade, tone, address: _, emojis, banned_words, facts, signature } = brand;
        Self { name, place, trade, tone, address, emojis, banned_words, facts, signature }
    }
}

impl From<BrandBody> for Brand {
    fn from(body: BrandBody) -> Self {
        let address = body.address.map(|address| match address {
            AddressBody::Informal => Address::Informal,
            AddressBody::Formal => Address::Formal,
        });
        let BrandBody { name, place, trade, tone, address: _, emojis, banned_words, facts, signature } = body;
        Self { name, place, trade, tone, address, emojis, banned_words, facts, signature }
    }
}

/// Shows the brand memory.
#[utoipa::path(
    get,
    path = "/api/brand",
    tag = "posts",
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "The brand memory; empty fields where the author said nothing.", body = BrandBody),
    ),
)]
pub(crate) async fn show(
    State(state): State<AppState>,
    Reader(author): Reader,
) -> Result<JsonBody<BrandBody>, Problem> {
    let brand = state.app.brand.brand(&author).await?.ok_or(Problem::new(Code::Unauthenticated))?;
    Ok(JsonBody(brand.into()))
}

/// Replaces the brand memory. A token cannot: it asks for a session of ours.
#[utoipa::path(
    put,
    path = "/api/brand",
    tag = "posts",
    security(("session" = [])),
    request_body = BrandBody,
    responses(
        (status = 200, description = "The brand memory as it is kept: trimmed, without empty or repeated texts.", body = BrandBody),
        (status = 422, description = "A bound is broken (`brand_too_long`), or the service does not write about something in it (`brief_refused`)."),
    ),
)]
pub(crate) async fn replace(
    State(state): State<AppState>,
    Session(own): Session,
    Json(body): Json<BrandBody>,
) -> Result<JsonBody<BrandBody>, Problem> {
    let kept = state.app.brand.set_brand(&own.session.author, &body.into()).await?;
    Ok(JsonBody(kept.into()))
}

impl From<BrandChangeError> for Problem {
    fn from(error: BrandChangeError) -> Self {
        match error {
            BrandChangeError::Bound(_) => Self::new(Code::BrandTooLong),
            BrandChangeError::Forbidden => Self::new(Code::BriefRefused),
            BrandChangeError::Gone => Self::new(Code::Unauthenticated),
            BrandChangeError::Store(error) => error.into(),
        }
    }
}
