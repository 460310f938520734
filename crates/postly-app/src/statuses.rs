//! News of a message of ours: it moves the delivery forward, settles an unclear send, or brings a credit back.

use postly_domain::{
    delivery::AttemptState,
    event::{DeliveryStatus, IgnoreRule, StatusUpdate},
};
use postly_store::{
    inbox::{DueEvent, Outcome},
    lanes::{self, ClaimedLane, Queue},
    outbox::{self, Ended},
};

use crate::{App, JourneyError, crash};

impl App {
    /// Applies a status. Any order of the same statuses ends in the same state.
    pub(crate) async fn apply_status(
        &self,
        claimed: &ClaimedLane,
        event: &DueEvent,
        update: &StatusUpdate,
    ) -> Result<(), JourneyError> {
        let now = self.now();
        let mut tx = self.0.db.write().await?;
        let reported =
            outbox::reported(&mut tx, event.provider, update.attempt.as_ref(), &update.provider_message_id)
                .await?;
        let Some(reported) = reported else {
            let outcome = Outcome::Ignored(IgnoreRule::UnknownMessage);
            return self.finish(tx, claimed, event, None, &outcome).await;
        };
        let status = match reported.state {
            AttemptState::Known(known) => known.after(update.status),
            AttemptState::Sending | AttemptState::Unclear | AttemptState::Refused => update.status,
        };
        outbox::set_status(
            &mut tx,
            &reported.attempt,
            status,
            update.error_code,
            &update.provider_message_id,
        )
        .await?;
        if reported.ended.is_none() {
            // The worker of the outbox decides, as soon as it may.
            lanes::hurry(&mut tx, Queue::Outbox, &reported.lane, now).await?;
        } else if status == DeliveryStatus::Failed {
            if !outbox::may_arrive(&mut tx, &reported.message).await? {
                let reason = match update.error_code {
                    Some(code) => format!("undeliverable:{code}"),
                    None => "undeliverable".to_owned(),
                };
                outbox::change_end(&mut tx, &reported.message, Ended::Dead, Some(&reason), now).await?;
                self.refund_if_lost(
                    &mut tx,
                    &reported.message,
                    &reported.author,
                    reported.generation.as_ref(),
                    reported.carries_variant,
                    now,
                )
                .await?;
            }
        } else if reported.ended.as_deref() == Some("dead") {
            // We had given up hearing of it.
            outbox::change_end(&mut tx, &reported.message, Ended::Accepted, None, now).await?;
        }
        crash::point("status.before");
        self.finish(tx, claimed, event, Some(&reported.author), &Outcome::Applied).await?;
        if reported.ended.is_none() {
            self.0.wakers.wake_here(Queue::Outbox);
        }
        Ok(())
    }
}
