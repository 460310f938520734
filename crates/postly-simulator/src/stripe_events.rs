//! Events of Stripe: built when a change happens, signed when they are delivered, in any order.

use serde_json::{Value, json};

use crate::deliver::{Delivery, to_path};
use crate::ids;
use crate::signing::stripe_signature;
use crate::stripe::VERSION;
use crate::world::World;

/// The path at which the service receives events.
const PATH: &str = "/api/stripe/webhook";

/// An event that may be delivered once or many times. Its fields are public, so that a test can alter them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripeEvent {
    /// Its id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// The raw body.
    pub body: Vec<u8>,
}

/// Builds a snapshot event.
pub(crate) fn event(kind: &str, object: &Value, now_s: i64) -> StripeEvent {
    let id = ids::token("evt_");
    let body = json!({
        "id": id,
        "object": "event",
        "api_version": VERSION,
        "created": now_s,
        "data": {"object": object},
        "livemode": false,
        "pending_webhooks": 1,
        "request": {"id": null, "idempotency_key": null},
        "type": kind,
    });
    // Stripe pretty-prints its events.
    let body = serde_json::to_vec_pretty(&body).unwrap_or_default();
    StripeEvent { id, kind: kind.to_owned(), body }
}

/// Builds a thin event, as sent to a destination with that payload style.
pub(crate) fn thin(kind: &str) -> StripeEvent {
    let id = ids::token("evt_test_");
    let body = json!({
        "id": id,
        "object": "v2.core.event",
        "type": kind,
        "livemode": false,
        "created": "2026-11-30T06:20:52.246Z",
        "related_object": {"id": "obj_1", "type": "checkout.session", "url": "/v1/checkout/sessions/obj_1"},
    });
    StripeEvent { id, kind: kind.to_owned(), body: body.to_string().into_bytes() }
}

/// Signs an event with the current time, and delivers it once.
pub(crate) async fn deliver(world: &World, event: &StripeEvent) -> Delivery {
    let signature =
        stripe_signature(&world.secrets().stripe_webhook_secret, world.clock.now_s(), &event.body);
    deliver_signed(world, &event.body, &signature).await
}

/// Delivers any bytes with any signature.
pub(crate) async fn deliver_signed(world: &World, body: &[u8], signature: &str) -> Delivery {
    let headers = [
        ("content-type", "application/json; charset=utf-8"),
        ("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)"),
        ("stripe-signature", signature),
    ];
    to_path(world, PATH, &headers, body).await
}
