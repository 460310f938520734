//! The conditions of alerts, and the messages to the operator.

use postly_domain::{Alert, UnixMillis};
use postly_store::{
    audit::Finding,
    monitor::{CodesSent, GivenUp, QueueState, UpstreamFailure},
    notices::OpenNotice,
};

use super::UNREACHABLE_MS;
use crate::alerts;

/// The most ids named in an alert.
pub(super) const EXAMPLES: i64 = 5;
/// The number of messages of a day without any status that raises an alert.
const MOST_UNKNOWN: i64 = 10;
/// The invariant of holds (RULES 10.2).
pub(super) const STUCK_HOLDS: &str = "2d";

/// An alert that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) alert: Alert,
    /// The subject of the alert, if there may be several.
    pub(super) subject: String,
    message: String,
}

impl Condition {
    pub(super) fn new(alert: Alert, subject: &str, message: String) -> Self {
        Self { alert, subject: subject.to_owned(), message }
    }

    /// Logs the alert and counts it.
    pub(super) fn raise(&self) {
        if matches!(self.alert, Alert::LedgerDrift | Alert::InvariantBroken) {
            alerts::raise_error(self.alert, &self.message);
        } else {
            alerts::raise(self.alert, &self.message);
        }
    }
}

/// Returns a condition for each upstream that has not answered for a minute.
pub(super) fn unreachable(
    failures: &[UpstreamFailure],
    outbox: Option<&QueueState>,
    now: UnixMillis,
) -> Vec<Condition> {
    let late = failures.iter().filter(|failure| now.since_ms(failure.since) >= UNREACHABLE_MS);
    late.map(|UpstreamFailure { upstream, since, .. }| {
        let secs = now.since_ms(*since) / 1_000;
        let (alert, effect) = match upstream.as_str() {
            "model" => (Alert::ModelUnreachable, "briefs end with an apology and are not charged".to_owned()),
            "stripe" => (Alert::StripeUnreachable, "nobody can buy credits".to_owned()),
            _ => {
                let waiting = outbox.map_or(0, |outbox| outbox.depth);
                let effect = format!(
                    "{waiting} messages wait, and are sent when it answers; those of which two calls ended unclear become \
                     dead letters (unknown_delivery): replay them afterwards"
                );
                (Alert::ProviderUnreachable, effect)
            }
        };
        Condition::new(alert, upstream, format!("{upstream} has not answered for {secs} s: {effect}"))
    })
    .collect()
}

/// Returns the condition of a queue with an oldest item that is too old.
pub(super) fn stalled(alert: Alert, state: &QueueState, age_ms: i64, ids: &[String]) -> Condition {
    let (queue, depth, secs) = (state.queue.as_str(), state.depth, age_ms / 1_000);
    let ids = ids.join(", ");
    let message = format!("{depth} items wait in {queue}, the oldest for {secs} s; the oldest are {ids}");
    Condition::new(alert, queue, message)
}

/// Returns a condition for each notice about our account that the provider has not withdrawn.
pub(super) fn notices(open: &[OpenNotice]) -> Vec<Condition> {
    open.iter()
        .map(|OpenNotice { provider, subject, word, stops, .. }| {
            let alert = match subject.as_str() {
                "quality" => Alert::QualityDropped,
                "account" => Alert::AccountRestricted,
                _ => Alert::TemplateStopped,
            };
            let effect = if *stops {
                "no conversation is started by it; replies go on"
            } else {
                "everything goes on, but a person must look"
            };
            let message = format!("{provider} says {word} of {subject}: {effect}");
            Condition::new(alert, &format!("{provider}:{subject}"), message)
        })
        .collect()
}

/// True if an invariant is about balances.
pub(super) fn is_drift(id: &str) -> bool {
    matches!(id, "2a" | "2b" | "2c" | "2f")
}

/// Returns the conditions of the findings of the audit.
pub(super) fn of_audit(findings: &[Finding]) -> Vec<Condition> {
    let broken = findings.iter().filter(|finding| finding.violations > 0);
    broken
        .map(|Finding { id, name, violations, examples }| {
            let alert = match *id {
                id if is_drift(id) => Alert::LedgerDrift,
                STUCK_HOLDS => Alert::HoldsStuck,
                _ => Alert::InvariantBroken,
            };
            let examples = examples.join(", ");
            let message =
                format!("{violations} rows break invariant {id} ({name}): {examples}; see `postly audit`");
            Condition::new(alert, id, message)
        })
        .collect()
}

/// Returns the condition of dead letters that can be repaired.
pub(super) fn dead_letters(new: &GivenUp) -> Option<Condition> {
    let (events, messages) = (new.events, new.mendable);
    (events + messages > 0).then(|| {
        let message = format!(
            "{events} events and {messages} messages of the last 24 hours were given up: see `postly dead-letters list`"
        );
        Condition::new(Alert::DeadLetters, "", message)
    })
}

/// Returns the condition of messages that got no status.
pub(super) fn unknown_deliveries(new: &GivenUp) -> Option<Condition> {
    let unknown = new.unknown;
    (unknown >= MOST_UNKNOWN).then(|| {
        let message = format!(
            "{unknown} messages of the last 24 hours have no status at all: do statuses reach the webhook?"
        );
        Condition::new(Alert::UnknownDeliveries, "", message)
    })
}

/// The fewest codes of an hour for which proofs are counted, and the divisor that gives the fewest proofs (a
/// fifth).
const FEWEST_CODES: i64 = 20;
const LEAST_PROVED: i64 = 5;

/// Returns the ratio of codes that were not typed.
pub(super) fn unproved_ratio(codes: &[CodesSent]) -> f64 {
    let (sent, proved) = sums(codes);
    if sent == 0 { 0.0 } else { super::as_figure(sent - proved) / super::as_figure(sent) }
}

/// Returns the condition of codes that are sent and not typed: they cost money, or someone earns by them.
pub(super) fn unproved_codes(codes: &[CodesSent]) -> Option<Condition> {
    let (sent, proved) = sums(codes);
    (sent >= FEWEST_CODES && proved.saturating_mul(LEAST_PROVED) < sent).then(|| {
        let most = codes.iter().max_by_key(|sent| sent.sent - sent.proved);
        let country = most.map_or("", |sent| sent.country.as_str());
        let message = format!(
            "{proved} of {sent} codes of the last hour were typed, most of the others went to {country}: somebody may be \
             pumping codes"
        );
        Condition::new(Alert::CodesUnproved, "", message)
    })
}

fn sums(codes: &[CodesSent]) -> (i64, i64) {
    codes.iter().fold((0, 0), |(sent, proved), of| (sent + of.sent, proved + of.proved))
}

/// Returns the ratio of a budget that is left; a budget of 0 has no limit.
pub(super) fn budget_left(calls: i64, budget: i64) -> f64 {
    if budget <= 0 {
        return 1.0;
    }
    (1.0 - super::as_figure(calls) / super::as_figure(budget)).max(0.0)
}

/// Returns the condition of a budget that is used up to four fifths.
pub(super) fn budget(calls: i64, budget: i64) -> Option<Condition> {
    (budget > 0 && calls.saturating_mul(5) >= budget.saturating_mul(4)).then(|| {
        let message = format!(
            "{calls} of the {budget} calls of models a day (MODEL_DAILY_CALLS) are used: at the end of it briefs are refused"
        );
        Condition::new(Alert::ModelBudget, "", message)
    })
}

#[cfg(test)]
mod tests {
    use postly_store::lanes::Queue;

    use super::*;

    #[test]
    fn an_upstream_is_told_of_after_a_minute_with_what_waits_for_it() {
        let at = UnixMillis(1_000_000);
        let failure =
            |upstream: &str| UpstreamFailure { upstream: upstream.to_owned(), since: at, noted_at: at };
        let outbox = QueueState { queue: Queue::Outbox, depth: 3, oldest_at: Some(at) };
        let told = |after_ms| unreachable(&[failure("meta")], Some(&outbox), at.plus_ms(after_ms));
        assert_eq!(told(59_999), []);
        let told = told(95_000);
        assert_eq!((told[0].alert, told[0].subject.as_str()), (Alert::ProviderUnreachable, "meta"));
        assert_eq!(
            told[0].message,
            "meta has not answered for 95 s: 3 messages wait, and are sent when it answers; those of which two calls ended \
             unclear become dead letters (unknown_delivery): replay them afterwards"
        );
    }

    #[test]
    fn codes_that_hardly_anybody_types_are_told_of_with_their_country() {
        let of = |country: &str, sent, proved| CodesSent { country: country.to_owned(), sent, proved };
        assert!(unproved_codes(&[of("FR", 19, 0)]).is_none(), "too few to tell");
        assert!(unproved_codes(&[of("FR", 20, 4)]).is_none());
        let told = unproved_codes(&[of("FR", 10, 3), of("CH", 30, 0)]).unwrap();
        assert!(told.message.contains("3 of 40 codes") && told.message.contains("to CH"), "{told:?}");
        assert!((unproved_ratio(&[of("FR", 20, 5)]) - 0.75).abs() < 1e-9 && unproved_ratio(&[]).abs() < 1e-9);
    }

    #[test]
    fn a_budget_is_told_of_at_four_fifths_and_none_has_no_bound() {
        assert!(budget(79, 100).is_none() && budget(80, 100).is_some() && budget(1_000, 0).is_none());
        assert!((budget_left(80, 100) - 0.2).abs() < 1e-9);
        assert!((budget_left(1_000, 100)).abs() < 1e-9 && (budget_left(5, 0) - 1.0).abs() < 1e-9);
    }
}
