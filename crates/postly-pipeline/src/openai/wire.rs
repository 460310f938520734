//! The request for a chat completion.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use postly_domain::media::MediaFile;
use reqwest::header::HeaderMap;
use serde_json::{Map, Value, json};

use super::{
    ReasoningEffort,
    shape::{Field, Format, Shape},
};
use crate::DraftRequest;

/// The longest id of a call that is kept, in characters.
const LONGEST_REQUEST_ID: usize = 128;

/// The longest `safety_identifier`, in characters, by OpenAI's specification.
const LONGEST_SAFETY_IDENTIFIER: usize = 64;

/// The request for one draft, with the picture if there is one. It identifies nobody: the brief and an opaque
/// reference are all that leaves.
pub(super) fn body(
    model: &str,
    request: &DraftRequest,
    shape: &Shape,
    max_tokens: u32,
    picture: Option<&MediaFile>,
) -> Value {
    let text = &request.messages.user;
    let mut messages = vec![
        json!({"role": "system", "content": request.messages.system}),
        match picture {
            None => json!({"role": "user", "content": text}),
            Some(file) => json!({"role": "user", "content": [
                {"type": "text", "text": text},
                {"type": "image_url", "image_url": {"url": data_url(file)}},
            ]}),
        },
    ];
    if let Some((previous, repair)) = &request.messages.repair {
        messages.push(json!({"role": "assistant", "content": previous}));
        messages.push(json!({"role": "user", "content": repair}));
    }
    let user_ref: String = request.ask.user_ref.chars().take(LONGEST_SAFETY_IDENTIFIER).collect();
    let mut body = Map::new();
    let mut put = |name: Option<&'static str>, value: Value| {
        body.extend(name.map(|name| (name.to_owned(), value)));
    };
    put(Some("model"), model.into());
    put(Some("messages"), messages.into());
    for (field, name) in shape.fields() {
        let value = match field {
            Field::TokenLimit => max_tokens.into(),
            Field::ResponseFormat => {
                let has_picture = picture.is_some();
                shape.format.map_or(Value::Null, |format| response_format(format, has_picture))
            }
            Field::ReasoningEffort => shape.effort.map(ReasoningEffort::as_str).into(),
            Field::Temperature => json!(0.7),
            Field::Store | Field::Stream => false.into(),
            Field::SafetyIdentifier => user_ref.as_str().into(),
        };
        put(Some(name).filter(|_| field != Field::SafetyIdentifier || !user_ref.is_empty()), value);
    }
    Value::Object(body)
}

/// A picture as part of the request: model servers fetch no address of ours.
fn data_url(file: &MediaFile) -> String {
    format!("data:{};base64,{}", file.file_type.content_type(), STANDARD.encode(&file.bytes))
}

fn response_format(format: Format, has_picture: bool) -> Value {
    match format {
        Format::JsonSchema => json!({
            "type": "json_schema",
            "json_schema": {"name": "posts", "strict": true, "schema": schema(has_picture)},
        }),
        Format::JsonObject => json!({"type": "json_object"}),
    }
}

/// The schema of the answer, in the strict subset: every property required, no others allowed. The number of
/// posts is in the prompt, because not every server accepts `minItems`. Platforms and languages are not
/// listed, because the answer is read leniently and a list is paid for in every request.
fn schema(has_picture: bool) -> Value {
    let mut schema = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["kind", "platform", "industry", "objective", "tone", "language", "variants"],
        "properties": {
            "kind": {"type": "string", "enum": ["post", "small_talk", "off_topic"]},
            "platform": {"type": "string"},
            "industry": {"type": "string"},
            "objective": {"type": "string"},
            "tone": {"type": "string"},
            "language": {"type": "string"},
            "variants": {
                "type": "array",
                "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["text", "angle"],
                    "properties": {"text": {"type": "string"}, "angle": {"type": "string"}},
                },
            },
        },
    });
    if has_picture {
        let required = schema.get_mut("required").and_then(Value::as_array_mut);
        required.into_iter().for_each(|names| names.push("alt_text".into()));
        let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
        properties.into_iter().for_each(|fields| {
            fields.insert("alt_text".to_owned(), json!({"type": "string"}));
        });
    }
    schema
}

/// The provider's id of a call.
pub(super) fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    Some(id.chars().take(LONGEST_REQUEST_ID).collect())
}
