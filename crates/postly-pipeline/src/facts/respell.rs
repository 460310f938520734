//! Replaces worded figures by digits: "midi" becomes "12h", "moitié prix" "50%", "trois euros" "3 euros".
//! Only figures in digits then need to be read.

use super::{
    Fact, deals,
    numerals::{self, Numeral},
    pieces::{self, Kind, Piece},
    scan,
    wordings::{DayPart, WORDINGS},
};

/// The reading of words that may be figures.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// A brief: every word that may be a figure is one.
    Generous,
    /// A post: only words that certainly state a figure.
    Strict,
}

/// A text with its figures in digits, and the facts that digits cannot express.
pub(super) struct Respelled {
    pub(super) text: String,
    pub(super) facts: Vec<Fact>,
}

/// Replaces the worded figures of a plain text by digits.
pub(super) fn respell(text: &str, reading: Reading) -> Respelled {
    let pieces = pieces::cut(text);
    let mut facts = Vec::new();
    let mut edits: Vec<(usize, usize, String)> = Vec::new();
    let mut at = 0;
    while at < pieces.len() {
        let Some(Step { end, set, fact }) = step(&pieces, at, reading) else {
            at += 1;
            continue;
        };
        facts.extend(fact);
        if let Some(set) = set
            && let (Some(first), Some(last)) = (pieces.get(at), pieces.get(end - 1))
        {
            edits.push((first.start, last.end, set));
        }
        at = end;
    }
    let mut respelled = text.to_owned();
    for (start, end, set) in edits.into_iter().rev() {
        respelled.replace_range(start..end, &set);
    }
    Respelled { text: respelled, facts }
}

/// The positions of the worded discounts of a text, in bytes: deals, and parts of a price.
pub(super) fn discount_spans(text: &str) -> Vec<(usize, usize)> {
    let pieces = pieces::cut(text);
    let mut spans = Vec::new();
    let mut at = 0;
    while at < pieces.len() {
        let end = deals::at(&pieces, at)
            .map(|deal| deal.end)
            .or_else(|| pieces::first_of(&pieces, at, &WORDINGS.percents).map(|(_, end)| end));
        if let Some(end) = end
            && let (Some(first), Some(last)) = (pieces.get(at), pieces.get(end - 1))
        {
            spans.push((first.start, last.end));
        }
        at = end.unwrap_or(at + 1);
    }
    spans
}

/// Blanks the deals of a text.
pub(super) fn without_deals(text: &str) -> String {
    let pieces = pieces::cut(text);
    let mut rest = text.to_owned();
    for at in (0..pieces.len()).rev() {
        if let Some(deal) = deals::at(&pieces, at)
            && let (Some(first), Some(last)) = (pieces.get(at), pieces.get(deal.end - 1))
            && rest.is_char_boundary(last.end)
        {
            rest.replace_range(first.start..last.end, &" ".repeat(last.end - first.start));
        }
    }
    rest
}

/// A step of the rewriting at a piece: its end, its new text, and the fact that it adds.
struct Step {
    end: usize,
    set: Option<String>,
    fact: Option<Fact>,
}

impl Step {
    fn set(end: usize, set: String) -> Self {
        Self { end, set: Some(set), fact: None }
    }

    /// A fact that replaces the words.
    fn fact(end: usize, fact: Fact) -> Self {
        Self { end, set: Some(" ".to_owned()), fact: Some(fact) }
    }
}

fn step(pieces: &[Piece], at: usize, reading: Reading) -> Option<Step> {
    if let Some(deal) = deals::at(pieces, at) {
        return Some(Step::fact(deal.end, Fact::Deal(deal.got, deal.paid)));
    }
    if let Some((percent, end)) = pieces::first_of(pieces, at, &WORDINGS.percents) {
        return Some(Step::set(end, format!(" {percent}% ")));
    }
    past_hour(pieces, at).or_else(|| number(pieces, at, reading)).or_else(|| clock(pieces, at, reading))
}

/// "Half past seven (in the evening)".
fn past_hour(pieces: &[Piece], at: usize) -> Option<Step> {
    let (minutes, end) = pieces::first_of(pieces, at, &WORDINGS.past)?;
    let hour = numerals::at(pieces, end).filter(|hour| (1..=12).contains(&hour.value))?;
    // "Half 20 pieces" is no time; "half seven" is.
    Some(told(pieces, hour.value, minutes, hour.end, false))
}

/// Converts an hour and minutes in words, with the part of the day after them.
fn told(pieces: &[Piece], hour: u32, minutes: i32, end: usize, whole_day: bool) -> Step {
    let time = |hour: u32| (hour * 60 + 1440).saturating_add_signed(minutes) % 1440;
    if let Some((part, end)) = pieces::first_of(pieces, end, &WORDINGS.parts)
        && let Some(hour) = hour_of(hour, part)
    {
        return Step::set(end, figures(time(hour)));
    }
    if whole_day || hour > 12 {
        return Step::set(end, figures(time(hour)));
    }
    Step::fact(end, Fact::Dial(time(hour) % 720))
}

fn figures(minutes: u32) -> String {
    format!(" {}h{:02} ", minutes / 60, minutes % 60)
}

/// Converts an hour in a part of the day to the hour of the day.
fn hour_of(hour: u32, part: DayPart) -> Option<u32> {
    match (part, hour) {
        (_, 25..) => None,
        (DayPart::Am, 12) => Some(0),
        (DayPart::Pm | DayPart::Noon, 12) | (DayPart::Am, _) => Some(hour),
        (DayPart::Pm, 0..12) | (DayPart::Noon, 1..=3) => Some(hour + 12),
        (DayPart::Pm, _) => Some(hour),
        (DayPart::Noon, _) => None,
    }
}

/// Reads a number in digits or words, as a time if the words around it make it one.
fn number(pieces: &[Piece], at: usize, reading: Reading) -> Option<Step> {
    let numeral = numerals::at(pieces, at)?;
    if let Some(step) = time(pieces, at, numeral, reading) {
        return Some(step);
    }
    let generous = reading == Reading::Generous;
    let whole = minutes_in_figures(pieces, numeral.end).0.is_none() && !unit_at(pieces, numeral.end);
    let is_hour = whole && pieces::stands_before(pieces, at, &WORDINGS.hour_before);
    if is_hour && (1..=12).contains(&numeral.value) {
        // In a brief, a figure without a part of the day is an hour of the 24-hour clock, and a post may
        // state it on the 12-hour clock.
        let hour = if generous && !numeral.in_words {
            Fact::Time(numeral.value * 60)
        } else {
            Fact::Dial(numeral.value * 60 % 720)
        };
        // In a brief, the number is also a fact of its own.
        let set = if generous { numeral.value.to_string() } else { " ".to_owned() };
        return Some(Step { end: numeral.end, set: Some(set), fact: Some(hour) });
    }
    if !numeral.in_words {
        return Some(Step { end: numeral.end, set: None, fact: counted(pieces, numeral) });
    }
    let is_figure = if numeral.value == 1 {
        // "Une heure", "un mois" hardly ever count.
        priced(pieces, numeral.end) || dated(pieces, numeral.end)
    } else {
        unit_at(pieces, numeral.end) || cents_behind_price(pieces, at, numeral)
    };
    let set = (generous || is_figure).then(|| format!("{} ", numeral.value));
    Some(Step { end: numeral.end, set, fact: counted(pieces, numeral) })
}

/// Reads a time: "7 de la tarde", "7.30pm", "sept heures et demie", "siete y media".
fn time(pieces: &[Piece], at: usize, numeral: Numeral, reading: Reading) -> Option<Step> {
    let in_decimals = || {
        let two = at.checked_sub(2).and_then(|two| pieces.get(two))?;
        let (mark, piece) = (pieces.get(at - 1)?, pieces.get(at)?);
        Some(two.kind == Kind::Digits && mark.kind == Kind::Mark && mark.touches(two) && piece.touches(mark))
    };
    if numeral.value > 24 || in_decimals().unwrap_or(false) {
        return None;
    }
    let (figures_of, mut end, hour_word) = minutes_in_figures(pieces, numeral.end);
    let hours = pieces::first_end(pieces, end, &WORDINGS.hours);
    end = hours.unwrap_or(end);
    let hour_word = hour_word || hours.is_some();
    if figures_of.is_none()
        && let Some((minutes, end)) = pieces::first_of(pieces, end, &WORDINGS.minutes)
    {
        return Some(told(pieces, numeral.value, minutes, end, hour_word));
    }
    if let Some((part, end)) = pieces::first_of(pieces, end, &WORDINGS.parts) {
        let hour = hour_of(numeral.value, part)?;
        return Some(Step::set(end, figures(hour * 60 + figures_of.unwrap_or(0))));
    }
    let counts = numeral.value >= 2 || reading == Reading::Generous;
    (numeral.in_words && hour_word && counts).then(|| Step::set(end, figures(numeral.value * 60)))
}

/// The minutes of "7:30", "7.30", "7h30", the index of the piece after them, and true if the mark is an "h".
fn minutes_in_figures(pieces: &[Piece], at: usize) -> (Option<u32>, usize, bool) {
    let read = || {
        let (hour, mark, minutes) = (pieces.get(at.checked_sub(1)?)?, pieces.get(at)?, pieces.get(at + 1)?);
        let parts = matches!(mark.folded.as_str(), ":" | "." | "h");
        let close = hour.kind == Kind::Digits && mark.touches(hour) && minutes.touches(mark);
        let value = minutes.value().filter(|value| *value < 60 && minutes.folded.len() == 2)?;
        (parts && close).then_some((value, mark.is("h")))
    };
    read().map_or((None, at, false), |(value, hour_word)| (Some(value), at + 2, hour_word))
}

/// "À midi", "until noon", "حتى الظهر".
fn clock(pieces: &[Piece], at: usize, reading: Reading) -> Option<Step> {
    let (minutes, end) = pieces::first_of(pieces, at, &WORDINGS.clocks)?;
    if reading == Reading::Strict && !pieces::stands_before(pieces, at, &WORDINGS.at) {
        return None;
    }
    match pieces::first_of(pieces, end, &WORDINGS.minutes) {
        Some((past, end)) => Some(told(pieces, minutes / 60, past, end, true)),
        None => Some(Step::set(end, figures(minutes))),
    }
}

/// Returns the thing that a number counts, so that "quatre séances" does not match "3 séances".
fn counted(pieces: &[Piece], numeral: Numeral) -> Option<Fact> {
    let thing = pieces.get(numeral.end).filter(|piece| piece.kind == Kind::Word)?;
    let stem = thing.folded.trim_end_matches(['s', 'x']);
    let counts = numeral.value >= 2 && stem.chars().count() >= 3 && !unit_at(pieces, numeral.end);
    counts.then(|| Fact::Counted(numeral.value, stem.to_owned()))
}

/// True if a unit is here, so that a number before it is a figure.
pub(super) fn unit_at(pieces: &[Piece], at: usize) -> bool {
    let any = |phrases| pieces::first_end(pieces, at, phrases).is_some();
    priced(pieces, at)
        || dated(pieces, at)
        || any(&WORDINGS.hours)
        || any(&WORDINGS.cents)
        || pieces::first_of(pieces, at, &WORDINGS.parts).is_some()
}

fn priced(pieces: &[Piece], at: usize) -> bool {
    let sign = |piece: &Piece| matches!(piece.folded.as_str(), "%" | "٪" | "€" | "$" | "£");
    let currency = |piece: &Piece| piece.kind == Kind::Word && scan::is_currency(&piece.folded);
    pieces::first_end(pieces, at, &WORDINGS.percent_signs).is_some()
        || pieces.get(at).is_some_and(|piece| sign(piece) || currency(piece))
}

/// "août", "de agosto", "of August".
fn dated(pieces: &[Piece], at: usize) -> bool {
    let glue = pieces.get(at).is_some_and(|piece| matches!(piece.folded.as_str(), "de" | "of" | "d"));
    let month = pieces::skip_marks(pieces, at + usize::from(glue));
    pieces.get(month).is_some_and(|piece| super::is_month(&piece.folded))
}

/// "Douze euros cinquante", "twelve pounds and fifty pence".
fn cents_behind_price(pieces: &[Piece], at: usize, numeral: Numeral) -> bool {
    let glue = |piece: &Piece| matches!(piece.folded.as_str(), "et" | "and" | "con" | "y" | "e");
    let before = at.checked_sub(1).and_then(|before| pieces.get(before));
    let before = match before {
        Some(piece) if glue(piece) => at.checked_sub(2).and_then(|two| pieces.get(two)),
        other => other,
    };
    let ends = pieces.get(numeral.end).is_none_or(|piece| piece.kind == Kind::Mark);
    numeral.value < 100 && ends && before.is_some_and(|piece| scan::is_currency(&piece.folded))
}
