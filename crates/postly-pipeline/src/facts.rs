//! The facts of a text: statements that a reader could hold the business to.
//!
//! Two wordings of a fact compare equal ("-20 %", "20%", "٢٠٪", "vingt pour cent"; "midi" and "12h"; "15
//! août" and "15/08"; "moitié prix" and "-50 %"): `wordings.txt` lists them. So a post may reword the brief's
//! facts without inventing one.

use std::collections::BTreeSet;

use postly_domain::{Language, text::fold};
use unicode_normalization::UnicodeNormalization;

use crate::language;
use respell::{Reading, respell};
use wordings::{WORDINGS, same_percent};

mod calendar;
mod dates;
mod deals;
mod links;
mod numerals;
mod pieces;
mod respell;
mod scan;
mod wordings;

pub(crate) use links::{canonical as canonical_link, link_spans};
pub(crate) use numerals::number_word;

/// True if a folded word names a day of the week.
pub(crate) fn is_weekday(word: &str) -> bool {
    calendar::weekday(word).is_some()
}

/// True if a folded word names a month.
pub(crate) fn is_month(word: &str) -> bool {
    calendar::month(word).is_some()
}

/// True if a folded word names a day, a month, or a day relative to today.
pub(crate) fn is_day_or_month(word: &str) -> bool {
    is_weekday(word)
        || is_month(word)
        || matches!(word, "demain" | "tomorrow" | "today" | "manana" | "amanha" | "hoje" | "hoy" | "midi")
}

/// One fact, in a form in which two spellings of it are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fact {
    /// A number without a known unit.
    Number(String),
    /// A percentage.
    Percent(String),
    /// An amount and its currency.
    Money(String, &'static str),
    /// A time of day, or a duration, in minutes.
    Time(u32),
    /// A phone number, digits only.
    Phone(String),
    /// A link, an e-mail address or a @mention, without its scheme.
    Link(String),
    /// A day of the week, Monday is 0.
    Weekday(u8),
    /// A month, January is 1.
    Month(u8),
    /// A day relative to today.
    Relative(&'static str),
    /// A day of a month.
    Date { day: u8, month: u8 },
    /// A time on a clock of twelve hours, in minutes: "half past seven".
    Dial(u32),
    /// A deal: the number of items received, and the number paid for.
    Deal(u32, u32),
    /// The number of a thing, in words: "quatre séances".
    Counted(u32, String),
}

impl std::fmt::Display for Fact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(text) | Self::Phone(text) | Self::Link(text) => f.write_str(text),
            Self::Percent(number) => write!(f, "{number}%"),
            Self::Money(amount, currency) => write!(f, "{amount} {currency}"),
            Self::Time(minutes) => write!(f, "{}:{:02}", minutes / 60, minutes % 60),
            Self::Weekday(day) => f.write_str(calendar::weekday_name(*day)),
            Self::Month(month) => f.write_str(calendar::month_name(*month)),
            Self::Relative(name) => f.write_str(name),
            Self::Date { day, month } => write!(f, "{day} {}", calendar::month_name(*month)),
            Self::Dial(minutes) => write!(f, "{}:{:02} o'clock", minutes / 60, minutes % 60),
            Self::Deal(got, paid) => write!(f, "{got} for the price of {paid}"),
            Self::Counted(number, thing) => write!(f, "{number} {thing}"),
        }
    }
}

/// The facts of a brief, which its posts may state.
#[derive(Default)]
pub(crate) struct BriefFacts {
    facts: BTreeSet<Fact>,
    /// Numbers and months that are not part of a date: "en décembre : le 5 atelier, le 12 dégustation".
    free_days: BTreeSet<Fact>,
    free_months: BTreeSet<Fact>,
}

impl BriefFacts {
    /// Reads the facts of a brief, generously: a date in figures also gives its month, "sam." its day,
    /// "trois" is 3.
    pub(crate) fn read(brief: &str) -> Self {
        let plain = plain(brief);
        let american = language::detect_language(brief).best == Some(Language::En);
        let (links, text) = scan::links(&plain);
        let mut facts: BTreeSet<Fact> = links.into_iter().collect();
        facts.extend(scan::figures(&text));
        facts.extend(calendar::facts(&fold(brief), calendar::Reading::Generous));
        facts.extend(scan::months_in_figures(&plain));
        let respelled = respell(&text, Reading::Generous);
        facts.extend(scan::figures(&respelled.text));
        facts.extend(respelled.facts);
        let dated = dates::take(&respelled.text, Reading::Generous, american);
        facts.extend(dated.facts);
        let implied: Vec<Fact> = facts.iter().flat_map(implied_by).collect();
        facts.extend(implied);
        // Words that a post may repeat verbatim are also read as in a post.
        facts.extend(of_post(brief));
        let is_number = |fact: &Fact| matches!(fact, Fact::Number(_));
        let is_month = |fact: &Fact| matches!(fact, Fact::Month(_));
        let months = calendar::facts(&fold(&dated.text), calendar::Reading::Generous);
        Self {
            facts,
            free_days: scan::figures(&dated.text).into_iter().filter(is_number).collect(),
            free_months: months.into_iter().filter(is_month).collect(),
        }
    }

    /// Takes facts of a post, to compare a part of the brief with them.
    pub(crate) fn of(facts: &[Fact]) -> Self {
        Self { facts: facts.iter().cloned().collect(), ..Self::default() }
    }

    /// True if the brief has this fact of a post.
    pub(crate) fn allow(&self, fact: &Fact) -> bool {
        let known = &self.facts;
        if known.contains(fact) {
            return true;
        }
        match fact {
            // "12,50" is allowed for "12,50 €", and "15.08" for "15/08".
            Fact::Number(number) => {
                known.iter().any(|known| matches!(known, Fact::Money(amount, _) if amount == number))
                    || date_in_decimals(number).is_some_and(|date| known.contains(&date))
            }
            Fact::Percent(number) => known.iter().any(
                |known| matches!(known, Fact::Percent(other) if same_percent(other) == same_percent(number)),
            ),
            // Midnight is the start and the end of a day.
            Fact::Time(minutes @ (0 | 1440)) => known.contains(&Fact::Time(1440 - minutes)),
            Fact::Dial(minutes) => {
                [0, 720, 1440].iter().any(|half| known.contains(&Fact::Time(minutes + half)))
            }
            Fact::Date { day, month } => {
                self.free_days.contains(&Fact::Number(day.to_string()))
                    && self.free_months.contains(&Fact::Month(*month))
            }
            // Denied only if the brief counts the same thing with another number.
            Fact::Counted(number, thing) => {
                known.contains(&Fact::Number(number.to_string()))
                    || !known.iter().any(|known| matches!(known, Fact::Counted(_, other) if other == thing))
            }
            Fact::Phone(digits) => {
                known.iter().any(|known| matches!(known, Fact::Phone(other) if same_phone(digits, other)))
            }
            Fact::Relative("weekend") => {
                known.contains(&Fact::Weekday(5)) || known.contains(&Fact::Weekday(6))
            }
            Fact::Money(..)
            | Fact::Time(_)
            | Fact::Link(_)
            | Fact::Weekday(_)
            | Fact::Month(_)
            | Fact::Deal(..)
            | Fact::Relative(_) => false,
        }
    }
}

/// Returns the facts that a fact of a brief implies.
fn implied_by(fact: &Fact) -> Vec<Fact> {
    match fact {
        Fact::Date { day, month } => vec![Fact::Number(day.to_string()), Fact::Month(*month)],
        // "Half past seven" may be morning or evening.
        Fact::Dial(minutes) => vec![Fact::Time(*minutes), Fact::Time(minutes + 720)],
        Fact::Deal(got, paid) => {
            [*got, *paid, got - paid].map(|number| Fact::Number(number.to_string())).to_vec()
        }
        Fact::Number(_)
        | Fact::Percent(_)
        | Fact::Money(..)
        | Fact::Time(_)
        | Fact::Phone(_)
        | Fact::Link(_)
        | Fact::Weekday(_)
        | Fact::Month(_)
        | Fact::Relative(_)
        | Fact::Counted(..) => vec![],
    }
}

/// Reads "15.08" as a date.
fn date_in_decimals(number: &str) -> Option<Fact> {
    let (day, month) = number.split_once('.')?;
    Some(Fact::Date { day: day.parse().ok()?, month: month.parse().ok()? })
}

/// The facts that a post states, read strictly.
pub(crate) fn of_post(post: &str) -> Vec<Fact> {
    let (mut facts, text) = scan::links(&plain(post));
    let respelled = respell(&scan::without_list_numbers(&text), Reading::Strict);
    facts.extend(respelled.facts);
    let dated = dates::take(&respelled.text, Reading::Strict, false);
    facts.extend(dated.facts);
    facts.extend(scan::figures(&dated.text));
    facts.extend(calendar::facts(&fold(post), calendar::Reading::Strict));
    facts
}

/// The positions of discounts in words ("moitié prix", "2 pour 1"), in bytes.
pub(crate) fn discount_spans(text: &str) -> Vec<(usize, usize)> {
    respell::discount_spans(text)
}

/// Blanks "2 pour 1", "un acheté, un offert" …, because the free item in a deal is not a gift.
pub(crate) fn without_deals(text: &str) -> String {
    respell::without_deals(text)
}

/// Detects words of an end ("until the 15th") and of a start ("from the 15th"), in this order.
pub(crate) fn directions(spaced_words: &str) -> (bool, bool) {
    let has = |list: &[&str]| spaced_words.split(' ').any(|word| list.contains(&word));
    (has(&WORDINGS.until), has(&WORDINGS.from))
}

/// Compares "06 12 34 56 78" and "+33 6 12 34 56 78": the national form is the end of the international one.
fn same_phone(one: &str, other: &str) -> bool {
    let national_of = |national: &str, international: &str| {
        national.strip_prefix('0').filter(|rest| !rest.starts_with('0')).is_some_and(|rest| {
            international.ends_with(rest) && (2..=4).contains(&(international.len() - rest.len()))
        })
    };
    one == other || national_of(one, other) || national_of(other, one)
}

/// Returns a text with one kind of digit, dash and space, and without invisible characters.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        // ASCII is already composed, but a mark may follow its last character.
        let ascii = rest.bytes().take_while(u8::is_ascii).count();
        let composed = if ascii == rest.len() { ascii } else { ascii.saturating_sub(1) };
        let (done, more) = rest.split_at(composed);
        plain.extend(done.chars().map(|c| if c != '\n' && c.is_whitespace() { ' ' } else { c }));
        let first = usize::from(ascii > composed);
        let piece = more.bytes().skip(first).take_while(|byte| !byte.is_ascii()).count() + first;
        let (piece, more) = more.split_at(piece);
        plain.extend(piece.nfkc().filter(|c| !is_invisible(*c)).map(plain_char));
        rest = more;
    }
    plain
}

fn plain_char(c: char) -> char {
    match c {
        '‐' | '‑' | '–' | '—' | '−' => '-',
        '٪' => '%',
        '٫' => '.',
        '٬' => ',',
        _ if c != '\n' && c.is_whitespace() => ' ',
        _ => digit(c).unwrap_or(c),
    }
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{AD}')
}

/// The first digit of each run of ten decimal digits in Unicode (general category Nd), except those that
/// compatibility composition already turns into ASCII.
const ZEROS: &[u32] = &[
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
    0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0,
    0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0x104A0, 0x10D30, 0x10D40,
    0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0,
    0x11950, 0x11BF0, 0x11C50, 0x11D50, 0x11DA0, 0x11F50, 0x16A60, 0x16AC0, 0x16B50, 0x16D70, 0x1CCF0,
    0x1E140, 0x1E2F0, 0x1E4F0, 0x1E950,
];

/// Replaces the digits of any script by ASCII digits.
pub(crate) fn plain_digits(text: &str) -> String {
    text.chars().map(|c| digit(c).unwrap_or(c)).collect()
}

/// Returns the ASCII digit of any decimal digit of Unicode.
fn digit(c: char) -> Option<char> {
    if !c.is_numeric() {
        return None;
    }
    let code = u32::from(c);
    let zero = ZEROS.iter().copied().find(|zero| (*zero..zero + 10).contains(&code))?;
    char::from_digit(code - zero, 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_text_is_made_plain_piece_by_piece_as_it_would_be_whole(
            text in "\\PC{0,40}|[ -\u{7ff}\u{300}-\u{36f}\u{1100}-\u{11ff}\u{2000}-\u{206f}\n]{0,40}"
        ) {
            let whole: String = text.nfkc().filter(|c| !is_invisible(*c)).map(plain_char).collect();
            prop_assert_eq!(plain(&text), whole);
        }
    }

    fn check(brief: &str, post: &str, unknown: &[&str]) {
        let known = BriefFacts::read(brief);
        let found: Vec<String> =
            of_post(post).iter().filter(|fact| !known.allow(fact)).map(ToString::to_string).collect();
        assert_eq!(found, unknown, "{brief:?} → {post:?}");
    }

    #[test]
    fn a_fact_may_be_spelled_differently() {
        for (brief, post) in [
            ("-20 % sur les croissants", "20% de moins"),
            ("-20 % sur les croissants", "−20\u{a0}% aujourd'hui"),
            ("20% off", "vingt pour cent, ٢٠٪, ２０％"),
            ("menu 12,50 €", "12.50 euros, 12€50, €12.5, 12,50"),
            ("1 500 places", "1500, 1.500 ou 1\u{202f}500 places"),
            ("de 9 à 12h", "9h-12h, de 9h00 à 12:00"),
            ("at 6 pm", "18h"),
            ("appelez le 06 12 34 56 78", "+33 6 12 34 56 78 ou 06.12.34.56.78"),
            ("www.chez-lea.fr/menu", "https://chez-lea.fr/menu !"),
            ("le 12/05", "le 12 mai"),
            ("dimanche", "on Sunday"),
            ("samedi et dimanche", "ce week-end"),
            ("trois raisons", "1. Le goût\n2. La croûte\n3) Le sourire"),
            ("promo", "1️⃣ On passe\n2️⃣ On goûte"),
            ("@chezlea sur Insta", "Suivez @chezlea"),
        ] {
            check(brief, post, &[]);
        }
    }

    /// The lines of `wording_cases.txt`: the language, the brief, the right post and the wrong one.
    fn cases() -> impl Iterator<Item = [&'static str; 4]> {
        let lines = include_str!("facts/wording_cases.txt").lines();
        lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| line.split('|').collect::<Vec<_>>().try_into().unwrap())
    }

    fn unknown(brief: &str, post: &str) -> Vec<String> {
        let known = BriefFacts::read(brief);
        of_post(post).iter().filter(|fact| !known.allow(fact)).map(ToString::to_string).collect()
    }

    #[test]
    fn another_wording_of_a_fact_passes_and_another_fact_does_not() {
        let mut wrong = vec![];
        for [_, brief, right, changed] in cases() {
            for (post, passes) in [(right, true), (brief, true), (changed, false)] {
                let unknown = unknown(brief, post);
                if unknown.is_empty() != passes {
                    wrong.push(format!("{brief:?} → {post:?}: {unknown:?}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        for language in Language::ALL {
            assert!(cases().filter(|[code, ..]| *code == language.code()).count() >= 15, "{language}");
        }
    }

    #[test]
    fn words_that_only_sound_like_figures_are_none() {
        for post in [
            "Le menu du midi, une belle heure à deux",
            "Une des quatre saisons, mille mercis",
            "Passez une heure entre amis",
            "Three cheers for the second half of the year",
            "Mil gracias, una y otra vez",
            "Uma vez por todas",
            "Nos pains, 1. frais\n2. dorés",
        ] {
            check("promo", post, if post.contains('\n') { &["1", "2"] } else { &[] });
        }
    }

    proptest! {
        #[test]
        fn what_a_brief_says_may_be_repeated_word_for_word(
            text in "\\PC{0,60}|[ -\u{17f}0-9/:.,%€h\n]{0,60}"
        ) {
            prop_assert_eq!(unknown(&text, &text), Vec::<String>::new());
        }

        #[test]
        fn facts_of_a_brief_may_be_repeated_word_for_word_in_another_sentence(
            indexes in proptest::collection::vec(0usize..1000, 1..6),
            order in 0usize..6,
        ) {
            const FACTS: &[&str] = &[
                "-20 %", "12,50 €", "le 15 août", "15/08/2026", "à midi", "19h30", "half past seven", "moitié prix",
                "2 pour 1", "buy one get one free", "trois séances", "06 12 34 56 78", "contact@lea.fr", "leve 3 pague 2",
                "7 de la tarde", "un tiers de remise", "douze euros cinquante", "August 15th", "samedi", "خصم 30%",
                "الساعة السابعة مساء", "15 de agosto", "5-10 €", "de 9 à 12h", "30 places", "1er mai", "this weekend",
                "quatre-vingt-dix euros", "R$ 2,50", "24/7", "3 pour le prix de 2", "at 7pm", "minuit", "14 King Street",
            ];
            let mut said: Vec<&str> =
                indexes.iter().filter_map(|index| FACTS.get(index % FACTS.len())).copied().collect();
            let brief = format!("Promo : {}.", said.join(" ; "));
            let turn = order % said.len();
            said.rotate_left(turn);
            let post = format!("Bonne nouvelle !\n{} \nOn vous attend", said.join(" !\n"));
            prop_assert_eq!(unknown(&brief, &post), Vec::<String>::new(), "{} → {}", brief, post);
        }
    }

    #[test]
    fn l08_an_invented_fact_is_found() {
        check("-20 % sur les croissants", "-30 % sur 20 croissants", &["30%", "20"]);
        check("menu 12,50 €", "12,50 $ ou 11 €", &["12.5 $", "11 €"]);
        check("ouvert samedi", "Samedi dès 9h, fermé dimanche", &["9:00", "Sunday"]);
        check("le 12 mai", "le 12 juin", &["12 June", "June"]);
        check("promo", "trente pour cent", &["30%"]);
        check("promo", "dix euros seulement", &["10 €"]);
        check("promo", "٣ أيام", &["3"]);
        check("promo", "½ tarif", &["1", "2"]);
        check(
            "promo",
            "bit.ly/x, lea@lea.fr, @lea et evil.com",
            &["bit.ly/x", "lea@lea.fr", "@lea", "evil.com"],
        );
        check("06 12 34 56 78", "06 12 34 56 79", &["0612345679"]);
        check("promo", "50. La cinquantième", &["50"]);
        check("promo", "2\u{200b}0 %", &["20%"]);
        check("promo", "à demain", &["tomorrow"]);
        check("chez-lea.fr", "chez-lea.fr/promo", &["chez-lea.fr/promo"]);
    }
}
