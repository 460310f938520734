//! Fresh databases for tests: a file in a temporary folder, or a database of the test cluster.

use std::path::PathBuf;

use postly_store::Db;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};

/// An engine to run a test on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineName {
    /// SQLite, embedded.
    Sqlite,
    /// PostgreSQL, on the test cluster.
    Postgres,
}

impl EngineName {
    /// Both engines.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];
}

/// A natural-language collation, as on an operator's server by default, so that code that relies on byte
/// order fails.
const LOCALE: &str = "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'";

/// The database of one test.
pub struct Database {
    /// The engine.
    pub engine: EngineName,
    /// The database, with its tables.
    pub db: Db,
    /// Its address, as in `DATABASE_URL`.
    pub url: String,
    /// Its address without a pooler, for the test's own queries and changes.
    pub direct_url: String,
    place: Place,
}

enum Place {
    Folder(PathBuf),
    Cluster { admin: String, name: String },
}

/// The address of the test cluster, up to and including the slash before a database's name.
fn cluster() -> String {
    address("POSTLY_TEST_POSTGRES")
}

/// The same, through a PgBouncer that gives each transaction another connection, and each database five.
fn pooler() -> String {
    address("POSTLY_TEST_PGBOUNCER")
}

fn address(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run the tests with `cargo xtask test`, which starts PostgreSQL and PgBouncer")
    })
}

/// The options of a test's PostgreSQL database.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish<'a> {
    /// The options after `CREATE DATABASE name`; empty for the default.
    pub created: &'a str,
    /// True if the service connects through a pooler.
    pub pooled: bool,
    /// True if the database stays empty.
    pub empty: bool,
}

impl Database {
    /// Creates a database with the current schema and no rows.
    pub async fn fresh(engine: EngineName) -> Self {
        Self::fresh_in(engine, std::env::temp_dir()).await
    }

    /// Creates such a database in memory if the system has a folder for it: for tests with ten thousand
    /// writes that do not depend on the disk.
    pub async fn fleeting(engine: EngineName) -> Self {
        let memory = PathBuf::from("/dev/shm");
        let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
        Self::fresh_in(engine, folder).await
    }

    async fn fresh_in(engine: EngineName, folder: PathBuf) -> Self {
        match engine {
            EngineName::Sqlite => {
                let folder = folder.join(fresh_name());
                let url = format!("sqlite://{}", folder.join("test.db").display());
                let db = Db::open(&url).await.expect("the database opens");
                db.migrate().await.expect("the schema is brought up to date");
                Self { engine, db, direct_url: url.clone(), url, place: Place::Folder(folder) }
            }
            EngineName::Postgres => Self::as_wished(Wish::default()).await,
        }
    }

    /// Creates a database with the current schema and no rows. The service connects through a pooler.
    pub async fn behind_a_pooler() -> Self {
        Self::as_wished(Wish { pooled: true, ..Wish::default() }).await
    }

    /// Creates a PostgreSQL database with these options.
    pub async fn as_wished(wish: Wish<'_>) -> Self {
        let name = fresh_name();
        let base = cluster();
        let admin = format!("{base}postgres");
        let created = if wish.created.is_empty() { LOCALE } else { wish.created };
        run(&admin, format!("CREATE DATABASE {name} {created}")).await;
        let direct_url = format!("{base}{name}");
        let url = if wish.pooled { format!("{}{name}", pooler()) } else { direct_url.clone() };
        // A test opens an empty database itself, because it may be one that cannot be opened.
        let db = Db::open(if wish.empty { &admin } else { &url }).await.expect("the database opens");
        if !wish.empty {
            db.migrate().await.expect("the schema is brought up to date");
        }
        Self { engine: EngineName::Postgres, db, url, direct_url, place: Place::Cluster { admin, name } }
    }

    /// Runs statements on the cluster itself: for roles.
    pub async fn on_cluster(sql: &str) {
        run(&format!("{}postgres", cluster()), sql.to_owned()).await;
    }

    /// The name of the database on its cluster.
    pub fn name(&self) -> &str {
        self.direct_url.rsplit('/').next().unwrap_or_default()
    }

    /// Removes the database.
    pub async fn drop(self) {
        match self.place {
            Place::Folder(folder) => std::fs::remove_dir_all(folder).expect("the folder goes"),
            Place::Cluster { admin, name } => {
                run(&admin, format!("DROP DATABASE {name} WITH (FORCE)")).await;
            }
        }
    }

    /// Runs a query that returns one number.
    pub async fn count(&self, sql: &'static str) -> i64 {
        match self.engine {
            EngineName::Sqlite => self.sqlite().query_row(sql, [], |row| row.get(0)).expect("an answer"),
            EngineName::Postgres => {
                let mut connection =
                    sqlx::PgConnection::connect(&self.direct_url).await.expect("a connection");
                sqlx::query(sql).fetch_one(&mut connection).await.expect("an answer").get(0)
            }
        }
    }

    /// Runs a query that returns one column of texts.
    pub async fn texts(&self, sql: &'static str) -> Vec<String> {
        match self.engine {
            EngineName::Sqlite => {
                let connection = self.sqlite();
                let mut statement = connection.prepare(sql).expect("a statement");
                let rows = statement.query_map([], |row| row.get(0)).expect("an answer");
                rows.collect::<Result<_, _>>().expect("texts")
            }
            EngineName::Postgres => {
                let mut connection =
                    sqlx::PgConnection::connect(&self.direct_url).await.expect("a connection");
                let rows = sqlx::query(sql).fetch_all(&mut connection).await.expect("an answer");
                rows.iter().map(|row| row.get(0)).collect()
            }
        }
    }

    /// Every row of a table, each as text.
    pub async fn rows(&self, table: &str) -> Vec<String> {
        match self.engine {
            EngineName::Sqlite => {
                let connection = self.sqlite();
                let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).expect("a table");
                let columns = statement.column_count();
                let rows = statement.query_map([], |row| {
                    let values: Result<Vec<rusqlite::types::Value>, _> =
                        (0..columns).map(|n| row.get(n)).collect();
                    Ok(format!("{:?}", values?))
                });
                rows.expect("an answer").collect::<Result<_, _>>().expect("rows")
            }
            EngineName::Postgres => {
                let mut connection =
                    sqlx::PgConnection::connect(&self.direct_url).await.expect("a connection");
                let sql = AssertSqlSafe(format!("SELECT CAST(whole AS TEXT) FROM {table} AS whole"));
                let rows = sqlx::query(sql).fetch_all(&mut connection).await.expect("an answer");
                rows.iter().map(|row| row.get(0)).collect()
            }
        }
    }

    /// The data that a thief of the database gets: the bytes of SQLite's files, or the output of `pg_dump`.
    pub async fn stolen(&self) -> Vec<u8> {
        match self.engine {
            EngineName::Sqlite => {
                self.sqlite()
                    .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                    .expect("a checkpoint");
                let path = self.url.strip_prefix("sqlite://").expect("an address of SQLite");
                let mut bytes = std::fs::read(path).expect("the file");
                bytes.extend(std::fs::read(format!("{path}-wal")).unwrap_or_default());
                bytes
            }
            EngineName::Postgres => {
                let dump = std::process::Command::new("pg_dump")
                    .arg(&self.direct_url)
                    .output()
                    .expect("pg_dump runs");
                assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
                dump.stdout
            }
        }
    }

    /// Changes data without the service. Returns the number of changed rows.
    ///
    /// # Errors
    /// Fails if the database refuses it.
    pub async fn change(&self, sql: &str) -> Result<u64, Box<dyn std::error::Error + Send + Sync>> {
        Ok(match self.engine {
            EngineName::Sqlite => u64::try_from(self.sqlite().execute(sql, [])?)?,
            EngineName::Postgres => {
                let mut connection = sqlx::PgConnection::connect(&self.direct_url).await?;
                connection.execute(AssertSqlSafe(sql.to_owned())).await?.rows_affected()
            }
        })
    }

    /// A separate connection to an SQLite file.
    fn sqlite(&self) -> rusqlite::Connection {
        let path = self.url.strip_prefix("sqlite://").expect("an address of SQLite");
        rusqlite::Connection::open(path).expect("a connection")
    }
}

fn fresh_name() -> String {
    format!("postly_test_{}", uuid::Uuid::new_v4().simple())
}

async fn run(admin: &str, statement: String) {
    let mut connection = sqlx::PgConnection::connect(admin).await.expect("the test cluster answers");
    // The only variable part is a name that we made of hexadecimal digits.
    sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.expect("the statement runs");
}
