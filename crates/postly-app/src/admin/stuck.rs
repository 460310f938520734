//! Dead letters, and work that waits for too long.

use postly_domain::UnixMillis;
use postly_store::{
    StoreError,
    dead_letters::{self, DeadLetter},
    lanes::Queue,
    monitor,
    pauses::{self, OperatorPauses},
};

use crate::Admin;

/// The most rows listed of a kind.
const MOST: i64 = 100;
/// Work is listed after waiting this long; a retry takes some time.
const OLD_MS: i64 = 60_000;

/// Work that waits.
#[derive(Debug, Clone)]
pub struct WaitingItem {
    /// The queue.
    pub queue: Queue,
    /// The id of the event or message.
    pub id: String,
}

/// Work that needs an operator, or may need one.
#[derive(Debug, Clone)]
pub struct Stuck {
    /// Given up, newest first.
    pub dead_letters: Vec<DeadLetter>,
    /// Waiting for more than a minute, oldest first in each queue.
    pub waiting: Vec<WaitingItem>,
}

impl Admin {
    /// Lists dead letters and work that waits for more than a minute, at most a hundred of each kind.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn stuck(&self) -> Result<Stuck, StoreError> {
        let before: UnixMillis = self.core.now().plus_ms(-OLD_MS);
        let mut tx = self.core.db.read().await?;
        let mut waiting = vec![];
        for queue in [Queue::Inbox, Queue::Status, Queue::Outbox] {
            let ids = monitor::oldest(&mut tx, queue, before, MOST).await?;
            waiting.extend(ids.into_iter().map(|id| WaitingItem { queue, id }));
        }
        Ok(Stuck { dead_letters: dead_letters::list(&mut tx, MOST).await?, waiting })
    }

    /// Returns the pauses of the operator.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn operator_pauses(&self) -> Result<OperatorPauses, StoreError> {
        pauses::all(&mut self.core.db.read().await?).await
    }
}
