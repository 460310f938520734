//! Delivers webhooks to the service under test, with the retries of each provider.

use std::time::Duration;

use reqwest::Url;

use crate::config::Channel;
use crate::simulator::StartError;
use crate::webhook::Webhook;
use crate::world::World;

/// The timeout of a delivery. The real ones, 15 s for Twilio and 20 s for Meta, would only slow tests down.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pause before the first retry; each later pause is four times as long. Meta retries for days; a demo
/// has minutes.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The number of tries at Meta and at Twilio, which retries once by default.
const META_TRIES: u32 = 5;
const TWILIO_TRIES: u32 = 2;

/// The response of the service to a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The HTTP status; 0 if there was no response.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The reason why there was no response.
    pub error: Option<String>,
}

impl Delivery {
    /// Returns the value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    fn none(error: String) -> Self {
        Self { status: 0, headers: Vec::new(), body: Vec::new(), error: Some(error) }
    }
}

/// The address for webhooks, and the URL under which Twilio knows it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    origin: String,
    pub(crate) path_query: String,
    pub(crate) public_url: String,
}

impl Target {
    pub(crate) fn parse(url: &str, public_url: &str) -> Result<Self, StartError> {
        let parsed = Url::parse(url).map_err(|_| StartError::WebhookUrl)?;
        Url::parse(public_url).map_err(|_| StartError::WebhookUrl)?;
        let origin = parsed.origin();
        if !origin.is_tuple() {
            return Err(StartError::WebhookUrl);
        }
        Ok(Self {
            origin: origin.ascii_serialization(),
            path_query: path_query(url),
            public_url: public_url.to_owned(),
        })
    }
}

/// Returns the request target of a URL, byte for byte. Twilio never sends a fragment.
pub(crate) fn path_query(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
    match rest.find(['/', '?']).and_then(|place| rest.get(place..)) {
        Some(target) if target.starts_with('/') => target.to_owned(),
        Some(query) => format!("/{query}"),
        None => "/".to_owned(),
    }
}

/// Delivers once.
pub(crate) async fn once(world: &World, webhook: &Webhook) -> Delivery {
    let Some(target) = world.state().target.clone() else {
        return Delivery::none("no webhook URL is set".to_owned());
    };
    let Ok(method) = reqwest::Method::from_bytes(webhook.method.as_bytes()) else {
        return Delivery::none("no such method".to_owned());
    };
    let url = format!("{}{}", target.origin, webhook.path_query);
    let mut request = world.client.request(method, url).timeout(PATIENCE).body(webhook.body.clone());
    for (name, value) in &webhook.headers {
        request = request.header(name, value);
    }
    recorded(world, &webhook.path_query, request).await
}

/// Sends a request, and records it for the phone page.
async fn recorded(world: &World, path: &str, request: reqwest::RequestBuilder) -> Delivery {
    let at_ms = world.clock.now_ms();
    let delivery = answer(request).await;
    world.state().deliveries.record(at_ms, path, &delivery);
    delivery
}

/// Delivers a body to a path of the service.
pub(crate) async fn to_path(world: &World, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Delivery {
    let Some(target) = world.state().target.clone() else {
        return Delivery::none("no webhook URL is set".to_owned());
    };
    let url = format!("{}{path}", target.origin);
    let mut request = world.client.post(url).timeout(PATIENCE).body(body.to_vec());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    recorded(world, path, request).await
}

/// Performs Meta's handshake with this challenge and token.
pub(crate) async fn handshake(world: &World, token: &str, challenge: &str) -> Delivery {
    let Some(target) = world.state().target.clone() else {
        return Delivery::none("no webhook URL is set".to_owned());
    };
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("hub.mode", "subscribe")
        .append_pair("hub.challenge", challenge)
        .append_pair("hub.verify_token", token)
        .finish();
    let separator = if target.path_query.contains('?') { '&' } else { '?' };
    let url = format!("{}{}{separator}{query}", target.origin, target.path_query);
    answer(world.client.get(url).timeout(PATIENCE)).await
}

async fn answer(request: reqwest::RequestBuilder) -> Delivery {
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => return Delivery::none(error.to_string()),
    };
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    match response.bytes().await {
        Ok(body) => Delivery { status, headers, body: body.to_vec(), error: None },
        Err(error) => Delivery::none(error.to_string()),
    }
}

/// Delivers until the service takes the webhook, within limits. Meta retries after any status but `200`;
/// Twilio retries only after a server error or no response.
pub(crate) async fn with_retries(world: &World, webhook: &Webhook) -> Delivery {
    let tries = match webhook.channel {
        Channel::Meta => META_TRIES,
        Channel::Twilio => TWILIO_TRIES,
    };
    let mut pause = FIRST_PAUSE;
    let mut delivery = once(world, webhook).await;
    for _ in 1..tries {
        let again = match webhook.channel {
            Channel::Meta => delivery.status != 200,
            Channel::Twilio => delivery.status == 0 || delivery.status >= 500,
        };
        if !again || world.stopped() {
            break;
        }
        tokio::time::sleep(pause).await;
        pause *= 4;
        delivery = once(world, webhook).await;
    }
    delivery
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_target_keeps_its_bytes() {
        fn check(url: &str, expected: &str) {
            assert_eq!(path_query(url), expected, "{url}");
        }
        check(
            "https://a.example/api/whatsapp/webhook?m=%C3%A9&x=1%2B1",
            "/api/whatsapp/webhook?m=%C3%A9&x=1%2B1",
        );
        check("https://a.example:8443/cb#rc=2", "/cb");
        check("https://a.example?m=1", "/?m=1");
        check("https://a.example", "/");
    }
}
