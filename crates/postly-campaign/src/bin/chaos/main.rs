//! Tests the faults under which the service might lose a message or a credit. See docs/RELIABILITY.md.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command for people")]

mod arena;
mod checks;
mod database;
mod dice;
mod faults;
mod load;
mod proxy;
mod report;
mod schedule;
mod trace;

use std::{process::ExitCode, sync::Arc, time::Instant};

use anyhow::Context as _;
use clap::Parser;
use faults::Skipped;
use postly_postgres::{Care, Cluster};
use postly_simulator::StatusPolicy;
use tokio::signal::unix::{SignalKind, signal};

use crate::{arena::Arena, checks::Memory, database::Engine, dice::Dice, report::Row, schedule::Family};

/// The number of rounds after which all data are checked, and not only the effects of the round.
const LOOK_AT_EVERYTHING_EACH: u64 = 10;
/// The exit code for a fault of the service; 1 is a fault of the campaign.
const RED: u8 = 3;
/// The exit code if no fault was found, but too few rounds hit anything to conclude.
const VOID: u8 = 4;
/// The delay of statuses when the providers fail: longer than the time to a retry, because the campaign ends
/// its pause.
const LATE_STATUSES_MS: u64 = 400;
/// The number of rounds in a row of one family that may miss before it is void: more than chance explains.
const MOST_MISSES: u64 = 20;

/// Runs the faults, and counts the messages and credits that were lost.
#[derive(Debug, Parser)]
#[command(name = "chaos")]
struct Options {
    /// Repeats the random numbers of the campaign that printed this seed.
    #[arg(long)]
    seed: Option<u64>,
    /// The number of rounds that hit for each family, instead of its own number.
    #[arg(long)]
    rounds: Option<u64>,
    /// Starts with this round, to replay one from a report.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Runs on one engine only.
    #[arg(long, value_enum)]
    engine: Option<Engine>,
    /// Only these families.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Family>,
    /// Runs a sample of about a minute
    #[arg(long)]
    sample: bool,
    /// Prints JSON on standard output.
    #[arg(long)]
    json: bool,
    /// Stops at the first family with a fault, and keeps its folder.
    #[arg(long)]
    stop_at_first: bool,
}

impl Options {
    fn rounds(&self, family: Family) -> u64 {
        self.rounds.unwrap_or_else(|| if self.sample { family.sample() } else { family.rounds() })
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    let mut terminated = signal(SignalKind::terminate())?;
    // Dropping the future stops its processes and its databases.
    tokio::select! {
        done = run(&options) => done,
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
        _ = terminated.recv() => anyhow::bail!("asked to stop"),
    }
}

/// Runs the families that the options select.
async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let seed = match options.seed {
        Some(seed) => seed,
        None => {
            getrandom::u64().map_err(|error| anyhow::anyhow!("no random numbers: {error}"))? % 1_000_000_000
        }
    };
    eprintln!("chaos: --seed {seed}");
    let mut rows = vec![];
    let mut cluster = None;
    'families: for family in Family::ALL {
        if !options.only.is_empty() && !options.only.contains(&family) {
            continue;
        }
        for engine in family.engines().iter().copied() {
            let wanted = options.rounds(family);
            if wanted == 0 || options.engine.is_some_and(|only| only != engine) {
                continue;
            }
            if engine == Engine::Postgres && cluster.is_none() {
                cluster = Some(Arc::new(Cluster::start(Care::ForKeeps).context("no PostgreSQL")?));
            }
            let mut row = Row::new(family, engine, wanted);
            let begun = Instant::now();
            if let Err(error) = campaign(options, seed, family, engine, cluster.clone(), &mut row).await {
                match error.downcast_ref::<Skipped>() {
                    Some(Skipped(reason)) => row.skip(reason.clone()),
                    None => row.broke(format!("{error:#}")),
                }
            }
            row.took(begun.elapsed());
            let good = row.is_good();
            rows.push(row);
            if options.stop_at_first && !good {
                break 'families;
            }
        }
    }
    if options.json {
        println!("{}", report::json(seed, &rows));
    } else {
        println!("{}", report::table(&rows));
    }
    Ok(if rows.iter().any(Row::is_broken) {
        ExitCode::from(RED)
    } else if rows.iter().all(Row::is_good) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(VOID)
    })
}

/// Runs all rounds of one family on one engine.
async fn campaign(
    options: &Options,
    seed: u64,
    family: Family,
    engine: Engine,
    cluster: Option<Arc<Cluster>>,
    row: &mut Row,
) -> anyhow::Result<()> {
    let statuses = match family {
        Family::KillSilent => StatusPolicy::silent(),
        // Late, as in production: a service that does not wait for them sends twice.
        Family::Upstream => StatusPolicy { delay_ms: LATE_STATUSES_MS, ..StatusPolicy::default() },
        _ => StatusPolicy::default(),
    };
    let binary = postly_campaign::service::binary()?;
    let cluster = match family.needs_its_own_cluster() {
        true => Some(Arc::new(Cluster::start(Care::ForKeeps).context("no PostgreSQL")?)),
        false => cluster,
    };
    let mut arena = Arena::open(engine, binary, cluster, statuses, family == Family::DiskFull).await?;
    match family {
        Family::KillOneOfTwo | Family::Zombie => arena.help().await?,
        Family::ZombieForReal => arena.double().await?,
        Family::Inbound if engine == Engine::Postgres => arena.double().await?,
        _ => {}
    }
    let mut memory = Memory::default();
    let result = rounds(options, seed, family, &mut arena, &mut memory, row).await;
    if let Err(error) = &result
        && !error.is::<Skipped>()
    {
        eprintln!("chaos: {} on {}: {error:#}", family.name(), engine.name());
    }
    arena.close(result.is_err() || !row.is_good()).await?;
    result
}

async fn rounds(
    options: &Options,
    seed: u64,
    family: Family,
    arena: &mut Arena,
    memory: &mut Memory,
    row: &mut Row,
) -> anyhow::Result<()> {
    let wanted = options.rounds(family);
    let name = format!("{} {}", family.name(), arena.engine.name());
    let mut round = options.first;
    let mut misses = 0;
    while row.hit() < wanted && misses < MOST_MISSES {
        let mut dice = Dice::of(seed, &name, round);
        let struck =
            faults::play(family, arena, &mut dice, round).await.with_context(|| format!("round {round}"))?;
        let mut verdict = checks::round(arena, memory, &struck.lines, struck.rules).await?;
        let last = row.hit() + u64::from(struck.hits > 0) >= wanted;
        verdict.broken.extend(struck.broken.iter().cloned());
        if last || round % LOOK_AT_EVERYTHING_EACH == LOOK_AT_EVERYTHING_EACH - 1 {
            verdict.broken.extend(checks::everything(arena, memory).await?);
        }
        let mark = match (verdict.is_clean(), struck.hits) {
            (true, 0) => "missed",
            (true, _) => "holds",
            (false, _) => "BROKEN",
        };
        eprintln!("{name} #{round}: {}: {} hits, {mark}", struck.story, struck.hits);
        misses = if struck.hits == 0 { misses + 1 } else { 0 };
        row.add(round, &struck, &verdict);
        arena.turn_the_page();
        if options.stop_at_first && row.is_broken() {
            break;
        }
        round += 1;
    }
    if row.missed() > 0 {
        eprintln!("{name}: {} rounds hit nothing, and are not counted", row.missed());
    }
    Ok(())
}
