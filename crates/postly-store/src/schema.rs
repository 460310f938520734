//! The schema: one folder of migrations for both engines, and the parts for one engine alone.

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};
use sqlx::{
    AssertSqlSafe, Connection as _, Row as _, SqlSafeStr as _,
    migrate::{Migration, MigrationType},
    postgres::{PgConnection, PgRow},
    raw_sql,
};

use crate::{
    OpenError, StoreError,
    postgres::{ForMigrations, Remote, quoted},
    sql::Sql,
};

/// Makes the ledger append-only for every writer. Applied after the migrations; can be applied again.
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

/// Keeps two processes that start at once from migrating at once. A transaction holds the lock, not a
/// session, because a pooler changes sessions. The number (the bytes of `postly`) must only be unique to us.
const MIGRATION_LOCK: &str = "SELECT CAST(pg_advisory_xact_lock(123623980690553) AS TEXT)";

/// The checksum of the first migration from before its comments were ASCII: it created the same tables.
const FIRST_BEFORE_ASCII: &str =
    "6a2f5566d219ab0a7ea9e4459c3585d3be90229910339fe072def93260137b3624e83a2e7a1c064a59686622e9427a28";

/// The migrations: their names and texts, in order. A released migration is never edited.
const MIGRATIONS: [(&str, Sql); 20] = [
    ("first", Sql::both(include_str!("../migrations/0001_first.sql"))),
    ("lighter indexes", Sql::both(include_str!("../migrations/0002_lighter_indexes.sql"))),
    ("accounts", Sql::both(include_str!("../migrations/0003_accounts.sql"))),
    (
        "codes in the outbox",
        Sql::each(
            include_str!("../migrations/0004_codes_in_the_outbox.sqlite.sql"),
            include_str!("../migrations/0004_codes_in_the_outbox.postgres.sql"),
        ),
    ),
    ("budgets and repeats", Sql::both(include_str!("../migrations/0005_budgets_and_repeats.sql"))),
    (
        "arrivals",
        Sql::each(
            include_str!("../migrations/0006_arrivals.sqlite.sql"),
            include_str!("../migrations/0006_arrivals.postgres.sql"),
        ),
    ),
    ("trust and prices", Sql::both(include_str!("../migrations/0007_trust_and_prices.sql"))),
    ("amendments and fallbacks", Sql::both(include_str!("../migrations/0008_amendments_and_fallbacks.sql"))),
    ("settled languages", Sql::both(include_str!("../migrations/0010_settled_languages.sql"))),
    ("payments", Sql::both(include_str!("../migrations/0011_payments.sql"))),
    ("web generations", Sql::both(include_str!("../migrations/0012_web_generations.sql"))),
    (
        "conversations",
        Sql::each(
            include_str!("../migrations/0013_conversations.sqlite.sql"),
            include_str!("../migrations/0013_conversations.postgres.sql"),
        ),
    ),
    ("monitor", Sql::both(include_str!("../migrations/0016_monitor.sql"))),
    ("import", Sql::both(include_str!("../migrations/0017_import.sql"))),
    ("operator", Sql::both(include_str!("../migrations/0015_operator.sql"))),
    ("API tokens", Sql::both(include_str!("../migrations/0014_api_tokens.sql"))),
    ("brand", Sql::both(include_str!("../migrations/0018_brand.sql"))),
    ("admin", Sql::both(include_str!("../migrations/0019_admin.sql"))),
    ("media", Sql::both(include_str!("../migrations/0020_media.sql"))),
    ("questions", Sql::both(include_str!("../migrations/0021_questions.sql"))),
];

/// True for a file from the time when sqlx also counted SQLite's migrations: it has the first migration.
const COUNTED_BY_SQLX: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations') AND user_version = 0 \
     FROM pragma_user_version";

pub(crate) fn migrate_sqlite(connection: &mut Connection) -> Result<(), StoreError> {
    if connection.query_row(COUNTED_BY_SQLX, [], |row| row.get(0))? {
        connection.pragma_update(None, "user_version", 1)?;
    }
    let migrations = Migrations::new(MIGRATIONS.iter().map(|(_, text)| M::up(text.lite)).collect());
    // A rebuilt table is dropped first: its referencing rows must not be deleted with it.
    connection.pragma_update(None, "foreign_keys", false)?;
    let migrated = migrations.to_latest(connection);
    connection.pragma_update(None, "foreign_keys", true)?;
    migrated.map_err(|error| StoreError::Migrate(error.into()))?;
    connection.execute_batch(LEDGER_TRIGGERS_SQLITE)?;
    Ok(())
}

/// The schema of a database compared with this version's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Schema {
    Missing,
    Older,
    Current,
    Newer,
}

impl Schema {
    fn of(version: i64) -> Self {
        match version.cmp(&newest()) {
            _ if version == 0 => Self::Missing,
            std::cmp::Ordering::Less => Self::Older,
            std::cmp::Ordering::Equal => Self::Current,
            std::cmp::Ordering::Greater => Self::Newer,
        }
    }

    /// Fails unless the schema is this version's.
    pub(crate) fn expect_current(self, name: &str) -> Result<(), OpenError> {
        let sentence = match self {
            Self::Current => return Ok(()),
            Self::Missing => format!(
                "the database {name} holds no tables of Postly: run `postly migrate` to make them, or name another \
                 database in DATABASE_URL"
            ),
            Self::Older => {
                format!(
                    "the tables of {name} are older than this version: run `postly migrate` to bring them up to date"
                )
            }
            Self::Newer => {
                format!("the tables of {name} are newer than this version: run the version that made them")
            }
        };
        Err(OpenError::schema(sentence))
    }
}

/// Returns the number of the newest migration.
fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Returns the message for a schema that cannot be read or changed.
pub(crate) fn explain(error: &StoreError, name: &str) -> OpenError {
    let reason = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    OpenError::passing(format!("the tables of {name} cannot be brought up to date: {error}: {reason}"))
}

/// Compares the schema of a file.
pub(crate) fn of_sqlite(connection: &Connection) -> Result<Schema, rusqlite::Error> {
    const OURS: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'ledger')";
    if !connection.query_row(OURS, [], |row| row.get(0))? {
        return Ok(Schema::Missing);
    }
    if connection.query_row(COUNTED_BY_SQLX, [], |row| row.get(0))? {
        return Ok(Schema::Older);
    }
    connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map(Schema::of)
}

/// Compares the schema of a server.
pub(crate) async fn of_postgres(remote: &Remote) -> Result<Schema, OpenError> {
    const IS_THERE: &str = "SELECT CAST(to_regclass('_sqlx_migrations') IS NOT NULL AS TEXT)";
    const VERSION: &str =
        "SELECT CAST(COALESCE(MAX(version), 0) AS TEXT) FROM _sqlx_migrations WHERE success";
    const TRIGGERS: &str = "SELECT CAST(COUNT(*) AS TEXT) FROM pg_trigger WHERE tgrelid = to_regclass('ledger') \
         AND tgname IN ('ledger_keeps_entries', 'ledger_keeps_lines')";
    let compared = async {
        let mut tx = remote.read().await.map_err(|error| match error {
            StoreError::Unavailable(source) => sqlx::Error::Io(std::io::Error::other(source)),
            other => sqlx::Error::Io(std::io::Error::other(other)),
        })?;
        let mut ask = async |sql| tx.ask(sql).await?.try_get::<String, _>(0);
        if ask(IS_THERE).await? != "true" {
            return Ok(Schema::Missing);
        }
        let found = Schema::of(ask(VERSION).await?.parse().unwrap_or(0));
        // A copy without its triggers is incomplete.
        Ok(if found == Schema::Current && ask(TRIGGERS).await? != "2" { Schema::Older } else { found })
    };
    compared.await.map_err(|error: sqlx::Error| remote.explain(&error))
}

/// Applies the missing migrations, each in its own transaction.
pub(crate) async fn migrate_postgres(remote: &Remote) -> Result<(), OpenError> {
    let ForMigrations { mut connection, begin, schema } = remote.for_migrations().await?;
    let migrated = async {
        let mut run = Run { connection: &mut connection, begin: &begin };
        if let Some(schema) = schema {
            run.make_schema(schema).await?;
        }
        for (version, (name, text)) in (1..).zip(MIGRATIONS) {
            run.apply(version, name, text.pg).await?;
        }
        run.begin().await?;
        run.execute(LEDGER_TRIGGERS_POSTGRES).await?;
        run.execute("COMMIT").await
    };
    let migrated: Result<(), MigrationError> = migrated.await;
    // The server detects the closed connection in any case.
    let _ = connection.close().await;
    migrated.map_err(|error| match error {
        MigrationError::Sql(error) => remote.explain(&error),
        MigrationError::Changed(version) => OpenError::fault(format!(
            "migration {version} in the database is another than this version's: it was migrated by another program"
        )),
    })
}

enum MigrationError {
    Sql(sqlx::Error),
    /// This migration had another content when it was applied.
    Changed(i64),
}

impl From<sqlx::Error> for MigrationError {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

/// Runs the statements of a migration. Each is one message, because a pooler may be in between.
struct Run<'a> {
    connection: &'a mut PgConnection,
    begin: &'a std::sync::Arc<str>,
}

impl Run<'_> {
    async fn execute(&mut self, sql: impl sqlx::SqlSafeStr + Send + 'static) -> Result<(), MigrationError> {
        raw_sql(sql).execute(&mut *self.connection).await?;
        Ok(())
    }

    async fn one(&mut self, sql: impl sqlx::SqlSafeStr + Send + 'static) -> Result<PgRow, MigrationError> {
        Ok(raw_sql(sql).fetch_one(&mut *self.connection).await?)
    }

    /// Begins a transaction, and waits until no other process migrates.
    async fn begin(&mut self) -> Result<(), MigrationError> {
        self.execute(AssertSqlSafe(std::sync::Arc::clone(self.begin))).await?;
        self.execute(MIGRATION_LOCK).await
    }

    async fn make_schema(&mut self, schema: &str) -> Result<(), MigrationError> {
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

    /// Applies a migration unless it is recorded as applied. Records it as sqlx does.
    async fn apply(
        &mut self,
        version: i64,
        name: &'static str,
        text: &'static str,
    ) -> Result<(), MigrationError> {
        const COUNTED: &str = "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
             installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), success BOOLEAN NOT NULL, checksum BYTEA NOT NULL, \
             execution_time BIGINT NOT NULL)";
        let migration =
            Migration::new(version, name.into(), MigrationType::Simple, text.into_sql_str(), false);
        let checksum: String = migration.checksum.iter().map(|byte| format!("{byte:02x}")).collect();
        self.begin().await?;
        let is_counted = self.one("SELECT CAST(to_regclass('_sqlx_migrations') IS NOT NULL AS TEXT)").await?;
        if is_counted.try_get::<String, _>(0)? != "true" {
            self.execute(COUNTED).await?;
        }
        let applied = format!(
            "SELECT (SELECT encode(checksum, 'hex') FROM _sqlx_migrations WHERE version = {version} AND success)"
        );
        let applied: Option<String> = self.one(AssertSqlSafe(applied)).await?.try_get(0)?;
        match applied {
            Some(known) if known == checksum || (version == 1 && known == FIRST_BEFORE_ASCII) => {}
            Some(_) => return Err(MigrationError::Changed(version)),
            None => {
                self.execute(text).await?;
                let counted = format!(
                    "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                     VALUES ({version}, '{name}', TRUE, decode('{checksum}', 'hex'), -1)"
                );
                self.execute(AssertSqlSafe(counted)).await?;
            }
        }
        self.execute("COMMIT").await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_whose_migrations_sqlx_counted_goes_on_from_there() {
        let mut connection = Connection::open_in_memory().unwrap();
        let (_, first) = MIGRATIONS[0];
        connection.execute_batch(first.lite).unwrap();
        connection.execute_batch("CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY)").unwrap();
        for _ in 0..2 {
            migrate_sqlite(&mut connection).unwrap();
        }
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, i64::try_from(MIGRATIONS.len()).unwrap());
    }
    #[test]
    fn messages_and_what_refers_to_them_survive_a_table_that_is_made_anew() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        for (_, text) in &MIGRATIONS[..2] {
            connection.execute_batch(text.lite).unwrap();
        }
        connection.pragma_update(None, "user_version", 2).unwrap();
        connection
            .execute_batch(
                "INSERT INTO authors (id, language, created_at_ms) VALUES ('a', 'fr', 1); \
                 INSERT INTO outbox (id, message_key, lane, author_id, provider, business, address, purpose, \
                 carries_variant, body, state, expires_at_ms, created_at_ms) \
                 VALUES ('m', 'k', 'l', 'a', 'meta', 'b', '33', 'help', 0, 'bonjour', 'ready', 2, 1); \
                 INSERT INTO attempts (id, message_id, state, started_at_ms) VALUES ('t', 'm', 'sending', 1);",
            )
            .unwrap();
        migrate_sqlite(&mut connection).unwrap();
        let kept: String = connection
            .query_row(
                "SELECT outbox.body || outbox.form || attempts.id FROM outbox JOIN attempts ON message_id = outbox.id",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(kept, "bonjourtextt");
        let broken: i64 = connection
            .query_row("SELECT COUNT(*) FROM pragma_foreign_key_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(broken, 0);
        assert!(connection.execute("DELETE FROM outbox", []).is_err(), "attempts still refer to messages");
    }
}
