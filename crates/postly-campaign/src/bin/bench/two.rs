//! Two services on one PostgreSQL: nothing done twice, nothing out of order, nothing slower.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::ensure;

use crate::{
    databases::Engine,
    figures::{Runs, count},
    letter::Letters,
    load::{self, Until},
    report::Section,
    stage::{Settings, Stage},
};

const UNDER_WAY: usize = 128;
const PEOPLE: u32 = 2_000;
const DRAIN: Duration = Duration::from_secs(30);

/// The result of one run.
struct Run {
    rate: f64,
    finished: usize,
    twice: u32,
    overtaken: u32,
}

/// Runs one or two services. Every author writes two messages in a row; with two services, one through each.
async fn one(services: usize, settings: &Settings) -> anyhow::Result<Run> {
    let stage = Stage::set(Engine::Postgres, UNDER_WAY).await?;
    let mut actors = vec![];
    for _ in 0..services {
        actors.push(stage.start(&stage.plan()).await?);
    }
    let doors: Vec<_> = actors.iter().map(crate::stage::Actor::door).cycle().take(2).collect();
    let letters = Arc::new(Letters::of(0..PEOPLE));
    let ledger = stage.far_end.ledger();
    // Each author writes once before anything is counted.
    let met = Until { time: DRAIN, letters: usize::try_from(PEOPLE)? };
    load::keep_busy(&doors, &stage.post, &letters, &stage.far_end, met).await?;
    ensure!(ledger.drained(DRAIN).await == 0, "messages were lost while people were met");
    let before = ledger.take();

    let started = Instant::now();
    let until = Until { time: settings.seconds(10, 3), letters: usize::MAX };
    let acks = load::keep_busy(&doors, &stage.post, &letters, &stage.far_end, until).await?;
    let rate = count(ledger.answered()) / started.elapsed().as_secs_f64();
    let lost = ledger.drained(DRAIN).await;
    // A duplicate reply may come a little later.
    tokio::time::sleep(Duration::from_secs(1)).await;
    ensure!(lost == 0 && acks.refused == 0, "{lost} lost, {} refused", acks.refused);
    let tally = ledger.take();
    for actor in actors {
        actor.kill().await?;
    }
    stage.clear().await?;
    Ok(Run {
        rate,
        finished: tally.took.len() + before.took.len(),
        twice: tally.twice + before.twice,
        overtaken: tally.overtaken + before.overtaken,
    })
}

pub(crate) async fn run(settings: &Settings) -> anyhow::Result<Section> {
    let mut runs = [vec![], vec![]];
    for _ in 0..settings.rounds() {
        for (services, runs) in (1..).zip(&mut runs) {
            runs.push(one(services, settings).await?);
        }
    }
    let mut section = Section::new(
        format!("PostgreSQL: one service and two, {UNDER_WAY} messages under way"),
        &["services", "finished/s", "messages", "answered twice", "out of order"],
    );
    let rates = runs.each_ref().map(|runs| Runs::of(runs.iter().map(|run| run.rate)));
    for ((services, runs), rates) in (1..).zip(&runs).zip(&rates) {
        section.row([
            format!("{services}"),
            rates.text(0),
            runs.iter().map(|run| run.finished).sum::<usize>().to_string(),
            runs.iter().map(|run| run.twice).sum::<u32>().to_string(),
            runs.iter().map(|run| run.overtaken).sum::<u32>().to_string(),
        ]);
    }
    let [one, two] = rates;
    let all = || runs.iter().flatten();
    section.at_most("answered twice", 0.0, all().map(|run| f64::from(run.twice)).sum());
    section.at_most("out of order", 0.0, all().map(|run| f64::from(run.overtaken)).sum());
    section.at_least("throughput of two, of one", 1.0, two.median / one.median);
    Ok(section)
}
