//! Waking workers when there is work, so that nobody has to wait for a poll.

use postly_store::lanes::Queue;
use tokio::sync::Notify;

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

    /// Waits until the other processes should be told.
    pub(crate) async fn others_should_know(&self) {
        self.others.notified().await;
    }
}
