//! `/`: the landing page.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};

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

/// A link that opens a chat with our number, and its QR code.
struct WhatsappLink {
    url: String,
    qr: String,
}

async fn show(State(state): State<AppState>, visitor: RequestContext, headers: HeaderMap) -> Response {
    if visitor.session.is_some() {
        return redirect(DASHBOARD);
    }
    let number = match state.app.whatsapp_number().await {
        Ok(number) => number,
        Err(error) => return Problem::from(error).into_response(),
    };
    let whatsapp = number.map(|number| {
        let url = format!("https://wa.me/{}", number.trim_start_matches('+'));
        WhatsappLink { qr: qr(&url).unwrap_or_default(), url }
    });
    let t = Texts::of(&headers);
    let packs = credits::pack_labels(&state, t.language());
    page(StatusCode::OK, &LandingPage { t, f: Frame::of(&visitor, "/"), whatsapp, packs })
}
