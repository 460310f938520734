//! The operations of the outbox machine.

use postly_domain::{delivery::ErrorAction, event::DeliveryStatus};
use proptest::{collection::vec, prelude::*, sample::select};

use super::{LEASE_MS, LONGEST};

#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    Accepted,
    Refused(ErrorAction),
    NotSent,
    /// The answer is unclear; only the model knows if the attempt reached the provider.
    Unclear {
        reached: bool,
    },
    /// The process dies before it records anything.
    Nothing {
        reached: bool,
    },
}

impl Answer {
    /// Returns the possible answer for an attempt that has reached the provider.
    pub(super) fn of_what_reached(self) -> Self {
        match self {
            Self::Accepted | Self::Refused(_) | Self::NotSent => Self::Accepted,
            Self::Unclear { .. } => Self::Unclear { reached: true },
            Self::Nothing { .. } => Self::Nothing { reached: true },
        }
    }
}

#[derive(Debug, Clone)]
pub(super) enum Op {
    /// A reply of one or several parts, of which some carry a post.
    Queue {
        carries: Vec<bool>,
        is_charged: bool,
        window_ms: i64,
    },
    /// A worker claims due messages, and makes the attempt.
    Send {
        answer: Answer,
    },
    /// A worker claims due messages, and is suspended.
    Claim,
    /// The answer to an attempt, possibly long after its lease has ended.
    Answer {
        planned: usize,
        answer: Answer,
    },
    Status {
        attempt: usize,
        status: DeliveryStatus,
        names_attempt: bool,
    },
    Replay {
        message: usize,
    },
    Advance {
        millis: i64,
    },
}

fn op() -> impl Strategy<Value = Op> {
    use ErrorAction::{GiveUp, OurFault, Retry, StopSender, WaitForRecipient, WaitForSender, WindowClosed};
    let actions =
        vec![Retry, Retry, WaitForRecipient, WaitForSender, StopSender, WindowClosed, GiveUp, OurFault];
    let answer = prop_oneof![
        2 => Just(Answer::Accepted),
        3 => select(actions).prop_map(Answer::Refused),
        1 => Just(Answer::NotSent),
        3 => any::<bool>().prop_map(|reached| Answer::Unclear { reached }),
        2 => any::<bool>().prop_map(|reached| Answer::Nothing { reached }),
    ];
    let statuses = vec![
        DeliveryStatus::Accepted,
        DeliveryStatus::Sent,
        DeliveryStatus::Delivered,
        DeliveryStatus::Read,
        DeliveryStatus::Failed,
        DeliveryStatus::Failed,
    ];
    let windows = vec![20_000, 86_400_000, 86_400_000];
    let pauses = vec![1_500, 31_000, 31_000, LEASE_MS + 1_000, 3_600_000];
    prop_oneof![
        2 => (vec(any::<bool>(), 1..4), any::<bool>(), select(windows))
            .prop_map(|(carries, is_charged, window_ms)| Op::Queue { carries, is_charged, window_ms }),
        6 => answer.clone().prop_map(|answer| Op::Send { answer }),
        2 => Just(Op::Claim),
        2 => (0..3_usize, answer).prop_map(|(planned, answer)| Op::Answer { planned, answer }),
        4 => (0..3_usize, select(statuses), prop::bool::weighted(0.7))
            .prop_map(|(attempt, status, names_attempt)| Op::Status { attempt, status, names_attempt }),
        2 => (0..2_usize).prop_map(|message| Op::Replay { message }),
        4 => select(pauses).prop_map(|millis| Op::Advance { millis }),
    ]
}

/// A history begins with a message to send. The flag tells how it ends: without any answer, or with an
/// acceptance of each attempt.
pub(super) fn history() -> impl Strategy<Value = (Vec<Op>, bool)> {
    let first = (vec(any::<bool>(), 1..4), any::<bool>()).prop_map(|(carries, is_charged)| Op::Queue {
        carries,
        is_charged,
        window_ms: 86_400_000,
    });
    (first, vec(op(), 1..LONGEST), any::<bool>()).prop_map(|(first, mut operations, in_silence)| {
        operations.insert(0, first);
        (operations, in_silence)
    })
}
