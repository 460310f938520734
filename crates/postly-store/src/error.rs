//! Errors by kind, because SQLite names no constraints.

/// The error of the engine's driver.
type Source = Box<dyn std::error::Error + Send + Sync>;

/// The reason why a database was not opened, or its schema cannot be used: one sentence with the remedy.
/// Contains no secret.
#[derive(Debug, thiserror::Error)]
#[error("{sentence}")]
pub struct OpenError {
    sentence: String,
    is_fault: bool,
    is_schema: bool,
}

impl OpenError {
    /// A configuration fault: it persists until an operator corrects it.
    pub(crate) fn fault(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), is_fault: true, is_schema: false }
    }

    /// A failure that may pass by itself.
    pub(crate) fn passing(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), is_fault: false, is_schema: false }
    }

    /// A schema that is not this build's.
    pub(crate) fn schema(sentence: impl Into<String>) -> Self {
        Self { is_schema: true, ..Self::fault(sentence) }
    }

    /// Marks the failure as one of the address without the pooler.
    pub(crate) fn of_direct_url(self) -> Self {
        Self { sentence: format!("by DIRECT_URL: {}", self.sentence), ..self }
    }

    /// True if the database opened but its schema cannot be used.
    pub fn is_schema(&self) -> bool {
        self.is_schema
    }

    /// True for a configuration fault, false for a failure that may pass.
    pub fn is_fault(&self) -> bool {
        self.is_fault
    }
}

/// A failure of the database or of its content.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, or not in time. A later retry may succeed.
    #[error("the database does not answer")]
    Unavailable(#[source] Source),
    /// A unique key exists already.
    #[error("a unique key is taken")]
    Taken(#[source] Source),
    /// A check or a reference does not hold: a bug, or a foreign change of the data.
    #[error("a constraint does not hold")]
    Constraint(#[source] Source),
    /// The database refused the statement.
    #[error("the database refused a statement")]
    Statement(#[source] Source),
    /// A row contains a value that this version cannot read.
    #[error("column {column} holds something unknown")]
    Unreadable {
        /// The column.
        column: &'static str,
    },
    /// The lease is lost: another worker has the lane now, and this work must not be recorded.
    #[error("the lease was lost")]
    LeaseLost,
    /// A row changed its owner while its lock was waited for: restart the transaction.
    #[error("the owner changed meanwhile")]
    OwnerChanged,
}

impl StoreError {
    /// True if the same work may succeed later without intervention.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Taken(_))
    }

    /// True for a conflict with other work; an immediate retry may succeed. PostgreSQL: a serialization
    /// failure or deadlock (40001, 40P01), or a row that another transaction referenced or inserted meanwhile
    /// (23503, 23505).
    pub fn is_conflict(&self) -> bool {
        let source = match self {
            Self::Unavailable(source) | Self::Taken(source) | Self::Constraint(source) => source,
            Self::OwnerChanged => return true,
            Self::Statement(_) | Self::Unreadable { .. } | Self::LeaseLost => return false,
        };
        let database = source.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
        let code = database.and_then(sqlx::error::DatabaseError::code);
        code.is_some_and(|code| matches!(&*code, "40001" | "40P01" | "23503" | "23505"))
    }

    /// No connection was returned in time.
    pub(crate) fn out_of_connections() -> Self {
        Self::Unavailable("no connection was free in time".into())
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::error::ErrorKind;
        let kind: fn(Source) -> Self = match &error {
            sqlx::Error::Database(database) => match database.kind() {
                ErrorKind::UniqueViolation => Self::Taken,
                ErrorKind::ForeignKeyViolation
                | ErrorKind::NotNullViolation
                | ErrorKind::CheckViolation
                | ErrorKind::ExclusionViolation => Self::Constraint,
                _ if database.code().is_some_and(|code| is_passing_on_postgres(&code)) => Self::Unavailable,
                _ => Self::Statement,
            },
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) => Self::Statement,
            _ => Self::Unavailable,
        };
        kind(error.into())
    }
}

/// Codes of a failure that passes (PostgreSQL, "Error Codes"): 08 connection, 25006 read-only (a failed-over
/// primary), 40 serialisation and deadlock, 53 resources, 55P03 lock, 57 intervention and time-out.
fn is_passing_on_postgres(code: &str) -> bool {
    code == "25006" || ["08", "40", "53", "55P03", "57"].iter().any(|class| code.starts_with(class))
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::{ErrorCode, ffi};
        let kind: fn(Source) -> Self = match error.sqlite_error() {
            Some(ffi::Error { extended_code, code: ErrorCode::ConstraintViolation }) => {
                match *extended_code {
                    ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => Self::Taken,
                    _ => Self::Constraint,
                }
            }
            // SQLite, "Result Codes": each of these may pass.
            Some(ffi::Error {
                code:
                    ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::ReadOnly
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::DiskFull
                    | ErrorCode::CannotOpen,
                ..
            }) => Self::Unavailable,
            _ => Self::Statement,
        };
        kind(error.into())
    }
}
