//! The state of the service on one page. Past hours are read as sums; all other rows are open or of today,
//! and found by an index.

use postly_domain::{
    Provider, UnixMillis,
    time::{DAY_MS, HOUR_MS},
};
use postly_store::{
    StoreError,
    figures::{self, Figures},
    handoffs,
    monitor::{self, OpenAlert, QueueState, UpstreamFailure},
    pauses::{self, OperatorPauses},
};

use crate::{Admin, turn::HANDOFF_MS};

/// The number of days of the chart, including today.
const DAYS: i64 = 14;
/// An hour is summed this long after its end: its messages have ended by then (RULES 10.1).
const SETTLED_MS: i64 = HOUR_MS;
/// The most hours that one run of the monitor sums. A service that was down for two weeks catches up within a
/// quarter of an hour.
const HOURS_AT_ONCE: usize = 24;
/// The longest period that the page reads row by row while its hours are not summed.
const UNSUMMED_MS: i64 = DAY_MS + 3 * HOUR_MS;
/// The number of alerts shown.
const MOST_ALERTS: i64 = 50;

/// A UTC day and its figures.
#[derive(Debug, Clone)]
pub struct Day {
    /// Its beginning.
    pub start: UnixMillis,
    /// Its figures so far.
    pub figures: Figures,
}

/// The state of the service.
#[derive(Debug, Clone)]
pub struct Glance {
    /// The time at which it was read.
    pub now: UnixMillis,
    /// The last fourteen UTC days, oldest first; today is the last one.
    pub days: Vec<Day>,
    /// The depth and age of each queue.
    pub queues: Vec<QueueState>,
    /// Open alerts, oldest first.
    pub alerts: Vec<OpenAlert>,
    /// The upstreams with failing calls.
    pub failures: Vec<UpstreamFailure>,
    /// Business numbers that a provider prevents from sending.
    pub paused_senders: Vec<(Provider, i64)>,
    /// The time since which this process cannot write to the database. Open alerts cannot be recorded then.
    pub database_fails_since: Option<UnixMillis>,
    /// The senders of webhooks of which this process has verified none lately, with the number of refused
    /// ones.
    pub refused_signatures: Vec<(&'static str, u32)>,
    /// Pauses of the operator.
    pub pauses: OperatorPauses,
    /// The number of authors with an open request for a person.
    pub handoffs: i64,
}

impl Glance {
    /// Returns the figures of today.
    pub fn today(&self) -> Figures {
        self.days.last().map(|day| day.figures.clone()).unwrap_or_default()
    }
}

impl Admin {
    /// Reads the state of the service.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn glance(&self) -> Result<Glance, StoreError> {
        let now = self.core.now();
        let today = now.start_of_day();
        let first = today.plus_ms(-(DAYS - 1) * DAY_MS);
        let mut tx = self.core.db.read().await?;
        let summed_until = match figures::last_hour(&mut tx).await? {
            Some(hour) => hour.plus_ms(HOUR_MS),
            None => UnixMillis(0),
        };
        let mut days = figures::days(&mut tx, first, now).await?;
        let unsummed = summed_until.max(now.plus_ms(-UNSUMMED_MS));
        // Two parts, before today and today, so that each day gets its own figures. The end is open, because
        // clocks differ.
        for (from, to) in [(unsummed, today), (unsummed.max(today), now.plus_ms(HOUR_MS))] {
            if from < to {
                let part = figures::read(&mut tx, from, to).await?;
                days.entry(from.day()).or_default().add(&part);
            }
        }
        let days = (0..DAYS).map(|number| {
            let start = first.plus_ms(number * DAY_MS);
            Day { start, figures: days.remove(&start.day()).unwrap_or_default() }
        });
        Ok(Glance {
            now,
            days: days.collect(),
            queues: monitor::queues(&mut tx).await?,
            alerts: monitor::open_alerts(&mut tx, MOST_ALERTS).await?,
            failures: monitor::failures(&mut tx).await?,
            paused_senders: monitor::paused_senders(&mut tx, now).await?,
            database_fails_since: self.core.health.database_fails_since(),
            refused_signatures: self.core.health.refused_signatures(now),
            pauses: pauses::all(&mut tx).await?,
            handoffs: handoffs::waiting(&mut tx, now.plus_ms(-HANDOFF_MS)).await?,
        })
    }

    /// Sums the hours that have settled since the last call, oldest first.
    pub(crate) async fn sum_hours(&self, now: UnixMillis) -> Result<(), StoreError> {
        for _ in 0..HOURS_AT_ONCE {
            let mut tx = self.core.db.begin_long_read().await?;
            let oldest = figures::hour_of(now.start_of_day().plus_ms(-(DAYS - 1) * DAY_MS));
            let next = figures::last_hour(&mut tx).await?.map_or(oldest, |last| last.plus_ms(HOUR_MS));
            let hour = next.max(oldest);
            let end = hour.plus_ms(HOUR_MS);
            if end.plus_ms(SETTLED_MS) > now {
                return Ok(());
            }
            let sums = figures::read(&mut tx, hour, end).await?;
            drop(tx);
            let mut tx = self.core.db.write().await?;
            figures::note_hour(&mut tx, hour, &sums).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}
