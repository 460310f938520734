//! A requested stop, and a process that is suspended beyond its lease.

use std::time::Duration;

use anyhow::Context as _;
use tokio::time::{Instant, sleep};

use super::{Struck, come_to_rest, cut, usual_load};
use crate::{arena::Arena, checks::Rules, dice::Dice};

/// The limit of a stop (RULES 1.2).
const STOP_WITHIN: Duration = Duration::from_secs(25);
/// The time for the other process to finish its work in progress, and then to do the work of the suspended
/// one.
const OTHER_WORKS: Duration = Duration::from_millis(500);
/// The time for a resumed process to find that its leases are lost.
const ZOMBIE_WAKES: Duration = Duration::from_millis(800);
/// The time in which a balancer notices that a process does not answer.
const NOTICED_AFTER: Duration = Duration::from_secs(5);
/// The time at which providers deliver again the statuses that were not taken. By then PostgreSQL has ended
/// the transactions of the suspended process (10 s), for which others wait.
const TOLD_AFTER: Duration = Duration::from_secs(15);
/// More than a lease (12 s) and a wait for a status (30 s), one after the other, with the polls between.
const PAST_EVERYTHING: Duration = Duration::from_secs(95);

/// Sends SIGTERM under load: the process finishes or returns its work, so that the next process has nothing
/// to wait for.
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
        // A delivery that was refused or not answered met the stop; so did work that the process had to
        // finish first.
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

/// Suspends the process while it works, ends its leases, lets another process do the work, and resumes it.
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
    // The resumed process now sends the messages that it was about to send; they must not count as lost
    // before.
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

/// Does the same, and waits for every real timeout. Both processes take webhooks, and while one is suspended
/// the other takes all of them. It gets the statuses of every message that had arrived at the time of the
/// suspension, including those that the suspended process held. A message that arrives twice here had a
/// status.
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
