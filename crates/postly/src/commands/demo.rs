//! `postly demo`: the whole service, embedded, connected by sockets to a simulated WhatsApp.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use postly_app::{App, Shutdown, Workers, operator::AuthorSelector};
use postly_domain::{Language, ModelBudget, PhoneE164, Provider};
use postly_http::MAX_CONNECTIONS;
use postly_i18n::Catalogue;
use postly_simulator::{Channel, LedgerLine, Person, Simulator, SimulatorConfig};
use postly_store::Db;
use postly_whatsapp::{
    WEBHOOK_PATH,
    send::{MetaConfig, TwilioConfig},
};
use secrecy::SecretString;
use serde_json::json;
use tokio::{net::TcpListener, sync::Notify, task::JoinSet};

use super::{Failure, say, say_json};
use crate::{
    cli::{DemoOptions, ProviderName},
    config::{
        Accounts, Bounds, Config, DatabasePlace, Meta, ShopConfig, Twilio, WriterChoice, default_prices,
    },
    ownership::Ownership,
    telemetry, wiring,
};

/// The welcome credits of a number in the demo (RULES 1.1).
const TRIAL_CREDITS: i64 = 5;
/// The time limit for a reply (RULES 1.1).
const REPLY_TIMEOUT: Duration = Duration::from_secs(60);
/// The time between a request to begin again and the stop.
const RESET_PAUSE: Duration = Duration::from_millis(200);
/// The author in the terminal. Numbers of this range are never assigned (Arcep, for films and novels).
const AUTHOR: &str = "+33639981234";

pub(crate) async fn run(options: DemoOptions) -> Result<(), Failure> {
    telemetry::plain();
    match &options.brief {
        Some(brief) if brief.trim().is_empty() => {
            Err(Failure::Usage("--brief is empty: say what to write about".to_owned()))
        }
        Some(brief) => {
            let folder = TemporaryFolder::new()?;
            let file = folder.0.join("demo.db");
            let world = World::start(&file, Address::Any, Address::Any, Arc::default()).await?;
            let outcome = exchange(&world, brief, &options).await;
            world.stop().await;
            outcome
        }
        None => {
            let file = Path::new("data/demo.db");
            let _ownership = Ownership::take(&postly_store::Address::file(file))?;
            let (mut service, mut outside) = (8080, 8081);
            // Made once: a signal that comes while the world stops or starts counts, too.
            let interrupted = tokio::signal::ctrl_c();
            tokio::pin!(interrupted);
            loop {
                let reset = Arc::<Notify>::default();
                let (service_at, outside_at) = (Address::Preferred(service), Address::Preferred(outside));
                let world = World::start(file, service_at, outside_at, Arc::clone(&reset)).await?;
                (service, outside) = world.ports;
                say(&format!(
                    "Open {}/phone and write a brief. Stop with Ctrl+C.",
                    world.simulator.base_url()
                ));
                say(&format!("The web app is at {}/.", world.public_base_url));
                let stops = tokio::select! {
                    heard = &mut interrupted => {
                        heard.context("cannot wait for Ctrl+C")?;
                        true
                    }
                    () = reset.notified() => false,
                };
                if stops {
                    world.stop().await;
                    return Ok(());
                }
                // The answer to the request for it leaves first.
                tokio::time::sleep(RESET_PAUSE).await;
                world.stop().await;
                erase(file)?;
                say("The database of the demo was erased.");
            }
        }
    }
}

/// Opens the database of the demo. One of another build is set aside.
async fn open(file: &Path, address: &postly_store::Address) -> anyhow::Result<Db> {
    let db = Db::open_at(address.clone(), None).await?;
    match db.migrate().await {
        Ok(()) => return Ok(db),
        Err(error) if error.is_schema() => db.close().await,
        Err(error) => return Err(error.into()),
    }
    let mut old = file.as_os_str().to_owned();
    old.push(format!(".{}.old", jiff::Timestamp::now().as_second()));
    for_each_part(file, &|part, suffix| {
        let mut name = old.clone();
        name.push(suffix);
        std::fs::rename(part, name)
    })?;
    say(&format!(
        "{} was made by another build. It is now {}; the demo begins anew.",
        file.display(),
        old.display()
    ));
    let db = Db::open_at(address.clone(), None).await?;
    db.migrate().await?;
    Ok(db)
}

/// Removes an SQLite database that no process has open.
fn erase(file: &Path) -> anyhow::Result<()> {
    for_each_part(file, &|part, _| std::fs::remove_file(part))
}

/// Does something with each existing file of an SQLite database, given with its suffix.
fn for_each_part(file: &Path, change: &dyn Fn(&Path, &str) -> std::io::Result<()>) -> anyhow::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        match change(Path::new(&name), suffix) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove or rename {}", name.display()));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// A folder that is removed when this value is dropped.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn new() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("postly-demo-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&path).context("cannot make a temporary folder")?;
        Ok(Self(path))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // A folder that remains holds only a demo's database, among the temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An address to listen on, on this machine only.
enum Address {
    Any,
    /// This port, or any other if it is taken.
    Preferred(u16),
}

impl Address {
    async fn bind(self) -> anyhow::Result<TcpListener> {
        let port = match self {
            Self::Any => 0,
            Self::Preferred(port) => port,
        };
        match TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await {
            Ok(listener) => Ok(listener),
            Err(_) if port != 0 => Ok(TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?),
            Err(error) => Err(error.into()),
        }
    }
}

/// The service and the simulated world around it.
struct World {
    public_base_url: String,
    /// The ports of the service and of the simulated world.
    ports: (u16, u16),
    app: App,
    simulator: Simulator,
    stop: tokio::sync::watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl World {
    /// Starts everything. The phone page notifies `reset` when its reader wants to begin again.
    async fn start(
        file: &Path,
        service: Address,
        outside: Address,
        reset: Arc<Notify>,
    ) -> anyhow::Result<Self> {
        let database = DatabasePlace { address: postly_store::Address::file(file), direct: None };
        let name = database.address.name();
        tracing::info!(database = name, "The database is {name}");
        let db = open(file, &database.address).await?;
        let listener = service.bind().await.context("cannot open a port")?;
        let address = listener.local_addr()?;
        let public_base_url = format!("http://{address}");
        // The simulator binds its own port; find a free one first.
        let bind = outside.bind().await?.local_addr()?;

        let desk = Arc::new(std::sync::OnceLock::<App>::new());
        let config = SimulatorConfig {
            webhook_url: Some(format!("{public_base_url}{WEBHOOK_PATH}")),
            bind,
            balance: Some(balance_hook(Arc::clone(&desk))),
            ledger: Some(ledger_hook(Arc::clone(&desk))),
            reset: Some(Arc::new(move || reset.notify_one())),
            web_app_url: Some(format!("{public_base_url}/")),
            ..SimulatorConfig::default()
        };
        let simulator = Simulator::start(config.clone()).await.context("cannot start the simulator")?;
        let configuration = configuration(database, &config, &simulator, &public_base_url)?;
        let site = wiring::site(&configuration);
        let clock = wiring::clock(&db).await?;
        let meta = configuration.meta.as_ref().map(|meta| meta.send.clone());
        let app = wiring::application(configuration, db, clock)?;
        if let Some(account) = meta {
            wiring::ask_for_number(app.clone(), account);
        }
        // The only place where it is set.
        let _ = desk.set(app.clone());

        let (stop, shutdown) = Shutdown::new();
        let mut tasks = JoinSet::new();
        let router = postly_http::public_router(app.clone(), site);
        tasks.spawn(postly_http::serve(listener, router, MAX_CONNECTIONS, shutdown.clone()));
        let workers = Workers::new(app.clone());
        workers.take_over().await?;
        tasks.spawn(workers.run(shutdown));
        let ports = (address.port(), bind.port());
        Ok(Self { public_base_url, ports, app, simulator, stop, tasks })
    }

    async fn stop(mut self) {
        // Fails only if every task has stopped.
        let _ = self.stop.send(true);
        self.simulator.stop().await;
        while self.tasks.join_next().await.is_some() {}
        self.app.core.db().close().await;
    }
}

/// Builds the configuration that an operator would write in the environment, with the simulator's accounts.
fn configuration(
    database: DatabasePlace,
    world: &SimulatorConfig,
    simulator: &Simulator,
    public_base_url: &str,
) -> anyhow::Result<Config> {
    let secret = |text: &str| SecretString::from(text.to_owned());
    let auth_token = secret(&world.twilio.auth_token);
    Ok(Config {
        database,
        bind_address: "127.0.0.1:0".parse()?,
        admin_bind_address: "127.0.0.1:0".parse()?,
        admin: None,
        public_base_url: public_base_url.to_owned(),
        provider: Provider::Meta,
        meta: Some(Meta {
            send: MetaConfig {
                access_token: secret(&world.meta.access_token),
                phone_number_id: world.meta.phone_number_id.clone(),
                base_url: simulator.base_url(),
                version: "v25.0".to_owned(),
                otp_template: world.rules.otp_templates.first().cloned().unwrap_or_default(),
                otp_template_languages: world.rules.otp_languages.clone(),
            },
            verify_token: secret(&world.meta.verify_token),
            app_secrets: vec![secret(&world.meta.app_secret)],
        }),
        twilio: Some(Twilio {
            send: TwilioConfig {
                account_sid: world.twilio.account_sid.clone(),
                auth_token: auth_token.clone(),
                from: world.twilio.from.clone(),
                api_base_url: simulator.base_url(),
                public_base_url: public_base_url.to_owned(),
                otp_content_sid: world.rules.content_sids.first().cloned(),
            },
            auth_tokens: vec![auth_token],
            shared_keys: vec![],
        }),
        identity_hash_key: secret("the demo's own identity hash key"),
        model_budget: ModelBudget::default(),
        writer: WriterChoice::Offline,
        welcome_credits: 5,
        trial_credits: TRIAL_CREDITS,
        accounts: Accounts::of_a_demo(
            secret("a pepper that is for demonstrations only"),
            secret("a session secret that is for demonstrations only"),
        ),
        legal: postly_app::Legal::default(),
        storage: None,
        traces_to: None,
        bounds: Bounds::default(),
        chat_link_base: simulator.chat_link_base(),
        shop: default_prices().map(|prices| ShopConfig {
            secret_key: secret(&world.stripe.secret_key),
            webhook_secrets: vec![secret(&world.stripe.webhook_secret)],
            api_base_url: simulator.base_url(),
            tax_code: None,
            prices,
        }),
    })
}

fn who(number: &str) -> Option<AuthorSelector> {
    PhoneE164::from_provider(number).map(AuthorSelector::Phone)
}

/// Returns the hook with which the phone's page reads its author's balance.
fn balance_hook(desk: Arc<std::sync::OnceLock<App>>) -> postly_simulator::BalanceHook {
    Arc::new(move |_, number| {
        let desk = Arc::clone(&desk);
        Box::pin(async move {
            let (wallet, _, _) = desk.get()?.operator.credits(&who(&number)?, None).await.ok()?;
            Some(wallet.available())
        })
    })
}

/// Returns the hook with which the phone's page reads its author's ledger, in the words of the web app's
/// statement.
fn ledger_hook(desk: Arc<std::sync::OnceLock<App>>) -> postly_simulator::LedgerHook {
    let catalogue = Arc::new(Catalogue::load());
    Arc::new(move |_, number| {
        let (desk, catalogue) = (Arc::clone(&desk), Arc::clone(&catalogue));
        Box::pin(async move {
            let (Some(app), Some(who)) = (desk.get(), who(&number)) else { return vec![] };
            let Ok((_, entries, _)) = app.operator.credits(&who, None).await else { return vec![] };
            let in_words = |reason: &str| catalogue.reason(Language::Fr, reason);
            entries
                .into_iter()
                .map(|entry| LedgerLine { delta: entry.delta, reason: in_words(&entry.reason) })
                .collect()
        })
    })
}

/// Runs one exchange in the terminal: a message and its reply.
async fn exchange(world: &World, brief: &str, options: &DemoOptions) -> Result<(), Failure> {
    let channel = match options.provider {
        ProviderName::Meta => Channel::Meta,
        ProviderName::Twilio => Channel::Twilio,
    };
    let author = world.simulator.person(channel, AUTHOR);
    let delivery = world.simulator.deliver(&world.simulator.webhook_text(&author, brief)).await;
    if delivery.status != 200 {
        return Err(anyhow::anyhow!("the webhook was answered with {}", delivery.status).into());
    }
    let reply = match tokio::time::timeout(REPLY_TIMEOUT, reply(world, &author)).await {
        Ok(reply) => reply?,
        Err(_) => return Err(anyhow::anyhow!("no reply came in {} s", REPLY_TIMEOUT.as_secs()).into()),
    };
    let who = who(AUTHOR).context("the demo's number cannot be read")?;
    let (wallet, mut entries, _) = world.app.operator.credits(&who, None).await?;
    entries.reverse();
    if options.json {
        let variants = world.app.operator.latest_posts(&who).await?;
        let variants: Vec<_> = variants.into_iter().map(|variant| variant.text).collect();
        let ledger: Vec<_> =
            entries.iter().map(|entry| json!({ "delta": entry.delta, "reason": entry.reason })).collect();
        say_json(&json!({
            "reply": reply,
            "variants": variants,
            "ledger": ledger,
            "available": wallet.available(),
        }));
    } else {
        for message in &reply {
            say(message);
            say("");
        }
        for entry in &entries {
            say(&format!("{:+} {}", entry.delta, entry.reason));
        }
        say(&format!("Balance: {}", wallet.available()));
    }
    Ok(())
}

/// Waits until the service is idle and has replied. Returns the messages on the author's phone.
async fn reply(world: &World, author: &Person) -> Result<Vec<String>, Failure> {
    loop {
        let messages = world.simulator.phone_messages(author);
        if !messages.is_empty() && world.app.operator.is_idle().await? {
            // Read again: the last part may have arrived between the first reading and the check.
            let messages = world.simulator.phone_messages(author);
            return Ok(messages.into_iter().map(|message| message.body).collect());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
