//! Twilio's wire forms for what we send.

use serde_json::Value;

use crate::WEBHOOK_PATH;
use crate::inbound::is_bsuid;
use crate::send::{Answer, Outgoing, plausible_answer_id};

/// The code Twilio itself would answer to an address that is none: "Invalid 'To' phone number".
pub(crate) const INVALID_ADDRESS: i64 = 21_211;

/// The fields of a text message, or `None` when the address is neither a number nor a business-scoped id.
pub(crate) fn text<'a>(
    message: &Outgoing<'a>,
    from: &str,
    public_base_url: &str,
) -> Option<Vec<(&'static str, std::borrow::Cow<'a, str>)>> {
    Some(vec![
        ("To", address(message.address)?.into()),
        ("StatusCallback", status_callback(public_base_url, message.attempt.as_str()).into()),
        ("From", address(from)?.into()),
        ("Body", message.body.into()),
    ])
}

/// The fields that mark a message read and show that we are writing.
pub(crate) fn typing(provider_message_id: &str) -> [(&'static str, &str); 2] {
    [("channel", "whatsapp"), ("messageId", provider_message_id)]
}

/// An address with its channel named once, and a number with its plus.
pub(crate) fn address(address: &str) -> Option<String> {
    let bare = address.strip_prefix("whatsapp:").unwrap_or(address);
    let digits = bare.strip_prefix('+').unwrap_or(bare);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        Some(format!("whatsapp:+{digits}"))
    } else {
        is_bsuid(bare).then(|| format!("whatsapp:{bare}"))
    }
}

/// Where the statuses of one attempt are to go. The address is signed when it is called, and so is the attempt.
fn status_callback(public_base_url: &str, attempt: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("attempt", attempt).finish();
    format!("{}{WEBHOOK_PATH}?{query}", public_base_url.trim_end_matches('/'))
}

/// Reads what Twilio answers to a message.
pub(crate) fn answer(body: &Value) -> Answer {
    if let Some(id) = body.get("sid").and_then(plausible_answer_id) {
        return Answer::Taken(id);
    }
    match body.get("code").and_then(Value::as_i64) {
        Some(code) => Answer::Error { code, is_transient: false },
        None => Answer::Neither,
    }
}
