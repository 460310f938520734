//! Every request that the fakes received, refused ones included.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::config::Upstream;
use crate::reply::Reply;

/// A journal longer than this forgets its beginning: hours of load fit, and memory stays bounded.
const CAPACITY: usize = 200_000;

/// What a request was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// A message to somebody.
    Send,
    /// "Read", with or without the typing indicator.
    Typing,
    /// A chat completion.
    Completion,
    /// A voice note to be transcribed.
    Transcription,
    /// A Checkout Session to be created.
    Checkout,
    /// Anything that only reads: a number, an account, a message, the list of models.
    Lookup,
    /// No such endpoint.
    Unknown,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has not been answered yet.
    Pending,
    /// The message was accepted, whether or not the answer arrived.
    Accepted {
        /// The id it was given.
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
    /// The connection ended before anything was decided.
    Dropped,
}

/// One request.
#[derive(Clone, Debug)]
pub struct JournalEntry {
    /// Its place in the order of arrival, from 1.
    pub seq: u64,
    /// When it came, by the simulator's clock.
    pub at_ms: i64,
    /// The server it was meant for.
    pub upstream: Upstream,
    /// What it was for.
    pub kind: RequestKind,
    /// The HTTP method.
    pub method: String,
    /// The path, with the query if any.
    pub path: String,
    /// The headers, names in lower case, without the value of `authorization`.
    pub headers: Vec<(String, String)>,
    /// The credentials were present and right.
    pub authorized: bool,
    /// The raw body.
    pub body: Vec<u8>,
    /// How it ended.
    pub outcome: Outcome,
    /// The fault that was played on it, if one was.
    pub fault: Option<&'static str>,
}

/// The growing list of entries.
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
    /// Appends an entry and returns the number it was given.
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

    /// Records how a request ended.
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

    /// A copy of everything so far.
    pub(crate) fn entries(&self) -> Vec<JournalEntry> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).entries.iter().cloned().collect()
    }

    /// Forgets the entries, not the numbering.
    pub(crate) fn clear(&self) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).entries.clear();
    }
}
