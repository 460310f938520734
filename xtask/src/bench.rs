//! `cargo xtask bench`: builds what is measured and what measures, and gives them a PostgreSQL as in production.

use std::{path::PathBuf, process::Command};

use anyhow::Context as _;

use postly_postgres::{Care, Cluster};

use crate::run;

/// Runs the bench; the arguments are its own.
pub(crate) fn bench(args: &[&str]) -> anyhow::Result<()> {
    // Together, so that what they share is built once.
    crate::cargo(&["build", "--release", "--locked", "--package", "postly", "--package", "postly-campaign"])?;
    let mut bench = Command::new(program("bench")?);
    bench.args(args);
    // Another binary can be measured in the place of the one of this checkout, an earlier one for instance.
    if std::env::var_os("POSTLY_BIN").is_none() {
        bench.env("POSTLY_BIN", program("postly")?);
    }
    let only_sqlite = args.windows(2).any(|pair| pair == ["--engine", "sqlite"]);
    let only_help = args.iter().any(|arg| matches!(*arg, "--help" | "-h"));
    if only_sqlite || only_help {
        return run(&mut bench);
    }
    postly_postgres::install()?;
    let cluster = Cluster::start(Care::ForMeasurements)?;
    run(bench.env("POSTLY_BENCH_POSTGRES", cluster.address()))
}

/// A program that was just built.
fn program(name: &str) -> anyhow::Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let program = target.join("release").join(name);
    program.canonicalize().with_context(|| format!("{} was not built", program.display()))
}
