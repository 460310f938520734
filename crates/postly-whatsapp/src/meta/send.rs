//! Meta's wire forms for what we send.

use serde::Serialize;
use serde_json::Value;

use crate::inbound::is_bsuid;
use crate::send::{Answer, Outgoing, plausible_answer_id};

/// Marks our own correlation ids among whatever else comes back in `biz_opaque_callback_data`.
pub(crate) const OPAQUE_PREFIX: &str = "outbox:";

/// The code Meta itself would answer to an address that is none: "Parameter value is not valid".
pub(crate) const INVALID_ADDRESS: i64 = 131_009;

#[derive(Serialize)]
pub(crate) struct TextMessage<'a> {
    messaging_product: &'static str,
    recipient_type: &'static str,
    #[serde(flatten)]
    recipient: Recipient<'a>,
    #[serde(rename = "type")]
    kind: &'static str,
    text: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Context<'a>>,
    biz_opaque_callback_data: String,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Recipient<'a> {
    To(String),
    Recipient(&'a str),
}

#[derive(Serialize)]
struct Text<'a> {
    preview_url: bool,
    body: &'a str,
}

#[derive(Serialize)]
struct Context<'a> {
    message_id: &'a str,
}

/// The body of a text message, or `None` when the address is neither a number nor a business-scoped id.
pub(crate) fn text<'a>(message: &Outgoing<'a>) -> Option<TextMessage<'a>> {
    let digits = message.address.strip_prefix('+').unwrap_or(message.address);
    let recipient = if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        // Without the plus, Meta puts the country code of our own number before it.
        Recipient::To(format!("+{digits}"))
    } else if is_bsuid(message.address) {
        Recipient::Recipient(message.address)
    } else {
        return None;
    };
    let context = message.reply_to.filter(|id| id.starts_with("wamid."));
    Some(TextMessage {
        messaging_product: "whatsapp",
        recipient_type: "individual",
        recipient,
        kind: "text",
        text: Text { preview_url: false, body: message.body },
        context: context.map(|message_id| Context { message_id }),
        biz_opaque_callback_data: format!("{OPAQUE_PREFIX}{}", message.attempt),
    })
}

/// The body that marks a message read and shows that we are writing.
pub(crate) fn typing(provider_message_id: &str) -> Value {
    serde_json::json!({
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": provider_message_id,
        "typing_indicator": { "type": "text" },
    })
}

/// Reads what Meta answers to a message.
pub(crate) fn answer(body: &Value) -> Answer {
    let id = body.get("messages").and_then(|list| list.get(0)).and_then(|message| message.get("id"));
    if let Some(id) = id.and_then(plausible_answer_id) {
        return Answer::Taken(id);
    }
    let error = body.get("error");
    match error.and_then(|error| error.get("code")).and_then(Value::as_i64) {
        Some(code) => {
            let transient = error.and_then(|error| error.get("is_transient")).and_then(Value::as_bool);
            Answer::Error { code, is_transient: transient.unwrap_or(false) }
        }
        None => Answer::Neither,
    }
}
