//! A linear classifier that separates briefs from all other messages.
//!
//! The model is logistic regression over hashed words, pairs of words, runs of characters and the facts of a
//! [`Reading`] (ADR 25). `weights.bin` holds one signed byte for each bucket; a test trains them from
//! `messages.tsv` and fails if they differ.

use super::{
    reading::{Reading, Word},
    words::class,
};

/// The number of buckets: one byte of weight each.
const BUCKETS: usize = 1 << 16;
/// The score of a weight of 1.
const SCALE: f32 = 0.25;
/// The shortest and the longest run of characters that is a feature, within a word and the spaces around it.
const SHORTEST_RUN: usize = 2;
const LONGEST_RUN: usize = 5;
/// The value of a fact. The features of the text together have length 1.
const FACT: f32 = 0.2;
/// The most words that are classified, from the first: the messages of the training set have at most half as
/// many.
const MOST_WORDS: usize = 120;

static WEIGHTS: &[u8; BUCKETS] = include_bytes!("classifier/weights.bin");

/// The score of a text: above 0 it is more likely a brief than anything else.
pub(super) fn score(reading: &Reading) -> f32 {
    features(reading).into_iter().map(|(bucket, value)| weight(bucket) * value).sum()
}

fn weight(bucket: usize) -> f32 {
    WEIGHTS.get(bucket).map_or(0.0, |byte| f32::from(i8::from_ne_bytes([*byte])) * SCALE)
}

/// Returns the distinct buckets of the features of a text, with their values.
fn features(reading: &Reading) -> Vec<(usize, f32)> {
    let words = reading.words.get(..MOST_WORDS).unwrap_or(&reading.words);
    let mut buckets = Buckets::default();
    let mut before: Option<&Word> = None;
    for word in words {
        buckets.add(Hash::of("word").text(&word.folded));
        if let Some(before) = before {
            buckets.add(Hash::of("pair").text(&before.folded).char(' ').text(&word.folded));
        }
        before = Some(word);
        buckets.add_runs(&word.folded);
    }
    if let Some(first) = words.first() {
        buckets.add(Hash::of("first").text(&first.folded));
    }
    #[expect(clippy::cast_precision_loss, reason = "a few thousand at most")]
    let value = 1.0 / (buckets.list.len() as f32).sqrt().max(1.0);
    let mut features: Vec<(usize, f32)> = buckets.list.into_iter().map(|bucket| (bucket, value)).collect();
    let facts = facts(reading, words.len());
    features
        .extend(facts.iter().filter(|(_, holds)| *holds).map(|(name, _)| (Hash::of(name).bucket(), FACT)));
    features
}

/// The facts of a text beyond its words.
fn facts(reading: &Reading, words: usize) -> [(&'static str, bool); 23] {
    const MANY_SUBJECTS: usize = 5;
    const SHORT: usize = 6;
    const LONG: usize = 25;
    [
        ("fact any", true),
        ("fact offer", reading.has_offer),
        ("fact percentage", reading.has_percentage),
        ("fact price", reading.has_price),
        ("fact date", reading.has_date),
        ("fact place", reading.has_place),
        ("fact contact", reading.has_contact),
        ("fact asks", reading.asks),
        ("fact ends as a question", reading.ends_as_question),
        ("fact opens as a question", reading.opens_as_question),
        ("fact network", reading.has(class::NETWORK)),
        ("fact post", reading.has(class::POST)),
        ("fact news", reading.has(class::NEWS)),
        ("fact private", reading.has(class::PRIVATE)),
        ("fact trade", reading.has(class::TRADE)),
        ("fact service", reading.has(class::SERVICE)),
        ("fact off topic", reading.has(class::OFF_TOPIC)),
        ("fact courtesy", reading.has(class::COURTESY)),
        ("fact brief by rule", super::shows_a_brief(reading)),
        ("fact no subject", reading.subjects == 0),
        ("fact many subjects", reading.subjects > MANY_SUBJECTS),
        ("fact short", words < SHORT),
        ("fact long", words > LONG),
    ]
}

/// A set of buckets.
struct Buckets {
    list: Vec<usize>,
    seen: Box<[bool]>,
}

impl Default for Buckets {
    fn default() -> Self {
        Self { list: vec![], seen: vec![false; BUCKETS].into_boxed_slice() }
    }
}

impl Buckets {
    fn add(&mut self, hash: Hash) {
        let bucket = hash.bucket();
        if let Some(seen) = self.seen.get_mut(bucket)
            && !std::mem::replace(seen, true)
        {
            self.list.push(bucket);
        }
    }

    /// Adds the runs of characters of a word and the spaces around it.
    fn add_runs(&mut self, word: &str) {
        let spaced: Vec<char> = std::iter::once(' ').chain(word.chars()).chain([' ']).collect();
        for start in 0..spaced.len() {
            let run = spaced.get(start..).unwrap_or_default();
            let mut hash = Hash::of("run");
            for (length, c) in (1..=LONGEST_RUN).zip(run) {
                hash = hash.char(*c);
                if length >= SHORTEST_RUN {
                    self.add(hash);
                }
            }
        }
    }
}

/// FNV-1a over characters.
#[derive(Clone, Copy)]
struct Hash(u32);

impl Hash {
    fn of(kind: &str) -> Self {
        const OFFSET: u32 = 0x811c_9dc5;
        Self(OFFSET).text(kind).char(':')
    }

    fn text(self, text: &str) -> Self {
        text.chars().fold(self, Self::char)
    }

    /// A digit counts as `0`: the presence of an amount or an hour is a feature, its value is not.
    fn char(self, c: char) -> Self {
        const PRIME: u32 = 0x0100_0193;
        let c = if c.is_numeric() { '0' } else { c };
        Self((self.0 ^ u32::from(c)).wrapping_mul(PRIME))
    }

    fn bucket(self) -> usize {
        // The upper bits depend on every character more than the lower ones.
        usize::try_from(self.0 >> 8 ^ self.0).unwrap_or(0) % BUCKETS
    }
}

#[cfg(test)]
mod training;
