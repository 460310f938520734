//! The faults, one file per family.

mod clock;
pub(crate) mod disk;
mod failover;
mod inbound;
mod kill;
mod postgres;
mod signals;
mod sync_order;
mod two_ways;
pub(crate) mod upstream;

use std::time::Duration;

use postly_simulator::{Fault, FaultKind, Upstream};
use tokio::time::sleep;

use crate::{
    arena::Arena,
    checks::Rules,
    dice::Dice,
    load::{Line, Shape, Writing},
    schedule::Family,
};

/// The result of a round's fault.
pub(crate) struct Struck {
    /// The client's journal.
    pub(crate) lines: Vec<Line>,
    /// The outcomes that are allowed in it.
    pub(crate) rules: Rules,
    /// The number of times that the fault was played.
    pub(crate) faults: u64,
    /// The work that the fault hit: leases of a dead process, messages without a response, calls that failed.
    /// A round with 0 proves nothing, and is not counted.
    pub(crate) hits: u64,
    /// The invariants that the fault itself showed to be broken.
    pub(crate) broken: Vec<String>,
    /// A description of the round, to read and replay it.
    pub(crate) story: String,
}

/// The reason why this machine cannot play a fault. The table shows it; it is not a failure.
#[derive(Debug)]
pub(crate) struct Skipped(pub(crate) String);

impl std::fmt::Display for Skipped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Skipped {}

/// Plays one round. On return, the fault is over, and no work is left.
pub(crate) async fn play(
    family: Family,
    arena: &mut Arena,
    dice: &mut Dice,
    round: u64,
) -> anyhow::Result<Struck> {
    match family {
        Family::Kill | Family::KillSilent => kill::random(arena, dice, family == Family::KillSilent).await,
        Family::KillOneOfTwo => kill::one_of_two(arena, dice).await,
        Family::Blackout => kill::blackout(arena, dice).await,
        Family::Restart => postgres::restart(arena, dice).await,
        Family::Backends => postgres::backends(arena, dice).await,
        Family::CutCommit => postgres::cut_commit(arena, dice).await,
        Family::Network => postgres::network(arena, dice).await,
        Family::Terminate => signals::terminate(arena, dice).await,
        Family::Zombie => signals::zombie(arena, dice).await,
        Family::ZombieForReal => signals::zombie_for_real(arena, dice).await,
        Family::HalfOpen => postgres::half_open(arena, dice).await,
        Family::Upstream => upstream::fail(arena, dice, round).await,
        Family::TwoWays => two_ways::write(arena, dice).await,
        Family::Inbound => inbound::deliveries(arena, dice).await,
        Family::Failover | Family::ReadOnly => {
            failover::failover(arena, dice, family == Family::ReadOnly).await
        }
        Family::DiskFull => disk::full(arena, dice).await,
        Family::Clock => clock::step(arena, dice).await,
        Family::SyncOrder => sync_order::watch(arena, dice).await,
    }
}

/// Starts the usual load, with delays of the model and the providers so that a fault can strike between any
/// two steps. Returns the load, the milliseconds until it is at its height, and its description.
fn usual_load(arena: &mut Arena, dice: &mut Dice) -> (Writing, u64, String) {
    let shape = Shape {
        people: dice.between(8, 16),
        briefs: dice.between(1, 2),
        spread_ms: dice.between(50, 350),
        copies: 0,
    };
    let model = dice.millis(0, 150);
    let send_ms = dice.between(0, 30);
    arena.model_takes(model);
    for upstream in [Upstream::Meta, Upstream::Twilio] {
        arena.world.fault(upstream, Fault::always(FaultKind::Delay(send_ms)));
    }
    let story = format!(
        "{} people, {} briefs each within {} ms, model {} ms, send {send_ms} ms",
        shape.people,
        shape.briefs,
        shape.spread_ms,
        model.as_millis()
    );
    let writing = arena.crowd.write(&arena.world, shape, dice);
    let height = shape.spread_ms + 150;
    (writing, height, story)
}

/// Waits before a dead process is started again: longer than the simulator needs to accept the requests on
/// their way.
async fn stay_dead(dice: &mut Dice) {
    sleep(Duration::from_millis(40) + dice.millis(0, 60)).await;
}

/// Waits until no work is left, and returns the client's journal.
async fn come_to_rest(arena: &mut Arena, writing: Writing) -> anyhow::Result<Vec<Line>> {
    let lines = writing.journal().await?;
    arena.world.clear_faults();
    arena.rest().await?;
    Ok(lines)
}

/// Returns the number of deliveries in a journal that were not taken.
fn refusals(lines: &[Line]) -> u64 {
    lines.iter().map(Line::refusals).sum()
}

/// Returns the number of messages in a journal with a delivery that had no response.
fn cut(lines: &[Line]) -> u64 {
    u64::try_from(lines.iter().filter(|line| line.was_cut()).count()).unwrap_or(u64::MAX)
}
