//! The commands.

pub(crate) mod backup;
pub(crate) mod demo;
mod desk;
mod encrypt;
pub(crate) mod handoffs;
pub(crate) mod healthcheck;
pub(crate) mod import;
mod import_progress;
mod import_report;
pub(crate) mod operator;
pub(crate) mod payments;
pub(crate) mod restore;
pub(crate) mod serve;
pub(crate) mod users;

use std::io::Write as _;

use postly_app::BackupFolderError;

use crate::config::Fault;

/// The failure of a command.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The configuration is not complete: exit 2.
    Config(Vec<Fault>),
    /// The command line cannot be carried out: exit 2.
    Usage(String),
    /// The command failed, or nothing was written: exit 1.
    Failed(anyhow::Error),
    /// The command has already reported its failure: exit 1.
    Silent,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Config(faults) => write!(f, "{} faults of the configuration", faults.len()),
            Self::Usage(sentence) => f.write_str(sentence),
            Self::Failed(error) => write!(f, "{error:#}"),
            Self::Silent => f.write_str("a check failed"),
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        match error.chain().find_map(|error| error.downcast_ref()) {
            Some(BackupFolderError::Refused(sentence)) => Self::Usage(sentence.clone()),
            Some(BackupFolderError::Disk(..) | BackupFolderError::Failed(_)) | None => Self::Failed(error),
        }
    }
}

/// Writes lines to standard output. A closed pipe is ignored.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Writes one JSON value to standard output.
pub(crate) fn say_json(value: &serde_json::Value) {
    say(&value.to_string());
}
