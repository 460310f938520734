//! Opening the database, and transactions on it.

use std::{str::FromStr, time::Duration};

use postly_domain::UnixMillis;
use sqlx::{
    PgPool, SqlitePool, Transaction,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions, Postgres},
    sqlite::{Sqlite, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    StoreError,
    group_commit::{GroupWriter, Member},
    schema,
    sql::{Arg, Row, Sql, args},
};

/// Which engine a database runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Embedded.
    Sqlite,
    /// A server, which several processes may share.
    Postgres,
}

/// A database: cheap to clone, shared by all who use it.
#[derive(Clone, Debug)]
pub struct Db {
    pools: Pools,
    /// Names this process in its wake-up calls, so that it does not wake itself. Nothing else hangs on it.
    voice: String,
}

#[derive(Clone, Debug)]
enum Pools {
    /// One connection writes, so that writers queue fairly instead of polling the file's lock; several read.
    Lite {
        writer: GroupWriter,
        readers: SqlitePool,
    },
    Pg(PgPool),
}

/// Connections to PostgreSQL per process: enough to keep both cores of a small server busy, few enough for
/// several processes under the usual limit of 100.
const PG_CONNECTIONS: u32 = 16;
/// Readers of an SQLite file.
const SQLITE_READERS: u32 = 4;
/// How long a caller waits for a free connection (RELIABILITY 4.3 allows 1 s; one writer needs a longer queue).
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a connection may have rested before it is asked whether it may still write.
const CONSTANT_USE: Duration = Duration::from_secs(1);
/// RELIABILITY 4.3.
const STATEMENT_TIMEOUT_MS: &str = "2000";

const PROBE: Sql = Sql::both(
    "INSERT INTO probe (id, at_ms) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET at_ms = excluded.at_ms",
);

/// The channel on which PostgreSQL wakes the workers of every process.
const WAKE_CHANNEL: &str = "postly_wake";

impl Db {
    /// Opens the database that an address names: `sqlite://path`, `postgres://…` or `postgresql://…`. An SQLite
    /// file and its folder are made when missing.
    ///
    /// # Errors
    /// When the scheme is unknown or the database cannot be opened.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            Self::open_sqlite(path).await
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Self::open_postgres(url).await
        } else {
            Err(StoreError::UnknownScheme)
        }
    }

    async fn open_sqlite(path: &str) -> Result<Self, StoreError> {
        if let Some(folder) = std::path::Path::new(path).parent() {
            tokio::fs::create_dir_all(folder).await.map_err(|error| StoreError::Open(error.into()))?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // An acknowledged message survives a power cut.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5))
            .foreign_keys(true);
        let writer = GroupWriter::open(&options).await.map_err(StoreError::Open)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(SQLITE_READERS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(options.read_only(true).create_if_missing(false));
        Ok(Self { pools: Pools::Lite { writer, readers }, voice: String::new() })
    }

    async fn open_postgres(url: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url).map_err(StoreError::Open)?.options([
            ("statement_timeout", STATEMENT_TIMEOUT_MS),
            ("idle_in_transaction_session_timeout", "10000"),
            ("synchronous_commit", "on"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(PG_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // After a failover a demoted primary still answers, read-only: leave it for the new one.
            .before_acquire(|connection, last_used| {
                Box::pin(async move {
                    // A connection in constant use tells by its errors, and is asked again when it rests.
                    if last_used.idle_for < CONSTANT_USE {
                        return Ok(true);
                    }
                    let read_only: (String,) =
                        sqlx::query_as("SHOW transaction_read_only").fetch_one(connection).await?;
                    Ok(read_only.0 == "off")
                })
            })
            .max_lifetime(Duration::from_secs(300))
            .connect_with(options)
            .await
            .map_err(StoreError::Open)?;
        let (backend, at): (i32, f64) =
            sqlx::query_as("SELECT pg_backend_pid(), EXTRACT(EPOCH FROM clock_timestamp())::float8")
                .fetch_one(&pool)
                .await
                .map_err(StoreError::Open)?;
        Ok(Self { pools: Pools::Pg(pool), voice: format!("{backend}@{at}") })
    }

    /// The engine.
    pub fn engine(&self) -> Engine {
        match self.pools {
            Pools::Lite { .. } => Engine::Sqlite,
            Pools::Pg(_) => Engine::Postgres,
        }
    }

    /// Brings the schema up to date. Safe to call again, and from several processes at once.
    ///
    /// # Errors
    /// When a migration fails, or the database was migrated by a newer version.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match &self.pools {
            Pools::Lite { writer, .. } => schema::migrate_sqlite(writer.alone().await.connection()).await,
            Pools::Pg(pool) => schema::migrate_postgres(pool).await,
        }
    }

    /// Opens a transaction that may write. Dropped without [`Tx::commit`], it leaves no trace.
    ///
    /// # Errors
    /// When the database cannot be reached in time.
    pub async fn write(&self) -> Result<Tx, StoreError> {
        Ok(match &self.pools {
            Pools::Lite { writer, .. } => Tx(Inner::LiteWrite(writer.begin(ACQUIRE_TIMEOUT).await?)),
            Pools::Pg(pool) => Tx(Inner::Pg(pool.begin().await?)),
        })
    }

    /// Opens a transaction that cannot write, on one consistent state of the data.
    ///
    /// # Errors
    /// When the database cannot be reached in time.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        Ok(match &self.pools {
            Pools::Lite { readers, .. } => Tx(Inner::LiteRead(readers.begin().await?)),
            Pools::Pg(pool) => {
                Tx(Inner::Pg(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?))
            }
        })
    }

    /// Writes a little, to see whether writes pass.
    ///
    /// # Errors
    /// When they do not.
    pub async fn probe(&self, now: UnixMillis) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        tx.execute(PROBE, args![now]).await?;
        tx.commit().await
    }

    /// Tells the workers of other processes that there is work. A lost call costs them a poll, nothing more.
    pub async fn wake_others(&self) {
        if let Pools::Pg(pool) = &self.pools {
            let notified = sqlx::query("SELECT pg_notify($1, $2)")
                .bind(WAKE_CHANNEL)
                .bind(&self.voice)
                .execute(pool)
                .await;
            if let Err(error) = notified {
                tracing::debug!(%error, "Could not wake the other processes");
            }
        }
    }

    /// Listens for [`Db::wake_others`] of other processes; `None` where there can be none.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn listen(&self) -> Result<Option<Wakeups>, StoreError> {
        let Pools::Pg(pool) = &self.pools else { return Ok(None) };
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(WAKE_CHANNEL).await?;
        Ok(Some(Wakeups { listener, own: self.voice.clone() }))
    }

    /// Waits until all connections are given back, and closes them.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Lite { writer, readers } => {
                readers.close().await;
                // Nothing is open then: everybody in the line has come to an end.
                drop(writer.alone().await);
            }
            Pools::Pg(pool) => pool.close().await,
        }
    }
}

/// Wake-up calls of other processes.
pub struct Wakeups {
    listener: PgListener,
    own: String,
}

impl Wakeups {
    /// Waits for the next call of another process.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn next(&mut self) -> Result<(), StoreError> {
        while self.listener.recv().await?.payload() == self.own {}
        Ok(())
    }
}

/// A transaction.
pub struct Tx(Inner);

enum Inner {
    LiteRead(Transaction<'static, Sqlite>),
    LiteWrite(Member),
    Pg(Transaction<'static, Postgres>),
}

/// Binds the arguments and runs one method of the query on the engine's connection.
macro_rules! run {
    ($tx:expr, $sql:expr, $args:expr, $method:ident, |$result:ident| $lite:expr, $pg:expr) => {
        match &mut $tx.0 {
            Inner::LiteRead(tx) => {
                let $result = bind!(Sqlite, $sql.lite, $args).$method(&mut **tx).await?;
                $lite
            }
            Inner::LiteWrite(member) => {
                let $result = bind!(Sqlite, $sql.lite, $args).$method(member.connection()?).await?;
                $lite
            }
            Inner::Pg(tx) => {
                let $result = bind!(Postgres, $sql.pg, $args).$method(&mut **tx).await?;
                $pg
            }
        }
    };
}

macro_rules! bind {
    ($engine:ty, $text:expr, $args:expr) => {{
        let mut query = sqlx::query::<$engine>($text);
        for arg in $args {
            query = match arg.clone() {
                Arg::Text(value) => query.bind(value),
                Arg::Int(value) => query.bind(value),
            };
        }
        query
    }};
}

impl Tx {
    /// Makes everything done in this transaction last.
    ///
    /// # Errors
    /// When the database did not confirm it. It may have been done all the same: the work must bear being repeated.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.0 {
            Inner::LiteRead(tx) => tx.commit().await?,
            Inner::LiteWrite(member) => member.commit().await?,
            Inner::Pg(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// Runs a statement; returns how many rows it touched.
    pub(crate) async fn execute(&mut self, sql: Sql, args: &[Arg]) -> Result<u64, StoreError> {
        Ok(run!(self, sql, args, execute, |done| done.rows_affected(), done.rows_affected()))
    }

    /// Runs a query that gives at most one row.
    pub(crate) async fn maybe_one(&mut self, sql: Sql, args: &[Arg]) -> Result<Option<Row>, StoreError> {
        Ok(run!(self, sql, args, fetch_optional, |row| row.map(Row::Lite), row.map(Row::Pg)))
    }

    /// Runs a query that gives exactly one row.
    pub(crate) async fn one(&mut self, sql: Sql, args: &[Arg]) -> Result<Row, StoreError> {
        self.maybe_one(sql, args).await?.ok_or(StoreError::Unavailable(sqlx::Error::RowNotFound))
    }

    /// Runs a query that gives a bounded number of rows.
    pub(crate) async fn all(&mut self, sql: Sql, args: &[Arg]) -> Result<Vec<Row>, StoreError> {
        Ok(run!(
            self,
            sql,
            args,
            fetch_all,
            |rows| rows.into_iter().map(Row::Lite).collect(),
            rows.into_iter().map(Row::Pg).collect()
        ))
    }
}
