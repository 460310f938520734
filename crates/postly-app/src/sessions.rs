//! Sessions: a browser that is logged in, and what ends that.

use postly_domain::{
    UnixMillis,
    id::{AuthorId, SessionId},
    metric,
};
use postly_store::{StoreError, Tx, authors, sessions};

pub use postly_store::sessions::{LoggedIn, Session};

use crate::{App, accounts::Profile, codes::BrowserToken, conflict::again, ids::Fresh as _};

/// How long a session lasts (next-auth's `maxAge`, 30 days).
pub const SESSION_MS: i64 = 30 * 24 * 3600 * 1000;
/// How many sessions an author has at once; one more closes the oldest.
const MOST_SESSIONS: i64 = 10;
/// How often the use of a session is noted.
const SEEN_EVERY_MS: i64 = 3600 * 1000;

/// A browser, as far as it is told from another.
#[derive(Debug, Clone)]
pub struct Browser {
    /// Its secret, by which its new challenges are known.
    pub token: BrowserToken,
    /// Secrets in further cookies of that name, set for another path or domain: its challenges may be known by one of
    /// these.
    pub others: Vec<BrowserToken>,
    /// Where it asks from: an address, or a network of them.
    pub address: String,
    /// What it calls itself, in short: `Firefox · Windows`.
    pub label: String,
}

impl Browser {
    /// Everything by which a challenge of this browser may be known.
    pub(crate) fn hashes(&self) -> impl Iterator<Item = String> {
        std::iter::once(&self.token).chain(&self.others).map(BrowserToken::hash)
    }
}

/// What the cookie of a session says.
#[derive(Debug, Clone)]
pub struct SessionCookie {
    /// The session.
    pub id: SessionId,
    /// Who is logged in.
    pub author: AuthorId,
    /// Her address.
    pub email: Option<String>,
    /// When it was opened.
    pub issued_at: UnixMillis,
    /// When it ends by itself.
    pub expires_at: UnixMillis,
}

impl App {
    /// The session that a cookie names, for the author it names. `None` when it has ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session(&self, id: &SessionId, author: &AuthorId) -> Result<Option<LoggedIn>, StoreError> {
        let now = self.now();
        let mut tx = self.0.db.read().await?;
        let Some(found) = sessions::find(&mut tx, id, now).await? else { return Ok(None) };
        drop(tx);
        if found.session.author != *author {
            return Ok(None);
        }
        if now.since_ms(found.session.seen_at) >= SEEN_EVERY_MS {
            let see = async || {
                let mut tx = self.0.db.write().await?;
                sessions::see(&mut tx, id, now).await?;
                tx.commit().await
            };
            again!(see())?;
        }
        Ok(Some(found))
    }

    /// Opens a session in a browser. Whoever was logged in there is not any more: nobody can have prepared the
    /// session that another logs in to.
    pub(crate) async fn log_in(
        &self,
        tx: &mut Tx,
        author: &AuthorId,
        before: Option<&LoggedIn>,
        browser: &Browser,
        by_whatsapp: bool,
    ) -> Result<(SessionCookie, Profile), StoreError> {
        let now = self.now();
        if let Some(before) = before {
            sessions::end(tx, &before.session.id, &before.session.author).await?;
        }
        let session = Session {
            // No secret: only a cookie that we encrypted can name it.
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

    /// The author whom an id in another app's cookie names, when we know her.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn known_author(&self, id: &AuthorId) -> Result<Option<AuthorId>, StoreError> {
        let mut tx = self.0.db.read().await?;
        let current = authors::current(&mut tx, id).await?;
        Ok(authors::get(&mut tx, &current).await?.map(|author| author.id))
    }

    /// The sessions of an author, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sessions(&self, author: &AuthorId) -> Result<Vec<Session>, StoreError> {
        let mut tx = self.0.db.read().await?;
        sessions::of_author(&mut tx, author, self.now()).await
    }

    /// Ends one session of an author. False when she has none with this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_session(&self, author: &AuthorId, id: &SessionId) -> Result<bool, StoreError> {
        let end = async || {
            let mut tx = self.0.db.write().await?;
            let ended = sessions::end(&mut tx, id, author).await?;
            tx.commit().await?;
            Ok(ended)
        };
        again!(end())
    }

    /// Ends every session of an author.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_sessions(&self, author: &AuthorId) -> Result<(), StoreError> {
        let end = async || {
            let mut tx = self.0.db.write().await?;
            sessions::end_all(&mut tx, author, None).await?;
            tx.commit().await
        };
        again!(end())
    }
}
