//! What a check found.

use serde_json::{Value, json};

/// How bad a finding is, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Something does not work.
    Error,
    /// Something will stop working, or works worse than it could.
    Warning,
    /// Worth knowing.
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

/// One finding.
#[derive(Debug)]
pub(crate) struct Finding {
    /// What kind of finding it is; docs/OPERATIONS.md lists them.
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

    /// Something does not work: what, why it matters, and what to do.
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

    /// As an object of `--json`.
    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id,
            "level": self.level.as_str(),
            "what": self.what,
            "why": self.why,
            "do": self.action,
        })
    }

    /// As lines for a terminal.
    pub(crate) fn text(&self) -> String {
        let (level, id) = (self.level.as_str(), &self.id);
        format!("{level:<8} {id}: {}\n         why: {}\n         do:  {}", self.what, self.why, self.action)
    }
}
