//! The age of the newest backup.

use postly_domain::UnixMillis;
use postly_store::Engine;

use super::Finding;

/// A daily backup, with room for one that failed.
const OLDEST_HOURS: i64 = 48;

pub(super) fn examine(
    engine: Engine,
    last_at: Option<UnixMillis>,
    now: UnixMillis,
    is_file: bool,
) -> Option<Finding> {
    if engine == Engine::Postgres || !is_file {
        return Some(Finding::info(
            "backup.postgres",
            "Backups of PostgreSQL are made by its own tools, which this command does not see",
            "What is not backed up is gone with its disk: credits, accounts and posts.",
            "Run pg_dump or pgBackRest on a schedule, and restore one to see that it works (docs/OPERATIONS.md).",
        ));
    }
    let why = "What is not backed up is gone with its disk: credits, accounts and posts.";
    let action =
        "Run `postly backup --to FOLDER --keep 14` every day, and copy the folder to another machine.";
    let Some(last_at) = last_at else {
        return Some(Finding::warning(
            "backup.never",
            "No backup was ever made with postly backup",
            why,
            action,
        ));
    };
    let hours = now.since_ms(last_at) / 3_600_000;
    (hours >= OLDEST_HOURS).then(|| {
        Finding::warning("backup.old", format!("The newest backup is {hours} hours old"), why, action)
    })
}
