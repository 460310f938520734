//! Two servers; one of them fails in every possible way.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use postly_pipeline::{
    Draft, DraftRequest, FIRST_SHARE, FallbackModel, Model, ModelError, ModelFailure, Stage, TIME_LIMIT,
    WriteError, WriteFailure, Writer, Written,
    openai::{OpenAiConfig, OpenAiModel},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    openai::{QUICK, ask, good},
    server::{Server, Step, completion, error, finished},
};

/// Long, so that only a test that hangs for ever reaches it.
const LIMIT: Duration = Duration::from_secs(10);

const FIRST_KEY: &str = "sk-of-the-first-provider";
const SECOND_KEY: &str = "sk-of-the-second-provider";

/// A model behind this address, or behind a port without a listener.
fn model(server: Option<&Server>, model: &str, key: Option<&str>) -> OpenAiModel {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let base_url = server.map_or("http://127.0.0.1:1/v1".to_owned(), |server| server.base_url.clone());
    let api_key = key.map(|key| key.to_owned().into());
    OpenAiModel::with_timing(OpenAiConfig::new(api_key, &base_url, model), QUICK).unwrap()
}

/// The first server, if it runs at all, the second, and a writer that asks both.
struct Pair {
    writer: Writer,
    first: Option<Server>,
    second: Server,
}

impl Pair {
    async fn start(first: Option<Vec<Step>>, second: Vec<Step>) -> Self {
        let first = match first {
            Some(script) => Some(Server::start(script).await),
            None => None,
        };
        let second = Server::start(second).await;
        let both = FallbackModel::new(
            Arc::new(model(first.as_ref(), "gpt-6-luna", Some(FIRST_KEY))),
            Arc::new(model(Some(&second), "mistral-small", Some(SECOND_KEY)).as_fallback()),
        );
        let writer = Writer::new(Arc::new(both)).with_time_limit(LIMIT);
        Self { writer, first, second }
    }

    async fn write(&self) -> Result<Written, WriteFailure> {
        let writer = self.writer.clone();
        // Spawned, as in the workers: the future must be `Send`.
        tokio::spawn(async move { writer.write(&ask()).await }).await.unwrap()
    }

    fn asked(&self) -> [usize; 2] {
        [self.first.as_ref().map_or(0, |first| first.requests().len()), self.second.requests().len()]
    }
}

/// The model and the outcome of each call.
fn calls(calls: &[postly_pipeline::CallRecord]) -> Vec<String> {
    calls.iter().map(|call| format!("{} {}", call.model, call.outcome)).collect()
}

/// Expects that the first fails like this, and that the second writes after these calls of the first.
async fn is_mended(first: Option<Step>, outcomes: &[&str]) {
    let pair = Pair::start(first.map(|step| vec![step]), vec![good()]).await;
    let started = Instant::now();
    let written = pair.write().await.unwrap();
    assert_eq!(written.variants.len(), 3);
    assert_eq!(written.writer, "mistral-small");
    let mut expected: Vec<String> = outcomes.iter().map(|outcome| format!("gpt-6-luna {outcome}")).collect();
    expected.push("mistral-small ok".to_owned());
    assert_eq!(calls(&written.calls), expected);
    assert!(started.elapsed() < LIMIT);
    keys_stay_apart(&pair);
}

/// Expects that each server has seen its own key only.
fn keys_stay_apart(pair: &Pair) {
    let servers = [(pair.first.as_ref(), FIRST_KEY, SECOND_KEY), (Some(&pair.second), SECOND_KEY, FIRST_KEY)];
    for (server, own, other) in servers {
        for request in server.into_iter().flat_map(Server::requests) {
            assert!(request.head.contains(&format!("authorization: Bearer {own}")), "{}", request.head);
            assert!(!request.head.contains(other) && !request.body.to_string().contains(other));
        }
    }
}

#[tokio::test]
async fn when_the_first_is_down_the_second_writes() {
    is_mended(None, &["connect"; 3]).await;
    is_mended(Some(error(500, "", &Value::Null)), &["server_error"; 3]).await;
    is_mended(Some(error(429, "retry-after: 120\r\n", &Value::Null)), &["rate_limited"]).await;
    is_mended(Some(error(429, "", &json!("insufficient_quota"))), &["quota"]).await;
    is_mended(Some(error(401, "", &Value::Null)), &["rejected"]).await;
    is_mended(Some(error(404, "", &Value::Null)), &["rejected"]).await;
    is_mended(Some(Step::Answer(200, "", "{\"choices\": [{".to_owned())), &["not_json"; 3]).await;
    is_mended(Some(Step::Torn), &["torn"; 3]).await;
    is_mended(Some(Step::Closed), &["torn"; 3]).await;
    is_mended(Some(Step::Hang), &["timeout"; 3]).await;
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_a_key_or_a_brief() {
    let trap = Server::start(vec![good()]).await;
    let location = format!("location: {}/chat/completions\r\n", trap.base_url).leak();
    is_mended(Some(error(307, location, &Value::Null)), &["rejected"]).await;
    assert!(trap.requests().is_empty());
}

#[tokio::test]
async fn a_first_that_works_is_the_only_one_asked() {
    let pair = Pair::start(Some(vec![good()]), vec![good()]).await;
    let written = pair.write().await.unwrap();
    assert_eq!((written.writer.as_str(), pair.asked()), ("gpt-6-luna", [1, 0]));
}

#[tokio::test]
async fn a_second_without_a_key_gets_none() {
    let server = Server::start(vec![good()]).await;
    let both = FallbackModel::new(
        Arc::new(model(None, "gpt-6-luna", Some(FIRST_KEY))),
        Arc::new(model(Some(&server), "llama", None).as_fallback()),
    );
    assert!(Writer::new(Arc::new(both)).write(&ask()).await.is_ok());
    let head = server.requests()[0].head.to_lowercase();
    assert!(!head.contains("authorization") && !head.contains("sk-"), "{head}");
}

#[tokio::test]
async fn what_a_model_thinks_of_a_brief_is_final() {
    let refusal = finished("stop", &json!({"content": null, "refusal": "No."}));
    let filtered = finished("content_filter", &json!({"content": "half a po"}));
    let cut = finished("length", &json!({"content": "{\"kind\":\"post\",\"vari"}));
    let stopped = error(400, "", &json!("content_filter"));
    for (step, expected) in [
        (refusal, WriteError::Refused),
        (filtered, WriteError::Filtered),
        (stopped, WriteError::Filtered),
        (cut, WriteError::Truncated),
    ] {
        let pair = Pair::start(Some(vec![step]), vec![good()]).await;
        assert_eq!(pair.write().await.unwrap_err().kind, expected);
        assert_eq!(pair.asked()[1], 0, "{expected:?}");
    }
}

#[tokio::test]
async fn when_both_are_down_there_is_one_failure_with_the_calls_of_both() {
    let quota = error(429, "", &json!("insufficient_quota"));
    let pair = Pair::start(None, vec![quota]).await;
    let failure = pair.write().await.unwrap_err();
    assert_eq!(failure.kind, WriteError::Quota);
    let expected = ["gpt-6-luna connect", "gpt-6-luna connect", "gpt-6-luna connect", "mistral-small quota"];
    assert_eq!(calls(&failure.calls), expected);

    let pair = Pair::start(Some(vec![Step::Hang]), vec![Step::Hang]).await;
    let hurried = pair.writer.clone().with_time_limit(Duration::from_millis(800));
    let started = Instant::now();
    let failure = hurried.write(&ask()).await.unwrap_err();
    assert_eq!(failure.kind, WriteError::DeadlineExceeded);
    let found = calls(&failure.calls);
    for expected in ["gpt-6-luna timeout", "mistral-small timeout"] {
        assert!(found.iter().any(|call| call == expected), "{found:?}");
    }
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[tokio::test]
async fn an_open_circuit_sends_everybody_to_the_second_at_once_until_a_probe_finds_the_first_well() {
    let mut script: Vec<Step> =
        (0..20).map(|_| error(503, "x-should-retry: false\r\n", &Value::Null)).collect();
    script.push(good());
    let pair = Pair::start(Some(script), vec![good()]).await;
    for round in 1..=20 {
        let written = pair.write().await.unwrap();
        assert_eq!(calls(&written.calls), ["gpt-6-luna server_error", "mistral-small ok"]);
        assert_eq!(pair.asked(), [round, round]);
    }
    for round in 21..=25 {
        let written = pair.write().await.unwrap();
        assert_eq!(calls(&written.calls), ["mistral-small ok"]);
        assert_eq!(pair.asked(), [20, round]);
    }
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(15)).await;
    tokio::time::resume();
    for round in 21..=25 {
        let written = pair.write().await.unwrap();
        assert_eq!(calls(&written.calls), ["gpt-6-luna ok"]);
        assert_eq!(pair.asked(), [round, 25]);
    }
}

#[tokio::test]
async fn a_repair_is_asked_of_whoever_wrote_the_draft() {
    let down = error(503, "x-should-retry: false\r\n", &Value::Null);
    let pair = Pair::start(Some(vec![down]), vec![completion("Voici vos posts !"), good()]).await;
    let written = pair.write().await.unwrap();
    let found: Vec<_> = written.calls.iter().map(|call| (call.model.as_str(), call.stage)).collect();
    let expected =
        [("gpt-6-luna", Stage::Draft), ("mistral-small", Stage::Draft), ("mistral-small", Stage::Repair)];
    assert_eq!(found, expected);

    // The second is asked for the repair if the first fails.
    let garbage = completion("Voici vos posts !");
    let down = error(503, "x-should-retry: false\r\n", &Value::Null);
    let pair = Pair::start(Some(vec![garbage, down]), vec![good()]).await;
    let written = pair.write().await.unwrap();
    assert_eq!(calls(&written.calls), ["gpt-6-luna ok", "gpt-6-luna server_error", "mistral-small ok"]);
    assert_eq!(written.writer, "mistral-small");
}

/// A model that does not answer before its deadline.
struct Silent {
    name: &'static str,
    asked: std::sync::Mutex<Vec<(Instant, Instant)>>,
}

impl Silent {
    fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self { name, asked: std::sync::Mutex::default() })
    }

    /// The start and the deadline of each call, since `start`.
    fn asked(&self, start: Instant) -> Vec<(Duration, Duration)> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|(asked, deadline)| (*asked - start, *deadline - start)).collect()
    }
}

impl Model for Silent {
    fn name(&self) -> &str {
        self.name
    }

    fn is_ai(&self) -> bool {
        true
    }

    fn draft<'a>(&'a self, request: &'a DraftRequest) -> BoxFuture<'a, Result<Draft, ModelError>> {
        self.asked.lock().unwrap().push((Instant::now(), request.deadline));
        Box::pin(async {
            tokio::time::sleep_until(request.deadline).await;
            Err(ModelError { failure: ModelFailure::DeadlineExceeded, calls: vec![] })
        })
    }
}

#[tokio::test(start_paused = true)]
async fn the_second_is_asked_within_ten_seconds_and_has_the_rest() {
    let (first, second) = (Silent::new("first"), Silent::new("second"));
    let both = FallbackModel::new(first.clone(), second.clone());
    let start = Instant::now();
    let writer = Writer::new(Arc::new(both));
    let failure = writer.write(&ask()).await.unwrap_err();
    assert_eq!(failure.kind, WriteError::DeadlineExceeded);
    assert_eq!(start.elapsed(), TIME_LIMIT);
    assert_eq!(FIRST_SHARE, Duration::from_secs(10));
    assert_eq!(first.asked(start), [(Duration::ZERO, FIRST_SHARE)]);
    assert_eq!(second.asked(start), [(FIRST_SHARE, TIME_LIMIT)]);

    // A short time is split in half.
    let (first, second) = (Silent::new("first"), Silent::new("second"));
    let both = FallbackModel::new(first.clone(), second.clone());
    let (start, little) = (Instant::now(), Duration::from_secs(8));
    let writer = Writer::new(Arc::new(both)).with_time_limit(little);
    assert!(writer.write(&ask()).await.is_err());
    assert_eq!(first.asked(start), [(Duration::ZERO, little / 2)]);
    assert_eq!(second.asked(start), [(little / 2, little)]);
}
