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
    peers: Notify,
}

impl Wakers {
    /// Rings for a queue, here and in the other processes. A ring that nobody waits for is kept.
    pub(crate) fn wake(&self, queue: Queue) {
        self.wake_here(queue);
        self.peers.notify_one();
    }

    /// Rings for a queue in this process only.
    pub(crate) fn wake_here(&self, queue: Queue) {
        self.signal(queue).notify_one();
    }

    /// The bell of a queue.
    pub(crate) fn signal(&self, queue: Queue) -> &Notify {
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
    pub async fn notify_peers(self, shutdown: Shutdown) {
        let ring = async {
            loop {
                self.0.wakers.peers.notified().await;
                self.0.db.wake_peers().await;
            }
        };
        tokio::select! {
            () = ring => {}
            () = shutdown.requested() => {}
        }
    }
}
