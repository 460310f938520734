//! Opening the database, and transactions on it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use postly_domain::UnixMillis;

use crate::{
    Address, OpenError, StoreError,
    address::Place,
    postgres::{Class, PgTx, Remote, Wakeups},
    readers::{Readers, Reading},
    schema::{self, Schema},
    sql::{self, Arg, Bulk, Row, Sql, args},
    sqlite::{self, GroupWriter, SavepointTx},
};

/// The engine of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Embedded.
    Sqlite,
    /// A server, which several processes may share.
    Postgres,
}

/// A database. Clones are cheap and share it.
#[derive(Clone)]
pub struct Db {
    engine: Inside,
    /// The name for its operator: see [`Address::name`].
    name: String,
    /// The SQLite file.
    file: Option<PathBuf>,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("engine", &self.engine()).finish_non_exhaustive()
    }
}

#[derive(Clone)]
enum Inside {
    /// One connection writes, so that writers queue fairly instead of polling the file's lock; several read.
    Lite {
        writer: GroupWriter,
        readers: Readers,
    },
    Pg(Remote),
}

/// The longest wait of a caller on SQLite (RULES 9.5).
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);

const PROBE: Sql = Sql::both(
    "INSERT INTO probe (id, at_ms) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET at_ms = excluded.at_ms",
);

impl Db {
    /// Opens the database at an address: `sqlite://path`, `postgres://...` or `postgresql://...`. Creates an
    /// SQLite file and its folder if they are missing.
    ///
    /// # Errors
    /// Fails if the address cannot be read, or the database cannot be opened.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        let address = Address::parse(url).map_err(|faults| {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            OpenError::fault(format!("the address {}", faults.join("; ")))
        })?;
        Self::open_at(address, None).await
    }

    /// Opens a database as [`Db::open`] does. `direct` is its address without the pooler, if it has one.
    ///
    /// # Errors
    /// Fails if the database cannot be opened.
    pub async fn open_at(address: Address, direct: Option<Address>) -> Result<Self, OpenError> {
        let name = address.name();
        let file = address.sqlite_file();
        let engine = match address.0 {
            Place::Sqlite(path) => {
                if let Some(folder) = path.parent() {
                    let made = tokio::fs::create_dir_all(folder).await;
                    made.map_err(|error| {
                        OpenError::fault(format!("the folder of {name} cannot be made: {error}"))
                    })?;
                }
                Self::open_sqlite(&path, &name).await?
            }
            Place::Postgres(server) => {
                let direct = direct.and_then(|direct| match direct.0 {
                    Place::Postgres(direct) => Some(*direct),
                    Place::Sqlite(_) => None,
                });
                Inside::Pg(Remote::open(*server, direct).await?)
            }
        };
        Ok(Self { engine, name, file })
    }

    async fn open_sqlite(path: &Path, name: &str) -> Result<Inside, OpenError> {
        let (writer, readers) = sqlite::open(path).await.map_err(|error| sqlite::explain(&error, name))?;
        Ok(Inside::Lite { writer, readers })
    }

    /// Opens an existing database with this build's schema. Creates and changes nothing.
    ///
    /// # Errors
    /// Fails if the database is missing, has another schema, or cannot be opened.
    pub async fn open_existing(address: Address, direct: Option<Address>) -> Result<Self, OpenError> {
        let name = address.name();
        if let Place::Sqlite(path) = &address.0 {
            let found = sqlite::look_at(path, schema::of_sqlite).await;
            found.map_err(|error| sqlite::explain(&error, &name))?.expect_current(&name)?;
            let file = address.sqlite_file();
            return Ok(Self { engine: Self::open_sqlite(path, &name).await?, name, file });
        }
        let db = Self::open_at(address, direct).await?;
        db.schema().await?.expect_current(&name)?;
        Ok(db)
    }

    /// Returns the engine.
    pub fn engine(&self) -> Engine {
        match self.engine {
            Inside::Lite { .. } => Engine::Sqlite,
            Inside::Pg(_) => Engine::Postgres,
        }
    }

    /// Returns the server, if the engine is PostgreSQL.
    pub(crate) fn remote(&self) -> Option<&Remote> {
        match &self.engine {
            Inside::Lite { .. } => None,
            Inside::Pg(remote) => Some(remote),
        }
    }

    /// Returns the name of the database for its operator: see [`Address::name`].
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the SQLite file; `None` on PostgreSQL.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// True if the schema is this build's.
    ///
    /// # Errors
    /// Fails if the database cannot be queried.
    pub async fn has_schema(&self) -> Result<bool, OpenError> {
        Ok(matches!(self.schema().await?, Schema::Current))
    }

    async fn schema(&self) -> Result<Schema, OpenError> {
        match &self.engine {
            Inside::Lite { writer, .. } => {
                writer.with_connection(|connection| Ok(schema::of_sqlite(connection)?)).await
            }
            Inside::Pg(remote) => return schema::of_postgres(remote).await,
        }
        .map_err(|error| schema::explain(&error, &self.name))
    }

    /// Creates the tables if there are none. Can be repeated, and run from several processes at once. Does
    /// not touch existing ones, so a role without the right to change them can serve.
    ///
    /// # Errors
    /// Fails if the tables cannot be created, or were made by another build.
    pub async fn migrate(&self) -> Result<(), OpenError> {
        match (&self.engine, self.schema().await?) {
            (_, Schema::Current) => return Ok(()),
            (_, found @ Schema::Other) => return found.expect_current(&self.name),
            (Inside::Lite { writer, .. }, _) => {
                let created = writer.with_connection(schema::create_sqlite).await;
                created.map_err(|error| schema::explain(&error, &self.name))?;
            }
            (Inside::Pg(remote), _) => schema::create_postgres(remote).await?,
        }
        match self.schema().await? {
            // The tables were made in another database than this one.
            Schema::Missing => Err(OpenError::fault(format!(
                "DIRECT_URL names another database or schema than DATABASE_URL ({}): name the same one",
                self.name
            ))),
            found => found.expect_current(&self.name),
        }
    }

    /// Opens a transaction that may write. Dropping it without [`Tx::commit`] rolls it back.
    ///
    /// # Errors
    /// Fails if the database cannot be reached in time.
    pub async fn write(&self) -> Result<Tx, StoreError> {
        Ok(match &self.engine {
            Inside::Lite { writer, .. } => Tx(Inner::LiteWrite(writer.begin(ACQUIRE_TIMEOUT).await?)),
            Inside::Pg(remote) => Tx(Inner::Pg(remote.write(Class::Ordinary).await?)),
        })
    }

    /// Opens a transaction as [`Db::write`] does, but does not queue behind its callers: for requests that an
    /// external client waits for.
    ///
    /// # Errors
    /// Fails if the database cannot be reached in time.
    pub async fn begin_priority_write(&self) -> Result<Tx, StoreError> {
        match &self.engine {
            // SQLite has one queue, and it moves fast.
            Inside::Lite { .. } => self.write().await,
            Inside::Pg(remote) => Ok(Tx(Inner::Pg(remote.write(Class::Urgent).await?))),
        }
    }

    /// Opens a transaction that cannot write, on one consistent snapshot of the data.
    ///
    /// # Errors
    /// Fails if the database cannot be reached in time.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        Ok(match &self.engine {
            Inside::Lite { readers, .. } => Tx(Inner::LiteRead(readers.begin(ACQUIRE_TIMEOUT).await?)),
            Inside::Pg(remote) => Tx(Inner::Pg(remote.read().await?)),
        })
    }

    /// Opens a transaction as [`Db::read`] does, for an operator's queries of whole tables, which may take
    /// minutes.
    ///
    /// # Errors
    /// Fails if the database cannot be reached in time.
    pub async fn begin_long_read(&self) -> Result<Tx, StoreError> {
        let mut tx = self.read().await?;
        if let Inner::Pg(tx) = &mut tx.0 {
            tx.be_patient().await?;
        }
        Ok(tx)
    }

    /// Opens a transaction as [`Db::write`] does, for an operator's work on many rows, which takes minutes
    /// and waits for another server meanwhile.
    ///
    /// # Errors
    /// Fails if the database cannot be reached in time.
    pub async fn begin_long_write(&self) -> Result<Tx, StoreError> {
        let mut tx = self.write().await?;
        if let Inner::Pg(tx) = &mut tx.0 {
            tx.be_patient_in_bulk().await?;
        }
        Ok(tx)
    }

    /// Writes one row, to check that writes succeed.
    ///
    /// # Errors
    /// Fails if the write fails.
    pub async fn probe(&self, now: UnixMillis) -> Result<(), StoreError> {
        let mut tx = self.begin_priority_write().await?;
        tx.execute(PROBE, args![now]).await?;
        tx.commit().await
    }

    /// True if processes cannot wake each other and poll instead: PostgreSQL behind a pooler without
    /// `DIRECT_URL`.
    pub fn polls(&self) -> bool {
        match &self.engine {
            Inside::Lite { .. } => false,
            Inside::Pg(remote) => remote.polls(),
        }
    }

    /// Returns the server's time, which all processes share, to the millisecond; `None` on SQLite.
    ///
    /// # Errors
    /// Fails if the server does not answer in time.
    pub async fn server_time(&self) -> Result<Option<UnixMillis>, StoreError> {
        match &self.engine {
            Inside::Lite { .. } => Ok(None),
            Inside::Pg(remote) => remote.time().await.map(Some),
        }
    }

    /// Wakes the workers of other processes. A lost call only delays them until their next poll.
    pub async fn wake_peers(&self) {
        if let Inside::Pg(remote) = &self.engine
            && let Err(error) = remote.wake_peers().await
        {
            tracing::debug!(%error, "Could not wake the other processes");
        }
    }

    /// Listens for [`Db::wake_peers`] of other processes. Returns `None` if there can be none, or behind a
    /// pooler: workers poll then.
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
    pub async fn listen(&self) -> Result<Option<Wakeups>, StoreError> {
        match &self.engine {
            Inside::Lite { .. } => Ok(None),
            Inside::Pg(remote) => remote.listen().await,
        }
    }

    /// Waits until all connections are returned, and closes them.
    pub async fn close(&self) {
        match &self.engine {
            Inside::Lite { writer, readers } => {
                readers.close().await;
                // The lock is free once all members of the queue have ended. Committed data is in the file in
                // any case.
                let _ = writer.with_connection(|_| Ok(())).await;
            }
            Inside::Pg(remote) => remote.close().await,
        }
    }
}

/// A transaction.
pub struct Tx(Inner);

enum Inner {
    LiteRead(Reading),
    LiteWrite(SavepointTx),
    Pg(PgTx),
}

impl Tx {
    /// The engine.
    pub(crate) fn engine(&self) -> Engine {
        match self.0 {
            Inner::LiteRead(_) | Inner::LiteWrite(_) => Engine::Sqlite,
            Inner::Pg(..) => Engine::Postgres,
        }
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// Fails if the database did not confirm the commit. It may have happened all the same: the work must be
    /// repeatable.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.0 {
            Inner::LiteRead(reading) => drop(reading),
            Inner::LiteWrite(member) => member.commit().await?,
            Inner::Pg(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// Runs a statement; returns the number of rows that it changed.
    pub(crate) async fn execute(&mut self, sql: Sql, args: &[Arg<'_>]) -> Result<u64, StoreError> {
        Ok(match &mut self.0 {
            Inner::LiteRead(reading) => sqlite::execute(reading.connection()?, sql.lite, args)?,
            Inner::LiteWrite(member) => sqlite::execute(member.connection()?, sql.lite, args)?,
            Inner::Pg(tx) => tx.execute(sql, args).await?,
        })
    }

    /// Runs a query that returns at most one row.
    pub(crate) async fn maybe_one(&mut self, sql: Sql, args: &[Arg<'_>]) -> Result<Option<Row>, StoreError> {
        Ok(match &mut self.0 {
            Inner::LiteRead(_) | Inner::LiteWrite(_) => self.all(sql, args).await?.into_iter().next(),
            Inner::Pg(tx) => tx.maybe_one(sql, args).await?.map(Row::Pg),
        })
    }

    /// Runs a query that returns exactly one row.
    pub(crate) async fn one(&mut self, sql: Sql, args: &[Arg<'_>]) -> Result<Row, StoreError> {
        let row = self.maybe_one(sql, args).await?;
        row.ok_or_else(|| StoreError::Statement("a row that must be there is not".into()))
    }

    /// Runs a query that returns a bounded number of rows.
    pub(crate) async fn all(&mut self, sql: Sql, args: &[Arg<'_>]) -> Result<Vec<Row>, StoreError> {
        let connection = match &mut self.0 {
            Inner::LiteRead(reading) => reading.connection()?,
            Inner::LiteWrite(member) => member.connection()?,
            Inner::Pg(tx) => return Ok(tx.all(sql, args).await?.into_iter().map(Row::Pg).collect()),
        };
        Ok(sqlite::query(connection, sql.lite, args)?.into_iter().map(Row::Lite).collect())
    }

    /// Adds many rows to a table.
    pub(crate) async fn add_all<const N: usize>(
        &mut self,
        bulk: Bulk,
        rows: &[[Arg<'_>; N]],
    ) -> Result<(), StoreError> {
        let connection = match &mut self.0 {
            Inner::LiteRead(reading) => reading.connection()?,
            Inner::LiteWrite(member) => member.connection()?,
            Inner::Pg(_) if rows.is_empty() => return Ok(()),
            Inner::Pg(tx) => {
                let mut data = Vec::with_capacity(rows.len() * 128);
                for row in rows {
                    sql::write_copy_row(&mut data, row);
                }
                tx.copy(bulk.copy, &data).await?;
                return Ok(());
            }
        };
        for row in rows {
            sqlite::execute(connection, bulk.insert, row)?;
        }
        Ok(())
    }
}
