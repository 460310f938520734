//! The state of upstreams: noted in memory at each call, shared through the database by the monitor.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use postly_domain::{Provider, UnixMillis};

/// A service that this process calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Upstream {
    Meta,
    Twilio,
    Model,
    Stripe,
}

impl Upstream {
    /// Every one.
    pub(crate) const ALL: [Self; 4] = [Self::Meta, Self::Twilio, Self::Model, Self::Stripe];

    /// The name in the database, in metrics and in `/readyz`.
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

/// The calls of one upstream, as this process has seen them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Calls {
    /// The last call that was answered, whatever the answer.
    pub(crate) answered_at: Option<UnixMillis>,
    /// The first failed call since then, and the last.
    pub(crate) failing: Option<(UnixMillis, UnixMillis)>,
}

/// The state of the upstreams as this process sees it.
#[derive(Default)]
pub(crate) struct Health(Mutex<State>);

#[derive(Default)]
struct State {
    calls: BTreeMap<Upstream, Calls>,
    /// Signatures that did not verify since one did: how many, and since when.
    refused: BTreeMap<&'static str, (u32, UnixMillis)>,
    /// The parts that the monitor found degraded, of all processes.
    degraded: Vec<&'static str>,
    /// Since when the database has taken no write, and when that was last told.
    database: Option<(UnixMillis, Option<UnixMillis>)>,
    /// The last time an alert of this process alone was raised, by name and subject.
    raised: BTreeMap<(&'static str, &'static str), UnixMillis>,
}

impl Health {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a call was answered.
    pub(crate) fn answered(&self, upstream: Upstream, now: UnixMillis) {
        let mut state = self.state();
        let calls = state.calls.entry(upstream).or_default();
        *calls = Calls { answered_at: Some(now), failing: None };
    }

    /// Notes that a call was not answered.
    pub(crate) fn failed(&self, upstream: Upstream, now: UnixMillis) {
        let mut state = self.state();
        let calls = state.calls.entry(upstream).or_default();
        let since = calls.failing.map_or(now, |(since, _)| since);
        calls.failing = Some((since, now));
    }

    /// The calls of an upstream.
    pub(crate) fn calls(&self, upstream: Upstream) -> Calls {
        self.state().calls.get(&upstream).copied().unwrap_or_default()
    }

    /// Notes whether a signature verified.
    pub(crate) fn signature(&self, of: &'static str, verifies: bool, now: UnixMillis) {
        let mut state = self.state();
        if verifies {
            state.refused.remove(of);
        } else {
            let (count, _) = state.refused.entry(of).or_insert((0, now));
            *count = count.saturating_add(1);
        }
    }

    /// How many signatures did not verify since one did, and since when.
    pub(crate) fn refused(&self, of: &'static str) -> Option<(u32, UnixMillis)> {
        self.state().refused.get(of).copied()
    }

    /// Returns what is degraded, by the last look of the monitor.
    pub(crate) fn degraded(&self) -> Vec<&'static str> {
        self.state().degraded.clone()
    }

    pub(crate) fn set_degraded(&self, degraded: Vec<&'static str>) {
        self.state().degraded = degraded;
    }

    /// Notes whether the database takes writes. Returns since when it does not.
    pub(crate) fn database(&self, writes: bool, now: UnixMillis) -> Option<UnixMillis> {
        let mut state = self.state();
        if writes {
            state.database = None;
            return None;
        }
        Some(state.database.get_or_insert((now, None)).0)
    }

    /// True if an alert of this process alone is to be raised: it was not in this interval.
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
