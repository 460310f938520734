//! Secrets: their least lengths, and placeholders, which are refused.

use postly_app::admin::{AdminAccess, AdminAccessError};
use secrecy::SecretString;

use super::Reader;

/// The least lengths, in characters: of secrets that key something of ours or a signature, of a person's
/// password, and of the verify token, which guards a handshake only. Keys of other services have the length
/// that the service gives them.
pub(super) const SHORTEST_SECRET: usize = 16;
const SHORTEST_PASSWORD: usize = 12;
pub(super) const SHORTEST_VERIFY_TOKEN: usize = 8;

/// Returns true for a placeholder of a template or a guide: `changeme`, `default-salt`, `votre-secret-ici`,
/// `your_api_key`, `<token>`, `xxx…`, or the prefix of a service followed by a row of x (`ACxxxxxxxx`,
/// `sk-xxxxxxxx`).
pub(super) fn is_placeholder(value: &str) -> bool {
    const BEGINNINGS: [&str; 10] = [
        "changeme",
        "change-me",
        "change_me",
        "default-salt",
        "votre-",
        "votre_",
        "your-",
        "your_",
        "xxx",
        "<",
    ];
    let plain = value.to_lowercase();
    BEGINNINGS.iter().any(|beginning| plain.starts_with(beginning)) || plain.contains("xxxxxx")
}

impl Reader {
    pub(super) fn secret_of(&mut self, name: &str, shortest: usize, value: &str) -> SecretString {
        if is_placeholder(value) {
            self.fault(format!("{name} is a placeholder: put the real one"));
        } else if value.chars().count() < shortest {
            self.fault(format!("{name} is too short: at least {shortest} characters"));
        }
        SecretString::from(value.to_owned())
    }

    /// Reads a key of another service, which decides its length.
    pub(super) fn maybe_key(&mut self, name: &str) -> Option<SecretString> {
        let value = self.get(name)?;
        Some(self.secret_of(name, 1, &value))
    }

    /// Reads a secret that may be absent.
    pub(super) fn maybe_secret(&mut self, name: &str) -> Option<SecretString> {
        let value = self.get(name)?;
        Some(self.secret_of(name, SHORTEST_SECRET, &value))
    }

    /// Reads a secret that may be a list, newest first.
    pub(super) fn maybe_secrets(&mut self, name: &str) -> Option<Vec<SecretString>> {
        let value = self.get(name)?;
        let parts: Vec<&str> = value.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        if parts.is_empty() {
            self.fault(format!("{name} holds no secret: separate several by commas, newest first"));
        }
        Some(parts.into_iter().map(|part| self.secret_of(name, SHORTEST_SECRET, part)).collect())
    }

    pub(super) fn required_secrets(&mut self, name: &str) -> Vec<SecretString> {
        let found = self.maybe_secrets(name);
        self.required(name, found).unwrap_or_default()
    }

    pub(crate) fn required<T>(&mut self, name: &str, found: Option<T>) -> Option<T> {
        if found.is_none() {
            self.fault(format!("{name} is missing: a random text of at least {SHORTEST_SECRET} characters"));
        }
        found
    }

    /// The proof that opens the operator's pages; `None` without a password.
    pub(super) fn admin_access(&mut self) -> Option<AdminAccess> {
        const PASSWORD: &str = "ADMIN_PASSWORD";
        const TOTP: &str = "ADMIN_TOTP_SECRET";
        let password = self.get(PASSWORD);
        let totp = self.get(TOTP).map(|secret| self.secret_of(TOTP, 1, &secret));
        let Some(password) = password else {
            if totp.is_some() {
                self.fault(format!("{TOTP} is set, but {PASSWORD} is not: it adds to a password"));
            }
            return None;
        };
        let password = self.secret_of(PASSWORD, SHORTEST_PASSWORD, &password);
        match AdminAccess::new(password, totp.as_ref()) {
            Ok(access) => Some(access),
            Err(error) => {
                let name = if error == AdminAccessError::Totp { TOTP } else { PASSWORD };
                self.fault(format!("{name} cannot be read: {error}"));
                None
            }
        }
    }

    /// The key of the hashes of numbers that are kept for ever. It is never rotated, so it is not a list: a
    /// comma is part of it.
    pub(crate) fn identity_hash_key(&mut self) -> Option<SecretString> {
        self.maybe_secret("IDENTITY_HASH_KEY")
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::read;

    const TWILIO: [(&str, Option<&str>); 4] = [
        ("WHATSAPP_PROVIDER", Some("meta")),
        ("TWILIO_ACCOUNT_SID", Some("AC00000000000000000000000000000001")),
        ("TWILIO_AUTH_TOKEN", Some("0123456789abcdef0123456789abcdef")),
        ("TWILIO_WHATSAPP_FROM", Some("whatsapp:+14155238886")),
    ];

    const STRIPE: [(&str, Option<&str>); 2] = [
        ("STRIPE_SECRET_KEY", Some("sk_test_4eC39HqLyjWDarjtT1zdp7dc")),
        ("STRIPE_WEBHOOK_SECRET", Some("whsec_0123456789abcdef")),
    ];

    #[test]
    fn w10_a_placeholder_is_refused_wherever_a_secret_stands() {
        let names = [
            "OTP_SALT",
            "IDENTITY_HASH_KEY",
            "NEXTAUTH_SECRET",
            "META_ACCESS_TOKEN",
            "META_VERIFY_TOKEN",
            "META_APP_SECRET",
            "TWILIO_ACCOUNT_SID",
            "TWILIO_AUTH_TOKEN",
            "ADMIN_PASSWORD",
            "STRIPE_SECRET_KEY",
            "STRIPE_WEBHOOK_SECRET",
            "OPENAI_API_KEY",
            "OPENAI_FALLBACK_API_KEY",
        ];
        for value in [
            "changeme",
            "ChangeMe-please-0123456789",
            "change-me-0123456789",
            "default-salt",
            "votre-secret-nextauth-ici",
            "VOTRE_CLE_API_0123456789",
            "your-secret-key-0123456789",
            "your_api_key_0123456789",
            "xxxxxxxxxxxxxxxxxxxxxxxx",
            "XXX-0123456789-0123456789",
            "ACxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "sk-xxxxxxxxxxxxxxxxxxxx",
            "<your token, 0123456789>",
        ] {
            for name in names {
                let all =
                    read(&[&TWILIO[..], &STRIPE, &[(name, Some(value))]].concat()).unwrap_err().join("\n");
                assert!(all.contains(&format!("{name} is a placeholder")), "{name}: {all}");
                assert!(!all.contains(value), "{name}: {all}");
            }
        }
        // A placeholder in a list, after a good secret.
        let rotated = read(&[("OTP_SALT", Some("a-pepper-of-some-length,changeme"))]).unwrap_err();
        assert_eq!(rotated, ["OTP_SALT is a placeholder: put the real one"]);
    }

    #[test]
    fn each_secret_has_its_shortest_length() {
        let check = |name: &str, shortest: usize| {
            let of = |length: usize| {
                let value = "s3cret-".repeat(9).get(..length).unwrap().to_owned();
                read(&[&TWILIO[..], &STRIPE, &[(name, Some(value.as_str()))]].concat())
            };
            assert!(of(shortest).is_ok(), "{name}: {:?}", of(shortest).err());
            if shortest > 1 {
                let faults = of(shortest - 1).unwrap_err();
                assert_eq!(faults, [format!("{name} is too short: at least {shortest} characters")]);
            }
        };
        for name in [
            "OTP_SALT",
            "IDENTITY_HASH_KEY",
            "NEXTAUTH_SECRET",
            "META_APP_SECRET",
            "TWILIO_AUTH_TOKEN",
            "STRIPE_WEBHOOK_SECRET",
        ] {
            check(name, 16);
        }
        check("ADMIN_PASSWORD", 12);
        check("META_VERIFY_TOKEN", 8);
        check("META_ACCESS_TOKEN", 1);
        check("STRIPE_SECRET_KEY", 1);
        // A password may hold commas: it is not a list.
        assert!(read(&[("ADMIN_PASSWORD", Some("a, b, c, d, e"))]).is_ok());
    }

    #[test]
    fn the_operators_pages_are_opened_by_a_password_or_its_hash_and_a_second_factor_adds_to_it() {
        const HASH: &str =
            "$argon2id$v=19$m=19456,t=2,p=1$cG9zdGx5IG5vYm9keQ$sfCglMKdUR6MmP53PPvTxfHl6LBl4rxmd6ZQ7EU6gaw";
        let check = |password: Option<&str>, totp: Option<&str>| {
            read(&[("ADMIN_PASSWORD", password), ("ADMIN_TOTP_SECRET", totp)])
        };
        assert!(check(None, None).unwrap().admin.is_none());
        for password in [HASH, "un mot de passe"] {
            assert!(check(Some(password), None).unwrap().admin.is_some_and(|access| !access.asks_code()));
            let both = check(Some(password), Some("JBSWY3DPEHPK3PXP")).unwrap();
            assert!(both.admin.is_some_and(|access| access.asks_code()));
        }
        for (password, totp, fault) in [
            (Some("$argon2id$v=19$broken"), None, "ADMIN_PASSWORD cannot be read: it begins like a hash"),
            (Some("un mot de passe"), Some("0189"), "ADMIN_TOTP_SECRET cannot be read: it is not base32"),
            (None, Some("JBSWY3DPEHPK3PXP"), "ADMIN_TOTP_SECRET is set, but ADMIN_PASSWORD is not"),
        ] {
            let faults = check(password, totp).unwrap_err();
            assert!(faults.len() == 1 && faults[0].starts_with(fault), "{faults:?}");
        }
    }

    #[test]
    fn half_of_stripe_is_refused() {
        for [(name, _), (missing, _)] in [STRIPE, [STRIPE[1], STRIPE[0]]] {
            let value = STRIPE.iter().find(|(known, _)| *known == name).and_then(|(_, value)| *value);
            let faults = read(&[(name, value)]).unwrap_err();
            assert!(
                faults.len() == 1 && faults[0].starts_with(&format!("{missing} is missing")),
                "{faults:?}"
            );
        }
        assert!(read(&STRIPE).is_ok());
    }
}
