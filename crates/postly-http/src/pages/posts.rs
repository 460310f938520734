//! `/dashboard` and `/history`: asking for posts, and the posts of both channels.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use postly_app::{HistoryFilter, SavedGeneration, WebBrief, WebGenerationError, platform_limits};
use postly_domain::{
    Language,
    id::GenerationId,
    post::{Origin, Platform},
};
use serde::Deserialize;

use super::{landing::DASHBOARD, member::Member, moment::Moment, page, texts::Texts};
use crate::{
    extract::{Form, PathId},
    generations::HistoryQuery,
    problem::{Code, Problem},
    site::AppState,
};

const HISTORY: &str = "/history";
/// Posts on the dashboard below the form.
const RECENT: usize = 3;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route(DASHBOARD, get(show_dashboard).post(generate))
        .route(HISTORY, get(show_history))
        .route("/history/{id}", get(show_posts))
        .route("/history/{id}/used", post(mark_used))
}

/// An option of a select box.
struct Choice {
    value: &'static str,
    label: String,
    selected: bool,
}

/// The networks that have a name of their own, and the one chosen.
fn networks(chosen: Option<Platform>) -> Vec<Choice> {
    let named = Platform::ALL.into_iter().filter(|platform| *platform != Platform::General);
    named
        .map(|platform| Choice {
            value: platform.as_str(),
            label: network_name(platform).to_owned(),
            selected: chosen == Some(platform),
        })
        .collect()
}

fn languages(chosen: Option<Language>) -> Vec<Choice> {
    Language::ALL
        .map(|language| Choice {
            value: language.code(),
            label: super::account::language_name(language).to_owned(),
            selected: chosen == Some(language),
        })
        .into()
}

/// The name of a network, as it writes itself; empty for none in particular.
fn network_name(platform: Platform) -> &'static str {
    if platform == Platform::General { "" } else { platform_limits::display_name(platform) }
}

#[derive(Template)]
#[template(path = "dashboard.html")]
struct DashboardPage<'a> {
    t: &'a Texts,
    available: i64,
    has_number: bool,
    /// A key for this very form: sent twice, it is one request.
    key: String,
    brief: String,
    networks: Vec<Choice>,
    languages: Vec<Choice>,
    error: String,
    recent: Vec<Card>,
}

/// One generation in a list.
struct Card {
    id: String,
    brief: String,
    network: &'static str,
    origin: String,
    created_at: Moment,
    first: String,
    lang: &'static str,
}

impl Card {
    fn new(t: &Texts, saved: SavedGeneration) -> Self {
        Self {
            id: saved.id.to_string(),
            network: network_name(saved.platform),
            origin: origin_name(t, saved.origin).to_owned(),
            created_at: Moment::new(saved.created_at),
            first: saved.variants.into_iter().next().map(|variant| variant.text).unwrap_or_default(),
            lang: saved.language.code(),
            brief: saved.brief,
        }
    }
}

fn origin_name(t: &Texts, origin: Origin) -> &str {
    match origin {
        Origin::Web => &t.hist_web,
        Origin::Whatsapp => &t.hist_whatsapp,
    }
}

async fn show_dashboard(State(state): State<AppState>, member: Member) -> Response {
    dashboard(&state, member, StatusCode::OK, GenerateForm::default(), String::new()).await
}

async fn dashboard(
    state: &AppState,
    member: Member,
    status: StatusCode,
    form: GenerateForm,
    error: String,
) -> Response {
    let Member { author, profile, t } = member;
    let recent = match state.app.history(&author, &HistoryFilter::default(), None).await {
        Ok((found, _)) => found.into_iter().take(RECENT).map(|saved| Card::new(t, saved)).collect(),
        Err(error) => return Problem::from(error).into_response(),
    };
    let shown = DashboardPage {
        t,
        available: profile.wallet.available(),
        has_number: profile.phone.is_some(),
        key: uuid::Uuid::new_v4().to_string(),
        networks: networks(Platform::parse(&form.platform)),
        languages: languages(Language::from_code(&form.language)),
        brief: form.brief,
        error,
        recent,
    };
    page(status, &shown)
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct GenerateForm {
    key: String,
    brief: String,
    #[serde(default)]
    platform: String,
    #[serde(default)]
    language: String,
}

/// Writes the posts, then leads to their page, so that reloading it asks for nothing.
async fn generate(State(state): State<AppState>, member: Member, Form(form): Form<GenerateForm>) -> Response {
    let request = WebBrief {
        brief: form.brief.clone(),
        platform: Platform::parse(&form.platform),
        language: Language::from_code(&form.language),
        tone: None,
    };
    let failure = match state.app.generate_for_web(&member.author, &form.key, &request).await {
        Ok(saved) => {
            let location = format!("{HISTORY}/{}", saved.id);
            return (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
        }
        Err(failure) => failure,
    };
    let sentence = match failure {
        WebGenerationError::NotABrief(sentence)
        | WebGenerationError::TooVague(sentence)
        | WebGenerationError::Refused(sentence)
        | WebGenerationError::InsufficientCredits(sentence)
        | WebGenerationError::Failed(sentence) => sentence,
        WebGenerationError::RateLimited { .. } => member.t.problem(Code::RateLimited).to_owned(),
        WebGenerationError::UnknownGeneration
        | WebGenerationError::KeyReused
        | WebGenerationError::InvalidKey
        | WebGenerationError::Unavailable
        | WebGenerationError::Store(_) => member.t.failed.clone(),
    };
    dashboard(&state, member, StatusCode::UNPROCESSABLE_ENTITY, form, sentence).await
}

#[derive(Template)]
#[template(path = "posts.html")]
struct PostsPage<'a> {
    t: &'a Texts,
    id: String,
    brief: String,
    network: &'static str,
    created_at: Moment,
    lang: &'static str,
    dir: &'static str,
    posts: Vec<PostCard>,
}

struct PostCard {
    number: i64,
    text: String,
    angle: String,
    /// The length as the network counts it, and its limit.
    length: usize,
    limit: usize,
    used: bool,
}

async fn show_posts(State(state): State<AppState>, member: Member, PathId(id): PathId) -> Response {
    let saved = match state.app.generation(&member.author, &GenerationId::new(id)).await {
        Ok(Some(saved)) => saved,
        Ok(None) => return super::not_found(member.t),
        Err(error) => return Problem::from(error).into_response(),
    };
    let posts = (1..).zip(saved.variants).map(|(number, variant)| PostCard {
        number,
        length: platform_limits::length(saved.platform, &variant.text),
        limit: platform_limits::limit(saved.platform),
        used: saved.used == Some(number),
        text: variant.text,
        angle: variant.angle,
    });
    let shown = PostsPage {
        t: member.t,
        id: saved.id.to_string(),
        brief: saved.brief,
        network: network_name(saved.platform),
        created_at: Moment::new(saved.created_at),
        lang: saved.language.code(),
        dir: saved.language.dir(),
        posts: posts.collect(),
    };
    page(StatusCode::OK, &shown)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UsedForm {
    /// 1 to 3, or 0 to remove the mark.
    used: i64,
}

async fn mark_used(
    State(state): State<AppState>,
    member: Member,
    PathId(id): PathId,
    Form(form): Form<UsedForm>,
) -> Response {
    let id = GenerationId::new(id);
    let used = (1..=3).contains(&form.used).then_some(form.used);
    match state.app.mark_used(&member.author, &id, used).await {
        Ok(true) => (StatusCode::SEE_OTHER, [(header::LOCATION, format!("{HISTORY}/{id}"))]).into_response(),
        Ok(false) => super::not_found(member.t),
        Err(error) => Problem::from(error).into_response(),
    }
}

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage<'a> {
    t: &'a Texts,
    query: String,
    networks: Vec<Choice>,
    origins: [(&'static str, &'a str, bool); 2],
    filtered: bool,
    cards: Vec<Card>,
    next: Option<String>,
}

async fn show_history(State(state): State<AppState>, member: Member, query: HistoryQuery) -> Response {
    let found = state.app.history(&member.author, &query.filter(), query.cursor.as_deref()).await;
    let (found, next) = match found {
        Ok(found) => found,
        Err(error) => return Problem::from(error).into_response(),
    };
    let t = member.t;
    let shown = HistoryPage {
        t,
        networks: networks(query.platform),
        origins: [
            ("web", &t.hist_web, query.origin == Some(Origin::Web)),
            ("whatsapp", &t.hist_whatsapp, query.origin == Some(Origin::Whatsapp)),
        ],
        filtered: query.text.is_some() || query.platform.is_some() || query.origin.is_some(),
        cards: found.into_iter().map(|saved| Card::new(t, saved)).collect(),
        next: next.map(|cursor| next_page(&query, &cursor)),
        query: query.text.unwrap_or_default(),
    };
    page(StatusCode::OK, &shown)
}

/// The address of the next page of the same search.
fn next_page(query: &HistoryQuery, cursor: &str) -> String {
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    if let Some(text) = &query.text {
        pairs.append_pair("q", text);
    }
    if let Some(platform) = query.platform {
        pairs.append_pair("platform", platform.as_str());
    }
    if let Some(origin) = query.origin {
        pairs.append_pair("origin", origin.as_str());
    }
    format!("{HISTORY}?{}", pairs.append_pair("cursor", cursor).finish())
}
