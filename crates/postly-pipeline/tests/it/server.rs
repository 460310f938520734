//! A model server that answers from a script and records its requests.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// One answer of the script.
pub(crate) enum Step {
    /// A status, more header lines, a body.
    Answer(u16, &'static str, String),
    /// A body that ends before its announced length.
    Torn,
    /// A connection closed without an answer.
    Closed,
    /// No answer, for longer than any time limit.
    Hang,
}

/// A request as received.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Value,
    /// The body as text.
    pub(crate) text: String,
}

/// The running server. It repeats the last step of the script for ever.
pub(crate) struct Server {
    pub(crate) base_url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub(crate) async fn start(script: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            let mut at = 0;
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                // A client may have closed the connection before the end of its request.
                let Some(request) = read(&mut stream).await else { continue };
                seen.lock().unwrap().push(request);
                let step = &script[at.min(script.len() - 1)];
                at += 1;
                match step {
                    Step::Answer(status, headers, body) => {
                        let length = body.len();
                        let head = format!(
                            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nx-request-id: req-{at}\r\n\
                             connection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
                        );
                        let _ = stream.write_all(head.as_bytes()).await;
                        let _ = stream.write_all(body.as_bytes()).await;
                    }
                    Step::Torn => {
                        let _ = stream
                            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{\"choices\":")
                            .await;
                    }
                    Step::Closed => {}
                    Step::Hang => {
                        tokio::spawn(async move {
                            tokio::time::sleep(Duration::from_secs(60)).await;
                            drop(stream);
                        });
                        continue;
                    }
                }
                let _ = stream.shutdown().await;
            }
        });
        Self { base_url, requests }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_lowercase()
                        .strip_prefix("content-length:")
                        .map(|value| value.trim().parse::<usize>())
                })
                .unwrap()
                .unwrap();
            if body.len() >= length {
                return Some(Request {
                    head: head.to_owned(),
                    body: serde_json::from_str(body).unwrap_or_default(),
                    text: body.to_owned(),
                });
            }
        }
    }
}

/// A chat completion with this content.
pub(crate) fn completion(content: &str) -> Step {
    finished("stop", &json!({"role": "assistant", "content": content, "refusal": null}))
}

/// A chat completion with this finish reason and message.
pub(crate) fn finished(reason: &str, message: &Value) -> Step {
    let body = json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "choices": [{"index": 0, "finish_reason": reason, "message": message}],
        "usage": {"prompt_tokens": 900, "completion_tokens": 300, "total_tokens": 1200},
    });
    Step::Answer(200, "", body.to_string())
}

/// An error of the API.
pub(crate) fn error(status: u16, headers: &'static str, code: &Value) -> Step {
    let body =
        json!({"error": {"message": "secret detail", "type": "some_error", "param": null, "code": code}});
    Step::Answer(status, headers, body.to_string())
}

/// The object that the prompt asks for, with these posts.
pub(crate) fn posts(texts: &[&str]) -> String {
    let variants: Vec<Value> = texts.iter().map(|text| json!({"text": text, "angle": "angle"})).collect();
    json!({
        "kind": "post",
        "platform": "instagram",
        "industry": "boulangerie",
        "objective": "promotion",
        "tone": "chaleureux",
        "language": "fr",
        "variants": variants,
    })
    .to_string()
}
