//! A stand-in provider with a fixed behaviour.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The server's behaviour for each request.
#[derive(Clone)]
pub(crate) enum Behaviour {
    /// Writes these bytes and closes.
    Answer(Vec<u8>),
    /// Answers each request with the next of these, and later ones with the last. `PORT0` in them becomes the
    /// port of the server, which has five digits as well.
    Answers(Vec<Vec<u8>>),
    /// Closes the connection without reading.
    ResetBefore,
    /// Reads the request, then closes without an answer.
    ResetAfter,
    /// Reads the request and never answers.
    Silence,
}

pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// One received request.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl Server {
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let requests = Arc::new(Mutex::new(vec![]));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            let mut open = vec![];
            while let Ok((mut stream, _)) = listener.accept().await {
                match &behaviour {
                    Behaviour::ResetBefore => {
                        seen.lock().unwrap().push(Request { head: String::new(), body: String::new() });
                    }
                    Behaviour::ResetAfter => {
                        let request = read(&mut stream).await;
                        seen.lock().unwrap().push(request);
                    }
                    Behaviour::Answer(bytes) => {
                        let request = read(&mut stream).await;
                        seen.lock().unwrap().push(request);
                        stream.write_all(bytes).await.unwrap();
                        stream.shutdown().await.ok();
                    }
                    Behaviour::Answers(answers) => {
                        let request = read(&mut stream).await;
                        let number = seen.lock().unwrap().len().min(answers.len() - 1);
                        seen.lock().unwrap().push(request);
                        // The client may have closed the connection already.
                        stream.write_all(&with_port(&answers[number], port)).await.ok();
                        stream.shutdown().await.ok();
                    }
                    Behaviour::Silence => {
                        let request = read(&mut stream).await;
                        seen.lock().unwrap().push(request);
                        open.push(stream);
                    }
                }
            }
        });
        Self { url, requests }
    }

    pub(crate) async fn answering(status: u16, body: &str) -> Self {
        Self::start(Behaviour::Answer(answer(status, "", body))).await
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}")
        .into_bytes()
}

fn with_port(answer: &[u8], port: u16) -> Vec<u8> {
    const MARK: &[u8] = b"PORT0";
    let mut answer = answer.to_vec();
    while let Some(at) = answer.windows(MARK.len()).position(|window| window == MARK) {
        answer.splice(at..at + MARK.len(), port.to_string().into_bytes());
    }
    answer
}

async fn read(stream: &mut TcpStream) -> Request {
    let mut bytes = vec![];
    loop {
        let mut chunk = [0; 4096];
        let length = stream.read(&mut chunk).await.unwrap();
        bytes.extend_from_slice(&chunk[..length]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let request = Request { head: head.to_owned(), body: body.to_owned() };
            let expected: usize = request.header("content-length").unwrap_or("0").parse().unwrap();
            if request.body.len() >= expected {
                return request;
            }
        }
        assert!(length > 0, "the request broke off");
    }
}
