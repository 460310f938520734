//! One HTTP exchange with the server, and its outcome.

use postly_domain::{Alert, metric};
use reqwest::header::HeaderMap;

use super::{
    LARGEST_BODY,
    answer::{self, Reply},
    refusal::ApiError,
};
use crate::{ModelFailure, circuit::CallOutcome};

/// The end of one attempt.
pub(super) enum Ended {
    /// An answer that follows the contract.
    Answered(Reply),
    /// A status other than success.
    Status { status: u16, headers: Box<HeaderMap>, error: Box<ApiError> },
    /// No answer: no connection, a broken body, a page instead of JSON. A retry may succeed.
    Broken(&'static str),
}

impl Ended {
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Self::Answered(reply) => reply.content.outcome(),
            Self::Status { error, .. } if error.is_quota() => "quota",
            Self::Status { status: 429, .. } => "rate_limited",
            Self::Status { status: 500.., .. } => "server_error",
            Self::Status { .. } => "rejected",
            Self::Broken(outcome) => outcome,
        }
    }

    /// Returns the outcome for the circuit. A timeout after too short a time limit is `Unknown`. A call that
    /// was refused for its content shows that the server works: one author's brief must not open the circuit
    /// for all.
    pub(super) fn verdict(&self, had_fair_time: bool) -> CallOutcome {
        match self {
            Self::Answered(_) => CallOutcome::Works,
            Self::Status { status: 400 | 413 | 422, error, .. } if !error.is_quota() => CallOutcome::Works,
            Self::Broken("timeout") if !had_fair_time => CallOutcome::Unknown,
            Self::Status { .. } | Self::Broken(_) => CallOutcome::Fails,
        }
    }
}

/// An answer, whatever its status.
pub(super) struct Received {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// One HTTP exchange, bounded in size. An error says how it broke.
pub(super) async fn receive(call: reqwest::RequestBuilder) -> Result<Received, &'static str> {
    let mut response = match call.send().await {
        Ok(response) => response,
        Err(error) if error.is_connect() => return Err("connect"),
        Err(error) if error.is_timeout() => return Err("timeout"),
        Err(_) => return Err("torn"),
    };
    let status = response.status().as_u16();
    let headers = std::mem::take(response.headers_mut());
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= LARGEST_BODY => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err("too_large"),
            Ok(None) => break,
            // For an error, the status suffices without the body.
            Err(_) if !(200..300).contains(&status) => break,
            Err(_) => return Err("torn"),
        }
    }
    Ok(Received { status, headers, body })
}

pub(super) async fn exchange(call: reqwest::RequestBuilder) -> Ended {
    let Received { status, headers, body } = match receive(call).await {
        Ok(received) => received,
        Err(broken) => return Ended::Broken(broken),
    };
    if !(200..300).contains(&status) {
        let error = Box::new(ApiError::read(&body));
        // Azure reports its content filter as an error, not as a `finish_reason`.
        if status == 400 && error.is("content_filter") {
            return Ended::Answered(Reply::filtered(&headers));
        }
        return Ended::Status { status, headers: Box::new(headers), error };
    }
    match answer::read(&body, &headers) {
        Some(reply) => Ended::Answered(reply),
        None => Ended::Broken("not_json"),
    }
}

pub(super) fn failure_of(status: u16, quota: bool) -> ModelFailure {
    match status {
        _ if quota => ModelFailure::Quota,
        429 => ModelFailure::RateLimited,
        408 | 409 | 500.. => ModelFailure::Unavailable,
        _ => ModelFailure::Rejected { status },
    }
}

/// Alerts the operator to a failure that no retry fixes. The texts of the error are not logged, because they
/// may quote the prompt.
pub(super) fn log_rejection(model: &str, status: u16, error: &ApiError, failure: ModelFailure) {
    let (code, param) = (error.code(), error.param());
    match failure {
        ModelFailure::Quota => {
            let alert = raise(Alert::ModelQuota);
            tracing::error!(
                alert,
                model,
                status,
                code,
                "The account at the provider of {model} is used up: top it up"
            );
        }
        ModelFailure::Rejected { .. } => {
            let alert = raise(Alert::ModelRejected);
            let hint = match status {
                404 => {
                    ": it has no such model (any more), so set another one (`postly doctor` compares the list)"
                }
                _ => "",
            };
            tracing::error!(
                alert,
                model,
                status,
                code,
                param,
                "The provider of {model} turned our request down with status {status}{hint}"
            );
        }
        ModelFailure::Refused
        | ModelFailure::Filtered
        | ModelFailure::Truncated
        | ModelFailure::RateLimited
        | ModelFailure::Unavailable
        | ModelFailure::DeadlineExceeded
        | ModelFailure::NoVision
        | ModelFailure::TooManyFacts
        | ModelFailure::NoTranslation
        | ModelFailure::UnclearInstructions => {
            tracing::info!(
                model,
                status,
                code,
                "The provider of {model} failed with status {status} and asks for no retry"
            );
        }
    }
}

/// Counts an alert, and returns its name for the log line.
fn raise(alert: Alert) -> &'static str {
    metrics::counter!(metric::ALERTS, "name" => alert.as_str()).increment(1);
    alert.as_str()
}

/// Logs once that a field is no longer sent.
pub(super) fn log_refusal(model: &str, status: u16, error: &ApiError, field: &'static str) {
    let code = error.code();
    tracing::warn!(
        model,
        field,
        status,
        code,
        "The provider of {model} refuses the field {field}: requests leave it out, or replace it, from now on"
    );
}
