//! Stripe: the headers of every call. Tests in `postly-payments` compare the fields of a Checkout Session
//! with Stripe's own declarations.

use postly_simulator::{JournalEntry, RequestKind};

/// The version of the API in our requests.
const VERSION: &str = "2026-10-28.endive";
/// Stripe, "Idempotent requests": up to 255 characters.
const LONGEST_KEY: usize = 255;

pub(super) fn faults(entry: &JournalEntry) -> Vec<String> {
    let header = |name: &str| {
        let mut values =
            entry.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none())
    };
    let mut faults = vec![];
    let path = if entry.kind == RequestKind::Refund { "/v1/refunds" } else { "/v1/checkout/sessions" };
    if entry.method != "POST" || entry.path != path {
        faults.push(format!("it is a {} of {}", entry.method, entry.path));
    }
    if header("stripe-version") != Some(VERSION) {
        faults.push(format!("its version is not {VERSION}"));
    }
    if header("content-type") != Some("application/x-www-form-urlencoded") {
        faults.push("its body is no form".to_owned());
    }
    if header("idempotency-key").is_none_or(|key| key.is_empty() || key.len() > LONGEST_KEY) {
        faults.push("it has no idempotency key".to_owned());
    }
    let mut fields = form_urlencoded::parse(&entry.body);
    if fields.any(|(name, _)| name.starts_with("payment_method_types")) {
        faults.push("payment_method_types is refused since 2026-09-30.endive".to_owned());
    }
    faults
}
