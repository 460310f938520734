//! Figures of a stretch of time: messages, credits, revenue and cost. Every question reads the rows of that
//! time by their ids, which begin with it. Whole hours that have passed are summed once, so that a chart of
//! two weeks reads a few hundred rows.

use std::collections::BTreeMap;

use postly_domain::{UnixMillis, time::HOUR_MS};

use crate::{
    StoreError, Tx,
    retention::first_id,
    sql::{Sql, args},
};

/// The figures of a stretch of time, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures(BTreeMap<String, i64>);

/// The name of the revenue in a currency begins so.
const REVENUE: &str = "revenue:";

impl Figures {
    /// A figure; 0 when there is none of this name.
    pub fn get(&self, name: &str) -> i64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// The payments of buyers, in minor units, by currency.
    pub fn revenue(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().filter_map(|(name, value)| Some((name.strip_prefix(REVENUE)?, *value)))
    }

    /// Adds the figures of another stretch.
    pub fn add(&mut self, other: &Self) {
        for (name, value) in &other.0 {
            self.set(name, *value);
        }
    }

    fn set(&mut self, name: &str, value: i64) {
        *self.0.entry(name.to_owned()).or_default() += value;
    }
}

// A condition on `received_at_ms` or `created_at_ms` that always holds keeps SQLite from choosing an index
// that covers the question and would be read from end to end.
pub(crate) const EVENTS: Sql = Sql::both(
    "SELECT COUNT(*) AS received, COUNT(CASE WHEN state = 'answered' THEN 1 END) AS answered, \
     COUNT(CASE WHEN state = 'dead' THEN 1 END) AS dead FROM inbox \
     WHERE id >= $1 AND id < $2 AND kind = 'message' AND received_at_ms > 0",
);
pub(crate) const UNDELIVERED: Sql = Sql::both(
    "SELECT COUNT(*) AS undelivered FROM outbox WHERE reason IS NOT NULL AND state IN ('refused', 'dead') \
     AND id >= $1 AND id < $2",
);
pub(crate) const ENTRIES: Sql = Sql::both(
    "SELECT CAST(COALESCE(SUM(CASE WHEN reason = 'purchase' THEN delta END), 0) AS BIGINT) AS sold, \
     CAST(COALESCE(SUM(CASE WHEN reason IN ('whatsapp_generation', 'web_generation', 'refinement') THEN -delta END), 0) \
     AS BIGINT) AS spent, \
     CAST(COALESCE(SUM(CASE WHEN reason = 'refund' THEN delta END), 0) AS BIGINT) AS refunded FROM ledger \
     WHERE id >= $1 AND id < $2 AND created_at_ms > 0",
);
pub(crate) const SALES: Sql = Sql::both(
    "SELECT COALESCE(checkout_sessions.total_currency, checkout_sessions.currency) AS currency, \
     CAST(SUM(COALESCE(checkout_sessions.total, checkout_sessions.amount)) AS BIGINT) AS paid FROM ledger \
     JOIN checkout_sessions ON checkout_sessions.payment_id = ledger.reference \
     WHERE ledger.id >= $1 AND ledger.id < $2 AND ledger.created_at_ms > 0 AND ledger.reason = 'purchase' \
     GROUP BY COALESCE(checkout_sessions.total_currency, checkout_sessions.currency)",
);
pub(crate) const CALLS: Sql = Sql::both(
    "SELECT COUNT(*) AS calls, COUNT(CASE WHEN price_microunits IS NULL THEN 1 END) AS unpriced, \
     CAST(COALESCE(SUM(price_microunits), 0) AS BIGINT) AS price FROM model_calls \
     WHERE id >= $1 AND id < $2 AND created_at_ms > 0",
);
pub(crate) const SENDS: Sql = Sql::both(
    "SELECT COUNT(*) AS sends, COUNT(CASE WHEN billable = 1 THEN 1 END) AS billable, \
     COUNT(CASE WHEN price_category IS NOT NULL THEN 1 END) AS told FROM attempts \
     WHERE id >= $1 AND id < $2 AND started_at_ms > 0",
);

/// Reads the figures from an instant up to another.
///
/// # Errors
/// Fails if the database fails.
pub async fn read(tx: &mut Tx, from: UnixMillis, to: UnixMillis) -> Result<Figures, StoreError> {
    let (first, end) = (first_id(from), first_id(to));
    let mut figures = Figures::default();
    let singles: [(Sql, &[&'static str]); 5] = [
        (EVENTS, &["received", "answered", "dead"]),
        (UNDELIVERED, &["undelivered"]),
        (ENTRIES, &["sold", "spent", "refunded"]),
        (CALLS, &["calls", "unpriced", "price"]),
        (SENDS, &["sends", "billable", "told"]),
    ];
    for (sql, names) in singles {
        let row = tx.one(sql, args![&first, &end]).await?;
        for name in names {
            figures.set(name, row.int(name)?);
        }
    }
    if figures.get("sold") == 0 {
        return Ok(figures);
    }
    for row in tx.all(SALES, args![&first, &end]).await? {
        figures.set(&format!("{REVENUE}{}", row.text("currency")?), row.int("paid")?);
    }
    Ok(figures)
}

const LAST_HOUR: Sql = Sql::both("SELECT MAX(hour_ms) AS hour_ms FROM hour_figures");

/// The beginning of the last hour that is summed.
///
/// # Errors
/// Fails if the database fails.
pub async fn last_hour(tx: &mut Tx) -> Result<Option<UnixMillis>, StoreError> {
    tx.one(LAST_HOUR, args![]).await?.maybe_time("hour_ms")
}

const NOTE: Sql = Sql::both(
    "INSERT INTO hour_figures (hour_ms, figure, value) VALUES ($1, $2, $3) \
     ON CONFLICT (hour_ms, figure) DO UPDATE SET value = excluded.value",
);

/// Keeps the figures of the hour that begins at an instant. `received` is kept even as 0, so that the hour
/// counts as summed.
///
/// # Errors
/// Fails if the database fails.
pub async fn note_hour(tx: &mut Tx, hour: UnixMillis, figures: &Figures) -> Result<(), StoreError> {
    for (name, value) in &figures.0 {
        if *value != 0 || name == "received" {
            tx.execute(NOTE, args![hour, name, *value]).await?;
        }
    }
    Ok(())
}

pub(crate) const DAYS: Sql = Sql::both(
    "SELECT hour_ms / 86400000 AS day, figure, CAST(SUM(value) AS BIGINT) AS value FROM hour_figures \
     WHERE hour_ms >= $1 AND hour_ms < $2 GROUP BY hour_ms / 86400000, figure",
);

/// The sums of the hours that are summed from an instant up to another, by the number of the UTC day since
/// the epoch.
///
/// # Errors
/// Fails if the database fails.
pub async fn days(
    tx: &mut Tx,
    from: UnixMillis,
    to: UnixMillis,
) -> Result<BTreeMap<i64, Figures>, StoreError> {
    let mut days: BTreeMap<i64, Figures> = BTreeMap::new();
    for row in tx.all(DAYS, args![from, to]).await? {
        days.entry(row.int("day")?).or_default().set(&row.text("figure")?, row.int("value")?);
    }
    Ok(days)
}

/// The beginning of the hour of an instant.
pub fn hour_of(at: UnixMillis) -> UnixMillis {
    UnixMillis(at.0.div_euclid(HOUR_MS) * HOUR_MS)
}
