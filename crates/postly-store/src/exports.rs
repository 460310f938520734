//! The queries for an author's export of all their data.

use postly_domain::{Provider, UnixMillis, event::EventKind, id::AuthorId};

use crate::{
    StoreError, Tx,
    sql::{Sql, args},
};

/// The most rows of a kind in an export: more than an author's lifetime, and few enough for memory.
pub const MOST_ROWS: i64 = 100_000;

/// A generation.
#[derive(Debug, Clone)]
pub struct ExportedGeneration {
    /// Its id.
    pub id: String,
    /// The brief.
    pub brief: String,
    /// The network of the posts.
    pub platform: String,
    /// The language of the posts.
    pub language: String,
    /// The posts, as JSON.
    pub variants: String,
    /// The model or offline writer that wrote them.
    pub writer: String,
    /// True if its credit was given back.
    pub refunded: bool,
    /// The time of creation.
    pub created_at: UnixMillis,
}

const GENERATIONS: Sql = Sql::both(
    "SELECT id, brief, platform, language, variants, writer, \
     CAST(CASE WHEN state = 'refunded' THEN 1 ELSE 0 END AS BIGINT) AS refunded, created_at_ms FROM generations WHERE author_id IN (SELECT id FROM authors WHERE id = $1 OR merged_into_id = $1) ORDER BY id LIMIT $2",
);

/// Returns the generations of an author, oldest first.
///
/// # Errors
/// Fails if the database fails.
pub async fn generations(tx: &mut Tx, author: &AuthorId) -> Result<Vec<ExportedGeneration>, StoreError> {
    tx.all(GENERATIONS, args![author, MOST_ROWS])
        .await?
        .iter()
        .map(|row| {
            Ok(ExportedGeneration {
                id: row.text("id")?,
                brief: row.text("brief")?,
                platform: row.text("platform")?,
                language: row.text("language")?,
                variants: row.text("variants")?,
                writer: row.text("writer")?,
                refunded: row.flag("refunded")?,
                created_at: row.time("created_at_ms")?,
            })
        })
        .collect()
}

/// An event from the author, as delivered by the provider.
#[derive(Clone)]
pub struct ExportedEvent {
    /// The provider that delivered it.
    pub provider: Provider,
    /// The kind.
    pub kind: EventKind,
    /// The part of the webhook that describes it.
    pub slice: String,
    /// The outcome.
    pub outcome: Option<String>,
    /// The time of the event.
    pub occurred_at: UnixMillis,
}

const EVENTS: Sql = Sql::both(
    "SELECT provider, kind, slice, outcome, occurred_at_ms FROM inbox WHERE author_id IN (SELECT id FROM authors WHERE id = $1 OR merged_into_id = $1) AND slice <> '' \
     ORDER BY id LIMIT $2",
);

/// Returns the stored events of an author, oldest first.
///
/// # Errors
/// Fails if the database fails.
pub async fn events(tx: &mut Tx, author: &AuthorId) -> Result<Vec<ExportedEvent>, StoreError> {
    tx.all(EVENTS, args![author, MOST_ROWS])
        .await?
        .iter()
        .map(|row| {
            Ok(ExportedEvent {
                provider: row.provider("provider")?,
                kind: EventKind::parse(&row.text("kind")?)
                    .ok_or(StoreError::Unreadable { column: "kind" })?,
                slice: row.text("slice")?,
                outcome: row.maybe_text("outcome")?,
                occurred_at: row.time("occurred_at_ms")?,
            })
        })
        .collect()
}

/// A message to the author.
#[derive(Clone)]
pub struct ExportedMessage {
    /// The provider.
    pub provider: Provider,
    /// The purpose.
    pub purpose: String,
    /// The text; empty for a code.
    pub body: String,
    /// The state.
    pub state: String,
    /// The time of queueing.
    pub created_at: UnixMillis,
}

const MESSAGES: Sql = Sql::both(
    "SELECT provider, purpose, body, state, created_at_ms FROM outbox WHERE author_id IN (SELECT id FROM authors WHERE id = $1 OR merged_into_id = $1) ORDER BY id LIMIT $2",
);

/// Returns the messages to an author, oldest first.
///
/// # Errors
/// Fails if the database fails.
pub async fn messages(tx: &mut Tx, author: &AuthorId) -> Result<Vec<ExportedMessage>, StoreError> {
    tx.all(MESSAGES, args![author, MOST_ROWS])
        .await?
        .iter()
        .map(|row| {
            Ok(ExportedMessage {
                provider: row.provider("provider")?,
                purpose: row.text("purpose")?,
                body: row.text("body")?,
                state: row.text("state")?,
                created_at: row.time("created_at_ms")?,
            })
        })
        .collect()
}
