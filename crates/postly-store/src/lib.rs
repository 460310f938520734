//! The database: two engines, one SQL text, and the only crate with SQL.
//!
//! Functions work on a transaction that the caller opened ([`Db::write`], [`Db::read`]), so that related
//! changes commit together. Each statement is a constant beside the function that runs it.

mod address;
mod db;
mod error;
#[cfg(test)]
mod plans;
mod postgres;
mod readers;
mod schema;
mod sql;
mod sqlite;

pub mod admin_sessions;
pub mod amendments;
pub mod attempts;
pub mod audit;
pub mod audit_log;
pub mod authors;
pub mod backups;
pub mod blocks;
pub mod brands;
pub mod budgets;
pub mod business_numbers;
pub mod challenges;
pub mod checkouts;
pub mod code_fallbacks;
pub mod dead_letters;
pub mod erasures;
pub mod exports;
pub mod figures;
pub mod generations;
pub mod grants;
pub mod handoffs;
pub mod history;
pub mod identities;
pub mod import;
pub mod inbox;
mod inspect;
pub mod lanes;
pub mod limits;
pub mod live;
pub mod media;
pub mod merges;
pub mod monitor;
pub mod notices;
pub mod outbox;
pub mod password_hashes;
pub mod password_resets;
pub mod pauses;
pub mod payments;
pub mod questions;
pub mod recent_audit;
pub mod refund_requests;
pub mod restores;
pub mod results;
pub mod retention;
pub mod senders;
pub mod sessions;
pub mod timeline;
pub mod tokens;
pub mod wallets;
pub mod web_requests;

pub use address::{Address, AddressFault};
pub use db::{Db, Engine, Tx};
pub use error::{OpenError, StoreError};
pub use inspect::DatabaseFacts;
pub use postgres::Wakeups;
