//! A sender that is stopped, by its provider or by the operator: messages wait, one of them is sent as a
//! probe, and new briefs are answered by a notice (RULES 4.9).
//!
//! A pause ends by itself. After its minute, one message is sent, and all others wait for its outcome. The
//! outcome is the provider's answer if an answer began the pause. It is a delivery status if the provider
//! accepted messages and failed them later, as it does without a method of payment. No status for a few
//! seconds counts as success.

use postly_domain::{
    Provider, UnixMillis,
    delivery::{ErrorAction, Form},
    event::DeliveryStatus,
    id::MessageId,
    rest::{Leave, PROBE_MS, PauseTarget, RestReason, STOPPED_PAUSE_MS},
};
use postly_store::{
    StoreError, Tx,
    attempts::{self, Reported},
    outbox::DueMessage,
    pauses, senders,
};
use postly_whatsapp::action_for;

use crate::{Core, JourneyError, alerts, conflict::again, deliver::PlannedSend};

/// The interval between two checks of the outcome of the probe.
const LOOK_AGAIN_MS: i64 = 1_000;

/// Pauses of generation, of a sender and of an author.
#[derive(Clone)]
pub struct Pauses {
    pub(crate) core: Core,
}

impl Pauses {
    /// Builds the service.
    pub fn new(core: &Core) -> Self {
        Self { core: core.clone() }
    }

    /// Stops a sender for a while, and alerts the operator. Returns the time from which it may try again.
    pub(crate) async fn stop_sender(
        &self,
        tx: &mut Tx,
        provider: Provider,
        business: &str,
        code: i64,
        reason: RestReason,
    ) -> Result<UnixMillis, StoreError> {
        let now = self.core.now();
        let until = now.plus_ms(STOPPED_PAUSE_MS);
        let known = senders::pause(tx, provider, business).await?;
        senders::stop(tx, provider, business, until, reason, now).await?;
        // Messages in flight are refused too: one alert is enough.
        if !known.is_some_and(|pause| pause.rest.pauses(now)) {
            alerts::sender_stopped(provider, code);
        }
        Ok(until)
    }

    /// Decides if the sender of a message may send it. `Ok` is true for the probe. `Err` is the time of the
    /// next check.
    pub(crate) async fn ask_sender(
        &self,
        tx: &mut Tx,
        message: &DueMessage,
        now: UnixMillis,
    ) -> Result<Result<bool, UnixMillis>, StoreError> {
        let Some(rest) = &message.rest else { return Ok(Ok(false)) };
        let (provider, business) = (message.provider, &message.business);
        match rest.leave(now) {
            Leave::Now => {
                senders::end_over(tx, provider, business, now).await?;
                Ok(Ok(false))
            }
            Leave::At(then) if rest.probe_at.is_some() => Ok(Err(then.min(now.plus_ms(LOOK_AGAIN_MS)))),
            Leave::At(then) => Ok(Err(then)),
            Leave::AsProbe
                if senders::begin_probe(tx, provider, business, now, now.plus_ms(PROBE_MS)).await? =>
            {
                Ok(Ok(true))
            }
            Leave::AsProbe => Ok(Err(now.plus_ms(LOOK_AGAIN_MS))),
        }
    }

    /// Records that the provider accepted the probe.
    pub(crate) async fn probe_taken(&self, planned: &PlannedSend) -> Result<(), JourneyError> {
        let mut tx = self.core.db.write().await?;
        let message = &planned.message;
        senders::end_tried(&mut tx, message.provider, &message.business, planned.noted_at, false).await?;
        Ok(tx.commit().await?)
    }

    /// Updates the pause of the sender from an accepted delivery status of a message.
    pub(crate) async fn judge_sender(
        &self,
        tx: &mut Tx,
        provider: Provider,
        reported: &Reported,
        status: DeliveryStatus,
        error_code: Option<i64>,
    ) -> Result<(), StoreError> {
        match status {
            DeliveryStatus::Failed => {
                if let Some(code) = error_code.filter(|code| stops_sender(provider, *code)) {
                    let reason = RestReason::Failing;
                    self.stop_sender(tx, provider, &reported.business, code, reason).await?;
                }
            }
            DeliveryStatus::Sent | DeliveryStatus::Delivered | DeliveryStatus::Read => {
                if reported.rest.is_some_and(|rest| rest.probe_at.is_some()) {
                    senders::end_tried(tx, provider, &reported.business, reported.started_at, true).await?;
                }
            }
            DeliveryStatus::Accepted => {}
        }
        Ok(())
    }

    /// Lets a message that failed for good wait for its sender, if possible: it must be uncharged, and hold
    /// no deleted secret. Its attempts then count as refused.
    pub(crate) async fn waits_for_sender(
        &self,
        tx: &mut Tx,
        message: &WaitingMessage<'_>,
    ) -> Result<bool, StoreError> {
        if message.form != Form::Text || message.has_posts {
            return Ok(false);
        }
        let code = attempts::last_failure(tx, message.id).await?;
        let waits = code.is_some_and(|code| stops_sender(message.provider, code));
        if waits {
            attempts::forget(tx, message.id).await?;
        }
        Ok(waits)
    }

    /// Returns the beginning of the pause that prevents the writing of a brief: the operator's pause of
    /// generation or of the provider, else the pause of a sender stopped by its provider.
    pub(crate) async fn paused_since(
        &self,
        tx: &mut Tx,
        provider: Provider,
        business: &str,
    ) -> Result<Option<UnixMillis>, StoreError> {
        let by_operator = pauses::all(tx).await?;
        if let Some(since) = by_operator.generation.or(by_operator.provider(provider)) {
            return Ok(Some(since));
        }
        let now = self.core.now();
        let pause = senders::pause(tx, provider, business).await?;
        Ok(pause.filter(|pause| pause.rest.pauses(now)).map(|pause| pause.since))
    }

    /// Pauses a part of the service, in every process at once. Returns false if it is paused already.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn pause(&self, target: PauseTarget) -> Result<bool, StoreError> {
        let pause = async || {
            let mut tx = self.core.db.write().await?;
            let begun = pauses::pause(&mut tx, target, self.core.now()).await?;
            tx.commit().await?;
            Ok::<_, StoreError>(begun)
        };
        again!(pause())
    }

    /// Ends a pause of the operator, and makes the messages that waited for it due. Returns false if there
    /// was none.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn resume(&self, target: PauseTarget) -> Result<bool, StoreError> {
        let resume = async || {
            let mut tx = self.core.db.write().await?;
            let ended = pauses::resume(&mut tx, target).await?;
            if let (true, Some(provider)) = (ended, target.provider()) {
                pauses::make_due(&mut tx, provider, self.core.now()).await?;
            }
            tx.commit().await?;
            Ok::<_, StoreError>(ended)
        };
        let ended = again!(resume())?;
        self.core.db.wake_peers().await;
        Ok(ended)
    }
}

/// A message that may wait for its sender.
pub(crate) struct WaitingMessage<'a> {
    pub(crate) id: &'a MessageId,
    pub(crate) provider: Provider,
    pub(crate) form: Form,
    /// True if it belongs to the reply with posts: their credit is refunded if they do not arrive.
    pub(crate) has_posts: bool,
}

impl<'a> WaitingMessage<'a> {
    pub(crate) fn of(message: &'a DueMessage) -> Self {
        let DueMessage { id, provider, form, generation, .. } = message;
        Self { id, provider: *provider, form: *form, has_posts: generation.is_some() }
    }
}

fn stops_sender(provider: Provider, code: i64) -> bool {
    action_for(provider, code, None, false) == ErrorAction::StopSender
}
