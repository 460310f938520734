//! Reads the answer of a server from any of the places where servers put it.
//!
//! The contract has one place for it, `choices[0].message.content` as text. Servers and gateways use others:
//! a list of parts (Mistral), the arguments of a tool (models that were trained to call one),
//! `reasoning_content` (DeepSeek, llama.cpp and vLLM, if a model answers before it closes its reasoning), or
//! a stream of events that was not requested.

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::{known::Tokens, wire};
use crate::validate;

/// The parts of an answer that are used.
pub(super) struct Reply {
    pub(super) content: Content,
    pub(super) tokens: Tokens,
    pub(super) request_id: Option<String>,
}

/// The content of the model's message.
pub(super) enum Content {
    Text(String),
    Nothing,
    Refused,
    Filtered,
    Truncated,
}

impl Reply {
    /// Returns a reply for an error of the provider's content filter.
    pub(super) fn filtered(headers: &HeaderMap) -> Self {
        let request_id = wire::request_id(headers);
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

/// Reads a successful answer; `None` if it does not follow the contract.
pub(super) fn read(body: &[u8], headers: &HeaderMap) -> Option<Reply> {
    let completion = serde_json::from_slice(body).ok().or_else(|| gather(body))?;
    let choices = completion.get("choices")?.as_array()?;
    Some(Reply {
        content: choices.first().map_or(Content::Nothing, content),
        tokens: tokens(completion.get("usage").unwrap_or(&Value::Null)),
        request_id: wire::request_id(headers),
    })
}

fn content(choice: &Value) -> Content {
    let finish = choice.get("finish_reason").and_then(Value::as_str);
    let message = choice.get("message").unwrap_or(&Value::Null);
    if finish == Some("content_filter") {
        return Content::Filtered;
    }
    if is_refusal(message) {
        return Content::Refused;
    }
    let places = places(choice, message);
    let readable = places.iter().position(|text| validate::read(text).is_ok());
    // For a full context, Mistral sends `model_length`.
    let was_cut = matches!(finish, Some("length" | "model_length" | "max_tokens"));
    match places.into_iter().nth(readable.unwrap_or(0)) {
        // A cut answer with a complete object is accepted: the model only continued after the object.
        _ if was_cut && readable.is_none() => Content::Truncated,
        Some(text) => Content::Text(text),
        None => Content::Nothing,
    }
}

fn is_refusal(message: &Value) -> bool {
    let refuses = |value: &Value| {
        value.get("refusal").and_then(Value::as_str).is_some_and(|refusal| !refusal.trim().is_empty())
    };
    let mut parts = message.get("content").and_then(Value::as_array).into_iter().flatten();
    refuses(message) || parts.any(refuses)
}

/// The texts of a choice in every place where an answer may be, likeliest first.
fn places(choice: &Value, message: &Value) -> Vec<String> {
    let (spoken, thought) = parts(message.get("content").unwrap_or(&Value::Null));
    let calls = message.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
    let calls = calls.filter_map(|call| call.get("function").or(Some(call)));
    let arguments =
        calls.chain(message.get("function_call")).filter_map(|call| call.get("arguments")).map(plain);
    let others = [choice.get("text"), message.get("reasoning_content"), message.get("reasoning")];
    let others = others.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    std::iter::once(spoken)
        .chain(arguments)
        .chain(others)
        .chain([thought])
        .filter(|text| !text.trim().is_empty())
        .collect()
}

/// Returns arguments as text: most servers send text that holds JSON, some send the JSON itself.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The text of a content, and separately the reasoning that some servers put among its parts.
fn parts(content: &Value) -> (String, String) {
    let (mut spoken, mut thought) = (String::new(), String::new());
    match content {
        Value::String(text) => spoken.push_str(text),
        Value::Array(items) => {
            for item in items {
                let is_thought =
                    matches!(item.get("type").and_then(Value::as_str), Some("thinking" | "reasoning"));
                match item {
                    Value::String(text) => spoken.push_str(text),
                    // {"type":"thinking","thinking":[{"type":"text","text":"…"}]} (docs.mistral.ai,
                    // reasoning).
                    _ if is_thought => {
                        let inner = item.get("thinking").or_else(|| item.get("text")).unwrap_or(&Value::Null);
                        thought.push_str(&parts(inner).0);
                    }
                    _ => spoken.extend(item.get("text").and_then(Value::as_str)),
                }
            }
        }
        // A server that was asked for an object may answer with one.
        Value::Object(_) => spoken.push_str(&content.to_string()),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    (spoken, thought)
}

fn tokens(usage: &Value) -> Tokens {
    let count = |pointer: &str| usage.pointer(pointer).and_then(Value::as_i64).filter(|tokens| *tokens >= 0);
    Tokens {
        read: count("/prompt_tokens"),
        cached: count("/prompt_tokens_details/cached_tokens").unwrap_or(0),
        written: count("/completion_tokens"),
    }
}

/// Assembles a stream of events into a completion.
fn gather(body: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(body).ok()?;
    let mut gathered = Gathered::default();
    for data in text.lines().filter_map(|line| line.trim_start_matches('\u{FEFF}').strip_prefix("data:")) {
        let data = data.trim();
        if data == "[DONE]" {
            break;
        }
        let Ok(chunk) = serde_json::from_str::<Value>(data) else { continue };
        if chunk.get("error").is_some_and(|error| !error.is_null()) {
            return None;
        }
        gathered.add(&chunk);
    }
    gathered.has_choice.then(|| gathered.completion())
}

#[derive(Default)]
struct Gathered {
    has_choice: bool,
    content: String,
    thought: String,
    arguments: String,
    refusal: String,
    finish: Value,
    usage: Value,
}

impl Gathered {
    fn add(&mut self, chunk: &Value) {
        if let Some(usage) = chunk.get("usage").filter(|usage| usage.is_object()) {
            self.usage = usage.clone();
        }
        let Some(choice) = chunk.pointer("/choices/0") else { return };
        self.has_choice = true;
        if let Some(finish) = choice.get("finish_reason").filter(|finish| finish.is_string()) {
            self.finish = finish.clone();
        }
        let delta = choice.get("delta").or_else(|| choice.get("message")).unwrap_or(&Value::Null);
        let (spoken, thought) = parts(delta.get("content").unwrap_or(&Value::Null));
        let text = |name: &str| delta.get(name).and_then(Value::as_str).unwrap_or_default();
        self.content.push_str(&spoken);
        self.content.extend(choice.get("text").and_then(Value::as_str));
        self.thought.push_str(&thought);
        self.thought.push_str(text("reasoning_content"));
        self.refusal.push_str(text("refusal"));
        // Only the first call is the answer; parts of a second would be appended to it.
        let calls = delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
        for call in calls.filter(|call| call.get("index").and_then(Value::as_u64).unwrap_or(0) == 0) {
            self.arguments.extend(call.pointer("/function/arguments").and_then(Value::as_str));
        }
    }

    fn completion(self) -> Value {
        let message = json!({
            "content": self.content,
            "reasoning_content": self.thought,
            "refusal": self.refusal,
            "tool_calls": [{"function": {"arguments": self.arguments}}],
        });
        json!({"choices": [{"message": message, "finish_reason": self.finish}], "usage": self.usage})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSTS: &str = r#"{"kind":"post","platform":"x","industry":"","objective":"","tone":"","language":"fr","variants":[]}"#;

    fn text_of(body: &Value) -> Option<String> {
        match read(body.to_string().as_bytes(), &HeaderMap::new())?.content {
            Content::Text(text) => Some(text),
            Content::Nothing | Content::Refused | Content::Filtered | Content::Truncated => None,
        }
    }

    fn message(message: &Value) -> Value {
        json!({"choices": [{"finish_reason": "stop", "message": message}]})
    }

    #[test]
    fn the_answer_is_found_wherever_it_stands() {
        let thought = "A draft {\"kind\":\"post\"} would do.";
        for body in [
            message(&json!({"content": POSTS})),
            message(&json!({"content": [{"type": "text", "text": POSTS}]})),
            message(&json!({"content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": thought}]},
                {"type": "text", "text": POSTS},
            ]})),
            message(&json!({"content": null, "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "posts", "arguments": POSTS}},
            ]})),
            message(&json!({"content": "Voici :", "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "posts", "arguments": POSTS}},
            ]})),
            message(&json!({"content": "", "function_call": {"name": "posts", "arguments": POSTS}})),
            message(&json!({"content": "", "reasoning_content": POSTS})),
            message(&json!({"content": null, "reasoning": POSTS})),
            json!({"choices": [{"text": POSTS, "finish_reason": "stop"}]}),
            json!({"choices": [{"message": {"content": POSTS}, "finish_reason": "length"}]}),
        ] {
            assert_eq!(text_of(&body).as_deref(), Some(POSTS), "{body}");
        }
        let objects = [
            message(&json!({"content": serde_json::from_str::<Value>(POSTS).unwrap()})),
            message(
                &json!({"tool_calls": [{"function": {"arguments": serde_json::from_str::<Value>(POSTS).unwrap()}}]}),
            ),
        ];
        for body in objects {
            assert!(validate::read(&text_of(&body).unwrap()).is_ok(), "{body}");
        }
    }

    #[test]
    fn a_stream_of_events_is_put_together() {
        let (first, second) = POSTS.split_at(30);
        let event = |delta: Value, finish: Value| {
            format!(
                "data: {}\r\n\r\n",
                json!({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
            )
        };
        let stream = [
            ": keep-alive\r\n\r\n".to_owned(),
            event(json!({"role": "assistant", "content": ""}), Value::Null),
            event(json!({"content": first}), Value::Null),
            event(json!({"content": second}), Value::Null),
            event(json!({}), json!("stop")),
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3}}\r\n\r\n"
                .to_owned(),
            "data: [DONE]\r\n\r\n".to_owned(),
        ]
        .concat();
        let reply = read(stream.as_bytes(), &HeaderMap::new()).unwrap();
        assert!(matches!(reply.content, Content::Text(text) if text == POSTS));
        assert_eq!((reply.tokens.read, reply.tokens.written), (Some(9), Some(3)));

        let call =
            |arguments: &str| json!({"tool_calls": [{"index": 0, "function": {"arguments": arguments}}]});
        let stream = [event(call(first), Value::Null), event(call(second), json!("tool_calls"))].concat();
        let reply = read(stream.as_bytes(), &HeaderMap::new()).unwrap();
        assert!(matches!(reply.content, Content::Text(text) if text == POSTS));

        for broken in
            ["data: {\"error\":{\"message\":\"overloaded\"}}\n\n", "data: [DONE]\n\n", "event: ping\n\n"]
        {
            assert!(read(broken.as_bytes(), &HeaderMap::new()).is_none(), "{broken}");
        }
    }

    #[test]
    fn a_cut_refused_or_empty_answer_is_none() {
        let content =
            |choice: Value| read(json!({"choices": [choice]}).to_string().as_bytes(), &HeaderMap::new());
        let cut = content(json!({"message": {"content": "{\"kind\":"}, "finish_reason": "model_length"}));
        assert!(matches!(cut.unwrap().content, Content::Truncated));
        let refused = content(json!({"message": {"content": [{"type": "refusal", "refusal": "No."}]}}));
        assert!(matches!(refused.unwrap().content, Content::Refused));
        let empty = content(json!({"message": {"content": []}, "finish_reason": "stop"}));
        assert!(matches!(empty.unwrap().content, Content::Nothing));
        assert!(read(b"{\"error\":{\"message\":\"no\"}}", &HeaderMap::new()).is_none());
    }
}
