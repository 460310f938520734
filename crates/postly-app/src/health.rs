//! The health of upstreams. Each call records it in memory; the monitor shares it through the database.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use postly_domain::{Provider, UnixMillis};

use crate::monitor::UNREACHABLE_MS;

/// The number of successive invalid signatures from which a secret is assumed to be wrong.
const SIGNATURES_REFUSED: u32 = 5;

/// A service that this process calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Upstream {
    Meta,
    Twilio,
    Model,
    Stripe,
}

impl Upstream {
    /// All upstreams.
    pub(crate) const ALL: [Self; 4] = [Self::Meta, Self::Twilio, Self::Model, Self::Stripe];

    /// Returns the name in the database, in metrics and in `/readyz`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Twilio => "twilio",
            Self::Model => "model",
            Self::Stripe => "stripe",
        }
    }

    pub(crate) fn of(provider: Provider) -> Self {
        match provider {
            Provider::Meta => Self::Meta,
            Provider::Twilio => Self::Twilio,
        }
    }
}

/// The calls of one upstream made by this process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Calls {
    /// The time of the last call with any answer.
    pub(crate) answered_at: Option<UnixMillis>,
    /// The times of the first failed call since then, and of the last.
    pub(crate) failing: Option<(UnixMillis, UnixMillis)>,
}

/// The health of the upstreams as seen by this process.
#[derive(Default)]
pub(crate) struct Health(Mutex<State>);

#[derive(Default)]
struct State {
    calls: BTreeMap<Upstream, Calls>,
    /// Invalid signatures since the last valid one: their number, and the time of the first.
    refused: BTreeMap<&'static str, (u32, UnixMillis)>,
    /// The parts that the monitor found degraded, for all processes.
    degraded: Vec<&'static str>,
    /// The time since which the database accepts no writes, and the time of the last report of it.
    database: Option<(UnixMillis, Option<UnixMillis>)>,
    /// The time of the last alert that concerns this process only, by name and subject.
    raised: BTreeMap<(&'static str, &'static str), UnixMillis>,
}

impl Health {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that a call was answered.
    pub(crate) fn answered(&self, upstream: Upstream, now: UnixMillis) {
        let mut state = self.state();
        let calls = state.calls.entry(upstream).or_default();
        *calls = Calls { answered_at: Some(now), failing: None };
    }

    /// Records that a call was not answered.
    pub(crate) fn failed(&self, upstream: Upstream, now: UnixMillis) {
        let mut state = self.state();
        let calls = state.calls.entry(upstream).or_default();
        let since = calls.failing.map_or(now, |(since, _)| since);
        calls.failing = Some((since, now));
    }

    /// Returns the calls of an upstream.
    pub(crate) fn calls(&self, upstream: Upstream) -> Calls {
        self.state().calls.get(&upstream).copied().unwrap_or_default()
    }

    /// Records a valid or invalid signature.
    pub(crate) fn signature(&self, of: &'static str, verifies: bool, now: UnixMillis) {
        let mut state = self.state();
        if verifies {
            state.refused.remove(of);
        } else {
            let (count, _) = state.refused.entry(of).or_insert((0, now));
            *count = count.saturating_add(1);
        }
    }

    /// Returns the number of invalid signatures since the last valid one, and the time of the first, if
    /// strangers do not explain them.
    pub(crate) fn signatures_refused(&self, of: &'static str, now: UnixMillis) -> Option<(u32, UnixMillis)> {
        let refused = self.state().refused.get(of).copied();
        refused
            .filter(|(count, since)| *count >= SIGNATURES_REFUSED && now.since_ms(*since) >= UNREACHABLE_MS)
    }

    /// Returns the senders of webhooks of which this process has verified none for a minute, each with the
    /// number of refused ones.
    pub(crate) fn refused_signatures(&self, now: UnixMillis) -> Vec<(&'static str, u32)> {
        let of = |of| self.signatures_refused(of, now).map(|(count, _)| (of, count));
        ["meta", "twilio", "stripe"].into_iter().filter_map(of).collect()
    }

    /// Returns the degraded parts found by the last run of the monitor.
    pub(crate) fn degraded(&self) -> Vec<&'static str> {
        self.state().degraded.clone()
    }

    pub(crate) fn set_degraded(&self, degraded: Vec<&'static str>) {
        self.state().degraded = degraded;
    }

    /// Returns the time since which the database accepts no writes.
    pub(crate) fn database_fails_since(&self) -> Option<UnixMillis> {
        self.state().database.map(|(since, _)| since)
    }

    /// Records if the database accepts writes. Returns the time since which it does not.
    pub(crate) fn database(&self, writes: bool, now: UnixMillis) -> Option<UnixMillis> {
        let mut state = self.state();
        if writes {
            state.database = None;
            return None;
        }
        Some(state.database.get_or_insert((now, None)).0)
    }

    /// Returns true if an alert that concerns this process only is due: none was raised in this interval.
    pub(crate) fn may_raise(
        &self,
        alert: &'static str,
        subject: &'static str,
        now: UnixMillis,
        every_ms: i64,
    ) -> bool {
        let mut state = self.state();
        let last = state.raised.get(&(alert, subject));
        if last.is_some_and(|last| now.since_ms(*last) < every_ms) {
            return false;
        }
        state.raised.insert((alert, subject), now);
        true
    }
}
