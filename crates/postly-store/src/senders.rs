//! Paused business numbers: sending too fast, blocked, unpaid, or with a refused token.

use postly_domain::{
    Provider, UnixMillis,
    rest::{Rest, RestReason, SAME_PAUSE_MS},
};

use crate::{
    StoreError, Tx,
    sql::{Row, Sql, args},
};

/// The pause in a row; `None` if it has none.
pub(crate) fn rest(row: &Row) -> Result<Option<Rest>, StoreError> {
    let (Some(until), Some(reason)) = (row.maybe_time("rests_until_ms")?, row.maybe_text("rest_reason")?)
    else {
        return Ok(None);
    };
    let reason = RestReason::parse(&reason).ok_or(StoreError::Unreadable { column: "rest_reason" })?;
    Ok(Some(Rest { reason, until, probe_at: row.maybe_time("probe_ms")? }))
}

/// A sender that is or was stopped.
#[derive(Debug, Clone, Copy)]
pub struct Pause {
    /// The end of the pause and its reason.
    pub rest: Rest,
    /// The beginning of the pause. A stop shortly after another one continues its pause.
    pub since: UnixMillis,
}

const PAUSE: Sql = Sql::both(
    "SELECT until_ms AS rests_until_ms, reason AS rest_reason, probe_ms, since_ms FROM resting_senders \
     WHERE provider = $1 AND business = $2 AND since_ms IS NOT NULL",
);

/// Returns the pause of a business number, even if it is over.
///
/// # Errors
/// Fails if the database fails.
pub async fn pause(tx: &mut Tx, provider: Provider, business: &str) -> Result<Option<Pause>, StoreError> {
    let Some(row) = tx.maybe_one(PAUSE, args![provider, business]).await? else { return Ok(None) };
    let since = row.time("since_ms")?;
    Ok(rest(&row)?.map(|rest| Pause { rest, since }))
}

// A stop is kept: throttling a stopped sender does not let it send again.
const THROTTLE: Sql = Sql::both(
    "INSERT INTO resting_senders (provider, business, until_ms, reason) VALUES ($1, $2, $3, 'throttled') \
     ON CONFLICT (provider, business) DO UPDATE SET until_ms = excluded.until_ms, probe_ms = NULL \
     WHERE resting_senders.until_ms < excluded.until_ms",
);

/// Pauses a business number until an instant, because it sent too fast.
///
/// # Errors
/// Fails if the database fails.
pub async fn throttle(
    tx: &mut Tx,
    provider: Provider,
    business: &str,
    until: UnixMillis,
) -> Result<(), StoreError> {
    tx.execute(THROTTLE, args![provider, business, until]).await?;
    Ok(())
}

const STOP: Sql = Sql::both(
    "INSERT INTO resting_senders (provider, business, until_ms, reason, since_ms) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (provider, business) DO UPDATE SET reason = excluded.reason, probe_ms = NULL, \
     until_ms = CASE WHEN resting_senders.until_ms > excluded.until_ms THEN resting_senders.until_ms \
     ELSE excluded.until_ms END, \
     since_ms = CASE WHEN resting_senders.since_ms IS NOT NULL AND resting_senders.until_ms >= $6 \
     THEN resting_senders.since_ms ELSE excluded.since_ms END",
);

/// Stops a business number until an instant. The pause begins now, unless it continues an earlier one.
///
/// # Errors
/// Fails if the database fails.
pub async fn stop(
    tx: &mut Tx,
    provider: Provider,
    business: &str,
    until: UnixMillis,
    reason: RestReason,
    now: UnixMillis,
) -> Result<(), StoreError> {
    let goes_on_after = now.plus_ms(-SAME_PAUSE_MS);
    tx.execute(STOP, args![provider, business, until, reason.as_str(), now, goes_on_after]).await?;
    Ok(())
}

const BEGIN_PROBE: Sql = Sql::both(
    "UPDATE resting_senders SET probe_ms = $3, until_ms = $4 WHERE provider = $1 AND business = $2 \
     AND reason <> 'throttled' AND probe_ms IS NULL AND until_ms <= $3",
);

/// Lets one message test if a stopped sender can send again, and holds all others back until an instant.
/// Returns true for one caller.
///
/// # Errors
/// Fails if the database fails.
pub async fn begin_probe(
    tx: &mut Tx,
    provider: Provider,
    business: &str,
    now: UnixMillis,
    until: UnixMillis,
) -> Result<bool, StoreError> {
    Ok(tx.execute(BEGIN_PROBE, args![provider, business, now, until]).await? == 1)
}

const END_OVER: Sql = Sql::both(
    "DELETE FROM resting_senders WHERE provider = $1 AND business = $2 AND until_ms <= $3 \
     AND (reason = 'throttled' OR probe_ms IS NOT NULL)",
);

/// Deletes a pause that is over: a throttling, or a stop with a test message that was not refused in time.
///
/// # Errors
/// Fails if the database fails.
pub async fn end_over(
    tx: &mut Tx,
    provider: Provider,
    business: &str,
    now: UnixMillis,
) -> Result<(), StoreError> {
    tx.execute(END_OVER, args![provider, business, now]).await?;
    Ok(())
}

const END_TRIED: Sql = Sql::both(
    "DELETE FROM resting_senders WHERE provider = $1 AND business = $2 AND probe_ms IS NOT NULL \
     AND probe_ms <= $3 AND (reason = 'stopped' OR $4 = 1)",
);

/// Ends the pause of a sender, because a provider accepted the test message sent at this time or a later one.
/// `has_left` is true if the message is also known to be sent on: only that clears a sender that fails after
/// acceptance.
///
/// # Errors
/// Fails if the database fails.
pub async fn end_tried(
    tx: &mut Tx,
    provider: Provider,
    business: &str,
    started_at: UnixMillis,
    has_left: bool,
) -> Result<(), StoreError> {
    tx.execute(END_TRIED, args![provider, business, started_at, has_left]).await?;
    Ok(())
}
