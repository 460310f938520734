//! Keeps measurements in a document: each new table replaces the one of the same title below the heading.

/// The heading above the tables.
const HEADING: &str = "\n\n## Measured\n";

/// Returns the document with these tables. Text above the heading stays, and so do tables that were not
/// measured again.
pub(crate) fn updated(document: &str, preamble: &str, tables: &[String]) -> String {
    let (above, below) = document.split_once(HEADING).unwrap_or((document.trim_end(), ""));
    let mut kept: Vec<String> =
        below.split("\n### ").skip(1).map(|table| format!("### {}", table.trim())).collect();
    for table in tables {
        let table = table.trim();
        match kept.iter_mut().find(|kept| kept.lines().next() == table.lines().next()) {
            Some(kept) => table.clone_into(kept),
            None => kept.push(table.to_owned()),
        }
    }
    format!("{above}{HEADING}\n{preamble}\n\n{}\n", kept.join("\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_replaces_its_older_self_and_no_other() {
        let first =
            updated("# Title\n\nWords.\n", "Here.", &["### A\n\n1\n".to_owned(), "### B\n\n2\n".to_owned()]);
        assert_eq!(first, "# Title\n\nWords.\n\n## Measured\n\nHere.\n\n### A\n\n1\n\n### B\n\n2\n");
        let again = updated(&first, "There.", &["### B\n\n3\n".to_owned(), "### C\n\n4\n".to_owned()]);
        assert_eq!(
            again,
            "# Title\n\nWords.\n\n## Measured\n\nThere.\n\n### A\n\n1\n\n### B\n\n3\n\n### C\n\n4\n"
        );
    }
}
