//! Lanes: queues of work that is done one item at a time.
//!
//! A lane is one conversation's incoming events, its statuses, or its outgoing messages. Workers claim a
//! lane, not an item: so no two of its items are handled at once, its order is kept, and lanes do not wait
//! for each other. `ready_at_ms` is the time from which the lane may be claimed. A claim sets it to the end
//! of the lease, so a lane becomes due again if its worker dies; the lease token distinguishes the late
//! worker from the new one.

use postly_domain::{UnixMillis, id::LeaseToken, repeats::LoopGuard};

use crate::{
    StoreError, Tx,
    sql::{Sql, args},
};

/// A queue of lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Queue {
    /// Authors' messages, and changes of their numbers.
    Inbox,
    /// Statuses of our messages. Separate from the inbox, so that none waits behind a generation.
    Status,
    /// Our messages.
    Outbox,
}

impl Queue {
    /// Returns the name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Status => "status",
            Self::Outbox => "outbox",
        }
    }
}

/// A lane under our lease.
#[derive(Debug, Clone)]
pub struct ClaimedLane {
    /// The queue.
    pub queue: Queue,
    /// The name.
    pub lane: String,
    /// The lease token: one for all lanes of a claim.
    pub token: LeaseToken,
    /// The end of the lease.
    pub leased_until: UnixMillis,
    /// The number of items in it, including the one to be done.
    pub waiting: i64,
    /// Outbox: the time from which the sends so far no longer count against the pair limit.
    pub next_send_at: UnixMillis,
    /// Inbox: the last message, if it was answered for free. Stored with the lane when it is given back.
    pub repeats: Option<LoopGuard>,
}

/// The claim. SQLite has a single writer, so only PostgreSQL skips locked rows. `MATERIALIZED` keeps
/// PostgreSQL from running the limited part once for each row, which would claim more than the limit.
macro_rules! claim_sql {
    ($lock:literal) => {
        concat!(
            "WITH due AS MATERIALIZED (SELECT lane FROM lanes WHERE queue = $3 AND ready_at_ms <= $4 ",
            "ORDER BY ready_at_ms LIMIT $5 ",
            $lock,
            ") UPDATE lanes SET lease_token = $1, ready_at_ms = $2 ",
            "WHERE queue = $3 AND lane IN (SELECT lane FROM due) RETURNING lane, waiting, paid_until_ms, repeats"
        )
    };
}
const CLAIM: Sql = Sql::each(claim_sql!(""), claim_sql!("FOR UPDATE SKIP LOCKED"));

/// Claims up to `limit` due lanes until `leased_until`, those due longest first.
///
/// # Errors
/// Fails if the database fails.
pub async fn claim(
    tx: &mut Tx,
    queue: Queue,
    token: &LeaseToken,
    now: UnixMillis,
    leased_until: UnixMillis,
    limit: usize,
) -> Result<Vec<ClaimedLane>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = tx.all(CLAIM, args![token, leased_until, queue.as_str(), now, limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(ClaimedLane {
                queue,
                lane: row.text("lane")?,
                token: token.clone(),
                leased_until,
                waiting: row.int("waiting")?,
                next_send_at: row.time("paid_until_ms")?,
                // An unreadable guard counts as none: it is counted anew, and does not block the lane.
                repeats: row.maybe_text("repeats")?.and_then(|text| text.parse().ok()),
            })
        })
        .collect()
}

/// Selects all lanes of a claim. `$1` is the queue, `$2` the end of the lease (used by the index), `$3` the
/// token.
macro_rules! lanes_of_claim {
    () => {
        "FROM lanes WHERE lanes.queue = $1 AND lanes.ready_at_ms = $2 AND lanes.lease_token = $3"
    };
}
pub(crate) use lanes_of_claim;

const ADD: Sql = Sql::both(
    "INSERT INTO lanes (queue, lane, waiting, ready_at_ms) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (queue, lane) DO UPDATE SET waiting = lanes.waiting + excluded.waiting, \
     ready_at_ms = COALESCE(lanes.ready_at_ms, excluded.ready_at_ms)",
);

/// Adds `count` items to a lane. An idle lane becomes due at `now`; a claimed or deferred lane keeps its own
/// time.
///
/// # Errors
/// Fails if the database fails.
pub async fn add(
    tx: &mut Tx,
    queue: Queue,
    lane: &str,
    count: i64,
    now: UnixMillis,
) -> Result<(), StoreError> {
    tx.execute(ADD, args![queue.as_str(), lane, count, now]).await?;
    Ok(())
}

/// The condition that a lease is still held: `$token` is its fencing token.
macro_rules! fence {
    ($token:literal) => {
        concat!("lease_token = ", $token)
    };
}
pub(crate) use fence;

const IS_HELD: Sql =
    Sql::both(concat!("SELECT lane FROM lanes WHERE queue = $1 AND lane = $2 AND ", fence!("$3")));

/// True if the lease is still held. On PostgreSQL the result is reliable only while the lane is locked.
///
/// # Errors
/// Fails if the database fails.
pub async fn is_held(tx: &mut Tx, claimed: &ClaimedLane) -> Result<bool, StoreError> {
    let args = args![claimed.queue.as_str(), &claimed.lane, &claimed.token];
    Ok(tx.maybe_one(IS_HELD, args).await?.is_some())
}

const FINISH: Sql = Sql::both(concat!(
    "UPDATE lanes SET lease_token = NULL, waiting = waiting - $4, ",
    "ready_at_ms = CASE WHEN waiting > $4 THEN $5 ELSE NULL END, paid_until_ms = $6, repeats = $7 ",
    "WHERE queue = $1 AND lane = $2 AND ",
    fence!("$3"),
    " RETURNING waiting"
));

/// Gives a lane back with `done` items fewer. If more items wait, the lane is due at once. Returns true in
/// that case.
///
/// # Errors
/// Fails if the database fails; with [`StoreError::LeaseLost`] if the lease is lost: drop the transaction.
pub async fn finish(
    tx: &mut Tx,
    claimed: &ClaimedLane,
    done: i64,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    let args = args![
        claimed.queue.as_str(),
        &claimed.lane,
        &claimed.token,
        done,
        now,
        claimed.next_send_at,
        claimed.repeats.as_ref().map(ToString::to_string),
    ];
    let row = tx.maybe_one(FINISH, args).await?.ok_or(StoreError::LeaseLost)?;
    Ok(row.int("waiting")? > 0)
}

const DEFER: Sql = Sql::both(concat!(
    "UPDATE lanes SET lease_token = NULL, ready_at_ms = $4, paid_until_ms = $5 WHERE queue = $1 AND lane = $2 AND ",
    fence!("$3")
));

/// Gives a lane back with nothing done, due at `ready_at`.
///
/// # Errors
/// Fails if the database fails; with [`StoreError::LeaseLost`] if the lease is lost.
pub async fn defer(tx: &mut Tx, claimed: &ClaimedLane, ready_at: UnixMillis) -> Result<(), StoreError> {
    let args = args![claimed.queue.as_str(), &claimed.lane, &claimed.token, ready_at, claimed.next_send_at];
    if tx.execute(DEFER, args).await? == 1 { Ok(()) } else { Err(StoreError::LeaseLost) }
}

const RENEW: Sql =
    Sql::both(concat!("UPDATE lanes SET ready_at_ms = $4 WHERE queue = $1 AND lane = $2 AND ", fence!("$3")));

/// Renews a lease, so that it ends at `until`, in the middle of work that takes longer than one lease.
///
/// # Errors
/// [`StoreError::LeaseLost`] when the lease is no longer ours: the transaction must then be dropped.
pub async fn renew(tx: &mut Tx, claimed: &ClaimedLane, until: UnixMillis) -> Result<(), StoreError> {
    let args = args![claimed.queue.as_str(), &claimed.lane, &claimed.token, until];
    if tx.execute(RENEW, args).await? == 1 { Ok(()) } else { Err(StoreError::LeaseLost) }
}

const END_LEASES: Sql = Sql::both(
    "UPDATE lanes SET lease_token = NULL, ready_at_ms = $1 WHERE lease_token IS NOT NULL AND ready_at_ms > $1",
);

/// Ends every lease, and returns their number. For the only process of a database, before its workers start:
/// the leases are those of a dead process.
///
/// # Errors
/// Fails if the database fails.
pub async fn end_leases(tx: &mut Tx, now: UnixMillis) -> Result<u64, StoreError> {
    tx.execute(END_LEASES, args![now]).await
}

const MAKE_DUE_NOW: Sql = Sql::both(
    "UPDATE lanes SET ready_at_ms = $3 WHERE queue = $1 AND lane = $2 AND lease_token IS NULL \
     AND ready_at_ms > $3",
);

/// Makes a deferred lane due now, because the event it waits for has come. A claimed or idle lane is left
/// alone.
///
/// # Errors
/// Fails if the database fails.
pub async fn make_due_now(tx: &mut Tx, queue: Queue, lane: &str, now: UnixMillis) -> Result<(), StoreError> {
    tx.execute(MAKE_DUE_NOW, args![queue.as_str(), lane, now]).await?;
    Ok(())
}

const NEXT_DUE: Sql =
    Sql::both("SELECT MIN(ready_at_ms) AS due FROM lanes WHERE queue = $1 AND ready_at_ms IS NOT NULL");

/// Returns the time at which the next lane of a queue is due; `None` if no item waits.
///
/// # Errors
/// Fails if the database fails.
pub async fn next_due(tx: &mut Tx, queue: Queue) -> Result<Option<UnixMillis>, StoreError> {
    tx.one(NEXT_DUE, args![queue.as_str()]).await?.maybe_time("due")
}

const ANY_WAITING: Sql = Sql::both(
    "SELECT 1 AS found FROM lanes WHERE ready_at_ms IS NOT NULL \
     UNION ALL SELECT 1 AS found FROM inbox WHERE state = 'ready' AND in_lane = 0 LIMIT 1",
);

/// True if any item waits or is in progress, in any queue.
///
/// # Errors
/// Fails if the database fails.
pub async fn any_waiting(tx: &mut Tx) -> Result<bool, StoreError> {
    Ok(tx.maybe_one(ANY_WAITING, args![]).await?.is_some())
}
