//! Project rules that no compiler checks.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::{
    census::Figures,
    citations::{self, Rules},
    mutants, runbooks,
};

/// The crates of the workspace that each crate may depend on (the arrows of docs/ARCHITECTURE.md), except in
/// its tests.
const ARROWS: &[(&str, &[&str])] = &[
    ("postly-domain", &[]),
    ("postly-store", &["postly-domain"]),
    ("postly-whatsapp", &["postly-domain"]),
    ("postly-pipeline", &["postly-domain"]),
    ("postly-i18n", &["postly-domain"]),
    ("postly-payments", &["postly-domain"]),
    (
        "postly-app",
        &[
            "postly-domain",
            "postly-i18n",
            "postly-payments",
            "postly-store",
            "postly-whatsapp",
            "postly-pipeline",
        ],
    ),
    ("postly-http", &["postly-app", "postly-domain", "postly-i18n"]),
    ("postly-simulator", &[]),
    ("postly-postgres", &[]),
    ("postly", EVERY_PART),
    ("postly-testkit", EVERY_PART),
    // Runs the binary from outside, and measures parts of it alone.
    ("postly-campaign", CAMPAIGN),
];

/// The crates that the binary and the testkit combine.
const EVERY_PART: &[&str] = &[
    "postly-app",
    "postly-domain",
    "postly-http",
    "postly-i18n",
    "postly-payments",
    "postly-pipeline",
    "postly-simulator",
    "postly-store",
    "postly-whatsapp",
];

/// The dependencies of a campaign: every part, and a PostgreSQL of its own.
const CAMPAIGN: &[&str] = &[
    "postly-app",
    "postly-domain",
    "postly-http",
    "postly-payments",
    "postly-pipeline",
    "postly-postgres",
    "postly-simulator",
    "postly-store",
    "postly-whatsapp",
];

/// The limit of a source file, in lines. Most should fit in 400; a file beyond this limit holds a second
/// idea.
const LONGEST_FILE: usize = 600;

/// Words that open an SQL statement. Only the store, tests and external tools may hold SQL.
const SQL_WORDS: [&str; 4] = ["\"SELECT ", "\"INSERT INTO ", "\"UPDATE ", "\"DELETE FROM "];

/// Checks every rule, and prints every fault.
pub(crate) fn check() -> anyhow::Result<()> {
    let root = crate::root()?;
    let mut faults = vec![];
    let rules = Rules::read(root)?;
    let mut all_sources = String::new();
    for crate_folder in folders(&root.join("crates"))? {
        arrows(&crate_folder, &mut faults)?;
    }
    for file in sources(&root.join("crates"))?.into_iter().chain(sources(&root.join("xtask"))?) {
        let text = std::fs::read_to_string(&file)?;
        let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        if text.lines().count() > LONGEST_FILE {
            faults
                .push(format!("{name} is longer than {LONGEST_FILE} lines: look for the second idea in it"));
        }
        let may_hold_sql =
            ["crates/postly-store/", "crates/postly-testkit/", "crates/postly-campaign/", "xtask/"]
                .iter()
                .any(|room| name.starts_with(room))
                || name.contains("/tests/");
        rules.check(&name, &text, &mut faults);
        runbooks::check_metrics(&name, &text, &mut faults);
        all_sources.push_str(&text);
        if !may_hold_sql && SQL_WORDS.iter().any(|word| text.contains(word)) {
            faults.push(format!("{name} holds SQL: only crates/postly-store does"));
        }
    }
    for file in texts(root)? {
        let text = std::fs::read_to_string(&file)?;
        let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        rules.check(&name, &text, &mut faults);
        all_sources.push_str(&text);
    }
    faults.extend(Figures::of(root)?.faults());
    runbooks::check(root, &mut faults)?;
    mutants::check(root, &mut faults)?;
    citations::check_glossary(root, &all_sources, &mut faults)?;
    if faults.is_empty() {
        println!(
            "tidy: arrows, SQL, sizes, words, citations, runbooks, planted defects and the glossary are in order"
        );
        return Ok(());
    }
    for fault in &faults {
        eprintln!("tidy: {fault}");
    }
    bail!("{} faults", faults.len())
}

/// Returns documents, the schema and catalogues: files other than sources that may cite a rule.
fn texts(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let folders = ["docs", "docs/adr", "crates/postly-i18n/i18n"].map(|name| root.join(name));
    let mut found = ["README.md", "CHANGELOG.md", "crates/postly-store/src/schema.sql"]
        .map(|name| root.join(name))
        .to_vec();
    for folder in folders {
        for entry in
            std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?
        {
            let path = entry?.path();
            if path.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn arrows(crate_folder: &Path, faults: &mut Vec<String>) -> anyhow::Result<()> {
    let name = crate_folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some((_, allowed)) = ARROWS.iter().find(|(room, _)| *room == name) else {
        faults.push(format!("crates/{name} is a crate that tidy does not know: add its arrows"));
        return Ok(());
    };
    let manifest = std::fs::read_to_string(crate_folder.join("Cargo.toml"))?;
    let mut section = "";
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        }
        let Some(other) = line.split(['.', ' ', '=']).next().filter(|word| word.starts_with("postly")) else {
            continue;
        };
        match section {
            "[dependencies]" if !allowed.contains(&other) => {
                faults.push(format!("crates/{name} must not depend on {other}"));
            }
            // Tests may use the testkit, and the crates it is made of.
            "[dependencies]" | "[dev-dependencies]" | "[package]" => {}
            _ => {}
        }
        if section == "[dependencies]" && other == "postly-testkit" {
            faults.push(format!("crates/{name}: postly-testkit is for tests only"));
        }
    }
    Ok(())
}

fn folders(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = vec![];
    for entry in std::fs::read_dir(root).with_context(|| format!("cannot read {}", root.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Returns the source files in a folder and its subfolders.
pub(crate) fn sources(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = vec![];
    for entry in std::fs::read_dir(root).with_context(|| format!("cannot read {}", root.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
