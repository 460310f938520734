//! The login of the operator's pages: a name, the password, and the code of the second factor.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use postly_domain::{AdminAction, OperatorName, login::LONGEST_PASSWORD};
use postly_store::{
    StoreError, admin_sessions,
    limits::{self, Limit},
};

use super::{Act, AdminAccess};
use crate::{AccountError, Admin, NoRandomness, conflict::again, measure::rate_limited, seal::random};

/// Failed logins from one address (five in five minutes).
const WRONG_LOGINS: Limit = Limit { name: "admin", window_ms: 5 * 60 * 1000 };
/// The lifetime of a session: a day of work.
pub const SESSION_MS: i64 = 12 * 3600 * 1000;

/// An attempt to log in.
#[derive(Clone, Copy)]
pub struct AdminLogin<'a> {
    /// The name for the audit log.
    pub name: &'a str,
    /// The password.
    pub password: &'a str,
    /// The code of the second factor; empty if none was asked for.
    pub code: &'a str,
    /// The address of the client, or its network.
    pub address: &'a str,
}

/// Shows nothing: it holds a password.
impl std::fmt::Debug for AdminLogin<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AdminLogin")
    }
}

/// The reason why a login was refused.
#[derive(Debug, thiserror::Error)]
pub enum AdminLoginError {
    /// The name is empty, too long, or not a single line.
    #[error("the name is empty, too long or no line")]
    Name,
    /// The password or the code is wrong; the answer does not tell which of the two.
    #[error("wrong password or code")]
    Wrong,
    /// Too many failed logins from this address.
    #[error("too many failed logins")]
    RateLimited {
        /// The number of seconds until the next login is allowed.
        retry_after_s: i64,
    },
    /// The password could not be compared.
    #[error("the password could not be compared")]
    Compare(#[source] AccountError),
    /// No random bytes could be drawn.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
}

/// A session that was just opened.
pub struct NewAdminSession {
    /// The secret for the cookie.
    pub token: String,
    /// The operator.
    pub operator: OperatorName,
}

/// A browser in which an operator is logged in.
#[derive(Debug, Clone)]
pub struct AdminSession {
    /// The operator.
    pub operator: OperatorName,
}

impl Admin {
    /// Returns a secret for a browser that has not logged in yet; its first form is bound to it.
    ///
    /// # Errors
    /// Fails if no random bytes can be drawn.
    pub fn admin_token() -> Result<String, NoRandomness> {
        Ok(BASE64_URL_SAFE_NO_PAD.encode(random::<32>()?))
    }

    /// Logs an operator in. A failed login is counted and recorded; a code of the second factor is accepted
    /// once.
    ///
    /// # Errors
    /// See [`AdminLoginError`].
    pub async fn admin_log_in(
        &self,
        access: &AdminAccess,
        login: &AdminLogin<'_>,
    ) -> Result<NewAdminSession, AdminLoginError> {
        let operator = OperatorName::parse(login.name).ok_or(AdminLoginError::Name)?;
        self.count_admin_login(login.address).await?;
        let is_right = match access.password_hash() {
            _ if login.password.len() > LONGEST_PASSWORD => false,
            None => access.is_password(login.password),
            Some(hash) => {
                let compared = self.passwords.is_right(Some(hash.to_owned()), login.password).await;
                compared.map_err(AdminLoginError::Compare)?
            }
        };
        let step = access.totp().map(|secret| secret.step_of(login.code, self.core.now()));
        let opened = match (is_right, step) {
            (true, None) => again!(self.open_admin_session(access, &operator, None, login.address))?,
            (true, Some(Some(step))) => {
                again!(self.open_admin_session(access, &operator, Some(step), login.address))?
            }
            (false, _) | (true, Some(None)) => None,
        };
        if opened.is_none() {
            let act = Act { operator: &operator, action: AdminAction::LogIn, subject: "", note: "" };
            let record = async || {
                let mut tx = self.core.db.write().await?;
                // The name is not recorded: a password may have been typed in its place.
                self.record_act(&mut tx, "", &act, Some("failed")).await?;
                tx.commit().await
            };
            again!(record())?;
            tracing::info!("A login of the operator's pages failed");
        }
        opened.ok_or(AdminLoginError::Wrong)
    }

    async fn count_admin_login(&self, address: &str) -> Result<(), AdminLoginError> {
        let now = self.core.now();
        let hit = async || {
            let mut tx = self.core.db.write().await?;
            let counted = limits::hit(&mut tx, WRONG_LOGINS, &self.core.name_hash(address), now).await?;
            tx.commit().await?;
            Ok::<_, StoreError>(counted)
        };
        again!(hit())?.map_err(|then| {
            rate_limited(WRONG_LOGINS.name);
            AdminLoginError::RateLimited { retry_after_s: then.secs_from(now) }
        })
    }

    /// Opens a session after a right password. `None` if the code of this step was used before.
    async fn open_admin_session(
        &self,
        access: &AdminAccess,
        operator: &OperatorName,
        step: Option<i64>,
        address: &str,
    ) -> Result<Option<NewAdminSession>, AdminLoginError> {
        let token = Self::admin_token()?;
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        if let Some(step) = step
            && !admin_sessions::accept_step(&mut tx, step).await?
        {
            return Ok(None);
        }
        limits::take_back(&mut tx, WRONG_LOGINS, &self.core.name_hash(address)).await?;
        let hash = access.token_hash(&token);
        admin_sessions::open(&mut tx, &hash, operator.as_str(), now, now.plus_ms(SESSION_MS)).await?;
        let act = Act { operator, action: AdminAction::LogIn, subject: "", note: "" };
        self.record_act(&mut tx, operator.as_str(), &act, Some("done")).await?;
        tx.commit().await?;
        tracing::info!("An operator logged in to the pages");
        Ok(Some(NewAdminSession { token, operator: operator.clone() }))
    }

    /// Returns the session of a browser with this token; `None` if it has ended.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn admin_session(
        &self,
        access: &AdminAccess,
        token: &str,
    ) -> Result<Option<AdminSession>, StoreError> {
        let mut tx = self.core.db.read().await?;
        let found = admin_sessions::operator(&mut tx, &access.token_hash(token), self.core.now()).await?;
        Ok(found.and_then(|name| OperatorName::parse(&name)).map(|operator| AdminSession { operator }))
    }

    /// Ends the session of a browser.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn admin_log_out(
        &self,
        access: &AdminAccess,
        session: &AdminSession,
        token: &str,
    ) -> Result<(), StoreError> {
        let act = Act { operator: &session.operator, action: AdminAction::LogOut, subject: "", note: "" };
        let end = async || {
            let mut tx = self.core.db.write().await?;
            if admin_sessions::end(&mut tx, &access.token_hash(token)).await? {
                self.record_act(&mut tx, session.operator.as_str(), &act, Some("done")).await?;
            }
            tx.commit().await
        };
        again!(end())
    }
}
