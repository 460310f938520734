//! SQLite's one writer, shared: transactions that meet at the door commit together, and share one sync of the disk.
//!
//! Each transaction is a savepoint inside one outer transaction. When it commits, its savepoint is released and the
//! next in line goes on within the same outer transaction; whoever then comes first to an empty line commits the outer
//! one for all. A transaction has committed only when the outer one has: [`Member::commit`] waits for that. A
//! transaction that is dropped takes back its own savepoint and nothing else.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sqlx::{Connection as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use crate::StoreError;

/// The writing connection of an SQLite file.
#[derive(Clone)]
pub(crate) struct GroupWriter {
    line: Arc<Mutex<Writer>>,
    waiting: Arc<AtomicUsize>,
}

impl std::fmt::Debug for GroupWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GroupWriter").finish_non_exhaustive()
    }
}

/// The most transactions that share one commit: what is lost together if the commit fails is tried again together.
const LARGEST_GROUP: usize = 64;

struct Writer {
    connection: SqliteConnection,
    /// Whether the outer transaction is open.
    open: bool,
    /// Whether somebody went away without an end: what is left of it must be taken back first.
    abandoned: bool,
    /// Members whose savepoints are released, and who wait for the outer commit.
    released: Vec<oneshot::Sender<Result<(), ()>>>,
}

impl GroupWriter {
    pub(crate) async fn open(options: &SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let connection = SqliteConnection::connect_with(options).await?;
        let writer = Writer { connection, open: false, abandoned: false, released: vec![] };
        Ok(Self { line: Arc::new(Mutex::new(writer)), waiting: Arc::new(AtomicUsize::new(0)) })
    }

    /// Joins the line, which is first come, first served, and opens a savepoint at its head.
    pub(crate) async fn begin(&self, patience: Duration) -> Result<Member, StoreError> {
        let mut writer = {
            let _place = Place::in_line(&self.waiting);
            tokio::time::timeout(patience, Arc::clone(&self.line).lock_owned())
                .await
                .map_err(|_| StoreError::Unavailable(sqlx::Error::PoolTimedOut))?
        };
        writer.settle_abandoned().await;
        let was_open = std::mem::replace(&mut writer.open, true);
        // From here on there may be something to take back, also when this future is dropped half-way.
        writer.abandoned = true;
        if !was_open && let Err(error) = writer.connection.execute("BEGIN IMMEDIATE").await {
            writer.open = false;
            writer.abandoned = false;
            return Err(error.into());
        }
        writer.connection.execute("SAVEPOINT member").await?;
        Ok(Member { writer: Some(writer), group: self.clone() })
    }

    /// The connection itself, outside of any transaction, for migrations.
    pub(crate) async fn alone(&self) -> Alone {
        let mut writer = Arc::clone(&self.line).lock_owned().await;
        writer.settle_abandoned().await;
        writer.commit_group().await;
        Alone(writer)
    }
}

/// The writing connection, while nobody else may write.
pub(crate) struct Alone(OwnedMutexGuard<Writer>);

impl Alone {
    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.0.connection
    }
}

/// Counts itself in the line for as long as it lives, also when it is given up.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn in_line(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::SeqCst);
        Self(waiting)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Writer {
    /// Takes back the savepoint of a member that went away.
    async fn settle_abandoned(&mut self) {
        if std::mem::take(&mut self.abandoned)
            && self.connection.execute("ROLLBACK TO member; RELEASE member").await.is_err()
        {
            // SQLite has given up the outer transaction by itself (disk full, I/O error), or never got to the savepoint.
            self.give_up().await;
        }
    }

    /// Commits the outer transaction, and tells everyone in it.
    async fn commit_group(&mut self) {
        if !self.open {
            return;
        }
        // Should this future be dropped half-way, the next in line cannot know how the commit ended.
        self.abandoned = true;
        let committed = self.connection.execute("COMMIT").await;
        self.abandoned = false;
        if committed.is_err() {
            self.give_up().await;
            return;
        }
        self.open = false;
        for member in self.released.drain(..) {
            // A member that does not wait any more has its data in all the same.
            let _ = member.send(Ok(()));
        }
    }

    /// Rolls everything back, and tells everyone that it did not happen.
    async fn give_up(&mut self) {
        // When SQLite has rolled back by itself there is nothing left to roll back.
        let _ = self.connection.execute("ROLLBACK").await;
        self.open = false;
        for member in self.released.drain(..) {
            let _ = member.send(Err(()));
        }
    }
}

/// A transaction in the group.
pub(crate) struct Member {
    /// Held until the end; `None` afterwards.
    writer: Option<OwnedMutexGuard<Writer>>,
    group: GroupWriter,
}

impl Member {
    /// The connection, inside the savepoint.
    pub(crate) fn connection(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        self.writer.as_mut().map(|writer| &mut writer.connection).ok_or(sqlx::Error::WorkerCrashed)
    }

    /// Commits: returns when the outer transaction is on the disk.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        let failed = || StoreError::Unavailable(sqlx::Error::WorkerCrashed);
        let Some(mut writer) = self.writer.take() else { return Err(failed()) };
        writer.connection.execute("RELEASE member").await?;
        writer.abandoned = false;
        let (sender, mut committed) = oneshot::channel();
        writer.released.push(sender);
        let nobody_waits = self.group.waiting.load(Ordering::SeqCst) == 0;
        if nobody_waits || writer.released.len() >= LARGEST_GROUP {
            writer.commit_group().await;
        } else {
            drop(writer);
            // Queues up behind those who wait now, so that they are in the same group; the first of the group to come to
            // the head of the line commits for all.
            tokio::select! {
                biased;
                result = &mut committed => return result.ok().and_then(Result::ok).ok_or_else(failed),
                mut writer = Arc::clone(&self.group.line).lock_owned() => {
                    writer.settle_abandoned().await;
                    writer.commit_group().await;
                }
            }
        }
        committed.try_recv().ok().and_then(Result::ok).ok_or_else(failed)
    }
}

impl Drop for Member {
    /// Takes the savepoint back, and does not leave the outer transaction open behind an empty line: other processes
    /// could not write.
    fn drop(&mut self) {
        let Some(mut writer) = self.writer.take() else { return };
        writer.abandoned = true;
        let waiting = Arc::clone(&self.group.waiting);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                writer.settle_abandoned().await;
                if waiting.load(Ordering::SeqCst) == 0 {
                    writer.commit_group().await;
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn writer(name: &str) -> (GroupWriter, SqliteConnectOptions, std::path::PathBuf) {
        let path = std::env::temp_dir().join(format!("postly-group-{name}-{}.db", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .busy_timeout(Duration::from_millis(200))
            .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
        let writer = GroupWriter::open(&options).await.unwrap();
        writer.alone().await.connection().execute("CREATE TABLE t (n INTEGER PRIMARY KEY)").await.unwrap();
        (writer, options, path)
    }

    async fn insert(writer: &GroupWriter, n: i64) -> Member {
        let mut member = writer.begin(Duration::from_secs(5)).await.unwrap();
        sqlx::query("INSERT INTO t VALUES ($1)").bind(n).execute(member.connection().unwrap()).await.unwrap();
        member
    }

    /// What another connection sees: only what is committed.
    async fn seen(options: &SqliteConnectOptions) -> i64 {
        let mut other = SqliteConnection::connect_with(options).await.unwrap();
        sqlx::query_scalar("SELECT COUNT(*) FROM t").fetch_one(&mut other).await.unwrap()
    }

    #[tokio::test]
    async fn a_commit_is_seen_by_others_when_it_returns() {
        let (writer, options, path) = writer("seen").await;
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..200 {
            let (writer, options) = (writer.clone(), options.clone());
            tasks.spawn(async move {
                insert(&writer, n).await.commit().await.unwrap();
                let mut other = SqliteConnection::connect_with(&options).await.unwrap();
                let found: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM t WHERE n = $1")
                    .bind(n)
                    .fetch_one(&mut other)
                    .await
                    .unwrap();
                assert_eq!(found, 1);
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        std::fs::remove_file(path).unwrap();
    }

    #[tokio::test]
    async fn who_drops_out_takes_only_its_own_back_and_leaves_the_file_free() {
        let (writer, options, path) = writer("dropped").await;
        let first = insert(&writer, 1).await;
        // The second waits in line, so the first does not commit alone.
        let other = writer.clone();
        let second = tokio::spawn(async move { drop(insert(&other, 2).await) });
        while writer.waiting.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        first.commit().await.unwrap();
        second.await.unwrap();
        drop(insert(&writer, 3).await);
        drop(writer.alone().await);
        assert_eq!(seen(&options).await, 1);
        // Another process can write now.
        let mut other = SqliteConnection::connect_with(&options).await.unwrap();
        other.execute("INSERT INTO t VALUES (4)").await.unwrap();
        std::fs::remove_file(path).unwrap();
    }

    #[tokio::test]
    async fn a_statement_that_fails_does_not_fail_the_others() {
        let (writer, options, path) = writer("failed").await;
        insert(&writer, 1).await.commit().await.unwrap();
        let mut member = writer.begin(Duration::from_secs(5)).await.unwrap();
        let twice = sqlx::query("INSERT INTO t VALUES (1)").execute(member.connection().unwrap()).await;
        assert!(twice.is_err());
        drop(member);
        insert(&writer, 2).await.commit().await.unwrap();
        assert_eq!(seen(&options).await, 2);
        std::fs::remove_file(path).unwrap();
    }

    #[tokio::test]
    async fn a_lost_outer_transaction_is_told_to_everyone_in_it_and_then_forgotten() {
        let (writer, options, path) = writer("lost").await;
        let first = insert(&writer, 1).await;
        let other = writer.clone();
        let second = tokio::spawn(async move {
            let mut member = insert(&other, 2).await;
            // As SQLite does by itself when the disk is full.
            member.connection().unwrap().execute("ROLLBACK").await.unwrap();
            member.commit().await.is_err()
        });
        while writer.waiting.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        assert!(first.commit().await.is_err());
        assert!(second.await.unwrap());
        insert(&writer, 3).await.commit().await.unwrap();
        assert_eq!(seen(&options).await, 1);
        std::fs::remove_file(path).unwrap();
    }
}
