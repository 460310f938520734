//! The journeys: what happens between a message that comes in and a reply that leaves.
//!
//! [`App`] holds what the journeys need. The ingress stores events ([`ingest`]); workers ([`work`]) claim them and
//! send them to their journey: a conversation ([`conversation`]), a generation ([`generate`]), a delivery
//! ([`deliver`]), the news of one ([`statuses`]). Every step may be run again after a crash.

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
mod thought;
mod tokens;
mod turn;
mod verify;
mod voice;
mod wake;
mod web_generation;
mod web_history;
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
pub use live::{Credential, LiveEvent, LiveEvents, MAX_STREAMS, MAX_STREAMS_OF_AUTHOR, TooManyStreams};
pub use login::ShownPhrase;
pub use password_reset::PasswordReset;
pub use payments::{
    CheckoutError, EventOutcome, Offer, PaymentEventError, RechargeView, Returned, ReturnedState, Shop,
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

/// What the journeys are told by the operator.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Given once, at a number's first message.
    pub trial_credits: i64,
    /// Given once, when a number is proved.
    pub welcome_credits: i64,
    /// The provider of identities that an operator makes before they have written (`WHATSAPP_PROVIDER`).
    pub default_provider: postly_domain::Provider,
    /// How often models may be asked in a day.
    pub model_budget: postly_domain::ModelBudget,
    /// Where authors top up and log in.
    pub site_url: String,
    /// Keys the hashes of what was given once for ever, and of every number where only sameness counts. Never rotated.
    pub identity_hash_key: SecretString,
    /// The pepper of one-time codes, newest first (`OTP_SALT`).
    pub otp_peppers: Vec<SecretString>,
    /// How many codes may be sent that nobody has proved to have received.
    pub code_budgets: postly_domain::challenge::Budgets,
    /// The countries codes are sent to (ISO 3166-1).
    pub allowed_countries: Vec<String>,
    /// Where national numbers are at home.
    pub default_region: String,
    /// How long what is kept is kept.
    pub retention: Retention,
    /// Who runs the service, for its legal pages.
    pub legal: Legal,
}

/// Who runs the service: shown on its legal pages and in the first reply. Each is empty until the operator sets it.
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
    pub routes: OwnNumbers,
    /// Sends messages.
    pub senders: Senders,
    /// Writes posts.
    pub writer: Writer,
    /// Turns voice notes into text, if a server does.
    pub transcriber: Option<Transcriber>,
    /// Sells credits, when anything is for sale.
    pub shop: Option<Shop>,
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
    /// Which numbers of ours are noted already, by what the provider calls them.
    business_numbers: Mutex<HashSet<(String, postly_domain::PhoneE164)>>,
    /// The times during which originals of a restored database went on without it.
    gaps: OnceCell<Vec<(UnixMillis, UnixMillis)>>,
}

impl App {
    /// Puts the parts together.
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

    /// The time by the application's clock.
    pub fn now(&self) -> UnixMillis {
        self.0.clock.now()
    }

    /// The country code that most numbers have here: that of the region of national numbers.
    pub fn calling_code(&self) -> Option<String> {
        postly_domain::phone::calling_code(&self.0.settings.default_region)
    }

    /// Who runs the service.
    pub fn legal(&self) -> &Legal {
        &self.0.settings.legal
    }

    /// How long what is kept is kept.
    pub fn retention(&self) -> &Retention {
        &self.0.settings.retention
    }

    /// A keyed hash of a number, an id or an address: it tells whether two are the same, and not who it is.
    pub(crate) fn name_hash(&self, name: &str) -> String {
        keyed_hash(&self.0.settings.identity_hash_key, name)
    }

    /// The name of a lane in the database, which is read by more people than its work: nobody's number stands in it.
    pub(crate) fn lane(&self, lane: &str) -> String {
        // 128 bits tell lanes apart.
        self.name_hash(lane).chars().take(32).collect()
    }

    /// The database, for commands that need no journey.
    pub fn db(&self) -> &Db {
        &self.0.db
    }
}
