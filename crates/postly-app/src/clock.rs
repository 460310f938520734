//! The clock of the application.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use postly_domain::UnixMillis;
use postly_store::{Db, StoreError};

use crate::Shutdown;

/// A clock. There is one per application, so that all its parts agree on the time.
pub trait Clock: Send + Sync {
    /// Returns the current time.
    fn now(&self) -> UnixMillis;
}

/// The clock of the database, without its jumps. For PostgreSQL it follows the server, so that all processes
/// that share it agree on the time; for SQLite it follows the machine.
///
/// Leases and waits are stored as times of day, so a jump would end them early or extend them. This clock
/// runs by the time since the machine was started. It follows the time of day by running up to a quarter
/// faster or slower until it has caught up: a lease of 60 s lasts 48 s at least, and the clock does not go
/// back. It jumps, either way, only to a time that differs by a day or more: a machine that was started
/// without the time.
#[derive(Debug)]
pub struct SystemClock(Mutex<Slewed>);

impl SystemClock {
    /// Returns the clock of this machine.
    pub fn new() -> Self {
        Self(Mutex::new(Slewed { read_at: since_boot(), time: time_of_day(), told: None, has_jumped: false }))
    }

    /// Returns the clock of a database, set to its time.
    ///
    /// # Errors
    /// Fails if the server cannot be asked.
    pub async fn of(db: &Db) -> Result<Self, StoreError> {
        let clock = Self::new();
        if let Some(told) = ask(db).await? {
            let mut slewed = clock.lock();
            slewed.time = told.time_at(slewed.read_at);
            slewed.told = Some(told);
        }
        Ok(clock)
    }

    /// Asks the server for the time every [`ASK_EVERY`], until shutdown. All processes that get an answer
    /// notice a jump of its clock within this time. While they follow the jump, they differ by at most a
    /// quarter of it.
    pub async fn follow(&self, db: Db, shutdown: Shutdown) {
        let follow = async {
            loop {
                tokio::time::sleep(ASK_EVERY).await;
                match ask(&db).await {
                    Ok(Some(told)) if told.took <= LONGEST_ASK => self.lock().told = Some(told),
                    Ok(Some(_)) => tracing::debug!("The database told the time too late"),
                    // SQLite has no server: the machine's clock is used.
                    Ok(None) => std::future::pending().await,
                    // The clock continues by itself.
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
        // Read the time behind the lock, so that readings are in the order of the answers.
        let read_at = since_boot();
        let time_of_day = slewed.told.map_or_else(time_of_day, |told| told.time_at(read_at));
        UnixMillis(slewed.advance(read_at, time_of_day).div_euclid(NANOS_PER_MILLI))
    }
}

/// The interval between two questions to the server.
const ASK_EVERY: Duration = Duration::from_secs(10);
/// An answer that took longer is ignored, because it may be wrong by half of that. The first answer is used
/// in any case.
const LONGEST_ASK: Duration = Duration::from_millis(500);

/// An answer of the server.
#[derive(Debug, Clone, Copy)]
struct Told {
    /// The time since boot at the answer: see [`since_boot`].
    at: Duration,
    /// The time told, in nanoseconds since the Unix epoch.
    time: i64,
    /// The duration of the call.
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
/// The divisor of the elapsed time that gives the largest correction: a quarter.
const SLEW: i64 = 4;
/// A difference from which the clock jumps.
const STEP_NANOS: i64 = 24 * 3_600 * NANOS_PER_SEC;

#[derive(Debug)]
struct Slewed {
    /// The time since boot of the last reading: see [`since_boot`].
    read_at: Duration,
    /// The result of the last reading, in nanoseconds since the Unix epoch.
    time: i64,
    /// The last answer of the database's server, if it has one.
    told: Option<Told>,
    /// True while the clock is more than a second away from the time of day.
    has_jumped: bool,
}

impl Slewed {
    /// Returns the time at an instant at which it should be `time_of_day`.
    fn advance(&mut self, read_at: Duration, time_of_day: i64) -> i64 {
        let elapsed = nanos(read_at.saturating_sub(self.read_at));
        self.read_at = read_at;
        self.time = self.time.saturating_add(elapsed);
        let away = time_of_day.saturating_sub(self.time);
        self.tell(away);
        let most = elapsed / SLEW;
        let jumps = away.saturating_abs() >= STEP_NANOS;
        let correction = if jumps { away } else { away.clamp(-most, most) };
        self.time = self.time.saturating_add(correction);
        self.time
    }

    /// Logs the beginning and the end of a correction of more than a second, once each.
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

/// Returns the time since the machine was started, including suspension, because other machines go on
/// meanwhile. Never goes back.
#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::try_from(time).unwrap_or_default()
}

/// Returns the time since the first call. It may not include suspension.
#[cfg(not(target_os = "linux"))]
fn since_boot() -> Duration {
    static FIRST: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    FIRST.elapsed()
}

/// Returns nanoseconds since the Unix epoch, by the machine.
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
        // The machine's own time is some fifty years later, and is not used.
        assert!((1_000_000_000..1_000_060_000).contains(&clock.now().0));
    }

    #[tokio::test]
    async fn a_server_is_asked_where_there_is_one() {
        for engine in postly_testkit::EngineName::ALL {
            let database = postly_testkit::Database::fleeting(engine).await;
            let clock = SystemClock::of(&database.db).await.unwrap();
            let is_told = clock.lock().told.is_some();
            assert_eq!(is_told, engine == postly_testkit::EngineName::Postgres);
            // The server runs on this machine and has its clock.
            let apart = time_of_day().div_euclid(NANOS_PER_MILLI) - clock.now().0;
            assert!(apart.abs() < 60_000, "{apart} ms");
            database.db.close().await;
            database.drop().await;
        }
    }

    proptest::proptest! {
        #[test]
        fn it_never_goes_back(
            // Less than half a day wrong, so that no two readings differ by a day.
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
