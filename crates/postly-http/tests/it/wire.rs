//! Raw connections, for what no client library would send.

use std::time::Duration;

use postly_simulator::Webhook;
use postly_testkit::TestApp;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// The longest that anything here may take; what is refused is refused far sooner.
const PATIENCE: Duration = Duration::from_secs(60);

/// An open connection to the service.
pub(crate) struct Wire(pub(crate) TcpStream);

impl Wire {
    pub(crate) async fn open(app: &TestApp) -> Self {
        let address = app.base_url.trim_start_matches("http://");
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// Sends what can still be sent: whoever refuses us closes while we speak.
    pub(crate) async fn says(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Everything until the connection is closed.
    pub(crate) async fn rest(mut self) -> String {
        let mut bytes = vec![];
        let read = tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut bytes));
        // A reset after the answer ends it as well as anything.
        drop(read.await.expect("the connection is closed"));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// One answer without a body, on a connection that stays open.
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

/// One request on a connection of its own, and all that comes back.
pub(crate) async fn ask(app: &TestApp, request: impl AsRef<[u8]>) -> String {
    let mut wire = Wire::open(app).await;
    wire.says(request).await;
    wire.rest().await
}

/// The status of an answer; 0 when there was none.
pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// A webhook as its provider writes it, with these lines besides.
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

/// The line that says how long its body is.
pub(crate) fn length(webhook: &Webhook) -> String {
    format!("content-length: {}", webhook.body.len())
}
