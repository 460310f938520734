//! Requests of authors for a person: the operator lists, answers and closes them.

use postly_domain::{UnixMillis, delivery::Form, id::MessageId, time::SERVICE_WINDOW_SECS};
use postly_store::{
    StoreError, authors,
    handoffs::{self, Handoff},
    identities::{self, Identity},
    lanes,
    outbox::{self, NewMessage},
};
use postly_whatsapp::split::split_reply;

use crate::{
    Operator,
    conflict::again,
    ids::{Fresh as _, fresh_text},
};

/// The most requests listed: more than one operator answers in a day.
const MOST_LISTED: i64 = 1_000;

/// The reason why an answer was not queued.
#[derive(Debug, thiserror::Error)]
pub enum HandoffError {
    /// No open request has this id.
    #[error("no open request for a person has this id: see `postly handoffs list`")]
    Unknown,
    /// The text is empty.
    #[error("the text is empty: write what the author shall read")]
    Empty,
    /// The author's last message is more than 24 hours old.
    #[error(
        "the author wrote more than 24 hours ago: WhatsApp takes no free text until the author writes again"
    )]
    WindowClosed,
    /// The author has sent STOP, or no longer uses that address.
    #[error("the author said STOP, or has another number now: no message may be sent")]
    Unreachable,
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
}

/// Returns the time until which the author of a request can be answered.
pub fn answerable_until(handoff: &Handoff) -> UnixMillis {
    handoff.written_at.plus_secs(SERVICE_WINDOW_SECS)
}

impl Operator {
    /// Returns the open requests for a person, oldest first.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn handoffs(&self) -> Result<Vec<Handoff>, StoreError> {
        handoffs::list(&mut self.core.db.read().await?, UnixMillis(0), MOST_LISTED).await
    }

    /// Returns an open request for a person, by its id.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn handoff(&self, id: &str) -> Result<Option<Handoff>, StoreError> {
        handoffs::get(&mut self.core.db.read().await?, id).await
    }

    /// Queues an answer to the author of a request. The request stays open.
    ///
    /// # Errors
    /// See [`HandoffError`].
    pub async fn answer_handoff(&self, id: &str, text: &str) -> Result<(), HandoffError> {
        self.answer_handoff_once(id, text, &fresh_text(self.core.now())).await
    }

    /// Does the same as [`Operator::answer_handoff`], once for a key: a form that is sent twice queues one
    /// answer.
    ///
    /// # Errors
    /// See [`HandoffError`].
    pub async fn answer_handoff_once(&self, id: &str, text: &str, key: &str) -> Result<(), HandoffError> {
        if text.trim().is_empty() {
            return Err(HandoffError::Empty);
        }
        again!(self.try_answer_handoff(id, text.trim(), key))
    }

    async fn try_answer_handoff(&self, id: &str, text: &str, key: &str) -> Result<(), HandoffError> {
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        let found = handoffs::get(&mut tx, id).await?.ok_or(HandoffError::Unknown)?;
        // Merges and erasures lock the author first: rows read behind this lock stay valid until the commit.
        authors::lock(&mut tx, &found.author).await?;
        let handoff = handoffs::get(&mut tx, id).await?.ok_or(HandoffError::Unknown)?;
        let is_the_way = |identity: &Identity| {
            identity.provider == handoff.provider
                && identity.address.as_deref() == Some(handoff.address.as_str())
                && identity.stopped_at.is_none()
        };
        if !identities::of_author(&mut tx, &handoff.author).await?.iter().any(is_the_way) {
            return Err(HandoffError::Unreachable);
        }
        let expires_at = answerable_until(&handoff);
        if now >= expires_at {
            return Err(HandoffError::WindowClosed);
        }
        let parts = split_reply(&[text.to_owned()], handoff.provider.text_limit_utf16());
        for (number, part) in parts.iter().enumerate() {
            let message = MessageId::fresh(now);
            let key = format!("handoff:{key}:{number}");
            let new = NewMessage {
                id: &message,
                key: &key,
                lane: &handoff.lane,
                author: Some(&handoff.author),
                provider: handoff.provider,
                business: &handoff.business,
                address: &handoff.address,
                purpose: "human_reply",
                event: None,
                generation: None,
                carries_variant: false,
                reply_to: None,
                body: &part.text,
                buttons: None,
                form: Form::Text,
                sealed: None,
                expires_at,
            };
            outbox::queue(&mut tx, &new, now).await?;
        }
        tx.commit().await?;
        self.core.wakers.wake_here(lanes::Queue::Outbox);
        Ok(())
    }

    /// Closes a request, so that the service answers the author again. Returns false if it is not open.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn close_handoff(&self, id: &str) -> Result<bool, StoreError> {
        again!(self.try_close_handoff(id))
    }

    async fn try_close_handoff(&self, id: &str) -> Result<bool, StoreError> {
        let mut tx = self.core.db.write().await?;
        let closed = handoffs::close(&mut tx, id, self.core.now()).await?;
        tx.commit().await?;
        Ok(closed)
    }
}
