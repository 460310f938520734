//! Checks of the database: connection, schema, version, durability, clock and free disk.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use postly_domain::UnixMillis;
use postly_store::{Db, Engine};

use super::{Finding, backups};
use crate::config::DatabasePlace;

/// The time limit of all questions to the database.
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// The oldest PostgreSQL that its project still supports (postgresql.org/support/versioning, read on
/// 2026-11-30), and the oldest on which the tests run.
const OLDEST_SUPPORTED: i64 = 14;
/// Codes are valid for ten minutes, and Stripe's signatures for five: a smaller skew does no harm.
const SKEW_WARNING_MS: i64 = 2_000;
const SKEW_ERROR_MS: i64 = 60_000;
/// Limits of the free disk; below them, SQLite and its log may soon run out of room.
const DISK_WARNING: (u64, u64) = (15, 5 << 30);
const DISK_ERROR: u64 = 256 << 20;

/// Examines the database of a configuration.
pub(super) async fn examine(place: DatabasePlace) -> Vec<Finding> {
    let path = place.address.path().map(Path::to_owned);
    let mut findings = path.as_deref().map(file).unwrap_or_default();
    let opened = Db::open_existing(place.address, place.direct);
    match tokio::time::timeout(TIME_LIMIT, opened).await {
        Err(_) => findings.push(unavailable("no answer within 5 s")),
        Ok(Err(error)) if error.is_schema() => findings.push(Finding::error(
            "database.schema",
            error.to_string(),
            "No command and no start uses the tables of another build.",
            "Run postly migrate if there are no tables; else run the build that made them, or name a new database.",
        )),
        Ok(Err(error)) if error.is_fault() => findings.push(Finding::error(
            "database.address",
            error.to_string(),
            "postly serve does not start without its database.",
            "Correct DATABASE_URL (and DIRECT_URL), or let this user open the database.",
        )),
        Ok(Err(error)) => findings.push(unavailable(&error.to_string())),
        Ok(Ok(db)) => {
            let asked = tokio::time::timeout(TIME_LIMIT, ask(&db, path.is_some())).await;
            findings.extend(asked.unwrap_or_else(|_| vec![unavailable("no answer within 5 s")]));
            // The command does not wait for pending connections beyond the limit.
            let _ = tokio::time::timeout(TIME_LIMIT, db.close()).await;
        }
    }
    findings
}

fn unavailable(said: &str) -> Finding {
    Finding::error(
        "database.unavailable",
        format!("The database does not answer: {said}"),
        "Webhooks are answered 503 and nothing is written until it does.",
        "Check that the server runs and that host, port, password and firewall are right.",
    )
}

/// Examines the facts that the database reports.
async fn ask(db: &Db, is_file: bool) -> Vec<Finding> {
    let facts = match db.inspect().await {
        Ok(facts) => facts,
        Err(error) => return vec![unavailable(&error.to_string())],
    };
    let mut findings = vec![];
    let version = &facts.version;
    if facts.engine == Engine::Postgres && facts.major < OLDEST_SUPPORTED {
        findings.push(Finding::warning(
            "database.version",
            format!("PostgreSQL {version} is no longer supported by its project"),
            "It gets no more security fixes.",
            format!("Move to PostgreSQL {OLDEST_SUPPORTED} or newer."),
        ));
    }
    if !facts.is_durable {
        findings.push(Finding::error(
            "database.durability",
            "The server runs with fsync or full_page_writes off",
            "A power cut loses messages that were answered 200, and can destroy the whole database.",
            "Set fsync = on and full_page_writes = on in postgresql.conf, and reload.",
        ));
    }
    if facts.polls {
        findings.push(Finding::warning(
            "database.pooler",
            "DATABASE_URL leads through a transaction pooler and DIRECT_URL is not set",
            "Processes cannot wake each other through it and poll: replies of another process start up to a second later.",
            "Set DIRECT_URL to the address of the same database without the pooler.",
        ));
    }
    let before = now_ms();
    if let Ok(Some(server)) = db.server_time().await {
        // The server answered at some time between the two readings of our clock.
        findings.extend(skew("database.clock", "database server", server.0 - (before + now_ms()) / 2));
    }
    findings.extend(backups::examine(facts.engine, facts.last_backup_at, UnixMillis(now_ms()), is_file));
    findings.push(Finding::info(
        "database.engine",
        format!("{} {version}, {}", name(facts.engine), db.name()),
        "Other commands use the same database.",
        "Nothing.",
    ));
    findings
}

fn name(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "SQLite",
        Engine::Postgres => "PostgreSQL",
    }
}

/// The time of this machine in milliseconds since the epoch.
pub(super) fn now_ms() -> i64 {
    let elapsed = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

/// Returns a finding if another clock is too far from ours. `ahead_ms` is its lead.
pub(super) fn skew(id: &str, whose: &str, ahead_ms: i64) -> Option<Finding> {
    let off = ahead_ms.saturating_abs();
    if off < SKEW_WARNING_MS {
        return None;
    }
    let which = if ahead_ms > 0 { "behind" } else { "ahead of" };
    let what = format!("This machine's clock is {} s {which} the {whose}'s", off / 1000);
    let why = "Codes and links end too early or too late, and Stripe's signatures are refused beyond 300 s.";
    let action = "Let both machines follow an NTP server (`timedatectl set-ntp true`).";
    Some(if off < SKEW_ERROR_MS {
        Finding::warning(id, what, why, action)
    } else {
        Finding::error(id, what, why, action)
    })
}

/// Examines the file of an SQLite database: its permissions, and the free room of its disk.
fn file(path: &Path) -> Vec<Finding> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut findings = vec![];
    if let Ok(found) = std::fs::metadata(path)
        && found.permissions().mode() & 0o007 != 0
    {
        findings.push(Finding::warning(
            "database.permissions",
            format!("{} can be read by every user of this machine", path.display()),
            "It holds numbers, briefs and posts of authors.",
            format!("chmod 600 {0} {0}-wal {0}-shm; chmod 700 on its folder", path.display()),
        ));
    }
    let folder =
        path.parent().filter(|folder| folder.exists()).map_or_else(|| PathBuf::from("."), Path::to_owned);
    if let Ok(disk) = rustix::fs::statvfs(&folder) {
        let (free, all) = (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize);
        findings.extend(disk_space(free, all, &folder));
    }
    findings
}

fn disk_space(free: u64, all: u64, folder: &Path) -> Option<Finding> {
    let percent = (free / (all / 100).max(1)).min(100);
    let what = format!("{} MiB ({percent} %) are free on the disk of {}", free >> 20, folder.display());
    let why = "When the disk is full nothing can be written: webhooks are answered 503.";
    let action =
        "Free some room or grow the disk; retention deletes old rows by itself (RETENTION_… variables).";
    if free < DISK_ERROR {
        Some(Finding::error("database.disk", what, why, action))
    } else if percent < DISK_WARNING.0 && free < DISK_WARNING.1 {
        Some(Finding::warning("database.disk", what, why, action))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Level, *};

    #[test]
    fn free_disk_is_judged_by_share_and_size() {
        let folder = Path::new("/srv");
        let level = |free, all| disk_space(free, all, folder).map(|finding| finding.level);
        assert_eq!(level(100 << 20, 1 << 40), Some(Level::Error));
        assert_eq!(level(1 << 30, 20 << 30), Some(Level::Warning));
        // On a large disk, a tenth is enough.
        assert_eq!(level(100 << 30, 1 << 40), None);
        assert_eq!(level(8 << 30, 20 << 30), None);
        assert_eq!(level(0, 0), Some(Level::Error));
    }

    #[test]
    fn a_clock_may_be_off_by_a_second() {
        let level = |ahead| skew("x", "server", ahead).map(|finding| finding.level);
        assert_eq!((level(1_999), level(-1_999)), (None, None));
        assert_eq!((level(2_000), level(-59_999)), (Some(Level::Warning), Some(Level::Warning)));
        assert_eq!((level(60_000), level(-90_000)), (Some(Level::Error), Some(Level::Error)));
        assert!(skew("x", "server", 90_000).unwrap().text().contains("90 s behind"));
    }
}
