//! Batched writes: items that arrive during a transaction are written together by the next one.
//!
//! One transaction costs one sync of the disk, and on PostgreSQL a few round trips to the server, no matter
//! how many items it writes.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use postly_store::StoreError;
use tokio::sync::oneshot;

use crate::conflict::again;

/// An item that is written in batches.
pub(crate) trait BatchWrite: Sized + Send + Sync + 'static {
    /// The service that writes them.
    type Service: Clone + Send + Sync + 'static;
    /// The outcome of each item once the batch is committed.
    type Outcome: Send + 'static;
    /// The most items of one transaction. Items that fail together are retried together.
    const MAX_BATCH: usize;
    /// The most bytes of one transaction, unless a single item has more.
    const MAX_BATCH_BYTES: usize;
    /// The most bytes that may wait; further items are refused with [`QueueFull`].
    const MAX_PENDING_BYTES: usize;

    /// Returns the batcher of these items.
    fn batcher(service: &Self::Service) -> &Batcher<Self>;

    /// Returns the approximate size of the item in memory, in bytes.
    fn bytes(&self) -> usize;

    /// Writes all items or none. Returns an outcome for each, in their order.
    fn write(
        service: &Self::Service,
        batch: &[&Self],
    ) -> impl Future<Output = Result<Vec<Self::Outcome>, StoreError>> + Send;
}

/// The items that wait for a transaction.
pub(crate) struct Batcher<T: BatchWrite>(Mutex<Pending<T>>);

struct Pending<T: BatchWrite> {
    items: VecDeque<PendingItem<T>>,
    /// The sum of the bytes of the items.
    bytes: usize,
    /// True while a task drains the items.
    draining: bool,
}

/// An item, and the caller that waits for its commit.
struct PendingItem<T: BatchWrite> {
    what: T,
    bytes: usize,
    written: oneshot::Sender<Written<T>>,
}

/// The outcome of an item. The items of a failed batch share the error.
pub(crate) type Written<T> = Result<<T as BatchWrite>::Outcome, Arc<StoreError>>;

/// Too many bytes wait already.
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

    /// Enqueues an item, and starts a task that drains the queue unless one runs. Returns the receiver of the
    /// outcome; if the channel closes without one, it is unknown if the item was written.
    pub(crate) fn enqueue(
        &self,
        service: &T::Service,
        what: T,
    ) -> Result<oneshot::Receiver<Written<T>>, QueueFull> {
        let (written, committed) = oneshot::channel();
        let bytes = what.bytes();
        let mut pending = self.lock();
        if pending.bytes + bytes > T::MAX_PENDING_BYTES {
            return Err(QueueFull);
        }
        pending.bytes += bytes;
        pending.items.push_back(PendingItem { what, bytes, written });
        let is_first = !std::mem::replace(&mut pending.draining, true);
        // Unlock first: a runtime that is shutting down drops a spawned task at once, and its drop locks the
        // queue too.
        drop(pending);
        if is_first {
            tokio::spawn(drain(DrainGuard::<T> {
                service: service.clone(),
                over: false,
                _line: std::marker::PhantomData,
            }));
        }
        Ok(committed)
    }
}

/// Held by the task that drains the queue. If the task panics, the queue is cleared and marked as not
/// drained, so that the next caller starts a new task.
struct DrainGuard<T: BatchWrite> {
    service: T::Service,
    over: bool,
    _line: std::marker::PhantomData<T>,
}

impl<T: BatchWrite> DrainGuard<T> {
    /// Returns the next batch. `None` if the queue is empty; it is then marked as not drained.
    fn next(&mut self) -> Option<Vec<PendingItem<T>>> {
        let mut pending = T::batcher(&self.service).lock();
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
            // A waiting caller learns of the failure from its closed channel.
            *T::batcher(&self.service).lock() = Pending::default();
        }
    }
}

/// Writes batches until the queue is empty.
async fn drain<T: BatchWrite>(mut guard: DrainGuard<T>) {
    let service = guard.service.clone();
    while let Some(batch) = guard.next() {
        let all: Vec<&T> = batch.iter().map(|item| &item.what).collect();
        match again!(T::write(&service, &all)) {
            Ok(outcomes) => {
                for (item, outcome) in batch.into_iter().zip(outcomes) {
                    item.complete(Ok(outcome));
                }
            }
            // One item that the database refuses must not fail the others.
            Err(error) if !error.is_temporary() && batch.len() > 1 => one_by_one(&service, batch).await,
            Err(error) => fail(batch, error),
        }
    }
}

/// Writes each item in a transaction of its own, until the database fails temporarily.
async fn one_by_one<T: BatchWrite>(service: &T::Service, batch: Vec<PendingItem<T>>) {
    let mut batch = batch.into_iter();
    while let Some(item) = batch.next() {
        match again!(T::write(service, &[&item.what])) {
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
        // A caller that has stopped waiting has given up on the item.
        let _ = self.written.send(written);
    }
}
