//! Limits the number of long bodies read at a time: many slow ones together would exhaust the memory.

use std::{sync::Arc, time::Duration};

use axum::http::{HeaderMap, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A body of at most this length needs no permit. A webhook of one message takes 2 kB. One such body per
/// connection ([`MAX_CONNECTIONS`](crate::MAX_CONNECTIONS)) is 32 MiB in all.
const SHORT: usize = 65_536;
/// The number of longer bodies in memory at a time: 64 MiB at their maximum length.
const PLACES: usize = 16;
/// The time a request waits for a permit. A batch is read and stored in less; if the wait fails, the provider
/// resends.
const PATIENCE: Duration = Duration::from_secs(2);

/// The permits for long bodies, shared by all handlers that read bodies.
#[derive(Clone)]
pub(crate) struct LongBodies(Arc<Semaphore>);

/// The permit of a body, held while the body is in memory. A short body needs none.
pub(crate) type Place = Option<OwnedSemaphorePermit>;

impl LongBodies {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(PLACES)))
    }

    /// Returns the permit for the body that these headers announce. Fails if none becomes free in time.
    pub(crate) async fn place(&self, headers: &HeaderMap) -> Result<Place, Crowded> {
        // A request without a length has no body, or one of any length.
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

/// Returns the announced length of a body, if there is one. A body cannot exceed it.
pub(crate) fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Too many long bodies are being read. A retry may succeed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crowded;
