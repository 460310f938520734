//! PostgreSQL: connections, transactions, and wake-up calls between processes.
//!
//! A pooler in transaction mode (PgBouncer, Supabase's port 6543) gives each transaction another connection,
//! so nothing is kept in a session: the message that begins a transaction makes all its settings, a statement
//! outside of a transaction is one message, and statements are prepared by name only if a connection stays
//! the same.

mod pool;
mod refusal;
mod session;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use postly_domain::UnixMillis;
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, Row as _,
    postgres::{PgConnectOptions, PgConnection, PgListener, PgPoolOptions, PgRow, Postgres},
};

pub(crate) use pool::Class;
use pool::{Bounds, Lent, Pool};

use crate::{
    OpenError, StoreError,
    address::Server,
    sql::{Arg, Sql},
};

/// Connections per process unless the address says another number: enough to keep both cores of a small
/// server busy, few enough for several processes under the usual limit of 100.
const CONNECTIONS: usize = 18;
/// Listening takes a connection of its own: with fewer than these, workers poll.
const FEWEST_FOR_LISTENING: usize = 3;
/// The limit on a statement in PostgreSQL (RULES 9.5).
const STATEMENT_TIMEOUT: &str = "2s";
/// The limit on our wait for an answer. A server that has vanished does not report its own time-out, and a
/// commit that waits for a standby ignores the statement time-out.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(2_500);
/// The same limit for an operator's queries of whole tables.
const LONG_ANSWER_TIMEOUT: Duration = Duration::from_secs(605);
/// The longest wait for a first connection at start: longer than other processes keep idle connections.
const START_PATIENCE: Duration = Duration::from_secs(12);
/// The longest wait at start for a server that refuses connections.
const START_PATIENCE_REFUSED: Duration = Duration::from_secs(2);
const BETWEEN_TRIES: Duration = Duration::from_millis(250);
/// The number of comparisons by which the start detects a pooler.
const COMPARISONS: usize = 3;

/// The channel of wake-up calls to the workers of every process.
const WAKE_CHANNEL: &str = "postly_wake";

/// Reads the facts about a server in one message. `instance_id` names this process in its wake-up calls.
const INTRODUCTION: &str = "SELECT current_setting('server_encoding') AS encoding, \
     current_setting('max_connections') AS most, current_setting('superuser_reserved_connections') AS reserved, \
     CAST(gen_random_uuid() AS TEXT) AS instance_id";

/// A PostgreSQL server.
#[derive(Clone)]
pub(crate) struct Remote(Arc<Shared>);

struct Shared {
    pool: Pool,
    server: Server,
    /// The address at which a session persists, if there is one.
    listens_at: Option<PgConnectOptions>,
    direct: Option<Server>,
    begins: Begins,
    /// True if statements get no names: the next transaction may have another connection.
    nameless: AtomicBool,
    instance_id: String,
}

/// The messages that begin transactions.
struct Begins {
    write: Arc<str>,
    read: Arc<str>,
    unlimited: Arc<str>,
}

impl Begins {
    fn new(schema: Option<&str>) -> Self {
        let path = search_path(schema);
        let begin = |how: &str, statement_timeout: &str, idle_timeout: &str| -> Arc<str> {
            format!(
                "BEGIN ISOLATION LEVEL {how}; SET LOCAL statement_timeout = '{statement_timeout}'; \
                 SET LOCAL idle_in_transaction_session_timeout = '{idle_timeout}'; \
                 SET LOCAL synchronous_commit = 'on'{path}"
            )
            .into()
        };
        Self {
            // Set explicitly, because a role or a database may have another default. The statements rely on
            // READ COMMITTED: after waiting for a row, a statement continues with the row's newest version.
            write: begin("READ COMMITTED", STATEMENT_TIMEOUT, "10s"),
            read: begin("REPEATABLE READ READ ONLY", STATEMENT_TIMEOUT, "10s"),
            // The script of an import exceeds the service's limit on a statement.
            unlimited: begin("READ COMMITTED", "0", "0"),
        }
    }
}

/// Quotes an identifier for SQL.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Remote {
    /// Connects to a server. `direct` is its address without the pooler.
    pub(crate) async fn open(server: Server, direct: Option<Server>) -> Result<Self, OpenError> {
        let (connection, introduction) = first_connection(&server).await?;
        let text = |column| introduction.try_get::<String, _>(column).unwrap_or_default();
        let encoding = text("encoding");
        if encoding != "UTF8" {
            return Err(OpenError::fault(format!(
                "the database {} has the encoding {encoding}, which does not hold every language: make another one \
                 with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0",
                server.name()
            )));
        }
        let mut connection = connection;
        let pooled = match server.pooling.transactions {
            Some(declared) => declared,
            None => is_pooled(&mut connection, &server).await,
        };
        let most = server.pooling.connection_limit.map_or_else(
            || {
                // At least two processes fit on a small server.
                let number = |column| text(column).parse::<usize>().unwrap_or(CONNECTIONS * 2);
                let given = number("most").saturating_sub(number("reserved")) / 2;
                CONNECTIONS.min(given.max(2))
            },
            |limit| usize::try_from(limit).unwrap_or(CONNECTIONS),
        );
        let listens_at = match &direct {
            Some(direct) => Some(direct.options.clone()),
            None if pooled || most < FEWEST_FOR_LISTENING => None,
            None => Some(server.options.clone()),
        };
        // A listener at the same server uses one of the allowed connections.
        let listeners = usize::from(
            direct.is_none() && listens_at.is_some() && server.pooling.connection_limit.is_some(),
        );
        let bounds = Bounds {
            most: most - listeners,
            acquire: server.pooling.pool_timeout,
            connect: server.pooling.connect_timeout,
        };
        let options = server.options.clone().statement_cache_capacity(server.pooling.statements);
        let pool = Pool::new(options, bounds);
        pool.adopt(connection);
        tracing::debug!(pooled, connections = bounds.most, "Opened PostgreSQL");
        Ok(Self(Arc::new(Shared {
            pool,
            begins: Begins::new(server.pooling.schema.as_deref()),
            nameless: AtomicBool::new(pooled || server.pooling.statements == 0),
            server,
            direct,
            listens_at,
            instance_id: text("instance_id"),
        })))
    }

    pub(crate) async fn write(&self, class: Class) -> Result<PgTx, StoreError> {
        self.begin(class, &self.0.begins.write).await
    }

    pub(crate) async fn read(&self) -> Result<PgTx, StoreError> {
        self.begin(Class::Ordinary, &self.0.begins.read).await
    }

    async fn begin(&self, class: Class, message: &Arc<str>) -> Result<PgTx, StoreError> {
        let lent = self.0.pool.acquire(class).await?;
        let mut tx = PgTx { response_timeout: ANSWER_TIMEOUT, lent: Some(lent), remote: self.clone() };
        tx.run(AssertSqlSafe(Arc::clone(message))).await?;
        Ok(tx)
    }

    /// True if there is no session to listen on, so that workers poll.
    pub(crate) fn polls(&self) -> bool {
        self.0.listens_at.is_none()
    }

    /// Opens a connection that creates tables, at the address without the pooler if there is one.
    pub(crate) async fn for_creation(&self) -> Result<ForCreation<'_>, OpenError> {
        let opened = match &self.0.direct {
            Some(direct) => first_connection(direct).await.map_err(OpenError::of_direct_url),
            None => first_connection(&self.0.server).await,
        };
        let (connection, _) = opened?;
        let schema = self.0.server.pooling.schema.as_deref();
        Ok(ForCreation { connection, begin: Arc::clone(&self.0.begins.unlimited), schema })
    }

    /// Runs statements in one transaction, at the address without the pooler if there is one.
    pub(crate) async fn run_script(
        &self,
        script: &'static str,
    ) -> Result<Result<(), sqlx::Error>, OpenError> {
        let ForCreation { mut connection, begin, .. } = self.for_creation().await?;
        let ran = async {
            sqlx::raw_sql(AssertSqlSafe(begin)).execute(&mut connection).await?;
            sqlx::raw_sql(script).execute(&mut connection).await?;
            sqlx::raw_sql("COMMIT").execute(&mut connection).await
        };
        let ran = ran.await.map(drop);
        // The server detects the closed connection in any case.
        let _ = connection.close().await;
        Ok(ran)
    }

    /// Returns the message for a failed creation of tables.
    pub(crate) fn explain(&self, error: &sqlx::Error) -> OpenError {
        refusal::explain(error, self.0.direct.as_ref().unwrap_or(&self.0.server))
    }

    /// Runs a statement of one row by itself, as one message. Closes the connection if the statement fails,
    /// because its state is unknown.
    async fn fetch_one_autocommit(
        &self,
        class: Class,
        sql: impl sqlx::SqlSafeStr + Send + 'static,
    ) -> Result<PgRow, StoreError> {
        let mut lent = self.0.pool.acquire(class).await?;
        let answer = in_time(ANSWER_TIMEOUT, sqlx::raw_sql(sql).fetch_one(lent.connection()?)).await;
        if answer.is_err() {
            lent.discard();
        }
        self.hear(answer)
    }

    /// Returns the time of the server, to the millisecond. Does not queue behind the workers: a delayed
    /// answer is of little use.
    pub(crate) async fn time(&self) -> Result<UnixMillis, StoreError> {
        const TIME: &str =
            "SELECT CAST(CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS TEXT)";
        let told: String = self.fetch_one_autocommit(Class::Urgent, TIME).await?.try_get(0)?;
        let millis = told.parse().map_err(|_| StoreError::Unreadable { column: "clock_timestamp" })?;
        Ok(UnixMillis(millis))
    }

    /// Sends a wake-up call to the other processes.
    pub(crate) async fn wake_peers(&self) -> Result<(), StoreError> {
        // `instance_id` consists of hexadecimal digits chosen by the server.
        let sql = format!("SELECT CAST(pg_notify('{WAKE_CHANNEL}', '{}') AS TEXT)", self.0.instance_id);
        self.fetch_one_autocommit(Class::Ordinary, AssertSqlSafe(sql)).await.map(drop)
    }

    /// Listens for the wake-up calls of other processes; `None` if the server can be reached only through a
    /// pooler.
    pub(crate) async fn listen(&self) -> Result<Option<Wakeups>, StoreError> {
        let Some(options) = &self.0.listens_at else { return Ok(None) };
        if self.0.direct.is_none() && self.0.pool.is_short() {
            // Transactions need the connection more than the listener does: workers poll meanwhile.
            return Err(StoreError::out_of_connections());
        }
        let one = PgPoolOptions::new().max_connections(1).acquire_timeout(ANSWER_TIMEOUT);
        let mut listener = PgListener::connect_with(&one.connect_lazy_with(options.clone())).await?;
        listener.listen(WAKE_CHANNEL).await?;
        Ok(Some(Wakeups { listener, own: self.0.instance_id.clone() }))
    }

    pub(crate) async fn close(&self) {
        self.0.pool.close().await;
    }

    /// Passes an outcome on. An error can also invalidate the other connections.
    fn hear<T>(&self, outcome: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        if let Err(error) = &outcome {
            if session::is_read_only(error) {
                // The server was demoted: its other connections cannot write either, however busy they are.
                self.0.pool.raise_doubt();
            } else if session::is_prepared_elsewhere(error) && !self.0.nameless.swap(true, Ordering::Relaxed)
            {
                tracing::warn!(
                    "A pooler changes the connection between transactions; preparing nothing by name from now on"
                );
                self.0.pool.renew();
            }
        }
        Ok(outcome?)
    }
}

/// Opens a connection for one long read transaction on one snapshot of the data, without a limit on its
/// duration.
pub(crate) async fn begin_snapshot(server: &Server) -> Result<PgConnection, OpenError> {
    let (mut connection, _) = first_connection(server).await?;
    let path = search_path(server.pooling.schema.as_deref());
    let begin = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0; \
         SET LOCAL idle_in_transaction_session_timeout = 0{path}"
    );
    let begun = sqlx::raw_sql(AssertSqlSafe(begin)).execute(&mut connection).await;
    begun.map_err(|error| refusal::explain(&error, server))?;
    Ok(connection)
}

/// Returns the statement that sets the schema at the start of a transaction, if the address names one.
fn search_path(schema: Option<&str>) -> String {
    schema.map(|schema| format!("; SET LOCAL search_path TO {}", quoted(schema))).unwrap_or_default()
}

/// Opens a first connection and reads the facts about the server. Waits for a server that is starting, and
/// for other processes to close idle connections.
async fn first_connection(server: &Server) -> Result<(PgConnection, PgRow), OpenError> {
    let options = server.options.clone().statement_cache_capacity(server.pooling.statements);
    let started = Instant::now();
    let mut told = false;
    loop {
        let response_timeout = START_PATIENCE.saturating_sub(started.elapsed());
        let attempt = async {
            let mut connection = pool::open(&options).await?;
            let introduction = session::ask(&mut connection, INTRODUCTION).await?;
            Ok((connection, introduction))
        };
        let error = match in_time(response_timeout, attempt).await {
            Ok(opened) => return Ok(opened),
            Err(error) => error,
        };
        let waits_for = if session::is_out_of_room(&error) {
            START_PATIENCE
        } else if session::may_pass_soon(&error) {
            START_PATIENCE_REFUSED
        } else {
            Duration::ZERO
        };
        // With no time left, a further try would only report a time-out.
        if started.elapsed() + BETWEEN_TRIES * 2 >= waits_for {
            return Err(refusal::explain(&error, server));
        }
        if !std::mem::replace(&mut told, true) {
            tracing::warn!("{} gives no connection yet; waiting for it", server.host());
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
}

/// True if a pooler gives transactions other connections: then two clients share one backend, or one client
/// sees two. A server that gives no second connection is no such pooler.
async fn is_pooled(first: &mut PgConnection, server: &Server) -> bool {
    let compared = async {
        let mut second = pool::open(&server.options).await?;
        let mut seen = (vec![], vec![]);
        for _ in 0..COMPARISONS {
            seen.0.push(backend(first).await?);
            seen.1.push(backend(&mut second).await?);
        }
        // The server detects the closed connection in any case.
        let _ = second.close().await;
        let changes = |seen: &[String]| seen.windows(2).any(|pair| pair.first() != pair.last());
        let is_shared = seen.0.iter().any(|backend| seen.1.contains(backend));
        Ok(is_shared || changes(&seen.0) || changes(&seen.1))
    };
    in_time(server.pooling.connect_timeout, compared).await.unwrap_or(false)
}

async fn backend(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    session::ask(connection, "SELECT CAST(pg_backend_pid() AS TEXT)").await?.try_get(0)
}

/// The connection and settings for the creation of tables.
pub(crate) struct ForCreation<'a> {
    pub(crate) connection: PgConnection,
    /// The message that begins a transaction.
    pub(crate) begin: Arc<str>,
    /// The schema that must exist.
    pub(crate) schema: Option<&'a str>,
}

/// Wake-up calls of other processes.
pub struct Wakeups {
    listener: PgListener,
    own: String,
}

impl Wakeups {
    /// Waits for the next wake-up call of another process.
    ///
    /// # Errors Fails if the connection is lost.
    pub async fn next(&mut self) -> Result<(), StoreError> {
        while self.listener.recv().await?.payload() == self.own {}
        Ok(())
    }
}

/// A transaction. Each step waits at most its response timeout for the server.
pub(crate) struct PgTx {
    response_timeout: Duration,
    /// `None` once the transaction has ended.
    lent: Option<Lent>,
    remote: Remote,
}

impl PgTx {
    fn connection(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        self.lent.as_mut().ok_or(sqlx::Error::PoolClosed)?.connection()
    }

    async fn run(&mut self, sql: impl sqlx::SqlSafeStr + Send + 'static) -> Result<(), StoreError> {
        let answer = in_time(self.response_timeout, sqlx::raw_sql(sql).execute(self.connection()?)).await;
        self.remote.hear(answer).map(drop)
    }

    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        self.run("COMMIT").await?;
        self.lent = None;
        Ok(())
    }

    /// Queries one row in one message. Values come as text.
    pub(crate) async fn ask(&mut self, sql: &'static str) -> Result<PgRow, sqlx::Error> {
        in_time(self.response_timeout, session::ask(self.connection()?, sql)).await
    }

    /// Raises the limits on statements to minutes.
    pub(crate) async fn be_patient(&mut self) -> Result<(), StoreError> {
        self.run("SET LOCAL statement_timeout = '10min'").await?;
        self.response_timeout = LONG_ANSWER_TIMEOUT;
        Ok(())
    }

    /// Raises the limits as [`PgTx::be_patient`] does, for a transaction that writes many rows and waits for
    /// another server between its statements.
    ///
    /// A foreign-key check keeps the plan that was made for its first row. In a table of one page that plan
    /// is a sequential scan, and it stays one when the table has thousands of rows: an import then takes
    /// three times as long.
    pub(crate) async fn be_patient_in_bulk(&mut self) -> Result<(), StoreError> {
        self.be_patient().await?;
        self.run("SET LOCAL idle_in_transaction_session_timeout = '10min'; SET LOCAL enable_seqscan = off")
            .await
    }

    /// Runs a `COPY ... FROM STDIN` with its data in PostgreSQL's text format.
    pub(crate) async fn copy(&mut self, statement: &'static str, data: &[u8]) -> Result<u64, StoreError> {
        let (response_timeout, connection) = (self.response_timeout, self.connection()?);
        let copied = async {
            let mut copy = connection.copy_in_raw(statement).await?;
            copy.send(data).await?;
            copy.finish().await
        };
        let answer = in_time(response_timeout, copied).await;
        self.remote.hear(answer)
    }

    pub(crate) async fn execute(&mut self, sql: Sql, args: &[Arg<'_>]) -> Result<u64, StoreError> {
        let (response_timeout, query) = (self.response_timeout, self.bind(sql, args));
        let answer = in_time(response_timeout, query.execute(self.connection()?)).await;
        Ok(self.remote.hear(answer)?.rows_affected())
    }

    pub(crate) async fn maybe_one(
        &mut self,
        sql: Sql,
        args: &[Arg<'_>],
    ) -> Result<Option<PgRow>, StoreError> {
        let (response_timeout, query) = (self.response_timeout, self.bind(sql, args));
        let answer = in_time(response_timeout, query.fetch_optional(self.connection()?)).await;
        self.remote.hear(answer)
    }

    pub(crate) async fn all(&mut self, sql: Sql, args: &[Arg<'_>]) -> Result<Vec<PgRow>, StoreError> {
        let (response_timeout, query) = (self.response_timeout, self.bind(sql, args));
        let answer = in_time(response_timeout, query.fetch_all(self.connection()?)).await;
        self.remote.hear(answer)
    }

    /// Binds the arguments of a statement.
    fn bind<'q>(
        &self,
        sql: Sql,
        args: &'q [Arg<'_>],
    ) -> sqlx::query::Query<'q, Postgres, sqlx::postgres::PgArguments> {
        let mut query =
            sqlx::query::<Postgres>(sql.pg).persistent(!self.remote.0.nameless.load(Ordering::Relaxed));
        for arg in args {
            query = match arg {
                Arg::Text(value) => query.bind(value.as_deref()),
                Arg::Int(value) => query.bind(value),
            };
        }
        query
    }
}

impl Drop for PgTx {
    /// Rolls back an uncommitted transaction. If that fails, closes the connection, because its state is
    /// unknown; the server rolls back when it detects the close.
    fn drop(&mut self) {
        let Some(mut lent) = self.lent.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            lent.discard();
            return;
        };
        runtime.spawn(async move {
            let rolled_back = match lent.connection() {
                Ok(connection) => in_time(ANSWER_TIMEOUT, connection.execute("ROLLBACK")).await.is_ok(),
                Err(_) => false,
            };
            if !rolled_back {
                lent.discard();
            }
        });
    }
}

/// Waits for an answer of the server, at most `response_timeout`.
async fn in_time<T>(
    response_timeout: Duration,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    match tokio::time::timeout(response_timeout, answer).await {
        Ok(answer) => answer,
        Err(late) => Err(sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, late))),
    }
}

#[cfg(test)]
mod tests;
