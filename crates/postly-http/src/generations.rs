//! `/api/generations`: generating posts on the web, and the history of all posts.

use axum::{
    Json as JsonBody, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use postly_app::{
    HistoryFilter, HistoryPage, SavedGeneration, WebBrief, WebChange, WebGenerationError, platform_limits,
    rfc3339,
};
use postly_domain::{
    Language,
    id::{AuthorId, GenerationId},
    post::{Origin, Platform, VARIANTS},
};
use serde::{Deserialize, Serialize};

use crate::{
    extract::{Json, PathId, Reader},
    problem::{Code, Problem},
    progress,
    site::AppState,
};

pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/generations", post(create).get(list))
        .route("/api/generations/{id}", get(show).patch(mark_used))
        .route("/api/generations/{id}/refine", post(refine))
}

/// A generation as clients see it.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GenerationBody {
    id: String,
    status: &'static str,
    origin: &'static str,
    brief: String,
    platform: &'static str,
    language: &'static str,
    variants: Vec<VariantBody>,
    used: Option<i64>,
    created_at: String,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct VariantBody {
    text: String,
    angle: String,
    characters: usize,
}

impl From<SavedGeneration> for GenerationBody {
    fn from(saved: SavedGeneration) -> Self {
        let variants = saved.variants.into_iter().map(|variant| VariantBody {
            characters: platform_limits::length(saved.platform, &variant.text),
            text: variant.text,
            angle: variant.angle,
        });
        Self {
            id: saved.id.to_string(),
            status: "done",
            origin: saved.origin.as_str(),
            platform: saved.platform.as_str(),
            language: saved.language.code(),
            variants: variants.collect(),
            used: saved.used,
            created_at: rfc3339(saved.created_at),
            brief: saved.brief,
        }
    }
}

/// A new generation, with the balance after it.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct CreatedBody {
    #[serde(flatten)]
    generation: GenerationBody,
    available: i64,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateBody {
    #[schema(example = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end")]
    pub(crate) brief: String,
    /// A network, such as `instagram`.
    pub(crate) platform: Option<String>,
    /// The language of the posts: `fr`, `en`, `es`, `pt` or `ar`.
    pub(crate) language: Option<String>,
    /// A few words, at most 60 characters.
    pub(crate) tone: Option<String>,
}

impl CreateBody {
    /// Reads the brief and its options.
    ///
    /// # Errors
    /// Fails if the network or the language is unknown, or the tone is too long.
    pub(crate) fn read(self) -> Result<WebBrief, Problem> {
        Ok(WebBrief {
            brief: self.brief,
            platform: parsed(self.platform.as_deref(), Platform::parse)?,
            language: parsed(self.language.as_deref(), Language::from_code)?,
            tone: parsed(self.tone.as_deref(), tone)?,
        })
    }
}

/// The longest tone, in characters: the model needs only a few words.
const MAX_TONE_CHARS: usize = 60;

/// Writes three posts and charges one credit, once for each `Idempotency-Key`.
#[utoipa::path(
    post,
    path = "/api/generations",
    tag = "posts",
    security(("token" = []), ("session" = [])),
    request_body = CreateBody,
    params(("Idempotency-Key" = String, Header, description = "1 to 255 bytes, new for each request; valid for 24 hours")),
    responses(
        (status = 201, description = "The posts.", body = CreatedBody),
        (status = 402, description = "No credit is available: `insufficient_credits`."),
        (status = 422, description = "No brief, too vague, refused, or another request with this key."),
        (status = 502, description = "Nothing was written and nothing charged: `generation_failed`."),
        (status = 429, description = "Too many requests: `rate_limited`, with `Retry-After`."),
    ),
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    Reader(author): Reader,
    headers: HeaderMap,
    Json(body): Json<CreateBody>,
) -> Result<Response, Problem> {
    let key = idempotency_key(&headers)?;
    let brief = body.read()?;
    if progress::accepts_events(&headers) {
        let request_id = progress::request_id(&headers);
        return progress::stream_progress(state, author, key.to_owned(), brief, request_id).await;
    }
    let created =
        created(&state, &author, state.app.web.generate_for_web(&author, key, &brief).await).await?;
    Ok((StatusCode::CREATED, JsonBody(created)).into_response())
}

pub(crate) async fn created(
    state: &AppState,
    author: &AuthorId,
    written: Result<SavedGeneration, WebGenerationError>,
) -> Result<CreatedBody, Problem> {
    let generation = written?.into();
    let available = state.app.accounts.profile(author).await?.wallet.available();
    Ok(CreatedBody { generation, available })
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefineBody {
    #[schema(example = "plus court")]
    pub(crate) instruction: String,
    /// The one post to change, 1 to 3.
    #[schema(minimum = 1, maximum = 3)]
    pub(crate) variant: Option<u8>,
}

impl RefineBody {
    /// Reads a change of this generation.
    ///
    /// # Errors
    /// Fails if the instruction is empty or too long, or the variant does not exist.
    pub(crate) fn read(self, generation: GenerationId) -> Result<WebChange, Problem> {
        let most = u8::try_from(VARIANTS).unwrap_or(u8::MAX);
        let is_valid = !self.instruction.trim().is_empty()
            && self.instruction.chars().count() <= MAX_INSTRUCTION_CHARS
            && self.variant.is_none_or(|variant| (1..=most).contains(&variant));
        if !is_valid {
            return Err(Problem::new(Code::InvalidRequest));
        }
        Ok(WebChange { generation, instruction: self.instruction, variant: self.variant })
    }
}

/// The longest instruction for a change, in characters: the limit of a brief.
const MAX_INSTRUCTION_CHARS: usize = postly_domain::brief::MAX_BRIEF_CHARS;

/// Changes a generation. Without an `Idempotency-Key` each request is one of its own.
#[utoipa::path(
    post,
    path = "/api/generations/{id}/refine",
    tag = "posts",
    security(("token" = []), ("session" = [])),
    request_body = RefineBody,
    params(
        ("id" = String, Path, description = "The id of the generation"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeat with it has the same result"),
    ),
    responses(
        (status = 201, description = "The changed posts, a generation of their own.", body = CreatedBody),
        (status = 402, description = "The change costs a credit, and none is available: `insufficient_credits`."),
        (status = 422, description = "Not a change, refused, or another request with this key."),
        (status = 429, description = "Too many requests: `rate_limited`, with `Retry-After`."),
        (status = 502, description = "Nothing was written and nothing charged: `generation_failed`."),
    ),
)]
pub(crate) async fn refine(
    State(state): State<AppState>,
    Reader(author): Reader,
    PathId(id): PathId,
    headers: HeaderMap,
    Json(body): Json<RefineBody>,
) -> Result<Response, Problem> {
    let change = body.read(GenerationId::new(id))?;
    let fresh = uuid::Uuid::new_v4().to_string();
    let key = if headers.contains_key("idempotency-key") { idempotency_key(&headers)? } else { &fresh };
    let refined = state.app.web.refine_for_web(&author, key, &change).await;
    let body = created(&state, &author, refined).await?;
    Ok((StatusCode::CREATED, JsonBody(body)).into_response())
}

/// Returns the `Idempotency-Key` of a request, which must be the only one.
fn idempotency_key(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut keys = headers.get_all("idempotency-key").iter();
    match (keys.next().and_then(|key| key.to_str().ok()), keys.next()) {
        (Some(key), None) => Ok(key),
        (None, _) | (Some(_), Some(_)) => Err(Problem::new(Code::IdempotencyKeyNeeded)),
    }
}

/// Reads a tone: a few words on one line.
pub(crate) fn tone(text: &str) -> Option<String> {
    let text = text.trim();
    (text.chars().count() <= MAX_TONE_CHARS && !text.contains(char::is_control)).then(|| text.to_owned())
}

/// Parses an optional value. An empty one counts as absent.
fn parsed<T>(text: Option<&str>, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Problem> {
    match text.filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => parse(text).map(Some).ok_or(Problem::new(Code::InvalidRequest)),
    }
}

#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ListBody {
    generations: Vec<GenerationBody>,
    next: Option<String>,
}

impl From<HistoryPage> for ListBody {
    fn from((found, next): HistoryPage) -> Self {
        Self { generations: found.into_iter().map(GenerationBody::from).collect(), next }
    }
}

/// Lists the author's generations, newest first.
#[utoipa::path(
    get,
    path = "/api/generations",
    tag = "posts",
    security(("token" = []), ("session" = [])),
    params(("q" = Option<String>, Query, description = "Words in the brief or the posts"), ("platform" = Option<String>, Query, description = "Only posts for this network"), ("origin" = Option<String>, Query, description = "`web` or `whatsapp`"), ("cursor" = Option<String>, Query, description = "The `next` of the page before")),
    responses(
        (status = 200, description = "A page of the history, newest first.", body = ListBody),
    ),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    Reader(author): Reader,
    query: HistoryQuery,
) -> Result<JsonBody<ListBody>, Problem> {
    let page = state.app.web.history(&author, &query.filter(), query.cursor.as_deref()).await?;
    Ok(JsonBody(page.into()))
}

/// Shows one generation.
#[utoipa::path(
    get,
    path = "/api/generations/{id}",
    tag = "posts",
    security(("token" = []), ("session" = [])),
    params(("id" = String, Path, description = "The id of the generation")),
    responses(
        (status = 200, description = "The generation.", body = GenerationBody),
    ),
)]
pub(crate) async fn show(
    State(state): State<AppState>,
    Reader(author): Reader,
    PathId(id): PathId,
) -> Result<JsonBody<GenerationBody>, Problem> {
    found(&state, &author, &GenerationId::new(id)).await.map(JsonBody)
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UsedBody {
    #[schema(minimum = 1, maximum = 3)]
    used: Option<i64>,
}

/// Marks a variant as used, or none.
#[utoipa::path(
    patch,
    path = "/api/generations/{id}",
    tag = "posts",
    security(("token" = []), ("session" = [])),
    request_body = UsedBody,
    params(("id" = String, Path, description = "The id of the generation")),
    responses(
        (status = 200, description = "The generation after the change.", body = GenerationBody),
    ),
)]
pub(crate) async fn mark_used(
    State(state): State<AppState>,
    Reader(author): Reader,
    PathId(id): PathId,
    Json(body): Json<UsedBody>,
) -> Result<JsonBody<GenerationBody>, Problem> {
    let most = i64::try_from(VARIANTS).unwrap_or(i64::MAX);
    if body.used.is_some_and(|used| !(1..=most).contains(&used)) {
        return Err(Problem::new(Code::InvalidRequest));
    }
    let id = GenerationId::new(id);
    state.app.web.mark_used(&author, &id, body.used).await?;
    found(&state, &author, &id).await.map(JsonBody)
}

async fn found(state: &AppState, author: &AuthorId, id: &GenerationId) -> Result<GenerationBody, Problem> {
    let found = state.app.web.generation(author, id).await?;
    found.map(GenerationBody::from).ok_or(Problem::new(Code::NotFound))
}

/// The query of a history. Each parameter occurs at most once; an empty one counts as absent.
#[derive(Debug, Default)]
pub(crate) struct HistoryQuery {
    pub(crate) text: Option<String>,
    pub(crate) platform: Option<Platform>,
    pub(crate) origin: Option<Origin>,
    pub(crate) cursor: Option<String>,
}

impl HistoryQuery {
    /// Reads the query string.
    ///
    /// # Errors
    /// Fails if a parameter occurs twice, holds U+0000, or names an unknown network or origin.
    pub(crate) fn read(query: &str) -> Result<Self, Problem> {
        let invalid = || Problem::new(Code::InvalidRequest);
        let mut read = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.is_empty()) {
            if value.contains('\0') {
                return Err(invalid());
            }
            let again = match name.as_ref() {
                "q" => read.text.replace(value.into_owned()).is_some(),
                "cursor" => read.cursor.replace(value.into_owned()).is_some(),
                "platform" => read.platform.replace(Platform::parse(&value).ok_or_else(invalid)?).is_some(),
                "origin" => read.origin.replace(Origin::parse(&value).ok_or_else(invalid)?).is_some(),
                _ => false,
            };
            if again {
                return Err(invalid());
            }
        }
        Ok(read)
    }

    pub(crate) fn filter(&self) -> HistoryFilter<'_> {
        HistoryFilter { text: self.text.as_deref(), platform: self.platform, origin: self.origin }
    }
}

impl axum::extract::FromRequestParts<AppState> for HistoryQuery {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _: &AppState,
    ) -> Result<Self, Problem> {
        Self::read(parts.uri.query().unwrap_or_default())
    }
}

impl From<WebGenerationError> for Problem {
    fn from(error: WebGenerationError) -> Self {
        match error {
            WebGenerationError::InvalidKey => Self::new(Code::IdempotencyKeyNeeded),
            WebGenerationError::NotABrief(sentence) => Self::with_detail(Code::NotABrief, sentence),
            WebGenerationError::TooVague(sentence) => Self::with_detail(Code::BriefTooVague, sentence),
            WebGenerationError::Refused(sentence) => Self::with_detail(Code::BriefRefused, sentence),
            WebGenerationError::UnknownGeneration => Self::new(Code::NotFound),
            WebGenerationError::KeyReused => Self::new(Code::IdempotencyMismatch),
            WebGenerationError::InsufficientCredits(sentence) => {
                Self::with_detail(Code::InsufficientCredits, sentence)
            }
            WebGenerationError::Failed(sentence) => Self::with_detail(Code::GenerationFailed, sentence),
            WebGenerationError::RateLimited { retry_after_s } => Self::rate_limited(retry_after_s),
            WebGenerationError::Unavailable => Self::new(Code::Unavailable),
            WebGenerationError::Store(error) => error.into(),
        }
    }
}
