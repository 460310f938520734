//! The follow-ups of a result: the choice of one post, or a wish for a change.

use super::{
    language_named,
    phrases::{has_word, list, says},
    reading::Reading,
    requests,
    words::class,
};
use crate::{Language, text::fold};

/// A wish for a change of the last posts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The wish.
    pub wish: Wish,
    /// The post to change, 1 to 3; `None` for all of them.
    pub variant: Option<u8>,
}

/// The wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// The same in fewer words.
    Shorter,
    /// The same in more words.
    Longer,
    /// Other posts from the same brief.
    Again,
    /// No hashtags.
    WithoutHashtags,
    /// No emoji.
    WithoutEmoji,
    /// The same in another language.
    InLanguage(Language),
    /// The reader is addressed informally: *tu*.
    Informal,
    /// The reader is addressed formally: *vous*.
    Formal,
    /// One more fact, in the author's words.
    Add(String),
    /// A fact that replaces another, in the author's words.
    Correct(String),
    /// Another tone or angle, which only a model can write.
    Other,
}

/// The longest choice in words.
const MOST_CHOICE_WORDS: usize = 8;
/// The longest change in words.
const MOST_CHANGE_WORDS: usize = 40;
/// The longest change in words that names no fact.
const MOST_FIXED_WORDS: usize = 12;

/// The post that a message chooses, 1 to 3. A message with other content chooses none.
pub(super) fn choice(reading: &Reading) -> Option<u8> {
    const BESIDE: u32 =
        class::FILLER | class::POST | class::PRIVATE | class::ASK | class::COURTESY | class::GENERAL;
    if reading.words.is_empty() || reading.words.len() > MOST_CHOICE_WORDS {
        return None;
    }
    let choosing = list("choosing");
    let mut chosen = None;
    for (at, word) in reading.words.iter().enumerate() {
        match ordinal_at(reading, at) {
            Some(number) if chosen.is_none() => chosen = Some(number),
            Some(_) => return None,
            None if word.class & BESIDE != 0 || choosing.contains(&word.folded.as_str()) => {}
            None => return None,
        }
    }
    chosen
}

/// The number of a post that the word at an index names. Words with another meaning (*une*, *tres*, *dos*)
/// count alone or behind an article only.
fn ordinal_at(reading: &Reading, at: usize) -> Option<u8> {
    let word = reading.words.get(at)?;
    let before = at.checked_sub(1).and_then(|before| reading.words.get(before));
    let is_told = reading.words.len() == 1
        || before.is_some_and(|before| list("articles").contains(&before.folded.as_str()));
    let is_doubtful = list("doubtful ordinals").contains(&word.folded.as_str());
    ordinal(&word.folded).filter(|_| is_told || !is_doubtful)
}

/// The post that a change names: by its number behind *post*, *version* and the like, or as the second word
/// of the text.
fn named_post(reading: &Reading) -> Option<u8> {
    (0..reading.words.len()).find_map(|at| {
        let before = at.checked_sub(1).and_then(|before| reading.words.get(before))?;
        let is_behind_a_name = list("naming").contains(&before.folded.as_str());
        let is_behind_an_article = at == 1 && list("articles").contains(&before.folded.as_str());
        ordinal_at(reading, at).filter(|_| is_behind_a_name || is_behind_an_article)
    })
}

/// The number of a post that a word names.
fn ordinal(word: &str) -> Option<u8> {
    let bare = ["n°", "#"].iter().find_map(|prefix| word.strip_prefix(prefix)).unwrap_or(word);
    [(1, "ordinal 1"), (2, "ordinal 2"), (3, "ordinal 3")]
        .into_iter()
        .find(|(_, name)| list(name).contains(&bare))
        .map(|(number, _)| number)
}

/// A wish for a change. A text that asks for a new post is none.
pub(super) fn change(reading: &Reading, text: &str) -> Option<Change> {
    if reading.words.len() > MOST_CHANGE_WORDS {
        return None;
    }
    let wish = wish(reading, text)?;
    if matches!(wish, Wish::Correct(_) | Wish::Other) && requests::refund(reading) {
        return None;
    }
    Some(Change { wish, variant: named_post(reading) })
}

fn wish(reading: &Reading, text: &str) -> Option<Wish> {
    let asks_anew = reading.asks && (reading.subjects > 1 || reading.has(class::NETWORK))
        || reading.has(class::POST) && reading.has(class::NETWORK) && reading.has_offer;
    if asks_anew && !says(reading, "correcting") {
        return None;
    }
    if has_word(reading, "without") && has_word(reading, "hashtags") {
        return Some(Wish::WithoutHashtags);
    }
    if has_word(reading, "without") && has_word(reading, "emoji") {
        return Some(Wish::WithoutEmoji);
    }
    if reading.words.len() <= MOST_FIXED_WORDS
        && let Some(wish) = fixed(reading)
    {
        return Some(wish);
    }
    let first_denies =
        reading.words.first().is_some_and(|word| list("denial").contains(&word.folded.as_str()));
    let corrects = says(reading, "correcting") || first_denies && has_word(reading, "contrast");
    if corrects && reading.words.len() > 1 {
        return Some(Wish::Correct(text.trim().to_owned()));
    }
    let first = reading.words.iter().find(|word| word.class & class::FILLER == 0);
    let adds = first.is_some_and(|word| list("adding").contains(&word.folded.as_str()));
    if adds || says(reading, "adding phrases") {
        return added(text).map(Wish::Add);
    }
    if first.is_some_and(|word| list("taking away").contains(&word.folded.as_str())) {
        return Some(Wish::Other);
    }
    let names_a_tone = has_word(reading, "more") && has_word(reading, "tone words");
    let is_short = reading.words.len() <= MOST_FIXED_WORDS;
    let compares = names_a_tone || has_word(reading, "comparatives") || says(reading, "tones");
    (is_short && compares).then_some(Wish::Other)
}

/// The words to be added, behind the verb. `None` if there are none.
fn added(text: &str) -> Option<String> {
    let verbs = list("adding");
    let mut rest = text.trim();
    while let Some((word, behind)) = rest.split_once(char::is_whitespace) {
        let folded = fold(word.trim_matches(|c: char| !c.is_alphanumeric()));
        rest = behind.trim_start();
        if verbs.contains(&folded.as_str()) || list("forgotten").contains(&folded.as_str()) {
            return (!rest.is_empty()).then(|| rest.to_owned());
        }
    }
    None
}

/// A list of words, a list of phrases, and the wish that both express.
type FixedWish = ([&'static str; 2], fn() -> Wish);

/// A wish that a few words express completely.
fn fixed(reading: &Reading) -> Option<Wish> {
    const MOST_SUBJECTS: usize = 3;
    let language = reading.words.iter().find_map(|word| language_named(&word.folded));
    if let Some(language) = language.filter(|_| reading.subjects <= MOST_SUBJECTS) {
        return Some(Wish::InLanguage(language));
    }
    let lists: [FixedWish; 5] = [
        (["shorter words", "shorter phrases"], || Wish::Shorter),
        (["longer words", "longer phrases"], || Wish::Longer),
        (["again words", "again phrases"], || Wish::Again),
        (["informal words", "informal phrases"], || Wish::Informal),
        (["formal words", "formal phrases"], || Wish::Formal),
    ];
    let found =
        lists.into_iter().find(|([words, phrases], _)| has_word(reading, words) || says(reading, phrases));
    found.map(|(_, wish)| wish())
}
