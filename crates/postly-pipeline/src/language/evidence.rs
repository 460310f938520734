//! Adds up the evidence of the words, letters and signs of a text for its language.

use std::collections::HashSet;

use postly_domain::{Language, text::fold};

use super::{
    Detection, agreed,
    table::{TABLE, Voice},
};
use crate::{facts, offline::lexicon};

/// The least evidence for certainty: two words of its own.
const ENOUGH: u32 = 5;
/// The least lead over the next language: one word.
const LEAD: u32 = 3;
/// The lead must be at least this part of the total (one third), so that a text in two languages counts as
/// neither.
const LEAD_SHARE: u32 = 3;
/// With fewer letters, a detector only guesses.
const LEAST_LETTERS: usize = 12;
/// Below this confidence, a detector only guesses.
const LEAST_CONFIDENCE: f64 = 0.10;

/// Points by language; the last entry is for all other languages.
#[derive(Default)]
struct Score([u32; 6]);

impl Score {
    fn add(&mut self, voice: Voice, points: u32) {
        let at = match voice {
            Voice::Ours(language) => Language::ALL.iter().position(|one| *one == language),
            Voice::Other => Some(Language::ALL.len()),
        };
        if let Some(of) = at.and_then(|at| self.0.get_mut(at)) {
            *of += points;
        }
    }

    fn decide(&self) -> Detection {
        let mut ranked: Vec<(u32, Option<Language>)> = Language::ALL
            .into_iter()
            .map(Some)
            .chain([None])
            .zip(self.0)
            .map(|(language, points)| (points, language))
            .collect();
        ranked.sort_by_key(|(points, _)| std::cmp::Reverse(*points));
        let [(most, language), (second, _), ..] = ranked.as_slice() else {
            return Detection { best: None, sure: false, leaning: None, tied: [false; 5] };
        };
        let lead = most - second;
        let best = language.filter(|_| lead > 0);
        let sure = best.is_some() && *most >= ENOUGH && lead >= LEAD && lead * LEAD_SHARE >= *most;
        let mut tied = [false; 5];
        for (is_tied, points) in tied.iter_mut().zip(self.0) {
            *is_tied = points == *most && points > 0;
        }
        let leaning =
            Language::ALL.into_iter().zip(tied).find(|(_, tied)| *tied).map(|(language, _)| language);
        Detection { best, sure, leaning, tied }
    }
}

/// A word of the text and its context.
struct Word<'t> {
    raw: &'t str,
    folded: String,
    /// True if it is a capital followed by lower case.
    capital: bool,
    /// True for the first word of the text or of a sentence.
    first: bool,
    quoted: bool,
    /// True if only white space or "&" separates it from the word before.
    joined: bool,
    /// True for letters right before an apostrophe that touches this word: "l" in "l'été".
    elided: bool,
    /// True if an apostrophe touches this word from the left: "re" in "we're".
    tail: bool,
    /// The most points that the word counts: all of its weight, one point, or none.
    most: u32,
}

/// Detects the language of a text.
pub(super) fn weigh(text: &str) -> Detection {
    let text = without_links(text);
    let mut score = Score::default();
    let mut words = words_of(&text);
    discount_names(&mut words);
    discount_quotes(&mut words);
    discount_loans(&mut words);
    let mut seen = HashSet::new();
    for word in &words {
        if !seen.insert(word.folded.as_str()) {
            continue;
        }
        for (voice, weight) in TABLE.words.get(word.folded.as_str()).into_iter().flatten() {
            score.add(*voice, (*weight).min(word.most));
        }
    }
    weigh_letters(&mut score, &text, &words);
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    if letters >= LEAST_LETTERS
        && let Some(language) = agreed(&text, LEAST_CONFIDENCE)
    {
        score.add(Voice::Ours(language), 1);
    }
    score.decide()
}

/// Replaces each character of a link, address, mention or hashtag by a space.
fn without_links(text: &str) -> String {
    let mut plain = text.to_owned();
    for span in facts::link_spans(text) {
        plain.replace_range(span.start..span.end, &" ".repeat(span.end - span.start));
    }
    let mut tag = false;
    plain
        .chars()
        .map(|c| {
            tag = c == '#' || (tag && (c.is_alphanumeric() || c == '_'));
            if tag { ' ' } else { c }
        })
        .collect()
}

fn words_of(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let (mut first, mut quote, mut end) = (true, None, 0);
    let is_part = |c: char| c.is_alphabetic() || unicode_normalization::char::is_combining_mark(c);
    let mut chars = text.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        if !is_part(c) {
            first |= matches!(c, '.' | '!' | '?' | ':' | '\n' | '؟' | '¡' | '¿');
            quote = match (quote, c) {
                (None, '"') => Some('"'),
                (None, '«') => Some('»'),
                (None, '“') => Some('”'),
                (Some(close), c) if c == close => None,
                (open, _) => open,
            };
            continue;
        }
        let mut stop = start + c.len_utf8();
        while let Some((at, next)) = chars.next_if(|(_, next)| is_part(*next)) {
            stop = at + next.len_utf8();
        }
        let raw = text.get(start..stop).unwrap_or_default();
        let gap = text.get(end..start).unwrap_or_default();
        let apostrophe = |c: char| matches!(c, '\'' | '’');
        let after = text.get(stop..).unwrap_or_default();
        words.push(Word {
            raw,
            folded: fold(raw),
            capital: c.is_uppercase() && raw.chars().skip(1).any(char::is_lowercase),
            first,
            quoted: quote.is_some(),
            joined: end > 0 && gap.chars().all(|c| c == ' ' || c == '&'),
            elided: after.starts_with(apostrophe) && after.chars().nth(1).is_some_and(char::is_alphabetic),
            tail: end > 0 && gap.chars().count() == 1 && gap.starts_with(apostrophe),
            most: u32::MAX,
        });
        first = false;
        end = stop;
    }
    words
}

/// "Happy Hour", "Chez Léa", "The Crown": two capitalised words side by side are a name, and a name may be in
/// any language. The first word of a sentence is always capitalised. Names cannot be told apart in a text
/// that is all in capitals.
fn discount_names(words: &mut [Word<'_>]) {
    if words.iter().filter(|word| !word.capital).count() < 2 {
        return;
    }
    let named: Vec<bool> = words
        .iter()
        .map(|word| {
            word.capital
                && !facts::is_weekday(&word.folded)
                && !facts::is_month(&word.folded)
                && !lexicon::is_place(&word.folded)
        })
        .collect();
    let is_named = |at: Option<usize>| at.and_then(|at| named.get(at)).is_some_and(|named| *named);
    let joined: Vec<bool> = words.iter().map(|word| word.joined).collect();
    for (at, word) in words.iter_mut().enumerate() {
        let before = is_named(at.checked_sub(1)) && word.joined;
        let behind = is_named(Some(at + 1)) && joined.get(at + 1).is_some_and(|joined| *joined);
        if is_named(Some(at)) && (before || behind) {
            word.most = u32::from(word.first);
        }
    }
}

/// Quoted words are someone else's, unless there are hardly any others.
fn discount_quotes(words: &mut [Word<'_>]) {
    if words.iter().filter(|word| !word.quoted).count() >= 3 {
        words.iter_mut().filter(|word| word.quoted).for_each(|word| word.most = 0);
    }
}

fn discount_loans(words: &mut [Word<'_>]) {
    let mut at = 0;
    while at < words.len() {
        let rest = words.get(at..).unwrap_or_default();
        let loan = TABLE.loans.iter().find(|phrase| {
            phrase.len() <= rest.len() && phrase.iter().zip(rest).all(|(one, word)| *one == word.folded)
        });
        let length = loan.map_or(0, Vec::len);
        words.iter_mut().skip(at).take(length).for_each(|word| word.most = 0);
        at += length.max(1);
    }
}

/// Points for one or more languages.
type Points = &'static [(Language, u32)];

/// Letters and endings, with the points they add. Each counts once.
const LETTERS: &[(&[char], Points)] = &[
    (&['ñ'], &[(Language::Es, 4)]),
    (&['ã', 'õ'], &[(Language::Pt, 4)]),
    (&['è', 'ù', 'œ', 'î', 'û', 'ë', 'ï'], &[(Language::Fr, 2)]),
    (&['à'], &[(Language::Fr, 2), (Language::Pt, 1)]),
    (&['ç', 'ê', 'â', 'ô'], &[(Language::Fr, 1), (Language::Pt, 1)]),
    (&['é'], &[(Language::Fr, 1), (Language::Pt, 1), (Language::Es, 1)]),
    (&['á', 'í', 'ó', 'ú'], &[(Language::Es, 1), (Language::Pt, 1)]),
];
const ENDINGS: &[(&str, Points)] = &[
    ("cion", &[(Language::Es, 2)]),
    ("ciones", &[(Language::Es, 2)]),
    ("idad", &[(Language::Es, 2)]),
    ("cao", &[(Language::Pt, 2)]),
    ("coes", &[(Language::Pt, 2)]),
    ("idade", &[(Language::Pt, 2)]),
    ("inho", &[(Language::Pt, 2)]),
    ("inha", &[(Language::Pt, 2)]),
    ("eaux", &[(Language::Fr, 2)]),
    ("euse", &[(Language::Fr, 2)]),
    ("ment", &[(Language::Fr, 1)]),
];
/// Letters right before an apostrophe in French.
const ELIDED: &[&str] = &["l", "d", "j", "n", "c", "s", "m", "qu", "aujourd", "jusqu"];
/// English letters after an apostrophe.
const CONTRACTED: &[&str] = &["re", "ll", "ve", "t", "m"];

fn weigh_letters(score: &mut Score, text: &str, words: &[Word<'_>]) {
    // A name keeps its original spelling.
    let telling = |word: &&Word<'_>| word.most > 1 && (!word.capital || word.first);
    let lower: Vec<String> = words.iter().filter(telling).map(|word| word.raw.to_lowercase()).collect();
    let has = |letters: &[char]| lower.iter().any(|word| word.contains(letters));
    for (_, voices) in LETTERS.iter().filter(|(letters, _)| has(letters)) {
        voices.iter().for_each(|(language, points)| score.add(Voice::Ours(*language), *points));
    }
    let ends = |ending: &str| {
        words
            .iter()
            .filter(telling)
            .any(|word| word.folded.len() > ending.len() + 1 && word.folded.ends_with(ending))
    };
    for (_, voices) in ENDINGS.iter().filter(|(ending, _)| ends(ending)) {
        voices.iter().for_each(|(language, points)| score.add(Voice::Ours(*language), *points));
    }
    if words.iter().any(|word| word.elided && word.most > 0 && ELIDED.contains(&word.folded.as_str())) {
        score.add(Voice::Ours(Language::Fr), 2);
        score.add(Voice::Other, 1);
    }
    if words.iter().any(|word| word.tail && CONTRACTED.contains(&word.folded.as_str())) {
        score.add(Voice::Ours(Language::En), 3);
    }
    if words.iter().any(|word| word.raw == "I") {
        score.add(Voice::Ours(Language::En), 2);
    }
    if text.contains(['¿', '¡']) {
        score.add(Voice::Ours(Language::Es), 4);
    }
    if text.contains("R$") {
        score.add(Voice::Ours(Language::Pt), 2);
    }
    if text.contains('£') {
        score.add(Voice::Ours(Language::En), 1);
    }
    weigh_arabic(score, words);
}

/// A text mostly in Arabic letters is Arabic; a word or two in another text may be a name.
fn weigh_arabic(score: &mut Score, words: &[Word<'_>]) {
    let is_arabic = |c: char| matches!(c, '\u{600}'..='\u{6FF}');
    let arabic: Vec<&Word<'_>> = words.iter().filter(|word| word.raw.contains(is_arabic)).collect();
    let count = |words: &mut dyn Iterator<Item = &Word<'_>>| {
        words.map(|word| word.raw.chars().count()).sum::<usize>()
    };
    let (own, all) = (count(&mut arabic.iter().copied()), count(&mut words.iter()));
    let each = if own * 2 > all { 5 } else { 2 };
    for _ in &arabic {
        score.add(Voice::Ours(Language::Ar), each);
    }
}
