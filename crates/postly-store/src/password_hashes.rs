//! Imported password hashes, until the first login.

use postly_domain::id::AuthorId;

use crate::{
    StoreError, Tx,
    sql::{Sql, args},
};

const REPLACE: Sql = Sql::both("UPDATE authors SET password_hash = $3 WHERE id = $1 AND password_hash = $2");

/// Replaces a password hash by another of the same password. Returns false if the author's hash has changed.
///
/// # Errors
/// Fails if the database fails.
pub async fn replace(tx: &mut Tx, id: &AuthorId, old: &str, new: &str) -> Result<bool, StoreError> {
    Ok(tx.execute(REPLACE, args![id, old, new]).await? == 1)
}
