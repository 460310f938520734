//! Random histories of the outbox: sends with a clear, unclear or missing answer, and statuses in any order,
//! repeated any number of times.
//!
//! The model is the outside world: it knows the attempts that really reached the provider, and the facts
//! reported to the service. It checks the promise to the recipient (never a third copy) and the conclusions
//! from the reported facts.

mod history;

use std::{collections::BTreeMap, sync::Arc};

use self::history::{Answer, Op, history};
use postly_domain::{
    Language, LedgerReason, Provider, UnixMillis,
    credits::{GENERATION_PRICE, MAX_AUTOMATIC_REFUNDS_PER_DAY},
    delivery::{AttemptState, Form, MAX_UNCLEAR_ATTEMPTS, SendOutcome},
    event::{DeliveryStatus, EventKey, EventKind, IgnoreRule, ReceivedEvent, StatusUpdate},
    id::{AttemptId, AuthorId, EntryId, EventId, GenerationId, HoldId, LeaseToken, MessageId},
    post::{BriefKind, Intent, Platform},
};
use postly_store::{
    attempts, authors, dead_letters,
    generations::{self, NewGeneration},
    inbox,
    lanes::{self, Queue},
    outbox::{self, NewMessage},
    wallets::{self, Held, NewEntry},
};
use postly_testkit::EngineName;

use super::{LONGEST, Scene, assert_audit_is_clean, play};
use crate::{deliver::PlannedSend, ids::Fresh as _, operator::OperatorError};

const LEASE_MS: i64 = 60_000;
const CREDITS: i64 = 100;

struct Message {
    id: MessageId,
    /// The generation of the message, if any.
    generation: Option<GenerationId>,
    carries: bool,
    expires_at: UnixMillis,
    /// The number of its replays.
    round: usize,
}

/// An attempt, as known to the outside world.
struct Attempt {
    id: AttemptId,
    message: usize,
    /// The replay to which it belongs.
    round: usize,
    reached: bool,
    /// The recorded answer to the call: accepted or refused.
    told: Option<bool>,
    /// The call has ended without a recorded answer.
    is_unclear: bool,
    /// The state after the statuses so far.
    status: Option<DeliveryStatus>,
    /// True if the service knows the provider's id of the message: from the answer, or from a status that
    /// named the attempt.
    is_named: bool,
}

impl Attempt {
    /// True if the service knows that the provider accepted this attempt.
    fn is_taken(&self) -> bool {
        match self.status {
            Some(status) => status != DeliveryStatus::Failed,
            None => self.told == Some(true),
        }
    }

    /// True if the service knows that it cannot arrive.
    fn is_lost(&self) -> bool {
        match self.status {
            Some(status) => status == DeliveryStatus::Failed,
            None => self.told == Some(false),
        }
    }

    fn provider_id(&self) -> String {
        format!("wamid.{}", self.id)
    }
}

struct Machine<'a> {
    scene: &'a Scene,
    author: AuthorId,
    /// The conversation, and also the business number, so that no other history's sender is paused.
    lane: String,
    messages: Vec<Message>,
    attempts: Vec<Attempt>,
    /// Attempts in progress, with their numbers.
    planned_sends: Vec<(usize, Arc<PlannedSend>)>,
    refunds: i64,
    statuses: usize,
}

impl Machine<'_> {
    async fn start(scene: &Scene) -> Machine<'_> {
        let now = scene.now();
        let author = AuthorId::fresh(now);
        let mut tx = scene.db().write().await.unwrap();
        authors::add(&mut tx, &author, Language::Fr, now).await.unwrap();
        let entry = NewEntry {
            id: &EntryId::fresh(now),
            author: &author,
            delta: CREDITS,
            reason: LedgerReason::Adjustment,
            operation: &format!("adjustment:{author}"),
            note: None,
            reference: None,
        };
        wallets::post(&mut tx, &entry, now).await.unwrap();
        tx.commit().await.unwrap();
        let lane = format!("meta:{author}");
        Machine {
            scene,
            author,
            lane,
            messages: vec![],
            attempts: vec![],
            planned_sends: vec![],
            refunds: 0,
            statuses: 0,
        }
    }

    async fn queue(&mut self, carries: &[bool], is_charged: bool, window_ms: i64) {
        let now = self.scene.now();
        let mut tx = self.scene.db().write().await.unwrap();
        let event = EventId::fresh(now);
        let received = ReceivedEvent {
            key: EventKey(event.to_string()),
            provider: Provider::Meta,
            kind: EventKind::Message,
            lane: self.lane.clone(),
            occurred_at: now,
            slice: String::new(),
            amends: None,
            ignored: Some(IgnoreRule::NothingToSay),
        };
        inbox::store(&mut tx, &[(event.clone(), &received)], now).await.unwrap();
        // A charged reply has posts.
        let is_charged = is_charged && carries.contains(&true);
        let generation = GenerationId::fresh(now);
        if is_charged {
            let key = format!("{event}:1");
            let held = wallets::hold(&mut tx, &HoldId::fresh(now), &self.author, &key, GENERATION_PRICE, now)
                .await
                .unwrap();
            let Held::Open(hold) = held else { panic!("{held:?}") };
            let reason = LedgerReason::WhatsappGeneration;
            wallets::settle(&mut tx, &hold, &EntryId::fresh(now), reason, generation.as_str(), now)
                .await
                .unwrap();
            let intent = Intent {
                kind: BriefKind::Post,
                platform: Platform::General,
                industry: String::new(),
                objective: String::new(),
                tone: String::new(),
                language: Language::Fr,
            };
            let new = NewGeneration {
                id: &generation,
                author: &self.author,
                event: Some(&event),
                origin: postly_domain::post::Origin::Whatsapp,
                hold: Some(&hold),
                root: None,
                brief: "un post",
                intent: &intent,
                variants: &[],
                writer: "nobody",
                prompt_version: "none",
            };
            generations::save(&mut tx, &new, now).await.unwrap();
        }
        for (part, carries) in carries.iter().enumerate() {
            let id = MessageId::fresh(now);
            let (key, carries) = (format!("{event}:1:{part}"), *carries && is_charged);
            let expires_at = now.plus_ms(window_ms);
            let new = NewMessage {
                id: &id,
                key: &key,
                lane: &self.lane,
                author: Some(&self.author),
                provider: Provider::Meta,
                business: &self.lane,
                address: "33612345678",
                purpose: "result",
                event: Some(&event),
                generation: is_charged.then_some(&generation),
                carries_variant: carries,
                reply_to: None,
                body: "bonjour",
                form: Form::Text,
                sealed: None,
                buttons: None,
                expires_at,
            };
            assert!(outbox::queue(&mut tx, &new, now).await.unwrap());
            assert!(!outbox::queue(&mut tx, &new, now).await.unwrap(), "queued once");
            let generation = is_charged.then(|| generation.clone());
            self.messages.push(Message { id, generation, carries, expires_at, round: 0 });
        }
        tx.commit().await.unwrap();
    }

    async fn claim(&mut self) {
        let now = self.scene.now();
        let mut tx = self.scene.db().write().await.unwrap();
        let (token, until) = (LeaseToken::fresh(now), now.plus_ms(LEASE_MS));
        let claimed = lanes::claim(&mut tx, Queue::Outbox, &token, now, until, 2).await.unwrap();
        assert!(claimed.len() <= 1, "one conversation is one lane");
        let planned = self.scene.app.deliveries.plan_sends(&mut tx, claimed, now).await.unwrap().pop();
        tx.commit().await.unwrap();
        let Some(planned) = planned else { return };
        let at = self.messages.iter().position(|message| message.id == planned.message.id).unwrap();
        let message = &self.messages[at];
        assert!(now < message.expires_at, "nothing leaves after its window");
        let earlier: Vec<&Attempt> = self.attempts.iter().filter(|attempt| attempt.message == at).collect();
        assert!(!earlier.iter().any(|attempt| attempt.is_taken()), "what was taken is not sent again");
        let sends =
            earlier.iter().filter(|attempt| attempt.round == message.round && attempt.told != Some(false));
        assert!(sends.count() < MAX_UNCLEAR_ATTEMPTS, "a third copy");
        for before in &self.messages[..at] {
            assert!(self.end_of(before).await.is_some(), "an older message of the conversation waits");
        }
        self.attempts.push(Attempt {
            id: planned.attempt.clone(),
            message: at,
            round: message.round,
            reached: false,
            told: None,
            is_unclear: false,
            status: None,
            is_named: false,
        });
        self.planned_sends.push((self.attempts.len() - 1, Arc::new(planned)));
    }

    async fn answer(&mut self, planned: usize, answer: Answer) {
        if planned >= self.planned_sends.len() {
            return;
        }
        let (at, planned) = self.planned_sends.remove(planned);
        let attempt = &mut self.attempts[at];
        // An attempt with a status has reached the provider.
        let answer = if attempt.reached { answer.of_what_reached() } else { answer };
        let (outcome, told) = match answer {
            Answer::Nothing { reached } => {
                attempt.reached = reached;
                return;
            }
            Answer::Accepted => {
                (SendOutcome::Accepted { provider_message_id: attempt.provider_id() }, Some(true))
            }
            Answer::Refused(action) => {
                (SendOutcome::Refused { code: 1, action, retry_after_ms: None }, Some(false))
            }
            Answer::NotSent => (SendOutcome::NotSent, Some(false)),
            Answer::Unclear { .. } => (SendOutcome::Unclear, None),
        };
        attempt.reached |= matches!(answer, Answer::Accepted | Answer::Unclear { reached: true });
        let message = &self.messages[attempt.message];
        let had_ended = self.end_of(message).await.is_some();
        let recorded = self.scene.app.deliveries.record(&planned, &outcome).await;
        let attempt = &mut self.attempts[at];
        match recorded {
            Ok(()) => {
                attempt.told = told;
                attempt.is_named |= told == Some(true);
                attempt.is_unclear = told.is_none();
            }
            Err(error) => {
                assert!(error.is_lease_lost(), "{error:?}");
                // A recorded acceptance is not resent by the worker that has the lane now.
                if told == Some(true) && !had_ended {
                    attempt.told = told;
                    attempt.is_named = true;
                }
            }
        }
    }

    async fn status(&mut self, attempt: usize, status: DeliveryStatus, names_attempt: bool) {
        let now = self.scene.now();
        // An attempt that never reached the provider gets no status; one in progress may get one before its
        // answer.
        let is_under_way = self.planned_sends.iter().any(|(at, _)| *at == attempt);
        let Some(attempt) = self.attempts.get_mut(attempt) else { return };
        attempt.reached |= is_under_way;
        if !attempt.reached {
            return;
        }
        self.statuses += 1;
        let lane = format!("{}#status", self.lane);
        let event = ReceivedEvent {
            key: EventKey(format!("{lane}:{}", self.statuses)),
            provider: Provider::Meta,
            kind: EventKind::Status,
            lane: lane.clone(),
            occurred_at: now,
            slice: "{}".to_owned(),
            amends: None,
            ignored: None,
        };
        let mut tx = self.scene.db().write().await.unwrap();
        inbox::store(&mut tx, &[(EventId::fresh(now), &event)], now).await.unwrap();
        inbox::join_lanes(&mut tx, Queue::Status, 1, now).await.unwrap();
        let (token, until) = (LeaseToken::fresh(now), now.plus_ms(LEASE_MS));
        let claimed = lanes::claim(&mut tx, Queue::Status, &token, now, until, 1).await.unwrap();
        let event = inbox::heads(&mut tx, &claimed).await.unwrap().remove(0).unwrap();
        let claimed = &claimed[0];
        tx.commit().await.unwrap();
        let update = StatusUpdate {
            provider_message_id: attempt.provider_id(),
            attempt: names_attempt.then(|| attempt.id.clone()),
            status,
            error_code: (status == DeliveryStatus::Failed).then_some(131_026),
            pricing: None,
            recipient_bsuid: None,
        };
        self.scene.app.deliveries.apply_status(claimed, &event, &update).await.unwrap();
        if !names_attempt && !attempt.is_named {
            return;
        }
        let before = match (attempt.status, attempt.told) {
            (None, Some(true)) => Some(DeliveryStatus::Accepted),
            // A refused attempt counts as failed, until it arrives.
            (None, Some(false)) if DeliveryStatus::Failed.after(status) == DeliveryStatus::Failed => return,
            (known, _) => known,
        };
        attempt.is_named = true;
        attempt.status = Some(before.map_or(status, |before| before.after(status)));
    }

    async fn replay(&mut self, message: usize) {
        let Some(replayed) = self.messages.get(message) else { return };
        let id = replayed.id.clone();
        let mut dead = vec![];
        for at in 0..self.messages.len() {
            if self.end_of(&self.messages[at]).await == Some("not") {
                dead.push(at);
            }
        }
        let revived = match self.scene.app.operator.replay(Some(id.as_str())).await {
            Ok(done) => done.replayed,
            Err(OperatorError::UnknownDeadLetter) => 0,
            Err(error) => panic!("{error}"),
        };
        // Only the message itself; or, if the reply is paid for again, all of its messages that did not
        // arrive.
        let generation = self.messages[message].generation.clone();
        if revived > 1 {
            dead.retain(|at| self.messages[*at].generation == generation);
            assert_eq!(revived, dead.len());
        } else {
            dead.retain(|at| revived == 1 && *at == message);
        }
        for at in dead {
            self.messages[at].round += 1;
            // Its old attempts count as refused, until a status reports that one has arrived after all.
            for attempt in self.attempts.iter_mut().filter(|attempt| attempt.message == at) {
                (attempt.told, attempt.status) = (Some(false), None);
            }
        }
    }

    /// Returns the final state of a message: `accepted`, or `not` if it is listed as a dead letter.
    async fn end_of(&self, message: &Message) -> Option<&'static str> {
        // Reading the state of an attempt locks its message.
        let mut tx = self.scene.db().write().await.unwrap();
        if dead_letters::message(&mut tx, &message.id).await.unwrap().is_some() {
            return Some("not");
        }
        for attempt in &self.attempts {
            if self.messages[attempt.message].id == message.id {
                let reported = attempts::reported(&mut tx, Provider::Meta, Some(&attempt.id), "")
                    .await
                    .unwrap()
                    .unwrap();
                return reported.ended.map(|ended| {
                    assert_eq!(ended, "accepted");
                    "accepted"
                });
            }
        }
        None
    }

    /// A credit is refunded only if no message with the posts can still arrive, by the reported facts.
    async fn assert_refunds_are_due(&mut self) {
        let mut tx = self.scene.db().read().await.unwrap();
        let refunds = wallets::refunds_since(&mut tx, &self.author, UnixMillis(0)).await.unwrap();
        if refunds > self.refunds {
            assert_eq!(refunds, self.refunds + 1, "one at a time");
            assert!((0..self.messages.len()).any(|at| self.is_lost(at)), "nothing was lost");
        }
        self.refunds = refunds;
    }

    /// True if a message carries a post and can no longer arrive.
    fn is_lost(&self, message: usize) -> bool {
        let mut attempts = self.attempts.iter().filter(|attempt| attempt.message == message);
        self.messages[message].carries && attempts.all(Attempt::is_lost)
    }

    /// Answers no further attempt, or accepts all of them: each message ends either way.
    async fn drain(&mut self, in_silence: bool) {
        // Each message needs a few steps at most, for any course of its attempts: more than the limit of
        // refusals.
        for _ in 0..20 * (1 + self.messages.len()) {
            self.claim().await;
            let answer = if in_silence { Answer::Nothing { reached: false } } else { Answer::Accepted };
            while !self.planned_sends.is_empty() {
                self.answer(0, answer).await;
            }
            self.assert_refunds_are_due().await;
            let mut tx = self.scene.db().read().await.unwrap();
            let Some(due) = lanes::next_due(&mut tx, Queue::Outbox).await.unwrap() else { return };
            drop(tx);
            self.scene.advance_ms(due.since_ms(self.scene.now()).max(0));
        }
        panic!("the outbox does not come to its end");
    }

    async fn assert_ended(&self) {
        for (at, message) in self.messages.iter().enumerate() {
            let attempts: Vec<&Attempt> =
                self.attempts.iter().filter(|attempt| attempt.message == at).collect();
            let expected = if attempts.iter().any(|attempt| attempt.is_taken()) { "accepted" } else { "not" };
            assert_eq!(self.end_of(message).await, Some(expected), "message {at}");
            let mut tx = self.scene.db().read().await.unwrap();
            let known = attempts::of(&mut tx, &message.id).await.unwrap();
            for (known, attempt) in known.iter().zip(&attempts) {
                let expected = match (attempt.status, attempt.told) {
                    (Some(status), _) => AttemptState::Known(status),
                    (None, Some(true)) => AttemptState::Known(DeliveryStatus::Accepted),
                    (None, Some(false)) => AttemptState::Refused,
                    (None, None) if attempt.is_unclear => AttemptState::Unclear,
                    (None, None) => AttemptState::Sending,
                };
                if attempt.round == message.round {
                    assert_eq!(known.state, expected, "an attempt of message {at}");
                }
            }
            let is_tried = attempts.iter().any(|attempt| attempt.round == message.round);
            let of_it = |other: &Message| other.generation == message.generation && other.id != message.id;
            let is_cancelled = message.generation.is_some() && self.messages.iter().any(of_it);
            if message.round > 0 && expected == "not" && !is_cancelled {
                assert!(
                    is_tried || self.scene.now() >= message.expires_at,
                    "message {at} was not sent again"
                );
            }
        }
        self.assert_books().await;
    }

    /// Charges and refunds alternate, and lost posts were refunded, within the limit of the day.
    async fn assert_books(&self) {
        const PAGE: usize = 1_000;
        let mut tx = self.scene.db().read().await.unwrap();
        let (entries, _) = wallets::entries(&mut tx, &self.author, None, PAGE).await.unwrap();
        let mut books: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for entry in entries.into_iter().rev() {
            if let Some(generation) = entry.reference {
                books.entry(generation).or_default().push(entry.delta);
            }
        }
        let mut owed = 0;
        for (generation, deltas) in &books {
            for (turn, delta) in deltas.iter().enumerate() {
                assert_eq!(*delta, if turn % 2 == 0 { -1 } else { 1 }, "{generation}: {deltas:?}");
            }
            let is_lost = (0..self.messages.len()).any(|at| {
                let of_it = self.messages[at].generation.as_ref().map(GenerationId::as_str);
                of_it == Some(generation) && self.is_lost(at)
            });
            if is_lost && deltas.len() % 2 == 1 {
                owed += 1;
            }
        }
        if self.refunds < MAX_AUTOMATIC_REFUNDS_PER_DAY {
            assert_eq!(owed, 0, "something was lost, and its credit did not come back");
        }
        assert_audit_is_clean(&mut tx, self.scene.now(), &[]).await;
    }
}

async fn act(scene: &Scene, (operations, in_silence): (Vec<Op>, bool)) {
    let mut machine = Machine::start(scene).await;
    for operation in operations {
        match operation {
            Op::Queue { carries, is_charged, window_ms } => {
                machine.queue(&carries, is_charged, window_ms).await;
            }
            Op::Send { answer } => {
                machine.claim().await;
                machine.answer(machine.planned_sends.len().saturating_sub(1), answer).await;
            }
            Op::Claim => machine.claim().await,
            Op::Answer { planned, answer } => machine.answer(planned, answer).await,
            Op::Status { attempt, status, names_attempt } => {
                machine.status(attempt, status, names_attempt).await;
            }
            Op::Replay { message } => machine.replay(message).await,
            Op::Advance { millis } => {
                scene.advance_ms(millis);
                continue;
            }
        }
        machine.assert_refunds_are_due().await;
    }
    machine.drain(in_silence).await;
    machine.assert_ended().await;
}

#[test]
fn the_outbox_sends_twice_at_most_and_refunds_what_is_lost_on_sqlite() {
    play(file!(), EngineName::Sqlite, &history(), &act);
}

#[test]
fn the_outbox_sends_twice_at_most_and_refunds_what_is_lost_on_postgres() {
    play(file!(), EngineName::Postgres, &history(), &act);
}
