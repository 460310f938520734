//! SQLite: one connection writes (others read, see `readers`), and concurrent transactions share one commit.
//!
//! A statement runs on the calling thread: it takes microseconds, less than moving it to another thread.
//! Calls that may wait for the disk or for another process (a commit, a lock) run on a blocking thread.
//!
//! Each writing transaction is a savepoint inside one outer transaction. Its commit releases the savepoint,
//! and the next transaction in the queue continues in the same outer transaction. The first finished member
//! to reach the head of the queue commits the outer transaction for all. A transaction has committed only
//! when the outer one has: [`SavepointTx::commit`] waits for that. Dropping a transaction rolls back its own
//! savepoint and nothing else.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, Statement, config::DbConfig, types::Value};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use crate::{OpenError, StoreError, readers::Readers, sql::Arg};

/// The most transactions that share one commit: if it fails, all of them are retried.
const LARGEST_GROUP: usize = 64;
/// The longest wait of a transaction for another process that writes (an operator's command beside the
/// service).
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// More than the number of statements, so that each is prepared once per connection.
const STATEMENTS_KEPT: usize = 256;

/// Opens one connection. The folder must exist.
pub(crate) fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // A statement keeps its plan for all bound values: without this, each new time of day plans it anew.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(connection)
}

/// A row, copied out of its statement.
pub(crate) struct LiteRow {
    columns: Arc<[Box<str>]>,
    values: Vec<Value>,
}

impl LiteRow {
    /// Returns the value of a column.
    pub(crate) fn get(&self, column: &'static str) -> Result<&Value, StoreError> {
        self.columns
            .iter()
            .position(|name| **name == *column)
            .and_then(|index| self.values.get(index))
            .ok_or(StoreError::Unreadable { column })
    }
}

/// Binds `$1`, `$2` … by their number: SQLite itself treats them as names.
fn bind(statement: &mut Statement<'_>, args: &[Arg<'_>]) -> Result<(), rusqlite::Error> {
    for index in 1..=statement.parameter_count() {
        let number = statement.parameter_name(index).and_then(|name| name.get(1..)?.parse::<usize>().ok());
        let arg = number.and_then(|number| args.get(number.checked_sub(1)?));
        match arg.ok_or(rusqlite::Error::InvalidParameterCount(index, args.len()))? {
            Arg::Text(text) => statement.raw_bind_parameter(index, text.as_deref())?,
            Arg::Int(number) => statement.raw_bind_parameter(index, number)?,
        }
    }
    Ok(())
}

/// Runs a statement; returns the number of rows that it changed.
pub(crate) fn execute(connection: &Connection, sql: &str, args: &[Arg<'_>]) -> Result<u64, rusqlite::Error> {
    let mut statement = connection.prepare_cached(sql)?;
    bind(&mut statement, args)?;
    Ok(u64::try_from(statement.raw_execute()?).unwrap_or(u64::MAX))
}

/// Runs a query to its end and returns its rows.
pub(crate) fn query(
    connection: &Connection,
    sql: &str,
    args: &[Arg<'_>],
) -> Result<Vec<LiteRow>, rusqlite::Error> {
    let mut statement = connection.prepare_cached(sql)?;
    bind(&mut statement, args)?;
    let columns: Arc<[Box<str>]> = statement.column_names().into_iter().map(Box::from).collect();
    let mut rows = statement.raw_query();
    let mut found = vec![];
    while let Some(row) = rows.next()? {
        let values = (0..columns.len()).map(|index| row.get(index)).collect::<Result<_, _>>()?;
        found.push(LiteRow { columns: Arc::clone(&columns), values });
    }
    Ok(found)
}

/// The writing connection of an SQLite file.
#[derive(Clone)]
pub(crate) struct GroupWriter {
    line: Arc<Mutex<Writer>>,
    waiting: Arc<AtomicUsize>,
}

struct Writer {
    connection: Connection,
    /// True if the outer transaction is open.
    open: bool,
    /// Members with a released savepoint that wait for the outer commit.
    released: Vec<oneshot::Sender<Committed>>,
}

/// Opens the connection that writes and those that read. Creates the file if it is missing.
pub(crate) async fn open(path: &Path) -> Result<(GroupWriter, Readers), rusqlite::Error> {
    let owned = path.to_owned();
    let connection = tokio::task::spawn_blocking(move || {
        let connection = connect(&owned, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        // FULL: an acknowledged message survives a power cut. Rollback data of savepoints is kept in memory
        // instead of a file. The write-ahead log is copied into the file every 16 MiB instead of every 4:
        // pages that change often are then copied less often.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON; \
             PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 4096;",
        )?;
        // A lock held by another process is tried without waiting first, then on a blocking thread.
        connection.busy_timeout(Duration::ZERO)?;
        Ok::<_, rusqlite::Error>(connection)
    })
    .await
    .map_err(|_panic| rusqlite::Error::UnwindingPanic)??;
    let writer = Writer { connection, open: false, released: vec![] };
    let writer = GroupWriter { line: Arc::new(Mutex::new(writer)), waiting: Arc::new(AtomicUsize::new(0)) };
    Ok((writer, Readers::new(path)))
}

/// Runs a query on an existing file without changing the file.
pub(crate) async fn look_at<T: Send + 'static>(
    path: &Path,
    ask: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
) -> Result<T, rusqlite::Error> {
    let path = path.to_owned();
    let asked = tokio::task::spawn_blocking(move || ask(&connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?));
    asked.await.map_err(|_panic| rusqlite::Error::UnwindingPanic)?
}

/// Returns the message for a file that cannot be opened.
pub(crate) fn explain(error: &rusqlite::Error, name: &str) -> OpenError {
    match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen) if !Path::new(name).exists() => OpenError::fault(format!(
            "there is no database {name}: run `postly migrate` to make one, or name another in DATABASE_URL (a path that \
             does not begin with / counts from the folder of the command)"
        )),
        Some(ErrorCode::NotADatabase) => {
            OpenError::fault(format!("{name} is no SQLite database: name another file"))
        }
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => OpenError::fault(
            format!("{name} cannot be opened: let this user read and write the file and its folder"),
        ),
        _ => OpenError::passing(format!("{name} cannot be opened: {error}")),
    }
}

impl GroupWriter {
    /// Waits in the queue (first come, first served), and opens a savepoint at its head.
    pub(crate) async fn begin(&self, lock_timeout: Duration) -> Result<SavepointTx, StoreError> {
        let mut writer = {
            let _place = WaiterGuard::in_line(self);
            tokio::time::timeout(lock_timeout, Arc::clone(&self.line).lock_owned())
                .await
                .map_err(|_| StoreError::out_of_connections())?
        };
        let group = self.clone();
        if !writer.open {
            match writer.connection.execute_batch("BEGIN IMMEDIATE") {
                Ok(()) => writer.open = true,
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                    // If the caller is cancelled meanwhile, the member is dropped, which rolls back its
                    // savepoint.
                    return Ok(blocking(writer, |writer| Writer::begin_blocking(writer, group)).await??);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Writer::enter(writer, group)?)
    }

    /// Ends the outer transaction if no member is left to do it: an open one keeps other processes from
    /// writing.
    fn flush_if_idle(&self) {
        if self.waiting.load(Ordering::SeqCst) == 0
            && let Ok(writer) = Arc::clone(&self.line).try_lock_owned()
        {
            end_soon(writer);
        }
    }

    /// Runs work on the connection itself, outside of any transaction.
    pub(crate) async fn with_connection<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let writer = Arc::clone(&self.line).lock_owned().await;
        let work = move |mut writer: OwnedMutexGuard<Writer>| {
            writer.commit_group();
            writer.connection.busy_timeout(BUSY_TIMEOUT)?;
            let done = work(&mut writer.connection);
            writer.connection.busy_timeout(Duration::ZERO)?;
            done
        };
        blocking(writer, work).await?
    }
}

/// Runs work with the writing connection on a blocking thread. The work finishes even if the caller is
/// cancelled.
async fn blocking<T: Send + 'static>(
    writer: OwnedMutexGuard<Writer>,
    work: impl FnOnce(OwnedMutexGuard<Writer>) -> T + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(move || work(writer))
        .await
        .map_err(|lost| StoreError::Unavailable(lost.into()))
}

/// Counts a waiter in the queue until it is dropped.
struct WaiterGuard<'a>(&'a GroupWriter);

impl<'a> WaiterGuard<'a> {
    fn in_line(group: &'a GroupWriter) -> Self {
        group.waiting.fetch_add(1, Ordering::SeqCst);
        Self(group)
    }
}

impl Drop for WaiterGuard<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
        self.0.flush_if_idle();
    }
}

/// A member that has released its savepoint and waits for the commit. On drop it may have been the last.
struct Waiting<'a>(&'a GroupWriter);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.flush_if_idle();
    }
}

impl Writer {
    fn run(&self, sql: &str) -> Result<(), rusqlite::Error> {
        self.connection.prepare_cached(sql)?.raw_execute().map(drop)
    }

    /// Waits at most [`BUSY_TIMEOUT`] for another process that writes.
    fn begin_blocking(
        mut writer: OwnedMutexGuard<Self>,
        group: GroupWriter,
    ) -> Result<SavepointTx, rusqlite::Error> {
        writer.connection.busy_timeout(BUSY_TIMEOUT)?;
        let begun = writer.connection.execute_batch("BEGIN IMMEDIATE");
        if begun.is_err() {
            writer.connection.busy_timeout(Duration::ZERO)?;
        }
        writer.open = begun.is_ok();
        // Before any other call can fail: from here on, dropping the member cleans up.
        let member = begun.and_then(|()| Self::enter(writer, group))?;
        member.patience_ends()?;
        Ok(member)
    }

    /// Opens a savepoint inside the outer transaction.
    fn enter(mut writer: OwnedMutexGuard<Self>, group: GroupWriter) -> Result<SavepointTx, rusqlite::Error> {
        if let Err(error) = writer.run("SAVEPOINT member") {
            writer.give_up(&error.to_string());
            return Err(error);
        }
        Ok(SavepointTx { writer: Some(writer), group })
    }

    /// Rolls back the savepoint of a dropped member.
    fn take_back(&mut self) {
        if self.connection.execute_batch("ROLLBACK TO member; RELEASE member").is_err() {
            // SQLite has rolled back the outer transaction by itself (disk full, I/O error).
            self.give_up(ROLLED_BACK);
        }
    }

    /// Commits the outer transaction, and reports the result to its members.
    fn commit_group(&mut self) {
        if !self.open {
            return;
        }
        if let Err(error) = self.run("COMMIT") {
            self.give_up(&error.to_string());
            return;
        }
        self.open = false;
        for member in self.released.drain(..) {
            // A member that no longer waits has its data committed all the same.
            let _ = member.send(Ok(()));
        }
    }

    /// Rolls everything back, and reports the failure and its cause to every member.
    fn give_up(&mut self, cause: &str) {
        // If SQLite has rolled back by itself, nothing is left to roll back.
        let _ = self.connection.execute_batch("ROLLBACK");
        self.open = false;
        for member in self.released.drain(..) {
            let _ = member.send(Err(cause.to_owned()));
        }
    }
}

/// A transaction in the group.
pub(crate) struct SavepointTx {
    /// Held until the transaction ends; `None` afterwards.
    writer: Option<OwnedMutexGuard<Writer>>,
    group: GroupWriter,
}

impl SavepointTx {
    /// Returns the connection, inside the savepoint.
    pub(crate) fn connection(&self) -> Result<&Connection, StoreError> {
        self.writer.as_ref().map(|writer| &writer.connection).ok_or_else(|| not_committed(ROLLED_BACK))
    }

    /// Resets the busy timeout: the next member must not wait for another process on a thread of the runtime.
    fn patience_ends(&self) -> Result<(), rusqlite::Error> {
        match &self.writer {
            Some(writer) => writer.connection.busy_timeout(Duration::ZERO),
            None => Ok(()),
        }
    }

    /// Commits. Returns once the outer transaction is on disk.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        let Some(writer) = self.writer.as_mut() else { return Err(not_committed(ROLLED_BACK)) };
        writer.run("RELEASE member")?;
        let (sender, mut committed) = oneshot::channel();
        writer.released.push(sender);
        let nobody_waits = self.group.waiting.load(Ordering::SeqCst) == 0;
        let full = writer.released.len() >= LARGEST_GROUP;
        let writer = self.writer.take();
        if let Some(writer) = writer.filter(|_| nobody_waits || full) {
            commit_group(writer).await?;
        } else {
            let _waiting = Waiting(&self.group);
            // Queues behind the current waiters, so that they join the same group. The first member of the
            // group that reaches the head of the queue commits for all.
            tokio::select! {
                biased;
                result = &mut committed => {
                    return result.unwrap_or_else(|_| Err(ROLLED_BACK.to_owned())).map_err(|cause| not_committed(&cause));
                }
                writer = Arc::clone(&self.group.line).lock_owned() => commit_group(writer).await?,
            }
        }
        committed
            .try_recv()
            .unwrap_or_else(|_| Err(ROLLED_BACK.to_owned()))
            .map_err(|cause| not_committed(&cause))
    }
}

/// The outcome of the outer commit: done, or SQLite's reason against it.
type Committed = Result<(), String>;

const ROLLED_BACK: &str = "SQLite rolled it back";

fn not_committed(cause: &str) -> StoreError {
    StoreError::Unavailable(format!("the transactions it was committed with failed: {cause}").into())
}

async fn commit_group(writer: OwnedMutexGuard<Writer>) -> Result<(), StoreError> {
    blocking(writer, |mut writer| writer.commit_group()).await
}

impl Drop for SavepointTx {
    /// Rolls back the savepoint, and ends the outer transaction if the queue is empty: an open one keeps
    /// other processes from writing.
    fn drop(&mut self) {
        let Some(mut writer) = self.writer.take() else { return };
        writer.take_back();
        if self.group.waiting.load(Ordering::SeqCst) == 0 {
            end_soon(writer);
        }
    }
}

/// Ends the outer transaction, if there is one, on a blocking thread.
fn end_soon(mut writer: OwnedMutexGuard<Writer>) {
    if !writer.open {
        return;
    }
    if writer.released.is_empty() {
        writer.give_up(ROLLED_BACK);
    } else if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn_blocking(move || writer.commit_group());
    } else {
        writer.commit_group();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    async fn writer(name: &str) -> (GroupWriter, PathBuf) {
        let path = std::env::temp_dir().join(format!("postly-group-{name}-{}.db", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let (writer, _) = open(&path).await.unwrap();
        let made = writer.with_connection(|connection| {
            Ok(connection.execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY)")?)
        });
        made.await.unwrap();
        (writer, path)
    }

    async fn insert(writer: &GroupWriter, n: i64) -> SavepointTx {
        let member = writer.begin(Duration::from_secs(5)).await.unwrap();
        execute(member.connection().unwrap(), "INSERT INTO t VALUES ($1)", &[Arg::from(n)]).unwrap();
        member
    }

    /// Counts the rows that another connection sees: only those committed.
    fn seen(path: &Path, condition: &str) -> i64 {
        let other = Connection::open(path).unwrap();
        other.query_row(&format!("SELECT COUNT(*) FROM t WHERE {condition}"), [], |row| row.get(0)).unwrap()
    }

    async fn somebody_waits(writer: &GroupWriter) {
        while writer.waiting.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_commit_is_seen_by_others_when_it_returns() {
        let (writer, path) = writer("seen").await;
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..200 {
            let (writer, path) = (writer.clone(), path.clone());
            tasks.spawn(async move {
                insert(&writer, n).await.commit().await.unwrap();
                assert_eq!(seen(&path, &format!("n = {n}")), 1);
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        std::fs::remove_file(path).unwrap();
    }

    #[tokio::test]
    async fn who_drops_out_takes_only_its_own_back_and_leaves_the_file_free() {
        let (writer, path) = writer("dropped").await;
        let first = insert(&writer, 1).await;
        // The second waits in the queue, so the first does not commit alone.
        let other = writer.clone();
        let second = tokio::spawn(async move { drop(insert(&other, 2).await) });
        somebody_waits(&writer).await;
        first.commit().await.unwrap();
        second.await.unwrap();
        drop(insert(&writer, 3).await);
        assert_eq!(seen(&path, "1 = 1"), 1);
        // Another process can write now.
        Connection::open(&path).unwrap().execute_batch("INSERT INTO t VALUES (4)").unwrap();
        std::fs::remove_file(path).unwrap();
    }

    #[tokio::test]
    async fn a_statement_that_fails_does_not_fail_the_others() {
        let (writer, path) = writer("failed").await;
        insert(&writer, 1).await.commit().await.unwrap();
        let member = writer.begin(Duration::from_secs(5)).await.unwrap();
        let twice = execute(member.connection().unwrap(), "INSERT INTO t VALUES (1)", &[]);
        assert!(twice.is_err());
        drop(member);
        insert(&writer, 2).await.commit().await.unwrap();
        assert_eq!(seen(&path, "1 = 1"), 2);
        std::fs::remove_file(path).unwrap();
    }

    #[tokio::test]
    async fn a_lost_outer_transaction_is_told_to_everyone_in_it_and_then_forgotten() {
        let (writer, path) = writer("lost").await;
        let first = insert(&writer, 1).await;
        let other = writer.clone();
        let second = tokio::spawn(async move {
            let member = insert(&other, 2).await;
            // SQLite does the same by itself when the disk is full.
            member.connection().unwrap().execute_batch("ROLLBACK").unwrap();
            member.commit().await.is_err()
        });
        somebody_waits(&writer).await;
        assert!(first.commit().await.is_err());
        assert!(second.await.unwrap());
        insert(&writer, 3).await.commit().await.unwrap();
        assert_eq!(seen(&path, "1 = 1"), 1);
        std::fs::remove_file(path).unwrap();
    }

    #[tokio::test]
    async fn another_process_that_writes_is_waited_for() {
        let (writer, path) = writer("waits").await;
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (1)").unwrap();
        let waiting = {
            let writer = writer.clone();
            tokio::spawn(async move { insert(&writer, 2).await.commit().await })
        };
        while writer.line.try_lock().is_ok() {
            tokio::task::yield_now().await;
        }
        other.execute_batch("COMMIT").unwrap();
        waiting.await.unwrap().unwrap();
        assert_eq!(seen(&path, "1 = 1"), 2);
        std::fs::remove_file(path).unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_gives_up_waiting_for_another_process_leaves_the_file_as_it_was() {
        let (writer, path) = writer("gave-up").await;
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (1)").unwrap();
        let waiting = {
            let writer = writer.clone();
            tokio::spawn(async move { drop(insert(&writer, 2).await) })
        };
        while writer.line.try_lock().is_ok() {
            tokio::task::yield_now().await;
        }
        waiting.abort();
        assert!(waiting.await.is_err());
        other.execute_batch("COMMIT").unwrap();
        // The lock becomes free once the cancelled caller's transaction is rolled back.
        drop(writer.line.lock().await);
        other.execute_batch("INSERT INTO t VALUES (3)").unwrap();
        insert(&writer, 4).await.commit().await.unwrap();
        assert_eq!(seen(&path, "1 = 1"), 3);
        std::fs::remove_file(path).unwrap();
    }

    #[tokio::test]
    async fn when_the_last_to_wait_goes_away_the_file_is_free() {
        let (writer, path) = writer("last").await;
        let first = insert(&writer, 1).await;
        let other = writer.clone();
        let second = tokio::spawn(async move { insert(&other, 2).await.commit().await });
        somebody_waits(&writer).await;
        // The first has released its savepoint and waits; the second is next in the queue and is aborted
        // before it runs.
        let mut commit = Box::pin(first.commit());
        let begun = std::future::poll_fn(|context| std::task::Poll::Ready(commit.as_mut().poll(context)));
        assert!(begun.await.is_pending());
        second.abort();
        drop(commit);
        assert!(second.await.is_err());
        let other = Connection::open(&path).unwrap();
        other.busy_timeout(BUSY_TIMEOUT).unwrap();
        other.execute_batch("INSERT INTO t VALUES (3)").unwrap();
        assert_eq!(seen(&path, "n <> 2"), 2);
        std::fs::remove_file(path).unwrap();
    }
}
