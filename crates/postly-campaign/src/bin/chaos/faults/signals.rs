//! A stop that was asked for, and a process that sleeps past its lease.

use std::time::Duration;

use anyhow::Context as _;
use tokio::time::{Instant, sleep};

use super::{Struck, come_to_rest, cut, usual_load};
use crate::{arena::Arena, checks::Rules, dice::Dice};

/// The bound for a stop (RULES 1.2).
const STOP_WITHIN: Duration = Duration::from_secs(25);
/// How long the other process may take to finish what it had begun, and after that to do the sleeper's work.
const OTHER_WORKS: Duration = Duration::from_millis(500);
/// How long a zombie may take to find out that it is one.
const ZOMBIE_WAKES: Duration = Duration::from_millis(800);
/// How long a balancer takes to find out that a process does not answer.
const NOTICED_AFTER: Duration = Duration::from_secs(5);
/// When the providers bring the news again that nobody took: PostgreSQL has ended the sleeper's transactions by then (10 s), which
/// others wait for.
const TOLD_AFTER: Duration = Duration::from_secs(15);
/// A lease (60 s) and a wait for a status (30 s), one after the other, with the polls between.
const PAST_EVERYTHING: Duration = Duration::from_secs(95);

/// SIGTERM while everybody writes: it finishes or hands back, so that the next process has nothing to wait for.
pub(super) async fn terminate(arena: &mut Arena, dice: &mut Dice) -> anyhow::Result<Struck> {
    let (writing, height, story) = usual_load(arena, dice);
    let moment = dice.millis(20, height);
    sleep(moment).await;
    let mut service = arena.service.take().context("no service runs")?;
    let asked = Instant::now();
    let asked_at_ms = arena.world.now_ms();
    service.signal("TERM").await?;
    let status = service.ended().await?;
    let took = asked.elapsed();
    arena.serve().await?;
    let left = arena.leases_end(asked_at_ms).await?;
    let mut broken = vec![];
    if status.code() != Some(0) || took > STOP_WITHIN {
        broken.push(format!("F11: it stopped with {status} after {took:?}"));
    }
    if left > 0 {
        broken.push(format!("F11: it left {left} leases behind"));
    }
    let lines = come_to_rest(arena, writing).await?;
    Ok(Struck {
        // Whoever was told to wait, or not answered, met the stop; so did whatever it had to finish first.
        hits: cut(&lines) + u64::from(took > Duration::from_millis(20)),
        faults: 1,
        rules: Rules::strict(1),
        broken,
        story: format!(
            "{story}, asked to stop after {} ms, took {} ms",
            moment.as_millis(),
            took.as_millis()
        ),
        lines,
    })
}

/// Stops the process in the middle of its work, lets its leases end and another do the work, and wakes it.
pub(super) async fn zombie(arena: &mut Arena, dice: &mut Dice) -> anyhow::Result<Struck> {
    let (writing, height, story) = usual_load(arena, dice);
    let moment = dice.millis(40, height);
    sleep(moment).await;
    arena.service()?.signal("STOP").await?;
    let slept_at_ms = arena.world.now_ms();
    sleep(OTHER_WORKS).await;
    let leases = arena.leases_end(slept_at_ms).await?;
    sleep(OTHER_WORKS).await;
    arena.service()?.signal("CONT").await?;
    // What it was about to send it sends now, and nobody may take it for lost before.
    sleep(ZOMBIE_WAKES).await;
    let lines = come_to_rest(arena, writing).await?;
    let fenced = arena.service()?.figure("postly_job_fenced_total").await?;
    Ok(Struck {
        hits: leases,
        faults: 1,
        rules: Rules::strict(2),
        broken: vec![],
        story: format!(
            "{story}, asleep after {} ms with {leases} leases; {fenced} works of it were fenced so far",
            moment.as_millis()
        ),
        lines,
    })
}

/// The same, and every wait is waited for. Both processes take webhooks, and while one sleeps the other takes all: it hears
/// of what had arrived when the sleeper fell asleep, also where that was in the sleeper's hands. Whatever comes twice here was heard of.
pub(super) async fn zombie_for_real(arena: &mut Arena, dice: &mut Dice) -> anyhow::Result<Struck> {
    let (writing, height, story) = usual_load(arena, dice);
    let moment = dice.millis(40, height);
    sleep(moment).await;
    arena.service()?.signal("STOP").await?;
    let slept_at_ms = arena.world.now_ms();
    sleep(NOTICED_AFTER).await;
    let held = arena.leases_since(slept_at_ms).await?;
    arena.lead_past_the_service()?;
    sleep(TOLD_AFTER.saturating_sub(NOTICED_AFTER)).await;
    arena.bring_news().await?;
    sleep(PAST_EVERYTHING.saturating_sub(TOLD_AFTER)).await;
    arena.service()?.signal("CONT").await?;
    arena.lead_to_both()?;
    sleep(ZOMBIE_WAKES).await;
    let lines = come_to_rest(arena, writing).await?;
    let fenced = arena.service()?.figure("postly_job_fenced_total").await?;
    Ok(Struck {
        hits: u64::try_from(held).unwrap_or(0),
        faults: 1,
        rules: Rules::strict(2),
        broken: vec![],
        story: format!(
            "{story}, asleep for {} s after {} ms; {fenced} works of it were fenced so far",
            PAST_EVERYTHING.as_secs(),
            moment.as_millis()
        ),
        lines,
    })
}
