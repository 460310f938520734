//! The part of the handle for Stripe: actions of a test, and the events that report them.

use serde_json::Value;

use crate::deliver::Delivery;
use crate::signing::stripe_signature;
use crate::simulator::Simulator;
use crate::stripe::{self, Payment, SimulatedCheckout};
use crate::stripe_events::{self, StripeEvent};

impl Simulator {
    /// Returns every Checkout Session, oldest first.
    pub fn checkouts(&self) -> Vec<SimulatedCheckout> {
        self.world().stripe().sessions.iter().map(stripe::Session::shown).collect()
    }

    /// Returns the Checkout Session with this page.
    pub fn checkout_at(&self, url: &str) -> Option<SimulatedCheckout> {
        self.checkouts().into_iter().find(|checkout| checkout.url == url)
    }

    /// Makes the buyer see, and pay, another amount in another currency (Adaptive Pricing).
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

    /// Ends a delayed payment: the money arrives or not. Returns the events.
    pub fn settle_checkout(&self, id: &str, succeeds: bool) -> Vec<StripeEvent> {
        stripe::change(self.world(), id, |session| stripe::settle(session, succeeds))
    }

    /// Expires a session. Returns the events.
    pub fn expire_checkout(&self, id: &str) -> Vec<StripeEvent> {
        stripe::change(self.world(), id, stripe::expire)
    }

    /// Refunds a part of a paid session, by the service or by Stripe. Returns the events.
    pub fn refund_checkout(&self, id: &str, amount: i64) -> Vec<StripeEvent> {
        stripe::change(self.world(), id, |session| stripe::refund(session, amount))
    }

    /// Pays out the last pending refund of a session. Returns the events.
    pub fn complete_refund(&self, id: &str) -> Vec<StripeEvent> {
        stripe::change(self.world(), id, stripe::complete_refund)
    }

    /// Sets the status of the refunds that the API makes from now on.
    pub fn set_refund_status(&self, status: &'static str) {
        self.world().stripe().refund_status = Some(status);
    }

    /// Sets the money from which refunds are paid; `None` for enough.
    pub fn set_stripe_balance(&self, balance: Option<i64>) {
        self.world().stripe().balance = balance;
    }

    /// Forgets all idempotency keys, as Stripe does after 24 hours.
    pub fn forget_idempotency_keys(&self) {
        self.world().stripe().forget_keys();
    }

    /// Keeps the events of API calls back: a test delivers them in its own order.
    pub fn hold_payment_events(&self) {
        self.world().stripe().holds_events = true;
    }

    /// Returns every event so far, oldest first.
    pub fn payment_events(&self) -> Vec<StripeEvent> {
        self.world().stripe().events.clone()
    }

    /// Returns the refunds of a session with their amounts and statuses, oldest first.
    pub fn refunds_of(&self, id: &str) -> Vec<(i64, String)> {
        let account = self.world().stripe();
        let charges = account.sessions.iter().filter(|session| session.id == id);
        let charges = charges.filter_map(|session| session.charge.as_ref());
        charges.flat_map(|charge| &charge.refunds).map(|part| (part.amount, part.status.clone())).collect()
    }

    /// Makes the last refund of a session fail. Returns the events.
    pub fn fail_refund(&self, id: &str) -> Vec<StripeEvent> {
        stripe::change(self.world(), id, stripe::fail_refund)
    }

    /// Disputes the charge; `inquiry` is the step before a dispute at some banks. Returns the events.
    pub fn dispute_checkout(&self, id: &str, amount: i64, inquiry: bool) -> Vec<StripeEvent> {
        stripe::change(self.world(), id, |session| stripe::dispute(session, amount, inquiry))
    }

    /// Closes the last open dispute with `won`, `lost` or `warning_closed`. Returns the events.
    pub fn close_dispute(&self, id: &str, status: &str) -> Vec<StripeEvent> {
        stripe::change(self.world(), id, |session| stripe::close_dispute(session, status))
    }

    /// Builds an event of any type about any object.
    pub fn payment_event(&self, kind: &str, object: &Value) -> StripeEvent {
        stripe_events::event(kind, object, self.world().clock.now_s())
    }

    /// Builds a thin event.
    pub fn thin_event(&self, kind: &str) -> StripeEvent {
        stripe_events::thin(kind)
    }

    /// Signs an event with the current time, and delivers it once.
    pub async fn deliver_event(&self, event: &StripeEvent) -> Delivery {
        stripe_events::deliver(self.world(), event).await
    }

    /// Delivers any bytes with any signature.
    pub async fn deliver_event_signed(&self, body: &[u8], signature: &str) -> Delivery {
        stripe_events::deliver_signed(self.world(), body, signature).await
    }

    /// Returns the signature of these bytes at a time (seconds since the epoch).
    pub fn event_signature(&self, body: &[u8], at_s: i64) -> String {
        stripe_signature(&self.world().secrets().stripe_webhook_secret, at_s, body)
    }
}
