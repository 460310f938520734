//! The CPU time of a finished message, and the rate of finished messages: an instant model, and always enough
//! messages in flight to keep the service busy.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::ensure;

use crate::{
    databases::{Engine, Statement},
    figures::{Runs, Spread, count, ms},
    letter::Letters,
    load::{self, Until},
    report::Section,
    stage::{Actor, Cpu, Settings, Stage},
};

/// The number of messages in flight: enough to keep every worker busy, few enough that none waits for long.
const UNDER_WAY: usize = 128;
/// The number of authors. Over the measured time, each stays below the 45 messages that the pair limit lets
/// pass at once.
const PEOPLE: u32 = 2_000;
/// The time allowed for the last replies.
const DRAIN: Duration = Duration::from_secs(30);

/// A statement that runs less often than this per message is not shown.
const RARE: f64 = 0.02;

/// The result of one run.
struct Run {
    /// Finished messages per second.
    rate: f64,
    finished: usize,
    cpu: Cpu,
    took: Spread,
}

impl Run {
    fn per_message(&self, cpu: Duration) -> f64 {
        ms(cpu) / count(self.finished)
    }
}

pub(crate) async fn run(engine: Engine, settings: &Settings) -> anyhow::Result<Vec<Section>> {
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
    Ok(match engine {
        Engine::Sqlite => vec![section],
        Engine::Postgres => vec![section, statements(settings).await?],
    })
}

async fn one(engine: Engine, settings: &Settings) -> anyhow::Result<(Run, Run)> {
    let stage = Stage::set(engine, UNDER_WAY).await?;
    let actor = stage.start(&stage.plan()).await?;
    let letters = Arc::new(Letters::of(0..PEOPLE));
    let first = phase(&stage, &actor, &letters, meeting()).await?;
    let next = phase(&stage, &actor, &letters, measured(settings)).await?;
    actor.kill().await?;
    stage.clear().await?;
    Ok((first, next))
}

/// Each author writes once.
fn meeting() -> Until {
    Until { time: DRAIN, letters: usize::try_from(PEOPLE).unwrap_or(usize::MAX) }
}

fn measured(settings: &Settings) -> Until {
    Until { time: settings.seconds(10, 3), letters: usize::MAX }
}

async fn phase(stage: &Stage, actor: &Actor, letters: &Arc<Letters>, until: Until) -> anyhow::Result<Run> {
    let ledger = stage.far_end.ledger();
    let (started, used) = (Instant::now(), actor.cpu()?);
    let acks = load::keep_busy(&[actor.door()], &stage.post, letters, &stage.far_end, until).await?;
    let (sent, finished) = (started.elapsed(), ledger.answered());
    let lost = ledger.drained(DRAIN).await;
    // The last statements of the last messages run after their sending.
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
    Ok(Run { rate, finished: all, cpu, took: tally.took.into() })
}

/// Counts the PostgreSQL statements of a message, in a separate run because counting costs time.
async fn statements(settings: &Settings) -> anyhow::Result<Section> {
    let stage = Stage::set(Engine::Postgres, UNDER_WAY).await?;
    stage.database.count_statements().await?;
    let actor = stage.start(&stage.plan()).await?;
    let letters = Arc::new(Letters::of(0..PEOPLE));
    phase(&stage, &actor, &letters, meeting()).await?;
    stage.database.forget_statements().await?;
    let run = phase(&stage, &actor, &letters, measured(settings)).await?;
    let statements = stage.database.statements().await?;
    actor.kill().await?;
    stage.clear().await?;

    let mut section = Section::new(
        "PostgreSQL: the statements of a message that is not her first",
        &["times", "ms inside the server", "statement"],
    );
    let per_message = |value: f64| value / count(run.finished);
    for statement in statements.iter().filter(|statement| per_message(statement.calls) >= RARE) {
        section.row([
            format!("{:.2}", per_message(statement.calls)),
            format!("{:.3}", per_message(statement.ms)),
            format!("`{}`", statement.beginning),
        ]);
    }
    let all = |value: fn(&Statement) -> f64| per_message(statements.iter().map(value).sum());
    section.note(format!(
        "In all {:.1} statements and {:.3} ms for each message; those below {RARE} times are not shown.",
        all(|statement| statement.calls),
        all(|statement| statement.ms),
    ));
    Ok(section)
}
