//! Days and months by name, in our five languages.

use std::{collections::HashMap, sync::LazyLock};

use super::Fact;

/// The reading of words that may name a day.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// A brief: abbreviations count.
    Generous,
    /// A post: only words that certainly name a day or a month.
    Strict,
}

const WEEKDAYS: [(&str, &[&str]); 7] = [
    ("Monday", &["lundi", "monday", "lunes", "segunda-feira", "الاثنين", "الإثنين"]),
    ("Tuesday", &["mardi", "tuesday", "martes", "terca-feira", "الثلاثاء"]),
    ("Wednesday", &["mercredi", "wednesday", "miercoles", "quarta-feira", "الاربعاء"]),
    ("Thursday", &["jeudi", "thursday", "jueves", "quinta-feira", "الخميس"]),
    ("Friday", &["vendredi", "friday", "viernes", "sexta-feira", "الجمعة"]),
    ("Saturday", &["samedi", "saturday", "sabado", "السبت"]),
    ("Sunday", &["dimanche", "sunday", "domingo", "الاحد"]),
];

const SHORT_WEEKDAYS: [&[&str]; 7] = [
    &["lun", "mon", "segunda"],
    &["mar", "tue", "tues", "terca"],
    &["mer", "wed", "quarta"],
    &["jeu", "thu", "thurs", "quinta"],
    &["ven", "fri", "sexta"],
    &["sam", "sat"],
    &["dim", "sun"],
];

const MONTHS: [(&str, &[&str]); 12] = [
    ("January", &["janvier", "january", "enero", "janeiro", "يناير", "جانفي"]),
    ("February", &["fevrier", "february", "febrero", "fevereiro", "فبراير", "فيفري"]),
    ("March", &["mars", "march", "marzo", "marco", "مارس"]),
    ("April", &["avril", "april", "abril", "ابريل", "افريل"]),
    ("May", &["mai", "may", "mayo", "maio", "مايو", "ماي"]),
    ("June", &["juin", "june", "junio", "junho", "يونيو", "جوان"]),
    ("July", &["juillet", "july", "julio", "julho", "يوليو", "يوليوز", "جويلية"]),
    ("August", &["aout", "august", "agosto", "اغسطس", "غشت", "اوت"]),
    ("September", &["septembre", "september", "septiembre", "setembro", "سبتمبر", "شتنبر"]),
    ("October", &["octobre", "october", "octubre", "outubro", "اكتوبر"]),
    ("November", &["novembre", "november", "noviembre", "novembro", "نوفمبر", "نونبر"]),
    ("December", &["decembre", "december", "diciembre", "dezembro", "ديسمبر", "دجنبر"]),
];

const SHORT_MONTHS: [&[&str]; 12] = [
    &["janv", "jan", "ene"],
    &["fevr", "fev", "feb"],
    &["mar"],
    &["avr", "apr", "abr"],
    &[],
    &["jun"],
    &["juil", "jul"],
    &["aug", "ago"],
    &["sept", "sep", "set"],
    &["oct", "out"],
    &["nov"],
    &["dec", "dic", "dez"],
];

/// Month names that are also everyday words: they name a month only beside a figure.
const AMBIGUOUS: &[&str] = &["may", "march", "mars", "marco", "mai", "august"];

pub(super) fn weekday_name(day: u8) -> &'static str {
    WEEKDAYS.get(usize::from(day)).map_or("day", |(name, _)| name)
}

pub(super) fn month_name(month: u8) -> &'static str {
    usize::from(month).checked_sub(1).and_then(|at| MONTHS.get(at)).map_or("month", |(name, _)| name)
}

/// A map, because every word of a text is looked up, some of them twice.
static BY_NAME: LazyLock<HashMap<&'static str, Fact>> = LazyLock::new(|| {
    let days = (0..).zip(&WEEKDAYS).map(|(day, (_, names))| (Fact::Weekday(day), *names));
    let months = (1..).zip(&MONTHS).map(|(month, (_, names))| (Fact::Month(month), *names));
    days.chain(months).flat_map(|(fact, names)| names.iter().map(move |name| (*name, fact.clone()))).collect()
});

/// The weekday that a folded word names, also in the plural.
pub(crate) fn weekday(word: &str) -> Option<u8> {
    let named = |word: &str| if let Some(Fact::Weekday(day)) = BY_NAME.get(word) { Some(*day) } else { None };
    // In Arabic, prepositions are joined to the word: "والسبت", "بالسبت".
    let glued = |word: &str| word.strip_prefix(['و', 'ب']).filter(|one| one.starts_with('ا')).and_then(named);
    named(word).or_else(|| word.strip_suffix('s').and_then(named)).or_else(|| glued(word))
}

/// The month that a folded word names.
pub(crate) fn month(word: &str) -> Option<u8> {
    if let Some(Fact::Month(month)) = BY_NAME.get(word) { Some(*month) } else { None }
}

/// Short names of months that are also everyday words: "2 set menus", "3 days ago", "el mar", "sept heures".
const SHORT_AND_AMBIGUOUS: &[&str] = &["mar", "set", "out", "ago", "sept"];

/// The month of a short name. In a post, ambiguous short names do not count.
pub(super) fn short_month(word: &str, generous: bool) -> Option<u8> {
    if !generous && SHORT_AND_AMBIGUOUS.contains(&word) {
        return None;
    }
    (1u8..).zip(SHORT_MONTHS).find(|(_, names)| names.contains(&word)).map(|(month, _)| month)
}

/// True if a word is an English name of a month, which may come before the day.
pub(super) fn is_english_month(word: &str) -> bool {
    const SHORT: &[&str] =
        &["jan", "feb", "mar", "apr", "jun", "jul", "aug", "sept", "sep", "oct", "nov", "dec"];
    SHORT.contains(&word) || MONTHS.iter().any(|(name, _)| name.eq_ignore_ascii_case(word))
}

/// The days and months that a folded text names.
pub(super) fn facts(folded: &str, reading: Reading) -> Vec<Fact> {
    let words: Vec<&str> =
        folded.split(|c: char| !(c.is_alphanumeric() || c == '-')).filter(|word| !word.is_empty()).collect();
    let has_figure = |at: Option<usize>| {
        at.and_then(|at| words.get(at)).is_some_and(|word| word.chars().any(char::is_numeric))
    };
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let pieces = if weekday(word).is_some() { vec![*word] } else { word.split('-').collect() };
        for piece in pieces {
            if let Some(day) = weekday(piece) {
                found.push(Fact::Weekday(day));
            }
            if let Some(month) = month(piece) {
                let sure =
                    !AMBIGUOUS.contains(&piece) || has_figure(at.checked_sub(1)) || has_figure(Some(at + 1));
                if sure || reading == Reading::Generous {
                    found.push(Fact::Month(month));
                }
            }
            if reading == Reading::Generous {
                found.extend(
                    (0u8..)
                        .zip(SHORT_WEEKDAYS)
                        .filter(|(_, names)| names.contains(&piece))
                        .map(|(day, _)| Fact::Weekday(day)),
                );
                found.extend(
                    (1u8..)
                        .zip(SHORT_MONTHS)
                        .filter(|(_, names)| names.contains(&piece))
                        .map(|(month, _)| Fact::Month(month)),
                );
            }
        }
        match *word {
            "demain" | "tomorrow" | "manana" | "amanha" | "غدا" => found.push(Fact::Relative("tomorrow")),
            "week-end" | "weekend" | "week-ends" | "weekends" => found.push(Fact::Relative("weekend")),
            "week" if words.get(at + 1) == Some(&"end") => found.push(Fact::Relative("weekend")),
            _ => {}
        }
    }
    // "La mañana" is the morning, and "por la mañana" in the morning.
    if reading == Reading::Strict && (folded.contains("la manana") || folded.contains("las mananas")) {
        found.retain(|fact| *fact != Fact::Relative("tomorrow"));
    }
    found
}
