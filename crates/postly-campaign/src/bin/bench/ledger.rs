//! The messages that wait for a reply, those that have one, and the time it took.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;

use crate::letter::Letter;

/// The record to which both ends of the bench write: the load when it sends, the far end when a reply
/// arrives.
pub(crate) struct Ledger {
    state: Mutex<State>,
    /// One permit for each message that may be in flight.
    pub(crate) room: Semaphore,
}

#[derive(Default)]
struct State {
    waiting: HashMap<Letter, Instant>,
    /// The last message of each author that was answered.
    answered: HashMap<u32, u32>,
    tally: Tally,
}

/// The outcome of the messages since the last [`Ledger::take`].
#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    /// The time from the sending of each message to the arrival of its reply.
    pub(crate) took: Vec<Duration>,
    /// Replies to a message that already had one.
    pub(crate) twice: u32,
    /// Replies that came after the reply to a later message of the same author.
    pub(crate) overtaken: u32,
}

impl Ledger {
    /// Creates a ledger that allows this number of messages in flight to callers that acquire a permit.
    pub(crate) fn with_room(room: usize) -> Self {
        Self { state: Mutex::default(), room: Semaphore::new(room) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that this message is about to be sent.
    pub(crate) fn sent(&self, letter: Letter) {
        self.state().waiting.insert(letter, Instant::now());
    }

    /// Records that this message was not acknowledged, so that no reply is due.
    pub(crate) fn refused(&self, letter: Letter) {
        self.state().waiting.remove(&letter);
        self.room.add_permits(1);
    }

    /// Records that the first part of a reply to this message has arrived.
    pub(crate) fn replied(&self, letter: Letter) {
        let mut state = self.state();
        let Some(sent) = state.waiting.remove(&letter) else {
            state.tally.twice += 1;
            return;
        };
        state.tally.took.push(sent.elapsed());
        let last = state.answered.entry(letter.author).or_default();
        let overtaken = *last > letter.number;
        *last = letter.number.max(*last);
        state.tally.overtaken += u32::from(overtaken);
        drop(state);
        self.room.add_permits(1);
    }

    /// Returns the number of messages that wait for a reply.
    pub(crate) fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// Returns the number of messages answered since the last [`Self::take`].
    pub(crate) fn answered(&self) -> usize {
        self.state().tally.took.len()
    }

    /// Returns the outcome of the messages since the last call.
    pub(crate) fn take(&self) -> Tally {
        std::mem::take(&mut self.state().tally)
    }

    /// Waits until no message waits for a reply, or until `patience` ends. Returns the number still waiting.
    pub(crate) async fn drained(&self, patience: Duration) -> usize {
        /// A check costs nothing beside measurements in seconds.
        const LOOK_AGAIN: Duration = Duration::from_millis(5);
        let end = Instant::now() + patience;
        while self.waiting() > 0 && Instant::now() < end {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        self.waiting()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(author: u32, number: u32) -> Letter {
        Letter { author, number }
    }

    #[test]
    fn a_second_reply_and_one_out_of_order_are_noticed() {
        let ledger = Ledger::with_room(0);
        for number in 1..=3 {
            ledger.sent(letter(1, number));
        }
        ledger.replied(letter(1, 1));
        ledger.replied(letter(1, 3));
        ledger.replied(letter(1, 2));
        ledger.replied(letter(1, 3));
        let tally = ledger.take();
        assert_eq!((tally.took.len(), tally.twice, tally.overtaken), (3, 1, 1));
        assert_eq!((ledger.waiting(), ledger.room.available_permits()), (0, 3));
    }
}
