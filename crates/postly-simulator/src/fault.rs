//! Faults on the way to a provider, and the calls they apply to.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::config::Upstream;

/// A fault to play on the next calls to an upstream.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The number of calls it is played on; with `None`, every call until the faults are cleared.
    pub times: Option<u32>,
    /// Restricts the fault to calls with this text in the body.
    pub matching: Option<String>,
    /// Also plays the fault on calls that are neither a message nor a completion: typing indicators and
    /// look-ups.
    pub every_request: bool,
    /// The fault.
    pub kind: FaultKind,
}

impl Fault {
    /// A fault on the next message or completion.
    pub fn once(kind: FaultKind) -> Self {
        Self { times: Some(1), matching: None, every_request: false, kind }
    }

    /// A fault on every message or completion until the faults are cleared.
    pub fn always(kind: FaultKind) -> Self {
        Self { times: None, ..Self::once(kind) }
    }

    /// Plays the fault on this many calls.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Plays the fault only if the body holds `text`.
    #[must_use]
    pub fn matching(mut self, text: &str) -> Self {
        self.matching = Some(text.to_owned());
        self
    }

    /// Plays the fault on typing indicators and look-ups too.
    #[must_use]
    pub fn on_every_request(mut self) -> Self {
        self.every_request = true;
        self
    }
}

/// A kind of fault. "Accepted" means that the message reaches the phone and its statuses follow. For the
/// model, whose answers have no effects, it means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Not accepted; this response instead (a redirect, a `502`, ten megabytes, a `200` that holds an
    /// error…).
    Status {
        /// The HTTP status.
        code: u16,
        /// The body.
        body: String,
        /// The headers; without a `content-type`, `application/json` is assumed.
        headers: Vec<(String, String)>,
    },
    /// Not accepted; the provider's own error, with the HTTP status of its tables. For the model the code is
    /// the HTTP status.
    ProviderError {
        /// The provider's code.
        code: i64,
    },
    /// Not accepted; an error with a `Retry-After`.
    RetryAfter {
        /// The value of the header.
        seconds: u64,
    },
    /// Not accepted; a `200` with an HTML page, as from a captive portal.
    Html200,
    /// Not accepted; a `200` with half of the announced length.
    TornBody,
    /// Not accepted; the connection is reset before any response.
    ResetBeforeAcceptance,
    /// Not accepted; no response for up to 60 s, then a reset.
    Hang,
    /// Handled normally, after this many milliseconds.
    Delay(u64),
    /// Accepted; the response arrives slowly.
    SlowBody {
        /// The pause between two pieces of 8 bytes, in milliseconds.
        pause_ms: u64,
    },
    /// Accepted; the connection is reset instead of a response. Statuses follow.
    AcceptThenReset,
    /// Accepted; half of the response. Statuses follow.
    AcceptThenTornBody,
    /// Accepted; no response for up to 60 s. Statuses follow.
    AcceptThenHang,
    /// Accepted; no response for up to 60 s, and no status: nothing reports the outcome.
    AcceptThenNoAnswerNoStatus,
    /// Accepted and answered; then it fails by status and never reaches the phone.
    FailedStatus {
        /// The code in the status.
        code: i64,
    },
    /// Accepted; each status is sent twice.
    DuplicateStatus,
    /// Accepted; `delivered` is sent before `sent`.
    ReorderedStatuses,
    /// Accepted; no status.
    NoStatus,
}

impl FaultKind {
    /// Returns the name in the journal.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::ProviderError { .. } => "provider_error",
            Self::RetryAfter { .. } => "retry_after",
            Self::Html200 => "html_200",
            Self::TornBody => "torn_body",
            Self::ResetBeforeAcceptance => "reset_before_acceptance",
            Self::Hang => "hang",
            Self::Delay(_) => "delay",
            Self::SlowBody { .. } => "slow_body",
            Self::AcceptThenReset => "accept_then_reset",
            Self::AcceptThenTornBody => "accept_then_torn_body",
            Self::AcceptThenHang => "accept_then_hang",
            Self::AcceptThenNoAnswerNoStatus => "accept_then_no_answer_no_status",
            Self::FailedStatus { .. } => "failed_status",
            Self::DuplicateStatus => "duplicate_status",
            Self::ReorderedStatuses => "reordered_statuses",
            Self::NoStatus => "no_status",
        }
    }
}

/// The faults that wait for their call, in the order of arrival.
#[derive(Default)]
pub(crate) struct Faults {
    queue: Mutex<VecDeque<(Upstream, Fault)>>,
}

impl Faults {
    pub(crate) fn push(&self, upstream: Upstream, fault: Fault) {
        if fault.times != Some(0) {
            self.queue.lock().unwrap_or_else(PoisonError::into_inner).push_back((upstream, fault));
        }
    }

    pub(crate) fn clear(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Returns the first fault for this call, and counts down its number of calls.
    pub(crate) fn take(&self, upstream: Upstream, main_call: bool, body: &[u8]) -> Option<FaultKind> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let place = queue.iter().position(|(target, fault)| {
            *target == upstream
                && (main_call || fault.every_request)
                && fault.matching.as_ref().is_none_or(|text| holds(body, text.as_bytes()))
        })?;
        let (_, fault) = queue.get_mut(place)?;
        let kind = fault.kind.clone();
        match &mut fault.times {
            Some(times) if *times > 1 => *times -= 1,
            Some(_) => drop(queue.remove(place)),
            None => {}
        }
        Some(kind)
    }
}

fn holds(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text)
}
