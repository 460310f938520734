//! Long bodies are read a few at a time: many slow ones together would take all the memory there is.

use std::{sync::Arc, time::Duration};

use axum::http::{HeaderMap, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What announces no more than this is read at once. A webhook of one message takes 2 kB; as many as there are connections
/// ([`MAX_CONNECTIONS`](crate::MAX_CONNECTIONS)) are 32 MiB.
const SHORT: usize = 65_536;
/// How many longer bodies are in memory at once: of the longest there are, 64 MiB.
const PLACES: usize = 16;
/// How long one waits for a place: a batch is read and stored within less, and its provider brings it again.
const PATIENCE: Duration = Duration::from_secs(2);

/// The places for long bodies, shared by everything that reads any.
#[derive(Clone)]
pub(crate) struct LongBodies(Arc<Semaphore>);

/// Kept for as long as a body is. A short one needs none.
pub(crate) type Place = Option<OwnedSemaphorePermit>;

impl LongBodies {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(PLACES)))
    }

    /// A place for the body that these headers announce; an error when none was free in time.
    pub(crate) async fn place(&self, headers: &HeaderMap) -> Result<Place, Crowded> {
        // Without a length there is no body, or one of any length.
        let is_short = match announced(headers) {
            Some(length) => length <= SHORT,
            None => !headers.contains_key(header::TRANSFER_ENCODING),
        };
        if is_short {
            return Ok(None);
        }
        match tokio::time::timeout(PATIENCE, Arc::clone(&self.0).acquire_owned()).await {
            Ok(Ok(place)) => Ok(Some(place)),
            Ok(Err(_)) | Err(_) => Err(Crowded),
        }
    }
}

/// The length that a request announces for its body, if it does. It is held to it.
pub(crate) fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Too many long bodies are being read. Asking again later may work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crowded;
