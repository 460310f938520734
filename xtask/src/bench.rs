//! `cargo xtask bench`: builds the service and the bench, and starts a PostgreSQL configured as in
//! production.

use std::{path::PathBuf, process::Command};

use anyhow::Context as _;

use postly_postgres::{Care, Cluster};

use crate::run;

/// Runs the bench with these arguments.
pub(crate) fn bench(args: &[&str]) -> anyhow::Result<()> {
    // One build, so that shared crates are built once.
    crate::cargo(&["build", "--release", "--locked", "--package", "postly", "--package", "postly-campaign"])?;
    let mut bench = Command::new(program("bench")?);
    bench.args(args);
    // `POSTLY_BIN` may name another binary to measure, for instance an earlier one.
    if std::env::var_os("POSTLY_BIN").is_none() {
        bench.env("POSTLY_BIN", program("postly")?);
    }
    let with_peer = args.contains(&"page");
    if with_peer {
        bench.env("POSTLY_BENCH_PEER", peer()?);
    }
    let only_sqlite = args.windows(2).any(|pair| pair == ["--engine", "sqlite"]);
    let only_help = args.iter().any(|arg| matches!(*arg, "--help" | "-h"));
    if only_help || (only_sqlite && !with_peer) {
        return run(&mut bench);
    }
    postly_postgres::install()?;
    let cluster = Cluster::start(Care::ForMeasurements)?;
    run(bench.env("POSTLY_BENCH_POSTGRES", cluster.address()))
}

/// Builds the Next.js app beside which the dashboard is measured, and returns its folder.
fn peer() -> anyhow::Result<PathBuf> {
    let folder = PathBuf::from("xtask/bench/peer").canonicalize()?;
    const INSTALL: [&str; 4] = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    run(Command::new("npm").current_dir(&folder).args(INSTALL))
        .context("install Node.js 20 or newer, with npm")?;
    run(Command::new("npm").current_dir(&folder).args(["run", "build"]).env("NEXT_TELEMETRY_DISABLED", "1"))?;
    Ok(folder)
}

/// Returns the path of a program that was just built.
fn program(name: &str) -> anyhow::Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let program = target.join("release").join(name);
    program.canonicalize().with_context(|| format!("{} was not built", program.display()))
}
