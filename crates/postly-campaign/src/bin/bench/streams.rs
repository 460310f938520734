//! Open dashboards: one live stream for each of thousands of authors, and one event on each.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use postly_app::{Clock as _, SystemClock};
use postly_domain::UnixMillis;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    task::JoinSet,
};

use crate::{
    databases::Engine,
    figures::{Runs, Spread, ms},
    letter::Letters,
    load::{self, Until},
    posts::add_tokens,
    report::Section,
    stage::{Actor, Settings, Stage},
};

/// The authors with an open dashboard.
const PEOPLE: u32 = 5_000;
/// The time in which each of them gets one event.
const WITHIN: Duration = Duration::from_secs(10);
/// The messages in flight while each author writes for the first time.
const UNDER_WAY: usize = 64;
/// The streams that are opened at the same time.
const OPENING: usize = 100;
const PATIENCE: Duration = Duration::from_secs(120);
/// The time after which the memory of the open streams is read.
const SETTLE: Duration = Duration::from_secs(2);

/// The generations that arrived on streams, each with the time.
type Arrivals = Arc<Mutex<HashMap<String, UnixMillis>>>;

/// Opens the stream of one author, reads until its first event, and leaves the reading of later ones to a
/// task.
async fn open(door: SocketAddr, token: &str, arrivals: Arrivals) -> anyhow::Result<()> {
    let (from, mut to) = TcpStream::connect(door).await?.into_split();
    let request = format!("GET /api/events HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\r\n");
    to.write_all(request.as_bytes()).await?;
    let mut lines = BufReader::with_capacity(2_048, from).lines();
    let head = lines.next_line().await?.context("the service closed a stream")?;
    ensure!(head.contains(" 200 "), "a stream was refused: {head}");
    while lines.next_line().await?.context("a stream ended")? != "event: balance" {}
    tokio::spawn(async move {
        // Dropping this half would close the connection.
        let _to = to;
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some(id) = line.strip_prefix("id: ") {
                arrivals
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .entry(id.to_owned())
                    .or_insert_with(|| SystemClock::new().now());
            }
        }
    });
    Ok(())
}

async fn open_all(door: SocketAddr, tokens: Vec<String>, arrivals: &Arrivals) -> anyhow::Result<()> {
    let mut opening = JoinSet::new();
    for token in tokens {
        if opening.len() >= OPENING
            && let Some(opened) = opening.join_next().await
        {
            opened??;
        }
        let arrivals = Arc::clone(arrivals);
        opening.spawn(async move { open(door, &token, arrivals).await });
    }
    while let Some(opened) = opening.join_next().await {
        opened??;
    }
    Ok(())
}

/// Lets each author write once within [`WITHIN`], and returns the acknowledgements after the last reply.
async fn each_writes(
    stage: &Stage,
    actor: &Actor,
    letters: &Arc<Letters>,
    people: u32,
) -> anyhow::Result<Spread> {
    let rate = people / u32::try_from(WITHIN.as_secs())?;
    let acks = load::pour(actor.door(), &stage.post, letters, &stage.far_end, rate, WITHIN).await?;
    let lost = stage.far_end.ledger().drained(PATIENCE).await;
    ensure!(lost == 0 && acks.refused == 0, "{lost} lost, {} refused", acks.refused);
    stage.far_end.ledger().take();
    Ok(acks.took)
}

/// The statement for the time at which each generation was stored. SQLite keeps no time of commit; there it
/// is the begin of the transaction, which is earlier.
fn stored_at(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "SELECT CAST(created_at_ms AS TEXT) || ' ' || id FROM generations",
        Engine::Postgres => {
            "SELECT CAST(CAST(EXTRACT(EPOCH FROM pg_xact_commit_timestamp(xmin)) * 1000 AS BIGINT) AS TEXT) || ' ' || id \
             FROM generations"
        }
    }
}

/// The measurements of one round.
struct Round {
    acks_before: Spread,
    acks: Spread,
    bytes_of_stream: f64,
    delays: Spread,
    idle_cpu: Duration,
}

async fn round(engine: Engine, people: u32) -> anyhow::Result<Round> {
    let stage = Stage::set(engine, UNDER_WAY).await?;
    let actor = stage.start(&stage.plan().with("MAX_EVENT_STREAMS", &(people + 16).to_string())).await?;
    let letters = Arc::new(Letters::of(0..people));
    let once = Until { time: PATIENCE, letters: usize::try_from(people)? };
    load::keep_busy(&[actor.door()], &stage.post, &letters, &stage.far_end, once).await?;
    ensure!(stage.far_end.ledger().drained(PATIENCE).await == 0, "a first message was not answered");
    stage.far_end.ledger().take();
    let acks_before = each_writes(&stage, &actor, &letters, people).await?;

    let authors = stage.database.texts("SELECT id FROM authors ORDER BY id").await?;
    let tokens = add_tokens(&stage.database, &authors).await?;
    let arrivals = Arrivals::default();
    let megabytes = actor.megabytes()?;
    open_all(actor.door(), tokens, &arrivals).await?;
    tokio::time::sleep(SETTLE).await;
    let bytes_of_stream = (actor.megabytes()? - megabytes) * 1_000_000.0 / f64::from(people);
    let used = actor.cpu()?;
    tokio::time::sleep(SETTLE).await;
    let idle_cpu = actor.cpu()?.since(used).all() / u32::try_from(SETTLE.as_secs())?;

    let known = stage.database.number("SELECT COUNT(*) FROM generations").await?;
    let acks = each_writes(&stage, &actor, &letters, people).await?;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let arrived = || arrivals.lock().unwrap_or_else(PoisonError::into_inner).len();
    while arrived() < usize::try_from(people)? {
        if tokio::time::Instant::now() > deadline {
            bail!("{} of {people} events arrived", arrived());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let stored = stage.database.texts(stored_at(engine)).await?;
    ensure!(
        stored.len() == usize::try_from(known)? + usize::try_from(people)?,
        "{} generations",
        stored.len()
    );
    let mut delays = vec![];
    for line in &stored {
        let (stored_at, id) = line.split_once(' ').context("a time and an id")?;
        let arrived_at = arrivals.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied();
        if let Some(arrived_at) = arrived_at {
            let ms = arrived_at.since_ms(UnixMillis(stored_at.parse()?));
            delays.push(Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
        }
    }
    actor.kill().await?;
    stage.clear().await?;
    Ok(Round { acks_before, acks, bytes_of_stream, delays: delays.into(), idle_cpu })
}

pub(crate) async fn run(engine: Engine, settings: &Settings) -> anyhow::Result<Section> {
    let people = if settings.quick { PEOPLE / 10 } else { PEOPLE };
    let mut rounds = vec![];
    for _ in 0..settings.rounds() {
        rounds.push(round(engine, people).await?);
    }
    let mut section = Section::new(
        format!("{engine}: {people} open dashboards, one event each within {WITHIN:?}"),
        &["", "p50 ms", "p99 ms", "max ms"],
    );
    let mut row = |name: &str, value: &dyn Fn(&Round) -> &Spread| {
        let runs = |thousandths| Runs::of(rounds.iter().map(|round| ms(value(round).at(thousandths))));
        section.row([name.to_owned(), runs(500).text(1), runs(990).text(1), runs(1_000).text(1)]);
        runs(1_000).median
    };
    let delay =
        row("from the commit (on SQLite the begin) of the transaction to the page", &|round| &round.delays);
    row("ack without streams", &|round| &round.acks_before);
    row("ack with streams", &|round| &round.acks);
    let ratio = Runs::of(rounds.iter().map(|round| ms(round.acks.p50()) / ms(round.acks_before.p50())));
    let bytes = Runs::of(rounds.iter().map(|round| round.bytes_of_stream / 1_000.0));
    let idle = Runs::of(rounds.iter().map(|round| ms(round.idle_cpu)));
    section.note(format!(
        "Each stream takes {} KB of resident memory. With all open and nobody writing: {} ms of CPU each second, \
         database included.",
        bytes.text(1),
        idle.text(0)
    ));
    section.at_most("ms until the last event is on its page", 1_000.0, delay);
    section.at_most("KB of each stream", 20.0, bytes.median);
    section.at_most("ack p50, with of without streams", 1.2, ratio.median);
    Ok(section)
}
