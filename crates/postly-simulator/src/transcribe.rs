//! The fake speech recognition of the model server.

use serde_json::{Map, Value, json};

use crate::attachment::MediaFile;
use crate::errors::model_error;
use crate::ids;
use crate::model::{authorized, unauthorized};
use crate::reply::Reply;
use crate::server::Call;
use crate::world::World;

/// The fields of a request, lists by their name in a form (openai-openapi, `CreateTranscriptionRequest`).
const FIELDS: [&str; 11] = [
    "file",
    "model",
    "language",
    "languages[]",
    "keywords[]",
    "prompt",
    "response_format",
    "temperature",
    "include[]",
    "stream",
    "chunking_strategy",
];
/// The endings of the file names that are taken.
const ENDINGS: [&str; 9] = ["flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "wav", "webm"];

/// One part of a form.
struct Part<'a> {
    name: String,
    filename: Option<String>,
    content: &'a [u8],
}

/// `POST /v1/audio/transcriptions`.
pub(crate) fn transcribe(world: &World, call: &Call) -> Reply {
    if !authorized(world, call) {
        return unauthorized();
    }
    let refuse = |param: &str, code: &str, message: &str| {
        model_error(400, "invalid_request_error", Some(param), Some(code), message)
    };
    let Some(parts) = parts(call) else {
        return refuse("file", "invalid_value", "The body must be multipart/form-data.");
    };
    let named: Map<String, Value> = parts
        .iter()
        .map(|part| {
            let value = String::from_utf8_lossy(part.content).into_owned();
            (part.name.trim_end_matches("[]").to_owned(), Value::from(value))
        })
        .filter(|(name, _)| name != "file")
        .collect();
    if let Some(refusal) = world.mind.server().refusal(Value::from(named).to_string().as_bytes()) {
        return refusal;
    }
    if let Some(part) = parts.iter().find(|part| !FIELDS.contains(&part.name.as_str())) {
        return refuse(&part.name, "unknown_parameter", &format!("Unknown parameter: '{}'.", part.name));
    }
    if !parts.iter().any(|part| part.name == "model" && !part.content.is_empty()) {
        return refuse("model", "missing_required_parameter", "you must provide a model parameter");
    }
    let file = parts.iter().find(|part| part.name == "file");
    let ending = file.and_then(|file| file.filename.as_deref()?.rsplit_once('.')).map(|(_, ending)| ending);
    let Some(file) = file.filter(|_| ending.is_some_and(|ending| ENDINGS.contains(&ending))) else {
        return refuse("file", "invalid_value", "Unrecognized file format.");
    };
    if file.content.len() < 32 {
        let message = "Audio file is too short. Minimum audio length is 0.1 seconds.";
        return refuse("file", "audio_too_short", message);
    }
    let text = MediaFile::words(file.content);
    Reply::json(
        200,
        &json!({
            "text": text,
            "languages": [{"code": "fr"}],
            "usage": {"type": "duration", "seconds": 2},
        }),
    )
    .with_header("x-request-id", &ids::token("req_"))
}

/// The parts of a form, or none when it is not one.
fn parts(call: &Call) -> Option<Vec<Part<'_>>> {
    let content_type = call.header("content-type").filter(|_| call.is_content_type("multipart/form-data"))?;
    let boundary = content_type.split_once("boundary=")?.1.trim_matches('"');
    let delimiter = format!("--{boundary}");
    let mut parts = vec![];
    let mut rest = after(&call.body, delimiter.as_bytes())?;
    loop {
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        let body = after(rest, b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(rest.get(..rest.len() - body.len())?).into_owned();
        let end = format!("\r\n{delimiter}");
        let next = after(body, end.as_bytes())?;
        let content = body.get(..body.len() - next.len() - end.len())?;
        let field = |name: &str| {
            let (_, tail) = head.split_once(&format!("; {name}=\""))?;
            Some(tail.split_once('"')?.0.to_owned())
        };
        parts.push(Part { name: field("name")?, filename: field("filename"), content });
        rest = next;
    }
}

/// The rest of some bytes behind a mark.
fn after<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    bytes.get(at + mark.len()..)
}
