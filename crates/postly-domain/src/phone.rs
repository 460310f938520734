//! Telephone numbers in one written form.

use rlibphonenumber::{
    CountryCodeSource, PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, PhoneNumberType, Region,
};
use serde::{Deserialize, Serialize};

use crate::text::is_format_mark;

/// A number in E.164 (`+` and 7 to 15 digits), in the form in which numbers are compared. The national
/// variants that WhatsApp keeps in its ids (Brazil, Mexico, Argentina) are written as the number is dialled
/// today.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhoneE164(String);

/// The longest typed number that is read, in bytes (RULES 3.4).
pub const MAX_TYPED_BYTES: usize = 64;

/// The country code of a region (ISO 3166-1) as people write it: `+33` of `FR`. `None` for an unknown region.
pub fn calling_code(region: &str) -> Option<String> {
    let region: Region = region.parse().ok()?;
    PHONE_NUMBER_UTIL.get_country_code_for_region(region).map(|code| format!("+{code}"))
}

/// A text that is no telephone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no telephone number we can read; write it with its country code, as in +33 6 12 34 56 78")]
pub struct PhoneError;

impl PhoneE164 {
    /// Reads a number that a person typed. `region` (ISO 3166-1, `FR`) is the home of a national number.
    ///
    /// # Errors
    /// Fails if the text is empty, over [`MAX_TYPED_BYTES`], has letters, or is no valid number.
    pub fn parse_typed(text: &str, region: &str) -> Result<Self, PhoneError> {
        let number = read(text, region)?;
        let valid = PHONE_NUMBER_UTIL.is_valid_number(&number);
        let phone = Self::of(&number)?;
        // A Brazilian or Mexican number is also accepted as WhatsApp writes it.
        if valid || phone.0 != e164(&number) { Ok(phone) } else { Err(PhoneError) }
    }

    /// Reads the number in a provider's id (`33612345678`, `+33612345678`, `whatsapp:+33612345678`). The id
    /// is authoritative. It is not checked against numbering plans, only brought into the compared form.
    pub fn from_provider(id: &str) -> Option<Self> {
        let digits = id.strip_prefix("whatsapp:").unwrap_or(id);
        let digits = digits.strip_prefix('+').unwrap_or(digits);
        let plausible = (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        plausible.then(|| Self(format!("+{}", canonical_digits(digits))))
    }

    /// Reads a number for which a code is requested. It accepts more than [`PhoneE164::parse_typed`], because
    /// the response must not show if the number can exist.
    ///
    /// # Errors
    /// Fails if the text is empty, over [`MAX_TYPED_BYTES`], has letters, or has not the digits of a number.
    pub fn parse_asked(text: &str, region: &str) -> Result<Self, PhoneError> {
        Self::of(&read(text, region)?)
    }

    /// The compared form. A number that reads differently in this form (a national prefix typed twice) is
    /// refused, because it would be stored as one number and looked up as another.
    fn of(number: &PhoneNumber) -> Result<Self, PhoneError> {
        let phone = Self::from_provider(&e164(number)).ok_or(PhoneError)?;
        let again = PHONE_NUMBER_UTIL.parse(&phone.0, None).map_err(|_| PhoneError)?;
        if e164(&again) == phone.0 { Ok(phone) } else { Err(PhoneError) }
    }

    /// The country (ISO 3166-1) if this number may be a mobile number. `None` for a number that the numbering
    /// plan assigns to another use (a landline, a premium number), and for one of an impossible length.
    ///
    /// An unassigned number counts as mobile, because plans grow faster than our data about them.
    pub fn mobile_country(&self) -> Option<String> {
        let number = PHONE_NUMBER_UTIL.parse(&self.0, None).ok()?;
        if !PHONE_NUMBER_UTIL.is_possible_number(&number) {
            return None;
        }
        let region = match PHONE_NUMBER_UTIL.get_number_type(&number) {
            PhoneNumberType::Mobile | PhoneNumberType::FixedLineOrMobile => {
                PHONE_NUMBER_UTIL.get_region_for_number(&number)
            }
            PhoneNumberType::Unknown => PHONE_NUMBER_UTIL.get_region_for_country_code(number.country_code),
            _ => None,
        };
        region.map(|region| region.to_string())
    }

    /// The number as people read it: `+33 6 12 34 56 78`.
    pub fn readable(&self) -> String {
        let Ok(number) = PHONE_NUMBER_UTIL.parse(&self.0, None) else { return self.0.clone() };
        PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::International).into_owned()
    }

    /// The number, with the leading `+`. For the database and for providers: never for a log.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn e164(number: &PhoneNumber) -> String {
    PHONE_NUMBER_UTIL.format(number, PhoneNumberFormat::E164).into_owned()
}

/// Reads a number as people type and paste it, even if no numbering plan assigns it.
fn read(text: &str, region: &str) -> Result<PhoneNumber, PhoneError> {
    if text.len() > MAX_TYPED_BYTES {
        return Err(PhoneError);
    }
    let text = without_scheme(&plain(text)).ok_or(PhoneError)?;
    // libphonenumber reads letters as vanity digits; a typed `O` would become another person's number.
    if text.is_empty() || text.chars().any(|c| c.is_alphabetic() || c.is_control()) {
        return Err(PhoneError);
    }
    let home: Region = region.parse().map_err(|_| PhoneError)?;
    let number = PHONE_NUMBER_UTIL.parse_and_keep_raw_input(&text, Some(home)).map_err(|_| PhoneError)?;
    let is_national = number.country_code_source() == CountryCodeSource::FromDefaultCountry;
    let is_french = is_national && FRENCH_PLAN.contains(&region);
    Ok(if is_french { in_french_plan(number) } else { number })
}

/// Removes marks of direction and keycaps, and replaces every space by U+0020. Word processors and address
/// books write U+00A0, U+202F or U+2007 between groups of digits; libphonenumber knows only the first.
fn plain(text: &str) -> String {
    const KEYCAP: char = '\u{20E3}';
    let seen = text.chars().filter(|c| !is_format_mark(*c) && *c != KEYCAP);
    seen.map(|c| if c.is_whitespace() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

/// Extracts the number of `whatsapp:…`, or of a link to a number (RFC 3966: `tel:+33-6-12-34-56-78`,
/// `tel:0612345678;phone-context=+33`). `None` for an extension, because no extension has WhatsApp.
fn without_scheme(text: &str) -> Option<String> {
    let Some((scheme, rest)) = text.split_once(':') else { return Some(text.to_owned()) };
    if scheme.trim().eq_ignore_ascii_case("whatsapp") {
        return Some(rest.trim().to_owned());
    }
    if !scheme.trim().eq_ignore_ascii_case("tel") {
        return None;
    }
    // No slashes and escapes in RFC 3966; web pages have both.
    let rest = rest.trim_start_matches('/').replace("%20", " ").replace("%2B", "+").replace("%2b", "+");
    let mut parts = rest.split(';').map(str::trim);
    let number = parts.next()?;
    let mut context = "";
    for (name, value) in parts.filter_map(|part| part.split_once('=')) {
        match name.to_ascii_lowercase().as_str() {
            "ext" | "isub" => return None,
            // Otherwise the context is the name of a network, and says nothing about the country.
            "phone-context" if value.starts_with('+') => context = value,
            _ => {}
        }
    }
    Some(if number.starts_with('+') { number.to_owned() } else { format!("{context}{number}") })
}

/// The regions of the French numbering plan. Each has a country code, and all write `0` and nine digits.
const FRENCH_PLAN: &[&str] = &["FR", "RE", "YT", "GP", "BL", "MF", "GF", "MQ"];
/// France; then Réunion and Mayotte, Guadeloupe, Guyane, Martinique (RULES 6.7).
const FRENCH_CODES: [i32; 5] = [33, 262, 590, 594, 596];
/// `06 39 98 …`, reserved by Arcep for films and novels in the plan of France, and valid in none.
const FICTION: std::ops::Range<u64> = 639_980_000..639_990_000;

/// Gives a number that was typed nationally the country code with which it is valid. For landlines the
/// region's own code comes first (`0596 …` is a number of Martinique, and France has issued such numbers,
/// too). No mobile number is valid with two codes. A number that is valid with none keeps the country in
/// which it was typed.
fn in_french_plan(typed: PhoneNumber) -> PhoneNumber {
    let with = |code: i32| {
        let mut number = typed.clone();
        number.country_code = code;
        number
    };
    if FICTION.contains(&typed.national_number) {
        return with(33);
    }
    let mut candidates = std::iter::once(typed.country_code).chain(FRENCH_CODES).map(with);
    candidates.find(|number| PHONE_NUMBER_UTIL.is_valid_number(number)).unwrap_or(typed)
}

/// Reduces the forms of one national number to one.
///
/// - Brazil added a ninth digit to mobile numbers (2012 to 2016); ids of accounts older than that lack it.
/// - Mexico dropped the `1` after the country code in 2019; ids keep it.
/// - Argentina writes a `9` before mobile numbers dialled from abroad; ids have it or not.
fn canonical_digits(digits: &str) -> String {
    if let Some(national) = digits.strip_prefix("55") {
        // Two digits of area, then eight: a mobile number starts with 6 to 9.
        if let Some((area, subscriber)) = national.split_at_checked(2)
            && subscriber.len() == 8
            && subscriber.starts_with(['6', '7', '8', '9'])
        {
            return format!("55{area}9{subscriber}");
        }
    } else if let Some(national) = digits.strip_prefix("521") {
        if national.len() == 10 {
            return format!("52{national}");
        }
    } else if let Some(national) = digits.strip_prefix("54")
        && national.len() == 10
        && !national.starts_with('9')
    {
        return format!("549{national}");
    }
    digits.to_owned()
}

/// Prints the number of digits only, because numbers must not reach logs.
impl std::fmt::Debug for PhoneE164 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PhoneE164({} digits)", self.0.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_is_shown_as_its_country_writes_it() {
        for (number, shown) in [
            ("+33612345678", "+33 6 12 34 56 78"),
            ("+14155238886", "+1 415-523-8886"),
            ("+447400123456", "+44 7400 123456"),
        ] {
            assert_eq!(PhoneE164::from_provider(number).unwrap().readable(), shown);
        }
    }

    #[test]
    fn typed_numbers_are_read_as_their_region_writes_them() {
        for (typed, expected) in [
            ("06 12 34 56 78", Some("+33612345678")),
            ("+33 (0)6 12 34 56 78", Some("+33612345678")),
            ("0033612345678", Some("+33612345678")),
            ("whatsapp:+33612345678", Some("+33612345678")),
            ("+44 7400 123456", Some("+447400123456")),
            ("٠٦١٢٣٤٥٦٧٨", Some("+33612345678")),
            ("06 12 34 56 7O", None),
            ("12", None),
            ("", None),
            ("+", None),
            ("FR.13491208655302741918", None),
        ] {
            let parsed = PhoneE164::parse_typed(typed, "FR").ok();
            assert_eq!(parsed.as_ref().map(PhoneE164::as_str), expected, "{typed:?}");
        }
    }

    #[test]
    fn o09_codes_are_for_mobiles_of_a_country() {
        for (number, country) in [
            ("+33612345678", Some("FR")),
            ("+447400123456", Some("GB")),
            ("+12025550123", Some("US")),
            ("+33142685300", None),
            ("+33899701234", None),
            // Reserved for films and novels (Arcep): no plan assigns it.
            ("+33639981001", Some("FR")),
            ("+33612", None),
            ("+3361234567890", None),
        ] {
            let phone = PhoneE164::parse_asked(number, "FR");
            let found = phone.ok().and_then(|phone| phone.mobile_country());
            assert_eq!(found.as_deref(), country, "{number}");
        }
    }

    #[test]
    fn o27_o28_what_is_asked_for_is_read_in_every_spelling_or_refused() {
        for typed in [
            "+33612345678",
            "06 12 34 56 78",
            "0033612345678",
            "tel:+33612345678",
            "٠٦١٢٣٤٥٦٧٨",
            "０６１２３４５６７８",
        ] {
            let phone = PhoneE164::parse_asked(typed, "FR").ok();
            assert_eq!(phone.as_ref().map(PhoneE164::as_str), Some("+33612345678"), "{typed}");
        }
        for typed in ["", " ", "+", "abc", "06 12 34 56 7O", "12", &"0".repeat(65)] {
            assert!(PhoneE164::parse_asked(typed, "FR").is_err(), "{typed:?}");
        }
    }

    #[test]
    fn both_forms_of_a_national_number_are_one_number() {
        for (left, right) in [
            ("5511987654321", "551187654321"),
            ("5215512345678", "525512345678"),
            ("5491123456789", "541123456789"),
            ("whatsapp:+33612345678", "33612345678"),
        ] {
            assert_eq!(PhoneE164::from_provider(left), PhoneE164::from_provider(right), "{left} {right}");
        }
        // A Brazilian landline starts with 2 to 5 and has kept its eight digits.
        assert_eq!(PhoneE164::from_provider("551133334444").unwrap().as_str(), "+551133334444");
    }

    #[test]
    fn an_id_that_is_no_number_is_not_read_as_one() {
        for id in
            ["", "+", "FR.134912", "whatsapp:FR.1A2B", "12345", "1234567890123456", "33 612", "0612345678"]
        {
            assert_eq!(PhoneE164::from_provider(id), None, "{id:?}");
        }
    }

    /// Both readers of typed numbers agree.
    fn check(typed: &str, region: &str, expected: Option<&str>) {
        for phone in [PhoneE164::parse_typed(typed, region), PhoneE164::parse_asked(typed, region)] {
            assert_eq!(phone.ok().as_ref().map(PhoneE164::as_str), expected, "{typed:?} in {region}");
        }
    }

    #[test]
    fn a_pasted_number_is_read_whatever_stands_between_its_digits() {
        for typed in [
            "06\u{202f}12\u{202f}34\u{202f}56\u{202f}78",
            "06\u{2007}12\u{2007}34\u{2007}56\u{2007}78",
            "06\u{a0}12\u{a0}34\u{a0}56\u{a0}78",
            "\u{202a}+33\u{a0}6\u{a0}12\u{a0}34\u{a0}56\u{a0}78\u{202c}",
            "\u{200e}+33 6 12 34 56 78\u{200f}",
            "\u{2066}06 12 34 56 78\u{2069}\n",
            "\u{61c}٠٦١٢٣٤٥٦٧٨",
            "۰۶ ۱۲ ۳۴ ۵۶ ۷۸",
            "＋３３　６　１２　３４　５６　７８",
            "०६१२३४५६७८",
            "06.12.34.56.78",
            "06\u{2011}12\u{2011}34\u{2011}56\u{2011}78",
            "06/12/34/56/78",
            "+33 (0)6 12 34 56 78",
            "+33\u{a0}(0)\u{202f}6.12.34.56.78",
            "0033 (0) 6 12 34 56 78",
            "(+33) 6 12 34 56 78",
            "0\u{fe0f}\u{20e3}612345678",
            "tel:+33612345678",
            "TEL:+33-6-12-34-56-78",
            "tel:0612345678",
            "tel://+33612345678",
            "tel:+33%206%2012%2034%2056%2078",
            "tel:612345678;phone-context=+33",
            "tel:0612345678;phone-context=example.com",
            "\u{200e} tel: +33 6 12 34 56 78",
            "whatsapp:+33612345678",
        ] {
            check(typed, "FR", Some("+33612345678"));
        }
        check("tel:+44 (0)7400 123456", "FR", Some("+447400123456"));
        check("tel:7400123456;phone-context=+44", "FR", Some("+447400123456"));
        check("+44 (0)7400 123456", "FR", Some("+447400123456"));
        // In Italy the 0 belongs to the number.
        check("+39 06 6982 1234", "FR", Some("+390669821234"));
        for typed in [
            "tel:",
            "tel:+33612345678;ext=12",
            "tel:+33612345678;isub=1",
            "mailto:0612345678",
            "fax:+33612345678",
            "tel:tel:+33612345678",
            "+33 (0)6 12 34 56 7O",
            "0612345678\0",
            "+33 (0) 006 12 34 56 78",
        ] {
            check(typed, "FR", None);
        }
    }

    #[test]
    fn a_number_typed_nationally_gets_the_code_of_the_french_plan_with_which_it_is_valid() {
        for region in FRENCH_PLAN {
            for (typed, expected) in [
                ("0692 12 34 56", "+262692123456"),
                ("0693 12 34 56", "+262693123456"),
                ("06 39 01 23 45", "+262639012345"),
                ("0690 12 34 56", "+590690123456"),
                ("0694 20 12 34", "+594694201234"),
                ("0696 20 12 34", "+596696201234"),
                ("0696\u{202f}20\u{202f}12\u{202f}34", "+596696201234"),
                ("696201234", "+596696201234"),
                ("tel:0692-12-34-56", "+262692123456"),
                ("06 12 34 56 78", "+33612345678"),
                ("07 61 23 45 67", "+33761234567"),
                ("06 95 12 34 56", "+33695123456"),
                // A number typed with its country code keeps it.
                ("+262 (0)692 12 34 56", "+262692123456"),
                ("00 262 692 12 34 56", "+262692123456"),
                ("+44 7400 123456", "+447400123456"),
            ] {
                check(typed, region, Some(expected));
            }
            let fiction = PhoneE164::parse_asked("06 39 98 10 01", region).unwrap();
            assert_eq!(fiction.as_str(), "+33639981001", "{region}");
        }
        check("0596 50 12 34", "MQ", Some("+596596501234"));
        // In other regions such a number is a national one.
        check("06 12345678", "NL", Some("+31612345678"));
        // A number that is valid with no code keeps the region in which it was typed.
        let nowhere = PhoneE164::parse_asked("0800 00 00", "FR").unwrap();
        assert!(nowhere.as_str().starts_with("+33"), "{}", nowhere.as_str());
    }

    proptest! {
        #[test]
        fn what_is_read_from_a_typed_number_reads_as_itself(
            typed in "(tel:|whatsapp:|TEL:|//)?[+＋]{0,2}(0033|00262|33|262|55|521|52|54|549|44|39|1)?[0-9 ().٠-٩०-९\u{a0}\u{202f}\u{2007}\u{200e}\u{202a}O/;=-]{0,20}|\\PC{0,64}",
            region in "FR|RE|GP|MQ|GF|YT|BE|IT|US|BR|MX|AR|CI|XX|",
        ) {
            let read = [PhoneE164::parse_typed(&typed, &region), PhoneE164::parse_asked(&typed, &region)];
            for phone in read.into_iter().flatten() {
                prop_assert_eq!(PhoneE164::parse_asked(phone.as_str(), "FR"), Ok(phone.clone()));
                prop_assert_eq!(PhoneE164::from_provider(phone.as_str()), Some(phone));
            }
        }
    }
}
