//! The brand memory of an author: rules and facts that hold for every brief (RULES 4.17).

use serde::{Deserialize, Serialize};

mod reading;
mod words;

pub use reading::{Lesson, lesson};

/// The most banned words of an author, and the longest in characters: far above a list that a person
/// remembers.
const MOST_BANNED: usize = 30;
const LONGEST_BANNED: usize = 60;
/// The most facts, and the longest in characters. All facts are part of the prompt of each brief.
const MOST_FACTS: usize = 20;
const LONGEST_FACT: usize = 200;
/// The longest name, place, trade or tone in characters.
const LONGEST_LABEL: usize = 80;
/// The longest signature in characters: a post of 280 with it still has room for its facts.
const LONGEST_SIGNATURE: usize = 160;

/// The way in which posts address their reader: *tu* or *vous*, and their like in other languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Address {
    /// *Tu*.
    Informal,
    /// *Vous*.
    Formal,
}

/// The rules and facts of an author's business. Fields without a rule or fact are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Brand {
    /// The name of the business.
    pub name: Option<String>,
    /// The place: *Lyon 7e*.
    pub place: Option<String>,
    /// The trade: *boulangerie*.
    pub trade: Option<String>,
    /// The tone of posts, if the brief names none.
    pub tone: Option<String>,
    /// The form of address.
    pub address: Option<Address>,
    /// False if posts bear no emoji.
    pub emojis: Option<bool>,
    /// Words that no post may contain.
    pub banned_words: Vec<String>,
    /// Other facts, in the author's words.
    pub facts: Vec<String>,
    /// The last lines of every post, printed as they are.
    pub signature: Option<String>,
}

/// The reason why a brand cannot be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BrandError {
    /// Too many banned words, or one is too long.
    #[error("at most {MOST_BANNED} banned words, each one line of {LONGEST_BANNED} characters at most")]
    BannedWords,
    /// Too many facts, or one is too long.
    #[error("at most {MOST_FACTS} facts, each one line of {LONGEST_FACT} characters at most")]
    Facts,
    /// A name, place, trade or tone is too long, or has several lines.
    #[error("a name, place, trade or tone is one line of at most {LONGEST_LABEL} characters")]
    Label,
    /// The signature is too long.
    #[error("a signature has at most {LONGEST_SIGNATURE} characters")]
    Signature,
}

/// A rule or fact of a brand, as listed to its author.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry<'a> {
    /// The form of address.
    Address(Address),
    /// True if posts bear emoji.
    Emojis(bool),
    /// The tone.
    Tone(&'a str),
    /// The name.
    Name(&'a str),
    /// The trade.
    Trade(&'a str),
    /// The place.
    Place(&'a str),
    /// A banned word.
    Banned(&'a str),
    /// Another fact.
    Fact(&'a str),
    /// The signature.
    Signature(&'a str),
}

impl Brand {
    /// Returns the brand with trimmed texts, without empty or repeated ones.
    ///
    /// # Errors
    /// Names the bound that the brand exceeds.
    pub fn checked(self) -> Result<Self, BrandError> {
        let text = |text: Option<String>| text.map(|text| clean(&text)).filter(|text| !text.is_empty());
        // One more than is kept shows that there are too many: a longer list is not read on.
        let list = |list: Vec<String>, most: usize| {
            let mut kept: Vec<String> = vec![];
            for item in list.iter().map(|item| clean(item)).filter(|item| !item.is_empty()) {
                if !kept.contains(&item) && kept.len() <= most {
                    kept.push(item);
                }
            }
            kept
        };
        let brand = Self {
            name: text(self.name),
            place: text(self.place),
            trade: text(self.trade),
            tone: text(self.tone),
            banned_words: list(self.banned_words, MOST_BANNED),
            facts: list(self.facts, MOST_FACTS),
            signature: text(self.signature),
            ..self
        };
        let fits = |text: &String, most: usize| text.chars().count() <= most;
        let is_line = |text: &String, most: usize| fits(text, most) && !text.contains(['\n', '\r']);
        let is_label = |text: &String| is_line(text, LONGEST_LABEL);
        if ![&brand.name, &brand.place, &brand.trade, &brand.tone].into_iter().flatten().all(is_label) {
            return Err(BrandError::Label);
        }
        let banned = &brand.banned_words;
        if banned.len() > MOST_BANNED || !banned.iter().all(|word| is_line(word, LONGEST_BANNED)) {
            return Err(BrandError::BannedWords);
        }
        if brand.facts.len() > MOST_FACTS || !brand.facts.iter().all(|fact| is_line(fact, LONGEST_FACT)) {
            return Err(BrandError::Facts);
        }
        if brand.signature.as_ref().is_some_and(|text| !fits(text, LONGEST_SIGNATURE)) {
            return Err(BrandError::Signature);
        }
        Ok(brand)
    }

    /// True if there is no rule and no fact.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The rules and facts, in the order in which they are listed and numbered.
    pub fn entries(&self) -> Vec<Entry<'_>> {
        let mut entries: Vec<Entry<'_>> = vec![];
        entries.extend(self.address.map(Entry::Address));
        entries.extend(self.emojis.map(Entry::Emojis));
        entries.extend(self.tone.as_deref().map(Entry::Tone));
        entries.extend(self.name.as_deref().map(Entry::Name));
        entries.extend(self.trade.as_deref().map(Entry::Trade));
        entries.extend(self.place.as_deref().map(Entry::Place));
        entries.extend(self.banned_words.iter().map(|word| Entry::Banned(word)));
        entries.extend(self.facts.iter().map(|fact| Entry::Fact(fact)));
        entries.extend(self.signature.as_deref().map(Entry::Signature));
        entries
    }

    /// Returns the brand without the entry of this number, from 1. `None` if there is no such entry.
    pub fn without(&self, number: usize) -> Option<Self> {
        let entries = self.entries();
        let entry = entries.get(number.checked_sub(1)?)?;
        let mut left = self.clone();
        match entry {
            Entry::Address(_) => left.address = None,
            Entry::Emojis(_) => left.emojis = None,
            Entry::Tone(_) => left.tone = None,
            Entry::Name(_) => left.name = None,
            Entry::Trade(_) => left.trade = None,
            Entry::Place(_) => left.place = None,
            Entry::Banned(word) => left.banned_words.retain(|other| other != word),
            Entry::Fact(fact) => left.facts.retain(|other| other != fact),
            Entry::Signature(_) => left.signature = None,
        }
        Some(left)
    }

    /// Returns the brand with the entries of `newer`. Lists grow; other entries are replaced.
    ///
    /// # Errors
    /// Names the bound that the result exceeds.
    pub fn with(mut self, newer: Self) -> Result<Self, BrandError> {
        self.banned_words.extend(newer.banned_words);
        self.facts.extend(newer.facts);
        let brand = Self {
            name: newer.name.or(self.name),
            place: newer.place.or(self.place),
            trade: newer.trade.or(self.trade),
            tone: newer.tone.or(self.tone),
            address: newer.address.or(self.address),
            emojis: newer.emojis.or(self.emojis),
            signature: newer.signature.or(self.signature),
            banned_words: self.banned_words,
            facts: self.facts,
        };
        brand.checked()
    }

    /// All texts that a post may contain: facts for the guard, and names for transcriptions.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let texts = [&self.name, &self.trade, &self.place, &self.signature];
        texts.into_iter().flatten().chain(&self.facts).map(String::as_str)
    }
}

fn clean(text: &str) -> String {
    crate::text::storable(text).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_facts(facts: &[&str]) -> Brand {
        Brand { facts: facts.iter().map(|fact| (*fact).to_owned()).collect(), ..Brand::default() }
    }

    #[test]
    fn texts_are_trimmed_and_kept_once() {
        let brand = Brand { place: Some("  ".to_owned()), ..with_facts(&[" fermé ", "fermé", ""]) };
        assert_eq!(brand.checked(), Ok(with_facts(&["fermé"])));
    }

    #[test]
    fn each_bound_has_its_error() {
        let long = |length: usize| Some("é".repeat(length));
        for (brand, expected) in [
            (Brand { name: long(LONGEST_LABEL), ..Brand::default() }, Ok(())),
            (Brand { name: long(LONGEST_LABEL + 1), ..Brand::default() }, Err(BrandError::Label)),
            (Brand { place: Some("Lyon\n7e".to_owned()), ..Brand::default() }, Err(BrandError::Label)),
            (Brand { signature: long(LONGEST_SIGNATURE), ..Brand::default() }, Ok(())),
            (
                Brand { signature: long(LONGEST_SIGNATURE + 1), ..Brand::default() },
                Err(BrandError::Signature),
            ),
            (with_facts(&["é".repeat(LONGEST_FACT + 1).as_str()]), Err(BrandError::Facts)),
            (
                Brand {
                    banned_words: (0..=MOST_BANNED).map(|n| n.to_string()).collect(),
                    ..Brand::default()
                },
                Err(BrandError::BannedWords),
            ),
        ] {
            assert_eq!(brand.checked().map(|_| ()), expected);
        }
    }

    #[test]
    fn entries_are_numbered_as_they_are_listed_and_leave_by_their_number() {
        let brand = Brand {
            address: Some(Address::Informal),
            place: Some("Lyon".to_owned()),
            banned_words: vec!["discount".to_owned(), "promo".to_owned()],
            ..with_facts(&["fermé le lundi"])
        };
        assert_eq!(brand.entries().len(), 5);
        assert_eq!(brand.without(4).unwrap().banned_words, ["discount"]);
        assert_eq!(brand.without(1).unwrap().address, None);
        assert_eq!((brand.without(0), brand.without(6)), (None, None));
    }

    #[test]
    fn a_newer_rule_replaces_and_lists_grow() {
        let old = Brand { place: Some("Lyon".to_owned()), ..with_facts(&["fermé le lundi"]) };
        let newer = Brand { place: Some("Dijon".to_owned()), ..with_facts(&["parking"]) };
        let both = old.with(newer).unwrap();
        assert_eq!((both.place.as_deref(), both.facts.len()), (Some("Dijon"), 2));
    }
}
