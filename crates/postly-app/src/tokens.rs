//! API tokens: the proof with which a program acts for an author. A token is shown once; only its hash is
//! stored.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use postly_domain::id::{AuthorId, TokenId};
use postly_store::{
    StoreError, authors,
    tokens::{self, ApiToken},
};

use crate::{
    Accounts,
    conflict::again,
    ids::Fresh as _,
    seal::{NoRandomness, plain_hash, random},
};

/// The most tokens of one author: one for each program that an author runs, and few enough to review.
pub const MAX_TOKENS: i64 = 10;
/// The longest name, in characters: a line on the account page.
const MAX_NAME_CHARS: usize = 60;
/// The prefix of every token, by which people and scanners for leaked secrets recognize it.
const PREFIX: &str = "postly_";
/// The interval at which the use of a token is recorded.
const SEEN_EVERY_MS: i64 = 3600 * 1000;

/// A new token, with its secret.
#[derive(Clone)]
pub struct NewToken {
    /// The token without the secret.
    pub token: ApiToken,
    /// The secret, which is not stored.
    pub secret: String,
}

/// Prints no secret.
impl std::fmt::Debug for NewToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewToken").field("token", &self.token.id).finish_non_exhaustive()
    }
}

/// The reason why no token was created.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The name is empty, too long, or has control characters.
    #[error("the name must have 1 to {MAX_NAME_CHARS} characters on one line")]
    Name,
    /// The author has [`MAX_TOKENS`] already.
    #[error("the author has {MAX_TOKENS} tokens already")]
    TooMany,
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// The system's random generator failed.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

impl Accounts {
    /// Creates a token with which a program reads and generates for an author.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub async fn make_token(&self, author: &AuthorId, name: &str) -> Result<NewToken, TokenError> {
        let name = name.trim();
        let is_name =
            (1..=MAX_NAME_CHARS).contains(&name.chars().count()) && !name.contains(char::is_control);
        if !is_name {
            return Err(TokenError::Name);
        }
        let secret = format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(random::<32>()?));
        let now = self.core.now();
        let token = ApiToken {
            id: TokenId::fresh(now),
            author: author.clone(),
            name: name.to_owned(),
            created_at: now,
            used_at: None,
        };
        let add = async || {
            let mut tx = self.core.db.write().await?;
            // The lock serializes the counting of one author's tokens, and orders it with an erasure.
            if !authors::lock(&mut tx, author).await? {
                return Err(StoreError::Unreadable { column: "author_id" });
            }
            let added = tokens::add(&mut tx, &token, &plain_hash(&secret), MAX_TOKENS).await?;
            tx.commit().await?;
            Ok::<_, StoreError>(added)
        };
        if again!(add())? { Ok(NewToken { token, secret }) } else { Err(TokenError::TooMany) }
    }

    /// Returns the token of a request; `None` if it is unknown or revoked.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn token(&self, secret: &str) -> Result<Option<ApiToken>, StoreError> {
        if !secret.starts_with(PREFIX) {
            return Ok(None);
        }
        let now = self.core.now();
        let found = tokens::find(&mut self.core.db.read().await?, &plain_hash(secret)).await?;
        let Some(found) = found else { return Ok(None) };
        if found.used_at.is_none_or(|used| now.since_ms(used) >= SEEN_EVERY_MS) {
            let see = async || {
                let mut tx = self.core.db.write().await?;
                tokens::see(&mut tx, &found.id, now).await?;
                tx.commit().await
            };
            again!(see())?;
        }
        Ok(Some(found))
    }

    /// Returns the tokens of an author, newest first.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn tokens(&self, author: &AuthorId) -> Result<Vec<ApiToken>, StoreError> {
        tokens::of_author(&mut self.core.db.read().await?, author).await
    }

    /// Revokes a token of an author. Returns false if the author has none with this id.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn revoke_token(&self, author: &AuthorId, id: &TokenId) -> Result<bool, StoreError> {
        let revoke = async || {
            let mut tx = self.core.db.write().await?;
            let revoked = tokens::revoke(&mut tx, id, author).await?;
            tx.commit().await?;
            Ok::<_, StoreError>(revoked)
        };
        again!(revoke())
    }
}
