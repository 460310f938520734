//! The signature of a webhook of Stripe (Stripe, "Verify webhook signatures manually").

use hmac::{Hmac, KeyInit, Mac as _};
use http::HeaderMap;
use postly_domain::UnixMillis;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq as _};

/// The header that carries the signature.
const HEADER: &str = "stripe-signature";
/// The largest age of a signature, and its largest lead over our clock, in whole seconds (RULES 3.7). The
/// official libraries do not bound the lead.
pub const TOLERANCE_S: i64 = 300;
/// The longest time stamp in digits: more of them are no valid second.
const LONGEST_TIME: usize = 12;

/// A received webhook, not yet verified.
#[derive(Clone, Copy)]
pub struct StripeWebhook<'a> {
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body, byte for byte.
    pub body: &'a [u8],
}

/// The reasons to reject a signature. All of these get the same response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no signature.
    #[error("the request carries no signature")]
    Missing,
    /// There are two headers, or two times in one: two readers may read them differently.
    #[error("the request carries more than one signature or time")]
    Ambiguous,
    /// The header has no readable time.
    #[error("the signature cannot be read")]
    Malformed,
    /// It is too old, or too far in the future.
    #[error("the signature is of another time")]
    Stale,
    /// None of its signatures is of these bytes with one of our secrets.
    #[error("the signature is wrong")]
    Wrong,
}

/// The secrets of our webhook endpoint, newest first; several during a rotation.
#[derive(Debug, Clone)]
pub struct WebhookSecrets(Vec<SecretString>);

impl WebhookSecrets {
    /// Takes the secrets. Empty ones are dropped, because anyone can sign with them.
    pub fn new(secrets: Vec<SecretString>) -> Self {
        Self(secrets.into_iter().filter(|secret| !secret.expose_secret().is_empty()).collect())
    }

    /// Checks that Stripe signed these bytes, not more than [`TOLERANCE_S`] from now.
    ///
    /// # Errors
    /// See [`SignatureError`].
    pub fn verify(&self, headers: &HeaderMap, body: &[u8], now: UnixMillis) -> Result<(), SignatureError> {
        let mut values = headers.get_all(HEADER).iter();
        let header = match (values.next(), values.next()) {
            (None, _) => return Err(SignatureError::Missing),
            (Some(_), Some(_)) => return Err(SignatureError::Ambiguous),
            (Some(header), None) => header.to_str().map_err(|_| SignatureError::Malformed)?,
        };
        let signed = Signed::read(header)?;
        let seconds: i64 = signed.time.parse().map_err(|_| SignatureError::Malformed)?;
        if now.0.div_euclid(1_000).abs_diff(seconds) > TOLERANCE_S.unsigned_abs() {
            return Err(SignatureError::Stale);
        }
        // Every signature is compared with every secret, so that the time reveals nothing.
        let mut right = Choice::from(0);
        for secret in &self.0 {
            let expected = signature(secret, signed.time, body);
            for given in &signed.signatures {
                right |= expected.as_bytes().ct_eq(given.as_bytes());
            }
        }
        if right.into() { Ok(()) } else { Err(SignatureError::Wrong) }
    }
}

/// The parsed header: `t=…,v1=…[,v1=…][,v0=…]`.
struct Signed<'a> {
    /// The unparsed text, because it is part of the signed bytes.
    time: &'a str,
    signatures: Vec<&'a str>,
}

impl<'a> Signed<'a> {
    fn read(header: &'a str) -> Result<Self, SignatureError> {
        let mut times = vec![];
        let mut signatures = vec![];
        for item in header.split(',') {
            match item.split_once('=') {
                Some(("t", time)) => times.push(time),
                Some(("v1", signature)) => signatures.push(signature),
                // Other schemes (`v0` is for tests of Stripe's), and malformed items.
                Some(_) | None => {}
            }
        }
        let time = match times.as_slice() {
            [] => return Err(SignatureError::Malformed),
            [time] => *time,
            [_, _, ..] => return Err(SignatureError::Ambiguous),
        };
        let is_number =
            !time.is_empty() && time.len() <= LONGEST_TIME && time.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { Ok(Self { time, signatures }) } else { Err(SignatureError::Malformed) }
    }
}

/// The HMAC-SHA-256 of the time, a full stop and the body, in lower-case hexadecimal. The key is the whole
/// secret, with its `whsec_` and not decoded.
fn signature(secret: &SecretString, time: &str, body: &[u8]) -> String {
    let key = secret.expose_secret().as_bytes();
    // HMAC accepts keys of any length. If it refused one, the empty text would match no signature.
    let Ok(mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(key) else { return String::new() };
    let mac = mac.chain_update(time.as_bytes()).chain_update(b".").chain_update(body);
    hex::encode(mac.finalize().into_bytes())
}
