//! The link of a WhatsApp message by which its author buys: it is valid for 30 minutes, only for this, and
//! without a login.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use postly_domain::{Language, UnixMillis, id::AuthorId};
use postly_store::{StoreError, Tx, authors, checkouts, wallets};

use super::CheckoutError;
use crate::{
    JourneyError, Payments,
    people::Person,
    reply::Reply,
    seal::{Sealed, plain_hash, random},
};

/// The lifetime of a link (RULES 3.9).
const LIFETIME_MS: i64 = 30 * 60 * 1_000;

/// The account data shown to the holder of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RechargeView {
    /// The credits that the author can spend.
    pub available: i64,
    /// The debt that the next purchase repays first.
    pub debt: i64,
    /// The language of the author.
    pub language: Language,
}

impl Payments {
    /// Returns the account data that a link shows.
    ///
    /// # Errors
    /// Fails if there is no shop, if the link is invalid, or if the database fails.
    pub async fn recharge_view(&self, token: &str) -> Result<RechargeView, CheckoutError> {
        let author = self.owner_of_link(token).await?;
        self.balance_view(&author).await?.ok_or(CheckoutError::InvalidLink)
    }

    /// Returns an author's balance for the shop page. `None` if the author does not exist.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn balance_view(&self, author: &AuthorId) -> Result<Option<RechargeView>, StoreError> {
        let mut tx = self.core.db.read().await?;
        let Some(found) = authors::get(&mut tx, author).await? else { return Ok(None) };
        Ok(Some(RechargeView {
            available: wallets::get(&mut tx, author).await?.available(),
            debt: wallets::debt(&mut tx, author).await?,
            language: found.language,
        }))
    }

    /// Creates a Checkout Session for the author of a link. The link stays valid until it expires: a buyer
    /// who turns back may choose another pack.
    ///
    /// # Errors
    /// See [`CheckoutError`].
    pub async fn checkout_by_link(&self, token: &str, pack: &str) -> Result<String, CheckoutError> {
        let author = self.owner_of_link(token).await?;
        self.checkout(&author, pack).await
    }

    async fn owner_of_link(&self, token: &str) -> Result<AuthorId, CheckoutError> {
        if self.shop.is_none() {
            return Err(CheckoutError::NoShop);
        }
        let mut tx = self.core.db.read().await?;
        let owner = checkouts::link(&mut tx, &plain_hash(token), self.core.now()).await?;
        owner.ok_or(CheckoutError::InvalidLink)
    }

    /// Answers with prices and a link for the author, after the texts in `first`. `None` if there is no shop.
    pub(crate) async fn offer(
        &self,
        tx: &mut Tx,
        person: &Person,
        purpose: &'static str,
        first: Vec<String>,
        now: UnixMillis,
    ) -> Result<Option<Reply>, JourneyError> {
        let language = person.author.language;
        let Some(offers) = self.offers(language) else { return Ok(None) };
        let texts = &self.core.catalogue;
        let prices: Vec<String> = offers.iter().map(|offer| format!("• {}", offer.label)).collect();
        let mut units = first;
        units.push(prices.join("\n"));
        let debt = wallets::debt(tx, &person.author.id).await?;
        if debt > 0 {
            units.push(self.shop_count(language, "shop-debt", debt));
        }
        units.push(texts.text(language, "shop-link"));
        let token = BASE64_URL_SAFE_NO_PAD.encode(random::<32>()?);
        let expires_at = now.plus_ms(LIFETIME_MS);
        checkouts::add_link(tx, &plain_hash(&token), &person.author.id, now, expires_at).await?;
        let url = format!("{}/recharge#{token}", self.core.settings.site_url);
        let link = Some((texts.text(language, "shop-button"), url));
        let sealed = Sealed { link, ..Sealed::default() };
        Ok(Some(Reply::sealed(purpose, units, sealed)))
    }
}
