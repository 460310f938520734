//! The output of the bench: tables in Markdown, and each target with its measured value.

use serde_json::{Value, json};

/// A table with its targets.
#[derive(Debug, Default)]
pub(crate) struct Section {
    title: String,
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    targets: Vec<Target>,
    notes: Vec<String>,
}

#[derive(Debug)]
struct Target {
    what: String,
    goal: String,
    measured: f64,
    met: bool,
}

impl Section {
    pub(crate) fn new(title: impl Into<String>, columns: &[&'static str]) -> Self {
        Self { title: title.into(), columns: columns.to_vec(), ..Self::default() }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        // A bar would end the cell.
        self.rows.push(cells.into_iter().map(|cell| cell.replace('|', "\\|")).collect());
    }

    /// A remark below the table.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Adds a target: a value must not exceed `most`.
    pub(crate) fn at_most(&mut self, what: impl Into<String>, most: f64, measured: f64) {
        let goal = format!("≤ {most}");
        self.targets.push(Target { what: what.into(), goal, measured, met: measured <= most });
    }

    /// Adds a target: a value must not be below `least`.
    pub(crate) fn at_least(&mut self, what: impl Into<String>, least: f64, measured: f64) {
        let goal = format!("≥ {least}");
        self.targets.push(Target { what: what.into(), goal, measured, met: measured >= least });
    }

    pub(crate) fn missed(&self) -> usize {
        self.targets.iter().filter(|target| !target.met).count()
    }

    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut text = format!("### {}\n\n", self.title);
        text += &line(&self.columns.iter().map(|&column| column.to_owned()).collect::<Vec<_>>());
        text += &format!("|{}\n", "---|".repeat(self.columns.len()));
        text.extend(self.rows.iter().map(|row| line(row)));
        if !self.notes.is_empty() {
            text += &format!("\n{}\n", self.notes.join("\n"));
        }
        if !self.targets.is_empty() {
            text.push('\n');
            text.extend(self.targets.iter().map(Target::markdown));
        }
        text
    }

    pub(crate) fn json(&self) -> Value {
        let targets = self.targets.iter().map(|target| {
            json!({
                "what": target.what, "goal": target.goal, "measured": target.measured, "met": target.met,
            })
        });
        json!({
            "title": self.title,
            "columns": self.columns,
            "rows": self.rows,
            "notes": self.notes,
            "targets": targets.collect::<Vec<_>>(),
        })
    }
}

impl Target {
    fn markdown(&self) -> String {
        let word = if self.met { "met" } else { "**missed**" };
        format!("- {}: {:.3}, wanted {}: {word}\n", self.what, self.measured, self.goal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_says_what_was_missed() {
        let mut section = Section::new("Speed", &["run", "rate"]);
        section.row(["one".to_owned(), "3".to_owned()]);
        section.at_least("share", 0.3, 0.25);
        section.at_most("share", 0.3, 0.25);
        assert_eq!(section.missed(), 1);
        assert_eq!(
            section.markdown(),
            "### Speed\n\n| run | rate |\n|---|---|\n| one | 3 |\n\n\
             - share: 0.250, wanted ≥ 0.3: **missed**\n- share: 0.250, wanted ≤ 0.3: met\n"
        );
    }
}
