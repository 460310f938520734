//! Sessions of logged-in browsers, and their end.

use postly_domain::{
    Language, UnixMillis,
    id::{AuthorId, SessionId},
    metric,
};
use postly_store::{StoreError, Tx, authors, sessions};

pub use postly_store::sessions::{LoggedIn, Session};

use crate::{Accounts, accounts::Profile, codes::BrowserToken, conflict::again, ids::Fresh as _};

/// The lifetime of a session (next-auth's `maxAge`, 30 days).
pub const SESSION_MS: i64 = 30 * 24 * 3600 * 1000;
/// The most sessions of an author; a further one ends the oldest.
const MOST_SESSIONS: i64 = 10;
/// The interval at which the use of a session is recorded.
const SEEN_EVERY_MS: i64 = 3600 * 1000;

/// The data that identifies a browser.
#[derive(Debug, Clone)]
pub struct Browser {
    /// The secret that binds new challenges to it.
    pub token: BrowserToken,
    /// The secrets of further cookies of that name, set for another path or domain. A challenge may be bound
    /// to one of these.
    pub others: Vec<BrowserToken>,
    /// The address of the client, or its network.
    pub address: String,
    /// A short form of its user agent: `Firefox · Windows`.
    pub label: String,
    /// The language that it prefers among ours, if it names one of them.
    pub language: Option<Language>,
}

impl Browser {
    /// Gives a new author the language in which they read the pages. Their messages then change it no more:
    /// many write posts in another language than their own.
    pub(crate) async fn settle_language(&self, tx: &mut Tx, author: &AuthorId) -> Result<(), StoreError> {
        if let Some(language) = self.language {
            authors::set_language(tx, author, language, false).await?;
        }
        Ok(())
    }

    /// Returns the hashes of all tokens to which a challenge of this browser may be bound.
    pub(crate) fn hashes(&self) -> impl Iterator<Item = String> {
        std::iter::once(&self.token).chain(&self.others).map(BrowserToken::hash)
    }
}

/// The content of a session's cookie.
#[derive(Debug, Clone)]
pub struct SessionCookie {
    /// The session.
    pub id: SessionId,
    /// The author who is logged in.
    pub author: AuthorId,
    /// The author's e-mail address.
    pub email: Option<String>,
    /// The time of its opening.
    pub issued_at: UnixMillis,
    /// The time at which it expires.
    pub expires_at: UnixMillis,
}

impl Accounts {
    /// Returns the session named by a cookie, if it belongs to the author named there. `None` if it has
    /// ended.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn session(&self, id: &SessionId, author: &AuthorId) -> Result<Option<LoggedIn>, StoreError> {
        let now = self.core.now();
        let mut tx = self.core.db.read().await?;
        let Some(found) = sessions::find(&mut tx, id, now).await? else { return Ok(None) };
        drop(tx);
        if found.session.author != *author {
            return Ok(None);
        }
        if now.since_ms(found.session.seen_at) >= SEEN_EVERY_MS {
            let see = async || {
                let mut tx = self.core.db.write().await?;
                sessions::see(&mut tx, id, now).await?;
                tx.commit().await
            };
            again!(see())?;
        }
        Ok(Some(found))
    }

    /// Opens a session in a browser, and ends the previous session there. An attacker therefore cannot
    /// prepare a session for another to log in to.
    pub(crate) async fn log_in(
        &self,
        tx: &mut Tx,
        author: &AuthorId,
        before: Option<&LoggedIn>,
        browser: &Browser,
        by_whatsapp: bool,
    ) -> Result<(SessionCookie, Profile), StoreError> {
        let now = self.core.now();
        if let Some(before) = before {
            sessions::end(tx, &before.session.id, &before.session.author).await?;
        }
        let session = Session {
            // The id is not secret: only a cookie encrypted by us can name a session.
            id: SessionId::fresh(now),
            author: author.clone(),
            label: browser.label.clone(),
            by_whatsapp,
            created_at: now,
            seen_at: now,
            expires_at: now.plus_ms(SESSION_MS),
        };
        sessions::open(tx, &session, MOST_SESSIONS).await?;
        let profile = self.profile_of(tx, author).await?;
        tracing::info!(author.id = %author, by_whatsapp, "Author {author} logged in");
        metrics::counter!(metric::LOGINS, "by" => if by_whatsapp { "whatsapp" } else { "password" })
            .increment(1);
        let cookie = SessionCookie {
            id: session.id,
            author: author.clone(),
            email: profile.email.clone(),
            issued_at: now,
            expires_at: session.expires_at,
        };
        Ok((cookie, profile))
    }

    /// Returns the author named by an id in another app's cookie, if the author is known.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn known_author(&self, id: &AuthorId) -> Result<Option<AuthorId>, StoreError> {
        let mut tx = self.core.db.read().await?;
        let current = authors::current(&mut tx, id).await?;
        Ok(authors::get(&mut tx, &current).await?.map(|author| author.id))
    }

    /// Returns the sessions of an author, newest first.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn sessions(&self, author: &AuthorId) -> Result<Vec<Session>, StoreError> {
        let mut tx = self.core.db.read().await?;
        sessions::of_author(&mut tx, author, self.core.now()).await
    }

    /// Ends one session of an author. Returns false if the author has none with this id.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn end_session(&self, author: &AuthorId, id: &SessionId) -> Result<bool, StoreError> {
        let end = async || {
            let mut tx = self.core.db.write().await?;
            let ended = sessions::end(&mut tx, id, author).await?;
            tx.commit().await?;
            Ok(ended)
        };
        again!(end())
    }

    /// Ends every session of an author.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn end_sessions(&self, author: &AuthorId) -> Result<(), StoreError> {
        let end = async || {
            let mut tx = self.core.db.write().await?;
            sessions::end_all(&mut tx, author, None).await?;
            tx.commit().await
        };
        again!(end())
    }
}
