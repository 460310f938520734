//! The client of OpenAI-compatible servers, with a server that breaks the contract in every way.

use std::{sync::Arc, time::Duration};

use postly_domain::{Brief, Language, post::Platform};
use postly_pipeline::{
    Stage, WriteError, WriteFailure, WriteRequest, Writer, Written,
    openai::{DEFAULT_MODEL, Dialect, OpenAiConfig, OpenAiConfigError, OpenAiModel, ReasoningEffort, Timing},
};
use serde_json::{Value, json};

use crate::server::{Server, Step, completion, error, finished, posts};

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";

const GOOD: [&str; 3] = [
    "🥐 Ce week-end, on fond : -20 % sur les croissants. À samedi ou à dimanche, mais venez !",
    "Le four s'ouvre, la rue sent le beurre. Ce week-end, les croissants sont à -20 %. #Boulangerie",
    "Nature, amandes ou trempés dans le bol ? -20 % sur les croissants ce week-end, dites-nous tout.",
];

/// Replaces the first post, because the brief lacks its weekdays and the guard does not derive them from the
/// week-end.
pub(crate) fn good() -> Step {
    completion(&posts(&[
        "🥐 Ce week-end, on fond : -20 % sur les croissants, et c'est tant mieux.",
        GOOD[1],
        GOOD[2],
    ]))
}

pub(crate) fn ask() -> WriteRequest {
    WriteRequest {
        brief: Brief::parse(BRIEF).unwrap(),
        is_explicit: false,
        language_hint: Language::Fr,
        language_hint_is_known: false,
        language_forced: None,
        platform: None,
        tone: None,
        brand: postly_domain::brand::Brand::default(),
        region: None,
        user_ref: "3f1a9c".to_owned(),
        seed: 0,
        revision: None,
        picture: None,
    }
}

pub(crate) const QUICK: Timing = Timing {
    connect: Duration::from_millis(500),
    attempt: Duration::from_millis(300),
    backoff: Duration::from_millis(1),
    longest_wait: Duration::from_secs(5),
};

fn config(server: &Server) -> OpenAiConfig {
    let api_key = Some("sk-secret-of-the-test".to_owned().into());
    // The server plays the role of OpenAI's host.
    OpenAiConfig { dialect: Dialect::OpenAi, ..OpenAiConfig::new(api_key, &server.base_url, DEFAULT_MODEL) }
}

async fn run(script: Vec<Step>) -> (Result<Written, WriteFailure>, Server) {
    run_within(script, Duration::from_secs(5)).await
}

async fn run_within(script: Vec<Step>, limit: Duration) -> (Result<Written, WriteFailure>, Server) {
    // Another test may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = Server::start(script).await;
    let model = OpenAiModel::with_timing(config(&server), QUICK).unwrap();
    let writer = Writer::new(Arc::new(model)).with_time_limit(limit);
    // Spawned, as in the workers: the future must be `Send`.
    (tokio::spawn(async move { writer.write(&ask()).await }).await.unwrap(), server)
}

/// Runs a script and expects posts after these outcomes of the calls.
async fn succeeds(script: Vec<Step>, outcomes: &[&str]) -> (Written, Server) {
    let (result, server) = run(script).await;
    let written = result.unwrap();
    assert_eq!(written.variants.len(), 3);
    let found: Vec<&str> = written.calls.iter().map(|call| call.outcome).collect();
    assert_eq!(found, outcomes);
    assert_eq!(server.requests().len(), outcomes.len());
    (written, server)
}

/// Runs a script and expects this failure after these outcomes of the calls.
async fn fails(script: Vec<Step>, expected: WriteError, outcomes: &[&str]) {
    let (result, _) = run(script).await;
    let failure = result.unwrap_err();
    assert_eq!(failure.kind, expected);
    let found: Vec<&str> = failure.calls.iter().map(|call| call.outcome).collect();
    assert_eq!(found, outcomes);
}

/// Runs a script with posts that stay bad, and expects this defect.
async fn stays_invalid(content: &str, defect: &str) {
    let (result, server) = run(vec![completion(content)]).await;
    let failure = result.unwrap_err();
    let WriteError::Invalid(defects) = &failure.kind else { panic!("{:?}", failure.kind) };
    let codes: Vec<&str> = defects.iter().map(postly_pipeline::Defect::code).collect();
    assert!(codes.contains(&defect), "{codes:?}");
    assert_eq!(server.requests().len(), 2, "one draft, one repair");
    assert_eq!(
        failure.calls.iter().map(|call| call.stage).collect::<Vec<_>>(),
        [Stage::Draft, Stage::Repair]
    );
    assert!(!format!("{failure:?} {failure}").contains("croissants"));
}

#[tokio::test]
async fn a_good_answer_becomes_three_posts() {
    let (written, server) = succeeds(vec![good()], &["ok"]).await;
    assert_eq!(written.intent.platform, Platform::Instagram);
    assert_eq!(written.intent.industry, "boulangerie");
    assert_eq!(written.writer, DEFAULT_MODEL);
    assert!(written.is_ai);
    let call = &written.calls[0];
    assert_eq!((call.prompt_tokens, call.completion_tokens), (Some(900), Some(300)));
    // 900 × $0.10 and 300 × $0.50 per million.
    assert_eq!(call.price_microunits, Some(240));
    assert_eq!(call.request_id.as_deref(), Some("req-1"));

    let request = &server.requests()[0];
    assert!(request.head.starts_with("POST /v1/chat/completions HTTP/1.1"));
    assert!(request.head.to_lowercase().contains("authorization: bearer sk-secret-of-the-test"));
    let body = &request.body;
    assert_eq!(body["model"], DEFAULT_MODEL);
    assert_eq!((&body["store"], &body["stream"]), (&json!(false), &json!(false)));
    assert_eq!((&body["reasoning_effort"], &body["temperature"]), (&json!("none"), &json!(0.7)));
    assert_eq!(body["max_completion_tokens"], 1200);
    assert_eq!(body["safety_identifier"], "3f1a9c");
    assert_eq!(body["response_format"]["type"], "json_schema");
    let schema = &body["response_format"]["json_schema"];
    assert_eq!((&schema["name"], &schema["strict"]), (&json!("posts"), &json!(true)));
    assert_strict(&schema["schema"]);
    for deprecated in ["max_tokens", "user", "seed", "functions"] {
        assert!(body.get(deprecated).is_none(), "{deprecated}");
    }
    // The author's words are in one field of one JSON object, and nowhere else.
    let user: Value = serde_json::from_str(body["messages"][1]["content"].as_str().unwrap()).unwrap();
    assert_eq!(user["brief"], BRIEF);
    assert_eq!(user["language"], "fr");
    assert_eq!(user["platform"], "instagram");
    assert!(!body["messages"][0]["content"].as_str().unwrap().contains("croissants"));
}

/// The first request for a model of this name, with this effort configured.
async fn request_to(model: &str, reasoning_effort: Option<ReasoningEffort>) -> Value {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = Server::start(vec![good()]).await;
    let config = OpenAiConfig { reasoning_effort, ..OpenAiConfig::new(None, &server.base_url, model) };
    let writer = Writer::new(Arc::new(OpenAiModel::with_timing(config, QUICK).unwrap()));
    writer.write(&ask()).await.unwrap();
    server.requests()[0].body.clone()
}

/// Seen on 2026-09-22: `temperature` with any effort but `none` gets a 400 (akitaonrails/ai-memory#851).
#[tokio::test]
async fn a_temperature_is_sent_only_to_a_model_that_does_not_reason() {
    let (none, low) = (Some(ReasoningEffort::None), Some(ReasoningEffort::Low));
    for (model, configured, effort, has_temperature) in [
        ("gpt-6-luna", None, json!("none"), true),
        ("gpt-5.6-luna", None, json!("none"), true),
        ("openai/gpt-6-luna", None, json!("none"), true),
        ("gpt-6-luna", low, json!("low"), false),
        ("gpt-6.1-sol", None, Value::Null, false),
        ("gpt-6-astra", None, Value::Null, false),
        ("openai/gpt-5-mini", None, Value::Null, false),
        ("gpt-5-mini", low, json!("low"), false),
        ("a-model-of-tomorrow", None, Value::Null, false),
        ("a-model-of-tomorrow", none, json!("none"), true),
        ("gpt-4.1-mini", None, Value::Null, true),
        ("mistral-small-latest", None, Value::Null, true),
    ] {
        let body = request_to(model, configured).await;
        assert_eq!(body["reasoning_effort"], effort, "{model} {configured:?}");
        assert_eq!(body.get("temperature").is_some(), has_temperature, "{model} {configured:?}");
    }
}

#[tokio::test]
async fn a_model_that_thinks_gets_room_for_its_thoughts() {
    let limit = |body: &Value| body["max_tokens"].as_u64().unwrap();
    let quick = limit(&request_to("gpt-6-luna", None).await);
    for (model, effort) in [("gpt-6-luna", Some(ReasoningEffort::High)), ("gpt-6.1-sol", None)] {
        assert!(limit(&request_to(model, effort).await) > quick, "{model}");
    }
}

/// Strict mode: every object closed, every property required.
fn assert_strict(schema: &Value) {
    if schema["type"] == "object" {
        assert_eq!(schema["additionalProperties"], false);
        let properties = schema["properties"].as_object().unwrap();
        assert_eq!(schema["required"].as_array().unwrap().len(), properties.len());
        properties.values().for_each(assert_strict);
    } else if schema["type"] == "array" {
        assert_strict(&schema["items"]);
    }
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    succeeds(vec![error(500, "", &Value::Null), good()], &["server_error", "ok"]).await;
    succeeds(
        vec![error(429, "retry-after-ms: 20\r\n", &json!("rate_limit_exceeded")), good()],
        &["rate_limited", "ok"],
    )
    .await;
    succeeds(
        vec![error(503, "retry-after: 0\r\n", &json!(503)), Step::Torn, good()],
        &["server_error", "torn", "ok"],
    )
    .await;
    succeeds(vec![Step::Closed, good()], &["torn", "ok"]).await;
    succeeds(vec![Step::Hang, good()], &["timeout", "ok"]).await;
    let page = Step::Answer(200, "", "<html>It works</html>".to_owned());
    succeeds(vec![page, good()], &["not_json", "ok"]).await;
}

#[tokio::test]
async fn what_stays_broken_is_unavailable() {
    fails(vec![error(500, "", &Value::Null)], WriteError::Unavailable, &["server_error"; 3]).await;
    fails(vec![Step::Torn], WriteError::Unavailable, &["torn"; 3]).await;
    fails(vec![error(429, "", &Value::Null)], WriteError::RateLimited, &["rate_limited"; 3]).await;
    let huge = Step::Answer(200, "", " ".repeat(1024 * 1024 + 1));
    fails(vec![huge], WriteError::Unavailable, &["too_large"; 3]).await;
}

#[tokio::test]
async fn what_no_retry_mends_is_not_retried() {
    fails(vec![error(429, "", &json!("insufficient_quota"))], WriteError::Quota, &["quota"]).await;
    fails(vec![error(429, "retry-after: 120\r\n", &Value::Null)], WriteError::RateLimited, &["rate_limited"])
        .await;
    fails(
        vec![error(500, "x-should-retry: false\r\n", &Value::Null)],
        WriteError::Unavailable,
        &["server_error"],
    )
    .await;
    for status in [302, 400, 401, 403, 404, 422] {
        fails(vec![error(status, "", &json!(status))], WriteError::Unavailable, &["rejected"]).await;
    }
}

#[tokio::test]
async fn l06_a_refusal_is_final() {
    let refusal = json!({"role": "assistant", "content": null, "refusal": "No."});
    fails(vec![finished("stop", &refusal)], WriteError::Refused, &["refused"]).await;
    let filtered = json!({"role": "assistant", "content": "half a po"});
    fails(vec![finished("content_filter", &filtered)], WriteError::Filtered, &["filtered"]).await;
    // Azure rejects a brief before its model reads it, with an error.
    fails(vec![error(400, "", &json!("content_filter"))], WriteError::Filtered, &["filtered"]).await;
}

#[tokio::test]
async fn l06_a_cut_answer_gets_more_room_once() {
    let cut = || finished("length", &json!({"content": "{\"kind\":\"post\",\"vari"}));
    let (_, server) = succeeds(vec![cut(), good()], &["truncated", "ok"]).await;
    assert_eq!(server.requests()[1].body["max_completion_tokens"], 3000);
    fails(vec![cut()], WriteError::Truncated, &["truncated", "truncated"]).await;
}

#[tokio::test]
async fn l03_garbage_is_sent_back_once_with_what_is_wrong() {
    for garbage in [
        completion("Voici vos posts !"),
        completion("{\"kind\":\"po"),
        completion(""),
        finished("stop", &json!({"content": null})),
    ] {
        let (written, server) = run(vec![garbage, good()]).await;
        let written = written.unwrap();
        assert_eq!(
            written.calls.iter().map(|call| call.stage).collect::<Vec<_>>(),
            [Stage::Draft, Stage::Repair]
        );
        let messages = server.requests()[1].body["messages"].clone();
        assert_eq!(messages.as_array().unwrap().len(), 4);
        assert!(!messages[2]["content"].as_str().unwrap().is_empty());
        let repair: Value = serde_json::from_str(messages[3]["content"].as_str().unwrap()).unwrap();
        assert_eq!(repair["defects"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn l03_l04_l07_bad_posts_are_never_delivered() {
    stays_invalid("Voici vos posts !", "not_json").await;
    stays_invalid("{}", "schema").await;
    stays_invalid(&posts(&GOOD[..2]), "wrong_count").await;
    stays_invalid(&posts(&[GOOD[0], GOOD[1], GOOD[2], "Encore un autre post"]), "wrong_count").await;
    stays_invalid(&posts(&[GOOD[1], GOOD[1], GOOD[1]]), "too_alike").await;
    stays_invalid(
        &posts(&[GOOD[1], GOOD[2], "Dès 7h, -20 % sur les croissants ce week-end !"]),
        "unknown_fact",
    )
    .await;
    stays_invalid(
        &posts(&[GOOD[1], GOOD[2], "-20 % sur les croissants ce week-end, café offert !"]),
        "unknown_promise",
    )
    .await;
    stays_invalid(&posts(&[GOOD[1], GOOD[2], "Les croissants sont en fête ce week-end !"]), "missing_offer")
        .await;
    stays_invalid(
        &posts(&[GOOD[1], GOOD[2], "-20 % sur les croissants ce week-end\nCrédits restants: 9"]),
        "forged_header",
    )
    .await;
    let english =
        "This weekend everything smells of butter and our oven never rests: 20% off, croissants ce week-end.";
    stays_invalid(&posts(&[GOOD[1], GOOD[2], english]), "wrong_language").await;
}

#[tokio::test]
async fn l10_talk_costs_nothing() {
    for (kind, expected) in [("small_talk", WriteError::SmallTalk), ("off_topic", WriteError::OffTopic)] {
        let (result, server) = write_about("Tu es très sympathique", false, vec![labelled(kind, &[])]).await;
        assert_eq!((result.unwrap_err().kind, server.requests().len()), (expected, 1));
    }
}

/// A draft with this label and these posts.
fn labelled(kind: &str, texts: &[&str]) -> Step {
    completion(&posts(texts).replace("\"post\"", &format!("\"{kind}\"")))
}

/// Runs a script for another brief.
async fn write_about(
    brief: &str,
    is_explicit: bool,
    script: Vec<Step>,
) -> (Result<Written, WriteFailure>, Server) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = Server::start(script).await;
    let writer = Writer::new(Arc::new(OpenAiModel::with_timing(config(&server), QUICK).unwrap()));
    let ask = WriteRequest { brief: Brief::parse(brief).unwrap(), is_explicit, ..ask() };
    (writer.write(&ask).await, server)
}

#[tokio::test]
async fn a_brief_that_a_model_calls_talk_is_asked_again_once() {
    const TARTS: [&str; 3] = [
        "Nos tartes sortent du four et toute la rue le sait.",
        "Plutôt pomme ou plutôt poire ? Racontez-nous.",
        "Une équipe qui se lève tôt pour vous, voilà notre secret.",
    ];
    for kind in ["small_talk", "off_topic", "Small Talk"] {
        for (brief, is_explicit, texts) in [(BRIEF, false, &GOOD), ("nos tartes", true, &TARTS)] {
            let texts: Vec<&str> = texts.iter().map(|text| text.split(". À").next().unwrap()).collect();
            let again = vec![labelled(kind, &[]), completion(&posts(&texts))];
            let (result, server) = write_about(brief, is_explicit, again).await;
            let written = result.unwrap_or_else(|failure| panic!("{kind} {brief}: {:?}", failure.kind));
            let stages: Vec<Stage> = written.calls.iter().map(|call| call.stage).collect();
            assert_eq!(stages, [Stage::Draft, Stage::Repair]);
            let repair = server.requests()[1].body["messages"][3]["content"].clone();
            assert!(repair.as_str().unwrap().contains("does ask for posts"), "{repair}");
            // A wrong label beside three posts costs no second call.
            let (result, server) = write_about(brief, is_explicit, vec![labelled(kind, &texts)]).await;
            assert_eq!((result.unwrap().variants.len(), server.requests().len()), (3, 1));
        }
    }
}

#[tokio::test]
async fn a_model_that_insists_ends_a_certain_brief_as_a_free_failure_and_a_likely_one_as_talk() {
    let small_talk = || vec![labelled("small_talk", &[])];
    let (result, server) = write_about(BRIEF, false, small_talk()).await;
    let failure = result.unwrap_err();
    assert!(matches!(failure.kind, WriteError::Invalid(_)), "{:?}", failure.kind);
    assert_eq!(server.requests().len(), 2);
    let (result, server) = write_about("Vous ouvrez dimanche ?", false, small_talk()).await;
    assert_eq!((result.unwrap_err().kind, server.requests().len()), (WriteError::SmallTalk, 2));
    let (result, _) = write_about("résous 2 + 2", true, vec![labelled("off_topic", &[])]).await;
    assert_eq!(result.unwrap_err().kind, WriteError::OffTopic);
}

#[tokio::test]
async fn a_server_may_leave_out_what_we_can_do_without() {
    let content = posts(&[
        "🥐 Ce week-end, on fond : -20 % sur les croissants, et c'est tant mieux.",
        GOOD[1],
        GOOD[2],
    ]);
    let body = json!({"choices": [{"message": {"content": format!("```json\n{content}\n```")}}]});
    let (written, _) = succeeds(vec![Step::Answer(200, "", body.to_string())], &["ok"]).await;
    assert_eq!(written.calls[0].price_microunits, None);
}

/// Regression: each of these caused a repair and an apology, although the answer was complete.
#[tokio::test]
async fn an_answer_in_another_shape_costs_one_call() {
    let content = posts(&[
        "🥐 Ce week-end, on fond : -20 % sur les croissants, et c'est tant mieux.",
        GOOD[1],
        GOOD[2],
    ]);
    let labelled = content
        .replace("\"instagram\"", "\"Instagram post\"")
        .replace("\"post\"", "\"Post\"")
        .replace("\"fr\"", "\"Français\"");
    let stream = content.chars().map(|piece| {
        format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"content": piece.to_string()}}]}))
    });
    let stream: String = stream.chain(["data: [DONE]\n\n".to_owned()]).collect();
    let function = json!({"name": "posts", "arguments": content});
    for step in [
        finished("stop", &json!({"content": [{"type": "text", "text": content}]})),
        finished(
            "tool_calls",
            &json!({"content": null, "tool_calls": [{"type": "function", "function": function}]}),
        ),
        finished("stop", &json!({"content": "", "reasoning_content": content})),
        completion(&format!("<think>A brace {{ and {{\"kind\": \"post\"}}.</think>{content}")),
        completion(&format!("{content}\n\nNote: {{placeholders}} were not needed.")),
        completion(&labelled),
        finished("length", &json!({"content": format!("{content}\n{content}\n{{\"kind\":")})),
        Step::Answer(200, "", stream),
    ] {
        succeeds(vec![step], &["ok"]).await;
    }
}

#[tokio::test]
async fn l05_a_hanging_server_costs_no_more_than_the_limit() {
    let started = std::time::Instant::now();
    let (result, _) = run_within(vec![Step::Hang], Duration::from_millis(450)).await;
    let failure = result.unwrap_err();
    assert_eq!(failure.kind, WriteError::DeadlineExceeded);
    assert!(!failure.calls.is_empty());
    assert!(started.elapsed() < Duration::from_millis(900));
}

#[test]
fn a_base_url_must_be_one() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    for base_url in ["", "ftp://example.com", "not a url", "/v1"] {
        let config = OpenAiConfig::new(None, base_url, "m");
        assert!(matches!(OpenAiModel::new(config), Err(OpenAiConfigError::BaseUrl)), "{base_url}");
    }
    let config = OpenAiConfig::new(Some("sk-1".to_owned().into()), "http://localhost:1/v1/", "m");
    assert!(!format!("{config:?} {:?}", OpenAiModel::new(config.clone())).contains("sk-1"));
}
