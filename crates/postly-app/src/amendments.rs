//! Messages that their sender deletes or edits before their turn (RULES 4.10).
//!
//! An amendment is a message of its own, enqueued after the one it amends. It has no effect in its own turn:
//! the worker reads the amendments when the turn of a message begins, before anything is reserved or written.

use postly_domain::{
    Provider,
    event::{Content, EventKind, IgnoreRule, InboundEvent, InboundMessage},
};
use postly_store::{
    StoreError, Tx, amendments, authors,
    inbox::{DueEvent, Outcome},
    lanes::ClaimedLane,
};

use crate::{Conversations, JourneyError, Turns};

impl Conversations {
    /// Returns the message with the amendments that its sender made before its turn. `None` if it was
    /// deleted.
    pub(crate) async fn as_amended(
        &self,
        claimed: &ClaimedLane,
        event: &DueEvent,
        message: InboundMessage,
    ) -> Result<Option<InboundMessage>, JourneyError> {
        // Twilio passes on neither edits nor deletions.
        if event.provider != Provider::Meta {
            return Ok(Some(message));
        }
        let mut tx = self.core.db.read().await?;
        Ok(self.turns.amended(&mut tx, claimed, message).await?)
    }

    /// Ends a message that was deleted before its turn. An earlier attempt may have reserved a credit: it is
    /// released.
    pub(crate) async fn finish_revoked(
        &self,
        claimed: &ClaimedLane,
        event: &DueEvent,
    ) -> Result<(), JourneyError> {
        let mut tx = self.core.db.write().await?;
        self.replies.release_stale_hold(&mut tx, event, self.core.now()).await?;
        self.replies.finish(tx, claimed, event, None, &Outcome::Ignored(IgnoreRule::Revoked)).await
    }

    /// Ends an amendment. It is kept, because the provider may redeliver the amended message after it.
    pub(crate) async fn finish_amendment(
        &self,
        claimed: &ClaimedLane,
        event: &DueEvent,
        message: &InboundMessage,
        original: &str,
    ) -> Result<(), JourneyError> {
        let key = self.core.stored_key(event.provider, original);
        let mut tx = self.core.db.write().await?;
        // The author is recorded, so that an erasure of the author deletes it.
        let known = authors::known(&mut tx, &message.sender, self.core.now()).await?;
        let author = known.map(|(_, author, _)| author.id);
        let outcome = if amendments::come_too_late(&mut tx, &key).await? {
            Outcome::Ignored(IgnoreRule::NothingToSay)
        } else {
            Outcome::Applied
        };
        self.replies.finish(tx, claimed, event, author.as_ref(), &outcome).await
    }
}

impl Turns {
    /// Applies the stored amendments to a message of a Meta number. `None` if it was deleted.
    pub(crate) async fn amended(
        &self,
        tx: &mut Tx,
        claimed: &ClaimedLane,
        mut message: InboundMessage,
    ) -> Result<Option<InboundMessage>, StoreError> {
        let provider = message.sender.provider;
        let key = self.core.stored_key(provider, &message.provider_message_id);
        let slices = amendments::of(tx, &key, &claimed.lane).await?;
        for slice in slices {
            let amendment = postly_whatsapp::parse_event(provider, EventKind::Message, &slice);
            let Ok(InboundEvent::Message(amendment)) = amendment else { continue };
            match amendment.content {
                Content::Revoke { .. } => return Ok(None),
                // An edit to content that cannot be answered leaves the message as it is.
                Content::Edit { content, .. } if !matches!(*content, Content::Silent { .. }) => {
                    message.content = *content;
                }
                Content::Edit { .. }
                | Content::Text(_)
                | Content::Spoken(_)
                | Content::Caption { .. }
                | Content::Tap { .. }
                | Content::Unreadable { .. }
                | Content::OwnNumber { .. }
                | Content::Silent { .. } => {}
            }
        }
        Ok(Some(message))
    }
}
