//! The limits of a post, in the units of each network.

use std::{ops::RangeInclusive, sync::LazyLock};

use postly_domain::{post::Platform, text::utf16_len};
use unicode_segmentation::UnicodeSegmentation;

use crate::{facts, x_weight};

/// The table of limits, with the date and the source of each row.
const TABLE: &str = include_str!("../data/networks.txt");

/// The unit in which a network counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// UTF-16 code units; slightly strict for a network that counts characters.
    Utf16,
    /// UTF-8 bytes.
    Bytes,
    /// twitter-text's weights.
    X,
    /// Characters; an emoji counts as its UTF-8 bytes.
    Threads,
    /// Graphemes and UTF-8 bytes, each with a limit.
    Bluesky,
    /// Graphemes; a link with a scheme counts as 23.
    Mastodon,
}

impl Unit {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "utf16" => Self::Utf16,
            "bytes" => Self::Bytes,
            "x" => Self::X,
            "threads" => Self::Threads,
            "bluesky" => Self::Bluesky,
            "mastodon" => Self::Mastodon,
            _ => return None,
        })
    }
}

/// A row of the table.
struct Limits {
    platform: Platform,
    shown_as: &'static str,
    most: usize,
    unit: Unit,
    hashtags: Option<usize>,
    links: Option<usize>,
}

impl Limits {
    fn parse(row: &'static str) -> Option<Self> {
        let mut cells = row.split('|').map(str::trim);
        let mut cell = || cells.next();
        let platform = Platform::parse(cell()?)?;
        let shown_as = cell()?;
        let most = cell()?.parse().ok()?;
        let unit = Unit::parse(cell()?)?;
        let most_of = |cell: &str| if cell == "-" { Some(None) } else { cell.parse().ok().map(Some) };
        let (hashtags, links) = (most_of(cell()?)?, most_of(cell()?)?);
        Some(Self { platform, shown_as, most, unit, hashtags, links })
    }
}

static LIMITS: LazyLock<Vec<Limits>> = LazyLock::new(|| {
    TABLE
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .filter_map(Limits::parse)
        .collect()
});

#[expect(clippy::expect_used, reason = "the table is part of the program, and a test reads every row of it")]
fn of(platform: Platform) -> &'static Limits {
    LIMITS.iter().find(|row| row.platform == platform).expect("every platform has a row")
}

/// The longest post that a platform allows, in the unit of [`length`].
pub fn limit(platform: Platform) -> usize {
    of(platform).most
}

/// The most hashtags in one post of a platform, if it sets a limit.
pub fn hashtag_limit(platform: Platform) -> Option<usize> {
    of(platform).hashtags
}

/// The most links in one post of a platform, if it sets a limit.
pub fn link_limit(platform: Platform) -> Option<usize> {
    of(platform).links
}

/// The name of a network as people write it.
pub fn display_name(platform: Platform) -> &'static str {
    of(platform).shown_as
}

/// The length of a post as the platform counts it.
pub fn length(platform: Platform, text: &str) -> usize {
    match of(platform).unit {
        Unit::Utf16 => utf16_len(text),
        Unit::Bytes => text.len(),
        Unit::X => x_weight::of(text),
        Unit::Threads => threads_length(text),
        // 300 graphemes and 3,000 bytes: the larger of the two, scaled, is within 300 only if both limits
        // hold.
        Unit::Bluesky => graphemes(text).max(text.len().div_ceil(10)),
        Unit::Mastodon => mastodon_length(text),
    }
}

/// The number of graphemes: characters as a reader sees them.
pub fn graphemes(text: &str) -> usize {
    text.graphemes(true).count()
}

fn threads_length(text: &str) -> usize {
    let length = |grapheme: &str| if has_emoji(grapheme) { grapheme.len() } else { grapheme.chars().count() };
    text.graphemes(true).map(length).sum()
}

fn mastodon_length(text: &str) -> usize {
    /// Mastodon's `characters_reserved_per_url`.
    const LINK: usize = 23;
    let mut length = 0;
    let mut plain_from = 0;
    for link in facts::link_spans(text) {
        let has_scheme = text.get(link.start..link.end).is_some_and(|link| link.contains("://"));
        if has_scheme {
            length += graphemes(text.get(plain_from..link.start).unwrap_or_default()) + LINK;
            plain_from = link.end;
        }
    }
    length + graphemes(text.get(plain_from..).unwrap_or_default())
}

/// The number of links in a post that a network would make clickable.
pub(crate) fn links(text: &str) -> usize {
    facts::link_spans(text).into_iter().filter(|link| !link.mention).count()
}

/// Characters that are shown as a picture, or make a neighbour one (`Emoji_Presentation`, and the characters
/// that U+FE0F turns into a picture).
const EMOJIS: &[RangeInclusive<char>] = &[
    '\u{20E3}'..='\u{20E3}',
    '\u{2139}'..='\u{2139}',
    '\u{2194}'..='\u{2199}',
    '\u{21A9}'..='\u{21AA}',
    '\u{231A}'..='\u{231B}',
    '\u{2328}'..='\u{2328}',
    '\u{23CF}'..='\u{23CF}',
    '\u{23E9}'..='\u{23FA}',
    '\u{24C2}'..='\u{24C2}',
    '\u{25AA}'..='\u{25AB}',
    '\u{25B6}'..='\u{25B6}',
    '\u{25C0}'..='\u{25C0}',
    '\u{25FB}'..='\u{25FE}',
    '\u{2600}'..='\u{27BF}',
    '\u{2934}'..='\u{2935}',
    '\u{2B00}'..='\u{2BFF}',
    '\u{3030}'..='\u{3030}',
    '\u{303D}'..='\u{303D}',
    '\u{3297}'..='\u{3297}',
    '\u{3299}'..='\u{3299}',
    '\u{FE0F}'..='\u{FE0F}',
    '\u{1F000}'..='\u{1FAFF}',
];

/// True if a text shows an emoji.
pub fn has_emoji(text: &str) -> bool {
    text.chars().any(|c| EMOJIS.iter().any(|range| range.contains(&c)))
}

/// The number of hashtags in a post.
pub fn hashtag_count(text: &str) -> usize {
    hashtags(text).len()
}

/// The hashtags of a post, as written, without the sign.
pub fn hashtags(text: &str) -> Vec<&str> {
    let mut tags = Vec::new();
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if matches!(c, '#' | '＃') && !before.is_alphanumeric() {
            let rest = text.get(at + c.len_utf8()..).unwrap_or_default();
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            let tag = rest.get(..end).unwrap_or_default();
            // "#1" is a rank, not a hashtag.
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
    fn every_platform_has_one_row_with_a_date_and_a_source() {
        let rows: Vec<&str> =
            TABLE.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
        assert_eq!(rows.len(), LIMITS.len(), "a row cannot be read");
        for platform in Platform::ALL {
            assert_eq!(LIMITS.iter().filter(|row| row.platform == platform).count(), 1, "{platform:?}");
        }
        for row in rows {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let [.., reviewed, source] = cells.as_slice() else { panic!("{row}") };
            assert_eq!(cells.len(), 8, "{row}");
            assert!(reviewed.len() == 10 && reviewed.starts_with("20") && !source.is_empty(), "{row}");
        }
    }

    #[test]
    fn each_network_counts_in_its_own_way() {
        let link = "https://example.com/une/page/tout/a/fait/longue";
        for (platform, text, expected) in [
            (Platform::Threads, "été", 3),
            (Platform::Threads, "é🥐", 5),
            (Platform::Threads, "👩\u{200D}🍳 ok 1️⃣", 11 + 4 + 7),
            (Platform::Threads, "« “…” »", 7),
            (Platform::Bluesky, "e\u{301}té", 3),
            (Platform::Bluesky, "👨\u{200D}👩\u{200D}👧\u{200D}👦", 3),
            (Platform::Mastodon, "été 👩\u{200D}🍳", 5),
            (Platform::Mastodon, link, 23),
            (Platform::Mastodon, "https://t.co là", 23 + 3),
            (Platform::Mastodon, "chez-lea.fr", 11),
            (Platform::Youtube, "été", 5),
            (Platform::Telegram, "é🥐", 3),
        ] {
            assert_eq!(length(platform, text), expected, "{platform:?} {text}");
        }
        assert_eq!(length(Platform::Bluesky, &"a".repeat(300)), 300);
        // A family is one grapheme of 25 bytes: 150 of them exceed the limit of bytes, but not of graphemes.
        assert!(length(Platform::Bluesky, &"👨\u{200D}👩\u{200D}👧\u{200D}👦".repeat(150)) > 300);
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
