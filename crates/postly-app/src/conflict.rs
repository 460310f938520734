//! Retries of a transaction that failed by a conflict with another one.

use std::time::Duration;

use postly_store::StoreError;

use crate::ids::dice;

/// The most tries of a transaction: the conflicting transactions have ended by then.
const TRIES: u32 = 4;
/// The longest pause before the second try; it doubles with each further one.
const PAUSE_MS: u32 = 20;

/// Counts the tries of work that begins and ends a transaction of its own.
#[derive(Debug, Default)]
pub(crate) struct ConflictRetries(u32);

impl ConflictRetries {
    /// Returns true if the work must be retried: the database reports a conflict (a deadlock, a serialization
    /// failure, or a referenced row that was deleted), and tries are left.
    pub(crate) fn should_retry(&mut self, error: &impl MetOtherWork) -> bool {
        self.0 += 1;
        let may = self.0 < TRIES && error.is_conflict();
        if may {
            tracing::debug!(tries = self.0, "Met other work; trying again");
        }
        may
    }

    /// Waits with jitter, so that two conflicting transactions do not conflict again.
    pub(crate) async fn pause(&self) {
        let pause = dice() % (PAUSE_MS << self.0.min(TRIES));
        tokio::time::sleep(Duration::from_millis(pause.into())).await;
    }
}

/// An error that tells if the database aborted the transaction because of a conflict.
pub(crate) trait MetOtherWork {
    fn is_conflict(&self) -> bool;
}

impl MetOtherWork for StoreError {
    fn is_conflict(&self) -> bool {
        Self::is_conflict(self)
    }
}

/// For errors with a variant `Store` that holds a [`StoreError`].
macro_rules! is_conflict {
    ($($error:ty),*) => {$(
        impl MetOtherWork for $error {
            fn is_conflict(&self) -> bool {
                matches!(self, Self::Store(error) if StoreError::is_conflict(error))
            }
        }
    )*};
}
is_conflict!(
    crate::brand::BrandChangeError,
    crate::JourneyError,
    crate::HandoffError,
    crate::accounts::AccountError,
    crate::admin::AdminLoginError,
    crate::codes::CodeRequestError,
    crate::operator::OperatorError,
    crate::payments::CheckoutError,
    crate::payments::RefundPaymentError,
    crate::verify::VerifyError,
    crate::web_generation::WebGenerationError
);

/// Runs work that begins and ends a transaction of its own, and retries it after a conflict. The expression
/// is evaluated anew for each try.
macro_rules! again {
    ($work:expr) => {{
        let mut tries = $crate::conflict::ConflictRetries::default();
        loop {
            match $work.await {
                Err(error) if tries.should_retry(&error) => tries.pause().await,
                done => break done,
            }
        }
    }};
}
pub(crate) use again;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_met_no_other_work_is_tried_once_and_what_did_no_more_often_than_four_times() {
        let mut tries = 0;
        let mut fail = async |error: fn() -> StoreError| {
            tries += 1;
            Err::<(), _>(error())
        };
        again!(fail(|| StoreError::LeaseLost)).unwrap_err();
        assert_eq!(tries, 1);
        tries = 0;
        let mut fail = async |error: fn() -> StoreError| {
            tries += 1;
            Err::<(), _>(error())
        };
        again!(fail(|| StoreError::OwnerChanged)).unwrap_err();
        assert_eq!(tries, TRIES);
    }
}
