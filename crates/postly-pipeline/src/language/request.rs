//! A language requested by name: "un post en anglais", "in Spanish, please", "بالإنجليزية".

use postly_domain::{Language, text::fold};

use super::{detect_language, table::TABLE};
use crate::offline::lexicon;

/// A word of the folded text; `closed` if a comma, stop or colon separates it from the next.
struct Word<'t> {
    text: &'t str,
    closed: bool,
}

/// Returns the language that the author requests for the posts, if one is named.
///
/// "Cours en anglais" describes the business: the name of a language is a request only right after a word
/// about the post, or if no other part of the sentence can own it.
pub fn requested_language(text: &str) -> Option<Language> {
    let folded = fold(text);
    let words = words_of(&folded);
    (0..words.len()).find_map(|at| {
        let (language, length) = named_at(&words, at)?;
        asks(text, &words, at, length).then_some(language)
    })
}

fn words_of(folded: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut rest = folded;
    while let Some(start) = rest.find(char::is_alphanumeric) {
        let body = rest.get(start..).unwrap_or_default();
        let end = body.find(|c: char| !c.is_alphanumeric()).unwrap_or(body.len());
        let (text, behind) = body.split_at(end);
        let gap =
            behind.find(char::is_alphanumeric).map_or(behind, |next| behind.get(..next).unwrap_or(behind));
        words.push(Word { text, closed: gap.contains([',', '.', ':', ';', '!', '(', ')', '،', '-']) });
        rest = behind;
    }
    words
}

/// The language that these words name with a preposition, and the number of those words.
fn named_at(words: &[Word<'_>], at: usize) -> Option<(Language, usize)> {
    let word = |offset: usize| words.get(at + offset).map(|word| word.text);
    let named = |name: &str| Language::from_folded_name(name).filter(|_| name.chars().count() > 2);
    match word(0)? {
        "en" | "in" | "em" => named(word(1)?).map(|language| (language, 2)),
        "باللغة" => named(word(1)?).map(|language| (language, 2)),
        // In Arabic, the preposition is joined to the name.
        glued => named(glued.strip_prefix('ب')?).map(|language| (language, 1)),
    }
}

fn asks(text: &str, words: &[Word<'_>], at: usize, length: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| words.get(before));
    let Some(before) = before else {
        // "In English: new menu" is a request. Without a colon it may be another phrase: "In English we
        // trust".
        let closed = words.get(length - 1).is_some_and(|last| last.closed);
        let order = words.get(length).is_none_or(|next| lexicon::is_verb(next.text));
        return closed || order;
    };
    if TABLE.about_shop.contains(before.text) {
        return false;
    }
    if TABLE.about_post.contains(before.text) {
        return true;
    }
    let behind = words.get(at + length..).unwrap_or_default();
    let ends = behind.iter().all(|word| TABLE.courtesy.contains(word.text));
    let parted = words.get(at + length - 1).is_some_and(|last| last.closed);
    if before.closed || TABLE.courtesy.contains(before.text) {
        return ends || parted;
    }
    // "Promo sur les croissants en anglais" is a request only if the brief is in another language and asks
    // for a post.
    let language = named_at(words, at).map(|(language, _)| language);
    let asked = words.iter().any(|word| lexicon::is_noun(word.text) || lexicon::is_verb(word.text));
    let of_shop = words.iter().take(at).any(|word| TABLE.about_shop.contains(word.text));
    ends && asked && !of_shop && detect_language(text).best != language
}
