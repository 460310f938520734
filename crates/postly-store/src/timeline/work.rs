//! The work for a message: posts, model calls, holds and ledger entries.

use postly_domain::{
    UnixMillis,
    id::{AuthorId, EventId, GenerationId, HoldId},
};

use super::MOST;
use crate::{
    StoreError, Tx,
    retention::first_id,
    sql::{Row, Sql, args},
};

/// A generation, without its posts.
#[derive(Debug, Clone)]
pub struct StoredGeneration {
    /// Its id.
    pub id: GenerationId,
    /// The author.
    pub author: AuthorId,
    /// The event that requested it; `None` for a request on the web.
    pub event: Option<EventId>,
    /// The hold that was settled for it; `None` if it was free.
    pub hold: Option<HoldId>,
    /// True if its credit was refunded.
    pub is_refunded: bool,
    /// The brief.
    pub brief: String,
    /// The network.
    pub platform: String,
    /// The language.
    pub language: String,
    /// The writer.
    pub writer: String,
    /// The version of the prompts.
    pub prompt_version: String,
    /// The time at which it was saved.
    pub created_at: UnixMillis,
}

macro_rules! generation_sql {
    ($rest:literal) => {
        concat!(
            "SELECT id, author_id, event_id, hold_id, ",
            "CAST(CASE WHEN state = 'refunded' THEN 1 ELSE 0 END AS BIGINT) AS refunded, brief, platform, language, ",
            "writer, prompt_version, created_at_ms FROM generations WHERE ",
            $rest
        )
    };
}
pub(crate) const GENERATION: Sql = Sql::both(generation_sql!("id = $1"));
pub(crate) const BY_EVENT: Sql = Sql::both(generation_sql!("event_id = $1"));
pub(crate) const GENERATIONS_OF: Sql =
    Sql::both(generation_sql!("author_id = $1 AND id > '' ORDER BY author_id DESC, id DESC LIMIT $2"));

fn generation(row: &Row) -> Result<StoredGeneration, StoreError> {
    Ok(StoredGeneration {
        id: GenerationId::new(row.text("id")?),
        author: AuthorId::new(row.text("author_id")?),
        event: row.maybe_text("event_id")?.map(EventId::new),
        hold: row.maybe_text("hold_id")?.map(HoldId::new),
        is_refunded: row.flag("refunded")?,
        brief: row.text("brief")?,
        platform: row.text("platform")?,
        language: row.text("language")?,
        writer: row.text("writer")?,
        prompt_version: row.text("prompt_version")?,
        created_at: row.time("created_at_ms")?,
    })
}

/// A generation by its id.
///
/// # Errors
/// As [`super::stored_event`].
pub async fn stored_generation(
    tx: &mut Tx,
    id: &GenerationId,
) -> Result<Option<StoredGeneration>, StoreError> {
    tx.maybe_one(GENERATION, args![id]).await?.as_ref().map(generation).transpose()
}

/// The generation that an event requested.
///
/// # Errors
/// As [`super::stored_event`].
pub async fn generation_of(tx: &mut Tx, id: &EventId) -> Result<Option<StoredGeneration>, StoreError> {
    tx.maybe_one(BY_EVENT, args![id]).await?.as_ref().map(generation).transpose()
}

/// The newest generations of an author, newest first, including refunded ones.
///
/// # Errors
/// As [`super::stored_event`].
pub async fn generations_of(
    tx: &mut Tx,
    author: &AuthorId,
    limit: i64,
) -> Result<Vec<StoredGeneration>, StoreError> {
    tx.all(GENERATIONS_OF, args![author, limit]).await?.iter().map(generation).collect()
}

/// A model call.
#[derive(Debug, Clone)]
pub struct StoredCall {
    /// The model.
    pub model: String,
    /// Draft or repair.
    pub stage: String,
    /// Its outcome.
    pub outcome: String,
    /// Tokens in.
    pub prompt_tokens: Option<i64>,
    /// Tokens out.
    pub completion_tokens: Option<i64>,
    /// The price in millionths of a US dollar, if known.
    pub price_microunits: Option<i64>,
    /// Its duration, in milliseconds.
    pub latency_ms: i64,
    /// The server's id of the call.
    pub request_id: Option<String>,
    /// The time at which it was recorded, after its answer.
    pub created_at: UnixMillis,
}

macro_rules! call_sql {
    ($rest:literal) => {
        concat!(
            "SELECT model, stage, outcome, prompt_tokens, completion_tokens, price_microunits, latency_ms, request_id, ",
            "created_at_ms FROM model_calls WHERE ",
            $rest
        )
    };
}
pub(crate) const CALLS_FOR: Sql = Sql::both(call_sql!("event_id = $1 ORDER BY id LIMIT $2"));
// A request on the web has no event: these are the author's calls just before the posts were saved.
pub(crate) const CALLS_BEFORE: Sql =
    Sql::both(call_sql!("id >= $2 AND id < $3 AND author_id = $1 AND event_id IS NULL ORDER BY id LIMIT $4"));
/// Longer than a generation takes.
const GENERATION_MS: i64 = 60_000;

fn call(row: &Row) -> Result<StoredCall, StoreError> {
    Ok(StoredCall {
        model: row.text("model")?,
        stage: row.text("stage")?,
        outcome: row.text("outcome")?,
        prompt_tokens: row.maybe_int("prompt_tokens")?,
        completion_tokens: row.maybe_int("completion_tokens")?,
        price_microunits: row.maybe_int("price_microunits")?,
        latency_ms: row.int("latency_ms")?,
        request_id: row.maybe_text("request_id")?,
        created_at: row.time("created_at_ms")?,
    })
}

/// The model calls for an event, oldest first.
///
/// # Errors
/// As [`super::stored_event`].
pub async fn calls_for(tx: &mut Tx, id: &EventId) -> Result<Vec<StoredCall>, StoreError> {
    tx.all(CALLS_FOR, args![id, MOST]).await?.iter().map(call).collect()
}

/// The model calls for an author on the web in the minute before an instant, oldest first.
///
/// # Errors
/// As [`super::stored_event`].
pub async fn calls_before(
    tx: &mut Tx,
    author: &AuthorId,
    at: UnixMillis,
) -> Result<Vec<StoredCall>, StoreError> {
    let (first, end) = (first_id(at.plus_ms(-GENERATION_MS)), first_id(at.plus_ms(1_000)));
    tx.all(CALLS_BEFORE, args![author, &first, &end, MOST]).await?.iter().map(call).collect()
}

/// A hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredHold {
    /// Its id.
    pub id: HoldId,
    /// Its state.
    pub state: String,
    /// The credits.
    pub amount: i64,
    /// The time at which it was placed.
    pub created_at: UnixMillis,
    /// The time at which it was closed.
    pub closed_at: Option<UnixMillis>,
}

macro_rules! hold_sql {
    ($rest:literal) => {
        concat!("SELECT id, state, amount, created_at_ms, closed_at_ms FROM holds WHERE ", $rest)
    };
}
pub(crate) const HOLD: Sql = Sql::both(hold_sql!("id = $1"));
pub(crate) const HOLD_BY_KEY: Sql = Sql::both(hold_sql!("hold_key = $1"));

fn hold(row: &Row) -> Result<StoredHold, StoreError> {
    Ok(StoredHold {
        id: HoldId::new(row.text("id")?),
        state: row.text("state")?,
        amount: row.int("amount")?,
        created_at: row.time("created_at_ms")?,
        closed_at: row.maybe_time("closed_at_ms")?,
    })
}

/// The holds of an event, at most one for each round, and the hold of its generation.
///
/// # Errors
/// As [`super::stored_event`].
pub async fn holds(
    tx: &mut Tx,
    of_event: Option<(&EventId, i64)>,
    of_generation: Option<&HoldId>,
) -> Result<Vec<StoredHold>, StoreError> {
    let mut found = vec![];
    if let Some((id, rounds)) = of_event {
        for round in (1..=rounds).rev().take(usize::try_from(MOST).unwrap_or(0)) {
            let row = tx.maybe_one(HOLD_BY_KEY, args![&format!("{id}:{round}")]).await?;
            found.extend(row.as_ref().map(hold).transpose()?);
        }
    }
    if let Some(id) = of_generation {
        let row = tx.maybe_one(HOLD, args![id]).await?;
        let of_generation = row.as_ref().map(hold).transpose()?;
        found.extend(of_generation.filter(|hold| !found.contains(hold)));
    }
    found.sort_by_key(|hold| hold.created_at);
    Ok(found)
}

/// A ledger entry of a hold.
#[derive(Debug, Clone)]
pub struct StoredEntry {
    /// The credits, positive or negative.
    pub delta: i64,
    /// The reason.
    pub reason: String,
    /// An operator's note.
    pub note: Option<String>,
    /// The time at which it was written.
    pub created_at: UnixMillis,
}

pub(crate) const ENTRIES: Sql = Sql::both(
    "SELECT delta, reason, note, created_at_ms FROM ledger WHERE operation IN ($1, $2) ORDER BY id",
);

/// The entries of a hold: its settlement and its refund.
///
/// # Errors
/// As [`super::stored_event`].
pub async fn entries_of(tx: &mut Tx, hold: &HoldId) -> Result<Vec<StoredEntry>, StoreError> {
    let (settled, refunded) = (format!("settle:{hold}"), format!("refund:{hold}"));
    let entry = |row: &Row| {
        Ok(StoredEntry {
            delta: row.int("delta")?,
            reason: row.text("reason")?,
            note: row.maybe_text("note")?,
            created_at: row.time("created_at_ms")?,
        })
    };
    tx.all(ENTRIES, args![&settled, &refunded]).await?.iter().map(entry).collect()
}
