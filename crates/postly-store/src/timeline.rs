//! Everything that is stored of one message: the event, its holds and entries, calls of models, posts, messages and their attempts. Each
//! question finds its rows by an index.

use postly_domain::{
    Provider, UnixMillis,
    event::EventKind,
    id::{AttemptId, AuthorId, EventId, GenerationId, HoldId, MessageId},
};

use crate::{
    StoreError, Tx,
    retention::first_id,
    sql::{Row, Sql, args},
};

/// How many rows of a kind a timeline has: more than any message makes.
const MOST: i64 = 100;

/// A stored event.
#[derive(Clone)]
pub struct StoredEvent {
    /// Its id.
    pub id: EventId,
    /// The provider that brought it.
    pub provider: Provider,
    /// Its kind.
    pub kind: EventKind,
    /// How far it is.
    pub state: String,
    /// How it ended.
    pub outcome: Option<String>,
    /// Its tries so far.
    pub attempts: i64,
    /// The round: each replay begins a new one.
    pub round: i64,
    /// The author, when known.
    pub author: Option<AuthorId>,
    /// The first message of its answer.
    pub answer: Option<MessageId>,
    /// The provider's words; empty once their time has come.
    pub slice: String,
    /// The provider's time.
    pub occurred_at: UnixMillis,
    /// The time at which it was stored.
    pub received_at: UnixMillis,
    /// Its end.
    pub finished_at: Option<UnixMillis>,
}

macro_rules! event_sql {
    ($rest:literal) => {
        concat!(
            "SELECT id, provider, kind, state, outcome, attempts, round, author_id, answer_id, slice, occurred_at_ms, ",
            "received_at_ms, finished_at_ms FROM inbox WHERE ",
            $rest
        )
    };
}
pub(crate) const EVENT: Sql = Sql::both(event_sql!("id = $1"));
// The ids first: of what is sorted, the texts need not be read.
pub(crate) const EVENTS_OF: Sql = Sql::both(concat!(
    "WITH own AS MATERIALIZED (SELECT id FROM inbox WHERE author_id = $1 AND kind = 'message') ",
    event_sql!("id IN (SELECT id FROM own ORDER BY id DESC LIMIT $2) ORDER BY id DESC")
));

fn event(row: &Row) -> Result<StoredEvent, StoreError> {
    let kind = EventKind::parse(&row.text("kind")?);
    Ok(StoredEvent {
        id: EventId::new(row.text("id")?),
        provider: row.provider("provider")?,
        kind: kind.ok_or(StoreError::Unreadable { column: "kind" })?,
        state: row.text("state")?,
        outcome: row.maybe_text("outcome")?,
        attempts: row.int("attempts")?,
        round: row.int("round")?,
        author: row.maybe_text("author_id")?.map(AuthorId::new),
        answer: row.maybe_text("answer_id")?.map(MessageId::new),
        slice: row.text("slice")?,
        occurred_at: row.time("occurred_at_ms")?,
        received_at: row.time("received_at_ms")?,
        finished_at: row.maybe_time("finished_at_ms")?,
    })
}

/// An event by its id.
///
/// # Errors
/// Fails if the database fails, or the row cannot be read.
pub async fn stored_event(tx: &mut Tx, id: &EventId) -> Result<Option<StoredEvent>, StoreError> {
    tx.maybe_one(EVENT, args![id]).await?.as_ref().map(event).transpose()
}

/// The newest messages of an author, newest first.
///
/// # Errors
/// As [`stored_event`].
pub async fn events_of(tx: &mut Tx, author: &AuthorId, limit: i64) -> Result<Vec<StoredEvent>, StoreError> {
    tx.all(EVENTS_OF, args![author, limit]).await?.iter().map(event).collect()
}

/// A message of ours.
#[derive(Clone)]
pub struct StoredMessage {
    /// Its id.
    pub id: MessageId,
    /// The author, when known.
    pub author: Option<AuthorId>,
    /// The event it answers.
    pub event: Option<EventId>,
    /// The generation it brings.
    pub generation: Option<GenerationId>,
    /// The provider.
    pub provider: Provider,
    /// What it is for.
    pub purpose: String,
    /// The text; empty when it was sealed.
    pub body: String,
    /// How far it is.
    pub state: String,
    /// Why it did not arrive.
    pub reason: Option<String>,
    /// Until when it may leave.
    pub expires_at: UnixMillis,
    /// The time at which it was queued.
    pub created_at: UnixMillis,
    /// Its end.
    pub finished_at: Option<UnixMillis>,
}

macro_rules! message_sql {
    ($rest:literal) => {
        concat!(
            "SELECT id, author_id, event_id, generation_id, provider, purpose, body, state, reason, expires_at_ms, ",
            "created_at_ms, finished_at_ms FROM outbox WHERE ",
            $rest
        )
    };
}
pub(crate) const MESSAGE: Sql = Sql::both(message_sql!("id = $1"));
pub(crate) const BY_KEY: Sql = Sql::both(message_sql!("message_key = $1"));
pub(crate) const BY_GENERATION: Sql = Sql::both(message_sql!("generation_id = $1 ORDER BY id LIMIT $2"));
pub(crate) const MESSAGES_OF: Sql = Sql::both(concat!(
    "WITH own AS MATERIALIZED (SELECT id FROM outbox WHERE author_id = $1) ",
    message_sql!("id IN (SELECT id FROM own ORDER BY id DESC LIMIT $2) ORDER BY id DESC")
));

fn message(row: &Row) -> Result<StoredMessage, StoreError> {
    Ok(StoredMessage {
        id: MessageId::new(row.text("id")?),
        author: row.maybe_text("author_id")?.map(AuthorId::new),
        event: row.maybe_text("event_id")?.map(EventId::new),
        generation: row.maybe_text("generation_id")?.map(GenerationId::new),
        provider: row.provider("provider")?,
        purpose: row.text("purpose")?,
        body: row.text("body")?,
        state: row.text("state")?,
        reason: row.maybe_text("reason")?,
        expires_at: row.time("expires_at_ms")?,
        created_at: row.time("created_at_ms")?,
        finished_at: row.maybe_time("finished_at_ms")?,
    })
}

/// A message by its id.
///
/// # Errors
/// As [`stored_event`].
pub async fn stored_message(tx: &mut Tx, id: &MessageId) -> Result<Option<StoredMessage>, StoreError> {
    tx.maybe_one(MESSAGE, args![id]).await?.as_ref().map(message).transpose()
}

/// The newest messages that were queued for an author, newest first.
///
/// # Errors
/// As [`stored_event`].
pub async fn messages_of(
    tx: &mut Tx,
    author: &AuthorId,
    limit: i64,
) -> Result<Vec<StoredMessage>, StoreError> {
    tx.all(MESSAGES_OF, args![author, limit]).await?.iter().map(message).collect()
}

/// The messages of the answers to an event in one round: the parts of a reply are numbered from 0.
///
/// # Errors
/// As [`stored_event`].
pub async fn answers(tx: &mut Tx, id: &EventId, round: i64) -> Result<Vec<StoredMessage>, StoreError> {
    let mut found = vec![];
    for part in 0..MOST {
        let key = format!("{id}:{round}:{part}");
        match tx.maybe_one(BY_KEY, args![&key]).await? {
            Some(row) => found.push(message(&row)?),
            None => break,
        }
    }
    Ok(found)
}

/// The messages that bring a generation, in their order.
///
/// # Errors
/// As [`stored_event`].
pub async fn messages_with(tx: &mut Tx, id: &GenerationId) -> Result<Vec<StoredMessage>, StoreError> {
    tx.all(BY_GENERATION, args![id, MOST]).await?.iter().map(message).collect()
}

/// A generation, as money and its writer are concerned.
#[derive(Debug, Clone)]
pub struct StoredGeneration {
    /// Its id.
    pub id: GenerationId,
    /// The author.
    pub author: AuthorId,
    /// The event that asked for it; none for a request on the web.
    pub event: Option<EventId>,
    /// The hold that was settled for it; none when it was free.
    pub hold: Option<HoldId>,
    /// Whether its credit was given back.
    pub is_refunded: bool,
    /// The brief.
    pub brief: String,
    /// The network.
    pub platform: String,
    /// The language.
    pub language: String,
    /// The writer.
    pub writer: String,
    /// The version of the prompts.
    pub prompt_version: String,
    /// The time at which it was saved.
    pub created_at: UnixMillis,
}

macro_rules! generation_sql {
    ($rest:literal) => {
        concat!(
            "SELECT id, author_id, event_id, hold_id, ",
            "CAST(CASE WHEN state = 'refunded' THEN 1 ELSE 0 END AS BIGINT) AS refunded, brief, platform, language, ",
            "writer, prompt_version, created_at_ms FROM generations WHERE ",
            $rest
        )
    };
}
pub(crate) const GENERATION: Sql = Sql::both(generation_sql!("id = $1"));
pub(crate) const BY_EVENT: Sql = Sql::both(generation_sql!("event_id = $1"));
pub(crate) const GENERATIONS_OF: Sql =
    Sql::both(generation_sql!("author_id = $1 AND id > '' ORDER BY author_id DESC, id DESC LIMIT $2"));

fn generation(row: &Row) -> Result<StoredGeneration, StoreError> {
    Ok(StoredGeneration {
        id: GenerationId::new(row.text("id")?),
        author: AuthorId::new(row.text("author_id")?),
        event: row.maybe_text("event_id")?.map(EventId::new),
        hold: row.maybe_text("hold_id")?.map(HoldId::new),
        is_refunded: row.flag("refunded")?,
        brief: row.text("brief")?,
        platform: row.text("platform")?,
        language: row.text("language")?,
        writer: row.text("writer")?,
        prompt_version: row.text("prompt_version")?,
        created_at: row.time("created_at_ms")?,
    })
}

/// A generation by its id.
///
/// # Errors
/// As [`stored_event`].
pub async fn stored_generation(
    tx: &mut Tx,
    id: &GenerationId,
) -> Result<Option<StoredGeneration>, StoreError> {
    tx.maybe_one(GENERATION, args![id]).await?.as_ref().map(generation).transpose()
}

/// The generation that an event asked for.
///
/// # Errors
/// As [`stored_event`].
pub async fn generation_of(tx: &mut Tx, id: &EventId) -> Result<Option<StoredGeneration>, StoreError> {
    tx.maybe_one(BY_EVENT, args![id]).await?.as_ref().map(generation).transpose()
}

/// The newest generations of an author, newest first, those that were refunded among them.
///
/// # Errors
/// As [`stored_event`].
pub async fn generations_of(
    tx: &mut Tx,
    author: &AuthorId,
    limit: i64,
) -> Result<Vec<StoredGeneration>, StoreError> {
    tx.all(GENERATIONS_OF, args![author, limit]).await?.iter().map(generation).collect()
}

/// A call of a model.
#[derive(Debug, Clone)]
pub struct StoredCall {
    /// The model.
    pub model: String,
    /// Draft or repair.
    pub stage: String,
    /// How it ended.
    pub outcome: String,
    /// Tokens in.
    pub prompt_tokens: Option<i64>,
    /// Tokens out.
    pub completion_tokens: Option<i64>,
    /// The price in millionths of a US dollar, when known.
    pub price_microunits: Option<i64>,
    /// How long it took.
    pub latency_ms: i64,
    /// The server's name of the call.
    pub request_id: Option<String>,
    /// The time at which it was recorded: after its answer.
    pub created_at: UnixMillis,
}

macro_rules! call_sql {
    ($rest:literal) => {
        concat!(
            "SELECT model, stage, outcome, prompt_tokens, completion_tokens, price_microunits, latency_ms, request_id, ",
            "created_at_ms FROM model_calls WHERE ",
            $rest
        )
    };
}
pub(crate) const CALLS_FOR: Sql = Sql::both(call_sql!("event_id = $1 ORDER BY id LIMIT $2"));
// A request on the web has no event: the author's calls just before the posts were saved.
pub(crate) const CALLS_BEFORE: Sql =
    Sql::both(call_sql!("id >= $2 AND id < $3 AND author_id = $1 AND event_id IS NULL ORDER BY id LIMIT $4"));
/// Longer than a generation takes.
const GENERATION_MS: i64 = 60_000;

fn call(row: &Row) -> Result<StoredCall, StoreError> {
    Ok(StoredCall {
        model: row.text("model")?,
        stage: row.text("stage")?,
        outcome: row.text("outcome")?,
        prompt_tokens: row.maybe_int("prompt_tokens")?,
        completion_tokens: row.maybe_int("completion_tokens")?,
        price_microunits: row.maybe_int("price_microunits")?,
        latency_ms: row.int("latency_ms")?,
        request_id: row.maybe_text("request_id")?,
        created_at: row.time("created_at_ms")?,
    })
}

/// The calls of models for an event, oldest first.
///
/// # Errors
/// As [`stored_event`].
pub async fn calls_for(tx: &mut Tx, id: &EventId) -> Result<Vec<StoredCall>, StoreError> {
    tx.all(CALLS_FOR, args![id, MOST]).await?.iter().map(call).collect()
}

/// The calls of models for an author on the web in the minute before an instant, oldest first.
///
/// # Errors
/// As [`stored_event`].
pub async fn calls_before(
    tx: &mut Tx,
    author: &AuthorId,
    at: UnixMillis,
) -> Result<Vec<StoredCall>, StoreError> {
    let (first, end) = (first_id(at.plus_ms(-GENERATION_MS)), first_id(at.plus_ms(1_000)));
    tx.all(CALLS_BEFORE, args![author, &first, &end, MOST]).await?.iter().map(call).collect()
}

/// A hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredHold {
    /// Its id.
    pub id: HoldId,
    /// How far it is.
    pub state: String,
    /// The credits.
    pub amount: i64,
    /// The time at which it was placed.
    pub created_at: UnixMillis,
    /// Its end.
    pub closed_at: Option<UnixMillis>,
}

macro_rules! hold_sql {
    ($rest:literal) => {
        concat!("SELECT id, state, amount, created_at_ms, closed_at_ms FROM holds WHERE ", $rest)
    };
}
pub(crate) const HOLD: Sql = Sql::both(hold_sql!("id = $1"));
pub(crate) const HOLD_BY_KEY: Sql = Sql::both(hold_sql!("hold_key = $1"));

fn hold(row: &Row) -> Result<StoredHold, StoreError> {
    Ok(StoredHold {
        id: HoldId::new(row.text("id")?),
        state: row.text("state")?,
        amount: row.int("amount")?,
        created_at: row.time("created_at_ms")?,
        closed_at: row.maybe_time("closed_at_ms")?,
    })
}

/// The holds of an event, one for each round at most, and the one of its generation.
///
/// # Errors
/// As [`stored_event`].
pub async fn holds(
    tx: &mut Tx,
    of_event: Option<(&EventId, i64)>,
    of_generation: Option<&HoldId>,
) -> Result<Vec<StoredHold>, StoreError> {
    let mut found = vec![];
    if let Some((id, rounds)) = of_event {
        for round in (1..=rounds).rev().take(usize::try_from(MOST).unwrap_or(0)) {
            let row = tx.maybe_one(HOLD_BY_KEY, args![&format!("{id}:{round}")]).await?;
            found.extend(row.as_ref().map(hold).transpose()?);
        }
    }
    if let Some(id) = of_generation {
        let row = tx.maybe_one(HOLD, args![id]).await?;
        let of_generation = row.as_ref().map(hold).transpose()?;
        found.extend(of_generation.filter(|hold| !found.contains(hold)));
    }
    found.sort_by_key(|hold| hold.created_at);
    Ok(found)
}

/// A change of a balance that a hold brought.
#[derive(Debug, Clone)]
pub struct StoredEntry {
    /// Credits in (positive) or out.
    pub delta: i64,
    /// Why.
    pub reason: String,
    /// An operator's words.
    pub note: Option<String>,
    /// The time at which it was written.
    pub created_at: UnixMillis,
}

pub(crate) const ENTRIES: Sql = Sql::both(
    "SELECT delta, reason, note, created_at_ms FROM ledger WHERE operation IN ($1, $2) ORDER BY id",
);

/// The entries of a hold: its settlement and its refund.
///
/// # Errors
/// As [`stored_event`].
pub async fn entries_of(tx: &mut Tx, hold: &HoldId) -> Result<Vec<StoredEntry>, StoreError> {
    let (settled, refunded) = (format!("settle:{hold}"), format!("refund:{hold}"));
    let entry = |row: &Row| {
        Ok(StoredEntry {
            delta: row.int("delta")?,
            reason: row.text("reason")?,
            note: row.maybe_text("note")?,
            created_at: row.time("created_at_ms")?,
        })
    };
    tx.all(ENTRIES, args![&settled, &refunded]).await?.iter().map(entry).collect()
}

/// A call of a provider for a message.
#[derive(Debug, Clone)]
pub struct StoredAttempt {
    /// Its id: the correlation id that travels with the call.
    pub id: AttemptId,
    /// What is known of the call.
    pub state: String,
    /// The last status.
    pub status: Option<String>,
    /// The provider's id of the message.
    pub provider_message_id: Option<String>,
    /// The provider's error.
    pub error_code: Option<i64>,
    /// The provider's category of the price.
    pub price_category: Option<String>,
    /// Whether the provider bills it.
    pub billable: Option<bool>,
    /// The time at which it began.
    pub started_at: UnixMillis,
}

pub(crate) const ATTEMPTS: Sql = Sql::both(
    "SELECT id, state, status, provider_message_id, error_code, price_category, billable, started_at_ms FROM attempts \
     WHERE message_id = $1 ORDER BY message_id, id LIMIT $2",
);

/// The attempts of a message, oldest first.
///
/// # Errors
/// As [`stored_event`].
pub async fn attempts(tx: &mut Tx, message: &MessageId) -> Result<Vec<StoredAttempt>, StoreError> {
    let attempt = |row: &Row| {
        Ok(StoredAttempt {
            id: AttemptId::new(row.text("id")?),
            state: row.text("state")?,
            status: row.maybe_text("status")?,
            provider_message_id: row.maybe_text("provider_message_id")?,
            error_code: row.maybe_int("error_code")?,
            price_category: row.maybe_text("price_category")?,
            billable: row.maybe_int("billable")?.map(|billable| billable != 0),
            started_at: row.time("started_at_ms")?,
        })
    };
    tx.all(ATTEMPTS, args![message, MOST]).await?.iter().map(attempt).collect()
}

pub(crate) const TICK: Sql =
    Sql::both("SELECT occurred_at_ms, received_at_ms FROM inbox WHERE event_key = $1");

/// The time of a status by the provider's clock and by ours, under the key of its event. `None` if it has not come.
///
/// # Errors
/// As [`stored_event`].
pub async fn tick(tx: &mut Tx, event_key: &str) -> Result<Option<(UnixMillis, UnixMillis)>, StoreError> {
    let row = tx.maybe_one(TICK, args![event_key]).await?;
    row.map(|row| Ok((row.time("occurred_at_ms")?, row.time("received_at_ms")?))).transpose()
}

pub(crate) const EVENT_WITH_KEY: Sql = Sql::both("SELECT id FROM inbox WHERE event_key = $1");
pub(crate) const MESSAGE_OF_ATTEMPT: Sql = Sql::both("SELECT message_id FROM attempts WHERE id = $1");
pub(crate) const MESSAGE_CALLED: Sql =
    Sql::both("SELECT message_id FROM attempts WHERE provider_message_id = $1 LIMIT 1");

/// The event with this key.
///
/// # Errors
/// As [`stored_event`].
pub async fn event_with_key(tx: &mut Tx, event_key: &str) -> Result<Option<EventId>, StoreError> {
    let row = tx.maybe_one(EVENT_WITH_KEY, args![event_key]).await?;
    row.map(|row| row.text("id").map(EventId::new)).transpose()
}

/// The message of an attempt, by the attempt's id or the provider's id of the message.
///
/// # Errors
/// As [`stored_event`].
pub async fn message_of_attempt(tx: &mut Tx, id: &str) -> Result<Option<MessageId>, StoreError> {
    for sql in [MESSAGE_OF_ATTEMPT, MESSAGE_CALLED] {
        if let Some(row) = tx.maybe_one(sql, args![id]).await? {
            return Ok(Some(MessageId::new(row.text("message_id")?)));
        }
    }
    Ok(None)
}
