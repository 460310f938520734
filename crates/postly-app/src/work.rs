//! The workers: they claim due lanes, a bounded number at a time, and handle the head of each.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use postly_domain::{TRACE, UnixMillis, event::EventKind, id::LeaseToken, metric};
use postly_store::{
    StoreError, Tx,
    inbox::{self, DueEvent},
    lanes::{self, ClaimedLane, Queue},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
};
use tracing::{Instrument as _, Span, field::Empty};

use crate::{
    App, Core, JourneyError,
    conflict::again,
    conversation::MAX_WAITING,
    crash,
    deliver::PlannedSend,
    ids::{Fresh as _, dice, made_at},
    measure::own_share,
};

/// The lease of a lane. After this time another process takes over the work of a dead one, so that the
/// waiting authors are answered within 15 s.
pub(crate) const LEASE_MS: i64 = 12_000;
/// The interval between two renewals of the lease of a worker: two may fail before the lease ends.
const RENEW_EVERY: Duration = Duration::from_secs(3);
/// The interval of the check for work without a wake-up: an expired lease, or a lost wake-up.
const POLL: Duration = Duration::from_secs(1);
/// The pause of a dispatcher after a failed claim. A read-only database would otherwise fail a hundred claims
/// a second.
const AFTER_FAILURE: Duration = Duration::from_millis(250);
/// The most lanes of one claim.
const CLAIM_BATCH: usize = 32;
/// The most events that join their lanes in one transaction: a few milliseconds' work, for which
/// acknowledgements wait.
const JOIN_BATCH: usize = 64;
/// The most such transactions before a claim. Together they add several times the limit of one author's
/// waiting messages, so that a flood is recognized.
const JOINS: usize = 4;
/// The most attempts of an event before it becomes a dead letter. Only failures of the database and of this
/// service count; answers of models and providers have their own rules.
const MAX_EVENT_ATTEMPTS: i64 = 8;
/// The time that a shutdown waits for work in progress (RULES 1.2: stopped within 25 s). Then the lanes are
/// released.
const DRAIN: Duration = Duration::from_secs(20);

/// Returns the number of lanes of a queue that one process handles concurrently.
fn concurrency(queue: Queue) -> usize {
    match queue {
        // Mostly waits for a model: 300 messages a second at 1.2 s each need 360 lanes.
        Queue::Inbox => 512,
        // Mostly waits for a provider.
        Queue::Outbox => 128,
        // Only runs statements; more would wait for each other.
        Queue::Status => 8,
    }
}

/// Tells tasks to shut down.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// Returns a sender, which requests the shutdown, and its receiver.
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Waits for the request.
    pub async fn requested(&self) {
        // A dropped sender counts as a request.
        let _ = self.0.clone().wait_for(|stop| *stop).await;
    }

    /// True if the shutdown was requested.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }
}

/// The workers of all queues.
pub struct Workers {
    app: App,
}

impl Workers {
    /// Returns the workers of an application.
    pub fn new(app: App) -> Self {
        Self { app }
    }

    /// Ends the leases of a dead process. Only for a database with a single process, before [`Workers::run`]:
    /// authors would otherwise wait for the leases to expire.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn take_over(&self) -> Result<(), StoreError> {
        let ended = again!(self.end_leases())?;
        if ended > 0 {
            tracing::info!(leases = ended, "Took over the work of a process that died");
        }
        Ok(())
    }

    async fn end_leases(&self) -> Result<u64, StoreError> {
        let mut tx = self.app.core.db.write().await?;
        let ended = lanes::end_leases(&mut tx, self.app.core.now()).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// Works until shutdown, then finishes the work in progress or releases its lanes.
    ///
    /// # Panics
    /// Panics if a dispatcher panics, because the caller must not continue without it.
    pub async fn run(self, shutdown: Shutdown) {
        let mut tasks = JoinSet::new();
        for queue in [Queue::Inbox, Queue::Status, Queue::Outbox] {
            tasks.spawn(dispatch(self.app.clone(), queue, shutdown.clone()));
        }
        tasks.spawn(crate::retention::run(self.app.retention_sweep.clone(), shutdown.clone()));
        tasks.spawn(crate::payments::run(self.app.payments.clone(), shutdown.clone()));
        tasks.spawn(listen_for_wakeups(self.app.core.clone(), shutdown));
        while let Some(ended) = tasks.join_next().await {
            if let Err(panic) = ended {
                // A queue without its dispatcher would look healthy and do nothing.
                std::panic::resume_unwind(panic.into_panic());
            }
        }
    }

    /// Handles everything that is due by the clock, in all queues, and returns when nothing is due. Returns
    /// the number of lanes handled.
    ///
    /// # Errors
    /// Fails if the database fails while claiming.
    pub async fn run_until_idle(&self) -> Result<usize, StoreError> {
        let mut done = 0;
        loop {
            let mut tasks = JoinSet::new();
            let (mut lanes, mut more) = (0, false);
            for queue in [Queue::Inbox, Queue::Status, Queue::Outbox] {
                let claim = claim(&self.app, queue, CLAIM_BATCH).await?;
                (lanes, more) = (lanes + claim.lanes, more || claim.more);
                for work in claim.work {
                    tasks.spawn(perform(self.app.clone(), work));
                }
            }
            if lanes == 0 && !more {
                return Ok(done);
            }
            done += lanes;
            while tasks.join_next().await.is_some() {}
        }
    }
}

/// The work for a claimed lane.
enum Work {
    /// Handle this event.
    Event { claimed: ClaimedLane, event: Box<DueEvent> },
    /// Make this attempt.
    PlannedSend(Arc<PlannedSend>),
}

impl Work {
    /// The span of this work in the trace of its event.
    fn span(&self) -> Span {
        match self {
            Self::Event { claimed, event } => tracing::info_span!(
                target: TRACE,
                "event.handle",
                event.id = %event.id,
                queue = claimed.queue.as_str(),
                attempt = event.attempts,
                result = Empty
            ),
            Self::PlannedSend(planned) => tracing::info_span!(
                target: TRACE,
                "message.send",
                otel.kind = "client",
                event.id = planned.message.event.as_ref().map(tracing::field::display),
                message.id = %planned.message.id,
                attempt.id = %planned.attempt,
                provider = planned.message.provider.as_str(),
                outcome = Empty,
                result = Empty
            ),
        }
    }

    fn queue(&self) -> Queue {
        match self {
            Self::Event { claimed, .. } => claimed.queue,
            Self::PlannedSend(_) => Queue::Outbox,
        }
    }

    fn claimed(&self) -> &ClaimedLane {
        match self {
            Self::Event { claimed, .. } => claimed,
            Self::PlannedSend(planned) => planned.claimed(),
        }
    }
}

/// The result of a claim.
#[derive(Default)]
struct Claim {
    /// The number of lanes claimed.
    lanes: usize,
    /// True if more may be claimed at once.
    more: bool,
    /// The work for the lanes.
    work: Vec<Work>,
}

/// Claims due lanes, and takes the heads of them in the same transaction.
///
/// If the head of one lane cannot be taken, the transaction fails. Then one lane is claimed alone, and
/// deferred if it is the cause.
async fn claim(app: &App, queue: Queue, limit: usize) -> Result<Claim, StoreError> {
    match again!(claim_together(app, queue, limit)) {
        Err(error) if !error.is_temporary() => {
            tracing::error!(error = %ErrorChain(&error), queue = queue.as_str(), "A lane cannot be taken up");
            claim_alone(app, queue).await
        }
        done => done,
    }
}

async fn claim_together(app: &App, queue: Queue, limit: usize) -> Result<Claim, StoreError> {
    let mut tx = app.core.db.write().await?;
    let mut joined = inbox::join_lanes(&mut tx, queue, JOIN_BATCH, app.core.now()).await?;
    for _ in 1..JOINS {
        if joined < JOIN_BATCH {
            break;
        }
        tx.commit().await?;
        tx = app.core.db.write().await?;
        joined = inbox::join_lanes(&mut tx, queue, JOIN_BATCH, app.core.now()).await?;
    }
    let now = app.core.now();
    let leased = lease(&mut tx, queue, limit, now).await?;
    let lanes = leased.len();
    let work = take_heads(app, &mut tx, leased, now).await?;
    if joined + lanes > 0 {
        tx.commit().await?;
        crash::point("claimed");
    }
    Ok(Claim { lanes, more: lanes == limit || joined == JOIN_BATCH, work })
}

async fn lease(
    tx: &mut Tx,
    queue: Queue,
    limit: usize,
    now: UnixMillis,
) -> Result<Vec<ClaimedLane>, StoreError> {
    lanes::claim(tx, queue, &LeaseToken::fresh(now), now, now.plus_ms(LEASE_MS), limit).await
}

/// Claims one lane and commits before it takes the head. A lane with a head that cannot be taken is deferred,
/// so that the others have their turn.
async fn claim_alone(app: &App, queue: Queue) -> Result<Claim, StoreError> {
    let now = app.core.now();
    let mut tx = app.core.db.write().await?;
    let leased = lease(&mut tx, queue, 1, now).await?;
    tx.commit().await?;
    let Some(claimed) = leased.into_iter().next() else {
        return Ok(Claim::default());
    };
    let mut tx = app.core.db.write().await?;
    let work = match take_heads(app, &mut tx, vec![claimed.clone()], now).await {
        Ok(work) => {
            tx.commit().await?;
            work
        }
        Err(error) => {
            drop(tx);
            tracing::error!(error = %ErrorChain(&error), queue = queue.as_str(), "Put a lane off whose head cannot be taken");
            hand_back(app, &claimed, now.plus_ms(LEASE_MS)).await;
            vec![]
        }
    };
    Ok(Claim { lanes: 1, more: true, work })
}

/// Takes the heads of the lanes of a claim.
async fn take_heads(
    app: &App,
    tx: &mut Tx,
    claim: Vec<ClaimedLane>,
    now: UnixMillis,
) -> Result<Vec<Work>, StoreError> {
    let Some(queue) = claim.first().map(|claimed| claimed.queue) else { return Ok(vec![]) };
    if queue == Queue::Outbox {
        let planned_sends = app.deliveries.plan_sends(tx, claim, now).await?;
        return Ok(planned_sends.into_iter().map(|planned| Work::PlannedSend(Arc::new(planned))).collect());
    }
    let heads = inbox::heads(tx, &claim).await?;
    let mut work = Vec::with_capacity(claim.len());
    for (claimed, head) in claim.into_iter().zip(heads) {
        match head {
            Some(event) => work.push(Work::Event { claimed, event: Box::new(event) }),
            None => {
                tracing::error!(queue = queue.as_str(), "A lane waits for an event that is not there");
                lanes::defer(tx, &claimed, now.plus_ms(LEASE_MS)).await?;
            }
        }
    }
    Ok(work)
}

/// Performs work, and renews its lease meanwhile.
async fn perform(app: App, work: Work) {
    let claimed = work.claimed().clone();
    tokio::select! {
        () = perform_leased(app.clone(), work) => {}
        () = keep_lease(&app, &claimed) => {}
    }
}

/// Renews a lease until it is dropped. A failed renewal is retried: the fencing token guards all writes.
async fn keep_lease(app: &App, claimed: &ClaimedLane) {
    let renewed = async || {
        let mut tx = app.core.db.write().await?;
        lanes::renew(&mut tx, claimed, app.core.now().plus_ms(LEASE_MS)).await?;
        tx.commit().await
    };
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        if let Err(error) = renewed().await {
            tracing::debug!(error = %ErrorChain(&error), "Could not renew a lease");
        }
    }
}

/// Performs work. A failure defers the lane; nothing is lost by it.
async fn perform_leased(app: App, work: Work) {
    let begun = Instant::now();
    let span = work.span();
    let (result, event) = match &work {
        Work::PlannedSend(planned) => {
            (app.deliveries.execute_send(planned).instrument(span.clone()).await, None)
        }
        Work::Event { claimed, event } => {
            let received_at = made_at(event.id.as_str()).filter(|_| event.kind == EventKind::Message);
            let handled = async { again!(handle(&app, claimed, event)) }.instrument(span.clone());
            (own_share(received_at, || app.core.now(), Box::pin(handled)).await, Some(event))
        }
    };
    let queue = work.queue().as_str();
    metrics::histogram!(metric::JOB_SECONDS, "stage" => queue).record(begun.elapsed());
    let ended = match &result {
        Ok(()) => "done",
        Err(error) if error.is_lease_lost() => "fenced",
        Err(_) => "failed",
    };
    metrics::counter!(metric::JOBS, "queue" => queue, "result" => ended).increment(1);
    span.record("result", ended);
    drop(span);
    let Err(error) = result else { return };
    if error.is_lease_lost() {
        metrics::counter!(metric::JOB_FENCED).increment(1);
        tracing::info!(queue, "Lost a lease; what was done under it is dropped");
        return;
    }
    let pause = pause_ms(event.map_or(1, |event| event.attempts));
    // Logged at a low level, because the lasting causes raise alerts: a dead letter, or a failing database.
    tracing::info!(
        error = %ErrorChain(&error),
        queue,
        event.id = event.map(|event| tracing::field::display(&event.id)),
        "Work failed; trying again in {pause} ms"
    );
    hand_back(&app, work.claimed(), app.core.now().plus_ms(pause)).await;
}

async fn handle(app: &App, claimed: &ClaimedLane, event: &DueEvent) -> Result<(), JourneyError> {
    if event.attempts > MAX_EVENT_ATTEMPTS {
        return app.conversations.dead_letter_with_apology(claimed, event).await;
    }
    if claimed.queue == Queue::Inbox && claimed.waiting > MAX_WAITING {
        app.conversations.shed_excess_messages(claimed, event).await?;
    }
    app.conversations.handle_event(claimed, event).await
}

/// Releases a lane, due again at `then`. If that fails too, its lease expires.
async fn hand_back(app: &App, claimed: &ClaimedLane, then: UnixMillis) {
    let handed_back = async || {
        let mut tx = app.core.db.write().await?;
        lanes::defer(&mut tx, claimed, then).await?;
        tx.commit().await
    };
    if let Err(error) = again!(handed_back()) {
        tracing::debug!(error = %ErrorChain(&error), "Could not hand a lane back; its lease will end");
    }
}

/// Returns the pause after a failed attempt: 0.5 s doubled each time, half a minute at most, ±20 %.
fn pause_ms(attempts: i64) -> i64 {
    let doublings = u32::try_from(attempts.clamp(0, 6)).unwrap_or(0);
    postly_domain::delivery::jittered((250_i64 << doublings).min(30_000), dice())
}

/// Claims and performs the work of one queue until shutdown.
async fn dispatch(app: App, queue: Queue, shutdown: Shutdown) {
    let concurrency = concurrency(queue);
    let slots = Arc::new(Semaphore::new(concurrency));
    let mut tasks: JoinSet<()> = JoinSet::new();
    let mut failed_before = false;
    while !shutdown.is_requested() {
        // Wait for a free slot before claiming, so that claimed work begins at once.
        let slot = tokio::select! {
            slot = Arc::clone(&slots).acquire_owned() => slot,
            () = shutdown.requested() => break,
        };
        let Ok(slot) = slot else { break };
        while tasks.try_join_next().is_some() {}
        let limit = (slots.available_permits() + 1).min(CLAIM_BATCH);
        let Claim { more, work, .. } = match claim(&app, queue, limit).await {
            Ok(claim) => {
                failed_before = false;
                claim
            }
            Err(error) => {
                // The monitor reports a lasting failure; this line would come four times a second.
                if !std::mem::replace(&mut failed_before, true) {
                    tracing::info!(error = %ErrorChain(&error), queue = queue.as_str(), "Could not claim work; trying again");
                }
                // Due work stays due: without a pause this would loop without end.
                tokio::select! {
                    () = tokio::time::sleep(AFTER_FAILURE) => {}
                    () = shutdown.requested() => {}
                }
                Claim::default()
            }
        };
        let mut slot = Some(slot);
        for work in work {
            let slot = match slot.take() {
                Some(slot) => slot,
                None => match Arc::clone(&slots).try_acquire_owned() {
                    Ok(slot) => slot,
                    Err(_) => {
                        // Only this task takes slots, and it claims no more lanes than slots: this is a bug.
                        tracing::error!(queue = queue.as_str(), "Claimed more lanes than there are slots");
                        hand_back(&app, work.claimed(), app.core.now()).await;
                        continue;
                    }
                },
            };
            tasks.spawn(perform_in(app.clone(), work, slot, shutdown.clone()));
        }
        drop(slot);
        if !more {
            wait_for_work(&app.core, queue, &shutdown).await;
        }
    }
    while tasks.join_next().await.is_some() {}
}

/// Performs work in its slot, and releases the lane when a shutdown waits no longer.
async fn perform_in(app: App, work: Work, slot: OwnedSemaphorePermit, shutdown: Shutdown) {
    let claimed = work.claimed().clone();
    let too_late = async {
        shutdown.requested().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        () = perform(app.clone(), work) => {}
        () = too_late => hand_back(&app, &claimed, app.core.now()).await,
    }
    drop(slot);
}

/// Sleeps until a wake-up, until the next lane is due, or for the poll interval.
async fn wait_for_work(core: &Core, queue: Queue, shutdown: &Shutdown) {
    let due_in = match next_due(core, queue).await {
        Ok(Some(due)) => u64::try_from(due.since_ms(core.now())).unwrap_or(0),
        Ok(None) | Err(_) => u64::MAX,
    };
    // Another worker is claiming a lane that is due but was not claimed: another claim at once would only
    // disturb it.
    let nap = Duration::from_millis(due_in.max(5)).min(POLL);
    tokio::select! {
        () = core.wakers.signal(queue).notified() => {}
        () = tokio::time::sleep(nap) => {}
        () = shutdown.requested() => {}
    }
}

async fn next_due(core: &Core, queue: Queue) -> Result<Option<UnixMillis>, StoreError> {
    let mut tx = core.db.read().await?;
    lanes::next_due(&mut tx, queue).await
}

/// Wakes the workers of this process when another process has new work.
async fn listen_for_wakeups(core: Core, shutdown: Shutdown) {
    let mut told = false;
    while !shutdown.is_requested() {
        let listening = async {
            let Some(mut wakeups) = core.db.listen().await? else {
                // SQLite: there is no other process.
                std::future::pending::<()>().await;
                return Ok(());
            };
            loop {
                wakeups.next().await?;
                core.live.changed_elsewhere();
                for queue in [Queue::Inbox, Queue::Status, Queue::Outbox] {
                    core.wakers.wake_here(queue);
                }
            }
        };
        let listening: Result<(), StoreError> = tokio::select! {
            result = listening => result,
            () = shutdown.requested() => return,
        };
        if let Err(error) = listening {
            if std::mem::replace(&mut told, true) {
                tracing::debug!(error = %ErrorChain(&error), "No wake-up calls; polling meanwhile");
            } else {
                tracing::info!(error = %ErrorChain(&error), "No wake-up calls of other processes; polling meanwhile");
            }
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Formats an error with its causes, on one line.
pub(crate) struct ErrorChain<'a>(pub(crate) &'a dyn std::error::Error);

impl std::fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}
