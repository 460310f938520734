//! The operator's pages: the login, the audit log, and the reading behind each page. Changes go through the
//! operator's commands ([`crate::operator`], [`crate::handoffs`], [`crate::pause`]).

mod access;
mod audit_log;
mod author;
mod glance;
mod login;
mod stuck;
mod timeline;
mod totp;

pub use access::{AdminAccess, AdminAccessError};
pub use audit_log::{Act, LogPage};
pub use author::{AuthorPage, Line, NameError};
pub use glance::{Day, Glance};
pub use login::{AdminLogin, AdminLoginError, AdminSession, NewAdminSession, SESSION_MS};
pub use postly_store::{
    audit_log::Record,
    dead_letters::DeadLetter,
    figures::Figures,
    handoffs::Handoff,
    monitor::{OpenAlert, QueueState, UpstreamFailure},
    pauses::OperatorPauses,
    timeline::{
        StoredAttempt, StoredCall, StoredEntry, StoredEvent, StoredGeneration, StoredHold, StoredMessage,
    },
};
pub use stuck::{Stuck, WaitingItem};
pub use timeline::{Delivery, Tick, Timeline};
