//! Requests for transcriptions: `CreateTranscriptionRequest` of openai-openapi, with a form as its body.

use postly_simulator::JournalEntry;

/// The fields of the specification that we may send; lists as the official clients write them.
const FIELDS: [&str; 5] = ["model", "file", "response_format", "languages[]", "keywords[]"];

pub(super) fn faults(entry: &JournalEntry) -> Vec<String> {
    let mut faults = vec![];
    if (entry.method.as_str(), entry.path.as_str()) != ("POST", "/v1/audio/transcriptions") {
        faults.push("it does not go to /v1/audio/transcriptions".to_owned());
    }
    let types = entry.headers.iter().filter(|(name, _)| name == "content-type");
    let boundary =
        types.map(|(_, value)| value.split_once("multipart/form-data; boundary=")).next().flatten();
    let Some((_, boundary)) = boundary else {
        faults.push("its body is no form".to_owned());
        return faults;
    };
    let body = String::from_utf8_lossy(&entry.body);
    if !body.ends_with(&format!("\r\n--{boundary}--\r\n")) {
        faults.push("its form has no end".to_owned());
    }
    let heads: Vec<&str> = body
        .split(&format!("--{boundary}\r\n"))
        .filter_map(|part| Some(part.split_once("\r\n\r\n")?.0))
        .collect();
    for head in &heads {
        if !FIELDS.iter().any(|field| head.contains(&format!("form-data; name=\"{field}\""))) {
            faults.push(format!("a part that the specification does not know: {head}"));
        }
    }
    let has = |needle: &str| heads.iter().any(|head| head.contains(needle));
    if !has("name=\"model\"") || !has("name=\"file\"; filename=\"voice.") || !has("Content-Type: audio/") {
        faults.push("no model, or no file with its name and type".to_owned());
    }
    faults
}
