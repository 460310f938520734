//! Where the time comes from.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use postly_domain::UnixMillis;
use postly_store::{Db, StoreError};

use crate::Shutdown;

/// A clock. One per application, so that everything in it agrees on the time.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> UnixMillis;
}

/// The clock of the database, without its jumps: that of the server for PostgreSQL, so that all who share it agree on the time
/// whatever their machines say; that of the machine for SQLite.
///
/// Leases and waits are kept in a database as times of day, so a jump would end them early or draw them out. This clock runs
/// by what has passed since the machine was started, and follows the time of day by running a quarter faster or slower until
/// it has caught up: a lease of 60 s lasts 48 s at least, and the clock does not go back. Only what is a day away or more is
/// jumped to, either way: a machine that was started without the time.
#[derive(Debug)]
pub struct SystemClock(Mutex<Slewed>);

impl SystemClock {
    /// The clock of this machine.
    pub fn new() -> Self {
        Self(Mutex::new(Slewed { read_at: since_boot(), time: time_of_day(), told: None, has_jumped: false }))
    }

    /// The clock of a database, right when it is made.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn of(db: &Db) -> Result<Self, StoreError> {
        let clock = Self::new();
        if let Some(told) = ask(db).await? {
            let mut slewed = clock.lock();
            slewed.time = told.time_at(slewed.read_at);
            slewed.told = Some(told);
        }
        Ok(clock)
    }

    /// Asks the server for the time, again and again, until told to stop. All whom it answers notice a jump of its clock within
    /// [`ASK_EVERY`], and are apart by a quarter of that at most while they follow it.
    pub async fn follow(&self, db: Db, shutdown: Shutdown) {
        let follow = async {
            loop {
                tokio::time::sleep(ASK_EVERY).await;
                match ask(&db).await {
                    Ok(Some(told)) if told.took <= LONGEST_ASK => self.lock().told = Some(told),
                    Ok(Some(_)) => tracing::debug!("The database told the time too late"),
                    // Nobody to ask: it is the machine's.
                    Ok(None) => std::future::pending().await,
                    // Ours goes on by itself.
                    Err(error) => tracing::debug!(%error, "Could not ask the database for the time"),
                }
            }
        };
        tokio::select! {
            () = follow => {}
            () = shutdown.requested() => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slewed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> UnixMillis {
        let mut slewed = self.lock();
        // Read while it is locked: in the order in which it is told.
        let read_at = since_boot();
        let time_of_day = slewed.told.map_or_else(time_of_day, |told| told.time_at(read_at));
        UnixMillis(slewed.advance(read_at, time_of_day).div_euclid(NANOS_PER_MILLI))
    }
}

/// How often a server is asked for the time.
const ASK_EVERY: Duration = Duration::from_secs(10);
/// An answer that took longer tells too little of when it was true: by half of that it may be wrong. At the start there is none
/// better.
const LONGEST_ASK: Duration = Duration::from_millis(500);

/// What a server told, and when.
#[derive(Debug, Clone, Copy)]
struct Told {
    /// See [`since_boot`].
    at: Duration,
    /// In nanoseconds since the Unix epoch.
    time: i64,
    /// How long the answer took.
    took: Duration,
}

impl Told {
    fn time_at(self, instant: Duration) -> i64 {
        match instant.checked_sub(self.at) {
            Some(later) => self.time.saturating_add(nanos(later)),
            None => self.time.saturating_sub(nanos(self.at.saturating_sub(instant))),
        }
    }
}

async fn ask(db: &Db) -> Result<Option<Told>, StoreError> {
    let asked_at = since_boot();
    let Some(time) = db.server_time().await? else { return Ok(None) };
    let took = since_boot().saturating_sub(asked_at);
    Ok(Some(Told { at: asked_at + took / 2, time: time.0.saturating_mul(NANOS_PER_MILLI), took }))
}

const NANOS_PER_MILLI: i64 = 1_000_000;
const NANOS_PER_SEC: i64 = 1_000_000_000;
/// What is corrected in a second at most: a quarter of it.
const SLEW: i64 = 4;
/// From how far away the time of day is jumped to.
const STEP_NANOS: i64 = 24 * 3_600 * NANOS_PER_SEC;

#[derive(Debug)]
struct Slewed {
    /// When it was last read: see [`since_boot`].
    read_at: Duration,
    /// What it said then, in nanoseconds since the Unix epoch.
    time: i64,
    /// What the database's server told last, if it has one.
    told: Option<Told>,
    /// Whether it is being led back to the time of day from more than a second away.
    has_jumped: bool,
}

impl Slewed {
    /// The time at an instant at which it should be `time_of_day`.
    fn advance(&mut self, read_at: Duration, time_of_day: i64) -> i64 {
        let elapsed = nanos(read_at.saturating_sub(self.read_at));
        self.read_at = read_at;
        self.time = self.time.saturating_add(elapsed);
        let away = time_of_day.saturating_sub(self.time);
        self.tell(away);
        let most = elapsed / SLEW;
        let jumps = cfg!(feature = "mutant-m17") || away.saturating_abs() >= STEP_NANOS;
        let correction = if jumps { away } else { away.clamp(-most, most) };
        self.time = self.time.saturating_add(correction);
        self.time
    }

    /// Tells the operator of a jump, once, and when it is over.
    fn tell(&mut self, away: i64) {
        let has_jumped = away.saturating_abs() > NANOS_PER_SEC;
        let whose = if self.told.is_some() { "database" } else { "machine" };
        match (std::mem::replace(&mut self.has_jumped, has_jumped), has_jumped) {
            (false, true) => tracing::warn!(
                seconds = away / NANOS_PER_SEC,
                "The clock of the {whose} has jumped; following it slowly, so that what waits is neither hurried nor held up"
            ),
            (true, false) => tracing::info!("The clock of the {whose} is followed again"),
            _ => {}
        }
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// What has passed since the machine was started, also while it was suspended: others go on meanwhile. Never goes back.
#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::try_from(time).unwrap_or_default()
}

/// What has passed since it was first asked; where a machine is suspended, that may not count.
#[cfg(not(target_os = "linux"))]
fn since_boot() -> Duration {
    static FIRST: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    FIRST.elapsed()
}

/// Nanoseconds since the Unix epoch, by the machine.
#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine for the time")]
fn time_of_day() -> i64 {
    nanos(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_800_000_000 * NANOS_PER_SEC;

    fn slewed() -> Slewed {
        Slewed { read_at: since_boot(), time: START, told: None, has_jumped: false }
    }

    #[test]
    fn a_jump_hurries_nothing_by_more_than_a_quarter_and_is_caught_up_with() {
        for jump in [1_800, 45, 5, -5, -120, -7_200] {
            let (mut clock, jump) = (slewed(), jump * NANOS_PER_SEC);
            let (started, mut before, mut caught_up_after) = (clock.read_at, START, None);
            for second in 1..=4 * 7_200 + 1 {
                let passed = Duration::from_secs(second);
                let time_of_day = START + nanos(passed) + jump;
                let now = clock.advance(started + passed, time_of_day);
                let ran = now - before;
                assert!((NANOS_PER_SEC * 3 / 4..=NANOS_PER_SEC * 5 / 4).contains(&ran), "{ran}");
                before = now;
                if now == time_of_day {
                    caught_up_after.get_or_insert(nanos(passed));
                }
            }
            assert_eq!(caught_up_after, Some(jump.abs() * 4), "jump of {jump}");
            assert!(!clock.has_jumped);
        }
    }

    #[test]
    fn a_machine_that_learns_the_time_late_is_believed_at_once() {
        let mut clock = Slewed { time: 0, ..slewed() };
        assert_eq!(clock.advance(clock.read_at + Duration::from_millis(1), START), START);
    }

    #[test]
    fn two_machines_that_disagree_have_the_time_of_the_server_they_share() {
        let told =
            Told { at: since_boot(), time: nanos(Duration::from_secs(1_000_000)), took: Duration::ZERO };
        let clock = SystemClock::new();
        {
            let mut slewed = clock.lock();
            slewed.time = told.time_at(slewed.read_at);
            slewed.told = Some(told);
        }
        // The machine's own time is some fifty years later, and nobody asks for it.
        assert!((1_000_000_000..1_000_060_000).contains(&clock.now().0));
    }

    #[tokio::test]
    async fn a_server_is_asked_where_there_is_one() {
        for engine in postly_testkit::EngineName::ALL {
            let database = postly_testkit::Database::fleeting(engine).await;
            let clock = SystemClock::of(&database.db).await.unwrap();
            let is_told = clock.lock().told.is_some();
            assert_eq!(is_told, engine == postly_testkit::EngineName::Postgres);
            // Here the server has the machine's clock.
            let apart = time_of_day().div_euclid(NANOS_PER_MILLI) - clock.now().0;
            assert!(apart.abs() < 60_000, "{apart} ms");
            database.db.close().await;
            database.drop().await;
        }
    }

    proptest::proptest! {
        #[test]
        fn it_never_goes_back(
            // Less than half a day wrong, so that no two readings are a day apart.
            readings in proptest::collection::vec((0_u64..10_000_000_000, -40_000_i64..40_000), 1..200)
        ) {
            let (mut clock, mut before) = (slewed(), START);
            let (started, mut passed) = (clock.read_at, Duration::ZERO);
            for (elapsed, wrong_s) in readings {
                passed += Duration::from_nanos(elapsed);
                let now = clock.advance(started + passed, START + nanos(passed) + wrong_s * NANOS_PER_SEC);
                proptest::prop_assert!(now >= before);
                before = now;
            }
        }
    }
}
