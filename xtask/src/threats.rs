//! The table of attacks: `xtask/threats.txt` names the cases, tests carry the ids of the cases they prove,
//! and `docs/THREATS.md` is generated from both.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::Path,
};

use anyhow::{Context as _, bail};

/// The file that names the cases.
const CASES: &str = "xtask/threats.txt";
/// The generated table.
const TABLE: &str = "docs/THREATS.md";

const PREFACE: &str = "\
# Threats

The attacks that the service is held to, and the tests that try them. A test bears the ids of its rows in front of
its name. This page is made by `cargo xtask threats` from `xtask/threats.txt` and the sources; `cargo xtask ci`
fails when a row of priority 1 has neither a test nor a reason, when making the page again would change it, and when
a test that stands here did not run and pass. So *passed* is what the last landing saw.
";

/// One row.
#[derive(Debug)]
struct Case {
    id: String,
    priority: u8,
    /// The reason why there is no test, if none is needed.
    instead: String,
    words: String,
}

/// A part of the table.
#[derive(Debug)]
struct Part {
    title: String,
    cases: Vec<Case>,
}

/// The tests of each row: their modules and names.
type Tests = BTreeMap<String, BTreeSet<(String, String)>>;

/// Writes the table.
pub(crate) fn write() -> anyhow::Result<()> {
    let root = crate::root()?;
    std::fs::write(root.join(TABLE), table(&parts(root)?, &tests(root)?))?;
    println!("threats: wrote {TABLE}");
    Ok(())
}

/// Checks that the table is current, and that every row has its tests or its reason.
pub(crate) fn check() -> anyhow::Result<()> {
    let root = crate::root()?;
    let (parts, tests) = (parts(root)?, tests(root)?);
    let faults = faults(&parts, &tests);
    if !faults.is_empty() {
        bail!("threats: {}", faults.join("; "));
    }
    let written =
        std::fs::read_to_string(root.join(TABLE)).with_context(|| format!("cannot read {TABLE}"))?;
    if written != table(&parts, &tests) {
        bail!("threats: {TABLE} is not what `cargo xtask threats` writes: run it");
    }
    println!("threats: every row has its tests or its reason");
    Ok(())
}

/// Checks that every test of the table is among those that passed, named as by the test runner.
pub(crate) fn check_passed(passed: &BTreeSet<String>) -> anyhow::Result<()> {
    let names: BTreeSet<&str> =
        passed.iter().map(|path| path.rsplit("::").next().unwrap_or(path.as_str())).collect();
    let tests = tests(crate::root()?)?;
    let missing: BTreeSet<&str> = tests
        .values()
        .flatten()
        .map(|(_, name)| name.as_str())
        .filter(|name| !names.contains(name))
        .collect();
    if !missing.is_empty() {
        let missing: Vec<&str> = missing.into_iter().collect();
        bail!("threats: these stand in {TABLE} and did not pass: {}", missing.join(", "));
    }
    println!("threats: every test of {TABLE} has passed");
    Ok(())
}

fn parts(root: &Path) -> anyhow::Result<Vec<Part>> {
    let text = std::fs::read_to_string(root.join(CASES)).with_context(|| format!("cannot read {CASES}"))?;
    read(&text)
}

fn read(text: &str) -> anyhow::Result<Vec<Part>> {
    let mut parts: Vec<Part> = vec![];
    let mut title = String::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(words) = line.strip_prefix("# ") {
            title = words.to_owned();
            continue;
        }
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let [id, priority, instead, words] = fields[..] else { bail!("{CASES}: not four fields: {line}") };
        if parts.last().is_none_or(|part| part.title != title) {
            parts.push(Part { title: title.clone(), cases: vec![] });
        }
        let case = Case {
            id: id.to_owned(),
            priority: priority.parse().with_context(|| format!("{CASES}: no priority: {line}"))?,
            instead: instead.to_owned(),
            words: words.to_owned(),
        };
        parts.last_mut().context("a part")?.cases.push(case);
    }
    Ok(parts)
}

fn tests(root: &Path) -> anyhow::Result<Tests> {
    let mut tests = Tests::new();
    for folder in ["crates", "xtask"] {
        for file in crate::tidy::sources(&root.join(folder))? {
            let place = place(file.strip_prefix(root)?);
            for name in std::fs::read_to_string(&file)?.lines().filter_map(function) {
                for id in ids(name) {
                    tests.entry(id).or_default().insert((place.clone(), name.to_owned()));
                }
            }
        }
    }
    Ok(tests)
}

/// Converts a path such as `crates/postly-app/tests/it/journey.rs` to `postly-app::it::journey`.
fn place(file: &Path) -> String {
    let plain = file.with_extension("");
    let parts = plain.iter().filter_map(|part| part.to_str());
    let kept = parts.filter(|part| !["crates", "src", "tests", "mod", "lib", "main"].contains(part));
    kept.collect::<Vec<_>>().join("::")
}

/// Returns the name of the function that a line opens.
fn function(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split(['(', '<']).next()
}

/// Returns the ids at the start of a name: `w01_t11_the_rest` has `W01` and `T11`.
fn ids(name: &str) -> Vec<String> {
    let is_id = |part: &&str| {
        let (letter, digits) = part.split_at_checked(1).unwrap_or_default();
        ["w", "t", "o", "c", "l", "s"].contains(&letter)
            && digits.len() == 2
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    name.split('_').take_while(is_id).map(str::to_uppercase).collect()
}

fn faults(parts: &[Part], tests: &Tests) -> Vec<String> {
    let mut faults = vec![];
    let mut known = BTreeSet::new();
    for case in parts.iter().flat_map(|part| &part.cases) {
        if !known.insert(&case.id) {
            faults.push(format!("{} stands twice in {CASES}", case.id));
        }
        if case.priority == 1 && case.instead.is_empty() && !tests.contains_key(&case.id) {
            faults.push(format!("no test bears the id of {}: {}", case.id, case.words));
        }
    }
    for (id, bearers) in tests {
        if !known.contains(id) {
            let names: Vec<&str> = bearers.iter().map(|(_, name)| name.as_str()).collect();
            faults.push(format!("{CASES} has no {id}, which is borne by {}", names.join(", ")));
        }
    }
    faults
}

fn table(parts: &[Part], tests: &Tests) -> String {
    let mut text = PREFACE.to_owned();
    let cases = || parts.iter().flat_map(|part| &part.cases);
    let tested = cases().filter(|case| tests.contains_key(&case.id)).count();
    let unbuilt = cases().filter(|case| case.instead.starts_with("not built")).count();
    let all = cases().count();
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "\n{all} rows: {tested} with tests; {unbuilt} whose part is not built, or not all of it."
    );
    for part in parts {
        let _ = writeln!(text, "\n## {}\n\n| id | case | tests | result |\n|---|---|---|---|", part.title);
        for case in &part.cases {
            let bearers = tests.get(&case.id);
            let names: Vec<String> =
                bearers.into_iter().flatten().map(|(place, name)| format!("`{place}::{name}`")).collect();
            let result = match (bearers.is_some(), case.instead.as_str()) {
                (true, "") => "passed".to_owned(),
                (true, instead) => format!("passed; {instead}"),
                (false, "") => "no test (priority 2)".to_owned(),
                (false, instead) => instead.to_owned(),
            };
            let names = names.join("<br>");
            let _ = writeln!(text, "| {} | {} | {names} | {result} |", case.id, case.words);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stand_in_front_of_a_name() {
        let check = |name: &str, expected: &[&str]| assert_eq!(ids(name), expected, "{name}");
        check("w01_t11_the_rest", &["W01", "T11"]);
        check("s20_when", &["S20"]);
        check("w1_x", &[]);
        check("a01_x", &[]);
        check("the_w01", &[]);
        check("w01", &["W01"]);
        check("w0é_x", &[]);
        assert_eq!(function("    async fn w01_x(app: &App) {"), Some("w01_x"));
        assert_eq!(function("pub fn w01_x() {"), None);
        assert_eq!(place(Path::new("crates/postly-app/tests/it/journey.rs")), "postly-app::it::journey");
        assert_eq!(place(Path::new("crates/postly-http/src/lib.rs")), "postly-http");
    }

    #[test]
    fn a_row_needs_a_test_or_a_reason_and_a_test_needs_a_row() {
        let parts =
            read("# One\nW01 | 1 |  | a\nW02 | 2 |  | b\n# Two\nW03 | 1 | not built: x | c\n").unwrap();
        assert_eq!(parts.len(), 2);
        let bearer = |id: &str| {
            (id.to_owned(), BTreeSet::from([("place".to_owned(), format!("{}_name", id.to_lowercase()))]))
        };
        assert_eq!(faults(&parts, &Tests::new()).len(), 1);
        assert!(faults(&parts, &Tests::from([bearer("W01")])).is_empty());
        assert_eq!(faults(&parts, &Tests::from([bearer("W01"), bearer("W04")])).len(), 1);
        let table = table(&parts, &Tests::from([bearer("W01")]));
        assert!(table.contains("| W01 | a | `place::w01_name` | passed |"), "{table}");
        assert!(table.contains("| W03 | c |  | not built: x |"), "{table}");
        assert!(read("W01 | 1 | a").is_err() && read("W01 | x |  | a").is_err());
    }
}
