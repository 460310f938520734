//! The journal of every request that the fakes received, including refused ones.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::config::Upstream;
use crate::reply::Reply;

/// The limit of entries: beyond it the oldest are dropped. It holds hours of load, and bounds the memory.
const CAPACITY: usize = 200_000;

/// The purpose of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// A message to a person.
    Send,
    /// A read receipt, with or without the typing indicator.
    Typing,
    /// A chat completion.
    Completion,
    /// A voice note to be transcribed.
    Transcription,
    /// The creation of a Checkout Session.
    Checkout,
    /// A refund of money.
    Refund,
    /// A request that only reads: a number, an account, a message, the list of models.
    Lookup,
    /// An endpoint that does not exist.
    Unknown,
}

/// The outcome of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has not been answered yet.
    Pending,
    /// The message was accepted; the response may have been lost.
    Accepted {
        /// The id of the message.
        id: String,
    },
    /// It was answered with success.
    Answered {
        /// The HTTP status.
        status: u16,
    },
    /// It was answered with an error.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The provider's own code.
        code: Option<i64>,
    },
    /// The connection ended before the request was handled.
    Dropped,
}

/// One request.
#[derive(Clone, Debug)]
pub struct JournalEntry {
    /// The position in the order of arrival, from 1.
    pub seq: u64,
    /// The time of arrival, by the simulator's clock.
    pub at_ms: i64,
    /// The server that the request was for.
    pub upstream: Upstream,
    /// The purpose of the request.
    pub kind: RequestKind,
    /// The HTTP method.
    pub method: String,
    /// The path, with the query if any.
    pub path: String,
    /// The headers, names in lower case, without the value of `authorization`.
    pub headers: Vec<(String, String)>,
    /// True if the credentials were present and correct.
    pub authorized: bool,
    /// The raw body.
    pub body: Vec<u8>,
    /// The outcome.
    pub outcome: Outcome,
    /// The fault that was played on it, if any.
    pub fault: Option<&'static str>,
}

/// The list of entries.
#[derive(Default)]
pub(crate) struct Journal {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    last_seq: u64,
    entries: VecDeque<JournalEntry>,
}

impl Journal {
    /// Appends an entry and returns its number.
    pub(crate) fn open(&self, mut entry: JournalEntry) -> u64 {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.last_seq += 1;
        entry.seq = inner.last_seq;
        if inner.entries.len() >= CAPACITY {
            inner.entries.pop_front();
        }
        inner.entries.push_back(entry);
        inner.last_seq
    }

    /// Records the outcome of a request.
    pub(crate) fn close(&self, seq: u64, reply: Option<&Reply>) {
        let outcome = match reply {
            None => Outcome::Dropped,
            Some(Reply { accepted: Some(id), .. }) => Outcome::Accepted { id: id.clone() },
            Some(reply) if reply.status < 400 => Outcome::Answered { status: reply.status },
            Some(reply) => Outcome::Refused { status: reply.status, code: reply.code },
        };
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = inner.entries.iter_mut().rev().find(|entry| entry.seq == seq) {
            entry.outcome = outcome;
        }
    }

    /// Returns a copy of all entries.
    pub(crate) fn entries(&self) -> Vec<JournalEntry> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).entries.iter().cloned().collect()
    }

    /// Returns a copy of the latest entries, in order.
    pub(crate) fn latest(&self, count: usize) -> Vec<JournalEntry> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let first = inner.entries.len().saturating_sub(count);
        inner.entries.iter().skip(first).cloned().collect()
    }

    /// Removes the entries and keeps the numbering.
    pub(crate) fn clear(&self) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).entries.clear();
    }
}
