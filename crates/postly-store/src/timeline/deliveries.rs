//! Outgoing messages, their attempts, and their statuses.

use postly_domain::{
    Provider, UnixMillis,
    id::{AttemptId, AuthorId, EventId, GenerationId, MessageId},
};

use super::MOST;
use crate::{
    StoreError, Tx,
    sql::{Row, Sql, args},
};

/// An outgoing message.
#[derive(Clone)]
pub struct StoredMessage {
    /// Its id.
    pub id: MessageId,
    /// The author, if known.
    pub author: Option<AuthorId>,
    /// The event it answers.
    pub event: Option<EventId>,
    /// The generation that it carries.
    pub generation: Option<GenerationId>,
    /// The provider.
    pub provider: Provider,
    /// Its purpose.
    pub purpose: String,
    /// The text; empty if it was sealed.
    pub body: String,
    /// The state of its delivery.
    pub state: String,
    /// The reason of a failure.
    pub reason: Option<String>,
    /// The time until which it may be sent.
    pub expires_at: UnixMillis,
    /// The time at which it was queued.
    pub created_at: UnixMillis,
    /// The time at which it was finished.
    pub finished_at: Option<UnixMillis>,
}

macro_rules! message_sql {
    ($rest:literal) => {
        concat!(
            "SELECT id, author_id, event_id, generation_id, provider, purpose, body, state, reason, expires_at_ms, ",
            "created_at_ms, finished_at_ms FROM outbox WHERE ",
            $rest
        )
    };
}
pub(crate) const MESSAGE: Sql = Sql::both(message_sql!("id = $1"));
pub(crate) const BY_KEY: Sql = Sql::both(message_sql!("message_key = $1"));
pub(crate) const BY_GENERATION: Sql = Sql::both(message_sql!("generation_id = $1 ORDER BY id LIMIT $2"));
pub(crate) const MESSAGES_OF: Sql = Sql::both(concat!(
    "WITH own AS MATERIALIZED (SELECT id FROM outbox WHERE author_id = $1) ",
    message_sql!("id IN (SELECT id FROM own ORDER BY id DESC LIMIT $2) ORDER BY id DESC")
));

fn message(row: &Row) -> Result<StoredMessage, StoreError> {
    Ok(StoredMessage {
        id: MessageId::new(row.text("id")?),
        author: row.maybe_text("author_id")?.map(AuthorId::new),
        event: row.maybe_text("event_id")?.map(EventId::new),
        generation: row.maybe_text("generation_id")?.map(GenerationId::new),
        provider: row.provider("provider")?,
        purpose: row.text("purpose")?,
        body: row.text("body")?,
        state: row.text("state")?,
        reason: row.maybe_text("reason")?,
        expires_at: row.time("expires_at_ms")?,
        created_at: row.time("created_at_ms")?,
        finished_at: row.maybe_time("finished_at_ms")?,
    })
}

/// A message by its id.
///
/// # Errors
/// As [`super::stored_event`].
pub async fn stored_message(tx: &mut Tx, id: &MessageId) -> Result<Option<StoredMessage>, StoreError> {
    tx.maybe_one(MESSAGE, args![id]).await?.as_ref().map(message).transpose()
}

/// The newest messages that were queued for an author, newest first.
///
/// # Errors
/// As [`super::stored_event`].
pub async fn messages_of(
    tx: &mut Tx,
    author: &AuthorId,
    limit: i64,
) -> Result<Vec<StoredMessage>, StoreError> {
    tx.all(MESSAGES_OF, args![author, limit]).await?.iter().map(message).collect()
}

/// The messages of the reply to an event in one round: the parts of a reply are numbered from 0.
///
/// # Errors
/// As [`super::stored_event`].
pub async fn answers(tx: &mut Tx, id: &EventId, round: i64) -> Result<Vec<StoredMessage>, StoreError> {
    let mut found = vec![];
    for part in 0..MOST {
        let key = format!("{id}:{round}:{part}");
        match tx.maybe_one(BY_KEY, args![&key]).await? {
            Some(row) => found.push(message(&row)?),
            None => break,
        }
    }
    Ok(found)
}

/// The messages that carry a generation, in their order.
///
/// # Errors
/// As [`super::stored_event`].
pub async fn messages_with(tx: &mut Tx, id: &GenerationId) -> Result<Vec<StoredMessage>, StoreError> {
    tx.all(BY_GENERATION, args![id, MOST]).await?.iter().map(message).collect()
}
/// A call of a provider for a message.
#[derive(Debug, Clone)]
pub struct StoredAttempt {
    /// Its id: the correlation id that is sent with the call.
    pub id: AttemptId,
    /// The state of the call.
    pub state: String,
    /// The last status.
    pub status: Option<String>,
    /// The provider's id of the message.
    pub provider_message_id: Option<String>,
    /// The provider's error.
    pub error_code: Option<i64>,
    /// The provider's category of the price.
    pub price_category: Option<String>,
    /// True if the provider bills it.
    pub billable: Option<bool>,
    /// The time at which the call began.
    pub started_at: UnixMillis,
}

pub(crate) const ATTEMPTS: Sql = Sql::both(
    "SELECT id, state, status, provider_message_id, error_code, price_category, billable, started_at_ms FROM attempts \
     WHERE message_id = $1 ORDER BY message_id, id LIMIT $2",
);

/// The attempts of a message, oldest first.
///
/// # Errors
/// As [`super::stored_event`].
pub async fn attempts(tx: &mut Tx, message: &MessageId) -> Result<Vec<StoredAttempt>, StoreError> {
    let attempt = |row: &Row| {
        Ok(StoredAttempt {
            id: AttemptId::new(row.text("id")?),
            state: row.text("state")?,
            status: row.maybe_text("status")?,
            provider_message_id: row.maybe_text("provider_message_id")?,
            error_code: row.maybe_int("error_code")?,
            price_category: row.maybe_text("price_category")?,
            billable: row.maybe_int("billable")?.map(|billable| billable != 0),
            started_at: row.time("started_at_ms")?,
        })
    };
    tx.all(ATTEMPTS, args![message, MOST]).await?.iter().map(attempt).collect()
}

pub(crate) const TICK: Sql =
    Sql::both("SELECT occurred_at_ms, received_at_ms FROM inbox WHERE event_key = $1");

/// The time of a status by the provider's clock and by ours, under the key of its event. `None` if it has not
/// arrived.
///
/// # Errors
/// As [`super::stored_event`].
pub async fn tick(tx: &mut Tx, event_key: &str) -> Result<Option<(UnixMillis, UnixMillis)>, StoreError> {
    let row = tx.maybe_one(TICK, args![event_key]).await?;
    row.map(|row| Ok((row.time("occurred_at_ms")?, row.time("received_at_ms")?))).transpose()
}
