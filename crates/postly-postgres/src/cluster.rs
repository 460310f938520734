//! One cluster, or one standby of a cluster.

use std::{
    io,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
};

use crate::{as_user, folder_for_user, is_root, programs};

/// The application name of a standby, by which the primary knows that it is synchronous.
const STANDBY_NAME: &str = "standby";

/// The durability of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// Without fsync: for tests, which never crash the machine.
    ForTests,
    /// With fsync, as in production.
    ForKeeps,
    /// As [`Care::ForKeeps`], with the settings of a small dedicated server. Statistics of statements are
    /// collected only in databases that enable them.
    ForMeasurements,
}

impl Care {
    fn settings(self) -> &'static str {
        match self {
            Self::ForTests => "-c fsync=off -c max_connections=300",
            Self::ForKeeps => "-c fsync=on -c max_connections=300",
            Self::ForMeasurements => {
                "-c fsync=on -c synchronous_commit=on -c full_page_writes=on -c max_connections=100 \
                 -c shared_buffers=512MB -c effective_cache_size=2GB -c max_wal_size=4GB -c checkpoint_timeout=15min \
                 -c random_page_cost=1.1 -c shared_preload_libraries=pg_stat_statements \
                 -c pg_stat_statements.track=none -c track_commit_timestamp=on"
            }
        }
    }
}

/// The way in which a cluster is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Sessions are terminated, and committed data is written to disk.
    Fast,
    /// Processes exit at once, as in a crash: the next start recovers.
    Immediate,
}

impl Stop {
    fn as_str(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Immediate => "immediate",
        }
    }
}

/// A running cluster. Dropping it stops it and removes its folder.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
    as_user: bool,
    care: Care,
}

impl Cluster {
    /// Creates and starts a cluster on a free port of this machine.
    ///
    /// # Errors
    /// Fails if PostgreSQL is missing, or does not start.
    pub fn start(care: Care) -> io::Result<Self> {
        let programs = programs().ok_or_else(|| {
            io::Error::other("PostgreSQL is missing: `cargo xtask ci` installs it, where it may")
        })?;
        Self::start_from(programs, care)
    }

    /// As [`Cluster::start`], with the programs of another version: the folder of `initdb` and `pg_ctl`.
    ///
    /// # Errors
    /// Fails if PostgreSQL does not start.
    pub fn start_from(programs: PathBuf, care: Care) -> io::Result<Self> {
        let cluster = Self::place(programs, care)?;
        cluster.call(
            "initdb",
            &["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync", "-D", &cluster.data()],
        )?;
        cluster.resume()?;
        Ok(cluster)
    }

    /// Creates a streaming standby of this cluster. After [`Cluster::wait_for_standby`] every commit waits
    /// for it.
    ///
    /// # Errors
    /// Fails if the copy cannot be made, or does not start.
    pub fn standby(&self) -> io::Result<Self> {
        let standby = Self::place(self.programs.clone(), self.care)?;
        let connection =
            format!("host=127.0.0.1 port={} user=postgres application_name={STANDBY_NAME}", self.port);
        standby.call(
            "pg_basebackup",
            &[
                "--wal-method=stream",
                "--write-recovery-conf",
                "--checkpoint=fast",
                "--no-sync",
                "-d",
                &connection,
                "-D",
                &standby.data(),
            ],
        )?;
        standby.resume()?;
        Ok(standby)
    }

    /// From now on a commit waits until the standby has written it to disk.
    ///
    /// # Errors
    /// Fails if the server refuses the setting.
    pub fn wait_for_standby(&self) -> io::Result<()> {
        self.set("synchronous_standby_names", STANDBY_NAME)
    }

    /// Changes a setting of the server, without a restart.
    ///
    /// # Errors
    /// Fails if the server refuses it.
    pub fn set(&self, name: &str, value: &str) -> io::Result<()> {
        let line = format!("{name} = '{value}'\n");
        let path = Path::new(&self.data()).join("postgresql.auto.conf");
        let mut file = std::fs::OpenOptions::new().append(true).open(path)?;
        io::Write::write_all(&mut file, line.as_bytes())?;
        self.call("pg_ctl", &["reload", "-D", &self.data()])
    }

    /// Promotes this standby to primary.
    ///
    /// # Errors
    /// Fails if the promotion fails.
    pub fn promote(&self) -> io::Result<()> {
        self.call("pg_ctl", &["promote", "--wait", "-D", &self.data()])
    }

    /// Stops the server.
    ///
    /// # Errors
    /// Fails if the server does not stop.
    pub fn stop(&self, how: Stop) -> io::Result<()> {
        self.call("pg_ctl", &["stop", "--wait", "-m", how.as_str(), "-D", &self.data()])
    }

    /// Starts the server on its previous port.
    ///
    /// # Errors
    /// Fails if the server does not start.
    pub fn resume(&self) -> io::Result<()> {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories= {}",
            self.port,
            self.care.settings()
        );
        let log = self.folder.join("log");
        self.call(
            "pg_ctl",
            &["start", "--wait", "-D", &self.data(), "-l", &log.to_string_lossy(), "-o", &options],
        )
    }

    /// Checks every table and index of a database with `pg_amcheck`. `None` if that program is not installed.
    ///
    /// # Errors
    /// Fails if it finds corruption.
    pub fn amcheck(&self, database: &str) -> io::Result<Option<()>> {
        if !self.programs.join("pg_amcheck").exists() {
            return Ok(None);
        }
        let port = self.port.to_string();
        let connection = ["-h", "127.0.0.1", "-p", &port, "-U", "postgres", "-d", database];
        self.call("pg_amcheck", &[&["--install-missing"][..], &connection].concat()).map(Some)
    }

    /// Its address, up to and including the slash before a database's name.
    pub fn address(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/", self.port)
    }

    /// Its port on this machine.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn data(&self) -> String {
        self.folder.join("data").to_string_lossy().into_owned()
    }

    /// Creates an empty folder and picks a free port for a cluster.
    fn place(programs: PathBuf, care: Care) -> io::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = std::env::temp_dir().join(format!("postly-postgres-{}-{port}", std::process::id()));
        let cluster = Self { folder, programs, port, as_user: is_root(), care };
        folder_for_user(&cluster.folder, cluster.as_user)?;
        Ok(cluster)
    }

    fn call(&self, program: &str, args: &[&str]) -> io::Result<()> {
        let program = self.programs.join(program);
        let mut command = as_user(&program, self.as_user);
        let status = command
            .args(args)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            // The server would keep a pipe open for its lifetime.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        if status.success() {
            return Ok(());
        }
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        Err(io::Error::other(format!("{} failed\n{log}", program.display())))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The cluster is discarded, so a failure to stop loses nothing.
        let _ = self.stop(Stop::Immediate);
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
