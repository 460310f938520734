//! The operator's pages: the login, the audit log, and the reading behind each page. Changes go through the operator's commands
//! ([`crate::operator`], [`crate::handoffs`], [`crate::pause`]).

mod access;
mod audit_log;
mod glance;
mod login;
mod totp;

pub use access::{AdminAccess, AdminAccessError};
pub use audit_log::{Act, LogPage};
pub use glance::{Day, Glance};
pub use login::{AdminLogin, AdminLoginError, AdminSession, NewAdminSession, SESSION_MS};
pub use postly_store::{
    audit_log::Record,
    figures::Figures,
    monitor::{OpenAlert, QueueState, UpstreamFailure},
    pauses::OperatorPauses,
};
