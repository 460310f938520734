//! PostgreSQL: its connections, its transactions, and calls between processes.
//!
//! A pooler in transaction mode (PgBouncer, Supabase's port 6543) gives each transaction another connection, so nothing
//! is kept in a session: what a transaction needs is set in the message that begins it, a statement outside of a
//! transaction is one message, and statements are prepared by name only where a connection stays the same.

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

/// Connections per process unless the address says another number: enough to keep both cores of a small server busy, few
/// enough for several processes under the usual limit of 100.
const CONNECTIONS: usize = 18;
/// Listening takes a connection of its own: with fewer than these, workers poll.
const FEWEST_FOR_LISTENING: usize = 3;
/// How long PostgreSQL may take for a statement (RULES 9.5).
const STATEMENT_TIMEOUT: &str = "2s";
/// How long we wait for its answer: a server that has gone without a word says nothing, not even that it gave up, and
/// a commit that waits for a standby heeds no time-out of a statement.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(2_500);
/// The same for an operator's questions to whole tables.
const LONG_ANSWER_TIMEOUT: Duration = Duration::from_secs(605);
/// How long the start waits for a first connection: longer than other processes keep those that they do not use.
const START_PATIENCE: Duration = Duration::from_secs(12);
/// How long the start waits for a server that refuses connections.
const START_PATIENCE_REFUSED: Duration = Duration::from_secs(2);
const BETWEEN_TRIES: Duration = Duration::from_millis(250);
/// How often the start compares connections to find a pooler.
const COMPARISONS: usize = 3;

/// The channel on which the workers of every process are woken.
const WAKE_CHANNEL: &str = "postly_wake";

/// One message: what is to be known of a server. `instance_id` names this process in its wake-up calls.
const INTRODUCTION: &str = "SELECT current_setting('server_encoding') AS encoding, \
     current_setting('max_connections') AS most, current_setting('superuser_reserved_connections') AS reserved, \
     CAST(gen_random_uuid() AS TEXT) AS instance_id";

/// A server of PostgreSQL.
#[derive(Clone)]
pub(crate) struct Remote(Arc<Shared>);

struct Shared {
    pool: Pool,
    server: Server,
    /// The address for what needs a session, if there is one.
    listens_at: Option<PgConnectOptions>,
    direct: Option<Server>,
    begins: Begins,
    /// Statements get no names: the next transaction may have another connection.
    nameless: AtomicBool,
    instance_id: String,
}

/// The messages that begin transactions.
struct Begins {
    write: Arc<str>,
    read: Arc<str>,
    migrate: Arc<str>,
}

impl Begins {
    fn new(schema: Option<&str>) -> Self {
        let path = search_path(schema);
        let commit = if cfg!(feature = "mutant-m09") { "off" } else { "on" };
        let begin = |how: &str, statement_timeout: &str, idle_timeout: &str| -> Arc<str> {
            format!(
                "BEGIN ISOLATION LEVEL {how}; SET LOCAL statement_timeout = '{statement_timeout}'; \
                 SET LOCAL idle_in_transaction_session_timeout = '{idle_timeout}'; \
                 SET LOCAL synchronous_commit = '{commit}'{path}"
            )
            .into()
        };
        Self {
            // Named, because a role or a database may have another default: statements are written for this one, in which
            // one that waited for a row goes on with its newest version.
            write: begin("READ COMMITTED", STATEMENT_TIMEOUT, "10s"),
            read: begin("REPEATABLE READ READ ONLY", STATEMENT_TIMEOUT, "10s"),
            // A large table takes longer than a statement of the service may.
            migrate: begin("READ COMMITTED", "0", "0"),
        }
    }
}

/// A name as SQL writes it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Remote {
    /// Opens a server. `direct` is its address without the pooler.
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
                // Two processes at least find room on a small server.
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

    /// True if there is no connection to listen at, so that workers poll.
    pub(crate) fn polls(&self) -> bool {
        self.0.listens_at.is_none()
    }

    /// A connection to bring the schema up to date with, at the address without the pooler if there is one.
    pub(crate) async fn for_migrations(&self) -> Result<ForMigrations<'_>, OpenError> {
        let opened = match &self.0.direct {
            Some(direct) => first_connection(direct).await.map_err(OpenError::of_direct_url),
            None => first_connection(&self.0.server).await,
        };
        let (connection, _) = opened?;
        let schema = self.0.server.pooling.schema.as_deref();
        Ok(ForMigrations { connection, begin: Arc::clone(&self.0.begins.migrate), schema })
    }

    /// Runs statements in one transaction, at the address without the pooler if there is one.
    pub(crate) async fn run_script(
        &self,
        script: &'static str,
    ) -> Result<Result<(), sqlx::Error>, OpenError> {
        let ForMigrations { mut connection, begin, .. } = self.for_migrations().await?;
        let ran = async {
            sqlx::raw_sql(AssertSqlSafe(begin)).execute(&mut connection).await?;
            sqlx::raw_sql(script).execute(&mut connection).await?;
            sqlx::raw_sql("COMMIT").execute(&mut connection).await
        };
        let ran = ran.await.map(drop);
        // The server notices in any case.
        let _ = connection.close().await;
        Ok(ran)
    }

    /// The sentence for a failure of the schema.
    pub(crate) fn explain(&self, error: &sqlx::Error) -> OpenError {
        refusal::explain(error, self.0.direct.as_ref().unwrap_or(&self.0.server))
    }

    /// Runs a statement of one row by itself, as one message. A connection on which it fails is closed: it may be in the
    /// middle of anything.
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

    /// The time of the server, to the millisecond. Not asked behind the workers: an answer that had to wait tells little.
    pub(crate) async fn time(&self) -> Result<UnixMillis, StoreError> {
        const TIME: &str =
            "SELECT CAST(CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS TEXT)";
        let told: String = self.fetch_one_autocommit(Class::Urgent, TIME).await?.try_get(0)?;
        let millis = told.parse().map_err(|_| StoreError::Unreadable { column: "clock_timestamp" })?;
        Ok(UnixMillis(millis))
    }

    /// Calls the other processes.
    pub(crate) async fn wake_peers(&self) -> Result<(), StoreError> {
        // The instance_id is hexadecimal digits of the server's.
        let sql = format!("SELECT CAST(pg_notify('{WAKE_CHANNEL}', '{}') AS TEXT)", self.0.instance_id);
        self.fetch_one_autocommit(Class::Ordinary, AssertSqlSafe(sql)).await.map(drop)
    }

    /// Listens for the calls of other processes; `None` where only a pooler is there to listen to.
    pub(crate) async fn listen(&self) -> Result<Option<Wakeups>, StoreError> {
        let Some(options) = &self.0.listens_at else { return Ok(None) };
        if self.0.direct.is_none() && self.0.pool.is_short() {
            // Work needs the connection more than the workers' ears do: they poll meanwhile.
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

    /// Passes an outcome on, and draws its consequences for the other connections.
    fn hear<T>(&self, outcome: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        if let Err(error) = &outcome {
            if session::is_read_only(error) {
                // The server was demoted, and its other connections are as useless, however busy they are.
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

/// Opens a connection for one long transaction that reads: one state of the data, for as long as it takes.
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

/// The part of the message that begins a transaction which chooses a schema, if the address names one.
fn search_path(schema: Option<&str>) -> String {
    schema.map(|schema| format!("; SET LOCAL search_path TO {}", quoted(schema))).unwrap_or_default()
}

/// Opens a first connection and has the server introduce itself. Waits for a server that is starting, and for other
/// processes to give up connections that they do not use.
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
        // A try that has no time left would only say that it had none.
        if started.elapsed() + BETWEEN_TRIES * 2 >= waits_for {
            return Err(refusal::explain(&error, server));
        }
        if !std::mem::replace(&mut told, true) {
            tracing::warn!("{} gives no connection yet; waiting for it", server.host());
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
}

/// Finds out whether a pooler gives transactions other connections: two clients are then seen with one backend, or one
/// with two. A server that gives no second connection is no such pooler.
async fn is_pooled(first: &mut PgConnection, server: &Server) -> bool {
    let compared = async {
        let mut second = pool::open(&server.options).await?;
        let mut seen = (vec![], vec![]);
        for _ in 0..COMPARISONS {
            seen.0.push(backend(first).await?);
            seen.1.push(backend(&mut second).await?);
        }
        // The server notices in any case.
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

/// What migrations need.
pub(crate) struct ForMigrations<'a> {
    pub(crate) connection: PgConnection,
    /// The message that begins a transaction.
    pub(crate) begin: Arc<str>,
    /// The schema that is to be there.
    pub(crate) schema: Option<&'a str>,
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
    /// Fails if the connection is lost.
    pub async fn next(&mut self) -> Result<(), StoreError> {
        while self.listener.recv().await?.payload() == self.own {}
        Ok(())
    }
}

/// A transaction, each step of which is waited for no longer than its response timeout.
pub(crate) struct PgTx {
    response_timeout: Duration,
    /// `None` once it has ended.
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

    /// Asks for one row in one message. Values come as text.
    pub(crate) async fn ask(&mut self, sql: &'static str) -> Result<PgRow, sqlx::Error> {
        in_time(self.response_timeout, session::ask(self.connection()?, sql)).await
    }

    /// Lets statements take as long as they take: minutes.
    pub(crate) async fn be_patient(&mut self) -> Result<(), StoreError> {
        self.run("SET LOCAL statement_timeout = '10min'").await?;
        self.response_timeout = LONG_ANSWER_TIMEOUT;
        Ok(())
    }

    /// The same for a transaction that writes many rows, and that waits for another server between its statements.
    ///
    /// The check of a reference keeps the plan that was made for its first row. In a table of one page that plan reads all
    /// rows, and goes on doing so when there are thousands: three times as long for an import.
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
    /// Takes back what was not committed. A connection on which that does not work is closed: it may be in the middle of
    /// anything, and its server does the same when it notices.
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

/// Waits for an answer of the server, and not for ever.
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
