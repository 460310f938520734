//! Stripe from outside: what its own libraries sign, what its sources say of its objects, and a server that fails.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed, as it should"
)]

mod client;
mod events;
mod requests;
mod server;
mod signatures;
