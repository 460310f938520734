//! Stripe: the signature of its webhooks, the events in them, the Checkout Sessions that we create and
//! retrieve, and refunds.
//!
//! Our requests use one version of the API ([`API_VERSION`]). Events have the version of the account's
//! webhook endpoint, and every version is read.

mod checkout;
mod client;
mod event;
mod inspect;
mod refund;
mod signature;

pub use checkout::NewCheckout;
pub use client::{API_VERSION, Stripe, StripeConfig, StripeConfigError, StripeError};
pub use event::{ChargeFact, Checkout, DisputeFact, Event, Fact, Received, RefundFact, read};
pub use inspect::{EventDestination, NEEDED_EVENTS};
pub use refund::NewRefund;
pub use signature::{SignatureError, StripeWebhook, TOLERANCE_S, WebhookSecrets};
