//! Stripe's events, and the objects in them and in its responses.
//!
//! Reading is lenient. A field that is not needed may have any type, and an unknown event is no error. The
//! version of an event is that of the webhook endpoint, which may be years away from ours.

use postly_domain::{
    Currency, Money, UnixMillis,
    id::{CheckoutId, PaymentId},
    payment::{Charge, CheckoutState, Dispute, DisputeEnd, Refund},
    refund::RefundState,
};
use serde_json::Value;

use crate::refund::REQUEST;

/// The body of a webhook with a verified signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A snapshot event.
    Event(Box<Event>),
    /// A thin event: its destination has the wrong payload style for us.
    Thin {
        /// Its type.
        kind: String,
    },
    /// Neither of the two.
    Unreadable,
}

/// A snapshot event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id (`evt_…`).
    pub id: String,
    /// Its type, such as `charge.refunded`.
    pub kind: String,
    /// True if real money moves; `None` if the event does not say.
    pub livemode: Option<bool>,
    /// True if the event is about a connected account, and not about ours.
    pub of_other_account: bool,
    /// The fact about a payment, if it reports one.
    pub fact: Option<Fact>,
}

/// A reported fact about a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The state of a Checkout Session.
    Checkout(Checkout),
    /// A charge.
    Charge(ChargeFact),
    /// A refund.
    Refund(RefundFact),
    /// A dispute.
    Dispute(DisputeFact),
}

/// A snapshot of a Checkout Session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// Its id (`cs_…`).
    pub id: CheckoutId,
    /// The state.
    pub state: CheckoutState,
    /// The PaymentIntent, as soon as there is one.
    pub payment: Option<PaymentId>,
    /// The total that the buyer pays.
    pub total: Option<Money>,
    /// The charge of its PaymentIntent, if it was requested and exists.
    pub charge: Option<ChargeFact>,
    /// The address of the payment page; `None` if it can no longer be paid.
    pub url: Option<String>,
    /// The time after which it cannot be paid.
    pub expires_at: Option<UnixMillis>,
    /// True if real money moves; `None` if the session does not say.
    pub livemode: Option<bool>,
}

/// A snapshot of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeFact {
    /// Its id (`ch_…`).
    pub id: String,
    /// Its PaymentIntent.
    pub payment: Option<PaymentId>,
    /// The known facts.
    pub charge: Charge,
    /// The address of Stripe's receipt. It ends after 30 days; a new snapshot has a new one.
    pub receipt_url: Option<String>,
}

/// A snapshot of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundFact {
    /// Its id (`re_…`).
    pub id: String,
    /// The PaymentIntent of its charge.
    pub payment: Option<PaymentId>,
    /// Its charge.
    pub charge: Option<String>,
    /// The known facts.
    pub refund: Refund,
    /// The id of our request, if it was made by one.
    pub request: Option<String>,
}

/// A snapshot of a dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeFact {
    /// Its id (`du_…`).
    pub id: String,
    /// The PaymentIntent of its charge.
    pub payment: Option<PaymentId>,
    /// Its charge.
    pub charge: Option<String>,
    /// The known facts.
    pub dispute: Dispute,
}

/// The `object` of a thin event (Stripe, "Event destinations"; seen with the official libraries).
const THIN: &str = "v2.core.event";
/// The longest accepted id. Stripe's have up to 66 characters, and may get longer: 255 fit its own fields.
const LONGEST_ID: usize = 255;

/// Reads the body of a webhook.
pub fn read(body: &[u8]) -> Received {
    let Ok(event) = serde_json::from_slice::<Value>(body) else { return Received::Unreadable };
    let kind = text(&event, "type").unwrap_or_default().to_owned();
    match text(&event, "object") {
        // Also matches `v2.core.event_notification`, the name in newer libraries.
        Some(object) if object.starts_with(THIN) => return Received::Thin { kind },
        Some("event") => {}
        Some(_) | None => return Received::Unreadable,
    }
    let Some(id) = id(&event, "id") else { return Received::Unreadable };
    let object = event.pointer("/data/object");
    Received::Event(Box::new(Event {
        fact: object.and_then(|object| fact(&kind, object)),
        id,
        kind,
        livemode: event.get("livemode").and_then(Value::as_bool),
        of_other_account: event.get("account").is_some_and(|account| !account.is_null()),
    }))
}

fn fact(kind: &str, object: &Value) -> Option<Fact> {
    match text(object, "object")? {
        "checkout.session" => {
            let mut checkout = Checkout::read(object)?;
            // The type of the event decides, because the session in it may still show a pending payment
            // method.
            checkout.state = match kind {
                "checkout.session.async_payment_succeeded" => CheckoutState::Paid,
                "checkout.session.async_payment_failed" => CheckoutState::Failed,
                "checkout.session.expired" => CheckoutState::Expired,
                "checkout.session.completed" if nothing_to_pay(object) => CheckoutState::Paid,
                "checkout.session.completed" => checkout.state.learn(CheckoutState::Pending),
                _ => checkout.state,
            };
            Some(Fact::Checkout(checkout))
        }
        // A failed charge took no money, so nothing of it can be lost.
        "charge" if object.get("paid").and_then(Value::as_bool) != Some(false) => {
            charge(object).map(Fact::Charge)
        }
        "refund" => refund(object).map(Fact::Refund),
        "dispute" => dispute(object).map(Fact::Dispute),
        _ => None,
    }
}

impl Checkout {
    /// A session that can no longer be paid, without other known facts.
    pub fn ended(id: CheckoutId) -> Self {
        Self {
            id,
            state: CheckoutState::Expired,
            payment: None,
            total: None,
            charge: None,
            url: None,
            expires_at: None,
            livemode: None,
        }
    }

    /// Reads a Checkout Session. `None` for another object.
    pub(crate) fn read(object: &Value) -> Option<Self> {
        if text(object, "object")? != "checkout.session" {
            return None;
        }
        let intent = object.get("payment_intent").filter(|intent| intent.is_object());
        let charge = intent.and_then(|intent| intent.get("latest_charge")).and_then(charge);
        let state = match text(object, "status") {
            _ if text(object, "payment_status") == Some("paid") => CheckoutState::Paid,
            Some("complete") if nothing_to_pay(object) => CheckoutState::Paid,
            Some("expired") => CheckoutState::Expired,
            // The method takes days. A PaymentIntent that requires another method shows the failure of this
            // one.
            Some("complete") => match intent.and_then(|intent| text(intent, "status")) {
                Some("requires_payment_method" | "canceled") => CheckoutState::Failed,
                Some(_) | None => CheckoutState::Pending,
            },
            Some(_) | None => CheckoutState::Open,
        };
        Some(Self {
            id: CheckoutId::new(id(object, "id")?),
            state,
            payment: id(object, "payment_intent").map(PaymentId::new),
            total: money(object, "amount_total"),
            charge: charge.filter(|charge| charge.charge.amount.is_some()),
            url: text(object, "url").map(str::to_owned),
            expires_at: object.get("expires_at").and_then(Value::as_i64).map(UnixMillis::from_secs),
            livemode: object.get("livemode").and_then(Value::as_bool),
        })
    }
}

/// Returns true if a session costs nothing. A session shows this from the beginning, before it is submitted.
fn nothing_to_pay(object: &Value) -> bool {
    text(object, "payment_status") == Some("no_payment_required")
}

fn charge(object: &Value) -> Option<ChargeFact> {
    let refunded = object.get("amount_refunded").and_then(Value::as_i64).unwrap_or(0).max(0);
    Some(ChargeFact {
        id: id(object, "id")?,
        payment: id(object, "payment_intent").map(PaymentId::new),
        charge: Charge { amount: money(object, "amount"), refunded },
        receipt_url: text(object, "receipt_url").filter(|url| url.starts_with("http")).map(str::to_owned),
    })
}

pub(crate) fn refund(object: &Value) -> Option<RefundFact> {
    if text(object, "object")? != "refund" {
        return None;
    }
    let state = match text(object, "status") {
        Some("failed" | "canceled") => RefundState::Failed,
        Some("pending" | "requires_action") => RefundState::Pending,
        Some(_) | None => RefundState::Succeeded,
    };
    Some(RefundFact {
        id: id(object, "id")?,
        payment: id(object, "payment_intent").map(PaymentId::new),
        charge: id(object, "charge"),
        refund: Refund { amount: money(object, "amount")?, state },
        request: object.get("metadata").and_then(|metadata| id(metadata, REQUEST)),
    })
}

fn dispute(object: &Value) -> Option<DisputeFact> {
    let end = text(object, "status").and_then(DisputeEnd::parse);
    Some(DisputeFact {
        id: id(object, "id")?,
        payment: id(object, "payment_intent").map(PaymentId::new),
        charge: id(object, "charge"),
        dispute: Dispute { amount: money(object, "amount")?, end },
    })
}

fn text<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    object.get(field).and_then(Value::as_str)
}

/// The id in a field, given alone or as a part of the expanded object.
fn id(object: &Value, field: &str) -> Option<String> {
    let value = object.get(field)?;
    let id = value.as_str().or_else(|| text(value, "id"))?;
    let plain = |byte: u8| byte.is_ascii_graphic();
    ((1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(plain)).then(|| id.to_owned())
}

/// An amount with the currency beside it.
fn money(object: &Value, field: &str) -> Option<Money> {
    let amount = object.get(field)?.as_i64().filter(|amount| *amount >= 0)?;
    let currency = text(object, "currency").and_then(Currency::parse)?;
    Some(Money { amount, currency })
}
