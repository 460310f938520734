//! Webhooks that arrive several times at once, in batches, late, and out of order (docs/RELIABILITY.md F09).

use std::time::Duration;

use postly_simulator::{Channel, MessageKind, Webhook};
use tokio::{task::JoinSet, time::sleep};

use super::Struck;
use crate::{
    arena::Arena,
    checks::Rules,
    dice::Dice,
    load::{Line, insist},
};

/// The delay after which a message is still answered: the window closes after a day.
const IN_TIME_S: u64 = 23 * 3600;
/// The longest delay.
const TOO_LATE_S: u64 = 8 * 24 * 3600;

/// Plays a schedule of deliveries.
pub(super) async fn deliveries(arena: &mut Arena, dice: &mut Dice) -> anyhow::Result<Struck> {
    let now_s = arena.world.now_ms() / 1000;
    let mut lines = vec![];
    let mut webhooks: Vec<Webhook> = vec![];
    // A batch from Meta, with one message of each author.
    let mut batch = vec![];
    for _ in 0..dice.between(2, 25) {
        let person = arena.crowd.somebody_at(&arena.world, Channel::Meta);
        let (marker, brief) = arena.crowd.brief();
        batch.push((person, marker, brief));
    }
    let items: Vec<_> = batch.iter().map(|(person, _, brief)| (person.clone(), brief.clone())).collect();
    let together = arena.world.webhook_batch(&items);
    for ((person, marker, _), id) in batch.into_iter().zip(&together.ids) {
        lines.push(Line { person, order: 0, id: id.clone(), marker, answers: vec![] });
    }
    webhooks.push(together);
    // Late messages from Meta, whose webhooks carry the time of writing. Some arrive after their window.
    let mut too_late = vec![];
    for _ in 0..dice.between(4, 10) {
        let in_time = dice.percent(70);
        let late_s =
            if in_time { dice.between(0, IN_TIME_S) } else { dice.between(IN_TIME_S + 7_200, TOO_LATE_S) };
        let person = arena.crowd.somebody_at(&arena.world, Channel::Meta);
        let (marker, brief) = arena.crowd.brief();
        let at_s = now_s.saturating_sub(i64::try_from(late_s).unwrap_or(0));
        let webhook = arena.world.webhook_at(&person, MessageKind::Text(brief), at_s);
        // The provider still has an open window for the author, because of another recent action.
        arena.world.open_window(&person);
        let line = Line { person, order: 0, id: webhook.id.clone(), marker, answers: vec![] };
        if in_time {
            lines.push(line);
        } else {
            too_late.push(line);
        }
        webhooks.push(webhook);
    }
    for _ in 0..dice.between(2, 8) {
        let person = arena.crowd.somebody_at(&arena.world, Channel::Twilio);
        let (marker, brief) = arena.crowd.brief();
        let webhook = arena.world.webhook_text(&person, &brief);
        lines.push(Line { person, order: 0, id: webhook.id.clone(), marker, answers: vec![] });
        webhooks.push(webhook);
    }
    // Each webhook is delivered up to five times, at random moments.
    let mut tasks = JoinSet::new();
    let mut copies = 0;
    for webhook in webhooks {
        for _ in 0..dice.between(1, 5) {
            copies += 1;
            let (world, webhook, pause) = (arena.world.clone(), webhook.clone(), dice.millis(0, 300));
            tasks.spawn(async move {
                sleep(pause).await;
                let answers = insist(&world, &webhook).await;
                (webhook.ids, answers)
            });
        }
    }
    while let Some(done) = tasks.join_next().await {
        let (ids, answers) = done?;
        for line in lines.iter_mut().chain(&mut too_late).filter(|line| ids.contains(&line.id)) {
            line.answers.extend(&answers);
        }
    }
    arena.rest().await?;
    // Any unexpected reply would have arrived by now.
    sleep(Duration::from_millis(50)).await;
    let mut broken = vec![];
    for line in &too_late {
        let ignored = format!(
            "SELECT COUNT(*) FROM inbox WHERE event_key = '{}' AND state = 'ignored' AND outcome IS NOT NULL",
            line.key()
        );
        if arena.database.count(&ignored).await? != 1 {
            broken.push(format!("I02: {} came after its window, and was not ignored by name", line.id));
        }
        if arena.world.phone_messages(&line.person).iter().any(|message| message.body.contains(&line.marker))
        {
            broken.push(format!("{} came after its window, and was answered", line.id));
        }
    }
    Ok(Struck {
        story: format!(
            "{} messages in {copies} deliveries, {} of them after their window",
            lines.len() + too_late.len(),
            too_late.len()
        ),
        hits: copies,
        faults: copies,
        lines,
        rules: Rules::strict(0),
        broken,
    })
}
