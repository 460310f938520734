//! The service's database, asked and changed from outside, past the service.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};
use tokio::task::block_in_place;

/// How long the campaign waits for whoever writes.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Engine {
    /// Embedded.
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

/// Where the data is. Every question has a connection of its own: in a campaign old ones cannot be trusted.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    Sqlite(PathBuf),
    Postgres(String),
}

impl Database {
    /// Its address, as in `DATABASE_URL`.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite://{}", path.display()),
            Self::Postgres(url) => url.clone(),
        }
    }

    /// Changes something; returns how many rows.
    pub(crate) async fn change(&self, sql: &str) -> anyhow::Result<u64> {
        match self {
            Self::Sqlite(path) => {
                let changed = block_in_place(|| connect(path)?.execute(sql, []))?;
                Ok(u64::try_from(changed).unwrap_or(u64::MAX))
            }
            Self::Postgres(url) => {
                let mut connection = reach(url).await?;
                loop {
                    // The campaign writes its own SQL, from its own numbers and ids.
                    match connection.execute(AssertSqlSafe(sql.to_owned())).await {
                        Ok(done) => {
                            leave(connection).await;
                            return Ok(done.rows_affected());
                        }
                        // We change many rows at once, in any order, and stand aside when that is in the way.
                        Err(error) if is_deadlock(&error) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
    }

    /// A question whose answer is one number.
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

    /// A question whose answer is a column of texts.
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

/// Opens the file beside the service, and waits for it as any other process does.
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

/// Whoever is asked nothing more needs no farewell.
async fn leave(connection: PgConnection) {
    let _ = connection.close().await;
}
