//! The results of a campaign, as a table and as JSON.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{checks::Verdict, database::Engine, faults::Struck, schedule::Family};

/// The number of faults of a row that are described.
const TOLD: usize = 5;

/// One row: a family on an engine.
#[derive(Debug)]
pub(crate) struct Row {
    family: Family,
    engine: Engine,
    wanted: u64,
    rounds: u64,
    missed: u64,
    faults: u64,
    hits: u64,
    acks: u64,
    replies: u64,
    flagged: u64,
    lost: u64,
    doubled: u64,
    broken: u64,
    told: Vec<String>,
    skipped: Option<String>,
    took: Duration,
}

impl Row {
    pub(crate) fn new(family: Family, engine: Engine, wanted: u64) -> Self {
        Self {
            family,
            engine,
            wanted,
            rounds: 0,
            missed: 0,
            faults: 0,
            hits: 0,
            acks: 0,
            replies: 0,
            flagged: 0,
            lost: 0,
            doubled: 0,
            broken: 0,
            told: vec![],
            skipped: None,
            took: Duration::ZERO,
        }
    }

    /// Adds a round. A round that hit nothing adds only the faults found in it.
    pub(crate) fn add(&mut self, round: u64, struck: &Struck, verdict: &Verdict) {
        if struck.hits == 0 {
            self.missed += 1;
        } else {
            self.rounds += 1;
            self.faults += struck.faults;
            self.hits += struck.hits;
            self.acks += verdict.acks;
            self.replies += verdict.replies;
            self.flagged += verdict.flagged;
        }
        let count = |faults: &[String]| u64::try_from(faults.len()).unwrap_or(u64::MAX);
        self.lost += count(&verdict.lost);
        self.doubled += count(&verdict.doubled);
        self.broken += count(&verdict.broken);
        for fault in verdict.lost.iter().chain(&verdict.doubled).chain(&verdict.broken) {
            self.tell(format!("round {round}: {fault} ({})", struck.story));
        }
    }

    /// Adds a fault that belongs to no round.
    pub(crate) fn broke(&mut self, fault: String) {
        self.broken += 1;
        self.tell(fault);
    }

    fn tell(&mut self, fault: String) {
        if self.told.len() < TOLD {
            self.told.push(fault);
        }
    }

    /// Records the reason why the row could not be run.
    pub(crate) fn skip(&mut self, reason: String) {
        self.skipped = Some(reason);
    }

    pub(crate) fn took(&mut self, took: Duration) {
        self.took = took;
    }

    pub(crate) fn hit(&self) -> u64 {
        self.rounds
    }

    pub(crate) fn missed(&self) -> u64 {
        self.missed
    }

    /// Returns true if there is no fault, and enough rounds ran to conclude.
    pub(crate) fn is_good(&self) -> bool {
        !self.is_broken() && (self.skipped.is_some() || self.rounds >= self.wanted)
    }

    /// Returns true if a fault was found.
    pub(crate) fn is_broken(&self) -> bool {
        self.lost + self.doubled + self.broken > 0
    }

    fn verdict(&self) -> &'static str {
        match (self.lost + self.doubled + self.broken, &self.skipped) {
            (0, Some(_)) => "skipped",
            (0, None) if self.rounds < self.wanted => "void",
            (0, None) => "holds",
            _ => "BROKEN",
        }
    }
}

/// Formats the rows as a table.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| fault           | engine   | rounds | missed | faults |  hits |  acks | replies | listed | lost | doubled | broken | seconds | verdict |\n\
         |-----------------|----------|-------:|-------:|-------:|------:|------:|--------:|-------:|-----:|--------:|-------:|--------:|---------|\n",
    );
    for row in rows {
        text.push_str(&format!(
            "| {:<15} | {:<8} | {:>6} | {:>6} | {:>6} | {:>5} | {:>5} | {:>7} | {:>6} | {:>4} | {:>7} | {:>6} | {:>7} | {:<7} |\n",
            row.family.name(),
            row.engine.name(),
            row.rounds,
            row.missed,
            row.faults,
            row.hits,
            row.acks,
            row.replies,
            row.flagged,
            row.lost,
            row.doubled,
            row.broken,
            row.took.as_secs(),
            row.verdict()
        ));
    }
    for row in rows {
        let place = format!("{} on {}", row.family.name(), row.engine.name());
        if let Some(reason) = &row.skipped {
            text.push_str(&format!("\n{place}: skipped, {reason}"));
        }
        for fault in &row.told {
            text.push_str(&format!("\n{place}: {fault}"));
        }
    }
    text
}

/// Formats the rows as JSON.
pub(crate) fn json(seed: u64, rows: &[Row]) -> Value {
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "fault": row.family.name(),
                "engine": row.engine.name(),
                "rounds": row.rounds,
                "missed": row.missed,
                "faults": row.faults,
                "hits": row.hits,
                "acks": row.acks,
                "replies": row.replies,
                "listed": row.flagged,
                "lost": row.lost,
                "doubled": row.doubled,
                "broken": row.broken,
                "seconds": row.took.as_secs(),
                "verdict": row.verdict(),
                "skipped": row.skipped,
                "found": row.told,
            })
        })
        .collect();
    json!({ "seed": seed, "rows": rows })
}
