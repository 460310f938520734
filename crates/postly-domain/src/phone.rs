//! Telephone numbers: one written form, whoever wrote them.

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType};
use serde::{Deserialize, Serialize};

/// A number in E.164 (`+` and 7 to 15 digits), in the form in which we compare numbers: the national variants
/// that WhatsApp keeps in its ids (Brazil, Mexico, Argentina) are written as the number is dialled today.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhoneE164(String);

/// The longest typed number we look at, in bytes (PRODUCT 5).
pub const MAX_TYPED_BYTES: usize = 64;

/// A text that is no telephone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no telephone number we can read; write it with its country code, as in +33 6 12 34 56 78")]
pub struct PhoneError;

impl PhoneE164 {
    /// Reads a number that a person typed. `region` (ISO 3166-1, `FR`) is where a national number is at home.
    ///
    /// # Errors
    /// When it is empty, over [`MAX_TYPED_BYTES`], has letters, or is no valid number.
    pub fn parse_typed(text: &str, region: &str) -> Result<Self, PhoneError> {
        let text = text.trim();
        let text = text.strip_prefix("whatsapp:").unwrap_or(text);
        // libphonenumber reads letters as vanity digits; a typed `O` would become somebody else's number.
        if text.is_empty() || text.len() > MAX_TYPED_BYTES || text.chars().any(char::is_alphabetic) {
            return Err(PhoneError);
        }
        let region = region.parse().map_err(|_| PhoneError)?;
        let number = PHONE_NUMBER_UTIL.parse(text, Some(region)).map_err(|_| PhoneError)?;
        let valid = PHONE_NUMBER_UTIL.is_valid_number(&number);
        let written = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164).into_owned();
        match Self::from_provider(&written) {
            // A Brazilian or Mexican number is also accepted as WhatsApp writes it.
            Some(phone) if valid || phone.0 != written => Ok(phone),
            _ => Err(PhoneError),
        }
    }

    /// Reads the number in a provider's id (`33612345678`, `+33612345678`, `whatsapp:+33612345678`). The id is
    /// authoritative: it is not judged by numbering plans, only brought into the form we compare.
    pub fn from_provider(id: &str) -> Option<Self> {
        let digits = id.strip_prefix("whatsapp:").unwrap_or(id);
        let digits = digits.strip_prefix('+').unwrap_or(digits);
        let plausible = (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        plausible.then(|| Self(format!("+{}", canonical_digits(digits))))
    }

    /// Reads a number that somebody asks a code for. More is read than [`PhoneE164::parse_typed`] takes: whether such a
    /// number can exist must not show in the answer.
    ///
    /// # Errors
    /// When it is empty, over [`MAX_TYPED_BYTES`], has letters, or has not the digits of a number.
    pub fn parse_asked(text: &str, region: &str) -> Result<Self, PhoneError> {
        if text.len() > MAX_TYPED_BYTES || text.chars().any(char::is_alphabetic) {
            return Err(PhoneError);
        }
        let region = region.parse().map_err(|_| PhoneError)?;
        let number = PHONE_NUMBER_UTIL.parse(text.trim(), Some(region)).map_err(|_| PhoneError)?;
        let written = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164).into_owned();
        Self::from_provider(&written).ok_or(PhoneError)
    }

    /// The country (ISO 3166-1) in which this number may be a mobile's. `None` for what the numbering plan knows to be
    /// something else (a landline, a premium number), and for what is too long or too short to be any number.
    ///
    /// A number that nobody has been given yet counts: plans grow faster than what is known of them.
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

    /// The number, `+` first. For the database and for providers: never for a log.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Brings the forms of one national number together.
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

/// Shows the country code's first digits and the length, no more: numbers stay out of logs.
impl std::fmt::Debug for PhoneE164 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PhoneE164({} digits)", self.0.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            // Kept for films and novels (Arcep), so that no plan has it for anybody.
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
            // `tel:` has letters.
            let expected = (!typed.starts_with("tel")).then_some("+33612345678");
            assert_eq!(phone.as_ref().map(PhoneE164::as_str), expected, "{typed}");
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
}
