//! Points at which a test may abort the process, to check that nothing is lost. They exist only with the
//! feature `crash-points`, which no release enables; without it a point does nothing.

/// Aborts the process if `POSTLY_CRASH_AT` names this point.
#[cfg(feature = "crash-points")]
pub(crate) fn point(name: &str) {
    if std::env::var("POSTLY_CRASH_AT").is_ok_and(|wanted| wanted == name) {
        std::process::abort();
    }
}

/// Does nothing: the feature is off.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub(crate) fn point(_name: &str) {}
