//! The whole service in a test: real SQL on both engines, real HTTP to the simulated world, and a manual
//! clock.
//!
//! For tests only; panics here report failures.

#![expect(clippy::expect_used, clippy::panic, reason = "this crate is only ever a part of tests")]

mod browser;
mod clock;
pub mod conformity;
mod database;
pub mod recording;

use std::sync::{Arc, Once};

use postly_app::{
    App, Core, Parts, Retention, Settings, Shop, Shutdown, Stripe, StripeConfig, WebhookSecrets, Workers,
    operator::AuthorSelector,
};
use postly_domain::{Currency, ModelBudget, PhoneE164, PriceList, Provider, challenge::Budgets};
use postly_http::{CookieKeys, Network, Site};
use postly_pipeline::{
    FallbackModel, Transcriber, Writer,
    offline::OfflineWriter,
    openai::{DEFAULT_TRANSCRIBE_MODEL, Dialect, OpenAiConfig, OpenAiModel},
};
use postly_simulator::{
    Channel, Delivery, MessageKind, Person, PhoneMessage, Simulator, SimulatorConfig, StatusPolicy, Webhook,
};
use postly_store::wallets::{Entry, Wallet};
use postly_whatsapp::{
    OwnNumbers, WEBHOOK_PATH,
    send::{MetaConfig, Senders, TwilioConfig},
    signature::{MetaSecrets, TwilioSecrets, Verifier},
};
use secrecy::SecretString;
use tokio::{sync::watch, task::JoinHandle};

pub use browser::{Answer, PASSWORD, SESSION_COOKIE, TestBrowser, session_cookie};
pub use clock::TestClock;
pub use database::{Database, EngineName, Wish};
pub use postly_app::Legal;

/// The most live streams of a process in tests.
pub const MAX_STREAMS: usize = 256;
/// The public address of the service for browsers and Twilio.
pub const PUBLIC_BASE_URL: &str = "https://postly.example";

/// The options of a test's service.
#[derive(Debug, Clone)]
pub struct Options {
    /// The credits for a number's first message.
    pub trial_credits: i64,
    /// True for the offline writer instead of the simulated model.
    pub offline: bool,
    /// A writer of the test's own, instead of both.
    pub writer: Option<Writer>,
    /// True for a second provider of models beside the simulated one: [`TestApp::second`].
    pub fallback: bool,
    /// True for a simulated model that accepts photos.
    pub vision: bool,
    /// True for a simulated model server that transcribes voice notes.
    pub voice: bool,
    /// The name of the model, and the dialect of its requests until it refuses a field.
    pub model: (&'static str, Dialect),
    /// The provider of conversations that we start.
    pub provider: Provider,
    /// The most model calls in a day.
    pub model_budget: ModelBudget,
    /// The most unproved codes.
    pub code_budgets: Budgets,
    /// True if cookies of other NextAuth apps may read.
    pub nextauth_shared: bool,
    /// The statuses that follow a message automatically; by default none, so that a test decides.
    pub statuses: StatusPolicy,
    /// True if packs are for sale, at the simulated Stripe.
    pub shop: bool,
    /// The operator's legal details.
    pub legal: Legal,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            trial_credits: 5,
            offline: false,
            writer: None,
            fallback: false,
            vision: false,
            voice: false,
            model: ("gpt-6-luna", Dialect::OpenAi),
            provider: Provider::Meta,
            model_budget: ModelBudget::default(),
            code_budgets: Budgets { country_hour: 30, hour: 60 },
            nextauth_shared: false,
            statuses: StatusPolicy::silent(),
            shop: false,
            legal: Legal::default(),
        }
    }
}

/// A running service and its world.
pub struct TestApp {
    /// The application.
    pub app: App,
    /// The outside world.
    pub world: Simulator,
    /// The second provider of models, a separate world, if [`Options::fallback`] is set.
    second: Option<Simulator>,
    /// The time.
    pub clock: TestClock,
    /// The engine under test.
    pub engine: EngineName,
    /// The base URL of the service.
    pub base_url: String,
    workers: Workers,
    database: Database,
    http: reqwest::Client,
    server: JoinHandle<()>,
    stop: watch::Sender<bool>,
}

/// Runs a test on every engine, one after the other.
pub async fn for_each_engine(test: impl AsyncFn(&TestApp)) {
    for_each_engine_with(Options::default(), test).await;
}

/// Runs a test on every engine, with options.
pub async fn for_each_engine_with(options: Options, test: impl AsyncFn(&TestApp)) {
    for engine in EngineName::ALL {
        let app = TestApp::start(engine, &options).await;
        test(&app).await;
        app.assert_audit_is_clean().await;
        app.stop().await;
    }
}

/// Runs a test on every engine, and on PostgreSQL through a pooler.
pub async fn for_each_engine_and_a_pooler(test: impl AsyncFn(&TestApp)) {
    for_each_engine(&test).await;
    let database = Database::behind_a_pooler().await;
    let app = TestApp::start_on(database, &Options::default()).await;
    test(&app).await;
    app.assert_audit_is_clean().await;
    app.stop().await;
}

/// Installs the TLS provider that the clients need.
pub fn install_tls() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // The simulator may have installed it before, which is equally good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

impl TestApp {
    /// Starts a service on a fresh database.
    pub async fn start(engine: EngineName, options: &Options) -> Self {
        let database = Database::fresh(engine).await;
        Self::start_on(database, options).await
    }

    /// Starts a service on this database.
    pub async fn start_on(database: Database, options: &Options) -> Self {
        install_tls();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base_url = format!("http://{}", listener.local_addr().expect("an address"));
        let world = Simulator::start(SimulatorConfig {
            openai_api_key: Some("sk-simulated-key".to_owned()),
            statuses: options.statuses.clone(),
            ..SimulatorConfig::default()
        })
        .await
        .expect("the simulator starts");
        world
            .set_webhook(&format!("{base_url}{WEBHOOK_PATH}"), &format!("{PUBLIC_BASE_URL}{WEBHOOK_PATH}"))
            .expect("a webhook address");
        let second = if options.fallback { Some(second_provider().await) } else { None };
        let clock = TestClock::starting_at(world.now_ms());
        let outside = clock.clone();
        world.set_clock(move || outside.now_ms());

        let app = App::new(parts(&world, second.as_ref(), &database, &clock, options));
        let router = postly_http::public_router(app.clone(), site(options));
        let (stop, shutdown) = Shutdown::new();
        let server =
            tokio::spawn(postly_http::serve(listener, router, postly_http::MAX_CONNECTIONS, shutdown));
        let workers = Workers::new(app.clone());
        let http = reqwest::Client::builder().build().expect("a client");
        let engine = database.engine;
        Self { app, world, second, clock, engine, base_url, workers, database, http, server, stop }
    }

    /// Stops the service, drops its database, and checks its requests against the specifications.
    pub async fn stop(self) {
        self.stop.send(true).expect("the service listens");
        self.server.await.expect("the service stops");
        self.world.stop().await;
        self.app.core.db().close().await;
        self.database.drop().await;
        conformity::assert_conforms(&self.world.journal());
        if let Some(second) = self.second {
            second.stop().await;
            conformity::assert_conforms(&second.journal());
        }
    }

    /// The second provider of models. It requires its own key.
    pub fn second(&self) -> &Simulator {
        self.second.as_ref().expect("the options ask for a second provider")
    }

    /// An author on Meta.
    pub fn author(&self) -> TestAuthor<'_> {
        self.author_of(Channel::Meta, "+33639981001")
    }

    /// An author on this channel, with this number.
    pub fn author_of(&self, channel: Channel, number: &str) -> TestAuthor<'_> {
        TestAuthor { app: self, person: self.world.person(channel, number), number: number.to_owned() }
    }

    /// A browser without cookies, with its own address.
    pub fn browser(&self) -> TestBrowser {
        TestBrowser::by(self.http.clone(), &self.base_url)
    }

    /// Deletes expired data. Returns the number of deleted rows.
    pub async fn sweep(&self) -> u64 {
        self.app.retention_sweep.sweep().await.expect("the database answers")
    }

    /// Delivers a webhook once, as the provider does.
    pub async fn deliver(&self, webhook: &Webhook) -> Delivery {
        self.world.deliver(webhook).await
    }

    /// Does all due work.
    pub async fn run_until_idle(&self) {
        self.workers.run_until_idle().await.expect("the database answers");
    }

    /// Moves the time of the service and of the world.
    pub fn advance_ms(&self, millis: i64) {
        self.clock.advance_ms(millis);
    }

    /// The address of the database, as in `DATABASE_URL`.
    pub fn database_url(&self) -> &str {
        &self.database.url
    }

    /// Runs a query that returns one number.
    pub async fn count(&self, sql: &'static str) -> i64 {
        self.database.count(sql).await
    }

    /// Runs a query that returns one column of texts.
    pub async fn texts(&self, sql: &'static str) -> Vec<String> {
        self.database.texts(sql).await
    }

    /// The data that a thief of the database gets: the bytes of SQLite's files, or the output of `pg_dump`.
    pub async fn stolen(&self) -> Vec<u8> {
        self.database.stolen().await
    }

    /// Every row of a table, each as text.
    pub async fn rows(&self, table: &str) -> Vec<String> {
        self.database.rows(table).await
    }

    /// Changes data without the service.
    pub async fn change(&self, sql: &str) {
        self.database.change(sql).await.expect("the database takes it");
    }

    /// Panics unless every invariant holds.
    pub async fn assert_audit_is_clean(&self) {
        let findings = self.app.operator.audit().await.expect("the audit runs");
        let broken: Vec<_> = findings.iter().filter(|finding| finding.violations > 0).collect();
        assert!(broken.is_empty(), "{:?}: {broken:?}", self.engine);
    }
}

/// The secret of the session cookie.
pub const SESSION_SECRET: &str = "a secret of 32 bytes, or so, for tests";

fn site(options: &Options) -> Site {
    Site {
        cookies: CookieKeys::new(&[SecretString::from(SESSION_SECRET.to_owned())], true),
        shared: options.nextauth_shared,
        public_base_url: PUBLIC_BASE_URL.to_owned(),
        // Tests set their address in `X-Forwarded-For`.
        trusted_proxies: vec![Network::parse("127.0.0.1").expect("an address")],
    }
}

/// The model of the second provider.
pub const SECOND_MODEL: &str = "second-model";

async fn second_provider() -> Simulator {
    let config = SimulatorConfig {
        openai_api_key: Some("sk-simulated-key-of-the-second".to_owned()),
        ..SimulatorConfig::default()
    };
    Simulator::start(config).await.expect("the second provider starts")
}

/// The client of the model in a world.
fn model(world: &Simulator, name: &str, dialect: Dialect, vision: bool) -> OpenAiModel {
    let api_key = world.config().openai_api_key.clone().map(SecretString::from);
    let config =
        OpenAiConfig { dialect, vision, ..OpenAiConfig::new(api_key, &world.openai_base_url(), name) };
    OpenAiModel::new(config).expect("a model's client")
}

/// The clients of both providers, with the accounts and the templates of a world.
fn senders(world: &Simulator) -> Senders {
    let accounts = world.config();
    let meta = MetaConfig {
        access_token: accounts.meta.access_token.clone().into(),
        phone_number_id: accounts.meta.phone_number_id.clone(),
        base_url: world.base_url(),
        version: "v25.0".to_owned(),
        otp_template: accounts.rules.otp_templates.first().cloned().unwrap_or_default(),
        // The default of the service.
        otp_template_languages: ["fr", "en", "en_US", "es", "pt_BR", "pt_PT", "ar"]
            .map(str::to_owned)
            .to_vec(),
    };
    let twilio = TwilioConfig {
        account_sid: accounts.twilio.account_sid.clone(),
        auth_token: accounts.twilio.auth_token.clone().into(),
        from: accounts.twilio.from.clone(),
        api_base_url: world.base_url(),
        public_base_url: PUBLIC_BASE_URL.to_owned(),
        otp_content_sid: accounts.rules.content_sids.first().cloned(),
    };
    Senders::new(Some(meta), Some(twilio)).expect("the providers' clients")
}

/// The shop at the Stripe of a world, with the default packs (RULES 2.4).
fn shop(world: &Simulator) -> Shop {
    let account = &world.config().stripe;
    let config = StripeConfig {
        secret_key: account.secret_key.clone().into(),
        api_base_url: world.base_url(),
        tax_code: None,
    };
    let eur = Currency::parse("eur").expect("a currency");
    Shop {
        stripe: Stripe::new(config).expect("a client of Stripe"),
        webhook_secrets: WebhookSecrets::new(vec![account.webhook_secret.clone().into()]),
        prices: PriceList::parse("s:20:490,m:60:1290,l:150:2790", &eur).expect("a price list"),
    }
}

fn parts(
    world: &Simulator,
    second: Option<&Simulator>,
    database: &Database,
    clock: &TestClock,
    options: &Options,
) -> Parts {
    let secret = |text: &str| SecretString::from(text.to_owned());
    let accounts = world.config();
    let verifier = Verifier::new(
        Some(MetaSecrets { app_secrets: vec![secret(&accounts.meta.app_secret)] }),
        Some(TwilioSecrets { auth_tokens: vec![secret(&accounts.twilio.auth_token)], shared_keys: vec![] }),
        PUBLIC_BASE_URL,
    );
    let writer = if let Some(writer) = &options.writer {
        writer.clone()
    } else if options.offline {
        Writer::new(Arc::new(OfflineWriter::new()))
    } else {
        let (name, dialect) = options.model;
        let first = model(world, name, dialect, options.vision);
        match second {
            None => Writer::new(Arc::new(first)),
            Some(second) => {
                let second = model(second, SECOND_MODEL, Dialect::Compatible, options.vision).as_fallback();
                Writer::new(Arc::new(FallbackModel::new(Arc::new(first), Arc::new(second))))
            }
        }
    };
    let transcriber = options.voice.then(|| {
        let api_key = accounts.openai_api_key.clone().map(SecretString::from);
        let config = OpenAiConfig::new(api_key, &world.openai_base_url(), options.model.0);
        Transcriber::new(&config, DEFAULT_TRANSCRIBE_MODEL).expect("a client for transcriptions")
    });
    let routes = OwnNumbers {
        meta_phone_number_id: Some(accounts.meta.phone_number_id.clone()),
        twilio_account_sid: Some(accounts.twilio.account_sid.clone()),
        twilio_from: Some(accounts.twilio.from.clone()),
    };
    let settings = Settings {
        trial_credits: options.trial_credits,
        welcome_credits: 5,
        default_provider: options.provider,
        model_budget: options.model_budget,
        site_url: PUBLIC_BASE_URL.to_owned(),
        chat_link_base: postly_whatsapp::CHAT_LINK_BASE.to_owned(),
        identity_hash_key: secret("a key for the hashes of tests"),
        otp_peppers: vec![secret("a pepper for the codes of tests")],
        code_budgets: options.code_budgets,
        allowed_countries: ["FR", "BE", "CH", "GB", "RE", "YT", "GP", "GF", "MQ"].map(str::to_owned).to_vec(),
        default_region: "FR".to_owned(),
        retention: Retention { events_days: 30, media_days: 7, messages_days: 365 },
        max_streams: MAX_STREAMS,
        legal: options.legal.clone(),
        storage: None,
    };
    Parts {
        core: Core::new(database.db.clone(), Arc::new(clock.clone()), settings, routes),
        verifier: verifier.expect("secrets"),
        meta_verify_token: Some(secret(&accounts.meta.verify_token)),
        senders: senders(world),
        writer,
        transcriber,
        shop: options.shop.then(|| shop(world)),
    }
}

/// An author in a test.
pub struct TestAuthor<'a> {
    app: &'a TestApp,
    /// The author as a person of the simulated world.
    pub person: Person,
    number: String,
}

impl TestAuthor<'_> {
    /// A text of the author, signed by the provider; not yet delivered.
    pub fn writes(&self, text: &str) -> Webhook {
        self.app.world.webhook_text(&self.person, text)
    }

    /// A message of another kind.
    pub fn sends(&self, kind: MessageKind) -> Webhook {
        self.app.world.webhook_kind(&self.person, kind)
    }

    /// Delivers a text, and waits until the service is idle, including a text that waits for another one.
    pub async fn says(&self, text: &str) {
        let delivery = self.app.deliver(&self.writes(text)).await;
        assert_eq!(delivery.status, 200, "the webhook of {text:?}");
        self.app.run_until_idle().await;
        if self.app.count("SELECT COUNT(*) FROM inbox WHERE state = 'ready'").await > 0 {
            self.app.advance_ms(1_500);
            self.app.run_until_idle().await;
        }
    }

    /// The messages on the author's phone.
    pub fn received(&self) -> Vec<PhoneMessage> {
        self.app.world.phone_messages(&self.person)
    }

    /// The texts on the author's phone.
    pub fn texts(&self) -> Vec<String> {
        self.received().into_iter().map(|message| message.body).collect()
    }

    /// The last text on the author's phone.
    pub fn last_text(&self) -> String {
        self.texts().pop().unwrap_or_else(|| panic!("nothing came to the phone"))
    }

    /// The author's selector.
    pub fn who(&self) -> AuthorSelector {
        AuthorSelector::Phone(PhoneE164::from_provider(&self.number).expect("a number"))
    }

    /// Grants credits, as an operator would. An unknown number gets an author.
    pub async fn has_credits(self, credits: i64) -> Self {
        self.app.app.operator.adjust(&self.who(), credits, "for a test").await.expect("a grant");
        self
    }

    /// The author's wallet.
    pub async fn wallet(&self) -> Wallet {
        self.app.app.operator.credits(&self.who(), None).await.expect("an author").0
    }

    /// The available credits.
    pub async fn credits(&self) -> i64 {
        self.wallet().await.available()
    }

    /// The author's ledger, oldest first, as `+5 trial`.
    pub async fn ledger(&self) -> Vec<String> {
        let (_, mut entries, _): (_, Vec<Entry>, _) =
            self.app.app.operator.credits(&self.who(), None).await.expect("an author");
        entries.reverse();
        entries.iter().map(|entry| format!("{:+} {}", entry.delta, entry.reason)).collect()
    }

    /// The code in the last message.
    pub fn last_code(&self) -> String {
        code_in(&self.last_text())
    }
}

/// The six digits of a message with a code, as text or by a template.
pub fn code_in(text: &str) -> String {
    let digits: String = text.chars().map(|c| if c.is_ascii_digit() { c } else { ' ' }).collect();
    let code = digits.split_whitespace().find(|run| run.len() == 6);
    code.unwrap_or_else(|| panic!("no code in {text:?}")).to_owned()
}
