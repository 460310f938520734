//! Deals: "2 pour le prix d'un", "buy one get one free", "leve 3 pague 2".

use super::{
    numerals,
    pieces::{Kind, Piece, skip_marks},
    respell::unit_at,
    wordings::{Slot, WORDINGS},
};

/// The number of items received, the number paid for, and the index of the piece after the deal.
pub(super) struct Deal {
    pub(super) got: u32,
    pub(super) paid: u32,
    pub(super) end: usize,
}

/// The most items of a deal; a larger number is a size or a score.
const MOST: u32 = 12;

/// Reads the deal that begins at a piece.
pub(super) fn at(pieces: &[Piece], at: usize) -> Option<Deal> {
    let first = pieces.get(at)?;
    let number = numerals::at(pieces, at).is_some();
    let touches_number =
        at.checked_sub(2).and_then(|two| Some((pieces.get(two)?, pieces.get(at - 1)?))).is_some_and(
            |(two, mark)| two.kind == Kind::Digits && mark.kind == Kind::Mark && first.touches(mark),
        );
    if touches_number {
        return None;
    }
    let fits = |slots: &&Vec<Slot>| match slots.first() {
        Some(Slot::Word(word)) => first.folded == *word,
        Some(Slot::Got | Slot::Paid | Slot::Free) => number,
        None => false,
    };
    WORDINGS.deals.iter().filter(fits).find_map(|slots| read(pieces, at, slots))
}

fn read(pieces: &[Piece], at: usize, slots: &[Slot]) -> Option<Deal> {
    let (mut got, mut paid, mut free) = (None, None, None);
    let mut next = at;
    for slot in slots {
        if next > at {
            next = skip_marks(pieces, next);
        }
        let place = match slot {
            Slot::Word(word) => {
                if !is_word(pieces.get(next)?, word) {
                    return None;
                }
                next += 1;
                continue;
            }
            Slot::Got => &mut got,
            Slot::Paid => &mut paid,
            Slot::Free => &mut free,
        };
        let numeral = numerals::at(pieces, next)?;
        *place = Some(numeral.value);
        next = numeral.end;
        // "La 3e offerte"
        let ordinal =
            |piece: &Piece| matches!(piece.folded.as_str(), "e" | "eme" | "er" | "nd" | "rd" | "th");
        next += usize::from(!numeral.in_words && pieces.get(next).is_some_and(ordinal));
    }
    let paid = paid?;
    let got = got.or_else(|| free.map(|free| paid + free))?;
    let counted = paid >= 1 && got > paid && got <= MOST;
    (counted && !unit_at(pieces, next)).then_some(Deal { got, paid, end: next })
}

/// True if a piece is the word, perhaps with an ending: "achetées", "offerts".
fn is_word(piece: &Piece, word: &str) -> bool {
    let rest = piece.folded.strip_prefix(word);
    rest.is_some_and(|rest| rest.is_empty() || word.len() > 4 && WORDINGS.endings.contains(&rest))
}
