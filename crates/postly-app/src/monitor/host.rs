//! The disk under the SQLite database.

use std::path::{Path, PathBuf};

use postly_domain::{Alert, metric};

use super::{as_figure, conditions::Condition};

/// The disk is low below both this ratio and this number of bytes. A large disk that is nearly full still has
/// space for a long time.
const LITTLE_RATIO: f64 = 0.15;
const LITTLE_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// Space of a disk, in bytes.
struct Space {
    free: u64,
    all: u64,
}

impl Space {
    /// Returns the space of the disk that holds a file; `None` if it cannot be read.
    fn around(file: &Path) -> Option<Self> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let disk = rustix::fs::statvfs(folder.unwrap_or(Path::new("."))).ok()?;
        let of = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        Some(Self { free: of(disk.f_bavail), all: of(disk.f_blocks) })
    }

    fn ratio(&self) -> f64 {
        figure(self.free) / figure(self.all).max(1.0)
    }

    fn is_little(&self) -> bool {
        self.ratio() < LITTLE_RATIO && self.free < LITTLE_BYTES
    }
}

fn figure(bytes: u64) -> f64 {
    as_figure(i64::try_from(bytes).unwrap_or(i64::MAX))
}

/// Shows the space of the disk of the database, and the size of its log.
pub(super) fn show(file: Option<&Path>) {
    let Some(file) = file else { return };
    if let Some(space) = Space::around(file) {
        metrics::gauge!(metric::DISK_FREE_BYTES).set(figure(space.free));
        metrics::gauge!(metric::DISK_FREE_RATIO).set(space.ratio());
    }
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    // There is no log until something is written.
    let bytes = std::fs::metadata(PathBuf::from(log)).map_or(0, |log| log.len());
    metrics::gauge!(metric::SQLITE_WAL_BYTES).set(figure(bytes));
}

/// Returns the condition of a disk with little space left.
pub(super) fn disk_condition(file: Option<&Path>) -> Option<Condition> {
    let space = Space::around(file?)?;
    space.is_little().then(|| {
        let megabytes = space.free / (1024 * 1024);
        let message = format!(
            "{megabytes} MiB are left where the database lies: without space nothing is stored or sent"
        );
        Condition::new(Alert::DiskLow, "", message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_little_of_the_disk_and_little_in_bytes() {
        const GIB: u64 = 1024 * 1024 * 1024;
        let little = |free, all| Space { free, all }.is_little();
        assert!(little(GIB, 20 * GIB));
        assert!(!little(100 * GIB, 1_000 * GIB) && !little(GIB, 2 * GIB));
        assert!(Space::around(&std::env::temp_dir().join("file")).unwrap().all > 0);
    }
}
