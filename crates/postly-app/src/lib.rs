//! The journeys: what happens between a message that comes in and a reply that leaves.
//!
//! [`App`] holds what the journeys need. The ingress stores events ([`ingest`]); workers ([`work`]) claim them and
//! send them to their journey: a conversation ([`conversation`]), a generation ([`generate`]), a delivery
//! ([`deliver`]), the news of one ([`statuses`]). Every step may be run again after a crash.

mod catalogue;
mod clock;
mod conversation;
mod crash;
mod deliver;
mod error;
mod generate;
mod ids;
mod ingest;
#[cfg(test)]
mod machines;
pub mod operator;
mod people;
mod refunds;
mod reply;
mod statuses;
mod wake;
mod work;

use std::sync::Arc;

use postly_domain::UnixMillis;
use postly_pipeline::Writer;
use postly_store::Db;
use postly_whatsapp::{Routes, send::Senders, signature::Verifier};
use secrecy::SecretString;

pub use clock::{Clock, SystemClock};
pub use error::JourneyError;
pub use ingest::IngestError;
pub use postly_store::{Engine, StoreError, lanes::Queue};
pub use postly_whatsapp::signature::WebhookRequest;
pub use work::{Shutdown, Workers};

use catalogue::Catalogue;
use wake::Wakers;

/// What the journeys are told by the operator.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Given once, at a number's first message.
    pub trial_credits: i64,
    /// Given once, when a number is proved.
    pub welcome_credits: i64,
    /// The provider of identities that an operator makes before they have written (`WHATSAPP_PROVIDER`).
    pub default_provider: postly_domain::Provider,
    /// Where authors top up and log in.
    pub site_url: String,
    /// Keys the hashes of what was given once for ever. Never rotated.
    pub identity_hash_key: SecretString,
}

/// What an [`App`] is made of.
pub struct Parts {
    /// The database, migrated.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Checks signatures.
    pub verifier: Verifier,
    /// What Meta says back when the webhook is registered; without it nobody can register one.
    pub meta_verify_token: Option<SecretString>,
    /// Which business numbers are ours.
    pub routes: Routes,
    /// Sends messages.
    pub senders: Senders,
    /// Writes posts.
    pub writer: Writer,
    /// What the operator said.
    pub settings: Settings,
}

/// The application: cheap to clone, shared by the web and the workers.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    db: Db,
    clock: Arc<dyn Clock>,
    verifier: Verifier,
    meta_verify_token: Option<SecretString>,
    routes: Routes,
    senders: Senders,
    writer: Writer,
    settings: Settings,
    catalogue: Catalogue,
    wakers: Wakers,
    line: ingest::Line,
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        let Parts { db, clock, verifier, meta_verify_token, routes, senders, writer, settings } = parts;
        let catalogue = Catalogue::load();
        let wakers = Wakers::default();
        Self(Arc::new(Inner {
            db,
            clock,
            verifier,
            meta_verify_token,
            routes,
            senders,
            writer,
            settings,
            catalogue,
            wakers,
            line: ingest::Line::default(),
        }))
    }

    /// The time by the application's clock.
    pub fn now(&self) -> UnixMillis {
        self.0.clock.now()
    }

    /// The database, for commands that need no journey.
    pub fn db(&self) -> &Db {
        &self.0.db
    }
}
