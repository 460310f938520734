//! The report of an import, as text.

use std::fmt::Write as _;

use postly_app::{ImportReport, What, Why};

/// The most ids that are shown for one cause; `--json` shows more.
const SHOWN_IDS: usize = 5;

/// Returns the report as text for a person.
pub(crate) fn text(report: &ImportReport, has_generations: bool) -> String {
    let mut lines = vec![format!("From {} to {}", report.source, report.target)];
    let users = report.users;
    lines.push(format!(
        "Users        {} read, {} imported ({} by an earlier run), {} left out with {} credits",
        users.read, users.imported, users.earlier, users.left_out, users.left_out_credits
    ));
    let ledger = report.ledger;
    lines.push(format!(
        "Ledger       {} rows read, {} imported, {} left out",
        ledger.read, ledger.imported, ledger.left_out
    ));
    let credits = report.credits;
    lines.push(format!(
        "Balances     {} credits; {} ledgers got an entry for the difference, {:+} in all",
        credits.balance, credits.differences, credits.difference
    ));
    lines.push(format!("Debts        {} credits of {} authors", credits.debt, credits.debtors));
    let generations = report.generations;
    lines.push(if has_generations {
        format!(
            "Generations  {} read, {} imported, {} left out",
            generations.read, generations.imported, generations.left_out
        )
    } else {
        "Generations  the source has no table \"Generation\"".to_owned()
    });
    for (name, ways) in [("Passwords    ", report.passwords), ("Numbers      ", report.numbers)] {
        lines.push(format!("{name}{} imported, {} left out", ways.imported, ways.left_out));
    }
    lines.push(format!("Codes        {} left out: codes are not imported", report.codes_left_out));
    if !report.left_out.is_empty() {
        lines.push("Left out:".to_owned());
    }
    for left in &report.left_out {
        let mut line = format!("  {} {}: {}", left.count, what(left.what), why(left.why));
        let ids: Vec<&str> = left.ids.iter().take(SHOWN_IDS).map(String::as_str).collect();
        let more = if left.count > u64::try_from(ids.len()).unwrap_or(u64::MAX) { ", ..." } else { "" };
        let _ = write!(line, " ({}{more})", ids.join(", "));
        lines.push(line);
    }
    if !report.changed_since.is_empty() {
        lines.push(format!(
            "Changed in the source since an earlier run imported them, and left as they are: {}",
            report.changed_since.join(", ")
        ));
    }
    lines.push(if report.dry_run { "Nothing was written." } else { "Done." }.to_owned());
    lines.join("\n")
}

fn what(what: What) -> &'static str {
    match what {
        What::User => "users",
        What::Email => "addresses",
        What::Password => "passwords",
        What::Number => "numbers",
        What::Ledger => "ledger rows",
        What::Generation => "generations",
        What::Posts => "generations in part",
    }
}

fn why(why: Why) -> &'static str {
    match why {
        Why::IdUnusable => "the id is empty, too long, or has control characters",
        Why::IdTaken => "another author has this id",
        Why::ErasedHere => "the owner of the number was erased here",
        Why::Unreachable => "without address and number, nobody could log in",
        Why::EmailUnreadable => "the address cannot be read",
        Why::EmailTaken => "another account has the address",
        Why::NumberUnreadable => "the number cannot be read",
        Why::NumberNotProved => "no code proved the number",
        Why::NumberTaken => "another author has the number",
        Why::HashNotBcrypt => "the hash is not one of bcrypt ($2a$, $2b$, $2y$)",
        Why::HashCost => "the cost of the hash is not from 4 to 14",
        Why::NoEmail => "there is no address to log in with",
        Why::Zero => "the row changes nothing",
        Why::NoPosts => "there are no posts that can be read",
        Why::PastRetention => "older than RETENTION_MESSAGES_DAYS",
        Why::TooLong => "longer than 64 KiB",
        Why::MoreThanThree => "posts after the third",
    }
}
