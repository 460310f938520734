//! The table of the report.

use crate::{Call, ours::Parts};

/// A brief, counted for both sides.
pub(crate) struct Row {
    pub(crate) ours: Parts,
    pub(crate) guide: [Call; 3],
}

impl Row {
    fn theirs(&self) -> usize {
        self.guide.iter().map(|call| call.all()).sum()
    }

    /// The share with `times` as many tokens in the posts.
    fn share(&self, times: usize) -> f64 {
        let more = self.guide.last().map_or(0, |call| call.written) * (times - 1);
        percent(self.ours.call.all() + more, self.theirs() + more)
    }
}

/// Prints the table. Returns the median share of the design's tokens, in percent.
pub(crate) fn print(rows: &[Row], shared_prefix: usize) -> Option<f64> {
    let line = |name: &str, of: &dyn Fn(&Row) -> usize| {
        let mut counts: Vec<usize> = rows.iter().map(of).collect();
        counts.sort_unstable();
        if let (Some(median), Some(p90)) = (at(&counts, 50), at(&counts, 90)) {
            println!("| {name} | {median} | {p90} |");
        }
    };
    println!("Tokens of a generation (o200k_base), {} briefs\n", rows.len());
    println!("| | median | p90 |\n|---|---|---|");
    line("one call: schema", &|row| row.ours.schema);
    line("one call: instructions", &|row| row.ours.instructions);
    line("one call: brief and settings", &|row| row.ours.data);
    line("one call: answer", &|row| row.ours.call.written);
    line("one call: all", &|row| row.ours.call.all());
    for (index, name) in ["intent", "prompt", "posts"].into_iter().enumerate() {
        let of = |row: &Row| row.guide.get(index).copied().unwrap_or_default();
        line(&format!("three calls: {name}, in"), &|row| of(row).read);
        line(&format!("three calls: {name}, out"), &|row| of(row).written);
    }
    line("three calls: all", &Row::theirs);
    let shares = |times: usize| {
        let mut shares: Vec<f64> = rows.iter().map(|row| row.share(times)).collect();
        shares.sort_by(f64::total_cmp);
        Some((at(&shares, 50)?, at(&shares, 90)?))
    };
    let (median, p90) = shares(1)?;
    println!("| **one call, % of three** | {median:.1} | {p90:.1} |");
    let (twice, p90) = shares(2)?;
    println!("| the same with posts twice as long, % | {twice:.1} | {p90:.1} |");
    let mut requests: Vec<usize> = rows.iter().map(|row| row.ours.call.read).collect();
    requests.sort_unstable();
    let request = at(&requests, 50)?;
    println!(
        "\nThe first {shared_prefix} tokens of our request are the same for every author: {:.0} % of a median request.",
        percent(shared_prefix, request)
    );
    Some(median)
}

/// The value at this percentile of a sorted list.
fn at<T: Copy>(sorted: &[T], percentile: usize) -> Option<T> {
    sorted.get(sorted.len().saturating_sub(1) * percentile / 100).copied()
}

#[expect(clippy::cast_precision_loss, reason = "tokens of a request are far below 2^52")]
fn percent(part: usize, whole: usize) -> f64 {
    part as f64 * 100.0 / whole as f64
}
