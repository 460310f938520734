//! Live streams: send the changes of an author's data to the author's open pages.
//!
//! One task per process serves all of its streams. It reads the state of watched authors by a handful of
//! statements, compares it with the state that each stream has sent, and sends the difference. When this
//! process has finished work of an author, it reads that author. It reads all of them when another process
//! has work, by its wake-up call, and every [`POLL`], because a change by an operator's command, or behind a
//! pooler, sends no wake-up. Without streams it reads nothing.

mod told;

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use postly_domain::{
    UnixMillis,
    event::DeliveryStatus,
    id::{AuthorId, GenerationId, SessionId, TokenId},
    time::DAY_MS,
};
use postly_store::{
    StoreError,
    live::{self, RecentGeneration},
};
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};
use told::{Told, changes};

use crate::Core;

/// The most streams of one author in one process. A browser opens one for all of its tabs. A further stream
/// ends the oldest, because that one may belong to a phone that lost its network without closing it.
pub const MAX_STREAMS_OF_AUTHOR: usize = 6;
/// The most events that one stream may lag behind. A client that is further behind is disconnected, and reads
/// the current state when it connects again.
const MAX_BUFFERED: usize = 32;
/// The usual time between two readings of all authors. A change is sent within a second, including the
/// reading.
const POLL: Duration = Duration::from_millis(500);
/// The shortest time between two readings: a busy process reads ten times a second.
const BETWEEN_READINGS: Duration = Duration::from_millis(100);
/// The least time between two readings of all authors, as a multiple of the duration of the last one: they
/// take at most a tenth of a core, however many streams there are.
const REST: u32 = 10;
/// The longest time between two readings of all authors.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The most authors of one statement: a reading of thousands does not keep a connection of the database for
/// long.
const MOST_AUTHORS: usize = 500;
/// The most generations of an author that are watched for their delivery.
const MAX_WATCHED: i64 = 8;
/// The longest age of a watched generation. The delivery statuses of older ones are read with the page.
const WATCHED_MS: i64 = DAY_MS;

/// The credential of a stream. The stream ends when the credential does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A session of this service.
    Session(SessionId),
    /// An API token.
    Token(TokenId),
    /// The cookie of another NextAuth app. It is checked again when the stream is opened again.
    Shared,
}

/// A change of an author's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveEvent {
    /// There are new posts.
    Generation(GenerationId),
    /// The delivery status of the answer on WhatsApp has changed.
    Status(GenerationId, Option<DeliveryStatus>),
    /// The balance has changed.
    Balance {
        /// The credits that can be spent.
        available: i64,
        /// The credits reserved for work in progress.
        held: i64,
    },
}

/// The events of one stream. It ends when its credential ends, or when its reader lags too far behind.
pub type LiveEvents = mpsc::Receiver<LiveEvent>;

/// The process has as many streams as its settings allow.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("too many live streams")]
pub struct TooManyStreams;

struct Watcher {
    /// The number of the stream, in the order of opening.
    number: u64,
    author: AuthorId,
    credential: Credential,
    events: mpsc::Sender<LiveEvent>,
    /// The newest generation on the author's page.
    after: Option<String>,
    /// The state that the stream has sent; `None` until the first reading.
    told: Option<Told>,
}

/// The streams of this process.
#[derive(Default)]
pub(crate) struct Live {
    watchers: Mutex<Watchers>,
    changed: Notify,
}

/// The authors to read next.
#[derive(Debug, Default)]
struct Changed {
    authors: HashSet<AuthorId>,
    /// True if others may have changed, too.
    elsewhere: bool,
}

#[derive(Default)]
struct Watchers {
    /// Oldest first.
    all: Vec<Watcher>,
    opened: u64,
    changed: Changed,
    /// True while the task that reads for them runs.
    running: bool,
}

impl Watchers {
    /// Removes the streams that their reader has closed.
    fn drop_closed(&mut self) {
        self.all.retain(|watcher| !watcher.events.is_closed());
        metrics::gauge!(postly_domain::metric::LIVE_STREAMS)
            .set(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
    }
}

impl Live {
    fn watchers(&self) -> MutexGuard<'_, Watchers> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the task after work of these authors was finished.
    pub(crate) fn changed<'a>(&self, authors: impl IntoIterator<Item = &'a AuthorId>) {
        let mut watchers = self.watchers();
        if !watchers.running {
            return;
        }
        watchers.changed.authors.extend(authors.into_iter().cloned());
        drop(watchers);
        self.changed.notify_one();
    }

    /// Returns the time of the next reading of all authors, from the begin and the duration of the last one.
    fn all_due_at(&self, (began, took): (Instant, Duration)) -> Instant {
        let pause = if self.watchers().changed.elsewhere { BETWEEN_READINGS } else { POLL };
        began + pause.max((took * REST).min(LONGEST_PAUSE))
    }

    /// Returns the rows to read: of the authors that have changed, or of all. `None` if there are no streams;
    /// the task then ends.
    fn take_changed(&self, all: bool) -> Option<Vec<Watched>> {
        let mut watchers = self.watchers();
        watchers.drop_closed();
        watchers.running = !watchers.all.is_empty();
        let changed = std::mem::take(&mut watchers.changed.authors);
        if all {
            watchers.changed.elsewhere = false;
        }
        let mut read: Vec<&Watcher> =
            watchers.all.iter().filter(|watcher| all || changed.contains(&watcher.author)).collect();
        read.sort_by(|one, other| one.author.cmp(&other.author));
        let parts = read
            .chunk_by(|one, other| one.author == other.author)
            .collect::<Vec<_>>()
            .chunks(MOST_AUTHORS)
            .map(|streams| Watched::new(watchers.opened, streams.iter().flat_map(|of_author| *of_author)))
            .collect();
        watchers.running.then_some(parts)
    }

    /// Wakes the task after another process has stored or finished work.
    pub(crate) fn changed_elsewhere(&self) {
        self.watchers().changed.elsewhere = true;
        self.changed.notify_one();
    }
}

/// The rows to read for some of the open streams.
struct Watched {
    /// The number of the newest stream.
    newest: u64,
    authors: Vec<AuthorId>,
    sessions: Vec<SessionId>,
    tokens: Vec<TokenId>,
}

impl Watched {
    /// The rows for these streams, those of an author side by side.
    fn new<'a>(newest: u64, streams: impl Iterator<Item = &'a &'a Watcher>) -> Self {
        let mut watched = Self { newest, authors: vec![], sessions: vec![], tokens: vec![] };
        for watcher in streams {
            watched.authors.push(watcher.author.clone());
            match &watcher.credential {
                Credential::Session(id) => watched.sessions.push(id.clone()),
                Credential::Token(id) => watched.tokens.push(id.clone()),
                Credential::Shared => {}
            }
        }
        watched.authors.dedup();
        watched
    }
}

/// The result of one reading.
struct Reading {
    /// The authors that were read.
    authors: HashSet<AuthorId>,
    balances: HashMap<AuthorId, (i64, i64)>,
    generations: HashMap<AuthorId, Vec<RecentGeneration>>,
    deliveries: HashMap<GenerationId, Option<DeliveryStatus>>,
    credentials: HashSet<String>,
}

impl Reading {
    /// Returns the current state of a stream's author; `None` if its credential has ended.
    fn state(&self, author: &AuthorId, credential: &Credential) -> Option<Told> {
        let is_valid = match credential {
            Credential::Session(id) => self.credentials.contains(id.as_str()),
            Credential::Token(id) => self.credentials.contains(id.as_str()),
            Credential::Shared => true,
        };
        let balance = *self.balances.get(author).filter(|_| is_valid)?;
        let recent = self.generations.get(author).map(Vec::as_slice).unwrap_or_default();
        let delivery = |recent: &RecentGeneration| match recent.refunded {
            true => Some(DeliveryStatus::Failed),
            false => self.deliveries.get(&recent.id).copied().flatten(),
        };
        let generations = recent.iter().map(|recent| (recent.id.clone(), delivery(recent))).collect();
        Some(Told { balance, generations })
    }
}

/// The live streams of the pages.
#[derive(Clone)]
pub struct LiveStreams {
    pub(crate) core: Core,
}

impl LiveStreams {
    /// Watches an author. The first events are the balance, the generations above `after` when it is given,
    /// and the deliveries of recent answers on WhatsApp.
    ///
    /// # Errors
    /// Fails if this process has as many streams as its settings allow.
    pub fn watch(
        &self,
        author: &AuthorId,
        credential: Credential,
        after: Option<String>,
    ) -> Result<LiveEvents, TooManyStreams> {
        let (events, receiver) = mpsc::channel(MAX_BUFFERED);
        let mut watchers = self.core.live.watchers();
        watchers.drop_closed();
        let own = watchers.all.iter().filter(|watcher| watcher.author == *author).count();
        if own >= MAX_STREAMS_OF_AUTHOR
            && let Some(oldest) = watchers.all.iter().position(|watcher| watcher.author == *author)
        {
            watchers.all.remove(oldest);
        }
        if watchers.all.len() >= self.core.settings.max_streams {
            return Err(TooManyStreams);
        }
        watchers.opened += 1;
        let number = watchers.opened;
        watchers.all.push(Watcher { number, author: author.clone(), credential, events, after, told: None });
        if !std::mem::replace(&mut watchers.running, true) {
            tokio::spawn(self.clone().tell_watchers());
        }
        drop(watchers);
        self.core.live.changed([author]);
        Ok(receiver)
    }

    /// Reads and sends changes until the last stream has ended.
    async fn tell_watchers(self) {
        let mut reads_all = true;
        // The last reading of all authors: its begin and duration.
        let mut last = (Instant::now(), Duration::ZERO);
        loop {
            let began = Instant::now();
            let Some(parts) = self.core.live.take_changed(reads_all) else { return };
            let mut has_failed = false;
            for watched in &parts {
                match self.read_watched(watched).await {
                    Ok(reading) => self.tell(watched.newest, &reading),
                    Err(error) => {
                        tracing::debug!(%error, "Could not read for the live streams");
                        has_failed = true;
                        break;
                    }
                }
            }
            if has_failed {
                // The streams stay open: all are read again after the usual pause.
                last = (Instant::now(), Duration::ZERO);
            } else if reads_all {
                last = (began, began.elapsed());
            }
            tokio::time::sleep_until(began + BETWEEN_READINGS).await;
            tokio::select! {
                () = self.core.live.changed.notified() => {}
                () = tokio::time::sleep_until(self.core.live.all_due_at(last)) => {}
            }
            reads_all = Instant::now() >= self.core.live.all_due_at(last);
        }
    }

    async fn read_watched(&self, watched: &Watched) -> Result<Reading, StoreError> {
        let now = self.core.now();
        let Watched { authors, sessions, tokens, .. } = watched;
        let mut tx = self.core.db.read().await?;
        let balances = live::balances(&mut tx, authors).await?;
        let mut credentials = live::open_sessions(&mut tx, sessions, now).await?;
        credentials.extend(live::valid_tokens(&mut tx, tokens).await?);
        let since = id_before(now.plus_ms(-WATCHED_MS));
        let generations = live::recent_generations(&mut tx, authors, &since, MAX_WATCHED).await?;
        let ids: Vec<&GenerationId> = generations.values().flatten().map(|recent| &recent.id).collect();
        let deliveries = live::deliveries(&mut tx, &ids).await?;
        let authors = authors.iter().cloned().collect();
        Ok(Reading { authors, balances, generations, deliveries, credentials })
    }

    /// Sends the changes of a reading to the streams up to a number. A stream opened during the reading is
    /// served by the next one.
    fn tell(&self, newest: u64, reading: &Reading) {
        self.core.live.watchers().all.retain_mut(|watcher| {
            if watcher.number > newest || !reading.authors.contains(&watcher.author) {
                return true;
            }
            let Some(now) = reading.state(&watcher.author, &watcher.credential) else { return false };
            let events = changes(watcher.told.as_ref(), &now, watcher.after.as_deref());
            watcher.told = Some(now);
            events.into_iter().all(|event| watcher.events.try_send(event).is_ok())
        });
    }

    /// Returns the delivery status of each of these generations that was answered on WhatsApp.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn deliveries(
        &self,
        generations: &[&GenerationId],
    ) -> Result<HashMap<GenerationId, Option<DeliveryStatus>>, StoreError> {
        live::deliveries(&mut self.core.db.read().await?, generations).await
    }
}

/// Returns a text that sorts before every identifier created at this time, and after those created before it.
fn id_before(at: UnixMillis) -> String {
    // RFC 9562, 5.7: the first twelve digits are the time.
    let digits = format!("{:012x}", at.0.max(0));
    let (high, low) = digits.split_at_checked(8).unwrap_or((&digits, ""));
    format!("{high}-{low}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Fresh as _;

    #[test]
    fn a_time_sorts_between_the_identifiers_around_it() {
        let at = |ms: i64| UnixMillis(1_796_000_000_000 + ms);
        let bound = id_before(at(0));
        assert!(GenerationId::fresh(at(-1)).as_str() < bound.as_str());
        assert!(GenerationId::fresh(at(0)).as_str() > bound.as_str());
    }
}
