//! Web requests for posts, by their Idempotency-Key: one row per key, so that a repeat has no second effect.

use postly_domain::{
    UnixMillis,
    id::{AuthorId, GenerationId},
};

use crate::{
    StoreError, Tx,
    sql::{Sql, args},
};

/// An Idempotency-Key and its request, both hashed.
#[derive(Debug, Clone)]
pub struct WebRequest<'a> {
    /// The author of the request.
    pub author: &'a AuthorId,
    /// SHA-256 of the key.
    pub key_hash: &'a str,
    /// SHA-256 of the request.
    pub body_hash: &'a str,
    /// The key of the hold that this attempt places.
    pub hold_key: &'a str,
}

/// The state of an Idempotency-Key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// The key is new, or its last attempt ended without a result: the caller runs the request.
    Run,
    /// The caller runs the request as for [`Begun::Run`], and releases the hold of an earlier attempt: its
    /// lease ended without a result.
    TakenOver {
        /// The key of that attempt's hold.
        stale_hold_key: String,
    },
    /// Another request with the key is running.
    Running,
    /// The request has a result.
    Done(GenerationId),
    /// The key belongs to another request.
    Mismatch,
}

const INSERT: Sql = Sql::both(
    "INSERT INTO web_requests (author_id, key_hash, body_hash, hold_key, generation_id, leased_until_ms, created_at_ms) \
     VALUES ($1, $2, $3, $4, NULL, $5, $6) ON CONFLICT (author_id, key_hash) DO NOTHING",
);
const FIND: Sql = Sql::both(
    "SELECT body_hash, hold_key, generation_id, leased_until_ms FROM web_requests WHERE author_id = $1 AND key_hash = $2",
);
const TAKE_OVER: Sql = Sql::both(
    "UPDATE web_requests SET hold_key = $3, leased_until_ms = $4 WHERE author_id = $1 AND key_hash = $2 \
     AND generation_id IS NULL AND leased_until_ms <= $5",
);

/// Begins a request, or returns the state of an earlier one with the same key.
///
/// # Errors
/// Fails if the database fails.
pub async fn begin(
    tx: &mut Tx,
    request: &WebRequest<'_>,
    now: UnixMillis,
    leased_until: UnixMillis,
) -> Result<Begun, StoreError> {
    let WebRequest { author, key_hash, body_hash, hold_key } = *request;
    let args = args![author, key_hash, body_hash, hold_key, leased_until, now];
    if tx.execute(INSERT, args).await? == 1 {
        return Ok(Begun::Run);
    }
    let Some(row) = tx.maybe_one(FIND, args![author, key_hash]).await? else {
        // The other attempt failed between the two statements and freed its key.
        return Ok(Begun::Running);
    };
    if row.text("body_hash")? != body_hash {
        return Ok(Begun::Mismatch);
    }
    if let Some(generation) = row.maybe_text("generation_id")? {
        return Ok(Begun::Done(GenerationId::new(generation)));
    }
    let taken_over = args![author, key_hash, hold_key, leased_until, now];
    if row.time("leased_until_ms")? <= now && tx.execute(TAKE_OVER, taken_over).await? == 1 {
        return Ok(Begun::TakenOver { stale_hold_key: row.text("hold_key")? });
    }
    Ok(Begun::Running)
}

const COMPLETE: Sql =
    Sql::both("UPDATE web_requests SET generation_id = $2 WHERE hold_key = $1 AND generation_id IS NULL");

/// Records the result of the attempt that placed this hold. Returns false if another attempt has taken over.
///
/// # Errors
/// Fails if the database fails.
pub async fn complete(tx: &mut Tx, hold_key: &str, generation: &GenerationId) -> Result<bool, StoreError> {
    Ok(tx.execute(COMPLETE, args![hold_key, generation]).await? == 1)
}

// The row stays until its lease ends, under a key that no client has: it still counts in the limit per
// minute.
const FREE: Sql =
    Sql::both("UPDATE web_requests SET key_hash = hold_key WHERE hold_key = $1 AND generation_id IS NULL");

/// Frees the key of an attempt without a result, so that the author can retry with it.
///
/// # Errors
/// Fails if the database fails.
pub async fn free(tx: &mut Tx, hold_key: &str) -> Result<(), StoreError> {
    tx.execute(FREE, args![hold_key]).await?;
    Ok(())
}

const EXPIRED: Sql = Sql::both(
    "SELECT author_id, hold_key FROM web_requests WHERE generation_id IS NULL AND leased_until_ms <= $1 LIMIT $2",
);

/// Returns the authors and hold keys of attempts with an expired lease and no result: they failed, or their
/// process died. At most `limit`.
///
/// # Errors
/// Fails if the database fails.
pub async fn expired(
    tx: &mut Tx,
    now: UnixMillis,
    limit: i64,
) -> Result<Vec<(AuthorId, String)>, StoreError> {
    let rows = tx.all(EXPIRED, args![now, limit]).await?;
    rows.iter().map(|row| Ok((AuthorId::new(row.text("author_id")?), row.text("hold_key")?))).collect()
}

const FORGET: Sql = Sql::both(
    "DELETE FROM web_requests WHERE hold_key = $1 AND generation_id IS NULL AND leased_until_ms <= $2",
);

/// Deletes an attempt without a result, once its lease has ended. Returns false if there is none.
///
/// # Errors
/// Fails if the database fails.
pub async fn forget(tx: &mut Tx, hold_key: &str, now: UnixMillis) -> Result<bool, StoreError> {
    Ok(tx.execute(FORGET, args![hold_key, now]).await? == 1)
}

const RECENT: Sql = Sql::both(
    "SELECT COUNT(*) AS requests, MIN(created_at_ms) AS oldest FROM web_requests WHERE author_id = $1 AND created_at_ms > $2",
);

/// Counts the requests of an author since an instant, with the time of the oldest of them.
///
/// # Errors
/// Fails if the database fails.
pub async fn since(
    tx: &mut Tx,
    author: &AuthorId,
    since: UnixMillis,
) -> Result<(i64, Option<UnixMillis>), StoreError> {
    let row = tx.one(RECENT, args![author, since]).await?;
    Ok((row.int("requests")?, row.maybe_time("oldest")?))
}
