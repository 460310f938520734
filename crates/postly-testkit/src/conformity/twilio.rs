//! Twilio: messages and typing indicators. Both are forms.

use std::sync::LazyLock;

use postly_simulator::JournalEntry;
use serde_json::{Map, Value};

use super::spec::Spec;

static MESSAGES: LazyLock<Spec> =
    LazyLock::new(|| Spec::read(include_str!("../../specs/twilio-messages.json")));
static TYPING: LazyLock<Spec> = LazyLock::new(|| Spec::read(include_str!("../../specs/twilio-typing.json")));

/// The longest body of a message, in UTF-16 units (errors 21617 and 21658).
const LONGEST_BODY: usize = 1600;

pub(super) fn typing_faults(entry: &JournalEntry) -> Vec<String> {
    form_faults(&TYPING, entry).1
}

pub(super) fn send_faults(entry: &JournalEntry) -> Vec<String> {
    let (form, mut faults) = form_faults(&MESSAGES, entry);
    let field = |name: &str| form.get(name).and_then(Value::as_str);
    for name in ["To", "From"] {
        match field(name) {
            Some(address) if is_address(address) => {}
            // A plus that was not percent-encoded is read as a space.
            Some(address) => {
                faults.push(format!("{name} is {address:?}, not `whatsapp:` with a number or an id"));
            }
            None => faults.push(format!("no {name}")),
        }
    }
    // Without it no status could be matched with its attempt, and there is no idempotency key as an
    // alternative.
    if field("StatusCallback").is_none() {
        faults.push("no StatusCallback".to_owned());
    }
    if let Some(body) = field("Body") {
        let length = body.encode_utf16().count();
        if length == 0 || length > LONGEST_BODY {
            faults.push(format!("a Body of {length} UTF-16 units"));
        }
    }
    let has_content = form.contains_key("ContentSid");
    if has_content && (form.contains_key("Body") || form.contains_key("MediaUrl")) {
        faults.push("Body or MediaUrl beside ContentSid".to_owned());
    }
    if !["Body", "MediaUrl", "ContentSid"].iter().any(|name| form.contains_key(*name)) {
        faults.push("nothing to send".to_owned());
    }
    if let Some(variables) = field("ContentVariables") {
        let read: Option<Map<String, Value>> = serde_json::from_str(variables).ok();
        if !read.is_some_and(|variables| variables.values().all(Value::is_string)) {
            faults.push("ContentVariables is not a JSON object of strings".to_owned());
        }
        if !has_content {
            faults.push("ContentVariables without ContentSid".to_owned());
        }
    }
    faults
}

/// Reads a form by the types of its fields, and returns its faults.
fn form_faults(spec: &Spec, entry: &JournalEntry) -> (Map<String, Value>, Vec<String>) {
    let mut faults = spec.address_faults(entry);
    let mut form = Map::new();
    for (name, value) in form_urlencoded::parse(&entry.body) {
        // Twilio silently ignores unknown fields, so only this check finds a misspelt name.
        let Some(field) = spec.fields.get(name.as_ref()) else {
            faults.push(format!("a field named {name:?}, which the specification does not know"));
            continue;
        };
        let kind = field.get("type").and_then(Value::as_str).unwrap_or_default();
        if kind == "array" {
            let list = form.entry(name.into_owned()).or_insert_with(|| Value::Array(vec![]));
            list.as_array_mut().expect("we made a list").push(Value::from(value));
        } else if form.insert(name.to_string(), typed(kind, &value)).is_some() {
            faults.push(format!("{name} comes twice"));
        }
    }
    let form = Value::Object(form);
    faults.extend(spec.body_faults(&form));
    let Value::Object(form) = form else { return (Map::new(), faults) };
    (form, faults)
}

/// A text as its declared type. An unreadable one stays a text, which the schema then refuses.
fn typed(kind: &str, text: &str) -> Value {
    match kind {
        "boolean" | "integer" | "number" => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
        _ => Value::from(text),
    }
}

/// `whatsapp:` and a number with its plus, or a business-scoped id.
fn is_address(address: &str) -> bool {
    let Some(address) = address.strip_prefix("whatsapp:") else { return false };
    if let Some(digits) = address.strip_prefix('+') {
        return (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
    }
    address.split_once('.').is_some_and(|(country, id)| {
        let id = id.strip_prefix("ENT.").unwrap_or(id);
        country.len() == 2
            && country.bytes().all(|byte| byte.is_ascii_uppercase())
            && (1..=128).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}
