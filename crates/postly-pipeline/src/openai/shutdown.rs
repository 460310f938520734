//! The shutdown date of the configured model, as its provider announces it.

use std::time::Duration;

use postly_domain::{Alert, metric};
use serde::Deserialize;

use super::{OpenAiModel, family, known};

/// The time limit for the list of models. Nothing waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The largest list that is read, in bytes. Gateways list thousands of models.
const LARGEST_LIST: usize = 8 * 1024 * 1024;

/// The fields of `GET /v1/models` that are used
/// (developers.openai.com/api/reference/resources/models/methods/list).
#[derive(Deserialize)]
struct List {
    data: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    // Some servers fill it with values other than text.
    #[serde(default)]
    shutdown_date: serde_json::Value,
}

/// The information about a model that is available without a call to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInspection {
    /// The result of the request for the list of models.
    pub list: ModelList,
    /// The date (`YYYY-MM-DD`) of the shutdown, if one is announced.
    pub shutdown: Option<String>,
    /// True if the price of a call is known.
    pub has_price: bool,
}

/// The result of the request for the server's list of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelList {
    /// The list has the model.
    Listed,
    /// The list does not have the model.
    NotListed,
    /// The server refused the request with this status.
    Refused(u16),
    /// No connection, or no answer within five seconds.
    Unreachable,
    /// An answer that is no list.
    Unreadable,
}

impl OpenAiModel {
    /// Requests the server's list of models, within five seconds, and looks up the known facts of the model.
    pub async fn inspect(&self) -> ModelInspection {
        let (list, listed) =
            tokio::time::timeout(PATIENCE, self.list()).await.unwrap_or((ModelList::Unreachable, None));
        let known = || known::shutdown(&self.model).filter(|_| self.is_openai).map(str::to_owned);
        ModelInspection { list, shutdown: listed.or_else(known), has_price: known::has_price(&self.model) }
    }

    async fn list(&self) -> (ModelList, Option<String>) {
        let request = self.authorized(self.client.get(self.models_url.clone()));
        let Ok(mut response) = request.send().await else { return (ModelList::Unreachable, None) };
        if !response.status().is_success() {
            return (ModelList::Refused(response.status().as_u16()), None);
        }
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= LARGEST_LIST => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Ok(Some(_)) | Err(_) => return (ModelList::Unreadable, None),
            }
        }
        let Ok(list) = serde_json::from_slice::<List>(&body) else { return (ModelList::Unreadable, None) };
        let same = |entry: &Entry| family::bare(&entry.id) == family::bare(&self.model);
        let state = if list.data.iter().any(same) { ModelList::Listed } else { ModelList::NotListed };
        (state, read(&body, &self.model))
    }

    /// Warns once if the provider has announced the shutdown of the model.
    ///
    /// The date comes from the server's list of models, else from our table, for OpenAI's own host only. It
    /// never fails, and ends within five seconds.
    pub async fn warn_of_shutdown(&self) {
        let listed = tokio::time::timeout(PATIENCE, self.listed_shutdown()).await.ok().flatten();
        let known = || known::shutdown(&self.model).filter(|_| self.is_openai).map(str::to_owned);
        if let Some(date) = listed.or_else(known) {
            let model = self.model.as_str();
            let alert = Alert::ModelShutdown.as_str();
            metrics::counter!(metric::ALERTS, "name" => alert).increment(1);
            tracing::warn!(
                alert,
                model,
                shutdown_date = date,
                "The provider shuts {model} down on {date}: configure another model before"
            );
        }
    }

    async fn listed_shutdown(&self) -> Option<String> {
        let mut response = self.authorized(self.client.get(self.models_url.clone())).send().await.ok()?;
        if !response.status().is_success() {
            return None;
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.ok()? {
            if body.len() + chunk.len() > LARGEST_LIST {
                return None;
            }
            body.extend_from_slice(&chunk);
        }
        read(&body, &self.model)
    }
}

/// The date of a model in a list, if the list has one.
fn read(body: &[u8], model: &str) -> Option<String> {
    let list: List = serde_json::from_slice(body).ok()?;
    let exact = list.data.iter().find(|entry| entry.id == model);
    let same = || list.data.iter().find(|entry| family::bare(&entry.id) == family::bare(model));
    let date = exact.or_else(same)?.shutdown_date.as_str()?;
    is_date(date).then(|| date.to_owned())
}

/// True for `YYYY-MM-DD`. Any other value of a server must not be logged.
fn is_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shutdown_date_is_read_for_the_model_that_is_configured() {
        let list = br#"{"object":"list","data":[
            {"id":"gpt-6-luna","object":"model","created":1,"owned_by":"system","shutdown_date":null},
            {"id":"gpt-4o-mini","object":"model","created":1,"owned_by":"system","shutdown_date":"2027-01-14"},
            {"id":"local","object":"model"},
            {"id":"odd","object":"model","shutdown_date":{"at":1}},
            {"id":"noisy","object":"model","shutdown_date":"soon, call +33 6"}]}"#;
        for (model, expected) in [
            ("gpt-4o-mini", Some("2027-01-14")),
            ("openai/gpt-4o-mini", Some("2027-01-14")),
            ("gpt-6-luna", None),
            ("local", None),
            ("odd", None),
            ("noisy", None),
            ("absent", None),
        ] {
            assert_eq!(read(list, model).as_deref(), expected, "{model}");
        }
        assert_eq!(read(b"<html>", "gpt-4o-mini"), None);
    }
}
