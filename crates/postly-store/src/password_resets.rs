//! One-use links that set a new password.

use postly_domain::{UnixMillis, id::AuthorId};

use crate::{
    StoreError, Tx,
    sql::{Sql, args},
};

const ADD: Sql = Sql::both(
    "INSERT INTO password_resets (token_hash, author_id, created_at_ms, expires_at_ms) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (author_id) DO UPDATE SET token_hash = excluded.token_hash, \
     created_at_ms = excluded.created_at_ms, expires_at_ms = excluded.expires_at_ms",
);

/// Records a link under the hash of its token. It replaces an earlier one of the author.
///
/// # Errors
/// Fails if the database fails.
pub async fn add(
    tx: &mut Tx,
    token_hash: &str,
    author: &AuthorId,
    now: UnixMillis,
    expires_at: UnixMillis,
) -> Result<(), StoreError> {
    tx.execute(ADD, args![token_hash, author, now, expires_at]).await?;
    Ok(())
}

const FIND: Sql =
    Sql::both("SELECT author_id FROM password_resets WHERE token_hash = $1 AND expires_at_ms > $2");

/// Returns the author of a valid link.
///
/// # Errors
/// Fails if the database fails.
pub async fn find(tx: &mut Tx, token_hash: &str, now: UnixMillis) -> Result<Option<AuthorId>, StoreError> {
    let row = tx.maybe_one(FIND, args![token_hash, now]).await?;
    row.map(|row| row.text("author_id").map(AuthorId::new)).transpose()
}

const CONSUME: Sql =
    Sql::both("DELETE FROM password_resets WHERE token_hash = $1 AND expires_at_ms > $2 RETURNING author_id");

/// Uses a link up, and returns its author. `None` for every call except the first.
///
/// # Errors
/// Fails if the database fails.
pub async fn consume(tx: &mut Tx, token_hash: &str, now: UnixMillis) -> Result<Option<AuthorId>, StoreError> {
    let row = tx.maybe_one(CONSUME, args![token_hash, now]).await?;
    row.map(|row| row.text("author_id").map(AuthorId::new)).transpose()
}
