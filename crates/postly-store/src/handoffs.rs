//! Requests of authors for a person: one open request each.

use postly_domain::{Provider, UnixMillis, id::AuthorId};

use crate::{
    StoreError, Tx,
    sql::{Row, Sql, args},
};

/// A request for a person, and the conversation in which to answer.
#[derive(Debug, Clone)]
pub struct Handoff {
    /// Its id.
    pub id: String,
    /// The author.
    pub author: AuthorId,
    /// The conversation.
    pub lane: String,
    /// The provider of the conversation.
    pub provider: Provider,
    /// The business number of the conversation.
    pub business: String,
    /// The author's address.
    pub address: String,
    /// The time of the author's last message.
    pub written_at: UnixMillis,
    /// The time of the request.
    pub opened_at: UnixMillis,
}

const OPEN: Sql = Sql::both(
    "INSERT INTO handoffs (id, author_id, lane, provider, business, address, written_at_ms, opened_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (author_id) WHERE closed_at_ms IS NULL \
     DO UPDATE SET lane = excluded.lane, provider = excluded.provider, business = excluded.business, \
     address = excluded.address, written_at_ms = excluded.written_at_ms, opened_at_ms = excluded.opened_at_ms \
     RETURNING id",
);

/// Opens a request, or renews the open one of the author. Returns true if it is new.
///
/// # Errors
/// Fails if the database fails.
pub async fn open(tx: &mut Tx, new: &Handoff) -> Result<bool, StoreError> {
    let args = args![
        &new.id,
        &new.author,
        &new.lane,
        new.provider,
        &new.business,
        &new.address,
        new.written_at,
        new.opened_at,
    ];
    Ok(tx.one(OPEN, args).await?.text("id")? == new.id)
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, author_id, lane, provider, business, address, written_at_ms, opened_at_ms FROM handoffs ",
            "WHERE closed_at_ms IS NULL ",
            $rest
        )
    };
}
const LIST: Sql = Sql::both(select!("AND opened_at_ms > $1 ORDER BY opened_at_ms LIMIT $2"));
const GET: Sql = Sql::both(select!("AND id = $1"));

/// Returns the open requests made since an instant, oldest first.
///
/// # Errors
/// Fails if the database fails, or a row cannot be read.
pub async fn list(tx: &mut Tx, since: UnixMillis, limit: i64) -> Result<Vec<Handoff>, StoreError> {
    tx.all(LIST, args![since, limit]).await?.iter().map(read).collect()
}

/// Returns an open request by its id.
///
/// # Errors Fails as [`list`] does.
pub async fn get(tx: &mut Tx, id: &str) -> Result<Option<Handoff>, StoreError> {
    tx.maybe_one(GET, args![id]).await?.as_ref().map(read).transpose()
}

const OF_AUTHOR: Sql = Sql::both("SELECT id FROM handoffs WHERE author_id = $1 AND closed_at_ms IS NULL");

/// The id of the open request of an author, if there is one.
///
/// # Errors
/// Fails if the database fails.
pub async fn of_author(tx: &mut Tx, author: &AuthorId) -> Result<Option<String>, StoreError> {
    tx.maybe_one(OF_AUTHOR, args![author]).await?.map(|row| row.text("id")).transpose()
}

fn read(row: &Row) -> Result<Handoff, StoreError> {
    Ok(Handoff {
        id: row.text("id")?,
        author: AuthorId::new(row.text("author_id")?),
        lane: row.text("lane")?,
        provider: row.provider("provider")?,
        business: row.text("business")?,
        address: row.text("address")?,
        written_at: row.time("written_at_ms")?,
        opened_at: row.time("opened_at_ms")?,
    })
}

const TOUCH: Sql = Sql::both(
    "UPDATE handoffs SET written_at_ms = CASE WHEN lane = $4 AND written_at_ms < $2 THEN $2 ELSE written_at_ms END \
     WHERE author_id = $1 AND closed_at_ms IS NULL AND opened_at_ms > $3",
);

/// Records that the author of an open request wrote again; in the request's conversation this renews its
/// window. Returns false if no request made since `since` is open.
///
/// # Errors
/// Fails if the database fails.
pub async fn touch(
    tx: &mut Tx,
    author: &AuthorId,
    lane: &str,
    written_at: UnixMillis,
    since: UnixMillis,
) -> Result<bool, StoreError> {
    Ok(tx.execute(TOUCH, args![author, written_at, since, lane]).await? > 0)
}

const CLOSE: Sql = Sql::both("UPDATE handoffs SET closed_at_ms = $2 WHERE id = $1 AND closed_at_ms IS NULL");
const CLOSE_OF: Sql =
    Sql::both("UPDATE handoffs SET closed_at_ms = $2 WHERE author_id = $1 AND closed_at_ms IS NULL");

/// Closes a request. Returns false if it is not open.
///
/// # Errors
/// Fails if the database fails.
pub async fn close(tx: &mut Tx, id: &str, now: UnixMillis) -> Result<bool, StoreError> {
    Ok(tx.execute(CLOSE, args![id, now]).await? == 1)
}

/// Closes the open request of an author, if there is one.
///
/// # Errors
/// Fails if the database fails.
pub async fn close_of(tx: &mut Tx, author: &AuthorId, now: UnixMillis) -> Result<bool, StoreError> {
    Ok(tx.execute(CLOSE_OF, args![author, now]).await? == 1)
}

const WAITING: Sql =
    Sql::both("SELECT COUNT(*) AS waiting FROM handoffs WHERE closed_at_ms IS NULL AND opened_at_ms > $1");

/// Returns the number of open requests made since an instant.
///
/// # Errors
/// Fails if the database fails.
pub async fn waiting(tx: &mut Tx, since: UnixMillis) -> Result<i64, StoreError> {
    tx.one(WAITING, args![since]).await?.int("waiting")
}
