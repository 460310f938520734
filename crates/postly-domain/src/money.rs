//! Prices in the minor units of a currency, their text in each language, and the packs for sale.

use crate::Language;

/// A currency, by its ISO 4217 code in lower case, as Stripe writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(String);

/// Currencies whose amounts Stripe counts in whole units (Stripe, "Zero-decimal currencies"). UGX and ISK
/// have no decimals either, but Stripe counts them in hundredths.
const ZERO_DECIMAL: [&str; 15] =
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"];
/// Currencies with amounts in thousandths (Stripe, "Three-decimal currencies").
const THREE_DECIMAL: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];

impl Currency {
    /// Reads a code of three letters, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
        plain.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The code in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number of decimals in the minor unit.
    pub(crate) fn decimals(&self) -> usize {
        match self.as_str() {
            code if ZERO_DECIMAL.contains(&code) => 0,
            code if THREE_DECIMAL.contains(&code) => 3,
            _ => 2,
        }
    }

    /// The usual sign; the code in capitals if no sign is clear to all of our readers.
    fn sign(&self) -> String {
        match self.as_str() {
            "eur" => "€".to_owned(),
            "gbp" => "£".to_owned(),
            "usd" => "$".to_owned(),
            "xof" => "F\u{202F}CFA".to_owned(),
            "xaf" => "FCFA".to_owned(),
            code => code.to_ascii_uppercase(),
        }
    }
}

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Money {
    /// In the minor units of the currency, as Stripe counts them.
    pub amount: i64,
    /// The currency.
    pub currency: Currency,
}

impl Money {
    /// The amount in digits, such as `4.90`, as the form of a refund reads it.
    pub fn plain(&self) -> String {
        let decimals = self.currency.decimals();
        let digits = format!("{:0>width$}", self.amount.unsigned_abs(), width = decimals + 1);
        let (whole, minor) = digits.split_at(digits.len() - decimals);
        if minor.is_empty() { whole.to_owned() } else { format!("{whole}.{minor}") }
    }

    /// The amount as a language writes it (CLDR): `4,90 €` in French, `€4.90` in English.
    pub fn display(&self, language: Language) -> String {
        let (point, group) = match language {
            Language::Fr => (',', "\u{202F}"),
            Language::Es | Language::Pt => (',', "."),
            Language::En | Language::Ar => ('.', ","),
        };
        let decimals = self.currency.decimals();
        let digits = format!("{:0>width$}", self.amount.unsigned_abs(), width = decimals + 1);
        let (whole, minor) = digits.split_at(digits.len() - decimals);
        let mut number = String::new();
        for (place, digit) in whole.chars().enumerate() {
            if place > 0 && (whole.len() - place).is_multiple_of(3) {
                number.push_str(group);
            }
            number.push(digit);
        }
        if decimals > 0 {
            number.push(point);
            number.push_str(minor);
        }
        let minus = if self.amount < 0 { "-" } else { "" };
        let sign = self.currency.sign();
        match language {
            Language::En if sign.chars().count() == 1 => format!("{minus}{sign}{number}"),
            Language::En => format!("{minus}{sign}\u{A0}{number}"),
            Language::Fr | Language::Es | Language::Pt | Language::Ar => {
                format!("{minus}{number}\u{A0}{sign}")
            }
        }
    }
}

/// Credits that are sold together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// The id in requests.
    pub id: String,
    /// The number of credits.
    pub credits: i64,
    /// The price, VAT included.
    pub price: Money,
}

/// The packs for sale (`CREDIT_PACKS`, `CURRENCY`): at least one, with distinct ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceList(Vec<Pack>);

/// The reason why a price list cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PriceListError {
    /// An item is not `id:credits:minor units`.
    #[error("must be a list of id:credits:minor units, such as s:20:490,m:60:1290")]
    Form,
    /// Two packs have the same id.
    #[error("names one pack twice")]
    Twice,
    /// There is no pack, or more than a page or a message can list.
    #[error("must name 1 to {MOST_PACKS} packs")]
    Count,
}

/// The most packs: a message cannot list more choices.
const MOST_PACKS: usize = 8;
/// The most credits of a pack, as for an operator's adjustment.
const MOST_CREDITS: i64 = 1_000_000;
/// The highest amount that Stripe accepts (Stripe, "Minimum and maximum charge amounts": eight digits).
const HIGHEST_AMOUNT: i64 = 99_999_999;
/// The longest id of a pack.
const LONGEST_ID: usize = 32;

impl PriceList {
    /// Reads `id:credits:minor units`, separated by commas.
    ///
    /// # Errors
    /// See [`PriceListError`].
    pub fn parse(text: &str, currency: &Currency) -> Result<Self, PriceListError> {
        let mut packs: Vec<Pack> = vec![];
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let pack = pack(item, currency).ok_or(PriceListError::Form)?;
            if packs.iter().any(|known| known.id == pack.id) {
                return Err(PriceListError::Twice);
            }
            packs.push(pack);
        }
        if packs.is_empty() || packs.len() > MOST_PACKS {
            Err(PriceListError::Count)
        } else {
            Ok(Self(packs))
        }
    }

    /// The packs, in the order in which they are offered.
    pub fn packs(&self) -> &[Pack] {
        &self.0
    }

    /// The pack with this id.
    pub fn find(&self, id: &str) -> Option<&Pack> {
        self.0.iter().find(|pack| pack.id == id)
    }
}

fn pack(item: &str, currency: &Currency) -> Option<Pack> {
    let mut parts = item.split(':').map(str::trim);
    let (id, credits, amount) = (parts.next()?, parts.next()?, parts.next()?);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let is_id = (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(plain);
    let number = |text: &str, most| text.parse::<i64>().ok().filter(|number| (1..=most).contains(number));
    let (credits, amount) = (number(credits, MOST_CREDITS)?, number(amount, HIGHEST_AMOUNT)?);
    let price = Money { amount, currency: currency.clone() };
    (is_id && parts.next().is_none()).then(|| Pack { id: id.to_owned(), credits, price })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount: i64, currency: &str) -> Money {
        Money { amount, currency: Currency::parse(currency).unwrap() }
    }

    #[test]
    fn a_price_is_written_as_each_language_writes_it() {
        for (amount, currency, language, expected) in [
            (490, "eur", Language::Fr, "4,90\u{A0}€"),
            (490, "eur", Language::En, "€4.90"),
            (490, "EUR", Language::Es, "4,90\u{A0}€"),
            (490, "eur", Language::Pt, "4,90\u{A0}€"),
            (490, "eur", Language::Ar, "4.90\u{A0}€"),
            (5, "eur", Language::Fr, "0,05\u{A0}€"),
            (123_456_789, "eur", Language::Fr, "1\u{202F}234\u{202F}567,89\u{A0}€"),
            (123_456, "usd", Language::En, "$1,234.56"),
            (-123_456, "usd", Language::En, "-$1,234.56"),
            (4_900, "chf", Language::En, "CHF\u{A0}49.00"),
            (4_900, "mad", Language::Fr, "49,00\u{A0}MAD"),
            (100_000, "eur", Language::Es, "1.000,00\u{A0}€"),
        ] {
            assert_eq!(money(amount, currency).display(language), expected);
        }
    }

    #[test]
    fn a_currency_without_decimals_is_written_without_them() {
        assert_eq!(money(3_000, "xof").display(Language::Fr), "3\u{202F}000\u{A0}F\u{202F}CFA");
        assert_eq!(money(490, "jpy").display(Language::En), "JPY\u{A0}490");
        assert_eq!(money(0, "jpy").display(Language::En), "JPY\u{A0}0");
        assert_eq!(money(4_900, "tnd").display(Language::Fr), "4,900\u{A0}TND");
        // Counted in hundredths, although the currency has none.
        assert_eq!(money(490_000, "ugx").display(Language::Fr), "4\u{202F}900,00\u{A0}UGX");
    }

    #[test]
    fn a_price_list_is_read_and_its_faults_are_named() {
        let eur = Currency::parse("eur").unwrap();
        let list = PriceList::parse("s:20:490, m:60:1290 ,l:150:2790", &eur).unwrap();
        assert_eq!(list.packs().len(), 3);
        let pack = list.find("m").unwrap();
        assert_eq!((pack.credits, pack.price.amount), (60, 1_290));
        assert_eq!(list.find("xl"), None);
        for (text, expected) in [
            ("", PriceListError::Count),
            (" , ", PriceListError::Count),
            ("s:20", PriceListError::Form),
            ("s:20:490:1", PriceListError::Form),
            ("s:0:490", PriceListError::Form),
            ("s:-5:490", PriceListError::Form),
            ("s:20:4.90", PriceListError::Form),
            ("s:20:1e3", PriceListError::Form),
            ("s:20:100000000", PriceListError::Form),
            ("s s:20:490", PriceListError::Form),
            (":20:490", PriceListError::Form),
            ("s:20:490,s:60:1290", PriceListError::Twice),
        ] {
            assert_eq!(PriceList::parse(text, &eur), Err(expected), "{text:?}");
        }
        for text in ["", "eu", "euro", "e€", "12a"] {
            assert_eq!(Currency::parse(text), None, "{text:?}");
        }
    }
}
