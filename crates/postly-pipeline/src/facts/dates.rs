//! Dates: "15/08", "15 août 2026", "August 15th", "15 de agosto".

use super::{
    Fact, calendar,
    pieces::{self, Kind, Piece},
    respell::{Reading, unit_at},
};

/// A text without its dates, and their facts.
pub(super) struct Dated {
    pub(super) text: String,
    pub(super) facts: Vec<Fact>,
}

/// A date, with its year if it has one, and the index of the piece after it.
struct Date {
    day: u8,
    month: u8,
    year: Option<u32>,
    end: usize,
    /// True if day and month could be swapped: "08/09".
    ambiguous: bool,
    /// True for "August 3, 4 and 5": further days follow the date. Otherwise they precede it.
    month_first: bool,
}

/// Takes the dates out of a plain text with its figures in digits. With `american`, "08/09" may also be the
/// ninth of August.
pub(super) fn take(text: &str, reading: Reading, american: bool) -> Dated {
    let pieces = pieces::cut(text);
    let mut facts = Vec::new();
    let mut spans = Vec::new();
    let mut at = 0;
    while at < pieces.len() {
        let date = in_figures(&pieces, at, reading)
            .or_else(|| day_first(&pieces, at, reading))
            .or_else(|| month_first(&pieces, at, reading));
        let Some(date) = date else {
            at += 1;
            continue;
        };
        facts.push(Fact::Date { day: date.day, month: date.month });
        facts.extend(date.year.map(|year| Fact::Number(year.to_string())));
        if reading == Reading::Generous {
            if american && date.ambiguous {
                facts.push(Fact::Date { day: date.month, month: date.day });
            }
            let from = if date.month_first { date.end } else { at };
            let days = listed_days(&pieces, from, !date.month_first);
            facts.extend(days.into_iter().map(|day| Fact::Date { day, month: date.month }));
        }
        if let (Some(first), Some(last)) = (pieces.get(at), pieces.get(date.end - 1)) {
            spans.push((first.start, last.end));
        }
        at = date.end;
    }
    let mut rest = text.to_owned();
    for (start, end) in spans.into_iter().rev() {
        rest.replace_range(start..end, &" ".repeat(end - start));
    }
    Dated { text: rest, facts }
}

fn day_of(piece: &Piece) -> Option<u8> {
    let value = piece.value().filter(|_| piece.folded.len() <= 2)?;
    u8::try_from(value).ok().filter(|day| (1..=31).contains(day))
}

/// "15/08", "15.08.2026", "2026-08-15".
fn in_figures(pieces: &[Piece], at: usize, reading: Reading) -> Option<Date> {
    let mut groups = Vec::new();
    let mut sign = None;
    let mut next = at;
    loop {
        groups.push(pieces.get(next).filter(|piece| piece.kind == Kind::Digits)?);
        next += 1;
        let (Some(mark), Some(behind)) = (pieces.get(next), pieces.get(next + 1)) else { break };
        let joined =
            mark.touches(pieces.get(next - 1)?) && behind.touches(mark) && behind.kind == Kind::Digits;
        if !joined || !matches!(mark.folded.as_str(), "/" | "." | "-") {
            break;
        }
        if sign.is_some_and(|sign| sign != mark.folded.as_str()) {
            return None;
        }
        sign = Some(mark.folded.as_str());
        next += 1;
    }
    let touched =
        at.checked_sub(2).and_then(|two| Some((pieces.get(two)?, pieces.get(at - 1)?, pieces.get(at)?)));
    if touched.is_some_and(|(two, mark, piece)| {
        two.kind == Kind::Digits
            && matches!(mark.folded.as_str(), "/" | "." | "-" | ":")
            && piece.touches(mark)
    }) {
        return None;
    }
    let two = |piece: &Piece| piece.folded.len() <= 2;
    let (day, month, year) = match groups.as_slice() {
        [year, month, day] if year.folded.len() == 4 && two(month) && two(day) => (*day, *month, Some(*year)),
        [day, month, year] if two(day) && two(month) && matches!(year.folded.len(), 2 | 4) => {
            (*day, *month, Some(*year))
        }
        [day, month] if two(day) && two(month) && sign == Some("/") => (*day, *month, None),
        // "Le 15.08" is more often a price or a time, so it is a date only in a brief.
        [day, month]
            if two(day)
                && month.folded.len() == 2
                && sign == Some(".")
                && reading == Reading::Generous
                && !unit_at(pieces, next) =>
        {
            (*day, *month, None)
        }
        _ => return None,
    };
    let year = year.and_then(Piece::value).map(|year| if year < 100 { 2000 + year } else { year });
    let (first, second) = (day_of(day)?, day_of(month)?);
    let (day, month) = if second > 12 && first <= 12 { (second, first) } else { (first, second) };
    (month <= 12).then_some(Date {
        day,
        month,
        year,
        end: next,
        ambiguous: first <= 12 && second <= 12,
        month_first: false,
    })
}

/// True if no number is joined to the start of this piece: "1.15 août" is no date.
fn is_whole(pieces: &[Piece], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| Some((pieces.get(before)?, pieces.get(at)?)));
    !before.is_some_and(|(before, piece)| {
        piece.touches(before)
            && (before.kind == Kind::Digits || matches!(before.folded.as_str(), "." | "," | ":"))
    })
}

fn month_at(pieces: &[Piece], at: usize, reading: Reading) -> Option<u8> {
    let word = pieces.get(at)?.folded.as_str();
    calendar::month(word).or_else(|| calendar::short_month(word, reading == Reading::Generous))
}

/// Skips "er" in "1er", "th" in "15th".
fn behind_ordinal(pieces: &[Piece], at: usize) -> usize {
    let ordinal =
        |piece: &Piece| matches!(piece.folded.as_str(), "er" | "e" | "st" | "nd" | "rd" | "th" | "o" | "º");
    let touches = at.checked_sub(1).and_then(|before| Some(pieces.get(at)?.touches(pieces.get(before)?)));
    at + usize::from(touches.unwrap_or(false) && pieces.get(at).is_some_and(ordinal))
}

/// The year at a piece, after a comma or "de", and the index of the piece after it.
fn year_at(pieces: &[Piece], mut at: usize) -> (Option<u32>, usize) {
    let end = at;
    let glue = |piece: &Piece| matches!(piece.folded.as_str(), "," | "." | "de" | "del" | "of");
    at += usize::from(pieces.get(at).is_some_and(glue));
    let year = pieces.get(at).filter(|piece| piece.folded.len() == 4).and_then(Piece::value);
    match year.filter(|year| (1900..2100).contains(year) && !unit_at(pieces, at + 1)) {
        Some(year) => (Some(year), at + 1),
        None => (None, end),
    }
}

/// "15 août", "1er mai 2026", "15 de agosto", "15th of August".
fn day_first(pieces: &[Piece], at: usize, reading: Reading) -> Option<Date> {
    let day = pieces.get(at).and_then(day_of).filter(|_| is_whole(pieces, at))?;
    let mut next = behind_ordinal(pieces, at + 1);
    if pieces.get(next).is_some_and(|piece| matches!(piece.folded.as_str(), "de" | "of" | "d")) {
        next = pieces::skip_marks(pieces, next + 1);
    }
    let month = month_at(pieces, next, reading)?;
    let (year, end) = year_at(pieces, next + 1);
    Some(Date { day, month, year, end, ambiguous: false, month_first: false })
}

/// "August 15th, 2026".
fn month_first(pieces: &[Piece], at: usize, reading: Reading) -> Option<Date> {
    let english = pieces.get(at).is_some_and(|piece| calendar::is_english_month(&piece.folded));
    let month = month_at(pieces, at, reading).filter(|_| english)?;
    let number = pieces.get(at + 1)?;
    let day = day_of(number)?;
    let next = behind_ordinal(pieces, at + 2);
    let goes_on = pieces.get(at + 2).is_some_and(|mark| {
        mark.kind == Kind::Mark
            && matches!(mark.folded.as_str(), "." | "," | ":" | "/")
            && mark.touches(number)
            && pieces.get(at + 3).is_some_and(|behind| behind.kind == Kind::Digits && behind.touches(mark))
    });
    if goes_on || unit_at(pieces, next) || month_at(pieces, next, reading).is_some() {
        return None;
    }
    let (year, end) = year_at(pieces, next);
    Some(Date { day, month, year, end, ambiguous: false, month_first: true })
}

/// The most pieces of a list of days that are read.
const LONGEST_LIST: usize = 16;

/// The days of "24, 25 et 31 décembre", "du 1 au 15 août", "August 3 to 5", before or after the date.
fn listed_days(pieces: &[Piece], from: usize, backwards: bool) -> Vec<u8> {
    const GLUE: &[&str] = &[
        "-", ",", "/", "&", "au", "a", "to", "until", "till", "through", "al", "ao", "et", "and", "y", "e",
        "ou", "or", "o", "du", "le", "les", "the", "los", "dia", "dias", "de", "des", "الى", "و", "er", "th",
        "nd", "rd", "st",
    ];
    let mut days = Vec::new();
    for step in 0..LONGEST_LIST {
        let at = if backwards { from.checked_sub(step + 1) } else { Some(from + step) };
        let Some(piece) = at.and_then(|at| pieces.get(at)) else { break };
        if let Some(day) = day_of(piece) {
            days.push(day);
        } else if !GLUE.contains(&piece.folded.as_str()) && !super::is_weekday(&piece.folded) {
            break;
        }
    }
    days
}
