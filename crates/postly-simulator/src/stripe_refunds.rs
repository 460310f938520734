//! The fake of Stripe's refunds: made once for an idempotency key, listed, and reported by events.

use std::collections::BTreeMap;

use serde_json::json;

use crate::ids;
use crate::reply::Reply;
use crate::server::Call;
use crate::stripe::{self, Part, Session, error, invalid};
use crate::stripe_events::{StripeEvent, event};
use crate::world::World;

/// The parameters of a refund that this fake supports, up to their first bracket.
const KNOWN: [&str; 4] = ["payment_intent", "amount", "reason", "metadata"];
const REASONS: [&str; 3] = ["duplicate", "fraudulent", "requested_by_customer"];

/// `POST /v1/refunds`. Returns the events of a refund that was made.
pub(crate) fn create(world: &World, call: &Call) -> (Reply, Vec<StripeEvent>) {
    if let Some(refusal) = stripe::unauthorized(world, call) {
        return (refusal, vec![]);
    }
    let now_s = world.clock.now_s();
    let mut account = world.stripe();
    if let Some(replayed) = account.answer_of_key(call) {
        return (replayed, vec![]);
    }
    // A request that fails these checks is not kept under the key, unlike one that fails those below.
    let fields = match read(call) {
        Ok(fields) => fields,
        Err(refusal) => return (refusal, vec![]),
    };
    let status = account.refund_status.unwrap_or("succeeded");
    let balance = account.balance;
    let made = make(&mut account.sessions, &fields, status, balance);
    let (reply, made) = match made {
        Ok((reply, made)) => (reply, made),
        Err(refusal) => (refusal, vec![]),
    };
    let events: Vec<StripeEvent> =
        made.into_iter().map(|(kind, object)| event(kind, &object, now_s)).collect();
    account.events.extend(events.iter().cloned());
    account.keep_answer(call, &reply);
    (reply, events)
}

fn read(call: &Call) -> Result<BTreeMap<String, String>, Reply> {
    if !call.is_content_type("application/x-www-form-urlencoded") {
        return Err(error(400, "invalid_request_error", None, None, "The body is no form."));
    }
    let fields: BTreeMap<String, String> = form_urlencoded::parse(&call.body).into_owned().collect();
    for name in fields.keys() {
        if !KNOWN.contains(&name.split('[').next().unwrap_or_default()) {
            return Err(invalid("parameter_unknown", name, &format!("Received unknown parameter: {name}")));
        }
    }
    if let Some(reason) = fields.get("reason").filter(|reason| !REASONS.contains(&reason.as_str())) {
        let message = format!("Invalid reason: must be one of {}, and not {reason}", REASONS.join(", "));
        return Err(error(400, "invalid_request_error", None, Some("reason"), &message));
    }
    if fields.get("amount").is_some_and(|amount| amount.parse::<i64>().is_ok_and(|amount| amount < 1)) {
        return Err(invalid(
            "parameter_invalid_integer",
            "amount",
            "This value must be greater than or equal to 1.",
        ));
    }
    if fields.get("amount").is_some_and(|amount| amount.parse::<i64>().is_err()) {
        return Err(invalid("parameter_invalid_integer", "amount", "Invalid integer"));
    }
    Ok(fields)
}

type Events = Vec<(&'static str, serde_json::Value)>;

fn make(
    sessions: &mut [Session],
    fields: &BTreeMap<String, String>,
    status: &'static str,
    balance: Option<i64>,
) -> Result<(Reply, Events), Reply> {
    let intent = fields.get("payment_intent").map_or("", String::as_str);
    let none = || {
        let message = format!("No such payment_intent: '{intent}'");
        error(404, "invalid_request_error", Some("resource_missing"), Some("payment_intent"), &message)
    };
    let session = sessions.iter_mut().find(|session| session.intent.as_deref() == Some(intent));
    let session = session.ok_or_else(none)?;
    let total = session.amount;
    let Some(charge) = &mut session.charge else {
        let message = format!("This PaymentIntent ({intent}) does not have a successful charge to refund.");
        return Err(invalid("payment_intent_unexpected_state", "payment_intent", &message));
    };
    let id = charge.id.clone();
    if charge.disputes.iter().any(|dispute| !matches!(dispute.status.as_str(), "won" | "warning_closed")) {
        let message = format!("Charge {id} has been charged back; cannot issue a refund.");
        return Err(error(400, "invalid_request_error", Some("charge_disputed"), None, &message));
    }
    let left = total - charge.refunded();
    if left == 0 {
        let message = format!("Charge {id} has already been refunded.");
        return Err(error(400, "invalid_request_error", Some("charge_already_refunded"), None, &message));
    }
    let amount = fields.get("amount").and_then(|amount| amount.parse().ok()).unwrap_or(left);
    if amount > left {
        let message =
            format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left})");
        return Err(error(400, "invalid_request_error", None, Some("amount"), &message));
    }
    if balance.is_some_and(|balance| balance < amount) {
        let message = "Insufficient funds in your Stripe balance to refund this amount.";
        return Err(error(400, "invalid_request_error", None, None, message));
    }
    let metadata = fields.iter().filter_map(|(name, value)| {
        let name = name.strip_prefix("metadata[")?.strip_suffix(']')?;
        Some((name.to_owned(), json!(value)))
    });
    let refund = Part {
        id: ids::token("re_"),
        amount,
        status: status.to_owned(),
        metadata: metadata.collect(),
        reason: fields.get("reason").cloned(),
    };
    charge.refunds.push(refund.clone());
    let object = session.part_object("refund", &refund);
    let events = vec![("charge.refunded", session.charge_object()), ("refund.created", object.clone())];
    Ok((Reply::json(200, &object), events))
}

/// `GET /v1/refunds`, of one PaymentIntent, newest first.
pub(crate) fn list(world: &World, call: &Call) -> Reply {
    if let Some(refusal) = stripe::unauthorized(world, call) {
        return refusal;
    }
    let query: BTreeMap<String, String> =
        form_urlencoded::parse(call.query.as_bytes()).into_owned().collect();
    let account = world.stripe();
    let of = |session: &&Session| {
        session.intent.is_some() && session.intent.as_ref() == query.get("payment_intent")
    };
    let data: Vec<_> = account
        .sessions
        .iter()
        .filter(of)
        .flat_map(|session| {
            let refunds = session.charge.iter().flat_map(|charge| charge.refunds.iter().rev());
            refunds.map(|refund| session.part_object("refund", refund)).collect::<Vec<_>>()
        })
        .collect();
    Reply::json(200, &json!({"object": "list", "url": "/v1/refunds", "has_more": false, "data": data}))
}
