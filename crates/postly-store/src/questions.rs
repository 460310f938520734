//! The question to an author about a text that is too vague.

use postly_domain::{UnixMillis, id::AuthorId};

use crate::{
    StoreError, Tx,
    sql::{Sql, args},
};

const ASK_ABOUT: Sql = Sql::both("UPDATE authors SET asked_about = $2, asked_at_ms = $3 WHERE id = $1");

/// Records the text about which an author is asked for more; `None` clears it.
///
/// # Errors
/// Fails if the database fails.
pub async fn ask_about(
    tx: &mut Tx,
    author: &AuthorId,
    text: Option<&str>,
    now: UnixMillis,
) -> Result<(), StoreError> {
    let asked_at = text.map(|_| now);
    tx.execute(ASK_ABOUT, args![author, text, asked_at]).await?;
    Ok(())
}
