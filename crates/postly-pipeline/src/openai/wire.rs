//! The bodies of chat completions, as far as we send and read them.

use postly_domain::{
    Language,
    post::{Platform, VARIANTS},
};
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ReasoningEffort, family, known::Tokens};
use crate::DraftRequest;

/// The longest name of a call that we keep.
const LONGEST_REQUEST_ID: usize = 128;

/// The longest `safety_identifier`, in characters, by OpenAI's specification.
const LONGEST_SAFETY_IDENTIFIER: usize = 64;

/// The request for one draft. It names nobody: the brief and an opaque reference are all that leaves.
pub(super) fn body(
    model: &str,
    request: &DraftRequest,
    max_tokens: u32,
    effort: Option<ReasoningEffort>,
) -> Value {
    let mut messages = vec![
        json!({"role": "system", "content": request.messages.system}),
        json!({"role": "user", "content": request.messages.user}),
    ];
    if let Some((previous, repair)) = &request.messages.repair {
        messages.push(json!({"role": "assistant", "content": previous}));
        messages.push(json!({"role": "user", "content": repair}));
    }
    let mut body = json!({
        "model": model,
        "messages": messages,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "posts", "strict": true, "schema": schema()},
        },
        "max_completion_tokens": max_tokens,
        "store": false,
    });
    let user_ref: String = request.ask.user_ref.chars().take(LONGEST_SAFETY_IDENTIFIER).collect();
    if let Some(object) = body.as_object_mut() {
        if !user_ref.is_empty() {
            object.insert("safety_identifier".to_owned(), user_ref.into());
        }
        if let Some(effort) = effort {
            object.insert("reasoning_effort".to_owned(), effort.as_str().into());
        }
        if takes_temperature(model, effort) {
            object.insert("temperature".to_owned(), json!(0.7));
        }
    }
    body
}

/// Models that reason refuse any temperature but their own, unless they are told not to reason.
fn takes_temperature(model: &str, effort: Option<ReasoningEffort>) -> bool {
    match effort {
        Some(effort) => effort == ReasoningEffort::None,
        None => family::never_reasons(model),
    }
}

/// The shape of the answer, in the strict subset: every property required, none beside them. The number of posts
/// stands in the prompt, for not every server takes `minItems`.
fn schema() -> Value {
    let platforms: Vec<&str> = Platform::ALL.into_iter().map(Platform::as_str).collect();
    let languages: Vec<&str> = Language::ALL.into_iter().map(Language::code).collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["kind", "platform", "industry", "objective", "tone", "language", "variants"],
        "properties": {
            "kind": {"type": "string", "enum": ["post", "small_talk", "off_topic"]},
            "platform": {"type": "string", "enum": platforms},
            "industry": {"type": "string"},
            "objective": {"type": "string"},
            "tone": {"type": "string"},
            "language": {"type": "string", "enum": languages},
            "variants": {
                "type": "array",
                "description": format!("Exactly {VARIANTS} posts, or none unless kind is post."),
                "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["text", "angle"],
                    "properties": {"text": {"type": "string"}, "angle": {"type": "string"}},
                },
            },
        },
    })
}

/// An answer as we use it.
pub(super) struct Reply {
    pub(super) content: Content,
    pub(super) tokens: Tokens,
    pub(super) request_id: Option<String>,
}

/// What the model said.
pub(super) enum Content {
    Text(String),
    Nothing,
    Refused,
    Filtered,
    Truncated,
}

impl Reply {
    /// The answer of a server that let a filter answer.
    pub(super) fn filtered(headers: &HeaderMap) -> Self {
        let request_id = request_id(headers);
        Self { content: Content::Filtered, tokens: Tokens::default(), request_id }
    }
}

impl Content {
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Self::Text(_) => "ok",
            Self::Nothing => "empty",
            Self::Refused => "refused",
            Self::Filtered => "filtered",
            Self::Truncated => "truncated",
        }
    }
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
    // Compatible servers leave it out, or fill it their own way.
    #[serde(default)]
    usage: Value,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    finish_reason: Option<String>,
    #[serde(default)]
    message: Message,
}

#[derive(Deserialize, Default)]
struct Message {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

/// Reads a successful answer; `None` when it is not of the contract.
pub(super) fn read(body: &[u8], headers: &HeaderMap) -> Option<Reply> {
    let completion: Completion = serde_json::from_slice(body).ok()?;
    let content = completion.choices.into_iter().next().map_or(Content::Nothing, |choice| {
        let text = choice.message.content.filter(|text| !text.trim().is_empty());
        match (choice.finish_reason.as_deref(), choice.message.refusal, text) {
            (Some("content_filter"), ..) => Content::Filtered,
            (_, Some(refusal), _) if !refusal.is_empty() => Content::Refused,
            (Some("length"), ..) => Content::Truncated,
            (_, _, Some(text)) => Content::Text(text),
            (_, _, None) => Content::Nothing,
        }
    });
    Some(Reply { content, tokens: tokens(&completion.usage), request_id: request_id(headers) })
}

fn tokens(usage: &Value) -> Tokens {
    let count = |pointer: &str| usage.pointer(pointer).and_then(Value::as_i64).filter(|tokens| *tokens >= 0);
    Tokens {
        read: count("/prompt_tokens"),
        cached: count("/prompt_tokens_details/cached_tokens").unwrap_or(0),
        written: count("/completion_tokens"),
    }
}

/// The provider's name for a call.
pub(super) fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    Some(id.chars().take(LONGEST_REQUEST_ID).collect())
}

/// Whether an error says that our account is empty.
pub(super) fn is_quota(body: &[u8]) -> bool {
    is_error(body, "insufficient_quota")
}

/// Whether an error says that a filter stopped the brief: Azure's is no `finish_reason`, but a 400.
pub(super) fn is_filtered(body: &[u8]) -> bool {
    is_error(body, "content_filter")
}

/// Whether an error has this code or type. Its code may be text, a number or null.
fn is_error(body: &[u8], expected: &str) -> bool {
    let error: Value = serde_json::from_slice(body).unwrap_or_default();
    let field = |name: &str| error.pointer(&format!("/error/{name}")).and_then(Value::as_str);
    [field("code"), field("type")].into_iter().flatten().any(|code| code == expected)
}
