//! Opening the database, and transactions on it.

use std::{
    path::Path,
    str::FromStr as _,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use postly_domain::UnixMillis;
use sqlx::{
    Executor as _, PgPool, Row as _,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgConnection, PgListener, PgPoolOptions, Postgres},
};

use crate::{
    StoreError,
    readers::{Readers, Reading},
    schema,
    sql::{Arg, Row, Sql, args},
    sqlite::{self, GroupWriter, Member},
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
#[derive(Clone)]
pub struct Db {
    pools: Pools,
    /// Names this process in its wake-up calls, so that it does not wake itself. Nothing else hangs on it.
    voice: String,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("engine", &self.engine()).finish_non_exhaustive()
    }
}

#[derive(Clone)]
enum Pools {
    /// One connection writes, so that writers queue fairly instead of polling the file's lock; several read.
    Lite { writer: GroupWriter, readers: Readers },
    /// Acknowledgements do not wait behind the workers for a connection.
    Pg { pool: PgPool, urgent: PgPool, doubt: Doubt },
}

/// Raised when a server refuses a write because it only reads: it was demoted, and its other connections are as
/// useless, however busy they are.
#[derive(Clone, Default)]
struct Doubt(Arc<Mutex<Option<Instant>>>);

impl Doubt {
    fn raise(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn lasts(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|since| since.elapsed() < IN_DOUBT)
    }

    /// Passes an outcome on, and raises the doubt when it gives reason to.
    fn hear<T>(&self, outcome: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        Ok(outcome.inspect_err(|error| {
            let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
            if code.is_some_and(|code| code == READ_ONLY) {
                self.raise();
            }
        })?)
    }
}

/// PostgreSQL, "Error Codes": `read_only_sql_transaction`.
const READ_ONLY: &str = "25006";
/// How long every connection is asked before it is used, after one has turned out to be read-only: longer than a
/// connection in constant use waits for its turn.
const IN_DOUBT: Duration = Duration::from_secs(10);

/// Connections to PostgreSQL per process: enough to keep both cores of a small server busy, few enough for
/// several processes under the usual limit of 100.
const PG_CONNECTIONS: u32 = 16;
/// More than there are statements, so that each is prepared once per connection.
const STATEMENTS_KEPT: usize = 256;
/// Connections that are kept for what must not wait: one stores a batch of webhooks, one tells whether we are ready.
const URGENT_CONNECTIONS: u32 = 2;
/// How long a caller waits for a free connection (RELIABILITY 4.3 allows 1 s; one writer needs a longer queue).
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a connection may have rested before it is asked whether it may still write.
const CONSTANT_USE: Duration = Duration::from_secs(1);
/// How long PostgreSQL may take for a statement (RELIABILITY 4.3).
const STATEMENT_TIMEOUT_MS: &str = "2000";
/// How long we wait for its answer: a server that has gone without a word says nothing, not even that it gave up, and
/// a commit that waits for a standby heeds no time-out of a statement.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(2_500);
/// The same for an operator's questions to whole tables.
const LONG_ANSWER_TIMEOUT: Duration = Duration::from_secs(605);

const PROBE: Sql = Sql::both(
    "INSERT INTO probe (id, at_ms) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET at_ms = excluded.at_ms",
);

/// The channel on which PostgreSQL wakes the workers of every process.
const WAKE_CHANNEL: &str = "postly_wake";

/// Whether the server at the other end lets anything be written.
async fn can_write(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let (read_only,): (String,) = sqlx::query_as("SHOW transaction_read_only").fetch_one(connection).await?;
    Ok(read_only == "off")
}

fn pg_pool(connections: u32, doubt: &Doubt) -> PgPoolOptions {
    let doubt = doubt.clone();
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A server that was demoted takes connections, and lets nothing be written. One that is opened there would stay
        // what it is for as long as it is in use.
        .after_connect(|connection, _| {
            Box::pin(async move {
                if can_write(connection).await? {
                    return Ok(());
                }
                let error =
                    std::io::Error::new(std::io::ErrorKind::ReadOnlyFilesystem, "the server only reads");
                Err(sqlx::Error::Io(error))
            })
        })
        // After a failover a demoted primary still answers, read-only: leave it for the new one.
        .before_acquire(move |connection, last_used| {
            // A connection in constant use tells by its errors, and is asked when one of them raises a doubt, or when it
            // rests.
            let trusted =
                cfg!(feature = "mutant-m14") || (last_used.idle_for < CONSTANT_USE && !doubt.lasts());
            Box::pin(async move { if trusted { Ok(true) } else { can_write(connection).await } })
        })
        .max_lifetime(Duration::from_secs(300))
}

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
        let path = Path::new(path);
        if let Some(folder) = path.parent() {
            tokio::fs::create_dir_all(folder).await.map_err(|error| StoreError::Open(error.into()))?;
        }
        let (writer, readers) = sqlite::open(path).await?;
        Ok(Self { pools: Pools::Lite { writer, readers }, voice: String::new() })
    }

    async fn open_postgres(url: &str) -> Result<Self, StoreError> {
        let cannot_open = |error: sqlx::Error| StoreError::Open(error.into());
        let options = PgConnectOptions::from_str(url)
            .map_err(cannot_open)?
            .statement_cache_capacity(STATEMENTS_KEPT)
            .options([
                ("statement_timeout", STATEMENT_TIMEOUT_MS),
                ("idle_in_transaction_session_timeout", "10000"),
                ("synchronous_commit", if cfg!(feature = "mutant-m09") { "off" } else { "on" }),
            ]);
        let doubt = Doubt::default();
        let pool =
            pg_pool(PG_CONNECTIONS, &doubt).connect_with(options.clone()).await.map_err(cannot_open)?;
        let urgent = pg_pool(URGENT_CONNECTIONS, &doubt).connect_lazy_with(options);
        let (backend, at): (i32, f64) =
            sqlx::query_as("SELECT pg_backend_pid(), EXTRACT(EPOCH FROM clock_timestamp())::float8")
                .fetch_one(&pool)
                .await
                .map_err(cannot_open)?;
        Ok(Self { pools: Pools::Pg { pool, urgent, doubt }, voice: format!("{backend}@{at}") })
    }

    /// The engine.
    pub fn engine(&self) -> Engine {
        match self.pools {
            Pools::Lite { .. } => Engine::Sqlite,
            Pools::Pg { .. } => Engine::Postgres,
        }
    }

    /// Brings the schema up to date. Safe to call again, and from several processes at once.
    ///
    /// # Errors
    /// When a migration fails, or the database was migrated by a newer version.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match &self.pools {
            Pools::Lite { writer, .. } => writer.alone(schema::migrate_sqlite).await,
            Pools::Pg { pool, .. } => schema::migrate_postgres(pool).await,
        }
    }

    /// Opens a transaction that may write. Dropped without [`Tx::commit`], it leaves no trace.
    ///
    /// # Errors
    /// When the database cannot be reached in time.
    pub async fn write(&self) -> Result<Tx, StoreError> {
        Ok(match &self.pools {
            Pools::Lite { writer, .. } => Tx(Inner::LiteWrite(writer.begin(ACQUIRE_TIMEOUT).await?)),
            Pools::Pg { pool, doubt, .. } => Tx(Inner::Pg(PgTx::begin(pool, doubt, "BEGIN").await?)),
        })
    }

    /// As [`Db::write`], and not behind those who use that: for what an answer to the outside waits for.
    ///
    /// # Errors
    /// When the database cannot be reached in time.
    pub async fn write_urgently(&self) -> Result<Tx, StoreError> {
        match &self.pools {
            // There is one line, and it moves fast.
            Pools::Lite { .. } => self.write().await,
            Pools::Pg { urgent, doubt, .. } => Ok(Tx(Inner::Pg(PgTx::begin(urgent, doubt, "BEGIN").await?))),
        }
    }

    /// Opens a transaction that cannot write, on one consistent state of the data.
    ///
    /// # Errors
    /// When the database cannot be reached in time.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        Ok(match &self.pools {
            Pools::Lite { readers, .. } => Tx(Inner::LiteRead(readers.begin(ACQUIRE_TIMEOUT).await?)),
            Pools::Pg { pool, doubt, .. } => {
                let how = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                Tx(Inner::Pg(PgTx::begin(pool, doubt, how).await?))
            }
        })
    }

    /// As [`Db::read`], for an operator's questions to whole tables, which take as long as they take: minutes.
    ///
    /// # Errors
    /// When the database cannot be reached in time.
    pub async fn read_at_length(&self) -> Result<Tx, StoreError> {
        let mut tx = self.read().await?;
        if let Inner::Pg(tx) = &mut tx.0 {
            tx.run("SET LOCAL statement_timeout = '10min'").await?;
            tx.patience = LONG_ANSWER_TIMEOUT;
        }
        Ok(tx)
    }

    /// Writes a little, to see whether writes pass.
    ///
    /// # Errors
    /// When they do not.
    pub async fn probe(&self, now: UnixMillis) -> Result<(), StoreError> {
        let mut tx = self.write_urgently().await?;
        tx.execute(PROBE, args![now]).await?;
        tx.commit().await
    }

    /// What time the server says it is, for all who share it; `None` where there is no server. To the millisecond. Not asked
    /// behind the workers: an answer that had to wait tells little.
    ///
    /// # Errors
    /// When it does not answer in time.
    pub async fn server_time(&self) -> Result<Option<UnixMillis>, StoreError> {
        let Pools::Pg { urgent, doubt, .. } = &self.pools else { return Ok(None) };
        let ask = sqlx::query("SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint");
        let answer = ask_alone(urgent, ask).await.and_then(|row| row.try_get(0));
        Ok(Some(UnixMillis(doubt.hear(answer)?)))
    }

    /// Tells the workers of other processes that there is work. A lost call costs them a poll, nothing more.
    pub async fn wake_others(&self) {
        if let Pools::Pg { pool, .. } = &self.pools {
            let notify = sqlx::query("SELECT pg_notify($1, $2)").bind(WAKE_CHANNEL).bind(&self.voice);
            if let Err(error) = ask_alone(pool, notify).await {
                tracing::debug!(%error, "Could not wake the other processes");
            }
        }
    }

    /// Listens for [`Db::wake_others`] of other processes; `None` where there can be none.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn listen(&self) -> Result<Option<Wakeups>, StoreError> {
        let Pools::Pg { pool, .. } = &self.pools else { return Ok(None) };
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(WAKE_CHANNEL).await?;
        Ok(Some(Wakeups { listener, own: self.voice.clone() }))
    }

    /// Waits until all connections are given back, and closes them.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Lite { writer, readers } => {
                readers.close().await;
                // Everybody in the line has come to an end then. What is in the file is safe in any case.
                let _ = writer.alone(|_| Ok(())).await;
            }
            Pools::Pg { pool, urgent, .. } => {
                pool.close().await;
                urgent.close().await;
            }
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
    LiteRead(Reading),
    LiteWrite(Member),
    Pg(PgTx),
}

/// A transaction of PostgreSQL, each step of which is waited for no longer than its patience lasts.
struct PgTx {
    patience: Duration,
    /// `None` once it has ended.
    connection: Option<PoolConnection<Postgres>>,
    doubt: Doubt,
}

impl PgTx {
    async fn begin(pool: &PgPool, doubt: &Doubt, how: &'static str) -> Result<Self, StoreError> {
        let connection = pool.acquire().await?;
        let mut tx = Self { patience: ANSWER_TIMEOUT, connection: Some(connection), doubt: doubt.clone() };
        tx.run(how).await?;
        Ok(tx)
    }

    fn connection(&mut self) -> Result<&mut PgConnection, StoreError> {
        self.connection.as_deref_mut().ok_or_else(StoreError::out_of_connections)
    }

    async fn run(&mut self, sql: &'static str) -> Result<(), StoreError> {
        let answer = in_time(self.patience, self.connection()?.execute(sql)).await;
        self.doubt.hear(answer).map(drop)
    }

    async fn commit(mut self) -> Result<(), StoreError> {
        self.run("COMMIT").await?;
        self.connection = None;
        Ok(())
    }
}

/// Waits for an answer of the server, and not for ever.
async fn in_time<T>(
    patience: Duration,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    match tokio::time::timeout(patience, answer).await {
        Ok(answer) => answer,
        Err(late) => Err(sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, late))),
    }
}

/// Runs a statement of one row by itself. A connection on which it fails is closed: it may be in the middle of anything.
async fn ask_alone(
    pool: &PgPool,
    query: sqlx::query::Query<'_, Postgres, sqlx::postgres::PgArguments>,
) -> Result<sqlx::postgres::PgRow, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let answer = in_time(ANSWER_TIMEOUT, query.fetch_one(&mut *connection)).await;
    if answer.is_err() {
        connection.close_on_drop();
    }
    answer
}

impl Drop for PgTx {
    /// Takes back what was not committed. A connection on which that does not work is closed: it may be in the middle of
    /// anything, and its server does the same when it notices.
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            connection.close_on_drop();
            return;
        };
        runtime.spawn(async move {
            if in_time(ANSWER_TIMEOUT, connection.execute("ROLLBACK")).await.is_err() {
                connection.close_on_drop();
            }
        });
    }
}

/// Binds the arguments of a statement of PostgreSQL.
fn bind<'q>(sql: Sql, args: &'q [Arg<'_>]) -> sqlx::query::Query<'q, Postgres, sqlx::postgres::PgArguments> {
    let mut query = sqlx::query::<Postgres>(sql.pg);
    for arg in args {
        query = match arg {
            Arg::Text(value) => query.bind(value.as_deref()),
            Arg::Int(value) => query.bind(value),
        };
    }
    query
}

impl Tx {
    /// The engine.
    pub(crate) fn engine(&self) -> Engine {
        match self.0 {
            Inner::LiteRead(_) | Inner::LiteWrite(_) => Engine::Sqlite,
            Inner::Pg(..) => Engine::Postgres,
        }
    }

    /// Makes everything done in this transaction last.
    ///
    /// # Errors
    /// When the database did not confirm it. It may have been done all the same: the work must bear being repeated.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.0 {
            Inner::LiteRead(reading) => drop(reading),
            Inner::LiteWrite(member) => member.commit().await?,
            Inner::Pg(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// Runs a statement; returns how many rows it touched.
    pub(crate) async fn execute(&mut self, sql: Sql, args: &[Arg<'_>]) -> Result<u64, StoreError> {
        Ok(match &mut self.0 {
            Inner::LiteRead(reading) => sqlite::execute(reading.connection()?, sql.lite, args)?,
            Inner::LiteWrite(member) => sqlite::execute(member.connection()?, sql.lite, args)?,
            Inner::Pg(tx) => {
                let answer = in_time(tx.patience, bind(sql, args).execute(tx.connection()?)).await;
                tx.doubt.hear(answer)?.rows_affected()
            }
        })
    }

    /// Runs a query that gives at most one row.
    pub(crate) async fn maybe_one(&mut self, sql: Sql, args: &[Arg<'_>]) -> Result<Option<Row>, StoreError> {
        Ok(match &mut self.0 {
            Inner::LiteRead(_) | Inner::LiteWrite(_) => self.all(sql, args).await?.into_iter().next(),
            Inner::Pg(tx) => {
                let answer = in_time(tx.patience, bind(sql, args).fetch_optional(tx.connection()?)).await;
                tx.doubt.hear(answer)?.map(Row::Pg)
            }
        })
    }

    /// Runs a query that gives exactly one row.
    pub(crate) async fn one(&mut self, sql: Sql, args: &[Arg<'_>]) -> Result<Row, StoreError> {
        let row = self.maybe_one(sql, args).await?;
        row.ok_or_else(|| StoreError::Statement("a row that must be there is not".into()))
    }

    /// Runs a query that gives a bounded number of rows.
    pub(crate) async fn all(&mut self, sql: Sql, args: &[Arg<'_>]) -> Result<Vec<Row>, StoreError> {
        let connection = match &mut self.0 {
            Inner::LiteRead(reading) => reading.connection()?,
            Inner::LiteWrite(member) => member.connection()?,
            Inner::Pg(tx) => {
                let answer = in_time(tx.patience, bind(sql, args).fetch_all(tx.connection()?)).await;
                return Ok(tx.doubt.hear(answer)?.into_iter().map(Row::Pg).collect());
            }
        };
        Ok(sqlite::query(connection, sql.lite, args)?.into_iter().map(Row::Lite).collect())
    }
}
