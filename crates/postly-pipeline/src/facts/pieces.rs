//! Cuts a text into words, runs of digits and marks, to compare it with the table of wordings.

use postly_domain::text::fold;

use super::wordings::Phrase;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Digits,
    Mark,
}

/// A piece and its position, in bytes.
pub(super) struct Piece {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) folded: String,
}

impl Piece {
    pub(super) fn is(&self, folded: &str) -> bool {
        self.folded == folded
    }

    /// True if this piece begins at the end of the other.
    pub(super) fn touches(&self, before: &Self) -> bool {
        self.start == before.end
    }

    /// The value of a run of at most four digits.
    pub(super) fn value(&self) -> Option<u32> {
        (self.kind == Kind::Digits && self.folded.len() <= 4).then(|| self.folded.parse().ok()).flatten()
    }
}

/// Cuts a text. White space separates pieces and is dropped; a line break becomes a mark, because no phrase
/// spans one.
pub(super) fn cut(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        if c == '\n' {
            pieces.push(Piece { kind: Kind::Mark, start, end: start + 1, folded: "\n".to_owned() });
            continue;
        }
        if c.is_whitespace() {
            continue;
        }
        let kind = kind_of(c);
        let mut end = start + c.len_utf8();
        while kind != Kind::Mark
            && let Some((at, next)) = chars.next_if(|(_, next)| belongs(kind, *next))
        {
            end = at + next.len_utf8();
        }
        let raw = text.get(start..end).unwrap_or_default();
        let folded = match kind {
            Kind::Digits => raw.chars().map(|c| super::digit(c).unwrap_or(c)).collect(),
            Kind::Word | Kind::Mark => fold(raw),
        };
        if !folded.is_empty() {
            pieces.push(Piece { kind, start, end, folded });
        }
    }
    pieces
}

fn kind_of(c: char) -> Kind {
    if c.is_ascii_digit() || super::digit(c).is_some() {
        Kind::Digits
    } else if c.is_alphabetic() {
        Kind::Word
    } else {
        Kind::Mark
    }
}

fn belongs(kind: Kind, c: char) -> bool {
    match kind {
        Kind::Word => c.is_alphabetic() || unicode_normalization::char::is_combining_mark(c),
        Kind::Digits | Kind::Mark => kind_of(c) == kind,
    }
}

/// Marks allowed between the words of a phrase: "demi-tarif", "p.m.", "2 achetés = 1 offert".
const INNER_MARKS: &[&str] = &["'", "-", ".", ",", "/", "=", "+", ":", "،"];

/// Returns the index of the first piece from here that is no such mark.
pub(super) fn skip_marks(pieces: &[Piece], mut at: usize) -> usize {
    while pieces.get(at).is_some_and(|piece| INNER_MARKS.contains(&piece.folded.as_str())) {
        at += 1;
    }
    at
}

/// Returns the end of this phrase if it begins at a piece. Marks are skipped between its words, not before
/// the first.
pub(super) fn phrase_end(pieces: &[Piece], at: usize, phrase: &Phrase) -> Option<usize> {
    let mut next = at;
    for word in phrase {
        if next > at {
            next = skip_marks(pieces, next);
        }
        if !pieces.get(next).is_some_and(|piece| piece.is(word)) {
            return None;
        }
        next += 1;
    }
    Some(next)
}

/// Like [`phrase_end`], for the first of these phrases that matches.
pub(super) fn first_end(pieces: &[Piece], at: usize, phrases: &[Phrase]) -> Option<usize> {
    phrases.iter().find_map(|phrase| phrase_end(pieces, at, phrase))
}

/// Like [`first_end`], for phrases with a meaning.
pub(super) fn first_of<T: Copy>(pieces: &[Piece], at: usize, phrases: &[(T, Phrase)]) -> Option<(T, usize)> {
    phrases.iter().find_map(|(meaning, phrase)| phrase_end(pieces, at, phrase).map(|end| (*meaning, end)))
}

/// True if one of these phrases ends right before a piece.
pub(super) fn stands_before(pieces: &[Piece], at: usize, phrases: &[Phrase]) -> bool {
    phrases.iter().any(|phrase| {
        // Marks make a phrase longer by a few pieces at most.
        (phrase.len()..=phrase.len() * 2)
            .filter_map(|length| at.checked_sub(length))
            .any(|start| phrase_end(pieces, start, phrase) == Some(at))
    })
}
