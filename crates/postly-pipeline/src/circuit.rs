//! The rule that stops calls to a failing server and tries it again later, without IO and without a clock.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// The period over which calls are counted: long enough to collect calls in a quiet hour, short enough to
/// forget a brief fault.
pub(crate) const WINDOW: Duration = Duration::from_secs(30);

/// Fewer calls than this in the [`WINDOW`] prove nothing.
pub(crate) const FEWEST_CALLS: u32 = 20;

/// The time during which no call is permitted: a restart or a fail-over of the server takes about as long.
pub(crate) const OPEN_FOR: Duration = Duration::from_secs(15);

/// The outcome of a call, as evidence of the server's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallOutcome {
    /// The server works, even if it rejected this request.
    Works,
    /// The server, the network or our account there fails.
    Fails,
    /// The call was given up before its outcome was known.
    Unknown,
}

/// The position of a circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    /// Every call is permitted.
    Closed,
    /// One call is permitted as a probe.
    HalfOpen,
    /// No call is permitted.
    Open,
}

/// The permit for one call. Returned with its [`CallOutcome`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Permit {
    /// The generation in which the permit was given. The outcome of a call of an earlier generation is
    /// ignored.
    generation: u64,
}

/// A circuit: closed, until at least half of at least [`FEWEST_CALLS`] in a [`WINDOW`] failed; then open for
/// [`OPEN_FOR`]; then half-open, where one call decides between the two.
#[derive(Debug)]
pub(crate) struct Circuit {
    state: State,
    /// Counts the changes of state.
    generation: u64,
    /// The origin from which whole seconds are counted.
    started: Instant,
}

#[derive(Debug)]
enum State {
    Closed(Tally),
    Open { until: Instant },
    HalfOpen { probing: bool },
}

impl Circuit {
    /// Returns a closed circuit without counted calls.
    pub(crate) fn new(now: Instant) -> Self {
        Self { state: State::Closed(Tally::default()), generation: 0, started: now }
    }

    /// Returns the position.
    pub(crate) fn position(&self) -> Position {
        match self.state {
            State::Closed(_) => Position::Closed,
            State::Open { .. } => Position::Open,
            State::HalfOpen { .. } => Position::HalfOpen,
        }
    }

    /// Returns a permit for one call, or `None` if the call must not be made.
    pub(crate) fn admit(&mut self, now: Instant) -> Option<Permit> {
        match &mut self.state {
            State::Closed(_) => {}
            State::Open { until } if now < *until => return None,
            State::Open { .. } => self.turn(State::HalfOpen { probing: true }),
            State::HalfOpen { probing: true } => return None,
            State::HalfOpen { probing } => *probing = true,
        }
        Some(Permit { generation: self.generation })
    }

    /// Returns a permit with the outcome of its call.
    pub(crate) fn report(&mut self, leave: &Permit, verdict: CallOutcome, now: Instant) {
        if leave.generation != self.generation {
            return;
        }
        match (&mut self.state, verdict) {
            (State::HalfOpen { probing }, CallOutcome::Unknown) => *probing = false,
            (State::HalfOpen { .. }, CallOutcome::Works) => self.turn(State::Closed(Tally::default())),
            (State::HalfOpen { .. }, CallOutcome::Fails) => self.turn(State::Open { until: now + OPEN_FOR }),
            (State::Closed(tally), CallOutcome::Works | CallOutcome::Fails) => {
                let second = now.saturating_duration_since(self.started).as_secs();
                if tally.add(second, verdict == CallOutcome::Fails) {
                    self.turn(State::Open { until: now + OPEN_FOR });
                }
            }
            // No permit is given while the circuit is open, so none of this generation can come back.
            (State::Closed(_), CallOutcome::Unknown) | (State::Open { .. }, _) => {}
        }
    }

    fn turn(&mut self, state: State) {
        self.state = state;
        self.generation += 1;
    }
}

/// Calls counted by the second, so that memory is bounded for any number of calls.
#[derive(Debug, Default)]
struct Tally {
    seconds: VecDeque<Second>,
}

#[derive(Debug)]
struct Second {
    number: u64,
    calls: u32,
    failed: u32,
}

impl Tally {
    /// Counts a call. Returns true if the circuit must open.
    fn add(&mut self, second: u64, failed: bool) -> bool {
        self.seconds.retain(|past| past.number + WINDOW.as_secs() > second);
        // Two threads may read the clock in one order and arrive in the other: both are counted in the newest
        // second.
        match self.seconds.back_mut().filter(|newest| newest.number >= second) {
            Some(newest) => newest.count(failed),
            None => {
                let mut newest = Second { number: second, calls: 0, failed: 0 };
                newest.count(failed);
                self.seconds.push_back(newest);
            }
        }
        let sum = |of: fn(&Second) -> u32| self.seconds.iter().map(of).fold(0, u32::saturating_add);
        let (calls, failed) = (sum(|second| second.calls), sum(|second| second.failed));
        calls >= FEWEST_CALLS && failed >= calls - failed
    }
}

impl Second {
    fn count(&mut self, failed: bool) {
        self.calls = self.calls.saturating_add(1);
        self.failed = self.failed.saturating_add(u32::from(failed));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn call(circuit: &mut Circuit, verdict: CallOutcome, now: Instant) {
        let leave = circuit.admit(now).expect("it lets calls through");
        circuit.report(&leave, verdict, now);
    }

    /// Returns a circuit that has just opened, at `now`.
    fn opened(now: Instant) -> Circuit {
        let mut circuit = Circuit::new(now);
        for _ in 0..FEWEST_CALLS {
            assert_eq!(circuit.position(), Position::Closed);
            call(&mut circuit, CallOutcome::Fails, now);
        }
        assert_eq!(circuit.position(), Position::Open);
        circuit
    }

    const ALMOST: Duration = Duration::from_millis(14_999);

    #[test]
    fn the_twentieth_failure_opens_it_for_fifteen_seconds() {
        let now = Instant::now();
        let mut circuit = opened(now);
        assert_eq!(circuit.admit(now), None);
        assert_eq!(circuit.admit(now + ALMOST), None);
        assert!(circuit.admit(now + OPEN_FOR).is_some());
        assert_eq!(circuit.position(), Position::HalfOpen);
    }

    #[test]
    fn one_probe_decides() {
        let now = Instant::now();
        let mut circuit = opened(now);
        let later = now + OPEN_FOR;
        let probe = circuit.admit(later).unwrap();
        assert_eq!(circuit.admit(later), None, "one at a time");
        circuit.report(&probe, CallOutcome::Fails, later);
        assert_eq!(circuit.position(), Position::Open);
        assert_eq!(circuit.admit(later + ALMOST), None);

        let later = later + OPEN_FOR;
        let probe = circuit.admit(later).unwrap();
        circuit.report(&probe, CallOutcome::Unknown, later);
        assert_eq!(circuit.position(), Position::HalfOpen);
        let probe = circuit.admit(later).expect("whoever was given up makes room for the next");
        circuit.report(&probe, CallOutcome::Works, later);
        assert_eq!(circuit.position(), Position::Closed);
        for _ in 1..FEWEST_CALLS {
            call(&mut circuit, CallOutcome::Fails, later);
        }
        assert_eq!(circuit.position(), Position::Closed, "what was before it opened is forgotten");
    }

    #[test]
    fn old_news_changes_nothing() {
        let now = Instant::now();
        let mut circuit = Circuit::new(now);
        let slow: Vec<Permit> = (0..50).map(|_| circuit.admit(now).unwrap()).collect();
        let mut circuit = {
            for _ in 0..FEWEST_CALLS {
                call(&mut circuit, CallOutcome::Fails, now);
            }
            circuit
        };
        let later = now + OPEN_FOR;
        circuit.report(&slow[0], CallOutcome::Works, later);
        assert_eq!(circuit.position(), Position::Open);
        let probe = circuit.admit(later).unwrap();
        circuit.report(&slow[1], CallOutcome::Fails, later);
        assert_eq!(circuit.position(), Position::HalfOpen);
        circuit.report(&probe, CallOutcome::Works, later);
        for leave in &slow {
            circuit.report(leave, CallOutcome::Fails, later);
        }
        assert_eq!(circuit.position(), Position::Closed);
    }

    #[test]
    fn half_is_enough_and_less_is_not() {
        let now = Instant::now();
        let mut circuit = Circuit::new(now);
        for _ in 0..500 {
            call(&mut circuit, CallOutcome::Works, now);
            call(&mut circuit, CallOutcome::Works, now);
            call(&mut circuit, CallOutcome::Fails, now);
        }
        assert_eq!(circuit.position(), Position::Closed);
        let mut circuit = Circuit::new(now);
        for _ in 0..10 {
            call(&mut circuit, CallOutcome::Works, now);
        }
        for _ in 0..9 {
            call(&mut circuit, CallOutcome::Fails, now);
        }
        assert_eq!(circuit.position(), Position::Closed);
        call(&mut circuit, CallOutcome::Fails, now);
        assert_eq!(circuit.position(), Position::Open);
    }

    #[test]
    fn calls_are_forgotten_after_thirty_seconds() {
        let now = Instant::now();
        let mut circuit = Circuit::new(now);
        for _ in 1..FEWEST_CALLS {
            call(&mut circuit, CallOutcome::Fails, now);
        }
        call(&mut circuit, CallOutcome::Fails, now + WINDOW);
        assert_eq!(circuit.position(), Position::Closed);
    }

    /// A step of a random history of a circuit.
    #[derive(Debug, Clone)]
    enum Step {
        Wait(u64),
        Admit,
        /// Reports any call under way, with any outcome.
        Report(prop::sample::Index, CallOutcome),
    }

    fn step() -> impl Strategy<Value = Step> {
        let verdict = prop_oneof![
            4 => Just(CallOutcome::Fails),
            3 => Just(CallOutcome::Works),
            1 => Just(CallOutcome::Unknown),
        ];
        prop_oneof![
            1 => (0_u64..20_000).prop_map(Step::Wait),
            2 => (0_u64..900).prop_map(Step::Wait),
            8 => Just(Step::Admit),
            8 => (any::<prop::sample::Index>(), verdict)
                .prop_map(|(which, verdict)| Step::Report(which, verdict)),
        ]
    }

    /// A slow and plain model of the same rule: it remembers every call.
    struct Plain {
        calls: Vec<(u64, bool)>,
        closed: bool,
        opened_at_ms: u64,
        probing: bool,
        half_open: bool,
        generation: u64,
    }

    impl Plain {
        fn admits(&mut self, now_ms: u64) -> bool {
            if self.closed {
                return true;
            }
            if !self.half_open && now_ms >= self.opened_at_ms + 15_000 {
                self.half_open = true;
                self.probing = false;
                self.generation += 1;
            }
            let admitted = self.half_open && !self.probing;
            self.probing |= admitted;
            admitted
        }

        fn hears(&mut self, generation: u64, verdict: CallOutcome, now_ms: u64) {
            if generation != self.generation {
                return;
            }
            if self.half_open {
                self.probing = false;
                match verdict {
                    CallOutcome::Unknown => return,
                    CallOutcome::Works => (self.closed, self.calls) = (true, vec![]),
                    CallOutcome::Fails => self.opened_at_ms = now_ms,
                }
                self.half_open = false;
                self.generation += 1;
                return;
            }
            if verdict == CallOutcome::Unknown {
                return;
            }
            self.calls.push((now_ms / 1000, verdict == CallOutcome::Fails));
            let lately: Vec<bool> =
                self.calls.iter().filter(|call| call.0 + 30 > now_ms / 1000).map(|call| call.1).collect();
            let failed = lately.iter().filter(|failed| **failed).count();
            if lately.len() >= 20 && failed * 2 >= lately.len() {
                self.closed = false;
                self.opened_at_ms = now_ms;
                self.generation += 1;
            }
        }

        fn position(&self) -> Position {
            match (self.closed, self.half_open) {
                (true, _) => Position::Closed,
                (false, true) => Position::HalfOpen,
                (false, false) => Position::Open,
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]

        #[test]
        fn it_does_what_the_rule_says(steps in prop::collection::vec(step(), 1..400)) {
            let began = Instant::now();
            let mut now_ms = 0;
            let mut circuit = Circuit::new(began);
            let mut plain = Plain {
                calls: vec![],
                closed: true,
                opened_at_ms: 0,
                probing: false,
                half_open: false,
                generation: 0,
            };
            let mut under_way: Vec<(Permit, u64)> = vec![];
            for step in steps {
                let now = began + Duration::from_millis(now_ms);
                match step {
                    Step::Wait(ms) => now_ms += ms,
                    Step::Admit => {
                        let leave = circuit.admit(now);
                        prop_assert_eq!(leave.is_some(), plain.admits(now_ms));
                        under_way.extend(leave.map(|leave| (leave, plain.generation)));
                    }
                    Step::Report(which, verdict) if !under_way.is_empty() => {
                        let (leave, generation) = under_way.swap_remove(which.index(under_way.len()));
                        circuit.report(&leave, verdict, now);
                        plain.hears(generation, verdict, now_ms);
                    }
                    Step::Report(..) => {}
                }
                prop_assert_eq!(circuit.position(), plain.position());
                if let State::Closed(tally) = &circuit.state {
                    prop_assert!(tally.seconds.len() <= 30, "memory has a bound");
                }
            }
        }

        #[test]
        fn it_never_stays_open_for_ever(steps in prop::collection::vec(step(), 1..400)) {
            let mut now = Instant::now();
            let mut circuit = Circuit::new(now);
            let mut under_way = vec![];
            for step in steps {
                match step {
                    Step::Wait(ms) => now += Duration::from_millis(ms),
                    Step::Admit => under_way.extend(circuit.admit(now)),
                    Step::Report(which, verdict) if !under_way.is_empty() => {
                        let leave = under_way.swap_remove(which.index(under_way.len()));
                        circuit.report(&leave, verdict, now);
                    }
                    Step::Report(..) => {}
                }
            }
            // From any history: the calls under way end, the time passes, and the server has recovered.
            for leave in under_way {
                circuit.report(&leave, CallOutcome::Unknown, now);
            }
            now += WINDOW.max(OPEN_FOR);
            let leave = circuit.admit(now);
            prop_assert!(leave.is_some());
            circuit.report(&leave.unwrap(), CallOutcome::Works, now);
            prop_assert!(circuit.admit(now).is_some());
        }
    }
}
