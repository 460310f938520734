//! Stripe: the signature of its webhooks, the events in them, and the Checkout Sessions that we create and retrieve.
//!
//! Everything here is written for one version of the API ([`API_VERSION`]) when we ask, and reads whatever version the
//! account's webhook endpoint has: an event is in the version of its endpoint, and not of our requests.

mod checkout;
mod client;
mod event;
mod inspect;
mod signature;

pub use checkout::NewCheckout;
pub use client::{API_VERSION, Stripe, StripeConfig, StripeConfigError, StripeError};
pub use event::{ChargeFact, Checkout, DisputeFact, Event, Fact, Received, RefundFact, read};
pub use inspect::{EventDestination, NEEDED_EVENTS};
pub use signature::{SignatureError, StripeWebhook, TOLERANCE_S, WebhookSecrets};
