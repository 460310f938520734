//! The claims of a session token.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use uuid::Uuid;

/// The tolerated difference between the clocks of two servers, in seconds, as in next-auth and Auth.js.
const TOLERANCE_S: i64 = 15;
/// The longest `sub` and `sid`. Ours are UUIDs of 36 bytes; ids of other apps are shorter than this limit.
const MAX_ID_BYTES: usize = 128;
/// The longest e-mail address, by RFC 5321, 4.5.3.1.3.
const MAX_EMAIL_BYTES: usize = 254;

/// The claims of a token that the service uses. Others, such as a picture, are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The id of the author: 1 to 128 bytes.
    pub sub: String,
    /// The id of the session, if this service issued the token: 1 to 128 bytes.
    pub sid: Option<String>,
    /// The e-mail address of the author. One of more than 254 bytes is left out.
    pub email: Option<String>,
    /// The start of validity, in seconds since the epoch.
    pub issued_at_s: i64,
    /// The end of validity, in seconds since the epoch.
    pub expires_at_s: i64,
}

/// The claims as serialized.
#[derive(Deserialize)]
struct Payload {
    sub: String,
    sid: Option<String>,
    email: Option<String>,
    iat: i64,
    exp: i64,
    nbf: Option<i64>,
    iss: Option<IgnoredAny>,
    aud: Option<IgnoredAny>,
}

impl Claims {
    /// Reads a decrypted payload. Returns `None` if it is invalid, not valid at this time, or not a session.
    pub(super) fn from_payload(json: &[u8], now_s: i64) -> Option<Self> {
        let payload: Payload = object(json)?;
        // Session tokens have no `iss` or `aud`; a token that has one was made for another purpose.
        let is_session = payload.iss.is_none() && payload.aud.is_none();
        let is_id = |text: &str| (1..=MAX_ID_BYTES).contains(&text.len());
        let is_named = is_id(&payload.sub) && payload.sid.as_deref().is_none_or(is_id);
        let has_begun = |at_s: i64| at_s <= now_s.saturating_add(TOLERANCE_S);
        let is_now = payload.exp > now_s.saturating_sub(TOLERANCE_S)
            && has_begun(payload.iat)
            && payload.nbf.is_none_or(has_begun);
        (is_session && is_named && is_now).then_some(Self {
            sub: payload.sub,
            sid: payload.sid,
            email: payload.email.filter(|email| email.len() <= MAX_EMAIL_BYTES),
            issued_at_s: payload.iat,
            expires_at_s: payload.exp,
        })
    }

    /// Returns the payload to encrypt, with a new `jti`.
    pub(super) fn to_payload(&self) -> String {
        let mut payload = json!({
            "sub": self.sub,
            "iat": self.issued_at_s,
            "exp": self.expires_at_s,
            "jti": Uuid::new_v4().to_string(),
        });
        let email = self.email.as_ref().filter(|email| email.len() <= MAX_EMAIL_BYTES);
        for (name, value) in [("sid", self.sid.as_ref()), ("email", email)] {
            if let (Some(fields), Some(value)) = (payload.as_object_mut(), value) {
                fields.insert(name.to_owned(), value.as_str().into());
            }
        }
        payload.to_string()
    }
}

/// Reads a JSON object. Serde alone would also accept an array.
pub(super) fn object<T: for<'de> Deserialize<'de>>(json: &[u8]) -> Option<T> {
    json.starts_with(b"{").then(|| serde_json::from_slice(json).ok())?
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const NOW_S: i64 = 1_800_000_000;

    fn read(change: impl FnOnce(&mut Value)) -> Option<Claims> {
        let mut payload = json!({
            "sub": "author-1", "sid": "session-1", "email": "fatou@example.org", "picture": {"a": [1]},
            "iat": NOW_S - 60, "exp": NOW_S + 60, "jti": "x",
        });
        change(&mut payload);
        Claims::from_payload(payload.to_string().as_bytes(), NOW_S)
    }

    #[test]
    fn o34_claims_that_do_not_hold_are_refused() {
        let with = |name: &str, value: Value| read(|payload| payload[name] = value);
        assert!(read(|_| ()).is_some());
        for (name, value, holds) in [
            ("exp", json!(NOW_S - 14), true),
            ("exp", json!(NOW_S - 15), false),
            ("exp", json!(i64::MIN), false),
            ("exp", json!(i64::MAX), true),
            ("exp", json!(1e30), false),
            ("exp", json!("2000000000"), false),
            ("exp", json!(null), false),
            ("iat", json!(NOW_S + 15), true),
            ("iat", json!(NOW_S + 16), false),
            ("nbf", json!(NOW_S + 15), true),
            ("nbf", json!(NOW_S + 16), false),
            ("nbf", json!(i64::MAX), false),
            ("nbf", json!([]), false),
            ("iss", json!("https://accounts.example"), false),
            ("aud", json!(["postly"]), false),
            ("sub", json!(""), false),
            ("sub", json!("é".repeat(64)), true),
            ("sub", json!("é".repeat(65)), false),
            ("sub", json!(7), false),
            ("sub", json!(["author-1"]), false),
            ("sid", json!(null), true),
            ("sid", json!(""), false),
            ("sid", json!("s".repeat(129)), false),
            ("sid", json!(1), false),
        ] {
            assert_eq!(with(name, value.clone()).is_some(), holds, "{name} {value}");
        }
        for name in ["sub", "iat", "exp"] {
            let without = read(|payload| drop(payload.as_object_mut().unwrap().remove(name)));
            assert_eq!(without, None, "{name}");
        }
        assert_eq!(with("email", json!("e".repeat(255))).unwrap().email, None);
        for text in ["", "[]", "null", "{}", " {}", "[\"author-1\",null,null,1,99999999999,null,null,null]"] {
            assert_eq!(Claims::from_payload(text.as_bytes(), 2), None, "{text}");
        }
        let twice = br#"{"sub":"author-1","sub":"author-2","iat":1,"exp":9}"#;
        assert_eq!(Claims::from_payload(twice, 2), None);
        let deep = format!(r#"{{"sub":"a","iat":1,"exp":9,"x":{}"#, "[".repeat(10_000));
        assert_eq!(Claims::from_payload(deep.as_bytes(), 2), None);
    }

    #[test]
    fn what_is_written_is_read_and_has_a_new_id_each_time() {
        let claims = read(|_| ()).unwrap();
        let (one, two) = (claims.to_payload(), claims.to_payload());
        assert_ne!(one, two);
        assert_eq!(Claims::from_payload(one.as_bytes(), NOW_S), Some(claims.clone()));
        let bare = Claims { sid: None, email: None, ..claims };
        let payload: Value = serde_json::from_str(&bare.to_payload()).unwrap();
        let fields = payload.as_object().unwrap().keys().collect::<Vec<_>>();
        assert_eq!(fields.len(), 4, "{fields:?}");
    }
}
