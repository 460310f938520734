//! How a journey can fail.

use std::sync::Arc;

use postly_store::StoreError;

/// Why a journey did not come to its end. The event or message stays where it is and is tried again, a bounded
/// number of times.
#[derive(Debug, thiserror::Error)]
pub enum JourneyError {
    /// The database failed; several journeys may share the reason.
    #[error("the database failed")]
    Store(#[from] Arc<StoreError>),
    /// The stored slice of an event cannot be read: it was readable when it was stored, so this is a bug.
    #[error("a stored event cannot be read")]
    Unreadable(#[from] postly_whatsapp::ParseEventError),
    /// The system's random generator failed.
    #[error(transparent)]
    Randomness(#[from] crate::seal::NoRandomness),
    /// What was to be written down together with others was not, for a reason of theirs.
    #[error("nobody wrote it down")]
    BatchLost,
    /// A row that must be there is not: a bug, or somebody else's hand in the data.
    #[error("{0} is missing")]
    Missing(&'static str),
}

impl JourneyError {
    /// Whether the same work may succeed later without anybody's help.
    pub(crate) fn is_temporary(&self) -> bool {
        match self {
            Self::Store(error) => error.is_temporary(),
            Self::BatchLost => true,
            Self::Unreadable(_) | Self::Randomness(_) | Self::Missing(_) => false,
        }
    }

    /// Whether somebody else has taken over: there is nothing to do and nothing to report.
    pub(crate) fn is_lease_lost(&self) -> bool {
        matches!(self, Self::Store(error) if matches!(**error, StoreError::LeaseLost))
    }
}

impl From<StoreError> for JourneyError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}
