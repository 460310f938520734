//! Identifiers in the providers' shapes.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// Returns random bytes. If the system has none, the ids repeat and every test fails at once.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let _ = getrandom::fill(&mut bytes);
    bytes
}

/// Returns a WhatsApp message id: `wamid.` and padded base64, as Meta forms it.
pub(crate) fn wamid() -> String {
    format!("wamid.{}", STANDARD.encode(random::<40>()))
}

/// Returns a Twilio message id: `SM` and 32 hexadecimal digits.
pub(crate) fn message_sid() -> String {
    format!("SM{}", hex::encode(random::<16>()))
}

/// The id of a file at Meta: 16 digits.
pub(crate) fn media() -> String {
    let number = u64::from_le_bytes(random::<8>());
    format!("{:016}", number % 9_000_000_000_000_000 + 1_000_000_000_000_000)
}

/// Returns an `fbtrace_id` of Meta.
pub(crate) fn trace() -> String {
    URL_SAFE_NO_PAD.encode(random::<16>())
}

/// Returns an opaque token with a prefix, such as `chatcmpl-…` or `req_…`.
pub(crate) fn token(prefix: &str) -> String {
    format!("{prefix}{}", hex::encode(random::<12>()))
}
