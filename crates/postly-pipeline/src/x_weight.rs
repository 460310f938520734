//! The weighted length of a post on X, equal to that of `twitter-text` 3.1.0 (configuration v3).
//!
//! Latin and a few other scripts weigh one, the rest two, a known emoji two, a link 23. Positions are UTF-16
//! code units, as in twitter-text. `cargo xtask oracles` compares a few thousand posts with the library.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use unicode_normalization::UnicodeNormalization;

mod links;

/// The weight of any link, of any length (`transformedURLLength`).
const LINK: usize = 23;

/// The emojis of several code points that twemoji-parser knows. A skin tone is written as the lightest of the
/// five.
const EMOJIS: &str = include_str!("../data/x_emojis.txt");

/// The lightest skin tone, which represents all five.
const TONE: char = '\u{1F3FB}';

/// The weighted length of a post.
pub(crate) fn of(text: &str) -> usize {
    let text: String = text.nfc().collect();
    let units: Vec<u16> = text.encode_utf16().collect();
    // Of two links with the same start, the later counts, as in the library.
    let links: HashMap<usize, usize> = links::of(&units).into_iter().collect();
    let emojis = emojis(&text);
    let mut weight = 0;
    let mut at = 0;
    while let Some(unit) = units.get(at) {
        if let Some(length) = links.get(&at) {
            weight += LINK;
            at += (*length).max(1);
        } else if let Some(length) = emojis.get(&at) {
            weight += 2;
            at += length;
        } else {
            // A pair of surrogates is one character of weight two.
            at += if is_pair(*unit, units.get(at + 1)) { 2 } else { 1 };
            weight += unit_weight(*unit);
        }
    }
    weight
}

/// Returns true if X finds a link in a text.
pub(crate) fn has_link(text: &str) -> bool {
    let units: Vec<u16> = text.nfc().collect::<String>().encode_utf16().collect();
    !links::of(&units).is_empty()
}

fn is_pair(first: u16, second: Option<&u16>) -> bool {
    (0xD800..=0xDBFF).contains(&first) && second.is_some_and(|second| (0xDC00..=0xDFFF).contains(second))
}

/// The ranges of weight one in configuration v3.
fn unit_weight(unit: u16) -> usize {
    match unit {
        0..=4351 | 8192..=8205 | 8208..=8223 | 8242..=8247 => 1,
        _ => 2,
    }
}

/// The emojis of several code points: start and length, in code units.
///
/// An emoji of one code point has the weight of a character, so it needs no entry.
fn emojis(text: &str) -> HashMap<usize, usize> {
    let mut found = HashMap::new();
    let mut unit = 0;
    let mut chars = text.char_indices();
    while let Some((start, first)) = chars.next() {
        let rest = text.get(start..).unwrap_or_default();
        let second = chars.as_str().chars().next();
        let emoji = second.filter(|second| is_joining(*second)).and_then(|_| known_emoji(rest));
        let Some(emoji) = emoji else {
            unit += first.len_utf16();
            continue;
        };
        let length = emoji.encode_utf16().count();
        found.insert(unit, length);
        unit += length;
        chars = text.char_indices();
        // Continues after the emoji.
        while chars.offset() < start + emoji.len() && chars.next().is_some() {}
    }
    found
}

/// Returns true if a character can be the second of an emoji.
fn is_joining(c: char) -> bool {
    matches!(c, '\u{200D}' | '\u{20E3}' | '\u{FE0F}' | '\u{1F1E6}'..='\u{1F1FF}' | '\u{1F3FB}'..='\u{1F3FF}' | '\u{E0067}')
}

/// The longest known emoji at the start of a text.
fn known_emoji(text: &str) -> Option<&str> {
    static KNOWN: LazyLock<(HashSet<&'static str>, usize)> = LazyLock::new(|| {
        let known: HashSet<&str> =
            EMOJIS.lines().filter(|line| !line.starts_with("# ") && !line.is_empty()).collect();
        let longest = known.iter().map(|emoji| emoji.chars().count()).max().unwrap_or(0);
        (known, longest)
    });
    let (known, longest) = &*KNOWN;
    let mut plain = String::new();
    let mut ends = Vec::new();
    for (at, c) in text.char_indices().take(*longest) {
        plain.push(if matches!(c, '\u{1F3FB}'..='\u{1F3FF}') { TONE } else { c });
        ends.push(at + c.len_utf8());
    }
    // All tones have the same number of bytes.
    let end =
        ends.into_iter().skip(1).rev().find(|end| plain.get(..*end).is_some_and(|it| known.contains(it)))?;
    text.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The verdicts of twitter-text 3.1.0 on posts in five languages and on mixtures.
    const VERDICTS: &str = include_str!("../testdata/twitter_text.json");

    #[test]
    fn a_post_weighs_what_twitter_text_says() {
        let verdicts: serde_json::Value = serde_json::from_str(VERDICTS).unwrap();
        assert_eq!(verdicts.get("twitter-text").unwrap(), "3.1.0");
        let posts = verdicts.get("posts").unwrap().as_array().unwrap();
        assert!(posts.len() >= 300, "{} posts", posts.len());
        for post in posts {
            let (text, weight) = (post.get(1).unwrap().as_str().unwrap(), post.get(0).unwrap());
            assert_eq!(of(text), usize::try_from(weight.as_u64().unwrap()).unwrap(), "{text:?}");
        }
    }

    #[test]
    fn links_letters_and_emojis_weigh_as_on_x() {
        for (text, expected) in [
            ("Ouvert samedi.Au menu : tarte", 43),
            ("etc.So good", 28),
            ("contact@bon-pain.fr", 19),
            ("voir www.chez-lea.fr.", 29),
            ("e\u{301}te\u{301}", 3),
            ("œ’…", 4),
            ("日本", 4),
            ("مخبز", 4),
            ("👍🏽🇫🇷1️⃣", 6),
            // The library counts an emoji of 2019 as three characters.
            ("🧑\u{200D}🍳", 5),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }

    #[test]
    fn a_long_text_is_weighed_in_a_moment() {
        for piece in ["a.", "ب", "a-", "x.fr/(", "é.中.", "http://", "a@b.", "👩\u{200D}", "_.a"] {
            let text: String = piece.chars().cycle().take(32 * 1024).collect();
            assert!(of(&text) > 0, "{piece}");
        }
    }
}
