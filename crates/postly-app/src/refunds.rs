//! Giving back a credit whose posts never arrived.

use postly_domain::{
    Alert, LedgerReason, UnixMillis,
    credits::{GENERATION_PRICE, MAX_AUTOMATIC_REFUNDS_PER_DAY},
    id::{AuthorId, EntryId, GenerationId, MessageId},
    metric,
};
use postly_store::{
    StoreError, Tx, attempts, generations, outbox,
    wallets::{self, NewEntry, Posted},
};

use crate::{App, alerts, ids::Fresh as _};

impl App {
    /// Gives the credit of a generation back when one of its messages that carries a post can no longer arrive:
    /// once, by itself, and three times a day per author at most. After that the operator decides.
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
        // Counted under the lock, so that two failures at once cannot both be the third.
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
        let entry = NewEntry {
            id: &EntryId::fresh(now),
            author: &charged.author,
            delta: GENERATION_PRICE,
            reason: LedgerReason::Refund,
            operation: &match cfg!(feature = "mutant-m13") {
                true => format!("refund:{}:{}", charged.hold, crate::ids::fresh_text(now)),
                false => format!("refund:{}", charged.hold),
            },
            note: None,
            reference: Some(generation.as_str()),
        };
        if let Posted::Done(_) = wallets::post(tx, &entry, now).await? {
            metrics::counter!(metric::CREDITS, "reason" => "refund").increment(1);
            tracing::info!(generation.id = %generation, "Refunded generation {generation}: its posts did not arrive");
        }
        Ok(())
    }
}
