//! New identifiers: UUIDs of version 7. Their time is that of the application's clock, on which all processes
//! of a database agree. The ids of one process are in the order of their creation, because that clock never
//! goes back, except by a day or more.

use std::sync::{
    LazyLock,
    atomic::{AtomicU64, Ordering},
};

use postly_domain::{
    UnixMillis,
    id::{
        AttemptId, AuthorId, ChallengeId, EntryId, EventId, GenerationId, HoldId, IdentityId, LeaseToken,
        MessageId, SessionId, TokenId,
    },
};
use uuid::ClockSequence;

/// An identifier that can be created.
pub(crate) trait Fresh {
    /// Returns a new identifier, greater than every earlier one of this process for the same time or before.
    fn fresh(now: UnixMillis) -> Self;
}

/// Orders the ids of one millisecond. It starts at a random value, so that two processes hardly ever use the
/// same.
struct Counter(AtomicU64);

static COUNTER: LazyLock<Counter> =
    LazyLock::new(|| Counter(AtomicU64::new(u64::from(dice()) << (COUNTED_BITS - 1 - u32::BITS))));
/// RFC 9562, 6.2: a counter of 42 bits, followed by 32 random bits. It does not wrap around within a
/// millisecond.
const COUNTED_BITS: u32 = 42;

impl ClockSequence for Counter {
    type Output = u64;

    fn generate_sequence(&self, _secs: u64, _nanos: u32) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) % (1 << COUNTED_BITS)
    }

    fn usable_bits(&self) -> usize {
        COUNTED_BITS as usize
    }
}

macro_rules! fresh {
    ($($id:ident)*) => {$(
        impl Fresh for $id {
            fn fresh(now: UnixMillis) -> Self { Self::new(fresh_text(now)) }
        }
    )*};
}

fresh!(AttemptId AuthorId ChallengeId EntryId EventId GenerationId HoldId IdentityId LeaseToken MessageId SessionId TokenId);

/// Returns the time of creation of an identifier, if it is one of ours.
pub(crate) fn made_at(id: &str) -> Option<UnixMillis> {
    let time = uuid::Uuid::try_parse(id).ok()?.get_timestamp()?;
    let (secs, nanos) = time.to_unix();
    Some(UnixMillis(i64::try_from(secs).ok()? * 1_000 + i64::from(nanos / 1_000_000)))
}

/// Returns a new identifier for a row that has no id type of its own.
pub(crate) fn fresh_text(now: UnixMillis) -> String {
    let (secs, millis) = (now.0.div_euclid(1_000), now.0.rem_euclid(1_000));
    let secs = u64::try_from(secs).unwrap_or(0);
    let nanos = u32::try_from(millis * 1_000_000).unwrap_or(0);
    uuid::Uuid::new_v7(uuid::Timestamp::from_unix(&*COUNTER, secs, nanos)).to_string()
}

/// Returns a random number for jitter; not for secrets.
pub(crate) fn dice() -> u32 {
    u32::from_le_bytes(*uuid::Uuid::new_v4().as_bytes().first_chunk().unwrap_or(&[0; 4]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_tell_the_time_of_the_application_and_the_order_within_it() {
        let now = UnixMillis(1_800_000_000_123);
        let made: Vec<_> = (0..1_000).map(|count| MessageId::fresh(now.plus_ms(count / 100))).collect();
        let time = uuid::Uuid::parse_str(made[0].as_str()).unwrap().get_timestamp().unwrap().to_unix();
        assert_eq!(time, (1_800_000_000, 123_000_000));
        assert!(made.is_sorted_by(|one, next| one.as_str() < next.as_str()));
    }
}
