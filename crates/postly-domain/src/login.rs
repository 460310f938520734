//! The credentials of a web login: an e-mail address and a password.

/// An e-mail address, in the compared form: in lower case.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

/// The reason why a text is no e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no e-mail address we can read; write it as in name@example.com")]
pub struct EmailError;

impl Email {
    /// Reads an address that a person typed. It does not check that the mailbox exists.
    ///
    /// # Errors
    /// Fails if the text has not one `@` between two parts, the second with a dot; if it is longer than RFC
    /// 5321 allows (64 and 254 bytes); if it has spaces, quotes or control characters.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let text = text.trim().to_lowercase();
        let (name, domain) = text.rsplit_once('@').ok_or(EmailError)?;
        let plain = |c: char| {
            !c.is_whitespace() && !c.is_control() && !matches!(c, '@' | '"' | '<' | '>' | ',' | ';')
        };
        let is_domain = domain.split('.').count() > 1 && domain.split('.').all(|label| !label.is_empty());
        if name.is_empty()
            || name.len() > 64
            || text.len() > 254
            || !is_domain
            || !name.chars().all(plain)
            || !domain.chars().all(plain)
        {
            return Err(EmailError);
        }
        Ok(Self(text))
    }

    /// The address. Never for a log.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Email")
    }
}

/// The shortest password, in characters (NIST SP 800-63B, 3.1.1.2, if other ways of login exist).
pub const SHORTEST_PASSWORD: usize = 8;
/// The longest password, in bytes: it bounds the hashing work that a stranger can cause.
pub const LONGEST_PASSWORD: usize = 256;

/// The reason why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Shorter than [`SHORTEST_PASSWORD`] characters.
    #[error("the password must have at least 8 characters")]
    TooShort,
    /// Longer than [`LONGEST_PASSWORD`] bytes.
    #[error("the password must have at most 256 bytes")]
    TooLong,
    /// One of the most common passwords.
    #[error("this password is among those that are tried first; choose another")]
    TooCommon,
}

/// Checks a new password: long enough, and not among the most common ones. There are no rules of composition
/// (NIST SP 800-63B).
///
/// # Errors
/// See [`PasswordError`].
pub fn check_password(password: &str, email: &Email) -> Result<(), PasswordError> {
    const COMMON: [&str; 12] = [
        "password",
        "password1",
        "12345678",
        "123456789",
        "1234567890",
        "azertyuiop",
        "qwertyuiop",
        "motdepasse",
        "iloveyou",
        "11111111",
        "00000000",
        "postly-ai",
    ];
    if password.chars().count() < SHORTEST_PASSWORD {
        return Err(PasswordError::TooShort);
    }
    if password.len() > LONGEST_PASSWORD {
        return Err(PasswordError::TooLong);
    }
    let lower = password.to_lowercase();
    if COMMON.contains(&lower.as_str()) || lower == email.as_str() {
        return Err(PasswordError::TooCommon);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_people_write_it() {
        for (typed, read) in [
            ("fatou@example.com", Some("fatou@example.com")),
            (" Fatou.Diop+web@Example.CO.UK ", Some("fatou.diop+web@example.co.uk")),
            ("fatou@exämple.fr", Some("fatou@exämple.fr")),
            ("fatou", None),
            ("@example.com", None),
            ("fatou@example", None),
            ("fatou@example..com", None),
            ("fa tou@example.com", None),
            ("a@b@example.com", None),
            ("fatou@example.com\r\nbcc: all", None),
            ("", None),
        ] {
            assert_eq!(Email::parse(typed).ok().as_ref().map(Email::as_str), read, "{typed:?}");
        }
        assert!(Email::parse(&format!("{}@example.com", "a".repeat(65))).is_err());
    }

    #[test]
    fn a_password_is_long_enough_and_not_everybodys() {
        let email = Email::parse("fatou@example.com").unwrap();
        for (password, expected) in [
            ("un croissant doré", Ok(())),
            ("été 2026", Ok(())),
            ("court", Err(PasswordError::TooShort)),
            ("PassWord", Err(PasswordError::TooCommon)),
            ("Fatou@example.com", Err(PasswordError::TooCommon)),
        ] {
            assert_eq!(check_password(password, &email), expected, "{password}");
        }
        assert_eq!(check_password(&"a".repeat(257), &email), Err(PasswordError::TooLong));
    }
}
