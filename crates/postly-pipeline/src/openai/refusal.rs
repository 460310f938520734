//! Reads the error of a server, and the fields of the request that it names.
//!
//! Servers name fields in three ways: OpenAI in `error.param`, Mistral and every server built on pydantic in
//! the `loc` of their `detail` (at the top, under `message`, or as text within another error), LiteLLM and
//! many others in the sentence alone. No sentence leaves this file, because it may quote the brief.

use serde_json::Value;

use super::shape::{Field, Shape};

/// The depth to which an error is read. Gateways wrap one error in another, seldom twice.
const DEEPEST: usize = 8;

/// The longest code or parameter in a log, in bytes.
const LONGEST_WORD: usize = 64;

/// The extent of a server's refusal of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PictureRefusal {
    /// The file is bad (OpenAI's codes: `invalid_image_format`, `image_parse_error` …).
    ThisOne,
    /// The model accepts no pictures.
    All,
}

/// The parts of an error that are used. It has no `Debug`, because its texts may quote the brief.
#[derive(Default)]
pub(super) struct ApiError {
    code: Option<String>,
    kind: Option<String>,
    param: Option<String>,
    /// The names on the path of each `loc`.
    locations: Vec<Vec<String>>,
    texts: Vec<String>,
}

impl ApiError {
    /// Reads the body of an error in any form.
    pub(super) fn read(body: &[u8]) -> Self {
        let mut error = Self::default();
        match serde_json::from_slice(body) {
            Ok(value) => error.walk(&value, DEEPEST),
            Err(_) => error.text(&String::from_utf8_lossy(body), DEEPEST),
        }
        error
    }

    /// The code for a log: a word of the API, never a text.
    pub(super) fn code(&self) -> Option<&str> {
        self.code.as_deref().or(self.kind.as_deref())
    }

    /// The parameter for a log.
    pub(super) fn param(&self) -> Option<&str> {
        self.param.as_deref().filter(|param| is_word(param))
    }

    /// True if the error has this code or type.
    pub(super) fn is(&self, expected: &str) -> bool {
        [&self.code, &self.kind].into_iter().flatten().any(|word| word == expected)
    }

    /// True if the error means that our account is empty.
    pub(super) fn is_quota(&self) -> bool {
        self.is("insufficient_quota")
    }

    /// Returns the extent of a refusal, if the error refuses the picture of the request.
    pub(super) fn refuses_picture(&self) -> Option<PictureRefusal> {
        const SIGNS: [&str; 5] = ["image", "vision", "multimodal", "multi-modal", "content must be a string"];
        let is_bad_file = self.code.as_deref().is_some_and(|code| code.contains("image"));
        if is_bad_file {
            return Some(PictureRefusal::ThisOne);
        }
        let says = |text: &String| {
            let text = text.to_ascii_lowercase();
            SIGNS.iter().any(|sign| text.contains(sign))
        };
        (self.texts.iter().chain(&self.param).any(says)).then_some(PictureRefusal::All)
    }

    /// The optional fields of a request of this shape that the error names.
    pub(super) fn refused(&self, sent: &Shape) -> Vec<Field> {
        let named = |name: &str| field_named(sent, name);
        if let Some(param) = &self.param {
            let head = words(param).next().map(|(_, word)| word).unwrap_or_default();
            if ["model", "messages"].contains(&head.as_str()) {
                return vec![];
            }
            if let Some(field) = named(&head) {
                return vec![field];
            }
        }
        let mut found: Vec<Field> = vec![];
        for location in &self.locations {
            if let Some(field) =
                location.iter().find_map(|name| named(name)).filter(|field| !found.contains(field))
            {
                found.push(field);
            }
        }
        // Beside a location, the sentence holds the value that was sent, which may be the brief.
        if self.locations.is_empty() {
            found = self
                .texts
                .iter()
                .map(|text| named_first(sent, text))
                .find(|fields| !fields.is_empty())
                .unwrap_or_default();
        }
        found
    }

    /// The names among these that the error names, where its fields are not those of a chat completion.
    pub(super) fn names(&self, sent: &[&'static str]) -> Vec<&'static str> {
        let among = |text: &str| -> Vec<&'static str> {
            let words: Vec<String> = words(text).map(|(_, word)| word).collect();
            sent.iter().copied().filter(|name| words.iter().any(|word| word == name)).collect()
        };
        let by_param = self.param.as_deref().map(among).unwrap_or_default();
        if !by_param.is_empty() {
            return by_param;
        }
        if !self.locations.is_empty() {
            return self.locations.iter().flat_map(|location| among(&location.join(" "))).collect();
        }
        self.texts.iter().map(|text| among(text)).find(|names| !names.is_empty()).unwrap_or_default()
    }

    fn walk(&mut self, value: &Value, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.member(name, value, depth);
                }
                // A missing field is not a refused one.
                if let Some(Value::Array(path)) = fields.get("loc")
                    && fields.get("type").and_then(Value::as_str) != Some("missing")
                {
                    let names = path.iter().filter_map(Value::as_str).map(str::to_owned);
                    self.locations.push(names.collect());
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.walk(item, depth)),
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn member(&mut self, name: &str, value: &Value, depth: usize) {
        match (name, value) {
            // A copy of the request.
            ("input" | "ctx" | "messages" | "body", _) => {}
            ("code", Value::String(code)) if is_word(code) => {
                self.code.get_or_insert_with(|| code.clone());
            }
            ("code", Value::Number(code)) if is_number(&code.to_string()) => {
                self.code.get_or_insert_with(|| code.to_string());
            }
            ("code", Value::String(code)) if is_number(code) => {
                self.code.get_or_insert_with(|| code.clone());
            }
            ("type", Value::String(kind)) if is_word(kind) => {
                self.kind.get_or_insert_with(|| kind.clone());
            }
            ("param", Value::String(param)) if !param.is_empty() => {
                self.param.get_or_insert_with(|| param.clone());
            }
            ("message" | "error" | "detail" | "msg" | "raw" | "reason" | "title", Value::String(text)) => {
                self.text(text, depth);
            }
            _ => self.walk(value, depth),
        }
    }

    /// Reads a sentence, which may hold the error of another server.
    fn text(&mut self, text: &str, depth: usize) {
        for (at, _) in text.match_indices('{').take(4) {
            let tail = text.get(at..).unwrap_or_default();
            let mut values = serde_json::Deserializer::from_str(tail).into_iter::<Value>();
            if let Some(Ok(value)) = values.next() {
                self.walk(&value, depth);
                break;
            }
        }
        self.locations.extend(printed_locations(text));
        self.texts.push(text.to_owned());
    }
}

/// The locations in an error that Python printed into a sentence: `{'input': …, 'loc': ['body', 'store'], …}`
/// (LiteLLM 1.108.7, for a refusal by a server behind it), or `'loc': ('body', 'store')` (vLLM).
fn printed_locations(text: &str) -> impl Iterator<Item = Vec<String>> {
    text.split("'loc':").skip(1).filter_map(|tail| {
        let inner = tail.trim_start().strip_prefix(['[', '('])?;
        let inner = inner.get(..inner.find([']', ')'])?)?;
        Some(words(inner).map(|(_, word)| word).collect())
    })
}

/// True for a word of an API: letters, digits and a few marks, beginning with a letter, so that a phone
/// number is not one.
fn is_word(text: &str) -> bool {
    text.len() <= LONGEST_WORD
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-[]".contains(&byte))
}

/// True for a number such as a status, too short to be a phone number.
fn is_number(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The words of a text, each with its range in bytes: letters, digits and `_`.
fn words(text: &str) -> impl Iterator<Item = (std::ops::Range<usize>, String)> {
    let mut rest = 0;
    std::iter::from_fn(move || {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let start = rest + text.get(rest..)?.find(is_part)?;
        let tail = text.get(start..)?;
        let end = start + tail.find(|c: char| !is_part(c)).unwrap_or(tail.len());
        rest = end;
        Some((start..end, text.get(start..end)?.to_owned()))
    })
}

/// The field that a word names: `max_tokens`, `maxTokens` (xAI), or a part of the format of the answer.
fn field_named(sent: &Shape, word: &str) -> Option<Field> {
    let plain = |word: &str| word.replace('_', "").to_ascii_lowercase();
    let word = plain(word);
    let is_format = ["jsonschema", "jsonobject", "guidedjson", "guidedgrammar"].contains(&word.as_str());
    sent.fields()
        .find(|(field, name)| plain(name) == word || *field == Field::ResponseFormat && is_format)
        .map(|(field, _)| field)
}

/// Phrases for the format of the answer, for servers that name no field.
const FORMAT_PHRASES: &[&str] =
    &["response format", "json schema", "structured output", "json mode", "parse grammar"];

/// The field that a sentence names first, and those listed right after it: later ones may be recommendations.
fn named_first(sent: &Shape, text: &str) -> Vec<Field> {
    let mut found: Vec<Field> = vec![];
    let mut end = 0;
    for (place, word) in words(text) {
        if let Some(field) = field_named(sent, &word) {
            let is_listed = text.get(end..place.start).is_some_and(|gap| {
                gap.split(|c: char| !c.is_alphanumeric()).all(|word| word.is_empty() || word == "and")
            });
            if !found.is_empty() && !is_listed {
                break;
            }
            if !found.contains(&field) {
                found.push(field);
            }
            end = place.end;
        }
    }
    let lower = text.to_ascii_lowercase();
    if found.is_empty() && sent.format.is_some() && FORMAT_PHRASES.iter().any(|phrase| lower.contains(phrase))
    {
        found.push(Field::ResponseFormat);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openai::{Dialect, ReasoningEffort};

    fn refused(body: &str) -> Vec<&'static str> {
        let sent = Shape::new(Dialect::OpenAi, "gpt-6-luna", Some(ReasoningEffort::None));
        ApiError::read(body.as_bytes())
            .refused(&sent)
            .into_iter()
            .filter_map(|field| sent.name(field))
            .collect()
    }

    #[test]
    fn a_refusal_of_a_picture_is_told_from_one_of_a_bad_file_and_from_any_other() {
        let read = |body: &str| ApiError::read(body.as_bytes()).refuses_picture();
        for body in [
            r#"{"error":{"message":"Invalid content type. image_url is only supported by certain models.","type":"invalid_request_error","param":"messages.[1].content.[1].type","code":null}}"#,
            r#"{"error":{"message":"No endpoints found that support image input","code":404}}"#,
            r#"{"error":{"message":"messages[1].content must be a string","type":"invalid_request_error"}}"#,
            r#"{"object":"error","message":"m is not a multimodal model","type":"BadRequestError","param":null,"code":400}"#,
        ] {
            assert_eq!(read(body), Some(PictureRefusal::All), "{body}");
        }
        let bad = r#"{"error":{"message":"You uploaded an unsupported image.","type":"invalid_request_error","param":null,"code":"invalid_image_format"}}"#;
        assert_eq!(read(bad), Some(PictureRefusal::ThisOne));
        for body in [
            r#"{"error":{"message":"Unsupported parameter: 'temperature'","param":"temperature","code":"unsupported_parameter"}}"#,
            r#"{"error":{"message":"The engine is currently overloaded","code":null}}"#,
            "",
        ] {
            assert_eq!(read(body), None, "{body}");
        }
    }

    /// Each body was seen from a server; its source is in the comment above it.
    #[test]
    fn a_refusal_names_its_fields_in_one_of_three_ways() {
        for (body, expected) in [
            // OpenAI, gpt-6 with an effort (khoj-ai/khoj#1377, akitaonrails/ai-memory#851).
            (
                r#"{"error":{"message":"Unsupported parameter: 'temperature' is not supported with this model.","type":"invalid_request_error","param":"temperature","code":"unsupported_parameter"}}"#,
                &["temperature"] as &[&str],
            ),
            // OpenAI, an unsupported value: the sentence recommends others.
            (
                r#"{"error":{"message":"Unsupported value: 'reasoning_effort' does not support 'none' with this model. Supported values are: 'low', 'medium', and 'high'.","type":"invalid_request_error","param":"reasoning_effort","code":"unsupported_value"}}"#,
                &["reasoning_effort"],
            ),
            // OpenAI before gpt-4o-2024-08-06.
            (
                r#"{"error":{"message":"Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.","type":"invalid_request_error","param":null,"code":null}}"#,
                &["response_format"],
            ),
            (
                r#"{"error":{"message":"Invalid schema","type":"invalid_request_error","param":"response_format.json_schema.strict","code":null}}"#,
                &["response_format"],
            ),
            // Mistral (Gitlawb/openclaude#739): at the top.
            (
                r#"{"detail":[{"type":"extra_forbidden","loc":["body","store"],"msg":"Extra inputs are not permitted","input":false},{"type":"extra_forbidden","loc":["body","max_completion_tokens"],"msg":"Extra inputs are not permitted","input":8192}]}"#,
                &["store", "max_completion_tokens"],
            ),
            // Mistral (editor-code-assistant/eca#231): under `message`.
            (
                r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","max_completion_tokens"],"msg":"Extra inputs are not permitted","input":32000}]},"type":"invalid_request_error","param":null,"code":null}"#,
                &["max_completion_tokens"],
            ),
            // Mistral behind LiteLLM: in a text.
            (
                r#"{"error":{"message":"litellm.BadRequestError: MistralException - {\"detail\":[{\"type\":\"extra_forbidden\",\"loc\":[\"body\",\"safety_identifier\"],\"msg\":\"Extra inputs are not permitted\",\"input\":\"store\"}]}. Received Model Group=small","type":null,"param":null,"code":"400"}}"#,
                &["safety_identifier"],
            ),
            // LiteLLM 1.108.7 before a server with answers like Mistral's, recorded on 2026-11-30.
            (
                r#"{"error":{"message":"litellm.BadRequestError: OpenAIException - {'detail': [{'input': False, 'loc': ['body', 'store'], 'msg': 'Extra inputs are not permitted', 'type': 'extra_forbidden'}, {'input': 'temperature', 'loc': ['body', 'safety_identifier'], 'msg': 'Extra inputs are not permitted', 'type': 'extra_forbidden'}]}\n\nLiteLLM: model group 'behind-the-gateway' failed with the error above. No fallback was attempted.","type":"invalid_request_error","param":null,"code":"422"}}"#,
                &["store", "safety_identifier"],
            ),
            // vLLM's older form of the same.
            (
                r#"{"object":"error","message":"[{'type': 'extra_forbidden', 'loc': ('body', 'store'), 'msg': 'Extra inputs are not permitted', 'input': False}]","type":"BadRequestError","param":null,"code":400}"#,
                &["store"],
            ),
            // LiteLLM 1.108.7, `litellm/utils.py`, recorded on the same day.
            (
                r#"{"error":{"message":"litellm.UnsupportedParamsError: mistral does not support parameters: ['store', 'safety_identifier'], for model=mistral-small-latest. To drop these, set `litellm.drop_params=True` or for proxy:\n\n`litellm_settings:\n drop_params: true`\n","type":"invalid_request_error","param":null,"code":"400"}}"#,
                &["store", "safety_identifier"],
            ),
            // LiteLLM (BerriAI/litellm#33738): the effort is a recommendation.
            (
                r#"{"error":{"message":"litellm.UnsupportedParamsError: gpt-5-nano doesn't support temperature=0.1 while reasoning is active. Only temperature=1 is supported unless reasoning_effort resolves to 'none'","type":"invalid_request_error","param":null,"code":"400"}}"#,
                &["temperature"],
            ),
            // xAI (BerriAI/litellm#14056).
            (
                r#"{"code":"Client specified an invalid argument","error":"Argument not supported on this model: reasoningEffort"}"#,
                &["reasoning_effort"],
            ),
            // Gemini, Groq, Azure, and a gateway that wraps another server's error.
            (
                r#"{"error":{"message":"Invalid JSON payload received. Unknown name \"store\": Cannot find field.","code":400}}"#,
                &["store"],
            ),
            (
                r#"{"error":{"message":"The property 'store' is not supported","type":"invalid_request_error"}}"#,
                &["store"],
            ),
            (
                r#"{"error":{"message":"Unrecognized request argument supplied: safety_identifier","type":"invalid_request_error","param":null,"code":null}}"#,
                &["safety_identifier"],
            ),
            (
                r#"{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"{\"detail\":[{\"type\":\"extra_forbidden\",\"loc\":[\"store\"],\"msg\":\"Extra inputs are not permitted\"}]}"}}}"#,
                &["store"],
            ),
            // llama.cpp (lidge-jun/opencodex#2135).
            (
                r#"{"error":{"code":400,"message":"Failed to initialize samplers: failed to parse grammar","type":"invalid_request_error"}}"#,
                &["response_format"],
            ),
            (r#"This model does not support response format `json_schema`"#, &["response_format"]),
        ] {
            assert_eq!(refused(body), expected, "{body}");
        }
    }

    #[test]
    fn an_error_about_something_else_refuses_no_field() {
        for body in [
            "",
            "<html>Bad Request</html>",
            r#"{"error":{"message":"you must provide a model parameter","param":"model","code":null}}"#,
            r#"{"error":{"message":"Invalid content: temperature and store of the bread","param":"messages[1].content","code":"invalid_value"}}"#,
            r#"{"detail":[{"type":"missing","loc":["body","temperature"],"msg":"Field required"}]}"#,
            r#"{"detail":[{"type":"string_type","loc":["body","messages",1,"content"],"msg":"Input should be a valid string","input":"the temperature of our store"}]}"#,
            r#"{"error":{"message":"litellm.BadRequestError: OpenAIException - {'detail': [{'input': 'the temperature of our store', 'loc': ['body', 'messages', 1, 'content'], 'msg': 'Input should be a valid string', 'type': 'string_type'}]}","param":null,"code":"422"}}"#,
            r#"{"error":{"message":"The model `gpt-9` does not exist","code":"model_not_found"}}"#,
            r#"{"error":{"message":"max_tokens must be positive"}}"#,
        ] {
            assert_eq!(refused(body), [] as [&str; 0], "{body}");
        }
    }

    #[test]
    fn only_words_of_an_api_go_into_a_log() {
        let of = |body: &str| {
            let error = ApiError::read(body.as_bytes());
            (error.code().map(str::to_owned), error.param().map(str::to_owned))
        };
        let some = |text: &str| Some(text.to_owned());
        for (body, expected) in [
            (
                r#"{"error":{"code":"unsupported_parameter","param":"store"}}"#,
                (some("unsupported_parameter"), some("store")),
            ),
            (r#"{"error":{"code":400,"param":null,"type":"invalid_request_error"}}"#, (some("400"), None)),
            (
                r#"{"detail":[{"type":"extra_forbidden","loc":["body","store"]}]}"#,
                (some("extra_forbidden"), None),
            ),
            (
                r#"{"error":{"code":"Client wrote: -20 % on croissants","param":"the brief of +33639981001"}}"#,
                (None, None),
            ),
            (r#"{"error":{"code":33639981001,"param":"33639981001"}}"#, (None, None)),
            ("temperature", (None, None)),
        ] {
            assert_eq!(of(body), expected, "{body}");
        }
    }
}
