//! What a finished message costs, and how many can be finished: an instant model, and always as many messages under way
//! as keep the service busy.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::ensure;

use crate::{
    databases::Engine,
    figures::{Runs, Spread, count, ms},
    letter::Letters,
    load::{self, Until},
    report::Section,
    stage::{Cpu, Settings, Stage},
};

/// How many messages are under way at once: enough to keep every worker busy, few enough that none waits for long.
const UNDER_WAY: usize = 128;
/// How many people write. With the time that is measured, each stays below the 45 messages that the pair limit lets pass
/// at once.
const PEOPLE: u32 = 2_000;
/// How long the last replies may take.
const DRAIN: Duration = Duration::from_secs(30);

/// What one run gave.
pub(crate) struct Run {
    /// Finished messages per second.
    pub(crate) rate: f64,
    pub(crate) finished: usize,
    cpu: Cpu,
    took: Spread,
}

impl Run {
    fn per_message(&self, cpu: Duration) -> f64 {
        ms(cpu) / count(self.finished)
    }
}

pub(crate) async fn run(engine: Engine, settings: &Settings) -> anyhow::Result<Section> {
    let mut first = vec![];
    let mut runs = vec![];
    for _ in 0..settings.rounds() {
        let (meeting, run) = one(engine, settings).await?;
        first.push(meeting);
        runs.push(run);
    }
    let mut section = Section::new(
        format!("{engine}: finished messages, the model is instant, {UNDER_WAY} under way"),
        &["", "finished/s", "CPU ms/message", "of it the service", "of it the database", "p50 ms", "p99 ms"],
    );
    for (name, runs) in [("her first message", &first), ("her next messages", &runs)] {
        let each = |value: fn(&Run) -> f64| Runs::of(runs.iter().map(value));
        section.row([
            name.to_owned(),
            each(|run| run.rate).text(0),
            each(|run| run.per_message(run.cpu.all())).text(3),
            each(|run| run.per_message(run.cpu.service)).text(3),
            each(|run| run.per_message(run.cpu.database)).text(3),
            each(|run| ms(run.took.p50())).text(1),
            each(|run| ms(run.took.p99())).text(1),
        ]);
    }
    let all = Runs::of(runs.iter().map(|run| run.per_message(run.cpu.all())));
    section.at_most("CPU ms per finished message", 0.6, all.median);
    Ok(section)
}

async fn one(engine: Engine, settings: &Settings) -> anyhow::Result<(Run, Run)> {
    let stage = Stage::set(engine, UNDER_WAY).await?;
    let actor = stage.start(&stage.plan()).await?;
    let letters = Arc::new(Letters::of(0..PEOPLE));
    let doors = [actor.door()];
    let ledger = stage.far_end.ledger();
    let mut runs = vec![];
    let meeting = Until { time: DRAIN, letters: usize::try_from(PEOPLE)? };
    let measured = Until { time: settings.seconds(10, 3), letters: usize::MAX };
    for until in [meeting, measured] {
        let (started, used) = (Instant::now(), actor.cpu()?);
        let acks = load::keep_busy(&doors, &stage.post, &letters, &stage.far_end, until).await?;
        let (sent, finished) = (started.elapsed(), ledger.answered());
        let lost = ledger.drained(DRAIN).await;
        // The last statements of the last messages come after their sending.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let cpu = actor.cpu()?.since(used);
        let tally = ledger.take();
        let (model_calls, _, strange) = stage.far_end.take_counts();
        let all = tally.took.len();
        ensure!(
            lost == 0 && acks.refused == 0 && tally.twice == 0 && tally.overtaken == 0 && strange == 0,
            "{lost} lost, {} refused, {} answered twice, {} overtaken, {strange} strange requests",
            acks.refused,
            tally.twice,
            tally.overtaken,
        );
        ensure!(usize::try_from(model_calls)? == all, "{model_calls} model calls for {all} messages");
        let rate = count(finished) / sent.as_secs_f64();
        runs.push(Run { rate, finished: all, cpu, took: tally.took.into() });
    }
    actor.kill().await?;
    stage.clear().await?;
    match (runs.pop(), runs.pop()) {
        (Some(next), Some(first)) => Ok((first, next)),
        _ => anyhow::bail!("a run is missing"),
    }
}
