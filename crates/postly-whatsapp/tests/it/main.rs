//! Tests of the public interface.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

mod attacks;
mod captions;
mod codes;
mod markup;
mod media;
mod samples;
mod sending;
mod server;
mod signatures;
mod support;
mod surrogates;
mod taps;
