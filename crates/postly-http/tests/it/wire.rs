//! Raw connections, for requests that no client library sends.

use std::time::Duration;

use postly_simulator::Webhook;
use postly_testkit::TestApp;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// The timeout of every operation here; refusals are much faster.
const PATIENCE: Duration = Duration::from_secs(60);

/// An open connection to the service.
pub(crate) struct Wire(pub(crate) TcpStream);

impl Wire {
    pub(crate) async fn open(app: &TestApp) -> Self {
        let address = app.base_url.trim_start_matches("http://");
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// Sends bytes. Returns false if the service has closed the connection.
    pub(crate) async fn says(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Returns all bytes until the connection is closed.
    pub(crate) async fn rest(mut self) -> String {
        let mut bytes = vec![];
        let read = tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut bytes));
        // A reset after the response counts as the end.
        drop(read.await.expect("the connection is closed"));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Returns one response without a body, and keeps the connection open.
    pub(crate) async fn answer(&mut self) -> String {
        let mut bytes = vec![];
        while !bytes.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            let read = tokio::time::timeout(PATIENCE, self.0.read(&mut byte)).await.expect("an answer");
            assert_eq!(read.unwrap(), 1, "{}", String::from_utf8_lossy(&bytes));
            bytes.push(byte[0]);
        }
        String::from_utf8(bytes).unwrap()
    }
}

/// Sends one request on its own connection, and returns everything received.
pub(crate) async fn ask(app: &TestApp, request: impl AsRef<[u8]>) -> String {
    let mut wire = Wire::open(app).await;
    wire.says(request).await;
    wire.rest().await
}

/// Returns the status of a response; 0 if there is none.
pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// Returns a webhook as its provider sends it, with additional header lines.
pub(crate) fn request(webhook: &Webhook, lines: &[&str]) -> Vec<u8> {
    let mut head = format!("{} {} HTTP/1.1\r\nhost: postly.example\r\n", webhook.method, webhook.path_query);
    for (name, value) in &webhook.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    for line in lines {
        head.push_str(&format!("{line}\r\n"));
    }
    let mut bytes = format!("{head}\r\n").into_bytes();
    bytes.extend(&webhook.body);
    bytes
}

/// Returns the `content-length` line of a webhook.
pub(crate) fn length(webhook: &Webhook) -> String {
    format!("content-length: {}", webhook.body.len())
}
