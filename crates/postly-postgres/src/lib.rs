//! Disposable PostgreSQL clusters for tests and campaigns. The server is installed if missing, runs as
//! another user if we are root, and is removed afterwards. It can be stopped in every way, restarted, and
//! followed by a synchronous standby.

mod cluster;
mod pooler;

use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

pub use cluster::{Care, Cluster, Stop};
pub use pooler::{Pooler, Pooling};

/// Debian's folder of the server's programs, one folder per version.
const DEBIAN_FOLDER: &str = "/usr/lib/postgresql";
/// The user that Debian's package creates.
const USER: &str = "postgres";

/// The folder of `initdb` and `pg_ctl`, if there is one.
fn programs() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = std::fs::read_dir(DEBIAN_FOLDER)
        .into_iter()
        .flatten()
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

/// Installs PostgreSQL and PgBouncer if they are missing and the process may.
///
/// # Errors
/// Fails if one is missing and cannot be installed.
pub fn install() -> io::Result<()> {
    if programs().is_none() {
        install_package("postgresql")?;
    }
    if pooler::program().is_none() {
        install_package("pgbouncer")?;
    }
    match (programs(), pooler::program()) {
        (Some(_), Some(_)) => Ok(()),
        (None, _) => Err(io::Error::other(format!(
            "PostgreSQL was installed, but its programs are not in {DEBIAN_FOLDER}"
        ))),
        (_, None) => Err(io::Error::other("PgBouncer was installed, but its program is not in the PATH")),
    }
}

fn install_package(name: &str) -> io::Result<()> {
    if may_install() {
        return apt_get(&[name]);
    }
    Err(io::Error::other(format!(
        "{name} is missing: install it (Debian: apt-get install {name}) and try again"
    )))
}

/// Runs a program as another user if we are root, because PostgreSQL and PgBouncer refuse to run as root.
fn as_user(program: &Path, is_root: bool) -> Command {
    if !is_root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", USER, "--regid", USER, "--clear-groups", "--"]).arg(program);
    command
}

/// Creates a folder that belongs to the user of PostgreSQL if we are root.
fn folder_for_user(path: &Path, is_root: bool) -> io::Result<()> {
    std::fs::create_dir(path)?;
    if is_root && !Command::new("chown").arg(USER).arg(path).status()?.success() {
        return Err(io::Error::other("cannot give the folder of PostgreSQL to its user"));
    }
    Ok(())
}

/// Returns true if system packages can be installed: as root, on Debian or a derivative.
pub fn may_install() -> bool {
    is_root() && Path::new("/usr/bin/apt-get").exists()
}

/// Installs system packages.
///
/// # Errors
/// Fails if the package manager fails.
pub fn apt_get(packages: &[&str]) -> io::Result<()> {
    for args in [&["update", "--quiet"][..], &[&["install", "--quiet", "--yes"], packages].concat()] {
        let mut command = Command::new("apt-get");
        let status = command
            .args(args)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            // Standard output is reserved for the caller.
            .stdout(io::stderr())
            .status()?;
        if !status.success() {
            return Err(io::Error::other(format!("apt-get {} failed", args.join(" "))));
        }
    }
    Ok(())
}

/// Returns true if this process runs as root.
pub fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
