//! Voice notes: `POST {base}/audio/transcriptions` of any OpenAI-compatible server.
//!
//! The first request has the fields that the family of the model is known to accept. A field that the server
//! names in a 400 or 422 is omitted from then on, as in chat completions.

use std::{
    collections::BTreeSet,
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use memchr::memmem;
use postly_domain::{
    Language,
    media::{MediaFile, ogg_opus_seconds},
    metric,
};
use reqwest::{Client, Url, header::CONTENT_TYPE, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::{
    OpenAiConfig, OpenAiConfigError, Timing,
    attempt::{Received, failure_of, log_refusal, log_rejection, receive},
    family, known,
    refusal::ApiError,
    retry::{self, Advice},
    wire,
};
use crate::{
    CallRecord, ModelFailure, Stage, TranscribeError, breaker::Breaker, circuit::CallOutcome,
    transcript::speech, writer::milliseconds,
};

/// The model if the operator names none.
pub const DEFAULT_TRANSCRIBE_MODEL: &str = "gpt-transcribe";

/// The time limit of a transcription, retries included (RULES 5.9).
const TIME_LIMIT: Duration = Duration::from_secs(20);
/// The time limit of one call: a minute of speech takes two or three seconds.
const ATTEMPT: Duration = Duration::from_secs(15);
/// The time after which a server without transcription is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(60 * 60);
/// The most retries of a call, because an author waits.
const MOST_RETRIES: u32 = 1;

/// The optional fields, by their names in the form (openai-openapi, `CreateTranscriptionRequest`; the
/// official clients write the names of lists with brackets).
const RESPONSE_FORMAT: &str = "response_format";
const LANGUAGES: &str = "languages";
const KEYWORDS: &str = "keywords";
/// The most keywords of a request.
const MOST_KEYWORDS: usize = 50;

/// The name of the server in logs and metrics.
const UPSTREAM: &str = "transcription";

/// Hints about the content of a voice note.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hints<'a> {
    /// The possible languages; empty if nothing is known, because a wrong one is worse than none.
    pub languages: &'a [Language],
    /// Words that may occur, in their spelling: the name of a shop, its products.
    pub keywords: &'a [String],
}

/// A transcription, or the reason why there is none, with its calls, which are paid for in any case.
#[derive(Debug)]
pub struct Transcription {
    /// The text.
    pub text: Result<String, TranscribeError>,
    /// Every call of the model.
    pub calls: Vec<CallRecord>,
}

/// A model that transcribes speech, behind an OpenAI-compatible server.
pub struct Transcriber {
    client: Client,
    url: Url,
    api_key: Option<SecretString>,
    model: String,
    /// The optional fields that the server has refused.
    refused: Mutex<BTreeSet<&'static str>>,
    /// Set while the server is presumed to have no transcription.
    missing_until: Mutex<Option<Instant>>,
    backoff: Duration,
    breaker: Breaker,
}

impl std::fmt::Debug for Transcriber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Transcriber({})", self.model)
    }
}

/// An answer of the server (openai-openapi, `CreateTranscriptionResponseJson`).
#[derive(Deserialize)]
struct Answer {
    text: String,
    #[serde(default)]
    usage: Value,
}

/// The result of one call.
enum Ended {
    Heard(Answer),
    Status(Received, ApiError),
    Broken(&'static str),
}

impl Transcriber {
    /// Returns a client for this model on the server of this configuration.
    ///
    /// The process must have installed a `rustls` crypto provider.
    ///
    /// # Errors
    /// Fails if the base URL is invalid, or the HTTP client cannot be built.
    pub fn new(config: &OpenAiConfig, model: &str) -> Result<Self, OpenAiConfigError> {
        let timing = Timing::default();
        let url = format!("{}/audio/transcriptions", config.base_url.trim_end_matches('/'));
        let url: Url = url.parse().map_err(|_| OpenAiConfigError::BaseUrl)?;
        let client = Client::builder()
            .connect_timeout(timing.connect)
            // A redirect would send a recording to a host that is not configured.
            .redirect(redirect::Policy::none())
            .build()
            .map_err(OpenAiConfigError::Client)?;
        Ok(Self {
            client,
            url,
            api_key: config.api_key.clone().filter(|key| !key.expose_secret().is_empty()),
            model: model.to_owned(),
            refused: Mutex::default(),
            missing_until: Mutex::default(),
            backoff: timing.backoff,
            breaker: Breaker::new(UPSTREAM),
        })
    }

    /// True if the server reported within the last hour that it has no transcription.
    pub fn is_missing(&self) -> bool {
        let until = *self.missing_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    /// Transcribes a voice note, within 20 s.
    pub async fn transcribe(&self, file: &MediaFile, hints: Hints<'_>) -> Transcription {
        let mut calls = vec![];
        let text = self.ask(file, hints, &mut calls).await;
        Transcription { text, calls }
    }

    async fn ask(
        &self,
        file: &MediaFile,
        hints: Hints<'_>,
        calls: &mut Vec<CallRecord>,
    ) -> Result<String, TranscribeError> {
        let deadline = Instant::now() + TIME_LIMIT;
        let mut retries = 0;
        loop {
            let admitted = self.breaker.admit();
            let Some(call) = admitted else { return Err(TranscribeError::Failed(ModelFailure::Unavailable)) };
            let started = Instant::now();
            let fields = self.fields(hints);
            let patience = ATTEMPT.min(deadline.saturating_duration_since(started));
            let ended = self.attempt(&fields, file, patience).await;
            call.ended(ended.verdict());
            calls.push(self.record(&ended, file, started.elapsed()));
            let (failure, wait) = match ended {
                Ended::Heard(answer) => return speech(&answer.text).ok_or(TranscribeError::NoSpeech),
                Ended::Status(received, error) => {
                    if self.learns(&fields, received.status, &error) {
                        continue;
                    }
                    match self.advice(&received, &error) {
                        Ok(after) => (failure_of(received.status, error.is_quota()), after),
                        Err(end) => return Err(end),
                    }
                }
                Ended::Broken(_) => (ModelFailure::Unavailable, None),
            };
            let wait = wait.unwrap_or_else(|| retry::backoff(self.backoff, retries));
            if retries == MOST_RETRIES || Instant::now() + wait >= deadline {
                return Err(TranscribeError::Failed(failure));
            }
            retries += 1;
            tokio::time::sleep(wait).await;
        }
    }

    /// Returns the wait that the server asks for before another try, `None` for the usual back-off, or the
    /// final error.
    fn advice(&self, received: &Received, error: &ApiError) -> Result<Option<Duration>, TranscribeError> {
        let status = received.status;
        match status {
            // The fault is in the file: truncated, empty, too short, or of another type. Other files may
            // succeed.
            400 | 413 | 415 | 422 if !error.is_quota() => return Err(TranscribeError::Unusable),
            404 | 405 | 501 => {
                let model = &self.model;
                tracing::warn!(
                    model,
                    status,
                    "The model server transcribes nothing (status {status}): asking again in an hour"
                );
                *self.missing_until.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some(Instant::now() + ASK_AGAIN);
                return Err(TranscribeError::Missing);
            }
            _ => {}
        }
        match retry::advice(status, error.is_quota(), &received.headers) {
            Advice::Retry { after } => Ok(after),
            Advice::Stop => {
                let failure = failure_of(status, error.is_quota());
                log_rejection(&self.model, status, error, failure);
                Err(TranscribeError::Failed(failure))
            }
        }
    }

    /// The fields beside the file, by name, without those that the server has refused.
    fn fields(&self, hints: Hints<'_>) -> Vec<(&'static str, Vec<String>)> {
        let mut fields = vec![(RESPONSE_FORMAT, vec!["json".to_owned()])];
        // Older models and other servers accept one language, which would be forced upon the speaker, and no
        // keywords.
        if family::bare(&self.model).starts_with(DEFAULT_TRANSCRIBE_MODEL) {
            let languages = hints.languages.iter().map(|language| language.code().to_owned());
            fields.push((LANGUAGES, languages.collect()));
            fields.push((KEYWORDS, hints.keywords.iter().take(MOST_KEYWORDS).cloned().collect()));
        }
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        fields.retain(|(name, values)| !values.is_empty() && !refused.contains(name));
        fields
    }

    /// Records the optional fields that the server named. True if the next request differs.
    fn learns(&self, sent: &[(&'static str, Vec<String>)], status: u16, error: &ApiError) -> bool {
        if !matches!(status, 400 | 422) || error.is_quota() {
            return false;
        }
        let names: Vec<&'static str> = sent.iter().map(|(name, _)| *name).collect();
        let named = error.names(&names);
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        for field in &named {
            if refused.insert(field) {
                log_refusal(&self.model, status, error, field);
            }
        }
        !named.is_empty()
    }

    async fn attempt(
        &self,
        fields: &[(&'static str, Vec<String>)],
        file: &MediaFile,
        patience: Duration,
    ) -> Ended {
        let (boundary, body) = form(&self.model, fields, file);
        let call = self.client.post(self.url.clone());
        let call = call.header(CONTENT_TYPE, format!("multipart/form-data; boundary={boundary}")).body(body);
        let call = match &self.api_key {
            Some(key) => call.bearer_auth(key.expose_secret()),
            None => call,
        };
        match tokio::time::timeout(patience, receive(call)).await {
            Err(_) => Ended::Broken("timeout"),
            Ok(Err(broken)) => Ended::Broken(broken),
            Ok(Ok(received)) if !(200..300).contains(&received.status) => {
                let error = ApiError::read(&received.body);
                Ended::Status(received, error)
            }
            Ok(Ok(received)) => match serde_json::from_slice(&received.body) {
                Ok(answer) => Ended::Heard(answer),
                Err(_) => Ended::Broken("not_json"),
            },
        }
    }

    fn record(&self, ended: &Ended, file: &MediaFile, took: Duration) -> CallRecord {
        let (outcome, usage, request_id) = match ended {
            Ended::Heard(answer) => {
                let outcome = if speech(&answer.text).is_some() { "ok" } else { "no_speech" };
                (outcome, Some(&answer.usage), None)
            }
            Ended::Status(received, error) => {
                let outcome = match received.status {
                    _ if error.is_quota() => "quota",
                    429 => "rate_limited",
                    500.. => "server_error",
                    _ => "rejected",
                };
                (outcome, None, wire::request_id(&received.headers))
            }
            Ended::Broken(outcome) => (*outcome, None, None),
        };
        let count = |name: &str| usage.and_then(|usage| usage.get(name)?.as_i64());
        let seconds = usage.map(|usage| billed_seconds(usage).or_else(|| ogg_opus_seconds(&file.bytes)));
        let price = seconds.flatten().and_then(|seconds| known::microdollars_of_speech(&self.model, seconds));
        let stage = Stage::Transcription;
        let labels =
            [("model", self.model.clone()), ("stage", stage.as_str().into()), ("outcome", outcome.into())];
        metrics::counter!(metric::LLM_REQUESTS, &labels).increment(1);
        metrics::histogram!(metric::LLM_SECONDS, "model" => self.model.clone(), "stage" => stage.as_str())
            .record(took);
        metrics::counter!(metric::LLM_COST, "model" => self.model.clone())
            .increment(price.and_then(|price| u64::try_from(price).ok()).unwrap_or(0));
        CallRecord {
            model: self.model.clone(),
            stage,
            outcome,
            prompt_tokens: count("input_tokens"),
            completion_tokens: count("output_tokens"),
            price_microunits: price,
            latency_ms: milliseconds(took),
            request_id,
            // A recording is sent without a prompt of ours.
            prompt_version: "",
        }
    }
}

impl Ended {
    /// A refused file shows that the server works: one author's recording must not open the circuit for all.
    fn verdict(&self) -> CallOutcome {
        match self {
            Self::Heard(_) => CallOutcome::Works,
            Self::Status(received, error) if received.status < 429 && !error.is_quota() => CallOutcome::Works,
            Self::Status(..) | Self::Broken(_) => CallOutcome::Fails,
        }
    }
}

/// The seconds that the server counts, rounded up.
fn billed_seconds(usage: &Value) -> Option<u32> {
    let seconds = Duration::try_from_secs_f64(usage.get("seconds")?.as_f64()?).ok()?;
    u32::try_from(seconds.as_millis().div_ceil(1_000)).ok()
}

/// Returns the body of a request, and the boundary of its parts, which occurs in none of them.
fn form(model: &str, fields: &[(&'static str, Vec<String>)], file: &MediaFile) -> (String, Vec<u8>) {
    let mut body = Vec::with_capacity(file.bytes.len() + 1_024);
    let boundary = loop {
        let chance = RandomState::new();
        let boundary = format!("postly-{:016x}{:016x}", chance.hash_one(1), chance.hash_one(2));
        if memmem::find(&file.bytes, boundary.as_bytes()).is_none() {
            break boundary;
        }
    };
    let mut part = |head: &str, content: &[u8]| {
        body.extend_from_slice(
            format!("--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n").as_bytes(),
        );
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    };
    part("name=\"model\"", model.as_bytes());
    for (name, values) in fields {
        let list = if *name == RESPONSE_FORMAT { "" } else { "[]" };
        for value in values {
            let value = value.replace(['\r', '\n'], " ");
            part(&format!("name=\"{name}{list}\""), value.as_bytes());
        }
    }
    let file_type = file.file_type;
    let head = format!(
        "name=\"file\"; filename=\"voice.{}\"\r\nContent-Type: {}",
        file_type.extension(),
        file_type.content_type()
    );
    part(&head, &file.bytes);
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (boundary, body)
}
