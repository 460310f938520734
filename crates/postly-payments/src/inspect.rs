//! Queries about our account at Stripe, for `postly doctor`. They change nothing, and each ends within five
//! seconds.

use std::time::Duration;

use reqwest::{Url, header};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::{
    Stripe,
    client::{API_VERSION, StripeError},
};

/// The time for one query, from the connection to the end of the answer.
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// The largest answer that is read: a hundred destinations with their lists of events.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// The events on which the ledger of payments depends.
pub const NEEDED_EVENTS: [&str; 11] = [
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "charge.succeeded",
    "charge.refunded",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.closed",
];

/// A destination of Stripe's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventDestination {
    /// Its address.
    pub url: String,
    /// True if its events hold their object (payload style *snapshot*), false if they only name it (*thin*).
    pub is_snapshot: bool,
    /// True while Stripe sends to it.
    pub is_enabled: bool,
    /// The subscribed events, or `*`.
    pub events: Vec<String>,
    /// The version of the API of its events.
    pub api_version: Option<String>,
}

impl EventDestination {
    /// The needed events that it does not receive.
    pub fn missing_events(&self) -> Vec<&'static str> {
        let has = |needed: &str| self.events.iter().any(|event| event == needed || event == "*");
        NEEDED_EVENTS.into_iter().filter(|needed| !has(needed)).collect()
    }
}

impl Stripe {
    /// Requests one Checkout Session, as a check of our key and its permissions.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn check_key(&self) -> Result<(), StripeError> {
        let mut url = self.checkout_sessions().clone();
        url.query_pairs_mut().append_pair("limit", "1");
        self.look_up(url).await.map(drop)
    }

    /// Lists the destinations of our account's events.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn event_destinations(&self) -> Result<Vec<EventDestination>, StripeError> {
        let mut url = self.checkout_sessions().clone();
        if let Ok(mut path) = url.path_segments_mut() {
            // The base of the API may have a path of its own.
            path.pop().pop().pop().extend(["v2", "core", "event_destinations"]);
        }
        url.query_pairs_mut().append_pair("include[0]", "webhook_endpoint.url").append_pair("limit", "100");
        let body = self.look_up(url).await?;
        let list = body.get("data").and_then(Value::as_array);
        Ok(list.into_iter().flatten().filter_map(destination).collect())
    }

    async fn look_up(&self, url: Url) -> Result<Value, StripeError> {
        let call = self
            .http()
            .get(url)
            .timeout(TIME_LIMIT)
            .bearer_auth(self.secret_key().expose_secret())
            .header("stripe-version", API_VERSION)
            .header(header::ACCEPT, "application/json");
        let mut response = call.send().await.map_err(|_| StripeError::Unavailable("connect"))?;
        let status = response.status().as_u16();
        let mut bytes = vec![];
        while let Some(chunk) = response.chunk().await.map_err(|_| StripeError::Unavailable("torn"))? {
            if bytes.len() + chunk.len() > LARGEST_ANSWER {
                return Err(StripeError::Unavailable("too_large"));
            }
            bytes.extend_from_slice(&chunk);
        }
        match (status, serde_json::from_slice(&bytes)) {
            (200..300, Ok(body)) => Ok(body),
            (200..300, Err(_)) => Err(StripeError::Unavailable("unreadable")),
            (500.., _) => Err(StripeError::Unavailable("server_error")),
            // The message may quote our request: the status is sufficient.
            (status, _) => Err(StripeError::Refused { status, code: String::new() }),
        }
    }
}

fn destination(value: &Value) -> Option<EventDestination> {
    let text = |field: &str| value.get(field).and_then(Value::as_str);
    let events = value.get("enabled_events").and_then(Value::as_array);
    Some(EventDestination {
        url: value.get("webhook_endpoint")?.get("url")?.as_str()?.to_owned(),
        is_snapshot: text("event_payload") == Some("snapshot"),
        is_enabled: text("status") == Some("enabled"),
        events: events.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
        api_version: text("snapshot_api_version").map(str::to_owned),
    })
}
