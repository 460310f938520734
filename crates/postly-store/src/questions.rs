//! The open question to an author: about a text that is too vague, or whether a late brief is still wanted.

use postly_domain::{UnixMillis, id::AuthorId};

use crate::{
    StoreError, Tx,
    sql::{Row, Sql, args},
};

/// The reason of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The text is too vague to write about: the answer completes it.
    Vague,
    /// The brief came late: only a yes writes it.
    Late,
}

/// An open question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The text that it is about.
    pub about: String,
    /// The reason.
    pub reason: Reason,
    /// The time of asking.
    pub asked_at: UnixMillis,
}

const ASK: Sql =
    Sql::both("UPDATE authors SET asked_about = $2, asked_at_ms = $3, asked_if_wanted = $4 WHERE id = $1");
const CLOSE: Sql = Sql::both("UPDATE authors SET asked_about = NULL, asked_at_ms = NULL WHERE id = $1");

/// Opens a question, in place of an open one.
///
/// # Errors
/// Fails if the database fails.
pub async fn ask(
    tx: &mut Tx,
    author: &AuthorId,
    about: &str,
    reason: Reason,
    now: UnixMillis,
) -> Result<(), StoreError> {
    let if_wanted = i64::from(reason == Reason::Late);
    tx.execute(ASK, args![author, about, now, if_wanted]).await?;
    Ok(())
}

/// Closes the open question, if there is one.
///
/// # Errors
/// Fails if the database fails.
pub async fn close(tx: &mut Tx, author: &AuthorId) -> Result<(), StoreError> {
    tx.execute(CLOSE, args![author]).await?;
    Ok(())
}

/// Reads the question in a row of `authors`.
pub(crate) fn of(row: &Row) -> Result<Option<Question>, StoreError> {
    let Some((about, asked_at)) = row.maybe_text("asked_about")?.zip(row.maybe_time("asked_at_ms")?) else {
        return Ok(None);
    };
    let reason = if row.int("asked_if_wanted")? == 1 { Reason::Late } else { Reason::Vague };
    Ok(Some(Question { about, reason, asked_at }))
}
