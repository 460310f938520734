//! The workers: they claim lanes that are due, a bounded number at a time, and do the head of each.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use postly_domain::{UnixMillis, event::EventKind, id::LeaseToken, metric};
use postly_store::{
    StoreError, Tx,
    inbox::{self, DueEvent},
    lanes::{self, ClaimedLane, Queue},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
};

use crate::{
    App, JourneyError,
    conflict::again,
    conversation::MAX_WAITING,
    crash,
    deliver::PlannedSend,
    ids::{Fresh as _, dice, made_at},
    measure::own_share,
};

/// The lease of a lane. Another process takes over the work of one that died after this time, so that the authors who wait
/// are answered within 15 s.
pub(crate) const LEASE_MS: i64 = 12_000;
/// The time between two renewals of a lease under which work goes on: two may fail before the lease ends.
const RENEW_EVERY: Duration = Duration::from_secs(4);
/// How often workers look for work that nobody rang for: a lease that ended, a bell that was lost.
const POLL: Duration = Duration::from_secs(1);
/// How long a dispatcher rests when it could not claim: a database that only reads says so a hundred times a second.
const AFTER_FAILURE: Duration = Duration::from_millis(250);
/// How many lanes one claim takes.
const CLAIM_BATCH: usize = 32;
/// How many events join their lanes in one transaction: a few milliseconds' work, behind which acknowledgements wait.
const JOIN_BATCH: usize = 64;
/// How many such transactions precede a claim at most. Together they add several times what one author may have waiting, so
/// that a flood is seen for what it is.
const JOINS: usize = 4;
/// How often an event is tried before it becomes a dead letter. Only failures of the database or of ours count;
/// what a model or a provider answers has rules of its own.
const MAX_EVENT_ATTEMPTS: i64 = 8;
/// How long a stop waits for work that is under way (RULES 1.2: stopped within 25 s), before it hands back the rest.
const DRAIN: Duration = Duration::from_secs(20);

/// How many lanes of a queue are worked on at once in one process.
fn concurrency(queue: Queue) -> usize {
    match queue {
        // Mostly waiting for a model: 300 messages a second at 1.2 s each are 360 at once.
        Queue::Inbox => 512,
        // Mostly waiting for a provider.
        Queue::Outbox => 128,
        // Statements only; more would wait for each other.
        Queue::Status => 8,
    }
}

/// Tells the workers to stop, and lets them say that they have.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// A switch and what it switches off.
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Waits for the switch.
    pub async fn requested(&self) {
        // A switch that is gone was thrown with everything else.
        let _ = self.0.clone().wait_for(|stop| *stop).await;
    }

    /// Whether the switch was thrown.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }
}

/// The workers of all queues.
pub struct Workers {
    app: App,
}

impl Workers {
    /// Workers for an application.
    pub fn new(app: App) -> Self {
        Self { app }
    }

    /// Ends the leases of a process that died. For a database that has one process, before [`Workers::run`]: its authors
    /// would wait for the end of the leases.
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
        let mut tx = self.app.0.db.write().await?;
        let ended = lanes::end_leases(&mut tx, self.app.now()).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// Works until told to stop, then finishes what is under way or hands it back.
    ///
    /// # Panics
    /// When a dispatcher does: whoever runs this must not go on without it.
    pub async fn run(self, shutdown: Shutdown) {
        let mut tasks = JoinSet::new();
        for queue in [Queue::Inbox, Queue::Status, Queue::Outbox] {
            tasks.spawn(dispatch(self.app.clone(), queue, shutdown.clone()));
        }
        tasks.spawn(crate::retention::run(self.app.clone(), shutdown.clone()));
        tasks.spawn(crate::payments::run(self.app.clone(), shutdown.clone()));
        tasks.spawn(listen_for_wakeups(self.app.clone(), shutdown));
        while let Some(ended) = tasks.join_next().await {
            if let Err(panic) = ended {
                // A queue without its dispatcher would look healthy and do nothing.
                std::panic::resume_unwind(panic.into_panic());
            }
        }
    }

    /// Does everything that is due by the clock, of every queue, and returns when nothing is. Returns how many lanes
    /// were worked on.
    ///
    /// # Errors
    /// When the database fails while claiming.
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

/// What is to be done for a lane that was claimed.
enum Work {
    /// Handle this event.
    Event { claimed: ClaimedLane, event: Box<DueEvent> },
    /// Make this attempt.
    PlannedSend(Arc<PlannedSend>),
}

impl Work {
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

/// What a claim gave.
#[derive(Default)]
struct Claim {
    /// How many lanes were due and taken.
    lanes: usize,
    /// Whether there may be more to be claimed at once.
    more: bool,
    /// What is left to do for them.
    work: Vec<Work>,
}

/// Claims lanes that are due, and in the same transaction takes what is at their heads.
///
/// When the head of one lane cannot be taken, none can; then one lane is claimed alone, and put off if it is the one.
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
    let mut tx = app.0.db.write().await?;
    let mut joined = inbox::join_lanes(&mut tx, queue, JOIN_BATCH, app.now()).await?;
    for _ in 1..JOINS {
        if joined < JOIN_BATCH {
            break;
        }
        tx.commit().await?;
        tx = app.0.db.write().await?;
        joined = inbox::join_lanes(&mut tx, queue, JOIN_BATCH, app.now()).await?;
    }
    let now = app.now();
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

/// Claims one lane and commits before it takes the head, so that a lane whose head cannot be taken is put off, and the
/// others have their turn.
async fn claim_alone(app: &App, queue: Queue) -> Result<Claim, StoreError> {
    let now = app.now();
    let mut tx = app.0.db.write().await?;
    let leased = lease(&mut tx, queue, 1, now).await?;
    tx.commit().await?;
    let Some(claimed) = leased.into_iter().next() else {
        return Ok(Claim::default());
    };
    let mut tx = app.0.db.write().await?;
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

/// Takes what is at the heads of the lanes of a claim.
async fn take_heads(
    app: &App,
    tx: &mut Tx,
    claim: Vec<ClaimedLane>,
    now: UnixMillis,
) -> Result<Vec<Work>, StoreError> {
    let Some(queue) = claim.first().map(|claimed| claimed.queue) else { return Ok(vec![]) };
    if queue == Queue::Outbox {
        let planned_sends = app.plan_sends(tx, claim, now).await?;
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

/// Performs work, and renews its lease as long as that takes.
async fn perform(app: App, work: Work) {
    let claimed = work.claimed().clone();
    tokio::select! {
        () = perform_leased(app.clone(), work) => {}
        () = keep_lease(&app, &claimed) => {}
    }
}

/// Renews a lease for ever. A renewal that fails is tried again: the fencing token guards what is written.
async fn keep_lease(app: &App, claimed: &ClaimedLane) {
    let renewed = async || {
        let mut tx = app.0.db.write().await?;
        lanes::renew(&mut tx, claimed, app.now().plus_ms(LEASE_MS)).await?;
        tx.commit().await
    };
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        if let Err(error) = renewed().await {
            tracing::debug!(error = %ErrorChain(&error), "Could not renew a lease");
        }
    }
}

/// Does what is to be done. A failure puts the lane off; nothing is lost by it.
async fn perform_leased(app: App, work: Work) {
    let begun = Instant::now();
    let (result, event) = match &work {
        Work::PlannedSend(planned) => (app.execute_send(planned).await, None),
        Work::Event { claimed, event } => {
            let received_at = made_at(event.id.as_str()).filter(|_| event.kind == EventKind::Message);
            let handled = async { again!(handle(&app, claimed, event)) };
            (own_share(received_at, || app.now(), Box::pin(handled)).await, Some(event))
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
    let Err(error) = result else { return };
    if error.is_lease_lost() {
        metrics::counter!(metric::JOB_FENCED).increment(1);
        tracing::info!(queue, "Lost a lease; what was done under it is dropped");
        return;
    }
    let pause = pause_ms(event.map_or(1, |event| event.attempts));
    // Work that fails for good ends as a dead letter, and a database that fails is told of: both are alerts.
    tracing::info!(
        error = %ErrorChain(&error),
        queue,
        event.id = event.map(|event| tracing::field::display(&event.id)),
        "Work failed; trying again in {pause} ms"
    );
    hand_back(&app, work.claimed(), app.now().plus_ms(pause)).await;
}

async fn handle(app: &App, claimed: &ClaimedLane, event: &DueEvent) -> Result<(), JourneyError> {
    if event.attempts > MAX_EVENT_ATTEMPTS {
        return app.dead_letter_with_apology(claimed, event).await;
    }
    if claimed.queue == Queue::Inbox && claimed.waiting > MAX_WAITING {
        app.shed_excess_messages(claimed, event).await?;
    }
    app.handle_event(claimed, event).await
}

/// Gives a lane back to be claimed from `then` on. When even that fails, its lease ends by itself.
async fn hand_back(app: &App, claimed: &ClaimedLane, then: UnixMillis) {
    let handed_back = async || {
        let mut tx = app.0.db.write().await?;
        lanes::defer(&mut tx, claimed, then).await?;
        tx.commit().await
    };
    if let Err(error) = again!(handed_back()) {
        tracing::debug!(error = %ErrorChain(&error), "Could not hand a lane back; its lease will end");
    }
}

/// The pause after a failed attempt: 0.5 s doubled each time, half a minute at most, ±20 %.
fn pause_ms(attempts: i64) -> i64 {
    let doublings = u32::try_from(attempts.clamp(0, 6)).unwrap_or(0);
    postly_domain::delivery::jittered((250_i64 << doublings).min(30_000), dice())
}

/// Claims and performs the work of one queue until told to stop.
async fn dispatch(app: App, queue: Queue, shutdown: Shutdown) {
    let concurrency = concurrency(queue);
    let slots = Arc::new(Semaphore::new(concurrency));
    let mut tasks: JoinSet<()> = JoinSet::new();
    let mut failed_before = false;
    while !shutdown.is_requested() {
        // While all slots are taken, it waits for one before it claims: what is claimed is begun at once.
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
                // The monitor tells of a database that stays away; this line would come four times a second.
                if !std::mem::replace(&mut failed_before, true) {
                    tracing::info!(error = %ErrorChain(&error), queue = queue.as_str(), "Could not claim work; trying again");
                }
                // Whatever is due stays due: asking at once would ask for ever.
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
                        // Only this task takes slots, and it claims no more lanes than there are: a bug.
                        tracing::error!(queue = queue.as_str(), "Claimed more lanes than there are slots");
                        hand_back(&app, work.claimed(), app.now()).await;
                        continue;
                    }
                },
            };
            tasks.spawn(perform_in(app.clone(), work, slot, shutdown.clone()));
        }
        drop(slot);
        if !more {
            wait_for_work(&app, queue, &shutdown).await;
        }
    }
    while tasks.join_next().await.is_some() {}
}

/// Performs work in its slot, and hands it back when a stop does not wait any longer.
async fn perform_in(app: App, work: Work, slot: OwnedSemaphorePermit, shutdown: Shutdown) {
    let claimed = work.claimed().clone();
    let too_late = async {
        shutdown.requested().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        () = perform(app.clone(), work) => {}
        () = too_late => hand_back(&app, &claimed, app.now()).await,
    }
    drop(slot);
}

/// Sleeps until somebody rings, the next lane is due, or it is time to look again.
async fn wait_for_work(app: &App, queue: Queue, shutdown: &Shutdown) {
    let due_in = match next_due(app, queue).await {
        Ok(Some(due)) => u64::try_from(due.since_ms(app.now())).unwrap_or(0),
        Ok(None) | Err(_) => u64::MAX,
    };
    // A lane that is due but was not claimed is another worker's: looking again at once would only be in its way.
    let nap = Duration::from_millis(due_in.max(5)).min(POLL);
    tokio::select! {
        () = app.0.wakers.signal(queue).notified() => {}
        () = tokio::time::sleep(nap) => {}
        () = shutdown.requested() => {}
    }
}

async fn next_due(app: &App, queue: Queue) -> Result<Option<UnixMillis>, StoreError> {
    let mut tx = app.0.db.read().await?;
    lanes::next_due(&mut tx, queue).await
}

/// Wakes our workers when another process has new work.
async fn listen_for_wakeups(app: App, shutdown: Shutdown) {
    let mut told = false;
    while !shutdown.is_requested() {
        let listening = async {
            let Some(mut wakeups) = app.0.db.listen().await? else {
                // Nobody else can be there.
                std::future::pending::<()>().await;
                return Ok(());
            };
            loop {
                wakeups.next().await?;
                app.0.live.changed();
                for queue in [Queue::Inbox, Queue::Status, Queue::Outbox] {
                    app.0.wakers.wake_here(queue);
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

/// An error with its causes, on one line.
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
