//! Logins of the operator's pages: one row for each browser, and the last code of the second factor.

use postly_domain::UnixMillis;

use crate::{
    StoreError, Tx,
    sql::{Sql, args},
};

const OPEN: Sql = Sql::both(
    "INSERT INTO admin_sessions (token_hash, operator, created_at_ms, expires_at_ms) VALUES ($1, $2, $3, $4)",
);

/// Opens a session under the keyed hash of its token, for the operator of this name.
///
/// # Errors
/// Fails if the database fails.
pub async fn open(
    tx: &mut Tx,
    token_hash: &str,
    operator: &str,
    now: UnixMillis,
    expires_at: UnixMillis,
) -> Result<(), StoreError> {
    tx.execute(OPEN, args![token_hash, operator, now, expires_at]).await?;
    Ok(())
}

const FIND: Sql =
    Sql::both("SELECT operator FROM admin_sessions WHERE token_hash = $1 AND expires_at_ms > $2");

/// Returns the operator of a session, while it lasts.
///
/// # Errors
/// Fails if the database fails.
pub async fn operator(tx: &mut Tx, token_hash: &str, now: UnixMillis) -> Result<Option<String>, StoreError> {
    tx.maybe_one(FIND, args![token_hash, now]).await?.map(|row| row.text("operator")).transpose()
}

const END: Sql = Sql::both("DELETE FROM admin_sessions WHERE token_hash = $1");

/// Ends a session. Returns false if there is none.
///
/// # Errors
/// Fails if the database fails.
pub async fn end(tx: &mut Tx, token_hash: &str) -> Result<bool, StoreError> {
    Ok(tx.execute(END, args![token_hash]).await? == 1)
}

const ACCEPT_STEP: Sql = Sql::both(
    "INSERT INTO admin_codes (id, step) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET step = excluded.step \
     WHERE admin_codes.step < excluded.step",
);

/// Uses up the code of a time step. Returns false if this code or a later one was used before.
///
/// # Errors
/// Fails if the database fails.
pub async fn accept_step(tx: &mut Tx, step: i64) -> Result<bool, StoreError> {
    Ok(tx.execute(ACCEPT_STEP, args![step]).await? == 1)
}
