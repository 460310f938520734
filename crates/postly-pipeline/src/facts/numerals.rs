//! Numbers in words: "vingt et un", "twenty-five", "dieciséis", "خمسة وعشرون".

use super::{
    pieces::{Kind, Piece},
    wordings::WORDINGS,
};

/// A number, and the index of the piece after it.
#[derive(Clone, Copy)]
pub(super) struct Numeral {
    pub(super) value: u32,
    pub(super) end: usize,
    /// True if it is written in words.
    pub(super) in_words: bool,
}

/// Reads the number that begins at a piece, in digits or in words.
pub(super) fn at(pieces: &[Piece], at: usize) -> Option<Numeral> {
    let piece = pieces.get(at)?;
    if piece.kind == Kind::Digits {
        return piece.value().map(|value| Numeral { value, end: at + 1, in_words: false });
    }
    let before = at.checked_sub(1).and_then(|before| pieces.get(before));
    // After digits, a word is a unit: "50 cents", "12 sept", "30 seconds" …
    if before.is_some_and(|before| before.kind == Kind::Digits) {
        return None;
    }
    // "Pour cent" is a percent sign.
    let hundred = matches!(piece.folded.as_str(), "cent" | "ciento" | "cento");
    if hundred && before.is_some_and(|before| matches!(before.folded.as_str(), "pour" | "por" | "per")) {
        return None;
    }
    in_words(pieces, at)
}

/// The value of a folded word that is a number.
pub(crate) fn number_word(word: &str) -> Option<u32> {
    WORDINGS.numbers.get(word).copied()
}

/// The value of a word, or of two words that form one number, and the index of the piece after it.
fn word(pieces: &[Piece], at: usize) -> Option<(u32, usize)> {
    let first = pieces.get(at)?.folded.as_str();
    if let Some(second) = pieces.get(at + 1) {
        let second = second.folded.as_str();
        let long = WORDINGS.long_numbers.iter().find(|((one, two), _)| *one == first && *two == second);
        if let Some((_, value)) = long {
            return Some((*value, at + 2));
        }
        // In Arabic, the numbers from 13 to 19 are a unit and ten.
        if let Some(unit) = WORDINGS.numbers.get(first).filter(|unit| (3..10).contains(*unit))
            && matches!(second, "عشر" | "عشرة")
        {
            return Some((unit + 10, at + 2));
        }
    }
    if WORDINGS.pairs.contains(&first) {
        return Some((2, at + 1));
    }
    WORDINGS.numbers.get(first).map(|value| (*value, at + 1))
}

fn in_words(pieces: &[Piece], at: usize) -> Option<Numeral> {
    let (mut total, mut end) = word(pieces, at)?;
    let mut last = total;
    while let Some((value, next, glued)) = next_word(pieces, end) {
        let tens = (20..100).contains(&last) && last % 10 == 0;
        let unit = value < 10 && value > 0;
        if matches!(value, 100 | 1000) && (2..value).contains(&last) && total == last {
            total *= value;
            last = value;
        } else if value == 20 && total == 4 {
            total = 80;
            last = 80;
        } else if tens && (unit || matches!(last, 60 | 80) && (10..20).contains(&value))
            || last == 10 && (7..10).contains(&value)
            || last >= 100 && value < last
            || glued && last < 10 && (20..100).contains(&value)
        {
            total += value;
            last = value;
        } else {
            break;
        }
        end = next;
    }
    Some(Numeral { value: total, end, in_words: true })
}

/// The next word of a number, after a hyphen or an "and"; true if an Arabic "and" is joined to it.
fn next_word(pieces: &[Piece], mut at: usize) -> Option<(u32, usize, bool)> {
    if matches!(pieces.get(at)?.folded.as_str(), "-" | "et" | "and" | "y" | "e") {
        at += 1;
    }
    if let Some(glued) = pieces.get(at)?.folded.strip_prefix('و')
        && let Some(value) = WORDINGS.numbers.get(glued)
    {
        return Some((*value, at + 1, true));
    }
    word(pieces, at).map(|(value, end)| (value, end, false))
}
