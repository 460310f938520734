//! Chat completions.

use std::sync::LazyLock;

use postly_simulator::JournalEntry;
use serde_json::Value;

use super::spec::Spec;

static SPEC: LazyLock<Spec> = LazyLock::new(|| Spec::read(include_str!("../../specs/openai-chat.json")));

/// The longest name of a schema, by the documentation of structured outputs.
const LONGEST_NAME: usize = 64;

pub(super) fn faults(entry: &JournalEntry) -> Vec<String> {
    let mut faults = SPEC.address_faults(entry);
    let (body, more) = SPEC.json_faults(entry);
    faults.extend(more);
    for name in body.as_object().into_iter().flat_map(|body| body.keys()) {
        match SPEC.fields.get(name) {
            None => faults.push(format!("a field named {name:?}, which the specification does not know")),
            // Compatible servers accept the limit by its older name only.
            Some(_) if name == "max_tokens" && body.get("max_completion_tokens").is_none() => {}
            Some(field) if field.get("deprecated") == Some(&Value::Bool(true)) => {
                faults.push(format!("{name} is deprecated"));
            }
            Some(_) => {}
        }
    }
    match body.pointer("/response_format/type").and_then(Value::as_str) {
        Some("json_schema") => structured_faults(&body, &mut faults),
        // The API answers this with 400.
        Some("json_object") if !mentions_json(&body) => {
            faults.push("json_object, and no message says JSON".to_owned());
        }
        _ => {}
    }
    faults
}

fn mentions_json(body: &Value) -> bool {
    let messages = body.get("messages").and_then(Value::as_array).into_iter().flatten();
    messages.filter_map(|message| message.get("content")).any(|content| content.to_string().contains("JSON"))
}

fn structured_faults(body: &Value, faults: &mut Vec<String>) {
    let Some(format) = body.pointer("/response_format/json_schema") else { return };
    let name = format.get("name").and_then(Value::as_str).unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_plain) {
        faults.push(format!("a schema named {name:?}"));
    }
    match format.get("schema") {
        None => faults.push("json_schema without its schema".to_owned()),
        Some(schema) if format.get("strict") == Some(&Value::Bool(true)) => strict_faults(schema, faults),
        Some(_) => {}
    }
}

/// The strict subset: every object is closed, and requires each of its properties.
fn strict_faults(schema: &Value, faults: &mut Vec<String>) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
            faults.push("a strict schema with an object that is not closed".to_owned());
        }
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for name in properties.keys().filter(|name| !required.contains(&name.as_str())) {
            faults.push(format!("a strict schema that does not require {name}"));
        }
        for property in properties.values() {
            strict_faults(property, faults);
        }
    }
    for definition in schema.get("$defs").and_then(Value::as_object).into_iter().flat_map(|it| it.values()) {
        strict_faults(definition, faults);
    }
    for alternative in schema.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
        strict_faults(alternative, faults);
    }
    if let Some(items) = schema.get("items") {
        strict_faults(items, faults);
    }
}
