//! Finds keywords among the folded words of a brief.

use std::collections::HashMap;

use postly_domain::text::fold;

use crate::tokens::{Token, lists};

/// A table read from a data file: each line is a name, a colon and keywords between spaces. A dot at the end
/// of a keyword stands for any ending, an underscore for a space.
pub(super) struct Keywords<T>(Vec<(T, Vec<Keyword>)>);

/// One keyword.
enum Keyword {
    Word(String),
    Stem(String),
    Phrase(Vec<String>),
}

impl Keyword {
    fn read(written: &str) -> Self {
        match written.strip_suffix('.') {
            Some(stem) if !stem.contains('_') => Self::Stem(bare(&fold(stem)).to_owned()),
            _ if written.contains('_') => {
                Self::Phrase(written.split('_').map(|word| bare(&fold(word)).to_owned()).collect())
            }
            _ => Self::Word(bare(&fold(written)).to_owned()),
        }
    }

    /// The number of words before the keyword.
    fn place(&self, words: &[String]) -> Option<usize> {
        match self {
            Self::Stem(stem) => words.iter().position(|word| bare(word).starts_with(stem.as_str())),
            Self::Word(wanted) => words.iter().position(|word| bare(word) == wanted),
            Self::Phrase(wanted) => words
                .windows(wanted.len())
                .position(|window| window.iter().zip(wanted).all(|(word, wanted)| fits(word, wanted))),
        }
    }
}

/// Removes the article of an Arabic word, so that "الهواتف" is "هواتف"; returns any other word unchanged.
fn bare(word: &str) -> &str {
    const LEAST_BYTES: usize = 6;
    let rest = ["وال", "بال", "ال"].iter().find_map(|article| word.strip_prefix(article));
    rest.filter(|rest| rest.len() >= LEAST_BYTES).unwrap_or(word)
}

/// True if a word matches; a dot at the end of the wanted word stands for any ending.
fn fits(word: &str, wanted: &str) -> bool {
    match wanted.strip_suffix('.') {
        Some(stem) => bare(word).starts_with(stem),
        None => bare(word) == wanted,
    }
}

impl<T: Copy + PartialEq> Keywords<T> {
    /// Reads a table; lines with an unknown name are ignored.
    pub(super) fn read(source: &'static str, name: impl Fn(&str) -> Option<T>) -> Self {
        Self::read_without(source, "", name)
    }

    /// The same table without these keywords, as they are written.
    pub(super) fn read_without(
        source: &'static str,
        left_out: &str,
        name: impl Fn(&str) -> Option<T>,
    ) -> Self {
        let lines = source.lines().filter(|line| !line.starts_with('#'));
        let entries = lines.filter_map(|line| line.split_once(": ")).filter_map(|(key, words)| {
            let kept = words.split_whitespace().filter(|word| !lists(left_out, word));
            Some((name(key)?, kept.map(Keyword::read).collect()))
        });
        Self(entries.collect())
    }

    /// The number of keywords of an entry that are among the words.
    pub(super) fn count(&self, wanted: T, words: &[String]) -> usize {
        let of_entry = self.0.iter().filter(|(entry, _)| *entry == wanted);
        of_entry.flat_map(|(_, keywords)| keywords).filter(|keyword| keyword.place(words).is_some()).count()
    }

    /// True if a keyword of an entry is among the words.
    pub(super) fn has(&self, wanted: T, words: &[String]) -> bool {
        let of_entry = self.0.iter().filter(|(entry, _)| *entry == wanted);
        of_entry.flat_map(|(_, keywords)| keywords).any(|keyword| keyword.place(words).is_some())
    }

    /// The entry with the keyword that comes first in the text, because a brief begins with its subject.
    pub(super) fn first_in(&self, words: &[String]) -> Option<T> {
        let places = self.0.iter().filter_map(|(entry, keywords)| {
            keywords.iter().filter_map(|keyword| keyword.place(words)).min().map(|place| (place, *entry))
        });
        places.min_by_key(|(place, _)| *place).map(|(_, entry)| entry)
    }
}

/// A table of phrases at the start of a text, by name.
pub(super) struct Starts(HashMap<&'static str, HashMap<String, Vec<Vec<String>>>>);

impl Starts {
    /// Reads a table.
    pub(super) fn read(source: &'static str) -> Self {
        let mut starts: HashMap<&'static str, HashMap<String, Vec<Vec<String>>>> = HashMap::new();
        let lines = source.lines().filter(|line| !line.starts_with('#'));
        for (name, phrases) in lines.filter_map(|line| line.split_once(": ")) {
            for phrase in phrases.split_whitespace() {
                let words: Vec<String> = phrase.split(['_', '\'']).map(fold).collect();
                let Some(first) = words.first().cloned() else { continue };
                starts.entry(name).or_default().entry(first).or_default().push(words);
            }
        }
        Self(starts)
    }

    /// True if these tokens begin with a phrase of that name; apostrophes are skipped.
    pub(super) fn begins(&self, name: &'static str, tokens: &[Token]) -> bool {
        let mut words = tokens.iter().filter(|token| !matches!(token.folded.as_str(), "'" | "’" | "/"));
        let Some(first) = words.next() else { return false };
        let Some(phrases) = self.0.get(name).and_then(|phrases| phrases.get(&first.folded)) else {
            return false;
        };
        phrases.iter().any(|phrase| {
            let rest = words.clone();
            phrase.len() == 1
                || phrase
                    .iter()
                    .skip(1)
                    .zip(rest.map(Some).chain(std::iter::repeat(None)))
                    .all(|(wanted, word)| word.is_some_and(|word| word.folded == *wanted))
        })
    }
}
