//! The finding of a check.

use serde_json::{Value, json};

/// The severity of a finding, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Something does not work.
    Error,
    /// Something will stop working, or works worse than it could.
    Warning,
    /// Information, without a fault.
    Info,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// A finding.
#[derive(Debug)]
pub(crate) struct Finding {
    /// The kind of finding; docs/OPERATIONS.md lists all ids.
    pub(crate) id: String,
    pub(crate) level: Level,
    what: String,
    why: String,
    action: String,
}

impl Finding {
    fn new(level: Level, id: impl Into<String>, what: String, why: String, action: String) -> Self {
        Self { id: id.into(), level, what, why, action }
    }

    /// Something does not work: the fault, its consequence, and the remedy.
    pub(crate) fn error(
        id: impl Into<String>,
        what: impl Into<String>,
        why: impl Into<String>,
        action: impl Into<String>,
    ) -> Self {
        Self::new(Level::Error, id, what.into(), why.into(), action.into())
    }

    /// See [`Level::Warning`].
    pub(crate) fn warning(
        id: impl Into<String>,
        what: impl Into<String>,
        why: impl Into<String>,
        action: impl Into<String>,
    ) -> Self {
        Self::new(Level::Warning, id, what.into(), why.into(), action.into())
    }

    /// See [`Level::Info`].
    pub(crate) fn info(
        id: impl Into<String>,
        what: impl Into<String>,
        why: impl Into<String>,
        action: impl Into<String>,
    ) -> Self {
        Self::new(Level::Info, id, what.into(), why.into(), action.into())
    }

    /// Returns the finding as an object of `--json`.
    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id,
            "level": self.level.as_str(),
            "what": self.what,
            "why": self.why,
            "do": self.action,
        })
    }

    /// Returns the finding as lines for a terminal.
    pub(crate) fn text(&self) -> String {
        let (level, id) = (self.level.as_str(), &self.id);
        format!("{level:<8} {id}: {}\n         why: {}\n         do:  {}", self.what, self.why, self.action)
    }
}
