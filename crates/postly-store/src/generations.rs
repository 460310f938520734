//! Generations and the model calls behind them.

use postly_domain::{
    UnixMillis,
    id::{AuthorId, EventId, GenerationId, HoldId},
    post::{Intent, Origin, Variant},
    text::fold,
};

use crate::{
    StoreError, Tx,
    sql::{Sql, args},
};

/// Three posts to be saved.
pub struct NewGeneration<'a> {
    /// Its id.
    pub id: &'a GenerationId,
    /// The author.
    pub author: &'a AuthorId,
    /// The message that requested it; none for a request on the web.
    pub event: Option<&'a EventId>,
    /// The channel of the request.
    pub origin: Origin,
    /// The hold that is settled for it, in the same transaction; none for a free change.
    pub hold: Option<&'a HoldId>,
    /// The paid result that this one changes.
    pub root: Option<&'a GenerationId>,
    /// The brief, in the author's words.
    pub brief: &'a str,
    /// The intent read from the brief.
    pub intent: &'a Intent,
    /// The posts.
    pub variants: &'a [Variant],
    /// The model or offline writer that wrote them.
    pub writer: &'a str,
    /// The version of the prompts.
    pub prompt_version: &'a str,
}

const SAVE: Sql = Sql::both(
    "INSERT INTO generations (id, author_id, event_id, hold_id, state, brief, platform, language, variants, \
     writer, prompt_version, created_at_ms, origin, search_text, root_id) \
     VALUES ($1, $2, $3, $4, 'settled', $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
);

/// Saves a generation.
///
/// # Errors
/// Fails if the database fails, or the message has a generation already.
pub async fn save(tx: &mut Tx, new: &NewGeneration<'_>, now: UnixMillis) -> Result<(), StoreError> {
    let variants =
        serde_json::to_string(new.variants).map_err(|_| StoreError::Unreadable { column: "variants" })?;
    let args = args![
        new.id,
        new.author,
        new.event,
        new.hold,
        new.brief,
        new.intent.platform.as_str(),
        new.intent.language,
        variants,
        new.writer,
        new.prompt_version,
        now,
        new.origin.as_str(),
        search_text(new),
        new.root,
    ];
    tx.execute(SAVE, args).await?;
    Ok(())
}

/// Returns the text that a history search reads: brief and posts, folded as a query is.
fn search_text(new: &NewGeneration<'_>) -> String {
    let texts = new.variants.iter().map(|variant| variant.text.as_str());
    fold(&std::iter::once(new.brief).chain(texts).collect::<Vec<_>>().join("\n"))
}

/// A model call to be recorded.
pub struct ModelCall<'a> {
    /// Its id.
    pub id: &'a str,
    /// The author.
    pub author: &'a AuthorId,
    /// The message that caused it; none for a request on the web.
    pub event: Option<&'a EventId>,
    /// The model.
    pub model: &'a str,
    /// Draft or repair.
    pub stage: &'a str,
    /// The outcome.
    pub outcome: &'a str,
    /// The version of the prompts.
    pub prompt_version: &'a str,
    /// Tokens in, if the server counts them.
    pub prompt_tokens: Option<i64>,
    /// Tokens out.
    pub completion_tokens: Option<i64>,
    /// The price in millionths of the model's currency, if known.
    pub price_microunits: Option<i64>,
    /// The duration.
    pub latency_ms: i64,
    /// The server's id of the call.
    pub request_id: Option<&'a str>,
}

const RECORD_CALL: Sql = Sql::both(
    "INSERT INTO model_calls (id, author_id, event_id, model, stage, outcome, prompt_version, prompt_tokens, \
     completion_tokens, price_microunits, latency_ms, request_id, created_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
);

/// Records a call.
///
/// # Errors
/// Fails if the database fails.
pub async fn record_call(tx: &mut Tx, call: &ModelCall<'_>, now: UnixMillis) -> Result<(), StoreError> {
    let args = args![
        call.id,
        call.author,
        call.event,
        call.model,
        call.stage,
        call.outcome,
        call.prompt_version,
        call.prompt_tokens,
        call.completion_tokens,
        call.price_microunits,
        call.latency_ms,
        call.request_id,
        now,
    ];
    tx.execute(RECORD_CALL, args).await?;
    Ok(())
}

/// The author and the hold of a charged generation.
#[derive(Debug, Clone)]
pub struct Charged {
    /// The author.
    pub author: AuthorId,
    /// The hold that was settled for it.
    pub hold: HoldId,
}

const REFUND: Sql = Sql::both(
    "UPDATE generations SET state = 'refunded' WHERE id = $1 AND state = 'settled' AND hold_id IS NOT NULL \
     RETURNING author_id, hold_id",
);

/// Marks a generation as refunded, which hides its posts. `None` if it was refunded already, or never
/// charged.
///
/// # Errors
/// Fails if the database fails.
pub async fn mark_refunded(tx: &mut Tx, id: &GenerationId) -> Result<Option<Charged>, StoreError> {
    let row = tx.maybe_one(REFUND, args![id]).await?;
    row.map(|row| {
        Ok(Charged { author: AuthorId::new(row.text("author_id")?), hold: HoldId::new(row.text("hold_id")?) })
    })
    .transpose()
}

const SETTLE_AGAIN: Sql = Sql::both(
    "UPDATE generations SET state = 'settled', hold_id = $2 WHERE id = $1 AND state = 'refunded' RETURNING author_id",
);

/// Marks a refunded generation as settled again, under a new hold. Returns false if it was not refunded.
///
/// # Errors
/// Fails if the database fails.
pub async fn settle_again(tx: &mut Tx, id: &GenerationId, hold: &HoldId) -> Result<bool, StoreError> {
    Ok(tx.maybe_one(SETTLE_AGAIN, args![id, hold]).await?.is_some())
}

const LATEST: Sql = Sql::both(
    "SELECT variants FROM generations WHERE author_id = $1 AND state = 'settled' ORDER BY id DESC LIMIT 1",
);

/// Returns the newest posts of an author that are not hidden by a refund.
///
/// # Errors
/// Fails if the database fails, or the row cannot be read.
pub async fn latest(tx: &mut Tx, author: &AuthorId) -> Result<Option<Vec<Variant>>, StoreError> {
    let Some(row) = tx.maybe_one(LATEST, args![author]).await? else { return Ok(None) };
    serde_json::from_str(&row.text("variants")?)
        .map(Some)
        .map_err(|_| StoreError::Unreadable { column: "variants" })
}
