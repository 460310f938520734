//! The configuration of the shop: the account at Stripe, and the price list.

use postly_domain::{Currency, PriceList};
use secrecy::SecretString;

use super::Reader;

/// The account at Stripe, and the price list.
#[derive(Debug)]
pub(crate) struct ShopConfig {
    pub(crate) secret_key: SecretString,
    pub(crate) webhook_secrets: Vec<SecretString>,
    pub(crate) api_base_url: String,
    /// If set, Stripe is the merchant of record.
    pub(crate) tax_code: Option<String>,
    pub(crate) prices: PriceList,
}

const PACKS: &str = "s:20:490,m:60:1290,l:150:2790";
const CURRENCY: &str = "eur";
/// The prefix of Stripe's tax codes.
const TAX_CODE: &str = "txcd_";

/// The default packs (RULES 2.4).
pub(crate) fn default_prices() -> Option<PriceList> {
    PriceList::parse(PACKS, &Currency::parse(CURRENCY)?).ok()
}

impl Reader {
    /// Reads the shop; `None` without Stripe's variables. The price list is checked in either case.
    pub(crate) fn shop(&mut self) -> Option<ShopConfig> {
        let prices = self.prices();
        let api_base_url = self.url("STRIPE_API_BASE_URL", "https://api.stripe.com");
        let tax_code = self.tax_code();
        // Both are read before the check, so that a placeholder in one is reported beside the absence of the
        // other.
        let webhook_secrets = self.maybe_secrets("STRIPE_WEBHOOK_SECRET");
        let secret_key =
            self.get("STRIPE_SECRET_KEY").map(|key| self.secret_of("STRIPE_SECRET_KEY", 1, &key));
        if !self.complete(&["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"]) {
            return None;
        }
        Some(ShopConfig {
            secret_key: secret_key?,
            webhook_secrets: webhook_secrets?,
            api_base_url,
            tax_code,
            prices: prices?,
        })
    }

    fn prices(&mut self) -> Option<PriceList> {
        let packs = self.get("CREDIT_PACKS").unwrap_or_else(|| PACKS.to_owned());
        let currency = self.get("CURRENCY").unwrap_or_else(|| CURRENCY.to_owned());
        let Some(currency) = Currency::parse(&currency) else {
            self.fault("CURRENCY must be a currency code of three letters, such as eur");
            return None;
        };
        match PriceList::parse(&packs, &currency) {
            Ok(prices) => Some(prices),
            Err(error) => {
                self.fault(format!("CREDIT_PACKS {error}"));
                None
            }
        }
    }

    /// The tax code, if Stripe is the merchant of record.
    fn tax_code(&mut self) -> Option<String> {
        let managed = self.choice("STRIPE_MANAGED_PAYMENTS", &[("true", true), ("false", false)]);
        let tax_code = self.get("STRIPE_TAX_CODE");
        if tax_code.as_ref().is_some_and(|code| !code.starts_with(TAX_CODE)) {
            self.fault("STRIPE_TAX_CODE must be a tax code of Stripe, such as txcd_10105001");
        }
        if managed != Some(true) {
            return None;
        }
        if tax_code.is_none() {
            self.fault(
                "STRIPE_TAX_CODE is missing: STRIPE_MANAGED_PAYMENTS is true, and needs the code of what is sold, such as txcd_10105001",
            );
        }
        tax_code
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::read;

    const KEY: (&str, Option<&str>) = ("STRIPE_SECRET_KEY", Some("sk_test_0123456789"));
    const SECRET: (&str, Option<&str>) =
        ("STRIPE_WEBHOOK_SECRET", Some("whsec_0123456789abcdef,whsec_an_older_one_of_them"));

    #[test]
    fn without_stripe_there_is_no_shop_and_half_of_it_is_refused() {
        assert!(read(&[]).unwrap().shop.is_none());
        let shop = read(&[KEY, SECRET]).unwrap().shop.unwrap();
        assert_eq!(shop.webhook_secrets.len(), 2);
        assert_eq!((shop.api_base_url.as_str(), shop.tax_code), ("https://api.stripe.com", None));
        assert_eq!(shop.prices.packs().len(), 3);
        for (half, missing) in [(KEY, "STRIPE_WEBHOOK_SECRET"), (SECRET, "STRIPE_SECRET_KEY")] {
            let faults = read(&[half]).unwrap_err().join("\n");
            assert!(faults.contains(&format!("{missing} is missing")), "{faults}");
        }
    }

    #[test]
    fn the_faults_of_the_shop_are_named_without_their_values() {
        for (name, value, named) in [
            ("STRIPE_WEBHOOK_SECRET", "whsec_short", "STRIPE_WEBHOOK_SECRET is too short"),
            ("STRIPE_SECRET_KEY", "xxxsecret", "STRIPE_SECRET_KEY is a placeholder"),
            ("STRIPE_API_BASE_URL", "api.stripe.com", "STRIPE_API_BASE_URL must be"),
            ("STRIPE_MANAGED_PAYMENTS", "maybe", "STRIPE_MANAGED_PAYMENTS must be one of"),
            ("STRIPE_MANAGED_PAYMENTS", "true", "STRIPE_TAX_CODE is missing"),
            ("STRIPE_TAX_CODE", "20030000", "STRIPE_TAX_CODE must be"),
            ("CREDIT_PACKS", "s:20:4.90", "CREDIT_PACKS must be a list"),
            ("CREDIT_PACKS", "s:20:490,s:60:1290", "CREDIT_PACKS names one pack twice"),
            ("CURRENCY", "euros", "CURRENCY must be"),
        ] {
            let faults = read(&[KEY, SECRET, (name, Some(value))]).unwrap_err().join("\n");
            assert!(faults.contains(named), "{named} is not in {faults}");
            assert!(value == "true" || !faults.contains(value), "{value} in {faults}");
        }
        let managed = [
            KEY,
            SECRET,
            ("STRIPE_MANAGED_PAYMENTS", Some("true")),
            ("STRIPE_TAX_CODE", Some("txcd_10105001")),
            ("CURRENCY", Some("XOF")),
            ("CREDIT_PACKS", Some("s:20:3000")),
        ];
        let shop = read(&managed).unwrap().shop.unwrap();
        assert_eq!(shop.tax_code.as_deref(), Some("txcd_10105001"));
        assert_eq!(shop.prices.packs()[0].price.currency.as_str(), "xof");
    }

    #[test]
    fn s05_a_shop_that_is_printed_shows_no_secret() {
        let printed = format!("{:?}", read(&[KEY, SECRET]).unwrap().shop);
        for secret in ["sk_test_0123456789", "whsec_0123456789abcdef", "whsec_an_older_one_of_them"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
}
