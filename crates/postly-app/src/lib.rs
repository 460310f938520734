//! The application services: the steps from an inbound message to its reply.
//!
//! A service holds a small [`Core`] and the services it calls; [`App`] has those of `serve`. The ingress
//! stores events (`ingest`). Workers (`work`) claim them and run the step for each: a conversation
//! (`conversation`), a generation (`generate`), a delivery (`deliver`), a delivery status (`statuses`). Every
//! step may be run again after a crash.

mod accepted;
mod accounts;
pub mod admin;
mod alerts;
mod amendments;
pub mod backup_folder;
mod batcher;
mod brand;
mod budget;
mod clock;
mod code_fallback;
mod codes;
mod commands;
mod conflict;
mod conversation;
mod core;
mod crash;
mod deliver;
mod ending;
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

use std::{ops::Deref, sync::Arc};

use postly_pipeline::{Transcriber, Writer};
use postly_whatsapp::{send::Senders, signature::Verifier};
use secrecy::SecretString;

pub use accounts::{AccountChange, AccountError, Accounts, Profile};
pub use admin::Admin;
pub use backup_folder::{BackupFolder, BackupFolderError, StorageAccount};
pub use brand::{BrandChangeError, BrandMemory};
pub use budget::ModelBudgets;
pub use clock::{Clock, SystemClock};
pub use code_fallback::CodeTemplates;
pub use codes::{BrowserToken, CodeRequestError, Codes};
pub use conversation::Conversations;
pub use core::Core;
pub use deliver::Deliveries;
pub use erase::Erasure;
pub use erasure_file::{ErasureFileError, ErasureRecords};
pub use error::JourneyError;
pub use export::{Export, rfc3339};
pub use generate::Generator;
pub use handoffs::{HandoffError, answerable_until};
pub use import::{ImportError, ImportOptions, ImportReport, Importer, LeftOut, What, Why};
pub use ingest::{IngestError, Ingress};
pub use live::{Credential, LiveEvent, LiveEvents, LiveStreams, MAX_STREAMS_OF_AUTHOR, TooManyStreams};
pub use login::{Logins, ShownPhrase, WhatsappContact};
pub use monitor::Monitor;
pub use notices::ProviderNotices;
pub use operator::Operator;
pub use password_reset::PasswordReset;
pub use pause::Pauses;
pub use payments::{
    CheckoutError, EventOutcome, Offer, PaymentEventError, Payments, ReceiptError, RechargeView, RefundOrder,
    RefundPaymentError, RefundPreview, Returned, ReturnedState, Shop, explain_refusal,
};
pub use people::People;
pub use postly_domain::rest::PauseTarget;
pub use postly_payments::{Stripe, StripeConfig, StripeConfigError, StripeWebhook, WebhookSecrets};
pub use postly_pipeline::platform_limits;
pub use postly_store::history::{HistoryFilter, SavedGeneration};
pub use postly_store::{Engine, StoreError, lanes::Queue, tokens::ApiToken};
pub use postly_whatsapp::signature::WebhookRequest;
pub use ready::{NotReady, Readiness};
pub use reply::Replies;
pub use restored::{EndedWork, RestoredCopy};
pub use retention::{Retention, RetentionSweep};
pub use seal::NoRandomness;
pub use sessions::{Browser, LoggedIn, SESSION_MS, Session, SessionCookie};
pub use tokens::{MAX_TOKENS, NewToken, TokenError};
pub use turn::Turns;
pub use verify::{Verified, VerifyError};
pub use voice::VoiceNotes;
pub use web_generation::{Progress, WebBrief, WebChange, WebGenerationError, WebGenerations};
pub use web_history::HistoryPage;
pub use work::{Shutdown, Workers};

pub use seal::keyed_hash;

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
    /// The account at the storage of the backups, for erasures of which a bucket keeps the record (`AWS_…`).
    pub storage: Option<StorageAccount>,
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
    /// The database, the clock and the settings.
    pub core: Core,
    /// Verifies the signatures of webhooks.
    pub verifier: Verifier,
    /// The token by which Meta registers the webhook; without it none can be registered.
    pub meta_verify_token: Option<SecretString>,
    /// Sends messages.
    pub senders: Senders,
    /// Writes posts.
    pub writer: Writer,
    /// Transcribes voice notes, if a server for it is configured.
    pub transcriber: Option<Transcriber>,
    /// Sells credits, if anything is for sale.
    pub shop: Option<Shop>,
}

/// The application: every service, on one core. It is cheap to clone, and shared by the web and the workers.
#[derive(Clone)]
pub struct App(Arc<Services>);

impl Deref for App {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.0
    }
}

/// The services of an [`App`]. A service calls only those that [`App::new`] builds before it.
pub struct Services {
    /// The database, the clock and the settings.
    pub core: Core,
    /// Accounts on the web: sign-up, passwords, sessions, profiles and tokens.
    pub accounts: Accounts,
    /// The reads of the operator's pages, their sessions and their audit log.
    pub admin: Admin,
    /// The rules and facts that authors have us keep about their brand.
    pub brand: BrandMemory,
    /// One-time codes: requests, sending and verification.
    pub codes: Codes,
    /// The handling of inbound events, up to the reply.
    pub conversations: Conversations,
    /// The sending of messages, and their delivery statuses.
    pub deliveries: Deliveries,
    /// The erasure of people, and its records beside the backups.
    pub erasure: Erasure,
    /// The receipt of webhooks: authenticated, split into events and stored.
    pub ingress: Ingress,
    /// Logins by a message on WhatsApp, and the business numbers they go to.
    pub logins: Logins,
    /// The checks, every ten seconds, for broken invariants and stopped work.
    pub monitor: Monitor,
    /// The operator's changes: credits, blocks, replays and conversations taken over.
    pub operator: Operator,
    /// Pauses of generation, of a sender and of an author.
    pub pauses: Pauses,
    /// Authors and the numbers they are known by.
    pub people: People,
    /// The sale of credits: checkouts, payment events and receipts.
    pub payments: Payments,
    /// The deletion of data past its retention.
    pub retention_sweep: RetentionSweep,
    /// The live streams of the pages.
    pub streams: LiveStreams,
    /// Posts written on the web, and the history of all posts.
    pub web: WebGenerations,
}

impl App {
    /// Builds the application.
    pub fn new(parts: Parts) -> Self {
        let Parts { core, verifier, meta_verify_token, senders, writer, transcriber, shop } = parts;
        let pauses = Pauses::new(&core);
        let people = People::new(&core);
        let payments = Payments::new(&core, shop);
        let code_templates = CodeTemplates { core: core.clone(), senders: senders.clone() };
        let replies = Replies {
            core: core.clone(),
            pauses: pauses.clone(),
            writer: writer.clone(),
            code_templates: code_templates.clone(),
        };
        let notices =
            ProviderNotices { core: core.clone(), replies: replies.clone(), senders: senders.clone() };
        let accounts = Accounts::new(&core);
        let codes = Codes {
            core: core.clone(),
            code_templates: code_templates.clone(),
            people: people.clone(),
            notices: notices.clone(),
            accounts: accounts.clone(),
        };
        let logins = Logins { core: core.clone(), codes: codes.clone(), business_numbers: Arc::default() };
        let brand = BrandMemory { core: core.clone(), replies: replies.clone() };
        let model_budgets = ModelBudgets { core: core.clone(), calls: Arc::default() };
        let turns = Turns {
            core: core.clone(),
            logins: logins.clone(),
            payments: payments.clone(),
            replies: replies.clone(),
            brand: brand.clone(),
        };
        let voice_notes = VoiceNotes {
            core: core.clone(),
            writer: writer.clone(),
            transcriber: transcriber.map(Arc::new),
            senders: senders.clone(),
            people: people.clone(),
            replies: replies.clone(),
            turns: turns.clone(),
            model_budgets: model_budgets.clone(),
        };
        let generator = Generator {
            core: core.clone(),
            senders: senders.clone(),
            replies: replies.clone(),
            model_budgets: model_budgets.clone(),
            writer: writer.clone(),
            brand: brand.clone(),
            payments: payments.clone(),
            people: people.clone(),
        };
        let web = WebGenerations {
            core: core.clone(),
            brand: brand.clone(),
            generator: generator.clone(),
            turns: turns.clone(),
            model_budgets,
            writer: writer.clone(),
            payments: payments.clone(),
        };
        let deliveries = Deliveries {
            core: core.clone(),
            acceptances: Arc::default(),
            pauses: pauses.clone(),
            unpersisted: Arc::default(),
            senders,
            code_templates: code_templates.clone(),
            replies: replies.clone(),
            people: people.clone(),
        };
        let erasure = Erasure::new(&core);
        let conversations = Conversations {
            core: core.clone(),
            turns,
            replies,
            people: people.clone(),
            notices,
            deliveries: deliveries.clone(),
            restored: RestoredCopy::new(&core),
            voice_notes,
            logins: logins.clone(),
            generator,
            writer,
            erasure: erasure.clone(),
        };
        let operator = Operator::new(&core);
        let admin = Admin::new(&core, &accounts);
        let monitor = Monitor { core: core.clone(), admin: admin.clone(), operator: operator.clone() };
        let retention_sweep = RetentionSweep { core: core.clone(), web: web.clone() };
        Self(Arc::new(Services {
            accounts,
            admin,
            brand,
            codes,
            conversations,
            deliveries,
            erasure,
            ingress: Ingress {
                core: core.clone(),
                meta_verify_token,
                verifier: Arc::new(verifier),
                webhooks: Arc::default(),
            },
            logins,
            monitor,
            operator,
            pauses,
            people,
            payments,
            retention_sweep,
            streams: LiveStreams { core: core.clone() },
            web,
            core,
        }))
    }
}
