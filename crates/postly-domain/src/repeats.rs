//! Loop detection: stops our answers when another machine keeps answering them.
//!
//! A machine repeats its text as soon as it gets an answer. A person sometimes does so, too, but does not
//! continue. Only free answers count, and no commands: a balance may be asked for ten times, and posts end
//! with the credits.

use std::{fmt, str::FromStr};

use crate::UnixMillis;

/// The number of equal answers in a row (RULES 4.7: five turns within two minutes).
pub const MOST_REPEATS: u32 = 5;
/// After this long without a repeat, the same text is answered again.
const QUIET_MS: i64 = 120_000;

/// An answer to our message takes at least this long. A message written sooner was already on its way.
const READING_MS: i64 = 1_000;

/// The last text of an author that got a free answer, and the number of repeats in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoopGuard {
    /// The number of times it came as an answer to ours, including the first.
    pub times: u32,
    /// The time of the last answer to it.
    pub at: UnixMillis,
    /// A hash of the text.
    pub hash: String,
}

/// The treatment of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoopVerdict {
    /// It is answered.
    Answer,
    /// The author is told that no more answers follow.
    Warn,
    /// It gets no answer.
    Silence,
}

impl LoopGuard {
    /// Counts a message that was written at `written` and is answered at `now`.
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

    /// Parses the output of [`Display`](fmt::Display).
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
        // Fifty messages written at the same time are no answers to ours.
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
