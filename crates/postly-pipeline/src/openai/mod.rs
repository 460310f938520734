//! A model behind any server with OpenAI's chat completions API.
//!
//! Each question is one structured call. It is retried like in the official client, but within the deadline:
//! a server may ask for a wait of two minutes, which is longer than an author waits.

mod answer;
mod attempt;
mod config;
mod family;
mod known;
mod refusal;
mod retry;
mod shape;
mod shutdown;
mod transcribe;
mod wire;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::future::BoxFuture;
use postly_domain::{TRACE, media::MediaFile, metric};
use reqwest::{Client, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

use crate::{
    Answer, CallRecord, Draft, DraftRequest, Model, ModelError, ModelFailure, breaker::Breaker,
    writer::milliseconds,
};
pub use config::{DEFAULT_MODEL, OpenAiConfig, OpenAiConfigError, ReasoningEffort, Timing, is_openai_host};
pub use known::transcription_shutdown;
pub use shape::Dialect;
pub use shutdown::{ModelInspection, ModelList};
pub use transcribe::{DEFAULT_TRANSCRIBE_MODEL, Hints, Transcriber, Transcription};

use answer::Content;
use attempt::{Ended, exchange, failure_of, log_refusal, log_rejection};
use known::Tokens;
use refusal::{ApiError, PictureRefusal};
use retry::Advice;
use shape::{Learned, Shape};

/// The largest answer that is read, in bytes: three posts take a few thousand.
const LARGEST_BODY: usize = 1024 * 1024;

/// The most tokens of an answer: for three posts of the longest kind that the prompt asks for, and for the
/// second try after a cut-off.
const ROOM: [u32; 2] = [1200, 3000];

/// The same for a model that reasons, because its reasoning uses answer tokens.
const ROOM_TO_THINK: [u32; 2] = [4000, 8000];

/// The most fields that may be refused for one question: every optional field once, those with a second form
/// twice.
const MOST_REFUSALS: usize = 9;

/// The names of the server and of its fallback in logs and metrics.
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
    /// True if the model reasons before it answers.
    thinks: bool,
    learned: Learned,
    timing: Timing,
    /// True until the server refuses a picture.
    sees: AtomicBool,
    breaker: Breaker,
}

impl std::fmt::Debug for OpenAiModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenAiModel({})", self.model)
    }
}

impl OpenAiModel {
    /// Returns a client for this server with the time limits of [`Timing::default`].
    ///
    /// The process must have installed a `rustls` crypto provider.
    ///
    /// # Errors
    /// Fails if the base URL is invalid, or if the HTTP client cannot be built.
    pub fn new(config: OpenAiConfig) -> Result<Self, OpenAiConfigError> {
        Self::with_timing(config, Timing::default())
    }

    /// Returns a client for this server with these time limits.
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
            // A redirect would carry briefs to a host that is not configured.
            .redirect(redirect::Policy::none())
            .build()
            .map_err(OpenAiConfigError::Client)?;
        let api_key = config.api_key.filter(|key| !key.expose_secret().is_empty());
        let effort = config.reasoning_effort.or_else(|| family::default_effort(&config.model));
        Ok(Self {
            client,
            url,
            models_url,
            is_openai: is_openai_host(base_url),
            api_key,
            thinks: family::thinks(&config.model, effort),
            learned: Learned::new(Shape::new(config.dialect, &config.model, effort)),
            model: config.model,
            timing,
            sees: AtomicBool::new(config.vision),
            breaker: Breaker::new(FIRST),
        })
    }

    /// Names this model the fallback in metrics and in the logs of its circuit.
    #[must_use]
    pub fn as_fallback(mut self) -> Self {
        self.breaker = Breaker::new(FALLBACK);
        self
    }

    async fn ask(&self, request: &DraftRequest, calls: &mut Vec<CallRecord>) -> Result<Answer, ModelFailure> {
        let mut retries = 0;
        let mut refusals = 0;
        let [usual, more] = if self.thinks { ROOM_TO_THINK } else { ROOM };
        let mut max_tokens = usual;
        let mut turned_away = ModelFailure::Unavailable;
        let mut picture = request.ask.picture.as_ref().filter(|_| self.sees());
        loop {
            if picture.is_none() && request.ask.picture.as_ref().is_some_and(|picture| picture.is_alone) {
                return Err(ModelFailure::NoVision);
            }
            let Some(call) = self.breaker.admit() else { return Err(turned_away) };
            let (started, shape) = (Instant::now(), self.learned.shape());
            let patience = self.timing.attempt.min(request.time_left());
            let file = picture.map(|picture| &picture.file);
            let ended = self.attempt(request, &shape, max_tokens, file, patience).await;
            call.ended(ended.verdict(patience * 2 >= self.timing.attempt));
            calls.push(self.record(request, &ended, started.elapsed()));
            let (failure, wait) = match ended {
                Ended::Answered(reply) => match reply.content {
                    Content::Text(text) => return Ok(Answer::Text(text)),
                    // The writer finds the defect in it and asks for a repair.
                    Content::Nothing => return Ok(Answer::Text(String::new())),
                    Content::Refused => return Err(ModelFailure::Refused),
                    Content::Filtered => return Err(ModelFailure::Filtered),
                    Content::Truncated if max_tokens == usual => {
                        max_tokens = more;
                        continue;
                    }
                    Content::Truncated => return Err(ModelFailure::Truncated),
                },
                Ended::Status { status, headers, error } => {
                    if picture.is_some() && self.drops_picture(status, &error) {
                        picture = None;
                        continue;
                    }
                    if refusals < MOST_REFUSALS
                        && !request.time_left().is_zero()
                        && self.learns(&shape, status, &error)
                    {
                        refusals += 1;
                        continue;
                    }
                    let failure = failure_of(status, error.is_quota());
                    match retry::advice(status, error.is_quota(), &headers) {
                        Advice::Stop => {
                            log_rejection(&self.model, status, &error, failure);
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

    /// Records the optional fields that the server named. True if the next request differs, so that a retry
    /// is useful.
    fn learns(&self, sent: &Shape, status: u16, error: &ApiError) -> bool {
        if !matches!(status, 400 | 422) || error.is_quota() {
            return false;
        }
        for field in self.learned.refused(sent, &error.refused(sent)) {
            log_refusal(&self.model, status, error, field);
        }
        // Another call may have recorded it in the meantime.
        self.learned.shape() != *sent
    }

    /// True if the request is worth another try without its picture. A model that accepts no pictures is sent
    /// none from then on.
    fn drops_picture(&self, status: u16, error: &ApiError) -> bool {
        // llama.cpp answers 500, OpenRouter 404.
        if !matches!(status, 400 | 404 | 415 | 422 | 500) || error.is_quota() {
            return false;
        }
        let refusal = error.refuses_picture();
        if refusal == Some(PictureRefusal::All) && self.sees.swap(false, Ordering::Relaxed) {
            log_refusal(&self.model, status, error, "image_url");
        }
        refusal.is_some()
    }

    /// Makes one HTTP exchange, bounded in time and size.
    #[tracing::instrument(
        target = TRACE,
        name = "model.call",
        skip_all,
        fields(otel.kind = "client", model = self.model, stage = request.stage().as_str(), outcome),
    )]
    async fn attempt(
        &self,
        request: &DraftRequest,
        shape: &Shape,
        max_tokens: u32,
        picture: Option<&MediaFile>,
        patience: Duration,
    ) -> Ended {
        // Only the bytes are kept for the duration of the call: the JSON tree takes three times as much
        // memory.
        let body = wire::body(&self.model, request, shape, max_tokens, picture);
        let call = self.authorized(self.client.post(self.url.clone())).json(&body);
        drop(body);
        let ended = match tokio::time::timeout(patience, exchange(call)).await {
            Ok(ended) => ended,
            Err(_) => Ended::Broken("timeout"),
        };
        tracing::Span::current().record("outcome", ended.outcome());
        ended
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
        let price_microunits = known::microdollars(&self.model, tokens);
        metrics::counter!(metric::LLM_REQUESTS, &labels).increment(1);
        metrics::histogram!(metric::LLM_SECONDS, "model" => self.model.clone(), "stage" => stage.as_str())
            .record(took);
        for (direction, tokens) in [("read", tokens.read), ("written", tokens.written)] {
            let tokens = tokens.and_then(|tokens| u64::try_from(tokens).ok()).unwrap_or(0);
            metrics::counter!(metric::LLM_TOKENS, "model" => self.model.clone(), "direction" => direction)
                .increment(tokens);
        }
        let price = price_microunits.and_then(|price| u64::try_from(price).ok()).unwrap_or(0);
        metrics::counter!(metric::LLM_COST, "model" => self.model.clone()).increment(price);
        CallRecord {
            model: self.model.clone(),
            stage,
            outcome,
            prompt_tokens: tokens.read,
            completion_tokens: tokens.written,
            price_microunits,
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

    fn sees(&self) -> bool {
        self.sees.load(Ordering::Relaxed)
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
