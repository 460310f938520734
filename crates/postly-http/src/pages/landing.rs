//! `/`: the landing page.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use postly_app::WhatsappContact;

use super::{credits, frame::Frame, page, redirect, steps::qr, texts::Texts};
use crate::{extract::RequestContext, problem::Problem, site::AppState};

/// The page of a logged-in author.
pub(super) const DASHBOARD: &str = "/dashboard";

pub(super) fn router() -> Router<AppState> {
    Router::new().route("/", get(show))
}

#[derive(Template)]
#[template(path = "landing.html")]
struct LandingPage<'a> {
    t: &'a Texts,
    f: Frame,
    whatsapp: Option<WhatsappLink>,
    packs: Vec<String>,
}

/// Our number, a link that opens a chat with it, and the QR code of the link.
struct WhatsappLink {
    number: String,
    url: String,
    qr: String,
}

async fn show(State(state): State<AppState>, visitor: RequestContext, headers: HeaderMap) -> Response {
    if visitor.session.is_some() {
        return redirect(DASHBOARD);
    }
    let contact = match state.app.whatsapp_contact().await {
        Ok(contact) => contact,
        Err(error) => return Problem::from(error).into_response(),
    };
    let whatsapp = contact.map(|WhatsappContact { number, url }| WhatsappLink {
        qr: qr(&url).unwrap_or_default(),
        number,
        url,
    });
    let t = Texts::of(&headers);
    let packs = credits::pack_labels(&state, t.language());
    page(StatusCode::OK, &LandingPage { t, f: Frame::of(&visitor, "/"), whatsapp, packs })
}
