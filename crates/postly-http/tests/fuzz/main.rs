//! Fuzzes input from browsers with random changes. Each target runs briefly in every test, and longer with
//! `cargo xtask fuzz`.
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
mod session_cookies;
#[path = "../../../postly-domain/tests/fuzz/target.rs"]
mod target;
