//! The invariants of RULES 10 over rows that are open or changed in the last minutes: each query reads those
//! rows by an index, so that it can run each minute on a database of any size. [`crate::audit`] checks all
//! rows.

use postly_domain::UnixMillis;

use crate::{
    StoreError, Tx,
    audit::{EXAMPLES, Finding, MOST, OVERDUE_MS},
    retention::first_id,
    sql::{Sql, args},
};

/// The age up to which rows are checked: several times the interval of the monitor, and longer than a
/// generation.
const RECENT_MS: i64 = 10 * 60 * 1000;

/// The queries. `$1` bounds the rows counted, `$2` is the lowest id of a recent row, `$3` the instant before
/// which work is overdue. A condition on `created_at_ms` that always holds keeps SQLite from reading the
/// whole of `ledger_author`, which has every other column of the query.
const CHECKS: &[(&str, &str, Sql)] = &[
    (
        "1a",
        "every stored event ends within 15 minutes",
        Sql::both(
            "SELECT id AS example FROM inbox WHERE state = 'ready' AND in_lane = 1 AND received_at_ms < $3 \
             AND $2 <> '' \
             UNION ALL SELECT id AS example FROM inbox WHERE state = 'ready' AND in_lane = 0 \
             AND received_at_ms < $3 LIMIT $1",
        ),
    ),
    (
        "1b",
        "every queued message ends before its window closes",
        Sql::both(
            "SELECT id AS example FROM outbox WHERE finished_at_ms IS NULL AND expires_at_ms < $3 \
             AND $2 <> '' LIMIT $1",
        ),
    ),
    (
        "2a",
        "every balance is the sum of its ledger",
        Sql::both(
            "SELECT wallets.author_id AS example FROM wallets WHERE wallets.author_id IN \
             (SELECT author_id FROM ledger WHERE id >= $2 AND created_at_ms > 0) AND $3 <> 0 AND wallets.balance <> \
             (SELECT CAST(COALESCE(SUM(delta), 0) AS BIGINT) FROM ledger WHERE ledger.author_id = wallets.author_id) \
             LIMIT $1",
        ),
    ),
    (
        "2b",
        "what is held is the sum of the open holds",
        Sql::both(
            "SELECT wallets.author_id AS example FROM (SELECT author_id FROM holds WHERE state = 'open' \
             UNION SELECT author_id FROM holds WHERE id >= $2) AS touched \
             JOIN wallets ON wallets.author_id = touched.author_id WHERE $3 <> 0 AND wallets.held <> \
             (SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM holds WHERE holds.author_id = wallets.author_id \
             AND holds.state = 'open') LIMIT $1",
        ),
    ),
    (
        "2d",
        "no hold outlives its job",
        Sql::both(
            "SELECT holds.id AS example FROM holds LEFT JOIN inbox ON inbox.id = SUBSTR(holds.hold_key, 1, 36) \
             AND holds.hold_key = inbox.id || ':' || CAST(inbox.round AS TEXT) \
             WHERE holds.state = 'open' AND holds.hold_key NOT LIKE 'replay:%' \
             AND holds.hold_key NOT LIKE 'web:%' AND (inbox.id IS NULL OR inbox.state <> 'ready') \
             UNION ALL SELECT holds.id AS example FROM holds LEFT JOIN web_requests \
             ON web_requests.hold_key = holds.hold_key WHERE holds.state = 'open' AND holds.hold_key LIKE 'web:%' \
             AND $2 <> '' AND (web_requests.hold_key IS NULL OR web_requests.generation_id IS NOT NULL \
             OR web_requests.leased_until_ms < $3) LIMIT $1",
        ),
    ),
    (
        "3a",
        "every settled hold has its entry, and a saved generation or a refund",
        Sql::both(
            "SELECT holds.id AS example FROM holds \
             LEFT JOIN ledger AS settled ON settled.operation = 'settle:' || holds.id \
             LEFT JOIN ledger AS refunded ON refunded.operation = 'refund:' || holds.id \
             LEFT JOIN generations ON generations.hold_id = holds.id \
             WHERE holds.id >= $2 AND holds.state = 'settled' AND $3 <> 0 AND (settled.id IS NULL \
             OR (generations.id IS NULL AND refunded.id IS NULL)) LIMIT $1",
        ),
    ),
    (
        "3b",
        "every charged generation has a settled hold and a queued reply that brings it",
        Sql::both(
            "SELECT generations.id AS example FROM generations LEFT JOIN holds ON holds.id = generations.hold_id \
             WHERE generations.id >= $2 AND $3 <> 0 AND generations.hold_id IS NOT NULL AND (holds.id IS NULL \
             OR holds.state <> 'settled' OR (generations.event_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM outbox \
             WHERE outbox.generation_id = generations.id AND outbox.carries_variant = 1))) LIMIT $1",
        ),
    ),
    (
        "5",
        "no free-form message was attempted after its window",
        Sql::both(
            "SELECT attempts.id AS example FROM attempts JOIN outbox ON outbox.id = attempts.message_id \
             WHERE attempts.id >= $2 AND $3 <> 0 AND attempts.started_at_ms > outbox.expires_at_ms LIMIT $1",
        ),
    ),
    (
        "7",
        "what was sealed is gone once its message has ended",
        Sql::both(
            "SELECT id AS example FROM outbox WHERE id >= $2 AND $3 <> 0 AND finished_at_ms IS NOT NULL \
             AND sealed IS NOT NULL LIMIT $1",
        ),
    ),
];

/// Runs every query over open or recent rows.
///
/// # Errors
/// Fails if the database fails.
pub async fn findings(tx: &mut Tx, now: UnixMillis) -> Result<Vec<Finding>, StoreError> {
    let first = first_id(now.plus_ms(-RECENT_MS));
    let overdue = now.plus_ms(-OVERDUE_MS);
    let mut findings = Vec::with_capacity(CHECKS.len());
    for (id, name, sql) in CHECKS {
        let rows = tx.all(*sql, args![MOST, &first, overdue]).await?;
        let examples = rows.iter().take(EXAMPLES).map(|row| row.text("example")).collect::<Result<_, _>>()?;
        let violations = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        findings.push(Finding { id, name, violations, examples });
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    /// Tables that grow with the service.
    const GROWING: [&str; 8] =
        ["inbox", "outbox", "attempts", "ledger", "holds", "generations", "wallets", "authors"];
    /// Indexes that hold open rows only.
    const OF_OPEN_ROWS: [&str; 5] =
        ["holds_open", "inbox_waiting", "inbox_arrived", "outbox_waiting", "lanes_ready"];

    #[test]
    fn no_question_reads_a_whole_table() {
        let mut connection = Connection::open_in_memory().unwrap();
        crate::schema::create_sqlite(&mut connection).unwrap();
        for (id, _, sql) in CHECKS {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", sql.lite)).unwrap();
            let unbound = statement.query_map(["1", "0", "0"], |row| row.get::<_, String>(3)).unwrap();
            for step in unbound.map(Result::unwrap) {
                let scans = GROWING.iter().any(|table| {
                    step.strip_prefix("SCAN ").is_some_and(|rest| rest.split(' ').next() == Some(*table))
                });
                let open_rows = OF_OPEN_ROWS.iter().any(|index| step.contains(index));
                assert!(!scans || open_rows, "{id}: {step}");
            }
        }
    }
}
