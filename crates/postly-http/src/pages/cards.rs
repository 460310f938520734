//! Lists of generations, with the delivery status of those from WhatsApp.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use postly_app::{SavedGeneration, StoreError, platform_limits};
use postly_domain::{
    id::GenerationId,
    post::{Origin, Platform},
};

use super::{member::Member, moment::Moment, page, texts::Texts};
use crate::{events::delivery_name, extract::PathId, problem::Problem, site::AppState};

pub(super) fn router() -> Router<AppState> {
    Router::new().route("/history/{id}/card", get(show))
}

/// One generation in a list.
pub(super) struct Card {
    pub(super) id: String,
    pub(super) brief: String,
    pub(super) network: &'static str,
    pub(super) origin: String,
    pub(super) created_at: Moment,
    pub(super) first: String,
    pub(super) lang: &'static str,
    /// The delivery of the answer on WhatsApp: the name of its status, and its text.
    pub(super) delivery: Option<(&'static str, String)>,
}

/// Makes the cards of generations.
///
/// # Errors
/// Fails if the database fails.
pub(super) async fn cards(
    state: &AppState,
    t: &Texts,
    found: Vec<SavedGeneration>,
) -> Result<Vec<Card>, StoreError> {
    let answered = found.iter().filter(|saved| saved.origin == Origin::Whatsapp).map(|saved| &saved.id);
    let answered: Vec<&GenerationId> = answered.collect();
    let deliveries = state.app.streams.deliveries(&answered).await?;
    let card = |saved: SavedGeneration| Card {
        id: saved.id.to_string(),
        network: network_name(saved.platform),
        origin: origin_name(t, saved.origin).to_owned(),
        created_at: Moment::new(saved.created_at),
        delivery: deliveries.get(&saved.id).map(|delivery| {
            let name = delivery_name(*delivery);
            (name, t.delivery(name).to_owned())
        }),
        first: saved.variants.into_iter().next().map(|variant| variant.text).unwrap_or_default(),
        lang: saved.language.code(),
        brief: saved.brief,
    };
    Ok(found.into_iter().map(card).collect())
}

/// Returns the name of a network in its own spelling; empty for the general platform.
pub(super) fn network_name(platform: Platform) -> &'static str {
    if platform == Platform::General { "" } else { platform_limits::display_name(platform) }
}

fn origin_name(t: &Texts, origin: Origin) -> &str {
    match origin {
        Origin::Web => &t.hist_web,
        Origin::Whatsapp => &t.hist_whatsapp,
    }
}

#[derive(Template)]
#[template(path = "_cards.html")]
struct CardList<'a> {
    t: &'a Texts,
    cards: Vec<Card>,
}

/// Responds with one card as an HTML fragment, for the script that adds it to an open list.
async fn show(State(state): State<AppState>, member: Member, PathId(id): PathId) -> Response {
    let made = async {
        let found = state.app.web.generation(&member.author, &GenerationId::new(id)).await?;
        cards(&state, member.t, found.into_iter().collect()).await
    };
    match made.await {
        Ok(cards) if cards.is_empty() => {
            super::not_found(member.t, super::Frame::of_member(&member.author, ""))
        }
        Ok(cards) => page(StatusCode::OK, &CardList { t: member.t, cards }),
        Err(error) => Problem::from(error).into_response(),
    }
}
