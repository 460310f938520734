//! How fast the service is, side by side with what bounds it. `cargo xtask bench` runs it; docs/PERFORMANCE.md keeps
//! what it said.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench speaks")]

mod ack;
mod baseline;
mod burst;
mod cpu;
mod databases;
mod far_end;
mod figures;
mod growth;
mod ledger;
mod letter;
mod load;
mod processes;
mod report;
mod rest;
mod stage;
mod two;
mod wire;

use clap::{Parser, ValueEnum};

use crate::{baseline::Baseline, databases::Engine, report::Section, stage::Settings};

/// Measures the service.
#[derive(Parser)]
#[command(name = "cargo xtask bench")]
struct Args {
    /// What to measure; everything when nothing is named.
    scenarios: Vec<Scenario>,
    /// On which engine; on both when none is named.
    #[arg(long)]
    engine: Option<Engine>,
    /// Short runs, to see that everything works: their figures are no evidence.
    #[arg(long)]
    quick: bool,
    /// Also what takes many minutes.
    #[arg(long)]
    long: bool,
    /// Authors in a grown database.
    #[arg(long, default_value_t = 1_000_000)]
    authors: u32,
    /// Ledger entries, and stored events, in a grown database.
    #[arg(long, default_value_t = 5_000_000)]
    rows: u32,
    /// Say it as JSON.
    #[arg(long)]
    json: bool,
}

/// Something to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// Acknowledgements per second against two baselines.
    Ack,
    /// The service's own share of a reply, and acknowledgements while the model is slow.
    Rest,
    /// CPU for each finished message, and how many can be finished.
    Cpu,
    /// A crowd, and its memory; with `--long` also 100,000 messages.
    Burst,
    /// A database grown for years, beside an empty one.
    Growth,
    /// Two services on one PostgreSQL.
    Two,
}

fn main() -> anyhow::Result<std::process::ExitCode> {
    if let Some(baseline) = Baseline::of_process() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(baseline.serve())?;
        return Ok(std::process::ExitCode::SUCCESS);
    }
    let args = Args::parse();
    // One thread loads, one is the far end; the rest of the machine is for the service.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sections = runtime.block_on(run(&args))?;
    let missed: usize = sections.iter().map(Section::missed).sum();
    if args.json {
        let sections: Vec<_> = sections.iter().map(Section::json).collect();
        println!("{}", serde_json::to_string_pretty(&sections)?);
    }
    eprintln!("{missed} targets missed");
    Ok(std::process::ExitCode::SUCCESS)
}

async fn run(args: &Args) -> anyhow::Result<Vec<Section>> {
    let settings = Settings { quick: args.quick, long: args.long, authors: args.authors, rows: args.rows };
    let scenarios =
        if args.scenarios.is_empty() { Scenario::value_variants() } else { args.scenarios.as_slice() };
    let mut sections = vec![];
    for scenario in scenarios {
        for engine in Engine::ALL.into_iter().filter(|engine| args.engine.is_none_or(|only| only == *engine))
        {
            eprintln!("{scenario:?} on {engine} …");
            for section in measure(*scenario, engine, &settings).await? {
                if !args.json {
                    println!("{}", section.markdown());
                }
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
        // An SQLite file has one process.
        (Scenario::Two, Engine::Sqlite) => vec![],
    })
}
