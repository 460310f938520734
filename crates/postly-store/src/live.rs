//! The state shown by live streams, read for many authors with one statement each.

use std::collections::{BTreeMap, HashMap, HashSet};

use postly_domain::{
    UnixMillis,
    delivery::reply_status,
    event::DeliveryStatus,
    id::{AuthorId, GenerationId, SessionId, TokenId},
    post::Origin,
};

use crate::{
    StoreError, Tx,
    sql::{Row, Sql, args, json},
};

/// A statement about the values of the JSON list `$1`.
macro_rules! listed {
    ($before:literal, $after:literal) => {
        Sql::each(
            concat!($before, " IN (SELECT value FROM json_each($1))", $after),
            concat!($before, " = ANY (ARRAY(SELECT json_array_elements_text($1::json)))", $after),
        )
    };
}

const BALANCES: Sql = listed!(
    "SELECT wallets.author_id, wallets.balance - wallets.held AS available, wallets.held FROM wallets \
     JOIN authors ON authors.id = wallets.author_id \
     WHERE authors.erased_at_ms IS NULL AND authors.merged_into_id IS NULL AND wallets.author_id",
    ""
);

/// Returns the available and the held credits of each author that exists.
///
/// # Errors
/// Fails if the database fails.
pub async fn balances(
    tx: &mut Tx,
    authors: &[AuthorId],
) -> Result<HashMap<AuthorId, (i64, i64)>, StoreError> {
    let rows = tx.all(BALANCES, args![json(authors)?]).await?;
    let read =
        |row: &Row| Ok((AuthorId::new(row.text("author_id")?), (row.int("available")?, row.int("held")?)));
    rows.iter().map(read).collect()
}

const SESSIONS: Sql = listed!("SELECT id FROM sessions WHERE expires_at_ms > $2 AND id", "");

/// Returns the sessions among these that have not ended.
///
/// # Errors
/// Fails if the database fails.
pub async fn open_sessions(
    tx: &mut Tx,
    ids: &[SessionId],
    now: UnixMillis,
) -> Result<HashSet<String>, StoreError> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    tx.all(SESSIONS, args![json(ids)?, now]).await?.iter().map(|row| row.text("id")).collect()
}

const TOKENS: Sql = listed!("SELECT id FROM api_tokens WHERE id", "");

/// Returns the tokens among these that are not revoked.
///
/// # Errors
/// Fails if the database fails.
pub async fn valid_tokens(tx: &mut Tx, ids: &[TokenId]) -> Result<HashSet<String>, StoreError> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    tx.all(TOKENS, args![json(ids)?]).await?.iter().map(|row| row.text("id")).collect()
}

const RECENT: Sql = listed!(
    "SELECT author_id, id, origin, state FROM (SELECT author_id, id, origin, state, \
     ROW_NUMBER() OVER (PARTITION BY author_id ORDER BY id DESC) AS place FROM generations \
     WHERE id > $2 AND author_id",
    ") AS ranked WHERE place <= $3 ORDER BY id"
);

/// A generation in a live stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentGeneration {
    /// Its id.
    pub id: GenerationId,
    /// The channel of the request.
    pub origin: Origin,
    /// True if a refund hides it.
    pub refunded: bool,
}

/// Returns the newest generations of each author with an id above `after`, oldest first: at most `most` for
/// each.
///
/// # Errors
/// Fails if the database fails, or a row cannot be read.
pub async fn recent_generations(
    tx: &mut Tx,
    authors: &[AuthorId],
    after: &str,
    most: i64,
) -> Result<HashMap<AuthorId, Vec<RecentGeneration>>, StoreError> {
    let mut found: HashMap<AuthorId, Vec<RecentGeneration>> = HashMap::new();
    for row in tx.all(RECENT, args![json(authors)?, after, most]).await? {
        let origin = Origin::parse(&row.text("origin")?);
        found.entry(AuthorId::new(row.text("author_id")?)).or_default().push(RecentGeneration {
            id: GenerationId::new(row.text("id")?),
            origin: origin.ok_or(StoreError::Unreadable { column: "origin" })?,
            refunded: row.text("state")? == "refunded",
        });
    }
    Ok(found)
}

const DELIVERIES: Sql = listed!(
    "SELECT outbox.generation_id, outbox.id, outbox.state, outbox.reason, attempts.status FROM outbox \
     LEFT JOIN attempts ON attempts.message_id = outbox.id WHERE outbox.generation_id",
    " ORDER BY outbox.id, attempts.id"
);

/// Returns the delivery of each generation that was answered by messages: see [`reply_status`].
///
/// # Errors
/// Fails if the database fails.
pub async fn deliveries(
    tx: &mut Tx,
    generations: &[&GenerationId],
) -> Result<HashMap<GenerationId, Option<DeliveryStatus>>, StoreError> {
    if generations.is_empty() {
        return Ok(HashMap::new());
    }
    let mut replies: HashMap<GenerationId, BTreeMap<String, Option<DeliveryStatus>>> = HashMap::new();
    for row in tx.all(DELIVERIES, args![json(generations)?]).await? {
        let reply = replies.entry(GenerationId::new(row.text("generation_id")?)).or_default();
        let known = reply.entry(row.text("id")?).or_default();
        let reported = row.maybe_text("status")?.as_deref().and_then(DeliveryStatus::parse);
        // The furthest of several attempts counts: a resend may arrive after the first try failed.
        *known = match (*known, reported) {
            (known, None) => known,
            (None | Some(DeliveryStatus::Failed), reported) => reported,
            (known, Some(DeliveryStatus::Failed)) => known,
            (known, reported) => known.max(reported),
        };
        *known = match (row.text("state")?.as_str(), row.maybe_text("reason")?.as_deref()) {
            // Presumed delivered, without any status.
            ("dead", Some("unknown_delivery")) => known.or(Some(DeliveryStatus::Accepted)),
            ("refused" | "cancelled" | "dead", _) => Some(DeliveryStatus::Failed),
            (_, _) => *known,
        };
    }
    Ok(replies.into_iter().map(|(id, reply)| (id, reply_status(reply.into_values()))).collect())
}
