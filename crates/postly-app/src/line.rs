//! Lines: what comes while the like of it is being written down is written down together, by the next transaction.
//!
//! One transaction is one sync of the disk, and on PostgreSQL a few journeys to the server, however much it does.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use postly_store::StoreError;
use tokio::sync::oneshot;

use crate::{App, again::again};

/// What is written down together.
pub(crate) trait Together: Sized + Send + Sync + 'static {
    /// What is told of each when all are written down.
    type Outcome: Send + 'static;
    /// How many are written by one transaction at most: what fails together is done again together.
    const LARGEST_BATCH: usize;
    /// How many bytes are written by one transaction at most, unless a single one has more.
    const LARGEST_BATCH_BYTES: usize;
    /// How many bytes wait at most; what is beyond is turned away.
    const MOST_WAITING_BYTES: usize;

    /// Where they wait.
    fn line(app: &App) -> &Line<Self>;

    /// What one takes in memory, roughly.
    fn bytes(&self) -> usize;

    /// Writes all of them down, or none; tells of each, in their order.
    fn write(
        app: &App,
        batch: &[&Self],
    ) -> impl Future<Output = Result<Vec<Self::Outcome>, StoreError>> + Send;
}

/// Those that wait.
pub(crate) struct Line<T: Together>(Mutex<Waiting<T>>);

struct Waiting<T: Together> {
    line: VecDeque<Place<T>>,
    /// The sum of their bytes.
    bytes: usize,
    /// Whether somebody is at work on the line.
    attended: bool,
}

/// One of them, and who waits for its commit.
struct Place<T: Together> {
    what: T,
    bytes: usize,
    written: oneshot::Sender<Written<T>>,
}

/// Whether one is written down; whoever failed together shares the reason.
pub(crate) type Written<T> = Result<<T as Together>::Outcome, Arc<StoreError>>;

/// Too many wait already.
pub(crate) struct Full;

impl<T: Together> Default for Line<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Together> Default for Waiting<T> {
    fn default() -> Self {
        Self { line: VecDeque::new(), bytes: 0, attended: false }
    }
}

impl<T: Together> Line<T> {
    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts one in the line, and sees to it that somebody attends to the line. Returns what tells of its commit; when that
    /// ends without a word, nobody knows.
    pub(crate) fn join(&self, app: &App, what: T) -> Result<oneshot::Receiver<Written<T>>, Full> {
        let (written, told) = oneshot::channel();
        let bytes = what.bytes();
        let mut waiting = self.lock();
        if waiting.bytes + bytes > T::MOST_WAITING_BYTES {
            return Err(Full);
        }
        waiting.bytes += bytes;
        waiting.line.push_back(Place { what, bytes, written });
        let is_first = !std::mem::replace(&mut waiting.attended, true);
        // A runtime that is shutting down drops what is spawned at once, and that locks the line too.
        drop(waiting);
        if is_first {
            tokio::spawn(attend(Attendance::<T> {
                app: app.clone(),
                over: false,
                _line: std::marker::PhantomData,
            }));
        }
        Ok(told)
    }
}

/// Somebody's work on a line. Should it end by a panic, the line is left unattended, so that the next who comes finds
/// somebody new.
struct Attendance<T: Together> {
    app: App,
    over: bool,
    _line: std::marker::PhantomData<T>,
}

impl<T: Together> Attendance<T> {
    /// The next to be written down together. `None`: the line is empty, and from now on unattended.
    fn next(&mut self) -> Option<Vec<Place<T>>> {
        let mut waiting = T::line(&self.app).lock();
        let (mut batch, mut bytes) = (vec![], 0);
        while batch.len() < T::LARGEST_BATCH
            && let Some(place) =
                waiting.line.pop_front_if(|next| bytes == 0 || bytes + next.bytes <= T::LARGEST_BATCH_BYTES)
        {
            bytes += place.bytes;
            batch.push(place);
        }
        waiting.bytes -= bytes;
        self.over = batch.is_empty();
        waiting.attended = !self.over;
        (!self.over).then_some(batch)
    }
}

impl<T: Together> Drop for Attendance<T> {
    fn drop(&mut self) {
        if !self.over {
            // Whoever waits is told so by the end of its channel.
            *T::line(&self.app).lock() = Waiting::default();
        }
    }
}

/// Writes down what waits, until nothing does.
async fn attend<T: Together>(mut attendance: Attendance<T>) {
    let app = attendance.app.clone();
    while let Some(batch) = attendance.next() {
        let all: Vec<&T> = batch.iter().map(|place| &place.what).collect();
        match again!(T::write(&app, &all)) {
            Ok(outcomes) => {
                for (place, outcome) in batch.into_iter().zip(outcomes) {
                    place.tell(Ok(outcome));
                }
            }
            // One that the database refuses must not keep the others out.
            Err(error) if !error.is_temporary() && batch.len() > 1 => one_by_one(&app, batch).await,
            Err(error) => fail(batch, error),
        }
    }
}

/// Writes them down each by itself, as long as the database takes any.
async fn one_by_one<T: Together>(app: &App, batch: Vec<Place<T>>) {
    let mut batch = batch.into_iter();
    while let Some(place) = batch.next() {
        match again!(T::write(app, &[&place.what])) {
            Ok(outcomes) => {
                if let Some(outcome) = outcomes.into_iter().next() {
                    place.tell(Ok(outcome));
                }
            }
            Err(error) if error.is_temporary() => return fail(std::iter::once(place).chain(batch), error),
            Err(error) => place.tell(Err(Arc::new(error))),
        }
    }
}

fn fail<T: Together>(batch: impl IntoIterator<Item = Place<T>>, error: StoreError) {
    let error = Arc::new(error);
    for place in batch {
        place.tell(Err(Arc::clone(&error)));
    }
}

impl<T: Together> Place<T> {
    fn tell(self, written: Written<T>) {
        // Who does not wait any more has given up on it.
        let _ = self.written.send(written);
    }
}
