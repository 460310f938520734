//! One operation of an OpenAPI document.

use std::collections::BTreeMap;

use jsonschema::{Draft, ValidationError, Validator, error::ValidationErrorKind};
use postly_simulator::JournalEntry;
use serde_json::{Map, Value, json};

/// The specified body and address of a request.
pub(super) struct Spec {
    /// The path with its parameters in braces, after the path of the server.
    path: String,
    parameters: BTreeMap<String, Validator>,
    media_type: String,
    /// The fields of the body by name, references followed.
    pub(super) fields: Map<String, Value>,
    body: Validator,
}

impl Spec {
    /// Reads a document with a single operation, a POST with a body.
    pub(super) fn read(text: &str) -> Self {
        let document: Value = serde_json::from_str(text).expect("a specification is JSON");
        let server = document.pointer("/servers/0/url").and_then(Value::as_str).expect("a server");
        let server = server.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap_or_default();
        let (path, item) = only(document.get("paths"));
        let operation = item.get("post").expect("a POST");
        let (media_type, content) = only(operation.pointer("/requestBody/content"));
        let schema = content.get("schema").expect("a body");
        let parameters = operation.get("parameters").and_then(Value::as_array);
        let parameters = parameters.into_iter().flatten().map(|parameter| {
            let name = parameter.get("name").and_then(Value::as_str).expect("a name");
            (name.to_owned(), validator(&document, parameter.get("schema").expect("a schema")))
        });
        let mut fields = Map::new();
        collect_fields(&document, schema, &mut fields);
        Self {
            path: format!("{server}{path}"),
            parameters: parameters.collect(),
            media_type: media_type.clone(),
            fields,
            body: validator(&document, schema),
        }
    }

    /// The faults of a request's method, address and content type.
    pub(super) fn address_faults(&self, entry: &JournalEntry) -> Vec<String> {
        let mut faults = vec![];
        if entry.method != "POST" {
            faults.push(format!("it is a {}", entry.method));
        }
        let given: Vec<&str> = entry.path.split('/').collect();
        let wanted: Vec<&str> = self.path.split('/').collect();
        if given.len() != wanted.len() {
            faults.push(format!("its path is not {}", self.path));
        }
        for (given, wanted) in given.iter().zip(&wanted) {
            let parameter = wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
            match parameter.and_then(|name| self.parameters.get(name)) {
                Some(validator) => {
                    for fault in errors(validator, &json!(given)) {
                        faults.push(format!("{wanted} in its path: {fault}"));
                    }
                }
                None if given != wanted => faults.push(format!("{given} stands for {wanted} in its path")),
                None => {}
            }
        }
        let types: Vec<&str> = entry
            .headers
            .iter()
            .filter(|(name, _)| name == "content-type")
            .map(|(_, value)| value.split(';').next().unwrap_or_default().trim())
            .collect();
        if types != [self.media_type.as_str()] {
            faults.push(format!("its content type is {types:?}, not {}", self.media_type));
        }
        faults
    }

    /// The faults of a body.
    pub(super) fn body_faults(&self, body: &Value) -> Vec<String> {
        errors(&self.body, body)
    }

    /// Reads a body of JSON, and returns its faults.
    pub(super) fn json_faults(&self, entry: &JournalEntry) -> (Value, Vec<String>) {
        match serde_json::from_slice(&entry.body) {
            Ok(body) => {
                let faults = self.body_faults(&body);
                (body, faults)
            }
            Err(error) => (Value::Null, vec![format!("its body is not JSON: {error}")]),
        }
    }
}

fn only(map: Option<&Value>) -> (&String, &Value) {
    let map = map.and_then(Value::as_object).filter(|map| map.len() == 1);
    map.and_then(|map| map.iter().next()).expect("exactly one")
}

/// Resolves a reference within the document, if it is one.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#')) {
        Some(pointer) => document.pointer(pointer).expect("a reference leads somewhere"),
        None => schema,
    }
}

fn collect_fields(document: &Value, schema: &Value, fields: &mut Map<String, Value>) {
    let schema = resolved(document, schema);
    for (name, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        fields.insert(name.clone(), resolved(document, field).clone());
    }
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        collect_fields(document, part, fields);
    }
}

/// OpenAPI 3.0 and 3.1 agree with this draft on every keyword in our documents, except for `nullable`. It is
/// ignored, so a null is refused in each case in which 3.1 would refuse it.
fn validator(document: &Value, schema: &Value) -> Validator {
    let components = document.get("components").cloned().unwrap_or_default();
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .build(&json!({"allOf": [schema], "components": components}))
        .expect("a schema")
}

fn errors(validator: &Validator, value: &Value) -> Vec<String> {
    let mut faults = vec![];
    for error in validator.iter_errors(value) {
        explain(&error, &mut faults);
    }
    faults
}

/// Of several alternatives that a value misses, reports the nearest one.
fn explain(error: &ValidationError<'_>, faults: &mut Vec<String>) {
    if let ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } =
        error.kind()
        && let Some(nearest) = context.iter().min_by_key(|errors| errors.len()).filter(|it| !it.is_empty())
    {
        for error in nearest {
            explain(error, faults);
        }
        return;
    }
    let place = error.instance_path().to_string();
    let place = if place.is_empty() { "its body".to_owned() } else { place };
    faults.push(format!("{place}: {error}"));
}
