//! The public API of the writer, as the rest of the service uses it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may be frank about what it takes for granted, its helpers too"
)]

mod circuit;
mod fallback;
mod offline;
mod openai;
mod server;
mod subject;
mod transcribe;
