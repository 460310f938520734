//! The results that a follow-up may refer to: an author's newest, that of a message, or one by its id.

use postly_domain::{
    Language, UnixMillis,
    id::{AuthorId, EventId, GenerationId},
    post::{Platform, Variant},
};

use crate::{
    StoreError, Tx,
    sql::{Row, Sql, args},
};

/// A result with all data that a change of it needs.
#[derive(Debug, Clone)]
pub struct SavedResult {
    /// Its id.
    pub id: GenerationId,
    /// The paid result that it derives from: itself, unless it is a change.
    pub root: GenerationId,
    /// The message that requested the paid result; none on the web.
    pub root_event: Option<EventId>,
    /// The brief, with all changes so far.
    pub brief: String,
    /// The network of the posts.
    pub platform: Platform,
    /// The language of the posts.
    pub language: Language,
    /// The three posts.
    pub variants: Vec<Variant>,
    /// The time of creation.
    pub created_at: UnixMillis,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, COALESCE(root_id, id) AS root_id, (SELECT first.event_id FROM generations AS first ",
            "WHERE first.id = COALESCE(generations.root_id, generations.id)) AS root_event_id, brief, platform, language, variants, created_at_ms ",
            "FROM generations WHERE author_id = $1 AND state = 'settled' ",
            $rest
        )
    };
}
const LATEST: Sql = Sql::both(select!("ORDER BY id DESC LIMIT 1"));
const BY_ID: Sql = Sql::both(select!("AND id = $2"));
const BY_MESSAGE: Sql = Sql::both(select!(
    "AND id IN (SELECT outbox.generation_id FROM attempts JOIN outbox ON outbox.id = attempts.message_id \
     WHERE attempts.provider_message_id = $2)"
));

/// Returns the newest result of an author, unless a refund hides it.
///
/// # Errors
/// Fails if the database fails, or the row cannot be read.
pub async fn latest(tx: &mut Tx, author: &AuthorId) -> Result<Option<SavedResult>, StoreError> {
    tx.maybe_one(LATEST, args![author]).await?.as_ref().map(read).transpose()
}

/// Returns a result of an author by its id, unless a refund hides it.
///
/// # Errors Fails as [`latest`] does.
pub async fn get(
    tx: &mut Tx,
    author: &AuthorId,
    id: &GenerationId,
) -> Result<Option<SavedResult>, StoreError> {
    tx.maybe_one(BY_ID, args![author, id]).await?.as_ref().map(read).transpose()
}

/// Returns the result of an author that a message delivered, by the provider's id of the message.
///
/// # Errors Fails as [`latest`] does.
pub async fn of_message(
    tx: &mut Tx,
    author: &AuthorId,
    provider_message_id: &str,
) -> Result<Option<SavedResult>, StoreError> {
    tx.maybe_one(BY_MESSAGE, args![author, provider_message_id]).await?.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<SavedResult, StoreError> {
    let unreadable = |column| StoreError::Unreadable { column };
    let variants = serde_json::from_str(&row.text("variants")?).map_err(|_| unreadable("variants"))?;
    Ok(SavedResult {
        id: GenerationId::new(row.text("id")?),
        root: GenerationId::new(row.text("root_id")?),
        root_event: row.maybe_text("root_event_id")?.map(EventId::new),
        brief: row.text("brief")?,
        platform: Platform::parse(&row.text("platform")?).ok_or(unreadable("platform"))?,
        language: row.language("language")?,
        variants,
        created_at: row.time("created_at_ms")?,
    })
}

const FREE_USED: Sql = Sql::both("SELECT 1 AS found FROM ledger WHERE operation = $1");

/// Returns the ledger operation of the free change of a result: one for each result.
pub fn free_operation(root: &GenerationId) -> String {
    format!("free_refinement:{root}")
}

/// True if the free change of a paid result is used up.
///
/// # Errors
/// Fails if the database fails.
pub async fn is_free_used(tx: &mut Tx, root: &GenerationId) -> Result<bool, StoreError> {
    Ok(tx.maybe_one(FREE_USED, args![free_operation(root)]).await?.is_some())
}
