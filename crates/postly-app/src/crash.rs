//! Points at which a test may stop the process dead, to see that nothing is lost. They exist only with the feature
//! `crash-points`, which no release has; without it a point is nothing at all.

/// Aborts the process here when `POSTLY_CRASH_AT` names this point.
#[cfg(feature = "crash-points")]
pub(crate) fn point(name: &str) {
    if std::env::var("POSTLY_CRASH_AT").is_ok_and(|wanted| wanted == name) {
        std::process::abort();
    }
}

/// See the module.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub(crate) fn point(_name: &str) {}
