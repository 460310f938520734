//! The sentences of the composer, by language: `book/*.txt`. They hold no facts; all facts come from the
//! brief.
//!
//! A section `[open offer]` lists interchangeable sentences; `{a|b}` is the polite form and the familiar one.

use std::{collections::HashMap, sync::LazyLock};

use postly_domain::Language;

/// All the sentences of one language, by section.
pub(super) struct Book(HashMap<&'static str, Vec<&'static str>>);

impl Book {
    fn read(source: &'static str) -> Self {
        let mut sections: HashMap<&'static str, Vec<&'static str>> = HashMap::new();
        let mut section = "";
        for line in source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                Some(name) => section = name,
                None => sections.entry(section).or_default().push(line),
            }
        }
        Self(sections)
    }

    /// The sentences of a section; empty if the language has no such section.
    pub(super) fn section(&self, role: &str, key: &str) -> &[&'static str] {
        let name = if key.is_empty() { role.to_owned() } else { format!("{role} {key}") };
        self.0.get(name.as_str()).map_or(&[], Vec::as_slice)
    }

    /// The hashtags of a trade or an occasion, in the section `tags trade` or `tags occasion`.
    pub(super) fn tags(&self, of: &str, key: &str) -> Vec<&'static str> {
        let lines = self.section("tags", of).iter();
        let found = lines.filter_map(|line| line.split_once(": ")).find(|(name, _)| *name == key);
        found.map(|(_, tags)| tags.split(' ').collect()).unwrap_or_default()
    }
}

/// The book of a language.
pub(super) fn of(language: Language) -> &'static Book {
    static FR: LazyLock<Book> = LazyLock::new(|| Book::read(include_str!("book/fr.txt")));
    static EN: LazyLock<Book> = LazyLock::new(|| Book::read(include_str!("book/en.txt")));
    static ES: LazyLock<Book> = LazyLock::new(|| Book::read(include_str!("book/es.txt")));
    static PT: LazyLock<Book> = LazyLock::new(|| Book::read(include_str!("book/pt.txt")));
    static AR: LazyLock<Book> = LazyLock::new(|| Book::read(include_str!("book/ar.txt")));
    match language {
        Language::Fr => &FR,
        Language::En => &EN,
        Language::Es => &ES,
        Language::Pt => &PT,
        Language::Ar => &AR,
    }
}

/// Resolves `{polite|familiar}`.
pub(super) fn address(sentence: &str, familiar: bool) -> String {
    let mut said = String::with_capacity(sentence.len());
    let mut rest = sentence;
    while let Some((before, behind)) = rest.split_once('{') {
        let (choice, after) = behind.split_once('}').unwrap_or((behind, ""));
        let (polite, tu) = choice.split_once('|').unwrap_or((choice, choice));
        said.push_str(before);
        said.push_str(if familiar { tu } else { polite });
        rest = after;
    }
    said.push_str(rest);
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        guard::Guard,
        offline::{occasion::Occasion, trade::Trade},
    };
    use postly_domain::post::Variant;

    const OCCASIONS: [Occasion; 20] = [
        Occasion::Death,
        Occasion::Accident,
        Occasion::Farewell,
        Occasion::Apology,
        Occasion::Clearance,
        Occasion::Hiring,
        Occasion::Closing,
        Occasion::Review,
        Occasion::Award,
        Occasion::Giveaway,
        Occasion::Opening,
        Occasion::Offer,
        Occasion::Event,
        Occasion::Anniversary,
        Occasion::New,
        Occasion::Hours,
        Occasion::Thanks,
        Occasion::Festive,
        Occasion::Service,
        Occasion::News,
    ];

    #[test]
    fn every_language_has_sentences_for_every_occasion() {
        for language in Language::ALL {
            let book = of(language);
            for occasion in OCCASIONS {
                assert!(
                    book.section("open", occasion.key()).len() >= 4,
                    "{language} open {}",
                    occasion.key()
                );
                if occasion.is_grave() {
                    assert!(book.section("end", occasion.key()).len() >= 3, "{language} {}", occasion.key());
                } else {
                    assert!(
                        book.section("ask", occasion.key()).len() >= 3,
                        "{language} ask {}",
                        occasion.key()
                    );
                }
            }
            for mode in ["visit", "contact", "write", "online", "hiring", "closing", "event", "thanks", "pro"]
            {
                assert!(book.section("end", mode).len() >= 5, "{language} end {mode}");
            }
            assert_eq!(book.section("angles", "").len(), 3);
            assert_eq!(book.section("angles", "grave").len(), 3);
            assert!(!book.tags("trade", Trade::Office.key()).is_empty());
        }
    }

    #[test]
    fn no_sentence_states_a_fact_or_promises_what_no_brief_promises() {
        for language in Language::ALL {
            let guard = Guard::new("", language);
            for (section, sentences) in &of(language).0 {
                for sentence in sentences.iter().filter(|_| !section.starts_with("tags")) {
                    for familiar in [false, true] {
                        let text = address(sentence, familiar);
                        assert!(!text.contains(['{', '}', '|']) && !text.contains("  "), "{text}");
                        let variant = Variant { text: text.clone(), angle: String::new() };
                        let defects = guard.check(&[variant]);
                        assert!(defects.is_empty(), "{language} [{section}] {text}: {defects:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn grave_sentences_neither_exclaim_nor_ask() {
        for language in Language::ALL {
            for occasion in OCCASIONS.into_iter().filter(|occasion| occasion.is_grave()) {
                for role in ["open", "end"] {
                    for sentence in of(language).section(role, occasion.key()) {
                        assert!(!sentence.contains(['!', '?', '؟', '¡', '¿']), "{sentence}");
                    }
                }
            }
        }
    }
}
