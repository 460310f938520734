//! Sending what the outbox owes: marked before the call, so that an answer that never comes is known to be missing.

use postly_domain::{
    UnixMillis,
    delivery::{self, ErrorAction, NextStep, SendOutcome, UNCLEAR_WAIT_MS},
    id::AttemptId,
};
use postly_store::{
    StoreError, Tx,
    lanes::{self, ClaimedLane, Queue},
    outbox::{self, DueMessage, Ended},
};
use postly_whatsapp::send::Outgoing;

use crate::{
    App, JourneyError, crash,
    ids::{Fresh as _, dice},
};

/// How long a sender rests that was too fast.
const THROTTLED_REST_MS: i64 = 5_000;
/// The longest rest that a provider's Retry-After is followed for.
const LONGEST_REST_MS: i64 = 60_000;
/// How long a sender rests that is blocked or whose token is refused: then one message tries again. A human is called.
const STOPPED_REST_MS: i64 = 60_000;

impl App {
    /// Does the next step of the message at the head of a claimed lane of the outbox.
    pub(crate) async fn deliver(&self, claimed: &ClaimedLane) -> Result<(), JourneyError> {
        let now = self.now();
        let mut tx = self.0.db.write().await?;
        lanes::lock(&mut tx, claimed).await?;
        let Some(message) = outbox::head(&mut tx, claimed).await? else {
            return Err(JourneyError::Missing("a message in a lane that waits"));
        };
        match delivery::next_step(&message.attempts, now, message.expires_at) {
            NextStep::Accepted => return self.end(tx, claimed, &message, Ended::Accepted, None).await,
            NextStep::Expired => {
                return self.end(tx, claimed, &message, Ended::Cancelled, Some("window_closed")).await;
            }
            NextStep::Failed => {
                return self.end(tx, claimed, &message, Ended::Dead, Some("undeliverable")).await;
            }
            NextStep::UnknownDelivery => {
                return self.end(tx, claimed, &message, Ended::Dead, Some("unknown_delivery")).await;
            }
            NextStep::WaitUntil(then) => {
                outbox::mark_unknown(&mut tx, &message.id).await?;
                return self.put_off(tx, claimed, then).await;
            }
            NextStep::Attempt => {}
        }
        if let Some(until) =
            outbox::sender_rests_until(&mut tx, message.provider, &message.business, now).await?
        {
            return self.put_off(tx, claimed, until).await;
        }
        let mut claimed = claimed.clone();
        match delivery::pace(claimed.paid_until, now) {
            Ok(paid_until) => claimed.paid_until = paid_until,
            Err(then) => return self.put_off(tx, &claimed, then).await,
        }
        let attempt = AttemptId::fresh();
        outbox::begin_attempt(&mut tx, &message.id, &attempt, now).await?;
        crash::point("sending.before");
        tx.commit().await?;
        crash::point("sending.after");

        let outgoing = Outgoing {
            address: &message.address,
            body: &message.body,
            attempt: &attempt,
            reply_to: message.reply_to.as_deref(),
        };
        let outcome = self.0.senders.send_text(message.provider, &outgoing).await;
        crash::point("sent");
        self.record(&claimed, &message, &attempt, outcome, now).await
    }

    /// Writes down how the call ended, and what follows from it.
    async fn record(
        &self,
        claimed: &ClaimedLane,
        message: &DueMessage,
        attempt: &AttemptId,
        outcome: SendOutcome,
        started_at: UnixMillis,
    ) -> Result<(), JourneyError> {
        let mut tx = self.0.db.write().await?;
        lanes::lock(&mut tx, claimed).await?;
        let label = match &outcome {
            SendOutcome::Accepted { .. } => "accepted",
            SendOutcome::Refused { .. } => "refused",
            SendOutcome::NotSent => "not_sent",
            SendOutcome::Unclear => "unclear",
        };
        metrics::counter!("provider_requests_total", "provider" => message.provider.as_str(), "outcome" => label)
            .increment(1);
        match outcome {
            SendOutcome::Accepted { provider_message_id } => {
                outbox::attempt_accepted(&mut tx, attempt, &provider_message_id).await?;
                self.end(tx, claimed, message, Ended::Accepted, None).await
            }
            SendOutcome::Refused { code, action, retry_after_ms } => {
                outbox::attempt_ended(&mut tx, attempt, true, Some(code)).await?;
                self.refused(tx, claimed, message, code, action, retry_after_ms).await
            }
            SendOutcome::NotSent => {
                outbox::attempt_ended(&mut tx, attempt, true, None).await?;
                self.retry(tx, claimed, message, None).await
            }
            SendOutcome::Unclear => {
                outbox::attempt_ended(&mut tx, attempt, false, None).await?;
                outbox::mark_unknown(&mut tx, &message.id).await?;
                // A status may have come while we waited for the answer.
                let heard = outbox::attempts(&mut tx, &message.id).await?;
                let now = self.now();
                match delivery::next_step(&heard, now, message.expires_at) {
                    NextStep::Accepted => self.end(tx, claimed, message, Ended::Accepted, None).await,
                    _ => self.put_off(tx, claimed, started_at.plus_ms(UNCLEAR_WAIT_MS).max(now)).await,
                }
            }
        }
    }

    async fn refused(
        &self,
        mut tx: Tx,
        claimed: &ClaimedLane,
        message: &DueMessage,
        code: i64,
        action: ErrorAction,
        retry_after_ms: Option<i64>,
    ) -> Result<(), JourneyError> {
        let now = self.now();
        let id = &message.id;
        match action {
            ErrorAction::Retry => self.retry(tx, claimed, message, retry_after_ms).await,
            ErrorAction::WaitForRecipient => {
                outbox::put_back(&mut tx, id, false, true).await?;
                let pause = delivery::recipient_pause_ms(message.recipient_waits);
                self.put_off(tx, claimed, now.plus_ms(pause)).await
            }
            ErrorAction::WaitForSender => {
                let rest = retry_after_ms.unwrap_or(THROTTLED_REST_MS).clamp(THROTTLED_REST_MS, LONGEST_REST_MS);
                let until = now.plus_ms(rest);
                outbox::rest_sender(&mut tx, message.provider, &message.business, until, "throttled").await?;
                outbox::put_back(&mut tx, id, false, false).await?;
                self.put_off(tx, claimed, until).await
            }
            ErrorAction::StopSender => {
                tracing::error!(code, provider = %message.provider, "The provider blocks our sender (code {code}): a human must look; messages wait");
                let until = now.plus_ms(STOPPED_REST_MS);
                outbox::rest_sender(&mut tx, message.provider, &message.business, until, "stopped").await?;
                outbox::put_back(&mut tx, id, false, false).await?;
                self.put_off(tx, claimed, until).await
            }
            ErrorAction::WindowClosed => {
                self.end(tx, claimed, message, Ended::Refused, Some("window_closed")).await
            }
            ErrorAction::GiveUp => {
                let reason = format!("undeliverable:{code}");
                self.end(tx, claimed, message, Ended::Refused, Some(&reason)).await
            }
            ErrorAction::OurFault => {
                tracing::error!(code, message.id = %id, "The provider refused message {id} as wrong (code {code}): see dead-letters");
                let reason = format!("refused:{code}");
                self.end(tx, claimed, message, Ended::Refused, Some(&reason)).await
            }
        }
    }

    async fn retry(
        &self,
        mut tx: Tx,
        claimed: &ClaimedLane,
        message: &DueMessage,
        retry_after_ms: Option<i64>,
    ) -> Result<(), JourneyError> {
        match delivery::retry_pause_ms(message.refusals + 1, retry_after_ms, dice()) {
            Some(pause) => {
                outbox::put_back(&mut tx, &message.id, true, false).await?;
                self.put_off(tx, claimed, self.now().plus_ms(pause)).await
            }
            None => self.end(tx, claimed, message, Ended::Dead, Some("attempts_exhausted")).await,
        }
    }

    /// Gives the lane back with the message still at its head.
    async fn put_off(&self, mut tx: Tx, claimed: &ClaimedLane, then: UnixMillis) -> Result<(), JourneyError> {
        lanes::defer(&mut tx, claimed, then).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Ends the message. When it brought posts that can no longer arrive, their credit comes back with it.
    async fn end(
        &self,
        mut tx: Tx,
        claimed: &ClaimedLane,
        message: &DueMessage,
        ended: Ended,
        reason: Option<&str>,
    ) -> Result<(), JourneyError> {
        let now = self.now();
        outbox::end(&mut tx, claimed, &message.id, ended, reason, now).await?;
        if ended != Ended::Accepted {
            tracing::warn!(message.id = %message.id, reason, "Message {} did not arrive", message.id);
            self.refund(&mut tx, message, now).await?;
        }
        crash::point("accepted.before");
        tx.commit().await?;
        crash::point("accepted.after");
        self.0.wakers.wake_here(Queue::Outbox);
        Ok(())
    }

    async fn refund(&self, tx: &mut Tx, message: &DueMessage, now: UnixMillis) -> Result<(), StoreError> {
        self.refund_if_lost(
            tx,
            &message.id,
            &message.author,
            message.generation.as_ref(),
            message.carries_variant,
            now,
        )
        .await
    }
}
