//! The fake of Stripe: Checkout Sessions are created, retrieved, paid on a page, and refunded or disputed on
//! demand.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::ids;
use crate::reply::Reply;
use crate::secrets::is_bearer;
use crate::server::Call;
use crate::stripe_events::{StripeEvent, event};
use crate::world::World;

/// The API version of this fake.
pub(crate) const VERSION: &str = "2026-10-28.endive";
/// The time for which a session can be paid, in seconds.
const LIFETIME_S: i64 = 24 * 3600;

/// The payment of a buyer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payment {
    /// By card: the money arrives at once.
    Card,
    /// By a card that the bank refuses. The buyer may try again.
    Declined,
    /// By a method that takes days, such as SEPA direct debit.
    Delayed,
}

/// A Checkout Session, for a test or a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedCheckout {
    /// Its id.
    pub id: String,
    /// The address of its payment page.
    pub url: String,
    /// The amount that the buyer pays, in minor units.
    pub amount: i64,
    /// The currency.
    pub currency: String,
    /// `open`, `complete` or `expired`.
    pub status: String,
    /// `unpaid` or `paid`.
    pub payment_status: String,
    /// The PaymentIntent, once a payment has started.
    pub payment: Option<String>,
    /// The charge, once it took money.
    pub charge: Option<String>,
}

/// The state of this fake.
#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) sessions: Vec<Session>,
    pub(crate) events: Vec<StripeEvent>,
    /// True while events wait until someone sends them from the page.
    pub(crate) holds_events: bool,
    /// The status of refunds made by the API; `succeeded` if not set.
    pub(crate) refund_status: Option<&'static str>,
    /// The money from which refunds are paid; without it there is enough.
    pub(crate) balance: Option<i64>,
    answers: BTreeMap<String, (Vec<u8>, Reply)>,
}

impl Account {
    /// Returns the answer to an earlier request with the same idempotency key.
    pub(crate) fn answer_of_key(&self, call: &Call) -> Option<Reply> {
        let (body, reply) = self.answers.get(call.header("idempotency-key").unwrap_or_default())?;
        if *body == call.body {
            return Some(reply.clone().with_header("idempotent-replayed", "true"));
        }
        let message = "Keys for idempotent requests can only be used with the same parameters.";
        Some(error(400, "idempotency_error", None, None, message))
    }

    /// Keeps the answer to a request under its idempotency key.
    pub(crate) fn keep_answer(&mut self, call: &Call, reply: &Reply) {
        if let Some(key) = call.header("idempotency-key").filter(|key| !key.is_empty()) {
            self.answers.insert(key.to_owned(), (call.body.clone(), reply.clone()));
        }
    }

    /// Forgets all idempotency keys, as Stripe does after 24 hours.
    pub(crate) fn forget_keys(&mut self) {
        self.answers.clear();
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) status: &'static str,
    pub(crate) payment_status: &'static str,
    pub(crate) intent: Option<String>,
    pub(crate) intent_status: &'static str,
    pub(crate) charge: Option<Charge>,
    pub(crate) created_s: i64,
    pub(crate) url: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Charge {
    pub(crate) id: String,
    pub(crate) refunds: Vec<Part>,
    pub(crate) disputes: Vec<Part>,
}

/// A refund or a dispute.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) id: String,
    pub(crate) amount: i64,
    pub(crate) status: String,
    pub(crate) metadata: serde_json::Map<String, Value>,
    /// The reason of a refund.
    pub(crate) reason: Option<String>,
}

impl Part {
    /// A part, refunded outside of the API.
    fn by_hand(prefix: &str, amount: i64, status: &str) -> Self {
        let (metadata, status) = (serde_json::Map::default(), status.to_owned());
        Self { id: ids::token(prefix), amount, status, metadata, reason: None }
    }
}

impl Session {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    pub(crate) fn shown(&self) -> SimulatedCheckout {
        SimulatedCheckout {
            id: self.id.clone(),
            url: self.url.clone(),
            amount: self.amount,
            currency: self.currency.clone(),
            status: self.status.to_owned(),
            payment_status: self.payment_status.to_owned(),
            payment: self.intent.clone(),
            charge: self.charge.as_ref().map(|charge| charge.id.clone()),
        }
    }

    /// Returns the API object, with the fields that are read.
    pub(crate) fn object(&self) -> Value {
        let open = self.status == "open";
        json!({
            "id": self.id,
            "object": "checkout.session",
            "adaptive_pricing": {"enabled": true},
            "amount_subtotal": self.amount,
            "amount_total": self.amount,
            "cancel_url": self.fields.get("cancel_url"),
            "client_reference_id": self.fields.get("client_reference_id"),
            "created": self.created_s,
            "currency": self.currency,
            "customer": null,
            "expires_at": self.created_s + LIFETIME_S,
            "livemode": false,
            "locale": self.fields.get("locale"),
            "metadata": self.metadata("metadata"),
            "mode": "payment",
            "payment_intent": self.intent,
            "payment_status": self.payment_status,
            "status": self.status,
            "success_url": self.field("success_url"),
            "ui_mode": "hosted_page",
            "url": if open { Value::from(self.url.as_str()) } else { Value::Null },
        })
    }

    /// The address of the simulated Stripe.
    fn origin(&self) -> &str {
        self.url.split("/c/pay/").next().unwrap_or_default()
    }

    fn metadata(&self, prefix: &str) -> Value {
        let within =
            |name: &str| name.strip_prefix(prefix)?.strip_prefix('[')?.strip_suffix(']').map(str::to_owned);
        let pairs = self.fields.iter().filter_map(|(name, value)| Some((within(name)?, json!(value))));
        Value::Object(pairs.collect())
    }

    /// Returns the object with its PaymentIntent and charge expanded, for a request that asks for it.
    fn expanded(&self) -> Value {
        let mut object = self.object();
        if let (Some(intent), Some(place)) = (&self.intent, object.get_mut("payment_intent")) {
            *place = json!({
                "id": intent,
                "object": "payment_intent",
                "amount": self.amount,
                "currency": self.currency,
                "status": self.intent_status,
                "latest_charge": self.charge_object(),
                "metadata": self.metadata("payment_intent_data[metadata]"),
            });
        }
        object
    }

    pub(crate) fn charge_object(&self) -> Value {
        let Some(charge) = &self.charge else { return Value::Null };
        let refunded = charge.refunded();
        json!({
            "id": charge.id,
            "object": "charge",
            "amount": self.amount,
            "amount_captured": self.amount,
            "amount_refunded": refunded,
            "captured": true,
            "created": self.created_s,
            "currency": self.currency,
            "disputed": !charge.disputes.is_empty(),
            "livemode": false,
            "metadata": self.metadata("payment_intent_data[metadata]"),
            "paid": true,
            "payment_intent": self.intent,
            "receipt_url": format!("{}/stripe/receipt/{}", self.origin(), charge.id),
            "refunded": refunded == self.amount,
            "status": "succeeded",
        })
    }

    /// Returns the object of a refund of the charge, or of a dispute over it.
    pub(crate) fn part_object(&self, kind: &str, part: &Part) -> Value {
        json!({
            "id": part.id,
            "object": kind,
            "amount": part.amount,
            "charge": self.charge.as_ref().map(|charge| &charge.id),
            "created": self.created_s,
            "currency": self.currency,
            "metadata": part.metadata,
            "payment_intent": self.intent,
            "reason": if kind == "dispute" { json!("general") } else { json!(part.reason) },
            "status": part.status,
        })
    }
}

impl Charge {
    pub(crate) fn refunded(&self) -> i64 {
        let there = self.refunds.iter().filter(|refund| refund.status != "failed");
        there.map(|refund| refund.amount).sum()
    }
}

/// Builds an error in Stripe's format.
pub(crate) fn error(
    status: u16,
    kind: &str,
    code: Option<&str>,
    param: Option<&str>,
    message: &str,
) -> Reply {
    Reply::json(status, &json!({"error": {"type": kind, "code": code, "param": param, "message": message}}))
}

pub(crate) fn invalid(code: &str, param: &str, message: &str) -> Reply {
    error(400, "invalid_request_error", Some(code), Some(param), message)
}

/// Builds the error of a status, for a fault.
pub(crate) fn error_of_status(status: u16) -> Reply {
    match status {
        429 => error(429, "invalid_request_error", Some("rate_limit"), None, "Too many requests."),
        500.. => error(status, "api_error", None, None, "An error occurred with our connection."),
        _ => error(status, "invalid_request_error", None, None, "The request could not be processed."),
    }
}

/// Returns true if the secret key is present and correct.
pub(crate) fn authorized(world: &World, call: &Call) -> bool {
    is_bearer(call.header("authorization"), &world.secrets().stripe_secret_keys)
}

/// Refuses a call without the secret key or the pinned version.
pub(crate) fn unauthorized(world: &World, call: &Call) -> Option<Reply> {
    if !authorized(world, call) {
        return Some(error(401, "invalid_request_error", None, None, "Invalid API Key provided."));
    }
    let version = call.header("stripe-version");
    (version != Some(VERSION)).then(|| {
        let message = format!("This fake speaks {VERSION} only; asked for {version:?}.");
        error(400, "invalid_request_error", None, None, &message)
    })
}

/// The parameters of a session that this fake supports, up to their first bracket.
const KNOWN: [&str; 12] = [
    "mode",
    "success_url",
    "cancel_url",
    "locale",
    "client_reference_id",
    "customer_email",
    "line_items",
    "metadata",
    "payment_intent_data",
    "managed_payments",
    "adaptive_pricing",
    "allowed_payment_method_types",
];

/// `POST /v1/checkout/sessions`.
pub(crate) fn create(world: &World, call: &Call) -> Reply {
    if let Some(refusal) = unauthorized(world, call) {
        return refusal;
    }
    let mut account = world.stripe();
    if let Some(replayed) = account.answer_of_key(call) {
        return replayed;
    }
    let session = match read(world, call) {
        Ok(session) => session,
        Err(refusal) => return refusal,
    };
    let reply = Reply::json(200, &session.object()).accepting(&session.id);
    account.sessions.push(session);
    account.keep_answer(call, &reply);
    reply
}

fn read(world: &World, call: &Call) -> Result<Session, Reply> {
    if !call.is_content_type("application/x-www-form-urlencoded") {
        return Err(error(400, "invalid_request_error", None, None, "The body is no form."));
    }
    let fields: BTreeMap<String, String> = form_urlencoded::parse(&call.body).into_owned().collect();
    for name in fields.keys() {
        let top = name.split('[').next().unwrap_or_default();
        if top == "payment_method_types" {
            let message = "payment_method_types is no longer supported.";
            return Err(invalid("payment_method_types_no_longer_supported", top, message));
        }
        if !KNOWN.contains(&top) {
            return Err(invalid("parameter_unknown", name, &format!("Received unknown parameter: {name}")));
        }
    }
    let need = |name: &str| {
        let missing = || invalid("parameter_missing", name, &format!("Missing required param: {name}."));
        fields.get(name).filter(|value| !value.is_empty()).ok_or_else(missing)
    };
    if need("mode")? != "payment" {
        return Err(invalid("parameter_invalid", "mode", "Only payment is simulated."));
    }
    need("success_url")?;
    let item = |name: &str| format!("line_items[0]{name}");
    need(&item("[price_data][product_data][name]"))?;
    let number = |name: &str| {
        let value = need(&item(name))?.parse::<i64>().ok().filter(|value| *value > 0);
        value.ok_or_else(|| invalid("parameter_invalid_integer", name, "Invalid integer"))
    };
    let quantity = number("[quantity]")?;
    let amount = number("[price_data][unit_amount]")?.saturating_mul(quantity);
    let currency = need(&item("[price_data][currency]"))?.clone();
    if fields.get("managed_payments[enabled]").is_some_and(|enabled| enabled == "true") {
        need(&item("[price_data][product_data][tax_code]"))?;
    }
    let id = ids::token("cs_test_");
    Ok(Session {
        url: format!("{}/c/pay/{id}", world.base_url()),
        id,
        fields,
        amount,
        currency,
        status: "open",
        payment_status: "unpaid",
        intent: None,
        intent_status: "requires_payment_method",
        charge: None,
        created_s: world.clock.now_s(),
    })
}

/// `GET /v1/checkout/sessions/{id}`.
pub(crate) fn retrieve(world: &World, call: &Call, id: &str) -> Reply {
    if let Some(refusal) = unauthorized(world, call) {
        return refusal;
    }
    let account = world.stripe();
    let Some(session) = account.sessions.iter().find(|session| session.id == id) else {
        let message = format!("No such checkout.session: {id}");
        return error(404, "invalid_request_error", Some("resource_missing"), Some("session"), &message);
    };
    let expand = form_urlencoded::parse(call.query.as_bytes())
        .any(|(name, value)| name.starts_with("expand") && value == "payment_intent.latest_charge");
    Reply::json(200, &if expand { session.expanded() } else { session.object() })
}

/// Any other call.
pub(crate) fn unknown() -> Reply {
    error(404, "invalid_request_error", None, None, "Unrecognized request URL.")
}

/// Changes a session, and builds the events of the change from their types and objects.
pub(crate) fn change(
    world: &World,
    id: &str,
    change: impl FnOnce(&mut Session) -> Vec<(&'static str, Value)>,
) -> Vec<StripeEvent> {
    let now_s = world.clock.now_s();
    let mut account = world.stripe();
    let Some(session) = account.sessions.iter_mut().find(|session| session.id == id) else { return vec![] };
    let events: Vec<StripeEvent> =
        change(session).into_iter().map(|(kind, object)| event(kind, &object, now_s)).collect();
    account.events.extend(events.iter().cloned());
    events
}

/// Pays an open session.
pub(crate) fn pay(session: &mut Session, payment: Payment) -> Vec<(&'static str, Value)> {
    if session.status != "open" || payment == Payment::Declined {
        return vec![];
    }
    session.status = "complete";
    session.intent = Some(ids::token("pi_"));
    if payment == Payment::Delayed {
        session.intent_status = "processing";
        return vec![("checkout.session.completed", session.object())];
    }
    take_money(session);
    vec![("charge.succeeded", session.charge_object()), ("checkout.session.completed", session.object())]
}

fn take_money(session: &mut Session) {
    session.payment_status = "paid";
    session.intent_status = "succeeded";
    session.charge = Some(Charge { id: ids::token("ch_"), refunds: vec![], disputes: vec![] });
}

/// Ends a delayed payment: the money arrives or not.
pub(crate) fn settle(session: &mut Session, succeeds: bool) -> Vec<(&'static str, Value)> {
    if session.intent_status != "processing" {
        return vec![];
    }
    if succeeds {
        take_money(session);
        return vec![("checkout.session.async_payment_succeeded", session.object())];
    }
    session.intent_status = "requires_payment_method";
    vec![("checkout.session.async_payment_failed", session.object())]
}

/// Expires an open session.
pub(crate) fn expire(session: &mut Session) -> Vec<(&'static str, Value)> {
    if session.status != "open" {
        return vec![];
    }
    session.status = "expired";
    vec![("checkout.session.expired", session.object())]
}

/// Refunds a part of the charge.
pub(crate) fn refund(session: &mut Session, amount: i64) -> Vec<(&'static str, Value)> {
    let Some(charge) = &mut session.charge else { return vec![] };
    let refund = Part::by_hand("re_", amount, "succeeded");
    charge.refunds.push(refund.clone());
    vec![
        ("charge.refunded", session.charge_object()),
        ("refund.created", session.part_object("refund", &refund)),
    ]
}

/// Pays out the last pending refund.
pub(crate) fn complete_refund(session: &mut Session) -> Vec<(&'static str, Value)> {
    let Some(charge) = &mut session.charge else { return vec![] };
    let Some(refund) = charge.refunds.iter_mut().rev().find(|refund| refund.status == "pending") else {
        return vec![];
    };
    "succeeded".clone_into(&mut refund.status);
    let refund = refund.clone();
    vec![("refund.updated", session.part_object("refund", &refund))]
}

/// Makes the last refund fail: its money returns to the business.
pub(crate) fn fail_refund(session: &mut Session) -> Vec<(&'static str, Value)> {
    let Some(charge) = &mut session.charge else { return vec![] };
    let Some(refund) = charge.refunds.iter_mut().rev().find(|refund| refund.status != "failed") else {
        return vec![];
    };
    "failed".clone_into(&mut refund.status);
    let refund = refund.clone();
    vec![("refund.failed", session.part_object("refund", &refund))]
}

/// Disputes the charge.
pub(crate) fn dispute(session: &mut Session, amount: i64, inquiry: bool) -> Vec<(&'static str, Value)> {
    let Some(charge) = &mut session.charge else { return vec![] };
    let status = if inquiry { "warning_needs_response" } else { "needs_response" };
    let dispute = Part::by_hand("du_", amount, status);
    charge.disputes.push(dispute.clone());
    vec![("charge.dispute.created", session.part_object("dispute", &dispute))]
}

/// Closes the last open dispute with `won`, `lost` or `warning_closed`.
pub(crate) fn close_dispute(session: &mut Session, status: &str) -> Vec<(&'static str, Value)> {
    let Some(charge) = &mut session.charge else { return vec![] };
    let open = |dispute: &&mut Part| !matches!(dispute.status.as_str(), "won" | "lost" | "warning_closed");
    let Some(dispute) = charge.disputes.iter_mut().rev().find(open) else { return vec![] };
    status.clone_into(&mut dispute.status);
    let dispute = dispute.clone();
    vec![("charge.dispute.closed", session.part_object("dispute", &dispute))]
}
