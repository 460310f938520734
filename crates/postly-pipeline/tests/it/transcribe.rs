//! Voice notes, and a server that transcribes them, refuses them, or knows nothing of it.

use postly_domain::{
    Language,
    media::{FileType, MediaFile},
};
use postly_pipeline::{
    CallRecord, Hints, ModelFailure, Stage, TranscribeError, Transcriber, Transcription,
    openai::{DEFAULT_TRANSCRIBE_MODEL, OpenAiConfig},
};
use serde_json::json;

use crate::server::{Server, Step, error};

const HEARD: &str = "Crée un post promo pour Instagram, -20 % sur les croissants";

fn answers(body: &serde_json::Value) -> Step {
    Step::Answer(200, "", body.to_string())
}

fn heard() -> Step {
    answers(
        &json!({"text": HEARD, "languages": [{"code": "fr"}], "usage": {"type": "duration", "seconds": 60}}),
    )
}

fn refuses(body: &str) -> Step {
    Step::Answer(400, "", body.to_owned())
}

/// A server and a client of it.
async fn client(script: Vec<Step>, model: &str) -> (Transcriber, Server) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = Server::start(script).await;
    let api_key = Some("sk-secret-of-the-test".to_owned().into());
    let config = OpenAiConfig::new(api_key, &server.base_url, "gpt-6-luna");
    (Transcriber::new(&config, model).unwrap(), server)
}

async fn ask(transcriber: &Transcriber) -> Transcription {
    let file = MediaFile { file_type: FileType::Ogg, bytes: b"OggS and sound"[..].into() };
    let keywords = ["Chez Fatou\r\nX: y".to_owned()];
    transcriber.transcribe(&file, Hints { languages: &[Language::Fr], keywords: &keywords }).await
}

async fn run(script: Vec<Step>) -> (Transcription, Server) {
    let (transcriber, server) = client(script, DEFAULT_TRANSCRIBE_MODEL).await;
    (ask(&transcriber).await, server)
}

fn outcomes(calls: &[CallRecord]) -> Vec<&str> {
    assert!(calls.iter().all(|call| call.stage == Stage::Transcription && call.model == "gpt-transcribe"));
    calls.iter().map(|call| call.outcome).collect()
}

#[tokio::test]
async fn a_voice_note_goes_out_as_a_form_and_its_call_is_recorded_with_its_price() {
    let (transcription, server) = run(vec![heard()]).await;
    assert_eq!(transcription.text.as_deref(), Ok(HEARD));
    let [call] = transcription.calls.as_slice() else { panic!("one call") };
    assert_eq!((call.outcome, call.price_microunits, call.prompt_tokens), ("ok", Some(4_500), None));
    let request = &server.requests()[0];
    assert!(request.head.starts_with("POST /v1/audio/transcriptions HTTP/1.1"), "{}", request.head);
    assert!(request.head.to_lowercase().contains("authorization: bearer sk-secret-of-the-test"));
    assert!(request.head.to_lowercase().contains("content-type: multipart/form-data; boundary=postly-"));
    for part in [
        "form-data; name=\"model\"\r\n\r\ngpt-transcribe\r\n",
        "form-data; name=\"response_format\"\r\n\r\njson\r\n",
        "form-data; name=\"languages[]\"\r\n\r\nfr\r\n",
        "form-data; name=\"keywords[]\"\r\n\r\nChez Fatou  X: y\r\n",
        "form-data; name=\"file\"; filename=\"voice.ogg\"\r\nContent-Type: audio/ogg\r\n\r\nOggS and sound\r\n",
    ] {
        assert!(request.text.contains(part), "{part} in {}", request.text);
    }
}

#[tokio::test]
async fn another_model_is_forced_into_no_language() {
    let (transcriber, server) = client(vec![heard()], "whisper-large-v3").await;
    let transcription = ask(&transcriber).await;
    assert_eq!(transcription.calls[0].price_microunits, None);
    let text = &server.requests()[0].text;
    assert!(!text.contains("language") && !text.contains("keywords"), "{text}");
}

#[tokio::test]
async fn a_field_that_is_refused_is_left_out_from_then_on() {
    let (transcriber, server) = client(
        vec![
            refuses(r#"{"error":{"message":"Unknown parameter: 'keywords[]'.","type":"invalid_request_error","param":"keywords[]","code":"unknown_parameter"}}"#),
            Step::Answer(422, "", r#"{"detail":[{"type":"extra_forbidden","loc":["body","languages"],"msg":"Extra inputs are not permitted"}]}"#.to_owned()),
            heard(),
        ],
        DEFAULT_TRANSCRIBE_MODEL,
    )
    .await;
    let transcription = ask(&transcriber).await;
    assert_eq!(transcription.text.as_deref(), Ok(HEARD));
    assert_eq!(outcomes(&transcription.calls), ["rejected", "rejected", "ok"]);
    assert_eq!(outcomes(&ask(&transcriber).await.calls), ["ok"]);
    let requests = server.requests();
    let has = |number: usize, name: &str| requests[number].text.contains(name);
    assert!(has(0, "keywords") && !has(1, "keywords") && has(1, "languages"));
    assert!(!has(2, "languages") && has(2, "response_format") && !has(3, "languages"));
}

#[tokio::test]
async fn every_end_without_words_has_its_reason() {
    let bad_file = r#"{"error":{"message":"Audio file might be corrupted or unsupported","type":"invalid_request_error","param":"file","code":"invalid_value"}}"#;
    for (script, expected, calls) in [
        (vec![answers(&json!({"text": " "}))], TranscribeError::NoSpeech, vec!["no_speech"]),
        (vec![answers(&json!({"text": "[Musique]"}))], TranscribeError::NoSpeech, vec!["no_speech"]),
        (vec![refuses(bad_file)], TranscribeError::Unusable, vec!["rejected"]),
        (vec![error(413, "", &json!(null))], TranscribeError::Unusable, vec!["rejected"]),
        (vec![error(404, "", &json!(null))], TranscribeError::Missing, vec!["rejected"]),
        (
            vec![error(401, "", &json!("invalid_api_key"))],
            TranscribeError::Failed(ModelFailure::Rejected { status: 401 }),
            vec!["rejected"],
        ),
        (
            vec![error(429, "", &json!("insufficient_quota"))],
            TranscribeError::Failed(ModelFailure::Quota),
            vec!["quota"],
        ),
        (
            vec![error(503, "", &json!(null))],
            TranscribeError::Failed(ModelFailure::Unavailable),
            vec!["server_error", "server_error"],
        ),
        (vec![Step::Torn], TranscribeError::Failed(ModelFailure::Unavailable), vec!["torn", "torn"]),
        (
            vec![answers(&json!({"transcript": HEARD}))],
            TranscribeError::Failed(ModelFailure::Unavailable),
            vec!["not_json", "not_json"],
        ),
    ] {
        let (transcription, _) = run(script).await;
        assert_eq!(transcription.text, Err(expected));
        assert_eq!(outcomes(&transcription.calls), calls, "{expected:?}");
    }
    let (transcription, _) = run(vec![Step::Closed, heard()]).await;
    assert_eq!(transcription.text.as_deref(), Ok(HEARD));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_is_left_within_20_seconds() {
    let started = tokio::time::Instant::now();
    let (transcription, _) = run(vec![Step::Hang]).await;
    assert_eq!(transcription.text, Err(TranscribeError::Failed(ModelFailure::Unavailable)));
    assert!(started.elapsed() <= std::time::Duration::from_secs(21), "{:?}", started.elapsed());
}
