//! The simulator's clock, which a test may move without moving the real one.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// A function that returns milliseconds since the epoch.
type Source = Arc<dyn Fn() -> i64 + Send + Sync>;

/// A wall clock with a settable source and offset.
#[derive(Default)]
pub(crate) struct Clock {
    offset_ms: AtomicI64,
    source: Mutex<Option<Source>>,
}

impl Clock {
    /// Returns milliseconds since the epoch by the simulator's clock.
    pub(crate) fn now_ms(&self) -> i64 {
        let source = self.source.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let base = source.map_or_else(wall_ms, |source| source());
        base.saturating_add(self.offset_ms.load(Ordering::Relaxed))
    }

    /// Returns seconds since the epoch, the unit of the providers' timestamps.
    pub(crate) fn now_s(&self) -> i64 {
        self.now_ms().div_euclid(1000)
    }

    /// Moves the simulator's clock, backwards if negative.
    pub(crate) fn advance_ms(&self, ms: i64) {
        self.offset_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// Takes the time from `source` from now on, and resets the offset.
    pub(crate) fn set(&self, source: Source) {
        self.offset_ms.store(0, Ordering::Relaxed);
        *self.source.lock().unwrap_or_else(PoisonError::into_inner) = Some(source);
    }
}

#[expect(clippy::disallowed_methods, reason = "the simulator is the outside world, which has its own clock")]
fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
