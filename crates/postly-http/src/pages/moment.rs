//! Times on pages.

use postly_app::rfc3339;
use postly_domain::UnixMillis;

/// A time in RFC 3339 for programs, and as text for people. The script rewrites it in the browser's time
/// zone.
pub(crate) struct Moment {
    pub(crate) exact: String,
    pub(crate) shown: String,
}

impl Moment {
    pub(crate) fn new(at: UnixMillis) -> Self {
        let exact = rfc3339(at);
        // `2026-11-26T05:46:22.123Z` without seconds.
        let minute = exact.get(..16).unwrap_or(&exact).replace('T', " ");
        Self { shown: format!("{minute} UTC"), exact }
    }
}
