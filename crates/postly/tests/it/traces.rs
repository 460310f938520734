//! Traces by OTLP, received at a socket. `cargo xtask oracles otel` has OpenTelemetry's own package decode
//! them (`POSTLY_TEST_OTLP_DECODER`: an interpreter and a script).

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
};

use postly_simulator::Channel;
use postly_testkit::EngineName;
use serde_json::Value;

use crate::{
    outside::Outside,
    process::{Folder, PATIENCE},
};

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end chez Fatoumata";
const NUMBER: &str = "+33639984411";

/// A collector: it answers 200 and keeps the bodies.
struct Collector {
    url: String,
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Collector {
    fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let bodies = Arc::new(Mutex::new(vec![]));
        let kept = Arc::clone(&bodies);
        // The thread ends with the process of the tests.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || answer(stream.unwrap(), &kept));
            }
        });
        Self { url, bodies }
    }

    fn bodies(&self) -> Vec<Vec<u8>> {
        self.bodies.lock().unwrap().clone()
    }
}

/// Answers the requests of one connection.
fn answer(mut stream: TcpStream, kept: &Mutex<Vec<Vec<u8>>>) {
    let mut received = vec![];
    let mut piece = [0; 16_384];
    loop {
        let end = received.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4);
        if let Some(end) = end {
            let head = String::from_utf8(received[..end].to_vec()).unwrap().to_lowercase();
            assert!(head.starts_with("post /v1/traces "), "{head}");
            assert!(head.contains("content-type: application/x-protobuf"), "{head}");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let length: usize = length.parse().unwrap();
            if received.len() >= end + length {
                kept.lock().unwrap().push(received[end..end + length].to_vec());
                received.drain(..end + length);
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
                continue;
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(read) => received.extend_from_slice(&piece[..read]),
        }
    }
}

/// The spans of requests, as OpenTelemetry's package reads them. `None` without the package.
fn decode(folder: &Folder, bodies: &[Vec<u8>]) -> Option<Vec<Value>> {
    let decoder = std::env::var("POSTLY_TEST_OTLP_DECODER").ok()?;
    let (python, script) = decoder.split_once(' ').unwrap();
    let mut command = Command::new(python);
    command.arg(script);
    for (number, body) in bodies.iter().enumerate() {
        let path: PathBuf = folder.path().join(format!("traces-{number}"));
        std::fs::write(&path, body).unwrap();
        command.arg(path);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let spans: Value = serde_json::from_slice(&output.stdout).unwrap();
    Some(spans.as_array().unwrap().clone())
}

fn text<'a>(span: &'a Value, field: &str) -> &'a str {
    span[field].as_str().unwrap_or_default()
}

/// The only span of a name.
fn only<'a>(spans: &'a [Value], name: &str) -> &'a Value {
    let mut found = spans.iter().filter(|span| span["name"] == name);
    let span = found.next().unwrap_or_else(|| panic!("no {name} in {spans:#?}"));
    assert!(found.next().is_none(), "several {name}: {spans:#?}");
    span
}

#[tokio::test]
async fn the_spans_of_a_message_are_one_trace_without_a_word_of_it() {
    let outside = Outside::silent(EngineName::Sqlite).await;
    let collector = Collector::listen();
    let service = outside.serve(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)]).await;
    let person = outside.simulator.person(Channel::Meta, NUMBER);
    let webhook = outside.simulator.webhook_text(&person, BRIEF);
    outside.deliver_for_sure(&webhook).await;
    let phone = outside.simulator.wait_for_messages(&person, 1, PATIENCE).await;
    outside.until_idle().await;
    // The stop exports what has not been exported.
    let logs = service.stop().await;
    assert!(!logs.iter().any(|line| line.contains("event.receive")), "{logs:#?}");
    let bodies = collector.bodies();
    assert!(!bodies.is_empty());

    // Nothing of the message is in any byte, decoded or not.
    let attempts = outside.database.texts("SELECT id FROM attempts").await;
    let digits = NUMBER.trim_start_matches('+');
    let reply = &phone[0].body;
    let mut secrets =
        vec![digits.to_owned(), digits[2..].to_owned(), "croissants".to_owned(), "Fatoumata".to_owned()];
    secrets.extend(
        reply.split(['\n', '*', '.']).map(str::trim).filter(|part| part.len() > 12).map(str::to_owned),
    );
    secrets.extend(outside.simulator.config().openai_api_key.clone());
    secrets.push(outside.simulator.config().meta.access_token.clone());
    for secret in &secrets {
        for body in &bodies {
            assert!(
                !body.windows(secret.len()).any(|window| window == secret.as_bytes()),
                "{secret} is exported"
            );
        }
    }

    if let Some(spans) = decode(&outside.folder, &bodies) {
        println!("{:#}", Value::from(spans.clone()));
        let event = outside.database.texts("SELECT id FROM inbox").await.remove(0);
        let message = outside.database.texts("SELECT id FROM outbox").await.remove(0);
        let hex = event.replace('-', "");
        for span in &spans {
            assert_eq!(span["resource"]["service.name"], "postly", "{span:#}");
            assert_eq!(span["events"], Value::Array(vec![]), "{span:#}");
        }
        let (request, root) = (only(&spans, "webhook"), only(&spans, "event.receive"));
        let (handle, write) = (only(&spans, "event.handle"), only(&spans, "pipeline.write"));
        let (call, send) = (only(&spans, "model.call"), only(&spans, "message.send"));
        for (span, parent) in [(root, ""), (handle, text(root, "id")), (write, text(handle, "id"))] {
            assert_eq!((text(span, "trace"), text(span, "parent")), (hex.as_str(), parent), "{span:#}");
        }
        assert_eq!((text(call, "trace"), text(call, "parent")), (hex.as_str(), text(write, "id")));
        assert_eq!((text(send, "trace"), text(send, "parent")), (hex.as_str(), text(root, "id")));
        assert_eq!(root["links"], serde_json::json!([request["id"]]));
        assert_ne!(text(request, "trace"), hex);
        for span in [root, handle, send] {
            assert_eq!(span["attributes"]["event.id"], event.as_str(), "{span:#}");
        }
        assert_eq!(send["attributes"]["message.id"], message.as_str());
        assert_eq!(send["attributes"]["attempt.id"], attempts[0].as_str());
        // Every attribute is of a known name, so that a new one is thought about here.
        let known = BTreeSet::from([
            "attempt",
            "attempt.id",
            "event.id",
            "kind",
            "message.id",
            "model",
            "outcome",
            "provider",
            "queue",
            "result",
            "stage",
            "status",
            "writer",
        ]);
        for span in &spans {
            let names: Vec<&String> = span["attributes"].as_object().unwrap().keys().collect();
            assert!(names.iter().all(|name| known.contains(name.as_str())), "{span:#}");
        }
    }
    outside.end().await;
}

#[tokio::test]
async fn a_collector_that_is_down_costs_one_line_and_delays_no_message_and_no_stop() {
    let outside = Outside::silent(EngineName::Sqlite).await;
    let service = outside.serve(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")]).await;
    let person = outside.simulator.person(Channel::Meta, NUMBER);
    outside.deliver_for_sure(&outside.simulator.webhook_text(&person, BRIEF)).await;
    outside.simulator.wait_for_messages(&person, 1, PATIENCE).await;
    outside.until_idle().await;
    let logs = service.stop().await;
    let told = logs.iter().filter(|line| line.contains("Traces cannot be exported")).count();
    assert_eq!(told, 1, "{logs:#?}");
    outside.end().await;
}

#[tokio::test]
async fn without_its_address_nothing_is_exported_and_a_wrong_one_refuses_the_start() {
    let outside = Outside::silent(EngineName::Sqlite).await;
    let mut variables = outside.variables();
    variables.push(("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), "collector:4318".to_owned()));
    let ran = crate::process::run(&outside.folder, &["serve"], &variables).await.exits(2);
    assert!(ran.err.contains("OTEL_EXPORTER_OTLP_ENDPOINT must be an http"), "{ran:?}");
    outside.end().await;
}
