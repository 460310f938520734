//! Alerts to the operator (RULES 10.8). Each is one line with the field `alert`, and one count.

use postly_domain::Provider;

/// A provider does not let us send. Raised when a pause begins, and each time that the message which tried again is refused.
pub(crate) fn sender_stopped(provider: Provider, code: i64) {
    tracing::error!(
        alert = "sender_stopped",
        code,
        provider = %provider,
        "The provider does not let us send (code {code}): a human must look; messages wait, briefs are not written"
    );
    count("sender_stopped");
}

/// The provider bills a message as one of an assistant for everything. Raised once for each such message.
pub(crate) fn general_purpose_ai(provider: Provider) {
    tracing::warn!(
        alert = "general_purpose_ai",
        provider = %provider,
        "The provider bills a message as general_purpose_ai: it takes us for an assistant for everything"
    );
    count("general_purpose_ai");
}

/// Raises an alert. `name` is what rules of a monitor match; the message says what to do.
pub(crate) fn raise(name: &'static str, message: &str) {
    tracing::warn!(alert = name, "{message}");
    count(name);
}

fn count(name: &'static str) {
    metrics::counter!("postly_alerts_total", "name" => name).increment(1);
}
