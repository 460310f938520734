//! The binary from the view of its operator, its providers and its authors: real processes, real signals,
//! both databases.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test may be frank about what it takes for granted, and its helpers are part of it"
)]

mod admin;
mod backups;
mod buckets;
mod configuration;
mod crash;
mod databases;
mod demo;
mod doctor;
mod fallback;
mod hostile;
mod import;
mod import_views;
mod kill;
mod metrics;
mod models;
mod operator;
mod outside;
mod poolers;
mod process;
mod refunds;
mod rotation;
mod serving;
mod switches;
mod tls;
#[cfg(feature = "otel")]
mod traces;
