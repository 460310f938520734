//! `/recharge`: packs for a request with a WhatsApp link or a session, and the page to which Stripe returns
//! the buyer.
//!
//! The token of a link is after the `#`, which browsers do not send. The script reads it there, shows the
//! balance of its author, and exchanges it for a Checkout Session. Opening the page consumes nothing and logs
//! no author in.

use askama::Template;
use axum::{
    Json as JsonBody, Router,
    extract::{RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use postly_app::{App, Offer, ReturnedState};
use postly_domain::{Language, id::CheckoutId};
use serde::{Deserialize, Serialize};

use super::{frame::Frame, page as answer, texts::Texts};
use crate::{
    billing::{OpenShop, PackBody, UrlBody, offers},
    extract::{Form, Json, RequestContext},
    problem::{Code, Problem},
    site::AppState,
};

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/recharge", get(show).post(exchange))
        .route("/recharge/pay", post(pay))
        .route("/recharge/return", get(returned))
}

/// The texts of a page, by their catalogue keys.
struct Words<'a> {
    app: &'a App,
    language: Language,
}

impl Words<'_> {
    fn text(&self, key: &str) -> String {
        self.app.payments.shop_text(self.language, key)
    }

    fn count(&self, key: &str, credits: i64) -> String {
        self.app.payments.shop_count(self.language, key, credits)
    }
}

#[derive(Template)]
#[template(path = "recharge.html")]
struct RechargePage<'a> {
    t: &'a Texts,
    f: Frame,
    w: Words<'a>,
    packs: Vec<Offer>,
    /// The text about the author's credits; empty while the author is unknown.
    balance: String,
    debt: String,
    logged_in: bool,
    error: String,
    /// The payment address of a Checkout Session that was created without the script.
    url: String,
}

async fn show(
    State(state): State<AppState>,
    _: OpenShop,
    visitor: RequestContext,
) -> Result<Response, Problem> {
    render(&state, &visitor, StatusCode::OK, "", String::new()).await
}

async fn render(
    state: &AppState,
    visitor: &RequestContext,
    status: StatusCode,
    error: &str,
    url: String,
) -> Result<Response, Problem> {
    let view = match &visitor.session {
        Some(session) => state.app.payments.balance_view(&session.session.author).await?,
        None => None,
    };
    let w = Words { app: &state.app, language: Texts::of_visitor(visitor).language() };
    let packs = state.app.payments.offers(w.language).unwrap_or_default();
    let debt = view.as_ref().map_or(0, |view| view.debt);
    Ok(answer(
        status,
        &RechargePage {
            t: Texts::of_language(w.language),
            f: Frame::of(visitor, "/credits"),
            packs,
            balance: view.as_ref().map_or_else(String::new, |it| w.count("shop-page-balance", it.available)),
            debt: if debt > 0 { w.count("shop-debt", debt) } else { String::new() },
            logged_in: view.is_some(),
            error: if error.is_empty() { String::new() } else { w.text(error) },
            url,
            w,
        },
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExchangeBody {
    token: String,
    #[serde(default)]
    pack: Option<String>,
}

/// The response for a link before a pack is chosen.
#[derive(Serialize)]
struct ViewBody {
    available: i64,
    balance: String,
    debt: Option<String>,
    packs: Vec<PackBody>,
    /// The language of the texts.
    lang: &'static str,
}

/// Exchanges a token for a Checkout Session. Without a pack it returns the author's balance and the packs.
async fn exchange(
    State(state): State<AppState>,
    _: OpenShop,
    Json(asked): Json<ExchangeBody>,
) -> Result<Response, Problem> {
    if let Some(pack) = &asked.pack {
        let url = state.app.payments.checkout_by_link(&asked.token, pack).await?;
        return Ok(JsonBody(UrlBody { url }).into_response());
    }
    let view = state.app.payments.recharge_view(&asked.token).await?;
    let w = Words { app: &state.app, language: view.language };
    let body = ViewBody {
        available: view.available,
        balance: w.count("shop-page-balance", view.available),
        debt: (view.debt > 0).then(|| w.count("shop-debt", view.debt)),
        packs: offers(&state.app, view.language),
        lang: view.language.code(),
    };
    Ok(JsonBody(body).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PayForm {
    pack: String,
}

/// Creates a Checkout Session without the script. The response links to Stripe's page, because `form-action`
/// forbids a redirect of the form to it.
async fn pay(
    State(state): State<AppState>,
    _: OpenShop,
    visitor: RequestContext,
    Form(form): Form<PayForm>,
) -> Result<Response, Problem> {
    let made = match &visitor.session {
        Some(session) => state.app.payments.checkout(&session.session.author, &form.pack).await,
        None => {
            let status = StatusCode::UNAUTHORIZED;
            return render(&state, &visitor, status, "shop-page-no-link", String::new()).await;
        }
    };
    match made {
        Ok(url) => render(&state, &visitor, StatusCode::OK, "", url).await,
        Err(error) => {
            let problem = Problem::from(error);
            let said = match problem.code() {
                Code::RateLimited => "shop-page-too-many",
                _ => "shop-page-failed",
            };
            render(&state, &visitor, problem.status(), said, String::new()).await
        }
    }
}

#[derive(Template)]
#[template(path = "recharge_return.html")]
struct ReturnPage<'a> {
    t: &'a Texts,
    f: Frame,
    w: Words<'a>,
    said: String,
    paid: bool,
}

/// The longest id of a Checkout Session that is looked up.
const LONGEST_ID: usize = 255;

/// Responds with the page to which Stripe returns the buyer. The address contains only the id of the Checkout
/// Session; its state is requested from Stripe.
async fn returned(
    State(state): State<AppState>,
    _: OpenShop,
    visitor: RequestContext,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = query.unwrap_or_default();
    let id = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "session_id");
    let id = id.map(|(_, id)| id.into_owned()).filter(|id| id.len() <= LONGEST_ID && !id.contains('\0'));
    let found = match id {
        Some(id) => state.app.payments.returned(&CheckoutId::new(id)).await?,
        None => None,
    };
    let (reached, credits, language) = match found {
        Some(found) => (found.state, found.credits, found.language),
        None => (ReturnedState::Open, 0, Texts::of_visitor(&visitor).language()),
    };
    let w = Words { app: &state.app, language };
    let said = match reached {
        ReturnedState::Paid => w.count("shop-return-paid", credits),
        ReturnedState::Pending => w.count("shop-return-pending", credits),
        ReturnedState::Unknown => w.text("shop-return-checking"),
        ReturnedState::Open => w.text("shop-return-open"),
        ReturnedState::Ended => w.text("shop-return-ended"),
    };
    let (t, f) = (Texts::of_language(language), Frame::of(&visitor, "/credits"));
    Ok(answer(StatusCode::OK, &ReturnPage { t, f, paid: reached == ReturnedState::Paid, said, w }))
}
