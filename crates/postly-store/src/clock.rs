//! What those who follow a jump of the clock leave for those who start meanwhile.

use postly_domain::UnixMillis;

use crate::{
    StoreError, Tx,
    sql::{Sql, args},
};

/// How far the service's clock is from the time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Followed {
    /// Behind it when positive.
    pub behind_ms: i64,
    /// When that was, by the time of day.
    pub noted_at: UnixMillis,
}

const NOTE: Sql = Sql::both(
    "INSERT INTO clock (id, behind_ms, noted_at_ms) VALUES (1, $1, $2) \
     ON CONFLICT (id) DO UPDATE SET behind_ms = excluded.behind_ms, noted_at_ms = excluded.noted_at_ms",
);
const NOTED: Sql = Sql::both("SELECT behind_ms, noted_at_ms FROM clock WHERE id = 1");

/// Notes it.
///
/// # Errors
/// When the database fails.
pub async fn note(tx: &mut Tx, followed: Followed) -> Result<(), StoreError> {
    tx.execute(NOTE, args![followed.behind_ms, followed.noted_at]).await?;
    Ok(())
}

/// What was noted last.
///
/// # Errors
/// When the database fails.
pub async fn noted(tx: &mut Tx) -> Result<Option<Followed>, StoreError> {
    let Some(row) = tx.maybe_one(NOTED, args![]).await? else { return Ok(None) };
    Ok(Some(Followed { behind_ms: row.int("behind_ms")?, noted_at: row.time("noted_at_ms")? }))
}
