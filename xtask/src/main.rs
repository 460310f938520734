//! Our automation. `cargo xtask ci` is what decides a landing; the other commands are its parts and its tools.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command for people")]

mod chaos;
mod mutants;
mod oracles;
mod tidy;

use std::process::{Command, ExitCode};

use anyhow::{Context as _, bail};
use postly_postgres::{Care, Cluster};

const USAGE: &str = "\
cargo xtask ci            every check and every test, as a landing needs them
cargo xtask test [ARGS]   the tests, with a throw-away PostgreSQL; ARGS go to `cargo test`
cargo xtask bench         the service under load, on both engines; RATE, SECONDS and MODEL_MS change the load
cargo xtask chaos [--sample] [--seed N] [--rounds N] [--engine E] [--only FAULTS] [--json] [--debug]
                          kills, cuts, fills and delays, and counts what was lost; --sample is a minute of it
cargo xtask chaos --mutants [FEATURES]
                          plants defects, and sees whether the campaign notices them
cargo xtask oracles [--accept]
                          the providers' own clients and other people's validators judge what we send and simulate
                          (needs Python and its package index); --accept keeps what they accepted to compare with
cargo xtask tidy          the arrows between crates, SQL in one room, files of a readable size
cargo xtask postgres      a throw-away PostgreSQL, until Enter is pressed";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["ci"] => ci(),
        ["test", rest @ ..] => test(rest),
        ["bench"] => bench(),
        ["chaos", "--mutants", rest @ ..] => chaos::mutants(rest),
        ["chaos", rest @ ..] => chaos::run(rest),
        ["oracles"] => oracles::ask(false),
        ["oracles", "--accept"] => oracles::ask(true),
        ["tidy"] => tidy::check(),
        ["postgres"] => postgres(),
        _ => {
            println!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn ci() -> anyhow::Result<()> {
    postly_postgres::install()?;
    tidy::check()?;
    cargo(&["fmt", "--all", "--check"])?;
    const FEATURES: [&str; 2] = ["--features", "postly/crash-points"];
    let lint = ["clippy", "--workspace", "--all-targets", "--locked"];
    cargo(&[&lint[..], &FEATURES, &["--", "--deny", "warnings"]].concat())?;
    demo()?;
    test(&["--locked"])?;
    chaos::sample()
}

/// The README's promise, on what was just built: three posts, the ledger, the balance.
fn demo() -> anyhow::Result<()> {
    const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";
    for provider in ["meta", "twilio"] {
        step(&format!("cargo demo -- --provider {provider} --brief \"{BRIEF}\""));
        let output = Command::new(env!("CARGO"))
            .args(["demo", "--", "--provider", provider, "--brief", BRIEF])
            .stderr(std::process::Stdio::inherit())
            .output()
            .context("cannot run the demo")?;
        let text = String::from_utf8_lossy(&output.stdout);
        println!("{text}");
        for expected in ["croissants", "-20 %", "ce week-end", "*3.*", "+5 trial", "-1 whatsapp_generation"] {
            if !text.contains(expected) {
                bail!("the demo did not print {expected:?}");
            }
        }
        if !output.status.success() || text.lines().last() != Some("Balance: 4") {
            bail!("the demo did not end with a balance of 4");
        }
    }
    Ok(())
}

fn test(args: &[&str]) -> anyhow::Result<()> {
    let cluster = Cluster::start(Care::ForTests)?;
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["test", "--workspace", "--features", "postly/crash-points"])
        .args(args)
        .env("POSTLY_TEST_POSTGRES", cluster.address());
    run(&mut command)
}

fn bench() -> anyhow::Result<()> {
    let cluster = Cluster::start(Care::ForTests)?;
    let mut command = Command::new(env!("CARGO"));
    command.args(["bench", "--package", "postly", "--bench", "load"]);
    run(command.env("POSTLY_TEST_POSTGRES", cluster.address()))
}

/// Runs a PostgreSQL until Enter is pressed.
fn postgres() -> anyhow::Result<()> {
    postly_postgres::install()?;
    let cluster = Cluster::start(Care::ForTests)?;
    println!("POSTLY_TEST_POSTGRES={}", cluster.address());
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}

fn cargo(args: &[&str]) -> anyhow::Result<()> {
    run(Command::new(env!("CARGO")).args(args))
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let line = format!("{command:?}").replace('"', "");
    step(&line);
    let status = command.status().with_context(|| format!("cannot run {line}"))?;
    if status.success() { Ok(()) } else { bail!("failed: {line}") }
}

fn step(line: &str) {
    println!("\n==> {line}");
}
