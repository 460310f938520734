//! Backups of an SQLite file, and the rows that record them.

use std::{path::Path, time::Duration};

use postly_domain::UnixMillis;
use rusqlite::{Connection, OpenFlags, backup::Backup, backup::StepResult};

use crate::{
    StoreError, Tx,
    sql::{Sql, args},
    sqlite,
};

/// Pages copied in one step, between two progress reports: 4 MiB.
const PAGES_AT_ONCE: i32 = 1024;
/// The longest wait for the last connection of a copy to close.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Copies an SQLite file as of one instant, while others read and write it. `to` must exist and be empty.
/// Blocks.
///
/// One read transaction is held during the copy, so that no write restarts it. Writers continue; the
/// write-ahead log grows meanwhile.
///
/// # Errors
/// Fails if one of the files cannot be read or written.
#[expect(clippy::disallowed_methods, reason = "it runs where waiting disturbs nobody")]
pub fn copy(from: &Path, to: &Path, mut progress: impl FnMut(i32, i32)) -> Result<(), StoreError> {
    let source = sqlite::connect(from, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mut target = Connection::open(to)?;
    let snapshot = source.unchecked_transaction()?;
    // The transaction's snapshot begins with this read.
    snapshot.query_row("SELECT COUNT(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0))?;
    {
        let backup = Backup::new(&source, &mut target)?;
        loop {
            let step = backup.step(PAGES_AT_ONCE)?;
            let at = backup.progress();
            progress(at.pagecount - at.remaining, at.pagecount);
            match step {
                StepResult::Done => break,
                StepResult::More => {}
                // Another process briefly holds the lock of a checkpoint.
                _ => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
    snapshot.rollback()?;
    Ok(())
}

/// Makes a copy one file, without a log beside it, and checks all of it. Blocks.
///
/// # Errors
/// Fails if the copy is damaged, or cannot be read or written.
pub fn seal(path: &Path) -> Result<(), StoreError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
    let checked: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    let broken: i64 =
        connection.query_row("SELECT COUNT(*) FROM pragma_foreign_key_check", [], |row| row.get(0))?;
    if mode != "delete" || checked != "ok" || broken != 0 {
        return Err(StoreError::Statement("the copy is damaged".into()));
    }
    Ok(())
}

/// Returns true if a file contains our tables. Blocks.
///
/// # Errors
/// Fails if the file cannot be read, or is not an SQLite database.
pub fn is_ours(path: &Path) -> Result<bool, StoreError> {
    const OURS: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'ledger')";
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    Ok(connection.query_row(OURS, [], |row| row.get(0))?)
}

const RECORD: Sql = Sql::both("INSERT INTO backups (id, folder, finished_at_ms) VALUES ($1, $2, $3)");
const FORGET: Sql = Sql::both("DELETE FROM backups WHERE id <> $1");

/// Records a backup in a database: in the original, and in the copy. Deletes earlier records.
///
/// # Errors
/// Fails if the database fails.
pub async fn record(tx: &mut Tx, id: &str, folder: &str, now: UnixMillis) -> Result<(), StoreError> {
    tx.execute(RECORD, args![id, folder, now]).await?;
    tx.execute(FORGET, args![id]).await?;
    Ok(())
}

const LATEST: Sql =
    Sql::both("SELECT folder, finished_at_ms FROM backups ORDER BY finished_at_ms DESC, id DESC LIMIT 1");

/// Returns the folder and the time of the newest backup.
///
/// # Errors
/// Fails if the database fails.
pub async fn latest(tx: &mut Tx) -> Result<Option<(String, UnixMillis)>, StoreError> {
    let row = tx.maybe_one(LATEST, args![]).await?;
    row.map(|row| Ok((row.text("folder")?, row.time("finished_at_ms")?))).transpose()
}
