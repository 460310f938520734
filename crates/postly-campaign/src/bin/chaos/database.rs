//! The service's database, asked and changed from outside, past the service.

use std::path::PathBuf;

use anyhow::Context as _;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _, SqliteConnection};

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

/// Asks on a fresh connection of the right kind.
macro_rules! on {
    ($database:expr, |$connection:ident| $ask:expr) => {
        match $database {
            Database::Sqlite(path) => {
                let mut $connection = SqliteConnection::connect(&format!("sqlite://{}", path.display()))
                    .await
                    .context("cannot open the file")?;
                let answer = $ask;
                $connection.close().await.context("cannot close the file")?;
                answer
            }
            Database::Postgres(url) => {
                let mut $connection =
                    PgConnection::connect(url).await.context("cannot reach PostgreSQL from outside")?;
                let answer = $ask;
                // Whoever is asked nothing more needs no farewell.
                let _ = $connection.close().await;
                answer
            }
        }
    };
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
        // The campaign writes its own SQL, from its own numbers and ids.
        let sql = AssertSqlSafe(sql.to_owned());
        Ok(on!(self, |connection| connection.execute(sql).await?.rows_affected()))
    }

    /// A question whose answer is one number.
    pub(crate) async fn count(&self, sql: &str) -> anyhow::Result<i64> {
        let sql = AssertSqlSafe(sql.to_owned());
        Ok(on!(self, |connection| sqlx::query(sql).fetch_one(&mut connection).await?.get(0)))
    }

    /// A question whose answer is a column of texts.
    pub(crate) async fn texts(&self, sql: &str) -> anyhow::Result<Vec<String>> {
        let sql = AssertSqlSafe(sql.to_owned());
        Ok(on!(self, |connection| {
            let rows = sqlx::query(sql).fetch_all(&mut connection).await?;
            rows.iter().map(|row| row.get(0)).collect()
        }))
    }
}
