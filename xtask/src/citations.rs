//! Checks that cited rules exist, and that the glossary names types and tables that exist.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context as _, bail};

/// Pages that are not in the repository: a citation of one explains nothing to a reader.
const FOREIGN_PAGES: [&str; 4] = ["PRODUCT ", "ATTACKS ", "FEATURES ", "PITFALLS "];

/// The rules of docs/RULES.md: sections (`7`) and rules (`7.2`).
pub(crate) struct Rules(BTreeSet<String>);

impl Rules {
    /// Reads the page.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(root.join("docs/RULES.md")).context("cannot read docs/RULES.md")?;
        let ids: Vec<&str> =
            text.lines().filter_map(|line| Some(line.strip_prefix("- **")?.split_once("**")?.0)).collect();
        let mut seen = BTreeSet::new();
        if let Some(twice) = ids.iter().find(|id| !seen.insert(**id)) {
            bail!("docs/RULES.md has the rule {twice} twice");
        }
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let sections = text.lines().filter_map(|line| line.strip_prefix("## ")?.split_once('.'));
        let rules = text.lines().filter_map(|line| line.strip_prefix("- **")?.split_once("**"));
        Self(sections.chain(rules).map(|(id, _)| id.to_owned()).collect())
    }

    /// Adds a fault for each citation in a text that names no rule, or a page that is not in the project.
    pub(crate) fn check(&self, name: &str, text: &str, faults: &mut Vec<String>) {
        for (at, _) in text.match_indices("RULES ") {
            let cited: String =
                text[at + 6..].chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
            let cited = cited.trim_end_matches('.');
            if !cited.is_empty() && !self.0.contains(cited) {
                faults.push(format!("{name} cites RULES {cited}, which docs/RULES.md does not have"));
            }
        }
        for page in FOREIGN_PAGES {
            let is_cited = text.match_indices(page).any(|(at, _)| {
                let next = text[at + page.len()..].chars().next();
                next.is_some_and(|next| next.is_ascii_digit() || next.is_ascii_uppercase())
            });
            if is_cited {
                faults.push(format!("{name} cites {page}, which is not in the project: cite docs/RULES.md"));
            }
        }
    }
}

/// Adds a fault for each type and table of docs/GLOSSARY.md that the sources do not define.
///
/// # Errors
/// Fails if the page cannot be read.
pub(crate) fn check_glossary(root: &Path, sources: &str, faults: &mut Vec<String>) -> anyhow::Result<()> {
    let text =
        std::fs::read_to_string(root.join("docs/GLOSSARY.md")).context("cannot read docs/GLOSSARY.md")?;
    for row in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, _, _, types, tables, _] = cells.as_slice() else { continue };
        for name in named(types) {
            let is_defined = ["struct", "enum", "trait", "type"]
                .iter()
                .any(|kind| sources.contains(&format!("{kind} {name}")))
                // A macro declares identifiers, one a line.
                || sources.contains(&format!("\n    {name};\n"));
            if !is_defined {
                faults.push(format!("docs/GLOSSARY.md names the type {name}, which no source defines"));
            }
        }
        for name in named(tables) {
            if !sources.contains(&format!("CREATE TABLE {name} ")) {
                faults
                    .push(format!("docs/GLOSSARY.md names the table {name}, which schema.sql does not make"));
            }
        }
    }
    Ok(())
}

/// Returns the names in backticks of a cell.
fn named(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_citation_must_name_a_rule() {
        let rules = Rules::parse("## 7. Codes\n\n- **7.2** A code is valid for 10 minutes.\n");
        let check = |text: &str| {
            let mut faults = vec![];
            rules.check("a.rs", text, &mut faults);
            faults.len()
        };
        assert_eq!(check("(RULES 7.2), RULES 7, docs/RULES.md, the RULES say"), 0);
        assert_eq!(check("(RULES 7.3) and RULES 8."), 2);
        assert_eq!(check(concat!("PROD", "UCT 8")), 1);
    }
}
