//! Meta's signature: `X-Hub-Signature-256: sha256=<HMAC-SHA256 of the raw body>`.

use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use crate::signature::{MetaSecrets, SignatureError, mac};

/// The older `X-Hub-Signature` (SHA-1) is ignored: a request with it alone counts as unsigned.
pub(crate) const HEADER: &str = "x-hub-signature-256";

/// Checks the header's value against every secret, in the same time for each match.
pub(crate) fn check(secrets: &MetaSecrets, header: &[u8], body: &[u8]) -> Result<(), SignatureError> {
    let text = header.strip_prefix(b"sha256=").ok_or(SignatureError::Malformed)?;
    let mut given = [0_u8; 32];
    if text.iter().any(u8::is_ascii_uppercase) || hex::decode_to_slice(text, &mut given).is_err() {
        return Err(SignatureError::Malformed);
    }
    if secrets.app_secrets.is_empty() {
        return Err(SignatureError::NotConfigured);
    }
    let mut good = Choice::from(0);
    for secret in &secrets.app_secrets {
        let expected = mac::<Sha256>(secret, &[body]).ok_or(SignatureError::Wrong)?;
        good |= expected.ct_eq(&given);
    }
    if bool::from(good) { Ok(()) } else { Err(SignatureError::Wrong) }
}
