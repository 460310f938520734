//! Restores: work that the original database did after a copy was made must not happen again in the copy.

use postly_domain::{UnixMillis, id::AuthorId};

use crate::{
    StoreError, Tx,
    sql::{Sql, args},
};

/// The numbers of events and messages ended in a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedWork {
    /// Authors' messages that waited for an answer.
    pub events: u64,
    /// Our messages that waited to be sent.
    pub messages: u64,
}

// The original has answered or given up the event since the copy was made.
const EVENTS: Sql = Sql::both(
    "UPDATE inbox SET state = 'dead', outcome = 'restored', finished_at_ms = $1, in_lane = 1 \
     WHERE state = 'ready' AND kind = 'message'",
);
const MESSAGES: Sql = Sql::both(
    "UPDATE outbox SET state = 'dead', reason = 'restored', finished_at_ms = $1, sealed = NULL \
     WHERE finished_at_ms IS NULL",
);
/// The holds and lanes of that work. `$1` is now.
const REST: [Sql; 3] = [
    Sql::both("UPDATE holds SET state = 'released', closed_at_ms = $1 WHERE state = 'open'"),
    // Statuses and changes of number continue: applied twice they change nothing.
    Sql::both(
        "UPDATE lanes SET lease_token = NULL, waiting = CASE WHEN queue = 'outbox' THEN 0 ELSE (SELECT COUNT(*) FROM inbox \
         WHERE inbox.queue = lanes.queue AND inbox.lane = lanes.lane AND inbox.state = 'ready' AND inbox.in_lane = 1) END, \
         ready_at_ms = $1",
    ),
    Sql::both("UPDATE lanes SET ready_at_ms = NULL WHERE waiting = 0 AND $1 IS NOT NULL"),
];
/// Resets held credits and open attempts. Deletes sessions, codes and links: one that was ended or used after
/// the copy was made would be valid again.
const OPENINGS: [Sql; 9] = [
    Sql::both("UPDATE wallets SET held = 0 WHERE held <> 0"),
    Sql::both("UPDATE attempts SET state = 'unclear' WHERE state = 'sending'"),
    Sql::both("DELETE FROM web_requests WHERE generation_id IS NULL"),
    Sql::both("DELETE FROM code_fallbacks"),
    Sql::both("DELETE FROM challenges"),
    Sql::both("DELETE FROM sessions"),
    Sql::both("DELETE FROM recharge_links"),
    Sql::both("DELETE FROM password_resets"),
    Sql::both("DELETE FROM admin_sessions"),
];

/// Ends the work that waited in a copy, and every session, code and link.
///
/// # Errors
/// Fails if the database fails.
pub async fn end_work(tx: &mut Tx, now: UnixMillis) -> Result<EndedWork, StoreError> {
    let ended = EndedWork {
        events: tx.execute(EVENTS, args![now]).await?,
        messages: tx.execute(MESSAGES, args![now]).await?,
    };
    for sql in REST {
        tx.execute(sql, args![now]).await?;
    }
    for sql in OPENINGS {
        tx.execute(sql, args![]).await?;
    }
    Ok(ended)
}

const RECORD: Sql = Sql::both("INSERT INTO restores (id, copied_at_ms, lost_at_ms) VALUES ($1, $2, $3)");

/// Records that the original continued from `copied_at` until `lost_at`.
///
/// # Errors
/// Fails if the database fails.
pub async fn record(
    tx: &mut Tx,
    id: &str,
    copied_at: UnixMillis,
    lost_at: UnixMillis,
) -> Result<(), StoreError> {
    tx.execute(RECORD, args![id, copied_at, lost_at]).await?;
    Ok(())
}

const GAPS: Sql = Sql::both("SELECT copied_at_ms, lost_at_ms FROM restores ORDER BY id DESC LIMIT 100");

/// Returns the times during which originals of this database continued without it.
///
/// # Errors
/// Fails if the database fails.
pub async fn gaps(tx: &mut Tx) -> Result<Vec<(UnixMillis, UnixMillis)>, StoreError> {
    let rows = tx.all(GAPS, args![]).await?;
    rows.iter().map(|row| Ok((row.time("copied_at_ms")?, row.time("lost_at_ms")?))).collect()
}

const AUTHORS: Sql =
    Sql::both("SELECT id FROM authors WHERE id > $1 AND erased_at_ms IS NULL ORDER BY id LIMIT $2");
const ERASED: Sql =
    Sql::both("SELECT id FROM authors WHERE id > $1 AND erased_at_ms IS NOT NULL ORDER BY id LIMIT $2");

/// Returns the ids of authors after an id, in order: erased ones if `erased` is true, else the others.
///
/// # Errors
/// Fails if the database fails.
pub async fn authors_after(
    tx: &mut Tx,
    id: &str,
    erased: bool,
    limit: i64,
) -> Result<Vec<AuthorId>, StoreError> {
    let sql = if erased { ERASED } else { AUTHORS };
    tx.all(sql, args![id, limit]).await?.iter().map(|row| row.text("id").map(AuthorId::new)).collect()
}

const MARKS: Sql = Sql::both(
    "SELECT subject_hash, until_ms FROM erasures WHERE subject_hash > $1 ORDER BY subject_hash LIMIT $2",
);

/// Returns the marks of erased authors after a hash, in order.
///
/// # Errors
/// Fails if the database fails.
pub async fn marks_after(
    tx: &mut Tx,
    hash: &str,
    limit: i64,
) -> Result<Vec<(String, UnixMillis)>, StoreError> {
    let rows = tx.all(MARKS, args![hash, limit]).await?;
    rows.iter().map(|row| Ok((row.text("subject_hash")?, row.time("until_ms")?))).collect()
}
