//! The creation of a Checkout Session.

use postly_domain::{
    Alert, Pack, UnixMillis,
    id::AuthorId,
    metric,
    payment::CheckoutState,
    time::{DAY_MS, HOUR_MS},
};
use postly_i18n::Value;
use postly_payments::{NewCheckout, StripeError};
use postly_store::{StoreError, authors, checkouts};

use super::Shop;
use crate::{Payments, alerts, conflict::again, health::Upstream, ids::fresh_text};

/// The most unpaid Checkout Sessions of an author within an hour.
const MOST_OPEN: i64 = 30;
/// The lifetime of a Checkout Session if Stripe reports none (Stripe: 24 hours by default).
const LIFETIME_MS: i64 = DAY_MS;

/// The reason why no Checkout Session was created.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// There is no shop.
    #[error("nothing is for sale")]
    NoShop,
    /// No pack has this id.
    #[error("no pack has this id")]
    UnknownPack,
    /// The link is unknown or expired.
    #[error("the link is not valid")]
    InvalidLink,
    /// The author has begun too many within an hour.
    #[error("too many were begun")]
    TooMany {
        /// The number of seconds until the next is allowed.
        retry_after_s: i64,
    },
    /// The author was erased in the meantime.
    #[error("the author is gone")]
    Gone,
    /// Stripe does not answer, or refuses.
    #[error("Stripe makes no Checkout Session")]
    Stripe(#[from] StripeError),
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
}

impl Payments {
    /// Creates a Checkout Session for an author. Returns the address of its payment page.
    ///
    /// # Errors
    /// See [`CheckoutError`].
    pub async fn checkout(&self, author: &AuthorId, pack: &str) -> Result<String, CheckoutError> {
        let shop = self.shop.as_ref().ok_or(CheckoutError::NoShop)?;
        let pack = shop.prices.find(pack).ok_or(CheckoutError::UnknownPack)?;
        let now = self.core.now();
        let mut tx = self.core.db.read().await?;
        let current = authors::current(&mut tx, author).await?;
        let buyer = authors::get(&mut tx, &current).await?.ok_or(CheckoutError::Gone)?;
        if checkouts::open_since(&mut tx, &current, now.plus_ms(-HOUR_MS)).await? >= MOST_OPEN {
            return Err(CheckoutError::TooMany { retry_after_s: HOUR_MS / 1_000 });
        }
        drop(tx);

        let name = [("credits", Value::Count(pack.credits))];
        let site = &self.core.settings.site_url;
        let new = NewCheckout {
            author: &current,
            pack,
            name: &self.core.catalogue.format(buyer.language, "shop-product", &name),
            language: buyer.language,
            success_url: &format!("{site}/recharge/return?session_id={{CHECKOUT_SESSION_ID}}"),
            cancel_url: &format!("{site}/recharge/return"),
        };
        let key = format!("topup:{current}:{}", fresh_text(now));
        let made = shop.stripe.create_checkout(&new, &key).await;
        self.note_stripe(made.as_ref().err());
        let made = made.inspect_err(tell)?;
        let url = made.url.clone().ok_or(StripeError::Unavailable("no address"))?;
        // Record it before it can be paid: only this process knows the address yet.
        again!(self.record_checkout(&current, pack, &made, now))?;
        tracing::info!(author.id = %current, checkout.id = %made.id, pack = pack.id, "Made a Checkout Session for author {current}");
        metrics::counter!(metric::CHECKOUTS).increment(1);
        Ok(url)
    }

    /// Records the health of Stripe: any answer counts as reached.
    pub(super) fn note_stripe(&self, error: Option<&StripeError>) {
        match error {
            Some(StripeError::Unavailable(_)) => self.core.health.failed(Upstream::Stripe, self.core.now()),
            Some(StripeError::Refused { .. }) | None => {
                self.core.health.answered(Upstream::Stripe, self.core.now());
            }
        }
    }

    async fn record_checkout(
        &self,
        author: &AuthorId,
        pack: &Pack,
        made: &postly_payments::Checkout,
        now: UnixMillis,
    ) -> Result<(), CheckoutError> {
        let mut tx = self.core.db.write().await?;
        let owner = authors::current(&mut tx, author).await?;
        if !authors::lock(&mut tx, &owner).await? {
            let is_merged = authors::current(&mut tx, author).await? != owner;
            return Err(if is_merged { StoreError::OwnerChanged.into() } else { CheckoutError::Gone });
        }
        let checkout = checkouts::Checkout {
            id: made.id.clone(),
            author: owner,
            pack: pack.id.clone(),
            credits: pack.credits,
            price: pack.price.clone(),
            state: CheckoutState::Open,
            payment: None,
            total: None,
            created_at: now,
            expires_at: made.expires_at.unwrap_or(now.plus_ms(LIFETIME_MS)),
        };
        checkouts::add(&mut tx, &checkout).await?;
        Ok(tx.commit().await?)
    }
}

/// Logs a failed call, and alerts the operator to a refused one.
pub(super) fn tell(error: &StripeError) {
    match error {
        StripeError::Unavailable(why) => tracing::info!(why, "Stripe does not answer ({why})"),
        StripeError::Refused { status, code } => {
            let message = format!(
                "Stripe refused our call with status {status} ({code}): check STRIPE_SECRET_KEY and the account"
            );
            alerts::raise(Alert::StripeRefused, &message);
        }
    }
}

impl Shop {
    /// True if an event or a session is of the mode of our key: test or live. Also true if one of the two
    /// does not tell its mode.
    pub(super) fn is_of_our_mode(&self, livemode: Option<bool>) -> bool {
        match (self.stripe.livemode(), livemode) {
            (Some(ours), Some(theirs)) => ours == theirs,
            (_, None) | (None, Some(_)) => true,
        }
    }
}
