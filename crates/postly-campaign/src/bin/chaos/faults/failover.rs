//! A synchronous standby takes over, from a primary that crashed or from one that stays up and is read-only.

use std::sync::Arc;

use anyhow::Context as _;
use postly_postgres::{Cluster, Stop};
use tokio::{task::block_in_place, time::sleep};

use super::{Struck, postgres::recover, refusals, usual_load};
use crate::{arena::Arena, checks::Rules, database::Database, dice::Dice};

/// The time for transactions that were open when the primary became read-only to end.
const OPEN_ONES_END: std::time::Duration = std::time::Duration::from_millis(300);

/// Runs one failover.
pub(super) async fn failover(arena: &mut Arena, dice: &mut Dice, lives_on: bool) -> anyhow::Result<Struck> {
    if arena.standby.is_none() {
        arena.standby = Some(block_in_place(|| standby_of(arena.cluster()?))?);
    }
    let (mut writing, height, story) = usual_load(arena, dice);
    let moment = dice.millis(20, height);
    sleep(moment).await;
    let (refused, opened) = (arena.proxy()?.read_only(), arena.proxy()?.opened());
    let old = arena.cluster.take().context("there is no PostgreSQL")?;
    if lives_on {
        block_in_place(|| old.set("default_transaction_read_only", "on"))?;
        // The setting takes a moment to apply; briefs from now on meet it.
        writing = writing.and(usual_load(arena, dice).0);
        sleep(OPEN_ONES_END).await;
    } else {
        block_in_place(|| old.stop(Stop::Immediate))?;
    }
    let new = arena.standby.take().context("there is no standby")?;
    block_in_place(|| new.promote())?;
    let begun = tokio::time::Instant::now();
    // The connections opened to a server that no longer writes.
    let astray = arena.proxy()?.opened() - opened;
    arena.proxy()?.lead_to(new.port());
    arena.database = match &arena.database {
        Database::Postgres(url) => {
            let name = url.rsplit('/').next().unwrap_or_default();
            Database::Postgres(format!("{}{name}", new.address()))
        }
        Database::Sqlite(_) => anyhow::bail!("a file has no standby"),
    };
    arena.cluster = Some(Arc::new(new));
    let (lines, leases) = recover(arena, writing).await?;
    let rested = begun.elapsed();
    // The old primary stayed up until now, if it did not crash.
    block_in_place(|| drop(old));
    // Clients that still had a connection to it have lost it now.
    arena.rest().await?;
    let how = if lives_on { "lives on and only reads" } else { "stopped dead" };
    Ok(Struck {
        // The service may wait so well that it refuses no delivery; its own connections then prove that it
        // met the fault.
        hits: leases + refusals(&lines) + arena.proxy()?.read_only() - refused + astray,
        faults: 1,
        rules: Rules::strict(2),
        broken: vec![],
        story: format!(
            "{story}, the primary {how} after {} ms, {leases} leases lost, at rest {} ms after the promotion",
            moment.as_millis(),
            rested.as_millis()
        ),
        lines,
    })
}

/// Creates a standby for which every commit waits.
fn standby_of(primary: &Cluster) -> anyhow::Result<Cluster> {
    let standby = primary.standby()?;
    // The standby has the settings of its primary, which may wait for a standby of its own.
    standby.set("synchronous_standby_names", "")?;
    primary.wait_for_standby()?;
    Ok(standby)
}
