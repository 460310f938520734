//! A client of server-sent events, over real HTTP.

use std::time::Duration;

use postly_testkit::{SESSION_COOKIE, TestApp, TestBrowser};
use serde_json::Value;

/// The timeout for an expected event. One second is promised, but a busy machine may take longer to schedule
/// both ends; the tests of the promise measure the time themselves.
const PATIENCE: Duration = Duration::from_secs(20);

/// An open stream.
pub(crate) struct EventStream {
    response: reqwest::Response,
    buffer: String,
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: Option<String>,
    pub(crate) data: Value,
}

impl EventStream {
    /// Opens `/api/events` with the session of a browser.
    pub(crate) async fn open(app: &TestApp, browser: &TestBrowser, query: &str) -> Self {
        let cookie = format!("{SESSION_COOKIE}={}", browser.session().expect("a session"));
        Self::with(app, query, ("cookie", &cookie)).await
    }

    pub(crate) async fn with(app: &TestApp, query: &str, (name, value): (&str, &str)) -> Self {
        let url = format!("{}/api/events{query}", app.base_url);
        let response = reqwest::Client::new().get(url).header(name, value).send().await.unwrap();
        Self::of(response)
    }

    pub(crate) fn of(response: reqwest::Response) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        Self { response, buffer: String::new() }
    }

    /// Returns the next event, without comments; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        // The limit is for the whole event: comments arrive also on a stream that is silent by mistake.
        tokio::time::timeout(PATIENCE, self.read_next()).await.expect("an event")
    }

    async fn read_next(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.buffer = rest;
                let field = |name: &str| {
                    block
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(|value| value.trim().to_owned())
                };
                let Some(name) = field("event:") else { continue };
                let data = serde_json::from_str(&field("data:").expect("data")).expect("JSON");
                return Some(Event { name, id: field("id:"), data });
            }
            // A broken connection ends a stream, too.
            let chunk = self.response.chunk().await.ok().flatten()?;
            self.buffer.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    }

    /// Returns the next event with this name.
    pub(crate) async fn next_of(&mut self, name: &str) -> Value {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.name == name {
                return event.data;
            }
        }
    }
}
