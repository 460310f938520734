//! The ends of an event: with a reply, without one, or because its author or its sender is paused. The
//! effects of an event and its end are one transaction.

use postly_domain::{
    UnixMillis,
    event::{IgnoreRule, InboundMessage},
    id::AuthorId,
    metric,
};
use postly_store::{
    StoreError, Tx,
    inbox::{self, DueEvent, Outcome},
    lanes::{self, ClaimedLane},
    outbox, wallets,
};

use crate::{
    JourneyError, Replies,
    conversation::reply_context,
    crash,
    people::Person,
    reply::{Reply, hold_key},
};

impl Replies {
    /// Ends a message of an author who was erased after sending it: it is not answered, and creates no
    /// author.
    pub(crate) async fn ignore_erased(
        &self,
        tx: Tx,
        claimed: &ClaimedLane,
        event: &DueEvent,
    ) -> Result<(), JourneyError> {
        self.finish(tx, claimed, event, None, &Outcome::Ignored(IgnoreRule::Erased)).await
    }

    /// Queues the reply, ends the event, commits, and wakes the workers and live streams.
    pub(crate) async fn reply_and_finish(
        &self,
        mut tx: Tx,
        claimed: &ClaimedLane,
        event: &DueEvent,
        message: &InboundMessage,
        person: &Person,
        reply: Reply,
    ) -> Result<(), JourneyError> {
        let purpose = reply.purpose;
        let context = reply_context(claimed, event, message, person);
        let first = self.queue_reply(&mut tx, &context, reply, self.core.now()).await?;
        let outcome = Outcome::Answered { reply: purpose, message: first };
        self.finish(tx, claimed, event, Some(&person.author.id), &outcome).await
    }

    /// Ends the event in the transaction that holds all its effects.
    pub(crate) async fn finish(
        &self,
        mut tx: Tx,
        claimed: &ClaimedLane,
        event: &DueEvent,
        author: Option<&AuthorId>,
        outcome: &Outcome,
    ) -> Result<(), JourneyError> {
        let joined = event.joined.as_ref();
        let more =
            inbox::finish(&mut tx, claimed, &event.id, joined, author, outcome, self.core.now()).await?;
        crash::point("finish.before");
        tx.commit().await?;
        crash::point("finish.after");
        let (state, name) = match outcome {
            Outcome::Answered { reply, .. } => ("answered", *reply),
            Outcome::Applied => ("applied", "applied"),
            Outcome::Ignored(rule) => ("ignored", rule.as_str()),
            Outcome::Dead(reason) => ("dead", *reason),
        };
        if state == "dead" {
            let queue = claimed.queue.as_str();
            metrics::counter!(metric::DEAD_LETTERS, "queue" => queue, "reason" => name).increment(1);
        }
        metrics::counter!(metric::INBOUND_FINISHED, "state" => state, "outcome" => name).increment(1);
        tracing::info!(event.id = %event.id, state, outcome = name, "Finished event {}: {state} ({name})", event.id);
        self.core.live.changed(author);
        if matches!(outcome, Outcome::Answered { .. } | Outcome::Dead(_)) {
            self.core.wakers.wake_here(lanes::Queue::Outbox);
        }
        if more {
            self.core.wakers.wake_here(claimed.queue);
        }
        Ok(())
    }

    /// Releases the credit that an earlier attempt may have reserved, if no posts will be written.
    pub(crate) async fn release_stale_hold(
        &self,
        tx: &mut Tx,
        event: &DueEvent,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        if event.attempts > 1 {
            wallets::release_by_key(tx, &hold_key(event), now).await?;
        }
        Ok(())
    }

    /// Ends an event of an author that the operator has blocked: the first message of the block is answered
    /// by a notice, later ones are ignored.
    pub(crate) async fn end_blocked(
        &self,
        mut tx: Tx,
        claimed: &ClaimedLane,
        event: &DueEvent,
        message: &InboundMessage,
        person: &Person,
        since: UnixMillis,
    ) -> Result<(), JourneyError> {
        self.release_stale_hold(&mut tx, event, self.core.now()).await?;
        let author: Option<&AuthorId> = Some(&person.author.id);
        if outbox::queued_since(&mut tx, &claimed.lane, "blocked", since).await? > 0 {
            return self.finish(tx, claimed, event, author, &Outcome::Ignored(IgnoreRule::Blocked)).await;
        }
        let reply = Reply::plain("blocked", self.core.catalogue.text(person.author.language, "blocked"));
        self.reply_and_finish(tx, claimed, event, message, person, reply).await
    }

    /// Ends a brief that arrived while its sender is stopped: the author's first in this pause is answered by
    /// the notice, later ones are ignored. If the sender is not stopped, returns the transaction; else
    /// `None`.
    pub(crate) async fn end_while_paused(
        &self,
        mut tx: Tx,
        claimed: &ClaimedLane,
        event: &DueEvent,
        message: &InboundMessage,
        person: &Person,
    ) -> Result<Option<Tx>, JourneyError> {
        let now = self.core.now();
        let Some(since) = self.pauses.paused_since(&mut tx, event.provider, &message.business).await? else {
            return Ok(Some(tx));
        };
        self.release_stale_hold(&mut tx, event, now).await?;
        // The loop guard does not count a brief that is repeated after the pause.
        let claimed = &ClaimedLane { repeats: None, ..claimed.clone() };
        if outbox::queued_since(&mut tx, &claimed.lane, "paused", since).await? > 0 {
            let outcome = Outcome::Ignored(IgnoreRule::Paused);
            self.finish(tx, claimed, event, Some(&person.author.id), &outcome).await?;
            return Ok(None);
        }
        let reply = Reply::plain("paused", self.core.catalogue.text(person.author.language, "paused"));
        self.reply_and_finish(tx, claimed, event, message, person, reply).await?;
        Ok(None)
    }
}
