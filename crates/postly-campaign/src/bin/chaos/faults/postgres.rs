//! Faults of PostgreSQL and of the network to it, while the service runs.

use std::time::Duration;

use postly_postgres::Stop;
use tokio::time::sleep;

use super::{Struck, come_to_rest, refusals, usual_load};
use crate::{
    arena::Arena,
    checks::Rules,
    dice::Dice,
    load::{Line, Writing},
    proxy::Cut,
};

/// The time for the service to notice the fault and finish its work in progress, including its attempts to
/// record a response (`postly-app`, `deliver`: 2 s between two of them). After that the campaign ends its
/// leases.
const PATIENCE: Duration = Duration::from_millis(2_500);

/// Stops PostgreSQL as in a crash.
pub(super) fn stop_dead(arena: &Arena) -> anyhow::Result<()> {
    tokio::task::block_in_place(|| Ok(arena.cluster()?.stop(Stop::Immediate)?))
}

/// Recovers from a fault: the service finishes its work, leases whose end was lost are ended, and no work is
/// left. Returns the journal and the number of leases that the campaign had to end.
pub(super) async fn recover(arena: &mut Arena, writing: Writing) -> anyhow::Result<(Vec<Line>, u64)> {
    let over_at_ms = arena.world.now_ms();
    arena.idle_within(PATIENCE).await?;
    let leases = arena.leases_end(over_at_ms).await?;
    Ok((come_to_rest(arena, writing).await?, leases))
}

/// Stops PostgreSQL in order or as in a crash, and starts it again.
pub(super) async fn restart(arena: &mut Arena, dice: &mut Dice) -> anyhow::Result<Struck> {
    let (writing, height, story) = usual_load(arena, dice);
    let moment = dice.millis(20, height);
    let (stop, how) =
        if dice.percent(50) { (Stop::Fast, "in good order") } else { (Stop::Immediate, "dead") };
    let away = dice.millis(0, 300);
    sleep(moment).await;
    tokio::task::block_in_place(|| arena.cluster()?.stop(stop).map_err(anyhow::Error::from))?;
    sleep(away).await;
    tokio::task::block_in_place(|| arena.cluster()?.resume().map_err(anyhow::Error::from))?;
    let (lines, leases) = recover(arena, writing).await?;
    Ok(Struck {
        hits: leases + refusals(&lines),
        faults: 1,
        rules: Rules::strict(2),
        broken: vec![],
        story: format!(
            "{story}, PostgreSQL stopped {how} after {} ms, {leases} leases lost",
            moment.as_millis()
        ),
        lines,
    })
}

/// Ends every session at the database, as an administrator.
pub(super) async fn backends(arena: &mut Arena, dice: &mut Dice) -> anyhow::Result<Struck> {
    const BUSY: &str = "SELECT COUNT(*) FROM (SELECT state, pg_terminate_backend(pid) FROM pg_stat_activity \
                        WHERE datname = current_database() AND pid <> pg_backend_pid()) AS ended \
                        WHERE state IN ('active', 'idle in transaction')";
    let (writing, _, story) = usual_load(arena, dice);
    let times = dice.between(2, 6);
    let mut busy = 0;
    for _ in 0..times {
        sleep(dice.millis(10, 80)).await;
        busy += u64::try_from(arena.database.count(BUSY).await?).unwrap_or(0);
    }
    let (lines, leases) = recover(arena, writing).await?;
    Ok(Struck {
        hits: busy + leases,
        faults: times,
        rules: Rules::strict(times),
        broken: vec![],
        story: format!(
            "{story}, all sessions ended {times} times, {busy} of them busy, {leases} leases lost"
        ),
        lines,
    })
}

/// Cuts the connections of some COMMITs, before or after the server receives them.
pub(super) async fn cut_commit(arena: &mut Arena, dice: &mut Dice) -> anyhow::Result<Struck> {
    let before = arena.proxy()?.cuts();
    let (writing, height, story) = usual_load(arena, dice);
    sleep(dice.millis(0, height / 2)).await;
    let count = dice.between(1, 8);
    let (place, when) = if dice.percent(70) { (Cut::After, "after") } else { (Cut::Before, "before") };
    arena.proxy()?.cut_commits(count, place);
    sleep(dice.millis(100, 300)).await;
    arena.proxy()?.cut_commits(0, place);
    let cuts = arena.proxy()?.cuts() - before;
    let (lines, leases) = recover(arena, writing).await?;
    Ok(Struck {
        hits: cuts,
        faults: cuts,
        rules: Rules::strict(cuts),
        broken: vec![],
        story: format!("{story}, {cuts} connections cut {when} their COMMIT was heard, {leases} leases lost"),
        lines,
    })
}

/// Stops all bytes for a while, then releases or cuts the connections.
pub(super) async fn network(arena: &mut Arena, dice: &mut Dice) -> anyhow::Result<Struck> {
    let (writing, height, story) = usual_load(arena, dice);
    sleep(dice.millis(20, height / 2)).await;
    let stands = dice.millis(300, 3_000);
    let is_cut = dice.percent(50);
    arena.proxy()?.hold(true);
    sleep(stands).await;
    arena.proxy()?.hold(false);
    if is_cut {
        arena.proxy()?.cut_all();
    }
    let how = if is_cut { "then is cut" } else { "then goes on" };
    let (lines, leases) = recover(arena, writing).await?;
    Ok(Struck {
        hits: refusals(&lines) + leases,
        faults: 1,
        rules: Rules::strict(2),
        broken: vec![],
        story: format!("{story}, nothing passes for {} ms, {how}, {leases} leases lost", stands.as_millis()),
        lines,
    })
}

/// Silences the existing connections without closing them.
pub(super) async fn half_open(arena: &mut Arena, dice: &mut Dice) -> anyhow::Result<Struck> {
    let (writing, height, story) = usual_load(arena, dice);
    let moment = dice.millis(20, height / 2);
    sleep(moment).await;
    arena.proxy()?.forget_all();
    let (lines, leases) = recover(arena, writing).await?;
    Ok(Struck {
        hits: refusals(&lines) + leases,
        faults: 1,
        rules: Rules::strict(2),
        broken: vec![],
        story: format!(
            "{story}, all connections silent after {} ms, {leases} leases lost",
            moment.as_millis()
        ),
        lines,
    })
}
