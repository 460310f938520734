//! The wall clock of the service jumps under load, by `libfaketime`.

use std::path::PathBuf;

use anyhow::Context as _;
use postly_campaign::service::Plan;
use tokio::time::sleep;

use super::{Skipped, Struck, postgres::recover, usual_load};
use crate::{
    arena::Arena,
    checks::{Ends, Rules},
    dice::Dice,
};

/// Where Debian keeps it, for whichever processor.
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

/// The library that tells a process another time, where there is one.
fn library() -> Option<PathBuf> {
    let folders =
        std::fs::read_dir("/usr/lib").ok()?.filter_map(|entry| Some(entry.ok()?.path().join(LIBRARY)));
    folders.into_iter().find(|path| path.exists())
}

/// The same service, with a clock that this file moves.
fn with_clock(plan: &Plan, file: &std::path::Path) -> anyhow::Result<Plan> {
    let library =
        library().ok_or_else(|| Skipped("libfaketime is not installed (Debian: faketime)".to_owned()))?;
    Ok(plan
        .clone()
        .with("LD_PRELOAD", &library.display().to_string())
        .with("FAKETIME_TIMESTAMP_FILE", &file.display().to_string())
        .with("FAKETIME_NO_CACHE", "1")
        // Timers measure how long, not what time it is: no clock step moves them.
        .with("FAKETIME_DONT_FAKE_MONOTONIC", "1"))
}

/// Steps the clock while everybody writes, and steps it back when all has come to rest.
pub(super) async fn step(arena: &mut Arena, dice: &mut Dice) -> anyhow::Result<Struck> {
    let file = arena.path("clock");
    std::fs::write(&file, "+0\n").context("cannot set the clock")?;
    if !arena.plan.variables.iter().any(|(name, _)| name == "LD_PRELOAD") {
        arena.plan = with_clock(&arena.plan, &file)?;
        arena.kill().await?;
        arena.serve().await?;
    }
    let step_s: i64 = *dice.pick(&[-7_200, -120, -5, 5, 45, 10_800]).context("a step")?;
    let (writing, height, story) = usual_load(arena, dice);
    sleep(dice.millis(20, height)).await;
    let busy = arena.database.count("SELECT COUNT(*) FROM lanes WHERE lease_token IS NOT NULL").await?;
    std::fs::write(&file, format!("{step_s:+}\n")).context("cannot set the clock")?;
    arena.clock_step_ms = step_s * 1_000;
    let recovered = recover(arena, writing).await;
    std::fs::write(&file, "+0\n").context("cannot set the clock")?;
    arena.clock_step_ms = 0;
    let (lines, leases) = recovered?;
    Ok(Struck {
        hits: u64::try_from(busy).unwrap_or(0),
        faults: 1,
        rules: Rules { ends: Ends::Named, doubles: false, disruptions: 2 },
        broken: vec![],
        story: format!("{story}, the clock jumps by {step_s} s with {busy} leases, {leases} leases lost"),
        lines,
    })
}
