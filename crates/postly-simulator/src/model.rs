//! The fake OpenAI-compatible server.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::compose;
use crate::errors::model_error;
use crate::ids;
use crate::model_rules::{self, conform};
use crate::model_server::ModelServer;
use crate::reply::Reply;
use crate::secrets::is_bearer;
use crate::server::Call;
use crate::world::World;

/// The behaviour of the model.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum ModelBehaviour {
    /// Writes three different posts around the brief.
    #[default]
    Compose,
    /// Answers with exactly this content.
    Content(String),
    /// Writes two posts.
    TwoVariants,
    /// Writes four posts.
    FourVariants,
    /// Writes the same post three times.
    ThreeEqual,
    /// Puts a discount in each post that is not in the brief.
    InventsNumber,
    /// Refuses, in `message.refusal`.
    Refuses,
    /// Stops because of a content filter.
    Filtered,
    /// Runs out of tokens in the middle.
    Truncated,
    /// Answers with text that is not JSON.
    Garbage,
    /// Classifies the brief as small talk.
    SmallTalk,
    /// Classifies the brief as off topic for a shop.
    OffTopic,
    /// Says that it takes no pictures, as a model of text does; composes when there is none.
    Blind,
    /// Composes, after this many milliseconds.
    LatencyMs(u64),
}

/// The current and queued behaviours of the model, and its server.
#[derive(Default)]
pub(crate) struct Mind {
    inner: Mutex<Moods>,
    server: Mutex<ModelServer>,
}

#[derive(Default)]
struct Moods {
    usual: ModelBehaviour,
    next: VecDeque<ModelBehaviour>,
}

impl Mind {
    /// Sets the behaviour from now on, and clears the queue.
    pub(crate) fn set(&self, behaviour: ModelBehaviour) {
        *self.inner.lock().unwrap_or_else(PoisonError::into_inner) =
            Moods { usual: behaviour, next: VecDeque::new() };
    }

    /// Queues a behaviour for one call, after those already queued.
    pub(crate) fn push(&self, behaviour: ModelBehaviour) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).next.push_back(behaviour);
    }

    /// Sets the server from now on.
    pub(crate) fn stand_behind(&self, server: ModelServer) {
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = server;
    }

    pub(crate) fn server(&self) -> ModelServer {
        self.server.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take(&self) -> ModelBehaviour {
        let mut moods = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        moods.next.pop_front().unwrap_or_else(|| moods.usual.clone())
    }
}

/// Returns true if the key is present and correct, or none is required.
pub(crate) fn authorized(world: &World, call: &Call) -> bool {
    let secrets = world.secrets();
    let Some(keys) = &secrets.openai_api_keys else { return true };
    is_bearer(call.header("authorization"), keys)
}

pub(crate) fn unauthorized() -> Reply {
    model_error(401, "invalid_request_error", None, Some("invalid_api_key"), "Incorrect API key provided.")
}

/// The listed models, each with its announced shutdown date, if any (developers.openai.com, reference of the
/// list of models and page of deprecations, read on 2026-11-30).
const MODELS: [(&str, Option<&str>); 3] =
    [("gpt-6-luna", None), ("gpt-5-mini", Some("2026-12-11")), ("gpt-4o-mini", Some("2027-01-14"))];

/// `GET /v1/models`.
pub(crate) fn list(world: &World, call: &Call) -> Reply {
    if !authorized(world, call) {
        return unauthorized();
    }
    let models = MODELS.map(|(id, shutdown_date)| {
        json!({
            "id": id,
            "object": "model",
            "created": 1_789_406_102,
            "owned_by": "system",
            "shutdown_date": shutdown_date,
        })
    });
    Reply::json(200, &json!({"object": "list", "data": models}))
}

/// `POST /v1/chat/completions`.
pub(crate) async fn complete(world: &World, call: &Call) -> Reply {
    let reply = completion(world, call).await;
    reply.with_header("x-request-id", &ids::token("req_"))
}

async fn completion(world: &World, call: &Call) -> Reply {
    if !authorized(world, call) {
        return unauthorized();
    }
    if !call.is_content_type("application/json") {
        let message = "Unsupported Media Type: 'content-type' must be 'application/json'.";
        return model_error(415, "invalid_request_error", None, None, message);
    }
    if let Some(refusal) = world.mind.server().refusal(&call.body) {
        return refusal;
    }
    let request = match model_rules::read(&call.body) {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    let behaviour = world.mind.take();
    if let ModelBehaviour::LatencyMs(ms) = behaviour {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    if behaviour == ModelBehaviour::Blind && Asked::read(&request).sees {
        // OpenAI's words for a model of text.
        let message = "Invalid content type. image_url is only supported by certain models.";
        let param = "messages.[1].content.[1].type";
        return model_error(400, "invalid_request_error", Some(param), None, message);
    }
    let (content, refusal, finish) = said(&behaviour, &request);
    let prompt = call.body.len() / 4;
    let written = content.as_deref().map_or(1, str::len) / 4 + 1;
    let body = json!({
        "id": ids::token("chatcmpl-"),
        "object": "chat.completion",
        "created": world.clock.now_s(),
        "model": request.get("model"),
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": content, "refusal": refusal, "annotations": []},
            "logprobs": null,
            "finish_reason": finish,
        }],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": written,
            "total_tokens": prompt + written,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
        "service_tier": "default",
        "system_fingerprint": "fp_simulated",
    });
    Reply::json(200, &body)
}

/// Returns content, refusal and finish reason.
fn said(
    behaviour: &ModelBehaviour,
    request: &Map<String, Value>,
) -> (Option<String>, Option<&'static str>, &'static str) {
    let asked = Asked::read(request);
    let posts = |texts: Vec<String>| Some(asked.answer("post", texts));
    let three = || compose::texts(&asked.brief, &asked.language, &asked.platform);
    match behaviour {
        ModelBehaviour::Compose | ModelBehaviour::Blind | ModelBehaviour::LatencyMs(_) => {
            (posts(three()), None, "stop")
        }
        ModelBehaviour::Content(content) => (Some(content.clone()), None, "stop"),
        ModelBehaviour::TwoVariants => (posts(three().into_iter().take(2).collect()), None, "stop"),
        ModelBehaviour::FourVariants => {
            let fourth = compose::fourth(&asked.brief, &asked.language);
            (posts(three().into_iter().chain([fourth]).collect()), None, "stop")
        }
        ModelBehaviour::ThreeEqual => {
            let first: Vec<String> = three().into_iter().take(1).collect();
            (posts([first.clone(), first.clone(), first].concat()), None, "stop")
        }
        ModelBehaviour::InventsNumber => {
            let invented = compose::unheard_number(&asked.brief);
            (posts(three().iter().map(|text| format!("{text} -{invented} %")).collect()), None, "stop")
        }
        ModelBehaviour::Refuses => (None, Some("I'm sorry, I can't assist with that request."), "stop"),
        ModelBehaviour::Filtered => (None, None, "content_filter"),
        ModelBehaviour::Truncated => {
            let whole = asked.answer("post", three());
            let half: String = whole.chars().take(whole.chars().count() / 2).collect();
            (Some(half), None, "length")
        }
        ModelBehaviour::Garbage => {
            (Some("Bien sûr ! Voici trois idées : {\"variants\": [oops".to_owned()), None, "stop")
        }
        ModelBehaviour::SmallTalk => (Some(asked.answer("small_talk", Vec::new())), None, "stop"),
        ModelBehaviour::OffTopic => (Some(asked.answer("off_topic", Vec::new())), None, "stop"),
    }
}

/// The contents of a request for posts.
struct Asked<'a> {
    brief: String,
    language: String,
    platform: String,
    schema: Option<&'a Value>,
    /// A picture is attached.
    sees: bool,
}

impl<'a> Asked<'a> {
    /// Reads the last user message that is a JSON object with a brief, because a repair adds a plain message
    /// after it.
    fn read(request: &'a Map<String, Value>) -> Self {
        let messages =
            request.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let said = messages
            .iter()
            .rev()
            .filter(|message| message.get("role").and_then(Value::as_str) == Some("user"));
        let texts: Vec<String> = said.map(|message| text_of(message.get("content"))).collect();
        let found = texts.iter().find_map(|text| {
            let object: Map<String, Value> = serde_json::from_str(text).ok()?;
            object.get("brief").is_some_and(Value::is_string).then_some(object)
        });
        let fields = found.unwrap_or_default();
        let field = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        let brief = field("brief").or_else(|| texts.first().cloned()).unwrap_or_default();
        let schema = request.get("response_format").and_then(|format| format.pointer("/json_schema/schema"));
        Self {
            language: field("language").unwrap_or_else(|| compose::language(&brief).to_owned()),
            platform: field("platform").unwrap_or_else(|| compose::platform(&brief).to_owned()),
            brief,
            schema,
            sees: request
                .get("messages")
                .is_some_and(|messages| messages.to_string().contains("\"image_url\"")),
        }
    }

    /// Builds the structured answer, conformed to the schema of the request, if any.
    fn answer(&self, kind: &str, texts: Vec<String>) -> String {
        let angles = ["benefit", "story", "question", "urgency"];
        let variants: Vec<Value> = texts
            .into_iter()
            .zip(angles)
            .map(|(text, angle)| json!({"text": text, "angle": angle}))
            .collect();
        let answer = json!({
            "kind": kind,
            "platform": self.platform,
            "industry": "commerce",
            "objective": "promotion",
            "tone": "warm",
            "language": self.language,
            "variants": variants,
            "alt_text": if self.sees { "Trois croissants dorés sur un plateau en bois" } else { "" },
        });
        self.schema.map_or(answer.to_string(), |schema| conform(&answer, schema, schema).to_string())
    }
}

/// Returns the text of a message, which is a string or a list of parts.
fn text_of(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts
            .iter()
            .filter_map(|part| part.get("text").and_then(Value::as_str))
            .collect::<Vec<_>>()
            .join("\n"),
        Some(_) | None => String::new(),
    }
}
