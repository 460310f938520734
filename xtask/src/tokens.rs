//! The tokens of a generation beside those of three calls: `crates/postly-pipeline/tokens`.

/// Counts them.
///
/// # Errors
/// Fails if the median share is above its limit, or the counter does not build.
pub(crate) fn count() -> anyhow::Result<()> {
    super::cargo(&["run", "--quiet", "--locked", "-p", "postly-pipeline", "--example", "tokens"])
}
