//! The outbox: every message that is to be sent.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use postly_domain::{
    Provider, UnixMillis,
    delivery::{Attempt, Form},
    id::{AuthorId, EventId, GenerationId, MessageId},
    rest::Rest,
};

use crate::{
    Engine, StoreError, Tx,
    attempts::attempt,
    lanes::{self, ClaimedLane, Queue, lanes_of_claim},
    senders,
    sql::{Row, Sql, args, json},
};

/// A message to be queued.
pub struct NewMessage<'a> {
    /// The id. Within a lane, messages are sent in the order of their ids.
    pub id: &'a MessageId,
    /// The idempotency key: a second message with the same key is not queued.
    pub key: &'a str,
    /// The conversation.
    pub lane: &'a str,
    /// The recipient, if known.
    pub author: Option<&'a AuthorId>,
    /// The provider.
    pub provider: Provider,
    /// The business number that sends it.
    pub business: &'a str,
    /// The recipient's address.
    pub address: &'a str,
    /// The purpose (`result`, `help`, `no_credit` …).
    pub purpose: &'a str,
    /// The message it answers.
    pub event: Option<&'a EventId>,
    /// The generation that it delivers.
    pub generation: Option<&'a GenerationId>,
    /// True if it carries at least one of the posts.
    pub carries_variant: bool,
    /// The provider's id of the message it answers.
    pub reply_to: Option<&'a str>,
    /// The text. Empty if the content is sealed.
    pub body: &'a str,
    /// The reply buttons below the text, as JSON: `[[id, title], ...]`.
    pub buttons: Option<&'a str>,
    /// The form in which it is sent.
    pub form: Form,
    /// The content for the provider's eyes only, encrypted. Deleted once the message has ended.
    pub sealed: Option<&'a str>,
    /// The latest time to send it: the end of the service window, or of its content's validity.
    pub expires_at: UnixMillis,
}

const QUEUE: Sql = Sql::both(
    "INSERT INTO outbox (id, message_key, lane, author_id, provider, business, address, purpose, event_id, \
     generation_id, carries_variant, reply_to, body, form, sealed, state, expires_at_ms, created_at_ms, buttons) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 'ready', $16, $17, $18) \
     ON CONFLICT (message_key) DO NOTHING",
);

/// Queues a message. Returns false if its key exists already.
///
/// # Errors
/// Fails if the database fails.
pub async fn queue(tx: &mut Tx, new: &NewMessage<'_>, now: UnixMillis) -> Result<bool, StoreError> {
    let args = args![
        new.id,
        new.key,
        new.lane,
        new.author,
        new.provider,
        new.business,
        new.address,
        new.purpose,
        new.event,
        new.generation,
        new.carries_variant,
        new.reply_to,
        new.body,
        new.form.as_str(),
        new.sealed,
        new.expires_at,
        now,
        new.buttons,
    ];
    let queued = tx.execute(QUEUE, args).await? == 1;
    if queued {
        lanes::add(tx, Queue::Outbox, new.lane, 1, now).await?;
    }
    Ok(queued)
}

/// A message at the head of its lane.
#[derive(Clone)]
pub struct DueMessage {
    /// Its id.
    pub id: MessageId,
    /// The recipient, if known.
    pub author: Option<AuthorId>,
    /// The provider.
    pub provider: Provider,
    /// The business number that sends it.
    pub business: String,
    /// The recipient's address.
    pub address: String,
    /// The generation that it delivers.
    pub generation: Option<GenerationId>,
    /// The event that it answers.
    pub event: Option<EventId>,
    /// True if it carries at least one of the posts.
    pub carries_variant: bool,
    /// The provider's id of the message it answers.
    pub reply_to: Option<String>,
    /// The text. Empty if the content is sealed.
    pub body: String,
    /// The reply buttons below the text, as JSON.
    pub buttons: Option<String>,
    /// The form in which it is sent.
    pub form: Form,
    /// The content for the provider's eyes only, encrypted.
    pub sealed: Option<String>,
    /// The number of clear refusals so far.
    pub refusals: usize,
    /// The number of pair-limit refusals in a row.
    pub recipient_waits: usize,
    /// The end of its service window.
    pub expires_at: UnixMillis,
    /// The pause of its sender, if there is one.
    pub rest: Option<Rest>,
    /// All attempts, oldest first.
    pub attempts: Vec<Attempt>,
}

impl std::fmt::Debug for DueMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DueMessage").field("id", &self.id).finish_non_exhaustive()
    }
}

const HEADS: Sql = Sql::both(concat!(
    "SELECT head.lane, head.id, head.author_id, head.provider, head.business, head.address, head.generation_id, head.event_id, ",
    "head.carries_variant, head.reply_to, head.body, head.buttons, head.form, head.sealed, head.refusals, head.recipient_waits, ",
    "head.expires_at_ms, resting_senders.until_ms AS rests_until_ms, resting_senders.reason AS rest_reason, ",
    "resting_senders.probe_ms, attempts.state, attempts.status, ",
    "attempts.started_at_ms FROM outbox AS head ",
    "LEFT JOIN resting_senders ON resting_senders.provider = head.provider ",
    "AND resting_senders.business = head.business ",
    "LEFT JOIN attempts ON attempts.message_id = head.id ",
    "WHERE head.id IN (SELECT (SELECT waiting.id FROM outbox AS waiting ",
    "WHERE waiting.lane = lanes.lane AND waiting.finished_at_ms IS NULL ORDER BY waiting.id LIMIT 1) ",
    lanes_of_claim!(),
    ") ORDER BY attempts.id"
));

/// The head of a lane.
#[derive(Debug)]
pub enum Head {
    /// The oldest message that has not ended, with its attempts. No status of it is recorded until the
    /// transaction ends.
    Due(Box<DueMessage>),
    /// Another transaction is recording a status of the message.
    Busy,
    /// The lane has no message.
    Missing,
}

/// Returns the heads of the lanes of a claim, in the same order.
///
/// # Errors
/// Fails if the database fails, or a row cannot be read.
pub async fn heads(tx: &mut Tx, claim: &[ClaimedLane]) -> Result<Vec<Head>, StoreError> {
    let mut heads = read_heads(tx, claim).await?;
    // A message without attempts has no statuses.
    let told_of: Vec<&MessageId> =
        heads.values().filter(|head| !head.attempts.is_empty()).map(|head| &head.id).collect();
    let mut locked = None;
    if tx.engine() == Engine::Postgres && !told_of.is_empty() {
        locked = Some(lock_free(tx, &told_of).await?);
        // Read again: statuses may have been recorded before the locks were taken.
        heads = read_heads(tx, claim).await?;
    }
    let is_free =
        |message: &MessageId| locked.as_ref().is_none_or(|locked| locked.contains(message.as_str()));
    let heads = claim.iter().map(|claimed| match heads.remove(&claimed.lane) {
        Some(head) if !head.attempts.is_empty() && !is_free(&head.id) => Head::Busy,
        Some(head) => Head::Due(Box::new(head)),
        None => Head::Missing,
    });
    Ok(heads.collect())
}

/// Returns the heads of the lanes of a claim, keyed by lane.
async fn read_heads(tx: &mut Tx, claim: &[ClaimedLane]) -> Result<HashMap<String, DueMessage>, StoreError> {
    let mut heads: HashMap<String, DueMessage> = HashMap::new();
    let Some(ClaimedLane { queue, token, leased_until, .. }) = claim.first() else { return Ok(heads) };
    // One row per attempt, and one row for a message without attempts.
    for row in tx.all(HEADS, args![queue.as_str(), *leased_until, token]).await? {
        let head = match heads.entry(row.text("lane")?) {
            Entry::Occupied(head) => head.into_mut(),
            Entry::Vacant(place) => place.insert(due_message(&row)?),
        };
        if row.maybe_text("state")?.is_some() {
            head.attempts.push(attempt(&row)?);
        }
    }
    Ok(heads)
}

fn due_message(row: &Row) -> Result<DueMessage, StoreError> {
    Ok(DueMessage {
        id: MessageId::new(row.text("id")?),
        author: row.maybe_text("author_id")?.map(AuthorId::new),
        provider: row.provider("provider")?,
        business: row.text("business")?,
        address: row.text("address")?,
        generation: row.maybe_text("generation_id")?.map(GenerationId::new),
        event: row.maybe_text("event_id")?.map(EventId::new),
        carries_variant: row.flag("carries_variant")?,
        reply_to: row.maybe_text("reply_to")?,
        body: row.text("body")?,
        buttons: row.maybe_text("buttons")?,
        form: Form::parse(&row.text("form")?).ok_or(StoreError::Unreadable { column: "form" })?,
        sealed: row.maybe_text("sealed")?,
        refusals: usize::try_from(row.int("refusals")?).unwrap_or(0),
        recipient_waits: usize::try_from(row.int("recipient_waits")?).unwrap_or(0),
        expires_at: row.time("expires_at_ms")?,
        rest: senders::rest(row)?,
        attempts: vec![],
    })
}

const COUNT_REFUSAL: Sql = Sql::both(
    "UPDATE outbox SET state = 'ready', refusals = refusals + $2, \
     recipient_waits = CASE WHEN $3 = 1 THEN recipient_waits + 1 ELSE 0 END \
     WHERE id = $1 AND state IN ('ready', 'sending', 'unknown')",
);

/// Makes a message ready again after a clear refusal. A message that has ended is left alone. `counted` is
/// true if the refusal uses up an attempt.
///
/// # Errors
/// Fails if the database fails.
pub async fn requeue(
    tx: &mut Tx,
    message: &MessageId,
    counted: bool,
    recipient_wait: bool,
) -> Result<(), StoreError> {
    tx.execute(COUNT_REFUSAL, args![message, counted, recipient_wait]).await?;
    Ok(())
}

const BY_TEMPLATE: Sql = Sql::both("UPDATE outbox SET form = 'template' WHERE id = $1 AND form = 'code'");

/// Sends a code by the template from now on.
///
/// # Errors
/// Fails if the database fails.
pub async fn send_by_template(tx: &mut Tx, message: &MessageId) -> Result<(), StoreError> {
    tx.execute(BY_TEMPLATE, args![message]).await?;
    Ok(())
}

const MARK_UNKNOWN: Sql =
    Sql::both("UPDATE outbox SET state = 'unknown' WHERE id = $1 AND state = 'sending'");

/// Records that the result of an attempt is unknown: the message may have arrived.
///
/// # Errors
/// Fails if the database fails.
pub async fn mark_unknown(tx: &mut Tx, message: &MessageId) -> Result<(), StoreError> {
    tx.execute(MARK_UNKNOWN, args![message]).await?;
    Ok(())
}

/// The end of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The provider accepted it.
    Accepted,
    /// The provider refused it for good.
    Refused,
    /// It was never sent, and need not be any more.
    Cancelled,
    /// It was given up.
    Dead,
}

impl Ended {
    fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
            Self::Dead => "dead",
        }
    }
}

const END: Sql = Sql::both(
    "UPDATE outbox SET state = $2, reason = $3, finished_at_ms = $4, sealed = NULL \
     WHERE id = $1 AND state IN ('ready', 'sending', 'unknown')",
);

/// Ends the message at the head of a claimed lane, and gives the lane back. Returns true if more messages
/// wait in the lane.
///
/// # Errors
/// Fails if the database fails; with [`StoreError::LeaseLost`] if the lease is lost or the message has ended
/// already.
pub async fn end(
    tx: &mut Tx,
    claimed: &ClaimedLane,
    message: &MessageId,
    ended: Ended,
    reason: Option<&str>,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    if tx.execute(END, args![message, ended.as_str(), reason, now]).await? != 1 {
        return Err(StoreError::LeaseLost);
    }
    lanes::finish(tx, claimed, 1, now).await
}

/// Selects and locks messages, each after its lane, in the lock order of a claim. `$condition` selects the
/// ids; `$how` is appended to the lock clause.
macro_rules! lock_sql {
    ($condition:literal, $how:literal) => {
        concat!(
            "SELECT outbox.id FROM outbox JOIN lanes ON lanes.queue = 'outbox' AND lanes.lane = outbox.lane ",
            "WHERE outbox.id ",
            $condition,
            " ORDER BY outbox.id FOR NO KEY UPDATE OF lanes, outbox",
            $how
        )
    };
}

const LOCK: Sql = Sql::postgres(lock_sql!("= $1", ""));
const LOCK_FREE: Sql =
    Sql::postgres(lock_sql!("IN (SELECT json_array_elements_text($1::json))", " SKIP LOCKED"));

/// Locks the lane and the message, so that status updates and claims wait for this transaction; later
/// statements read everything committed before the lock. On SQLite, one transaction writes at a time and this
/// does nothing.
///
/// # Errors
/// Fails if the database fails.
pub async fn lock(tx: &mut Tx, message: &MessageId) -> Result<(), StoreError> {
    if tx.engine() == Engine::Postgres {
        tx.all(LOCK, args![message]).await?;
    }
    Ok(())
}

/// Locks any number of messages and their lanes on PostgreSQL. Skips rows that another transaction has
/// locked, because waiting for one would keep all the others locked. Returns the ids that were locked; a
/// later statement reads everything committed before the locks.
pub(crate) async fn lock_free(tx: &mut Tx, messages: &[&MessageId]) -> Result<HashSet<String>, StoreError> {
    tx.all(LOCK_FREE, args![json(messages)?]).await?.iter().map(|row| row.text("id")).collect()
}

const CHANGE_END: Sql = Sql::both(
    "UPDATE outbox SET state = $2, reason = $3, finished_at_ms = $4 WHERE id = $1 AND finished_at_ms IS NOT NULL",
);

/// Changes the end of a message, because a status came after it.
///
/// # Errors
/// Fails if the database fails.
pub async fn change_end(
    tx: &mut Tx,
    message: &MessageId,
    ended: Ended,
    reason: Option<&str>,
    now: UnixMillis,
) -> Result<(), StoreError> {
    tx.execute(CHANGE_END, args![message, ended.as_str(), reason, now]).await?;
    Ok(())
}

const SHARED: Sql = Sql::both(
    "SELECT id FROM outbox WHERE lane = $1 AND purpose = $2 AND purpose <> 'result' AND (id > $3 OR state = 'ready') \
     AND state <> 'cancelled' ORDER BY id DESC LIMIT 1",
);

/// Returns a message of this purpose (not a result) in the lane that was queued after this event arrived, or
/// is not sent yet: it answers this event too. Ids are compared as times: all processes that share the
/// database stamp them by one clock.
///
/// # Errors
/// Fails if the database fails.
pub async fn shared_answer(
    tx: &mut Tx,
    lane: &str,
    purpose: &str,
    event: &EventId,
) -> Result<Option<MessageId>, StoreError> {
    let row = tx.maybe_one(SHARED, args![lane, purpose, event]).await?;
    row.map(|row| row.text("id").map(MessageId::new)).transpose()
}

const CANCEL_UNSENT: Sql = Sql::both(
    "UPDATE outbox SET state = 'cancelled', reason = 'refunded', finished_at_ms = $3 \
     WHERE generation_id = $1 AND id <> $2 AND state = 'ready' RETURNING lane",
);
const LEAVE_LANE: Sql = Sql::both(
    "UPDATE lanes SET waiting = waiting - 1, \
     ready_at_ms = CASE WHEN waiting > 1 THEN ready_at_ms ELSE NULL END, \
     lease_token = CASE WHEN waiting > 1 THEN lease_token ELSE NULL END WHERE queue = 'outbox' AND lane = $1",
);

/// Removes one message from the count of its lane: the message was deleted, or ended other than at the head
/// of its lane.
pub(crate) async fn remove_from_lane(tx: &mut Tx, lane: &str) -> Result<(), StoreError> {
    tx.execute(LEAVE_LANE, args![lane]).await?;
    Ok(())
}

const CANCEL_LATE: Sql = Sql::both(
    "UPDATE outbox SET state = 'cancelled', reason = 'window_closed', finished_at_ms = $1, sealed = NULL \
     WHERE id IN (SELECT id FROM outbox WHERE finished_at_ms IS NULL AND sealed IS NOT NULL AND expires_at_ms <= $1 \
     ORDER BY id LIMIT $2) AND state = 'ready' RETURNING lane",
);

/// Cancels unsent sealed messages that have expired, at any position in their lanes; at most `most`. Returns
/// the number cancelled.
///
/// # Errors
/// Fails if the database fails.
pub async fn cancel_late(tx: &mut Tx, now: UnixMillis, most: i64) -> Result<u64, StoreError> {
    let rows = tx.all(CANCEL_LATE, args![now, most]).await?;
    for row in &rows {
        remove_from_lane(tx, &row.text("lane")?).await?;
    }
    Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
}

const CANCEL_CODES: Sql = Sql::both(
    "UPDATE outbox SET state = 'cancelled', reason = 'unproved', finished_at_ms = $2, sealed = NULL \
     WHERE author_id = $1 AND sealed IS NOT NULL AND form <> 'text' AND state = 'ready' RETURNING lane",
);

/// Cancels an author's unsent codes.
///
/// # Errors
/// Fails if the database fails.
pub async fn cancel_codes(tx: &mut Tx, author: &AuthorId, now: UnixMillis) -> Result<(), StoreError> {
    for row in tx.all(CANCEL_CODES, args![author, now]).await? {
        remove_from_lane(tx, &row.text("lane")?).await?;
    }
    Ok(())
}

/// Cancels the unsent messages of a generation, because its credit was given back. `but` is the message that
/// caused this; it is ended separately.
///
/// # Errors
/// Fails if the database fails.
pub async fn cancel_unsent(
    tx: &mut Tx,
    generation: &GenerationId,
    but: &MessageId,
    now: UnixMillis,
) -> Result<(), StoreError> {
    for row in tx.all(CANCEL_UNSENT, args![generation, but, now]).await? {
        remove_from_lane(tx, &row.text("lane")?).await?;
    }
    Ok(())
}

const QUEUED_SINCE: Sql = Sql::both(
    "SELECT COUNT(*) AS queued FROM outbox WHERE lane = $1 AND purpose = $2 AND purpose <> 'result' \
     AND created_at_ms >= $3",
);

/// Returns the number of messages of this purpose (not a result) queued in a lane since an instant.
///
/// # Errors
/// Fails if the database fails.
pub async fn queued_since(
    tx: &mut Tx,
    lane: &str,
    purpose: &str,
    since: UnixMillis,
) -> Result<i64, StoreError> {
    tx.one(QUEUED_SINCE, args![lane, purpose, since]).await?.int("queued")
}
