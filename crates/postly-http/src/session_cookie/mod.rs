//! The session cookie in the format of NextAuth v4: a site with NextAuth and the same secret shares our
//! sessions.
//!
//! The formats are those of next-auth 4.24.15 and @auth/core 0.41.3 (Auth.js v5). `cargo xtask oracles`
//! generates the tokens of `testdata/session_cookie/vectors.json` with both, and reads our tokens with
//! next-auth.

mod claims;
mod jar;
mod jwe;
mod keys;

use std::{fmt, sync::Arc};

use axum::http::{HeaderMap, HeaderValue};
use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter};
use secrecy::{ExposeSecret as _, SecretString};

pub use self::claims::Claims;
use self::{
    jwe::{Encryption, Jwe},
    keys::Keys,
};

/// The names of the cookie in NextAuth v4 and Auth.js v5.
#[derive(Debug, Clone, Copy)]
struct Names {
    v4: &'static str,
    v5: &'static str,
}

const HTTP: Names = Names { v4: "next-auth.session-token", v5: "authjs.session-token" };
/// A browser accepts a cookie with this prefix only over https, and only with `Secure`.
const HTTPS: Names = Names { v4: "__Secure-next-auth.session-token", v5: "__Secure-authjs.session-token" };

/// The reason why no cookie was issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// No secret was given, or only empty ones.
    #[error("there is no secret to seal a session cookie with")]
    NoSecret,
    /// The operating system gave no random numbers.
    #[error("cannot draw random numbers for a session cookie")]
    Random(#[from] getrandom::Error),
    /// The session ends after the year 9999, or at another time without a date.
    #[error("cannot write when the session cookie expires")]
    Expiry(#[source] jiff::Error),
    /// The claims exceed the limit of a token, 64 GB.
    #[error("cannot seal a session cookie")]
    Seal,
}

/// The keys derived from `NEXTAUTH_SECRET`, and the cookie names for our address.
///
/// Clones share the keys. `Debug` prints none of them.
#[derive(Clone)]
pub struct CookieKeys {
    keys: Arc<[Keys]>,
    names: Names,
    is_https: bool,
}

impl CookieKeys {
    /// Derives the keys of `secrets`, which are the configured texts, the newest first. The newest encrypts;
    /// all decrypt. Empty secrets are left out because they protect nothing. `https` is true if browsers
    /// reach the service over https.
    pub fn new(secrets: &[SecretString], https: bool) -> Self {
        let names = if https { HTTPS } else { HTTP };
        let keys =
            secrets.iter().filter_map(|secret| Keys::derive(secret.expose_secret(), names.v5)).collect();
        Self { keys, names, is_https: https }
    }

    /// Returns `next-auth.session-token`, or `__Secure-next-auth.session-token` on https.
    pub fn name(&self) -> &'static str {
        self.names.v4
    }

    /// Returns the `Set-Cookie` of a new session, encrypted as in NextAuth v4 under the newest secret, with a
    /// new id (`jti`). The cookie is sent to this host only, and lasts as long as the claims.
    ///
    /// Send [`Self::clear_chunks`] along with it.
    pub fn issue(&self, claims: &Claims) -> Result<HeaderValue, IssueError> {
        let newest = self.keys.first().ok_or(IssueError::NoSecret)?;
        // 96 random bits: NIST SP 800-38D, 8.3, allows 2^32 of them per key.
        let mut iv = [0; jwe::GCM_IV_BYTES];
        getrandom::fill(&mut iv)?;
        let token = jwe::seal(&newest.v4, iv, &claims.to_payload()).ok_or(IssueError::Seal)?;
        let expires = Timestamp::from_second(claims.expires_at_s)
            .and_then(|at| DateTimePrinter::new().timestamp_to_rfc9110_string(&at))
            .map_err(IssueError::Expiry)?;
        let life_s = claims.expires_at_s.saturating_sub(claims.issued_at_s).max(0);
        self.set(self.names.v4, &token, &expires, life_s).ok_or(IssueError::Seal)
    }

    /// Returns the `Set-Cookie`s that end a session in the browser: they remove the cookie, and its pieces
    /// found in the request.
    pub fn clear(&self, request: &HeaderMap) -> Vec<HeaderValue> {
        let mut cookies = self.clear_chunks(request);
        cookies.extend(self.remove(self.names.v4));
        cookies
    }

    /// Returns the `Set-Cookie`s that remove the pieces of an older, longer cookie found in the request.
    /// NextAuth would read them and a new cookie as one token.
    pub fn clear_chunks(&self, request: &HeaderMap) -> Vec<HeaderValue> {
        jar::chunk_names(request, self.names.v4).iter().filter_map(|name| self.remove(name)).collect()
    }

    /// Returns the claims of the NextAuth v4 cookie that is valid at `now_s`, in seconds since the epoch.
    /// With several valid cookies, the first counts.
    pub fn read(&self, request: &HeaderMap, now_s: i64) -> Option<Claims> {
        self.read_each(request, now_s).next()
    }

    /// Like [`Self::read`], with the Auth.js v5 cookie as fallback. For requests that may use the session of
    /// another site.
    pub fn read_shared(&self, request: &HeaderMap, now_s: i64) -> Option<Claims> {
        self.read_each_shared(request, now_s).next()
    }

    /// Returns the claims of each valid NextAuth v4 cookie. Two cookies of this name come from two paths or
    /// domains, and an outdated one may be first. Cookies of the other scheme (with or without `__Secure-`)
    /// are ignored, because a cookie that an unencrypted page can set must not log in to an encrypted one.
    pub fn read_each(&self, request: &HeaderMap, now_s: i64) -> impl Iterator<Item = Claims> {
        let tokens = jar::tokens(request, self.names.v4).into_iter();
        tokens.filter_map(move |token| Claims::from_payload(&self.open_v4(&Jwe::parse(&token)?)?, now_s))
    }

    /// Like [`Self::read_each`], followed by the claims of the Auth.js v5 cookies.
    pub fn read_each_shared(&self, request: &HeaderMap, now_s: i64) -> impl Iterator<Item = Claims> {
        let tokens = jar::tokens(request, self.names.v5).into_iter();
        let v5 =
            tokens.filter_map(move |token| Claims::from_payload(&self.open_v5(&Jwe::parse(&token)?)?, now_s));
        self.read_each(request, now_s).chain(v5)
    }

    /// Tries every secret, even after a match, so that the time does not reveal the matching one.
    fn open_v4(&self, jwe: &Jwe<'_>) -> Option<Vec<u8>> {
        if jwe.encryption != Encryption::A256Gcm || jwe.kid.is_some() {
            return None;
        }
        self.keys.iter().fold(None, |found, keys| {
            let opened = jwe.open_gcm(&keys.v4);
            found.or(opened)
        })
    }

    /// Selects the secret by `kid`. Without a `kid` only the newest is tried, as in Auth.js.
    fn open_v5(&self, jwe: &Jwe<'_>) -> Option<Vec<u8>> {
        let keys = match &jwe.kid {
            Some(kid) => self.keys.iter().find(|keys| keys.v5_thumbprint(jwe.encryption) == kid),
            None => self.keys.first(),
        }?;
        match jwe.encryption {
            Encryption::A256CbcHs512 => jwe.open_cbc(&keys.v5_cbc),
            Encryption::A256Gcm => jwe.open_gcm(&keys.v5_gcm),
        }
    }

    fn remove(&self, name: &str) -> Option<HeaderValue> {
        self.set(name, "", "Thu, 01 Jan 1970 00:00:00 GMT", 0)
    }

    /// Returns a `Set-Cookie`, or `None` if a header cannot hold the values. They are ASCII, so it can.
    fn set(&self, name: &str, value: &str, expires: &str, life_s: i64) -> Option<HeaderValue> {
        let secure = if self.is_https { "; Secure" } else { "" };
        let text = format!(
            "{name}={value}; Path=/; Expires={expires}; Max-Age={life_s}; HttpOnly{secure}; SameSite=Lax"
        );
        let mut header = HeaderValue::try_from(text).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

impl fmt::Debug for CookieKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieKeys")
            .field("name", &self.names.v4)
            .field("secrets", &self.keys.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_not_printed() {
        let keys = CookieKeys::new(&["a secret of the tests".into(), "another".into()], true);
        assert_eq!(
            format!("{keys:?}"),
            "CookieKeys { name: \"__Secure-next-auth.session-token\", secrets: 2, .. }"
        );
    }

    #[test]
    fn without_a_secret_nothing_is_sealed_and_nothing_opens() {
        let claims = Claims {
            sub: "author-1".into(),
            sid: None,
            email: None,
            issued_at_s: 1_800_000_000,
            expires_at_s: 1_800_000_060,
        };
        for secrets in [&[][..], &["".into()]] {
            let keys = CookieKeys::new(secrets, false);
            assert!(matches!(keys.issue(&claims), Err(IssueError::NoSecret)));
            assert_eq!(keys.read(&HeaderMap::new(), 1_800_000_000), None);
        }
    }

    #[test]
    fn a_session_without_an_end_that_has_a_date_gets_no_cookie() {
        let keys = CookieKeys::new(&["a secret of the tests".into()], false);
        let claims = |expires_at_s| Claims {
            sub: "author-1".into(),
            sid: None,
            email: None,
            issued_at_s: 1_800_000_000,
            expires_at_s,
        };
        for expires_at_s in [i64::MAX, i64::MIN, 253_500_000_000] {
            assert!(matches!(keys.issue(&claims(expires_at_s)), Err(IssueError::Expiry(_))));
        }
        assert!(keys.issue(&claims(1_800_000_060)).is_ok());
    }
}
