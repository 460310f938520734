//! The shop: packs are bought by Checkout Sessions of Stripe, and reported payments become credits.
//!
//! A Checkout Session is created ([`checkout`]) for an author who is logged in, or who has a link from
//! WhatsApp ([`link`]). Its state is reported by events ([`events`]), by the page of the buyer's return and
//! by an hourly sweep ([`sweep`]). All of them, and the answer to an operator's refund ([`refund`]), call
//! [`apply`], which recomputes the value of the payment and writes the difference.

mod apply;
mod checkout;
mod events;
mod link;
mod receipt;
mod refund;
mod sweep;

use std::sync::Arc;

use postly_domain::{Language, PriceList, id::AuthorId};
use postly_i18n::Value;
use postly_payments::{Stripe, WebhookSecrets};
use postly_store::{StoreError, checkouts};

pub use checkout::CheckoutError;
pub use events::{EventOutcome, PaymentEventError};
pub use link::RechargeView;
pub use receipt::ReceiptError;
pub use refund::{RefundOrder, RefundPaymentError, RefundPreview, explain as explain_refusal};
pub use sweep::{Returned, ReturnedState};

pub(crate) use sweep::run;

use crate::Core;

/// The configuration of the shop. Without it nothing can be bought, and the routes of the shop do not exist.
#[derive(Debug, Clone)]
pub struct Shop {
    /// The account at Stripe.
    pub stripe: Stripe,
    /// The signing secrets of the webhook.
    pub webhook_secrets: WebhookSecrets,
    /// The packs for sale.
    pub prices: PriceList,
}

/// A pack for sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The id of the pack in requests.
    pub id: String,
    /// The number of credits.
    pub credits: i64,
    /// The price, in minor units.
    pub amount: i64,
    /// The code of the currency, in lower case.
    pub currency: String,
    /// Credits and price as a text, with VAT.
    pub label: String,
    /// The credits as a text.
    pub count: String,
    /// The price as a text, with VAT.
    pub price: String,
}

/// The sale of credits: checkouts, payment events and receipts.
#[derive(Clone)]
pub struct Payments {
    pub(crate) core: Core,
    pub(crate) shop: Option<Arc<Shop>>,
}

impl Payments {
    /// Builds the service; without a shop, nothing is for sale.
    pub fn new(core: &Core, shop: Option<Shop>) -> Self {
        Self { core: core.clone(), shop: shop.map(Arc::new) }
    }

    /// True if anything is for sale.
    pub fn sells(&self) -> bool {
        self.shop.is_some()
    }

    /// Returns the packs for sale, with names in a language. `None` if there is no shop.
    pub fn offers(&self, language: Language) -> Option<Vec<Offer>> {
        let shop = self.shop.as_ref()?;
        let offers = shop.prices.packs().iter().map(|pack| {
            let price = pack.price.display(language);
            let values = [("credits", Value::Count(pack.credits)), ("price", Value::Text(&price))];
            Offer {
                id: pack.id.clone(),
                credits: pack.credits,
                amount: pack.price.amount,
                currency: pack.price.currency.as_str().to_owned(),
                label: self.core.catalogue.format(language, "shop-pack", &values),
                count: self.core.catalogue.format(language, "shop-pack-count", &values),
                price: self.core.catalogue.format(language, "shop-pack-price", &values),
            }
        });
        Some(offers.collect())
    }

    /// Returns the credits of an author's payments that are not confirmed yet.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn pending_credits(&self, author: &AuthorId) -> Result<i64, StoreError> {
        checkouts::pending(&mut self.core.db.read().await?, author).await
    }

    /// Returns a text of the shop's pages without variables.
    pub fn shop_text(&self, language: Language, key: &str) -> String {
        self.core.catalogue.text(language, key)
    }

    /// Returns a text of the shop's pages that counts credits.
    pub fn shop_count(&self, language: Language, key: &str, credits: i64) -> String {
        self.core.catalogue.format(language, key, &[("credits", Value::Count(credits))])
    }
}
