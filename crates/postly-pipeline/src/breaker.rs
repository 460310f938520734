//! A circuit shared by many tasks, which logs its changes of state.
//!
//! The state is in the memory of one process. A process that does not know of an outage yet makes a few more
//! calls, and the deadline still bounds every answer.

use std::sync::{Mutex, PoisonError};

use postly_domain::{Alert, metric};
use tokio::time::Instant;

use crate::circuit::{CallOutcome, Circuit, OPEN_FOR, Permit, Position, WINDOW};

/// A shared circuit for one server.
pub(crate) struct Breaker {
    upstream: &'static str,
    circuit: Mutex<Circuit>,
}

impl Breaker {
    /// Returns a closed circuit. The name is for logs and metrics.
    pub(crate) fn new(upstream: &'static str) -> Self {
        let breaker = Self { upstream, circuit: Mutex::new(Circuit::new(Instant::now())) };
        breaker.show(Position::Closed);
        breaker
    }

    /// Returns the permit for one call, or `None` while the circuit is open.
    pub(crate) fn admit(&self) -> Option<Admitted<'_>> {
        let leave = self.turn(|circuit| circuit.admit(Instant::now()))?;
        Some(Admitted { breaker: self, leave, verdict: CallOutcome::Unknown })
    }

    /// True if the circuit is open, so that a call would be denied. Makes no call.
    pub(crate) fn is_open(&self) -> bool {
        let circuit = self.circuit.lock().unwrap_or_else(PoisonError::into_inner);
        circuit.position() == Position::Open
    }

    /// Calls `act` on the circuit, and logs a change of position.
    fn turn<T>(&self, act: impl FnOnce(&mut Circuit) -> T) -> T {
        // Logged under the lock, so that the last line logged is the current position.
        let mut circuit = self.circuit.lock().unwrap_or_else(PoisonError::into_inner);
        let before = circuit.position();
        let done = act(&mut circuit);
        let after = circuit.position();
        if before != after {
            self.show(after);
            self.say(before, after);
        }
        done
    }

    fn show(&self, position: Position) {
        let state = match position {
            Position::Closed => 0.0,
            Position::HalfOpen => 1.0,
            Position::Open => 2.0,
        };
        metrics::gauge!(metric::BREAKER_STATE, "upstream" => self.upstream).set(state);
    }

    /// Logs the start and the end of an outage once each; probes in between are logged at debug level.
    fn say(&self, before: Position, after: Position) {
        let upstream = self.upstream;
        match (before, after) {
            (_, Position::Closed) => {
                tracing::info!(upstream, "The circuit of {upstream} closes: it answers again");
            }
            (_, Position::HalfOpen) => {
                tracing::debug!(upstream, "The circuit of {upstream} lets one call through");
            }
            (Position::HalfOpen, Position::Open) => {
                tracing::debug!(upstream, "The circuit of {upstream} opens again");
            }
            (Position::Closed | Position::Open, Position::Open) => {
                let (rest, window) = (OPEN_FOR.as_secs(), WINDOW.as_secs());
                let alert = Alert::ModelCircuitOpen.as_str();
                metrics::counter!(metric::ALERTS, "name" => alert).increment(1);
                tracing::error!(
                    alert,
                    upstream,
                    "The circuit of {upstream} opens: half of its calls in {window} s failed. It is tried every {rest} s"
                );
            }
        }
    }
}

/// The permit for one call. Dropped without [`Admitted::ended`], as when a task is cancelled, it reports
/// [`CallOutcome::Unknown`].
pub(crate) struct Admitted<'a> {
    breaker: &'a Breaker,
    leave: Permit,
    verdict: CallOutcome,
}

impl Admitted<'_> {
    /// Reports the outcome of the call.
    pub(crate) fn ended(mut self, verdict: CallOutcome) {
        self.verdict = verdict;
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.breaker.turn(|circuit| circuit.report(&self.leave, self.verdict, Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::FEWEST_CALLS;

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_dropped_makes_room_for_the_next() {
        let breaker = Breaker::new("test");
        for _ in 0..FEWEST_CALLS {
            breaker.admit().unwrap().ended(CallOutcome::Fails);
        }
        assert!(breaker.is_open() && breaker.admit().is_none());
        tokio::time::advance(OPEN_FOR).await;
        let probe = breaker.admit().unwrap();
        assert!(breaker.admit().is_none());
        drop(probe);
        breaker.admit().unwrap().ended(CallOutcome::Works);
        assert!(breaker.admit().is_some() && breaker.admit().is_some());
    }
}
