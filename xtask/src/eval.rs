//! The built-in writer on labelled briefs: `crates/postly-pipeline/eval`.

/// Scores the writer.
///
/// # Errors
/// Fails if a score is below its threshold, or the scorer does not build.
pub(crate) fn run(args: &[&str]) -> anyhow::Result<()> {
    let score = ["run", "--quiet", "--locked", "-p", "postly-pipeline", "--example", "eval", "--"];
    super::cargo(&[&score[..], args].concat())
}
