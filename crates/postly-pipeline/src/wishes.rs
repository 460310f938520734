//! The author's wishes for the form of the posts.

use postly_domain::text::fold;

use crate::{
    facts,
    tokens::{Kind, Token, tokens},
};

/// The wishes that the brief states in plain words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Wishes {
    /// "Sans emoji".
    pub(crate) no_emoji: bool,
    /// "Sans hashtag".
    pub(crate) no_hashtag: bool,
    /// "Avec 15 hashtags".
    pub(crate) hashtags: Option<usize>,
    /// "De 500 caractères". A number of words is converted with the shortest word length.
    pub(crate) characters: Option<usize>,
}

/// Reads the wishes of a brief.
pub(crate) fn read(brief: &str) -> Wishes {
    let folded = fold(brief).replace("d'", "").replace(['-', '#'], " #");
    let folded = folded.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_without = |before: &str| {
        before.strip_suffix(' ').is_some_and(|before| WITHOUT.iter().any(|without| before.ends_with(without)))
    };
    // "Sans emoji ni hashtags": both are unwanted.
    let folded = ["ni", "nor", "or", "et", "and", "e", "y", "ou", "o"].iter().fold(folded, |text, and| {
        ["emoji", "emojis", "hashtag", "hashtags", "emoticon", "emoticons"]
            .iter()
            .fold(text, |text, thing| text.replace(&format!(" {thing} {and} "), &format!(" {thing} sans ")))
    });
    let folded = folded.replace("sans de ", "sans ");
    let unwanted = |things: &[&str]| {
        let mut places = things.iter().flat_map(|thing| folded.match_indices(thing));
        places.any(|(at, _)| folded.get(..at).is_some_and(is_without))
    };
    let tokens = tokens(brief);
    let characters = counted(&tokens, |word| {
        matches!(word, "caracteres" | "characters" | "character" | "signes" | "حرف" | "حرفا" | "احرف")
    });
    let words = counted(&tokens, |word| {
        matches!(word, "mots" | "words" | "word" | "palabras" | "palavras" | "كلمه" | "كلمة" | "كلمات")
    });
    Wishes {
        hashtags: counted(&tokens, is_hashtag),
        characters: characters.or(words.map(|words| words.saturating_mul(SHORTEST_WORD))),
        no_emoji: unwanted(&["emoji", "emoticon", "smiley", "émoji", "ايموجي", "رموز تعبيرية"]),
        no_hashtag: unwanted(&["hashtag", "#", "mot cle", "hash tag", "هاشتاغ", "هاشتاج", "وسوم"])
            && !folded.contains("pas # "),
    }
}

/// The length of a word of one letter and the space after it.
const SHORTEST_WORD: usize = 2;

/// True if a folded word means hashtags.
pub(crate) fn is_hashtag(word: &str) -> bool {
    matches!(
        word,
        "hashtag"
            | "hashtags"
            | "hash-tags"
            | "هاشتاغ"
            | "هاشتاج"
            | "هاشتاغات"
            | "هاشتاجات"
            | "وسوم"
            | "وسم"
            | "وسما"
    )
}

/// The number of a thing in the brief: it is before the thing, with one word between at most.
fn counted(tokens: &[Token], is_thing: impl Fn(&str) -> bool) -> Option<usize> {
    let at = tokens.iter().position(|token| token.kind == Kind::Word && is_thing(&token.folded))?;
    let mut before = tokens.get(..at)?.iter().rev();
    let nearest = before.next()?;
    number(nearest).or_else(|| before.next().filter(|_| nearest.kind == Kind::Word).and_then(number))
}

fn number(token: &Token) -> Option<usize> {
    match token.kind {
        Kind::Number => facts::plain_digits(&token.folded).parse().ok(),
        Kind::Word => facts::number_word(&token.folded)
            .and_then(|number| usize::try_from(number).ok())
            .filter(|n| *n > 1),
        Kind::Link | Kind::Mark => None,
    }
}

const WITHOUT: &[&str] =
    &["sans", "pas de", "pas", "aucun", "no", "without", "without any", "sin", "sem", "zero", "zéro", "بدون"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_read() {
        for (brief, no_emoji, no_hashtag) in [
            ("Un post sur nos pains, sans emoji", true, false),
            ("no hashtags, no emojis please", true, true),
            ("pas d’émojis ni de hashtags", true, true),
            ("sin hashtags", false, true),
            ("sem emoji", true, false),
            ("un post avec des emojis et des hashtags", false, false),
            ("sans gluten", false, false),
        ] {
            let wishes = Wishes { no_emoji, no_hashtag, ..Wishes::default() };
            assert_eq!(read(brief), wishes, "{brief}");
        }
    }
}
