//! The facts of a text: what a reader could hold the shop to.
//!
//! Two spellings of a fact compare equal ("-20 %", "20%", "٢٠٪", "vingt pour cent"), so that a post may set the
//! brief's facts in its own way and still invent none.

use std::collections::BTreeSet;

use postly_domain::text::fold;
use unicode_normalization::UnicodeNormalization;

mod calendar;
mod links;
mod scan;

pub(crate) use links::link_spans;

/// Whether a folded word names a day of the week.
pub(crate) fn is_weekday(word: &str) -> bool {
    calendar::weekday(word).is_some()
}

/// Whether a folded word names a month.
pub(crate) fn is_month(word: &str) -> bool {
    calendar::month(word).is_some()
}

/// One fact, in the form in which two spellings of it are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fact {
    /// A number without a unit we know.
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
    /// A day told from today.
    Relative(&'static str),
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
        }
    }
}

/// The facts that a brief puts at our disposal.
pub(crate) struct BriefFacts(BTreeSet<Fact>);

impl BriefFacts {
    /// Reads the facts of a brief, generously: a date in figures also gives its month, "sam." its day.
    pub(crate) fn read(brief: &str) -> Self {
        let plain = plain(brief);
        let mut facts: BTreeSet<Fact> = scan::facts(&plain, scan::ListNumbers::Count).into_iter().collect();
        facts.extend(calendar::facts(&fold(brief), calendar::Reading::Generous));
        facts.extend(scan::months_in_figures(&plain));
        Self(facts)
    }

    /// Those of a post, to compare a part of the brief with.
    pub(crate) fn of(facts: &[Fact]) -> Self {
        Self(facts.iter().cloned().collect())
    }

    /// Whether the brief has this fact of a post.
    pub(crate) fn allow(&self, fact: &Fact) -> bool {
        if self.0.contains(fact) {
            return true;
        }
        match fact {
            // "12,50" for "12,50 €".
            Fact::Number(number) => {
                self.0.iter().any(|known| matches!(known, Fact::Money(amount, _) if amount == number))
            }
            Fact::Phone(digits) => {
                self.0.iter().any(|known| matches!(known, Fact::Phone(other) if same_phone(digits, other)))
            }
            Fact::Relative("weekend") => {
                self.0.contains(&Fact::Weekday(5)) || self.0.contains(&Fact::Weekday(6))
            }
            Fact::Percent(_)
            | Fact::Money(..)
            | Fact::Time(_)
            | Fact::Link(_)
            | Fact::Weekday(_)
            | Fact::Month(_)
            | Fact::Relative(_) => false,
        }
    }
}

/// The facts that a post states, read strictly.
pub(crate) fn of_post(post: &str) -> Vec<Fact> {
    let mut facts = scan::facts(&plain(post), scan::ListNumbers::Skip);
    facts.extend(calendar::facts(&fold(post), calendar::Reading::Strict));
    facts
}

/// "06 12 34 56 78" and "+33 6 12 34 56 78": the national form is the end of the international one.
fn same_phone(one: &str, other: &str) -> bool {
    let national_of = |national: &str, international: &str| {
        national.strip_prefix('0').filter(|rest| !rest.starts_with('0')).is_some_and(|rest| {
            international.ends_with(rest) && (2..=4).contains(&(international.len() - rest.len()))
        })
    };
    one == other || national_of(one, other) || national_of(other, one)
}

/// A text with one kind of digit, dash and space, and without characters that take no room.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        // ASCII is composed already; its last character may still take a mark that follows it.
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

/// The first digit of each run of ten decimal digits in Unicode (general category Nd), but for the forms that
/// compatibility composition already makes plain.
const ZEROS: &[u32] = &[
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
    0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0,
    0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0x104A0, 0x10D30, 0x10D40,
    0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0,
    0x11950, 0x11BF0, 0x11C50, 0x11D50, 0x11DA0, 0x11F50, 0x16A60, 0x16AC0, 0x16B50, 0x16D70, 0x1CCF0,
    0x1E140, 0x1E2F0, 0x1E4F0, 0x1E950,
];

/// The plain digit that any decimal digit of Unicode stands for.
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

    #[test]
    fn l08_an_invented_fact_is_found() {
        check("-20 % sur les croissants", "-30 % sur 20 croissants", &["30%", "20"]);
        check("menu 12,50 €", "12,50 $ ou 11 €", &["12.5 $", "11 €"]);
        check("ouvert samedi", "Samedi dès 9h, fermé dimanche", &["9:00", "Sunday"]);
        check("le 12 mai", "le 12 juin", &["June"]);
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
