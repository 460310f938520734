//! The Cloud API: messages, read marks and typing indicators.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use postly_simulator::JournalEntry;
use serde_json::Value;

use super::spec::Spec;

static SPEC: LazyLock<Spec> =
    LazyLock::new(|| Spec::read(include_str!("../../specs/whatsapp-send.strict.json")));

/// Rows of a list over all its sections.
const ROWS: usize = 10;
/// The longest code of an authentication template.
const LONGEST_CODE: usize = 15;

pub(super) fn faults(entry: &JournalEntry) -> Vec<String> {
    let mut faults = SPEC.address_faults(entry);
    let (body, more) = SPEC.json_faults(entry);
    faults.extend(more);
    let is_message = body.get("status").is_none();
    // Without it no status could be matched with its attempt, and there is no idempotency key as an
    // alternative.
    if is_message && body.get("biz_opaque_callback_data").is_none() {
        faults.push("a message without biz_opaque_callback_data".to_owned());
    }
    if is_message && body.get("to").is_some() == body.get("recipient").is_some() {
        faults.push("a message names either `to` or `recipient`".to_owned());
    }
    for (what, pointer, key) in [
        ("title", "/interactive/action/buttons", "/reply/title"),
        ("id", "/interactive/action/buttons", "/reply/id"),
    ] {
        let buttons = list(&body, pointer);
        let different: BTreeSet<_> =
            buttons.iter().filter_map(|button| button.pointer(key)?.as_str()).collect();
        if different.len() < buttons.len() {
            faults.push(format!("two buttons with one {what}"));
        }
    }
    let sections = list(&body, "/interactive/action/sections");
    let rows: usize = sections.iter().map(|section| list(section, "/rows").len()).sum();
    if rows > ROWS {
        faults.push(format!("a list of {rows} rows over all its sections"));
    }
    if sections.len() > 1 && sections.iter().any(|section| section.get("title").is_none()) {
        faults.push("one of several sections without a title".to_owned());
    }
    if body.get("template").is_some() {
        faults.extend(code_faults(&body));
    }
    faults
}

/// The faults of a template. Only the template of codes is sent, and it has one form.
fn code_faults(body: &Value) -> Vec<String> {
    let components = list(body, "/template/components");
    let kinds: Vec<_> = components.iter().filter_map(|component| component.get("type")?.as_str()).collect();
    if kinds != ["body", "button"] {
        return vec![format!("a code with {kinds:?} instead of a body and a button")];
    }
    let mut faults = vec![];
    for (name, value) in [("sub_type", "url"), ("index", "0")] {
        let pointer = format!("/template/components/1/{name}");
        if body.pointer(&pointer).and_then(Value::as_str) != Some(value) {
            faults.push(format!("{pointer} is not {value:?}"));
        }
    }
    let codes: BTreeSet<_> =
        components.iter().filter_map(|component| component.pointer("/parameters/0/text")?.as_str()).collect();
    if codes.len() != 1 {
        faults.push("a template whose button copies another code than the text shows".to_owned());
    }
    if codes.iter().any(|code| code.encode_utf16().count() > LONGEST_CODE) {
        faults.push(format!("a code of more than {LONGEST_CODE} characters"));
    }
    faults
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}
