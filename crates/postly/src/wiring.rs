//! Builds the application from its configuration.

use std::sync::Arc;

use anyhow::Context as _;
use postly_app::{
    App, Core, Legal, Parts, Retention, Settings, Shop, StorageAccount, Stripe, StripeConfig, SystemClock,
    WebhookSecrets,
};
use postly_domain::{ModelBudget, Provider, challenge::Budgets};
use postly_http::{AdminPages, CookieKeys, Site};
use postly_pipeline::{
    FallbackModel, Transcriber, Writer,
    offline::OfflineWriter,
    openai::{OpenAiConfig, OpenAiModel},
};
use postly_store::{Db, OpenError};
use postly_whatsapp::{
    CHAT_LINK_BASE, OwnNumbers,
    inspect::Inspector,
    send::{MetaConfig, Senders},
    signature::{MetaSecrets, TwilioSecrets, Verifier},
};
use secrecy::SecretString;

use crate::{
    commands::Failure,
    config::{Config, DatabasePlace, ShopConfig, WriterChoice},
};

/// Opens the database of the service, and creates it with its tables if it is missing.
pub(crate) async fn open(place: DatabasePlace) -> Result<Db, Failure> {
    let db = Db::open_at(place.address, place.direct).await.map_err(not_opened)?;
    db.migrate().await.map_err(not_opened)?;
    Ok(db)
}

/// Opens an existing database, for a command that creates none.
pub(crate) async fn open_existing(place: DatabasePlace) -> Result<Db, Failure> {
    Db::open_existing(place.address, place.direct).await.map_err(not_opened)
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to `map_err`")]
fn not_opened(error: OpenError) -> Failure {
    let sentence = format!("DATABASE_URL: {error}");
    if error.is_fault() { Failure::Usage(sentence) } else { Failure::Failed(anyhow::anyhow!(sentence)) }
}

/// Returns a clock with the time of the database.
pub(crate) async fn clock(db: &Db) -> anyhow::Result<Arc<SystemClock>> {
    Ok(Arc::new(SystemClock::of(db).await.context("cannot ask the database for the time")?))
}

/// Builds the application of the service.
pub(crate) fn application(config: Config, db: Db, clock: Arc<SystemClock>) -> anyhow::Result<App> {
    let routes = OwnNumbers {
        meta_phone_number_id: config.meta.as_ref().map(|meta| meta.send.phone_number_id.clone()),
        twilio_account_sid: config.twilio.as_ref().map(|twilio| twilio.send.account_sid.clone()),
        twilio_from: config.twilio.as_ref().map(|twilio| twilio.send.from.clone()),
    };
    let (meta_send, meta_secrets, meta_verify_token) = match config.meta {
        Some(meta) => {
            (Some(meta.send), Some(MetaSecrets { app_secrets: meta.app_secrets }), Some(meta.verify_token))
        }
        None => (None, None, None),
    };
    let (twilio_send, twilio_secrets) = match config.twilio {
        Some(twilio) => (
            Some(twilio.send),
            Some(TwilioSecrets { auth_tokens: twilio.auth_tokens, shared_keys: twilio.shared_keys }),
        ),
        None => (None, None),
    };
    let transcriber = match &config.writer {
        WriterChoice::Offline => None,
        WriterChoice::OpenAi { first, transcribe_model, .. } => Some(
            Transcriber::new(first, transcribe_model)
                .context("cannot set up the client for transcriptions")?,
        ),
    };
    let writer = match config.writer {
        WriterChoice::Offline => Writer::new(Arc::new(OfflineWriter::new())),
        WriterChoice::OpenAi { first, fallback, .. } => {
            let first = OpenAiModel::new(first).context("cannot set up the model's client")?;
            match fallback {
                None => Writer::new(Arc::new(first)),
                Some(second) => {
                    let second =
                        OpenAiModel::new(second).context("cannot set up the second model's client")?;
                    Writer::new(Arc::new(FallbackModel::new(Arc::new(first), Arc::new(second.as_fallback()))))
                }
            }
        }
    };
    let shop = config.shop.map(shop).transpose()?;
    let settings = Settings {
        trial_credits: config.trial_credits,
        welcome_credits: config.welcome_credits,
        default_provider: config.provider,
        model_budget: config.model_budget,
        site_url: config.public_base_url.clone(),
        chat_link_base: config.chat_link_base,
        identity_hash_key: config.identity_hash_key,
        otp_peppers: config.accounts.otp_peppers,
        code_budgets: config.accounts.code_budgets,
        allowed_countries: config.accounts.allowed_countries,
        default_region: config.accounts.default_region,
        retention: config.accounts.retention,
        max_streams: config.bounds.streams,
        legal: config.legal,
        storage: config.storage,
    };
    Ok(App::new(Parts {
        core: Core::new(db, clock, settings, routes),
        verifier: Verifier::new(meta_secrets, twilio_secrets, &config.public_base_url)
            .context("cannot set up the check of signatures")?,
        meta_verify_token,
        senders: Senders::new(meta_send, twilio_send).context("cannot set up the providers' clients")?,
        writer,
        transcriber,
        shop,
    }))
}

/// Warns of models that their provider will shut down. Nothing waits for the task, because a slow or absent
/// list of models must not delay the start.
pub(crate) fn warn_of_shutdowns(writer: &WriterChoice) {
    let models: Vec<OpenAiConfig> = match writer {
        WriterChoice::Offline => vec![],
        WriterChoice::OpenAi { first, fallback, .. } => {
            [first].into_iter().chain(fallback).cloned().collect()
        }
    };
    tokio::spawn(async move {
        for model in models {
            // A client that cannot be built fails the start elsewhere.
            if let Ok(model) = OpenAiModel::new(model) {
                model.warn_of_shutdown().await;
            }
        }
    });
}

/// Asks Meta for our number, so that the site can link to a conversation before the first message names it.
/// Nothing waits for the task, because a provider without an answer must not delay the start; `doctor`
/// reports such a provider.
pub(crate) fn ask_for_number(app: App, account: MetaConfig) {
    tokio::spawn(async move {
        // A client that cannot be built fails the start elsewhere.
        let Ok(inspector) = Inspector::new() else { return };
        let number = match inspector.meta_number(&account).await {
            Ok(number) => number.phone(),
            Err(error) => {
                tracing::info!(error = %error, "Meta did not tell our number; links know it after the first message");
                return;
            }
        };
        if let Some(number) = number
            && let Err(error) = app.logins.record_meta_number(&number).await
        {
            tracing::info!(error = %error, "Our number at Meta was not recorded; the first message records it");
        }
    });
}

/// Builds the shop.
pub(crate) fn shop(config: ShopConfig) -> anyhow::Result<Shop> {
    let ShopConfig { secret_key, webhook_secrets, api_base_url, tax_code, prices } = config;
    let stripe = Stripe::new(StripeConfig { secret_key, api_base_url, tax_code });
    Ok(Shop {
        stripe: stripe.context("cannot set up the client of Stripe")?,
        webhook_secrets: WebhookSecrets::new(webhook_secrets),
        prices,
    })
}

/// The settings of the public listener.
pub(crate) fn site(config: &Config) -> Site {
    let accounts = &config.accounts;
    Site {
        cookies: CookieKeys::new(&accounts.session_secrets, config.public_base_url.starts_with("https://")),
        shared: accounts.nextauth_shared,
        public_base_url: config.public_base_url.clone(),
        trusted_proxies: accounts.trusted_proxies.clone(),
    }
}

/// The operator's pages, if a password is set.
pub(crate) fn admin_pages(config: &Config) -> Option<AdminPages> {
    let access = config.admin.clone()?;
    Some(AdminPages { access, trusted_proxies: config.accounts.trusted_proxies.clone() })
}

/// Builds the core of a command that reads and corrects the database, and receives and sends nothing.
pub(crate) async fn operator_core(
    db: Db,
    provider: Provider,
    identity_hash_key: SecretString,
    site_url: String,
    storage: Option<StorageAccount>,
) -> anyhow::Result<Core> {
    let clock = clock(&db).await?;
    let settings = Settings {
        trial_credits: 0,
        welcome_credits: 0,
        default_provider: provider,
        model_budget: ModelBudget::default(),
        site_url,
        chat_link_base: CHAT_LINK_BASE.to_owned(),
        identity_hash_key,
        otp_peppers: vec![],
        code_budgets: Budgets { country_hour: 0, hour: 0 },
        allowed_countries: vec![],
        default_region: "FR".to_owned(),
        retention: Retention { events_days: 30, media_days: 7, messages_days: 365 },
        max_streams: 0,
        legal: Legal::default(),
        storage,
    };
    Ok(Core::new(db, clock, settings, OwnNumbers::default()))
}
