//! The faults, one file per family.

mod kill;

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

/// What a round did.
pub(crate) struct Struck {
    /// The client's journal.
    pub(crate) lines: Vec<Line>,
    /// What is allowed in it.
    pub(crate) rules: Rules,
    /// How often the fault was played.
    pub(crate) faults: u64,
    /// What was under way when it struck: leases that a dead process held, messages without an answer, calls that failed.
    /// A round in which this is 0 proves nothing, and is not counted.
    pub(crate) hits: u64,
    /// The round in words, so that it can be read and replayed.
    pub(crate) story: String,
}

/// Plays one round. When it returns, the fault is over, and everything has come to rest.
pub(crate) async fn play(family: Family, arena: &mut Arena, dice: &mut Dice) -> anyhow::Result<Struck> {
    match family {
        Family::Kill | Family::KillSilent => kill::random(arena, dice, family == Family::KillSilent).await,
        _ => anyhow::bail!("{} is not written yet", family.name()),
    }
}

/// Everybody begins to write, while the model and the providers take some time of their own, so that a fault can strike
/// between any two steps. Returns the load, and within how many milliseconds it is at its height.
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

/// How long a dead process stays dead: longer than the world needs to accept what was on its way to it.
async fn stay_dead(dice: &mut Dice) {
    sleep(Duration::from_millis(40) + dice.millis(0, 60)).await;
}

/// Lets everything come to rest, and reads the client's journal.
async fn come_to_rest(arena: &mut Arena, writing: Writing) -> anyhow::Result<Vec<Line>> {
    let lines = writing.journal().await?;
    arena.world.clear_faults();
    arena.rest().await?;
    Ok(lines)
}

/// How many messages of a journal had no answer at least once.
fn cut(lines: &[Line]) -> u64 {
    u64::try_from(lines.iter().filter(|line| line.was_cut()).count()).unwrap_or(u64::MAX)
}
