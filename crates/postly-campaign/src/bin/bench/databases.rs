//! Fresh databases for the bench, and queries on them that the service does not offer.

use std::path::PathBuf;

use anyhow::Context as _;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

use crate::processes;

/// An engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub(crate) const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];
}

impl std::fmt::Display for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// The cluster that `cargo xtask bench` starts: its address up to and including the slash before the name of
/// a database.
const CLUSTER: &str = "POSTLY_BENCH_POSTGRES";

/// The database of one run. A file is removed when this value is dropped; a database in the cluster goes with
/// the cluster.
pub(crate) struct Database {
    pub(crate) engine: Engine,
    /// The address, as in `DATABASE_URL`.
    pub(crate) url: String,
    place: Place,
}

enum Place {
    Folder(PathBuf),
    Cluster { admin: String, name: String },
}

impl Database {
    /// Creates an empty database, without a schema.
    pub(crate) async fn fresh(engine: Engine) -> anyhow::Result<Self> {
        let name = format!("postly_bench_{}", uuid::Uuid::new_v4().simple());
        Ok(match engine {
            Engine::Sqlite => {
                let folder = std::env::temp_dir().join(&name);
                std::fs::create_dir(&folder)?;
                let url = format!("sqlite://{}", folder.join("bench.db").display());
                Self { engine, url, place: Place::Folder(folder) }
            }
            Engine::Postgres => {
                let cluster = std::env::var(CLUSTER).with_context(|| {
                    format!("{CLUSTER} is not set: `cargo xtask bench` starts a PostgreSQL")
                })?;
                let admin = format!("{cluster}postgres");
                run_on(&admin, format!("CREATE DATABASE {name}")).await?;
                Self { engine, url: format!("{cluster}{name}"), place: Place::Cluster { admin, name } }
            }
        })
    }

    /// Removes the database.
    pub(crate) async fn remove(self) -> anyhow::Result<()> {
        if let Place::Cluster { admin, name } = &self.place {
            run_on(admin, format!("DROP DATABASE {name} WITH (FORCE)")).await?;
        }
        Ok(())
    }

    /// Runs a query that returns one number.
    pub(crate) async fn number(&self, sql: &'static str) -> anyhow::Result<i64> {
        Ok(match self.engine {
            Engine::Sqlite => self.sqlite()?.query_row(sql, [], |row| row.get(0))?,
            Engine::Postgres => {
                let mut connection = PgConnection::connect(&self.url).await?;
                sqlx::query(sql).fetch_one(&mut connection).await?.try_get(0)?
            }
        })
    }

    /// Opens a connection to the SQLite file.
    fn sqlite(&self) -> anyhow::Result<rusqlite::Connection> {
        let path = self.url.strip_prefix("sqlite://").context("not an SQLite file")?;
        Ok(rusqlite::Connection::open(path)?)
    }

    /// Creates the tables.
    pub(crate) async fn migrate(&self) -> anyhow::Result<()> {
        let db = postly_store::Db::open(&self.url).await?;
        db.migrate().await?;
        db.close().await;
        Ok(())
    }

    /// Runs statements one by one, each in a transaction of its own.
    pub(crate) async fn run(&self, statements: &str) -> anyhow::Result<()> {
        match self.engine {
            Engine::Sqlite => self.sqlite()?.execute_batch(statements)?,
            Engine::Postgres => {
                let mut connection = PgConnection::connect(&self.url).await?;
                for statement in statements.split_inclusive(";\n") {
                    connection.execute(AssertSqlSafe(statement.to_owned())).await?;
                }
            }
        }
        Ok(())
    }

    /// Runs a query that returns lines of text. PostgreSQL only.
    pub(crate) async fn lines(&self, sql: &'static str) -> anyhow::Result<Vec<String>> {
        let mut connection = PgConnection::connect(&self.url).await?;
        let rows = sqlx::query(sql).fetch_all(&mut connection).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Runs a query that returns lines of text.
    pub(crate) async fn texts(&self, sql: &'static str) -> anyhow::Result<Vec<String>> {
        match self.engine {
            Engine::Sqlite => self.file_lines(sql),
            Engine::Postgres => self.lines(sql).await,
        }
    }

    /// Runs a query that returns lines of text. SQLite only.
    pub(crate) fn file_lines(&self, sql: &str) -> anyhow::Result<Vec<String>> {
        let connection = self.sqlite()?;
        let mut statement = connection.prepare(sql)?;
        let lines = statement.query_map([], |row| row.get(0))?;
        Ok(lines.collect::<Result<_, _>>()?)
    }

    /// Counts the statements of every connection opened from now on. PostgreSQL only.
    pub(crate) async fn count_statements(&self) -> anyhow::Result<()> {
        let name = self.url.rsplit('/').next().unwrap_or_default();
        let counting = format!("ALTER DATABASE {name} SET pg_stat_statements.track = 'top'");
        self.run("CREATE EXTENSION pg_stat_statements").await?;
        self.run(&counting).await.context("the bench's PostgreSQL does not preload pg_stat_statements")
    }

    /// Resets the count.
    pub(crate) async fn forget_statements(&self) -> anyhow::Result<()> {
        self.run("SELECT pg_stat_statements_reset()").await
    }

    /// Returns the counted statements, the costliest first.
    pub(crate) async fn statements(&self) -> anyhow::Result<Vec<Statement>> {
        const COUNTED: &str = "SELECT calls::float8, total_exec_time, left(regexp_replace(query, '\\s+', ' ', 'g'), 90) \
            FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid WHERE datname = current_database() \
            ORDER BY total_exec_time DESC";
        let mut connection = PgConnection::connect(&self.url).await?;
        let rows = sqlx::query(COUNTED).fetch_all(&mut connection).await?;
        rows.iter()
            .map(|row| {
                Ok(Statement { calls: row.try_get(0)?, ms: row.try_get(1)?, beginning: row.try_get(2)? })
            })
            .collect()
    }

    /// Returns the number of stored events.
    pub(crate) async fn events(&self) -> anyhow::Result<i64> {
        self.number("SELECT COUNT(*) FROM inbox").await
    }

    /// Returns the id of the parent of all processes of the database, if the engine has processes of its own.
    pub(crate) async fn server(&self) -> anyhow::Result<Option<u32>> {
        match self.engine {
            Engine::Sqlite => Ok(None),
            Engine::Postgres => {
                let mut connection = PgConnection::connect(&self.url).await?;
                let backend: i32 =
                    sqlx::query("SELECT pg_backend_pid()").fetch_one(&mut connection).await?.try_get(0)?;
                processes::parent_of(u32::try_from(backend)?).map(Some)
            }
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Place::Folder(folder) = &self.place {
            // Nothing depends on the removal, and `drop` cannot report an error.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// A statement, as PostgreSQL counted it.
pub(crate) struct Statement {
    pub(crate) calls: f64,
    /// The total time inside the server.
    pub(crate) ms: f64,
    pub(crate) beginning: String,
}

async fn run_on(url: &str, statement: String) -> anyhow::Result<()> {
    let mut connection =
        PgConnection::connect(url).await.context("the bench's PostgreSQL does not answer")?;
    // The only variable part is a name made here of hexadecimal digits.
    sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
    Ok(())
}
