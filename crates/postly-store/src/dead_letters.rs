//! Dead letters: events and messages that were given up, for an operator to see and to replay.

use postly_domain::{
    UnixMillis,
    id::{AuthorId, EventId, GenerationId, MessageId},
};

use crate::{
    Engine, StoreError, Tx, attempts,
    lanes::{self, Queue},
    sql::{Sql, args},
};

/// An event or a message that was given up.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// The id of the event or message.
    pub id: String,
    /// The queue.
    pub queue: Queue,
    /// The reason.
    pub reason: String,
    /// The number of tries.
    pub attempts: i64,
    /// The author, if known.
    pub author: Option<AuthorId>,
    /// True if its credit was given back.
    pub refunded: bool,
    /// The time of storage.
    pub created_at: UnixMillis,
}

pub(crate) const LIST: Sql = Sql::both(
    "SELECT id, queue, COALESCE(outcome, 'unknown') AS reason, attempts, author_id, CAST(0 AS BIGINT) AS refunded, \
     received_at_ms AS created_at_ms FROM inbox WHERE state = 'dead' \
     UNION ALL \
     SELECT outbox.id, 'outbox' AS queue, COALESCE(outbox.reason, 'unknown') AS reason, \
     (SELECT COUNT(*) FROM attempts WHERE attempts.message_id = outbox.id) AS attempts, outbox.author_id, \
     CAST(CASE WHEN generations.state = 'refunded' THEN 1 ELSE 0 END AS BIGINT) AS refunded, outbox.created_at_ms \
     FROM outbox LEFT JOIN generations ON generations.id = outbox.generation_id \
     WHERE outbox.reason IS NOT NULL AND outbox.state IN ('refused', 'cancelled', 'dead') \
     ORDER BY created_at_ms DESC, id DESC LIMIT $1",
);

/// Returns the newest dead letters.
///
/// # Errors
/// Fails if the database fails.
pub async fn list(tx: &mut Tx, limit: i64) -> Result<Vec<DeadLetter>, StoreError> {
    tx.all(LIST, args![limit])
        .await?
        .iter()
        .map(|row| {
            Ok(DeadLetter {
                id: row.text("id")?,
                queue: match row.text("queue")?.as_str() {
                    "outbox" => Queue::Outbox,
                    "status" => Queue::Status,
                    _ => Queue::Inbox,
                },
                reason: row.text("reason")?,
                attempts: row.int("attempts")?,
                author: row.maybe_text("author_id")?.map(AuthorId::new),
                refunded: row.flag("refunded")?,
                created_at: row.time("created_at_ms")?,
            })
        })
        .collect()
}

const REVIVE_EVENT: Sql = Sql::both(
    "UPDATE inbox SET state = 'ready', outcome = NULL, attempts = 0, round = round + 1, finished_at_ms = NULL \
     WHERE id = $1 AND state = 'dead' AND slice <> '' RETURNING queue, lane",
);

/// Makes a dead event ready again, in a new round. Returns false if it is not dead.
///
/// # Errors
/// Fails if the database fails.
pub async fn revive_event(tx: &mut Tx, id: &EventId, now: UnixMillis) -> Result<bool, StoreError> {
    let Some(row) = tx.maybe_one(REVIVE_EVENT, args![id]).await? else { return Ok(false) };
    let queue = if row.text("queue")? == "status" { Queue::Status } else { Queue::Inbox };
    lanes::add(tx, queue, &row.text("lane")?, 1, now).await?;
    Ok(true)
}

/// The facts of a dead message that a replay needs.
#[derive(Debug, Clone)]
pub struct DeadMessage {
    /// The recipient.
    pub author: Option<AuthorId>,
    /// The generation that it delivers.
    pub generation: Option<GenerationId>,
    /// True if its credit was given back.
    pub refunded: bool,
    /// The end of its service window.
    pub expires_at: UnixMillis,
}

macro_rules! dead_message_sql {
    ($lock:literal) => {
        concat!(
            "SELECT outbox.author_id, outbox.generation_id, outbox.expires_at_ms, ",
            "CAST(CASE WHEN generations.state = 'refunded' THEN 1 ELSE 0 END AS BIGINT) AS refunded ",
            "FROM outbox LEFT JOIN generations ON generations.id = outbox.generation_id ",
            "WHERE outbox.id = $1 AND outbox.state IN ('refused', 'cancelled', 'dead') ",
            // Sealed content is deleted: nothing is left to send.
            "AND outbox.form = 'text' AND outbox.address <> ''",
            $lock
        )
    };
}
const DEAD_MESSAGE: Sql = Sql::each(dead_message_sql!(""), dead_message_sql!(" FOR UPDATE OF outbox"));

/// Locks a dead message, then reads it and its generation. `None` if there is none with this id.
///
/// # Errors
/// Fails if the database fails.
pub async fn message(tx: &mut Tx, id: &MessageId) -> Result<Option<DeadMessage>, StoreError> {
    if tx.engine() == Engine::Postgres {
        // After a wait for the lock, PostgreSQL returns the new message row but the old generation row: read
        // again.
        tx.maybe_one(DEAD_MESSAGE, args![id]).await?;
    }
    let Some(row) = tx.maybe_one(DEAD_MESSAGE, args![id]).await? else { return Ok(None) };
    Ok(Some(DeadMessage {
        author: row.maybe_text("author_id")?.map(AuthorId::new),
        generation: row.maybe_text("generation_id")?.map(GenerationId::new),
        refunded: row.flag("refunded")?,
        expires_at: row.time("expires_at_ms")?,
    }))
}

const DEAD_OF_GENERATION: Sql = Sql::both(
    "SELECT id FROM outbox WHERE generation_id = $1 AND state IN ('refused', 'cancelled', 'dead') ORDER BY id",
);

/// Returns the dead messages of the reply that delivers a generation, in order.
///
/// # Errors
/// Fails if the database fails.
pub async fn of_generation(tx: &mut Tx, generation: &GenerationId) -> Result<Vec<MessageId>, StoreError> {
    let rows = tx.all(DEAD_OF_GENERATION, args![generation]).await?;
    rows.iter().map(|row| row.text("id").map(MessageId::new)).collect()
}

const REVIVE_MESSAGE: Sql = Sql::both(
    "UPDATE outbox SET state = 'ready', reason = NULL, refusals = 0, recipient_waits = 0, finished_at_ms = NULL \
     WHERE id = $1 AND state IN ('refused', 'cancelled', 'dead') RETURNING lane",
);

/// Makes a dead message ready again. Its old attempts no longer count: the replay is a message of its own.
///
/// # Errors
/// Fails if the database fails.
pub async fn revive_message(tx: &mut Tx, id: &MessageId, now: UnixMillis) -> Result<bool, StoreError> {
    let Some(row) = tx.maybe_one(REVIVE_MESSAGE, args![id]).await? else { return Ok(false) };
    attempts::forget(tx, id).await?;
    lanes::add(tx, Queue::Outbox, &row.text("lane")?, 1, now).await?;
    Ok(true)
}
