//! The findings of a check, shown by every process as metrics.

use std::{collections::BTreeMap, time::Duration};

use postly_domain::{UnixMillis, metric};
use postly_store::{audit::Finding, monitor::Report};
use serde::{Deserialize, Serialize};

use super::as_figure;

/// One value of a metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Figure {
    metric: String,
    /// The label, if the metric has one.
    label: Option<(String, String)>,
    value: f64,
}

/// The values of a check.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Findings(Vec<Figure>);

impl Findings {
    pub(super) fn of_audit(findings: &[Finding]) -> Self {
        let mut all = Self::default();
        for finding in findings {
            all.add_labelled(metric::INVARIANT_VIOLATIONS, "id", finding.id, finding.violations);
        }
        all
    }

    pub(super) fn add(&mut self, metric: &str, value: i64) {
        self.add_value(metric, as_figure(value));
    }

    pub(super) fn add_value(&mut self, metric: &str, value: f64) {
        self.0.push(Figure { metric: metric.to_owned(), label: None, value });
    }

    pub(super) fn add_labelled(&mut self, metric: &str, label: &str, of: &str, value: i64) {
        self.add_ratio(metric, (label, of), as_figure(value));
    }

    pub(super) fn add_ratio(&mut self, metric: &str, (label, of): (&str, &str), value: f64) {
        let label = Some((label.to_owned(), of.to_owned()));
        self.0.push(Figure { metric: metric.to_owned(), label, value });
    }

    pub(super) fn ran(&mut self, scope: &str, took: Duration, now: UnixMillis) {
        self.add_labelled(metric::MONITOR_RUN_TIMESTAMP, "scope", scope, now.0 / 1_000);
        self.add_ratio(metric::MONITOR_SECONDS, ("scope", scope), took.as_secs_f64());
    }

    pub(super) fn to_text(&self) -> String {
        // Finite numbers and texts: serialization cannot fail.
        serde_json::to_string(&self.0).unwrap_or_default()
    }
}

/// Shows the findings of all checks. Of two values for one metric, the larger is shown. A metric written by a
/// newer version that this one does not know is left out.
pub(super) fn show(reports: &[Report]) {
    let mut worst: BTreeMap<(String, Option<(String, String)>), f64> = BTreeMap::new();
    for report in reports {
        let figures: Vec<Figure> = serde_json::from_str(&report.findings).unwrap_or_default();
        for Figure { metric, label, value } in figures {
            if metric::ALL.iter().any(|known| known.name == metric) {
                let shown = worst.entry((metric, label)).or_insert(value);
                *shown = shown.max(value);
            }
        }
    }
    for ((metric, label), value) in worst {
        match label {
            None => metrics::gauge!(metric).set(value),
            Some(label) => metrics::gauge!(metric, &[label]).set(value),
        }
    }
}
