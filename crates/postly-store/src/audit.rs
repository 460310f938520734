//! The invariants of RULES 10, as queries that must return nothing.

use postly_domain::UnixMillis;

use crate::{
    StoreError, Tx, payments,
    sql::{Sql, args},
};

/// An invariant and its violations.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Its number in RULES 10 and a letter.
    pub id: &'static str,
    /// The condition that should hold.
    pub name: &'static str,
    /// The number of rows that violate it.
    pub violations: i64,
    /// The ids of some of them.
    pub examples: Vec<String>,
}

/// The most ids of violating rows that are named.
pub(crate) const EXAMPLES: usize = 5;
/// The most violating rows that are counted.
pub(crate) const MOST: i64 = 1_000;

/// Every message ends within 15 minutes (RULES 10.1).
pub(crate) const OVERDUE_MS: i64 = 15 * 60 * 1000;
/// The queries. `$1` bounds the rows counted; `$2`, if present, is the instant before which work is overdue.
const CHECKS: &[(&str, &str, Sql)] = &[
    (
        "1a",
        "every stored event ends within 15 minutes",
        Sql::both("SELECT id AS example FROM inbox WHERE state = 'ready' AND received_at_ms < $2 LIMIT $1"),
    ),
    (
        "1b",
        "every queued message ends before its window closes",
        Sql::both(
            "SELECT id AS example FROM outbox WHERE finished_at_ms IS NULL \
             AND expires_at_ms < $2 LIMIT $1",
        ),
    ),
    (
        "1c",
        "every answered event has a queued reply",
        Sql::both(
            "SELECT inbox.id AS example FROM inbox LEFT JOIN outbox ON outbox.id = inbox.answer_id \
             WHERE inbox.state = 'answered' AND inbox.slice <> '' AND outbox.id IS NULL LIMIT $1",
        ),
    ),
    (
        "1d",
        "a lane counts what waits in it, and work that waits is due",
        Sql::both(
            "SELECT lanes.lane AS example FROM lanes WHERE (lanes.waiting <> CASE lanes.queue \
             WHEN 'outbox' THEN (SELECT COUNT(*) FROM outbox WHERE outbox.lane = lanes.lane \
             AND outbox.finished_at_ms IS NULL) \
             ELSE (SELECT COUNT(*) FROM inbox WHERE inbox.queue = lanes.queue AND inbox.lane = lanes.lane \
             AND inbox.state = 'ready' AND inbox.in_lane = 1) END OR (lanes.waiting > 0) <> (lanes.ready_at_ms IS NOT NULL)) LIMIT $1",
        ),
    ),
    (
        "1e",
        "what waits stands in a lane, or has just arrived",
        Sql::both(
            "SELECT outbox.id AS example FROM outbox LEFT JOIN lanes ON lanes.queue = 'outbox' \
             AND lanes.lane = outbox.lane WHERE outbox.finished_at_ms IS NULL AND lanes.lane IS NULL \
             UNION ALL SELECT inbox.id AS example FROM inbox LEFT JOIN lanes ON lanes.queue = inbox.queue \
             AND lanes.lane = inbox.lane WHERE inbox.state = 'ready' AND inbox.in_lane = 1 AND lanes.lane IS NULL \
             UNION ALL SELECT id AS example FROM inbox WHERE in_lane = 0 AND state <> 'ready' LIMIT $1",
        ),
    ),
    (
        "2a",
        "every balance is the sum of its ledger",
        Sql::both(
            "SELECT wallets.author_id AS example FROM wallets LEFT JOIN (SELECT author_id, \
             CAST(SUM(delta) AS BIGINT) AS total FROM ledger GROUP BY author_id) AS sums \
             ON sums.author_id = wallets.author_id \
             WHERE wallets.balance <> COALESCE(sums.total, 0) LIMIT $1",
        ),
    ),
    (
        "2b",
        "what is held is the sum of the open holds",
        Sql::both(
            "SELECT wallets.author_id AS example FROM wallets LEFT JOIN (SELECT author_id, \
             CAST(SUM(amount) AS BIGINT) AS total FROM holds WHERE state = 'open' GROUP BY author_id) AS sums \
             ON sums.author_id = wallets.author_id \
             WHERE wallets.held <> COALESCE(sums.total, 0) LIMIT $1",
        ),
    ),
    (
        "2c",
        "no balance is negative or overdrawn",
        Sql::both(
            "SELECT author_id AS example FROM wallets WHERE (balance < 0 OR held < 0 OR balance < held) LIMIT $1",
        ),
    ),
    (
        "2d",
        "no hold outlives its job",
        Sql::both(
            "SELECT holds.id AS example FROM holds LEFT JOIN inbox ON inbox.id = SUBSTR(holds.hold_key, 1, 36) \
             AND holds.hold_key = inbox.id || ':' || CAST(inbox.round AS TEXT) WHERE holds.state = 'open' AND holds.hold_key NOT LIKE 'replay:%' \
             AND holds.hold_key NOT LIKE 'web:%' AND (inbox.id IS NULL OR inbox.state <> 'ready') \
             UNION ALL SELECT holds.id AS example FROM holds LEFT JOIN web_requests \
             ON web_requests.hold_key = holds.hold_key WHERE holds.state = 'open' AND holds.hold_key LIKE 'web:%' \
             AND (web_requests.hold_key IS NULL OR web_requests.generation_id IS NOT NULL \
             OR web_requests.leased_until_ms < $2) LIMIT $1",
        ),
    ),
    (
        "2e",
        "what a payment gave and took is in the ledger, less what is owed of it",
        Sql::both(
            "SELECT payments.id AS example FROM payments LEFT JOIN (SELECT reference, \
             CAST(SUM(delta) AS BIGINT) AS total FROM ledger \
             WHERE reason IN ('purchase', 'purchase_reversal', 'dispute') AND operation NOT LIKE 'import:%' \
             GROUP BY reference) AS sums ON sums.reference = payments.id LEFT JOIN ledger AS purchase \
             ON purchase.operation = 'purchase:' || payments.id \
             WHERE (COALESCE(sums.total, 0) <> payments.granted - payments.taken_back + payments.owed \
             OR purchase.id IS NULL OR purchase.delta <> payments.granted) LIMIT $1",
        ),
    ),
    (
        "2f",
        "every debt is what payments owe and what was imported, less what was repaid",
        Sql::both(
            "SELECT wallets.author_id AS example FROM wallets LEFT JOIN (SELECT checkout_sessions.author_id, \
             CAST(SUM(payments.owed) AS BIGINT) AS total FROM payments JOIN checkout_sessions \
             ON checkout_sessions.id = payments.checkout_id GROUP BY checkout_sessions.author_id) AS owed \
             ON owed.author_id = wallets.author_id LEFT JOIN (SELECT COALESCE(authors.merged_into_id, authors.id) \
             AS author_id, CAST(SUM(ledger.delta) AS BIGINT) AS total FROM ledger JOIN authors \
             ON authors.id = ledger.author_id WHERE ledger.reason = 'debt_repaid' AND ledger.operation NOT LIKE 'import:%' \
             GROUP BY COALESCE(authors.merged_into_id, authors.id)) AS repaid ON repaid.author_id = wallets.author_id \
             LEFT JOIN (SELECT COALESCE(authors.merged_into_id, authors.id) AS author_id, \
             CAST(SUM(imports.debt) AS BIGINT) AS total FROM imports JOIN authors ON authors.id = imports.author_id \
             GROUP BY COALESCE(authors.merged_into_id, authors.id)) AS imported \
             ON imported.author_id = wallets.author_id WHERE wallets.debt <> \
             COALESCE(owed.total, 0) + COALESCE(imported.total, 0) + COALESCE(repaid.total, 0) LIMIT $1",
        ),
    ),
    (
        "4b",
        "every paid session has granted once, and nothing else has",
        Sql::both(
            "SELECT checkout_sessions.id AS example FROM checkout_sessions LEFT JOIN payments \
             ON payments.checkout_id = checkout_sessions.id WHERE (checkout_sessions.state = 'paid') <> (payments.id IS NOT NULL) \
             OR payments.granted <> checkout_sessions.credits OR payments.id <> checkout_sessions.payment_id \
             UNION ALL SELECT ledger.id AS example FROM ledger LEFT JOIN payments ON payments.id = ledger.reference \
             WHERE ledger.reason IN ('purchase', 'purchase_reversal', 'dispute') AND payments.id IS NULL \
             AND ledger.operation NOT LIKE 'import:%' LIMIT $1",
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
             WHERE holds.state = 'settled' AND (settled.id IS NULL \
             OR (generations.id IS NULL AND refunded.id IS NULL)) LIMIT $1",
        ),
    ),
    (
        "3b",
        "every charged generation has a settled hold and a queued reply that brings it",
        Sql::both(
            "SELECT generations.id AS example FROM generations LEFT JOIN holds ON holds.id = generations.hold_id \
             WHERE generations.hold_id IS NOT NULL AND (holds.id IS NULL OR holds.state <> 'settled' \
             OR (generations.event_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM outbox \
             WHERE outbox.generation_id = generations.id AND outbox.carries_variant = 1))) LIMIT $1",
        ),
    ),
    (
        "3d",
        "a generation without a hold is a free change with its entry",
        Sql::both(
            "SELECT generations.id AS example FROM generations LEFT JOIN ledger \
             ON ledger.operation = 'free_refinement:' || generations.root_id \
             WHERE generations.hold_id IS NULL AND generations.root_id IS NOT NULL \
             AND (ledger.id IS NULL OR ledger.reference <> generations.id) LIMIT $1",
        ),
    ),
    (
        "3c",
        "a generation is refunded at most once per hold, and only what was settled",
        Sql::both(
            "SELECT refund.id AS example FROM ledger AS refund LEFT JOIN ledger AS settled \
             ON settled.operation = 'settle:' || SUBSTR(refund.operation, 8) \
             WHERE refund.reason = 'refund' AND refund.operation NOT LIKE 'import:%' AND settled.id IS NULL LIMIT $1",
        ),
    ),
    (
        "4",
        "a message has one effect: one generation per event",
        Sql::both(
            "SELECT event_id AS example FROM generations WHERE event_id IS NOT NULL \
             GROUP BY event_id HAVING COUNT(*) > 1 LIMIT $1",
        ),
    ),
    (
        "5",
        "no free-form message was attempted after its window",
        Sql::both(
            "SELECT attempts.id AS example FROM attempts JOIN outbox ON outbox.id = attempts.message_id \
             WHERE attempts.started_at_ms > outbox.expires_at_ms LIMIT $1",
        ),
    ),
    (
        "6a",
        "one identity belongs to one author",
        Sql::both(
            "SELECT phone AS example FROM identities WHERE phone IS NOT NULL \
             GROUP BY phone HAVING COUNT(DISTINCT author_id) > 1 LIMIT $1",
        ),
    ),
    (
        "6b",
        "whoever was merged or erased has no identity, no session, no open hold, no credit left behind",
        Sql::both(
            "SELECT authors.id AS example FROM authors WHERE (authors.merged_into_id IS NOT NULL AND EXISTS \
             (SELECT 1 FROM wallets WHERE wallets.author_id = authors.id \
             AND (wallets.balance <> 0 OR wallets.held <> 0 OR wallets.debt <> 0)) \
             OR (authors.merged_into_id IS NOT NULL OR authors.erased_at_ms IS NOT NULL) AND \
             (EXISTS (SELECT 1 FROM identities WHERE identities.author_id = authors.id) \
             OR EXISTS (SELECT 1 FROM sessions WHERE sessions.author_id = authors.id))) LIMIT $1",
        ),
    ),
    (
        "7",
        "what was sealed is gone once its message has ended, and every code lies hashed",
        Sql::both(
            "SELECT id AS example FROM outbox WHERE finished_at_ms IS NOT NULL AND sealed IS NOT NULL \
             UNION ALL SELECT id AS example FROM challenges WHERE LENGTH(code_hash) <> 64 \
             UNION ALL SELECT code_fallbacks.message_id AS example FROM code_fallbacks \
             JOIN attempts ON attempts.message_id = code_fallbacks.message_id \
             WHERE attempts.status IN ('delivered', 'read', 'failed') LIMIT $1",
        ),
    ),
];

/// Runs every query.
///
/// # Errors
/// Fails if the database fails.
pub async fn findings(tx: &mut Tx, now: UnixMillis) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::with_capacity(CHECKS.len());
    for (id, name, sql) in CHECKS {
        let overdue = now.plus_ms(-OVERDUE_MS);
        let args: &[_] = if sql.pg.contains("$2") { args![MOST, overdue] } else { args![MOST] };
        let rows = tx.all(*sql, args).await?;
        let examples = rows.iter().take(EXAMPLES).map(|row| row.text("example")).collect::<Result<_, _>>()?;
        let violations = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        findings.push(Finding { id, name, violations, examples });
    }
    // The rule of refunds and disputes is in the domain, and is not repeated in SQL.
    let astray = payments::astray(tx, usize::try_from(MOST).unwrap_or(usize::MAX)).await?;
    findings.push(Finding {
        id: "2g",
        name: "every payment is where its refunds and disputes put it",
        violations: i64::try_from(astray.len()).unwrap_or(i64::MAX),
        examples: astray.into_iter().take(EXAMPLES).collect(),
    });
    Ok(findings)
}
