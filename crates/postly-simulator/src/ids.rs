//! Identifiers in the providers' shapes.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// Random bytes. Should the system have none to give, the ids repeat and every test says so at once.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let _ = getrandom::fill(&mut bytes);
    bytes
}

/// A WhatsApp message id: `wamid.` and base64, padding included, as Meta mints it.
pub(crate) fn wamid() -> String {
    format!("wamid.{}", STANDARD.encode(random::<40>()))
}

/// A Twilio message id: `SM` and 32 hexadecimal digits.
pub(crate) fn message_sid() -> String {
    format!("SM{}", hex::encode(random::<16>()))
}

/// The id of a file at Meta: 16 digits.
pub(crate) fn media() -> String {
    let number = u64::from_le_bytes(random::<8>());
    format!("{:016}", number % 9_000_000_000_000_000 + 1_000_000_000_000_000)
}

/// Meta's `fbtrace_id`.
pub(crate) fn trace() -> String {
    URL_SAFE_NO_PAD.encode(random::<16>())
}

/// An opaque token with a prefix, such as `chatcmpl-…` or `req_…`.
pub(crate) fn token(prefix: &str) -> String {
    format!("{prefix}{}", hex::encode(random::<12>()))
}
