//! The resources that processes have used, from Linux's proc(5).

use std::time::Duration;

use anyhow::Context as _;

/// One tick of proc(5): `USER_HZ` is 100 on every supported machine.
const TICK: Duration = Duration::from_millis(10);

/// The fields of `/proc/<pid>/stat` that are used.
struct Stat {
    parent: u32,
    own_ticks: u64,
    /// The ticks of children that have ended and were waited for.
    ended_children_ticks: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name, in brackets, may hold any character.
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own_ticks: number(11)? + number(12)?,
        ended_children_ticks: number(13)? + number(14)?,
    })
}

fn ticks(ticks: u64) -> Duration {
    TICK * u32::try_from(ticks).unwrap_or(u32::MAX)
}

/// Returns the CPU time that one process has used.
pub(crate) fn cpu_of(pid: u32) -> anyhow::Result<Duration> {
    stat(pid).map(|stat| ticks(stat.own_ticks)).with_context(|| format!("process {pid} is gone"))
}

/// Returns the CPU time that a server has used with all its processes, including those that have ended.
pub(crate) fn cpu_of_family(pid: u32) -> anyhow::Result<Duration> {
    let head = stat(pid).with_context(|| format!("process {pid} is gone"))?;
    let all = std::fs::read_dir("/proc")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter_map(stat)
        .filter(|stat| stat.parent == pid)
        .chain([head])
        .map(|stat| stat.own_ticks + stat.ended_children_ticks);
    Ok(ticks(all.sum()))
}

/// Returns the parent of a process.
pub(crate) fn parent_of(pid: u32) -> anyhow::Result<u32> {
    stat(pid).map(|stat| stat.parent).with_context(|| format!("process {pid} is gone"))
}

/// Returns the memory that a process holds now, in MB of a million bytes.
pub(crate) fn megabytes_of(pid: u32) -> anyhow::Result<f64> {
    status_megabytes(pid, "VmRSS:")
}

/// Returns the most memory that a process has held so far, in MB.
pub(crate) fn most_megabytes_of(pid: u32) -> anyhow::Result<f64> {
    status_megabytes(pid, "VmHWM:")
}

fn status_megabytes(pid: u32, name: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no such line")?;
    let kilobytes: u32 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(f64::from(kilobytes) * 1_024.0 / 1_000_000.0)
}

/// Returns the bytes that a process has read from files, from the disk or from the page cache.
pub(crate) fn bytes_read_by(pid: u32) -> anyhow::Result<f64> {
    let io = std::fs::read_to_string(format!("/proc/{pid}/io"))?;
    let line = io.lines().find_map(|line| line.strip_prefix("rchar: ")).context("no rchar")?;
    Ok(line.trim().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_counts_its_children_the_ended_ones_too() {
        let me = std::process::id();
        let own = cpu_of(me).unwrap();
        // A child that computes for a while, and ends.
        let work = ["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"];
        assert!(std::process::Command::new("sh").args(work).status().unwrap().success());
        let family = cpu_of_family(me).unwrap();
        assert!(family > own + Duration::from_millis(20), "{family:?} {own:?}");
        assert!(megabytes_of(me).unwrap() > 0.5);
        assert!(parent_of(me).unwrap() > 0);
    }

    #[test]
    fn what_is_read_is_counted_although_it_lies_in_memory() {
        let me = std::process::id();
        let before = bytes_read_by(me).unwrap();
        let read = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let counted = bytes_read_by(me).unwrap() - before;
        assert!(counted >= f64::from(u32::try_from(read.len()).unwrap()), "{counted}");
    }
}
