//! Measures the speed of the service beside its bounds. `cargo xtask bench` runs it; docs/PERFORMANCE.md
//! keeps the results.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench speaks")]

mod ack;
mod baseline;
mod burst;
mod cpu;
mod databases;
mod far_end;
mod figures;
mod growth;
mod history;
mod import;
mod ledger;
mod letter;
mod load;
mod machine;
mod page;
mod posts;
mod processes;
mod record;
mod report;
mod rest;
mod stage;
mod streams;
mod two;
mod wire;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{baseline::Baseline, databases::Engine, report::Section, stage::Settings};

/// Measures the service.
#[derive(Parser)]
#[command(name = "cargo xtask bench")]
struct Args {
    /// The scenarios to measure; all if none is named
    scenarios: Vec<Scenario>,
    /// The engine to measure; both if none is named
    #[arg(long)]
    engine: Option<Engine>,
    /// Short runs, to check that everything works: their figures are no evidence.
    #[arg(long)]
    quick: bool,
    /// Also the scenarios that take many minutes
    #[arg(long)]
    long: bool,
    /// Authors in a grown database.
    #[arg(long, default_value_t = 1_000_000)]
    authors: u32,
    /// Ledger entries, and stored events, in a grown database.
    #[arg(long, default_value_t = 5_000_000)]
    rows: u32,
    /// Also write the results to this file, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Also put the tables into this document, below its heading "Measured".
    #[arg(long)]
    keep: Option<PathBuf>,
}

/// A scenario to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// Acknowledgements per second against two baselines.
    Ack,
    /// The service's own share of a reply, and acknowledgements while the model is slow.
    Rest,
    /// The CPU time of each finished message, and the rate of finished messages.
    Cpu,
    /// A burst, and its memory; with `--long` also 100,000 messages.
    Burst,
    /// A database grown for years, beside an empty one.
    Growth,
    /// Two services on one PostgreSQL.
    Two,
    /// Thousands of open dashboards.
    Streams,
    /// A long history among a million authors.
    History,
    /// The dashboard beside the same page of a Next.js app. Only if it is named: it needs Node.js.
    Page,
    /// An import of the guide's database beside `COPY` of the same rows.
    Import,
}

fn main() -> ExitCode {
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn bench() -> anyhow::Result<()> {
    if let Some(baseline) = Baseline::of_process() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        return runtime.block_on(baseline.serve());
    }
    let args = Args::parse();
    // Fails only if one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Thousands of streams need as many open files; a service inherits the limit.
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;
    // One thread is the load and one the far end; the rest of the machine is for the service.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let machine = machine::describe()?;
    println!("{machine}\n");
    let sections = runtime.block_on(run(&args))?;
    let missed: usize = sections.iter().map(Section::missed).sum();
    if let Some(path) = &args.json {
        let sections: Vec<_> = sections.iter().map(Section::json).collect();
        let all = serde_json::json!({ "machine": machine, "sections": sections });
        std::fs::write(path, serde_json::to_string_pretty(&all)?)?;
    }
    if let Some(path) = &args.keep {
        let tables: Vec<_> = sections.iter().map(Section::markdown).collect();
        let document = std::fs::read_to_string(path)?;
        std::fs::write(path, record::updated(&document, &machine, &tables))?;
    }
    eprintln!("{missed} targets missed");
    Ok(())
}

async fn run(args: &Args) -> anyhow::Result<Vec<Section>> {
    let settings = Settings { quick: args.quick, long: args.long, authors: args.authors, rows: args.rows };
    let usual = || Scenario::value_variants().iter().filter(|scenario| **scenario != Scenario::Page);
    let scenarios: Vec<&Scenario> =
        if args.scenarios.is_empty() { usual().collect() } else { args.scenarios.iter().collect() };
    let mut sections = vec![];
    for scenario in scenarios {
        for engine in Engine::ALL.into_iter().filter(|engine| args.engine.is_none_or(|only| only == *engine))
        {
            eprintln!("{scenario:?} on {engine} …");
            for section in measure(*scenario, engine, &settings).await? {
                println!("{}", section.markdown());
                sections.push(section);
            }
        }
    }
    Ok(sections)
}

async fn measure(scenario: Scenario, engine: Engine, settings: &Settings) -> anyhow::Result<Vec<Section>> {
    Ok(match (scenario, engine) {
        (Scenario::Ack, _) => vec![ack::run(engine, settings).await?],
        (Scenario::Rest, _) => vec![rest::run(engine, settings).await?],
        (Scenario::Cpu, _) => cpu::run(engine, settings).await?,
        (Scenario::Burst, _) if settings.long => {
            vec![burst::run(engine, settings).await?, burst::many(engine, settings).await?]
        }
        (Scenario::Burst, _) => vec![burst::run(engine, settings).await?],
        (Scenario::Growth, _) => vec![growth::run(engine, settings).await?],
        (Scenario::Two, Engine::Postgres) => vec![two::run(settings).await?],
        (Scenario::Streams, _) => vec![streams::run(engine, settings).await?],
        (Scenario::History, _) => vec![history::run(engine, settings).await?],
        (Scenario::Page, _) => vec![page::run(engine, settings).await?],
        (Scenario::Import, _) => vec![import::run(engine, settings).await?],
        // An SQLite file has one process.
        (Scenario::Two, Engine::Sqlite) => vec![],
    })
}
