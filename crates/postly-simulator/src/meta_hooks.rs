//! The bodies of Meta's webhooks, in the shape of its published samples.

use serde_json::{Map, Value, json};

use crate::attachment::Attachment;
use crate::billing::pricing;
use crate::config::MetaAccount;
use crate::errors::meta_status_error;
use crate::person::{MessageKind, Person};
use crate::world::{Accepted, MessageStatus};

/// The messages of a batch per change, and the changes per entry: few enough that a batch has several of
/// each.
const PER_CHANGE: usize = 3;
const PER_ENTRY: usize = 4;

/// One message to the service.
pub(crate) struct Inbound<'a> {
    pub(crate) person: &'a Person,
    pub(crate) id: String,
    pub(crate) kind: MessageKind,
    pub(crate) file: Option<Attachment>,
    pub(crate) at_s: i64,
}

/// Builds the body of a webhook with these messages, in several entries and changes if they are many.
pub(crate) fn messages(account: &MetaAccount, inbound: &[Inbound<'_>]) -> Vec<u8> {
    let changes: Vec<Value> = inbound.chunks(PER_CHANGE).map(|chunk| change(account, chunk)).collect();
    let entries = changes.chunks(PER_ENTRY).map(|changes| json!({"id": account.waba_id, "changes": changes}));
    wire(&json!({"object": "whatsapp_business_account", "entry": entries.collect::<Vec<_>>()}))
}

fn change(account: &MetaAccount, inbound: &[Inbound<'_>]) -> Value {
    let mut value = value(account);
    let mut contacts: Vec<Value> = Vec::new();
    for message in inbound.iter().filter(|message| !message.kind.is_system()) {
        let contact = contact(message.person);
        if !contacts.contains(&contact) {
            contacts.push(contact);
        }
    }
    if !contacts.is_empty() {
        value.insert("contacts".to_owned(), Value::from(contacts));
    }
    let messages: Vec<Value> = inbound.iter().map(|inbound| message(account, inbound)).collect();
    value.insert("messages".to_owned(), Value::from(messages));
    json!({"value": value, "field": "messages"})
}

fn value(account: &MetaAccount) -> Map<String, Value> {
    let metadata = json!({
        "display_phone_number": account.display_phone_number,
        "phone_number_id": account.phone_number_id,
    });
    Map::from_iter([("messaging_product".to_owned(), json!("whatsapp")), ("metadata".to_owned(), metadata)])
}

fn contact(person: &Person) -> Value {
    let mut profile = Map::from_iter([("name".to_owned(), json!(person.name))]);
    if let Some(username) = &person.username {
        profile.insert("username".to_owned(), json!(username));
    }
    let mut contact = Map::from_iter([("profile".to_owned(), Value::from(profile))]);
    if !person.phone_hidden {
        contact.insert("wa_id".to_owned(), json!(person.number));
    }
    if let Some(bsuid) = &person.bsuid {
        contact.insert("user_id".to_owned(), json!(bsuid));
    }
    Value::from(contact)
}

fn message(account: &MetaAccount, inbound: &Inbound<'_>) -> Value {
    let person = inbound.person;
    let mut message = Map::new();
    if !person.phone_hidden && !matches!(inbound.kind, MessageKind::ChangedUserId { .. }) {
        message.insert("from".to_owned(), json!(person.number));
    }
    if let Some(bsuid) = &person.bsuid
        && !inbound.kind.is_system()
    {
        message.insert("from_user_id".to_owned(), json!(bsuid));
    }
    message.insert("id".to_owned(), json!(inbound.id));
    message.insert("timestamp".to_owned(), json!(inbound.at_s.to_string()));
    let (name, mut payload) = payload(person, &inbound.kind);
    if let (Some(file), Some(fields)) = (&inbound.file, payload.as_object_mut()) {
        describe(file, fields);
    }
    message.insert("type".to_owned(), json!(name));
    message.insert(name.to_owned(), payload);
    if matches!(inbound.kind, MessageKind::FromAd(_)) {
        // As in facebook/openapi, `text_message_from_click_to_whatsapp_ad`.
        let referral = json!({
            "source_url": "https://fb.me/3cr4Wqqkv",
            "source_id": "120226305854810726",
            "source_type": "ad",
            "body": "Vos posts prêts en une minute",
            "headline": "Écrivez-nous",
            "media_type": "image",
            "ctwa_clid": "Aff-n8ZTODiE79d22KtAwQKj9e_mIEOOj27vDVwFjN80dp4_0NiNhEgpGo0AHemvuSoif",
        });
        message.insert("referral".to_owned(), referral);
    }
    let replies = matches!(
        inbound.kind,
        MessageKind::Button { .. } | MessageKind::ButtonReply { .. } | MessageKind::ListReply { .. }
    );
    if replies {
        let context =
            json!({"from": account.display_phone_number, "id": "wamid.HBgLMTQxMjU1NTA4MjkVAgASGBQ="});
        message.insert("context".to_owned(), context);
    }
    if inbound.kind == MessageKind::Unsupported {
        let errors = json!([{
            "code": 131_051,
            "title": "Message type unknown",
            "message": "Message type unknown",
            "error_data": {"details": "Message type is currently not supported."},
        }]);
        message.insert("errors".to_owned(), errors);
    }
    Value::from(message)
}

/// Returns the name of a message type, and the value of its field.
fn payload(person: &Person, kind: &MessageKind) -> (&'static str, Value) {
    let caption = |caption: &Option<String>| caption.as_ref().map(|caption| ("caption", json!(caption)));
    match kind {
        MessageKind::Text(body) | MessageKind::FromAd(body) => ("text", json!({"body": body})),
        MessageKind::Reaction { message_id, emoji: Some(emoji) } => {
            ("reaction", json!({"message_id": message_id, "emoji": emoji}))
        }
        MessageKind::Reaction { message_id, emoji: None } => ("reaction", json!({"message_id": message_id})),
        MessageKind::Audio { voice } => {
            ("audio", media("audio/ogg; codecs=opus", &[("voice", json!(voice))]))
        }
        MessageKind::Recording(_) => ("audio", media("", &[("voice", json!(true))])),
        MessageKind::Photo { caption: text, .. } => ("image", media("", caption(text).as_slice())),
        MessageKind::Image { caption: text } => ("image", media("image/jpeg", caption(text).as_slice())),
        MessageKind::Video { caption: text } => ("video", media("video/mp4", caption(text).as_slice())),
        MessageKind::Document { caption: text } => {
            let mut more = vec![("filename", json!("menu.pdf"))];
            more.extend(caption(text));
            ("document", media("application/pdf", &more))
        }
        MessageKind::Sticker => ("sticker", media("image/webp", &[("animated", json!(false))])),
        MessageKind::Location => (
            "location",
            json!({"latitude": 45.764, "longitude": 4.8357, "name": "Boutique", "address": "Lyon"}),
        ),
        MessageKind::Contacts => (
            "contacts",
            json!([{"name": {"formatted_name": "Awa Ndiaye", "first_name": "Awa"}, "phones": [{"phone": "+33 6 98 76 54 32", "wa_id": "33698765432", "type": "MOBILE"}]}]),
        ),
        MessageKind::OwnNumber => {
            let number = &person.number;
            let phone = json!({"phone": format!("+{number}"), "wa_id": number, "type": "CELL"});
            ("contacts", json!([{"origin": "contact_request", "phones": [phone]}]))
        }
        MessageKind::Button { payload, text } => ("button", json!({"payload": payload, "text": text})),
        MessageKind::ButtonReply { id, title } => {
            ("interactive", json!({"type": "button_reply", "button_reply": {"id": id, "title": title}}))
        }
        MessageKind::ListReply { id, title } => {
            ("interactive", json!({"type": "list_reply", "list_reply": {"id": id, "title": title}}))
        }
        MessageKind::Revoke { message_id } => ("revoke", json!({"original_message_id": message_id})),
        MessageKind::Edit { message_id, now } => {
            let (name, payload) = payload(person, now);
            ("edit", json!({"original_message_id": message_id, "message": {"type": name, name: payload}}))
        }
        MessageKind::Unsupported => ("unsupported", json!({"type": "poll"})),
        MessageKind::Unknown => ("hologram", json!({"foo": {"bar": [1, 2]}})),
        MessageKind::ChangedNumber { new_number } => {
            let old = &person.number;
            let body = format!("User {} changed from {old} to {new_number}", person.name);
            ("system", json!({"type": "user_changed_number", "wa_id": new_number, "body": body}))
        }
        MessageKind::ChangedUserId { new_bsuid } => {
            let old = person.bsuid.as_deref().unwrap_or_default();
            let body = format!("User {} changed from {old} to {new_bsuid}", person.name);
            let system = json!({"type": "user_changed_user_id", "previous_user_id": old, "user_id": new_bsuid, "body": body});
            ("system", system)
        }
        MessageKind::ChangedIdentityKey => {
            let body = format!("{}'s identity may have changed", person.name);
            let customer = &person.number;
            let system = json!({"type": "customer_identity_changed", "customer": customer, "identity": "eU2Fdi4EMUw=", "body": body});
            ("system", system)
        }
    }
}

/// Names a file as it can be had.
fn describe(attachment: &Attachment, fields: &mut Map<String, Value>) {
    fields.insert("id".to_owned(), json!(attachment.id));
    fields.insert("mime_type".to_owned(), json!(attachment.file.content_type));
    fields.insert("sha256".to_owned(), json!(attachment.sha256()));
    let url = format!("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid={}", attachment.id);
    fields.insert("url".to_owned(), json!(url));
}

fn media(mime_type: &str, more: &[(&str, Value)]) -> Value {
    let mut media = Map::from_iter([
        ("id".to_owned(), json!("1003383421387256")),
        ("mime_type".to_owned(), json!(mime_type)),
        ("sha256".to_owned(), json!("SfInY0gGKTsJlUWbwxC1k+FAD0FZHvzwfpvO0zX0GUI=")),
        (
            "url".to_owned(),
            json!("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1003383421387256"),
        ),
    ]);
    media.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    Value::from(media)
}

/// Builds the body of a webhook with one status. `about` is none for a message that was never accepted.
pub(crate) fn status(
    account: &MetaAccount,
    id: &str,
    about: Option<(&Accepted, Option<&Person>)>,
    status: MessageStatus,
    code: Option<i64>,
    at_s: i64,
) -> Vec<u8> {
    let failed = status == MessageStatus::Failed;
    let mut value = value(account);
    let mut fields = Map::from_iter([
        ("id".to_owned(), json!(id)),
        ("status".to_owned(), json!(status.name())),
        ("timestamp".to_owned(), json!(at_s.to_string())),
    ]);
    if let Some((message, person)) = about {
        let hidden = person.is_some_and(|person| person.phone_hidden);
        if !hidden {
            fields.insert("recipient_id".to_owned(), json!(message.number));
        }
        if let Some(bsuid) = person.and_then(|person| person.bsuid.as_ref())
            && (!failed || hidden)
        {
            fields.insert("recipient_user_id".to_owned(), json!(bsuid));
        }
        if let Some(correlation) = &message.shown.correlation {
            fields.insert("biz_opaque_callback_data".to_owned(), json!(correlation));
        }
        if matches!(status, MessageStatus::Sent | MessageStatus::Delivered) {
            let pricing = pricing(message.shown.template.is_some(), message.billable);
            fields.insert("pricing".to_owned(), pricing);
        }
        if let Some(person) = person
            && !failed
        {
            value.insert("contacts".to_owned(), json!([contact(person)]));
        }
    }
    if failed {
        fields.insert("errors".to_owned(), meta_status_error(code.unwrap_or(131_000)));
    }
    value.insert("statuses".to_owned(), json!([fields]));
    let change = json!({"value": value, "field": "messages"});
    wire(
        &json!({"object": "whatsapp_business_account", "entry": [{"id": account.waba_id, "changes": [change]}]}),
    )
}

/// Writes JSON as Meta does: characters beyond ASCII as `\uXXXX`, and slashes escaped. Both occur only in
/// strings, so replacing them afterwards is safe.
pub(crate) fn wire(value: &Value) -> Vec<u8> {
    let mut out = String::new();
    for character in value.to_string().chars() {
        match character {
            '/' => out.push_str("\\/"),
            ' '..='~' => out.push(character),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meta_writes_ascii_that_reads_back_the_same() {
        let value = json!({"body": "Été 🥐 à −20 % / \"cité\"\n\u{7f}"});
        let bytes = wire(&value);
        assert!(bytes.is_ascii());
        assert!(String::from_utf8_lossy(&bytes).contains("\\ud83e\\udd50"));
        assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), value);
    }
}
