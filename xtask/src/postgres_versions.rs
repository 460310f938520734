//! Runs the database tests on other versions of PostgreSQL than the system's, which come from npm.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use postly_postgres::{Care, Cluster};
use serde::Deserialize;

use crate::{
    Databases,
    oracles::{Folder, SCRIPTS},
    run, step,
};

const VERSIONS: [&str; 3] = ["16", "17", "18"];

/// The tests that use the server: its settings and sessions, every statement of the main journeys, its errors
/// and its poolers. Tests that dump a database are left out, because `pg_dump` does not read a server newer
/// than itself.
const TESTS: [(&str, &[&str], &[&str]); 3] = [
    ("postly-store", &["--lib"], &["postgres::"]),
    ("postly-app", &["--test", "it"], &["journey::", "conflicts::", "login::"]),
    ("postly", &["--test", "it"], &["databases::", "poolers::"]),
];

/// Runs the tests of the database on each version.
pub(crate) fn ask() -> anyhow::Result<()> {
    let root = crate::root()?;
    postly_postgres::install()?;
    let folder = Folder::new("postgres-versions")?;
    for name in ["package.json", "package-lock.json"] {
        std::fs::copy(root.join(SCRIPTS).join("postgres").join(name), folder.0.join(name))?;
    }
    run(Command::new("npm").current_dir(&folder.0).args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
    ]))
    .context("install Node.js 20 or newer, with npm")?;
    for version in VERSIONS {
        let package = folder.0.join("node_modules").join(format!("postgres-{version}"));
        link(&package)?;
        let programs = package.join("native/bin");
        say_version(&programs, version)?;
        let databases = Databases::around(Cluster::start_from(programs, Care::ForTests)?)?;
        for (crate_name, target, names) in TESTS {
            run(Command::new(env!("CARGO"))
                .current_dir(root)
                .args(["test", "--locked", "--package", crate_name])
                .args(target)
                .arg("--")
                .args(names)
                .envs(databases.variables()))?;
        }
    }
    Ok(())
}

/// A symbolic link that the npm package cannot hold; its installation script would create it.
#[derive(Deserialize)]
struct Link {
    source: PathBuf,
    target: PathBuf,
}

fn link(package: &Path) -> anyhow::Result<()> {
    let list = std::fs::read_to_string(package.join("native/pg-symlinks.json"))?;
    for Link { source, target } in serde_json::from_str::<Vec<Link>>(&list)? {
        let name = source.file_name().context("a link has a name")?;
        std::os::unix::fs::symlink(name, package.join(target))?;
    }
    Ok(())
}

/// Prints the release of the server, and fails if it is not of this version.
fn say_version(programs: &Path, version: &str) -> anyhow::Result<()> {
    let output = Command::new(programs.join("postgres")).arg("--version").output()?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    step(&said);
    if said.contains(&format!(" {version}.")) {
        Ok(())
    } else {
        bail!("this is no PostgreSQL {version}: {said}")
    }
}
