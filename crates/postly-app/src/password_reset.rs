//! A forgotten password: the operator creates a one-use link, and its holder sets a new password.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use postly_domain::{Email, UnixMillis, id::AuthorId, login::check_password};
use postly_store::{Tx, authors, password_resets, sessions};

use crate::{
    AccountError, Accounts,
    conflict::again,
    operator::{AuthorSelector, OperatorError},
    people::find_author,
    seal::{plain_hash, random},
};

/// The lifetime of a link (RULES 3.10).
const LIFETIME_MS: i64 = 30 * 60 * 1_000;

/// A link that sets a new password once.
pub struct PasswordReset {
    /// The account.
    pub author: AuthorId,
    /// The complete address, with the token after the `#`, which browsers do not send.
    pub url: String,
    /// The time at which it expires.
    pub expires_at: UnixMillis,
}

/// Leaves out the address, because anyone who reads it can use it.
impl std::fmt::Debug for PasswordReset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordReset").field("author", &self.author).finish_non_exhaustive()
    }
}

impl Accounts {
    /// Creates a link by which an author with an e-mail login sets a new password. An earlier link of the
    /// author becomes invalid.
    ///
    /// # Errors
    /// Fails if no author has this number, id or address, if the author has no login, or if the database
    /// fails.
    pub async fn new_password_reset(&self, who: &AuthorSelector) -> Result<PasswordReset, OperatorError> {
        let token = BASE64_URL_SAFE_NO_PAD.encode(random::<32>()?);
        let add = async || {
            let now = self.core.now();
            let mut tx = self.core.db.write().await?;
            let author = find_author(&mut tx, who).await?.ok_or(OperatorError::UnknownAuthor)?;
            authors::lock_row(&mut tx, &author).await?;
            let found = authors::get(&mut tx, &author).await?.ok_or(OperatorError::UnknownAuthor)?;
            if found.email.is_none() {
                return Err(OperatorError::NoLogin);
            }
            let expires_at = now.plus_ms(LIFETIME_MS);
            password_resets::add(&mut tx, &plain_hash(&token), &author, now, expires_at).await?;
            tx.commit().await?;
            Ok((author, expires_at))
        };
        let (author, expires_at) = again!(add())?;
        tracing::info!(author.id = %author, "Made a link for a new password of author {author}");
        let url = format!("{}/reset#{token}", self.core.settings.site_url);
        Ok(PasswordReset { author, url, expires_at })
    }

    /// Sets a new password by the token of a link, and ends every session of the author. Only an accepted
    /// password uses the token up.
    ///
    /// # Errors
    /// Fails with [`AccountError::LinkSpent`] if the token is invalid, used or expired; else see
    /// [`AccountError`].
    pub async fn reset_password(&self, token: &str, password: &str) -> Result<(), AccountError> {
        let token_hash = plain_hash(token);
        let email = {
            let mut tx = self.core.db.read().await?;
            let author = password_resets::find(&mut tx, &token_hash, self.core.now()).await?;
            self.email_of(&mut tx, author).await?.ok_or(AccountError::LinkSpent)?
        };
        check_password(password, &email)?;
        // Hashed outside the transaction, because it takes a tenth of a second.
        let hash = self.passwords.hash(password).await?;
        again!(self.write_reset(&token_hash, &hash))
    }

    async fn email_of(&self, tx: &mut Tx, author: Option<AuthorId>) -> Result<Option<Email>, AccountError> {
        let Some(author) = author else { return Ok(None) };
        let found = authors::get(tx, &author).await?.and_then(|author| author.email);
        Ok(found.map(|email| Email::parse(&email)).transpose()?)
    }

    async fn write_reset(&self, token_hash: &str, hash: &str) -> Result<(), AccountError> {
        let mut tx = self.core.db.write().await?;
        let author = password_resets::consume(&mut tx, token_hash, self.core.now()).await?;
        let author = author.ok_or(AccountError::LinkSpent)?;
        if !authors::lock(&mut tx, &author).await? {
            return Err(AccountError::LinkSpent);
        }
        authors::set_password(&mut tx, &author, hash).await?;
        sessions::end_all(&mut tx, &author, None).await?;
        tx.commit().await?;
        tracing::info!(author.id = %author, "Author {author} set a new password by a link");
        Ok(())
    }
}
