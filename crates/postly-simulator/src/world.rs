//! The state of the simulator: the messages of each person, and the accepted messages to them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::watch;

use crate::attachment::Attachments;
use crate::billing::Billing;
use crate::clock::Clock;
use crate::config::{Channel, Rules, SimulatorConfig, StatusPolicy};
use crate::deliver::Target;
use crate::fault::Faults;
use crate::ids;
use crate::journal::Journal;
use crate::model::Mind;
use crate::person::{MessageKind, Person, PhoneButton};
use crate::secrets::Secrets;
use crate::setup::AccountSetup;
use crate::stripe::Account;
use crate::traffic::Deliveries;
use crate::wire::Wire;

/// The time for which free text is allowed after a person's message.
const SERVICE_WINDOW_MS: i64 = 24 * 60 * 60 * 1000;
/// The time for which a typing indicator is shown if no message follows.
const TYPING_MS: i64 = 25_000;
/// The pair limit: the size of a burst, and the milliseconds until one more message is allowed.
const BURST: i64 = 45;
const REFILL_MS: i64 = 6_000;

/// The progress of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageStatus {
    /// The provider accepted it.
    Accepted,
    /// The provider sent it.
    Sent,
    /// It is on the phone.
    Delivered,
    /// The person opened it.
    Read,
    /// The person listened to it.
    Played,
    /// It will never arrive.
    Failed,
}

impl MessageStatus {
    /// Returns the name in a status of Meta.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Played => "played",
            Self::Failed => "failed",
        }
    }
}

/// A message on a person's phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneMessage {
    /// The provider's id of the message.
    pub id: String,
    /// The text, as sent.
    pub body: String,
    /// The buttons, or the rows of a list.
    pub buttons: Vec<PhoneButton>,
    /// The message it quotes.
    pub reply_to: Option<String>,
    /// The template, or the Twilio content id, if any.
    pub template: Option<String>,
    /// The progress.
    pub status: MessageStatus,
    /// The time of acceptance.
    pub at_ms: i64,
    /// The text by which the service recognises the message: `biz_opaque_callback_data`, or the query of
    /// `StatusCallback`.
    pub correlation: Option<String>,
}

impl PhoneMessage {
    /// Returns the message that a tap on the button or row with this label sends. `None` if there is no such
    /// button, or if its tap sends nothing.
    pub fn tap(&self, title: &str) -> Option<MessageKind> {
        self.buttons.iter().find(|button| button.title == title)?.sends.clone()
    }
}

/// A message that was accepted; it may fail before it reaches the phone.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) seq: u64,
    pub(crate) channel: Channel,
    pub(crate) number: String,
    pub(crate) shown: PhoneMessage,
    /// Twilio's `StatusCallback`.
    pub(crate) callback: Option<String>,
    /// The code with which it fails after acceptance, so that the phone never shows it.
    pub(crate) doomed: Option<i64>,
    /// True for a service message beyond the free ones.
    pub(crate) billable: bool,
}

/// A message that the owner of the phone page wrote.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    pub(crate) seq: u64,
    pub(crate) channel: Channel,
    pub(crate) number: String,
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) at_ms: i64,
    pub(crate) ticks: Ticks,
}

/// The marks beside a message of the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ticks {
    /// Being delivered to the service.
    Waiting,
    Failed,
    /// The service answered 200.
    Taken,
    /// The service marked it as read.
    Read,
}

type Key = (Channel, String);

pub(crate) struct State {
    pub(crate) target: Option<Target>,
    pub(crate) rules: Rules,
    pub(crate) setup: AccountSetup,
    pub(crate) statuses: StatusPolicy,
    pub(crate) billing: Billing,
    pub(crate) notes: Vec<Note>,
    pub(crate) attachments: Attachments,
    /// The latest webhooks, for the phone page.
    pub(crate) deliveries: Deliveries,
    /// The fault that the reader of the phone page switched on.
    pub(crate) fault_switched_on: Option<&'static str>,
    people: HashMap<Key, Person>,
    last_inbound_ms: HashMap<Key, i64>,
    inbound: HashMap<String, Key>,
    typing_until_ms: HashMap<Key, i64>,
    buckets: HashMap<String, (i64, i64)>,
    accepted: Vec<Accepted>,
    by_id: HashMap<String, usize>,
    last_seq: u64,
}

/// The state behind every fake.
pub(crate) struct World {
    /// A name of this run, so that the phone page notices a restart.
    pub(crate) name: String,
    pub(crate) config: SimulatorConfig,
    pub(crate) clock: Clock,
    pub(crate) journal: Journal,
    pub(crate) faults: Faults,
    pub(crate) mind: Mind,
    pub(crate) wire: std::sync::Arc<Wire>,
    pub(crate) client: reqwest::Client,
    /// Counts the changes on phones, and wakes the tasks that wait for one.
    pub(crate) changes: watch::Sender<u64>,
    state: Mutex<State>,
    stripe: Mutex<Account>,
    secrets: Mutex<Secrets>,
    /// The address of the fakes, once the port is bound.
    address: OnceLock<SocketAddr>,
    stopped: AtomicBool,
}

impl World {
    pub(crate) fn new(config: SimulatorConfig, target: Option<Target>, client: reqwest::Client) -> Self {
        let state = State {
            target,
            rules: config.rules.clone(),
            setup: AccountSetup::of(&config),
            statuses: config.statuses.clone(),
            billing: Billing::default(),
            notes: Vec::new(),
            attachments: Attachments::default(),
            deliveries: Deliveries::default(),
            fault_switched_on: None,
            people: HashMap::new(),
            last_inbound_ms: HashMap::new(),
            inbound: HashMap::new(),
            typing_until_ms: HashMap::new(),
            buckets: HashMap::new(),
            accepted: Vec::new(),
            by_id: HashMap::new(),
            last_seq: 0,
        };
        Self {
            name: ids::token("world_"),
            secrets: Mutex::new(Secrets::of(&config)),
            config,
            clock: Clock::default(),
            journal: Journal::default(),
            faults: Faults::default(),
            mind: Mind::default(),
            wire: std::sync::Arc::new(Wire::new()),
            client,
            changes: watch::Sender::new(0),
            state: Mutex::new(state),
            stripe: Mutex::default(),
            address: OnceLock::new(),
            stopped: AtomicBool::new(false),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the simulated Stripe account.
    pub(crate) fn stripe(&self) -> MutexGuard<'_, Account> {
        self.stripe.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the credentials of the accounts.
    pub(crate) fn secrets(&self) -> MutexGuard<'_, Secrets> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the address of the fakes.
    pub(crate) fn found_at(&self, address: SocketAddr) {
        // Set once, when the port is bound.
        let _ = self.address.set(address);
    }

    /// Returns the base URL of the fakes.
    pub(crate) fn base_url(&self) -> String {
        self.address.get().map_or_else(String::new, |address| format!("http://{address}"))
    }

    /// Wakes the tasks that wait for a change on a phone.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.wire.cut_all();
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }
}

impl State {
    fn next_seq(&mut self) -> u64 {
        self.last_seq += 1;
        self.last_seq
    }

    /// Stores the current state of a person.
    pub(crate) fn meet(&mut self, person: &Person) {
        self.people.insert((person.channel, person.number.clone()), person.clone());
    }

    /// Records a message of a person, which opens their service window.
    pub(crate) fn wrote(&mut self, person: &Person, id: &str, at_ms: i64) {
        self.meet(person);
        let key = (person.channel, person.number.clone());
        let last = self.last_inbound_ms.entry(key.clone()).or_insert(at_ms);
        *last = (*last).max(at_ms);
        self.inbound.insert(id.to_owned(), key);
    }

    pub(crate) fn person(&self, channel: Channel, number: &str) -> Option<&Person> {
        self.people.get(&(channel, number.to_owned()))
    }

    pub(crate) fn person_by_bsuid(&self, channel: Channel, bsuid: &str) -> Option<&Person> {
        self.people
            .values()
            .find(|person| person.channel == channel && person.bsuid.as_deref() == Some(bsuid))
    }

    /// Returns true if free text is allowed: the person wrote within the last 24 hours, or the rule is off.
    pub(crate) fn window_open(&self, channel: Channel, number: &str, now_ms: i64) -> bool {
        let last = self.last_inbound_ms.get(&(channel, number.to_owned()));
        !self.rules.service_window
            || last.is_some_and(|last| now_ms.saturating_sub(*last) < SERVICE_WINDOW_MS)
    }

    /// Takes one message from the pair's allowance. Returns false if none is left.
    pub(crate) fn spend_pair(&mut self, number: &str, now_ms: i64) -> bool {
        if !self.rules.pair_limit {
            return true;
        }
        let full = BURST * REFILL_MS;
        let (level, since) = self.buckets.entry(number.to_owned()).or_insert((full, now_ms));
        *level = level.saturating_add(now_ms.saturating_sub(*since).max(0)).min(full);
        *since = now_ms;
        if *level < REFILL_MS {
            return false;
        }
        *level -= REFILL_MS;
        true
    }

    /// Accepts a message. The phone shows it at once, unless it is doomed.
    pub(crate) fn accept(&mut self, mut message: Accepted) {
        message.seq = self.next_seq();
        self.typing_until_ms.remove(&(message.channel, message.number.clone()));
        self.by_id.insert(message.shown.id.clone(), self.accepted.len());
        self.accepted.push(message);
    }

    pub(crate) fn accepted(&self, id: &str) -> Option<&Accepted> {
        self.by_id.get(id).and_then(|place| self.accepted.get(*place))
    }

    /// Returns all accepted messages, in order.
    pub(crate) fn all_accepted(&self) -> &[Accepted] {
        &self.accepted
    }

    /// Returns the messages on a phone, in order.
    pub(crate) fn on_phone(&self, channel: Channel, number: &str) -> impl Iterator<Item = &Accepted> {
        self.accepted.iter().filter(move |message| {
            message.channel == channel && message.number == number && message.doomed.is_none()
        })
    }

    /// Moves a message forward, never back.
    pub(crate) fn progress(&mut self, id: &str, status: MessageStatus) {
        let Some(message) = self.by_id.get(id).and_then(|place| self.accepted.get_mut(*place)) else {
            return;
        };
        message.shown.status = message.shown.status.max(status);
    }

    /// Marks a message as read by the service, and with `typing` shows the indicator. Returns false for a
    /// message that the service itself sent.
    pub(crate) fn read(&mut self, id: &str, typing: bool, now_ms: i64) -> bool {
        if self.by_id.contains_key(id) {
            return false;
        }
        let Some(key) = self.inbound.get(id).cloned() else { return true };
        let seq = self.notes.iter().find(|note| note.id == id).map_or(0, |note| note.seq);
        for note in &mut self.notes {
            if (note.channel, &note.number) == (key.0, &key.1) && note.seq <= seq {
                note.ticks = Ticks::Read;
            }
        }
        if typing {
            self.typing_until_ms.insert(key, now_ms.saturating_add(TYPING_MS));
        }
        true
    }

    pub(crate) fn typing(&self, channel: Channel, number: &str, now_ms: i64) -> bool {
        self.typing_until_ms.get(&(channel, number.to_owned())).is_some_and(|until| now_ms < *until)
    }

    /// Adds a bubble of the owner to the phone page.
    pub(crate) fn note(&mut self, person: &Person, id: &str, body: &str, at_ms: i64) {
        let seq = self.next_seq();
        let (channel, number) = (person.channel, person.number.clone());
        let (id, body) = (id.to_owned(), body.to_owned());
        self.notes.push(Note { seq, channel, number, id, body, at_ms, ticks: Ticks::Waiting });
    }

    /// Records the outcome of the owner's message.
    pub(crate) fn tick(&mut self, id: &str, ticks: Ticks) {
        if let Some(note) = self.notes.iter_mut().find(|note| note.id == id) {
            note.ticks = note.ticks.max(ticks);
        }
    }
}
