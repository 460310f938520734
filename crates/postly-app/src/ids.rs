//! New identifiers: UUIDs of version 7, whose order is the order in which one process made them.

use postly_domain::id::{
    AttemptId, AuthorId, ChallengeId, EntryId, EventId, GenerationId, HoldId, IdentityId, LeaseToken,
    MessageId, SessionId,
};

/// An identifier that can be made.
pub(crate) trait Fresh {
    /// A new one, greater than every earlier one of this process.
    fn fresh() -> Self;
}

macro_rules! fresh {
    ($($id:ident)*) => {$(
        impl Fresh for $id {
            fn fresh() -> Self { Self::new(uuid::Uuid::now_v7().to_string()) }
        }
    )*};
}

fresh!(AttemptId AuthorId ChallengeId EntryId EventId GenerationId HoldId IdentityId LeaseToken MessageId SessionId);

/// A new identifier of something that has no type of its own.
pub(crate) fn fresh_text() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// A random number, for jitter: nothing secret hangs on it.
pub(crate) fn dice() -> u32 {
    u32::from_le_bytes(*uuid::Uuid::new_v4().as_bytes().first_chunk().unwrap_or(&[0; 4]))
}
