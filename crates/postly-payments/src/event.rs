//! Stripe's events, and the objects in them and in its responses.
//!
//! Reading is lenient: a field that is not needed may be of any kind, and an event that is not understood is none of an
//! error. The version of an event is that of the webhook endpoint, which may be years away from ours.

use postly_domain::{
    Currency, Money, UnixMillis,
    id::{CheckoutId, PaymentId},
    payment::{Charge, CheckoutState, Dispute, DisputeEnd, Refund},
};
use serde_json::Value;

/// The body of a webhook, once its signature has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A snapshot event.
    Event(Box<Event>),
    /// A thin event: its destination is of the wrong kind for us.
    Thin {
        /// Its type.
        kind: String,
    },
    /// Neither.
    Unreadable,
}

/// A snapshot event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id (`evt_…`).
    pub id: String,
    /// Its type, such as `charge.refunded`.
    pub kind: String,
    /// Whether real money moves, if it says so.
    pub livemode: Option<bool>,
    /// Whether it is about a connected account, and not about ours.
    pub of_other_account: bool,
    /// The fact about a payment, if it reports one.
    pub fact: Option<Fact>,
}

/// A reported fact about a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// How far a Checkout Session is.
    Checkout(Checkout),
    /// A charge.
    Charge(ChargeFact),
    /// A refund.
    Refund(RefundFact),
    /// A dispute.
    Dispute(DisputeFact),
}

/// A Checkout Session as it was at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// Its id (`cs_…`).
    pub id: CheckoutId,
    /// How far it is.
    pub state: CheckoutState,
    /// Its PaymentIntent, as soon as there is one.
    pub payment: Option<PaymentId>,
    /// The total that the buyer pays.
    pub total: Option<Money>,
    /// The charge of its PaymentIntent, where it was asked for and is there.
    pub charge: Option<ChargeFact>,
    /// Where the buyer pays, while that is possible.
    pub url: Option<String>,
    /// When it can no longer be paid.
    pub expires_at: Option<UnixMillis>,
    /// Whether real money moves, if it says so.
    pub livemode: Option<bool>,
}

/// A charge as it was at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeFact {
    /// Its id (`ch_…`).
    pub id: String,
    /// The PaymentIntent it is of.
    pub payment: Option<PaymentId>,
    /// What is known.
    pub charge: Charge,
}

/// A refund as it was at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundFact {
    /// Its id (`re_…`).
    pub id: String,
    /// The PaymentIntent whose charge it is of.
    pub payment: Option<PaymentId>,
    /// The charge it is of.
    pub charge: Option<String>,
    /// What is known.
    pub refund: Refund,
}

/// A dispute as it was at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeFact {
    /// Its id (`du_…`).
    pub id: String,
    /// The PaymentIntent whose charge it is over.
    pub payment: Option<PaymentId>,
    /// The charge it is over.
    pub charge: Option<String>,
    /// What is known.
    pub dispute: Dispute,
}

/// The `object` of a thin event (Stripe, "Event destinations"; seen with the official libraries).
const THIN: &str = "v2.core.event";
/// The longest id that is taken for one. Stripe's have up to 66 characters, and may get longer: 255 fit its own fields.
const LONGEST_ID: usize = 255;

/// Reads the body of a webhook.
pub fn read(body: &[u8]) -> Received {
    let Ok(event) = serde_json::from_slice::<Value>(body) else { return Received::Unreadable };
    let kind = text(&event, "type").unwrap_or_default().to_owned();
    match text(&event, "object") {
        // Also `v2.core.event_notification`, as newer libraries call it.
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
            // The type of the event decides, not the session in it, which may still show a pending payment method.
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
        // A charge that failed took no money, and nothing of it can be lost.
        "charge" if object.get("paid").and_then(Value::as_bool) != Some(false) => {
            charge(object).map(Fact::Charge)
        }
        "refund" => refund(object).map(Fact::Refund),
        "dispute" => dispute(object).map(Fact::Dispute),
        _ => None,
    }
}

impl Checkout {
    /// A session that can no longer be paid, and of which nothing else is known.
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

    /// Reads a Checkout Session. `None` when it is none.
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
            // The method takes days; a PaymentIntent that wants another method says that this one has failed.
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

/// Whether a session costs nothing. It says so from the beginning, before anybody has submitted it.
fn nothing_to_pay(object: &Value) -> bool {
    text(object, "payment_status") == Some("no_payment_required")
}

fn charge(object: &Value) -> Option<ChargeFact> {
    let refunded = object.get("amount_refunded").and_then(Value::as_i64).unwrap_or(0).max(0);
    Some(ChargeFact {
        id: id(object, "id")?,
        payment: id(object, "payment_intent").map(PaymentId::new),
        charge: Charge { amount: money(object, "amount"), refunded },
    })
}

fn refund(object: &Value) -> Option<RefundFact> {
    let failed = matches!(text(object, "status"), Some("failed" | "canceled"));
    Some(RefundFact {
        id: id(object, "id")?,
        payment: id(object, "payment_intent").map(PaymentId::new),
        charge: id(object, "charge"),
        refund: Refund { amount: money(object, "amount")?, failed },
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

/// The id in a field, whether it stands there alone or in the object that was asked for in its place.
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
