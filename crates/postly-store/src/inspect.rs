//! The facts about a database for its operator.

use postly_domain::UnixMillis;

use crate::{
    Db, Engine, StoreError,
    sql::{Sql, args},
};

/// The facts about a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseFacts {
    /// The engine.
    pub engine: Engine,
    /// The version, for people.
    pub version: String,
    /// The first number of the version.
    pub major: i64,
    /// True if the server writes to the disk before it confirms. Always true for SQLite, by our settings.
    pub is_durable: bool,
    /// True if processes poll, because a pooler is in between.
    pub polls: bool,
    /// The time at which the newest backup by `postly backup` ended.
    pub last_backup_at: Option<UnixMillis>,
}

const DESCRIBE: Sql = Sql::each(
    "SELECT sqlite_version() AS version, 3 AS major, 'on' AS fsync",
    "SELECT current_setting('server_version') AS version, \
     CAST(current_setting('server_version_num') AS BIGINT) / 10000 AS major, \
     CASE WHEN current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on' THEN 'on' ELSE 'off' END \
     AS fsync",
);
const LAST_BACKUP: Sql = Sql::both("SELECT MAX(finished_at_ms) AS at_ms FROM backups");

impl Db {
    /// Returns the facts about the database.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn inspect(&self) -> Result<DatabaseFacts, StoreError> {
        let mut tx = self.read().await?;
        let row = tx.one(DESCRIBE, args![]).await?;
        Ok(DatabaseFacts {
            engine: self.engine(),
            version: row.text("version")?,
            major: row.int("major")?,
            is_durable: row.text("fsync")? == "on",
            polls: self.polls(),
            last_backup_at: tx.one(LAST_BACKUP, args![]).await?.maybe_time("at_ms")?,
        })
    }
}
