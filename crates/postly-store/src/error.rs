//! How a statement can fail, by kind: SQLite names no constraints.

/// A failure of the database or of what it holds.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, or not in time. Trying again later may work.
    #[error("the database does not answer")]
    Unavailable(#[source] sqlx::Error),
    /// A unique key is taken already.
    #[error("a unique key is taken")]
    Taken(#[source] sqlx::Error),
    /// A check or a reference does not hold: a bug, or somebody else's hand in the data.
    #[error("a constraint does not hold")]
    Constraint(#[source] sqlx::Error),
    /// The database refused the statement.
    #[error("the database refused a statement")]
    Statement(#[source] sqlx::Error),
    /// A row holds something this version cannot read.
    #[error("column {column} holds something unknown")]
    Unreadable {
        /// The column.
        column: &'static str,
    },
    /// The address names no database we know.
    #[error("DATABASE_URL must start with sqlite://, postgres:// or postgresql://")]
    UnknownScheme,
    /// The database could not be opened.
    #[error("the database cannot be opened")]
    Open(#[source] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the schema cannot be brought up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// The lease was lost: somebody else has the lane now, and this work must not be recorded.
    #[error("the lease was lost")]
    LeaseLost,
}

impl StoreError {
    /// Whether the same work may succeed later without anybody's help.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Taken(_))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::error::ErrorKind;
        match &error {
            sqlx::Error::Database(database) => match database.kind() {
                ErrorKind::UniqueViolation => Self::Taken(error),
                ErrorKind::ForeignKeyViolation
                | ErrorKind::NotNullViolation
                | ErrorKind::CheckViolation
                | ErrorKind::ExclusionViolation => Self::Constraint(error),
                _ if is_passing(database.code().as_deref()) => Self::Unavailable(error),
                _ => Self::Statement(error),
            },
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) => Self::Statement(error),
            _ => Self::Unavailable(error),
        }
    }
}

/// Codes of a failure that passes. PostgreSQL ("Error Codes"): 08 connection, 25006 read-only (a failed-over
/// primary), 40 serialisation and deadlock, 53 resources, 55P03 lock, 57 intervention and time-out.
/// SQLite ("Result Codes"): 5 busy, 6 locked, 10 I/O, 13 full, and their extended forms.
fn is_passing(code: Option<&str>) -> bool {
    let Some(code) = code else { return false };
    if code.len() == 5 {
        return code == "25006"
            || ["08", "40", "53", "55P03", "57"].iter().any(|class| code.starts_with(class));
    }
    code.parse::<u32>().is_ok_and(|number| matches!(number & 0xff, 5 | 6 | 8 | 10 | 13 | 14))
}
