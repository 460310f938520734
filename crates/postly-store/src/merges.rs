//! Merging one author into another: all rows move to the other author, and the old id stays as an alias.

use postly_domain::{
    LedgerReason, UnixMillis,
    id::{AuthorId, EntryId},
};

use crate::{
    StoreError, Tx, authors,
    sql::{Sql, args},
    wallets::{self, NewEntry, Posted},
};

// Lock order: authors (locked by the caller), wallets by id (not by role), then the rest. A transaction that
// settles a hold has either committed before these rows are ours, or finds the new owner on them.
const LOCK_WALLETS: Sql = Sql::each(
    "SELECT author_id, balance, held FROM wallets WHERE author_id IN ($1, $2) ORDER BY author_id",
    "SELECT author_id, balance, held FROM wallets WHERE author_id IN ($1, $2) ORDER BY author_id FOR UPDATE",
);
const OPEN_HELD: Sql = Sql::both(
    "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS amount FROM holds WHERE author_id = $1 AND state = 'open'",
);
const HELD: Sql = Sql::both("UPDATE wallets SET held = held + $2 WHERE author_id = $1");
const ALIAS: Sql = Sql::both(
    "UPDATE authors SET merged_into_id = $2, erasure_asked_at_ms = NULL, asked_about = NULL, asked_at_ms = NULL \
     WHERE id = $1 AND merged_into_id IS NULL AND email IS NULL AND erased_at_ms IS NULL",
);
const ALIASES_TOO: Sql = Sql::both("UPDATE authors SET merged_into_id = $2 WHERE merged_into_id = $1");
const GREETED: Sql = Sql::both(
    "UPDATE authors SET greeted_at_ms = COALESCE(greeted_at_ms, (SELECT greeted_at_ms FROM authors WHERE id = $1)) \
     WHERE id = $2",
);
// The memory of the author with a login takes precedence over that of a number.
const BRAND: Sql = Sql::both(
    "UPDATE authors SET brand = COALESCE(brand, (SELECT brand FROM authors WHERE id = $1)) WHERE id = $2",
);
const NO_BRAND: Sql = Sql::both("UPDATE authors SET brand = NULL WHERE id = $1");
// A block of either author is kept.
const BLOCKED: Sql = Sql::both(
    "UPDATE authors SET blocked_at_ms = COALESCE(blocked_at_ms, (SELECT blocked_at_ms FROM authors WHERE id = $1)) \
     WHERE id = $2",
);
/// Rows that move unchanged, after the holds.
const MOVED: [Sql; 13] = [
    Sql::both("UPDATE holds SET author_id = $2 WHERE author_id = $1"),
    Sql::both("UPDATE generations SET author_id = $2 WHERE author_id = $1"),
    // A key that both authors used stays with the one merged into.
    Sql::both(
        "UPDATE web_requests SET author_id = $2 WHERE author_id = $1 AND NOT EXISTS (SELECT 1 FROM web_requests AS other \
         WHERE other.author_id = $2 AND other.key_hash = web_requests.key_hash)",
    ),
    Sql::both("UPDATE inbox SET author_id = $2 WHERE author_id = $1"),
    Sql::both("UPDATE outbox SET author_id = $2 WHERE author_id = $1"),
    Sql::both("UPDATE model_calls SET author_id = $2 WHERE author_id = $1"),
    Sql::both("UPDATE media SET author_id = $2 WHERE author_id = $1"),
    Sql::both("UPDATE identities SET author_id = $2 WHERE author_id = $1"),
    // One open request for a person is enough.
    Sql::both(
        "UPDATE handoffs SET author_id = $2, closed_at_ms = CASE WHEN closed_at_ms IS NULL AND EXISTS \
         (SELECT 1 FROM handoffs AS other WHERE other.author_id = $2 AND other.closed_at_ms IS NULL) \
         THEN opened_at_ms ELSE closed_at_ms END WHERE author_id = $1",
    ),
    Sql::both("UPDATE checkout_sessions SET author_id = $2 WHERE author_id = $1"),
    Sql::both("UPDATE recharge_links SET author_id = $2 WHERE author_id = $1"),
    Sql::both("UPDATE api_tokens SET author_id = $2 WHERE author_id = $1"),
    Sql::both("UPDATE challenges SET author_id = $2 WHERE author_id = $1 AND origin = 'whatsapp'"),
];
/// Rows that end with the old id.
const ENDED: [Sql; 2] = [
    Sql::both("DELETE FROM sessions WHERE author_id = $1"),
    Sql::both("DELETE FROM password_resets WHERE author_id = $1"),
];

/// Merges `from` into `into`: credits by two entries, open holds and history, identities with their STOP. A
/// second call changes nothing. Returns false if `from` was merged before, was erased, or has a login.
///
/// # Errors
/// Fails if the database fails.
pub async fn merge(
    tx: &mut Tx,
    from: &AuthorId,
    into: &AuthorId,
    out_entry: &EntryId,
    in_entry: &EntryId,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    let (first, second) = if from < into { (from, into) } else { (into, from) };
    let both_there = authors::lock(tx, first).await? & authors::lock(tx, second).await?;
    if !both_there || tx.execute(ALIAS, args![from, into]).await? != 1 {
        return Ok(false);
    }
    tx.execute(ALIASES_TOO, args![from, into]).await?;
    tx.execute(GREETED, args![from, into]).await?;
    tx.execute(BLOCKED, args![from, into]).await?;
    tx.execute(BRAND, args![from, into]).await?;
    tx.execute(NO_BRAND, args![from]).await?;

    tx.all(LOCK_WALLETS, args![from, into]).await?;
    let balance = wallets::get(tx, from).await?.balance;
    let held = tx.one(OPEN_HELD, args![from]).await?.int("amount")?;
    tx.execute(HELD, args![from, -held]).await?;
    if balance > 0 {
        let entry = |id, author, delta, operation, reference| NewEntry {
            id,
            author,
            delta,
            reason: LedgerReason::Merge,
            operation,
            note: None,
            reference: Some(reference),
        };
        let (out, inn) = (format!("merge:{from}:out"), format!("merge:{from}:in"));
        for entry in [
            entry(out_entry, from, -balance, out.as_str(), into.as_str()),
            entry(in_entry, into, balance, inn.as_str(), from.as_str()),
        ] {
            match wallets::post(tx, &entry, now).await? {
                Posted::Done(_) => {}
                Posted::AlreadyDone | Posted::Insufficient => {
                    return Err(StoreError::Unreadable { column: "balance" });
                }
            }
        }
    }
    tx.execute(HELD, args![into, held]).await?;
    let debt = wallets::debt(tx, from).await?;
    if debt > 0 {
        wallets::change_debt(tx, from, -debt).await?;
        wallets::change_debt(tx, into, debt).await?;
    }
    wallets::move_untold_refunds(tx, from, into).await?;
    for sql in MOVED {
        tx.execute(sql, args![from, into]).await?;
    }
    for sql in ENDED {
        tx.execute(sql, args![from]).await?;
    }
    Ok(true)
}
