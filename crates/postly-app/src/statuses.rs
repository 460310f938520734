//! Delivery statuses of our messages. A status advances the delivery, resolves an unclear attempt, or refunds
//! a credit.

use postly_domain::{
    PhoneE164, Pricing, Provider,
    delivery::{Attempt, AttemptState, Form},
    event::{DeliveryStatus, IgnoreRule, StatusUpdate},
};
use postly_store::{
    Tx,
    attempts::{self, Reported},
    dead_letters,
    inbox::{DueEvent, Outcome},
    lanes::{self, ClaimedLane, Queue},
    outbox::{self, Ended},
};

use crate::{Deliveries, JourneyError, alerts, crash, pause::WaitingMessage};

impl Deliveries {
    /// Applies a status. Any order of the same statuses leads to the same state.
    pub(crate) async fn apply_status(
        &self,
        claimed: &ClaimedLane,
        event: &DueEvent,
        update: &StatusUpdate,
    ) -> Result<(), JourneyError> {
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        let reported =
            attempts::reported(&mut tx, event.provider, update.attempt.as_ref(), &update.provider_message_id)
                .await?;
        let Some(reported) = reported else {
            let outcome = Outcome::Ignored(IgnoreRule::UnknownMessage);
            return self.replies.finish(tx, claimed, event, None, &outcome).await;
        };
        let status = match reported.state {
            AttemptState::Known(known) => known.after(update.status),
            // A refused or replayed attempt has failed already, so only an arrival changes it. A lesser
            // status must not be applied to the new attempt.
            AttemptState::Refused => match DeliveryStatus::Failed.after(update.status) {
                DeliveryStatus::Failed => {
                    let author = reported.author.as_ref();
                    return self.replies.finish(tx, claimed, event, author, &Outcome::Applied).await;
                }
                arrived => arrived,
            },
            AttemptState::Sending | AttemptState::Unclear => update.status,
        };
        if let Some(bsuid) = &update.recipient_bsuid
            && reported.form != Form::Text
            && status != DeliveryStatus::Failed
            && let Some(phone) = PhoneE164::from_provider(&reported.address)
        {
            self.people.detach_phone_if_reassigned(&mut tx, event.provider, &phone, bsuid).await?;
        }
        attempts::set_status(
            &mut tx,
            &reported.attempt,
            status,
            update.error_code,
            &update.provider_message_id,
        )
        .await?;
        if let Some(pricing) = &update.pricing {
            attempts::set_price(&mut tx, &reported.attempt, pricing).await?;
        }
        self.code_templates
            .fall_back_to_template(&mut tx, event.provider, &reported, status, update.error_code)
            .await?;
        match reported.ended.as_deref() {
            // The worker of the outbox decides, as soon as it may claim the lane.
            None => lanes::make_due_now(&mut tx, Queue::Outbox, &reported.lane, now).await?,
            Some(ended) => {
                self.revise_final_state(&mut tx, event.provider, &reported, ended, update.error_code).await?;
            }
        }
        // Lock order: wallet, message, then sender, as in a send.
        self.pauses.judge_sender(&mut tx, event.provider, &reported, status, update.error_code).await?;
        crash::point("status.before");
        self.replies.finish(tx, claimed, event, reported.author.as_ref(), &Outcome::Applied).await?;
        if reported.ended.is_none() {
            self.core.wakers.wake_here(Queue::Outbox);
        }
        if update.pricing.as_ref().is_some_and(Pricing::is_general_purpose_ai)
            && !reported.pricing.is_general_purpose_ai()
        {
            alerts::general_purpose_ai(event.provider);
        }
        Ok(())
    }

    /// Changes the final state of a message if the status contradicts it.
    async fn revise_final_state(
        &self,
        tx: &mut Tx,
        provider: Provider,
        reported: &Reported,
        ended: &str,
        error_code: Option<i64>,
    ) -> Result<(), JourneyError> {
        let now = self.core.now();
        let id = &reported.message;
        let attempts = attempts::of(tx, id).await?;
        if attempts.iter().any(Attempt::is_taken) {
            if ended != "accepted" {
                // The message had been given up.
                outbox::change_end(tx, id, Ended::Accepted, None, now).await?;
            }
        } else if attempts.iter().any(Attempt::is_unclear) {
            if ended == "accepted" {
                // The accepted attempt has failed, and the outcome of the other is unknown.
                outbox::change_end(tx, id, Ended::Dead, Some("unknown_delivery"), now).await?;
            }
        } else {
            let reason = match error_code {
                Some(code) => format!("undeliverable:{code}"),
                None => "undeliverable".to_owned(),
            };
            outbox::change_end(tx, id, Ended::Dead, Some(&reason), now).await?;
            let (form, has_posts) = (reported.form, reported.generation.is_some());
            if self.pauses.waits_for_sender(tx, &WaitingMessage { id, provider, form, has_posts }).await? {
                dead_letters::revive_message(tx, id, now).await?;
                return Ok(());
            }
            let (author, generation) = (reported.author.as_ref(), reported.generation.as_ref());
            self.refund_if_lost(tx, id, author, generation, reported.carries_variant, now).await?;
        }
        Ok(())
    }
}
