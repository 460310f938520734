//! Twilio's wire forms of outgoing messages.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::WEBHOOK_PATH;
use crate::inbound::is_bsuid;
use crate::outgoing::{Body, Outgoing, Unsendable, plain_code, with_address};
use crate::send::{Answer, plausible_answer_id};

/// Twilio's own code for an invalid address: "Invalid 'To' phone number".
pub(crate) const INVALID_ADDRESS: i64 = 21_211;

/// The fields of a form.
type Fields<'a> = Vec<(&'static str, Cow<'a, str>)>;

/// The fields of a message. `otp_content_sid` names the content resource of codes.
pub(crate) fn message<'a>(
    message: &Outgoing<'a>,
    from: &str,
    public_base_url: &str,
    otp_content_sid: Option<&'a str>,
) -> Result<Fields<'a>, Unsendable> {
    let to = address(message.address).ok_or(Unsendable::Address)?;
    let is_number = to.starts_with("whatsapp:+");
    let mut fields: Fields<'a> = vec![
        ("To", to.into()),
        ("StatusCallback", status_callback(public_base_url, message.attempt.as_str()).into()),
        ("From", address(from).ok_or(Unsendable::Address)?.into()),
    ];
    match message.body {
        Body::Text(text) | Body::Buttons { text, .. } => fields.push(("Body", text.into())),
        Body::Link { text, url, .. } => fields.push(("Body", with_address(text, url).into())),
        // WhatsApp accepts a code for a number only, with every provider.
        Body::Code { .. } if !is_number => return Err(Unsendable::Address),
        Body::Code { code, .. } => {
            let sid = otp_content_sid.ok_or(Unsendable::Code)?;
            fields.push(("ContentSid", sid.into()));
            fields.push(("ContentVariables", json!({"1": plain_code(code)?}).to_string().into()));
        }
    }
    Ok(fields)
}

/// The fields that mark a message read and show the typing indicator.
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

/// The address for the statuses of one attempt. Twilio signs the address that it calls, and with it the
/// attempt.
fn status_callback(public_base_url: &str, attempt: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("attempt", attempt).finish();
    format!("{}{WEBHOOK_PATH}?{query}", public_base_url.trim_end_matches('/'))
}

/// Reads Twilio's answer to a message.
pub(crate) fn answer(body: &Value) -> Answer {
    if let Some(id) = body.get("sid").and_then(plausible_answer_id) {
        return Answer::Taken(id);
    }
    match body.get("code").and_then(Value::as_i64) {
        Some(code) => Answer::Error { code, is_transient: false },
        None => Answer::Neither,
    }
}
