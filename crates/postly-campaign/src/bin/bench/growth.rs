//! The same work on an empty database and on one that has grown for years, in turns.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::ensure;
use postly_simulator::SimulatorConfig;

use crate::{
    databases::Engine,
    figures::{Runs, Spread, count, ms},
    letter::Letters,
    load::{self, Until},
    report::Section,
    rest,
    stage::{Actor, Settings, Stage},
};

/// The authors on either side; on the grown one they are spread over all authors.
const PEOPLE: u32 = 400;
/// The number of messages in flight while each author writes for the first time.
const UNDER_WAY: usize = 32;
const PATIENCE: Duration = Duration::from_secs(60);
/// The messages of one turn of one side.
const TURN: usize = 150;
/// The turns of each round: changes in the machine's speed then affect both sides.
const TURNS: usize = 3;
/// The limit of reads from an SQLite file for one message, in KB. Some twenty statements that descend a few
/// trees of five pages each stay below it; one scan of any large table is tens of times more.
const MOST_READ_KB: f64 = 1_000.0;
/// Tables with fewer rows may be scanned: the planner is right to do so.
const WHOLE_TABLES: &str = "SELECT relname || ': ' || seq_tup_read || ' rows in ' || seq_scan || ' scans' \
    FROM pg_stat_user_tables WHERE seq_scan > 0 AND seq_tup_read / seq_scan >= 1000 ORDER BY relname";

/// A stage with its service and its authors.
struct Side {
    stage: Stage,
    actor: Actor,
    letters: Arc<Letters>,
    acks: Vec<Duration>,
    own_shares: Vec<Duration>,
    /// The bytes that the service has read from files for these messages.
    bytes_read: f64,
    messages: usize,
}

impl Side {
    /// Starts the service and lets each author write once.
    async fn open(stage: Stage, settings: &Settings) -> anyhow::Result<Self> {
        let mut plan = stage.plan();
        // Retention must not delete the old rows during the measurement.
        for class in ["RETENTION_EVENTS_DAYS", "RETENTION_MESSAGES_DAYS"] {
            plan.variables.push((class.to_owned(), "1000000".to_owned()));
        }
        let actor = stage.start(&plan).await?;
        let letters = Arc::new(Letters::spread(PEOPLE, (settings.authors / PEOPLE).max(1)));
        let once = Until { time: PATIENCE, letters: usize::try_from(PEOPLE)? };
        load::keep_busy(&[actor.door()], &stage.post, &letters, &stage.far_end, once).await?;
        ensure!(stage.far_end.ledger().drained(PATIENCE).await == 0, "a first message was not answered");
        stage.far_end.ledger().take();
        Ok(Self { stage, actor, letters, acks: vec![], own_shares: vec![], bytes_read: 0.0, messages: 0 })
    }

    async fn turn(&mut self, messages: usize) -> anyhow::Result<()> {
        let before = self.actor.bytes_read()?;
        let seen = rest::one_by_one(&self.stage, &self.actor, &self.letters, messages).await?;
        self.bytes_read += self.actor.bytes_read()? - before;
        self.messages += messages;
        self.acks.extend(seen.acks.iter());
        self.own_shares.extend(seen.own_share.iter());
        Ok(())
    }

    /// Returns the durations measured since the last call.
    fn take(&mut self) -> (Spread, Spread) {
        (std::mem::take(&mut self.acks).into(), std::mem::take(&mut self.own_shares).into())
    }
}

/// Fills a database that has its tables.
async fn grow(stage: &Stage, settings: &Settings) -> anyhow::Result<Duration> {
    let fill = match stage.database.engine {
        Engine::Sqlite => include_str!("growth/sqlite.sql"),
        Engine::Postgres => include_str!("growth/postgres.sql"),
    };
    let started = Instant::now();
    stage.database.migrate().await?;
    let fill = fill
        .replace("{authors}", &settings.authors.to_string())
        .replace("{rows}", &settings.rows.to_string())
        .replace("{business}", &SimulatorConfig::default().meta.phone_number_id);
    stage.database.run(&fill).await?;
    Ok(started.elapsed())
}

pub(crate) async fn run(engine: Engine, settings: &Settings) -> anyhow::Result<Section> {
    let empty = Stage::set(engine, UNDER_WAY).await?;
    let grown = Stage::set(engine, UNDER_WAY).await?;
    let filled_within = grow(&grown, settings).await?;
    let mut sides = [Side::open(empty, settings).await?, Side::open(grown, settings).await?];

    let mut rounds = vec![];
    for _ in 0..settings.rounds() {
        for _ in 0..TURNS {
            for side in &mut sides {
                side.turn(if settings.quick { TURN / 3 } else { TURN }).await?;
            }
        }
        rounds.push(sides.each_mut().map(Side::take));
    }

    let Settings { authors, rows, .. } = settings;
    let mut section = Section::new(
        format!(
            "{engine}: empty, and with {authors} authors, {rows} ledger entries and {rows} stored events"
        ),
        &["", "empty, ms", "grown, ms", "grown of empty"],
    );
    let mut row = |name: &str, value: &dyn Fn(&(Spread, Spread)) -> Duration| {
        let empty = Runs::of(rounds.iter().map(|[empty, _]| ms(value(empty))));
        let grown = Runs::of(rounds.iter().map(|[_, grown]| ms(value(grown))));
        let ratio = Runs::of(rounds.iter().map(|[empty, grown]| ms(value(grown)) / ms(value(empty))));
        section.row([name.to_owned(), empty.text(2), grown.text(2), ratio.text(2)]);
        ratio.median
    };
    let ack = row("ack p50", &|(acks, _)| acks.p50());
    row("ack p99", &|(acks, _)| acks.p99());
    let share = row("own share p50", &|(_, shares)| shares.p50());
    row("own share p99", &|(_, shares)| shares.p99());
    section.note(format!("The grown database was filled within {filled_within:.0?}."));
    section.at_most("ack p50, grown of empty", 1.3, ack);
    section.at_most("own share p50, grown of empty", 1.3, share);

    let [empty, grown] = sides;
    if engine == Engine::Sqlite {
        let kb_read = |side: &Side| side.bytes_read / 1_000.0 / count(side.messages);
        section.note(format!(
            "For each message the service read {:.0} KB of files when empty, {:.0} KB when grown.",
            kb_read(&empty),
            kb_read(&grown),
        ));
        section.at_most("KB read for a message, grown", MOST_READ_KB, kb_read(&grown));
    }
    empty.actor.kill().await?;
    empty.stage.clear().await?;
    grown.actor.kill().await?;
    if engine == Engine::Postgres {
        // A PostgreSQL connection publishes its statistics when it finds that its peer is gone.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let whole = grown.stage.database.lines(WHOLE_TABLES).await?;
        if !whole.is_empty() {
            section.note(format!("Read from end to end: {}.", whole.join("; ")));
        }
        section.at_most("large tables read from end to end", 0.0, count(whole.len()));
    }
    let started = Instant::now();
    let audit = grown.stage.audit().await?;
    section.note(format!("`postly audit` of the grown database took {:.1?}.", started.elapsed()));
    section.at_least("`postly audit` finds that the books hold", 1.0, f64::from(u8::from(audit.success())));
    grown.stage.clear().await?;
    Ok(section)
}
