//! `/`: the landing page.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use postly_app::{Offer, WhatsappContact};

use super::{frame::Frame, page, redirect, steps::qr, texts::Texts};
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
    packs: Vec<Offer>,
}

/// Our number, a link that opens a chat with it, and the QR code of the link.
struct WhatsappLink {
    number: String,
    url: String,
    qr: String,
}

async fn show(State(state): State<AppState>, visitor: RequestContext) -> Response {
    if visitor.session.is_some() {
        return redirect(DASHBOARD);
    }
    let contact = match state.app.logins.whatsapp_contact().await {
        Ok(contact) => contact,
        Err(error) => return Problem::from(error).into_response(),
    };
    let whatsapp = contact.map(|WhatsappContact { number, url }| WhatsappLink {
        qr: qr(&url).unwrap_or_default(),
        number,
        url,
    });
    let t = Texts::of_visitor(&visitor);
    let packs = state.app.payments.offers(t.language()).unwrap_or_default();
    page(StatusCode::OK, &LandingPage { t, f: Frame::of(&visitor, "/"), whatsapp, packs })
}
