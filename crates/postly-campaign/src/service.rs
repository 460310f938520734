//! A `postly serve` of our own: started, watched, and ended in every way a process can end.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};
use postly_simulator::{Simulator, SimulatorConfig};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, Command},
};

/// How long a start may take before the campaign gives up: migrations and a recovering database included.
const START_WITHIN: Duration = Duration::from_secs(30);
/// How often a start is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The binary under test, as `cargo xtask` names it in `POSTLY_BIN`.
///
/// # Errors
/// When the variable is not set.
pub fn binary() -> anyhow::Result<PathBuf> {
    std::env::var_os("POSTLY_BIN").map(PathBuf::from).context("POSTLY_BIN does not name the postly binary")
}

/// A port of this machine that nobody listens on at the moment.
///
/// # Errors
/// When there is none.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// What the service of a campaign hashes names with.
const IDENTITY_HASH_KEY: &str = "an identity key for campaigns";

/// The key under which the service stores the message that a provider calls by this id.
pub fn message_key(provider: &str, id: &str) -> String {
    let key = secrecy::SecretString::from(IDENTITY_HASH_KEY.to_owned());
    postly_app::keyed_hash(&key, &format!("{provider}:message:{id}"))
}

/// What a service is started with, apart from its ports.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The binary.
    pub binary: PathBuf,
    /// Its variables. Nothing of the campaign's own environment reaches it.
    pub variables: Vec<(String, String)>,
    /// A program and its arguments that the binary is started through (`strace`, `prlimit`), or nothing.
    pub through: Vec<String>,
    /// What it does: the arguments of `postly`.
    pub command: Vec<String>,
    /// Where its logs are added to; otherwise they stand among ours.
    pub log: Option<PathBuf>,
}

impl Plan {
    /// A service of this world, on this database.
    pub fn new(binary: PathBuf, world: &Simulator, database_url: &str) -> Self {
        Self::on(binary, world.config(), &world.base_url(), database_url)
    }

    /// A service of these accounts, on this database, with everything outside at one address.
    pub fn on(binary: PathBuf, accounts: &SimulatorConfig, outside: &str, database_url: &str) -> Self {
        let variables = [
            ("DATABASE_URL", database_url),
            ("META_ACCESS_TOKEN", &accounts.meta.access_token),
            ("META_PHONE_NUMBER_ID", &accounts.meta.phone_number_id),
            ("META_VERIFY_TOKEN", &accounts.meta.verify_token),
            ("META_APP_SECRET", &accounts.meta.app_secret),
            ("META_GRAPH_BASE_URL", outside),
            ("TWILIO_ACCOUNT_SID", &accounts.twilio.account_sid),
            ("TWILIO_AUTH_TOKEN", &accounts.twilio.auth_token),
            ("TWILIO_WHATSAPP_FROM", &accounts.twilio.from),
            ("TWILIO_API_BASE_URL", outside),
            ("WHATSAPP_PROVIDER", "meta"),
            ("OPENAI_BASE_URL", &format!("{outside}/v1")),
            ("OPENAI_MODEL", "gpt-6-luna"),
            ("OTP_SALT", "a pepper for campaigns"),
            ("NEXTAUTH_SECRET", "a session secret for campaigns"),
            ("IDENTITY_HASH_KEY", IDENTITY_HASH_KEY),
            ("WHATSAPP_TRIAL_CREDITS", "1000000"),
            ("RUST_LOG", "error"),
        ];
        let variables =
            variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { binary, variables, through: vec![], command: vec!["serve".to_owned()], log: None }
    }

    /// The same, with its logs in this file.
    #[must_use]
    pub fn logging_to(mut self, log: PathBuf) -> Self {
        self.log = Some(log);
        self
    }

    /// The same with one more variable, which wins over an earlier one of its name.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A running service.
pub struct Service {
    child: Child,
    /// Where providers knock.
    pub public: SocketAddr,
    /// Where the operator looks.
    pub admin: SocketAddr,
}

impl Service {
    /// Starts a service on free ports, and waits until its listener answers.
    ///
    /// # Errors
    /// When it ends instead, or does not listen in time.
    pub async fn start(plan: &Plan) -> anyhow::Result<Self> {
        Self::start_at(plan, free_port()?).await
    }

    /// Starts a service on this port, so that it is found again where the one before it was.
    ///
    /// # Errors
    /// When it ends instead, or does not listen in time.
    pub async fn start_at(plan: &Plan, port: u16) -> anyhow::Result<Self> {
        let public = SocketAddr::from(([127, 0, 0, 1], port));
        let admin = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let mut words = plan.through.iter().map(std::ffi::OsStr::new).chain([plan.binary.as_os_str()]);
        let logs = match &plan.log {
            Some(path) => Stdio::from(std::fs::OpenOptions::new().create(true).append(true).open(path)?),
            None => Stdio::inherit(),
        };
        let child = Command::new(words.next().context("a program is needed")?)
            .args(words)
            .args(&plan.command)
            .env_clear()
            // The plan may name another one: processes that share a database share their public address.
            .env("PUBLIC_BASE_URL", format!("http://{public}"))
            .envs(plan.variables.iter().map(|(name, value)| (name, value)))
            .env("BIND_ADDRESS", public.to_string())
            .env("ADMIN_BIND_ADDRESS", admin.to_string())
            // No `.env` of the checkout reaches it either.
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(logs)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", plan.binary.display()))?;
        let mut service = Self { child, public, admin };
        let deadline = tokio::time::Instant::now() + START_WITHIN;
        // A worker has no public door.
        let door = if plan.command.iter().any(|word| word == "worker") { admin } else { public };
        while tokio::net::TcpStream::connect(door).await.is_err() {
            if let Some(status) = service.child.try_wait()? {
                bail!("the service ended at its start: {status}");
            }
            if tokio::time::Instant::now() > deadline {
                bail!("the service does not listen within {START_WITHIN:?}");
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(service)
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Sends it a signal, by name (`TERM`, `STOP`, `CONT`, `KILL`).
    ///
    /// # Errors
    /// When it has ended already.
    pub async fn signal(&self, name: &str) -> anyhow::Result<()> {
        let pid = self.pid().context("the service has ended")?.to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status().await?;
        if sent.success() { Ok(()) } else { bail!("the signal {name} did not reach the service") }
    }

    /// One of its figures, all its labels together; 0 when it has not been counted yet.
    ///
    /// # Errors
    /// When the operator's door does not answer.
    pub async fn figure(&self, name: &str) -> anyhow::Result<f64> {
        let mut connection = tokio::net::TcpStream::connect(self.admin).await?;
        connection
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await?;
        let lines = answer
            .lines()
            .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])));
        Ok(lines
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .fold(0.0, |sum, figure| sum + figure))
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        Ok(self.child.wait().await?)
    }

    /// Ends it without a word (SIGKILL).
    ///
    /// # Errors
    /// When the system does not let us.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("cannot kill the service")
    }
}
