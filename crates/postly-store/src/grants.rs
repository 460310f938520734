//! Credits given only once: a keyed hash of the number or id records each grant, and outlives its author.

use postly_domain::UnixMillis;

use crate::{
    StoreError, Tx,
    sql::{Sql, args},
};

const GRANT_ONCE: Sql = Sql::both(
    "INSERT INTO grants (kind, subject_hash, created_at_ms) VALUES ($1, $2, $3) \
     ON CONFLICT (kind, subject_hash) DO NOTHING",
);

/// A grant that a subject gets at most once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantKind {
    /// At the first message from a number.
    Trial,
    /// At the first proof of a number.
    Welcome,
}

impl GrantKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Trial => "trial",
            Self::Welcome => "welcome",
        }
    }
}

/// Records a grant to a subject (a keyed hash of a number or id). Returns false if it was recorded before.
///
/// # Errors
/// Fails if the database fails.
pub async fn grant_once(
    tx: &mut Tx,
    kind: GrantKind,
    subject_hash: &str,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    Ok(tx.execute(GRANT_ONCE, args![kind.as_str(), subject_hash, now]).await? == 1)
}

const WAS_GRANTED: Sql = Sql::both("SELECT 1 AS found FROM grants WHERE kind = $1 AND subject_hash = $2");

/// True if a subject had this grant before.
///
/// # Errors
/// Fails if the database fails.
pub async fn was_granted(tx: &mut Tx, kind: GrantKind, subject_hash: &str) -> Result<bool, StoreError> {
    Ok(tx.maybe_one(WAS_GRANTED, args![kind.as_str(), subject_hash]).await?.is_some())
}
