//! One-time codes and phrases: their forms, lifetimes and limits.

use crate::{
    UnixMillis,
    text::{fold, trimmed_words},
    typed_code,
};

/// The lifetime of a code, a login link and a phrase (RULES 7.2).
pub const LIFETIME_MS: i64 = 10 * 60 * 1000;
/// The most comparisons of one code (RULES 7.2).
pub const MAX_TRIES: i64 = 3;
/// The shortest time between two codes to one number (RULES 7.3).
pub const COOLDOWN_MS: i64 = 60 * 1000;
/// The most codes that the web sends to one number in a day (RULES 7.3).
pub const WEB_CODES_A_DAY: i64 = 6;
/// The most codes that LOGIN on WhatsApp sends to one number in an hour (RULES 7.3).
pub const LOGIN_CODES_AN_HOUR: i64 = 3;
/// The number of wrong tries on one number in a day after which a typed code from LOGIN is refused
/// (RULES 7.4).
pub const WRONG_TRIES_A_DAY: i64 = 20;

/// The purpose of a code. A code is valid for its own purpose only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Log in to a new session.
    Login,
    /// Link a number to the account of a session.
    Link,
}

impl Purpose {
    /// The name in the database, and in the hashed text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Link => "link",
        }
    }

    /// Reads [`Purpose::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Login, Self::Link].into_iter().find(|purpose| purpose.as_str() == text)
    }
}

/// Six digits. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

impl Code {
    /// Returns the code of a random number. `None` for the few numbers that would make some codes likelier
    /// than others: draw again.
    pub fn from_random(number: u32) -> Option<Self> {
        const CODES: u32 = 1_000_000;
        (number < u32::MAX - u32::MAX % CODES).then(|| Self(format!("{:06}", number % CODES)))
    }

    /// Reads a typed or pasted code: the only run of six digits in the text, of any script (RULES 7.7).
    pub fn parse(text: &str) -> Option<Self> {
        typed_code::read(text).map(Self)
    }

    /// The digits. For the author's message, and for the hash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code")
    }
}

/// A one-time phrase: shown by the browser as a link and a QR code, and sent to us from WhatsApp. Ten letters
/// of thirty-two, fifty bits.
#[derive(Clone, PartialEq, Eq)]
pub struct Phrase(String);

/// Crockford's Base32: no two letters look alike.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const PHRASE_LETTERS: usize = 10;

impl Phrase {
    /// Returns the phrase of ten random bytes.
    pub fn from_random(bytes: [u8; PHRASE_LETTERS]) -> Self {
        Self(
            bytes
                .iter()
                .map(|byte| LETTERS.get(usize::from(byte % 32)).map_or('0', |c| char::from(*c)))
                .collect(),
        )
    }

    /// Reads the phrase in a message: a `#` and ten letters, in two groups of five, alone or in the text of
    /// the link.
    pub fn find(text: &str) -> Option<Self> {
        // The text of the link has half as many characters.
        const LONGEST: usize = 100;
        if text.len() > LONGEST {
            return None;
        }
        let (before, after) = text.split_once('#')?;
        if !matches!(fold(before).trim(), "" | "postly-ai") {
            return None;
        }
        // A hashtag contains no dash.
        let (left, right) = after.trim().split_once('-')?;
        let letters = format!("{left}{right}").to_ascii_uppercase();
        let known = left.len() == PHRASE_LETTERS / 2
            && letters.len() == PHRASE_LETTERS
            && letters.bytes().all(|byte| LETTERS.contains(&byte));
        known.then_some(Self(letters))
    }

    /// The ten letters only, for the hash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The displayed and sent form: `#ABCDE-FGHJK`.
    pub fn shown(&self) -> String {
        let (left, right) = self.0.split_at(PHRASE_LETTERS / 2);
        format!("#{left}-{right}")
    }
}

impl std::fmt::Debug for Phrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Phrase")
    }
}

/// The most codes sent without a proof that one was received (RULES 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budgets {
    /// To the numbers of one country, in an hour.
    pub country_hour: i64,
    /// In all, in an hour.
    pub hour: i64,
}

/// The recent codes that count against a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// To this number by the web, within the cooldown.
    pub just_now: i64,
    /// To this number by the web, within a day.
    pub today: i64,
    /// To this country, unproved, within an hour.
    pub country_hour: i64,
    /// In all, unproved, within an hour.
    pub hour: i64,
}

impl Spent {
    /// Returns true if the web may send one more code.
    pub fn allows(self, budgets: Budgets) -> bool {
        self.just_now == 0
            && self.today < WEB_CODES_A_DAY
            && self.country_hour < budgets.country_hour
            && self.hour < budgets.hour
    }
}

/// The decision for LOGIN on WhatsApp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginStep {
    /// Send a code.
    Send,
    /// A code was sent within the cooldown.
    JustSent,
    /// Too many codes within this hour.
    TooMany,
}

/// Decides on LOGIN, from the times of the codes it sent to this number within an hour, newest first.
pub fn login_step(within_an_hour: &[UnixMillis], now: UnixMillis) -> LoginStep {
    match within_an_hour.first() {
        Some(last) if now.since_ms(*last) < COOLDOWN_MS => LoginStep::JustSent,
        _ if i64::try_from(within_an_hour.len()).unwrap_or(i64::MAX) >= LOGIN_CODES_AN_HOUR => {
            LoginStep::TooMany
        }
        _ => LoginStep::Send,
    }
}

/// Returns true if a message confirms the erasure: DELETE once more, or a plain yes.
pub fn confirms_erasure(text: &str) -> bool {
    let folded = fold(text);
    let words: Vec<&str> = trimmed_words(&folded).collect();
    let is_yes = |word: &str| {
        matches!(
            word,
            "oui"
                | "yes"
                | "si"
                | "sim"
                | "نعم"
                | "confirmer"
                | "confirme"
                | "confirm"
                | "confirmar"
                | "confirmo"
        )
    };
    let is_delete = |word: &str| {
        matches!(word, "supprimer" | "delete" | "eliminar" | "borrar" | "excluir" | "apagar" | "حذف")
    };
    matches!(words.as_slice(), [one] if is_yes(one) || is_delete(one))
        || matches!(words.as_slice(), [one, two] if (is_yes(one) && is_delete(two)) || (is_delete(one) && is_yes(two)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o24_every_code_is_as_likely_as_another() {
        // The largest multiple of a million that 32 bits hold: every code has the same number of values below
        // it.
        assert_eq!(Code::from_random(4_293_999_999).unwrap().as_str(), "999999");
        assert_eq!(Code::from_random(4_294_000_000), None);
        assert_eq!(Code::from_random(42).unwrap().as_str(), "000042");
        assert_eq!(format!("{:?}", Code::from_random(42)), "Some(Code)");
    }

    #[test]
    fn a_phrase_is_found_as_it_is_sent_and_not_in_a_brief() {
        let phrase = Phrase::from_random([0, 31, 10, 32, 64, 255, 7, 8, 9, 33]);
        assert_eq!(phrase.shown(), "#0ZA00-Z7891");
        for text in ["Postly-AI #0ZA00-Z7891", "#0za00-z7891", " postly-ai #0ZA00-Z7891 "] {
            assert_eq!(Phrase::find(text), Some(phrase.clone()), "{text}");
        }
        for text in [
            "Promo #croissants",
            "Promo #TARTE-CREME",
            "Promo #0ZA00Z7891",
            "#0ZA00-Z789",
            "0ZA00-Z7891",
            "#0ZA00-Z789I",
            &format!("{} #0ZA00-Z7891", "x".repeat(100)),
        ] {
            assert_eq!(Phrase::find(text), None, "{text}");
        }
    }

    #[test]
    fn o08_o10_a_code_is_sent_only_within_every_budget() {
        let budgets = Budgets { country_hour: 30, hour: 60 };
        let none = Spent { just_now: 0, today: 0, country_hour: 0, hour: 0 };
        assert!(none.allows(budgets));
        assert!(Spent { today: 5, country_hour: 29, hour: 59, ..none }.allows(budgets));
        for full in [
            Spent { just_now: 1, ..none },
            Spent { today: 6, ..none },
            Spent { country_hour: 30, ..none },
            Spent { hour: 60, ..none },
        ] {
            assert!(!full.allows(budgets), "{full:?}");
        }
    }

    #[test]
    fn o42_login_brings_three_codes_an_hour_a_minute_apart() {
        let now = UnixMillis(10_000_000);
        let before = |ms: i64| now.plus_ms(-ms);
        assert_eq!(login_step(&[], now), LoginStep::Send);
        assert_eq!(login_step(&[before(59_999)], now), LoginStep::JustSent);
        assert_eq!(login_step(&[before(60_000)], now), LoginStep::Send);
        assert_eq!(login_step(&[before(60_000), before(120_000), before(180_000)], now), LoginStep::TooMany);
    }

    #[test]
    fn erasure_is_confirmed_by_a_plain_yes_and_by_nothing_else() {
        for yes in ["OUI", "oui !", "SUPPRIMER", "Oui supprimer", "delete yes", "نعم"] {
            assert!(confirms_erasure(yes), "{yes}");
        }
        for no in ["non", "oui mais plus tard", "Promo oui oui", "", "merci"] {
            assert!(!confirms_erasure(no), "{no}");
        }
    }
}
