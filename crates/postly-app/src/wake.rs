//! Wakes workers when there is work, so that it does not wait for a poll.

use postly_store::lanes::Queue;
use tokio::sync::Notify;

use crate::{Core, Shutdown};

/// One signal for each queue, and one for the other processes.
#[derive(Default)]
pub(crate) struct Wakers {
    inbox: Notify,
    status: Notify,
    outbox: Notify,
    peers: Notify,
}

impl Wakers {
    /// Wakes the workers of a queue, here and in the other processes. A wake-up without a waiting worker is
    /// kept.
    pub(crate) fn wake(&self, queue: Queue) {
        self.wake_here(queue);
        self.peers.notify_one();
    }

    /// Wakes the workers of a queue in this process only.
    pub(crate) fn wake_here(&self, queue: Queue) {
        self.signal(queue).notify_one();
    }

    /// Returns the signal of a queue.
    pub(crate) fn signal(&self, queue: Queue) -> &Notify {
        match queue {
            Queue::Inbox => &self.inbox,
            Queue::Status => &self.status,
            Queue::Outbox => &self.outbox,
        }
    }
}

impl Core {
    /// Sends wake-ups to the other processes until shutdown, as fast as the database accepts them. Every
    /// process that stores work does this, with or without workers of its own.
    pub async fn notify_peers(self, shutdown: Shutdown) {
        let ring = async {
            loop {
                self.wakers.peers.notified().await;
                self.db.wake_peers().await;
            }
        };
        tokio::select! {
            () = ring => {}
            () = shutdown.requested() => {}
        }
    }
}
