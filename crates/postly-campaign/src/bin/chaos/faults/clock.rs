//! The wall clock of the service jumps under load, by `libfaketime`.

use std::path::PathBuf;

use anyhow::Context as _;
use postly_campaign::service::Plan;
use tokio::time::sleep;

use super::{Skipped, Struck, postgres::recover, usual_load};
use crate::{
    arena::{Arena, WAITING},
    checks::{Ends, Rules},
    database::Engine,
    dice::Dice,
};

/// The path of Debian's library, below the folder of the processor's architecture.
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

/// Returns the library that changes the time of a process, if it is installed.
fn library() -> Option<PathBuf> {
    let folders =
        std::fs::read_dir("/usr/lib").ok()?.filter_map(|entry| Some(entry.ok()?.path().join(LIBRARY)));
    folders.into_iter().find(|path| path.exists())
}

/// Returns the plan with a clock that this file moves.
fn with_clock(plan: &Plan, file: &std::path::Path) -> anyhow::Result<Plan> {
    let library =
        library().ok_or_else(|| Skipped("libfaketime is not installed (Debian: faketime)".to_owned()))?;
    Ok(plan
        .clone()
        .with("LD_PRELOAD", &library.display().to_string())
        .with("FAKETIME_TIMESTAMP_FILE", &file.display().to_string())
        .with("FAKETIME_NO_CACHE", "1")
        // Timers measure durations, which no step of the clock changes.
        .with("FAKETIME_DONT_FAKE_MONOTONIC", "1"))
}

/// The steps of the clock: within a lease (12 s) and a wait for a status (30 s), beyond both, and as large as
/// a mistake of an administrator.
const STEPS_S: [i64; 6] = [-7_200, -120, -5, 5, 45, 1_800];

/// Steps the clock under load. A clock that went back is corrected a moment later; one that went forward
/// stays there.
pub(super) async fn step(arena: &mut Arena, dice: &mut Dice) -> anyhow::Result<Struck> {
    let file = arena.path("clock");
    let is_first = arena.ahead_ms.is_none();
    if is_first {
        set(&file, 0)?;
        arena.ahead_ms = Some(0);
        if arena.engine == Engine::Postgres {
            // A second process, as on another machine with a correct clock.
            arena.help().await?;
        }
        arena.plan = with_clock(&arena.plan, &file)?;
    }
    // On PostgreSQL each round starts a new process, which has seen no other time, so that two processes on
    // one database disagree by hours if they use the clocks of their machines.
    if is_first || arena.engine == Engine::Postgres {
        arena.kill().await?;
        arena.serve().await?;
    }
    let ahead_s = arena.ahead_ms.unwrap_or(0) / 1_000;
    let step_s = *dice.pick(&STEPS_S).context("a step")?;
    let (writing, height, story) = usual_load(arena, dice);
    sleep(dice.millis(20, height)).await;
    let busy = arena.database.count("SELECT COUNT(*) FROM lanes WHERE lease_token IS NOT NULL").await?;
    set(&file, ahead_s + step_s)?;
    let wrong = dice.millis(300, 2_000);
    let mut late = String::new();
    if step_s < 0 {
        sleep(wrong).await;
        let waiting = arena.database.count(WAITING).await?;
        late = format!(" for {} ms, {waiting} wait", wrong.as_millis());
        set(&file, ahead_s)?;
    } else {
        arena.ahead_ms = Some((ahead_s + step_s) * 1_000);
    }
    let (lines, leases) = recover(arena, writing).await?;
    Ok(Struck {
        hits: u64::try_from(busy).unwrap_or(0),
        faults: 1,
        rules: Rules { ends: Ends::Named, ..Rules::strict(2) },
        broken: vec![],
        story: format!(
            "{story}, the clock jumps by {step_s} s with {busy} leases{late}, {leases} leases lost"
        ),
        lines,
    })
}

fn set(file: &std::path::Path, ahead_s: i64) -> anyhow::Result<()> {
    std::fs::write(file, format!("{ahead_s:+}\n")).context("cannot set the clock")
}
