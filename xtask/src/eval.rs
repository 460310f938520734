//! The built-in writer on labelled briefs: `crates/postly-pipeline/eval`.

/// Scores the writer.
///
/// # Errors
/// If a threshold is not held, or the scorer does not build.
pub(crate) fn run(args: &[&str]) -> anyhow::Result<()> {
    let score = ["run", "--quiet", "--locked", "-p", "postly-pipeline", "--example", "eval", "--"];
    super::cargo(&[&score[..], args].concat())
}
