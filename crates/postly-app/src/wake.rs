//! Waking workers when there is work, so that nobody has to wait for a poll.

use postly_store::lanes::Queue;
use tokio::sync::Notify;

use crate::{App, Shutdown};

/// One bell per queue, and one for the other processes.
#[derive(Default)]
pub(crate) struct Wakers {
    inbox: Notify,
    status: Notify,
    outbox: Notify,
    others: Notify,
}

impl Wakers {
    /// Rings for a queue, here and in the other processes. A ring that nobody waits for is kept.
    pub(crate) fn wake(&self, queue: Queue) {
        self.wake_here(queue);
        self.others.notify_one();
    }

    /// Rings for a queue in this process only.
    pub(crate) fn wake_here(&self, queue: Queue) {
        self.bell(queue).notify_one();
    }

    /// The bell of a queue.
    pub(crate) fn bell(&self, queue: Queue) -> &Notify {
        match queue {
            Queue::Inbox => &self.inbox,
            Queue::Status => &self.status,
            Queue::Outbox => &self.outbox,
        }
    }
}

impl App {
    /// Tells the other processes of new work, at most as often as it can be told, until told to stop. Every process that
    /// stores something does this, with workers of its own or without.
    pub async fn ring_others(self, shutdown: Shutdown) {
        let ring = async {
            loop {
                self.0.wakers.others.notified().await;
                self.0.db.wake_others().await;
            }
        };
        tokio::select! {
            () = ring => {}
            () = shutdown.requested() => {}
        }
    }
}
