//! What is read to hand an author everything we hold of her.

use postly_domain::{Provider, UnixMillis, event::EventKind, id::AuthorId};

use crate::{
    StoreError, Tx,
    sql::{Sql, args},
};

/// How many rows of a kind are handed over at most: a shopkeeper's lifetime, and less than a process can bear.
pub const MOST_ROWS: i64 = 100_000;

/// A set of posts.
#[derive(Debug, Clone)]
pub struct ExportedGeneration {
    /// Its id.
    pub id: String,
    /// What she asked for.
    pub brief: String,
    /// For where.
    pub platform: String,
    /// In which language.
    pub language: String,
    /// The posts, as JSON.
    pub variants: String,
    /// Who wrote them.
    pub writer: String,
    /// Whether its credit was given back.
    pub refunded: bool,
    /// When.
    pub created_at: UnixMillis,
}

const GENERATIONS: Sql = Sql::both(
    "SELECT id, brief, platform, language, variants, writer, \
     CAST(CASE WHEN state = 'refunded' THEN 1 ELSE 0 END AS BIGINT) AS refunded, created_at_ms FROM generations WHERE author_id IN (SELECT id FROM authors WHERE id = $1 OR merged_into_id = $1) ORDER BY id LIMIT $2",
);

/// The posts of an author, oldest first.
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

/// Something she sent us, as her provider brought it.
#[derive(Clone)]
pub struct ExportedEvent {
    /// Who brought it.
    pub provider: Provider,
    /// What it is.
    pub kind: EventKind,
    /// What the provider sent of it.
    pub slice: String,
    /// How it ended.
    pub outcome: Option<String>,
    /// When she sent it.
    pub occurred_at: UnixMillis,
}

const EVENTS: Sql = Sql::both(
    "SELECT provider, kind, slice, outcome, occurred_at_ms FROM inbox WHERE author_id IN (SELECT id FROM authors WHERE id = $1 OR merged_into_id = $1) AND slice <> '' \
     ORDER BY id LIMIT $2",
);

/// What an author sent us and is still kept, oldest first.
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

/// Something we sent her.
#[derive(Clone)]
pub struct ExportedMessage {
    /// By whom.
    pub provider: Provider,
    /// What it is.
    pub purpose: String,
    /// The text; empty for a code.
    pub body: String,
    /// What became of it.
    pub state: String,
    /// When it was queued.
    pub created_at: UnixMillis,
}

const MESSAGES: Sql = Sql::both(
    "SELECT provider, purpose, body, state, created_at_ms FROM outbox WHERE author_id IN (SELECT id FROM authors WHERE id = $1 OR merged_into_id = $1) ORDER BY id LIMIT $2",
);

/// What we sent an author, oldest first.
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
