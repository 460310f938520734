//! Splits a reply into messages within a provider's limit, at natural pauses.

use postly_domain::text::utf16_len;
use unicode_segmentation::UnicodeSegmentation;

/// The text between two units of one message.
const SEPARATOR: &str = "\n\n";

/// One message of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its text.
    pub text: String,
    /// The indices of the units that it contains, in whole or in part.
    pub units: Vec<usize>,
}

/// Packs `units` (a heading, variants, a footer) into as few messages of `limit_utf16` units as keep each
/// whole.
///
/// A unit that fits into a message is never cut. A longer one is cut between paragraphs, else lines, else
/// sentences, else words. A word is cut only if it alone is too long; never within a grapheme, an address or
/// a hashtag that fits. White space at a cut is dropped, and nothing else. Empty units are omitted.
pub fn split_reply(units: &[String], limit_utf16: usize) -> Vec<Part> {
    let limit = limit_utf16.max(1);
    let mut parts: Vec<Part> = vec![];
    let mut used = 0;
    for (index, unit) in units.iter().enumerate().filter(|(_, unit)| !unit.trim().is_empty()) {
        let length = utf16_len(unit);
        match parts.last_mut() {
            Some(part) if used + SEPARATOR.len() + length <= limit => {
                part.text.push_str(SEPARATOR);
                part.text.push_str(unit);
                part.units.push(index);
                used += SEPARATOR.len() + length;
            }
            _ => {
                let pieces = if length <= limit { vec![unit.as_str()] } else { pieces(unit, limit) };
                used = pieces.last().map_or(0, |piece| utf16_len(piece));
                parts.extend(
                    pieces.into_iter().map(|piece| Part { text: piece.to_owned(), units: vec![index] }),
                );
            }
        }
    }
    parts
}

fn pieces(text: &str, limit: usize) -> Vec<&str> {
    let mut pieces = vec![];
    let mut rest = text.trim();
    while utf16_len(rest) > limit {
        let (piece, after) = rest.split_at(cut(rest, limit));
        pieces.push(piece.trim_end());
        rest = after.trim_start();
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

/// The ways to cut, best first, as indices into [`Places`].
const PARAGRAPH: usize = 0;
const LINE: usize = 1;
const SENTENCE: usize = 2;
const WORD: usize = 3;

/// The last place of each kind at which the text before it fits.
type Places = [Option<usize>; 4];

/// The index at which to cut `text`, which is longer than `limit`. It is never 0.
fn cut(text: &str, limit: usize) -> usize {
    let mut places: Places = [None; 4];
    let mut used = 0;
    let mut end = 0;
    let mut graphemes = text.grapheme_indices(true).peekable();
    while let Some((start, grapheme)) = graphemes.next() {
        if start > 0 && is_pause(grapheme) {
            let mut lines = newlines(grapheme);
            while let Some((_, more)) = graphemes.next_if(|(_, next)| is_pause(next)) {
                lines += newlines(more);
            }
            note(&mut places, text, start, lines);
            let after = graphemes.peek().map_or(text.len(), |(next, _)| *next);
            used += utf16_len(text.get(start..after).unwrap_or_default());
        } else {
            used += utf16_len(grapheme);
        }
        if used > limit {
            break;
        }
        end = graphemes.peek().map_or(text.len(), |(next, _)| *next);
    }

    // A heading alone in a message reads worse than a cut one step finer, so a cut needs a quarter of the
    // limit before it.
    let worthwhile = |place: &usize| utf16_len(text.get(..*place).unwrap_or_default()) * 4 >= limit;
    let best = places.iter().flatten().find(|place| worthwhile(place)).or(places.iter().flatten().last());
    let place = best.copied().unwrap_or_else(|| within_a_word(text, end, limit));
    // A single grapheme or character exceeds the limit: advance by one character, so that the loop ends.
    if place > 0 { place } else { text.chars().next().map_or(text.len(), char::len_utf8) }
}

/// Records the white space at `start`, with this number of line breaks, as a place to cut.
fn note(places: &mut Places, text: &str, start: usize, lines: usize) {
    let sentence = || {
        let text = text.get(..start).unwrap_or_default();
        let text = text.trim_end_matches(['"', '»', '”', '’', ')', ']', '*', '_', '\u{A0}', '\u{202F}']);
        text.ends_with(['.', '!', '?', '…', '؟', '。', '！', '？'])
    };
    let kind = match lines {
        0 if sentence() => SENTENCE,
        0 => WORD,
        1 => LINE,
        _ => PARAGRAPH,
    };
    // A better place is also one of each lesser kind.
    for place in places.iter_mut().skip(kind) {
        *place = Some(start);
    }
}

/// The index at which to cut a word of which only the first `end` bytes fit: before an address or a hashtag
/// that would be cut, if there is text before it.
fn within_a_word(text: &str, end: usize, limit: usize) -> usize {
    let head = text.get(..end).unwrap_or_default();
    let starts = ["http://", "https://", "www.", "#"];
    if let Some(start) = starts.iter().filter_map(|start| head.rfind(start)).max().filter(|start| *start > 0)
    {
        return start;
    }
    if end > 0 {
        return end;
    }
    // Not even one grapheme fits: cut between its characters.
    let mut used = 0;
    text.char_indices()
        .find(|(_, c)| {
            used += c.len_utf16();
            used > limit
        })
        .map_or(text.len(), |(at, _)| at)
}

/// White space at which a line may break. The no-break spaces of French before `!` and `:` are excluded.
fn is_pause(grapheme: &str) -> bool {
    grapheme.chars().all(|c| c.is_whitespace() && !matches!(c, '\u{A0}' | '\u{202F}' | '\u{2007}'))
}

fn newlines(grapheme: &str) -> usize {
    grapheme.matches('\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(units: &[&str], limit: usize) -> Vec<(String, Vec<usize>)> {
        let units: Vec<String> = units.iter().map(|unit| (*unit).to_owned()).collect();
        split_reply(&units, limit).into_iter().map(|part| (part.text, part.units)).collect()
    }

    fn check(units: &[&str], limit: usize, expected: &[(&str, &[usize])]) {
        let expected: Vec<(String, Vec<usize>)> =
            expected.iter().map(|(text, units)| ((*text).to_owned(), units.to_vec())).collect();
        assert_eq!(split(units, limit), expected);
    }

    #[test]
    fn a_reply_that_fits_is_one_message() {
        check(&["Titre", "Un", "Deux"], 100, &[("Titre\n\nUn\n\nDeux", &[0, 1, 2])]);
        check(&["abc", "def"], 8, &[("abc\n\ndef", &[0, 1])]);
        check(&[], 8, &[]);
        check(&["", " ", "a"], 8, &[("a", &[2])]);
    }

    #[test]
    fn units_are_packed_whole() {
        check(&["abc", "def"], 7, &[("abc", &[0]), ("def", &[1])]);
        check(&["ab", "cdefgh", "ij", "kl"], 8, &[("ab", &[0]), ("cdefgh", &[1]), ("ij\n\nkl", &[2, 3])]);
        // Nine characters with spaces fit, so the unit stays whole.
        check(&["Hello", "a b c d e"], 9, &[("Hello", &[0]), ("a b c d e", &[1])]);
    }

    #[test]
    fn a_unit_that_is_too_long_is_cut_where_a_reader_would_pause() {
        check(&["aaaa bbbb\n\ncccc dddd"], 12, &[("aaaa bbbb", &[0]), ("cccc dddd", &[0])]);
        check(&["aaaa bbbb\ncccc dddd"], 12, &[("aaaa bbbb", &[0]), ("cccc dddd", &[0])]);
        check(&["Un mot. Deux mots ici"], 14, &[("Un mot.", &[0]), ("Deux mots ici", &[0])]);
        check(&["aaaa bbbb cccc"], 10, &[("aaaa bbbb", &[0]), ("cccc", &[0])]);
        check(&["aaaaaaaaaaaa"], 5, &[("aaaaa", &[0]), ("aaaaa", &[0]), ("aa", &[0])]);
        // The end of a long unit shares its message with the next unit.
        check(&["aaaa bbbb cccc", "d"], 9, &[("aaaa bbbb", &[0]), ("cccc\n\nd", &[0, 1])]);
    }

    #[test]
    fn french_punctuation_stays_with_its_word() {
        check(&["Bonjour tous\u{A0}! Oui"], 14, &[("Bonjour tous\u{A0}!", &[0]), ("Oui", &[0])]);
        check(&["Salut tous\u{202F}!"], 11, &[("Salut", &[0]), ("tous\u{202F}!", &[0])]);
    }

    #[test]
    fn graphemes_addresses_and_hashtags_stay_whole_while_they_fit() {
        let family = "👨‍👩‍👧‍👦"; // 11 UTF-16 units
        check(&[&family.repeat(3)], 25, &[(&family.repeat(2), &[0]), (family, &[0])]);
        check(&["漢字漢字https://a.fr/b"], 16, &[("漢字漢字", &[0]), ("https://a.fr/b", &[0])]);
        check(&["漢字漢字#promo"], 8, &[("漢字漢字", &[0]), ("#promo", &[0])]);
        check(&["https://a.fr/bcd"], 10, &[("https://a.", &[0]), ("fr/bcd", &[0])]);
        check(&["e\u{301}e\u{301}e\u{301}"], 5, &[("e\u{301}e\u{301}", &[0]), ("e\u{301}", &[0])]);
    }

    #[test]
    fn a_grapheme_longer_than_a_message_does_not_hold_up_the_rest() {
        check(&["e\u{301}\u{302}\u{303}x"], 2, &[("e\u{301}", &[0]), ("\u{302}\u{303}", &[0]), ("x", &[0])]);
        check(&["😀😀"], 1, &[("😀", &[0]), ("😀", &[0])]);
        check(&["ab"], 0, &[("a", &[0]), ("b", &[0])]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_is_too_long(
            units in proptest::collection::vec("([a-zé]{1,9}|😀|👨‍👩‍👧‍👦|e\u{301}|https://a\\.fr/[a-z_]{1,9}|#[a-z]{1,6}|\\. |! | |\n|\n\n){0,40}", 0..6),
            limit in 30_usize..120,
        ) {
            let parts = split_reply(&units, limit);
            let solid = |texts: Vec<&str>| texts.concat().split_whitespace().collect::<String>();
            prop_assert_eq!(
                solid(parts.iter().map(|part| part.text.as_str()).collect()),
                solid(units.iter().map(String::as_str).collect())
            );
            for part in &parts {
                prop_assert!(!part.text.is_empty() && utf16_len(&part.text) <= limit);
                prop_assert!(part.units.is_sorted());
            }
            for (index, unit) in units.iter().enumerate().filter(|(_, unit)| !unit.trim().is_empty()) {
                let carriers = parts.iter().filter(|part| part.units.contains(&index)).count();
                prop_assert!(carriers >= 1);
                if utf16_len(unit) <= limit {
                    prop_assert_eq!(carriers, 1);
                    prop_assert!(parts.iter().any(|part| part.text.contains(unit.as_str())));
                }
            }
        }

        #[test]
        fn addresses_and_graphemes_survive(
            words in proptest::collection::vec("([a-z]{1,9}|https://a\\.fr/[a-z_]{1,9}|#[a-z]{1,6}|👨‍👩‍👧‍👦)", 1..40),
            limit in 30_usize..60,
        ) {
            let parts = split_reply(&[words.join(" ")], limit);
            let found: Vec<&str> = parts.iter().flat_map(|part| part.text.split(' ')).collect();
            prop_assert_eq!(found, words);
        }
    }
}
