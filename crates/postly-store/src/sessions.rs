//! Sessions: one row for each logged-in browser. A cookie without a row has no effect.

use postly_domain::{
    Language, UnixMillis,
    id::{AuthorId, SessionId},
};

use crate::{
    StoreError, Tx,
    sql::{Row, Sql, args},
};

/// A logged-in browser.
#[derive(Debug, Clone)]
pub struct Session {
    /// The id, which the cookie contains.
    pub id: SessionId,
    /// The author.
    pub author: AuthorId,
    /// The browser's short label.
    pub label: String,
    /// True if it was opened by proving a number.
    pub by_whatsapp: bool,
    /// The time of creation.
    pub created_at: UnixMillis,
    /// The time of last use, to the hour.
    pub seen_at: UnixMillis,
    /// The time of expiry.
    pub expires_at: UnixMillis,
}

/// A session and the parts of its author that every request needs.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    /// The session.
    pub session: Session,
    /// The author's email address.
    pub email: Option<String>,
    /// The author's language.
    pub language: Language,
}

const OPEN: Sql = Sql::both(
    "INSERT INTO sessions (id, author_id, label, by_whatsapp, created_at_ms, seen_at_ms, expires_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)",
);
const CLOSE_OLDEST: Sql = Sql::both(
    "DELETE FROM sessions WHERE author_id = $1 AND id NOT IN \
     (SELECT id FROM sessions WHERE author_id = $1 ORDER BY created_at_ms DESC, id DESC LIMIT $2)",
);

/// Opens a session, and closes the oldest beyond `most`.
///
/// # Errors
/// Fails if the database fails.
pub async fn open(tx: &mut Tx, session: &Session, most: i64) -> Result<(), StoreError> {
    let args = args![
        &session.id,
        &session.author,
        &session.label,
        session.by_whatsapp,
        session.created_at,
        session.seen_at,
        session.expires_at,
    ];
    tx.execute(OPEN, args).await?;
    tx.execute(CLOSE_OLDEST, args![&session.author, most]).await?;
    Ok(())
}

fn session(row: &Row) -> Result<Session, StoreError> {
    Ok(Session {
        id: SessionId::new(row.text("id")?),
        author: AuthorId::new(row.text("author_id")?),
        label: row.text("label")?,
        by_whatsapp: row.flag("by_whatsapp")?,
        created_at: row.time("created_at_ms")?,
        seen_at: row.time("seen_at_ms")?,
        expires_at: row.time("expires_at_ms")?,
    })
}

const FIND: Sql = Sql::both(
    "SELECT sessions.id, sessions.author_id, sessions.label, sessions.by_whatsapp, sessions.created_at_ms, \
     sessions.seen_at_ms, sessions.expires_at_ms, authors.email, authors.language FROM sessions \
     JOIN authors ON authors.id = sessions.author_id WHERE sessions.id = $1 AND sessions.expires_at_ms > $2",
);

/// Returns the session with this id, until it expires.
///
/// # Errors
/// Fails if the database fails.
pub async fn find(tx: &mut Tx, id: &SessionId, now: UnixMillis) -> Result<Option<LoggedIn>, StoreError> {
    let Some(row) = tx.maybe_one(FIND, args![id, now]).await? else { return Ok(None) };
    Ok(Some(LoggedIn {
        session: session(&row)?,
        email: row.maybe_text("email")?,
        language: row.language("language")?,
    }))
}

const SEE: Sql = Sql::both("UPDATE sessions SET seen_at_ms = $2 WHERE id = $1");

/// Records that a session is in use.
///
/// # Errors
/// Fails if the database fails.
pub async fn see(tx: &mut Tx, id: &SessionId, now: UnixMillis) -> Result<(), StoreError> {
    tx.execute(SEE, args![id, now]).await?;
    Ok(())
}

const OF_AUTHOR: Sql = Sql::both(
    "SELECT id, author_id, label, by_whatsapp, created_at_ms, seen_at_ms, expires_at_ms FROM sessions \
     WHERE author_id = $1 AND expires_at_ms > $2 ORDER BY created_at_ms DESC, id DESC",
);

/// Returns the sessions of an author, newest first.
///
/// # Errors
/// Fails if the database fails.
pub async fn of_author(tx: &mut Tx, author: &AuthorId, now: UnixMillis) -> Result<Vec<Session>, StoreError> {
    tx.all(OF_AUTHOR, args![author, now]).await?.iter().map(session).collect()
}

const END: Sql = Sql::both("DELETE FROM sessions WHERE id = $1 AND author_id = $2");

/// Ends one session of an author. Returns false if the author has none with this id.
///
/// # Errors
/// Fails if the database fails.
pub async fn end(tx: &mut Tx, id: &SessionId, author: &AuthorId) -> Result<bool, StoreError> {
    Ok(tx.execute(END, args![id, author]).await? == 1)
}

const END_ALL: Sql = Sql::both("DELETE FROM sessions WHERE author_id = $1 AND id <> $2");

/// Ends every session of an author except `but`.
///
/// # Errors
/// Fails if the database fails.
pub async fn end_all(tx: &mut Tx, author: &AuthorId, but: Option<&SessionId>) -> Result<(), StoreError> {
    tx.execute(END_ALL, args![author, but.map_or("", SessionId::as_str)]).await?;
    Ok(())
}
