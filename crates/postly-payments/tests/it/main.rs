//! Tests against Stripe's own data: signatures of its libraries, objects of its sources, and a failing
//! server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed, as it should"
)]

mod client;
mod events;
mod refunds;
mod requests;
mod server;
mod signatures;
