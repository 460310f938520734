//! The schema: one folder of migrations for both engines, and what one engine alone needs.

use sqlx::{
    PgPool, SqlSafeStr as _, SqliteConnection,
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

fn migrator() -> Migrator {
    Migrator::with_migrations(vec![Migration::new(
        1,
        "first".into(),
        MigrationType::Simple,
        include_str!("../migrations/0001_first.sql").into_sql_str(),
        false,
    )])
}

pub(crate) async fn migrate_sqlite(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    migrator().run(&mut *connection).await.map_err(StoreError::Migrate)?;
    sqlx::raw_sql(LEDGER_TRIGGERS_SQLITE).execute(connection).await?;
    Ok(())
}

pub(crate) async fn migrate_postgres(pool: &PgPool) -> Result<(), StoreError> {
    migrator().run(pool).await.map_err(StoreError::Migrate)?;
    let mut tx = pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(MIGRATION_LOCK).execute(&mut *tx).await?;
    sqlx::raw_sql(LEDGER_TRIGGERS_POSTGRES).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(())
}
