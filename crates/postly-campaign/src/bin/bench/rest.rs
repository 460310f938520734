//! A service under little load: its share of a reply, the time of an acknowledgement while models are slow,
//! and the CPU it uses while idle.

use std::{ops::Range, sync::Arc, time::Duration};

use anyhow::ensure;

use crate::{
    databases::Engine,
    far_end::Pace,
    figures::{Runs, Spread, ms},
    letter::Letters,
    load::{self, Line},
    report::Section,
    stage::{Actor, Settings, Stage},
};

/// The authors of a scenario at rest: few, so that all have written after a moment.
const PEOPLE: Range<u32> = 0..100;
/// The usual delay of the model.
const MODEL: Duration = Duration::from_millis(1_200);
/// Webhooks per second while acknowledgements are timed.
const RATE: u32 = 40;
/// The time allowed for one reply, and for the last replies of many.
const PATIENCE: Duration = Duration::from_secs(20);
/// The pause between two messages at rest: long enough for every worker to become idle.
const PAUSE: Duration = Duration::from_millis(20);

/// The measurements of messages sent one at a time.
pub(crate) struct OneByOne {
    pub(crate) acks: Spread,
    /// The time from the sending of a message to the arrival of its reply, without the model's time.
    pub(crate) own_share: Spread,
}

/// Sends `count` letters, each after the reply to the one before.
pub(crate) async fn one_by_one(
    stage: &Stage,
    actor: &Actor,
    letters: &Letters,
    count: usize,
) -> anyhow::Result<OneByOne> {
    let mut line = Line::open(actor.door()).await?;
    let ledger = stage.far_end.ledger();
    let (mut acks, mut own_share) = (vec![], vec![]);
    for _ in 0..count {
        tokio::time::sleep(PAUSE).await;
        let letter = letters.next();
        let request = stage.post.request(letter);
        ledger.sent(letter);
        let sent = std::time::Instant::now();
        ensure!(line.send(&request).await? == 200, "a message was refused at rest");
        acks.push(sent.elapsed());
        ensure!(ledger.drained(PATIENCE).await == 0, "a message at rest was not answered");
        for took in ledger.take().took {
            own_share.push(took.saturating_sub(stage.far_end.last_thought()));
        }
    }
    Ok(OneByOne { acks: acks.into(), own_share: own_share.into() })
}

/// The measurements of letters sent at [`RATE`].
struct Flow {
    acks: Spread,
    replies: Spread,
}

async fn flow(
    stage: &Stage,
    actor: &Actor,
    letters: &Arc<Letters>,
    lasting: Duration,
) -> anyhow::Result<Flow> {
    let acks = load::pour(actor.door(), &stage.post, letters, &stage.far_end, RATE, lasting).await?;
    let lost = stage.far_end.ledger().drained(PATIENCE).await;
    ensure!(lost == 0 && acks.refused == 0, "{lost} lost, {} refused", acks.refused);
    Ok(Flow { acks: acks.took, replies: stage.far_end.ledger().take().took.into() })
}

/// The result of one round.
struct Round {
    idle_cpu_per_second: Duration,
    instant: OneByOne,
    slow: OneByOne,
    fixed: Flow,
    log_normal: Flow,
}

async fn round(engine: Engine, settings: &Settings) -> anyhow::Result<Round> {
    let stage = Stage::set(engine, 0).await?;
    let actor = stage.start(&stage.plan()).await?;
    let letters = Arc::new(Letters::of(PEOPLE));
    // Each author writes once before anything is timed.
    one_by_one(&stage, &actor, &letters, PEOPLE.len()).await?;

    let nothing = settings.seconds(5, 2);
    let used = actor.cpu()?;
    tokio::time::sleep(nothing).await;
    let idle_cpu_per_second = actor.cpu()?.since(used).all().div_f64(nothing.as_secs_f64());

    let instant = one_by_one(&stage, &actor, &letters, if settings.quick { 50 } else { 300 }).await?;
    stage.far_end.set_pace(Pace::Fixed(MODEL));
    let slow = one_by_one(&stage, &actor, &letters, if settings.quick { 2 } else { 10 }).await?;
    let lasting = settings.seconds(12, 3);
    let fixed = flow(&stage, &actor, &letters, lasting).await?;
    stage.far_end.set_pace(Pace::LogNormal(MODEL));
    let log_normal = flow(&stage, &actor, &letters, lasting).await?;
    actor.kill().await?;
    stage.clear().await?;
    Ok(Round { idle_cpu_per_second, instant, slow, fixed, log_normal })
}

pub(crate) async fn run(engine: Engine, settings: &Settings) -> anyhow::Result<Section> {
    let mut rounds = vec![];
    for _ in 0..settings.rounds() {
        rounds.push(round(engine, settings).await?);
    }
    let mut section = Section::new(format!("{engine}: at rest"), &["", "p50 ms", "p99 ms", "max ms"]);
    let mut row = |name: &str, value: &dyn Fn(&Round) -> &Spread, without: Duration| {
        let runs = |thousandths| {
            Runs::of(rounds.iter().map(|round| ms(value(round).at(thousandths).saturating_sub(without))))
        };
        section.row([name.to_owned(), runs(500).text(1), runs(990).text(1), runs(1_000).text(1)]);
        (runs(500).median, runs(990).median)
    };
    row("ack, one message at a time", &|round| &round.instant.acks, Duration::ZERO);
    let instant =
        row("own share of a reply, instant model", &|round| &round.instant.own_share, Duration::ZERO);
    let slow = row("own share of a reply, 1.2 s model", &|round| &round.slow.own_share, Duration::ZERO);
    row("own share at 40/s, 1.2 s model", &|round| &round.fixed.replies, MODEL);
    let fixed = row("ack at 40/s, 1.2 s model", &|round| &round.fixed.acks, Duration::ZERO);
    let log_normal =
        row("ack at 40/s, log-normal model of mean 1.2 s", &|round| &round.log_normal.acks, Duration::ZERO);
    let idle = Runs::of(rounds.iter().map(|round| ms(round.idle_cpu_per_second)));
    section.note(format!("While nobody writes: {} ms of CPU each second, database included.", idle.text(1)));
    section.at_most("own share p99 ms, instant model", 25.0, instant.1);
    section.at_most("own share p99 ms, 1.2 s model", 25.0, slow.1);
    section.at_most("ack p99 ms at 40/s, 1.2 s model", 5.0, fixed.1);
    section.at_most("ack p99 ms at 40/s, log-normal model", 5.0, log_normal.1);
    Ok(section)
}
