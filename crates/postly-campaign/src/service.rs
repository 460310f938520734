//! A `postly serve` process of the campaign: starts it, watches it, and ends it in every way a process can
//! end.

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

/// The time allowed for a start, including the creation of tables and the recovery of a database.
const START_WITHIN: Duration = Duration::from_secs(30);
/// The pause between two checks of a start.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Returns the binary under test, which `cargo xtask` names in `POSTLY_BIN`.
///
/// # Errors
/// Fails if the variable is not set.
pub fn binary() -> anyhow::Result<PathBuf> {
    std::env::var_os("POSTLY_BIN").map(PathBuf::from).context("POSTLY_BIN does not name the postly binary")
}

/// Returns a port of this machine on which no process listens at the moment.
///
/// # Errors
/// Fails if there is none.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The key with which the service of a campaign hashes names.
const IDENTITY_HASH_KEY: &str = "an identity key for campaigns";

/// Returns the key under which the service stores the message with this id of a provider.
pub fn message_key(provider: &str, id: &str) -> String {
    let key = secrecy::SecretString::from(IDENTITY_HASH_KEY.to_owned());
    postly_app::keyed_hash(&key, &format!("{provider}:message:{id}"))
}

/// The parameters of a service start, apart from its ports.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The binary.
    pub binary: PathBuf,
    /// The environment variables of the service. It inherits nothing from the campaign's environment.
    pub variables: Vec<(String, String)>,
    /// A program with its arguments through which the binary is started (`strace`, `prlimit`), or nothing.
    pub through: Vec<String>,
    /// The arguments of `postly`.
    pub command: Vec<String>,
    /// The file to which the service appends its logs; without one, they go to this process's stderr.
    pub log: Option<PathBuf>,
}

impl Plan {
    /// A plan for the accounts and address of this simulator, on this database.
    pub fn new(binary: PathBuf, world: &Simulator, database_url: &str) -> Self {
        Self::on(binary, world.config(), &world.base_url(), database_url)
    }

    /// A plan for these accounts, on this database, with every outside service at one address.
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

    /// Sends the logs to this file.
    #[must_use]
    pub fn logging_to(mut self, log: PathBuf) -> Self {
        self.log = Some(log);
        self
    }

    /// Sets one more variable. It replaces an earlier one of the same name.
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
    /// The public address, to which providers send webhooks.
    pub public: SocketAddr,
    /// The operator's address.
    pub admin: SocketAddr,
}

impl Service {
    /// Starts a service on free ports, and waits until its listener accepts connections.
    ///
    /// # Errors
    /// Fails if the process ends, or does not listen in time.
    pub async fn start(plan: &Plan) -> anyhow::Result<Self> {
        Self::start_at(plan, free_port()?).await
    }

    /// Starts a service on this port, so that a new process takes the address of the one before it.
    ///
    /// # Errors
    /// Fails if the process ends, or does not listen in time.
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
            // The plan may override this: processes that share a database share their public address.
            .env("PUBLIC_BASE_URL", format!("http://{public}"))
            .envs(plan.variables.iter().map(|(name, value)| (name, value)))
            .env("BIND_ADDRESS", public.to_string())
            .env("ADMIN_BIND_ADDRESS", admin.to_string())
            // The service must not read the `.env` of the checkout either.
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(logs)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", plan.binary.display()))?;
        let mut service = Self { child, public, admin };
        let deadline = tokio::time::Instant::now() + START_WITHIN;
        // A worker has no public listener.
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

    /// Returns the process id while the process runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Sends the process a signal, by name (`TERM`, `STOP`, `CONT`, `KILL`).
    ///
    /// # Errors
    /// Fails if the process has ended.
    pub async fn signal(&self, name: &str) -> anyhow::Result<()> {
        let pid = self.pid().context("the service has ended")?.to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status().await?;
        if sent.success() { Ok(()) } else { bail!("the signal {name} did not reach the service") }
    }

    /// Returns one metric of the service, summed over all its labels; 0 if it has not been counted yet.
    ///
    /// # Errors
    /// Fails if the operator's address does not answer.
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

    /// Waits until the process has ended.
    ///
    /// # Errors
    /// Fails if the system does not report the status.
    pub async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        Ok(self.child.wait().await?)
    }

    /// Kills the process with SIGKILL.
    ///
    /// # Errors
    /// Fails if the system refuses.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("cannot kill the service")
    }
}
