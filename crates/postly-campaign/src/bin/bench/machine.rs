//! The machine of the measurements, without which a figure means nothing.

use std::{
    fs,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use crate::figures::{Spread, ms};

/// The number of syncs that measure the disk.
const SYNCS: usize = 200;

/// Describes the machine in one sentence.
pub(crate) fn describe() -> anyhow::Result<String> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let value = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or("unknown", |(_, value)| value.trim()).to_owned()
    };
    let cores = std::thread::available_parallelism()?;
    let folder = std::env::temp_dir();
    let sync = sync_of(&folder)?;
    Ok(format!(
        "{cores} cores ({}), {} of memory, Linux {}, databases on {}, where a sync takes {:.2} ms (p99 {:.2} ms); \
         load average {} at the start.",
        value(&read("/proc/cpuinfo"), "model name"),
        value(&read("/proc/meminfo"), "MemTotal"),
        read("/proc/sys/kernel/osrelease").trim(),
        file_system(&folder, &read("/proc/mounts")),
        ms(sync.p50()),
        ms(sync.p99()),
        read("/proc/loadavg").split(' ').next().unwrap_or_default(),
    ))
}

/// Returns the kind of file system of a folder: that of the longest mount above it.
fn file_system(folder: &Path, mounts: &str) -> String {
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    let above = mounts.filter(|(place, _)| folder.starts_with(place));
    above.max_by_key(|(place, _)| place.len()).map_or("an unknown file system", |(_, kind)| kind).to_owned()
}

/// Measures the time to append a page to a file and to sync it.
fn sync_of(folder: &Path) -> anyhow::Result<Spread> {
    let path = folder.join(format!("postly-bench-sync-{}", std::process::id()));
    let mut file = fs::File::create(&path)?;
    let mut took: Vec<Duration> = vec![];
    for _ in 0..SYNCS {
        let started = Instant::now();
        file.write_all(&[7; 4_096])?;
        file.sync_data()?;
        took.push(started.elapsed());
    }
    fs::remove_file(path)?;
    Ok(took.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mount_counts() {
        let mounts = "/dev/a / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/b /tmpfoo xfs rw 0 0\n";
        assert_eq!(file_system(Path::new("/tmp/x"), mounts), "tmpfs");
        assert_eq!(file_system(Path::new("/var"), mounts), "ext4");
        assert!(describe().unwrap().contains("load average"));
    }
}
