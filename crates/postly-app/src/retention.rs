//! The retention job: deletes expired data every hour, and codes soon after their end.

use std::time::Duration;

use postly_domain::{
    UnixMillis, metric,
    time::{DAY_MS, HOUR_MS},
};
use postly_store::{
    StoreError, code_fallbacks, limits, outbox,
    retention::{self, Class},
};

use crate::{Core, Shutdown, WebGenerations, conflict::again, work::ErrorChain};

const MINUTE_MS: i64 = 60 * 1000;

/// The interval of the check for due classes; another process may have done them.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// The most rows of a class deleted by one transaction: other writers wait for it on SQLite.
const ROWS_AT_ONCE: i64 = 200;

/// The shortest retention of facts about payments in days, for our payments and for others.
const LEAST_PAYMENTS_DAYS: i64 = 30;

/// The retention of the audit log of the operator's pages in days (RULES 1.6): the time in which a claim
/// about an action may be made.
const AUDIT_LOG_DAYS: i64 = 3 * 365;

/// The retention of each kind of data, in days (`RETENTION_…`).
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// The events of providers, word for word.
    pub events_days: i64,
    /// The outcomes of voice notes and photos.
    pub media_days: i64,
    /// Messages and posts.
    pub messages_days: i64,
}

impl Retention {
    /// Returns the instant before which rows of a class are deleted.
    fn cutoff(self, class: Class, now: UnixMillis) -> UnixMillis {
        let age = match class {
            // RULES 7.6 allows 15 minutes after their end; the interval of the job takes five of them.
            Class::Challenges => 5 * MINUTE_MS,
            // Budgets are counted over a day, and wrong tries by day.
            Class::Counts | Class::Strangers => DAY_MS,
            Class::Sessions | Class::RechargeLinks | Class::PasswordResets => 0,
            Class::RawEvents | Class::Erasures => self.events_days.saturating_mul(DAY_MS),
            Class::Media => self.media_days.saturating_mul(DAY_MS),
            Class::Messages => self.messages_days.saturating_mul(DAY_MS),
            Class::AuditLog => AUDIT_LOG_DAYS * DAY_MS,
            // A payment by a method that takes days is completed after two weeks at most. Until then, a
            // refund that arrived first may concern one of ours.
            Class::Payments => self.events_days.max(LEAST_PAYMENTS_DAYS).saturating_mul(DAY_MS),
        };
        now.plus_ms(-age)
    }
}

/// Returns the interval of the job for a class.
fn every_ms(class: Class) -> i64 {
    match class {
        Class::Challenges => 5 * MINUTE_MS,
        Class::Counts
        | Class::Sessions
        | Class::Strangers
        | Class::RawEvents
        | Class::Media
        | Class::Messages
        | Class::Erasures
        | Class::Payments
        | Class::RechargeLinks
        | Class::PasswordResets
        | Class::AuditLog => HOUR_MS,
    }
}

/// The deletion of data past its retention.
#[derive(Clone)]
pub struct RetentionSweep {
    pub(crate) core: Core,
    pub(crate) web: WebGenerations,
}

impl RetentionSweep {
    /// Deletes the expired rows of every due class. Returns their number.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn sweep(&self) -> Result<u64, StoreError> {
        let mut gone = 0;
        for class in Class::ALL {
            let now = self.core.now();
            let claim = async || {
                let mut tx = self.core.db.write().await?;
                let due =
                    limits::claim_job(&mut tx, class.as_str(), now, now.plus_ms(every_ms(class))).await?;
                tx.commit().await?;
                Ok::<_, StoreError>(due)
            };
            if again!(claim())? {
                gone += self.sweep_class(class, now).await?;
            }
        }
        let cancel = async || {
            let mut tx = self.core.db.write().await?;
            let cancelled = outbox::cancel_late(&mut tx, self.core.now(), ROWS_AT_ONCE).await?
                + code_fallbacks::expire(&mut tx, self.core.now(), ROWS_AT_ONCE).await?;
            tx.commit().await?;
            Ok::<_, StoreError>(cancelled)
        };
        gone += again!(cancel())?;
        gone += self.web.end_abandoned_requests().await?;
        Ok(gone)
    }

    async fn sweep_class(&self, class: Class, now: UnixMillis) -> Result<u64, StoreError> {
        let cutoff = self.core.settings.retention.cutoff(class, now);
        let mut all = 0;
        loop {
            let sweep = async || {
                let mut tx = self.core.db.write().await?;
                let gone = retention::sweep(&mut tx, class, cutoff, ROWS_AT_ONCE).await?;
                tx.commit().await?;
                Ok::<_, StoreError>(gone)
            };
            let gone = again!(sweep())?;
            all += gone;
            if gone == 0 {
                break;
            }
        }
        if all > 0 {
            metrics::counter!(metric::RETENTION_ROWS, "class" => class.as_str()).increment(all);
            tracing::info!(
                class = class.as_str(),
                rows = all,
                "Deleted what has had its time: {}",
                class.as_str()
            );
        }
        Ok(all)
    }
}

/// Runs the retention job until shutdown.
pub(crate) async fn run(sweep: RetentionSweep, shutdown: Shutdown) {
    loop {
        let swept = tokio::select! {
            swept = sweep.sweep() => swept,
            () = shutdown.requested() => return,
        };
        if let Err(error) = swept {
            tracing::info!(error = %ErrorChain(&error), "Could not delete what has had its time; trying again");
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = shutdown.requested() => return,
        }
    }
}
