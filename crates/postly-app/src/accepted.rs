//! Records that a provider accepted a message. Concurrent acceptances are written in one batch; until the
//! commit, only this process knows of them.

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
    Deliveries, JourneyError,
    batcher::{BatchWrite, Batcher, QueueFull},
    deliver::PlannedSend,
};

/// Messages that a provider has accepted, until their acceptance is committed.
#[derive(Default)]
pub(crate) struct UnpersistedAcceptances(Mutex<HashSet<MessageId>>);

impl UnpersistedAcceptances {
    /// Marks a message as accepted until the returned guard is dropped.
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

/// A message that a provider has accepted, for the batch.
pub(crate) struct AcceptedSend {
    planned: Arc<PlannedSend>,
    provider_message_id: String,
}

impl BatchWrite for AcceptedSend {
    type Service = Deliveries;
    /// True if the message has ended by it. If false, the caller must handle the acceptance in a transaction
    /// of its own.
    type Outcome = bool;
    const MAX_BATCH: usize = 64;
    const MAX_BATCH_BYTES: usize = 64 * 1024;
    /// Exceeds the total of all messages in leased lanes.
    const MAX_PENDING_BYTES: usize = 1024 * 1024;

    fn batcher(service: &Deliveries) -> &Batcher<Self> {
        &service.acceptances
    }

    fn bytes(&self) -> usize {
        // The planned send is held in memory anyway.
        self.provider_message_id.len() + size_of::<Self>()
    }

    async fn write(service: &Deliveries, acceptances: &[&Self]) -> Result<Vec<bool>, StoreError> {
        let tx = service.core.db.write().await?;
        service.accept(tx, acceptances).await
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

impl Deliveries {
    /// Records that providers accepted these messages. Returns for each if it has ended by it.
    async fn accept(&self, mut tx: Tx, acceptances: &[&AcceptedSend]) -> Result<Vec<bool>, StoreError> {
        let taken: Vec<AcceptedAttempt<'_>> =
            acceptances.iter().map(|acceptance| acceptance.as_attempt()).collect();
        let accepted = attempts::accept(&mut tx, &taken, self.core.now()).await?;
        let messages = acceptances.iter().map(|acceptance| &acceptance.planned.message);
        self.commit_and_wake(tx, accepted.more, messages).await?;
        Ok(accepted.ended)
    }

    /// Records that a provider accepted a message, batched with other acceptances.
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
            self.acceptances.enqueue(self, acceptance()).map_err(|QueueFull| JourneyError::BatchLost)?;
        if told.await.map_err(|_| JourneyError::BatchLost)?? {
            return Ok(());
        }
        // The batch could not end it: use a transaction that waits for the lock of the message. The
        // acceptance holds, no matter how the message ends.
        let tx = self.begin_locked(&planned.message).await?;
        if self.accept(tx, &[&acceptance()]).await? == [true] {
            return Ok(());
        }
        let mut tx = self.begin_locked(&planned.message).await?;
        let more = self.resolve_unclear(&mut tx, planned).await?;
        Ok(self.commit_and_wake(tx, more, [&planned.message]).await?)
    }
}
