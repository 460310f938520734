//! Codes sent as text, kept sealed for the template until a status reports the end of the text.

use postly_domain::{UnixMillis, id::MessageId};

use crate::{
    StoreError, Tx,
    sql::{Sql, args},
};

/// A code that can still be sent by the template.
#[derive(Clone)]
pub struct CodeFallback {
    /// The code, sealed for the message that carries it as text.
    pub sealed: String,
    /// True if it answers a message of its author.
    pub is_answer: bool,
    /// The end of the code's validity.
    pub expires_at: UnixMillis,
}

impl std::fmt::Debug for CodeFallback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CodeFallback").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

const KEEP: Sql = Sql::both(
    "INSERT INTO code_fallbacks (message_id, sealed, is_answer, expires_at_ms) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (message_id) DO NOTHING",
);

/// Keeps a code in case the message that carries it as text fails.
///
/// # Errors
/// Fails if the database fails.
pub async fn keep(tx: &mut Tx, message: &MessageId, kept: &CodeFallback) -> Result<(), StoreError> {
    tx.execute(KEEP, args![message, &kept.sealed, kept.is_answer, kept.expires_at]).await?;
    Ok(())
}

const TAKE: Sql =
    Sql::both("DELETE FROM code_fallbacks WHERE message_id = $1 RETURNING sealed, is_answer, expires_at_ms");

/// Deletes and returns the code kept for a message. Returns it to one caller.
///
/// # Errors
/// Fails if the database fails.
pub async fn take(tx: &mut Tx, message: &MessageId) -> Result<Option<CodeFallback>, StoreError> {
    let row = tx.maybe_one(TAKE, args![message]).await?;
    row.map(|row| {
        Ok(CodeFallback {
            sealed: row.text("sealed")?,
            is_answer: row.flag("is_answer")?,
            expires_at: row.time("expires_at_ms")?,
        })
    })
    .transpose()
}

const EXPIRE: Sql = Sql::both(
    "DELETE FROM code_fallbacks WHERE message_id IN \
     (SELECT message_id FROM code_fallbacks WHERE expires_at_ms <= $1 LIMIT $2)",
);

/// Deletes up to `most` expired codes. Returns the number deleted.
///
/// # Errors
/// Fails if the database fails.
pub async fn expire(tx: &mut Tx, now: UnixMillis, most: i64) -> Result<u64, StoreError> {
    tx.execute(EXPIRE, args![now, most]).await
}
