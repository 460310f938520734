//! What providers took: known to this process until it is written down, and written down together.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use postly_domain::id::MessageId;
use postly_store::{
    StoreError, Tx,
    attempts::{self, AcceptedAttempt},
};

use crate::{
    App, JourneyError,
    batcher::{BatchWrite, Batcher, QueueFull},
    deliver::PlannedSend,
};

/// Messages that a provider took, as only this process knows until the database lets it be written down.
#[derive(Default)]
pub(crate) struct UnpersistedAcceptances(Mutex<HashSet<MessageId>>);

impl UnpersistedAcceptances {
    /// Knows a message until what is returned is dropped.
    pub(crate) fn keep(&self, message: &MessageId) -> UnpersistedGuard<'_> {
        self.messages().insert(message.clone());
        UnpersistedGuard { unpersisted: self, message: message.clone() }
    }

    pub(crate) fn holds(&self, message: &MessageId) -> bool {
        self.messages().contains(message)
    }

    fn messages(&self) -> MutexGuard<'_, HashSet<MessageId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`UnpersistedAcceptances::keep`].
pub(crate) struct UnpersistedGuard<'a> {
    unpersisted: &'a UnpersistedAcceptances,
    message: MessageId,
}

impl Drop for UnpersistedGuard<'_> {
    fn drop(&mut self) {
        self.unpersisted.messages().remove(&self.message);
    }
}

/// What a provider took, to be written down.
pub(crate) struct AcceptedSend {
    planned: Arc<PlannedSend>,
    provider_message_id: String,
}

impl BatchWrite for AcceptedSend {
    /// Whether the message has ended by it. Else it is to be judged by itself.
    type Outcome = bool;
    const MAX_BATCH: usize = 64;
    const MAX_BATCH_BYTES: usize = 64 * 1024;
    /// More than all whose lanes are leased at once ever have.
    const MAX_PENDING_BYTES: usize = 1024 * 1024;

    fn batcher(app: &App) -> &Batcher<Self> {
        &app.0.acceptances
    }

    fn bytes(&self) -> usize {
        // The message itself is there in any case.
        self.provider_message_id.len() + size_of::<Self>()
    }

    async fn write(app: &App, acceptances: &[&Self]) -> Result<Vec<bool>, StoreError> {
        let tx = app.0.db.write().await?;
        app.accept(tx, acceptances).await
    }
}

impl AcceptedSend {
    fn as_attempt(&self) -> AcceptedAttempt<'_> {
        AcceptedAttempt {
            claimed: &self.planned.claimed,
            message: &self.planned.message.id,
            attempt: &self.planned.attempt,
            provider_message_id: &self.provider_message_id,
        }
    }
}

impl App {
    /// Writes down that providers took these messages; says whether each has ended by it.
    async fn accept(&self, mut tx: Tx, acceptances: &[&AcceptedSend]) -> Result<Vec<bool>, StoreError> {
        let taken: Vec<AcceptedAttempt<'_>> =
            acceptances.iter().map(|acceptance| acceptance.as_attempt()).collect();
        let accepted = attempts::accept(&mut tx, &taken, self.now()).await?;
        self.commit_and_wake(tx, accepted.more).await?;
        Ok(accepted.ended)
    }

    /// Writes down that a provider took a message, with others that were taken meanwhile.
    pub(crate) async fn record_accepted(
        &self,
        planned: &Arc<PlannedSend>,
        provider_message_id: &str,
    ) -> Result<(), JourneyError> {
        let acceptance = || AcceptedSend {
            planned: Arc::clone(planned),
            provider_message_id: provider_message_id.to_owned(),
        };
        let told =
            self.0.acceptances.enqueue(self, acceptance()).map_err(|QueueFull| JourneyError::BatchLost)?;
        if told.await.map_err(|_| JourneyError::BatchLost)?? {
            return Ok(());
        }
        // By itself, where it waits for whoever was in the way; and whatever follows from it, that it was taken stands.
        let tx = self.begin_locked(&planned.message).await?;
        if self.accept(tx, &[&acceptance()]).await? == [true] {
            return Ok(());
        }
        let mut tx = self.begin_locked(&planned.message).await?;
        let more = self.resolve_unclear(&mut tx, planned).await?;
        Ok(self.commit_and_wake(tx, more).await?)
    }
}
