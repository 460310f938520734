//! The rules for sending, resending and giving up a message, without a database.

use crate::UnixMillis;
use crate::event::DeliveryStatus;

/// The reaction that a provider's error code requires. `postly-whatsapp` assigns codes to actions, from the
/// providers' tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorAction {
    /// Retry the same message with growing pauses.
    Retry,
    /// Too many messages to this person: pause for 4^n seconds for them alone (Meta, error 131056).
    WaitForRecipient,
    /// The whole sender is too fast: slow it down.
    WaitForSender,
    /// The sender is blocked or its token is refused: hold all messages and alert the operator.
    StopSender,
    /// The service window is closed: free-form text cannot be delivered.
    WindowClosed,
    /// It cannot reach this person.
    GiveUp,
    /// Our request or configuration is wrong: a retry changes nothing, the operator must look.
    OurFault,
}

/// The result of a call to a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The provider has it, under this id.
    Accepted {
        /// The provider's id of the message.
        provider_message_id: String,
    },
    /// The provider refused it.
    Refused {
        /// Its code.
        code: i64,
        /// The action for the code.
        action: ErrorAction,
        /// The pause that the provider asks for, if any.
        retry_after_ms: Option<i64>,
    },
    /// The provider cannot have the message: no part of it left (the connection was refused, the name did not
    /// resolve, its time was over).
    NotSent,
    /// The provider may or may not have it: no answer, half an answer, or an answer without an id or a code.
    Unclear,
}

/// The known state of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptState {
    /// The call was about to be made; its result is unknown (also after a crash).
    Sending,
    /// The provider accepted it, and perhaps reported more.
    Known(DeliveryStatus),
    /// The call ended without a clear answer.
    Unclear,
    /// The provider refused it, or the call never reached the provider: this attempt cannot arrive.
    Refused,
}

/// One attempt, as input of the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// The time of the call.
    pub started_at: UnixMillis,
    /// The known state.
    pub state: AttemptState,
}

impl Attempt {
    /// Returns true if the provider accepted it and has not reported its failure.
    pub fn is_taken(&self) -> bool {
        matches!(self.state, AttemptState::Known(status) if status != DeliveryStatus::Failed)
    }

    /// Returns true if it may have been accepted.
    pub fn is_unclear(&self) -> bool {
        matches!(self.state, AttemptState::Sending | AttemptState::Unclear)
    }
}

/// Returns the status of a reply of several messages: the least advanced one, or `Failed` if one has failed.
/// `None` while one of them has no status.
pub fn reply_status(messages: impl IntoIterator<Item = Option<DeliveryStatus>>) -> Option<DeliveryStatus> {
    let statuses: Vec<_> = messages.into_iter().collect();
    if statuses.contains(&Some(DeliveryStatus::Failed)) {
        return Some(DeliveryStatus::Failed);
    }
    statuses.into_iter().min().flatten()
}

/// The next step for the message at the head of its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// Make a new attempt now.
    Attempt,
    /// The provider has accepted an attempt: done.
    Accepted,
    /// An attempt may still arrive: decide again at this instant.
    WaitUntil(UnixMillis),
    /// Its window closed before it could be sent, and no attempt can arrive.
    Expired,
    /// Every attempt has failed, and no more are due.
    Failed,
    /// No status came: presumed delivered, and listed for the operator.
    UnknownDelivery,
}

/// The form of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As free-form text.
    Text,
    /// As free-form text with a one-time code in it, sent at most once.
    Code,
    /// A code by the authentication template, outside of the service window.
    Template,
}

impl Form {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Code => "code",
            Self::Template => "template",
        }
    }

    /// Reads [`Form::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Text, Self::Code, Self::Template].into_iter().find(|form| form.as_str() == text)
    }

    /// The most sends of a message of this form after unclear answers (RULES 9.1).
    fn max_unclear_attempts(self) -> usize {
        match self {
            Self::Text => MAX_UNCLEAR_ATTEMPTS,
            Self::Code | Self::Template => 1,
        }
    }
}

/// The time to wait for a status after an unclear answer before another send (RULES 9.1).
pub const UNCLEAR_WAIT_MS: i64 = 30_000;

/// The most sends of a text after unclear answers: once, and once more (RULES 9.1).
pub const MAX_UNCLEAR_ATTEMPTS: usize = 2;

/// The pauses between attempts that were clearly refused (RULES 9.3), in milliseconds.
pub const RETRY_PAUSES_MS: [i64; 7] = [1_000, 5_000, 30_000, 120_000, 600_000, 3_600_000, 14_400_000];

/// Decides the next step of a message, from its attempts so far (oldest first).
///
/// `expires_at` is the end of its service window, or of its content's validity.
pub fn next_step(form: Form, attempts: &[Attempt], now: UnixMillis, expires_at: UnixMillis) -> NextStep {
    if attempts.iter().any(Attempt::is_taken) {
        return NextStep::Accepted;
    }
    // The provider accepted an attempt and later reported its failure: that is final for the message.
    if attempts.last().is_some_and(|last| last.state == AttemptState::Known(DeliveryStatus::Failed))
        && !attempts.iter().any(Attempt::is_unclear)
    {
        return NextStep::Failed;
    }
    // Sends without a clear refusal. A failed attempt of a message that is still in its lane was unclear
    // before.
    let failed = |attempt: &Attempt| attempt.state == AttemptState::Known(DeliveryStatus::Failed);
    let sends = attempts.iter().filter(|attempt| attempt.is_unclear() || failed(attempt)).count();
    if let Some(last) = attempts.iter().rfind(|attempt| attempt.is_unclear()) {
        if sends >= form.max_unclear_attempts() && form != Form::Text {
            // No further send follows, so there is nothing to wait for, and a sealed code is deleted early.
            return NextStep::UnknownDelivery;
        }
        let heard_by = last.started_at.plus_ms(UNCLEAR_WAIT_MS);
        if now < heard_by {
            return NextStep::WaitUntil(heard_by);
        }
        if sends >= form.max_unclear_attempts() || now >= expires_at {
            return NextStep::UnknownDelivery;
        }
    }
    if now >= expires_at {
        return NextStep::Expired;
    }
    NextStep::Attempt
}

/// Returns the pause before the next attempt after `refusals` clear refusals, with ±20 % of jitter. `dice` is
/// any random number. `None` if no attempts are left.
pub fn retry_pause_ms(refusals: usize, retry_after_ms: Option<i64>, dice: u32) -> Option<i64> {
    let base = *RETRY_PAUSES_MS.get(refusals.checked_sub(1)?)?;
    let pause = jittered(base, dice);
    // Bounded by twice our own pause (RULES 9.3), so that a provider cannot delay a message for ever.
    Some(retry_after_ms.map_or(pause, |asked| pause.max(asked.min(base.saturating_mul(2)))))
}

/// The pause after the `refusals`-th pair-limit error in a row: 4^n seconds (Meta, error 131056), at most
/// 4^6.
pub fn recipient_pause_ms(refusals: usize) -> i64 {
    let power = u32::try_from(refusals.min(6)).unwrap_or(6);
    4_i64.pow(power).saturating_mul(1000)
}

/// `base` ±20 %, by a random number.
pub fn jittered(base: i64, dice: u32) -> i64 {
    base.saturating_mul(80 + i64::from(dice % 41)) / 100
}

/// Meta's pair limit: one message to one person every six seconds, with a burst of 45 borrowed from the
/// future ("Throughput", pair rate limits).
pub const PAIR_INTERVAL_MS: i64 = 6_000;
/// See [`PAIR_INTERVAL_MS`].
pub const PAIR_BURST: i64 = 45;

/// Paces messages to one person by the generic cell rate algorithm: `next_send_at` is the time at which all
/// earlier messages are paid for. Returns the new `next_send_at`.
///
/// # Errors
/// The instant from which the next message may be sent.
pub fn pace(next_send_at: UnixMillis, now: UnixMillis) -> Result<UnixMillis, UnixMillis> {
    let start = next_send_at.max(now);
    let earliest = start.plus_ms(-(PAIR_BURST - 1) * PAIR_INTERVAL_MS);
    if now >= earliest { Ok(start.plus_ms(PAIR_INTERVAL_MS)) } else { Err(earliest) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DeliveryStatus::{Accepted, Delivered, Failed};

    const START: UnixMillis = UnixMillis(1_000_000);

    fn attempt(at_ms: i64, state: AttemptState) -> Attempt {
        Attempt { started_at: START.plus_ms(at_ms), state }
    }

    fn step(attempts: &[Attempt], after_ms: i64) -> NextStep {
        step_of(Form::Text, attempts, after_ms)
    }

    fn step_of(form: Form, attempts: &[Attempt], after_ms: i64) -> NextStep {
        next_step(form, attempts, START.plus_ms(after_ms), START.plus_secs(crate::time::SERVICE_WINDOW_SECS))
    }

    #[test]
    fn a_code_is_never_sent_twice_when_the_outcome_is_unclear() {
        for form in [Form::Code, Form::Template] {
            for state in [AttemptState::Unclear, AttemptState::Sending] {
                assert_eq!(step_of(form, &[attempt(0, state)], 1), NextStep::UnknownDelivery);
            }
            // A clear refusal is not unclear.
            assert_eq!(step_of(form, &[attempt(0, AttemptState::Refused)], 1), NextStep::Attempt);
            assert_eq!(step_of(form, &[attempt(0, AttemptState::Known(Delivered))], 1), NextStep::Accepted);
        }
    }

    #[test]
    fn an_unclear_attempt_is_waited_for_then_resent_once_then_presumed_delivered() {
        let unclear = AttemptState::Unclear;
        assert_eq!(step(&[], 0), NextStep::Attempt);
        let first = attempt(0, unclear);
        assert_eq!(step(&[first], 1_000), NextStep::WaitUntil(START.plus_ms(30_000)));
        assert_eq!(step(&[first], 30_000), NextStep::Attempt);
        let second = attempt(30_000, unclear);
        assert_eq!(step(&[first, second], 31_000), NextStep::WaitUntil(START.plus_ms(60_000)));
        assert_eq!(step(&[first, second], 60_000), NextStep::UnknownDelivery);
    }

    #[test]
    fn a_status_settles_an_unclear_attempt() {
        assert_eq!(step(&[attempt(0, AttemptState::Known(Delivered))], 5), NextStep::Accepted);
        assert_eq!(
            step(
                &[attempt(0, AttemptState::Known(Failed)), attempt(30_000, AttemptState::Known(Accepted))],
                31_000
            ),
            NextStep::Accepted
        );
    }

    #[test]
    fn a_failure_of_a_replaced_attempt_leaves_its_successor_alone() {
        let replaced = attempt(0, AttemptState::Known(Failed));
        let successor = attempt(30_000, AttemptState::Unclear);
        assert_eq!(step(&[replaced, successor], 40_000), NextStep::WaitUntil(START.plus_ms(60_000)));
        assert_eq!(step(&[attempt(0, AttemptState::Known(Failed))], 1), NextStep::Failed);
    }

    #[test]
    fn a_failure_of_one_of_two_sends_does_not_bring_about_a_third() {
        let unclear = |at_ms| attempt(at_ms, AttemptState::Unclear);
        let failed = |at_ms| attempt(at_ms, AttemptState::Known(Failed));
        assert_eq!(step(&[failed(0), unclear(30_000)], 60_000), NextStep::UnknownDelivery);
        assert_eq!(step(&[unclear(0), failed(30_000)], 60_000), NextStep::UnknownDelivery);
        // A clear refusal does not count as a send.
        assert_eq!(step(&[attempt(0, AttemptState::Refused), unclear(5)], 60_000), NextStep::Attempt);
    }

    #[test]
    fn a_crash_while_sending_counts_as_unclear() {
        assert_eq!(step(&[attempt(0, AttemptState::Sending)], 40_000), NextStep::Attempt);
    }

    #[test]
    fn a_refused_message_expires_with_its_window() {
        assert_eq!(step(&[attempt(0, AttemptState::Refused)], 86_400_000), NextStep::Expired);
    }

    #[test]
    fn forty_five_messages_leave_at_once_and_then_one_every_six_seconds() {
        let mut paid = START;
        for _ in 0..45 {
            paid = pace(paid, START).expect("within the burst");
        }
        assert_eq!(pace(paid, START), Err(START.plus_ms(6_000)));
        assert!(pace(paid, START.plus_ms(6_000)).is_ok());
    }

    #[test]
    fn pauses_grow_stay_within_their_jitter_and_end() {
        assert_eq!(retry_pause_ms(1, None, 20), Some(1_000));
        assert_eq!(retry_pause_ms(2, None, 0), Some(4_000));
        assert_eq!(retry_pause_ms(2, None, 40), Some(6_000));
        assert_eq!(retry_pause_ms(1, Some(60_000), 20), Some(2_000));
        assert_eq!(retry_pause_ms(8, None, 20), None);
        assert_eq!(recipient_pause_ms(0), 1_000);
        assert_eq!(recipient_pause_ms(3), 64_000);
    }
}
