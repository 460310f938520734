//! The rules of Postly: what a message means, what a credit may do, when a reply may leave.
//!
//! Nothing here waits, reads a clock or throws dice: time and chance come in as arguments, decisions go out
//! as values, and the rooms around this one carry them out.

pub mod alert;
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
pub mod repeats;
pub mod rest;
pub mod small_talk;
pub mod text;
pub mod time;
pub mod trust;
mod typed_code;

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
pub use time::UnixMillis;
pub use trust::PhoneDoubt;
