//! The providers' signatures, computed as the providers do.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The block length of SHA-1 and of SHA-256, for RFC 2104.
const BLOCK: usize = 64;

/// HMAC of RFC 2104, written here so that it shares no code with the service.
fn hmac<D: Digest>(key: &[u8], message: &[u8]) -> Vec<u8> {
    let hashed;
    let key = if key.len() > BLOCK {
        hashed = D::digest(key);
        hashed.as_slice()
    } else {
        key
    };
    let mut block = [0_u8; BLOCK];
    for (slot, byte) in block.iter_mut().zip(key) {
        *slot = *byte;
    }
    let inner = D::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    D::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().to_vec()
}

/// Returns the value of `X-Hub-Signature-256` for these raw bytes.
pub fn meta_signature(app_secret: &str, body: &[u8]) -> String {
    format!("sha256={}", hex::encode(hmac::<Sha256>(app_secret.as_bytes(), body)))
}

/// Returns the value of the legacy `X-Hub-Signature`, which Meta still sends as well.
pub(crate) fn meta_legacy_signature(app_secret: &str, body: &[u8]) -> String {
    format!("sha1={}", hex::encode(hmac::<Sha1>(app_secret.as_bytes(), body)))
}

/// Returns the value of `X-Twilio-Signature` for a call to `url` with these decoded form fields. The URL must
/// be exactly as Twilio knows it, including the query.
pub fn twilio_signature(auth_token: &str, url: &str, fields: &[(String, String)]) -> String {
    let mut sorted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in fields {
        sorted.entry(name).or_default().insert(value);
    }
    let mut signed = url.to_owned();
    for (name, values) in sorted {
        for value in values {
            signed.push_str(name);
            signed.push_str(value);
        }
    }
    STANDARD.encode(hmac::<Sha1>(auth_token.as_bytes(), signed.as_bytes()))
}

/// Returns the value of `Stripe-Signature` for these raw bytes at a time (seconds since the epoch).
pub fn stripe_signature(webhook_secret: &str, at_s: i64, body: &[u8]) -> String {
    let mut signed = format!("{at_s}.").into_bytes();
    signed.extend_from_slice(body);
    format!("t={at_s},v1={}", hex::encode(hmac::<Sha256>(webhook_secret.as_bytes(), &signed)))
}

/// Returns the lower-case hexadecimal SHA-256 of `bytes`.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// Computed with the `hmac` module of Python.
    #[test]
    fn meta_signs_the_raw_bytes() {
        let body = br#"{"object":"whatsapp_business_account","text":"\u00e9t\u00e9"}"#;
        assert_eq!(
            meta_signature("app-secret-of-the-tests", body),
            "sha256=92aa680ae2d59c0f9caac9c2fe841eaa072e02c957bb611c59356780b4714749"
        );
        assert_eq!(
            meta_legacy_signature("app-secret-of-the-tests", body),
            "sha1=b7e4bb5ee35cd0500a3e3bfb5732be8fa247f44c"
        );
    }

    /// Computed with `generateTestHeaderString` of npm `stripe` 23.1.0.
    #[test]
    fn stripe_signs_the_time_and_the_raw_bytes() {
        assert_eq!(
            stripe_signature("whsec_of_a_test", 1_790_000_000, "{\"note\":\"crédits\"}".as_bytes()),
            "t=1790000000,v1=d347447aa12514e4ba30267ca73b5dd2b43c0f0e4afa4840043f82c723a774c1"
        );
    }

    #[test]
    fn a_key_longer_than_the_block_is_hashed_first() {
        assert_eq!(
            hex::encode(hmac::<Sha256>(&[b'k'; 131], b"Test Using Larger Than Block-Size Key")),
            "46ac33ede86549300c0bf2805f311de06f51067bcac093c959fafa72295111ae"
        );
    }

    /// The example that Twilio publishes.
    #[test]
    fn twilio_published_vector() {
        let fields = pairs(&[
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675309"),
            ("Digits", "1234"),
            ("From", "+14158675309"),
            ("To", "+18005551212"),
        ]);
        assert_eq!(
            twilio_signature("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", &fields),
            "RSOYDt4T1cUTdK1PDd93/VVr8B8="
        );
    }

    #[test]
    fn twilio_sorts_fields_and_counts_a_repeated_value_once() {
        let fields = pairs(&[
            ("To", "whatsapp:+14155238886"),
            ("From", "whatsapp:+33612345678"),
            ("Body", "Crée \u{1F950}"),
            ("Empty", ""),
            ("D", "b"),
            ("D", "a"),
            ("D", "b"),
        ]);
        assert_eq!(
            twilio_signature(
                "twilio-token",
                "https://postly.example:8443/api/whatsapp/webhook?m=%C3%A9%20x",
                &fields
            ),
            "DeTjav8Oc1K1+H0bT394anUvIPw="
        );
    }
}
