//! The application services: the steps from an inbound message to its reply.
//!
//! [`App`] holds the dependencies of the services. The ingress stores events (`ingest`). Workers (`work`)
//! claim them and run the step for each: a conversation (`conversation`), a generation (`generate`), a
//! delivery (`deliver`), a delivery status (`statuses`). Every step may be run again after a crash.

mod accepted;
mod accounts;
pub mod admin;
mod alerts;
mod amendments;
mod batcher;
mod brand;
mod budget;
mod clock;
mod code_fallback;
mod codes;
mod commands;
mod conflict;
mod conversation;
mod crash;
mod deliver;
mod erase;
mod erasure_file;
mod error;
mod export;
mod generate;
mod handoffs;
mod health;
mod identity_changes;
mod ids;
mod import;
mod ingest;
mod joining;
mod link;
mod live;
mod login;
#[cfg(test)]
mod machines;
mod measure;
mod monitor;
mod notices;
mod old_passwords;
pub mod operator;
mod own_number;
mod password_reset;
mod pause;
mod payments;
mod people;
mod photo;
mod ready;
mod refunds;
mod reply;
mod restored;
mod retention;
mod seal;
mod sessions;
mod statuses;
mod tokens;
mod turn;
mod verify;
mod voice;
mod wake;
mod web_generation;
mod web_history;
mod web_reading;
mod work;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use postly_domain::UnixMillis;
use postly_pipeline::{Transcriber, Writer};
use postly_store::Db;
use postly_whatsapp::{OwnNumbers, send::Senders, signature::Verifier};
use secrecy::SecretString;
use tokio::sync::OnceCell;

pub use accounts::{AccountChange, AccountError, Profile};
pub use brand::BrandChangeError;
pub use clock::{Clock, SystemClock};
pub use codes::{BrowserToken, CodeRequestError};
pub use erasure_file::{ERASURES_FILE, ErasureFileError, ErasureRecords};
pub use error::JourneyError;
pub use export::{Export, rfc3339};
pub use handoffs::{HandoffError, answerable_until};
pub use import::{ImportError, ImportOptions, ImportReport, LeftOut, What, Why};
pub use ingest::IngestError;
pub use live::{Credential, LiveEvent, LiveEvents, MAX_STREAMS_OF_AUTHOR, TooManyStreams};
pub use login::{ShownPhrase, WhatsappContact};
pub use password_reset::PasswordReset;
pub use payments::{
    CheckoutError, EventOutcome, Offer, PaymentEventError, ReceiptError, RechargeView, Returned,
    ReturnedState, Shop,
};
pub use postly_domain::rest::PauseTarget;
pub use postly_payments::{Stripe, StripeConfig, StripeConfigError, StripeWebhook, WebhookSecrets};
pub use postly_pipeline::platform_limits;
pub use postly_store::history::{HistoryFilter, SavedGeneration};
pub use postly_store::{Engine, StoreError, lanes::Queue, tokens::ApiToken};
pub use postly_whatsapp::signature::WebhookRequest;
pub use ready::{NotReady, Readiness};
pub use restored::EndedWork;
pub use retention::Retention;
pub use seal::NoRandomness;
pub use sessions::{Browser, LoggedIn, SESSION_MS, Session, SessionCookie};
pub use tokens::{MAX_TOKENS, NewToken, TokenError};
pub use verify::{Verified, VerifyError};
pub use web_generation::{Progress, WebBrief, WebChange, WebGenerationError};
pub use web_history::HistoryPage;
pub use work::{Shutdown, Workers};

use accounts::Passwords;
use postly_i18n::Catalogue;
use seal::CodeKeys;
pub use seal::keyed_hash;
use wake::Wakers;

/// The settings of the operator.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The credits granted once, at a number's first message.
    pub trial_credits: i64,
    /// The credits granted once, when a number is proved.
    pub welcome_credits: i64,
    /// The provider of identities that an operator creates before their first message (`WHATSAPP_PROVIDER`).
    pub default_provider: postly_domain::Provider,
    /// The most model calls in a day.
    pub model_budget: postly_domain::ModelBudget,
    /// The address of the site where authors top up and log in.
    pub site_url: String,
    /// The address of the links that open a conversation, without a trailing slash (`https://wa.me`).
    pub chat_link_base: String,
    /// The key of the hashes of one-time grants, and of every number that is only compared. Never rotated.
    pub identity_hash_key: SecretString,
    /// The pepper of one-time codes, newest first (`OTP_SALT`).
    pub otp_peppers: Vec<SecretString>,
    /// The most codes that may be sent without a proof of their receipt.
    pub code_budgets: postly_domain::challenge::Budgets,
    /// The countries to which codes are sent (ISO 3166-1).
    pub allowed_countries: Vec<String>,
    /// The region of national numbers.
    pub default_region: String,
    /// The retention of each kind of data.
    pub retention: Retention,
    /// The most live streams of a process at a time (`MAX_EVENT_STREAMS`).
    pub max_streams: usize,
    /// The operator's details for the legal pages.
    pub legal: Legal,
}

/// The operator's details: shown on the legal pages and in the first reply. Each is empty until it is
/// configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Legal {
    /// The name of the person or company (`LEGAL_NAME`).
    pub name: Option<String>,
    /// The postal address (`LEGAL_ADDRESS`).
    pub address: Option<String>,
    /// The e-mail address for questions (`SUPPORT_EMAIL`).
    pub support_email: Option<String>,
    /// The address of the operator's own terms (`TERMS_URL`).
    pub terms_url: Option<String>,
}

/// The dependencies of an [`App`].
pub struct Parts {
    /// The database, with its tables.
    pub db: Db,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Verifies the signatures of webhooks.
    pub verifier: Verifier,
    /// The token by which Meta registers the webhook; without it none can be registered.
    pub meta_verify_token: Option<SecretString>,
    /// The business numbers of this service.
    pub routes: OwnNumbers,
    /// Sends messages.
    pub senders: Senders,
    /// Writes posts.
    pub writer: Writer,
    /// Transcribes voice notes, if a server for it is configured.
    pub transcriber: Option<Transcriber>,
    /// Sells credits, if anything is for sale.
    pub shop: Option<Shop>,
    /// The settings of the operator.
    pub settings: Settings,
}

/// The application. It is cheap to clone, and shared by the web and the workers.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    db: Db,
    clock: Arc<dyn Clock>,
    verifier: Verifier,
    meta_verify_token: Option<SecretString>,
    routes: OwnNumbers,
    senders: Senders,
    writer: Writer,
    transcriber: Option<Transcriber>,
    shop: Option<Shop>,
    settings: Settings,
    catalogue: Catalogue,
    wakers: Wakers,
    live: live::Live,
    webhooks: batcher::Batcher<ingest::Webhook>,
    acceptances: batcher::Batcher<accepted::AcceptedSend>,
    unpersisted: accepted::UnpersistedAcceptances,
    peppers: CodeKeys,
    passwords: Passwords,
    calls: budget::Calls,
    health: health::Health,
    /// The business numbers that are already recorded, by the provider's name for them.
    business_numbers: Mutex<HashSet<(String, postly_domain::PhoneE164)>>,
    /// The periods that are missing in a restored database, because the original continued without it.
    gaps: OnceCell<Vec<(UnixMillis, UnixMillis)>>,
}

impl App {
    /// Builds the application.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            db,
            clock,
            verifier,
            meta_verify_token,
            routes,
            senders,
            writer,
            transcriber,
            shop,
            settings,
        } = parts;
        let catalogue = Catalogue::load();
        let wakers = Wakers::default();
        let peppers = CodeKeys::new(settings.otp_peppers.clone());
        Self(Arc::new(Inner {
            db,
            clock,
            verifier,
            meta_verify_token,
            routes,
            senders,
            writer,
            transcriber,
            shop,
            settings,
            catalogue,
            wakers,
            live: live::Live::default(),
            webhooks: batcher::Batcher::default(),
            acceptances: batcher::Batcher::default(),
            unpersisted: accepted::UnpersistedAcceptances::default(),
            peppers,
            passwords: Passwords::new(),
            calls: budget::Calls::default(),
            health: health::Health::default(),
            business_numbers: Mutex::default(),
            gaps: OnceCell::new(),
        }))
    }

    /// Returns the time of the application's clock.
    pub fn now(&self) -> UnixMillis {
        self.0.clock.now()
    }

    /// Returns the calling code of the region of national numbers: the one of most numbers here.
    pub fn calling_code(&self) -> Option<String> {
        postly_domain::phone::calling_code(&self.0.settings.default_region)
    }

    /// Returns the operator's details for the legal pages.
    pub fn legal(&self) -> &Legal {
        &self.0.settings.legal
    }

    /// Returns the retention of each kind of data.
    pub fn retention(&self) -> &Retention {
        &self.0.settings.retention
    }

    /// Returns a keyed hash of a number, an id or an address. It can be compared, and does not reveal the
    /// person.
    pub(crate) fn name_hash(&self, name: &str) -> String {
        keyed_hash(&self.0.settings.identity_hash_key, name)
    }

    /// Returns the name of a lane in the database, as a hash: more people than the author can read the
    /// database, so it must not contain a phone number.
    pub(crate) fn lane(&self, lane: &str) -> String {
        // 128 bits are enough to tell lanes apart.
        self.name_hash(lane).chars().take(32).collect()
    }

    /// Returns the database, for commands that need no service.
    pub fn db(&self) -> &Db {
        &self.0.db
    }
}
