//! `/api/billing/…` and `/api/stripe/webhook`: packs, Checkout Sessions, and the events of Stripe.

use axum::{
    Json as JsonBody, Router,
    body::Body,
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use postly_app::{App, CheckoutError, Offer, PaymentEventError, StripeWebhook};
use postly_domain::{Language, metric};
use serde::{Deserialize, Serialize};

use crate::{
    extract::{Json, RequestContext, preferred_language},
    long_bodies::LongBodies,
    problem::{Code, Problem, method_not_allowed},
    site::AppState,
    webhook::read,
};

pub(crate) fn router() -> Router<AppState> {
    Router::new().route("/api/billing/packs", get(packs)).route("/api/billing/checkout", post(checkout))
}

/// Extracted if the shop is open. Without Stripe's variables its addresses do not exist.
pub(crate) struct OpenShop;

impl FromRequestParts<AppState> for OpenShop {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        if state.app.payments.sells() { Ok(Self) } else { Err(Problem::new(Code::NotFound)) }
    }
}

#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct PackBody {
    id: String,
    credits: i64,
    amount: i64,
    currency: String,
    label: String,
}

impl From<Offer> for PackBody {
    fn from(offer: Offer) -> Self {
        let Offer { id, credits, amount, currency, label, .. } = offer;
        Self { id, credits, amount, currency, label }
    }
}

#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct PacksBody {
    packs: Vec<PackBody>,
}

/// Returns the packs for sale, with names in `language`.
pub(crate) fn offers(app: &App, language: Language) -> Vec<PackBody> {
    app.payments.offers(language).unwrap_or_default().into_iter().map(PackBody::from).collect()
}

/// Lists the packs for sale. `amount` is in minor units; the label names the price with taxes.
#[utoipa::path(
    get,
    path = "/api/billing/packs",
    tag = "money",
    responses(
        (status = 200, description = "The packs for sale.", body = PacksBody),
        (status = 404, description = "Nothing is for sale."),
    ),
)]
pub(crate) async fn packs(State(state): State<AppState>, _: OpenShop, headers: HeaderMap) -> Response {
    let packs = offers(&state.app, preferred_language(&headers));
    ([(header::VARY, "accept-language")], JsonBody(PacksBody { packs })).into_response()
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckoutBody {
    pack: String,
    /// The token of a link from WhatsApp, in the place of a session.
    #[serde(default)]
    token: Option<String>,
}

/// Where a Checkout Session is paid.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct UrlBody {
    pub(crate) url: String,
}

/// Begins the purchase of a pack with a session, or with the token of a link from WhatsApp.
#[utoipa::path(
    post,
    path = "/api/billing/checkout",
    tag = "money",
    request_body = CheckoutBody,
    responses(
        (status = 200, description = "The address of the page to pay on.", body = UrlBody),
        (status = 400, description = "`unknown_pack`, or the link has expired: `invalid_link`."),
        (status = 401, description = "Neither a session nor a token of a link."),
        (status = 404, description = "Nothing is for sale."),
        (status = 429, description = "Too many requests: `rate_limited`, with `Retry-After`."),
        (status = 502, description = "Stripe makes no Checkout Session: `payment_unavailable`."),
    ),
)]
pub(crate) async fn checkout(
    State(state): State<AppState>,
    _: OpenShop,
    visitor: RequestContext,
    Json(asked): Json<CheckoutBody>,
) -> Result<JsonBody<UrlBody>, Problem> {
    let url = match (&asked.token, &visitor.session) {
        (Some(token), _) => state.app.payments.checkout_by_link(token, &asked.pack).await?,
        (None, Some(session)) => state.app.payments.checkout(&session.session.author, &asked.pack).await?,
        (None, None) => return Err(Problem::new(Code::Unauthenticated)),
    };
    Ok(JsonBody(UrlBody { url }))
}

impl From<CheckoutError> for Problem {
    fn from(error: CheckoutError) -> Self {
        match error {
            CheckoutError::NoShop => Self::new(Code::NotFound),
            CheckoutError::UnknownPack => Self::new(Code::UnknownPack),
            CheckoutError::InvalidLink => Self::new(Code::InvalidLink),
            CheckoutError::TooMany { retry_after_s } => Self::rate_limited(retry_after_s),
            CheckoutError::Gone => Self::new(Code::Unauthenticated),
            CheckoutError::Stripe(_) => Self::new(Code::PaymentUnavailable),
            CheckoutError::Store(error) => error.into(),
        }
    }
}

/// The state of the webhook handler.
#[derive(Clone)]
struct Events {
    app: App,
    long_bodies: LongBodies,
}

pub(crate) fn webhook(app: App, long_bodies: LongBodies) -> Router {
    let events = Events { app, long_bodies };
    Router::new()
        .route("/api/stripe/webhook", post(receive))
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(events)
}

/// Receives an event. 200 means that it took effect, or has none; refusals have an empty body.
async fn receive(State(events): State<Events>, request: Request<Body>) -> Response {
    if !events.app.payments.sells() {
        return Problem::new(Code::NotFound).into_response();
    }
    let (head, body) = request.into_parts();
    let Ok(_place) = events.long_bodies.place(&head.headers).await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let body = match read(&head.headers, body).await {
        Ok(body) => body,
        Err(status) => return status.into_response(),
    };
    let webhook = StripeWebhook { headers: &head.headers, body: &body };
    match events.app.payments.receive_payment_event(webhook).await {
        Ok(_) => StatusCode::OK.into_response(),
        Err(PaymentEventError::NoShop) => Problem::new(Code::NotFound).into_response(),
        Err(PaymentEventError::NotAuthentic(reason)) => {
            metrics::counter!(metric::STRIPE_EVENTS, "type" => "none", "outcome" => "bad_sig").increment(1);
            tracing::info!(%reason, "Refused an event of Stripe: {reason}");
            StatusCode::BAD_REQUEST.into_response()
        }
        Err(PaymentEventError::Store(error)) => {
            tracing::info!(%error, source = std::error::Error::source(&error), "Could not take in an event of Stripe");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}
