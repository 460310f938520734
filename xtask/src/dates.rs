//! Facts about external services, which age: each carries the date of its last check.

use anyhow::Context as _;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::step;

/// The files that hold such facts.
const TABLES: [&str; 2] =
    ["crates/postly-pipeline/data/networks.txt", "crates/postly-pipeline/data/tlds.txt"];

/// The age in days after which a fact must be checked again.
const MOST_DAYS: i32 = 180;

/// Prints the facts that must be checked again. Old facts do not fail a build, because a person must read the
/// sources again.
pub(crate) fn warn() -> anyhow::Result<()> {
    step("the age of what we know of the networks");
    let root = crate::root()?;
    let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
    for table in TABLES {
        let text =
            std::fs::read_to_string(root.join(table)).with_context(|| format!("cannot read {table}"))?;
        let old = old_facts(&text, today)?;
        for (fact, days) in &old {
            println!("warning: {table}: {fact} was last checked {days} days ago; read its source again");
        }
        if old.is_empty() {
            println!("{table}: nothing is older than {MOST_DAYS} days");
        }
    }
    Ok(())
}

/// Returns the facts of a table that are too old, with their age in days. A dated line is a row
/// `name | … | date | source`, or a comment `# reviewed: date` for the whole file.
fn old_facts(text: &str, today: Date) -> anyhow::Result<Vec<(String, i32)>> {
    let mut old = vec![];
    let mut dated = 0;
    for line in text.lines() {
        let (name, date) = match line.strip_prefix("# reviewed: ") {
            Some(date) => ("the list", date),
            None if line.starts_with('#') => continue,
            None => {
                let cells: Vec<&str> = line.split('|').map(str::trim).collect();
                let [name, .., date, _source] = cells.as_slice() else { continue };
                (*name, *date)
            }
        };
        let date: Date = date.parse().with_context(|| format!("{name} has no date: {date:?}"))?;
        dated += 1;
        let days = (today - date).get_days();
        if days > MOST_DAYS {
            old.push((name.to_owned(), days));
        }
    }
    anyhow::ensure!(dated > 0, "no line has a date");
    Ok(old)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_is_old_after_180_days() {
        let check = |text: &str, today: &str, expected: &[(&str, i32)]| {
            let expected: Vec<(String, i32)> =
                expected.iter().map(|(name, days)| ((*name).to_owned(), *days)).collect();
            assert_eq!(old_facts(text, today.parse().unwrap()).unwrap(), expected, "{text}");
        };
        let table = "# a table\nx | 280 | 2026-01-01 | a source\ny | 500 | 2026-06-01 | another\n";
        check(table, "2026-06-30", &[]);
        check(table, "2026-07-01", &[("x", 181)]);
        check(table, "2027-01-01", &[("x", 365), ("y", 214)]);
        check("# reviewed: 2026-01-01\naaa\n", "2026-12-31", &[("the list", 364)]);
        assert!(old_facts("aaa\n", "2026-01-01".parse().unwrap()).is_err());
        assert!(old_facts("x | soon | a source\n", "2026-01-01".parse().unwrap()).is_err());
    }
}
