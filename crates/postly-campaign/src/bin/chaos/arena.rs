//! The environment of a family of rounds: a database, the simulator, a service, and a proxy in front of
//! PostgreSQL.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use postly_campaign::service::{Plan, Service, free_port};
use postly_postgres::Cluster;
use postly_simulator::{MessageStatus, ModelBehaviour, Outcome, Simulator, SimulatorConfig, StatusPolicy};
use tokio::time::{Instant, sleep};

use crate::{
    database::{Database, Engine},
    faults::disk,
    load::{Crowd, insist},
    proxy::Proxy,
};

/// The pause between two checks of a condition that holds within moments.
const LOOK_AGAIN: Duration = Duration::from_millis(15);
/// More than the time between two statuses of one message, even if they are late.
const STATUSES_COME_WITHIN: Duration = Duration::from_millis(600);
/// The time in which a round must come to rest once its fault is over: 60 s (docs/RELIABILITY.md I20), and a
/// margin for a lease that could not be ended from outside, because the service asked a busy server for the
/// time and was ahead by half of the duration of that query.
const REST_WITHIN: Duration = Duration::from_secs(75);
/// Counts the work that waits or is in progress: lanes, and events that are not in their lane yet.
pub(crate) const WAITING: &str = "SELECT (SELECT COUNT(*) FROM lanes WHERE ready_at_ms IS NOT NULL) \
                                  + (SELECT COUNT(*) FROM inbox WHERE state = 'ready' AND in_lane = 0)";
/// Counts the statuses that have not been applied.
const WAITING_STATUSES: &str = "SELECT COUNT(*) FROM inbox WHERE queue = 'status' AND state = 'ready'";
/// The credits of a first message: enough that none is refused for lack of them.
pub(crate) const TRIAL_CREDITS: i64 = 1_000_000;
/// The duration of a lease (`postly-app`, `work`).
const LEASE_MS: i64 = 12_000;

/// The environment; see the module.
pub(crate) struct Arena {
    pub(crate) engine: Engine,
    pub(crate) world: Simulator,
    pub(crate) database: Database,
    pub(crate) plan: Plan,
    pub(crate) crowd: Crowd,
    /// The proxy in front of PostgreSQL.
    pub(crate) proxy: Option<Proxy>,
    /// The service to which providers send webhooks.
    pub(crate) service: Option<Service>,
    /// A second process: a worker without webhooks, or a complete one.
    pub(crate) helper: Option<Service>,
    /// The proxy that spreads webhooks over both processes, if both take them.
    front: Option<Proxy>,
    /// The PostgreSQL that holds the data.
    pub(crate) cluster: Option<Arc<Cluster>>,
    /// The standby of the PostgreSQL.
    pub(crate) standby: Option<Cluster>,
    /// The lead of the service's clock over the real one; none until a clock is set that can be moved.
    pub(crate) ahead_ms: Option<i64>,
    /// The accepted messages of earlier rounds, whose statuses have all been delivered.
    pub(crate) told: usize,
    /// True if providers deliver statuses again that the service did not take.
    pub(crate) tells: bool,
    port: u16,
    folder: PathBuf,
    small_disk: bool,
}

/// The folder of the database, within the folder of the arena.
const DISK: &str = "disk";

impl Arena {
    /// Creates an empty database and starts a service on it.
    pub(crate) async fn open(
        engine: Engine,
        binary: PathBuf,
        cluster: Option<Arc<Cluster>>,
        statuses: StatusPolicy,
        small_disk: bool,
    ) -> anyhow::Result<Self> {
        let tells = statuses.sent || statuses.delivered;
        let world = Simulator::start(SimulatorConfig { statuses, ..SimulatorConfig::default() }).await?;
        let port = free_port()?;
        let name = format!("postly_chaos_{}_{port}", std::process::id());
        let folder = std::env::temp_dir().join(name.replace('_', "-"));
        std::fs::create_dir_all(&folder).context("cannot make a folder")?;
        let disk = folder.join(DISK);
        if small_disk {
            disk::mount(&disk).await?;
        }
        let (database, proxy, url) = match engine {
            Engine::Sqlite => {
                let database = Database::Sqlite(disk.join("postly.db"));
                let url = database.url();
                (database, None, url)
            }
            Engine::Postgres => {
                let cluster = cluster.as_ref().context("a PostgreSQL is needed")?;
                let admin = Database::Postgres(format!("{}postgres", cluster.address()));
                admin.change(&format!("CREATE DATABASE {name}")).await?;
                let proxy = Proxy::start(cluster.port()).await?;
                let url = format!("postgres://postgres@127.0.0.1:{}/{name}", proxy.port());
                (Database::Postgres(format!("{}{name}", cluster.address())), Some(proxy), url)
            }
        };
        let plan = Plan::new(binary, &world, &url).with("RUST_LOG", "warn").logging_to(folder.join("log"));
        let mut arena = Self {
            engine,
            world,
            database,
            plan,
            crowd: Crowd::default(),
            proxy,
            service: None,
            helper: None,
            front: None,
            cluster,
            standby: None,
            ahead_ms: None,
            told: 0,
            tells,
            port,
            folder,
            small_disk,
        };
        arena.serve().await?;
        Ok(arena)
    }

    /// Starts the service at the address to which providers send webhooks.
    pub(crate) async fn serve(&mut self) -> anyhow::Result<()> {
        let service = Service::start_at(&self.plan, self.port).await?;
        let url = format!("http://{}/api/whatsapp/webhook", service.public);
        self.world.set_webhook(&url, &url)?;
        self.service = Some(service);
        Ok(())
    }

    /// Starts a worker beside the service, which takes no webhooks.
    pub(crate) async fn help(&mut self) -> anyhow::Result<()> {
        let mut plan = self.plan.clone().with("PUBLIC_BASE_URL", &format!("http://127.0.0.1:{}", self.port));
        plan.command.extend(["--role".to_owned(), "worker".to_owned()]);
        self.helper = Some(Service::start(&plan).await?);
        Ok(())
    }

    /// Starts a second complete process, and spreads the webhooks over both.
    pub(crate) async fn double(&mut self) -> anyhow::Result<()> {
        let plan = self.plan.clone().with("PUBLIC_BASE_URL", &format!("http://127.0.0.1:{}", self.port));
        let second = Service::start(&plan).await?;
        let front = Proxy::start(self.port).await?;
        front.lead_also_to(second.public.port());
        const PATH: &str = "/api/whatsapp/webhook";
        let door = format!("http://127.0.0.1:{}{PATH}", front.port());
        self.world.set_webhook(&door, &format!("http://127.0.0.1:{}{PATH}", self.port))?;
        self.front = Some(front);
        self.helper = Some(second);
        Ok(())
    }

    /// Simulates a balancer that finds the service unresponsive: the second process gets every webhook,
    /// including again those that the first has not answered.
    pub(crate) fn lead_past_the_service(&self) -> anyhow::Result<()> {
        let (front, second) = self.both()?;
        front.lead_also_to(second);
        front.lead_to(second);
        front.cut_all();
        Ok(())
    }

    /// Simulates a balancer that finds the service responsive again: both processes get webhooks.
    pub(crate) fn lead_to_both(&self) -> anyhow::Result<()> {
        self.both()?.0.lead_to(self.port);
        Ok(())
    }

    /// Returns the proxy that spreads the webhooks, and the port of the second process.
    fn both(&self) -> anyhow::Result<(&Proxy, u16)> {
        let second = self.helper.as_ref().context("there is no second process")?;
        Ok((self.front.as_ref().context("one process takes all webhooks")?, second.public.port()))
    }

    /// Returns the path of a file in the arena's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Returns the time of the service's clock.
    fn now_ms(&self) -> i64 {
        self.world.now_ms() + self.service_ahead_ms()
    }

    /// Returns the lead of the service's clock. On PostgreSQL it is 0, because the service uses the clock of
    /// the server.
    fn service_ahead_ms(&self) -> i64 {
        match self.engine {
            Engine::Sqlite => self.ahead_ms.unwrap_or(0),
            Engine::Postgres => 0,
        }
    }

    /// The running service.
    pub(crate) fn service(&mut self) -> anyhow::Result<&mut Service> {
        self.service.as_mut().context("no service runs")
    }

    /// The PostgreSQL that holds the data.
    pub(crate) fn cluster(&self) -> anyhow::Result<&Cluster> {
        self.cluster.as_deref().context("there is no PostgreSQL")
    }

    /// The proxy in front of PostgreSQL.
    pub(crate) fn proxy(&self) -> anyhow::Result<&Proxy> {
        self.proxy.as_ref().context("there is no proxy")
    }

    /// Kills the service.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        self.service.take().context("no service runs")?.kill().await
    }

    /// Sets the delay of the model from now on.
    pub(crate) fn model_takes(&self, pause: Duration) {
        let ms = u64::try_from(pause.as_millis()).unwrap_or(0);
        self.world.model(ModelBehaviour::LatencyMs(ms));
    }

    /// Ends the leases of a process that died before `died_at_ms`, as if their time had passed. Returns their
    /// number. A service may already run again: leases that it has claimed since stay.
    pub(crate) async fn leases_end(&self, died_at_ms: i64) -> anyhow::Result<u64> {
        let claimed = self.claimed_by(died_at_ms);
        self.database.change(&format!("UPDATE lanes SET ready_at_ms = 0 WHERE {claimed}")).await
    }

    /// Returns the number of leases claimed by `at_ms` that have not ended since: their holder is suspended.
    pub(crate) async fn leases_since(&self, at_ms: i64) -> anyhow::Result<i64> {
        let claimed = self.claimed_by(at_ms);
        self.database.count(&format!("SELECT COUNT(*) FROM lanes WHERE {claimed}")).await
    }

    /// Returns the condition that selects lanes claimed by `at_ms` (of the real clock) and not returned,
    /// renewed or taken over since.
    fn claimed_by(&self, at_ms: i64) -> String {
        let last = at_ms + LEASE_MS + self.service_ahead_ms();
        format!("lease_token IS NOT NULL AND ready_at_ms <= {last}")
    }

    /// Waits until no work but statuses is in progress, or until `patience` ends.
    pub(crate) async fn idle_within(&self, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        let held = "SELECT COUNT(*) FROM lanes WHERE lease_token IS NOT NULL AND queue <> 'status'";
        while Instant::now() < deadline && self.database.count(held).await? > 0 {
            sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    /// Waits until no work is left. Meanwhile it ends every pause, and providers deliver their statuses
    /// again. A message with an unknown outcome first gets every status that can be delivered for it; only
    /// then are its 30 s ended.
    pub(crate) async fn rest(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + REST_WITHIN;
        loop {
            if self.database.count(WAITING).await? == 0 {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("something waits for ever:\n{}", self.waiting().await?);
            }
            let unknown = self
                .database
                .texts(
                    "SELECT attempts.id FROM attempts JOIN outbox ON outbox.id = attempts.message_id \
                     WHERE outbox.state = 'unknown' AND attempts.state IN ('sending', 'unclear')",
                )
                .await?;
            if !unknown.is_empty() {
                self.tell().await?;
                let list = unknown.join("', '");
                let sql = format!(
                    "UPDATE attempts SET started_at_ms = started_at_ms - 60000 \
                     WHERE state IN ('sending', 'unclear') AND id IN ('{list}')"
                );
                self.database.change(&sql).await?;
            }
            self.pauses_end().await?;
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Makes paused lanes without a lease due, as if their time had passed.
    pub(crate) async fn pauses_end(&self) -> anyhow::Result<()> {
        let now = self.now_ms();
        let sql =
            format!("UPDATE lanes SET ready_at_ms = 0 WHERE lease_token IS NULL AND ready_at_ms > {now}");
        self.database.change(&sql).await?;
        // The pause of a sender lasts for minutes.
        self.database.change("DELETE FROM resting_senders").await?;
        Ok(())
    }

    /// Delivers the statuses that the service did not take, for every message that the providers accepted,
    /// and waits until they are applied.
    pub(crate) async fn tell(&self) -> anyhow::Result<()> {
        self.bring_news().await?;
        let deadline = Instant::now() + REST_WITHIN;
        while self.database.count(WAITING_STATUSES).await? > 0 {
            if Instant::now() > deadline {
                bail!("a status waits for ever:\n{}", self.waiting().await?);
            }
            sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    /// Delivers the same statuses without waiting until they are applied.
    pub(crate) async fn bring_news(&self) -> anyhow::Result<()> {
        if !self.tells {
            return Ok(());
        }
        // Some messages never get a status, and others get a different one.
        const MUTE: [&str; 3] = ["accept_then_no_answer_no_status", "no_status", "failed_status"];
        let mute: Vec<String> = self
            .world
            .journal()
            .into_iter()
            .filter(|entry| entry.fault.is_some_and(|fault| MUTE.contains(&fault)))
            .filter_map(|entry| match entry.outcome {
                Outcome::Accepted { id } => Some(id),
                Outcome::Pending | Outcome::Answered { .. } | Outcome::Refused { .. } | Outcome::Dropped => {
                    None
                }
            })
            .collect();
        let accepted = self.world.accepted_messages();
        for (_, _, message) in accepted.iter().skip(self.told) {
            if message.status == MessageStatus::Failed || mute.contains(&message.id) {
                continue;
            }
            let webhook = self.world.webhook_status(&message.id, MessageStatus::Delivered, None);
            if insist(&self.world, &webhook).await.last() != Some(&200) {
                bail!("the service takes no statuses any more");
            }
        }
        Ok(())
    }

    /// Waits until the statuses that the providers send by themselves have arrived.
    pub(crate) async fn statuses_arrive(&self) -> anyhow::Result<()> {
        let mut heard = -1;
        loop {
            let now = self.database.count("SELECT COUNT(*) FROM inbox WHERE queue = 'status'").await?;
            if now == heard {
                return Ok(());
            }
            heard = now;
            sleep(STATUSES_COME_WITHIN).await;
        }
    }

    /// Describes the work that waits, to explain the failure of a round.
    pub(crate) async fn waiting(&self) -> anyhow::Result<String> {
        let lanes = "SELECT queue || ' ' || lane || ': ' || waiting || ' waiting, due ' || ready_at_ms || ', ' \
                     || COALESCE(lease_token, 'in nobody''s hands') FROM lanes WHERE ready_at_ms IS NOT NULL LIMIT 10";
        let messages = "SELECT outbox.id || ' ' || outbox.state || ' message, attempt ' || COALESCE(attempts.state, \
                        'none') FROM outbox LEFT JOIN attempts ON attempts.message_id = outbox.id \
                        WHERE outbox.finished_at_ms IS NULL LIMIT 10";
        let mut lines = self.database.texts(lanes).await?;
        lines.extend(self.database.texts(messages).await?);
        lines.push(format!("the service's log: {}", self.folder.join("log").display()));
        Ok(lines.join("\n"))
    }

    /// Ends a round: clears the journals of the simulator.
    pub(crate) fn turn_the_page(&mut self) {
        self.told = self.world.accepted_messages().len();
        self.world.clear_journal();
    }

    /// Stops everything. With `keep`, the folder stays for inspection.
    pub(crate) async fn close(mut self, keep: bool) -> anyhow::Result<()> {
        if self.service.is_some() {
            self.kill().await?;
        }
        if let Some(helper) = self.helper.take() {
            helper.kill().await?;
        }
        self.world.stop().await;
        if self.small_disk {
            disk::unmount(&self.path(DISK)).await?;
        }
        if !keep {
            std::fs::remove_dir_all(&self.folder).context("cannot remove a folder")?;
        }
        Ok(())
    }

    /// Runs a command of the operator. Returns true if it succeeded, and its output.
    pub(crate) async fn operator(&self, args: &[&str]) -> anyhow::Result<(bool, String)> {
        let output = tokio::process::Command::new(&self.plan.binary)
            .args(args)
            .env_clear()
            .env("DATABASE_URL", self.database.url())
            .env("RUST_LOG", "off")
            .current_dir(&self.folder)
            .output()
            .await
            .context("cannot run the operator's command")?;
        Ok((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
    }
}
