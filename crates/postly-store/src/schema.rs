//! The schema: one folder of migrations for both engines, and what one engine alone needs.

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};
use sqlx::{
    ConnectOptions as _, Connection as _, PgPool, SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};

use crate::{StoreError, sql::Sql};

/// The ledger is append-only, whoever holds the pen. Applied after the migrations, and safe to apply again.
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

/// Keeps two processes that start at once from creating the triggers at once: PostgreSQL reports the second of
/// two concurrent `CREATE OR REPLACE` as an error. The number only has to be ours alone.
const MIGRATION_LOCK: i64 = 0x706f_7374_6c79;

/// The migrations: their names and texts, in order. One that was released is never edited.
const MIGRATIONS: [(&str, Sql); 8] = [
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
];

/// A file that was made when sqlx counted the migrations of SQLite, too: it has the first.
const COUNTED_BY_SQLX: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations') AND user_version = 0 \
     FROM pragma_user_version";

pub(crate) fn migrate_sqlite(connection: &mut Connection) -> Result<(), StoreError> {
    if connection.query_row(COUNTED_BY_SQLX, [], |row| row.get(0))? {
        connection.pragma_update(None, "user_version", 1)?;
    }
    let migrations = Migrations::new(MIGRATIONS.iter().map(|(_, text)| M::up(text.lite)).collect());
    // A table that is made anew is dropped first, and what refers to it must not go with it.
    connection.pragma_update(None, "foreign_keys", false)?;
    let migrated = migrations.to_latest(connection);
    connection.pragma_update(None, "foreign_keys", true)?;
    migrated.map_err(|error| StoreError::Migrate(error.into()))?;
    connection.execute_batch(LEDGER_TRIGGERS_SQLITE)?;
    Ok(())
}

fn migrator() -> Migrator {
    let numbered = (1..).zip(MIGRATIONS);
    let migration = |(version, (name, text)): (i64, (&'static str, Sql))| {
        Migration::new(version, name.into(), MigrationType::Simple, text.pg.into_sql_str(), false)
    };
    Migrator::with_migrations(numbered.map(migration).collect())
}

pub(crate) async fn migrate_postgres(pool: &PgPool) -> Result<(), StoreError> {
    // A connection of its own: a large table takes longer than a statement of the service may.
    let options = (*pool.connect_options()).clone().options([("statement_timeout", "0")]);
    let mut connection = options.connect().await?;
    migrator().run(&mut connection).await.map_err(|error| StoreError::Migrate(error.into()))?;
    connection.close().await?;
    let mut tx = pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(MIGRATION_LOCK).execute(&mut *tx).await?;
    sqlx::raw_sql(LEDGER_TRIGGERS_POSTGRES).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(())
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
