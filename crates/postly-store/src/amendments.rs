//! Amendments: messages by which a sender deletes or replaces an earlier one.

use postly_domain::event::EventKey;

use crate::{
    StoreError, Tx,
    sql::{Sql, args},
};

// Only of the same conversation. An amendment that came before its message has ended as applied, and waits
// for it. Amendments that have not joined their lane are included.
const OF: Sql = Sql::both(
    "SELECT slice FROM inbox WHERE amends_key = $1 AND lane = $2 AND state IN ('ready', 'applied') AND slice <> '' \
     ORDER BY occurred_at_ms, id",
);

/// Returns the slices of the amendments of a message in a lane of the inbox, oldest first.
///
/// # Errors
/// Fails if the database fails.
pub async fn of(tx: &mut Tx, message: &EventKey, lane: &str) -> Result<Vec<String>, StoreError> {
    tx.all(OF, args![&message.0, lane]).await?.iter().map(|row| row.text("slice")).collect()
}

// A dead letter can be replayed, and is amended then.
const HAS_ENDED: Sql = Sql::both(
    "SELECT 1 AS found FROM inbox WHERE event_key = $1 AND state IN ('answered', 'ignored', 'applied')",
);

/// True if a message has ended and will not be handled again.
///
/// # Errors
/// Fails if the database fails.
pub async fn come_too_late(tx: &mut Tx, message: &EventKey) -> Result<bool, StoreError> {
    Ok(tx.maybe_one(HAS_ENDED, args![&message.0]).await?.is_some())
}
