//! How long a post may be, counted as its platform counts.

use postly_domain::{post::Platform, text::utf16_len};
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use crate::facts;

/// What X counts for any link, however long (its `transformedURLLength`).
const X_LINK_WEIGHT: usize = 23;

/// The longest post a platform takes, in the unit of [`length`].
pub fn limit(platform: Platform) -> usize {
    match platform {
        // twitter-text configuration v3: `maxWeightedTweetLength`.
        Platform::X => 280,
        // Captions of Instagram and TikTok: 2,200 characters.
        Platform::Instagram | Platform::Tiktok => 2200,
        // LinkedIn: 3,000 characters a post.
        Platform::Linkedin => 3000,
        // Facebook takes 63,206; nobody reads past this.
        Platform::Facebook => 5000,
        // A WhatsApp status: 700 characters.
        Platform::Whatsapp => 700,
        // Fits everywhere but on X, and three of them in two WhatsApp messages.
        Platform::General => 1500,
    }
}

/// The most hashtags a platform takes in one post, where it says so.
pub fn hashtag_limit(platform: Platform) -> Option<usize> {
    match platform {
        Platform::Instagram => Some(30),
        Platform::Facebook
        | Platform::Linkedin
        | Platform::X
        | Platform::Tiktok
        | Platform::Whatsapp
        | Platform::General => None,
    }
}

/// The length of a post as the platform counts it.
///
/// X weighs characters; the others count UTF-16 units, or characters, in which case we are a little strict.
pub fn length(platform: Platform, text: &str) -> usize {
    match platform {
        Platform::X => x_weight(text),
        Platform::Facebook
        | Platform::Instagram
        | Platform::Linkedin
        | Platform::Tiktok
        | Platform::Whatsapp
        | Platform::General => utf16_len(text),
    }
}

/// X's weighted length: Latin and a few other scripts weigh one, the rest two, an emoji two whatever it is made
/// of, a link twenty-three.
fn x_weight(text: &str) -> usize {
    let text: String = text.nfc().collect();
    let mut weight = 0;
    let mut plain_from = 0;
    for link in facts::link_spans(&text).into_iter().filter(|span| !span.mention) {
        weight += x_plain_weight(text.get(plain_from..link.start).unwrap_or_default()) + X_LINK_WEIGHT;
        plain_from = link.end;
    }
    weight + x_plain_weight(text.get(plain_from..).unwrap_or_default())
}

fn x_plain_weight(text: &str) -> usize {
    text.graphemes(true)
        .map(
            |grapheme| {
                if is_emoji_sequence(grapheme) { 2 } else { grapheme.chars().map(x_char_weight).sum() }
            },
        )
        .sum()
}

/// The ranges of weight one in twitter-text v3.
fn x_char_weight(c: char) -> usize {
    match u32::from(c) {
        0..=4351 | 8192..=8205 | 8208..=8223 | 8242..=8247 => 1,
        _ => 2,
    }
}

/// Several characters shown as one emoji: joined, coloured, keycap, or a flag.
fn is_emoji_sequence(grapheme: &str) -> bool {
    grapheme.chars().nth(1).is_some()
        && grapheme.chars().any(|c| {
            matches!(c, '\u{FE0F}' | '\u{20E3}' | '\u{1F1E6}'..='\u{1F1FF}' | '\u{1F3FB}'..='\u{1F3FF}' | '\u{1F300}'..='\u{1FAFF}')
        })
}

/// Whether a text shows an emoji.
pub(crate) fn has_emoji(text: &str) -> bool {
    text.chars().any(|c| {
        matches!(c, '\u{2600}'..='\u{27BF}' | '\u{2B00}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FAFF}' | '\u{FE0F}' | '\u{20E3}')
    })
}

/// The hashtags of a post, as written, without the sign.
pub(crate) fn hashtags(text: &str) -> Vec<&str> {
    let mut tags = Vec::new();
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if matches!(c, '#' | '＃') && !before.is_alphanumeric() {
            let rest = text.get(at + c.len_utf8()..).unwrap_or_default();
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            let tag = rest.get(..end).unwrap_or_default();
            // "#1" ranks, it does not tag.
            if tag.chars().any(|c| !c.is_numeric()) {
                tags.push(tag);
            }
        }
        before = c;
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x_weighs_as_x_does() {
        for (text, expected) in [
            ("bonjour", 7),
            ("été", 3),
            ("e\u{301}te\u{301}", 3),
            ("🥐", 2),
            ("👨‍👩‍👧‍👦", 2),
            ("🇫🇷", 2),
            ("👍🏽", 2),
            ("1️⃣", 2),
            ("日本", 4),
            ("مخبز", 4),
            ("voir https://example.com/a/very/long/path?with=query là", 31),
            ("voir www.chez-lea.fr.", 29),
            ("œ’…", 4),
        ] {
            assert_eq!(length(Platform::X, text), expected, "{text}");
        }
    }

    #[test]
    fn hashtags_are_found() {
        assert_eq!(
            hashtags("#Lyon, a#b #1 #pain_chaud #été2025 ##x"),
            ["Lyon", "pain_chaud", "été2025", "x"]
        );
        assert!(hashtags("# rien").is_empty());
    }
}
