//! The readiness of this process.

use std::time::Duration;

use crate::Monitor;

/// The timeout of each question to the database.
const PATIENCE: Duration = Duration::from_secs(1);

/// The reason why a process is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotReady {
    /// The database accepts no writes.
    Database,
    /// The tables are not this build's.
    Schema,
}

impl NotReady {
    /// Returns the name for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Schema => "schema",
        }
    }
}

/// The readiness of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// The reason why the process cannot work, if there is one.
    pub fault: Option<NotReady>,
    /// Upstreams that do not answer, or do not let us send: `meta`, `twilio`, `model`, `stripe`. Work for
    /// them waits.
    pub degraded: Vec<&'static str>,
}

impl Monitor {
    /// Checks that the database accepts writes and has its tables, within a second each.
    pub async fn readiness(&self) -> Readiness {
        let probed = tokio::time::timeout(PATIENCE, self.core.db.probe(self.core.now())).await;
        let fault = if matches!(probed, Ok(Ok(()))) {
            let asked = tokio::time::timeout(PATIENCE, self.core.db.has_schema()).await;
            match asked {
                Ok(Ok(true)) => None,
                Ok(Ok(false)) => Some(NotReady::Schema),
                Ok(Err(_)) | Err(_) => Some(NotReady::Database),
            }
        } else {
            Some(NotReady::Database)
        };
        Readiness { fault, degraded: self.core.health.degraded() }
    }
}
