//! Erasure: deletes everything about an author except a pseudonym in the ledger and keyed hashes of the
//! credits given to them.

use postly_domain::{
    Provider, UnixMillis,
    challenge::confirms_erasure,
    delivery::Form,
    event::InboundMessage,
    id::{AuthorId, MessageId},
    metric,
    time::SERVICE_WINDOW_SECS,
};
use postly_store::{
    StoreError, Tx, authors, erasures, identities,
    inbox::{self, DueEvent, Outcome},
    lanes::ClaimedLane,
    outbox::{self, NewMessage},
};

use crate::{
    Conversations, Core, JourneyError, conflict::again, ids::Fresh as _, people::Person, seal::Sealed,
};

/// The time within which the question to confirm an erasure may be answered.
const CONFIRM_WITHIN_MS: i64 = 15 * 60 * 1000;

impl Conversations {
    /// True if this message confirms the erasure.
    pub(crate) fn confirms(&self, person: &Person, text: &str, now: UnixMillis) -> bool {
        let context = person.author.erasure_asked_at;
        context.is_some_and(|at| now.since_ms(at) < CONFIRM_WITHIN_MS) && confirms_erasure(text)
    }

    /// Erases an author who confirmed it on WhatsApp. The receipt answers the confirmation; its address is
    /// sealed.
    pub(crate) async fn erase_and_finish(
        &self,
        mut tx: Tx,
        claimed: &ClaimedLane,
        event: &DueEvent,
        message: &InboundMessage,
        person: &Person,
    ) -> Result<(), JourneyError> {
        let now = self.core.now();
        let author = &person.author.id;
        // Times have seconds: another message of the same second may be written after the erasure, and is not
        // marked.
        self.erasure.erase_in(&mut tx, author, event.occurred_at.plus_ms(-1), now).await?;
        let id = MessageId::fresh(now);
        let sealed = Sealed { address: Some(message.sender.address.clone()), ..Sealed::default() };
        let window = event.occurred_at.plus_secs(SERVICE_WINDOW_SECS);
        let receipt = NewMessage {
            buttons: None,
            id: &id,
            key: &format!("{}:{}:0", event.id, event.round),
            lane: &format!("erased:{id}"),
            author: Some(author),
            provider: event.provider,
            business: &message.business,
            address: "",
            purpose: "erased",
            event: Some(&event.id),
            generation: None,
            carries_variant: false,
            reply_to: None,
            body: &self.core.catalogue.text(person.author.language, "erased"),
            form: Form::Text,
            sealed: Some(&self.core.code_keys.seal(&id, &sealed)?),
            expires_at: window,
        };
        outbox::queue(&mut tx, &receipt, now).await?;
        inbox::wipe(&mut tx, &event.id).await?;
        let outcome = Outcome::Answered { reply: "erased", message: id };
        self.replies.finish(tx, claimed, event, Some(author), &outcome).await?;
        self.erasure.record_erasures_beside_backups().await;
        Ok(())
    }
}

/// The erasure of people, and its records beside the backups.
#[derive(Clone)]
pub struct Erasure {
    pub(crate) core: Core,
}

impl Erasure {
    /// Builds the service.
    pub fn new(core: &Core) -> Self {
        Self { core: core.clone() }
    }

    /// Erases an author. Sends nothing.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn erase(&self, author: &AuthorId) -> Result<(), StoreError> {
        again!(self.try_erase(author))?;
        self.record_erasures_beside_backups().await;
        Ok(())
    }

    pub(crate) async fn try_erase(&self, author: &AuthorId) -> Result<(), StoreError> {
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        let mut current = authors::current(&mut tx, author).await?;
        if !authors::lock(&mut tx, &current).await? {
            // The author was merged into another before the lock. The other is not merged further: an author
            // is merged only into one that is not merged. Release this lock before waiting for the other.
            drop(tx);
            tx = self.core.db.write().await?;
            current = authors::current(&mut tx, author).await?;
        }
        self.erase_in(&mut tx, &current, now, now).await?;
        tx.commit().await
    }

    async fn erase_in(
        &self,
        tx: &mut Tx,
        author: &AuthorId,
        until: UnixMillis,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        authors::lock(tx, author).await?;
        let mut lanes = vec![];
        for identity in identities::of_author(tx, author).await? {
            for name in
                identity.phone.iter().map(|phone| phone.as_str().to_owned()).chain(identity.bsuid.clone())
            {
                erasures::mark(tx, &self.core.name_hash(&name), until).await?;
            }
            for provider in [Provider::Meta, Provider::Twilio] {
                if let (Some(phone), Some(business)) = (&identity.phone, self.core.routes.business(provider))
                {
                    lanes.push(self.core.code_lane(provider, &business, phone));
                }
            }
        }
        erasures::erase(tx, author, &lanes, now).await?;
        metrics::counter!(metric::ERASURES).increment(1);
        tracing::info!(author.id = %author, "Erased author {author}");
        Ok(())
    }
}
