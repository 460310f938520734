//! A burst of more messages than a model answers at once, and the memory they take.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::ensure;

use crate::{
    databases::Engine,
    far_end::Pace,
    figures::{Runs, count, ms},
    letter::Letters,
    load::{self, Acks, Until},
    report::Section,
    stage::{Actor, Settings, Stage},
};

/// Messages per second of the burst.
const RATE: u32 = 200;
const MODEL: Duration = Duration::from_millis(1_200);
/// Each author writes a few times, well below the pair limit.
const PEOPLE: u32 = 2_000;
/// The number of messages in flight that the memory target names.
const IN_FLIGHT: u32 = 500;
/// The delay of a model that keeps all of them in flight during the check.
const HOLDING: Duration = Duration::from_secs(5);
/// The number of inbox lanes that the service works on at once (docs/ARCHITECTURE.md).
const WORKERS: usize = 512;
/// The time in which the queue must drain.
const DRAIN: Duration = Duration::from_secs(60);
/// The pause between two checks of memory and workers.
const LOOK: Duration = Duration::from_millis(50);

/// The highest values seen during a piece of work.
#[derive(Debug, Default, Clone, Copy)]
struct Peak {
    megabytes: f64,
    thinking: usize,
}

/// Runs a piece of work and samples the service until it ends.
async fn watching<T>(
    stage: &Stage,
    actor: &Actor,
    work: impl Future<Output = T>,
) -> anyhow::Result<(T, Peak)> {
    let mut work = std::pin::pin!(work);
    let mut peak = Peak::default();
    loop {
        let done = tokio::time::timeout(LOOK, work.as_mut()).await;
        peak.megabytes = peak.megabytes.max(actor.megabytes()?);
        peak.thinking = peak.thinking.max(stage.far_end.thinking());
        if let Ok(done) = done {
            return Ok((done, peak));
        }
    }
}

struct Round {
    at_rest: f64,
    acks: Acks,
    peak: Peak,
    drained_within: Duration,
    in_flight: Peak,
}

async fn round(engine: Engine, settings: &Settings) -> anyhow::Result<Round> {
    let stage = Stage::set(engine, 0).await?;
    let actor = stage.start(&stage.plan()).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let at_rest = actor.megabytes()?;

    let letters = Arc::new(Letters::of(0..PEOPLE));
    let ledger = stage.far_end.ledger();
    stage.far_end.set_pace(Pace::Fixed(MODEL));
    let lasting = settings.seconds(15, 3);
    let pouring = load::pour(actor.door(), &stage.post, &letters, &stage.far_end, RATE, lasting);
    let (acks, before_last) = watching(&stage, &actor, pouring).await?;
    let acks = acks?;
    let last = Instant::now();
    let (lost, after_last) = watching(&stage, &actor, ledger.drained(DRAIN)).await?;
    let drained_within = last.elapsed();
    let tally = ledger.take();
    ensure!(lost == 0, "{lost} messages were lost");
    ensure!(tally.twice == 0 && tally.overtaken == 0, "{} twice, {} overtaken", tally.twice, tally.overtaken);
    let peak = Peak {
        megabytes: before_last.megabytes.max(after_last.megabytes),
        thinking: before_last.thinking.max(after_last.thinking),
    };

    stage.far_end.set_pace(Pace::Fixed(HOLDING));
    let second = Duration::from_secs(1);
    let pouring = load::pour(actor.door(), &stage.post, &letters, &stage.far_end, IN_FLIGHT, second);
    let (_, in_flight) = watching(&stage, &actor, async {
        let acks = pouring.await;
        let lost = ledger.drained(DRAIN).await;
        (acks, lost)
    })
    .await?;
    actor.kill().await?;
    stage.clear().await?;
    Ok(Round { at_rest, acks, peak, drained_within, in_flight })
}

pub(crate) async fn run(engine: Engine, settings: &Settings) -> anyhow::Result<Section> {
    let mut rounds = vec![];
    for _ in 0..settings.rounds() {
        rounds.push(round(engine, settings).await?);
    }
    let mut section =
        Section::new(format!("{engine}: {RATE} messages/s, {MODEL:?} model"), &["", "measured"]);
    let mut row = |name: &str, digits: usize, value: &dyn Fn(&Round) -> f64| {
        let runs = Runs::of(rounds.iter().map(value));
        section.row([name.to_owned(), runs.text(digits)]);
        runs
    };
    row("messages", 0, &|round| count(round.acks.took.len() + round.acks.refused));
    let refused = row("refused", 0, &|round| count(round.acks.refused));
    row("ack p50 ms", 1, &|round| ms(round.acks.took.p50()));
    row("ack p99 ms", 1, &|round| ms(round.acks.took.p99()));
    row("drained after the last, ms", 0, &|round| ms(round.drained_within));
    let workers = row("most model calls at once", 0, &|round| count(round.peak.thinking));
    let rest = row("MB at rest", 1, &|round| round.at_rest);
    row("MB at most in the burst", 1, &|round| round.peak.megabytes);
    let held = row("model calls at once, held", 0, &|round| count(round.in_flight.thinking));
    let memory = row("MB with those in flight", 1, &|round| round.in_flight.megabytes);
    section.note("No message was lost, answered twice or overtaken; the run stops if one is.");
    section.at_most("refused", 0.0, refused.greatest);
    section.at_most("model calls at once", count(WORKERS), workers.greatest);
    section.at_most("MB at rest", 20.0, rest.greatest);
    section.at_least("messages in flight", f64::from(IN_FLIGHT), held.least);
    section.at_most("MB with 500 in flight", 60.0, memory.greatest);
    Ok(section)
}

/// The number of messages for which the memory must stay flat, and the number that fills its caches first.
const MANY: usize = 100_000;
const FIRST: usize = 20_000;
/// Messages between two samples.
const STEP: usize = 20_000;
/// Enough authors that none comes near the pair limit.
const CROWD: u32 = 10_000;
const UNDER_WAY: usize = 128;

/// Tests that the memory stays flat over many messages.
pub(crate) async fn many(engine: Engine, settings: &Settings) -> anyhow::Result<Section> {
    let shorter = if settings.quick { 20 } else { 1 };
    let stage = Stage::set(engine, UNDER_WAY).await?;
    let actor = stage.start(&stage.plan()).await?;
    let letters = Arc::new(Letters::of(0..CROWD));
    let mut section = Section::new(format!("{engine}: memory over many messages"), &["messages", "MB"]);
    let mut after_first = 0.0;
    let mut last = 0.0;
    for messages in (STEP..=MANY).step_by(STEP) {
        let until = Until { time: Duration::from_secs(600), letters: STEP / shorter };
        let acks = load::keep_busy(&[actor.door()], &stage.post, &letters, &stage.far_end, until).await?;
        let lost = stage.far_end.ledger().drained(DRAIN).await;
        ensure!(lost == 0 && acks.refused == 0, "{lost} lost, {} refused", acks.refused);
        stage.far_end.ledger().take();
        last = actor.megabytes()?;
        if messages == FIRST {
            after_first = last;
        }
        section.row([(messages / shorter).to_string(), format!("{last:.1}")]);
    }
    actor.kill().await?;
    stage.clear().await?;
    section.at_most("memory after all, of that after the first step", 1.1, last / after_first);
    Ok(section)
}
