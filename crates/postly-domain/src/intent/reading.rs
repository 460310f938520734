//! The facts of a text that need no interpretation: an offer, a price, a date, a place, and the words left as
//! its subject.

use super::words::{class, classes};
use crate::text::fold;

/// The number of words that are read: the first lines of a brief show its kind.
const MOST_WORDS: usize = 400;
/// A run of this many digits or more is a telephone number.
const PHONE_DIGITS: usize = 8;

/// A word of a text.
pub(super) struct Word {
    /// The word, folded, without the punctuation around it.
    pub(super) folded: String,
    /// Its classes.
    pub(super) class: u32,
}

/// A text, read word by word.
pub(super) struct Reading {
    /// Its words, at most [`MOST_WORDS`].
    pub(super) words: Vec<Word>,
    /// The words, folded, with a space before, between and behind them.
    pub(super) joined: String,
    /// The classes of all words together.
    pub(super) all: u32,
    /// The number of words that may be the subject: neither fillers nor facts of another kind.
    pub(super) subjects: usize,
    /// A percentage, a multiple (2x1) or a word for an offer.
    pub(super) has_offer: bool,
    /// A number with a percent sign.
    pub(super) has_percentage: bool,
    /// An amount of money.
    pub(super) has_price: bool,
    /// A day, a time, a season.
    pub(super) has_date: bool,
    /// A place by name or by kind.
    pub(super) has_place: bool,
    /// A telephone number, an address of a page or of a mailbox, a handle.
    pub(super) has_contact: bool,
    /// A verb of asking with a text for a network, or a verb that announces.
    pub(super) asks: bool,
    /// The last sentence is a question.
    pub(super) ends_as_question: bool,
    /// The first word opens a question.
    pub(super) opens_as_question: bool,
}

impl Reading {
    pub(super) fn of(text: &str) -> Self {
        let mut reading = Self {
            words: vec![],
            joined: String::from(" "),
            all: 0,
            subjects: 0,
            has_offer: false,
            has_percentage: false,
            has_price: false,
            has_date: false,
            has_place: false,
            has_contact: false,
            asks: false,
            ends_as_question: text.trim_end_matches(is_trailing).ends_with(['?', '؟']),
            opens_as_question: false,
        };
        let mut digits = 0;
        let mut before_is_locative = false;
        for token in text.split(is_break).filter(|token| !token.is_empty()).take(MOST_WORDS) {
            let word = token.trim_matches(is_edge);
            if word.is_empty() {
                continue;
            }
            let folded = fold(word);
            digits = if folded.chars().any(char::is_alphabetic) { 0 } else { digits + count_digits(&folded) };
            reading.has_contact |= digits >= PHONE_DIGITS || is_contact(&folded);
            let is_name = word.chars().next().is_some_and(char::is_uppercase) && word.chars().count() > 1;
            reading.has_place |= before_is_locative && is_name && !is_a_month_or_day(&folded);
            before_is_locative = is_locative(&folded);
            reading.take_parts(&folded);
        }
        reading.finish();
        reading
    }

    /// Adds a word, cut at its hyphens if it is made of letters and no list has it whole.
    fn take_parts(&mut self, folded: &str) {
        let is_compound = folded.contains('-') && classes(folded) == 0 && !folded.contains(char::is_numeric);
        if is_compound {
            folded.split('-').filter(|part| !part.is_empty()).for_each(|part| self.take(part));
        } else {
            self.take(folded);
        }
    }

    /// Adds a word, cut at an apostrophe unless a list has it whole.
    fn take(&mut self, folded: &str) {
        if classes(folded) == 0
            && let Some((head, tail)) = folded.split_once('\'')
            && !tail.is_empty()
        {
            self.push(&format!("{head}'"));
            self.push(tail);
        } else {
            self.push(folded);
        }
    }

    fn push(&mut self, folded: &str) {
        let class = classes(folded);
        let class = if is_a_kind_of_shop(folded) { class | class::TRADE } else { class };
        self.words.push(Word { folded: folded.to_owned(), class });
        self.joined.push_str(folded);
        self.joined.push(' ');
        self.all |= class;
        if folded.chars().any(char::is_numeric) {
            self.number(folded);
        } else if is_subject(folded, class) {
            self.subjects += 1;
        }
    }

    fn number(&mut self, folded: &str) {
        let is_percentage = folded.contains(['%', '٪']) || folded.starts_with('-');
        self.has_percentage |= is_percentage;
        self.has_offer |= is_percentage || is_multiple(folded);
        self.has_price |=
            folded.contains(['€', '£', '$']) || has_unit(folded, &["eur", "euros", "dh", "chf"]);
        // `45e`: euros. `6e` is an ordinal.
        self.has_price |= has_unit(folded, &["e"]) && count_digits(folded) > 1;
        self.has_date |= is_time_or_date(folded);
    }

    fn finish(&mut self) {
        self.has_offer |= self.has(class::OFFER);
        self.has_date |= self.has(class::DATE);
        self.has_place |=
            self.words.iter().any(|word| word.class & (class::PLACE | class::GENERAL) == class::PLACE);
        let names_a_shop =
            self.words.iter().any(|word| word.class & class::GENERAL == 0 && is_a_kind_of_shop(&word.folded));
        self.has_place |= names_a_shop && self.subjects > 1;
        let told = |word: &&Word| word.class & (class::COURTESY | class::FILLER) == 0;
        let opens_with_a_post =
            self.words.iter().find(told).is_some_and(|word| word.class & class::POST != 0);
        self.asks =
            self.has(class::ASK) && self.has(class::POST) || self.has(class::ANNOUNCE) || opens_with_a_post;
        let is_number = |word: &Word| word.folded.chars().any(char::is_numeric);
        let beside = |pair: &[Word]| match pair {
            [first, second] => {
                let is_price =
                    |number: &Word, unit: &Word| is_number(number) && unit.class & class::CURRENCY != 0;
                is_price(first, second) || is_price(second, first)
            }
            _ => false,
        };
        self.has_price |= self.words.windows(2).any(beside);
        let percent =
            |pair: &[Word]| matches!(pair, [number, sign] if is_number(number) && sign.folded == "%");
        let is_percentage = self.words.windows(2).any(percent);
        self.has_percentage |= is_percentage;
        self.has_offer |= is_percentage;
        let first = self.words.iter().find(|word| word.class & class::COURTESY == 0);
        self.opens_as_question = first.is_some_and(|word| word.class & class::QUESTION != 0);
    }

    /// True if a word belongs to the class.
    pub(super) fn has(&self, class: u32) -> bool {
        self.all & class != 0
    }

    /// The number of words of the class.
    pub(super) fn count(&self, class: u32) -> usize {
        self.words.iter().filter(|word| word.class & class != 0).count()
    }
}

fn is_break(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '(' | ')'
                | '"'
                | '«'
                | '»'
                | '“'
                | '”'
                | '!'
                | '?'
                | '¿'
                | '¡'
                | '؟'
                | '،'
                | ';'
                | '…'
                | '|'
                | '•'
        )
}

/// Punctuation and pictures at the edge of a word. Signs that belong to amounts stay.
fn is_edge(c: char) -> bool {
    !(c.is_alphanumeric() || matches!(c, '%' | '٪' | '€' | '£' | '$' | '-' | '+' | '@' | '#'))
}

/// Characters that may stand behind a question mark at the end of a message.
fn is_trailing(c: char) -> bool {
    !c.is_alphanumeric() && !matches!(c, '?' | '؟')
}

fn is_subject(folded: &str, class: u32) -> bool {
    const OTHERWISE: u32 = class::FILLER
        | class::ASK
        | class::POST
        | class::NETWORK
        | class::DATE
        | class::CURRENCY
        | class::QUESTION
        | class::PRIVATE
        | class::GENERAL
        | class::OFFER
        | class::PLACE
        | class::COURTESY
        | class::ANNOUNCE;
    folded.chars().filter(|c| c.is_alphabetic()).count() > 1 && class & OTHERWISE == 0
}

fn count_digits(folded: &str) -> usize {
    folded.chars().filter(|c| c.is_numeric()).count()
}

fn is_contact(folded: &str) -> bool {
    folded.contains('@')
        || folded.starts_with("http")
        || folded.starts_with("www.")
        || folded.split_once('.').is_some_and(|(host, rest)| {
            host.len() > 1
                && host.ends_with(char::is_alphanumeric)
                && rest.chars().take(2).filter(char::is_ascii_lowercase).count() == 2
        })
}

/// `2x1`, `3+1`.
fn is_multiple(folded: &str) -> bool {
    let mut sides = folded.split(['x', '+', '×']);
    matches!((sides.next(), sides.next(), sides.next()), (Some(a), Some(b), None) if is_small(a) && is_small(b))
}

fn is_small(text: &str) -> bool {
    (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn has_unit(folded: &str, units: &[&str]) -> bool {
    units
        .iter()
        .any(|unit| folded.strip_suffix(unit).is_some_and(|number| number.ends_with(char::is_numeric)))
}

/// `19h`, `19h30`, `10:30`, `7pm`, `12/12`, `2026`, `1er`, `12th`, `7j/7`.
fn is_time_or_date(folded: &str) -> bool {
    let two = |separator: char| {
        folded.split_once(separator).is_some_and(|(hour, rest)| {
            is_small(hour) && (rest.is_empty() || rest.starts_with(char::is_numeric))
        })
    };
    let is_year =
        folded.len() == 4 && folded.starts_with("20") && folded.bytes().all(|byte| byte.is_ascii_digit());
    two('h')
        || two(':')
        || two('/')
        || is_year
        || has_unit(folded, &["am", "pm", "th", "er", "hs", "hrs", "h"])
        || folded.contains("j/7")
        || folded.contains("/7")
}

/// A word after which a name with a capital is a place.
fn is_locative(folded: &str) -> bool {
    matches!(
        folded,
        "a" | "au" | "chez" | "in" | "at" | "near" | "en" | "em" | "sur" | "no" | "na" | "rue" | "from"
    )
}

/// *boulangerie*, *heladería*, *padaria*.
fn is_a_kind_of_shop(folded: &str) -> bool {
    const SHORTEST: usize = 7;
    folded.len() >= SHORTEST && ["erie", "eria", "aria"].iter().any(|ending| folded.ends_with(ending))
}

fn is_a_month_or_day(folded: &str) -> bool {
    classes(folded) & (class::DATE | class::NETWORK | class::POST) != 0
        || super::language_named(folded).is_some()
}
