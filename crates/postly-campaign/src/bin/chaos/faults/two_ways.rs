//! One author at both providers: two conversations work at once, on one wallet.

use tokio::{task::JoinSet, time::sleep};

use super::Struck;
use crate::{
    arena::Arena,
    checks::Rules,
    dice::Dice,
    load::{Line, insist},
};

/// The number of authors.
const PEOPLE: u64 = 6;
/// The number of briefs of each author at each provider, one right after the other.
const BRIEFS: usize = 4;

/// All authors write through both providers at once.
pub(super) async fn write(arena: &mut Arena, dice: &mut Dice) -> anyhow::Result<Struck> {
    let model = dice.millis(0, 20);
    arena.model_takes(model);
    let mut tasks: JoinSet<Vec<Line>> = JoinSet::new();
    for _ in 0..PEOPLE {
        for person in arena.crowd.somebody_twice(&arena.world) {
            let briefs: Vec<_> = (0..BRIEFS).map(|_| arena.crowd.brief()).collect();
            let (world, pause) = (arena.world.clone(), dice.millis(0, 30));
            tasks.spawn(async move {
                sleep(pause).await;
                let mut lines = vec![];
                for (order, (marker, brief)) in briefs.into_iter().enumerate() {
                    let webhook = world.webhook_text(&person, &brief);
                    let answers = insist(&world, &webhook).await;
                    lines.push(Line { person: person.clone(), order, id: webhook.id, marker, answers });
                }
                lines
            });
        }
    }
    let mut lines = vec![];
    while let Some(written) = tasks.join_next().await {
        lines.extend(written?);
    }
    arena.rest().await?;
    Ok(Struck {
        hits: PEOPLE,
        faults: PEOPLE,
        rules: Rules { shared: true, ..Rules::strict(1) },
        broken: vec![],
        story: format!(
            "{PEOPLE} people write through both providers at once, model {} ms",
            model.as_millis()
        ),
        lines,
    })
}
