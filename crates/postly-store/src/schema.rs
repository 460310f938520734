//! The schema: one text for both engines, and the parts for one engine alone.
//!
//! Until the first release the text is edited in place. A database records the hash of its text, and a build
//! refuses a database of another text: there is nothing yet that brings one up to date.

use std::sync::LazyLock;

use rusqlite::{Connection, OptionalExtension as _};
use sqlx::{
    AssertSqlSafe, Connection as _, Row as _,
    postgres::{PgConnection, PgRow},
    raw_sql,
};

use crate::{
    OpenError, StoreError,
    postgres::{ForCreation, Remote, quoted},
};

const SCHEMA: &str = include_str!("schema.sql");

/// An event on SQLite joins its lane later than it is stored, so its index covers only those in their lanes.
const INDEXES_SQLITE: &str = "\
    CREATE INDEX inbox_arrived ON inbox (queue, id) WHERE in_lane = 0; \
    CREATE INDEX inbox_waiting ON inbox (queue, lane, occurred_at_ms, id) WHERE state = 'ready' AND in_lane = 1;";

/// See [`INDEXES_SQLITE`].
const INDEXES_POSTGRES: &str =
    "CREATE INDEX inbox_waiting ON inbox (queue, lane, occurred_at_ms, id) WHERE state = 'ready';";

/// Makes the ledger append-only for every writer. Can be applied again.
const LEDGER_TRIGGERS_SQLITE: &str = "\
    CREATE TRIGGER IF NOT EXISTS ledger_keeps_entries BEFORE UPDATE ON ledger \
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END; \
    CREATE TRIGGER IF NOT EXISTS ledger_keeps_lines BEFORE DELETE ON ledger \
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;";

/// See [`LEDGER_TRIGGERS_SQLITE`].
const LEDGER_TRIGGERS_POSTGRES: &str = "\
    CREATE OR REPLACE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS \
    $$ BEGIN RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'restrict_violation'; END $$; \
    CREATE OR REPLACE TRIGGER ledger_keeps_entries BEFORE UPDATE OR DELETE ON ledger \
    FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only(); \
    CREATE OR REPLACE TRIGGER ledger_keeps_lines BEFORE TRUNCATE ON ledger \
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();";

/// Keeps two processes that start at once from creating the tables at once. A transaction holds the lock,
/// not a session, because a pooler changes sessions. The number (the bytes of `postly`) must only be unique
/// to us.
const CREATION_LOCK: &str = "SELECT CAST(pg_advisory_xact_lock(123623980690553) AS TEXT)";

/// The hash of the schema without its comments, as stored in the database.
static HASH: LazyLock<String> = LazyLock::new(|| {
    let lines = SCHEMA.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("--"));
    let of_engines = [INDEXES_SQLITE, INDEXES_POSTGRES, LEDGER_TRIGGERS_SQLITE, LEDGER_TRIGGERS_POSTGRES];
    let texts = lines.chain(of_engines);
    // FNV-1a: https://datatracker.ietf.org/doc/html/draft-eastlake-fnv. Only different texts are told apart.
    let hash = texts.flat_map(str::bytes).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
});

/// Returns the statement that records the hash.
fn record() -> String {
    format!("INSERT INTO schema_build (id, hash) VALUES (1, '{}')", *HASH)
}

/// The schema of a database compared with this build's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Schema {
    Missing,
    /// This build's without a trigger of the ledger, as in an incomplete copy.
    Incomplete,
    Current,
    /// That of another build.
    Other,
}

impl Schema {
    fn of(hash: Option<&str>, triggers: i64) -> Self {
        match hash {
            Some(hash) if hash != *HASH => Self::Other,
            Some(_) if triggers == 2 => Self::Current,
            Some(_) => Self::Incomplete,
            None => Self::Other,
        }
    }

    /// Fails unless the schema is this build's.
    pub(crate) fn expect_current(self, name: &str) -> Result<(), OpenError> {
        let sentence = match self {
            Self::Current => return Ok(()),
            Self::Missing => format!(
                "the database {name} holds no tables of Postly: run `postly migrate` to make them, or name another \
                 database in DATABASE_URL"
            ),
            Self::Incomplete => {
                format!("the ledger of {name} lacks its triggers: run `postly migrate` to make them")
            }
            Self::Other => format!(
                "the tables of {name} were made by another build, and before the first release no build changes those \
                 of another: run the build that made them, or name a new database in DATABASE_URL"
            ),
        };
        Err(OpenError::schema(sentence))
    }
}

/// Returns the message for a schema that cannot be read or created.
pub(crate) fn explain(error: &StoreError, name: &str) -> OpenError {
    let reason = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    OpenError::passing(format!("the tables of {name} cannot be made: {error}: {reason}"))
}

/// Creates the tables if there are none. Tables of another build are left alone.
pub(crate) fn create_sqlite(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let found = of_sqlite(&transaction)?;
    if found == Schema::Missing {
        transaction.execute_batch(SCHEMA)?;
        transaction.execute_batch(INDEXES_SQLITE)?;
        transaction.execute_batch(&record())?;
    }
    if matches!(found, Schema::Missing | Schema::Incomplete) {
        transaction.execute_batch(LEDGER_TRIGGERS_SQLITE)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Compares the schema of a file.
pub(crate) fn of_sqlite(connection: &Connection) -> Result<Schema, rusqlite::Error> {
    const IS_THERE: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = $1)";
    const TRIGGERS: &str = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'trigger' \
         AND name IN ('ledger_keeps_entries', 'ledger_keeps_lines')";
    let has = |table: &str| connection.query_row(IS_THERE, [table], |row| row.get::<_, bool>(0));
    if !has("ledger")? {
        return Ok(Schema::Missing);
    }
    let hash: Option<String> = match has("schema_build")? {
        true => connection.query_row("SELECT hash FROM schema_build", [], |row| row.get(0)).optional()?,
        false => None,
    };
    Ok(Schema::of(hash.as_deref(), connection.query_row(TRIGGERS, [], |row| row.get(0))?))
}

/// Tells if a server has tables of Postly, and if they record their hash.
const TABLES: &str = "SELECT CASE WHEN to_regclass('ledger') IS NULL THEN 'missing' \
     WHEN to_regclass('schema_build') IS NULL THEN 'other' ELSE 'recorded' END";

/// Returns the recorded hash and the number of the ledger's triggers.
const RECORDED: &str = "SELECT COALESCE(MAX(hash), '') || ' ' || (SELECT COUNT(*) FROM pg_trigger \
     WHERE tgrelid = to_regclass('ledger') AND tgname IN ('ledger_keeps_entries', 'ledger_keeps_lines')) \
     FROM schema_build";

impl Schema {
    /// Reads the answer to [`TABLES`]; `None` if [`RECORDED`] has to be asked.
    fn of_tables(answer: &str) -> Option<Self> {
        match answer {
            "missing" => Some(Self::Missing),
            "other" => Some(Self::Other),
            _ => None,
        }
    }

    /// Reads the answer to [`RECORDED`].
    fn of_recorded(answer: &str) -> Self {
        let (hash, triggers) = answer.split_once(' ').unwrap_or_default();
        Self::of(Some(hash), triggers.parse().unwrap_or(0))
    }
}

/// Compares the schema of a server.
pub(crate) async fn of_postgres(remote: &Remote) -> Result<Schema, OpenError> {
    let compared = async {
        let mut tx = remote.read().await.map_err(|error| match error {
            StoreError::Unavailable(source) => sqlx::Error::Io(std::io::Error::other(source)),
            other => sqlx::Error::Io(std::io::Error::other(other)),
        })?;
        let tables: String = tx.ask(TABLES).await?.try_get(0)?;
        if let Some(found) = Schema::of_tables(&tables) {
            return Ok(found);
        }
        let recorded: String = tx.ask(RECORDED).await?.try_get(0)?;
        Ok(Schema::of_recorded(&recorded))
    };
    compared.await.map_err(|error: sqlx::Error| remote.explain(&error))
}

/// Creates the tables if there are none, in one transaction. Tables of another build are left alone.
pub(crate) async fn create_postgres(remote: &Remote) -> Result<(), OpenError> {
    let ForCreation { mut connection, begin, schema } = remote.for_creation().await?;
    let created = async {
        let mut run = Run { connection: &mut connection, begin: &begin };
        if let Some(schema) = schema {
            run.make_schema(schema).await?;
        }
        run.begin().await?;
        let tables: String = run.one(TABLES).await?.try_get(0)?;
        let found = match Schema::of_tables(&tables) {
            Some(found) => found,
            None => Schema::of_recorded(&run.one(RECORDED).await?.try_get::<String, _>(0)?),
        };
        if found == Schema::Missing {
            run.execute(SCHEMA).await?;
            run.execute(INDEXES_POSTGRES).await?;
            run.execute(AssertSqlSafe(record())).await?;
        }
        if matches!(found, Schema::Missing | Schema::Incomplete) {
            run.execute(LEDGER_TRIGGERS_POSTGRES).await?;
        }
        run.execute("COMMIT").await
    };
    let created: Result<(), sqlx::Error> = created.await;
    // The server detects the closed connection in any case.
    let _ = connection.close().await;
    created.map_err(|error| remote.explain(&error))
}

/// Runs the statements that create the tables. Each is one message, because a pooler may be in between.
struct Run<'a> {
    connection: &'a mut PgConnection,
    begin: &'a std::sync::Arc<str>,
}

impl Run<'_> {
    async fn execute(&mut self, sql: impl sqlx::SqlSafeStr + Send + 'static) -> Result<(), sqlx::Error> {
        raw_sql(sql).execute(&mut *self.connection).await?;
        Ok(())
    }

    async fn one(&mut self, sql: impl sqlx::SqlSafeStr + Send + 'static) -> Result<PgRow, sqlx::Error> {
        raw_sql(sql).fetch_one(&mut *self.connection).await
    }

    /// Begins a transaction, and waits until no other process creates tables.
    async fn begin(&mut self) -> Result<(), sqlx::Error> {
        self.execute(AssertSqlSafe(std::sync::Arc::clone(self.begin))).await?;
        self.execute(CREATION_LOCK).await
    }

    async fn make_schema(&mut self, schema: &str) -> Result<(), sqlx::Error> {
        self.begin().await?;
        let is_there =
            sqlx::query("SELECT CAST(EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1) AS TEXT)");
        let is_there = is_there.bind(schema).persistent(false).fetch_one(&mut *self.connection).await?;
        let is_there: String = is_there.try_get(0)?;
        if is_there != "true" {
            self.execute(AssertSqlSafe(format!("CREATE SCHEMA {}", quoted(schema)))).await?;
        }
        self.execute("COMMIT").await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_made_once_and_those_of_another_build_are_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert_eq!(of_sqlite(&connection).unwrap(), Schema::Missing);
        for _ in 0..2 {
            create_sqlite(&mut connection).unwrap();
            assert_eq!(of_sqlite(&connection).unwrap(), Schema::Current);
        }
        connection.execute_batch("DROP TRIGGER ledger_keeps_lines").unwrap();
        assert_eq!(of_sqlite(&connection).unwrap(), Schema::Incomplete);
        connection.execute_batch("UPDATE schema_build SET hash = 'another'").unwrap();
        assert_eq!(of_sqlite(&connection).unwrap(), Schema::Other);
        create_sqlite(&mut connection).unwrap();
        connection
            .execute_batch("DELETE FROM ledger")
            .expect("no trigger is put on the table of another build");
        connection.execute_batch("DROP TABLE schema_build").unwrap();
        assert_eq!(of_sqlite(&connection).unwrap(), Schema::Other);
        let told = Schema::Other.expect_current("postly.db").unwrap_err().to_string();
        assert!(told.contains("another build") && told.contains("DATABASE_URL"), "{told}");
    }
}
