//! Attempts: every provider call for a message, and its known result.

use std::collections::HashSet;

use postly_domain::{
    Pricing, Provider, UnixMillis,
    delivery::{Attempt, AttemptState, Form},
    event::DeliveryStatus,
    id::{AttemptId, AuthorId, GenerationId, LeaseToken, MessageId},
    rest::Rest,
};
use serde::Serialize;

use crate::{
    Engine, StoreError, Tx,
    lanes::{self, ClaimedLane, fence},
    outbox, senders,
    sql::{Row, Sql, args, json},
};

const OF: Sql =
    Sql::both("SELECT state, status, started_at_ms FROM attempts WHERE message_id = $1 ORDER BY id");

/// Returns the attempts of a message, oldest first.
///
/// # Errors
/// Fails if the database fails, or a row cannot be read.
pub async fn of(tx: &mut Tx, message: &MessageId) -> Result<Vec<Attempt>, StoreError> {
    tx.all(OF, args![message]).await?.iter().map(attempt).collect()
}

pub(crate) fn attempt(row: &Row) -> Result<Attempt, StoreError> {
    let state = match row.text("state")?.as_str() {
        "sending" => AttemptState::Sending,
        "unclear" => AttemptState::Unclear,
        "refused" => AttemptState::Refused,
        _ => AttemptState::Known(status(row)?),
    };
    Ok(Attempt { started_at: row.time("started_at_ms")?, state })
}

fn status(row: &Row) -> Result<DeliveryStatus, StoreError> {
    DeliveryStatus::parse(&row.text("status")?).ok_or(StoreError::Unreadable { column: "status" })
}

const BEGIN: Sql =
    Sql::both("INSERT INTO attempts (id, message_id, state, started_at_ms) VALUES ($1, $2, 'sending', $3)");
const MARK_SENDING: Sql = Sql::both(
    "UPDATE outbox SET state = 'sending' WHERE id = $1 AND state IN ('ready', 'sending', 'unknown')",
);

/// Both statements for any number of attempts, in one round trip to PostgreSQL.
const BEGIN_ALL: Sql = Sql::postgres(
    "WITH new AS (SELECT id, message_id FROM json_to_recordset($1::json) AS new (id TEXT, message_id TEXT)), \
     begun AS (INSERT INTO attempts (id, message_id, state, started_at_ms) \
     SELECT id, message_id, 'sending', $2 FROM new) \
     UPDATE outbox SET state = 'sending' WHERE id IN (SELECT message_id FROM new) \
     AND state IN ('ready', 'sending', 'unknown')",
);

/// An attempt that is about to be made.
#[derive(Serialize)]
pub struct NewAttempt<'a> {
    /// Its id.
    pub id: &'a AttemptId,
    /// The message.
    pub message_id: &'a MessageId,
}

/// Records attempts before they are made. Commit before the calls, so that a crash cannot hide them.
///
/// # Errors
/// Fails if the database fails.
pub async fn begin(tx: &mut Tx, attempts: &[NewAttempt<'_>], now: UnixMillis) -> Result<(), StoreError> {
    match tx.engine() {
        Engine::Sqlite => {
            for NewAttempt { id, message_id } in attempts {
                tx.execute(BEGIN, args![*id, *message_id, now]).await?;
                tx.execute(MARK_SENDING, args![*message_id]).await?;
            }
        }
        Engine::Postgres if attempts.is_empty() => {}
        Engine::Postgres => {
            tx.execute(BEGIN_ALL, args![json(attempts)?, now]).await?;
        }
    }
    Ok(())
}

const ACCEPTED: Sql = Sql::sqlite(concat!(
    "UPDATE attempts SET state = 'known', status = COALESCE(status, 'accepted'), provider_message_id = $2 ",
    "WHERE id = $1 AND EXISTS (SELECT 1 FROM outbox WHERE outbox.id = attempts.message_id ",
    "AND outbox.finished_at_ms IS NULL) RETURNING status"
));

/// A message that a provider accepted, at the head of a lane under our lease.
pub struct AcceptedAttempt<'a> {
    /// The lane.
    pub claimed: &'a ClaimedLane,
    /// The message.
    pub message: &'a MessageId,
    /// Its attempt.
    pub attempt: &'a AttemptId,
    /// The provider's id of the message.
    pub provider_message_id: &'a str,
}

/// [`AcceptedAttempt`] as a row.
#[derive(Serialize)]
struct AcceptedAttemptRow<'a> {
    attempt: &'a AttemptId,
    provider_message_id: &'a str,
    message: &'a MessageId,
    lane: &'a str,
    token: &'a LeaseToken,
    paid_until_ms: i64,
}

impl<'a> AcceptedAttemptRow<'a> {
    fn of(taken: &AcceptedAttempt<'a>) -> Self {
        Self {
            attempt: taken.attempt,
            provider_message_id: taken.provider_message_id,
            message: taken.message,
            lane: &taken.claimed.lane,
            token: &taken.claimed.token,
            paid_until_ms: taken.claimed.next_send_at.0,
        }
    }
}

/// Updates attempts, messages and lanes for any number of messages, in one round trip to PostgreSQL.
const ACCEPT_ALL: Sql = Sql::postgres(concat!(
    "WITH taken AS (SELECT * FROM json_to_recordset($1::json) AS taken (attempt TEXT, provider_message_id TEXT, ",
    "message TEXT, lane TEXT, token TEXT, paid_until_ms BIGINT)), ",
    "known AS (UPDATE attempts SET state = 'known', status = COALESCE(status, 'accepted'), ",
    "provider_message_id = taken.provider_message_id ",
    "FROM taken JOIN outbox ON outbox.id = taken.message AND outbox.finished_at_ms IS NULL ",
    "WHERE attempts.id = taken.attempt ",
    "RETURNING attempts.id, attempts.status), ",
    "ended AS (UPDATE outbox SET state = 'accepted', reason = NULL, finished_at_ms = $2, sealed = NULL ",
    "FROM taken JOIN known ON known.id = taken.attempt AND known.status <> 'failed' ",
    "JOIN lanes ON lanes.queue = 'outbox' AND lanes.lane = taken.lane AND ",
    fence!("taken.token"),
    " WHERE outbox.id = taken.message AND outbox.state IN ('ready', 'sending', 'unknown') RETURNING outbox.id) ",
    "UPDATE lanes SET lease_token = NULL, waiting = waiting - 1, ",
    "ready_at_ms = CASE WHEN waiting > 1 THEN $2 ELSE NULL END, paid_until_ms = taken.paid_until_ms ",
    "FROM taken JOIN ended ON ended.id = taken.message ",
    "WHERE lanes.queue = 'outbox' AND lanes.lane = taken.lane RETURNING taken.message, lanes.waiting"
));

/// The result of [`accept`].
#[derive(Debug, Default)]
pub struct Accepted {
    /// For each message in order: true if it has ended as accepted. False if its failure was reported before
    /// the provider's answer or is being recorded now; if the lease of its lane is lost; or if it had ended
    /// already or is gone.
    pub ended: Vec<bool>,
    /// True if more messages wait in one of their lanes.
    pub more: bool,
}

/// Records that providers accepted some messages, ends these, and gives their lanes back. A status that came
/// before the answer is kept. The acceptance is recorded even if the lease is lost, so that the lane's new
/// owner does not send the message again.
///
/// # Errors
/// Fails if the database fails.
pub async fn accept(
    tx: &mut Tx,
    taken: &[AcceptedAttempt<'_>],
    now: UnixMillis,
) -> Result<Accepted, StoreError> {
    let mut outcome = Accepted::default();
    match tx.engine() {
        Engine::Sqlite => {
            for AcceptedAttempt { claimed, message, attempt, provider_message_id } in taken {
                let known = tx.maybe_one(ACCEPTED, args![*attempt, *provider_message_id]).await?;
                let known = known.as_ref().map(status).transpose()?;
                let ends = known.is_some_and(|status| status != DeliveryStatus::Failed)
                    && lanes::is_held(tx, claimed).await?;
                if ends {
                    outcome.more |=
                        outbox::end(tx, claimed, message, outbox::Ended::Accepted, None, now).await?;
                }
                outcome.ended.push(ends);
            }
        }
        Engine::Postgres => {
            let messages: Vec<&MessageId> = taken.iter().map(|taken| taken.message).collect();
            let locked = outbox::lock_free(tx, &messages).await?;
            let is_locked = |taken: &&AcceptedAttempt<'_>| locked.contains(taken.message.as_str());
            let rows: Vec<AcceptedAttemptRow<'_>> =
                taken.iter().filter(is_locked).map(AcceptedAttemptRow::of).collect();
            let mut ended = HashSet::new();
            for row in tx.all(ACCEPT_ALL, args![json(&rows)?, now]).await? {
                ended.insert(row.text("message")?);
                outcome.more |= row.int("waiting")? > 0;
            }
            outcome.ended = taken.iter().map(|taken| ended.contains(taken.message.as_str())).collect();
        }
    }
    Ok(outcome)
}

const NOT_ACCEPTED: Sql =
    Sql::both("UPDATE attempts SET state = $2, error_code = $3 WHERE id = $1 AND state = 'sending'");

/// Records the end of an attempt that the provider did not clearly accept. A status that came meanwhile is
/// kept.
///
/// # Errors
/// Fails if the database fails.
pub async fn ended(
    tx: &mut Tx,
    attempt: &AttemptId,
    clearly_refused: bool,
    error_code: Option<i64>,
) -> Result<(), StoreError> {
    let state = if clearly_refused { "refused" } else { "unclear" };
    tx.execute(NOT_ACCEPTED, args![attempt, state, error_code]).await?;
    Ok(())
}

/// The attempt of a status, and its message.
#[derive(Debug, Clone)]
pub struct Reported {
    /// The attempt.
    pub attempt: AttemptId,
    /// The known state.
    pub state: AttemptState,
    /// The time of the call.
    pub started_at: UnixMillis,
    /// The price, as far as it is known.
    pub pricing: Pricing,
    /// The business number that sent it.
    pub business: String,
    /// The pause of that number, if there is one.
    pub rest: Option<Rest>,
    /// Its message.
    pub message: MessageId,
    /// The message's lane.
    pub lane: String,
    /// The state in which the message has ended, if it has.
    pub ended: Option<String>,
    /// The recipient, if known.
    pub author: Option<AuthorId>,
    /// The generation that it delivers.
    pub generation: Option<GenerationId>,
    /// True if it carries at least one of the posts.
    pub carries_variant: bool,
    /// The form in which it was sent.
    pub form: Form,
    /// The recipient's address.
    pub address: String,
}

macro_rules! reported_sql {
    ($condition:literal, $lock:literal) => {
        concat!(
            "SELECT attempts.id, attempts.state, attempts.status, attempts.started_at_ms, attempts.message_id, ",
            "outbox.lane, CASE WHEN outbox.finished_at_ms IS NULL THEN NULL ELSE outbox.state END AS ended, ",
            "outbox.author_id, outbox.generation_id, outbox.carries_variant, outbox.form, outbox.address, ",
            "outbox.business, attempts.price_category, attempts.price_kind, attempts.price_model, attempts.billable, ",
            "resting_senders.until_ms AS rests_until_ms, resting_senders.reason AS rest_reason, ",
            "resting_senders.probe_ms FROM attempts JOIN outbox ON outbox.id = attempts.message_id ",
            "LEFT JOIN resting_senders ON resting_senders.provider = outbox.provider ",
            "AND resting_senders.business = outbox.business WHERE ",
            $condition,
            " ORDER BY attempts.id DESC LIMIT 1",
            $lock
        )
    };
}
const BY_ATTEMPT: Sql = Sql::each(
    reported_sql!("attempts.id = $1", ""),
    reported_sql!("attempts.id = $1", " FOR UPDATE OF outbox, attempts"),
);
const BY_PROVIDER_ID: Sql = Sql::each(
    reported_sql!("attempts.provider_message_id = $1 AND outbox.provider = $2", ""),
    reported_sql!(
        "attempts.provider_message_id = $1 AND outbox.provider = $2",
        " FOR UPDATE OF outbox, attempts"
    ),
);

/// Finds the attempt of a status: by the id that we sent along, else by the provider's id. Locks the message,
/// then the attempt: after a wait, only locked rows are read in their newest version.
///
/// # Errors
/// Fails if the database fails, or the row cannot be read.
pub async fn reported(
    tx: &mut Tx,
    provider: Provider,
    attempt_id: Option<&AttemptId>,
    provider_message_id: &str,
) -> Result<Option<Reported>, StoreError> {
    let mut row = None;
    if let Some(id) = attempt_id {
        row = tx.maybe_one(BY_ATTEMPT, args![id]).await?;
    }
    if row.is_none() {
        row = tx.maybe_one(BY_PROVIDER_ID, args![provider_message_id, provider]).await?;
    }
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Reported {
        attempt: AttemptId::new(row.text("id")?),
        state: attempt(&row)?.state,
        started_at: row.time("started_at_ms")?,
        pricing: Pricing {
            category: row.maybe_text("price_category")?,
            kind: row.maybe_text("price_kind")?,
            model: row.maybe_text("price_model")?,
            billable: row.maybe_int("billable")?.map(|billable| billable != 0),
        },
        business: row.text("business")?,
        rest: senders::rest(&row)?,
        message: MessageId::new(row.text("message_id")?),
        lane: row.text("lane")?,
        ended: row.maybe_text("ended")?,
        author: row.maybe_text("author_id")?.map(AuthorId::new),
        generation: row.maybe_text("generation_id")?.map(GenerationId::new),
        carries_variant: row.flag("carries_variant")?,
        form: Form::parse(&row.text("form")?).ok_or(StoreError::Unreadable { column: "form" })?,
        address: row.text("address")?,
    }))
}

const NEWS_WAITS: Sql = Sql::both(
    "SELECT 1 AS found FROM attempts WHERE message_id = $1 AND state IN ('sending', 'unclear') AND EXISTS \
     (SELECT 1 FROM inbox WHERE queue = 'status' AND lane = $2 AND state = 'ready' AND in_lane = 1 \
     AND slice LIKE '%' || attempts.id || '%') LIMIT 1",
);

/// True if a status of an attempt without a known result is unprocessed in this lane of the inbox: its worker
/// may have died or been suspended. Statuses that have not joined their lane are not seen.
///
/// # Errors
/// Fails if the database fails.
pub async fn has_unprocessed_status(
    tx: &mut Tx,
    message: &MessageId,
    lane: &str,
) -> Result<bool, StoreError> {
    Ok(tx.maybe_one(NEWS_WAITS, args![message, lane]).await?.is_some())
}

const SET_STATUS: Sql = Sql::both(
    "UPDATE attempts SET state = 'known', status = $2, error_code = COALESCE($3, error_code), \
     provider_message_id = COALESCE(provider_message_id, $4) WHERE id = $1",
);

/// Records the status of an attempt.
///
/// # Errors
/// Fails if the database fails.
pub async fn set_status(
    tx: &mut Tx,
    attempt: &AttemptId,
    status: DeliveryStatus,
    error_code: Option<i64>,
    provider_message_id: &str,
) -> Result<(), StoreError> {
    tx.execute(SET_STATUS, args![attempt, status.as_str(), error_code, provider_message_id]).await?;
    Ok(())
}

const SET_PRICE: Sql = Sql::both(
    "UPDATE attempts SET price_category = COALESCE($2, price_category), price_kind = COALESCE($3, price_kind), \
     price_model = COALESCE($4, price_model), billable = COALESCE($5, billable) WHERE id = $1",
);

/// Records the price of an attempt. A part missing from this status is kept from an earlier one.
///
/// # Errors
/// Fails if the database fails.
pub async fn set_price(tx: &mut Tx, attempt: &AttemptId, pricing: &Pricing) -> Result<(), StoreError> {
    let args = args![
        attempt,
        pricing.category.as_deref(),
        pricing.kind.as_deref(),
        pricing.model.as_deref(),
        pricing.billable.map(i64::from),
    ];
    tx.execute(SET_PRICE, args).await?;
    Ok(())
}

const LAST_FAILURE: Sql = Sql::both(
    "SELECT error_code FROM attempts WHERE message_id = $1 AND status = 'failed' ORDER BY id DESC LIMIT 1",
);

/// Returns the error code with which the last attempt of a message failed after the provider had accepted it.
///
/// # Errors
/// Fails if the database fails.
pub async fn last_failure(tx: &mut Tx, message: &MessageId) -> Result<Option<i64>, StoreError> {
    let row = tx.maybe_one(LAST_FAILURE, args![message]).await?;
    Ok(row.map(|row| row.maybe_int("error_code")).transpose()?.flatten())
}

const FORGET: Sql = Sql::both("UPDATE attempts SET state = 'refused', status = NULL WHERE message_id = $1");

/// Marks all attempts of a message as refused: the next send counts as a new message.
///
/// # Errors
/// Fails if the database fails.
pub async fn forget(tx: &mut Tx, message: &MessageId) -> Result<(), StoreError> {
    tx.execute(FORGET, args![message]).await?;
    Ok(())
}

/// True if an attempt of a message has arrived or may still arrive.
///
/// # Errors
/// Fails if the database fails.
pub async fn may_arrive(tx: &mut Tx, message: &MessageId) -> Result<bool, StoreError> {
    Ok(of(tx, message).await?.iter().any(|attempt| {
        !matches!(attempt.state, AttemptState::Refused | AttemptState::Known(DeliveryStatus::Failed))
    }))
}
