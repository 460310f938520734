//! Rate limits across processes: one row per key with the times of the last hits.

use postly_domain::UnixMillis;

use crate::{
    StoreError, Tx,
    sql::{Sql, args},
};

/// A limit of five hits in any window of this length: a row stores five times (`h0` to `h4`).
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// The limited action.
    pub name: &'static str,
    /// The length of the window.
    pub window_ms: i64,
}

// A hit over the limit changes nothing: it does not count.
const HIT: Sql = Sql::both(
    "INSERT INTO rate_limits (limit_key, h0, h1, h2, h3, h4) VALUES ($1, $2, 0, 0, 0, 0) \
     ON CONFLICT (limit_key) DO UPDATE SET h0 = excluded.h0, h1 = rate_limits.h0, h2 = rate_limits.h1, \
     h3 = rate_limits.h2, h4 = rate_limits.h3 WHERE rate_limits.h4 <= $3 RETURNING h0",
);
const OLDEST: Sql = Sql::both("SELECT h4 FROM rate_limits WHERE limit_key = $1");

/// Counts a hit for a key. Over the limit, counts nothing and returns the time of the next allowed hit.
///
/// # Errors
/// Fails if the database fails.
pub async fn hit(
    tx: &mut Tx,
    limit: Limit,
    subject: &str,
    now: UnixMillis,
) -> Result<Result<(), UnixMillis>, StoreError> {
    let key = format!("{}:{subject}", limit.name);
    if tx.maybe_one(HIT, args![&key, now, now.plus_ms(-limit.window_ms)]).await?.is_some() {
        return Ok(Ok(()));
    }
    let oldest = match tx.maybe_one(OLDEST, args![&key]).await? {
        Some(row) => row.time("h4")?,
        None => now,
    };
    Ok(Err(oldest.plus_ms(limit.window_ms)))
}

const TAKE_BACK: Sql =
    Sql::both("UPDATE rate_limits SET h0 = h1, h1 = h2, h2 = h3, h3 = h4, h4 = 0 WHERE limit_key = $1");

/// Removes the last hit, because it does not count.
///
/// # Errors
/// Fails if the database fails.
pub async fn take_back(tx: &mut Tx, limit: Limit, subject: &str) -> Result<(), StoreError> {
    tx.execute(TAKE_BACK, args![&format!("{}:{subject}", limit.name)]).await?;
    Ok(())
}

const CLAIM_JOB: Sql = Sql::both(
    "INSERT INTO jobs (name, due_at_ms) VALUES ($1, $3) ON CONFLICT (name) \
     DO UPDATE SET due_at_ms = excluded.due_at_ms WHERE jobs.due_at_ms <= $2",
);

const PUT_OFF_JOB: Sql = Sql::both(
    "INSERT INTO jobs (name, due_at_ms) VALUES ($1, $2) ON CONFLICT (name) \
     DO UPDATE SET due_at_ms = excluded.due_at_ms",
);

/// Sets the next due time of a recurring job.
///
/// # Errors
/// Fails if the database fails.
pub async fn put_off_job(tx: &mut Tx, name: &str, next: UnixMillis) -> Result<(), StoreError> {
    tx.execute(PUT_OFF_JOB, args![name, next]).await?;
    Ok(())
}

/// Claims a recurring job if it is due, and sets its next due time to `next`. Returns false if it is not due
/// or another process has claimed it.
///
/// # Errors
/// Fails if the database fails.
pub async fn claim_job(
    tx: &mut Tx,
    name: &str,
    now: UnixMillis,
    next: UnixMillis,
) -> Result<bool, StoreError> {
    Ok(tx.execute(CLAIM_JOB, args![name, now, next]).await? == 1)
}
