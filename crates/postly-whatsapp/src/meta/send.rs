//! Meta's wire forms of outgoing messages.

use std::{borrow::Cow, collections::BTreeSet};

use postly_domain::{Language, text::utf16_len};
use serde::Serialize;
use serde_json::{Value, json};

use crate::inbound::{MAX_PAYLOAD_BYTES, is_bsuid};
use crate::outgoing::{Body, Button, Outgoing, Unsendable, plain_code, with_address};
use crate::send::{Answer, plausible_answer_id};

/// Marks our own correlation ids among other values of `biz_opaque_callback_data`.
pub(crate) const OPAQUE_PREFIX: &str = "outbox:";

/// Meta's own code for an invalid address: "Parameter value is not valid".
pub(crate) const INVALID_ADDRESS: i64 = 131_009;

/// Meta's code for a template without the requested translation: "Template does not exist".
pub(crate) const NO_TRANSLATION: i64 = 132_001;

/// The most buttons of a message; the longest text above them and the longest title, in UTF-16 units, because
/// Meta does not define a character.
const MOST_BUTTONS: usize = 3;
const LONGEST_BUTTONS_TEXT: usize = 1024;
const LONGEST_TITLE: usize = 20;
/// The longest address behind a button; Meta names no bound, and its templates allow 2,000.
const LONGEST_URL: usize = 2000;

#[derive(Serialize)]
pub(crate) struct Message<'a> {
    messaging_product: &'static str,
    recipient_type: &'static str,
    #[serde(flatten)]
    recipient: Recipient<'a>,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    content: Content<'a>,
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

/// The field named after the type of the message.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Content<'a> {
    Text(Text<'a>),
    Interactive(Value),
    Template(Value),
}

#[derive(Serialize)]
struct Text<'a> {
    preview_url: bool,
    body: Cow<'a, str>,
}

#[derive(Serialize)]
struct Context<'a> {
    message_id: &'a str,
}

/// The body of a message. `otp_template` is the authentication template, in the translation `language`.
pub(crate) fn message<'a>(
    message: &Outgoing<'a>,
    otp_template: &str,
    language: &str,
) -> Result<Message<'a>, Unsendable> {
    let recipient = recipient(message.address).ok_or(Unsendable::Address)?;
    let text = |body: Cow<'a, str>| ("text", Content::Text(Text { preview_url: false, body }));
    let (kind, content) = match message.body {
        Body::Text(body) => text(body.into()),
        Body::Buttons { text: body, buttons } if fit(body, buttons) => {
            ("interactive", Content::Interactive(interactive(body, buttons)))
        }
        Body::Buttons { text: body, .. } => text(body.into()),
        Body::Link { text: body, title, url } if fits_link(body, title, url) => {
            ("interactive", Content::Interactive(link(body, title, url)))
        }
        Body::Link { text: body, url, .. } => text(with_address(body, url).into()),
        Body::Code { code, .. } => match recipient {
            Recipient::To(_) => ("template", Content::Template(template(otp_template, code, language)?)),
            // Meta refuses it (131062): a code proves a number only.
            Recipient::Recipient(_) => return Err(Unsendable::Address),
        },
    };
    // A template opens a conversation, and quotes nothing.
    let reply_to = message.reply_to.filter(|id| kind != "template" && id.starts_with("wamid."));
    Ok(Message {
        messaging_product: "whatsapp",
        recipient_type: "individual",
        recipient,
        kind,
        content,
        context: reply_to.map(|message_id| Context { message_id }),
        biz_opaque_callback_data: format!("{OPAQUE_PREFIX}{}", message.attempt),
    })
}

/// Returns `None` if the address is neither a number nor a business-scoped id.
fn recipient(address: &str) -> Option<Recipient<'_>> {
    let digits = address.strip_prefix('+').unwrap_or(address);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        // Without the plus, Meta prepends the country code of our own number.
        Some(Recipient::To(format!("+{digits}")))
    } else {
        is_bsuid(address).then_some(Recipient::Recipient(address))
    }
}

/// Returns true if Meta accepts these buttons below this text.
fn fit(text: &str, buttons: &[Button<'_>]) -> bool {
    let titles: BTreeSet<&str> = buttons.iter().map(|button| button.title).collect();
    let ids: BTreeSet<&str> = buttons.iter().map(|button| button.id).collect();
    let title = |title: &str| !title.trim().is_empty() && utf16_len(title) <= LONGEST_TITLE;
    // In bytes: a longer id would be refused when it comes back.
    let id = |id: &str| !id.is_empty() && id.len() <= MAX_PAYLOAD_BYTES && id.trim() == id;
    (1..=MOST_BUTTONS).contains(&buttons.len())
        && (1..=LONGEST_BUTTONS_TEXT).contains(&utf16_len(text))
        && titles.len() == buttons.len()
        && ids.len() == buttons.len()
        && titles.into_iter().all(title)
        && ids.into_iter().all(|text| id(text) && !text.contains(char::is_control))
}

/// Returns true if Meta accepts a button with this label and address below this text.
fn fits_link(text: &str, title: &str, url: &str) -> bool {
    let web = url.starts_with("https://") || url.starts_with("http://");
    web && url.len() <= LONGEST_URL
        && !url.contains(char::is_whitespace)
        && (1..=LONGEST_BUTTONS_TEXT).contains(&utf16_len(text))
        && !title.trim().is_empty()
        && utf16_len(title) <= LONGEST_TITLE
}

/// Meta, "Interactive call-to-action URL button messages".
fn link(text: &str, title: &str, url: &str) -> Value {
    let parameters = json!({"display_text": title, "url": url});
    json!({"type": "cta_url", "body": {"text": text}, "action": {"name": "cta_url", "parameters": parameters}})
}

fn interactive(text: &str, buttons: &[Button<'_>]) -> Value {
    let buttons: Vec<Value> = buttons
        .iter()
        .map(|button| json!({"type": "reply", "reply": {"id": button.id, "title": button.title}}))
        .collect();
    json!({"type": "button", "body": {"text": text}, "action": {"buttons": buttons}})
}

/// The code occurs twice: in the text, and behind the button that copies it. That button was created as
/// `otp`, and is filled in as `url`.
fn template(name: &str, code: &str, language: &str) -> Result<Value, Unsendable> {
    if name.is_empty() || language.is_empty() {
        return Err(Unsendable::Code);
    }
    let parameters = json!([{"type": "text", "text": plain_code(code)?}]);
    Ok(json!({
        "name": name,
        "language": {"code": language},
        "components": [
            {"type": "body", "parameters": parameters},
            {"type": "button", "sub_type": "url", "index": "0", "parameters": parameters},
        ],
    }))
}

/// The translations to try for a code: those of its author's language, then the others, each group in the
/// order of the list. For any other message a single one, without significance.
pub(crate) fn template_languages<'a>(list: &'a [String], message: &Outgoing<'_>) -> Vec<&'a str> {
    match message.body {
        Body::Code { language, .. } => translations(list, language),
        Body::Text(_) | Body::Buttons { .. } | Body::Link { .. } => vec![""],
    }
}

/// The translations of the list: those of a language, then the others, each group in the order of the list.
pub(crate) fn translations(list: &[String], language: Language) -> Vec<&str> {
    let is_theirs = |name: &&str| name.split('_').next() == Some(language.code());
    let (mut first, others): (Vec<&str>, Vec<&str>) = list.iter().map(String::as_str).partition(is_theirs);
    first.extend(others);
    first
}

/// The body that marks a message read and shows the typing indicator.
pub(crate) fn typing(provider_message_id: &str) -> Value {
    json!({
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": provider_message_id,
        "typing_indicator": { "type": "text" },
    })
}

/// Reads Meta's answer to a message.
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
