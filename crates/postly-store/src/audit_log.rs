//! The audit log: every view of personal content and every change that an operator made, on the pages or by a
//! command.

use postly_domain::{AdminAction, UnixMillis};

use crate::{
    StoreError, Tx,
    sql::{Sql, args},
};

/// An action to be recorded.
#[derive(Debug, Clone, Copy)]
pub struct NewRecord<'a> {
    /// Its id.
    pub id: &'a str,
    /// The name of the operator; empty for a login that failed.
    pub operator: &'a str,
    /// The action.
    pub action: AdminAction,
    /// The row it is about, by an id of ours; empty when there is none.
    pub subject: &'a str,
    /// The operator's reason.
    pub note: &'a str,
    /// Its end, if it has ended already.
    pub outcome: Option<&'a str>,
}

const ADD: Sql = Sql::both(
    "INSERT INTO audit_log (id, operator, action, subject, note, outcome, created_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)",
);

/// Records an action.
///
/// # Errors
/// Fails if the database fails.
pub async fn add(tx: &mut Tx, new: &NewRecord<'_>, now: UnixMillis) -> Result<(), StoreError> {
    let NewRecord { id, operator, action, subject, note, outcome } = *new;
    tx.execute(ADD, args![id, operator, action.as_str(), subject, note, outcome, now]).await?;
    Ok(())
}

const END: Sql = Sql::both("UPDATE audit_log SET outcome = $2 WHERE id = $1 AND outcome IS NULL");

/// Records the end of an action.
///
/// # Errors
/// Fails if the database fails.
pub async fn end(tx: &mut Tx, id: &str, outcome: &str) -> Result<(), StoreError> {
    tx.execute(END, args![id, outcome]).await?;
    Ok(())
}

/// A row of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub id: String,
    /// The name of the operator.
    pub operator: String,
    /// The action, as [`AdminAction::as_str`] names it, or as a newer version does.
    pub action: String,
    /// The row it is about.
    pub subject: String,
    /// The operator's reason.
    pub note: String,
    /// Its end; `None` while it lasts, or when the process died meanwhile.
    pub outcome: Option<String>,
    /// The time at which it began.
    pub created_at: UnixMillis,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, operator, action, subject, note, outcome, created_at_ms FROM audit_log WHERE id < $1 ",
            $rest
        )
    };
}
pub(crate) const LIST: Sql = Sql::both(select!("ORDER BY id DESC LIMIT $2"));
pub(crate) const OF_SUBJECT: Sql = Sql::both(select!("AND subject = $3 ORDER BY id DESC LIMIT $2"));

/// Lists the log, newest first, from just before `cursor`; of one subject, if one is named. At most `limit`
/// rows, and the cursor of the next page.
///
/// # Errors
/// Fails if the database fails.
pub async fn list(
    tx: &mut Tx,
    subject: Option<&str>,
    cursor: Option<&str>,
    limit: usize,
) -> Result<(Vec<Record>, Option<String>), StoreError> {
    // Ids are hexadecimal: under a server's linguistic order a letter sorts after them all.
    let before = cursor.unwrap_or("z");
    let wanted = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let rows = match subject {
        None => tx.all(LIST, args![before, wanted]).await?,
        Some(subject) => tx.all(OF_SUBJECT, args![before, wanted, subject]).await?,
    };
    let mut records = rows
        .iter()
        .map(|row| {
            Ok(Record {
                id: row.text("id")?,
                operator: row.text("operator")?,
                action: row.text("action")?,
                subject: row.text("subject")?,
                note: row.text("note")?,
                outcome: row.maybe_text("outcome")?,
                created_at: row.time("created_at_ms")?,
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    let more = records.len() > limit;
    records.truncate(limit);
    let next = if more { records.last().map(|record| record.id.clone()) } else { None };
    Ok((records, next))
}
