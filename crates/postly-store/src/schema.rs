//! The schema: one folder of migrations for both engines, and what one engine alone needs.

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};
use sqlx::{
    PgPool, SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};

use crate::StoreError;

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
const MIGRATIONS: [(&str, &str); 2] = [
    ("first", include_str!("../migrations/0001_first.sql")),
    ("lighter indexes", include_str!("../migrations/0002_lighter_indexes.sql")),
];

/// A file that was made when sqlx counted the migrations of SQLite, too: it has the first.
const COUNTED_BY_SQLX: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations') AND user_version = 0 \
     FROM pragma_user_version";

pub(crate) fn migrate_sqlite(connection: &mut Connection) -> Result<(), StoreError> {
    if connection.query_row(COUNTED_BY_SQLX, [], |row| row.get(0))? {
        connection.pragma_update(None, "user_version", 1)?;
    }
    let migrations = Migrations::new(MIGRATIONS.iter().map(|(_, text)| M::up(text)).collect());
    migrations.to_latest(connection).map_err(|error| StoreError::Migrate(error.into()))?;
    connection.execute_batch(LEDGER_TRIGGERS_SQLITE)?;
    Ok(())
}

fn migrator() -> Migrator {
    let numbered = (1..).zip(MIGRATIONS);
    let migration = |(version, (name, text)): (i64, (&'static str, &'static str))| {
        Migration::new(version, name.into(), MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator::with_migrations(numbered.map(migration).collect())
}

pub(crate) async fn migrate_postgres(pool: &PgPool) -> Result<(), StoreError> {
    migrator().run(pool).await.map_err(|error| StoreError::Migrate(error.into()))?;
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
        connection.execute_batch(first).unwrap();
        connection.execute_batch("CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY)").unwrap();
        for _ in 0..2 {
            migrate_sqlite(&mut connection).unwrap();
        }
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, i64::try_from(MIGRATIONS.len()).unwrap());
    }
}
