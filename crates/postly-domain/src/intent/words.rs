//! The words that classify a message: `words.txt` lists them by class, in five languages.

use std::{collections::HashMap, sync::LazyLock};

/// A class of words. A word may belong to several.
pub(super) mod class {
    /// The class of a section of `words.txt`; 0 for an unknown name.
    pub(super) fn named(name: &str) -> u32 {
        match name {
            "filler" => FILLER,
            "ask" => ASK,
            "post" => POST,
            "network" => NETWORK,
            "offer" => OFFER,
            "date" => DATE,
            "place" => PLACE,
            "news" => NEWS,
            "currency" => CURRENCY,
            "private" => PRIVATE,
            "trade" => TRADE,
            "service" => SERVICE,
            "question" => QUESTION,
            "off_topic" => OFF_TOPIC,
            "announce" => ANNOUNCE,
            "general" => GENERAL,
            "courtesy" => COURTESY,
            _ => 0,
        }
    }

    /// Carries no meaning of its own.
    pub(in crate::intent) const FILLER: u32 = 1;
    /// Asks for something to be written.
    pub(in crate::intent) const ASK: u32 = 1 << 1;
    /// A text for a network: post, caption, ad.
    pub(in crate::intent) const POST: u32 = 1 << 2;
    /// A social network.
    pub(in crate::intent) const NETWORK: u32 = 1 << 3;
    /// An offer: a discount, something free.
    pub(in crate::intent) const OFFER: u32 = 1 << 4;
    /// A day, a month, a season, a holiday.
    pub(in crate::intent) const DATE: u32 = 1 << 5;
    /// A kind of place, or a city.
    pub(in crate::intent) const PLACE: u32 = 1 << 6;
    /// Business news: an opening, a closure, a hiring, an arrival, a celebration.
    pub(in crate::intent) const NEWS: u32 = 1 << 7;
    /// A currency.
    pub(in crate::intent) const CURRENCY: u32 = 1 << 8;
    /// Belongs to private talk: the first or second person of the singular, family, affection.
    pub(in crate::intent) const PRIVATE: u32 = 1 << 9;
    /// Belongs to a business that addresses its customers.
    pub(in crate::intent) const TRADE: u32 = 1 << 10;
    /// Names a part of this service: credits, the account, a bill.
    pub(in crate::intent) const SERVICE: u32 = 1 << 11;
    /// Opens a question.
    pub(in crate::intent) const QUESTION: u32 = 1 << 12;
    /// A kind of text or task that this service does not write.
    pub(in crate::intent) const OFF_TOPIC: u32 = 1 << 13;
    /// Says on its own that a text is to be announced.
    pub(in crate::intent) const ANNOUNCE: u32 = 1 << 14;
    /// Too general to be the subject of a post.
    pub(in crate::intent) const GENERAL: u32 = 1 << 15;
    /// A greeting, thanks or praise.
    pub(in crate::intent) const COURTESY: u32 = 1 << 16;
}

/// The classes of a folded word; none for a word that no list has. Arabic words are also looked up without
/// the conjunctions, prepositions and the article that are written in one with them.
pub(super) fn classes(word: &str) -> u32 {
    if let Some(found) = WORDS.get(word) {
        return *found;
    }
    let Some(first) = word.chars().next().filter(|c| ('\u{600}'..'\u{700}').contains(c)) else { return 0 };
    let rest = word.get(first.len_utf8()..).unwrap_or_default();
    let stems = [
        word.strip_prefix("ال"),
        word.strip_prefix("لل"),
        ["و", "ف", "ب", "ل", "ك"].iter().any(|prefix| word.starts_with(prefix)).then_some(rest),
        rest.strip_prefix("ال"),
    ];
    stems.into_iter().flatten().filter_map(|stem| WORDS.get(stem)).fold(0, |all, found| all | found)
}

static WORDS: LazyLock<HashMap<&'static str, u32>> = LazyLock::new(|| {
    let mut words = HashMap::new();
    let mut class = 0;
    for line in include_str!("words.txt").lines().filter(|line| !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(name) => class = class::named(name),
            None => {
                for word in line.split(' ').filter(|word| !word.is_empty()) {
                    *words.entry(word).or_insert(0) |= class;
                }
            }
        }
    }
    words
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::fold;

    #[test]
    fn every_word_is_folded_and_every_section_is_a_class() {
        for line in include_str!("words.txt").lines().filter(|line| !line.starts_with('#')) {
            match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                Some(name) => assert_ne!(class::named(name), 0, "{name}"),
                None => assert_eq!(line, fold(line)),
            }
        }
    }

    #[test]
    fn an_arabic_word_is_found_behind_its_prefixes() {
        for word in ["خصم", "الخصم", "والخصم", "بخصم"] {
            assert_ne!(classes(word) & class::OFFER, 0, "{word}");
        }
        assert_eq!(classes("زربية"), 0);
    }
}
