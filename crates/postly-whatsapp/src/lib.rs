//! WhatsApp through its two providers: signatures, incoming events, and sending.
//!
//! [`signature::Verifier`] turns bytes into a [`signature::VerifiedWebhook`] or refuses them; only verified
//! bytes can be read. Reading has two phases. [`inbound::split_webhook`] splits a webhook into events in the
//! ingress: it is fast and never fails as a whole. [`inbound::parse_event`] reads one event in a worker.
//! [`send`] sends messages; its results say what to do next instead of failing.

pub mod errors;
pub mod inbound;
pub mod inspect;
pub mod markup;
mod media;
mod meta;
mod outgoing;
mod public_hosts;
pub mod send;
pub mod signature;
pub mod split;
mod timely;
mod twilio;

pub use errors::action_for;
pub use inbound::{
    OwnNumbers, ParseEventError, conversation_lane, message_key, parse_event, split_webhook, status_key,
    status_lane,
};
pub use media::{Download, MediaError};
pub use outgoing::{Body, Button, Outgoing};
pub use send::{MetaConfig, Senders, TwilioConfig};
pub use signature::{
    MetaSecrets, SignatureError, TwilioSecrets, VerifiedWebhook, Verifier, WebhookRequest, handshake,
};

/// The address of links that open a conversation; the number follows as a path, without `+`
/// (<https://faq.whatsapp.com/5913398998672934>, "How to use click to chat").
pub const CHAT_LINK_BASE: &str = "https://wa.me";

/// The path of the one webhook that both providers call.
pub const WEBHOOK_PATH: &str = "/api/whatsapp/webhook";
