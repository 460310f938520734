//! Everything that is stored about one message: the event, its holds and ledger entries, model calls, posts,
//! messages and their attempts. Each query finds its rows by an index.

mod deliveries;
mod work;

use postly_domain::{
    Provider, UnixMillis,
    event::EventKind,
    id::{AuthorId, EventId, MessageId},
};

use crate::{
    StoreError, Tx,
    sql::{Row, Sql, args},
};

pub use deliveries::*;
pub use work::*;

/// The most rows of each kind in a timeline: more than any message has.
const MOST: i64 = 100;

/// A stored event.
#[derive(Clone)]
pub struct StoredEvent {
    /// Its id.
    pub id: EventId,
    /// The provider that delivered it.
    pub provider: Provider,
    /// Its kind.
    pub kind: EventKind,
    /// The state of its handling.
    pub state: String,
    /// Its outcome, once it is handled.
    pub outcome: Option<String>,
    /// The number of tries so far.
    pub attempts: i64,
    /// The round: each replay begins a new one.
    pub round: i64,
    /// The author, if known.
    pub author: Option<AuthorId>,
    /// The first message of the reply.
    pub answer: Option<MessageId>,
    /// The provider's JSON or form; empty after its retention.
    pub slice: String,
    /// The provider's time.
    pub occurred_at: UnixMillis,
    /// The time at which it was stored.
    pub received_at: UnixMillis,
    /// The time at which it was finished.
    pub finished_at: Option<UnixMillis>,
}

macro_rules! event_sql {
    ($rest:literal) => {
        concat!(
            "SELECT id, provider, kind, state, outcome, attempts, round, author_id, answer_id, slice, occurred_at_ms, ",
            "received_at_ms, finished_at_ms FROM inbox WHERE ",
            $rest
        )
    };
}
pub(crate) const EVENT: Sql = Sql::both(event_sql!("id = $1"));
// The ids are sorted first, so that only the newest rows are read as a whole.
pub(crate) const EVENTS_OF: Sql = Sql::both(concat!(
    "WITH own AS MATERIALIZED (SELECT id FROM inbox WHERE author_id = $1 AND kind = 'message') ",
    event_sql!("id IN (SELECT id FROM own ORDER BY id DESC LIMIT $2) ORDER BY id DESC")
));

fn event(row: &Row) -> Result<StoredEvent, StoreError> {
    let kind = EventKind::parse(&row.text("kind")?);
    Ok(StoredEvent {
        id: EventId::new(row.text("id")?),
        provider: row.provider("provider")?,
        kind: kind.ok_or(StoreError::Unreadable { column: "kind" })?,
        state: row.text("state")?,
        outcome: row.maybe_text("outcome")?,
        attempts: row.int("attempts")?,
        round: row.int("round")?,
        author: row.maybe_text("author_id")?.map(AuthorId::new),
        answer: row.maybe_text("answer_id")?.map(MessageId::new),
        slice: row.text("slice")?,
        occurred_at: row.time("occurred_at_ms")?,
        received_at: row.time("received_at_ms")?,
        finished_at: row.maybe_time("finished_at_ms")?,
    })
}

/// An event by its id.
///
/// # Errors
/// Fails if the database fails, or the row cannot be read.
pub async fn stored_event(tx: &mut Tx, id: &EventId) -> Result<Option<StoredEvent>, StoreError> {
    tx.maybe_one(EVENT, args![id]).await?.as_ref().map(event).transpose()
}

/// The newest messages of an author, newest first.
///
/// # Errors
/// As [`stored_event`].
pub async fn events_of(tx: &mut Tx, author: &AuthorId, limit: i64) -> Result<Vec<StoredEvent>, StoreError> {
    tx.all(EVENTS_OF, args![author, limit]).await?.iter().map(event).collect()
}
pub(crate) const EVENT_WITH_KEY: Sql = Sql::both("SELECT id FROM inbox WHERE event_key = $1");
pub(crate) const MESSAGE_OF_ATTEMPT: Sql = Sql::both("SELECT message_id FROM attempts WHERE id = $1");
pub(crate) const MESSAGE_CALLED: Sql =
    Sql::both("SELECT message_id FROM attempts WHERE provider_message_id = $1 LIMIT 1");

/// The event with this key.
///
/// # Errors
/// As [`stored_event`].
pub async fn event_with_key(tx: &mut Tx, event_key: &str) -> Result<Option<EventId>, StoreError> {
    let row = tx.maybe_one(EVENT_WITH_KEY, args![event_key]).await?;
    row.map(|row| row.text("id").map(EventId::new)).transpose()
}

/// The message of an attempt, by the attempt's id or the provider's id of the message.
///
/// # Errors
/// As [`stored_event`].
pub async fn message_of_attempt(tx: &mut Tx, id: &str) -> Result<Option<MessageId>, StoreError> {
    for sql in [MESSAGE_OF_ATTEMPT, MESSAGE_CALLED] {
        if let Some(row) = tx.maybe_one(sql, args![id]).await? {
            return Ok(Some(MessageId::new(row.text("message_id")?)));
        }
    }
    Ok(None)
}
