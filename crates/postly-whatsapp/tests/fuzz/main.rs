//! External input with random changes. Each target runs briefly in every test, and longer with `cargo xtask
//! fuzz`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that panics has failed, as it should"
)]

#[path = "../../../postly-domain/tests/fuzz/mutate.rs"]
mod mutate;
mod signatures;
#[allow(dead_code, reason = "the other tests of this crate use the rest")]
#[path = "../it/support.rs"]
mod support;
#[path = "../../../postly-domain/tests/fuzz/target.rs"]
mod target;
mod texts;
mod webhooks;

/// The samples of a provider in a fixed order, so that a seed stays reproducible.
fn samples(folder: &str, extension: &str) -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(folder);
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    paths.sort();
    assert!(paths.len() > 5, "the samples have moved");
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}
