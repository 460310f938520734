//! Counts of recent model calls.

use postly_domain::{UnixMillis, id::AuthorId};

use crate::{
    StoreError, Tx,
    retention::first_id,
    sql::{Sql, args},
};

const CALLS: Sql = Sql::both("SELECT COUNT(*) AS calls FROM model_calls WHERE id >= $1");

/// Counts the model calls of all authors since an instant.
///
/// # Errors
/// Fails if the database fails.
pub async fn calls_since(tx: &mut Tx, since: UnixMillis) -> Result<i64, StoreError> {
    tx.one(CALLS, args![&first_id(since)]).await?.int("calls")
}

const AUTHOR_CALLS: Sql =
    Sql::both("SELECT COUNT(*) AS calls FROM model_calls WHERE author_id = $1 AND id >= $2");

/// Counts the model calls for one author since an instant.
///
/// # Errors
/// Fails if the database fails.
pub async fn author_calls_since(
    tx: &mut Tx,
    author: &AuthorId,
    since: UnixMillis,
) -> Result<i64, StoreError> {
    tx.one(AUTHOR_CALLS, args![author, &first_id(since)]).await?.int("calls")
}
