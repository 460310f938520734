//! The parameters that an OpenAI-compatible server accepts, and the shape that its strict mode enforces on
//! its output.

use serde_json::{Map, Value};

use crate::errors::model_error;
use crate::reply::Reply;

/// Every parameter of a chat completion, including the older name of `max_completion_tokens`.
const PARAMETERS: [&str; 32] = [
    "max_tokens",
    "model",
    "messages",
    "response_format",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "n",
    "stop",
    "stream",
    "stream_options",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "store",
    "metadata",
    "seed",
    "service_tier",
    "reasoning_effort",
    "verbosity",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "modalities",
    "prediction",
    "moderation",
];

fn refuse(param: &str, code: Option<&str>, message: &str) -> Reply {
    model_error(400, "invalid_request_error", Some(param), code, message)
}

/// Reads and checks a request.
pub(crate) fn read(body: &[u8]) -> Result<Map<String, Value>, Reply> {
    let Ok(Value::Object(request)) = serde_json::from_slice(body) else {
        return Err(model_error(
            400,
            "invalid_request_error",
            None,
            None,
            "We could not parse the JSON body of your request.",
        ));
    };
    if request.contains_key("max_tokens") && request.contains_key("max_completion_tokens") {
        let message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
        return Err(refuse("max_tokens", Some("invalid_parameter_combination"), message));
    }
    if let Some(name) = request.keys().find(|name| !PARAMETERS.contains(&name.as_str())) {
        return Err(refuse(name, Some("unknown_parameter"), &format!("Unknown parameter: '{name}'.")));
    }
    if request.get("model").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(refuse("model", None, "you must provide a model parameter"));
    }
    messages(&request)?;
    for name in ["max_completion_tokens", "max_tokens"] {
        let limit = request.get(name).filter(|limit| !limit.is_null());
        if limit.is_some_and(|limit| limit.as_u64().is_none_or(|limit| limit == 0)) {
            return Err(refuse(name, Some("integer_below_min_value"), "Expected a value >= 1."));
        }
    }
    if let Some(temperature) = request.get("temperature").filter(|temperature| !temperature.is_null())
        && !temperature.as_f64().is_some_and(|temperature| (0.0..=2.0).contains(&temperature))
    {
        return Err(refuse("temperature", None, "Expected a value between 0 and 2."));
    }
    if request.get("stream").is_some_and(|stream| stream == &Value::Bool(true)) {
        return Err(refuse("stream", Some("unsupported_value"), "The simulator does not stream."));
    }
    if let Some(format) = request.get("response_format").filter(|format| !format.is_null()) {
        response_format(format, &request)?;
    }
    Ok(request)
}

fn messages(request: &Map<String, Value>) -> Result<(), Reply> {
    let messages = request.get("messages").and_then(Value::as_array).filter(|messages| !messages.is_empty());
    let Some(messages) = messages else {
        return Err(refuse("messages", Some("empty_array"), "Expected an array with minimum length 1."));
    };
    for (place, message) in messages.iter().enumerate() {
        let at = format!("messages[{place}]");
        let role = message.get("role").and_then(Value::as_str).unwrap_or_default();
        if !["system", "developer", "user", "assistant", "tool"].contains(&role) {
            return Err(refuse(&format!("{at}.role"), Some("invalid_value"), "Invalid role."));
        }
        let content = message.get("content");
        if !content.is_some_and(|content| content.is_string() || content.is_array()) && role != "assistant" {
            return Err(refuse(
                &format!("{at}.content"),
                Some("invalid_type"),
                "Expected a string or an array.",
            ));
        }
    }
    Ok(())
}

fn response_format(format: &Value, request: &Map<String, Value>) -> Result<(), Reply> {
    let at = "response_format";
    let allowed = |value: &Value, allowed: &[&str], at: &str| match value
        .as_object()
        .and_then(|fields| fields.keys().find(|key| !allowed.contains(&key.as_str())))
    {
        Some(key) => {
            let name = format!("{at}.{key}");
            Err(refuse(&name, Some("unknown_parameter"), &format!("Unknown parameter: '{name}'.")))
        }
        None => Ok(()),
    };
    match format.get("type").and_then(Value::as_str) {
        Some("text") => allowed(format, &["type"], at),
        Some("json_object") => {
            allowed(format, &["type"], at)?;
            let said = request.get("messages").map(Value::to_string).unwrap_or_default();
            if said.to_ascii_lowercase().contains("json") {
                return Ok(());
            }
            let message = "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.";
            Err(refuse("messages", None, message))
        }
        Some("json_schema") => {
            allowed(format, &["type", "json_schema"], at)?;
            let at = "response_format.json_schema";
            let Some(wrapped) = format.get("json_schema").filter(|wrapped| wrapped.is_object()) else {
                return Err(refuse(at, Some("missing_required_parameter"), "Missing required parameter."));
            };
            allowed(wrapped, &["name", "description", "schema", "strict"], at)?;
            let name = wrapped.get("name").and_then(Value::as_str).unwrap_or_default();
            let shaped = (1..=64).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
            if !shaped {
                let message = "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.";
                return Err(refuse(&format!("{at}.name"), Some("invalid_value"), message));
            }
            let Some(schema) = wrapped.get("schema").filter(|schema| schema.is_object()) else {
                return Err(refuse(
                    &format!("{at}.schema"),
                    Some("missing_required_parameter"),
                    "Missing required parameter.",
                ));
            };
            if wrapped.get("strict").and_then(Value::as_bool) == Some(true) {
                if schema.get("type").and_then(Value::as_str) != Some("object") {
                    return Err(bad_schema(name, "schema must be a JSON Schema of 'type: \"object\"'"));
                }
                strict(schema, name)?;
            }
            Ok(())
        }
        _ => Err(refuse("response_format.type", Some("invalid_value"), "Invalid value.")),
    }
}

fn bad_schema(name: &str, why: &str) -> Reply {
    refuse("response_format", None, &format!("Invalid schema for response_format '{name}': {why}."))
}

/// Checks the rules of strict mode: objects set `additionalProperties: false` and require all their
/// properties.
fn strict(schema: &Value, name: &str) -> Result<(), Reply> {
    match schema {
        Value::Array(items) => items.iter().try_for_each(|item| strict(item, name)),
        Value::Object(fields) => {
            if let Some(properties) = fields.get("properties").and_then(Value::as_object) {
                if fields.get("additionalProperties") != Some(&Value::Bool(false)) {
                    return Err(bad_schema(
                        name,
                        "'additionalProperties' is required to be supplied and to be false",
                    ));
                }
                let required = fields.get("required").and_then(Value::as_array);
                let listed =
                    |key: &String| required.is_some_and(|required| required.iter().any(|item| item == key));
                if let Some(missing) = properties.keys().find(|key| !listed(key)) {
                    let why = format!(
                        "'required' is required to include every key in properties. Missing '{missing}'"
                    );
                    return Err(bad_schema(name, &why));
                }
                return properties.values().chain(others(fields)).try_for_each(|schema| strict(schema, name));
            }
            others(fields).try_for_each(|schema| strict(schema, name))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn others(fields: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    ["items", "anyOf", "$defs", "definitions"].into_iter().filter_map(|key| fields.get(key))
}

/// Conforms a value to a schema, as constrained decoding would: only known keys, all of them, and listed enum
/// values.
pub(crate) fn conform(value: &Value, schema: &Value, root: &Value) -> Value {
    if let Some(pointer) =
        schema.get("$ref").and_then(Value::as_str).and_then(|pointer| pointer.strip_prefix('#'))
        && let Some(target) = root.pointer(pointer)
    {
        return conform(value, target, root);
    }
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
        let choice = choices.iter().find(|choice| accepts(choice, value)).or(choices.first());
        return choice.map_or(Value::Null, |choice| conform(value, choice, root));
    }
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array) {
        let plain = |value: &Value| -> String {
            let text = value.as_str().unwrap_or_default().to_lowercase();
            text.chars().filter(|character| character.is_alphanumeric()).collect()
        };
        let alike = allowed.iter().find(|choice| *choice == value || plain(choice) == plain(value));
        return alike.or(allowed.first()).cloned().unwrap_or_default();
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let fields = properties.iter().map(|(key, schema)| {
            (key.clone(), conform(value.get(key).unwrap_or(&Value::Null), schema, root))
        });
        return Value::Object(fields.collect());
    }
    if let Some(items) = schema.get("items") {
        let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
        return list.iter().map(|item| conform(item, items, root)).collect();
    }
    if accepts(schema, value) {
        return value.clone();
    }
    match first_type(schema) {
        Some("string") => Value::from(""),
        Some("integer" | "number") => Value::from(0),
        Some("boolean") => Value::from(false),
        Some("array") => Value::Array(Vec::new()),
        Some("object") => Value::Object(Map::new()),
        _ => Value::Null,
    }
}

fn first_type(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::Array(types) => {
            let types: Vec<&str> = types.iter().filter_map(Value::as_str).collect();
            types.iter().find(|kind| **kind == "null").or(types.first()).copied()
        }
        kind => kind.as_str(),
    }
}

/// Returns true if the schema names the type of the value, or no type.
fn accepts(schema: &Value, value: &Value) -> bool {
    let is = |kind: &str| match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => false,
    };
    match schema.get("type") {
        None => true,
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).any(is),
        Some(kind) => kind.as_str().is_some_and(is),
    }
}
