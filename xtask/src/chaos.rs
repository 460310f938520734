//! The chaos campaign: builds the service and the campaign, installs missing programs if that is allowed, and
//! runs it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

use postly_postgres::{Care, Cluster};

use crate::mutants::{Hunt, MUTANTS, Mutant};

/// Programs that a fault needs, and their Debian packages. Without one, the row of its fault is reported as
/// skipped.
const TOOLS: [(&str, &str); 2] = [("strace", "strace"), ("faketime", "faketime")];

/// Runs `cargo xtask chaos`.
pub(crate) fn run(args: &[&str]) -> anyhow::Result<()> {
    prepare()?;
    let plain = ["--debug", "--sample"];
    let debug = args.iter().any(|arg| plain.contains(arg));
    let folder = build(debug, None)?;
    let passed: Vec<&str> = args.iter().copied().filter(|arg| *arg != "--debug").collect();
    let mut command = campaign(&folder);
    crate::run(command.args(passed))
}

/// Runs a sample of about a minute, with the debug build.
pub(crate) fn sample() -> anyhow::Result<()> {
    run(&["--sample"])
}

/// Runs `cargo xtask chaos --mutants`: plants one defect after the other, and checks that the campaign turns
/// red.
pub(crate) fn mutants(only: &[&str]) -> anyhow::Result<()> {
    prepare()?;
    let mut missed = vec![];
    let mut lines = vec![];
    for mutant in MUTANTS.iter().filter(|mutant| only.is_empty() || only.contains(&mutant.name)) {
        let caught = match mutant.hunt {
            Hunt::Campaign(args) => campaign_notices(mutant, args)?,
            Hunt::Tests(name) => tests_notice(mutant, name)?,
        };
        let verdict = if caught { "caught" } else { "NOT CAUGHT" };
        lines.push(format!("| {} | {} | {verdict} |", mutant.name, mutant.defect));
        if !caught {
            missed.push(mutant.name);
        }
    }
    // Replaces the last build, so that a service with a defect is not used by mistake.
    build(true, None)?;
    println!("\n| planted | defect | |\n|---|---|---|\n{}", lines.join("\n"));
    if missed.is_empty() { Ok(()) } else { bail!("not caught: {}", missed.join(", ")) }
}

fn campaign_notices(mutant: &Mutant, args: &[&str]) -> anyhow::Result<bool> {
    let folder = build(true, Some(&mutant.plant()?))?;
    crate::step(&format!("{}: {}", mutant.name, mutant.defect));
    let status = campaign(&folder)
        .args(["--seed", "1", "--stop-at-first"])
        .args(args)
        .status()
        .context("cannot run the campaign")?;
    // Any other code means that the campaign could not run.
    match status.code() {
        Some(RED) => Ok(true),
        Some(0) => Ok(false),
        _ => bail!("the campaign itself failed on {}: {status}", mutant.name),
    }
}

fn tests_notice(mutant: &Mutant, name: &str) -> anyhow::Result<bool> {
    let source = mutant.plant()?;
    let tests = [
        "test",
        "--locked",
        "--package",
        "postly-app",
        "--package",
        "postly",
        "--test",
        "it",
        "--features",
        "postly/crash-points",
    ];
    // A defect that does not compile must not count as caught.
    crate::run(cargo_in(&source)?.args(tests).arg("--no-run"))?;
    crate::step(&format!("{}: {}", mutant.name, mutant.defect));
    let cluster = Cluster::start(Care::ForTests)?;
    let mut command = cargo_in(&source)?;
    command.args(tests).args(["--", name]).env("POSTLY_TEST_POSTGRES", cluster.address());
    Ok(!command.status().context("cannot run the tests")?.success())
}

/// The exit code of a campaign that found a fault.
const RED: i32 = 3;

/// Installs PostgreSQL, which is required, and the tools, which are optional.
fn prepare() -> anyhow::Result<()> {
    postly_postgres::install()?;
    for (program, package) in TOOLS {
        let there = Command::new(program).arg("--version").output().is_ok();
        if !there && postly_postgres::may_install() {
            // The row of its fault is then reported as skipped.
            if let Err(error) = postly_postgres::apt_get(&[package]) {
                eprintln!("xtask: {package} cannot be installed: {error}");
            }
        }
    }
    Ok(())
}

/// Builds the service and the campaign from these sources, or from those here. Returns the folder of the
/// programs.
fn build(debug: bool, source: Option<&Path>) -> anyhow::Result<PathBuf> {
    let mut command = cargo_in(source.unwrap_or(crate::root()?))?;
    command.args(["build", "--locked", "--package", "postly", "--package", "postly-campaign"]);
    if !debug {
        command.arg("--release");
    }
    crate::run(&mut command)?;
    Ok(target()?.join(if debug { "debug" } else { "release" }))
}

/// Returns `cargo` for other sources, which share the compiled dependencies.
fn cargo_in(source: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(source).env("CARGO_TARGET_DIR", target()?);
    Ok(command)
}

fn target() -> anyhow::Result<PathBuf> {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => Ok(std::path::absolute(folder)?),
        None => Ok(crate::root()?.join("target")),
    }
}

fn campaign(folder: &std::path::Path) -> Command {
    let mut command = Command::new(folder.join("chaos"));
    command.env("POSTLY_BIN", folder.join("postly"));
    command
}
