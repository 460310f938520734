//! The setup of every scenario: a far end, a database, and a service between them.

use std::{net::SocketAddr, path::PathBuf, process::ExitStatus, sync::Arc, time::Duration};

use anyhow::Context as _;
use postly_campaign::service::{self, Plan, Service};
use postly_simulator::SimulatorConfig;

use crate::{
    databases::{Database, Engine},
    far_end::FarEnd,
    ledger::Ledger,
    letter::Post,
    processes,
};

/// The command line arguments that scenarios use.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Shorter runs, to check that everything works; their figures are no evidence.
    pub(crate) quick: bool,
    /// Also the scenarios that take many minutes.
    pub(crate) long: bool,
    /// The number of authors in a grown database.
    pub(crate) authors: u32,
    /// The number of ledger entries, and of stored events, in a grown database.
    pub(crate) rows: u32,
}

impl Settings {
    /// Returns `usual` seconds, or `quick` seconds in a quick run.
    pub(crate) fn seconds(&self, usual: u64, quick: u64) -> Duration {
        Duration::from_secs(if self.quick { quick } else { usual })
    }

    /// The number of runs of each side of a comparison.
    pub(crate) fn rounds(&self) -> usize {
        if self.quick { 1 } else { 3 }
    }
}

/// A database with a far end, on which services can be started.
pub(crate) struct Stage {
    pub(crate) database: Database,
    pub(crate) far_end: FarEnd,
    pub(crate) post: Arc<Post>,
    binary: PathBuf,
    accounts: SimulatorConfig,
}

impl Stage {
    /// Creates a stage with a fresh database, on which `room` messages may be in flight.
    pub(crate) async fn set(engine: Engine, room: usize) -> anyhow::Result<Self> {
        let accounts = SimulatorConfig::default();
        Ok(Self {
            database: Database::fresh(engine).await?,
            far_end: FarEnd::start(Ledger::with_room(room))?,
            post: Arc::new(Post::new(&accounts.meta)),
            binary: service::binary()?,
            accounts,
        })
    }

    /// Returns the plan to start the service here.
    pub(crate) fn plan(&self) -> Plan {
        Plan::on(self.binary.clone(), &self.accounts, &self.far_end.base_url(), &self.database.url)
    }

    /// Starts the service, or a baseline in its place.
    pub(crate) async fn start(&self, plan: &Plan) -> anyhow::Result<Actor> {
        let service = Service::start(plan).await?;
        let pid = service.pid().context("the service ended at its start")?;
        Ok(Actor { service, pid, server: self.database.server().await? })
    }

    /// Runs `postly audit`.
    pub(crate) async fn audit(&self) -> anyhow::Result<ExitStatus> {
        let mut audit = tokio::process::Command::new(&self.binary);
        audit.arg("audit").env_clear().env("DATABASE_URL", &self.database.url);
        // The output of the audit goes to stderr, like the progress.
        let said = audit.current_dir(std::env::temp_dir()).stdout(std::io::stderr()).status();
        said.await.context("cannot run postly audit")
    }

    /// Removes the database.
    pub(crate) async fn clear(self) -> anyhow::Result<()> {
        self.database.remove().await
    }
}

/// A service under measurement.
pub(crate) struct Actor {
    service: Service,
    pid: u32,
    server: Option<u32>,
}

/// The CPU time used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cpu {
    pub(crate) service: Duration,
    /// The time of a database that has processes of its own.
    pub(crate) database: Duration,
}

impl Actor {
    pub(crate) fn door(&self) -> SocketAddr {
        self.service.public
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Returns the CPU time used so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<Cpu> {
        let database = self.server.map_or(Ok(Duration::ZERO), processes::cpu_of_family)?;
        Ok(Cpu { service: processes::cpu_of(self.pid)?, database })
    }

    /// Returns the memory that the service holds now, in MB.
    pub(crate) fn megabytes(&self) -> anyhow::Result<f64> {
        processes::megabytes_of(self.pid)
    }

    /// Returns the bytes that the service has read from files so far.
    pub(crate) fn bytes_read(&self) -> anyhow::Result<f64> {
        processes::bytes_read_by(self.pid)
    }

    /// Kills the service.
    pub(crate) async fn kill(self) -> anyhow::Result<()> {
        self.service.kill().await
    }
}

impl Cpu {
    /// Returns the time used since an earlier sample.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { service: self.service - earlier.service, database: self.database - earlier.database }
    }

    pub(crate) fn all(self) -> Duration {
        self.service + self.database
    }
}
