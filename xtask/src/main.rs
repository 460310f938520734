//! The automation of the project. `cargo xtask ci` decides if a change can land; the other commands are its
//! parts and tools.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command for people")]

mod bench;
mod browser;
mod census;
mod chaos;
mod citations;
mod dates;
mod deps;
mod eval;
mod mutants;
mod oracles;
mod postgres_versions;
mod prometheus;
mod release;
mod runbooks;
mod threats;
mod tidy;
mod tokens;

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, bail};
use postly_postgres::{Care, Cluster, Pooler, Pooling};

const USAGE: &str = "\
cargo xtask ci            every check and every test, as a landing needs them
cargo xtask test [ARGS]   the tests, with a throw-away PostgreSQL; ARGS go to `cargo test`
cargo xtask bench [ARGS]  how fast the service is beside what bounds it, on both engines; --help tells the ARGS
cargo xtask chaos [--sample] [--seed N] [--rounds N] [--engine E] [--only FAULTS] [--json] [--debug]
                          kills, cuts, fills and delays, and counts what was lost; --sample is a minute of it
cargo xtask chaos --mutants [NAMES]
                          plants defects, and sees whether the campaign notices them
cargo xtask oracles postgres
                          the tests of the database on PostgreSQL 16, 17 and 18 (needs npm)
cargo xtask oracles [--accept]
                          the providers' own clients and other people's validators judge what we send and simulate
                          (needs Python, Node.js and their package indexes); --accept keeps what they accepted to
                          compare with
cargo xtask oracles models
                          of these only the real model servers: LiteLLM, and llama.cpp with a small model, which also
                          writes and changes posts through the whole service (half an hour)
cargo xtask oracles api   of these only schemathesis, which tries the API as it describes itself
cargo xtask oracles mcp
                          of these only the clients of agents from npm, which call every tool of /mcp
cargo xtask oracles nextjs
                          of these only examples/nextjs: built, and run beside the service behind a real nginx
cargo xtask oracles otel  of these only OpenTelemetry's package, which decodes the traces of a message
cargo xtask oracles s3    of these only moto, a server that speaks S3: backups in a bucket, and their restores
cargo xtask oracles prisma [--accept]
                          of these only Prisma: its client fills a database, which is imported, and reads it again
cargo xtask browser [FOLDER]
                          the web app in Chromium: journeys, live updates, accessibility; FOLDER takes screenshots
                          (needs Chromium, Node.js and npm)
cargo xtask census [REVISION]
                          figures of the sources: words of comments, lengths, lines by kind
cargo xtask fuzz [TARGET] [--seconds N]
                          random inputs to every parser of what comes from outside, for a minute each
cargo xtask deps          what we depend on: where from, under which licence, in how many versions, with which advisories
cargo xtask tidy          the arrows between crates, SQL in one room, files of a readable size
cargo xtask dates         warns about facts of the networks that were last checked more than 180 days ago
cargo xtask threats [--check]
                          writes docs/THREATS.md, the attacks and the tests that try them; or checks that it would not
                          change, and that every row has its tests or its reason
cargo xtask eval [--show LANGUAGE|ID]
                          scores the built-in writer on labelled briefs, and fails below its thresholds; --show prints posts
cargo xtask tokens        counts the tokens of a generation beside those of three calls to a model, and fails above 45 %
cargo xtask release       builds the binary, and an archive of it with the manual, completions and deploy/
cargo xtask postgres      a throw-away PostgreSQL with a PgBouncer, until Enter is pressed";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["ci"] => ci(),
        ["test", rest @ ..] => test(rest),
        ["bench", rest @ ..] => bench::bench(rest),
        ["census"] => census::run(None),
        ["census", revision] => census::run(Some(revision)),
        ["chaos", "--mutants", rest @ ..] => chaos::mutants(rest),
        ["chaos", rest @ ..] => chaos::run(rest),
        ["oracles", "postgres"] => postgres_versions::ask(),
        ["oracles"] => oracles::ask(false),
        ["oracles", "models"] => oracles::ask_models(),
        ["oracles", "prisma"] => oracles::ask_prisma(false),
        ["oracles", "prisma", "--accept"] => oracles::ask_prisma(true),
        ["oracles", "mcp"] => oracles::ask_mcp(),
        ["oracles", "api"] => oracles::ask_api(),
        ["oracles", "otel"] => oracles::ask_otel(),
        ["oracles", "s3"] => oracles::ask_s3(),
        ["oracles", "nextjs"] => oracles::ask_nextjs(),
        ["oracles", "--accept"] => oracles::ask(true),
        ["browser"] => browser::look(None),
        ["browser", shots] => browser::look(Some(shots)),
        ["fuzz", rest @ ..] => fuzz(rest),
        ["deps"] => deps::check(),
        ["tidy"] => tidy::check(),
        ["dates"] => dates::warn(),
        ["eval", rest @ ..] => eval::run(rest),
        ["tokens"] => tokens::count(),
        ["threats"] => threats::write(),
        ["threats", "--check"] => threats::check(),
        ["postgres"] => postgres(),
        ["release"] => release::make(),
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

/// The folder of the workspace.
pub(crate) fn root() -> anyhow::Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace has a root")
}

fn ci() -> anyhow::Result<()> {
    postly_postgres::install()?;
    prometheus::install()?;
    install_age()?;
    browser::install()?;
    tidy::check()?;
    deps::check()?;
    threats::check()?;
    dates::warn()?;
    cargo(&["fmt", "--all", "--check"])?;
    const FEATURES: [&str; 2] = ["--features", "postly/crash-points"];
    let lint = ["clippy", "--workspace", "--all-targets", "--locked"];
    cargo(&[&lint[..], &FEATURES, &["--features", "postly/otel", "--", "--deny", "warnings"]].concat())?;
    demo()?;
    eval::run(&[])?;
    tokens::count()?;
    let mut passed = BTreeSet::from([s09_what_is_shipped_has_no_points_of_failure()?]);
    passed.extend(tests_that_pass()?);
    threats::check_passed(&passed)?;
    browser::look(Some("target/screenshots"))?;
    chaos::sample()
}

/// Installs the program that encrypts backups, if packages may be installed. Without it, a test checks the
/// refusal instead.
fn install_age() -> anyhow::Result<()> {
    let is_there = Command::new("age").arg("--version").output().is_ok();
    if !is_there && postly_postgres::may_install() {
        postly_postgres::apt_get(&["age"])?;
    }
    Ok(())
}

/// Checks that a binary with the features of a release has no crash point for tests.
fn s09_what_is_shipped_has_no_points_of_failure() -> anyhow::Result<String> {
    // The variable of crash points must be absent. The webhook's path must be present, which proves that the
    // search works.
    const POINT: &str = "POSTLY_CRASH_AT";
    const KNOWN: &str = "/api/whatsapp/webhook";
    let binary = std::fs::read(built_binary(root()?, &[])?).context("cannot read what was built")?;
    let holds = |text: &str| binary.windows(text.len()).any(|window| window == text.as_bytes());
    if !holds(KNOWN) || holds(POINT) {
        bail!("the binary holds {POINT}, which only tests may");
    }
    Ok("s09_what_is_shipped_has_no_points_of_failure".to_owned())
}

/// Builds the binary with the features of a release and some more, and returns its path.
pub(crate) fn built_binary(root: &Path, more: &[&str]) -> anyhow::Result<PathBuf> {
    // The demo was built with fewer features.
    cargo(&[&["build", "--locked", "--package", "postly"], more].concat())?;
    let folder = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned());
    Ok(root.join(folder).join("debug/postly"))
}

/// Checks the README's promise on the current build: three posts, the ledger, the balance.
fn demo() -> anyhow::Result<()> {
    const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";
    for provider in ["meta", "twilio"] {
        step(&format!("cargo demo -- --provider {provider} --brief \"{BRIEF}\""));
        let output = Command::new(env!("CARGO"))
            .args(["demo", "--", "--provider", provider, "--brief", BRIEF])
            .stderr(Stdio::inherit())
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
    let databases = Databases::start()?;
    run(test_command(&databases).args(args))
}

/// Runs every test, and returns the names of those that passed.
fn tests_that_pass() -> anyhow::Result<BTreeSet<String>> {
    let databases = Databases::start()?;
    let mut command = test_command(&databases);
    command.arg("--locked").stdout(Stdio::piped());
    step("cargo test, every test");
    let mut child = command.spawn().context("cannot run the tests")?;
    let stdout = child.stdout.take().context("its standard output is ours")?;
    let mut passed = BTreeSet::new();
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        println!("{line}");
        let name = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... ok"));
        passed.extend(name.map(str::to_owned));
    }
    if child.wait()?.success() { Ok(passed) } else { bail!("a test failed") }
}

/// The connections of a database's pool in PgBouncer: fewer than one process opens.
const POOL_SIZE: u32 = 5;

/// The servers of the tests.
struct Databases {
    // Stopped first, because fields are dropped in this order.
    pooler: Pooler,
    cluster: Cluster,
}

impl Databases {
    fn start() -> anyhow::Result<Self> {
        Self::around(Cluster::start(Care::ForTests)?)
    }

    fn around(cluster: Cluster) -> anyhow::Result<Self> {
        let pooler = Pooler::start(cluster.port(), Pooling::Transaction, POOL_SIZE, &["postgres"])?;
        Ok(Self { pooler, cluster })
    }

    fn variables(&self) -> [(&'static str, String); 2] {
        [("POSTLY_TEST_POSTGRES", self.cluster.address()), ("POSTLY_TEST_PGBOUNCER", self.pooler.address())]
    }
}

fn test_command(databases: &Databases) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--workspace", "--features", "postly/crash-points"]).envs(databases.variables());
    if prometheus::is_installed() {
        command.env("POSTLY_TEST_PROMETHEUS", "1");
    }
    command
}

/// The crates that own a parser, each with a test named `fuzz`.
const FUZZED: [&str; 4] = ["postly-domain", "postly-whatsapp", "postly-pipeline", "postly-http"];
/// The default duration of a target in seconds: long enough to find faults, short enough to wait for.
const FUZZ_SECONDS: u64 = 60;

fn fuzz(args: &[&str]) -> anyhow::Result<()> {
    let (target, seconds) = match args {
        [] => (None, FUZZ_SECONDS),
        ["--seconds", seconds] => (None, seconds.parse().context("--seconds takes a number")?),
        [target] => (Some(*target), FUZZ_SECONDS),
        [target, "--seconds", seconds] => {
            (Some(*target), seconds.parse().context("--seconds takes a number")?)
        }
        _ => bail!("{USAGE}"),
    };
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--no-fail-fast", "--test", "fuzz"]);
    command.args(FUZZED.iter().flat_map(|package| ["--package", package]));
    // One thread, so that each target has its whole time; each prints the number of its inputs.
    command.args(["--", "--test-threads", "1", "--show-output"]).args(target);
    run(command.env("POSTLY_FUZZ_SECONDS", seconds.to_string()))
}

/// Runs a PostgreSQL and a PgBouncer until Enter is pressed.
fn postgres() -> anyhow::Result<()> {
    postly_postgres::install()?;
    let databases = Databases::start()?;
    for (name, value) in databases.variables() {
        println!("{name}={value}");
    }
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
