//! Where the time comes from.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use postly_domain::UnixMillis;

/// A clock. One per application, so that everything in it agrees on the time.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> UnixMillis;
}

/// The clock of the machine, without its jumps.
///
/// Leases and waits are kept in a database as times of day, so a jump would end them early or draw them out. This clock runs
/// by the machine's monotonic one, and follows the time of day by running a quarter faster or slower until it has caught up:
/// a lease of 60 s lasts 48 s at least. It never goes back. Only what is a day away or more is jumped to: a machine that
/// was started without the time.
#[derive(Debug)]
pub struct SystemClock(Mutex<Slewed>);

impl SystemClock {
    /// A clock that is right when it is made.
    pub fn new() -> Self {
        Self(Mutex::new(Slewed { read_at: Instant::now(), time: time_of_day(), apart: false }))
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> UnixMillis {
        let mut slewed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Read while it is locked: in the order in which it is told.
        let read_at = Instant::now();
        let elapsed = read_at.saturating_duration_since(slewed.read_at);
        slewed.read_at = read_at;
        UnixMillis(slewed.advance(elapsed, time_of_day()).div_euclid(NANOS_PER_MILLI))
    }
}

const NANOS_PER_MILLI: i64 = 1_000_000;
const NANOS_PER_SEC: i64 = 1_000_000_000;
/// What is corrected in a second at most: a quarter of it.
const SLEW: i64 = 4;
/// From how far away the time of day is jumped to.
const STEP_NANOS: i64 = 24 * 3_600 * NANOS_PER_SEC;

#[derive(Debug)]
struct Slewed {
    /// When it was last asked, by the monotonic clock.
    read_at: Instant,
    /// What it said then, in nanoseconds since the Unix epoch.
    time: i64,
    /// Whether it is being led back to the time of day from more than a second away.
    apart: bool,
}

impl Slewed {
    /// The time when so much has passed, and the machine says that it is `time_of_day`.
    fn advance(&mut self, elapsed: Duration, time_of_day: i64) -> i64 {
        let elapsed = i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX);
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
        let apart = away.saturating_abs() > NANOS_PER_SEC;
        match (std::mem::replace(&mut self.apart, apart), apart) {
            (false, true) => tracing::warn!(
                seconds = away / NANOS_PER_SEC,
                "The machine's clock has jumped; following it slowly, so that what waits is neither hurried nor held up"
            ),
            (true, false) => tracing::info!("The machine's clock is followed again"),
            _ => {}
        }
    }
}

/// Nanoseconds since the Unix epoch, by the machine.
#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine for the time")]
fn time_of_day() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_800_000_000 * NANOS_PER_SEC;

    fn slewed() -> Slewed {
        Slewed { read_at: Instant::now(), time: START, apart: false }
    }

    #[test]
    fn a_jump_hurries_nothing_by_more_than_a_quarter_and_is_caught_up_with() {
        for jump in [1_800, 45, 5, -5, -120, -7_200] {
            let (mut clock, jump) = (slewed(), jump * NANOS_PER_SEC);
            let mut before = START;
            let mut caught_up_after = None;
            for step in 1..=4 * 7_200 + 1 {
                let passed = step * NANOS_PER_SEC;
                let now = clock.advance(Duration::from_secs(1), START + passed + jump);
                let ran = now - before;
                assert!((NANOS_PER_SEC * 3 / 4..=NANOS_PER_SEC * 5 / 4).contains(&ran), "{ran}");
                before = now;
                if now == START + passed + jump {
                    caught_up_after.get_or_insert(passed);
                }
            }
            assert_eq!(caught_up_after, Some(jump.abs() * 4), "jump of {jump}");
            assert!(!clock.apart);
        }
    }

    #[test]
    fn a_machine_that_learns_the_time_late_is_believed_at_once() {
        let mut clock = Slewed { time: 0, ..slewed() };
        assert_eq!(clock.advance(Duration::from_millis(1), START), START);
    }

    proptest::proptest! {
        #[test]
        fn it_never_goes_back(
            // Less than half a day wrong, so that no two readings are a day apart.
            readings in proptest::collection::vec((0_u64..10_000_000_000, -40_000_i64..40_000), 1..200)
        ) {
            let (mut clock, mut before, mut passed) = (slewed(), START, 0);
            for (elapsed, wrong_s) in readings {
                passed += i64::try_from(elapsed).unwrap();
                let now = clock.advance(Duration::from_nanos(elapsed), START + passed + wrong_s * NANOS_PER_SEC);
                proptest::prop_assert!(now >= before);
                before = now;
            }
        }
    }
}
