//! Blocks: the operator stops all writing for an author.

use postly_domain::{UnixMillis, id::AuthorId};

use crate::{
    StoreError, Tx,
    sql::{Sql, args},
};

const BLOCK: Sql = Sql::both("UPDATE authors SET blocked_at_ms = $2 WHERE id = $1 AND blocked_at_ms IS NULL");
const UNBLOCK: Sql =
    Sql::both("UPDATE authors SET blocked_at_ms = NULL WHERE id = $1 AND blocked_at_ms IS NOT NULL");

/// Blocks an author from an instant on, or unblocks them with `None`. Returns false if nothing changes.
///
/// # Errors
/// Fails if the database fails.
pub async fn set(tx: &mut Tx, id: &AuthorId, blocked_at: Option<UnixMillis>) -> Result<bool, StoreError> {
    let changed = match blocked_at {
        Some(at) => tx.execute(BLOCK, args![id, at]).await?,
        None => tx.execute(UNBLOCK, args![id]).await?,
    };
    Ok(changed == 1)
}
