//! Refunds of money: their states at Stripe, and an operator's request for one (RULES 8.8).

use crate::{
    money::{Currency, Money},
    payment::Known,
};

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$meaning:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$meaning])* $variant,)*
        }

        impl $name {
            /// Every value.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word in the database, and at Stripe if it has one.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// Reads the word back.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }
        }
    };
}

words! {
    /// The state of a refund at Stripe. A later state is greater.
    RefundState {
        /// The money has not left yet: Stripe waits for our balance, or for the buyer's bank account.
        Pending = "pending",
        /// The money is on its way to the buyer.
        Succeeded = "succeeded",
        /// It failed or was cancelled: the money stayed with us, or came back.
        Failed = "failed",
    }
}

words! {
    /// The reason of a refund, as Stripe records it.
    RefundReason {
        /// The buyer asked for it.
        RequestedByCustomer = "requested_by_customer",
        /// It was paid twice.
        Duplicate = "duplicate",
        /// The payment was fraud. Stripe then blocks the card and the e-mail address of the buyer.
        Fraudulent = "fraudulent",
    }
}

words! {
    /// The state of an operator's request for a refund.
    RequestState {
        /// Stripe has not answered. It is asked again with the same idempotency key.
        Open = "open",
        /// There is a refund of this request.
        Made = "made",
        /// Stripe refused it: nothing was refunded.
        Refused = "refused",
        /// Stripe never answered, and lists no refund of this request.
        NotMade = "not_made",
    }
}

/// The reason why an amount cannot be refunded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// It is not an amount of the currency.
    #[error("write the amount as a number such as 4.90, or leave it empty for all that is left")]
    Unreadable,
    /// It is nothing, or more than is left.
    #[error("the amount is more than is left of the payment, or nothing")]
    OutOfRange,
    /// Nothing is left.
    #[error("nothing is left to refund: nothing was paid, or all of it was given back before")]
    NothingLeft,
}

impl Known {
    /// Returns the amount that was paid.
    pub fn paid(&self) -> Option<&Money> {
        self.charge.as_ref().and_then(|charge| charge.amount.as_ref()).or(self.total.as_ref())
    }

    /// Returns the part of the paid amount that was not refunded.
    pub fn refundable(&self) -> Option<Money> {
        let paid = self.paid()?;
        let left = paid.amount.saturating_sub(self.refunded(Some(paid))).max(0);
        Some(Money { amount: left, currency: paid.currency.clone() })
    }

    /// Reads the amount of a refund: a number, or nothing for all that is left.
    ///
    /// # Errors
    /// See [`AmountError`].
    pub fn amount_to_refund(&self, typed: &str) -> Result<Money, AmountError> {
        let left = self.refundable().filter(|left| left.amount > 0).ok_or(AmountError::NothingLeft)?;
        let typed = typed.trim();
        if typed.is_empty() {
            return Ok(left);
        }
        let amount = read_amount(&left.currency, typed).ok_or(AmountError::Unreadable)?;
        if amount == 0 || amount > left.amount {
            return Err(AmountError::OutOfRange);
        }
        Ok(Money { amount, currency: left.currency })
    }
}

/// Reads an amount such as `4.90` or `4,9` into minor units. `None` for more decimals than the currency has.
fn read_amount(currency: &Currency, text: &str) -> Option<i64> {
    let (whole, minor) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let decimals = currency.decimals();
    // Twelve digits are more than Stripe accepts, and fit.
    if whole.is_empty() || whole.len() > 12 || minor.len() > decimals || !digits(whole) || !digits(minor) {
        return None;
    }
    format!("{whole}{minor:0<decimals$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payment::{Charge, Refund};

    fn money(amount: i64, currency: &str) -> Money {
        Money { amount, currency: Currency::parse(currency).unwrap() }
    }

    #[test]
    fn an_amount_is_read_in_the_decimals_of_its_currency() {
        for (typed, currency, expected) in [
            ("4.90", "eur", Some(490)),
            ("4,9", "eur", Some(490)),
            ("4", "eur", Some(400)),
            ("0.05", "eur", Some(5)),
            ("4.901", "eur", None),
            ("4.901", "tnd", Some(4_901)),
            ("3000", "xof", Some(3_000)),
            ("3000.0", "xof", None),
            ("-1", "eur", None),
            ("+1", "eur", None),
            ("1e3", "eur", None),
            (".5", "eur", None),
            ("1.000,00", "eur", None),
            ("٤", "eur", None),
            ("9999999999999", "eur", None),
        ] {
            let currency = Currency::parse(currency).unwrap();
            assert_eq!(read_amount(&currency, typed), expected, "{typed}");
            if let Some(amount) = expected {
                let plain = Money { amount, currency: currency.clone() }.plain();
                assert_eq!(read_amount(&currency, &plain), expected, "{plain}");
            }
        }
    }

    #[test]
    fn no_more_is_refunded_than_is_left() {
        let refund = |amount, state| Refund { amount: money(amount, "eur"), state };
        let known = Known {
            total: Some(money(490, "eur")),
            refunds: vec![refund(200, RefundState::Pending), refund(100, RefundState::Failed)],
            ..Known::default()
        };
        assert_eq!(known.refundable(), Some(money(290, "eur")));
        for (typed, expected) in [
            ("", Ok(290)),
            (" 2.90 ", Ok(290)),
            ("0.01", Ok(1)),
            ("2.91", Err(AmountError::OutOfRange)),
            ("0", Err(AmountError::OutOfRange)),
            ("x", Err(AmountError::Unreadable)),
        ] {
            assert_eq!(known.amount_to_refund(typed).map(|money| money.amount), expected, "{typed}");
        }
        let charge = Some(Charge { amount: Some(money(590, "usd")), refunded: 590 });
        let all = Known { charge, ..known };
        assert_eq!(all.amount_to_refund(""), Err(AmountError::NothingLeft));
        assert_eq!(Known::default().amount_to_refund("1"), Err(AmountError::NothingLeft));
    }
}
