//! Queries about our own account at the providers, for `postly doctor`. They change nothing, and each ends
//! within five seconds.

use std::time::Duration;

use reqwest::{RequestBuilder, Url, redirect};
use serde_json::Value;

pub use crate::meta::inspect::{MetaNumber, MetaSubscription, MetaTemplate, MetaToken};
pub use crate::twilio::inspect::{TwilioAccount, TwilioContent, TwilioSender};

/// The time for one query, from the connection to the end of the answer.
pub const TIME_LIMIT: Duration = Duration::from_secs(5);

/// The largest answer that is read: a page of a hundred templates with their texts.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// The reason why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// No answer within the time, or no connection.
    #[error("no answer within {} s", TIME_LIMIT.as_secs())]
    Unreachable,
    /// The provider refused the query.
    #[error("refused with status {status} and code {code}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The provider's code; 0 if it names none.
        code: i64,
    },
    /// The answer does not have the provider's form.
    #[error("an answer that is not the provider's")]
    Unreadable,
}

/// Queries the providers.
#[derive(Debug, Clone)]
pub struct Inspector {
    http: reqwest::Client,
}

/// An answer, with the provider's time.
pub(crate) struct Inspected {
    pub(crate) body: Value,
    /// The `Date` header of the answer, unchanged.
    pub(crate) date: Option<String>,
}

impl Inspector {
    /// Creates the client. A TLS provider must be installed in the process before.
    ///
    /// # Errors
    /// Fails if the HTTP client cannot be created.
    pub fn new() -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(TIME_LIMIT)
            // A redirect would send the token to another host.
            .redirect(redirect::Policy::none())
            .build()?;
        Ok(Self { http })
    }

    pub(crate) fn get(&self, url: Url) -> RequestBuilder {
        self.http.get(url)
    }
}

/// Sends one query. `code_of` finds the provider's code in the body of an error.
pub(crate) async fn ask(
    request: RequestBuilder,
    code_of: impl Fn(&Value) -> Option<i64>,
) -> Result<Inspected, InspectError> {
    let mut response = request.send().await.map_err(|_| InspectError::Unreachable)?;
    let status = response.status();
    let date = response.headers().get("date").and_then(|date| date.to_str().ok()).map(str::to_owned);
    let mut bytes = vec![];
    while let Some(chunk) = response.chunk().await.map_err(|_| InspectError::Unreachable)? {
        if bytes.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(InspectError::Unreadable);
        }
        bytes.extend_from_slice(&chunk);
    }
    let body: Option<Value> = serde_json::from_slice(&bytes).ok();
    if !status.is_success() {
        let code = body.as_ref().and_then(code_of).unwrap_or(0);
        return Err(InspectError::Refused { status: status.as_u16(), code });
    }
    Ok(Inspected { body: body.ok_or(InspectError::Unreadable)?, date })
}

/// `base` with segments after its path, and a query string.
pub(crate) fn url(base: &str, segments: &[&str], query: &[(&str, &str)]) -> Result<Url, InspectError> {
    let mut url = crate::send::url(base, segments).ok_or(InspectError::Unreachable)?;
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    Ok(url)
}

/// A text in an object.
pub(crate) fn text(value: &Value, field: &str) -> Option<String> {
    value.get(field).and_then(Value::as_str).map(str::to_owned)
}

/// The texts of a list in an object.
pub(crate) fn texts(value: &Value, field: &str) -> Vec<String> {
    let list = value.get(field).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The objects of a list in an object.
pub(crate) fn objects<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}
