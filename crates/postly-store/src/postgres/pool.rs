//! The pool of connections to PostgreSQL: opens them on demand, closes idle ones, and adapts to the server's
//! limit.
//!
//! Pools of a fixed size starve each other: the first process keeps connections that it does not use, and the
//! next process waits for them. This pool closes idle connections, continues with those it has when the
//! server refuses more, and asks again later. One or two of its connections are reserved for requests that an
//! external client waits for.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions as _, Connection as _,
    postgres::{PgConnectOptions, PgConnection},
};
use tokio::sync::{Notify, oneshot};

use super::session;

/// The longest idle time of a connection, unless it is the last one: other processes may need its slot.
const LONGEST_REST: Duration = Duration::from_secs(5);
/// The lifetime of a connection (RULES 9.5 allows 5 minutes).
const LIFETIME: Duration = Duration::from_secs(300);
/// The same while the server gives fewer connections than are wanted: other processes get their turn.
const LIFETIME_WHEN_SHORT: Duration = Duration::from_secs(5);
/// The limit on opening a connection beyond those the server gave: a pooler keeps it in its queue.
const PATIENCE_WHEN_SHORT: Duration = Duration::from_secs(10);
/// The pause between two such requests.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// The longest wait of an urgent caller for a connection.
const URGENT_ACQUIRE: Duration = Duration::from_secs(2);
/// The most connections opened at once: a pooler without a free one delays each of them.
const OPENED_AT_ONCE: usize = 4;
/// The pause before the pool opens a connection again after a failure.
const AFTER_FAILURE: Duration = Duration::from_millis(100);
/// The interval between two checks of the idle connections.
const SWEEP: Duration = Duration::from_secs(1);
/// A connection that was idle for longer is checked for write access before use.
const CONSTANT_USE: Duration = Duration::from_secs(1);
/// The time for which every connection is checked before use after one was read-only: longer than a
/// connection in constant use waits for its turn.
const IN_DOUBT: Duration = Duration::from_secs(10);

/// The priority class of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// An external request waits for the answer.
    Urgent,
    Ordinary,
}

/// The bounds of a pool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The most connections.
    pub(crate) most: usize,
    /// The longest wait of an ordinary caller.
    pub(crate) acquire: Duration,
    /// The limit on opening a connection.
    pub(crate) connect: Duration,
}

/// The connections of this process to one server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Shared>);

struct Shared {
    options: PgConnectOptions,
    bounds: Bounds,
    state: Mutex<State>,
    /// Notified when a connection is returned after the pool was closed.
    returned: Notify,
}

type Waiter = oneshot::Sender<Result<Lent, Arc<sqlx::Error>>>;

#[derive(Default)]
struct State {
    /// A stack: the connection used last is used next, so that the others become idle and are closed.
    resting: Vec<Open>,
    urgent: VecDeque<Waiter>,
    ordinary: VecDeque<Waiter>,
    /// Idle and lent connections.
    open: usize,
    opening: usize,
    lent_ordinary: usize,
    /// The number of connections that the server seems to give; at most [`Bounds::most`].
    limit: usize,
    /// The time at which the server refused another connection.
    short_since: Option<Instant>,
    /// True if a caller waited since the last sweep.
    is_busy: bool,
    is_closed: bool,
    /// Every connection is checked before use until this time.
    doubt: Option<Instant>,
    /// Connections of an earlier generation are not used again.
    generation: u64,
}

struct Open {
    connection: PgConnection,
    born: Instant,
    rests_since: Instant,
    generation: u64,
}

impl State {
    fn add(&mut self, connection: PgConnection) {
        self.open += 1;
        let now = Instant::now();
        self.resting.push(Open { connection, born: now, rests_since: now, generation: self.generation });
    }

    /// The number of connections reserved for [`Class::Urgent`].
    fn reserve(&self) -> usize {
        match self.limit {
            0 | 1 => 0,
            2..=7 => 1,
            _ => 2,
        }
    }

    fn room_for_ordinary(&self) -> usize {
        (self.limit - self.reserve()).saturating_sub(self.lent_ordinary)
    }

    fn is_worn(&self, open: &Open) -> bool {
        // The last connections are kept: a process without any would stall until its turn comes.
        let short = self.short_since.is_some() && self.limit > 2 && self.open > 2;
        let lifetime = if short { LIFETIME_WHEN_SHORT } else { LIFETIME };
        open.born.elapsed() > lifetime || open.generation != self.generation
    }

    /// The next waiter to be given a connection.
    fn next_waiter(&mut self) -> Option<(Class, Waiter)> {
        self.urgent.retain(|waiter| !waiter.is_closed());
        self.ordinary.retain(|waiter| !waiter.is_closed());
        if let Some(waiter) = self.urgent.pop_front() {
            return Some((Class::Urgent, waiter));
        }
        if self.room_for_ordinary() == 0 {
            return None;
        }
        self.ordinary.pop_front().map(|waiter| (Class::Ordinary, waiter))
    }

    /// The number of connections to be opened for the waiters.
    fn wanted(&self) -> usize {
        let waiting = self.urgent.len() + self.ordinary.len().min(self.room_for_ordinary());
        let room = self.limit.saturating_sub(self.open + self.opening);
        let more = OPENED_AT_ONCE.saturating_sub(self.opening);
        waiting.saturating_sub(self.opening).min(room).min(more)
    }
}

impl Pool {
    /// A pool without connections.
    pub(crate) fn new(options: PgConnectOptions, bounds: Bounds) -> Self {
        let bounds = Bounds { most: bounds.most.max(1), ..bounds };
        let state = Mutex::new(State { limit: bounds.most, ..State::default() });
        let pool = Self(Arc::new(Shared { options, bounds, state, returned: Notify::new() }));
        tokio::spawn(sweep(Arc::downgrade(&pool.0)));
        pool
    }

    /// Adds an open connection to the pool.
    pub(crate) fn adopt(&self, connection: PgConnection) {
        let mut state = self.0.lock();
        state.add(connection);
        self.settle(&mut state);
    }

    /// Lends a connection that may write.
    pub(crate) async fn acquire(&self, class: Class) -> Result<Lent, sqlx::Error> {
        let acquire_timeout = match class {
            Class::Urgent => self.0.bounds.acquire.min(URGENT_ACQUIRE),
            Class::Ordinary => self.0.bounds.acquire,
        };
        let deadline = Instant::now() + acquire_timeout;
        loop {
            let mut lent = self.ask(class, deadline).await?;
            if lent.is_trusted() {
                return Ok(lent);
            }
            // After a failover, a demoted primary still answers, read-only: drop its connection and use the
            // new primary.
            let asked = tokio::time::timeout_at(deadline.into(), async {
                match lent.connection() {
                    Ok(connection) => session::can_write(connection).await,
                    Err(error) => Err(error),
                }
            });
            match asked.await {
                Ok(Ok(true)) => return Ok(lent),
                _ => lent.discard(),
            }
        }
    }

    async fn ask(&self, class: Class, deadline: Instant) -> Result<Lent, sqlx::Error> {
        let (waiter, answer) = oneshot::channel();
        {
            let mut state = self.0.lock();
            if state.is_closed {
                return Err(sqlx::Error::PoolClosed);
            }
            match class {
                Class::Urgent => state.urgent.push_back(waiter),
                Class::Ordinary => state.ordinary.push_back(waiter),
            }
            self.settle(&mut state);
        }
        match tokio::time::timeout_at(deadline.into(), answer).await {
            Ok(Ok(Ok(lent))) => Ok(lent),
            Ok(Ok(Err(error))) => Err(sqlx::Error::Io(std::io::Error::other(error))),
            Ok(Err(_)) => Err(sqlx::Error::PoolClosed),
            Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }

    /// Gives idle connections to waiters, and opens those that are missing.
    fn settle(&self, state: &mut State) {
        while let Some(mut open) = state.resting.pop() {
            if state.is_worn(&open) {
                state.open -= 1;
                close_soon(open.connection);
                continue;
            }
            let Some((class, waiter)) = state.next_waiter() else {
                state.resting.push(open);
                break;
            };
            let rested = open.rests_since.elapsed();
            open.rests_since = Instant::now();
            if class == Class::Ordinary {
                state.lent_ordinary += 1;
            }
            let lent = Lent { open: Some(open), rested, class, pool: self.clone() };
            if let Err(Ok(mut lent)) = waiter.send(Ok(lent)) {
                // The caller was cancelled. Take the connection out by hand: dropping `lent` would lock the
                // state again.
                if class == Class::Ordinary {
                    state.lent_ordinary -= 1;
                }
                state.resting.extend(lent.open.take());
            }
        }
        state.is_busy |= !state.urgent.is_empty() || !state.ordinary.is_empty();
        for _ in 0..state.wanted() {
            state.opening += 1;
            tokio::spawn(self.clone().open(self.0.bounds.connect));
        }
    }

    /// Opens a connection for the waiters. The caller has counted it in `opening`.
    async fn open(self, connect_timeout: Duration) {
        let opened = match tokio::time::timeout(connect_timeout, open(&self.0.options)).await {
            Ok(opened) => opened,
            Err(late) => Err(sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, late))),
        };
        if self.has_opened(opened) {
            return;
        }
        tokio::time::sleep(AFTER_FAILURE).await;
        let mut state = self.0.lock();
        self.settle(&mut state);
    }

    /// Adds an opened connection to the pool, or handles the failure. Returns false after a failure.
    fn has_opened(&self, opened: Result<PgConnection, sqlx::Error>) -> bool {
        let mut state = self.0.lock();
        state.opening -= 1;
        match opened {
            Ok(connection) if state.is_closed => close_soon(connection),
            Ok(connection) => {
                state.add(connection);
                self.settle(&mut state);
            }
            Err(error) => {
                if state.open > 0 && session::is_out_of_room(&error) {
                    self.make_do(&mut state);
                } else if state.open == 0 && !session::may_pass_soon(&error) {
                    let waiter = state.urgent.pop_front().or_else(|| state.ordinary.pop_front());
                    if let Some(waiter) = waiter {
                        // A cancelled caller needs no reason.
                        let _ = waiter.send(Err(Arc::new(error)));
                    }
                }
                return false;
            }
        }
        true
    }

    /// Limits the pool to the connections it has.
    fn make_do(&self, state: &mut State) {
        let limit = state.open.clamp(1, self.0.bounds.most);
        if state.short_since.is_none() {
            tracing::warn!(
                connections = limit,
                wanted = self.0.bounds.most,
                "The database gives fewer connections than are wanted; going on with {limit}"
            );
        }
        state.limit = limit;
        state.short_since = Some(Instant::now());
    }

    /// Closes connections that are idle for too long, and raises the limit again after a shortage. Returns
    /// false once the pool is closed.
    fn sweep(&self) -> bool {
        let mut state = self.0.lock();
        let mut keep = vec![];
        for open in std::mem::take(&mut state.resting) {
            let rests_too_long = open.rests_since.elapsed() > LONGEST_REST && state.open > 1;
            if rests_too_long || state.is_worn(&open) {
                state.open -= 1;
                close_soon(open.connection);
            } else {
                keep.push(open);
            }
        }
        state.resting = keep;
        let asked_long_ago = state.short_since.is_some_and(|since| since.elapsed() > ASK_AGAIN);
        if asked_long_ago && state.limit >= self.0.bounds.most {
            state.short_since = None;
        } else if asked_long_ago && std::mem::take(&mut state.is_busy) && state.opening == 0 {
            state.short_since = Some(Instant::now());
            state.limit += 1;
            state.opening += 1;
            tokio::spawn(self.clone().open(PATIENCE_WHEN_SHORT));
        }
        !state.is_closed
    }

    /// Checks every connection before use for [`IN_DOUBT`], because one was read-only.
    pub(crate) fn raise_doubt(&self) {
        self.0.lock().doubt = Some(Instant::now() + IN_DOUBT);
    }

    /// True while the server gives fewer connections than are wanted.
    pub(crate) fn is_short(&self) -> bool {
        self.0.lock().short_since.is_some()
    }

    /// Retires all connections that are open now.
    pub(crate) fn renew(&self) {
        self.0.lock().generation += 1;
    }

    /// Waits until all connections are returned, and closes them.
    pub(crate) async fn close(&self) {
        loop {
            let returned = self.0.returned.notified();
            tokio::pin!(returned);
            returned.as_mut().enable();
            let resting = {
                let mut state = self.0.lock();
                state.is_closed = true;
                state.urgent.clear();
                state.ordinary.clear();
                let resting = std::mem::take(&mut state.resting);
                state.open -= resting.len();
                if resting.is_empty() && state.open == 0 {
                    return;
                }
                resting
            };
            let some = !resting.is_empty();
            for open in resting {
                // The server detects the closed connection in any case.
                let _ = open.connection.close().await;
            }
            if !some {
                returned.await;
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens a connection to a server that can write. A demoted server accepts connections too.
pub(super) async fn open(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let mut connection = options.connect().await?;
    if session::can_write(&mut connection).await? {
        return Ok(connection);
    }
    Err(session::reads_only())
}

/// Closes a connection in the background.
fn close_soon(connection: PgConnection) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(async move { connection.close().await });
    }
}

/// Sweeps the pool for as long as it exists.
async fn sweep(pool: Weak<Shared>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(shared) = pool.upgrade() else { return };
        if !Pool(shared).sweep() {
            return;
        }
    }
}

/// A lent connection. Dropping it returns it to the pool.
pub(crate) struct Lent {
    /// `None` if it is not returned.
    open: Option<Open>,
    rested: Duration,
    class: Class,
    pool: Pool,
}

impl Lent {
    pub(crate) fn connection(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        self.open.as_mut().map(|open| &mut open.connection).ok_or(sqlx::Error::PoolClosed)
    }

    /// A connection in constant use reveals a failover by its errors. It is checked when one of them raises a
    /// doubt, or after it was idle.
    fn is_trusted(&self) -> bool {
        let in_doubt = self.pool.0.lock().doubt.is_some_and(|until| Instant::now() < until);
        self.rested < CONSTANT_USE && !in_doubt
    }

    /// Closes the connection, because its state is unknown.
    pub(crate) fn discard(mut self) {
        self.open = None;
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut state = self.pool.0.lock();
        if self.class == Class::Ordinary {
            state.lent_ordinary = state.lent_ordinary.saturating_sub(1);
        }
        match self.open.take() {
            Some(mut open) => {
                open.rests_since = Instant::now();
                state.resting.push(open);
            }
            None => state.open = state.open.saturating_sub(1),
        }
        if state.is_closed {
            self.pool.0.returned.notify_waiters();
        } else if tokio::runtime::Handle::try_current().is_ok() {
            self.pool.settle(&mut state);
        }
    }
}
