//! Checks that every alert has a runbook, that every runbook has an alert, and that one table names every
//! metric.

use std::{collections::BTreeSet, path::Path};

use anyhow::Context as _;

const OPERATIONS: &str = "docs/OPERATIONS.md";
const ALERTS: &str = "crates/postly-domain/src/alert.rs";
const RULES: &str = "deploy/prometheus/alerts.yml";
/// The section of the alerts' runbooks.
const SECTION: &str = "## Alerts";
const OUR_METRICS: &str = "crates/postly-domain/src/metric.rs";

/// Adds a fault for each missing runbook or alert.
pub(crate) fn check(root: &Path, faults: &mut Vec<String>) -> anyhow::Result<()> {
    let read =
        |path: &str| std::fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"));
    let alerts = names_of_alerts(&read(ALERTS)?);
    let of_rules = anchors(&read(RULES)?);
    let runbooks = runbooks(&read(OPERATIONS)?);
    for alert in alerts.iter().chain(&of_rules) {
        if !runbooks.contains(alert) {
            faults.push(format!("{OPERATIONS} has no runbook of the alert {alert}"));
        }
    }
    for runbook in &runbooks {
        if !alerts.contains(runbook) && !of_rules.contains(runbook) {
            faults.push(format!("{OPERATIONS} has a runbook of {runbook}, which is no alert"));
        }
    }
    Ok(())
}

/// Adds a fault if code spells the name of a metric: only those of the table have a help text.
pub(crate) fn check_metrics(name: &str, text: &str, faults: &mut Vec<String>) {
    let spelled = ["counter!(", "gauge!(", "histogram!("]
        .iter()
        .any(|call| text.split(call).skip(1).any(|rest| rest.trim_start().starts_with('"')));
    if spelled && name != OUR_METRICS && !name.starts_with("xtask/") {
        faults.push(format!("{name} spells a metric: name it in {OUR_METRICS}"));
    }
}

/// Returns the names in lines such as `LedgerDrift = "ledger_drift", "…";`.
fn names_of_alerts(text: &str) -> BTreeSet<String> {
    let names = text.lines().filter_map(|line| line.trim().split_once(" = \"")?.1.split_once("\", \""));
    names.map(|(name, _)| name.to_owned()).collect()
}

/// Returns the anchors of the runbooks that rules name. A rule with a label as its runbook is left out.
fn anchors(text: &str) -> BTreeSet<String> {
    let links = text.lines().filter_map(|line| line.trim().strip_prefix("runbook: ")?.split_once('#'));
    links.map(|(_, anchor)| anchor.to_owned()).filter(|anchor| !anchor.contains('{')).collect()
}

/// Returns the headings in the section of alerts.
fn runbooks(text: &str) -> BTreeSet<String> {
    let section = text.lines().skip_while(|line| *line != SECTION).skip(1);
    let section = section.take_while(|line| !line.starts_with("## "));
    let headings = section.filter_map(|line| line.strip_prefix("### `")?.split_once('`'));
    headings.map(|(name, _)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_rules_and_runbooks_are_read_as_they_are_written() {
        let one = BTreeSet::from(["ledger_drift".to_owned()]);
        assert_eq!(names_of_alerts("    LedgerDrift = \"ledger_drift\", \"A balance.\";\n"), one);
        let rules = "runbook: docs/OPERATIONS.md#ledger_drift\nrunbook: x#{{ $labels.name }}\n";
        assert_eq!(anchors(rules), one);
        let document = "### `before`\n## Alerts\n### `ledger_drift`\ntext\n## Incidents\n### `after`\n";
        assert_eq!(runbooks(document), one);
    }

    #[test]
    fn a_metric_that_is_spelled_in_code_is_a_fault() {
        let check = |text: &str| {
            let mut faults = vec![];
            check_metrics("crates/postly-app/src/work.rs", text, &mut faults);
            faults.len()
        };
        assert_eq!(check("metrics::counter!(\n    \"jobs_total\")"), 1);
        assert_eq!(check("metrics::counter!(metric::JOBS, \"queue\" => queue)"), 0);
    }
}
