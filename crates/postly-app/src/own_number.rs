//! A number that an author shares because the service asked for it.

use postly_domain::{
    Language, PhoneE164,
    event::{InboundMessage, Sender},
};
use postly_store::{identities, inbox::DueEvent, lanes::ClaimedLane};

use crate::{Conversations, JourneyError, reply::Reply};

impl Conversations {
    /// Proves the number, as a message from it does: the author is resolved as a sender with this number.
    pub(crate) async fn number_shared(
        &self,
        claimed: &ClaimedLane,
        event: &DueEvent,
        message: &InboundMessage,
        phone: &PhoneE164,
    ) -> Result<(), JourneyError> {
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        let sender = Sender { phone: Some(phone.clone()), ..message.sender.clone() };
        let met =
            self.people.resolve_author(&mut tx, &sender, event.occurred_at, || Language::Fr, now).await?;
        let Some(person) = met else { return self.replies.ignore_erased(tx, claimed, event).await };
        // Another author may have the number, perhaps the same person: a contact merges no accounts.
        let key = if person.identity.phone.as_ref() == Some(phone) {
            identities::prove_phone(&mut tx, &person.author.id, phone, now).await?;
            "number-proved"
        } else {
            "number-elsewhere"
        };
        let reply = Reply::plain("number_shared", self.core.catalogue.text(person.author.language, key));
        self.replies.reply_and_finish(tx, claimed, event, message, &person, reply).await
    }
}
