//! Hashing of names that earlier versions wrote in clear: lanes and keys of events that contain a number.

use postly_domain::UnixMillis;

use crate::{
    StoreError, Tx,
    retention::first_id,
    sql::{Sql, args},
};

/// The most names hashed by one transaction.
const AT_ONCE: i64 = 500;
/// The most idle lanes dropped by one transaction: the search for the first one reads those dropped before.
const DROPPED_AT_ONCE: i64 = 5_000;

const IDLE: Sql = Sql::both(
    "DELETE FROM lanes WHERE waiting = 0 AND lane IN (SELECT lane FROM lanes WHERE waiting = 0 \
     AND (lane LIKE 'meta:%' OR lane LIKE 'twilio:%') LIMIT $1)",
);
const WAITING: Sql = Sql::both(
    "SELECT queue, lane FROM lanes WHERE waiting > 0 AND (lane LIKE 'meta:%' OR lane LIKE 'twilio:%') LIMIT $1",
);
const RENAME: [Sql; 3] = [
    Sql::both(
        "UPDATE inbox SET lane = $3 WHERE queue = $1 AND lane = $2 AND state = 'ready' AND in_lane = 1",
    ),
    Sql::both("UPDATE outbox SET lane = $3 WHERE $1 = 'outbox' AND lane = $2 AND finished_at_ms IS NULL"),
    Sql::both("UPDATE lanes SET lane = $3 WHERE queue = $1 AND lane = $2"),
];
const KEYS: Sql = Sql::both(
    "SELECT id, event_key FROM inbox WHERE id > $1 AND (event_key LIKE 'meta:%' OR event_key LIKE 'twilio:%') \
     ORDER BY id LIMIT $2",
);
const REKEY: Sql = Sql::both("UPDATE inbox SET event_key = $2 WHERE id = $1");

const DONE: Sql = Sql::both("SELECT 1 AS found FROM jobs WHERE name = 'names'");
const NOTE_DONE: Sql =
    Sql::both("INSERT INTO jobs (name, due_at_ms) VALUES ('names', $1) ON CONFLICT (name) DO NOTHING");

/// True if no name in clear is left: recorded, because the search for them reads every lane.
///
/// # Errors
/// Fails if the database fails.
pub async fn are_hashed(tx: &mut Tx) -> Result<bool, StoreError> {
    Ok(tx.maybe_one(DONE, args![]).await?.is_some())
}

/// Records that no name in clear is left.
///
/// # Errors
/// Fails if the database fails.
pub async fn note_hashed(tx: &mut Tx, now: UnixMillis) -> Result<(), StoreError> {
    tx.execute(NOTE_DONE, args![now]).await?;
    Ok(())
}

/// Hashes some of the names in clear: those of lanes, and of events received since an instant. Returns true
/// if more may be left.
///
/// # Errors
/// Fails if the database fails.
pub async fn hash_some(
    tx: &mut Tx,
    since: UnixMillis,
    hash_of_lane: impl Fn(&str) -> String,
    hash_of_key: impl Fn(&str) -> String,
) -> Result<bool, StoreError> {
    // One kind after the other: a search that finds nothing reads every lane.
    if tx.execute(IDLE, args![DROPPED_AT_ONCE]).await? > 0 {
        return Ok(true);
    }
    let mut done = 0;
    for row in tx.all(WAITING, args![AT_ONCE]).await? {
        let (queue, lane) = (row.text("queue")?, row.text("lane")?);
        let hashed = hash_of_lane(&lane);
        for sql in RENAME {
            tx.execute(sql, args![&queue, &lane, &hashed]).await?;
        }
        done += 1;
    }
    if done > 0 {
        return Ok(true);
    }
    for row in tx.all(KEYS, args![&first_id(since), AT_ONCE]).await? {
        tx.execute(REKEY, args![&row.text("id")?, &hash_of_key(&row.text("event_key")?)]).await?;
        done += 1;
    }
    Ok(done > 0)
}
