//! Checks our requests against the providers' specifications.
//!
//! Every test that stops a [`TestApp`](crate::TestApp) checks every request that the world received,
//! including those refused by an injected fault. The schemas are in `specs/`; rules that schemas cannot
//! express are code here.

mod meta;
mod model;
mod spec;
mod stripe;
#[cfg(test)]
mod tests;
mod transcription;
mod twilio;

use postly_simulator::{JournalEntry, RequestKind, Upstream};

/// All faults of the requests in a journal, one sentence each.
pub fn faults(journal: &[JournalEntry]) -> Vec<String> {
    let mut faults = vec![];
    for entry in journal {
        let name = format!("{:?} {:?} {} {}", entry.upstream, entry.kind, entry.method, entry.path);
        for fault in faults_of(entry) {
            faults.push(format!("request {} ({name}): {fault}", entry.seq));
        }
    }
    faults
}

/// Panics with all faults, if there are any.
pub fn assert_conforms(journal: &[JournalEntry]) {
    let faults = faults(journal);
    assert!(faults.is_empty(), "what we sent breaks its specification:\n{}", faults.join("\n"));
}

fn faults_of(entry: &JournalEntry) -> Vec<String> {
    let mut faults = match (entry.upstream, entry.kind) {
        (_, RequestKind::Unknown) => vec!["there is no such endpoint".to_owned()],
        // Only reads: no specification of ours covers them, and they cost nothing.
        (_, RequestKind::Lookup) => vec![],
        (_, RequestKind::Transcription) => transcription::faults(entry),
        (Upstream::Stripe, _) | (_, RequestKind::Checkout | RequestKind::Refund) => stripe::faults(entry),
        (Upstream::Meta, RequestKind::Send | RequestKind::Typing | RequestKind::Completion) => {
            meta::faults(entry)
        }
        (Upstream::Twilio, RequestKind::Typing) => twilio::typing_faults(entry),
        (Upstream::Twilio, RequestKind::Send | RequestKind::Completion) => twilio::send_faults(entry),
        (Upstream::Model, RequestKind::Send | RequestKind::Typing | RequestKind::Completion) => {
            model::faults(entry)
        }
    };
    if !entry.authorized {
        faults.push("the credentials are missing or wrong".to_owned());
    }
    faults
}
