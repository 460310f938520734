//! The rules for retries and their waits: those of the official client, with our bounds.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use reqwest::header::HeaderMap;

/// The most retries of a failed call; the official client's default.
pub(super) const MOST_RETRIES: u32 = 2;

/// The action after a failed call.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Advice {
    /// Do not retry: the result would be the same.
    Stop,
    /// Retry, after the wait that the server asks for, if it asks for one.
    Retry { after: Option<Duration> },
}

/// Returns the action for a status other than success.
pub(super) fn advice(status: u16, quota: bool, headers: &HeaderMap) -> Advice {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let worth_it = match text("x-should-retry") {
        Some("false") => false,
        Some("true") => true,
        _ => matches!(status, 408 | 409 | 429 | 500..),
    };
    // An empty account is not retried, whatever the status.
    if quota || !worth_it {
        return Advice::Stop;
    }
    let milliseconds = text("retry-after-ms").and_then(|value| duration(value, 1));
    Advice::Retry {
        after: milliseconds.or_else(|| text("retry-after").and_then(|value| duration(value, 1000))),
    }
}

/// Reads a number of units, decimals allowed. A date is ignored, and our backoff applies.
fn duration(value: &str, unit_ms: u32) -> Option<Duration> {
    let units: f64 = value.trim().parse().ok()?;
    (units >= 0.0)
        .then(|| Duration::try_from_secs_f64(units * f64::from(unit_ms) / 1000.0).unwrap_or(Duration::MAX))
}

/// The wait before a retry if the server names none: doubled each time, plus up to as much again at random,
/// so that many clients do not return at once.
pub(super) fn backoff(base: Duration, retries: u32) -> Duration {
    let wait = base.saturating_mul(1 << retries.min(4));
    // A new hasher has random keys; no other source of randomness is needed.
    let chance = u32::try_from(RandomState::new().hash_one(retries) % 1024).unwrap_or(0);
    wait + wait.saturating_mul(chance) / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, quota: bool, headers: &[(&'static str, &'static str)], expected: &Advice) {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        assert_eq!(&advice(status, quota, &headers), expected, "{status} {headers:?}");
    }

    #[test]
    fn the_server_is_asked_again_when_that_may_help() {
        for status in [408, 409, 429, 500, 503, 529] {
            check(status, false, &[], &Advice::Retry { after: None });
            check(status, false, &[("x-should-retry", "false")], &Advice::Stop);
            check(status, true, &[], &Advice::Stop);
        }
        for status in [302, 400, 401, 403, 404, 422] {
            check(status, false, &[], &Advice::Stop);
        }
        let after = |ms| Advice::Retry { after: Some(Duration::from_millis(ms)) };
        check(429, false, &[("retry-after", "2")], &after(2000));
        check(429, false, &[("retry-after", "1.5")], &after(1500));
        check(429, false, &[("retry-after", "9"), ("retry-after-ms", "20")], &after(20));
        check(429, false, &[("retry-after", "1e300")], &Advice::Retry { after: Some(Duration::MAX) });
        check(
            429,
            false,
            &[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")],
            &Advice::Retry { after: None },
        );
    }

    #[test]
    fn the_backoff_grows_and_varies() {
        let base = Duration::from_millis(500);
        for (retries, least, most) in [(0, 500, 1000), (1, 1000, 2000)] {
            let wait = backoff(base, retries);
            assert!(wait >= Duration::from_millis(least) && wait <= Duration::from_millis(most));
        }
    }
}
