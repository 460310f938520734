//! kill -9 at a random moment.

use std::time::Duration;

use tokio::time::sleep;

use super::{Struck, come_to_rest, cut, stay_dead, usual_load};
use crate::{arena::Arena, checks::Rules, dice::Dice};

/// The time for the other of two processes to finish its work in progress: longer than any model or provider
/// of a round takes. Leases that are held for longer belong to the dead process.
const OTHER_FINISHES: Duration = Duration::from_millis(400);

/// Kills the service under load, and starts it again.
pub(super) async fn random(arena: &mut Arena, dice: &mut Dice, silent: bool) -> anyhow::Result<Struck> {
    let (writing, height, story) = usual_load(arena, dice);
    let moment = dice.millis(20, height);
    sleep(moment).await;
    arena.kill().await?;
    let died_at_ms = arena.world.now_ms();
    stay_dead(dice).await;
    arena.serve().await?;
    let leases = arena.leases_end(died_at_ms).await?;
    arena.tell().await?;
    let lines = come_to_rest(arena, writing).await?;
    Ok(Struck {
        hits: leases + cut(&lines),
        faults: 1,
        rules: Rules { doubles: silent, ..Rules::strict(1) },
        broken: vec![],
        story: format!("{story}, killed after {} ms with {leases} leases", moment.as_millis()),
        lines,
    })
}

/// Kills one of two processes; the other continues, and takes over.
pub(super) async fn one_of_two(arena: &mut Arena, dice: &mut Dice) -> anyhow::Result<Struck> {
    let (writing, height, story) = usual_load(arena, dice);
    let moment = dice.millis(20, height);
    let the_worker = dice.percent(50);
    sleep(moment).await;
    if the_worker {
        if let Some(helper) = arena.helper.take() {
            helper.kill().await?;
        }
    } else {
        arena.kill().await?;
    }
    let died_at_ms = arena.world.now_ms();
    sleep(OTHER_FINISHES).await;
    let leases = arena.leases_end(died_at_ms).await?;
    let who = if the_worker {
        // The surviving process takes over first; the new one only helps.
        arena.tell().await?;
        arena.help().await?;
        "the worker"
    } else {
        arena.serve().await?;
        arena.tell().await?;
        "the service"
    };
    let lines = come_to_rest(arena, writing).await?;
    Ok(Struck {
        hits: leases + cut(&lines),
        faults: 1,
        rules: Rules::strict(1),
        broken: vec![],
        story: format!("{story}, {who} killed after {} ms with {leases} leases", moment.as_millis()),
        lines,
    })
}

/// Kills everything at once, including the database.
pub(super) async fn blackout(arena: &mut Arena, dice: &mut Dice) -> anyhow::Result<Struck> {
    let (writing, height, story) = usual_load(arena, dice);
    let moment = dice.millis(20, height);
    sleep(moment).await;
    let database_first = dice.percent(50);
    if database_first {
        super::postgres::stop_dead(arena)?;
        arena.kill().await?;
    } else {
        arena.kill().await?;
        super::postgres::stop_dead(arena)?;
    }
    let died_at_ms = arena.world.now_ms();
    tokio::task::block_in_place(|| arena.cluster()?.resume().map_err(anyhow::Error::from))?;
    arena.serve().await?;
    let leases = arena.leases_end(died_at_ms).await?;
    arena.tell().await?;
    let lines = come_to_rest(arena, writing).await?;
    let first = if database_first { "the database first" } else { "the service first" };
    Ok(Struck {
        hits: leases + cut(&lines),
        faults: 2,
        rules: Rules::strict(2),
        broken: vec![],
        story: format!(
            "{story}, all stopped dead after {} ms, {first}, with {leases} leases",
            moment.as_millis()
        ),
        lines,
    })
}
