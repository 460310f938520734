//! `/dashboard`: the form for a brief, and the newest posts of both channels.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use postly_app::{WebBrief, WebGenerationError};
use postly_domain::{Language, post::Platform};
use serde::Deserialize;

use super::{
    cards::{self, Card, network_name},
    frame::Frame,
    landing::DASHBOARD,
    member::Member,
    page,
    posts::HISTORY,
    redirect,
    texts::Texts,
};
use crate::{
    extract::Form,
    generations::tone,
    problem::{Code, Problem},
    site::AppState,
};

/// The number of posts below the form.
const RECENT: usize = 3;

pub(super) fn router() -> Router<AppState> {
    Router::new().route(DASHBOARD, get(show).post(generate))
}

/// An option of a select box.
pub(super) struct Choice {
    pub(super) value: &'static str,
    pub(super) label: String,
    pub(super) selected: bool,
}

/// Returns the networks except the general platform, and marks the chosen one.
pub(super) fn networks(chosen: Option<Platform>) -> Vec<Choice> {
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

#[derive(Template)]
#[template(path = "dashboard.html")]
struct DashboardPage<'a> {
    t: &'a Texts,
    f: Frame,
    available: i64,
    has_number: bool,
    /// True if credits are for sale.
    sells: bool,
    /// The idempotency key of this form: sent twice, it is one request.
    key: String,
    brief: String,
    tone: String,
    networks: Vec<Choice>,
    languages: Vec<Choice>,
    error: String,
    recent: Vec<Card>,
    /// The newest generation on the page; a live stream sends later ones.
    newest: String,
}

async fn show(State(state): State<AppState>, member: Member) -> Response {
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
    let read = async {
        let found = state.app.web.newest_generations(&author, RECENT).await?;
        let newest = found.first().map(|saved| saved.id.to_string()).unwrap_or_default();
        Ok::<_, postly_app::StoreError>((newest, cards::cards(state, t, found).await?))
    };
    let (newest, recent) = match read.await {
        Ok(read) => read,
        Err(error) => return Problem::from(error).into_response(),
    };
    let shown = DashboardPage {
        t,
        f: Frame::of_member(&author, DASHBOARD),
        available: profile.wallet.available(),
        has_number: profile.phone.is_some(),
        sells: state.app.payments.sells(),
        key: uuid::Uuid::new_v4().to_string(),
        networks: networks(Platform::parse(&form.platform)),
        languages: languages(Language::from_code(&form.language)),
        brief: form.brief,
        tone: form.tone,
        error,
        recent,
        newest,
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
    tone: String,
    #[serde(default)]
    language: String,
}

/// Returns the text for a request that failed.
pub(super) fn failure_sentence(t: &Texts, failure: WebGenerationError) -> String {
    match failure {
        WebGenerationError::NotABrief(sentence)
        | WebGenerationError::TooVague(sentence)
        | WebGenerationError::Refused(sentence)
        | WebGenerationError::InsufficientCredits(sentence)
        | WebGenerationError::Failed(sentence) => sentence,
        WebGenerationError::RateLimited { .. } => t.problem(Code::RateLimited).to_owned(),
        WebGenerationError::UnknownGeneration
        | WebGenerationError::KeyReused
        | WebGenerationError::InvalidKey
        | WebGenerationError::Unavailable
        | WebGenerationError::Store(_) => t.failed.clone(),
    }
}

/// Generates posts, then redirects to their page, so that a reload repeats no request.
async fn generate(State(state): State<AppState>, member: Member, Form(form): Form<GenerateForm>) -> Response {
    let request = WebBrief {
        brief: form.brief.clone(),
        platform: Platform::parse(&form.platform),
        language: Language::from_code(&form.language),
        // The field allows no longer text; a longer one is ignored.
        tone: tone(&form.tone).filter(|tone| !tone.is_empty()),
    };
    let failure = match state.app.web.generate_for_web(&member.author, &form.key, &request).await {
        Ok(saved) => {
            let location = format!("{HISTORY}/{}", saved.id);
            return redirect(&location);
        }
        Err(failure) => failure,
    };
    let sentence = failure_sentence(member.t, failure);
    dashboard(&state, member, StatusCode::UNPROCESSABLE_ENTITY, form, sentence).await
}
