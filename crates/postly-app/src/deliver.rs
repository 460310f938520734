//! Sends the messages of the outbox. An attempt is recorded before the call, so that a missing answer is
//! noticed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use postly_domain::{
    Language, UnixMillis,
    delivery::{self, Attempt, ErrorAction, Form, NextStep, SendOutcome, UNCLEAR_WAIT_MS},
    id::AttemptId,
    metric,
    rest::{RestReason, STOPPED_PAUSE_MS},
    time::SERVICE_WINDOW_SECS,
};
use postly_store::{
    StoreError, Tx,
    attempts::{self, NewAttempt},
    inbox,
    lanes::{self, ClaimedLane, Queue},
    outbox::{self, DueMessage, Ended, Head},
    pauses::{self, OperatorPauses},
    senders, wallets,
};
use postly_whatsapp::{Body, Button, Outgoing, send::Senders};

use crate::{
    CodeTemplates, Core, JourneyError, Pauses, People, Replies,
    accepted::{AcceptedSend, UnpersistedAcceptances},
    batcher::Batcher,
    crash,
    health::Upstream,
    ids::{Fresh as _, dice},
    measure::seconds,
    pause::WaitingMessage,
    seal::Sealed,
    work::ErrorChain,
};

/// The longest time from the decision to send a message to the wire. With half of [`UNCLEAR_WAIT_MS`] before
/// that decision, the call ends before another worker may resend the message.
const MAX_TIME_TO_WIRE: Duration = Duration::from_secs(10);
/// The tries to record an answer that the database does not take, and the pause between them. Each try may
/// also wait for the database. An acceptance is retried for as long as the process runs, because a worker of
/// another process would resend the message after the lease. The send keeps its slot meanwhile, so the
/// concurrency limit bounds these retries.
const RECORD_TRIES: u32 = 5;
const RECORD_PAUSE: Duration = Duration::from_secs(2);
/// The delay for a message that is locked because its delivery status is being written.
const LOCKED_ROW_RETRY_MS: i64 = 50;
/// The interval of the check for unprocessed statuses before a message is resent.
const STATUS_RECHECK_MS: i64 = 1_000;
/// The most statuses that join their lanes before one message is resent.
const ARRIVALS_JOIN: usize = 64;
/// The pause of a sender after the provider has throttled it.
const THROTTLED_PAUSE_MS: i64 = 5_000;
/// The longest Retry-After of a provider that is obeyed.
const MAX_PAUSE_MS: i64 = 60_000;

/// An attempt that is recorded and must now be made.
pub(crate) struct PlannedSend {
    pub(crate) claimed: ClaimedLane,
    pub(crate) message: DueMessage,
    pub(crate) attempt: AttemptId,
    pub(crate) noted_at: UnixMillis,
    /// True for the probe: the one message that tests if a stopped sender may send again.
    pub(crate) is_probe: bool,
}

impl PlannedSend {
    /// The lane of the message.
    pub(crate) fn claimed(&self) -> &ClaimedLane {
        &self.claimed
    }
}

/// Returns true while the operator has paused the provider of a message that would be sent now. A message
/// that has an outcome, or has expired, is not kept back.
fn is_kept_back(message: &DueMessage, pauses: &OperatorPauses, now: UnixMillis) -> bool {
    pauses.provider(message.provider).is_some()
        && delivery::next_step(message.form, &message.attempts, now, message.expires_at) == NextStep::Attempt
}

/// The sending of messages, and their delivery statuses.
#[derive(Clone)]
pub struct Deliveries {
    pub(crate) core: Core,
    pub(crate) acceptances: Arc<Batcher<AcceptedSend>>,
    pub(crate) code_templates: CodeTemplates,
    pub(crate) pauses: Pauses,
    pub(crate) people: People,
    pub(crate) replies: Replies,
    pub(crate) senders: Senders,
    pub(crate) unpersisted: Arc<UnpersistedAcceptances>,
}

impl Deliveries {
    /// Decides and applies the next step of the message at the head of each claimed lane. Either the message
    /// ends or waits, or an attempt is recorded, to be made after the commit.
    pub(crate) async fn plan_sends(
        &self,
        tx: &mut Tx,
        claim: Vec<ClaimedLane>,
        now: UnixMillis,
    ) -> Result<Vec<PlannedSend>, StoreError> {
        let heads = outbox::heads(tx, &claim).await?;
        let by_operator = pauses::all(tx).await?;
        let mut planned_sends = Vec::with_capacity(claim.len());
        for (claimed, head) in claim.into_iter().zip(heads) {
            match head {
                Head::Due(message) if is_kept_back(&message, &by_operator, now) => {
                    // A resume makes the lane due at once.
                    lanes::defer(tx, &claimed, message.expires_at.min(now.plus_ms(STOPPED_PAUSE_MS))).await?;
                }
                Head::Due(message) => planned_sends.extend(self.plan_one(tx, claimed, *message, now).await?),
                Head::Busy => lanes::defer(tx, &claimed, now.plus_ms(LOCKED_ROW_RETRY_MS)).await?,
                Head::Missing => {
                    tracing::error!(
                        lane.waiting = claimed.waiting,
                        "A lane of the outbox waits for a message that is not there"
                    );
                    lanes::defer(tx, &claimed, now.plus_ms(STOPPED_PAUSE_MS)).await?;
                }
            }
        }
        let noted: Vec<NewAttempt<'_>> = planned_sends
            .iter()
            .map(|planned| NewAttempt { id: &planned.attempt, message_id: &planned.message.id })
            .collect();
        attempts::begin(tx, &noted, now).await?;
        Ok(planned_sends)
    }

    /// Decides and applies the next step of one message, except for recording the attempt.
    async fn plan_one(
        &self,
        tx: &mut Tx,
        mut claimed: ClaimedLane,
        message: DueMessage,
        now: UnixMillis,
    ) -> Result<Option<PlannedSend>, StoreError> {
        match delivery::next_step(message.form, &message.attempts, now, message.expires_at) {
            NextStep::Accepted => {
                reconciled(&message, "status");
                self.end(tx, &claimed, &message, Ended::Accepted, None).await?;
            }
            NextStep::Expired => {
                self.end(tx, &claimed, &message, Ended::Cancelled, Some("window_closed")).await?;
            }
            NextStep::Failed if self.pauses.waits_for_sender(tx, &WaitingMessage::of(&message)).await? => {
                lanes::defer(tx, &claimed, now.plus_ms(STOPPED_PAUSE_MS)).await?;
            }
            NextStep::Failed => {
                self.end(tx, &claimed, &message, Ended::Dead, Some("undeliverable")).await?;
            }
            NextStep::UnknownDelivery => {
                reconciled(&message, "giveup");
                self.end(tx, &claimed, &message, Ended::Dead, Some("unknown_delivery")).await?;
            }
            NextStep::WaitUntil(then) => {
                outbox::mark_unknown(tx, &message.id).await?;
                lanes::defer(tx, &claimed, then).await?;
            }
            // A status makes the lane due at once when it is applied. Each status ends as an event, so this
            // wait is bounded.
            NextStep::Attempt
                if message.attempts.iter().any(Attempt::is_unclear)
                    && self.has_unprocessed_status(tx, &message, now).await? =>
            {
                lanes::defer(tx, &claimed, now.plus_ms(STATUS_RECHECK_MS)).await?;
            }
            NextStep::Attempt => {
                // Check the pace first: a message that may not be sent yet must not become the probe of a
                // stopped sender.
                let permission = match delivery::pace(claimed.next_send_at, now) {
                    Ok(next) => {
                        self.pauses.ask_sender(tx, &message, now).await?.map(|is_probe| (next, is_probe))
                    }
                    Err(then) => Err(then),
                };
                let is_probe = match permission {
                    Ok((next, is_probe)) => {
                        reconciled(&message, "resend");
                        claimed.next_send_at = next;
                        is_probe
                    }
                    Err(then) => {
                        lanes::defer(tx, &claimed, then).await?;
                        return Ok(None);
                    }
                };
                return Ok(Some(PlannedSend {
                    claimed,
                    message,
                    attempt: AttemptId::fresh(now),
                    noted_at: now,
                    is_probe,
                }));
            }
        }
        Ok(None)
    }

    /// Returns true if an outcome of a message is known and not yet written: this process knows of its
    /// acceptance, or a status is unprocessed.
    async fn has_unprocessed_status(
        &self,
        tx: &mut Tx,
        message: &DueMessage,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        if self.unpersisted.holds(&message.id) {
            return Ok(true);
        }
        let sealed =
            message.sealed.as_ref().and_then(|sealed| self.core.code_keys.unseal(&message.id, sealed));
        let address = sealed.and_then(|sealed| sealed.address).unwrap_or_else(|| message.address.clone());
        let lane = postly_whatsapp::status_lane(message.provider, &message.business, &address);
        // Statuses that have arrived are found in their lane: let them join it first.
        inbox::join_lanes(tx, Queue::Status, ARRIVALS_JOIN, now).await?;
        attempts::has_unprocessed_status(tx, &message.id, &self.core.lane(&lane)).await
    }

    /// Makes a recorded attempt, and records its outcome.
    pub(crate) async fn execute_send(&self, planned: &Arc<PlannedSend>) -> Result<(), JourneyError> {
        crash::point("sending");
        let PlannedSend { message, attempt, noted_at, .. } = &**planned;
        let begun = Instant::now();
        let send_by = begun + MAX_TIME_TO_WIRE;
        // If this process was suspended for more than half of `UNCLEAR_WAIT_MS` after recording the attempt,
        // another worker may have resent the message: do not send.
        let outcome = if self.core.now().since_ms(*noted_at) < UNCLEAR_WAIT_MS / 2 {
            self.send(message, attempt, send_by).await
        } else {
            SendOutcome::NotSent
        };
        crash::point("sent");
        // Only this process knows the provider's answer. If it is lost, the message may be sent a second
        // time.
        self.observe_send(message, &outcome, begun.elapsed());
        let is_taken = matches!(outcome, SendOutcome::Accepted { .. });
        let mut unpersisted = None;
        let mut tries = 1;
        loop {
            match self.record(planned, &outcome).await {
                Err(error) if error.is_temporary() && (is_taken || tries < RECORD_TRIES) => {
                    tracing::info!(error = %ErrorChain(&error), "Could not write down an answer; trying again");
                    tries += 1;
                    if is_taken && unpersisted.is_none() {
                        unpersisted = Some(self.unpersisted.keep(&message.id));
                    }
                    tokio::time::sleep(RECORD_PAUSE).await;
                }
                done => return done,
            }
        }
    }

    /// Calls the provider. Sealed content is unsealed for this call only.
    async fn send(&self, message: &DueMessage, attempt: &AttemptId, send_by: Instant) -> SendOutcome {
        let sealed = match &message.sealed {
            None => Sealed::default(),
            Some(sealed) => match self.core.code_keys.unseal(&message.id, sealed) {
                Some(sealed) => sealed,
                None => {
                    tracing::error!(message.id = %message.id, "Message {} was sealed by a pepper that is gone from OTP_SALT", message.id);
                    let action = ErrorAction::OurFault;
                    return SendOutcome::Refused { code: 0, action, retry_after_ms: None };
                }
            },
        };
        let text = sealed.text.as_deref().unwrap_or(&message.body);
        let plain = message.buttons.as_deref().and_then(|json| serde_json::from_str(json).ok());
        let plain: Vec<(String, String)> = plain.unwrap_or_default();
        let buttons: Vec<Button<'_>> =
            sealed.buttons.iter().chain(&plain).map(|(id, title)| Button { id, title }).collect();
        let body = match (message.form, &sealed.code) {
            (Form::Template, Some(code)) => {
                Body::Code { code, language: sealed.language.unwrap_or(Language::Fr) }
            }
            (Form::Text | Form::Code | Form::Template, _) if buttons.is_empty() => match &sealed.link {
                Some((title, url)) => Body::Link { text, title, url },
                None => Body::Text(text),
            },
            (Form::Text | Form::Code | Form::Template, _) => Body::Buttons { text, buttons: &buttons },
        };
        let outgoing = Outgoing {
            address: sealed.address.as_deref().unwrap_or(&message.address),
            body,
            attempt,
            reply_to: message.reply_to.as_deref(),
            send_by,
        };
        self.senders.send(message.provider, &outgoing).await
    }

    /// Records the outcome of the call, and applies its consequences.
    pub(crate) async fn record(
        &self,
        planned: &Arc<PlannedSend>,
        outcome: &SendOutcome,
    ) -> Result<(), JourneyError> {
        let PlannedSend { claimed, message, attempt, .. } = &**planned;
        match outcome {
            SendOutcome::Accepted { provider_message_id } => {
                self.record_accepted(planned, provider_message_id).await?;
                if planned.is_probe { self.pauses.probe_taken(planned).await } else { Ok(()) }
            }
            SendOutcome::Refused { code, action, retry_after_ms } => {
                let mut tx = self.begin_locked(message).await?;
                attempts::ended(&mut tx, attempt, true, Some(*code)).await?;
                let more = self.refused(&mut tx, claimed, message, *code, *action, *retry_after_ms).await?;
                Ok(self.commit_and_wake(tx, more, [message]).await?)
            }
            SendOutcome::NotSent => {
                let mut tx = self.begin_locked(message).await?;
                attempts::ended(&mut tx, attempt, true, None).await?;
                let more = self.retry(&mut tx, claimed, message, None).await?;
                Ok(self.commit_and_wake(tx, more, [message]).await?)
            }
            SendOutcome::Unclear => {
                let mut tx = self.begin_locked(message).await?;
                attempts::ended(&mut tx, attempt, false, None).await?;
                outbox::mark_unknown(&mut tx, &message.id).await?;
                let more = self.resolve_unclear(&mut tx, planned).await?;
                Ok(self.commit_and_wake(tx, more, [message]).await?)
            }
        }
    }

    /// Begins a transaction that locks a message, so that none of its statuses is applied meanwhile. Lock
    /// order: the wallet, which a refund may need, before the message.
    pub(crate) async fn begin_locked(&self, message: &DueMessage) -> Result<Tx, StoreError> {
        let mut tx = self.core.db.write().await?;
        if let Some(author) = message.author.as_ref().filter(|_| message.carries_variant) {
            wallets::lock(&mut tx, author).await?;
        }
        outbox::lock(&mut tx, &message.id).await?;
        Ok(tx)
    }

    /// Decides the next step of a message after an unclear answer, by the statuses that arrived meanwhile.
    /// Returns true if more messages wait in the lane.
    pub(crate) async fn resolve_unclear(
        &self,
        tx: &mut Tx,
        planned: &PlannedSend,
    ) -> Result<bool, StoreError> {
        let PlannedSend { claimed, message, noted_at, .. } = planned;
        let heard = attempts::of(tx, &message.id).await?;
        let now = self.core.now();
        match delivery::next_step(message.form, &heard, now, message.expires_at) {
            NextStep::Accepted => self.end(tx, claimed, message, Ended::Accepted, None).await,
            NextStep::Failed if self.pauses.waits_for_sender(tx, &WaitingMessage::of(message)).await? => {
                outbox::requeue(tx, &message.id, false, false).await?;
                defer_lane(tx, claimed, now.plus_ms(STOPPED_PAUSE_MS)).await
            }
            NextStep::Failed => self.end(tx, claimed, message, Ended::Dead, Some("undeliverable")).await,
            // A code is not waited for: its sealed text should be deleted soon.
            NextStep::UnknownDelivery if message.form != Form::Text => {
                self.end(tx, claimed, message, Ended::Dead, Some("unknown_delivery")).await
            }
            NextStep::Attempt | NextStep::WaitUntil(_) | NextStep::Expired | NextStep::UnknownDelivery => {
                defer_lane(tx, claimed, noted_at.plus_ms(UNCLEAR_WAIT_MS).max(now)).await
            }
        }
    }

    /// Commits changes of these messages, and wakes the workers of the outbox if `more` wait in the lane.
    pub(crate) async fn commit_and_wake<'a>(
        &self,
        tx: Tx,
        more: bool,
        messages: impl IntoIterator<Item = &'a DueMessage>,
    ) -> Result<(), StoreError> {
        crash::point("recorded.before");
        tx.commit().await?;
        crash::point("recorded.after");
        self.core.live.changed(messages.into_iter().filter_map(|message| message.author.as_ref()));
        if more {
            self.core.wakers.wake_here(Queue::Outbox);
        }
        Ok(())
    }

    async fn refused(
        &self,
        tx: &mut Tx,
        claimed: &ClaimedLane,
        message: &DueMessage,
        code: i64,
        action: ErrorAction,
        retry_after_ms: Option<i64>,
    ) -> Result<bool, StoreError> {
        let now = self.core.now();
        let id = &message.id;
        match action {
            ErrorAction::Retry => self.retry(tx, claimed, message, retry_after_ms).await,
            ErrorAction::WaitForRecipient => {
                outbox::requeue(tx, id, false, true).await?;
                let pause = delivery::recipient_pause_ms(message.recipient_waits);
                defer_lane(tx, claimed, now.plus_ms(pause)).await
            }
            ErrorAction::WaitForSender => {
                let rest =
                    retry_after_ms.unwrap_or(THROTTLED_PAUSE_MS).clamp(THROTTLED_PAUSE_MS, MAX_PAUSE_MS);
                let until = now.plus_ms(rest);
                senders::throttle(tx, message.provider, &message.business, until).await?;
                outbox::requeue(tx, id, false, false).await?;
                defer_lane(tx, claimed, until).await
            }
            ErrorAction::StopSender => {
                outbox::requeue(tx, id, false, false).await?;
                let (provider, business) = (message.provider, &message.business);
                let until =
                    self.pauses.stop_sender(tx, provider, business, code, RestReason::Stopped).await?;
                defer_lane(tx, claimed, until).await
            }
            ErrorAction::WindowClosed
                if message.form == Form::Code && self.senders.can_send_code(message.provider) =>
            {
                // The window was assumed to be open; a template needs none. This happens once: a refused
                // template is no longer of this form.
                outbox::send_by_template(tx, id).await?;
                self.code_templates.drop_for_template(tx, id, message.form).await?;
                outbox::requeue(tx, id, true, false).await?;
                defer_lane(tx, claimed, now).await?;
                Ok(true)
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
        tx: &mut Tx,
        claimed: &ClaimedLane,
        message: &DueMessage,
        retry_after_ms: Option<i64>,
    ) -> Result<bool, StoreError> {
        match delivery::retry_pause_ms(message.refusals + 1, retry_after_ms, dice()) {
            Some(pause) => {
                outbox::requeue(tx, &message.id, true, false).await?;
                defer_lane(tx, claimed, self.core.now().plus_ms(pause)).await
            }
            None => self.end(tx, claimed, message, Ended::Dead, Some("attempts_exhausted")).await,
        }
    }

    /// Ends the message. If an earlier attempt was accepted in the meantime, it ends as accepted, no matter
    /// how this attempt ended. If it carried posts that can no longer arrive, their credit is refunded.
    /// Returns true if more messages wait in the lane.
    async fn end(
        &self,
        tx: &mut Tx,
        claimed: &ClaimedLane,
        message: &DueMessage,
        mut ended: Ended,
        mut reason: Option<&str>,
    ) -> Result<bool, StoreError> {
        let now = self.core.now();
        if ended != Ended::Accepted && attempts::of(tx, &message.id).await?.iter().any(Attempt::is_taken) {
            (ended, reason) = (Ended::Accepted, None);
        }
        // Refund before the lane is released. Transactions that lock in the other order deadlock until the
        // database aborts one.
        if ended != Ended::Accepted {
            let known = reason.unwrap_or("unknown").split(':').next().unwrap_or_default().to_owned();
            metrics::counter!(metric::DEAD_LETTERS, "queue" => "outbox", "reason" => known).increment(1);
            tracing::info!(message.id = %message.id, reason, "Message {} did not arrive", message.id);
            self.refund_if_lost(
                tx,
                &message.id,
                message.author.as_ref(),
                message.generation.as_ref(),
                message.carries_variant,
                now,
            )
            .await?;
        }
        if matches!(ended, Ended::Refused | Ended::Cancelled) {
            self.code_templates.drop_for_template(tx, &message.id, message.form).await?;
        }
        outbox::end(tx, claimed, &message.id, ended, reason, now).await
    }

    /// Counts a call, and records if its provider was reached.
    fn observe_send(&self, message: &DueMessage, outcome: &SendOutcome, took: Duration) {
        let provider = message.provider.as_str();
        let code = match outcome {
            SendOutcome::Refused { code, .. } => code.to_string(),
            SendOutcome::Accepted { .. } | SendOutcome::NotSent | SendOutcome::Unclear => String::new(),
        };
        let name = match outcome {
            SendOutcome::Accepted { .. } => "accepted",
            SendOutcome::Refused { .. } => "refused",
            SendOutcome::NotSent => "not_sent",
            SendOutcome::Unclear => "unclear",
        };
        tracing::Span::current().record("outcome", name);
        let labels = [("provider", provider.into()), ("outcome", name.into()), ("code", code)];
        metrics::counter!(metric::PROVIDER_REQUESTS, &labels).increment(1);
        metrics::histogram!(metric::PROVIDER_SECONDS, "provider" => provider).record(took);
        let upstream = Upstream::of(message.provider);
        match outcome {
            // A provider in trouble may still answer with an error to retry.
            SendOutcome::Refused { action: ErrorAction::Retry, .. }
            | SendOutcome::NotSent
            | SendOutcome::Unclear => self.core.health.failed(upstream, self.core.now()),
            SendOutcome::Accepted { .. } | SendOutcome::Refused { .. } => {
                self.core.health.answered(upstream, self.core.now());
            }
        }
        match outcome {
            SendOutcome::Accepted { .. } if message.form == Form::Text && message.sealed.is_none() => {
                let written_at = message.expires_at.plus_secs(-SERVICE_WINDOW_SECS);
                let kind = if message.generation.is_some() { "generation" } else { "other" };
                metrics::histogram!(metric::REPLY_SECONDS, "kind" => kind)
                    .record(seconds(self.core.now().since_ms(written_at)));
            }
            SendOutcome::Unclear => {
                metrics::counter!(metric::OUTBOX_UNKNOWN, "provider" => provider).increment(1);
            }
            SendOutcome::Accepted { .. } | SendOutcome::Refused { .. } | SendOutcome::NotSent => {}
        }
    }
}

/// Counts the resolution of a message with an unclear attempt.
fn reconciled(message: &DueMessage, by: &'static str) {
    if message.attempts.iter().any(Attempt::is_unclear) {
        metrics::counter!(metric::OUTBOX_RECONCILED, "by" => by).increment(1);
    }
}

/// Releases the lane with the message still at its head, due again at `then`. Returns false: nothing else in
/// the lane is due.
async fn defer_lane(tx: &mut Tx, claimed: &ClaimedLane, then: UnixMillis) -> Result<bool, StoreError> {
    lanes::defer(tx, claimed, then).await?;
    Ok(false)
}
