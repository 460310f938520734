//! The timeline of one message: from the webhook to the delivery statuses.

use postly_domain::{
    Provider, UnixMillis,
    id::{AuthorId, EventId, GenerationId, MessageId},
};
use postly_store::{
    StoreError, Tx,
    timeline::{
        self, StoredAttempt, StoredCall, StoredEntry, StoredEvent, StoredGeneration, StoredHold,
        StoredMessage,
    },
};

use crate::{Admin, export::text_of};

/// The longest id that is looked up, in bytes: one of a provider.
const LONGEST_ID: usize = 256;

/// A delivery status of one of our messages, and the time of its arrival.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// The name of the status in the provider's API.
    pub status: &'static str,
    /// The provider's time.
    pub occurred_at: UnixMillis,
    /// The time at which it was stored.
    pub received_at: UnixMillis,
}

/// An outgoing message.
#[derive(Clone)]
pub struct Delivery {
    /// The message.
    pub message: StoredMessage,
    /// Its attempts, oldest first, each with its statuses.
    pub attempts: Vec<(StoredAttempt, Vec<Tick>)>,
}

/// Everything stored of one message.
#[derive(Clone, Default)]
pub struct Timeline {
    /// The message of the author. `None` for a message that the service or an operator began, and for a
    /// request on the web.
    pub event: Option<StoredEvent>,
    /// The text, if there is one and it is still stored.
    pub text: Option<String>,
    /// The holds, oldest first, each with its ledger entries.
    pub holds: Vec<(StoredHold, Vec<StoredEntry>)>,
    /// The model calls, oldest first.
    pub calls: Vec<StoredCall>,
    /// The posts.
    pub generation: Option<StoredGeneration>,
    /// The outgoing messages, in their order.
    pub deliveries: Vec<Delivery>,
}

impl Timeline {
    /// Returns the author it is about.
    pub fn author(&self) -> Option<&AuthorId> {
        let event = self.event.as_ref().and_then(|event| event.author.as_ref());
        let generation = self.generation.as_ref().map(|generation| &generation.author);
        let message = self.deliveries.iter().find_map(|delivery| delivery.message.author.as_ref());
        event.or(generation).or(message)
    }
}

/// The row at which a timeline begins.
enum Root {
    Event(EventId),
    Generation(GenerationId),
    Message(MessageId),
}

impl Root {
    fn id(&self) -> &str {
        match self {
            Self::Event(id) => id.as_str(),
            Self::Generation(id) => id.as_str(),
            Self::Message(id) => id.as_str(),
        }
    }
}

impl Admin {
    /// Finds the row at which the timeline of a message begins, by an id of ours (event, message, attempt,
    /// generation) or by the provider's id of either direction. Returns its id.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn find_message(&self, id: &str) -> Result<Option<String>, StoreError> {
        let mut tx = self.core.db.read().await?;
        Ok(self.root(&mut tx, id.trim()).await?.map(|root| root.id().to_owned()))
    }

    /// Returns the timeline of a message, by the same ids as [`Admin::find_message`].
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn timeline(&self, id: &str) -> Result<Option<Timeline>, StoreError> {
        let mut tx = self.core.db.read().await?;
        let mut found = Timeline::default();
        let mut messages = vec![];
        match self.root(&mut tx, id.trim()).await? {
            None => return Ok(None),
            Some(Root::Event(id)) => found.event = timeline::stored_event(&mut tx, &id).await?,
            Some(Root::Generation(id)) => {
                found.generation = timeline::stored_generation(&mut tx, &id).await?;
            }
            Some(Root::Message(id)) => messages.extend(timeline::stored_message(&mut tx, &id).await?),
        }
        if let Some(event) = &found.event {
            found.text = text_of(event.provider, event.kind, &event.slice);
            found.calls = timeline::calls_for(&mut tx, &event.id).await?;
            found.generation = timeline::generation_of(&mut tx, &event.id).await?;
            if let Some(answer) = &event.answer {
                messages.extend(timeline::stored_message(&mut tx, answer).await?);
            }
            for round in 1..=event.round.min(MOST_ROUNDS) {
                messages.extend(timeline::answers(&mut tx, &event.id, round).await?);
            }
        } else if let Some(generation) = &found.generation {
            found.calls = timeline::calls_before(&mut tx, &generation.author, generation.created_at).await?;
        }
        if let Some(generation) = &found.generation {
            messages.extend(timeline::messages_with(&mut tx, &generation.id).await?);
        }
        let of_event = found.event.as_ref().map(|event| (&event.id, event.round));
        let of_generation = found.generation.as_ref().and_then(|generation| generation.hold.as_ref());
        for hold in timeline::holds(&mut tx, of_event, of_generation).await? {
            let entries = timeline::entries_of(&mut tx, &hold.id).await?;
            found.holds.push((hold, entries));
        }
        messages.sort_by(|one, other| one.id.cmp(&other.id));
        messages.dedup_by(|one, other| one.id == other.id);
        for message in messages {
            let attempts = self.attempts_of(&mut tx, &message).await?;
            found.deliveries.push(Delivery { message, attempts });
        }
        Ok(Some(found))
    }

    /// Returns the author of a generation.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn author_of_generation(&self, id: &GenerationId) -> Result<Option<AuthorId>, StoreError> {
        let mut tx = self.core.db.read().await?;
        Ok(timeline::stored_generation(&mut tx, id).await?.map(|generation| generation.author))
    }

    async fn root(&self, tx: &mut Tx, id: &str) -> Result<Option<Root>, StoreError> {
        if id.is_empty() || id.len() > LONGEST_ID || id.contains('\0') {
            return Ok(None);
        }
        let mut event = timeline::stored_event(tx, &EventId::new(id)).await?.map(|event| event.id);
        for provider in [Provider::Meta, Provider::Twilio] {
            if event.is_none() {
                let key = self.core.name_hash(&postly_whatsapp::message_key(provider, id).0);
                event = timeline::event_with_key(tx, &key).await?;
            }
        }
        if let Some(event) = event {
            return Ok(Some(Root::Event(event)));
        }
        if let Some(generation) = timeline::stored_generation(tx, &GenerationId::new(id)).await? {
            return Ok(Some(generation.event.map_or(Root::Generation(generation.id), Root::Event)));
        }
        let mut message = timeline::stored_message(tx, &MessageId::new(id)).await?;
        if message.is_none()
            && let Some(called) = timeline::message_of_attempt(tx, id).await?
        {
            message = timeline::stored_message(tx, &called).await?;
        }
        Ok(message.map(|message| message.event.map_or(Root::Message(message.id), Root::Event)))
    }

    async fn attempts_of(
        &self,
        tx: &mut Tx,
        message: &StoredMessage,
    ) -> Result<Vec<(StoredAttempt, Vec<Tick>)>, StoreError> {
        let mut found = vec![];
        for attempt in timeline::attempts(tx, &message.id).await? {
            let mut ticks = vec![];
            if let Some(name) = &attempt.provider_message_id {
                for status in statuses(message.provider) {
                    let key = postly_whatsapp::status_key(message.provider, name, status);
                    if let Some((occurred_at, received_at)) =
                        timeline::tick(tx, &self.core.name_hash(&key.0)).await?
                    {
                        ticks.push(Tick { status, occurred_at, received_at });
                    }
                }
            }
            found.push((attempt, ticks));
        }
        Ok(found)
    }
}

/// The most replays of an event that a timeline shows.
const MOST_ROUNDS: i64 = 20;

/// The names of a provider's statuses of a message.
fn statuses(provider: Provider) -> &'static [&'static str] {
    match provider {
        Provider::Meta => &["sent", "delivered", "read", "played", "failed"],
        Provider::Twilio => &["queued", "sending", "sent", "delivered", "read", "undelivered", "failed"],
    }
}
