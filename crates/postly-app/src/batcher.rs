//! Lines: what comes while the like of it is being written down is written down together, by the next transaction.
//!
//! One transaction is one sync of the disk, and on PostgreSQL a few journeys to the server, however much it does.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use postly_store::StoreError;
use tokio::sync::oneshot;

use crate::{App, conflict::again};

/// What is written down together.
pub(crate) trait BatchWrite: Sized + Send + Sync + 'static {
    /// The outcome of each item once the batch is committed.
    type Outcome: Send + 'static;
    /// How many are written by one transaction at most: what fails together is done again together.
    const MAX_BATCH: usize;
    /// How many bytes are written by one transaction at most, unless a single one has more.
    const MAX_BATCH_BYTES: usize;
    /// How many bytes wait at most; what is beyond is turned away.
    const MAX_PENDING_BYTES: usize;

    /// Where they wait.
    fn batcher(app: &App) -> &Batcher<Self>;

    /// What one takes in memory, roughly.
    fn bytes(&self) -> usize;

    /// Writes all of them down, or none; tells of each, in their order.
    fn write(
        app: &App,
        batch: &[&Self],
    ) -> impl Future<Output = Result<Vec<Self::Outcome>, StoreError>> + Send;
}

/// Those that wait.
pub(crate) struct Batcher<T: BatchWrite>(Mutex<Pending<T>>);

struct Pending<T: BatchWrite> {
    items: VecDeque<PendingItem<T>>,
    /// The sum of their bytes.
    bytes: usize,
    /// Whether somebody is at work on the line.
    draining: bool,
}

/// One of them, and who waits for its commit.
struct PendingItem<T: BatchWrite> {
    what: T,
    bytes: usize,
    written: oneshot::Sender<Written<T>>,
}

/// Whether one is written down; whoever failed together shares the reason.
pub(crate) type Written<T> = Result<<T as BatchWrite>::Outcome, Arc<StoreError>>;

/// Too many wait already.
pub(crate) struct QueueFull;

impl<T: BatchWrite> Default for Batcher<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: BatchWrite> Default for Pending<T> {
    fn default() -> Self {
        Self { items: VecDeque::new(), bytes: 0, draining: false }
    }
}

impl<T: BatchWrite> Batcher<T> {
    fn lock(&self) -> MutexGuard<'_, Pending<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts one in the line, and sees to it that somebody attends to the line. Returns what tells of its commit; when that
    /// ends without a word, nobody knows.
    pub(crate) fn enqueue(&self, app: &App, what: T) -> Result<oneshot::Receiver<Written<T>>, QueueFull> {
        let (written, committed) = oneshot::channel();
        let bytes = what.bytes();
        let mut pending = self.lock();
        if pending.bytes + bytes > T::MAX_PENDING_BYTES {
            return Err(QueueFull);
        }
        pending.bytes += bytes;
        pending.items.push_back(PendingItem { what, bytes, written });
        let is_first = !std::mem::replace(&mut pending.draining, true);
        // A runtime that is shutting down drops what is spawned at once, and that locks the line too.
        drop(pending);
        if is_first {
            tokio::spawn(drain(DrainGuard::<T> {
                app: app.clone(),
                over: false,
                _line: std::marker::PhantomData,
            }));
        }
        Ok(committed)
    }
}

/// Somebody's work on a line. Should it end by a panic, the line is left unattended, so that the next who comes finds
/// somebody new.
struct DrainGuard<T: BatchWrite> {
    app: App,
    over: bool,
    _line: std::marker::PhantomData<T>,
}

impl<T: BatchWrite> DrainGuard<T> {
    /// The next to be written down together. `None`: the line is empty, and from now on unattended.
    fn next(&mut self) -> Option<Vec<PendingItem<T>>> {
        let mut pending = T::batcher(&self.app).lock();
        let (mut batch, mut bytes) = (vec![], 0);
        while batch.len() < T::MAX_BATCH
            && let Some(item) =
                pending.items.pop_front_if(|next| bytes == 0 || bytes + next.bytes <= T::MAX_BATCH_BYTES)
        {
            bytes += item.bytes;
            batch.push(item);
        }
        pending.bytes -= bytes;
        self.over = batch.is_empty();
        pending.draining = !self.over;
        (!self.over).then_some(batch)
    }
}

impl<T: BatchWrite> Drop for DrainGuard<T> {
    fn drop(&mut self) {
        if !self.over {
            // A waiting caller learns it from the end of its channel.
            *T::batcher(&self.app).lock() = Pending::default();
        }
    }
}

/// Writes down what waits, until nothing does.
async fn drain<T: BatchWrite>(mut guard: DrainGuard<T>) {
    let app = guard.app.clone();
    while let Some(batch) = guard.next() {
        let all: Vec<&T> = batch.iter().map(|item| &item.what).collect();
        match again!(T::write(&app, &all)) {
            Ok(outcomes) => {
                for (item, outcome) in batch.into_iter().zip(outcomes) {
                    item.complete(Ok(outcome));
                }
            }
            // One that the database refuses must not keep the others out.
            Err(error) if !error.is_temporary() && batch.len() > 1 => one_by_one(&app, batch).await,
            Err(error) => fail(batch, error),
        }
    }
}

/// Writes them down each by itself, as long as the database takes any.
async fn one_by_one<T: BatchWrite>(app: &App, batch: Vec<PendingItem<T>>) {
    let mut batch = batch.into_iter();
    while let Some(item) = batch.next() {
        match again!(T::write(app, &[&item.what])) {
            Ok(outcomes) => {
                if let Some(outcome) = outcomes.into_iter().next() {
                    item.complete(Ok(outcome));
                }
            }
            Err(error) if error.is_temporary() => return fail(std::iter::once(item).chain(batch), error),
            Err(error) => item.complete(Err(Arc::new(error))),
        }
    }
}

fn fail<T: BatchWrite>(batch: impl IntoIterator<Item = PendingItem<T>>, error: StoreError) {
    let error = Arc::new(error);
    for item in batch {
        item.complete(Err(Arc::clone(&error)));
    }
}

impl<T: BatchWrite> PendingItem<T> {
    fn complete(self, written: Written<T>) {
        // Who does not wait any more has given up on it.
        let _ = self.written.send(written);
    }
}
