//! Web accounts: sign-up, password login, and the profile that an author reads and changes.

use std::sync::Arc;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use postly_domain::{
    Email, Language, PhoneE164, UnixMillis,
    id::AuthorId,
    login::{EmailError, PasswordError, check_password},
};
use postly_store::{
    StoreError, Tx, authors, identities,
    limits::{self, Limit},
    password_hashes, sessions,
    wallets::{self, Wallet},
};
use tokio::sync::Semaphore;

use crate::{
    Core, LoggedIn, People,
    conflict::again,
    ids::Fresh as _,
    measure::rate_limited,
    old_passwords,
    sessions::{Browser, SessionCookie},
};

/// Sign-ups from one address (five an hour).
const SIGN_UPS: Limit = Limit { name: "signup", window_ms: 3600 * 1000 };
/// Wrong passwords from one address (five in five minutes).
const WRONG_PASSWORDS: Limit = Limit { name: "password", window_ms: 5 * 60 * 1000 };
/// The number of passwords that are hashed at once. Each takes a core and 19 MiB for some tens of
/// milliseconds. A request that waits for its turn holds a connection of the listener, at most for the
/// request timeout.
const HASHED_AT_ONCE: usize = 2;
/// An author may replace a forgotten password within this time after proving their number.
const FRESH_PROOF_MS: i64 = 3600 * 1000;

/// An author's account, as shown to the author.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The id of the author.
    pub id: AuthorId,
    /// The e-mail address.
    pub email: Option<String>,
    /// The phone number.
    pub phone: Option<PhoneE164>,
    /// The language of the texts for the author.
    pub language: Language,
    /// The balance.
    pub wallet: Wallet,
    /// The time of the last exchange of the number for another.
    pub number_changed_at: Option<UnixMillis>,
}

/// The reason why a sign-up, a login or a change of the login was refused.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The address cannot be read.
    #[error(transparent)]
    Email(#[from] EmailError),
    /// The password is not allowed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Another account has this address.
    #[error("the address is taken")]
    EmailTaken,
    /// Unknown address or wrong password; the answer does not tell which of the two.
    #[error("unknown address or wrong password")]
    InvalidCredentials,
    /// A new password requires the old one, or a number proved recently.
    #[error("the old password is missing, and no number was proved lately")]
    ProofNeeded,
    /// The link for a new password is unknown, used or expired.
    #[error("the link opens nothing any more")]
    LinkSpent,
    /// The session has ended in the meantime.
    #[error("the session has ended")]
    SessionEnded,
    /// Too many requests from this address.
    #[error("too many requests")]
    RateLimited {
        /// The number of seconds until the next request is allowed.
        retry_after_s: i64,
    },
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// A password could not be hashed.
    #[error("a password could not be hashed")]
    Hash,
}

/// A hash of the kind that [`Passwords`] makes, compared if there is no real one, so that both take equally
/// long. The result of the comparison is ignored.
const DUMMY_PASSWORD_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$cG9zdGx5IG5vYm9keQ$sfCglMKdUR6MmP53PPvTxfHl6LBl4rxmd6ZQ7EU6gaw";

/// Hashes passwords, at most [`HASHED_AT_ONCE`] at a time.
pub(crate) struct Passwords {
    places: Semaphore,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self { places: Semaphore::new(HASHED_AT_ONCE) }
    }

    pub(crate) async fn hash(&self, password: &str) -> Result<String, AccountError> {
        let password = password.to_owned();
        self.work(move || {
            let hash =
                Argon2::default().hash_password(password.as_bytes()).map_err(|_| AccountError::Hash)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// True if the password matches the hash. `None` takes equally long and never matches.
    pub(crate) async fn is_right(&self, hash: Option<String>, password: &str) -> Result<bool, AccountError> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| DUMMY_PASSWORD_HASH.to_owned());
        let password = password.to_owned();
        let right = self
            .work(move || {
                if old_passwords::is_old(&hash) {
                    return Ok(old_passwords::verify(&password, &hash));
                }
                let parsed = PasswordHash::new(&hash).map_err(|_| AccountError::Hash)?;
                Ok(Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
            })
            .await?;
        Ok(right && known)
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, AccountError> + Send + 'static,
    ) -> Result<T, AccountError> {
        let _place = self.places.acquire().await.map_err(|_| AccountError::Hash)?;
        tokio::task::spawn_blocking(work).await.map_err(|_| AccountError::Hash)?
    }
}

/// Accounts on the web: sign-up, passwords, sessions, profiles and tokens.
#[derive(Clone)]
pub struct Accounts {
    pub(crate) core: Core,
    pub(crate) passwords: Arc<Passwords>,
    pub(crate) people: People,
}

impl Accounts {
    /// Builds the service.
    pub fn new(core: &Core) -> Self {
        Self { core: core.clone(), passwords: Arc::new(Passwords::new()), people: People::new(core) }
    }

    /// Creates a full account and logs its author in.
    ///
    /// # Errors
    /// See [`AccountError`].
    pub async fn sign_up(
        &self,
        email: &str,
        password: &str,
        session: Option<&LoggedIn>,
        browser: &Browser,
    ) -> Result<(SessionCookie, Profile), AccountError> {
        let email = Email::parse(email)?;
        check_password(password, &email)?;
        self.count(SIGN_UPS, browser).await?;
        let hash = self.passwords.hash(password).await?;
        again!(self.add_account(&email, &hash, session, browser))
    }

    async fn add_account(
        &self,
        email: &Email,
        hash: &str,
        session: Option<&LoggedIn>,
        browser: &Browser,
    ) -> Result<(SessionCookie, Profile), AccountError> {
        let mut tx = self.core.db.write().await?;
        // Lock the address first: two concurrent sign-ups with it would otherwise fail at its unique index.
        authors::lock_person(&mut tx, email.as_str()).await?;
        let now = self.core.now();
        let author = authors::add(&mut tx, &AuthorId::fresh(now), Language::Fr, now).await?;
        browser.settle_language(&mut tx, &author.id).await?;
        if !authors::set_login(&mut tx, &author.id, email.as_str(), Some(hash)).await? {
            return Err(AccountError::EmailTaken);
        }
        let opened = self.log_in(&mut tx, &author.id, session, browser, false).await?;
        tx.commit().await?;
        Ok(opened)
    }

    /// Logs an author in by password.
    ///
    /// # Errors
    /// See [`AccountError`].
    pub async fn log_in_by_password(
        &self,
        email: &str,
        password: &str,
        session: Option<&LoggedIn>,
        browser: &Browser,
    ) -> Result<(SessionCookie, Profile), AccountError> {
        // Count before comparing; a right password takes the count back.
        self.count(WRONG_PASSWORDS, browser).await?;
        let known = match Email::parse(email) {
            Ok(email) if password.len() <= postly_domain::login::LONGEST_PASSWORD => {
                let mut tx = self.core.db.read().await?;
                authors::by_email(&mut tx, email.as_str()).await?
            }
            Ok(_) | Err(_) => None,
        };
        let (author, hash) = known.unzip();
        let hash = hash.flatten();
        let right = self.passwords.is_right(hash.clone(), password).await?;
        let (Some(author), true) = (author, right) else { return Err(AccountError::InvalidCredentials) };
        // A hash that came with an import is replaced by one of ours, now that the password is known.
        let replaced = match hash.filter(|hash| old_passwords::is_old(hash)) {
            Some(old) => Some((old, self.passwords.hash(password).await?)),
            None => None,
        };
        again!(self.let_in(&author, replaced.as_ref(), session, browser))
    }

    /// Logs an author in after the password matched. `replaced` holds the imported hash and its replacement.
    async fn let_in(
        &self,
        author: &AuthorId,
        replaced: Option<&(String, String)>,
        session: Option<&LoggedIn>,
        browser: &Browser,
    ) -> Result<(SessionCookie, Profile), AccountError> {
        let mut tx = self.core.db.write().await?;
        if !authors::lock(&mut tx, author).await? {
            // The account was erased while the password was hashed.
            return Err(AccountError::InvalidCredentials);
        }
        limits::take_back(&mut tx, WRONG_PASSWORDS, &self.core.name_hash(&browser.address)).await?;
        if let Some((old, new)) = replaced {
            // Does nothing if the password was changed in the meantime.
            password_hashes::replace(&mut tx, author, old, new).await?;
        }
        let opened = self.log_in(&mut tx, author, session, browser, false).await?;
        tx.commit().await?;
        Ok(opened)
    }

    async fn count(&self, limit: Limit, browser: &Browser) -> Result<(), AccountError> {
        let now = self.core.now();
        let hit = async || {
            let mut tx = self.core.db.write().await?;
            let counted = limits::hit(&mut tx, limit, &self.core.name_hash(&browser.address), now).await?;
            tx.commit().await?;
            Ok::<_, StoreError>(counted)
        };
        let counted = again!(hit())?;
        counted.map_err(|then| {
            rate_limited(limit.name);
            AccountError::RateLimited { retry_after_s: then.secs_from(now) }
        })
    }

    /// Returns an author's account.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn profile(&self, author: &AuthorId) -> Result<Profile, StoreError> {
        let mut tx = self.core.db.read().await?;
        self.profile_of(&mut tx, author).await
    }

    pub(crate) async fn profile_of(&self, tx: &mut Tx, id: &AuthorId) -> Result<Profile, StoreError> {
        let author = authors::get(tx, id).await?.ok_or(StoreError::Unreadable { column: "author_id" })?;
        let identities = identities::of_author(tx, id).await?;
        Ok(Profile {
            id: author.id,
            email: author.email,
            phone: identities.into_iter().find_map(|identity| identity.phone),
            language: author.language,
            wallet: wallets::get(tx, id).await?,
            number_changed_at: authors::number_changed_at(tx, id).await?,
        })
    }

    /// Changes the author's language or login. A new password requires the old one, or a session opened by a
    /// number within the hour; it ends the author's other sessions.
    ///
    /// # Errors
    /// See [`AccountError`].
    pub async fn change_account(
        &self,
        session: &LoggedIn,
        change: &AccountChange<'_>,
        browser: &Browser,
    ) -> Result<Profile, AccountError> {
        let email = change.email.map(Email::parse).transpose()?;
        let mut hash = None;
        if let Some(password) = change.password {
            let owner = match (&email, &session.email) {
                (Some(email), _) => email.clone(),
                (None, Some(email)) => Email::parse(email)?,
                (None, None) => return Err(AccountError::Email(EmailError)),
            };
            check_password(password, &owner)?;
        }
        if change.password.is_some() || email.is_some() {
            self.check_proof(session, change.current_password, browser).await?;
        }
        if let Some(password) = change.password {
            hash = Some(self.passwords.hash(password).await?);
        }
        again!(self.write_change(session, change.language, email.as_ref(), hash.as_deref()))
    }

    /// Writes the change after its checks.
    async fn write_change(
        &self,
        session: &LoggedIn,
        language: Option<Language>,
        email: Option<&Email>,
        hash: Option<&str>,
    ) -> Result<Profile, AccountError> {
        let author = &session.session.author;
        let mut tx = self.core.db.write().await?;
        let is_there = authors::lock(&mut tx, author).await?;
        if !is_there || sessions::find(&mut tx, &session.session.id, self.core.now()).await?.is_none() {
            // The author was merged or erased, or the session was ended, while the password was hashed.
            return Err(AccountError::SessionEnded);
        }
        if let Some(language) = language {
            authors::set_language(&mut tx, author, language, true).await?;
        }
        if let Some(email) = email {
            authors::lock_person(&mut tx, email.as_str()).await?;
            if !authors::set_login(&mut tx, author, email.as_str(), hash).await? {
                return Err(AccountError::EmailTaken);
            }
        } else if let Some(hash) = hash {
            authors::set_password(&mut tx, author, hash).await?;
        }
        if hash.is_some() {
            sessions::end_all(&mut tx, author, Some(&session.session.id)).await?;
        }
        let profile = self.profile_of(&mut tx, author).await?;
        tx.commit().await?;
        Ok(profile)
    }

    async fn check_proof(
        &self,
        session: &LoggedIn,
        current: Option<&str>,
        browser: &Browser,
    ) -> Result<(), AccountError> {
        let proved = session.session.by_whatsapp
            && self.core.now().since_ms(session.session.created_at) < FRESH_PROOF_MS;
        let mut tx = self.core.db.read().await?;
        let hash = authors::password(&mut tx, &session.session.author).await?;
        drop(tx);
        match (current, proved) {
            (_, true) => Ok(()),
            (None, false) => Err(AccountError::ProofNeeded),
            (Some(current), false) => {
                // A stolen session gives no more guesses of the password than the login does.
                self.count(WRONG_PASSWORDS, browser).await?;
                if !self.passwords.is_right(hash, current).await? {
                    return Err(AccountError::InvalidCredentials);
                }
                let take_back = async || {
                    let mut tx = self.core.db.write().await?;
                    limits::take_back(&mut tx, WRONG_PASSWORDS, &self.core.name_hash(&browser.address))
                        .await?;
                    tx.commit().await
                };
                Ok(again!(take_back())?)
            }
        }
    }
}

/// Changes to an account; absent fields stay as they are.
#[derive(Clone, Copy, Default)]
pub struct AccountChange<'a> {
    /// The language of the texts for the author.
    pub language: Option<Language>,
    /// A new address.
    pub email: Option<&'a str>,
    /// A new password.
    pub password: Option<&'a str>,
    /// The current password.
    pub current_password: Option<&'a str>,
}

/// Shows nothing: it holds passwords.
impl std::fmt::Debug for AccountChange<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccountChange")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobodys_hash_costs_what_everybodys_costs() {
        let costs = |hash: &str| {
            let hash = PasswordHash::new(hash).unwrap();
            (hash.algorithm.to_string(), hash.version, hash.params.to_string())
        };
        let everybodys: PasswordHash = Argon2::default().hash_password(b"a password").unwrap();
        assert_eq!(costs(DUMMY_PASSWORD_HASH), costs(&everybodys.to_string()));
        // The comparison runs to its end; the hash is readable.
        let nobodys = PasswordHash::new(DUMMY_PASSWORD_HASH).unwrap();
        assert!(Argon2::default().verify_password(b"nobody has this password", &nobodys).is_ok());
    }
}
