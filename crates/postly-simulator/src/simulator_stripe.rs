//! The handle's part for Stripe: what a test makes happen there, and the events that tell of it.

use serde_json::Value;

use crate::deliver::Delivery;
use crate::signing::stripe_signature;
use crate::simulator::Simulator;
use crate::stripe::{self, Payment, SimulatedCheckout};
use crate::stripe_events::{self, StripeEvent};

impl Simulator {
    /// Every Checkout Session, oldest first.
    pub fn checkouts(&self) -> Vec<SimulatedCheckout> {
        self.world().stripe().sessions.iter().map(stripe::Session::shown).collect()
    }

    /// The Checkout Session whose page is at this address.
    pub fn checkout_at(&self, url: &str) -> Option<SimulatedCheckout> {
        self.checkouts().into_iter().find(|checkout| checkout.url == url)
    }

    /// The buyer sees, and pays, another amount in another currency (Adaptive Pricing).
    pub fn present_checkout_in(&self, id: &str, amount: i64, currency: &str) {
        stripe::change(self.world(), id, |session| {
            session.amount = amount;
            currency.clone_into(&mut session.currency);
            vec![]
        });
    }

    /// Pays a Checkout Session. Returns its events without delivering them.
    pub fn pay_checkout(&self, id: &str, payment: Payment) -> Vec<StripeEvent> {
        stripe::change(self.world(), id, |session| stripe::pay(session, payment))
    }

    /// The money of a method that takes days comes, or does not.
    pub fn settle_checkout(&self, id: &str, succeeds: bool) -> Vec<StripeEvent> {
        stripe::change(self.world(), id, |session| stripe::settle(session, succeeds))
    }

    /// A session can no longer be paid.
    pub fn expire_checkout(&self, id: &str) -> Vec<StripeEvent> {
        stripe::change(self.world(), id, stripe::expire)
    }

    /// Money of a paid session goes back: by us, or by Stripe itself.
    pub fn refund_checkout(&self, id: &str, amount: i64) -> Vec<StripeEvent> {
        stripe::change(self.world(), id, |session| stripe::refund(session, amount))
    }

    /// The last refund of a session fails.
    pub fn fail_refund(&self, id: &str) -> Vec<StripeEvent> {
        stripe::change(self.world(), id, stripe::fail_refund)
    }

    /// The buyer disputes the charge; `inquiry` is what comes before a dispute at some banks.
    pub fn dispute_checkout(&self, id: &str, amount: i64, inquiry: bool) -> Vec<StripeEvent> {
        stripe::change(self.world(), id, |session| stripe::dispute(session, amount, inquiry))
    }

    /// The last open dispute ends: `won`, `lost` or `warning_closed`.
    pub fn close_dispute(&self, id: &str, status: &str) -> Vec<StripeEvent> {
        stripe::change(self.world(), id, |session| stripe::close_dispute(session, status))
    }

    /// An event of any type about any object.
    pub fn payment_event(&self, kind: &str, object: &Value) -> StripeEvent {
        stripe_events::event(kind, object, self.world().clock.now_s())
    }

    /// A thin event.
    pub fn thin_event(&self, kind: &str) -> StripeEvent {
        stripe_events::thin(kind)
    }

    /// Signs an event as of now, and delivers it once.
    pub async fn deliver_event(&self, event: &StripeEvent) -> Delivery {
        stripe_events::deliver(self.world(), event).await
    }

    /// Delivers any bytes under any signature.
    pub async fn deliver_event_signed(&self, body: &[u8], signature: &str) -> Delivery {
        stripe_events::deliver_signed(self.world(), body, signature).await
    }

    /// The signature of these bytes at a time (seconds since the epoch).
    pub fn event_signature(&self, body: &[u8], at_s: i64) -> String {
        stripe_signature(&self.world().config.stripe.webhook_secret, at_s, body)
    }
}
