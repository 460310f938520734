//! The period of an offer: the part of a brief that states its days or its end.

use crate::{
    facts::{is_month, is_weekday},
    tokens::{Kind, Token},
};

/// Finds the longest run of these tokens that states a time. Returns its start and its end.
pub(crate) fn find(text: &str, tokens: &[Token]) -> Option<(usize, usize)> {
    let mut best: Option<(usize, usize)> = None;
    let mut at = 0;
    while at < tokens.len() {
        let end = end_from(text, tokens, at);
        match end {
            Some(end) => {
                if best.is_none_or(|(from, to)| end - at > to - from) {
                    best = Some((at, end));
                }
                at = end;
            }
            None => at += 1,
        }
    }
    best
}

/// True if a time begins at this token.
pub(crate) fn starts_at(text: &str, tokens: &[Token], at: usize) -> bool {
    end_from(text, tokens, at).is_some()
}

/// Small words inside an expression of time.
const GLUE: &[&str] = &[
    "يوم",
    "هذا",
    "الساعة",
    "حتى",
    "الاسبوع",
    "نهاية",
    "من",
    "الى",
    "fin",
    "final",
    "fim",
    "ce",
    "cette",
    "ces",
    "le",
    "la",
    "du",
    "au",
    "de",
    "a",
    "jusqu",
    "jusque",
    "et",
    "des",
    "dès",
    "partir",
    "tous",
    "toute",
    "tout",
    "les",
    "pendant",
    "prochain",
    "prochaine",
    "chaque",
    "avant",
    "-",
    "–",
    "'",
    "entre",
    "this",
    "next",
    "on",
    "from",
    "to",
    "until",
    "till",
    "every",
    "between",
    "and",
    "of",
    "the",
    "through",
    "by",
    "before",
    "only",
    "este",
    "esta",
    "hasta",
    "desde",
    "el",
    "los",
    "y",
    "del",
    "al",
    "las",
    "ate",
    "no",
    "na",
    "neste",
    "nesta",
    "aos",
    "as",
    "e",
    "partir",
    "hoy",
    "only",
    "seulement",
    "uniquement",
    "inclus",
    "at",
    "mois",
    "semaine",
    "week",
    "month",
    "jours",
    "jour",
    "days",
    "day",
    "h",
    "prochains",
    "all",
    "long",
    "hui",
    "now",
    "das",
    "dos",
    "dia",
    "todos",
    "todas",
    "cada",
    "ao",
    "و",
];

/// Words that may begin an expression of time.
const OPENERS: &[&str] = &[
    "يوم",
    "هذا",
    "حتى",
    "نهاية",
    "ce",
    "cette",
    "ces",
    "le",
    "du",
    "jusqu",
    "des",
    "dès",
    "tous",
    "toute",
    "tout",
    "chaque",
    "avant",
    "a",
    "de",
    "entre",
    "pendant",
    "this",
    "next",
    "on",
    "from",
    "until",
    "till",
    "every",
    "between",
    "through",
    "by",
    "before",
    "este",
    "esta",
    "hasta",
    "desde",
    "el",
    "los",
    "ate",
    "no",
    "neste",
    "nesta",
    "aos",
    "at",
    "all",
    "au",
    "del",
    "das",
    "dia",
    "todos",
    "todas",
    "cada",
    "من",
];

/// Words that state a time by themselves.
const TIMES: &[&str] = &[
    "غدا",
    "اليوم",
    "week-end",
    "weekend",
    "week-ends",
    "weekends",
    "demain",
    "aujourd",
    "tomorrow",
    "today",
    "tonight",
    "midi",
    "soir",
    "matin",
    "apres-midi",
    "morning",
    "afternoon",
    "evening",
    "noon",
    "midnight",
    "manana",
    "hoy",
    "amanha",
    "hoje",
    "soiree",
    "matinee",
];

/// Times that need a determiner before them, else they only qualify a noun ("menu du midi", "plat du jour").
const NEED_POINTER: &[&str] =
    &["midi", "soir", "matin", "apres-midi", "morning", "afternoon", "evening", "soiree", "matinee"];
const POINTED_NEEDED: &[&str] = &["semaine", "week", "month", "mois", "semana", "mes"];
const POINTERS: &[&str] = &[
    "ce", "cette", "toute", "tout", "this", "next", "esta", "este", "all", "chaque", "every", "nesta",
    "neste", "le",
];

/// The longest expression of time, in tokens: "du samedi 12 mai de 9h à 12h au dimanche 13 mai de 14h à 18h".
const LONGEST: usize = 20;

fn end_from(text: &str, tokens: &[Token], start: usize) -> Option<usize> {
    let first = tokens.get(start)?;
    let opener = OPENERS.contains(&first.folded.as_str());
    if !opener && !tells_time(tokens, start) && !is_dated_number(tokens, start) {
        return None;
    }
    let mut end = start;
    let mut told = None;
    while let Some(token) = tokens.get(end).filter(|_| end - start < LONGEST) {
        let gap_has_break = end > start
            && tokens
                .get(end - 1)
                .and_then(|before| text.get(before.end..token.start))
                .is_some_and(|gap| gap.contains('\n'));
        if gap_has_break {
            break;
        }
        if tells_time(tokens, end) || is_dated_number(tokens, end) {
            told = Some(end + 1);
        } else if !(GLUE.contains(&token.folded.as_str()) || token.is("week") || token.is("end")) {
            break;
        }
        end += 1;
    }
    let told = told?;
    // "Prochain" and "inclus" close an expression; other small words after it belong to the next phrase.
    let closes = tokens.get(told).is_some_and(|token| {
        matches!(
            token.folded.as_str(),
            "prochain" | "prochaine" | "inclus" | "seulement" | "uniquement" | "only" | "next"
        )
    });
    Some(if closes { told + 1 } else { told })
}

/// True if this token states a time: a day, a month, an hour, "week-end" …
fn tells_time(tokens: &[Token], at: usize) -> bool {
    let Some(token) = tokens.get(at) else { return false };
    let before = at.checked_sub(1).and_then(|before| tokens.get(before));
    let pointed = before.is_some_and(|before| {
        POINTERS.contains(&before.folded.as_str())
            || is_weekday(&before.folded)
            || before.is("demain")
            || before.is("tomorrow")
    });
    let word = token.folded.as_str();
    let two_before = at.checked_sub(2).and_then(|two| tokens.get(two));
    if word == "semana"
        && two_before.is_some_and(|two| matches!(two.folded.as_str(), "fin" | "fim" | "final"))
    {
        return true;
    }
    let meridiem = matches!(word, "am" | "pm") && before.is_some_and(|before| before.kind == Kind::Number);
    let told = match token.kind {
        Kind::Word if NEED_POINTER.contains(&word) || POINTED_NEEDED.contains(&word) => {
            pointed && !(POINTED_NEEDED.contains(&word) && before.is_some_and(|before| before.is("le")))
        }
        Kind::Word if word == "may" || word == "march" || word == "mars" => {
            before.is_some_and(|before| before.kind == Kind::Number)
                || tokens.get(at + 1).is_some_and(|next| next.kind == Kind::Number)
        }
        Kind::Word if word == "end" || word == "hui" => {
            before.is_some_and(|before| before.is("week") || before.is("'"))
        }
        Kind::Word => TIMES.contains(&word) || is_weekday(word) || is_month(word),
        Kind::Number => {
            is_clock(word)
                || matches!(tokens.get(at + 1), Some(next) if next.is("am") || next.is("pm") || next.is("h"))
        }
        Kind::Link | Kind::Mark => false,
    };
    told || meridiem
}

/// "9h", "9h30", "9:30", "6pm", "12/05".
fn is_clock(word: &str) -> bool {
    let digits = word.chars().take_while(char::is_ascii_digit).count();
    let rest = word.get(digits..).unwrap_or_default();
    let minutes = rest.get(1..).unwrap_or_default();
    let short = minutes.len() <= 2 && minutes.chars().all(|c| c.is_ascii_digit());
    (1..=2).contains(&digits)
        && ((rest.starts_with('h') && short)
            || (rest.starts_with([':', '/']) && minutes.len() == 2 && short)
            || rest == "pm"
            || rest == "am")
}

/// A number that is part of a date or a range of hours: "12 mai", "May 12th", "du 3 au 9 juin", "9 à 12h".
fn is_dated_number(tokens: &[Token], at: usize) -> bool {
    let number =
        |at: Option<usize>| at.and_then(|at| tokens.get(at)).filter(|token| token.kind == Kind::Number);
    let Some(token) = number(Some(at)) else { return false };
    let value: String = token.folded.chars().take_while(char::is_ascii_digit).collect();
    if value.len() > 2 && value.len() != 4 {
        return false;
    }
    let month_at =
        |at: Option<usize>| at.and_then(|at| tokens.get(at)).is_some_and(|token| is_month(&token.folded));
    let of = |at: usize| tokens.get(at).is_some_and(|token| token.is("de"));
    if month_at(Some(at + 1)) || (of(at + 1) && month_at(Some(at + 2))) || month_at(at.checked_sub(1)) {
        return true;
    }
    let day = at.checked_sub(1).and_then(|at| tokens.get(at)).is_some_and(|token| is_weekday(&token.folded));
    let range = tokens.get(at + 1).is_some_and(|token| {
        matches!(token.folded.as_str(), "au" | "a" | "et" | "to" | "-" | "and" | "al" | "ao" | "y" | "e")
    }) && number(Some(at + 2)).is_some_and(|_| {
        month_at(Some(at + 3)) || (of(at + 3) && month_at(Some(at + 4))) || tells_time(tokens, at + 2)
    });
    day || range
}
