//! All authors write while `strace` records the process (docs/RELIABILITY.md I18).

use anyhow::{Context as _, bail};

use super::{Skipped, Struck, come_to_rest};
use crate::{
    arena::Arena,
    checks::Rules,
    database::Engine,
    dice::Dice,
    load::Shape,
    trace::{self, CALLS, SHOWN},
};

/// Traces the service while it takes messages, and checks the order of its writes, syncs and
/// acknowledgements.
pub(super) async fn watch(arena: &mut Arena, dice: &mut Dice) -> anyhow::Result<Struck> {
    if tokio::process::Command::new("strace").arg("-V").output().await.is_err() {
        return Err(Skipped("strace is not installed".to_owned()).into());
    }
    let file = arena.path("trace");
    let mut watched = arena.plan.clone();
    let through = ["strace", "-f", "-D", "-y", "-e", CALLS, "-s", SHOWN, "-o"];
    watched.through =
        through.iter().map(|word| (*word).to_owned()).chain([file.display().to_string()]).collect();
    arena.kill().await?;
    let plain = std::mem::replace(&mut arena.plan, watched);
    let started = arena.serve().await;
    arena.plan = plain;
    if let Err(error) = started {
        return Err(Skipped(format!("strace may not watch: {error:#}")).into());
    }
    let shape = Shape { people: 12, briefs: 2, spread_ms: 400, copies: 0 };
    let writing = arena.crowd.write(&arena.world, shape, dice);
    let lines = come_to_rest(arena, writing).await?;
    // strace writes the rest of the trace when the traced process has ended.
    arena.kill().await?;
    arena.serve().await?;
    let ids: Vec<String> = lines.iter().map(|line| line.id.clone()).collect();
    let trace = std::fs::read(&file).context("no trace")?;
    let order = trace::read(&String::from_utf8_lossy(&trace), &ids);
    if order.acknowledged.is_empty() {
        bail!("the trace shows no acknowledgement: {}", file.display());
    }
    let mut broken = vec![];
    if !order.too_early.is_empty() {
        broken.push(format!("I18: {} acknowledgements came before the sync", order.too_early.len()));
    }
    if order.careless_commits > 0 {
        broken.push(format!("I18: {} transactions do not wait for the disk", order.careless_commits));
    }
    if arena.engine == Engine::Postgres && arena.database.texts("SHOW fsync").await? != ["on"] {
        broken.push("I18: the server does not sync".to_owned());
    }
    let seen = u64::try_from(order.acknowledged.len()).unwrap_or(0);
    let acked = u64::try_from(lines.iter().filter(|line| line.is_acked()).count()).unwrap_or(0);
    if seen < acked {
        broken.push(format!("I18: the trace shows {seen} of {acked} acknowledgements"));
    }
    Ok(Struck {
        lines,
        hits: seen,
        faults: 1,
        rules: Rules::strict(1),
        broken,
        story: format!("{seen} acknowledgements watched"),
    })
}
