//! The operator's pages: the login, the audit log, and the reading behind each page. Changes go through the
//! operator's commands ([`crate::operator`], [`crate::handoffs`], [`crate::pause`]).

mod access;
mod audit_log;
mod author;
mod glance;
mod login;
mod payments;
mod stuck;
mod timeline;
mod totp;

use std::sync::Arc;

pub use access::{AdminAccess, AdminAccessError};
pub use audit_log::{Act, LogPage};
pub use author::{AuthorPage, Line, NameError};
pub use glance::{Day, Glance};
pub use login::{AdminLogin, AdminLoginError, AdminSession, NewAdminSession, SESSION_MS};
pub use payments::{PaymentLine, PaymentPage};
pub use postly_store::{
    audit_log::Record,
    dead_letters::DeadLetter,
    figures::Figures,
    handoffs::Handoff,
    monitor::{OpenAlert, QueueState, UpstreamFailure},
    pauses::OperatorPauses,
    refund_requests::RefundRequest,
    timeline::{
        StoredAttempt, StoredCall, StoredEntry, StoredEvent, StoredGeneration, StoredHold, StoredMessage,
    },
};
pub use stuck::{Stuck, WaitingItem};
pub use timeline::{Delivery, Tick, Timeline};

use crate::{
    Core,
    accounts::{Accounts, Passwords},
};

/// The reads of the operator's pages, their sessions and their audit log.
#[derive(Clone)]
pub struct Admin {
    pub(crate) core: Core,
    pub(crate) passwords: Arc<Passwords>,
}

impl Admin {
    /// Builds the service. Passwords are checked within the same bound as those of `accounts`.
    pub fn new(core: &Core, accounts: &Accounts) -> Self {
        Self { core: core.clone(), passwords: Arc::clone(&accounts.passwords) }
    }
}
