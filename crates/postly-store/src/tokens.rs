//! API tokens, with which programs act for an author. Only their hashes are stored.

use postly_domain::{
    UnixMillis,
    id::{AuthorId, TokenId},
};

use crate::{
    StoreError, Tx,
    sql::{Row, Sql, args},
};

/// A token, without the secret.
#[derive(Debug, Clone)]
pub struct ApiToken {
    /// Its id.
    pub id: TokenId,
    /// The author that it acts for.
    pub author: AuthorId,
    /// The author's name for it.
    pub name: String,
    /// The time of creation.
    pub created_at: UnixMillis,
    /// The time of last use, to the hour.
    pub used_at: Option<UnixMillis>,
}

const INSERT: Sql = Sql::both(
    "INSERT INTO api_tokens (id, author_id, name, token_hash, created_at_ms, used_at_ms) \
     SELECT $1, $2, $3, $4, $5, NULL WHERE (SELECT COUNT(*) FROM api_tokens WHERE author_id = $2) < $6",
);

/// Adds a token. Returns false if the author has `most` already. The caller has locked the author.
///
/// # Errors
/// Fails if the database fails.
pub async fn add(tx: &mut Tx, token: &ApiToken, hash: &str, most: i64) -> Result<bool, StoreError> {
    let args = args![&token.id, &token.author, &token.name, hash, token.created_at, most];
    Ok(tx.execute(INSERT, args).await? == 1)
}

const FIND: Sql =
    Sql::both("SELECT id, author_id, name, created_at_ms, used_at_ms FROM api_tokens WHERE token_hash = $1");

/// Returns the token with this hash.
///
/// # Errors
/// Fails if the database fails.
pub async fn find(tx: &mut Tx, hash: &str) -> Result<Option<ApiToken>, StoreError> {
    tx.maybe_one(FIND, args![hash]).await?.as_ref().map(read).transpose()
}

const OF_AUTHOR: Sql = Sql::both(
    "SELECT id, author_id, name, created_at_ms, used_at_ms FROM api_tokens WHERE author_id = $1 ORDER BY id DESC",
);

/// Returns the tokens of an author, newest first.
///
/// # Errors
/// Fails if the database fails.
pub async fn of_author(tx: &mut Tx, author: &AuthorId) -> Result<Vec<ApiToken>, StoreError> {
    tx.all(OF_AUTHOR, args![author]).await?.iter().map(read).collect()
}

const SEE: Sql = Sql::both("UPDATE api_tokens SET used_at_ms = $2 WHERE id = $1");

/// Records that a token is in use.
///
/// # Errors
/// Fails if the database fails.
pub async fn see(tx: &mut Tx, id: &TokenId, now: UnixMillis) -> Result<(), StoreError> {
    tx.execute(SEE, args![id, now]).await?;
    Ok(())
}

const REVOKE: Sql = Sql::both("DELETE FROM api_tokens WHERE id = $1 AND author_id = $2");

/// Deletes one token of an author. Returns false if the author has none with this id.
///
/// # Errors
/// Fails if the database fails.
pub async fn revoke(tx: &mut Tx, id: &TokenId, author: &AuthorId) -> Result<bool, StoreError> {
    Ok(tx.execute(REVOKE, args![id, author]).await? == 1)
}

fn read(row: &Row) -> Result<ApiToken, StoreError> {
    Ok(ApiToken {
        id: TokenId::new(row.text("id")?),
        author: AuthorId::new(row.text("author_id")?),
        name: row.text("name")?,
        created_at: row.time("created_at_ms")?,
        used_at: row.maybe_time("used_at_ms")?,
    })
}
