//! The service's database, read and changed directly, without the service.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};
use tokio::task::block_in_place;

/// The time to wait for another writer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The engine of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Engine {
    /// An embedded database.
    Sqlite,
    /// A server.
    Postgres,
}

impl Engine {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// The location of the data. Every query opens a connection of its own, because a campaign breaks existing
/// ones.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    Sqlite(PathBuf),
    Postgres(String),
}

impl Database {
    /// The address, as in `DATABASE_URL`.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite://{}", path.display()),
            Self::Postgres(url) => url.clone(),
        }
    }

    /// Runs a statement. Returns the number of rows changed.
    pub(crate) async fn change(&self, sql: &str) -> anyhow::Result<u64> {
        match self {
            Self::Sqlite(path) => {
                let changed = block_in_place(|| connect(path)?.execute(sql, []))?;
                Ok(u64::try_from(changed).unwrap_or(u64::MAX))
            }
            Self::Postgres(url) => {
                let mut connection = reach(url).await?;
                loop {
                    // The campaign writes this SQL from its own numbers and ids.
                    match connection.execute(AssertSqlSafe(sql.to_owned())).await {
                        Ok(done) => {
                            leave(connection).await;
                            return Ok(done.rows_affected());
                        }
                        // The statement locks many rows in any order; on a deadlock it gives way and tries
                        // again.
                        Err(error) if is_deadlock(&error) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
    }

    /// Runs a query that returns one number.
    pub(crate) async fn count(&self, sql: &str) -> anyhow::Result<i64> {
        match self {
            Self::Sqlite(path) => Ok(block_in_place(|| connect(path)?.query_row(sql, [], |row| row.get(0)))?),
            Self::Postgres(url) => {
                let mut connection = reach(url).await?;
                let row = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await?;
                leave(connection).await;
                Ok(row.try_get(0)?)
            }
        }
    }

    /// Runs a query that returns a column of texts.
    pub(crate) async fn texts(&self, sql: &str) -> anyhow::Result<Vec<String>> {
        match self {
            Self::Sqlite(path) => Ok(block_in_place(|| {
                let connection = connect(path)?;
                let mut statement = connection.prepare(sql)?;
                statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()
            })?),
            Self::Postgres(url) => {
                let mut connection = reach(url).await?;
                let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await?;
                leave(connection).await;
                Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
            }
        }
    }
}

/// Opens the file beside the service, and waits for its lock as any other process does.
fn connect(path: &Path) -> Result<rusqlite::Connection, rusqlite::Error> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection = rusqlite::Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}

fn is_deadlock(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "40P01")
}

async fn reach(url: &str) -> anyhow::Result<PgConnection> {
    PgConnection::connect(url).await.context("cannot reach PostgreSQL from outside")
}

/// Closes the connection; an error does not matter after the last query.
async fn leave(connection: PgConnection) {
    let _ = connection.close().await;
}
