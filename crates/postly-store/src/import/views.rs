//! Read-only views under the names of the guide's Prisma schema, in the schema `prisma` of our own database.

use crate::{Db, OpenError, StoreError};

/// Creates the role, the schema and the views; existing views are replaced.
const CREATE: &str = include_str!("views.sql");

/// The role stays: it belongs to the server, and another of its databases may have views.
const DROP: &str = "DROP VIEW IF EXISTS prisma.\"OtpChallenge\", prisma.\"Generation\", prisma.\"CreditLedger\", \
     prisma.\"User\"; DROP TYPE IF EXISTS prisma.\"OtpPurpose\"; DROP SCHEMA IF EXISTS prisma";

/// A failure to create the views.
#[derive(Debug, thiserror::Error)]
pub enum ViewsError {
    /// SQLite has no schemas and no roles.
    #[error("views for Prisma need PostgreSQL: DATABASE_URL names an SQLite file")]
    NotPostgres,
    /// The role of the address lacks the permission.
    #[error(
        "the role of DATABASE_URL may not make the views: it must own the tables, and may CREATE in the database; the role \
         postly_prisma must be granted to it, or it must have CREATEROLE (as a superuser: CREATE ROLE postly_prisma; \
         GRANT postly_prisma TO the role)"
    )]
    NotAllowed(#[source] StoreError),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database failed.
    #[error("the views cannot be made")]
    Store(#[source] StoreError),
}

/// Creates or replaces the views.
///
/// # Errors See [`ViewsError`].
pub async fn create(db: &Db) -> Result<(), ViewsError> {
    run(db, CREATE).await
}

/// Removes the views and their schema.
///
/// # Errors
/// See [`ViewsError`].
pub async fn drop(db: &Db) -> Result<(), ViewsError> {
    run(db, DROP).await
}

async fn run(db: &Db, script: &'static str) -> Result<(), ViewsError> {
    const NOT_ALLOWED: &str = "42501";
    let remote = db.remote().ok_or(ViewsError::NotPostgres)?;
    remote.run_script(script).await?.map_err(|error| {
        let is_refused =
            error.as_database_error().is_some_and(|error| error.code().as_deref() == Some(NOT_ALLOWED));
        if is_refused { ViewsError::NotAllowed(error.into()) } else { ViewsError::Store(error.into()) }
    })
}
