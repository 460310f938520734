//! A server that keeps failing is not called for a while, and then called again.

use std::{sync::Arc, time::Duration};

use postly_pipeline::{
    WriteError, WriteFailure, Writer, Written,
    openai::{OpenAiConfig, OpenAiModel, Timing},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    openai::{QUICK, ask, good},
    server::{Server, Step, error},
};

/// A writer with one server that answers from a script.
struct Scene {
    writer: Writer,
    server: Server,
}

impl Scene {
    async fn start(script: Vec<Step>) -> Self {
        Self::with_timing(script, QUICK).await
    }

    async fn with_timing(script: Vec<Step>, timing: Timing) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = Server::start(script).await;
        let config = OpenAiConfig::new(None, &server.base_url, "gpt-6-luna");
        let model = OpenAiModel::with_timing(config, timing).unwrap();
        Self { writer: Writer::new(Arc::new(model)).with_time_limit(Duration::from_secs(5)), server }
    }

    async fn write(&self) -> Result<Written, WriteFailure> {
        self.writer.write(&ask()).await
    }

    /// Writes this often, and expects a call of the server each time.
    async fn asked(&self, times: usize) {
        let before = self.server.requests().len();
        for _ in 0..times {
            let _ = self.write().await;
        }
        assert_eq!(self.server.requests().len(), before + times);
    }

    /// Writes, and expects a failure without a call.
    async fn turned_away(&self) {
        let before = self.server.requests().len();
        let failure = self.write().await.unwrap_err();
        assert_eq!((failure.kind, failure.calls.len()), (WriteError::Unavailable, 0));
        assert_eq!(self.server.requests().len(), before);
    }
}

/// Advances the clock without waiting.
async fn pass(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

/// A failure that is not retried, so that each writing is one call.
fn broken() -> Step {
    error(503, "x-should-retry: false\r\n", &Value::Null)
}

#[tokio::test]
async fn after_twenty_failures_nobody_asks_until_a_probe_finds_it_well() {
    let mut script: Vec<Step> = (0..21).map(|_| broken()).collect();
    script.push(good());
    let scene = Scene::start(script).await;
    scene.asked(20).await;
    scene.turned_away().await;
    // At the first probe the server still fails.
    pass(15).await;
    scene.asked(1).await;
    scene.turned_away().await;
    pass(15).await;
    assert_eq!(scene.write().await.unwrap().variants.len(), 3);
    for _ in 0..3 {
        assert!(scene.write().await.is_ok());
    }
    assert_eq!(scene.server.requests().len(), 25);
}

#[tokio::test]
async fn a_writing_stops_trying_again_once_the_circuit_is_open() {
    let mut script: Vec<Step> = (0..19).map(|_| broken()).collect();
    script.push(error(500, "", &Value::Null));
    let patient = Timing { backoff: Duration::from_secs(4), ..QUICK };
    let scene = Scene::with_timing(script, patient).await;
    scene.asked(19).await;
    let started = Instant::now();
    let failure = scene.write().await.unwrap_err();
    assert_eq!((failure.kind, failure.calls.len()), (WriteError::Unavailable, 1));
    assert!(started.elapsed() < patient.backoff, "whoever is turned away anyway does not wait for it");
}

#[tokio::test]
async fn every_way_to_be_broken_opens_it() {
    for step in [
        || error(429, "retry-after: 120\r\n", &Value::Null),
        || error(429, "", &json!("insufficient_quota")),
        || error(401, "", &Value::Null),
        || error(404, "", &Value::Null),
        || error(302, "", &Value::Null),
    ] {
        let scene = Scene::start(vec![step()]).await;
        scene.asked(20).await;
        scene.turned_away().await;
    }
    // These are retried, so seven writes suffice.
    let page = || Step::Answer(200, "", "<html>It works</html>".to_owned());
    for step in [page, || Step::Torn, || Step::Closed] {
        let scene = Scene::start(vec![step()]).await;
        for _ in 0..7 {
            assert!(scene.write().await.is_err());
        }
        assert_eq!(scene.server.requests().len(), 20);
        scene.turned_away().await;
    }
}

#[tokio::test]
async fn a_brief_that_is_turned_down_closes_the_server_to_nobody() {
    for status in [400, 413, 422] {
        Scene::start(vec![error(status, "", &Value::Null)]).await.asked(30).await;
    }
    let refusal = crate::server::finished("stop", &json!({"content": null, "refusal": "No."}));
    Scene::start(vec![refusal]).await.asked(30).await;
}

#[tokio::test]
async fn a_call_without_a_fair_time_says_nothing() {
    let scene = Scene::start(vec![Step::Hang]).await;
    let hurried = scene.writer.clone().with_time_limit(QUICK.attempt / 3);
    let mut calls = 0;
    while calls < 20 {
        calls += hurried.write(&ask()).await.unwrap_err().calls.len();
    }
    assert_eq!(scene.write().await.unwrap_err().calls.len(), 3, "it is still asked, and tried again");
}
