//! The disk becomes full, and has space again later.

use std::{io::Write as _, path::Path};

use tokio::time::sleep;

use super::{Skipped, Struck, postgres::recover, refusals, usual_load};
use crate::{arena::Arena, checks::Rules, dice::Dice};

/// The size of the disk: small, so that it fills quickly.
const DISK: &str = "size=48m";

/// Mounts a small disk here, if that is permitted.
pub(crate) async fn mount(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mounted = tokio::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", DISK, "tmpfs"])
        .arg(folder)
        .output()
        .await;
    match mounted {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(Skipped(format!("a small disk cannot be mounted: {reason}")).into())
        }
        Err(error) => Err(Skipped(format!("a small disk cannot be mounted: {error}")).into()),
    }
}

/// Unmounts the disk.
pub(crate) async fn unmount(folder: &Path) -> anyhow::Result<()> {
    let status = tokio::process::Command::new("umount").arg("-l").arg(folder).status().await?;
    if status.success() { Ok(()) } else { anyhow::bail!("{} stays mounted", folder.display()) }
}

/// Fills the disk, completely or almost, for a moment.
pub(super) async fn full(arena: &mut Arena, dice: &mut Dice) -> anyhow::Result<Struck> {
    // SQLite overwrites a log that already has its size, which needs no space; truncating makes it grow
    // again.
    arena.database.count("PRAGMA wal_checkpoint(TRUNCATE)").await?;
    let (writing, height, story) = usual_load(arena, dice);
    sleep(dice.millis(0, height / 2)).await;
    let left = dice.between(0, 64) * 1024;
    let ballast = arena.path("disk/ballast");
    fill(&ballast, left)?;
    let stays = dice.millis(200, 1_500);
    sleep(stays).await;
    std::fs::remove_file(&ballast)?;
    let (lines, leases) = recover(arena, writing).await?;
    Ok(Struck {
        hits: leases + refusals(&lines),
        faults: 1,
        rules: Rules::strict(2),
        broken: vec![],
        story: format!("{story}, {left} bytes left for {} ms, {leases} leases lost", stays.as_millis()),
        lines,
    })
}

/// Writes until the disk is full, then frees `left` bytes.
fn fill(ballast: &Path, left: u64) -> anyhow::Result<()> {
    const BLOCK: [u8; 4096] = [0; 4096];
    let mut file = std::fs::File::create(ballast)?;
    let mut written = 0;
    while file.write_all(&BLOCK).is_ok() {
        written += 4096;
    }
    file.set_len(u64::saturating_sub(written, left))?;
    Ok(())
}
