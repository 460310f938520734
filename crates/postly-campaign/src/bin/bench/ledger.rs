//! Who waits for an answer, who has one, and how long it took.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;

use crate::letter::Letter;

/// Both ends of the bench write into it: the load when it sends, the far end when a reply arrives.
pub(crate) struct Ledger {
    state: Mutex<State>,
    /// One permit for each message that may be under way.
    pub(crate) room: Semaphore,
}

#[derive(Default)]
struct State {
    waiting: HashMap<Letter, Instant>,
    /// The last message of each author that was answered.
    answered: HashMap<u32, u32>,
    tally: Tally,
}

/// What became of the messages since the last look.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    /// From the sending of a message to the arrival of its reply, one each.
    pub(crate) took: Vec<Duration>,
    /// Replies to a message that had its reply.
    pub(crate) twice: u32,
    /// Replies that came after the reply to a later message of the same author.
    pub(crate) overtaken: u32,
}

impl Ledger {
    /// A ledger that lets so many messages be under way for those who ask for room.
    pub(crate) fn with_room(room: usize) -> Self {
        Self { state: Mutex::default(), room: Semaphore::new(room) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This message is about to be sent.
    pub(crate) fn sent(&self, letter: Letter) {
        self.state().waiting.insert(letter, Instant::now());
    }

    /// This message was not acknowledged, so nobody owes it a reply.
    pub(crate) fn refused(&self, letter: Letter) {
        self.state().waiting.remove(&letter);
        self.room.add_permits(1);
    }

    /// The first part of a reply to this message has arrived.
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

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// How many were answered since the last [`Self::take`].
    pub(crate) fn answered(&self) -> usize {
        self.state().tally.took.len()
    }

    /// What happened since the last time this was called.
    pub(crate) fn take(&self) -> Tally {
        std::mem::take(&mut self.state().tally)
    }

    /// Waits until nobody waits, or until the patience ends. Returns how many still do.
    pub(crate) async fn drained(&self, patience: Duration) -> usize {
        /// A look costs nothing beside what is measured in seconds.
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
