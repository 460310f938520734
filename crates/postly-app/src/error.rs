//! How a journey can fail.

use std::sync::Arc;

use postly_store::StoreError;

/// Why a journey did not come to its end. The event or message stays where it is and is tried again, a bounded
/// number of times.
#[derive(Debug, thiserror::Error)]
pub enum JourneyError {
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// The database failed, for several at once.
    #[error("the database failed")]
    Together(#[from] Arc<StoreError>),
    /// The stored slice of an event cannot be read: it was readable when it was stored, so this is a bug.
    #[error("a stored event cannot be read")]
    Unreadable(#[from] postly_whatsapp::UnderstandError),
    /// The system's random generator failed.
    #[error(transparent)]
    Randomness(#[from] crate::seal::NoRandomness),
    /// A row that must be there is not: a bug, or somebody else's hand in the data.
    #[error("{0} is missing")]
    Missing(&'static str),
}

impl JourneyError {
    /// What the database said, if it was the database.
    pub(crate) fn of_store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::Together(error) => Some(error),
            Self::Unreadable(_) | Self::Randomness(_) | Self::Missing(_) => None,
        }
    }

    /// Whether somebody else has taken over: there is nothing to do and nothing to report.
    pub(crate) fn is_lease_lost(&self) -> bool {
        matches!(self.of_store(), Some(StoreError::LeaseLost))
    }
}
