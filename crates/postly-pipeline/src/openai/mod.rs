//! Any server that speaks OpenAI's chat completions.
//!
//! One structured call per question, retried as the official client does but within the time we have, because a
//! server that asks for two minutes of patience asks for more than an author has.

mod config;
mod family;
mod known;
mod retry;
mod shutdown;
mod wire;

use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::{Client, header::HeaderMap, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

use crate::{
    Answer, CallRecord, Draft, DraftRequest, Model, ModelError, ModelFailure, breaker::Breaker,
    circuit::Verdict, writer::milliseconds,
};
pub use config::{DEFAULT_MODEL, OpenAiConfig, OpenAiConfigError, ReasoningEffort, Timing, is_openai_host};
use known::Tokens;
use retry::Advice;
use wire::{Content, Reply};

/// The largest answer that we read, in bytes: three posts take a few thousand.
const LARGEST_BODY: usize = 1024 * 1024;

/// Room for an answer, in tokens: for three posts of the longest kind that the prompt asks for, and for the second try
/// when the first was cut off.
const ROOM: [u32; 2] = [1200, 3000];

/// The same for a model that thinks: its thoughts take from the room of the answer.
const ROOM_TO_THINK: [u32; 2] = [4000, 8000];

/// What logs and figures call the server, and the one that stands in for it.
const FIRST: &str = "model";
const FALLBACK: &str = "model_fallback";

/// A model behind an OpenAI-compatible server.
pub struct OpenAiModel {
    client: Client,
    url: reqwest::Url,
    models_url: reqwest::Url,
    is_openai: bool,
    api_key: Option<SecretString>,
    model: String,
    reasoning_effort: Option<ReasoningEffort>,
    timing: Timing,
    breaker: Breaker,
}

impl std::fmt::Debug for OpenAiModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenAiModel({})", self.model)
    }
}

impl OpenAiModel {
    /// A client for this server, as patient as [`Timing::default`].
    ///
    /// The process must have installed a `rustls` crypto provider.
    ///
    /// # Errors
    /// When the base URL is none, or the HTTP client cannot be built.
    pub fn new(config: OpenAiConfig) -> Result<Self, OpenAiConfigError> {
        Self::with_timing(config, Timing::default())
    }

    /// A client for this server with a patience of its own.
    ///
    /// # Errors
    /// As [`OpenAiModel::new`].
    pub fn with_timing(config: OpenAiConfig, timing: Timing) -> Result<Self, OpenAiConfigError> {
        let base_url = config.base_url.trim_end_matches('/');
        let url_of = |path: &str| -> Result<reqwest::Url, OpenAiConfigError> {
            let url: reqwest::Url =
                format!("{base_url}/{path}").parse().map_err(|_| OpenAiConfigError::BaseUrl)?;
            let usable = matches!(url.scheme(), "http" | "https") && url.host_str().is_some();
            if usable { Ok(url) } else { Err(OpenAiConfigError::BaseUrl) }
        };
        let (url, models_url) = (url_of("chat/completions")?, url_of("models")?);
        let client = Client::builder()
            .connect_timeout(timing.connect)
            // A redirect would carry briefs to a host that nobody configured.
            .redirect(redirect::Policy::none())
            .build()
            .map_err(OpenAiConfigError::Client)?;
        let api_key = config.api_key.filter(|key| !key.expose_secret().is_empty());
        Ok(Self {
            client,
            url,
            models_url,
            is_openai: is_openai_host(base_url),
            api_key,
            reasoning_effort: config.reasoning_effort.or_else(|| family::default_effort(&config.model)),
            model: config.model,
            timing,
            breaker: Breaker::new(FIRST),
        })
    }

    /// The same, called the fallback in figures and in what is said of its circuit.
    #[must_use]
    pub fn as_fallback(mut self) -> Self {
        self.breaker = Breaker::new(FALLBACK);
        self
    }

    async fn ask(&self, request: &DraftRequest, calls: &mut Vec<CallRecord>) -> Result<Answer, ModelFailure> {
        let mut retries = 0;
        let [usual, more] =
            if family::thinks(&self.model, self.reasoning_effort) { ROOM_TO_THINK } else { ROOM };
        let mut max_tokens = usual;
        let mut turned_away = ModelFailure::Unavailable;
        loop {
            let Some(call) = self.breaker.admit() else { return Err(turned_away) };
            let started = Instant::now();
            let patience = self.timing.attempt.min(request.time_left());
            let ended = self.attempt(request, max_tokens, patience).await;
            call.ended(ended.verdict(patience * 2 >= self.timing.attempt));
            calls.push(self.record(request, &ended, started.elapsed()));
            let (failure, wait) = match ended {
                Ended::Answered(reply) => match reply.content {
                    Content::Text(text) => return Ok(Answer::Text(text)),
                    // The writer finds the defect in it and sends it back.
                    Content::Nothing => return Ok(Answer::Text(String::new())),
                    Content::Refused => return Err(ModelFailure::Refused),
                    Content::Filtered => return Err(ModelFailure::Filtered),
                    Content::Truncated if max_tokens == usual => {
                        max_tokens = more;
                        continue;
                    }
                    Content::Truncated => return Err(ModelFailure::Truncated),
                },
                Ended::Status { status, headers, quota } => {
                    let failure = failure_of(status, quota);
                    match retry::advice(status, quota, &headers) {
                        Advice::Stop => {
                            log_rejection(&self.model, status, failure);
                            return Err(failure);
                        }
                        Advice::Retry { after } => (failure, after),
                    }
                }
                Ended::Broken(_) => (ModelFailure::Unavailable, None),
            };
            if request.time_left().is_zero() {
                return Err(ModelFailure::DeadlineExceeded);
            }
            if retries == retry::MOST_RETRIES || self.breaker.is_open() {
                return Err(failure);
            }
            let wait = wait.unwrap_or_else(|| retry::backoff(self.timing.backoff, retries));
            if wait > self.timing.longest_wait || wait >= request.time_left() {
                return Err(failure);
            }
            retries += 1;
            turned_away = failure;
            tokio::time::sleep(wait).await;
        }
    }

    /// One HTTP exchange, bounded in time and size.
    async fn attempt(&self, request: &DraftRequest, max_tokens: u32, patience: Duration) -> Ended {
        // Only its bytes outlive this line: as a tree it takes three times as much, for as long as the model thinks.
        let body = wire::body(&self.model, request, max_tokens, self.reasoning_effort);
        let call = self.authorized(self.client.post(self.url.clone())).json(&body);
        drop(body);
        match tokio::time::timeout(patience, exchange(call)).await {
            Ok(ended) => ended,
            Err(_) => Ended::Broken("timeout"),
        }
    }

    fn authorized(&self, call: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.api_key {
            Some(key) => call.bearer_auth(key.expose_secret()),
            None => call,
        }
    }

    fn record(&self, request: &DraftRequest, ended: &Ended, took: Duration) -> CallRecord {
        let (tokens, request_id) = match ended {
            Ended::Answered(reply) => (reply.tokens, reply.request_id.clone()),
            Ended::Status { headers, .. } => (Tokens::default(), wire::request_id(headers)),
            Ended::Broken(_) => (Tokens::default(), None),
        };
        let (stage, outcome) = (request.stage(), ended.outcome());
        let labels =
            [("model", self.model.clone()), ("stage", stage.as_str().into()), ("outcome", outcome.into())];
        metrics::counter!("llm_requests_total", &labels).increment(1);
        CallRecord {
            model: self.model.clone(),
            stage,
            outcome,
            prompt_tokens: tokens.read,
            completion_tokens: tokens.written,
            price_microunits: known::microdollars(&self.model, tokens),
            latency_ms: milliseconds(took),
            request_id,
            prompt_version: request.prompt_version,
        }
    }
}

impl Model for OpenAiModel {
    fn name(&self) -> &str {
        &self.model
    }

    fn is_ai(&self) -> bool {
        true
    }

    fn draft<'a>(&'a self, request: &'a DraftRequest) -> BoxFuture<'a, Result<Draft, ModelError>> {
        Box::pin(async move {
            let mut calls = Vec::new();
            match self.ask(request, &mut calls).await {
                Ok(answer) => Ok(Draft { answer, writer: self.model.clone(), calls }),
                Err(failure) => Err(ModelError { failure, calls }),
            }
        })
    }
}

/// How one attempt ended.
enum Ended {
    /// With an answer in the form of the contract.
    Answered(Reply),
    /// With a status that is no success.
    Status { status: u16, headers: Box<HeaderMap>, quota: bool },
    /// Without an answer: no connection, a torn body, a page instead of JSON. Another try may do.
    Broken(&'static str),
}

impl Ended {
    fn outcome(&self) -> &'static str {
        match self {
            Self::Answered(reply) => reply.content.outcome(),
            Self::Status { quota: true, .. } => "quota",
            Self::Status { status: 429, .. } => "rate_limited",
            Self::Status { status: 500.., .. } => "server_error",
            Self::Status { .. } => "rejected",
            Self::Broken(outcome) => outcome,
        }
    }

    /// What the end says of the server. A call that had no fair time says nothing by running out of it, and one that
    /// was turned down for what it held says that the server works: nobody's brief may close it to everybody.
    fn verdict(&self, had_fair_time: bool) -> Verdict {
        match self {
            Self::Answered(_) | Self::Status { status: 400 | 413 | 422, quota: false, .. } => Verdict::Works,
            Self::Broken("timeout") if !had_fair_time => Verdict::Unknown,
            Self::Status { .. } | Self::Broken(_) => Verdict::Fails,
        }
    }
}

async fn exchange(call: reqwest::RequestBuilder) -> Ended {
    let mut response = match call.send().await {
        Ok(response) => response,
        Err(error) if error.is_connect() => return Ended::Broken("connect"),
        Err(error) if error.is_timeout() => return Ended::Broken("timeout"),
        Err(_) => return Ended::Broken("torn"),
    };
    let status = response.status().as_u16();
    let headers = std::mem::take(response.headers_mut());
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= LARGEST_BODY => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Ended::Broken("too_large"),
            Ok(None) => break,
            // The status of an error says enough without its body.
            Err(_) if !(200..300).contains(&status) => break,
            Err(_) => return Ended::Broken("torn"),
        }
    }
    if status == 400 && wire::is_filtered(&body) {
        return Ended::Answered(Reply::filtered(&headers));
    }
    if !(200..300).contains(&status) {
        return Ended::Status { status, quota: wire::is_quota(&body), headers: Box::new(headers) };
    }
    match wire::read(&body, &headers) {
        Some(reply) => Ended::Answered(reply),
        None => Ended::Broken("not_json"),
    }
}

fn failure_of(status: u16, quota: bool) -> ModelFailure {
    match status {
        _ if quota => ModelFailure::Quota,
        429 => ModelFailure::RateLimited,
        408 | 409 | 500.. => ModelFailure::Unavailable,
        _ => ModelFailure::Rejected { status },
    }
}

/// Tells the operator what no retry mends. The body stays out: it may quote the prompt.
fn log_rejection(model: &str, status: u16, failure: ModelFailure) {
    match failure {
        ModelFailure::Quota => {
            tracing::error!(model, status, "The account at the provider of {model} is used up: top it up");
        }
        ModelFailure::Rejected { .. } => {
            tracing::error!(
                model,
                status,
                "The provider of {model} turned our request down with status {status}"
            );
        }
        ModelFailure::Refused
        | ModelFailure::Filtered
        | ModelFailure::Truncated
        | ModelFailure::RateLimited
        | ModelFailure::Unavailable
        | ModelFailure::DeadlineExceeded => {
            tracing::warn!(
                model,
                status,
                "The provider of {model} failed with status {status} and asks for no retry"
            );
        }
    }
}
