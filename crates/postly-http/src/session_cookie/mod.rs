//! The session cookie, as NextAuth v4 writes it: a site with NextAuth and the same secret shares our sessions.
//!
//! The formats are those of next-auth 4.24.15 and @auth/core 0.41.3 (Auth.js v5). `cargo xtask oracles` has both
//! make the tokens of `testdata/session_cookie/vectors.json`, and has next-auth read ours.

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

/// The names that a cookie has, of NextAuth v4 and of Auth.js v5.
#[derive(Debug, Clone, Copy)]
struct Names {
    v4: &'static str,
    v5: &'static str,
}

const HTTP: Names = Names { v4: "next-auth.session-token", v5: "authjs.session-token" };
/// A browser takes a cookie with this prefix only over https, and only with `Secure`.
const HTTPS: Names = Names { v4: "__Secure-next-auth.session-token", v5: "__Secure-authjs.session-token" };

/// Why there is no cookie.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// No secret was given that has any text.
    #[error("there is no secret to seal a session cookie with")]
    NoSecret,
    /// The system gave no random numbers.
    #[error("cannot draw random numbers for a session cookie")]
    Random(#[from] getrandom::Error),
    /// The session ends at a time that has no date (after the year 9999).
    #[error("cannot write when the session cookie expires")]
    Expiry(#[source] jiff::Error),
    /// The claims fit no token, which are of 64 GB.
    #[error("cannot seal a session cookie")]
    Seal,
}

/// The keys that are derived from `NEXTAUTH_SECRET`, and the names that cookies have under our address.
///
/// A clone shares the keys. What `Debug` prints holds none.
#[derive(Clone)]
pub struct CookieKeys {
    keys: Arc<[Keys]>,
    names: Names,
    is_https: bool,
}

impl CookieKeys {
    /// `secrets` are the texts as they were configured, the newest first: it seals, and the others still open. An empty
    /// one is left out, for everybody knows it. `https` tells how browsers reach us.
    pub fn new(secrets: &[SecretString], https: bool) -> Self {
        let names = if https { HTTPS } else { HTTP };
        let keys =
            secrets.iter().filter_map(|secret| Keys::derive(secret.expose_secret(), names.v5)).collect();
        Self { keys, names, is_https: https }
    }

    /// `next-auth.session-token`, on https `__Secure-next-auth.session-token`.
    pub fn name(&self) -> &'static str {
        self.names.v4
    }

    /// The `Set-Cookie` of a new session, sealed as NextAuth v4 does under the newest secret, with an id (`jti`) of its
    /// own. It goes to this host only, for as long as the claims last.
    ///
    /// Send [`Self::clear_chunks`] along with it.
    pub fn issue(&self, claims: &Claims) -> Result<HeaderValue, IssueError> {
        let newest = self.keys.first().ok_or(IssueError::NoSecret)?;
        // Random, 96 bits: by NIST SP 800-38D, 8.3, one key is good for 2^32 of them.
        let mut iv = [0; jwe::GCM_IV_BYTES];
        getrandom::fill(&mut iv)?;
        let token = jwe::seal(&newest.v4, iv, &claims.to_payload()).ok_or(IssueError::Seal)?;
        let expires = Timestamp::from_second(claims.expires_at_s)
            .and_then(|at| DateTimePrinter::new().timestamp_to_rfc9110_string(&at))
            .map_err(IssueError::Expiry)?;
        let life_s = claims.expires_at_s.saturating_sub(claims.issued_at_s).max(0);
        self.set(self.names.v4, &token, &expires, life_s).ok_or(IssueError::Seal)
    }

    /// The `Set-Cookie`s that end a session in the browser: of the cookie, and of the pieces that the request brought.
    pub fn clear(&self, request: &HeaderMap) -> Vec<HeaderValue> {
        let mut cookies = self.clear_chunks(request);
        cookies.extend(self.remove(self.names.v4));
        cookies
    }

    /// The `Set-Cookie`s that take away the pieces of an older, longer cookie which the request brought. NextAuth would
    /// read them and a new cookie as one token.
    pub fn clear_chunks(&self, request: &HeaderMap) -> Vec<HeaderValue> {
        jar::chunk_names(request, self.names.v4).iter().filter_map(|name| self.remove(name)).collect()
    }

    /// Returns the claims of a request's NextAuth v4 cookie, if it is valid at this time (of the epoch, in seconds). Of
    /// several cookies the first that opens.
    pub fn read(&self, request: &HeaderMap, now_s: i64) -> Option<Claims> {
        self.read_each(request, now_s).next()
    }

    /// The same, and failing that what the cookie of Auth.js v5 says. For where the sessions of other sites count.
    pub fn read_shared(&self, request: &HeaderMap, now_s: i64) -> Option<Claims> {
        self.read_each_shared(request, now_s).next()
    }

    /// Returns the claims of each NextAuth v4 cookie. Two cookies of this name come from two paths or domains, and the
    /// one that was left behind may come first. Cookies of the other scheme (`__Secure-` or not) are not among them: what
    /// an unencrypted page can set must not log anybody in to an encrypted one.
    pub fn read_each(&self, request: &HeaderMap, now_s: i64) -> impl Iterator<Item = Claims> {
        let tokens = jar::tokens(request, self.names.v4).into_iter();
        tokens.filter_map(move |token| Claims::from_payload(&self.open_v4(&Jwe::parse(&token)?)?, now_s))
    }

    /// The same, followed by what the cookies of Auth.js v5 say.
    pub fn read_each_shared(&self, request: &HeaderMap, now_s: i64) -> impl Iterator<Item = Claims> {
        let tokens = jar::tokens(request, self.names.v5).into_iter();
        let v5 =
            tokens.filter_map(move |token| Claims::from_payload(&self.open_v5(&Jwe::parse(&token)?)?, now_s));
        self.read_each(request, now_s).chain(v5)
    }

    /// Tries every secret, whichever fits, so that the time does not tell which.
    fn open_v4(&self, jwe: &Jwe<'_>) -> Option<Vec<u8>> {
        if jwe.encryption != Encryption::A256Gcm || jwe.kid.is_some() {
            return None;
        }
        self.keys.iter().fold(None, |found, keys| {
            let opened = jwe.open_gcm(&keys.v4);
            found.or(opened)
        })
    }

    /// The `kid` chooses the secret. Without one it is the newest, as in Auth.js, whatever the others could open.
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

    /// `None` if a header cannot hold these, which are ASCII.
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
