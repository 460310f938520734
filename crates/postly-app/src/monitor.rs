//! The monitor: each process checks queues, failures and invariants every few seconds, and reports to the
//! operator by metrics, by `/readyz` and by alerts.
//!
//! Checks that cost more than some indexed reads are done by one process for all: it takes the job's lease in
//! the database, and stores its findings there for the others. The full audit, which reads whole tables,
//! takes at most a thousandth of the time.

mod conditions;
mod findings;
mod host;

use std::time::{Duration, Instant};

use conditions::Condition;
use findings::Findings;
use postly_domain::{
    Alert, UnixMillis, metric,
    time::{DAY_MS, HOUR_MS},
};
use postly_store::{
    StoreError, budgets, handoffs,
    lanes::Queue,
    limits,
    monitor::{self, QueueState},
    notices, recent_audit,
};

use crate::{
    Admin, Core, Operator, Shutdown, alerts, health::Upstream, measure::seconds, turn::HANDOFF_MS,
    work::ErrorChain,
};

/// The interval between two runs of a process.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// The interval between two checks of the state: its alerts are raised at most this late.
const STATE_EVERY_MS: i64 = 15_000;
/// The interval between two checks of the invariants.
const CHECK_EVERY_MS: i64 = 60_000;
/// The interval between two readings of the totals.
const TOTALS_EVERY_MS: i64 = 10 * 60_000;
/// The pause after the full audit, in multiples of its duration: it takes a thousandth of the time.
const AUDIT_REST: u32 = 1_000;
/// The longest pause after it.
const AUDIT_REST_MAX_MS: i64 = DAY_MS;

/// An upstream that fails for this long raises an alert.
pub(crate) const UNREACHABLE_MS: i64 = 60_000;
/// The longest normal age of received work: a generation takes 25 s, a repeated one less than a minute more.
pub(crate) const INBOX_OLD_MS: i64 = 120_000;
/// The longest normal age of a message: the pace to one person delays the last of sixty by some minutes.
pub(crate) const OUTBOX_OLD_MS: i64 = 300_000;
/// The period for which dead letters count as new.
const DEAD_LETTERS_MS: i64 = DAY_MS;
/// The period for which the metrics count dead letters.
const OPEN_MS: i64 = 7 * DAY_MS;
/// An alert is raised again after this time, if its condition still holds.
const STATE_AGAIN_MS: i64 = HOUR_MS;
/// The same for conditions that do not get worse within minutes.
const CHECK_AGAIN_MS: i64 = DAY_MS;

/// The scopes of alerts: a check closes the alerts of its own scope.
const STATE: &str = "state";
const RECENT: &str = "recent";
const AUDIT: &str = "audit";
const TOTALS: &str = "totals";

/// The checks, every ten seconds, for broken invariants and stopped work.
#[derive(Clone)]
pub struct Monitor {
    pub(crate) core: Core,
    pub(crate) admin: Admin,
    pub(crate) operator: Operator,
}

impl Monitor {
    /// Runs every ten seconds until shutdown.
    pub async fn run(self, shutdown: Shutdown) {
        loop {
            tokio::select! {
                () = self.look() => {}
                () = shutdown.requested() => return,
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = shutdown.requested() => return,
            }
        }
    }

    /// Runs once: shares the health known to this process, does the checks that are due, and shows the
    /// findings of all processes.
    pub async fn look(&self) {
        let now = self.core.now();
        self.tell_of_signatures(now);
        let looked = self.try_look(now).await;
        let since = self.core.health.database(looked.is_ok(), now);
        let unavailable_ms = since.map_or(0, |since| now.since_ms(since));
        metrics::gauge!(metric::DATABASE_UNAVAILABLE_SECONDS).set(seconds(unavailable_ms));
        let Err(error) = looked else { return };
        tracing::info!(error = %ErrorChain(&error), "The monitor could not look at the database; trying again");
        let name = Alert::DatabaseUnavailable;
        if unavailable_ms >= UNREACHABLE_MS
            && self.core.health.may_raise(name.as_str(), "", now, STATE_AGAIN_MS)
        {
            let told = ErrorChain(&error);
            alerts::raise_error(
                name,
                &format!(
                    "The database {} has taken no write for {} s ({told}): webhooks are answered 503 and nothing is sent",
                    self.core.db.name(),
                    unavailable_ms / 1_000
                ),
            );
        }
    }

    async fn try_look(&self, now: UnixMillis) -> Result<(), StoreError> {
        self.share_health().await?;
        let mut tx = self.core.db.read().await?;
        let queues = monitor::queues(&mut tx).await?;
        let failures = monitor::failures(&mut tx).await?;
        let paused = monitor::paused_senders(&mut tx, now).await?;
        let handoffs = handoffs::waiting(&mut tx, now.plus_ms(-HANDOFF_MS)).await?;
        drop(tx);
        metrics::gauge!(metric::HANDOFFS_WAITING).set(f64::from(u32::try_from(handoffs).unwrap_or(u32::MAX)));
        show_queues(&queues, now);
        self.show_upstreams(&failures, &paused, now);
        host::show(self.core.db.file());

        if self.claims("monitor.state", now, STATE_EVERY_MS).await? {
            let conditions = self.state_conditions(&queues, &failures, now).await?;
            self.settle_alerts(STATE, &conditions, STATE_AGAIN_MS).await?;
        }
        if self.claims("monitor.totals", now, TOTALS_EVERY_MS).await? {
            self.read_totals(now).await?;
        }
        if self.claims("monitor.figures", now, CHECK_EVERY_MS).await? {
            self.admin.sum_hours(now).await?;
        }
        let mut broken = false;
        if self.claims("monitor.recent", now, CHECK_EVERY_MS).await? {
            broken = self.check_recent(now).await?;
        }
        // After a broken invariant, run the full audit at once; its next turn still depends on its duration.
        if broken || self.claims("monitor.audit", now, CHECK_EVERY_MS).await? {
            self.check_all().await?;
        }
        self.show_findings().await
    }

    /// Claims a job for its interval. Returns true for one process only.
    async fn claims(&self, job: &str, now: UnixMillis, every_ms: i64) -> Result<bool, StoreError> {
        let mut tx = self.core.db.write().await?;
        let claimed = limits::claim_job(&mut tx, job, now, now.plus_ms(every_ms)).await?;
        tx.commit().await?;
        Ok(claimed)
    }

    /// Writes the health of the upstreams as known to this process.
    async fn share_health(&self) -> Result<(), StoreError> {
        let mut tx = self.core.db.write().await?;
        for upstream in Upstream::ALL {
            let calls = self.core.health.calls(upstream);
            match (calls.failing, calls.answered_at) {
                (Some((since, last)), _) => {
                    monitor::note_failure(&mut tx, upstream.as_str(), since, last).await?;
                }
                (None, Some(at)) => monitor::note_answer(&mut tx, upstream.as_str(), at).await?,
                (None, None) => {}
            }
        }
        tx.commit().await
    }

    fn show_upstreams(
        &self,
        failures: &[monitor::UpstreamFailure],
        paused: &[(postly_domain::Provider, i64)],
        now: UnixMillis,
    ) {
        let mut degraded = vec![];
        for upstream in Upstream::ALL {
            let name = upstream.as_str();
            let failure = failures.iter().find(|failure| failure.upstream == name);
            let failing_ms = failure.map_or(0, |failure| now.since_ms(failure.since));
            metrics::gauge!(metric::PROVIDER_UNREACHABLE_SECONDS, "provider" => name)
                .set(seconds(failing_ms));
            let senders = paused.iter().find(|(provider, _)| provider.as_str() == name);
            let senders = senders.map_or(0, |(_, senders)| *senders);
            if matches!(upstream, Upstream::Meta | Upstream::Twilio) {
                metrics::gauge!(metric::SENDER_PAUSED, "provider" => name).set(as_figure(senders));
            }
            if failing_ms >= UNREACHABLE_MS || senders > 0 {
                degraded.push(name);
            }
        }
        self.core.health.set_degraded(degraded);
    }

    async fn read_totals(&self, now: UnixMillis) -> Result<(), StoreError> {
        let day = now.plus_ms(-DAY_MS);
        let mut tx = self.core.db.begin_long_read().await?;
        let totals = monitor::totals(&mut tx, day, now).await?;
        drop(tx);
        let budget = self.core.settings.model_budget.all;
        let mut findings = Findings::default();
        findings.add(metric::CREDITS_LIABILITY, totals.liability);
        findings.add(metric::CREDITS_HELD, totals.held);
        findings.add(metric::SESSIONS_ACTIVE, totals.sessions);
        findings.add(metric::SPEND_LAST_DAY, totals.spend);
        findings.add(metric::REFUNDS_LAST_DAY, totals.refunds);
        self.note_findings(TOTALS, &findings, now).await?;
        let conditions: Vec<Condition> = conditions::budget(totals.calls, budget).into_iter().collect();
        self.settle_alerts(TOTALS, &conditions, CHECK_AGAIN_MS).await?;
        Ok(())
    }

    /// Checks open and recent rows. Returns true if something is newly broken.
    async fn check_recent(&self, now: UnixMillis) -> Result<bool, StoreError> {
        let begun = Instant::now();
        let mut tx = self.core.db.read().await?;
        let recent = recent_audit::findings(&mut tx, now).await?;
        let new = monitor::given_up(&mut tx, now.plus_ms(-DEAD_LETTERS_MS)).await?;
        let open = monitor::given_up(&mut tx, now.plus_ms(-OPEN_MS)).await?;
        let codes = monitor::codes_sent(&mut tx, now.plus_ms(-HOUR_MS)).await?;
        let calls = budgets::calls_since(&mut tx, now.plus_ms(-DAY_MS)).await?;
        drop(tx);
        let mut findings = Findings::of_audit(&recent);
        findings.add_labelled(metric::DEAD_LETTERS_OPEN, "queue", "inbox", open.events);
        findings.add_labelled(metric::DEAD_LETTERS_OPEN, "queue", "outbox", open.messages - open.unknown);
        findings.add(metric::UNKNOWN_DELIVERIES, open.unknown);
        findings.add_ratio(
            metric::LLM_BUDGET_REMAINING,
            ("scope", "all"),
            conditions::budget_left(calls, self.core.settings.model_budget.all),
        );
        for sent in &codes {
            findings.add_labelled(metric::OTP_SENDS_BY_COUNTRY, "iso", &sent.country, sent.sent);
        }
        findings.add_value(metric::OTP_FAILURE_RATIO, conditions::unproved_ratio(&codes));
        findings.ran(RECENT, begun.elapsed(), now);
        self.note_findings(RECENT, &findings, now).await?;
        let mut conditions = conditions::of_audit(&recent);
        let is_broken = !conditions.is_empty();
        conditions.extend(conditions::dead_letters(&new));
        conditions.extend(conditions::unknown_deliveries(&new));
        conditions.extend(conditions::unproved_codes(&codes));
        let raised = self.settle_alerts(RECENT, &conditions, CHECK_AGAIN_MS).await?;
        Ok(is_broken && raised > 0)
    }

    /// Runs the full audit on a thread of its own, because SQLite runs statements on the calling thread.
    async fn check_all(&self) -> Result<(), StoreError> {
        let begun = Instant::now();
        let operator = self.operator.clone();
        let runtime = tokio::runtime::Handle::current();
        let audited = tokio::task::spawn_blocking(move || runtime.block_on(operator.audit())).await;
        // A panic of the audit is a bug, and was logged.
        let Ok(audited) = audited else { return Ok(()) };
        let all = audited?;
        let took = begun.elapsed();
        let now = self.core.now();
        let rest = i64::try_from((took * AUDIT_REST).as_millis()).unwrap_or(AUDIT_REST_MAX_MS);
        let next = now.plus_ms(rest.clamp(CHECK_EVERY_MS, AUDIT_REST_MAX_MS));
        let mut tx = self.core.db.write().await?;
        limits::put_off_job(&mut tx, "monitor.audit", next).await?;
        tx.commit().await?;
        let mut findings = Findings::of_audit(&all);
        let drift = all.iter().filter(|finding| conditions::is_drift(finding.id));
        findings.add(metric::LEDGER_MISMATCH_USERS, drift.map(|finding| finding.violations).sum());
        let stuck = all.iter().find(|finding| finding.id == conditions::STUCK_HOLDS);
        findings.add(metric::HOLDS_STUCK, stuck.map_or(0, |finding| finding.violations));
        findings.ran(AUDIT, took, now);
        self.note_findings(AUDIT, &findings, now).await?;
        self.settle_alerts(AUDIT, &conditions::of_audit(&all), CHECK_AGAIN_MS).await?;
        Ok(())
    }

    async fn note_findings(
        &self,
        scope: &str,
        findings: &Findings,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let mut tx = self.core.db.write().await?;
        monitor::note_report(&mut tx, scope, &findings.to_text(), now).await?;
        tx.commit().await
    }

    /// Shows the findings of all checks as metrics, no matter which process made them.
    async fn show_findings(&self) -> Result<(), StoreError> {
        let mut tx = self.core.db.read().await?;
        let reports = monitor::reports(&mut tx).await?;
        drop(tx);
        findings::show(&reports);
        Ok(())
    }

    /// Raises the alerts of the conditions that hold, and closes the others of the scope. Returns the number
    /// of alerts raised.
    async fn settle_alerts(
        &self,
        scope: &str,
        conditions: &[Condition],
        again_ms: i64,
    ) -> Result<usize, StoreError> {
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        let mut raised = vec![];
        for condition in conditions {
            let again_before = now.plus_ms(-again_ms);
            let (alert, subject) = (condition.alert, condition.subject.as_str());
            if monitor::open_alert(&mut tx, alert, subject, scope, now, again_before).await? {
                raised.push(condition);
            }
            // A row soon leaves the recent check, so only the full audit sees its repair: it takes the alert
            // over.
            if scope == AUDIT {
                monitor::take_over_alert(&mut tx, alert, subject, scope).await?;
            }
        }
        let open: Vec<(Alert, &str)> =
            conditions.iter().map(|condition| (condition.alert, condition.subject.as_str())).collect();
        let closed = monitor::close_alerts(&mut tx, scope, &open).await?;
        tx.commit().await?;
        for condition in &raised {
            condition.raise();
        }
        for (name, subject, since) in closed {
            let secs = now.since_ms(since) / 1_000;
            tracing::info!(closed = name, subject, "The alert {name} is over after {secs} s");
        }
        Ok(raised.len())
    }

    /// Alerts to invalid signatures. Requests of strangers have few of them in between valid ones; a wrong
    /// secret has only invalid ones.
    fn tell_of_signatures(&self, now: UnixMillis) {
        for (of, alert, variables) in [
            ("meta", Alert::WebhookSignatures, "META_APP_SECRET"),
            ("twilio", Alert::WebhookSignatures, "TWILIO_AUTH_TOKEN and PUBLIC_BASE_URL"),
            ("stripe", Alert::StripeSignatures, "STRIPE_WEBHOOK_SECRET"),
        ] {
            let Some((count, since)) = self.core.health.signatures_refused(of, now) else { continue };
            if self.core.health.may_raise(alert.as_str(), of, now, STATE_AGAIN_MS) {
                let secs = now.since_ms(since) / 1_000;
                alerts::raise(
                    alert,
                    &format!(
                        "{count} webhooks signed as of {of} were refused in {secs} s, and none verified: check {variables}"
                    ),
                );
            }
        }
    }

    /// Returns the conditions that hold for queues, upstreams, the account and the disk.
    async fn state_conditions(
        &self,
        queues: &[QueueState],
        failures: &[monitor::UpstreamFailure],
        now: UnixMillis,
    ) -> Result<Vec<Condition>, StoreError> {
        let outbox = queues.iter().find(|state| state.queue == Queue::Outbox);
        let mut conditions = conditions::unreachable(failures, outbox, now);
        for state in queues {
            let (alert, limit) = match state.queue {
                Queue::Inbox | Queue::Status => (Alert::InboxStalled, INBOX_OLD_MS),
                Queue::Outbox => (Alert::OutboxStalled, OUTBOX_OLD_MS),
            };
            let Some(oldest) = state.oldest_at.filter(|oldest| now.since_ms(*oldest) > limit) else {
                continue;
            };
            let mut tx = self.core.db.read().await?;
            let ids =
                monitor::oldest(&mut tx, state.queue, now.plus_ms(-limit), conditions::EXAMPLES).await?;
            conditions.push(conditions::stalled(alert, state, now.since_ms(oldest), &ids));
        }
        let mut tx = self.core.db.read().await?;
        conditions.extend(conditions::notices(&notices::open(&mut tx).await?));
        drop(tx);
        conditions.extend(host::disk_condition(self.core.db.file()));
        Ok(conditions)
    }
}

fn show_queues(queues: &[QueueState], now: UnixMillis) {
    for state in queues {
        let queue = state.queue.as_str();
        let age_ms = state.oldest_at.map_or(0, |oldest| now.since_ms(oldest));
        metrics::gauge!(metric::QUEUE_DEPTH, "queue" => queue).set(as_figure(state.depth));
        metrics::gauge!(metric::QUEUE_OLDEST_SECONDS, "queue" => queue).set(seconds(age_ms));
    }
}

/// Converts a count for the metrics.
#[expect(clippy::cast_precision_loss, reason = "a figure of statistics")]
fn as_figure(count: i64) -> f64 {
    count as f64
}
