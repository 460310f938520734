//! The rules of Postly: the meaning of messages, the effect on credits, the sending of replies.
//!
//! Nothing here waits, reads a clock or draws random numbers. Time and randomness are arguments, decisions
//! are return values, and other crates execute them.

pub mod admin;
pub mod alert;
pub mod brand;
pub mod brief;
pub mod challenge;
pub mod command;
pub mod credits;
pub mod delivery;
mod digits;
pub mod event;
pub mod id;
pub mod intent;
pub mod language;
pub mod login;
pub mod media;
pub mod metric;
pub mod money;
pub mod openings;
mod opt_out;
pub mod payment;
pub mod phone;
pub mod post;
pub mod pricing;
pub mod provider;
pub mod refund;
pub mod repeats;
pub mod rest;
pub mod small_talk;
pub mod text;
pub mod time;
pub mod trace;
pub mod trust;
mod typed_code;

pub use admin::{AdminAction, OperatorName};
pub use alert::Alert;
pub use brief::{Brief, BriefError};
pub use challenge::{Code, Phrase, Purpose};
pub use command::Command;
pub use credits::{HoldState, LedgerReason, ModelBudget};
pub use language::Language;
pub use login::Email;
pub use money::{Currency, Money, Pack, PriceList};
pub use phone::PhoneE164;
pub use pricing::Pricing;
pub use provider::Provider;
pub use refund::RefundReason;
pub use time::UnixMillis;
pub use trace::TRACE;
pub use trust::PhoneDoubt;
