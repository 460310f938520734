//! kill -9 at a random moment.

use tokio::time::sleep;

use super::{Struck, come_to_rest, cut, stay_dead, usual_load};
use crate::{
    arena::Arena,
    checks::{Ends, Rules},
    dice::Dice,
};

/// Kills the service while everybody writes, and starts it again.
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
        rules: Rules { ends: Ends::Posts, doubles: silent, disruptions: 1 },
        story: format!("{story}, killed after {} ms with {leases} leases", moment.as_millis()),
        lines,
    })
}
