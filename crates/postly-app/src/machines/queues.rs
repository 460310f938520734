//! Random histories of the queues: repeated events, and workers that die, are suspended past their lease, or
//! release their work.

use postly_domain::{
    Provider, UnixMillis,
    event::{EventKey, EventKind, IgnoreRule, ReceivedEvent},
    id::{EventId, LeaseToken},
};
use postly_store::{
    StoreError, Tx, dead_letters,
    inbox::{self, Outcome},
    lanes::{self, ClaimedLane, Queue},
};
use postly_testkit::EngineName;
use proptest::{collection::vec, prelude::*, sample::select};

use super::{LONGEST, Scene, assert_audit_is_clean, play};
use crate::ids::Fresh as _;

/// Two lanes of the inbox and one of the statuses.
const LANES: usize = 3;
const LEASE_MS: i64 = 60_000;

#[derive(Debug, Clone)]
struct Arrival {
    key: usize,
    lane: usize,
    /// The age of the event at its arrival. Events overtake each other in transit.
    age_ms: i64,
    is_message: bool,
    ignored: bool,
}

#[derive(Debug, Clone)]
enum Op {
    /// A webhook: several events in one transaction, of which some are stored already.
    Store {
        batch: Vec<Arrival>,
        crash: bool,
    },
    Claim {
        queue: usize,
        limit: usize,
    },
    /// Two workers claim concurrently.
    ClaimTwice {
        queue: usize,
        limit: usize,
    },
    /// A worker finishes its work, possibly after losing its lease.
    Finish {
        lease: usize,
        outcome: usize,
        crash: bool,
    },
    Defer {
        lease: usize,
        pause_ms: i64,
    },
    Trim {
        lease: usize,
        keep: i64,
    },
    Hurry {
        lane: usize,
    },
    Replay {
        event: usize,
    },
    Advance {
        millis: i64,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let arrival = (0..12_usize, 0..LANES, select(vec![0, 0, 5_000, 90_000]), any::<bool>(), 0..8_u8)
        .prop_map(|(key, lane, age_ms, is_message, ignored)| Arrival {
            key,
            lane,
            age_ms,
            is_message,
            ignored: ignored == 0,
        });
    let crash = || prop::bool::weighted(0.1);
    prop_oneof![
        4 => (vec(arrival, 1..5), crash()).prop_map(|(batch, crash)| Op::Store { batch, crash }),
        3 => (0..2_usize, 1..4_usize).prop_map(|(queue, limit)| Op::Claim { queue, limit }),
        1 => (0..2_usize, 1..3_usize).prop_map(|(queue, limit)| Op::ClaimTwice { queue, limit }),
        5 => (0..6_usize, 0..3_usize, crash())
            .prop_map(|(lease, outcome, crash)| Op::Finish { lease, outcome, crash }),
        1 => (0..6_usize, select(vec![0, 1, 30_000])).prop_map(|(lease, pause_ms)| Op::Defer { lease, pause_ms }),
        1 => (0..6_usize, 1..3_i64).prop_map(|(lease, keep)| Op::Trim { lease, keep }),
        1 => (0..LANES).prop_map(|lane| Op::Hurry { lane }),
        1 => (0..12_usize).prop_map(|event| Op::Replay { event }),
        3 => select(vec![1, 30_000, LEASE_MS - 1, LEASE_MS]).prop_map(|millis| Op::Advance { millis }),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waits,
    Dead,
    /// Final: no replay brings it back.
    Ended,
}

/// An event in its expected state. The index in the list is the order of arrival.
#[derive(Debug, Clone)]
struct ModelEvent {
    id: EventId,
    key: usize,
    lane: usize,
    occurred_at: UnixMillis,
    is_message: bool,
    attempts: i64,
    round: i64,
    state: State,
    /// True if it has joined its lane.
    in_lane: bool,
}

/// A lane in its expected state.
#[derive(Debug, Clone, Copy, Default)]
struct ModelLane {
    ready_at: Option<UnixMillis>,
    /// The number of the lease that owns it.
    lease: Option<usize>,
}

#[derive(Clone, Default)]
struct Model {
    events: Vec<ModelEvent>,
    lanes: [ModelLane; LANES],
}

impl Model {
    /// Returns the waiting events of a lane, in the order of their handling.
    fn waiting(&self, lane: usize) -> Vec<usize> {
        let stands = |event: &ModelEvent| event.lane == lane && event.state == State::Waits && event.in_lane;
        let mut waiting: Vec<usize> = (0..self.events.len()).filter(|at| stands(&self.events[*at])).collect();
        waiting.sort_by_key(|at| (self.events[*at].occurred_at, *at));
        waiting
    }

    fn join(&mut self, lane: usize, now: UnixMillis) {
        self.lanes[lane].ready_at.get_or_insert(now);
    }

    /// Returns the events of a queue that have joined no lane yet, in the order of arrival.
    fn arrived(&self, queue: Queue) -> Vec<usize> {
        let waits = |event: &ModelEvent| event.state == State::Waits && !event.in_lane;
        let arrived = |at: &usize| queue_of(self.events[*at].lane) == queue && waits(&self.events[*at]);
        (0..self.events.len()).filter(arrived).collect()
    }

    fn due(&self, queue: Queue, now: UnixMillis) -> Vec<usize> {
        let is_due = |lane: &usize| self.lanes[*lane].ready_at.is_some_and(|ready_at| ready_at <= now);
        (0..LANES).filter(|lane| queue_of(*lane) == queue).filter(is_due).collect()
    }

    fn next_due(&self, queue: Queue) -> Option<UnixMillis> {
        (0..LANES).filter(|lane| queue_of(*lane) == queue).filter_map(|lane| self.lanes[lane].ready_at).min()
    }

    /// Releases a lane after its head was handled.
    fn give_back(&mut self, lane: usize, ready_at: UnixMillis) -> bool {
        let more = !self.waiting(lane).is_empty();
        self.lanes[lane] = ModelLane { ready_at: more.then_some(ready_at), lease: None };
        more
    }
}

fn queue_of(lane: usize) -> Queue {
    if lane + 1 == LANES { Queue::Status } else { Queue::Inbox }
}

/// A claim of a worker, valid or lost.
struct Lease {
    claimed: ClaimedLane,
    lane: usize,
    event: usize,
}

struct Machine<'a> {
    scene: &'a Scene,
    model: Model,
    leases: Vec<Lease>,
    /// Distinguishes the names of this history from those of others.
    name: String,
}

impl Machine<'_> {
    fn lane_name(&self, lane: usize) -> String {
        format!("{}:{lane}", self.name)
    }

    fn received(&self, arrival: &Arrival) -> ReceivedEvent {
        ReceivedEvent {
            key: EventKey(format!("{}:{}", self.name, arrival.key)),
            provider: Provider::Meta,
            kind: match (queue_of(arrival.lane), arrival.is_message) {
                (Queue::Status, _) => EventKind::Status,
                (_, true) => EventKind::Message,
                (_, false) => EventKind::IdentityChange,
            },
            lane: self.lane_name(arrival.lane),
            occurred_at: self.scene.now().plus_ms(-arrival.age_ms),
            slice: arrival.key.to_string(),
            amends: None,
            ignored: arrival.ignored.then_some(IgnoreRule::Unrouted),
        }
    }

    async fn store(&mut self, batch: &[Arrival], crash: bool) {
        let now = self.scene.now();
        let mut model = self.model.clone();
        let mut tx = self.scene.db().write().await.unwrap();
        let received: Vec<ReceivedEvent> = batch.iter().map(|arrival| self.received(arrival)).collect();
        let events: Vec<(EventId, &ReceivedEvent)> =
            received.iter().map(|event| (EventId::fresh(now), event)).collect();
        let stored = inbox::store(&mut tx, &events, now).await.unwrap();
        for ((arrival, (id, event)), is_new) in batch.iter().zip(events).zip(stored) {
            assert_eq!(is_new, model.events.iter().all(|known| known.key != arrival.key), "{arrival:?}");
            if !is_new {
                continue;
            }
            // On SQLite an event joins its lane with the next claim.
            let in_lane = self.scene.engine() == EngineName::Postgres;
            if !arrival.ignored && in_lane {
                model.join(arrival.lane, now);
            }
            model.events.push(ModelEvent {
                id,
                key: arrival.key,
                lane: arrival.lane,
                occurred_at: event.occurred_at,
                is_message: event.kind == EventKind::Message,
                attempts: 0,
                round: 1,
                state: if arrival.ignored { State::Ended } else { State::Waits },
                in_lane,
            });
        }
        if crash {
            return self.give_up(tx).await;
        }
        tx.commit().await.unwrap();
        self.model = model;
    }

    /// Drops a transaction, and waits until the server has rolled it back: its locks last until then, and a
    /// claim skips locked rows. Adding no events to a due lane waits for the lock, and changes nothing.
    async fn give_up(&self, tx: Tx) {
        drop(tx);
        let mut tx = self.scene.db().write().await.unwrap();
        for lane in (0..LANES).filter(|lane| self.model.lanes[*lane].ready_at.is_some()) {
            lanes::add(&mut tx, queue_of(lane), &self.lane_name(lane), 0, self.scene.now()).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    /// Claims lanes and takes their heads, as a worker does in one transaction.
    async fn claim(&mut self, tx: &mut Tx, queue: Queue, limit: usize) {
        let now = self.scene.now();
        let mut arrived = self.model.arrived(queue);
        arrived.truncate(limit);
        assert_eq!(inbox::join_lanes(tx, queue, limit, now).await.unwrap(), arrived.len());
        for at in arrived {
            self.model.events[at].in_lane = true;
            self.model.join(self.model.events[at].lane, now);
        }
        let (token, until) = (LeaseToken::fresh(now), now.plus_ms(LEASE_MS));
        let claimed = lanes::claim(tx, queue, &token, now, until, limit).await.unwrap();
        let due = self.model.due(queue, now);
        assert_eq!(claimed.len(), limit.min(due.len()), "due: {due:?}");
        let heads = inbox::heads(tx, &claimed).await.unwrap();
        for (claimed, head) in claimed.into_iter().zip(heads) {
            let lane = (0..LANES).find(|lane| self.lane_name(*lane) == claimed.lane).expect("a lane of ours");
            // A due lane is free: a leased one is not due.
            let ready_at = self.model.lanes[lane].ready_at;
            assert!(
                ready_at.is_some_and(|ready_at| ready_at <= now),
                "lane {lane} was ready at {ready_at:?}"
            );
            let waiting = self.model.waiting(lane);
            assert_eq!(usize::try_from(claimed.waiting).unwrap(), waiting.len());
            let head = head.expect("what waits is there");
            let expected = &mut self.model.events[waiting[0]];
            expected.attempts += 1;
            assert_eq!((&head.id, &head.slice), (&expected.id, &expected.key.to_string()));
            assert_eq!((head.attempts, head.round), (expected.attempts, expected.round));
            self.model.lanes[lane] = ModelLane { ready_at: Some(until), lease: Some(self.leases.len()) };
            self.leases.push(Lease { claimed, lane, event: waiting[0] });
        }
        // The lanes that are due longest come first.
        let left =
            self.model.due(queue, now).into_iter().filter_map(|lane| self.model.lanes[lane].ready_at).min();
        let taken = due.iter().filter(|lane| self.model.lanes[**lane].ready_at == Some(until)).count();
        assert!(left.is_none() || taken == limit);
    }

    async fn claim_once(&mut self, queue: Queue, limit: usize) {
        let mut tx = self.scene.db().write().await.unwrap();
        assert_eq!(lanes::next_due(&mut tx, queue).await.unwrap(), self.model.next_due(queue));
        self.claim(&mut tx, queue, limit).await;
        tx.commit().await.unwrap();
    }

    async fn claim_twice(&mut self, queue: Queue, limit: usize) {
        if self.scene.engine() == EngineName::Sqlite {
            // SQLite has one writer at a time: the second claim finds the lanes left by the first.
            self.claim_once(queue, limit).await;
            return self.claim_once(queue, limit).await;
        }
        let mut first = self.scene.db().write().await.unwrap();
        let mut second = self.scene.db().write().await.unwrap();
        self.claim(&mut first, queue, limit).await;
        self.claim(&mut second, queue, limit).await;
        second.commit().await.unwrap();
        first.commit().await.unwrap();
    }

    fn is_held(&self, lease: usize) -> bool {
        self.model.lanes[self.leases[lease].lane].lease == Some(lease)
    }

    async fn finish(&mut self, lease: usize, outcome: usize, crash: bool) {
        let Some(Lease { claimed, lane, event }) = self.leases.get(lease) else { return };
        let (lane, event) = (*lane, *event);
        let outcome = [Outcome::Applied, Outcome::Ignored(IgnoreRule::NothingToSay), Outcome::Dead("tried")]
            [outcome]
            .clone();
        let now = self.scene.now();
        let mut tx = self.scene.db().write().await.unwrap();
        let id = &self.model.events[event].id;
        let finished = inbox::finish(&mut tx, claimed, id, None, None, &outcome, now).await;
        if !self.is_held(lease) || self.model.events[event].state != State::Waits {
            assert!(matches!(finished, Err(StoreError::LeaseLost)), "{finished:?}");
            return self.give_up(tx).await;
        }
        let more = finished.unwrap();
        assert_eq!(more, self.model.waiting(lane).len() > 1);
        if crash {
            return self.give_up(tx).await;
        }
        tx.commit().await.unwrap();
        let state = if matches!(outcome, Outcome::Dead(_)) { State::Dead } else { State::Ended };
        self.model.events[event].state = state;
        self.model.give_back(lane, now);
    }

    async fn defer(&mut self, lease: usize, pause_ms: i64) {
        let Some(Lease { claimed, lane, .. }) = self.leases.get(lease) else { return };
        let (lane, then) = (*lane, self.scene.now().plus_ms(pause_ms));
        let mut tx = self.scene.db().write().await.unwrap();
        let deferred = lanes::defer(&mut tx, claimed, then).await;
        if !self.is_held(lease) {
            assert!(matches!(deferred, Err(StoreError::LeaseLost)), "{deferred:?}");
            return self.give_up(tx).await;
        }
        deferred.unwrap();
        tx.commit().await.unwrap();
        self.model.give_back(lane, then);
    }

    async fn trim(&mut self, lease: usize, keep: i64) {
        let Some(Lease { claimed, lane, .. }) = self.leases.get(lease) else { return };
        if claimed.queue != Queue::Inbox {
            return;
        }
        let mut beyond = self.model.waiting(*lane);
        beyond.retain(|at| self.model.events[*at].is_message);
        beyond.drain(..beyond.len().min(usize::try_from(keep).unwrap()));
        let mut tx = self.scene.db().write().await.unwrap();
        let trimmed = inbox::trim(&mut tx, claimed, keep, self.scene.now()).await;
        if !beyond.is_empty() && !self.is_held(lease) {
            assert!(matches!(trimmed, Err(StoreError::LeaseLost)), "{trimmed:?}");
            return self.give_up(tx).await;
        }
        assert_eq!(usize::try_from(trimmed.unwrap()).unwrap(), beyond.len());
        tx.commit().await.unwrap();
        for at in beyond {
            self.model.events[at].state = State::Ended;
        }
    }

    async fn make_due_now(&mut self, lane: usize) {
        let now = self.scene.now();
        let mut tx = self.scene.db().write().await.unwrap();
        lanes::make_due_now(&mut tx, queue_of(lane), &self.lane_name(lane), now).await.unwrap();
        tx.commit().await.unwrap();
        let lane = &mut self.model.lanes[lane];
        if lane.lease.is_none() && lane.ready_at.is_some_and(|ready_at| ready_at > now) {
            lane.ready_at = Some(now);
        }
    }

    async fn replay(&mut self, event: usize) {
        let now = self.scene.now();
        let Some(event) = self.model.events.get_mut(event) else { return };
        let mut tx = self.scene.db().write().await.unwrap();
        let revived = dead_letters::revive_event(&mut tx, &event.id, now).await.unwrap();
        assert_eq!(revived, event.state == State::Dead);
        tx.commit().await.unwrap();
        if revived {
            (event.state, event.attempts, event.round) = (State::Waits, 0, event.round + 1);
            let lane = event.lane;
            self.model.join(lane, now);
        }
    }

    /// After any history, workers without failures end every event, each once.
    async fn drain(&mut self) {
        const QUEUES: [Queue; 2] = [Queue::Inbox, Queue::Status];
        // Each round ends an event of each due lane.
        for _ in 0..4 * LONGEST {
            let arrived = QUEUES.iter().any(|queue| !self.model.arrived(*queue).is_empty());
            match QUEUES.into_iter().filter_map(|queue| self.model.next_due(queue)).min() {
                _ if arrived => {}
                Some(due) => self.scene.advance_ms(due.since_ms(self.scene.now()).max(0)),
                None => return,
            }
            let before = self.leases.len();
            for queue in QUEUES {
                self.claim_once(queue, LANES).await;
            }
            for lease in before..self.leases.len() {
                self.finish(lease, 0, false).await;
            }
        }
        panic!("the queues do not come to their end");
    }

    async fn assert_ended(&self) {
        let mut tx = self.scene.db().read().await.unwrap();
        for queue in [Queue::Inbox, Queue::Status] {
            assert_eq!(lanes::next_due(&mut tx, queue).await.unwrap(), None);
        }
        assert!(self.model.events.iter().all(|event| event.state != State::Waits));
        let letters = dead_letters::list(&mut tx, i64::MAX).await.unwrap();
        for event in &self.model.events {
            let is_listed = letters.iter().any(|letter| letter.id == event.id.as_str());
            assert_eq!(is_listed, event.state == State::Dead, "{event:?}");
        }
        assert_audit_is_clean(&mut tx, self.scene.now(), &[]).await;
    }
}

async fn act(scene: &Scene, operations: Vec<Op>) {
    let name = EventId::fresh(scene.now()).to_string();
    let mut machine = Machine { scene, model: Model::default(), leases: vec![], name };
    let queues = [Queue::Inbox, Queue::Status];
    for operation in operations {
        match operation {
            Op::Store { batch, crash } => machine.store(&batch, crash).await,
            Op::Claim { queue, limit } => machine.claim_once(queues[queue], limit).await,
            Op::ClaimTwice { queue, limit } => machine.claim_twice(queues[queue], limit).await,
            Op::Finish { lease, outcome, crash } => machine.finish(lease, outcome, crash).await,
            Op::Defer { lease, pause_ms } => machine.defer(lease, pause_ms).await,
            Op::Trim { lease, keep } => machine.trim(lease, keep).await,
            Op::Hurry { lane } => machine.make_due_now(lane).await,
            Op::Replay { event } => machine.replay(event).await,
            Op::Advance { millis } => scene.advance_ms(millis),
        }
    }
    machine.drain().await;
    machine.assert_ended().await;
}

#[test]
fn the_queues_lose_nothing_and_do_nothing_twice_on_sqlite() {
    play(file!(), EngineName::Sqlite, &vec(op(), 1..LONGEST), &act);
}

#[test]
fn the_queues_lose_nothing_and_do_nothing_twice_on_postgres() {
    play(file!(), EngineName::Postgres, &vec(op(), 1..LONGEST), &act);
}
