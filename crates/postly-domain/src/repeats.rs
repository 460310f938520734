//! Two machines that answer each other: one is ours, and stops.
//!
//! A machine says the same again as soon as it is answered. So does a person, now and then; what tells them apart is that it
//! goes on. Only what is answered for free counts, and no command: whoever asks for her balance ten times is told it, and
//! posts end with the credits.

use std::{fmt, str::FromStr};

use crate::UnixMillis;

/// How often in a row the same is answered (RULES 4.7: five turns within two minutes).
pub const MOST_REPEATS: u32 = 5;
/// After this long without it, the same is answered again.
const QUIET_MS: i64 = 120_000;

/// Whoever answers us has read what we wrote: what was written sooner after it was on its way already.
const READING_MS: i64 = 1_000;

/// What somebody said last that was answered for free, and how often in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoopGuard {
    /// How often as an answer to ours, the first time included.
    pub times: u32,
    /// When it was answered last.
    pub at: UnixMillis,
    /// A hash of it.
    pub hash: String,
}

/// What a turn deserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoopVerdict {
    /// Its answer.
    Answer,
    /// A word that there will be no more.
    Warn,
    /// Nothing.
    Silence,
}

impl LoopGuard {
    /// Counts what was written at one instant and is to be answered at another.
    #[must_use]
    pub fn observe(
        before: Option<&Self>,
        hash: String,
        written: UnixMillis,
        now: UnixMillis,
    ) -> (Self, LoopVerdict) {
        let Some(before) = before.filter(|before| before.hash == hash && now.since_ms(before.at) < QUIET_MS)
        else {
            return (Self { times: 1, at: now, hash }, LoopVerdict::Answer);
        };
        let answers_us = written.since_ms(before.at) >= READING_MS;
        let times = before.times.saturating_add(u32::from(answers_us));
        let turn = match times {
            0..=MOST_REPEATS => LoopVerdict::Answer,
            _ if before.times == MOST_REPEATS => LoopVerdict::Warn,
            _ => LoopVerdict::Silence,
        };
        (Self { times, at: now, hash }, turn)
    }
}

impl fmt::Display for LoopGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.times, self.at.0, self.hash)
    }
}

impl FromStr for LoopGuard {
    type Err = ();

    /// Reads what [`Display`](fmt::Display) has written.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (times, rest) = text.split_once(':').ok_or(())?;
        let (at, hash) = rest.split_once(':').ok_or(())?;
        let times = times.parse().map_err(|_| ())?;
        Ok(Self { times, at: UnixMillis(at.parse().map_err(|_| ())?), hash: hash.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l20_the_same_again_counts_until_something_else_or_a_pause_comes_between() {
        let said = |before: Option<&LoopGuard>, hash: &str, at| {
            LoopGuard::observe(before, hash.to_owned(), UnixMillis(at), UnixMillis(at))
        };
        let (once, _) = said(None, "a", 0);
        let (twice, _) = said(Some(&once), "a", QUIET_MS - 1);
        assert_eq!((once.times, twice.times), (1, 2));
        assert_eq!(said(Some(&twice), "a", 2 * QUIET_MS - 1).0.times, 1);
        assert_eq!(said(Some(&twice), "b", QUIET_MS).0.times, 1);
        let (mut last, mut turns) = (None, vec![]);
        for second in 0..8 {
            let (next, turn) = said(last.as_ref(), "a", second * 1_000);
            turns.push(turn);
            last = Some(next);
        }
        assert_eq!(turns[..5], [LoopVerdict::Answer; 5]);
        assert_eq!(turns[5..], [LoopVerdict::Warn, LoopVerdict::Silence, LoopVerdict::Silence]);
        // Fifty at once answer nobody.
        let mut last = twice.clone();
        for _ in 0..50 {
            let (next, turn) =
                LoopGuard::observe(Some(&last), "a".to_owned(), UnixMillis(QUIET_MS), UnixMillis(QUIET_MS));
            assert_eq!(turn, LoopVerdict::Answer);
            last = next;
        }
        assert_eq!(twice.to_string().parse(), Ok(twice));
        assert_eq!("3:x:a".parse::<LoopGuard>(), Err(()));
    }
}
