//! A progress bar on standard error, on a terminal only.

use std::{
    io::{IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

/// The width of the bar, in characters.
const WIDTH: u64 = 30;
/// The least time between two drawings: more frequent ones cost time and are not seen.
const EVERY: Duration = Duration::from_millis(100);

/// The progress bar. It writes nothing to a pipe.
pub(crate) struct ProgressBar {
    is_terminal: bool,
    drawn: Option<Instant>,
}

impl ProgressBar {
    pub(crate) fn new() -> Self {
        Self { is_terminal: std::io::stderr().is_terminal(), drawn: None }
    }

    /// Draws the bar for `done` of `all`, if it is due.
    pub(crate) fn show(&mut self, done: u64, all: u64) {
        let is_due = self.drawn.is_none_or(|drawn| drawn.elapsed() >= EVERY || done == all);
        if self.is_terminal && is_due {
            self.drawn = Some(Instant::now());
            write(&line(done, all));
        }
    }

    /// Ends the line of the bar.
    pub(crate) fn end(&mut self) {
        if self.drawn.take().is_some() {
            write("\n");
        }
    }
}

fn write(text: &str) {
    let mut stderr = std::io::stderr().lock();
    // A closed terminal must not fail the import.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

fn line(done: u64, all: u64) -> String {
    let part = |of: u64| done.min(all).saturating_mul(of).checked_div(all).unwrap_or(of);
    let filled = usize::try_from(part(WIDTH)).unwrap_or_default();
    let empty = usize::try_from(WIDTH).unwrap_or_default() - filled;
    format!("\r[{}{}] {:>3} %  {done} of {all} rows", "#".repeat(filled), " ".repeat(empty), part(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills_from_nothing_to_all() {
        for (done, all, filled, percent) in
            [(0, 10, 0, "  0 %"), (5, 10, 15, " 50 %"), (10, 10, 30, "100 %"), (0, 0, 30, "100 %")]
        {
            let line = line(done, all);
            assert_eq!(line.matches('#').count(), filled, "{line}");
            assert!(line.contains(percent), "{line}");
        }
    }
}
