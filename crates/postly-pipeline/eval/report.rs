//! The table by language, the most repeated sentences, and the thresholds.

use std::collections::{BTreeMap, BTreeSet};

use postly_domain::{Language, text::fold};
use postly_pipeline::{WriteError, Written};

use crate::{
    labels::Label,
    rules::{self, Rule},
};

/// The least share of results that keep a rule, in thousandths.
const fn least(rule: Rule) -> usize {
    match rule {
        Rule::Grave => 1000,
        Rule::Fact | Rule::Invented | Rule::Unwanted | Rule::Language | Rule::Form => 990,
    }
}
/// The largest share of refused briefs, in thousandths.
const MOST_REFUSED: usize = 20;
/// The largest share of the results of a language with the same sentence of ours, in thousandths.
const MOST_REPEATED: usize = 100;
/// With fewer results, repeated sentences of a language are not evaluated.
const ENOUGH_RESULTS: usize = 100;

/// The counts of one language.
#[derive(Default)]
struct Counts {
    results: usize,
    refused: usize,
    /// Results that break a rule.
    broken: BTreeMap<Rule, usize>,
    /// The number of results with each sentence of ours.
    sentences: BTreeMap<String, usize>,
}

/// The counts of every language, and the first failures.
#[derive(Default)]
pub(crate) struct Report {
    languages: BTreeMap<&'static str, Counts>,
    failures: Vec<String>,
}

impl Report {
    /// Adds the result of one brief.
    pub(crate) fn add(&mut self, label: &Label, seed: u64, result: &Result<Written, WriteError>) {
        let counts = self.languages.entry(label.language.code()).or_default();
        counts.results += 1;
        let written = match result {
            Ok(written) => written,
            Err(error) => {
                counts.refused += 1;
                if seed == 0 {
                    self.failures.push(format!("{}: turned down: {error:?}", label.id));
                }
                return;
            }
        };
        let broken = rules::check(label, written);
        let kinds: BTreeSet<Rule> = broken.iter().map(|broken| broken.rule).collect();
        for rule in kinds {
            *counts.broken.entry(rule).or_default() += 1;
        }
        for broken in broken.iter().filter(|_| seed == 0) {
            let line = format!("{}: {}: {}", label.id, broken.rule.name(), broken.words.replace('\n', " / "));
            if !self.failures.contains(&line) {
                self.failures.push(line);
            }
        }
        for sentence in own_sentences(label, written) {
            *counts.sentences.entry(sentence).or_default() += 1;
        }
    }

    /// Prints the table, the failures and the most frequent sentences.
    pub(crate) fn print(&self) {
        print!("{:<10}{:>9}{:>9}", "language", "results", "refused");
        for rule in Rule::ALL {
            print!("{:>10}", rule.name());
        }
        println!("{:>10}", "repeated");
        for (code, counts) in &self.languages {
            print!("{code:<10}{:>9}{:>9}", counts.results, counts.refused);
            for rule in Rule::ALL {
                print!("{:>9}%", tenths(counts.kept(rule)));
            }
            println!("{:>9}%", tenths(counts.repeated().map_or(0, |(_, share)| share)));
        }
        for (code, counts) in &self.languages {
            if let Some((sentence, share)) = counts.repeated() {
                println!("{code}: most frequent ({}%): {sentence}", tenths(share));
            }
        }
        for failure in &self.failures {
            println!("- {failure}");
        }
    }

    /// True if every language meets every threshold.
    pub(crate) fn passes(&self) -> bool {
        let refused: usize = self.languages.values().map(|counts| counts.refused).sum();
        let results: usize = self.languages.values().map(|counts| counts.results).sum();
        let languages = Language::ALL.iter().all(|language| self.languages.contains_key(language.code()));
        languages
            && refused * 1000 <= results * MOST_REFUSED
            && self.languages.values().all(|counts| {
                Rule::ALL.into_iter().all(|rule| counts.kept(rule) >= least(rule))
                    && counts.repeated().is_none_or(|(_, share)| share <= MOST_REPEATED)
            })
    }
}

impl Counts {
    /// The share of results that keep a rule, in thousandths.
    fn kept(&self, rule: Rule) -> usize {
        let broken = self.broken.get(&rule).copied().unwrap_or_default();
        let written = self.results - self.refused;
        (written - broken) * 1000 / written.max(1)
    }

    /// The sentence of ours in the most results, and its share in thousandths.
    fn repeated(&self) -> Option<(&str, usize)> {
        let most = self.sentences.iter().max_by_key(|(_, count)| **count)?;
        (self.results >= ENOUGH_RESULTS).then(|| (most.0.as_str(), most.1 * 1000 / self.results))
    }
}

fn tenths(thousandths: usize) -> String {
    format!("{}.{}", thousandths / 10, thousandths % 10)
}

/// The sentences of a result that are not the brief's own words, each once.
fn own_sentences(label: &Label, written: &Written) -> BTreeSet<String> {
    let words = |text: &str| -> BTreeSet<String> {
        fold(text)
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let brief = words(&label.text);
    written
        .variants
        .iter()
        .flat_map(|variant| variant.text.split(['\n', '.', '!', '?', '؟']))
        .map(|sentence| sentence.trim().trim_matches(|c: char| !c.is_alphanumeric()).to_owned())
        // A link, a hashtag, or words of the brief in another form are not sentences of ours.
        .filter(|sentence| {
            let own = words(sentence);
            own.len() >= 2
                && own.intersection(&brief).count() * 2 < own.len()
                && !sentence.starts_with("abus d")
        })
        .filter(|sentence| !sentence.contains('#') && !sentence.contains("abus d'alcool"))
        .collect()
}
