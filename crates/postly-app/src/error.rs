//! The error of the handling of events and messages.

use std::sync::Arc;

use postly_store::StoreError;

/// The reason why an event or message could not be handled. It stays in its queue and is retried a bounded
/// number of times.
#[derive(Debug, thiserror::Error)]
pub enum JourneyError {
    /// The database failed; the items of a batch share the error.
    #[error("the database failed")]
    Store(#[from] Arc<StoreError>),
    /// The stored slice of an event cannot be read: it was readable when it was stored, so this is a bug.
    #[error("a stored event cannot be read")]
    Unreadable(#[from] postly_whatsapp::ParseEventError),
    /// The system's random generator failed.
    #[error(transparent)]
    Randomness(#[from] crate::seal::NoRandomness),
    /// A batched write ended without an outcome, because of the rest of the batch.
    #[error("nobody wrote it down")]
    BatchLost,
    /// A required row is missing: a bug, or a change of the data from outside.
    #[error("{0} is missing")]
    Missing(&'static str),
}

impl JourneyError {
    /// True if the same work may succeed later without intervention.
    pub(crate) fn is_temporary(&self) -> bool {
        match self {
            Self::Store(error) => error.is_temporary(),
            Self::BatchLost => true,
            Self::Unreadable(_) | Self::Randomness(_) | Self::Missing(_) => false,
        }
    }

    /// True if another worker has taken over the lane: there is nothing left to do or to report.
    pub(crate) fn is_lease_lost(&self) -> bool {
        matches!(self, Self::Store(error) if matches!(**error, StoreError::LeaseLost))
    }
}

impl From<StoreError> for JourneyError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}
