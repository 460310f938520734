//! Erasure: an author's ledger remains under a pseudonym, and keyed hashes record the credits given once.

use postly_domain::{UnixMillis, id::AuthorId};

use crate::{
    StoreError, Tx, outbox,
    sql::{Sql, args},
};

/// The author, and those merged into them.
macro_rules! by_author {
    ($before:literal) => {
        by_author!($before, "")
    };
    ($before:literal, $after:expr) => {
        concat!($before, " IN (SELECT id FROM authors WHERE id = $1 OR merged_into_id = $1)", $after)
    };
}

/// The author's rows, in an order in which no row refers to a deleted one.
const ERASED: [Sql; 14] = [
    Sql::both(by_author!("DELETE FROM handoffs WHERE author_id")),
    Sql::both(by_author!("DELETE FROM media WHERE author_id")),
    Sql::both(by_author!("DELETE FROM web_requests WHERE author_id")),
    Sql::both(by_author!("DELETE FROM api_tokens WHERE author_id")),
    Sql::both(by_author!("DELETE FROM sessions WHERE author_id")),
    // Purchases stay with the ledger: they contain no personal data.
    Sql::both(by_author!("DELETE FROM recharge_links WHERE author_id")),
    Sql::both(by_author!("DELETE FROM password_resets WHERE author_id")),
    Sql::both(
        "DELETE FROM challenges WHERE phone IN (SELECT phone FROM identities WHERE author_id = $1) \
         OR identity_id IN (SELECT id FROM identities WHERE author_id = $1)",
    ),
    Sql::both(by_author!("DELETE FROM challenges WHERE author_id")),
    Sql::both(by_author!(
        "DELETE FROM attempts WHERE message_id IN (SELECT id FROM outbox WHERE author_id",
        ")"
    )),
    Sql::both(by_author!("DELETE FROM model_calls WHERE author_id")),
    Sql::both(by_author!(
        "UPDATE lanes SET repeats = NULL WHERE repeats IS NOT NULL AND queue = 'inbox' AND lane IN \
         (SELECT lane FROM inbox WHERE author_id",
        ")"
    )),
    // The keyed hash of its key still recognises an event that a provider delivers again.
    Sql::both(by_author!(
        "UPDATE inbox SET slice = '', lane = '', author_id = NULL, answer_id = NULL, state = 'ignored', \
         outcome = 'erased' WHERE state <> 'ready' AND author_id"
    )),
    Sql::both(by_author!("DELETE FROM identities WHERE author_id")),
];

// Lock order: author (locked by the caller), wallet, lanes, messages.
const WALLETS: Sql = Sql::both(by_author!("UPDATE wallets SET held = 0 WHERE author_id"));
macro_rules! author_lanes {
    ($lock:literal) => {
        by_author!(
            "SELECT lane FROM lanes WHERE queue = 'outbox' AND lane IN (SELECT lane FROM outbox \
             WHERE finished_at_ms IS NULL AND author_id",
            concat!(") ORDER BY lane", $lock)
        )
    };
}
const LOCK_LANES: Sql = Sql::each(author_lanes!(""), author_lanes!(" FOR UPDATE"));
const MESSAGES: Sql =
    Sql::both(by_author!("DELETE FROM outbox WHERE author_id", " RETURNING lane, finished_at_ms"));
const POSTS: Sql = Sql::both(by_author!("DELETE FROM generations WHERE author_id"));
// Deletes the holds of work in progress: the work then finds neither its hold nor its event's author.
const HOLDS: Sql = Sql::both(by_author!("DELETE FROM holds WHERE author_id"));
const ATTEMPTS_OF_NOBODY: Sql = Sql::both(
    "DELETE FROM attempts WHERE message_id IN \
     (SELECT id FROM outbox WHERE lane = $1 AND purpose <> 'result' AND author_id IS NULL)",
);
const ORPHAN_CODES: Sql = Sql::both(
    "DELETE FROM outbox WHERE lane = $1 AND purpose <> 'result' AND author_id IS NULL RETURNING lane, finished_at_ms",
);
const ANONYMISE: Sql = Sql::both(
    "UPDATE authors SET email = NULL, password_hash = NULL, language = 'fr', language_chosen = 0, language_settled = 0, \
     greeted_at_ms = NULL, erasure_asked_at_ms = NULL, asked_about = NULL, asked_at_ms = NULL, number_changed_at_ms = NULL, \
     blocked_at_ms = NULL, brand = NULL, erased_at_ms = $2 \
     WHERE id = $1 OR merged_into_id = $1",
);

/// Erases all rows of an author, including unsent messages, except the pseudonymous ledger. `lanes` are the
/// lanes of the author's conversations. The caller reads the identities before.
///
/// # Errors
/// Fails if the database fails.
pub async fn erase(
    tx: &mut Tx,
    author: &AuthorId,
    lanes: &[String],
    now: UnixMillis,
) -> Result<(), StoreError> {
    tx.execute(WALLETS, args![author]).await?;
    tx.all(LOCK_LANES, args![author]).await?;
    for sql in ERASED {
        tx.execute(sql, args![author]).await?;
    }
    let mut gone = tx.all(MESSAGES, args![author]).await?;
    for lane in lanes {
        // Codes that were sent while the owner of the number was unknown.
        tx.execute(ATTEMPTS_OF_NOBODY, args![lane]).await?;
        gone.extend(tx.all(ORPHAN_CODES, args![lane]).await?);
    }
    tx.execute(POSTS, args![author]).await?;
    tx.execute(HOLDS, args![author]).await?;
    for row in gone {
        if row.maybe_time("finished_at_ms")?.is_none() {
            outbox::remove_from_lane(tx, &row.text("lane")?).await?;
        }
    }
    tx.execute(ANONYMISE, args![author, now]).await?;
    Ok(())
}

const MARK: Sql = Sql::both(
    "INSERT INTO erasures (subject_hash, until_ms) VALUES ($1, $2) \
     ON CONFLICT (subject_hash) DO UPDATE SET until_ms = excluded.until_ms",
);
const MARKED: Sql = Sql::both("SELECT 1 AS found FROM erasures WHERE subject_hash = $1 AND until_ms >= $2");

/// Records that the owner of this hash of a number or id was erased: messages written until then are not
/// answered.
///
/// # Errors
/// Fails if the database fails.
pub async fn mark(tx: &mut Tx, subject_hash: &str, until: UnixMillis) -> Result<(), StoreError> {
    tx.execute(MARK, args![subject_hash, until]).await?;
    Ok(())
}

/// True if a message written at an instant is from an author erased since.
///
/// # Errors
/// Fails if the database fails.
pub async fn is_marked(tx: &mut Tx, subject_hash: &str, written_at: UnixMillis) -> Result<bool, StoreError> {
    Ok(tx.maybe_one(MARKED, args![subject_hash, written_at]).await?.is_some())
}
