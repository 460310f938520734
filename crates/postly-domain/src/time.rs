//! Instants, as milliseconds since the Unix epoch.

use serde::{Deserialize, Serialize};

/// An instant in milliseconds since 1970-01-01T00:00:00Z. Arithmetic saturates instead of wrapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// The instant of a provider's timestamp, which counts whole seconds.
    pub fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// This instant, `millis` later (earlier when negative).
    pub fn plus_ms(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// This instant, `secs` seconds later (earlier when negative).
    pub fn plus_secs(self, secs: i64) -> Self {
        self.plus_ms(secs.saturating_mul(1000))
    }

    /// Milliseconds from `earlier` to this instant; negative when `earlier` is in fact later.
    pub fn since_ms(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole seconds from `now` until this instant, rounded up: whoever waits for so long has not come too early.
    pub fn secs_from(self, now: Self) -> i64 {
        self.since_ms(now).saturating_add(999).div_euclid(1000)
    }

    /// The number of the UTC day this instant falls in.
    pub fn day(self) -> i64 {
        self.0.div_euclid(DAY_MS)
    }

    /// The first instant of its day (UTC).
    #[must_use]
    pub fn start_of_day(self) -> Self {
        Self(self.day().saturating_mul(DAY_MS))
    }
}

/// An hour.
pub const HOUR_MS: i64 = 3_600_000;
/// A day, in milliseconds.
pub const DAY_MS: i64 = 86_400_000;

/// How long after an author's last message we may write free-form text.
/// Meta, "Customer service windows": 24 hours from the last message or call.
pub const SERVICE_WINDOW_SECS: i64 = 24 * 3600;
