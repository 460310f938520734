//! Alerts to the operator (RULES 10.8). Each is one line with the field `alert`, and one count.

use postly_domain::{Alert, Provider, metric};

/// A provider prevents a sender from sending. Raised when a pause begins, and each time that the message sent
/// as a trial is refused.
pub(crate) fn sender_stopped(provider: Provider, code: i64) {
    let alert = count(Alert::SenderStopped);
    let mend = mend(provider, code);
    tracing::error!(
        alert,
        code,
        provider = %provider,
        "The provider does not let us send (code {code}): {mend}; messages wait, briefs are not written"
    );
}

/// Returns what the operator has to do about a code that stops a sender.
fn mend(provider: Provider, code: i64) -> &'static str {
    match (provider, code) {
        (Provider::Meta, 190) => {
            "the token has expired or was revoked, so set a new META_ACCESS_TOKEN and restart"
        }
        (Provider::Meta, 131_042) => "no payment method is valid, so add one in Meta's Billing hub",
        (Provider::Meta, 368 | 131_031) => "the account is restricted, so follow its Support home at Meta",
        (Provider::Twilio, 20_003) => {
            "it refuses TWILIO_AUTH_TOKEN, so set the primary token of the account and restart"
        }
        (Provider::Meta | Provider::Twilio, _) => "a human must look (`postly doctor`)",
    }
}

/// The provider bills a message as one of a general-purpose assistant. Raised once for each such message.
pub(crate) fn general_purpose_ai(provider: Provider) {
    let alert = count(Alert::GeneralPurposeAi);
    tracing::warn!(
        alert,
        provider = %provider,
        "The provider bills a message as general_purpose_ai: it takes us for an assistant for everything"
    );
}

/// Raises an alert. The message tells the operator how to react.
pub(crate) fn raise(alert: Alert, message: &str) {
    let alert = count(alert);
    tracing::warn!(alert, "{message}");
}

/// Raises an alert about something that may have cost an author money.
pub(crate) fn raise_error(alert: Alert, message: &str) {
    let alert = count(alert);
    tracing::error!(alert, "{message}");
}

fn count(alert: Alert) -> &'static str {
    metrics::counter!(metric::ALERTS, "name" => alert.as_str()).increment(1);
    alert.as_str()
}
