//! Model servers that accept fewer fields than OpenAI's, each with its own error format.

use serde_json::{Map, Value, json};

use crate::errors::model_error;
use crate::reply::Reply;

/// The server of the model: the fields it refuses, and the form of the refusal.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum ModelServer {
    /// Accepts every field of OpenAI's specification, including `max_tokens`.
    #[default]
    Compatible,
    /// OpenAI's own server with a reasoning model: it accepts `max_completion_tokens` only, and a temperature
    /// only with `reasoning_effort: none`. `gpt-6-astra` and `gpt-6.1-sol` do not know `none`
    /// (akitaonrails/ai-memory#851, khoj-ai/khoj#1377, microsoft/openaivec v2.7.0).
    Gpt6,
    /// Refuses these fields, one after the other or all at once, according to the form. `json_schema` and
    /// `json_object` stand for a `response_format` of that type.
    Refusing(Vec<&'static str>, RefusalForm),
}

/// The form in which a server refuses a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalForm {
    /// 400, one field, in `error.param`.
    OpenAi,
    /// 422, every field at once, in `detail[].loc` (Gitlawb/openclaude#739).
    MistralTop,
    /// 422, every field at once, in `message.detail[].loc` (editor-code-assistant/eca#231).
    MistralMessage,
    /// 422, Mistral's response as LiteLLM 1.108.7 embeds it in a sentence of its own (recorded on
    /// 2026-11-30).
    MistralInText,
    /// 400, every field at once, only in the sentence, `param` null (LiteLLM 1.108.7, recorded on
    /// 2026-11-30).
    LiteLlm,
    /// 400, one field, only in the sentence, as from llama.cpp's server; of the format it names only the
    /// grammar (lidge-jun/opencodex#2135).
    LlamaCpp,
}

impl ModelServer {
    /// Returns the response to a request with refused fields, or none.
    pub(crate) fn refusal(&self, body: &[u8]) -> Option<Reply> {
        let request: Map<String, Value> = serde_json::from_slice(body).ok()?;
        match self {
            Self::Compatible => None,
            Self::Gpt6 => gpt_6(&request),
            Self::Refusing(fields, form) => {
                let sent: Vec<&str> = fields.iter().copied().filter(|field| holds(&request, field)).collect();
                form.says(&sent, request.get("model").and_then(Value::as_str).unwrap_or_default())
            }
        }
    }
}

/// Returns true if a request has this field, or this response format.
fn holds(request: &Map<String, Value>, field: &str) -> bool {
    let format = request.get("response_format").and_then(|format| format.get("type")).and_then(Value::as_str);
    request.contains_key(field) || format == Some(field)
}

fn name(field: &str) -> &str {
    if ["json_schema", "json_object"].contains(&field) { "response_format" } else { field }
}

fn gpt_6(request: &Map<String, Value>) -> Option<Reply> {
    let refuse = |field: &str, code: &str, message: String| {
        Some(model_error(400, "invalid_request_error", Some(field), Some(code), &message))
    };
    let unsupported = |field: &str, more: &str| {
        let message = format!("Unsupported parameter: '{field}' is not supported with this model.{more}");
        refuse(field, "unsupported_parameter", message)
    };
    if request.contains_key("max_tokens") {
        return unsupported("max_tokens", " Use 'max_completion_tokens' instead.");
    }
    let effort = request.get("reasoning_effort").and_then(Value::as_str);
    let model = request.get("model").and_then(Value::as_str).unwrap_or_default();
    if effort == Some("none") && ["gpt-6-astra", "gpt-6.1-sol"].contains(&model) {
        let message = "Unsupported value: 'reasoning_effort' does not support 'none' with this model. Supported values \
                       are: 'low', 'medium', 'high', 'xhigh', and 'max'.";
        return refuse("reasoning_effort", "unsupported_value", message.to_owned());
    }
    if request.contains_key("temperature") && effort != Some("none") {
        return unsupported("temperature", "");
    }
    None
}

impl RefusalForm {
    /// Returns the response that refuses these fields of a request, or none if there are none.
    fn says(self, fields: &[&str], model: &str) -> Option<Reply> {
        let (first, names) = (fields.first()?, fields.iter().map(|field| name(field)));
        Some(match self {
            Self::OpenAi => {
                let message = match *first {
                    format @ ("json_schema" | "json_object") => {
                        format!(
                            "Invalid parameter: 'response_format' of type '{format}' is not supported with this model."
                        )
                    }
                    field => format!("Unsupported parameter: '{field}' is not supported with this model."),
                };
                let code = Some("unsupported_parameter");
                model_error(400, "invalid_request_error", Some(name(first)), code, &message)
            }
            Self::MistralTop => Reply::json(422, &json!({"detail": details(fields)})),
            Self::MistralMessage => Reply::json(422, &mistral(fields)),
            Self::MistralInText => {
                let details: Vec<String> = names
                    .map(|name| {
                        format!(
                            "{{'input': False, 'loc': ['body', '{name}'], 'msg': 'Extra inputs are not permitted', 'type': \
                             'extra_forbidden'}}"
                        )
                    })
                    .collect();
                let message = format!(
                    "litellm.BadRequestError: OpenAIException - {{'detail': [{}]}}\n\nLiteLLM: model group '{model}' failed \
                     with the error above. No fallback was attempted.",
                    details.join(", ")
                );
                model_error(422, "invalid_request_error", None, Some("422"), &message)
            }
            Self::LiteLlm => {
                let names: Vec<String> = names.map(|name| format!("'{name}'")).collect();
                let message = format!(
                    "litellm.UnsupportedParamsError: mistral does not support parameters: [{}], for model={model}. To drop \
                     these, set `litellm.drop_params=True` or for proxy:\n\n`litellm_settings:\n drop_params: true`\n. \n If you \
                     want to use these params dynamically send allowed_openai_params=[{0}] in your request.\n\nLiteLLM: \
                     model group '{model}' failed with the error above. No fallback was attempted.",
                    names.join(", ")
                );
                model_error(400, "invalid_request_error", None, Some("400"), &message)
            }
            Self::LlamaCpp => {
                let message = match *first {
                    "json_schema" | "json_object" => {
                        "Failed to initialize samplers: failed to parse grammar".to_owned()
                    }
                    field => format!("Unsupported param: {field}"),
                };
                Reply::json(
                    400,
                    &json!({"error": {"code": 400, "message": message, "type": "invalid_request_error"}}),
                )
            }
        })
    }
}

fn mistral(fields: &[&str]) -> Value {
    json!({
        "object": "error",
        "message": {"detail": details(fields)},
        "type": "invalid_request_error",
        "param": null,
        "code": null,
    })
}

fn details(fields: &[&str]) -> Value {
    let detail = |field: &&str| {
        json!({
            "type": "extra_forbidden",
            "loc": ["body", name(field)],
            "msg": "Extra inputs are not permitted",
            "input": false,
        })
    };
    fields.iter().map(detail).collect()
}
