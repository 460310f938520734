//! The proof that opens the operator's pages: `ADMIN_PASSWORD` and `ADMIN_TOTP_SECRET`.

use argon2::password_hash::phc::PasswordHash;
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use super::totp::TotpSecret;
use crate::seal::{keyed_hash, plain_hash};

/// The prefix by which a configured password is read as a hash.
const HASH_SIGN: &str = "$argon2";

/// The reason why the configured values cannot open the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AdminAccessError {
    /// The password begins like an Argon2 hash and is not a valid Argon2id hash.
    #[error("it begins like a hash of Argon2 and is none of Argon2id in the PHC form ($argon2id$v=19$m=...)")]
    Hash,
    /// The secret is not base32, or has fewer than 80 bits.
    #[error("it is not base32 of at least 16 characters")]
    Totp,
}

/// The password of the pages, or its hash, and the secret of the second factor.
#[derive(Clone)]
pub struct AdminAccess {
    password: SecretString,
    is_hash: bool,
    totp: Option<TotpSecret>,
    /// Keys the hashes of session tokens: another password or secret ends every session.
    key: SecretString,
}

/// Shows nothing: it holds a password.
impl std::fmt::Debug for AdminAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AdminAccess")
    }
}

impl AdminAccess {
    /// Reads a password or its Argon2id hash, and the secret of the second factor, if there is one.
    ///
    /// # Errors
    /// See [`AdminAccessError`].
    pub fn new(password: SecretString, totp: Option<&SecretString>) -> Result<Self, AdminAccessError> {
        let is_hash = password.expose_secret().starts_with(HASH_SIGN);
        if is_hash && !is_argon2id(password.expose_secret()) {
            return Err(AdminAccessError::Hash);
        }
        let secret = totp.map_or("", |totp| totp.expose_secret());
        let key = SecretString::from(format!("admin-session\n{secret}\n{}", password.expose_secret()));
        let totp = totp.map(|totp| TotpSecret::parse(totp.expose_secret()).ok_or(AdminAccessError::Totp));
        Ok(Self { password, is_hash, totp: totp.transpose()?, key })
    }

    /// The hash to compare with, if the password is configured by it.
    pub(super) fn password_hash(&self) -> Option<&str> {
        self.is_hash.then(|| self.password.expose_secret())
    }

    /// True if the password is configured in clear and matches. The time does not depend on the result.
    pub(super) fn is_password(&self, typed: &str) -> bool {
        let [ours, theirs] = [self.password.expose_secret(), typed].map(plain_hash);
        !self.is_hash && ours.as_bytes().ct_eq(theirs.as_bytes()).into()
    }

    pub(super) fn totp(&self) -> Option<&TotpSecret> {
        self.totp.as_ref()
    }

    /// True if the login asks for a code of the second factor.
    pub fn asks_code(&self) -> bool {
        self.totp.is_some()
    }

    /// The name of a session in the database.
    pub(super) fn token_hash(&self, token: &str) -> String {
        keyed_hash(&self.key, token)
    }

    /// The text that each form of the browser with this token carries: another site cannot read it.
    pub fn form_token(&self, token: &str) -> String {
        keyed_hash(&self.key, &format!("form:{token}"))
    }

    /// True if a form carries the text of this browser. The time does not depend on the result.
    pub fn is_form_token(&self, token: &str, sent: &str) -> bool {
        self.form_token(token).as_bytes().ct_eq(sent.as_bytes()).into()
    }
}

fn is_argon2id(hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|parsed| parsed.algorithm.as_str() == "argon2id" && parsed.hash.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(password: &str, totp: Option<&str>) -> Result<AdminAccess, AdminAccessError> {
        let totp = totp.map(|totp| SecretString::from(totp.to_owned()));
        AdminAccess::new(SecretString::from(password.to_owned()), totp.as_ref())
    }

    #[test]
    fn what_looks_like_a_hash_is_one_of_argon2id_or_refused() {
        const HASH: &str =
            "$argon2id$v=19$m=19456,t=2,p=1$cG9zdGx5IG5vYm9keQ$sfCglMKdUR6MmP53PPvTxfHl6LBl4rxmd6ZQ7EU6gaw";
        assert!(access(HASH, None).is_ok_and(|access| access.password_hash() == Some(HASH)));
        let plain = access("un mot de passe à nous", None).unwrap();
        assert!(plain.password_hash().is_none() && plain.is_password("un mot de passe à nous"));
        assert!(!plain.is_password("un mot de passe à vous"));
        assert!(!access(HASH, None).unwrap().is_password(HASH), "a stolen hash opens nothing");
        for broken in [
            "$argon2id$",
            "$argon2i$v=19$m=19456,t=2,p=1$cG9zdGx5IG5vYm9keQ$sfCglMKdUR6MmP53PPvTxfHl6LBl4rxmd6ZQ7EU6gaw",
            "$argon2id$v=19$m=19456,t=2,p=1$cG9zdGx5IG5vYm9keQ",
        ] {
            assert_eq!(access(broken, None).err(), Some(AdminAccessError::Hash), "{broken}");
        }
        assert_eq!(access("un mot de passe", Some("not base32!")).err(), Some(AdminAccessError::Totp));
    }

    #[test]
    fn another_password_or_secret_knows_no_session_of_before() {
        let all = [
            access("password one", None),
            access("password two", None),
            access("password one", Some("JBSWY3DPEHPK3PXP")),
        ];
        let hashes: Vec<String> =
            all.iter().map(|access| access.as_ref().unwrap().token_hash("token")).collect();
        assert!(hashes[0] != hashes[1] && hashes[0] != hashes[2] && hashes[1] != hashes[2]);
        let access = all[0].as_ref().unwrap();
        assert!(access.is_form_token("token", &access.form_token("token")));
        assert!(
            !access.is_form_token("token", &access.form_token("other")) && !access.is_form_token("token", "")
        );
    }
}
