//! Sessions: one row for each browser that is logged in. A cookie without a row is worth nothing.

use postly_domain::{
    Language, UnixMillis,
    id::{AuthorId, SessionId},
};

use crate::{
    StoreError, Tx,
    sql::{Row, Sql, args},
};

/// A browser that is logged in.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its id, which the cookie names.
    pub id: SessionId,
    /// Who is logged in.
    pub author: AuthorId,
    /// What the browser calls itself, in short.
    pub label: String,
    /// Whether it was opened by proving a number.
    pub by_whatsapp: bool,
    /// When it was opened.
    pub created_at: UnixMillis,
    /// When it was last used, to the hour.
    pub seen_at: UnixMillis,
    /// When it ends by itself.
    pub expires_at: UnixMillis,
}

/// The author behind a session, as far as every request needs her.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    /// The session.
    pub session: Session,
    /// Her address.
    pub email: Option<String>,
    /// Her language.
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

/// The session with this id, while it lasts.
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

/// Notes that a session is in use.
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

/// The sessions of an author, newest first.
///
/// # Errors
/// Fails if the database fails.
pub async fn of_author(tx: &mut Tx, author: &AuthorId, now: UnixMillis) -> Result<Vec<Session>, StoreError> {
    tx.all(OF_AUTHOR, args![author, now]).await?.iter().map(session).collect()
}

const END: Sql = Sql::both("DELETE FROM sessions WHERE id = $1 AND author_id = $2");

/// Ends one session of an author. False when she has none with this id.
///
/// # Errors
/// Fails if the database fails.
pub async fn end(tx: &mut Tx, id: &SessionId, author: &AuthorId) -> Result<bool, StoreError> {
    Ok(tx.execute(END, args![id, author]).await? == 1)
}

const END_ALL: Sql = Sql::both("DELETE FROM sessions WHERE author_id = $1 AND id <> $2");

/// Ends every session of an author, but for one.
///
/// # Errors
/// Fails if the database fails.
pub async fn end_all(tx: &mut Tx, author: &AuthorId, but: Option<&SessionId>) -> Result<(), StoreError> {
    tx.execute(END_ALL, args![author, but.map_or("", SessionId::as_str)]).await?;
    Ok(())
}
