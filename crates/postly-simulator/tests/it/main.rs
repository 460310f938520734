//! The simulator from the point of view of the service: over sockets, with an ordinary HTTP client.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may be frank about what it takes for granted"
)]

mod faults;
mod hooks;
mod media;
mod meta;
mod model;
mod phone;
mod stripe;
mod twilio;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use postly_simulator::{Channel, Person, Simulator, SimulatorConfig};
use serde_json::{Value, json};
use tokio::sync::watch;

/// A webhook as the service receives it.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Received {
    /// Returns Meta's `status`, or Twilio's `MessageStatus`.
    pub(crate) fn status(&self) -> Option<String> {
        if let Ok(json) = serde_json::from_slice::<Value>(&self.body) {
            return json.pointer("/entry/0/changes/0/value/statuses/0/status")?.as_str().map(str::to_owned);
        }
        self.field("MessageStatus")
    }

    pub(crate) fn field(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(&self.body)
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
    }
}

#[derive(Default)]
struct Inbox {
    received: Mutex<Vec<Received>>,
    refusals: Mutex<u32>,
    count: watch::Sender<usize>,
}

/// A stand-in for the service that records its webhooks.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    inbox: Arc<Inbox>,
}

impl Service {
    pub(crate) async fn start() -> Self {
        let inbox = Arc::<Inbox>::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(take).with_state(Arc::clone(&inbox));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, inbox }
    }

    /// Answers the next webhooks with 503.
    pub(crate) fn refuse(&self, times: u32) {
        *self.inbox.refusals.lock().unwrap() = times;
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.inbox.received.lock().unwrap().clone()
    }

    /// Waits until `count` webhooks have arrived.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Received> {
        let mut counter = self.inbox.count.subscribe();
        let enough = counter.wait_for(|have| *have >= count);
        tokio::time::timeout(Duration::from_secs(10), enough).await.expect("webhooks in time").unwrap();
        self.received()
    }
}

async fn take(
    State(inbox): State<Arc<Inbox>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    if uri.path() == "/api/whatsapp/webhook" && uri.query().is_some_and(|query| query.contains("hub.mode")) {
        return (StatusCode::OK, uri.query().unwrap().to_owned());
    }
    {
        let mut refusals = inbox.refusals.lock().unwrap();
        if *refusals > 0 {
            *refusals -= 1;
            return (StatusCode::SERVICE_UNAVAILABLE, String::new());
        }
    }
    let mut received = inbox.received.lock().unwrap();
    received.push(Received { target: uri.to_string(), headers, body: body.to_vec() });
    inbox.count.send_replace(received.len());
    (StatusCode::OK, String::new())
}

pub(crate) const PUBLIC: &str = "https://postly.example/api/whatsapp/webhook";
pub(crate) const NUMBER: &str = "+33612345678";

/// A simulator, a service, and an HTTP client.
pub(crate) struct Scene {
    pub(crate) world: Simulator,
    pub(crate) service: Service,
    pub(crate) client: reqwest::Client,
}

impl Scene {
    pub(crate) async fn set() -> Self {
        Self::set_with(SimulatorConfig::default()).await
    }

    pub(crate) async fn set_with(config: SimulatorConfig) -> Self {
        let service = Service::start().await;
        let world = Simulator::start(config).await.unwrap();
        world.set_webhook(&format!("http://{}/api/whatsapp/webhook", service.address), PUBLIC).unwrap();
        let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().unwrap();
        Self { world, service, client }
    }

    /// Returns a person with an open service window.
    pub(crate) fn writer(&self, channel: Channel) -> Person {
        let person = self.world.person(channel, NUMBER);
        self.world.open_window(&person);
        person
    }

    pub(crate) async fn meta(&self, body: &Value) -> (u16, Value) {
        answer(self.meta_request(body)).await.unwrap()
    }

    pub(crate) fn meta_request(&self, body: &Value) -> reqwest::RequestBuilder {
        let account = &self.world.config().meta;
        self.client
            .post(format!("{}/v25.0/{}/messages", self.world.base_url(), account.phone_number_id))
            .bearer_auth(&account.access_token)
            .json(body)
    }

    pub(crate) async fn twilio(&self, fields: &[(&str, &str)]) -> (u16, Value) {
        answer(self.twilio_request(fields)).await.unwrap()
    }

    pub(crate) fn twilio_request(&self, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let account = &self.world.config().twilio;
        self.client
            .post(format!(
                "{}/2010-04-01/Accounts/{}/Messages.json",
                self.world.base_url(),
                account.account_sid
            ))
            .basic_auth(&account.account_sid, Some(&account.auth_token))
            .form(fields)
    }

    pub(crate) async fn model(&self, body: &Value) -> (u16, Value) {
        answer(self.model_request(body)).await.unwrap()
    }

    pub(crate) fn model_request(&self, body: &Value) -> reqwest::RequestBuilder {
        self.client.post(format!("{}/chat/completions", self.world.openai_base_url())).json(body)
    }
}

pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Result<(u16, Value), reqwest::Error> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let body = response.bytes().await?;
    Ok((
        status,
        serde_json::from_slice(&body).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&body))),
    ))
}

pub(crate) fn text(body: &str) -> Value {
    json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": NUMBER,
        "type": "text",
        "text": {"preview_url": false, "body": body},
        "biz_opaque_callback_data": "outbox:1",
    })
}

pub(crate) fn reply(body: &str) -> Vec<(&'static str, String)> {
    vec![
        ("To", format!("whatsapp:{NUMBER}")),
        ("From", "whatsapp:+14155238886".to_owned()),
        ("Body", body.to_owned()),
        ("StatusCallback", format!("{PUBLIC}?m=outbox%3A1")),
    ]
}

pub(crate) fn pairs<'a>(fields: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
}
