//! What every scenario stands on: a far end, a database, a service between them.

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

/// What was asked on the command line, as far as scenarios care.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Shorter runs, to see that all works; their figures are no evidence.
    pub(crate) quick: bool,
    /// Also what takes many minutes.
    pub(crate) long: bool,
    /// How many authors a grown database has.
    pub(crate) authors: u32,
    /// How many ledger entries and stored events a grown database has, each.
    pub(crate) rows: u32,
}

impl Settings {
    /// A time, or the shorter one when in a hurry.
    pub(crate) fn seconds(&self, usual: u64, quick: u64) -> Duration {
        Duration::from_secs(if self.quick { quick } else { usual })
    }

    /// How often each side of a comparison is run.
    pub(crate) fn rounds(&self) -> usize {
        if self.quick { 1 } else { 3 }
    }
}

/// A database with a far end, where services can be started.
pub(crate) struct Stage {
    pub(crate) database: Database,
    pub(crate) far_end: FarEnd,
    pub(crate) post: Arc<Post>,
    binary: PathBuf,
    accounts: SimulatorConfig,
}

impl Stage {
    /// A stage with a fresh database, on which so many messages may be under way.
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

    /// How the service is started here.
    pub(crate) fn plan(&self) -> Plan {
        Plan::on(self.binary.clone(), &self.accounts, &self.far_end.base_url(), &self.database.url)
    }

    /// Starts the service, or what stands in for it.
    pub(crate) async fn start(&self, plan: &Plan) -> anyhow::Result<Actor> {
        let service = Service::start(plan).await?;
        let pid = service.pid().context("the service ended at its start")?;
        Ok(Actor { service, pid, server: self.database.server().await? })
    }

    /// Asks the operator's command whether the books hold.
    pub(crate) async fn audit(&self) -> anyhow::Result<ExitStatus> {
        let mut audit = tokio::process::Command::new(&self.binary);
        audit.arg("audit").env_clear().env("DATABASE_URL", &self.database.url);
        // What it says about them goes where the progress goes.
        let said = audit.current_dir(std::env::temp_dir()).stdout(std::io::stderr()).status();
        said.await.context("cannot run postly audit")
    }

    /// Takes everything down.
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

/// CPU time used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cpu {
    pub(crate) service: Duration,
    /// Of a database that has processes of its own.
    pub(crate) database: Duration,
}

impl Actor {
    pub(crate) fn door(&self) -> SocketAddr {
        self.service.public
    }

    /// The CPU time used so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<Cpu> {
        let database = self.server.map_or(Ok(Duration::ZERO), processes::cpu_of_family)?;
        Ok(Cpu { service: processes::cpu_of(self.pid)?, database })
    }

    /// The memory it holds now, in MB.
    pub(crate) fn megabytes(&self) -> anyhow::Result<f64> {
        processes::megabytes_of(self.pid)
    }

    /// What it has read from files so far, in bytes.
    pub(crate) fn bytes_read(&self) -> anyhow::Result<f64> {
        processes::bytes_read_by(self.pid)
    }

    /// Ends it at once.
    pub(crate) async fn kill(self) -> anyhow::Result<()> {
        self.service.kill().await
    }
}

impl Cpu {
    /// What was used since an earlier look.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { service: self.service - earlier.service, database: self.database - earlier.database }
    }

    pub(crate) fn all(self) -> Duration {
        self.service + self.database
    }
}
