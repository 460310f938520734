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

    /// Returns this instant plus `millis` (earlier if negative).
    pub fn plus_ms(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Returns this instant plus `secs` seconds (earlier if negative).
    pub fn plus_secs(self, secs: i64) -> Self {
        self.plus_ms(secs.saturating_mul(1000))
    }

    /// Returns the milliseconds from `earlier` to this instant; negative if `earlier` is in fact later.
    pub fn since_ms(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the whole seconds from `now` until this instant, rounded up, so that a wait of that length is
    /// not too short.
    pub fn secs_from(self, now: Self) -> i64 {
        self.since_ms(now).saturating_add(999).div_euclid(1000)
    }

    /// The number of this instant's UTC day.
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

/// The time after an author's last message in which free-form text is allowed. Meta, "Customer service
/// windows": 24 hours from the last message or call.
pub const SERVICE_WINDOW_SECS: i64 = 24 * 3600;
