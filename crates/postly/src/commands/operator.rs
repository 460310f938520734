//! The operator's tools.

use postly_app::{PauseTarget, rfc3339};
use postly_domain::{AdminAction, id::AuthorId};
use postly_store::wallets::Entry;
use serde_json::json;

use super::{
    Failure,
    desk::{Desk, name_database},
    say, say_json,
};
use crate::{
    cli::{Adjustment, CreditsCommand, DeadLettersCommand, Output, PauseArgs},
    config::Reader,
    telemetry, wiring,
};

/// `postly migrate`, the only command that creates a database.
pub(crate) async fn migrate() -> Result<(), Failure> {
    let mut reader = Reader::from_process();
    let place = reader.database();
    let place = reader.done(place).map_err(Failure::Config)?.ok_or_else(|| Failure::Config(vec![]))?;
    telemetry::plain();
    name_database(&place.address.name());
    let db = wiring::open(place).await?;
    db.close().await;
    say("The database has the tables of this build.");
    Ok(())
}

/// `postly audit`.
pub(crate) async fn audit(output: Output) -> Result<(), Failure> {
    let desk = Desk::open().await?;
    let findings = desk.operator.audit().await?;
    let ok = findings.iter().all(|finding| finding.violations == 0);
    if output.json {
        let invariants: Vec<_> = findings
            .iter()
            .map(|finding| {
                json!({
                    "id": finding.id,
                    "name": finding.name,
                    "ok": finding.violations == 0,
                    "violations": finding.violations,
                    "examples": finding.examples,
                })
            })
            .collect();
        say_json(&json!({ "ok": ok, "invariants": invariants }));
    } else {
        for finding in &findings {
            if finding.violations == 0 {
                say(&format!("ok    {}  {}", finding.id, finding.name));
            } else {
                let examples = finding.examples.join(", ");
                say(&format!("FAIL  {}  {}: {} ({examples})", finding.id, finding.name, finding.violations));
            }
        }
    }
    if ok { Ok(()) } else { Err(Failure::Silent) }
}

/// `postly credits`.
pub(crate) async fn credits(command: CreditsCommand) -> Result<(), Failure> {
    let desk = Desk::open().await?;
    match command {
        CreditsCommand::Show { who, output } => {
            let (wallet, entries, next) = desk.operator.credits(&desk.who(&who).await?, None).await?;
            if output.json {
                let entries: Vec<_> = entries.iter().map(entry_json).collect();
                say_json(&json!({
                    "available": wallet.available(),
                    "held": wallet.held,
                    "entries": entries,
                    "next": next,
                }));
            } else {
                for (entry, made_by) in entries.iter().zip(desk.operator.signatures(&entries).await?) {
                    let note = entry.note.as_deref().unwrap_or_default();
                    let by = made_by.map_or_else(String::new, |name| format!(" (by {name})"));
                    let at = rfc3339(entry.created_at);
                    say(&format!("{at}  {:+} {} {note}{by}", entry.delta, entry.reason));
                }
                say(&format!("Available: {}  Held: {}", wallet.available(), wallet.held));
            }
            Ok(())
        }
        CreditsCommand::Grant(adjustment) => adjust(&desk, &adjustment, adjustment.amount).await,
        CreditsCommand::Deduct(adjustment) => adjust(&desk, &adjustment, -adjustment.amount).await,
    }
}

async fn adjust(desk: &Desk, adjustment: &Adjustment, delta: i64) -> Result<(), Failure> {
    let who = desk.who(&adjustment.who).await?;
    let made_by = adjustment.by.as_deref();
    let subject = desk.subject(&who).await;
    let note = format!("{delta:+}: {}", adjustment.reason);
    let work = desk.operator.adjust_as(&who, delta, &adjustment.reason, made_by);
    let (entry, wallet) = desk.act(AdminAction::Adjust, &subject, &note, made_by, work).await?;
    if adjustment.output.json {
        say_json(&json!({
            "entry": entry_json(&entry),
            "available": wallet.available(),
            "held": wallet.held,
        }));
    } else {
        say(&format!("{:+} {}", entry.delta, entry.reason));
        say(&format!("Available: {}  Held: {}", wallet.available(), wallet.held));
    }
    Ok(())
}

/// `postly pause` and `postly resume`. Both succeed if the target already is in the requested state.
pub(crate) async fn pause(args: PauseArgs, is_paused: bool) -> Result<(), Failure> {
    let desk = Desk::open().await?;
    let target = PauseTarget::from(args.target);
    let name = target.as_str();
    let action = if is_paused { AdminAction::Pause } else { AdminAction::Resume };
    let work =
        async { if is_paused { desk.pauses.pause(target).await } else { desk.pauses.resume(target).await } };
    let changed = desk.act(action, name, "", None, work).await?;
    if args.output.json {
        say_json(&json!({ "target": name, "paused": is_paused, "changed": changed }));
    } else {
        let already = if changed { "" } else { " already" };
        let state = if is_paused { "paused" } else { "running" };
        say(&format!("{name} is {state}{already}."));
    }
    Ok(())
}

/// `postly dead-letters`.
pub(crate) async fn dead_letters(command: DeadLettersCommand) -> Result<(), Failure> {
    let desk = Desk::open().await?;
    match command {
        DeadLettersCommand::List(output) => {
            let letters = desk.operator.dead_letters().await?;
            if output.json {
                let letters: Vec<_> = letters
                    .iter()
                    .map(|letter| {
                        json!({
                            "id": letter.id,
                            "queue": letter.queue.as_str(),
                            "reason": letter.reason,
                            "attempts": letter.attempts,
                            "authorId": letter.author.as_ref().map(AuthorId::as_str),
                            "refunded": letter.refunded,
                            "createdAt": rfc3339(letter.created_at),
                        })
                    })
                    .collect();
                say_json(&letters.into());
            } else if letters.is_empty() {
                say("There are no dead letters.");
            } else {
                for letter in &letters {
                    let refunded = if letter.refunded { "  refunded" } else { "" };
                    say(&format!(
                        "{}  {}  {}  {}{refunded}",
                        rfc3339(letter.created_at),
                        letter.id,
                        letter.queue.as_str(),
                        letter.reason
                    ));
                }
            }
            Ok(())
        }
        DeadLettersCommand::Replay { id, all: _, output } => {
            let subject = id.as_deref().unwrap_or("all");
            let work = desk.operator.replay(id.as_deref());
            let done = desk.act(AdminAction::Replay, subject, "", None, work).await?;
            if output.json {
                say_json(&json!({ "replayed": done.replayed, "skipped": done.skipped }));
            } else {
                say(&format!("Replayed: {}  Skipped: {}", done.replayed, done.skipped));
            }
            // One letter that was not replayed is a failure. With `--all`, letters that cannot be sent are
            // skipped.
            if id.is_some() && done.replayed == 0 { Err(Failure::Silent) } else { Ok(()) }
        }
    }
}

fn entry_json(entry: &Entry) -> serde_json::Value {
    json!({
        "id": entry.id.as_str(),
        "delta": entry.delta,
        "reason": entry.reason,
        "note": entry.note,
        "reference": entry.reference,
        "createdAt": rfc3339(entry.created_at),
    })
}

impl From<crate::cli::Target> for postly_app::PauseTarget {
    fn from(target: crate::cli::Target) -> Self {
        match target {
            crate::cli::Target::Generation => Self::Generation,
            crate::cli::Target::Meta => Self::Meta,
            crate::cli::Target::Twilio => Self::Twilio,
        }
    }
}
