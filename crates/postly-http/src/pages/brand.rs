//! `/account/brand`: the brand memory as a form.

use askama::Template;
use axum::{
    Router,
    extract::{RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use postly_domain::brand::{Address, Brand};
use serde::Deserialize;

use super::{
    frame::Frame,
    page as answer, redirect,
    steps::{ACCOUNT, LOGIN, PageContext},
    texts::Texts,
};
use crate::{extract::Form, problem::Problem, site::AppState};

const BRAND: &str = "/account/brand";

pub(super) fn router() -> Router<AppState> {
    Router::new().route(BRAND, get(show).post(save))
}

#[derive(Template)]
#[template(path = "brand.html")]
struct BrandPage<'a> {
    t: &'a Texts,
    f: Frame,
    brand: Brand,
    is_saved: bool,
    error: &'a str,
}

impl BrandPage<'_> {
    fn address(&self) -> &'static str {
        match self.brand.address {
            None => "",
            Some(Address::Informal) => "informal",
            Some(Address::Formal) => "formal",
        }
    }

    fn emojis(&self) -> &'static str {
        match self.brand.emojis {
            None => "",
            Some(true) => "yes",
            Some(false) => "no",
        }
    }
}

async fn show(State(state): State<AppState>, here: PageContext, RawQuery(query): RawQuery) -> Response {
    let Some(own) = &here.visitor.session else { return redirect(LOGIN) };
    let brand = match state.app.brand.brand(&own.session.author).await {
        Ok(Some(brand)) => brand,
        Ok(None) => return redirect(LOGIN),
        Err(error) => return Problem::from(error).into_response(),
    };
    let f = Frame::of(&here.visitor, ACCOUNT);
    let is_saved = query.as_deref() == Some("saved");
    answer(StatusCode::OK, &BrandPage { t: here.t, f, brand, is_saved, error: "" })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BrandForm {
    name: String,
    place: String,
    trade: String,
    tone: String,
    address: String,
    emojis: String,
    /// One word a line.
    banned: String,
    /// One fact a line.
    facts: String,
    signature: String,
}

impl From<BrandForm> for Brand {
    fn from(form: BrandForm) -> Self {
        let text = |text: String| Some(text).filter(|text| !text.trim().is_empty());
        let lines = |text: &str| text.lines().map(str::to_owned).collect();
        Self {
            name: text(form.name),
            place: text(form.place),
            trade: text(form.trade),
            tone: text(form.tone),
            address: match form.address.as_str() {
                "informal" => Some(Address::Informal),
                "formal" => Some(Address::Formal),
                _ => None,
            },
            emojis: match form.emojis.as_str() {
                "yes" => Some(true),
                "no" => Some(false),
                _ => None,
            },
            banned_words: lines(&form.banned),
            facts: lines(&form.facts),
            // Browsers send line breaks as CR LF.
            signature: text(form.signature.replace("\r\n", "\n")),
        }
    }
}

async fn save(State(state): State<AppState>, here: PageContext, Form(form): Form<BrandForm>) -> Response {
    let Some(own) = &here.visitor.session else { return redirect(LOGIN) };
    let brand = Brand::from(form);
    match state.app.brand.set_brand(&own.session.author, &brand).await {
        Ok(_) => redirect("/account/brand?saved"),
        Err(error) => {
            let problem = Problem::from(error);
            let (status, error) = (problem.status(), here.t.problem(problem.code()));
            let f = Frame::of(&here.visitor, ACCOUNT);
            answer(status, &BrandPage { t: here.t, f, brand, is_saved: false, error })
        }
    }
}
