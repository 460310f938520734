//! The Cloud API: messages, and the sign that we have read and are writing.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use postly_simulator::JournalEntry;
use serde_json::Value;

use super::spec::Spec;

static SPEC: LazyLock<Spec> =
    LazyLock::new(|| Spec::read(include_str!("../../specs/whatsapp-send.strict.json")));

/// Rows of a list over all its sections.
const ROWS: usize = 10;

pub(super) fn faults(entry: &JournalEntry) -> Vec<String> {
    let mut faults = SPEC.address_faults(entry);
    let (body, more) = SPEC.json_faults(entry);
    faults.extend(more);
    let is_message = body.get("status").is_none();
    // Without it no status could be matched with its attempt, and there is no idempotency key to fall back on.
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
    let codes: BTreeSet<_> = list(&body, "/template/components")
        .iter()
        .filter_map(|component| component.pointer("/parameters/0/text")?.as_str())
        .collect();
    let is_code = list(&body, "/template/components")
        .iter()
        .any(|component| component.get("type").is_some_and(|kind| kind == "button"));
    if is_code && codes.len() > 1 {
        faults.push("a template whose button copies another code than the text shows".to_owned());
    }
    faults
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}
