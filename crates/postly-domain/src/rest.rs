//! The pause of a business number, and its end.

use crate::{Provider, UnixMillis};

/// The pause of a sender that is blocked, unpaid or has its token refused, before one message is tried.
pub const STOPPED_PAUSE_MS: i64 = 60_000;

/// The time for which that message is observed before others follow. Meta reports a failure by status within
/// seconds.
pub const PROBE_MS: i64 = 15_000;

/// A stop that comes this long after the end of the last one starts a new pause.
pub const SAME_PAUSE_MS: i64 = 300_000;

/// The reason for a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestReason {
    /// The sender exceeded a rate limit.
    Throttled,
    /// The provider refused to send. Its response to the next message shows the current state.
    Stopped,
    /// The provider accepted a message and later reported that it does not send. Only its next report shows
    /// the current state.
    Failing,
}

impl RestReason {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Stopped => "stopped",
            Self::Failing => "failing",
        }
    }

    /// Reads [`RestReason::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Throttled, Self::Stopped, Self::Failing].into_iter().find(|reason| reason.as_str() == text)
    }
}

/// A part of the service that the operator can stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PauseTarget {
    /// Writing posts, on WhatsApp and on the web.
    Generation,
    /// Messages through Meta, and briefs that arrive through it.
    Meta,
    /// Messages through Twilio, and briefs that arrive through it.
    Twilio,
}

impl PauseTarget {
    /// The name in the database and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Generation => "generation",
            Self::Meta => "meta",
            Self::Twilio => "twilio",
        }
    }

    /// Reads [`PauseTarget::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Generation, Self::Meta, Self::Twilio].into_iter().find(|target| target.as_str() == text)
    }

    /// The provider whose messages are paused. `None` for generation.
    pub fn provider(self) -> Option<Provider> {
        match self {
            Self::Generation => None,
            Self::Meta => Some(Provider::Meta),
            Self::Twilio => Some(Provider::Twilio),
        }
    }
}

/// The pause of a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest {
    /// Its reason.
    pub reason: RestReason,
    /// Its end.
    pub until: UnixMillis,
    /// The time of the probe, if one was sent since the last refusal.
    pub probe_at: Option<UnixMillis>,
}

/// The decision for a message of a paused sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// Send: the pause is over.
    Now,
    /// Send this message alone, as a probe of the provider.
    AsProbe,
    /// Wait until this instant.
    At(UnixMillis),
}

impl Rest {
    /// Decides on a message that is ready to be sent.
    pub fn leave(&self, now: UnixMillis) -> Leave {
        match (self.reason, self.probe_at) {
            _ if self.until > now => Leave::At(self.until),
            (RestReason::Stopped | RestReason::Failing, None) => Leave::AsProbe,
            // The probe was not refused within its time.
            (RestReason::Stopped | RestReason::Failing, Some(_)) | (RestReason::Throttled, _) => Leave::Now,
        }
    }

    /// Returns true if new briefs are answered by the notice of the pause (RULES 4.9). While a probe runs,
    /// which takes seconds, briefs are written.
    pub fn pauses(&self, now: UnixMillis) -> bool {
        self.reason != RestReason::Throttled && self.probe_at.is_none() && self.until > now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_stop_one_message_tries_again_and_the_others_follow_when_nothing_is_heard() {
        let now = UnixMillis(1_000_000);
        for reason in [RestReason::Stopped, RestReason::Failing] {
            let stopped = Rest { reason, until: now.plus_ms(STOPPED_PAUSE_MS), probe_at: None };
            assert!(stopped.pauses(now));
            assert_eq!(stopped.leave(now), Leave::At(stopped.until));
            assert_eq!(stopped.leave(stopped.until), Leave::AsProbe);
            assert!(!stopped.pauses(stopped.until));
            let tried =
                Rest { until: stopped.until.plus_ms(PROBE_MS), probe_at: Some(stopped.until), ..stopped };
            assert_eq!(tried.leave(stopped.until), Leave::At(tried.until));
            assert_eq!(tried.leave(tried.until), Leave::Now);
            assert!(!tried.pauses(stopped.until));
        }
        let throttled = Rest { reason: RestReason::Throttled, until: now.plus_ms(5_000), probe_at: None };
        assert!(!throttled.pauses(now));
        assert_eq!(throttled.leave(now), Leave::At(throttled.until));
        assert_eq!(throttled.leave(throttled.until), Leave::Now);
    }
}
