//! Durable acknowledgements per second, compared with the same handler without a database and with a commit
//! for each request.

use std::{sync::Arc, time::Duration};

use anyhow::ensure;

use crate::{
    baseline::Baseline,
    databases::Engine,
    far_end::Pace,
    figures::{Runs, count, ms},
    letter::Letters,
    load::{self, Acks},
    report::Section,
    stage::{Settings, Stage},
};

/// As the targets in docs/PERFORMANCE.md state.
const CONNECTIONS: usize = 64;
/// Enough authors that no conversation comes near its limit of waiting messages.
const PEOPLE: u32 = 100_000;
/// The delay of a model that does not answer during a measurement: all workers are busy and wait, so that the
/// rest of the machine acknowledges. It must exceed warm-up plus measurement, and stay below the 12 s that
/// the service gives one attempt.
const SILENT: Duration = Duration::from_millis(10_500);
/// The usual delay of the model, for context: the workers write replies during the measurement.
const USUAL: Duration = Duration::from_millis(1_200);

/// One side of the comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    Service(Duration),
    Baseline(Baseline),
}

const SIDES: [(&str, Side); 4] = [
    ("the service, its workers waiting for a model", Side::Service(SILENT)),
    ("(a) no database", Side::Baseline(Baseline::NoDatabase)),
    ("(b) a commit for each request", Side::Baseline(Baseline::CommitEach)),
    ("the service, its workers replying (1.2 s model)", Side::Service(USUAL)),
];

/// The result of one run.
struct Run {
    acks: Acks,
    cpu: Duration,
}

pub(crate) async fn run(engine: Engine, settings: &Settings) -> anyhow::Result<Section> {
    let mut runs: Vec<Vec<Run>> = SIDES.iter().map(|_| vec![]).collect();
    for _ in 0..settings.rounds() {
        for ((_, side), runs) in SIDES.iter().zip(&mut runs) {
            runs.push(one(engine, *side, settings).await?);
        }
    }
    let mut section = Section::new(
        format!("{engine}: acknowledgements on {CONNECTIONS} connections"),
        &["", "acks/s", "of (a)", "p50 ms", "p99 ms", "CPU ms/ack", "refused"],
    );
    let each = |runs: &[Run], value: fn(&Run) -> f64| Runs::of(runs.iter().map(value));
    let rates: Vec<Runs> = runs.iter().map(|runs| each(runs, |run| run.acks.rate())).collect();
    let rate = |side: usize| rates.get(side).map_or(0.0, |runs| runs.median);
    for (((name, _), runs), rates) in SIDES.iter().zip(&runs).zip(&rates) {
        section.row([
            (*name).to_owned(),
            rates.text(0),
            format!("{:.3}", rates.median / rate(1)),
            each(runs, |run| ms(run.acks.took.p50())).text(2),
            each(runs, |run| ms(run.acks.took.p99())).text(2),
            each(runs, |run| ms(run.cpu) / count(run.acks.took.len())).text(3),
            runs.iter().map(|run| run.acks.refused).sum::<usize>().to_string(),
        ]);
    }
    section.note("Every acknowledged message was counted in the database after the service had been killed.");
    match engine {
        Engine::Sqlite => {
            section.at_least("acks of (a)", 0.30, rate(0) / rate(1));
            section.at_least("acks of (b)", 5.0, rate(0) / rate(2));
        }
        Engine::Postgres => section.at_least("acks of (a)", 0.15, rate(0) / rate(1)),
    }
    Ok(section)
}

async fn one(engine: Engine, side: Side, settings: &Settings) -> anyhow::Result<Run> {
    let stage = Stage::set(engine, 0).await?;
    let plan = match side {
        Side::Service(model) => {
            stage.far_end.set_pace(Pace::Fixed(model));
            stage.plan()
        }
        Side::Baseline(baseline) => baseline.plan(&stage.plan())?,
    };
    let actor = stage.start(&plan).await?;
    let letters = Arc::new(Letters::of(0..PEOPLE));
    let warm_up = settings.seconds(3, 2);
    let lasting = settings.seconds(6, 2);
    let before = load::hammer(actor.door(), &stage.post, &letters, CONNECTIONS, warm_up).await?;
    let used = actor.cpu()?;
    let acks = load::hammer(actor.door(), &stage.post, &letters, CONNECTIONS, lasting).await?;
    let cpu = actor.cpu()?.since(used).all();
    actor.kill().await?;
    if side != Side::Baseline(Baseline::NoDatabase) {
        let stored = usize::try_from(stage.database.events().await?)?;
        let acknowledged = before.took.len() + acks.took.len();
        ensure!(stored >= acknowledged, "{acknowledged} were acknowledged, {stored} are stored");
    }
    stage.clear().await?;
    Ok(Run { acks, cpu })
}
