//! Credits given once for ever: a keyed hash of the number or id records each grant, and outlives its author.

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
    /// At a number's first message.
    Trial,
    /// When a number is first proved.
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

/// Notes that a subject (a keyed hash of a number or id) was given this. Returns false when it had been before.
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

/// Whether a subject was given this before.
///
/// # Errors
/// Fails if the database fails.
pub async fn was_granted(tx: &mut Tx, kind: GrantKind, subject_hash: &str) -> Result<bool, StoreError> {
    Ok(tx.maybe_one(WAS_GRANTED, args![kind.as_str(), subject_hash]).await?.is_some())
}
