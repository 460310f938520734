//! The doors, as a stranger knocks: bytes on a socket, and what comes back.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed, as it should")]

mod listener;
mod requests;
mod wire;
