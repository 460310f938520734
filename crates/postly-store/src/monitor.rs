//! The monitor's queries of each minute, and its stored state. Every query reads open or recent rows by an
//! index: the age of the database does not slow it down.

use postly_domain::{Alert, Provider, UnixMillis};

use crate::{
    StoreError, Tx,
    lanes::Queue,
    retention::first_id,
    sql::{Row, Sql, args},
};

/// The items of a queue that are not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueState {
    /// The queue.
    pub queue: Queue,
    /// The number of items.
    pub depth: i64,
    /// The time of arrival of the oldest item.
    pub oldest_at: Option<UnixMillis>,
}

pub(crate) const QUEUES: Sql = Sql::both(
    "SELECT 'outbox' AS queue, COUNT(*) AS depth, MIN(created_at_ms) AS oldest_at_ms FROM outbox \
     WHERE finished_at_ms IS NULL \
     UNION ALL SELECT queue, COUNT(*) AS depth, MIN(received_at_ms) AS oldest_at_ms FROM inbox \
     WHERE state = 'ready' AND in_lane = 1 GROUP BY queue \
     UNION ALL SELECT queue, COUNT(*) AS depth, MIN(received_at_ms) AS oldest_at_ms FROM inbox \
     WHERE state = 'ready' AND in_lane = 0 GROUP BY queue",
);

/// Returns the depth of each queue.
///
/// # Errors
/// Fails if the database fails.
pub async fn queues(tx: &mut Tx) -> Result<Vec<QueueState>, StoreError> {
    let mut states = [Queue::Inbox, Queue::Status, Queue::Outbox].map(|queue| QueueState {
        queue,
        depth: 0,
        oldest_at: None,
    });
    for row in tx.all(QUEUES, &[]).await? {
        let name = row.text("queue")?;
        if let Some(state) = states.iter_mut().find(|state| state.queue.as_str() == name) {
            state.depth += row.int("depth")?;
            let oldest = row.maybe_time("oldest_at_ms")?;
            state.oldest_at = [state.oldest_at, oldest].into_iter().flatten().min();
        }
    }
    Ok(states.into())
}

// Materialized, because SQLite would else read the whole table in the order of its ids to spare the sort.
pub(crate) const OLDEST_MESSAGES: Sql = Sql::both(
    "WITH waiting AS MATERIALIZED (SELECT id FROM outbox WHERE finished_at_ms IS NULL AND created_at_ms < $1) \
     SELECT id AS example FROM waiting ORDER BY id LIMIT $2",
);
pub(crate) const OLDEST_EVENTS: Sql = Sql::both(
    "SELECT id AS example FROM (SELECT id, queue, received_at_ms FROM inbox WHERE state = 'ready' AND in_lane = 1 \
     UNION ALL SELECT id, queue, received_at_ms FROM inbox WHERE state = 'ready' AND in_lane = 0) AS waiting \
     WHERE queue = $3 AND received_at_ms < $1 ORDER BY id LIMIT $2",
);

/// Returns the ids of the oldest items of a queue that are older than an instant.
///
/// # Errors
/// Fails if the database fails.
pub async fn oldest(
    tx: &mut Tx,
    queue: Queue,
    before: UnixMillis,
    most: i64,
) -> Result<Vec<String>, StoreError> {
    let rows = match queue {
        Queue::Outbox => tx.all(OLDEST_MESSAGES, args![before, most]).await?,
        Queue::Inbox | Queue::Status => tx.all(OLDEST_EVENTS, args![before, most, queue.as_str()]).await?,
    };
    rows.iter().map(|row| row.text("example")).collect()
}

/// Recently given up work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GivenUp {
    /// Events.
    pub events: i64,
    /// Messages, for any reason.
    pub messages: i64,
    /// The messages among them that an operator can repair: the fault is ours, or all tries failed.
    pub mendable: i64,
    /// Messages without any status.
    pub unknown: i64,
}

const GIVEN_UP_EVENTS: Sql =
    Sql::both("SELECT COUNT(*) AS events FROM inbox WHERE state = 'dead' AND id >= $1");
const GIVEN_UP_MESSAGES: Sql = Sql::both(
    "SELECT COUNT(*) AS messages, \
     COUNT(CASE WHEN reason LIKE 'refused:%' OR reason = 'attempts_exhausted' THEN 1 END) AS mendable, \
     COUNT(CASE WHEN reason = 'unknown_delivery' THEN 1 END) AS unknown FROM outbox \
     WHERE reason IS NOT NULL AND state IN ('refused', 'cancelled', 'dead') AND id >= $1",
);

/// Counts work that was stored since an instant and given up.
///
/// # Errors
/// Fails if the database fails.
pub async fn given_up(tx: &mut Tx, since: UnixMillis) -> Result<GivenUp, StoreError> {
    let first = first_id(since);
    let events = tx.one(GIVEN_UP_EVENTS, args![&first]).await?.int("events")?;
    let row = tx.one(GIVEN_UP_MESSAGES, args![&first]).await?;
    Ok(GivenUp {
        events,
        messages: row.int("messages")?,
        mendable: row.int("mendable")?,
        unknown: row.int("unknown")?,
    })
}

/// Codes that were sent to a country.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodesSent {
    /// The country code by ISO 3166-1; empty if unknown.
    pub country: String,
    /// The number of codes sent.
    pub sent: i64,
    /// The number of them that were typed.
    pub proved: i64,
}

const CODES_SENT: Sql = Sql::both(
    "SELECT country, COUNT(*) AS sent, COUNT(proved_at_ms) AS proved FROM code_sends WHERE sent_at_ms >= $1 \
     AND pool <> 'whatsapp' GROUP BY country ORDER BY country",
);

/// Counts the codes that were sent to browsers since an instant, by country.
///
/// # Errors
/// Fails if the database fails.
pub async fn codes_sent(tx: &mut Tx, since: UnixMillis) -> Result<Vec<CodesSent>, StoreError> {
    let sent = |row: &Row| {
        Ok(CodesSent { country: row.text("country")?, sent: row.int("sent")?, proved: row.int("proved")? })
    };
    tx.all(CODES_SENT, args![since]).await?.iter().map(sent).collect()
}

const PAUSED: Sql = Sql::both(
    "SELECT provider, COUNT(*) AS senders FROM resting_senders WHERE since_ms IS NOT NULL \
     AND reason <> 'throttled' AND until_ms > $1 GROUP BY provider",
);

/// Counts the business numbers of each provider that are stopped at an instant.
///
/// # Errors
/// Fails if the database fails.
pub async fn paused_senders(tx: &mut Tx, now: UnixMillis) -> Result<Vec<(Provider, i64)>, StoreError> {
    let rows = tx.all(PAUSED, args![now]).await?;
    rows.iter()
        .map(|row| {
            let provider = Provider::parse(&row.text("provider")?);
            let provider = provider.ok_or(StoreError::Unreadable { column: "provider" })?;
            Ok((provider, row.int("senders")?))
        })
        .collect()
}

/// Sums over whole tables, or over a day of one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// The sum of all balances.
    pub liability: i64,
    /// The sum of all held credits.
    pub held: i64,
    /// Sessions that have not expired.
    pub sessions: i64,
    /// The price of model calls in the last day, in millionths of a US dollar.
    pub spend: i64,
    /// The model calls in the last day.
    pub calls: i64,
    /// Refunds of the last day.
    pub refunds: i64,
}

const WALLETS: Sql = Sql::both(
    "SELECT CAST(COALESCE(SUM(balance), 0) AS BIGINT) AS liability, CAST(COALESCE(SUM(held), 0) AS BIGINT) AS held \
     FROM wallets",
);
const SESSIONS: Sql = Sql::both(
    "SELECT COUNT(*) AS sessions FROM (SELECT 1 AS one FROM sessions WHERE expires_at_ms > $1 LIMIT 100000) AS open",
);
const SPEND: Sql = Sql::both(
    "SELECT COUNT(*) AS calls, CAST(COALESCE(SUM(price_microunits), 0) AS BIGINT) AS spend FROM model_calls \
     WHERE id >= $1",
);
const REFUNDS: Sql = Sql::both("SELECT COUNT(*) AS refunds FROM ledger WHERE id >= $1 AND reason = 'refund'");

/// Reads the totals; `day` is the start of the last day.
///
/// # Errors
/// Fails if the database fails.
pub async fn totals(tx: &mut Tx, day: UnixMillis, now: UnixMillis) -> Result<Totals, StoreError> {
    let first = first_id(day);
    let wallets = tx.one(WALLETS, &[]).await?;
    let spend = tx.one(SPEND, args![&first]).await?;
    Ok(Totals {
        liability: wallets.int("liability")?,
        held: wallets.int("held")?,
        sessions: tx.one(SESSIONS, args![now]).await?.int("sessions")?,
        spend: spend.int("spend")?,
        calls: spend.int("calls")?,
        refunds: tx.one(REFUNDS, args![&first]).await?.int("refunds")?,
    })
}

const NOTE_REPORT: Sql = Sql::both(
    "INSERT INTO monitor_reports (scope, findings, noted_at_ms) VALUES ($1, $2, $3) \
     ON CONFLICT (scope) DO UPDATE SET findings = excluded.findings, noted_at_ms = excluded.noted_at_ms",
);
const REPORTS: Sql = Sql::both("SELECT scope, findings, noted_at_ms FROM monitor_reports ORDER BY scope");

/// The findings of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The name of the check.
    pub scope: String,
    /// The findings, as the monitor wrote them.
    pub findings: String,
    /// The time of the check.
    pub noted_at: UnixMillis,
}

/// Replaces the findings of a check.
///
/// # Errors
/// Fails if the database fails.
pub async fn note_report(
    tx: &mut Tx,
    scope: &str,
    findings: &str,
    now: UnixMillis,
) -> Result<(), StoreError> {
    tx.execute(NOTE_REPORT, args![scope, findings, now]).await?;
    Ok(())
}

/// Returns the findings of every check.
///
/// # Errors
/// Fails if the database fails.
pub async fn reports(tx: &mut Tx) -> Result<Vec<Report>, StoreError> {
    let report = |row: &Row| {
        Ok(Report {
            scope: row.text("scope")?,
            findings: row.text("findings")?,
            noted_at: row.time("noted_at_ms")?,
        })
    };
    tx.all(REPORTS, &[]).await?.iter().map(report).collect()
}

// The earliest start is kept, from any process.
const NOTE_FAILURE: Sql = Sql::both(
    "INSERT INTO upstream_failures (upstream, since_ms, noted_at_ms) VALUES ($1, $2, $3) \
     ON CONFLICT (upstream) DO UPDATE SET \
     since_ms = CASE WHEN upstream_failures.since_ms < excluded.since_ms THEN upstream_failures.since_ms \
     ELSE excluded.since_ms END, \
     noted_at_ms = CASE WHEN upstream_failures.noted_at_ms > excluded.noted_at_ms \
     THEN upstream_failures.noted_at_ms ELSE excluded.noted_at_ms END",
);
const NOTE_ANSWER: Sql = Sql::both("DELETE FROM upstream_failures WHERE upstream = $1 AND noted_at_ms <= $2");
const FAILURES: Sql = Sql::both("SELECT upstream, since_ms, noted_at_ms FROM upstream_failures");

/// An upstream with failing calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamFailure {
    /// The upstream: `meta`, `twilio`, `model`, `stripe`.
    pub upstream: String,
    /// The time of the first failed call.
    pub since: UnixMillis,
    /// The time of the last failed call.
    pub noted_at: UnixMillis,
}

/// Records that the calls of an upstream fail, with the times of the first and the last failed call.
///
/// # Errors
/// Fails if the database fails.
pub async fn note_failure(
    tx: &mut Tx,
    upstream: &str,
    since: UnixMillis,
    last: UnixMillis,
) -> Result<(), StoreError> {
    tx.execute(NOTE_FAILURE, args![upstream, since, last]).await?;
    Ok(())
}

/// Records that an upstream answered a call at an instant: earlier failures are over.
///
/// # Errors
/// Fails if the database fails.
pub async fn note_answer(tx: &mut Tx, upstream: &str, at: UnixMillis) -> Result<(), StoreError> {
    tx.execute(NOTE_ANSWER, args![upstream, at]).await?;
    Ok(())
}

/// Returns the upstreams with failing calls.
///
/// # Errors
/// Fails if the database fails.
pub async fn failures(tx: &mut Tx) -> Result<Vec<UpstreamFailure>, StoreError> {
    let failure = |row: &Row| {
        Ok(UpstreamFailure {
            upstream: row.text("upstream")?,
            since: row.time("since_ms")?,
            noted_at: row.time("noted_at_ms")?,
        })
    };
    tx.all(FAILURES, &[]).await?.iter().map(failure).collect()
}

// Changes a row for the caller that must raise the alert: it is new, or was last raised long ago.
const OPEN_ALERT: Sql = Sql::both(
    "INSERT INTO open_alerts (name, subject, scope, since_ms, raised_at_ms) VALUES ($1, $2, $3, $4, $4) \
     ON CONFLICT (name, subject) DO UPDATE SET raised_at_ms = excluded.raised_at_ms \
     WHERE open_alerts.raised_at_ms <= $5",
);
const TAKE_OVER: Sql =
    Sql::both("UPDATE open_alerts SET scope = $3 WHERE name = $1 AND subject = $2 AND scope <> $3");
const OPEN_ALERTS: Sql = Sql::both("SELECT name, subject, since_ms FROM open_alerts WHERE scope = $1");
const CLOSE_ALERT: Sql = Sql::both("DELETE FROM open_alerts WHERE name = $1 AND subject = $2 AND scope = $3");

const EVERY_ALERT: Sql =
    Sql::both("SELECT name, subject, since_ms FROM open_alerts ORDER BY since_ms, name, subject LIMIT $1");

/// An alert whose condition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAlert {
    /// Its name.
    pub name: String,
    /// The provider, queue or invariant it is about; empty when there is only one.
    pub subject: String,
    /// The time at which its condition was first seen.
    pub since: UnixMillis,
}

/// Returns the open alerts, oldest first; at most `limit`.
///
/// # Errors
/// Fails if the database does.
pub async fn open_alerts(tx: &mut Tx, limit: i64) -> Result<Vec<OpenAlert>, StoreError> {
    let alert = |row: &Row| {
        Ok(OpenAlert { name: row.text("name")?, subject: row.text("subject")?, since: row.time("since_ms")? })
    };
    tx.all(EVERY_ALERT, args![limit]).await?.iter().map(alert).collect()
}

/// Opens an alert, or keeps it open. Returns true if it must be raised: it is new, or was last raised before
/// `again_before`.
///
/// # Errors
/// Fails if the database fails.
pub async fn open_alert(
    tx: &mut Tx,
    alert: Alert,
    subject: &str,
    scope: &str,
    now: UnixMillis,
    again_before: UnixMillis,
) -> Result<bool, StoreError> {
    let args = args![alert.as_str(), subject, scope, now, again_before];
    Ok(tx.execute(OPEN_ALERT, args).await? == 1)
}

/// Transfers an alert to another check, which sees more and can close it.
///
/// # Errors
/// Fails if the database fails.
pub async fn take_over_alert(
    tx: &mut Tx,
    alert: Alert,
    subject: &str,
    scope: &str,
) -> Result<(), StoreError> {
    tx.execute(TAKE_OVER, args![alert.as_str(), subject, scope]).await?;
    Ok(())
}

/// Closes the alerts of a check that are not among these, and returns them with their opening times.
///
/// # Errors
/// Fails if the database fails.
pub async fn close_alerts(
    tx: &mut Tx,
    scope: &str,
    but: &[(Alert, &str)],
) -> Result<Vec<(String, String, UnixMillis)>, StoreError> {
    let mut closed = vec![];
    for row in tx.all(OPEN_ALERTS, args![scope]).await? {
        let (name, subject) = (row.text("name")?, row.text("subject")?);
        if but.iter().any(|(alert, about)| alert.as_str() == name && *about == subject) {
            continue;
        }
        tx.execute(CLOSE_ALERT, args![&name, &subject, scope]).await?;
        closed.push((name, subject, row.time("since_ms")?));
    }
    Ok(closed)
}
