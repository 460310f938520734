//! The inbox: every acknowledged event, stored once.

use std::collections::{BTreeMap, HashMap, HashSet};

use postly_domain::{
    Provider, UnixMillis,
    event::{EventKind, IgnoreRule, ReceivedEvent},
    id::{AuthorId, EventId, MessageId},
};

use serde::Serialize;

use crate::{
    Engine, StoreError, Tx,
    lanes::{self, ClaimedLane, Queue, lanes_of_claim},
    sql::{Row, Sql, args, json},
};

/// An event at the head of its lane, to be handled.
#[derive(Clone)]
pub struct DueEvent {
    /// The id of its row.
    pub id: EventId,
    /// The provider that delivered it.
    pub provider: Provider,
    /// The kind.
    pub kind: EventKind,
    /// The part of the webhook that describes it.
    pub slice: String,
    /// The time of the event, by the provider's clock.
    pub occurred_at: UnixMillis,
    /// The number of tries, this one included.
    pub attempts: i64,
    /// The current round. The id and the round form the key of a hold.
    pub round: i64,
    /// The message behind it that is read together with it, and ends with it.
    pub joined: Option<EventId>,
}

impl std::fmt::Debug for DueEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DueEvent").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Returns the queue of the events of a kind.
pub fn queue_of(kind: EventKind) -> Queue {
    match kind {
        EventKind::Status => Queue::Status,
        EventKind::Message | EventKind::IdentityChange | EventKind::Unknown => Queue::Inbox,
    }
}

/// Stores an event. An event that is not ignored joins its lane later.
const STORE: Sql = Sql::sqlite(
    "INSERT INTO inbox (id, event_key, provider, kind, queue, lane, state, outcome, slice, occurred_at_ms, \
     received_at_ms, finished_at_ms, amends_key, in_lane) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $7 <> 'ready') ON CONFLICT (event_key) DO NOTHING",
);

/// Stores any number of events and adds them to their lanes in one statement, because each statement is a
/// round trip to PostgreSQL.
const STORE_ALL: Sql = Sql::postgres(
    "WITH stored AS (INSERT INTO inbox (id, event_key, provider, kind, queue, lane, state, outcome, slice, \
     occurred_at_ms, received_at_ms, finished_at_ms, amends_key) \
     SELECT id, event_key, provider, kind, queue, lane, state, outcome, slice, occurred_at_ms, $2, finished_at_ms, amends_key \
     FROM json_to_recordset($1::json) AS new (id TEXT, event_key TEXT, provider TEXT, kind TEXT, queue TEXT, \
     lane TEXT, state TEXT, outcome TEXT, slice TEXT, occurred_at_ms BIGINT, finished_at_ms BIGINT, amends_key TEXT) \
     ON CONFLICT (event_key) DO NOTHING RETURNING id, queue, lane, state), \
     joined AS (INSERT INTO lanes (queue, lane, waiting, ready_at_ms) \
     SELECT queue, lane, COUNT(*), $2 FROM stored WHERE state = 'ready' GROUP BY queue, lane ORDER BY queue, lane \
     ON CONFLICT (queue, lane) DO UPDATE SET waiting = lanes.waiting + excluded.waiting, \
     ready_at_ms = COALESCE(lanes.ready_at_ms, excluded.ready_at_ms)) SELECT id FROM stored",
);

/// An event as its row.
#[derive(Serialize)]
struct NewRow<'a> {
    id: &'a EventId,
    event_key: &'a str,
    provider: &'static str,
    kind: &'static str,
    queue: &'static str,
    lane: &'a str,
    state: &'static str,
    outcome: Option<&'static str>,
    slice: &'a str,
    occurred_at_ms: i64,
    finished_at_ms: Option<i64>,
    amends_key: Option<&'a str>,
}

impl<'a> NewRow<'a> {
    fn of(id: &'a EventId, event: &'a ReceivedEvent, now: UnixMillis) -> Self {
        let (state, outcome, finished_at_ms) = match event.ignored {
            Some(rule) => ("ignored", Some(rule.as_str()), Some(now.0)),
            None => ("ready", None, None),
        };
        Self {
            id,
            event_key: &event.key.0,
            provider: event.provider.as_str(),
            kind: event.kind.as_str(),
            queue: queue_of(event.kind).as_str(),
            lane: &event.lane,
            state,
            outcome,
            slice: &event.slice,
            occurred_at_ms: event.occurred_at.0,
            finished_at_ms,
            amends_key: event.amends.as_ref().filter(|_| event.ignored.is_none()).map(|key| key.0.as_str()),
        }
    }
}

/// Stores events under their keys. Those that are not ignored at once join their lanes, now or by
/// [`join_lanes`]. Returns, in order, true for each new event: an event with an existing key is left as it
/// is.
///
/// # Errors
/// Fails if the database fails.
pub async fn store(
    tx: &mut Tx,
    events: &[(EventId, &ReceivedEvent)],
    now: UnixMillis,
) -> Result<Vec<bool>, StoreError> {
    // Rows in key order and lanes in name order, so that two batches with the same events cannot deadlock.
    let mut rows: Vec<NewRow<'_>> = events.iter().map(|(id, event)| NewRow::of(id, event, now)).collect();
    rows.sort_by_key(|row| row.event_key);
    let mut stored = HashSet::new();
    match tx.engine() {
        Engine::Sqlite => {
            for row in &rows {
                let args = args![
                    row.id,
                    row.event_key,
                    row.provider,
                    row.kind,
                    row.queue,
                    row.lane,
                    row.state,
                    row.outcome,
                    row.slice,
                    row.occurred_at_ms,
                    now,
                    row.finished_at_ms,
                    row.amends_key,
                ];
                if tx.execute(STORE, args).await? == 1 {
                    stored.insert(row.id.as_str().to_owned());
                }
            }
        }
        Engine::Postgres => {
            for row in tx.all(STORE_ALL, args![json(&rows)?, now]).await? {
                stored.insert(row.text("id")?);
            }
        }
    }
    Ok(events.iter().map(|(id, _)| stored.contains(id.as_str())).collect())
}

const JOIN: Sql = Sql::sqlite(
    "UPDATE inbox SET in_lane = 1 WHERE id IN (SELECT id FROM inbox WHERE queue = $1 AND in_lane = 0 \
     ORDER BY id LIMIT $2) RETURNING lane",
);

/// Lets up to `limit` events of a queue join their lanes, in order of arrival; returns their number. An event
/// that has not joined is not claimed, so this runs before each claim. On PostgreSQL none
/// is ever left.
///
/// # Errors
/// Fails if the database fails.
pub async fn join_lanes(
    tx: &mut Tx,
    queue: Queue,
    limit: usize,
    now: UnixMillis,
) -> Result<usize, StoreError> {
    if tx.engine() == Engine::Postgres || queue == Queue::Outbox {
        return Ok(0);
    }
    let arrived = tx.all(JOIN, args![queue.as_str(), i64::try_from(limit).unwrap_or(i64::MAX)]).await?;
    let mut joined = BTreeMap::new();
    for row in &arrived {
        *joined.entry(row.text("lane")?).or_insert(0) += 1;
    }
    for (lane, count) in joined {
        lanes::add(tx, queue, &lane, count, now).await?;
    }
    Ok(arrived.len())
}

const HEADS: Sql = Sql::both(concat!(
    "UPDATE inbox SET attempts = attempts + 1 WHERE id IN (SELECT (SELECT waiting.id FROM inbox AS waiting ",
    "WHERE waiting.queue = lanes.queue AND waiting.lane = lanes.lane AND waiting.state = 'ready' AND waiting.in_lane = 1 ",
    "ORDER BY waiting.occurred_at_ms, waiting.id LIMIT 1) ",
    lanes_of_claim!(),
    ") RETURNING lane, id, provider, kind, slice, occurred_at_ms, attempts, round"
));

/// Returns the oldest event of each lane of a claim, by the provider's time, then by arrival. The result is
/// in the order of the lanes, with `None` for an empty one. Counts the try.
///
/// # Errors
/// Fails if the database fails, or a row cannot be read.
pub async fn heads(tx: &mut Tx, claim: &[ClaimedLane]) -> Result<Vec<Option<DueEvent>>, StoreError> {
    let Some(ClaimedLane { queue, token, leased_until, .. }) = claim.first() else { return Ok(vec![]) };
    let mut heads = HashMap::new();
    for row in tx.all(HEADS, args![queue.as_str(), *leased_until, token]).await? {
        heads.insert(row.text("lane")?, due_event(&row)?);
    }
    Ok(claim.iter().map(|claimed| heads.remove(&claimed.lane)).collect())
}

fn due_event(row: &Row) -> Result<DueEvent, StoreError> {
    Ok(DueEvent {
        id: EventId::new(row.text("id")?),
        provider: row.provider("provider")?,
        kind: EventKind::parse(&row.text("kind")?).ok_or(StoreError::Unreadable { column: "kind" })?,
        slice: row.text("slice")?,
        occurred_at: row.time("occurred_at_ms")?,
        attempts: row.int("attempts")?,
        round: row.int("round")?,
        joined: None,
    })
}

const NEXT_MESSAGE: Sql = Sql::both(
    "SELECT id, provider, kind, slice, occurred_at_ms, attempts, round FROM inbox WHERE queue = 'inbox' AND lane = $1 \
     AND state = 'ready' AND in_lane = 1 AND kind = 'message' AND amends_key IS NULL AND (occurred_at_ms, id) > ($2, $3) \
     ORDER BY occurred_at_ms, id LIMIT 1",
);

/// Returns the message behind an event in its lane.
///
/// # Errors
/// Fails if the database fails, or the row cannot be read.
pub async fn next_message(
    tx: &mut Tx,
    claimed: &ClaimedLane,
    event: &DueEvent,
) -> Result<Option<DueEvent>, StoreError> {
    let args = args![&claimed.lane, event.occurred_at, &event.id];
    tx.maybe_one(NEXT_MESSAGE, args).await?.as_ref().map(due_event).transpose()
}

/// The end of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its reply is queued.
    Answered {
        /// The reply (`help`, `result`, `no_credit` …).
        reply: &'static str,
        /// The first message of the reply; several refusals may share one.
        message: MessageId,
    },
    /// A status or a change took effect.
    Applied,
    /// It gets no answer, by this rule.
    Ignored(IgnoreRule),
    /// It was given up for this reason. An operator can replay it.
    Dead(&'static str),
}

// The content of an ignored event or of a status is deleted.
const FINISH: Sql = Sql::both(
    "UPDATE inbox SET state = $2, outcome = $3, author_id = COALESCE($4, author_id), answer_id = $5, \
     finished_at_ms = $6, \
     slice = CASE WHEN $2 = 'ignored' OR kind = 'status' THEN '' ELSE slice END, \
     lane = CASE WHEN $2 = 'ignored' OR kind = 'status' THEN '' ELSE lane END WHERE id = $1 AND state = 'ready'",
);

/// Ends an event and the message joined to it, and gives its lane back. Returns true if more events wait in
/// the lane. All effects of the event belong in this transaction.
///
/// # Errors
/// Fails if the database fails; with [`StoreError::LeaseLost`] if the lease is lost or the event has ended
/// already: drop the transaction.
pub async fn finish(
    tx: &mut Tx,
    claimed: &ClaimedLane,
    event: &EventId,
    joined: Option<&EventId>,
    author: Option<&AuthorId>,
    outcome: &Outcome,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    let (state, name, answer) = match outcome {
        Outcome::Answered { reply, message } => ("answered", Some(*reply), Some(message)),
        Outcome::Applied => ("applied", None, None),
        Outcome::Ignored(rule) => ("ignored", Some(rule.as_str()), None),
        Outcome::Dead(reason) => ("dead", Some(*reason), None),
    };
    if tx.execute(FINISH, args![event, state, name, author, answer, now]).await? != 1 {
        return Err(StoreError::LeaseLost);
    }
    let mut done = 1;
    if let Some(joined) = joined {
        let rule = IgnoreRule::Joined.as_str();
        let args = args![joined, "ignored", rule, author, None::<&MessageId>, now];
        done += i64::try_from(tx.execute(FINISH, args).await?).unwrap_or(i64::MAX);
    }
    lanes::finish(tx, claimed, done, now).await
}

const WIPE: Sql = Sql::both("UPDATE inbox SET slice = '', lane = '' WHERE id = $1");

/// Deletes the content of an event; its effects must be written in the same transaction.
///
/// # Errors
/// Fails if the database fails.
pub async fn wipe(tx: &mut Tx, event: &EventId) -> Result<(), StoreError> {
    tx.execute(WIPE, args![event]).await?;
    Ok(())
}

const TRIM: Sql = Sql::both(
    "UPDATE inbox SET state = 'ignored', outcome = 'flood', finished_at_ms = $4, slice = '', lane = '' \
     WHERE id IN (SELECT id FROM inbox \
     WHERE queue = 'inbox' AND lane = $1 AND state = 'ready' AND in_lane = 1 AND kind = 'message' \
     AND amends_key IS NULL ORDER BY occurred_at_ms, id LIMIT $3 OFFSET $2)",
);
const UNCOUNT: Sql = Sql::both(
    "UPDATE lanes SET waiting = waiting - $3 WHERE queue = 'inbox' AND lane = $1 AND lease_token = $2",
);

/// Ends the messages of a lane beyond the first `keep` as ignored `flood`, except those that delete or
/// replace another message. Returns their number.
///
/// # Errors
/// Fails if the database fails; with [`StoreError::LeaseLost`] if the lease is lost.
pub async fn trim(tx: &mut Tx, claimed: &ClaimedLane, keep: i64, now: UnixMillis) -> Result<i64, StoreError> {
    // More than the number of messages that one author sends in a day.
    const MOST: i64 = 1_000_000;
    let trimmed = tx.execute(TRIM, args![&claimed.lane, keep, MOST, now]).await?;
    let trimmed = i64::try_from(trimmed).unwrap_or(i64::MAX);
    if trimmed > 0 && tx.execute(UNCOUNT, args![&claimed.lane, &claimed.token, trimmed]).await? != 1 {
        return Err(StoreError::LeaseLost);
    }
    Ok(trimmed)
}
