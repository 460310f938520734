//! A throw-away PostgreSQL for tests: installed when missing, run as another user when we are root, gone afterwards.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};

/// Where Debian keeps the server's programs, newest version last.
const DEBIAN_FOLDER: &str = "/usr/lib/postgresql";
/// The user that Debian's package makes.
const USER: &str = "postgres";

/// The folder of `initdb` and `pg_ctl`, if there is one.
fn programs() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = std::fs::read_dir(DEBIAN_FOLDER)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    versions.sort_by_key(|bin| {
        let version = bin.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        version.and_then(|version| version.parse::<u32>().ok())
    });
    versions.pop().or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path)
            .find(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists())
    })
}

/// Installs PostgreSQL when it is missing and we may.
pub(crate) fn install() -> anyhow::Result<()> {
    if programs().is_some() {
        return Ok(());
    }
    let may = is_root() && Path::new("/usr/bin/apt-get").exists();
    if !may {
        bail!("PostgreSQL is missing: install its server (Debian: apt-get install postgresql) and try again");
    }
    for args in [&["update", "--quiet"][..], &["install", "--quiet", "--yes", "postgresql"]] {
        let mut command = Command::new("apt-get");
        crate::run(command.args(args).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()))?;
    }
    match programs() {
        Some(_) => Ok(()),
        None => bail!("PostgreSQL was installed, but its programs are not in {DEBIAN_FOLDER}"),
    }
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// A running cluster. Dropping it stops it and removes its folder.
pub(crate) struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
    as_user: bool,
}

/// For tests, which kill processes and never the machine: what the operating system has is safe.
const FOR_TESTS: &str = "-c fsync=off -c max_connections=300";
/// For measurements: what is committed is on the disk, and the settings of a small server of its own. The statements'
/// statistics are counted only where a database asks for them.
const AS_IN_PRODUCTION: &str = "-c fsync=on -c synchronous_commit=on -c full_page_writes=on -c max_connections=100 \
     -c shared_buffers=512MB -c effective_cache_size=2GB -c max_wal_size=4GB -c checkpoint_timeout=15min \
     -c random_page_cost=1.1 -c shared_preload_libraries=pg_stat_statements -c pg_stat_statements.track=none";

impl Cluster {
    /// Makes and starts a cluster for tests on a free port of this machine.
    pub(crate) fn start() -> anyhow::Result<Self> {
        Self::start_with(FOR_TESTS)
    }

    /// Makes and starts a cluster that keeps what it commits, as in production.
    pub(crate) fn durable() -> anyhow::Result<Self> {
        Self::start_with(AS_IN_PRODUCTION)
    }

    fn start_with(settings: &str) -> anyhow::Result<Self> {
        let programs =
            programs().context("PostgreSQL is missing: `cargo xtask ci` installs it, where it may")?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = std::env::temp_dir().join(format!("postly-postgres-{}-{port}", std::process::id()));
        std::fs::create_dir(&folder).context("cannot make a folder for PostgreSQL")?;
        let cluster = Self { folder, programs, port, as_user: is_root() };
        if cluster.as_user {
            // PostgreSQL refuses to run as root.
            crate::run(Command::new("chown").arg(USER).arg(&cluster.folder))?;
        }
        let data = cluster.folder.join("data");
        cluster.call(
            "initdb",
            &[
                "--auth=trust",
                "--username=postgres",
                "--encoding=UTF8",
                "--no-sync",
                "-D",
                &data.to_string_lossy(),
            ],
        )?;
        let options =
            format!("-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= {settings}");
        let log = cluster.folder.join("log");
        cluster.call(
            "pg_ctl",
            &["start", "--wait", "-D", &data.to_string_lossy(), "-l", &log.to_string_lossy(), "-o", &options],
        )?;
        Ok(cluster)
    }

    /// Its address, up to and including the slash before a database's name.
    pub(crate) fn address(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/", self.port)
    }

    fn call(&self, program: &str, args: &[&str]) -> anyhow::Result<()> {
        let program = self.programs.join(program);
        let mut command = if self.as_user {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", USER, "--regid", USER, "--clear-groups", "--"]).arg(&program);
            command
        } else {
            Command::new(&program)
        };
        let output = command
            .args(args)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            // The server would keep a pipe open for as long as it lives.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .with_context(|| format!("cannot run {}", program.display()))?;
        if output.success() {
            return Ok(());
        }
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        bail!("{} failed\n{log}", program.display())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = self.folder.join("data");
        // The cluster is thrown away: nothing is lost if it does not stop in good order.
        let _ = self.call("pg_ctl", &["stop", "-m", "immediate", "-D", &data.to_string_lossy()]);
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Runs a cluster until Enter is pressed.
pub(crate) fn wait() -> anyhow::Result<()> {
    install()?;
    let cluster = Cluster::start()?;
    println!("POSTLY_TEST_POSTGRES={}", cluster.address());
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}
