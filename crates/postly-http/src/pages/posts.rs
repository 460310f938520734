//! `/history`: the posts of both channels with a search, and the page of one generation.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use postly_app::{SavedGeneration, WebChange, platform_limits};
use postly_domain::{id::GenerationId, post::Origin};
use serde::Deserialize;

use super::{
    cards::{self, Card, network_name},
    dashboard::{Choice, failure_sentence, networks},
    frame::Frame,
    member::Member,
    moment::Moment,
    page, redirect,
    texts::Texts,
};
use crate::{
    extract::{Form, PathId},
    generations::HistoryQuery,
    problem::Problem,
    site::AppState,
};

pub(super) const HISTORY: &str = "/history";

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route(HISTORY, get(show_history))
        .route("/history/{id}", get(show_posts))
        .route("/history/{id}/used", post(mark_used))
        .route("/history/{id}/refine", post(refine))
}

#[derive(Template)]
#[template(path = "posts.html")]
struct PostsPage<'a> {
    t: &'a Texts,
    f: Frame,
    id: String,
    brief: String,
    network: &'static str,
    /// The name of the network in the style sheet.
    platform: &'static str,
    created_at: Moment,
    lang: &'static str,
    dir: &'static str,
    posts: Vec<PostCard>,
    /// The idempotency key of this form: sent twice, it is one request.
    key: String,
    instruction: String,
    error: String,
}

struct PostCard {
    number: i64,
    text: String,
    angle: String,
    /// The length as the network counts it.
    length: usize,
    limit: usize,
    /// The number of hashtags and the limit of the network, if it has one.
    hashtags: Option<(usize, usize)>,
    used: bool,
}

impl PostCard {
    fn new(saved: &SavedGeneration, number: i64, variant: &postly_domain::post::Variant) -> Self {
        let count = platform_limits::hashtag_count(&variant.text);
        Self {
            number,
            length: platform_limits::length(saved.platform, &variant.text),
            limit: platform_limits::limit(saved.platform),
            hashtags: platform_limits::hashtag_limit(saved.platform).map(|limit| (count, limit)),
            used: saved.used == Some(number),
            text: variant.text.clone(),
            angle: variant.angle.clone(),
        }
    }
}

async fn show_posts(State(state): State<AppState>, member: Member, PathId(id): PathId) -> Response {
    posts_page(&state, member, &GenerationId::new(id), StatusCode::OK, String::new(), String::new()).await
}

/// Responds with the page of a generation. A failed change is shown with its instruction and error.
async fn posts_page(
    state: &AppState,
    member: Member,
    id: &GenerationId,
    status: StatusCode,
    instruction: String,
    error: String,
) -> Response {
    let saved = match state.app.web.generation(&member.author, id).await {
        Ok(Some(saved)) => saved,
        Ok(None) => return super::not_found(member.t, Frame::of_member(&member.author, HISTORY)),
        Err(error) => return Problem::from(error).into_response(),
    };
    let posts = (1..).zip(&saved.variants).map(|(number, variant)| PostCard::new(&saved, number, variant));
    let shown = PostsPage {
        t: member.t,
        f: Frame::of_member(&member.author, HISTORY),
        id: saved.id.to_string(),
        network: network_name(saved.platform),
        platform: saved.platform.as_str(),
        created_at: Moment::new(saved.created_at),
        lang: saved.language.code(),
        dir: saved.language.dir(),
        posts: posts.collect(),
        brief: saved.brief.clone(),
        key: uuid::Uuid::new_v4().to_string(),
        instruction,
        error,
    };
    page(status, &shown)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefineForm {
    key: String,
    instruction: String,
}

/// Changes the posts, then redirects to the page of the changed ones, so that a reload repeats no request.
async fn refine(
    State(state): State<AppState>,
    member: Member,
    PathId(id): PathId,
    Form(form): Form<RefineForm>,
) -> Response {
    let generation = GenerationId::new(id);
    let change = WebChange { generation, instruction: form.instruction, variant: None };
    match state.app.web.refine_for_web(&member.author, &form.key, &change).await {
        Ok(saved) => redirect(&format!("{HISTORY}/{}", saved.id)),
        Err(failure) => {
            let sentence = failure_sentence(member.t, failure);
            let WebChange { generation, instruction, .. } = change;
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            posts_page(&state, member, &generation, status, instruction, sentence).await
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UsedForm {
    /// The number of the used post, 1 to 3, or 0 to remove the mark.
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
    match state.app.web.mark_used(&member.author, &id, used).await {
        Ok(true) => redirect(&format!("{HISTORY}/{id}")),
        Ok(false) => super::not_found(member.t, Frame::of_member(&member.author, HISTORY)),
        Err(error) => Problem::from(error).into_response(),
    }
}

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage<'a> {
    t: &'a Texts,
    f: Frame,
    query: String,
    networks: Vec<Choice>,
    origins: [(&'static str, &'a str, bool); 2],
    filtered: bool,
    cards: Vec<Card>,
    next: Option<String>,
}

async fn show_history(State(state): State<AppState>, member: Member, query: HistoryQuery) -> Response {
    let found = state.app.web.history(&member.author, &query.filter(), query.cursor.as_deref()).await;
    let (found, next) = match found {
        Ok(found) => found,
        Err(error) => return Problem::from(error).into_response(),
    };
    let t = member.t;
    let cards = match cards::cards(&state, t, found).await {
        Ok(cards) => cards,
        Err(error) => return Problem::from(error).into_response(),
    };
    let shown = HistoryPage {
        t,
        f: Frame::of_member(&member.author, HISTORY),
        networks: networks(query.platform),
        origins: [
            ("web", &t.hist_web, query.origin == Some(Origin::Web)),
            ("whatsapp", &t.hist_whatsapp, query.origin == Some(Origin::Whatsapp)),
        ],
        filtered: query.text.is_some() || query.platform.is_some() || query.origin.is_some(),
        cards,
        next: next.map(|cursor| next_page(&query, &cursor)),
        query: query.text.unwrap_or_default(),
    };
    page(StatusCode::OK, &shown)
}

/// Returns the address of the next page of a search.
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
