//! Refunds of credits for posts that did not arrive.

use postly_domain::{
    Alert, LedgerReason, UnixMillis,
    credits::{GENERATION_PRICE, MAX_AUTOMATIC_REFUNDS_PER_DAY},
    id::{AuthorId, EntryId, GenerationId, MessageId},
    metric,
};
use postly_store::{
    StoreError, Tx, attempts,
    generations::{self, Charged},
    outbox, timeline,
    wallets::{self, NewEntry, Posted},
};

use crate::{Deliveries, alerts, conflict::again, ids::Fresh as _, operator::OperatorError};

impl Deliveries {
    /// Refunds the credit of a generation if one of its messages with a post can no longer arrive: once,
    /// automatically, and at most three times a day for an author. After that the operator decides.
    pub(crate) async fn refund_if_lost(
        &self,
        tx: &mut Tx,
        message: &MessageId,
        author: Option<&AuthorId>,
        generation: Option<&GenerationId>,
        carries_variant: bool,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let (Some(author), Some(generation)) = (author, generation.filter(|_| carries_variant)) else {
            return Ok(());
        };
        if attempts::may_arrive(tx, message).await? {
            return Ok(());
        }
        // Count under the lock, so that two concurrent failures cannot both be the third.
        wallets::lock(tx, author).await?;
        let today = now.start_of_day();
        if wallets::refunds_since(tx, author, today).await? >= MAX_AUTOMATIC_REFUNDS_PER_DAY {
            let message = format!(
                "Generation {generation} did not arrive, and the refunds of the day of its author are used up: look at \
                 `postly users show`, and grant the credit or not"
            );
            alerts::raise(Alert::RefundLimit, &message);
            return Ok(());
        }
        let Some(charged) = generations::mark_refunded(tx, generation).await? else { return Ok(()) };
        outbox::cancel_unsent(tx, generation, message, now).await?;
        if self.give_back(tx, &charged, generation, None, now).await?.is_some() {
            wallets::note_refund(tx, &charged.author, GENERATION_PRICE).await?;
            tracing::info!(generation.id = %generation, "Refunded generation {generation}: its posts did not arrive");
        }
        Ok(())
    }

    /// Writes the entry that refunds the credit of a generation, once for its hold. Returns the entry, unless
    /// there is one already.
    async fn give_back(
        &self,
        tx: &mut Tx,
        charged: &Charged,
        generation: &GenerationId,
        note: Option<&str>,
        now: UnixMillis,
    ) -> Result<Option<EntryId>, StoreError> {
        let entry = NewEntry {
            id: &EntryId::fresh(now),
            author: &charged.author,
            delta: GENERATION_PRICE,
            reason: LedgerReason::Refund,
            operation: &format!("refund:{}", charged.hold),
            note,
            reference: Some(generation.as_str()),
        };
        let done = matches!(wallets::post(tx, &entry, now).await?, Posted::Done(_));
        if done {
            metrics::counter!(metric::CREDITS, "reason" => "refund").increment(1);
        }
        Ok(done.then(|| entry.id.clone()))
    }

    /// Refunds the credit of a generation by an operator's decision, once, no matter how its messages ended.
    /// Waiting messages are not sent, and the posts are hidden, as by an automatic refund.
    ///
    /// # Errors
    /// Fails with [`OperatorError::NothingToRefund`] if the generation does not exist, was free, or was
    /// refunded before.
    pub async fn refund_generation(
        &self,
        generation: &GenerationId,
        note: &str,
        made_by: &str,
    ) -> Result<AuthorId, OperatorError> {
        let refund = async || {
            let now = self.core.now();
            let mut tx = self.core.db.write().await?;
            let found = timeline::stored_generation(&mut tx, generation).await?;
            let found = found.ok_or(OperatorError::NothingToRefund)?;
            wallets::lock(&mut tx, &found.author).await?;
            let charged = generations::mark_refunded(&mut tx, generation).await?;
            let charged = charged.ok_or(OperatorError::NothingToRefund)?;
            outbox::cancel_unsent(&mut tx, generation, &MessageId::new(""), now).await?;
            let entry = self.give_back(&mut tx, &charged, generation, Some(note), now).await?;
            let entry = entry.ok_or(OperatorError::NothingToRefund)?;
            wallets::sign(&mut tx, &entry, made_by).await?;
            tx.commit().await?;
            tracing::info!(generation.id = %generation, "An operator refunded generation {generation}");
            Ok::<_, OperatorError>(charged.author)
        };
        again!(refund())
    }
}
