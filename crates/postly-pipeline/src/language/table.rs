//! The word list of the language detection, `words.txt`, read once.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use postly_domain::Language;

/// The language for which a word or a letter is evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    /// One of our languages.
    Ours(Language),
    /// Any other language.
    Other,
}

/// The languages of a word, each with its weight.
pub(super) type Weights = Vec<(Voice, u32)>;

/// The content of the data file.
pub(super) struct Table {
    /// By folded word.
    pub(super) words: HashMap<&'static str, Weights>,
    /// Borrowed phrases as lists of folded words, longest first.
    pub(super) loans: Vec<Vec<&'static str>>,
    /// Words after which "in English" is about the post.
    pub(super) about_post: HashSet<&'static str>,
    /// Words after which "in English" is about the business.
    pub(super) about_shop: HashSet<&'static str>,
    /// Words that may follow a request.
    pub(super) courtesy: HashSet<&'static str>,
}

pub(super) static TABLE: LazyLock<Table> = LazyLock::new(|| read(include_str!("words.txt")));

fn read(source: &'static str) -> Table {
    let mut table = Table {
        words: HashMap::new(),
        loans: Vec::new(),
        about_post: HashSet::new(),
        about_shop: HashSet::new(),
        courtesy: HashSet::new(),
    };
    let lines = source.lines().filter(|line| !line.starts_with('#'));
    for (key, listed) in lines.filter_map(|line| line.split_once(": ")) {
        match key {
            "loan" => table.loans.extend(listed.split(", ").map(|phrase| phrase.split(' ').collect())),
            "about post" => table.about_post.extend(listed.split(' ')),
            "about shop" => table.about_shop.extend(listed.split(' ')),
            "courtesy" => table.courtesy.extend(listed.split(' ')),
            _ => {
                let Some((voice, weight)) = scored(key) else { continue };
                for word in listed.split(' ') {
                    let weights = table.words.entry(word).or_default();
                    match weights.iter_mut().find(|(known, _)| *known == voice) {
                        Some((_, known)) => *known = weight.max(*known),
                        None => weights.push((voice, weight)),
                    }
                }
            }
        }
    }
    table.loans.sort_by_key(|phrase| std::cmp::Reverse(phrase.len()));
    table
}

/// Reads "fr 3".
fn scored(key: &str) -> Option<(Voice, u32)> {
    let (code, weight) = key.split_once(' ')?;
    let voice = if code == "other" { Voice::Other } else { Voice::Ours(Language::from_code(code)?) };
    Some((voice, weight.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use postly_domain::text::fold;

    #[test]
    fn every_line_is_read_and_every_word_is_written_as_it_is_compared() {
        for line in
            include_str!("words.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let (key, listed) = line.split_once(": ").unwrap();
            let list = matches!(key, "loan" | "about post" | "about shop" | "courtesy");
            assert!(list || scored(key).is_some(), "{key}");
            for word in listed.split([' ', ',']).filter(|word| !word.is_empty()) {
                assert_eq!(fold(word), word);
                assert!(word.chars().all(char::is_alphanumeric), "{word:?}");
            }
        }
    }
}
