//! What providers took: known to this process until it is written down, and written down together.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use postly_domain::id::MessageId;
use postly_store::{
    StoreError, Tx,
    attempts::{self, Taken},
};

use crate::{
    App, JourneyError,
    deliver::Departure,
    line::{Full, Line, Together},
};

/// Messages that a provider took, as only this process knows until the database lets it be written down.
#[derive(Default)]
pub(crate) struct Unwritten(Mutex<HashSet<MessageId>>);

impl Unwritten {
    /// Knows a message until what is returned is dropped.
    pub(crate) fn keep(&self, message: &MessageId) -> Kept<'_> {
        self.messages().insert(message.clone());
        Kept { unwritten: self, message: message.clone() }
    }

    pub(crate) fn holds(&self, message: &MessageId) -> bool {
        self.messages().contains(message)
    }

    fn messages(&self) -> MutexGuard<'_, HashSet<MessageId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Unwritten::keep`].
pub(crate) struct Kept<'a> {
    unwritten: &'a Unwritten,
    message: MessageId,
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        self.unwritten.messages().remove(&self.message);
    }
}

/// What a provider took, to be written down.
pub(crate) struct Acceptance {
    departure: Arc<Departure>,
    provider_message_id: String,
}

impl Together for Acceptance {
    /// Whether the message has ended by it. Else it is to be judged by itself.
    type Outcome = bool;
    const LARGEST_BATCH: usize = 64;
    const LARGEST_BATCH_BYTES: usize = 64 * 1024;
    /// More than all whose lanes are leased at once ever have.
    const MOST_WAITING_BYTES: usize = 1024 * 1024;

    fn line(app: &App) -> &Line<Self> {
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

impl Acceptance {
    fn as_taken(&self) -> Taken<'_> {
        Taken {
            claimed: &self.departure.claimed,
            message: &self.departure.message.id,
            attempt: &self.departure.attempt,
            provider_message_id: &self.provider_message_id,
        }
    }
}

impl App {
    /// Writes down that providers took these messages; says whether each has ended by it.
    async fn accept(&self, mut tx: Tx, acceptances: &[&Acceptance]) -> Result<Vec<bool>, StoreError> {
        let taken: Vec<Taken<'_>> = acceptances.iter().map(|acceptance| acceptance.as_taken()).collect();
        let accepted = attempts::accept(&mut tx, &taken, self.now()).await?;
        self.recorded(tx, accepted.more).await?;
        Ok(accepted.ended)
    }

    /// Writes down that a provider took a message, with others that were taken meanwhile.
    pub(crate) async fn record_accepted(
        &self,
        departure: &Arc<Departure>,
        provider_message_id: &str,
    ) -> Result<(), JourneyError> {
        let acceptance = || Acceptance {
            departure: Arc::clone(departure),
            provider_message_id: provider_message_id.to_owned(),
        };
        let told = self.0.acceptances.join(self, acceptance()).map_err(|Full| JourneyError::Unwritten)?;
        if told.await.map_err(|_| JourneyError::Unwritten)?? {
            return Ok(());
        }
        // By itself, where it waits for whoever was in the way; and whatever follows from it, that it was taken stands.
        let tx = self.open(&departure.message).await?;
        if self.accept(tx, &[&acceptance()]).await? == [true] {
            return Ok(());
        }
        let mut tx = self.open(&departure.message).await?;
        let more = self.judge(&mut tx, departure).await?;
        Ok(self.recorded(tx, more).await?)
    }
}
