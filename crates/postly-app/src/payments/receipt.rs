//! The receipts of purchases, which Stripe writes.

use postly_domain::id::{AuthorId, PaymentId};
use postly_payments::StripeError;
use postly_store::{
    StoreError, authors, checkouts,
    limits::{self, Limit},
};

use super::checkout::tell;
use crate::{Payments, conflict::again};

/// Receipts of one author, five within a minute: each is a question to Stripe, which limits ours.
const RECEIPTS: Limit = Limit { name: "receipt", window_ms: 60 * 1000 };

/// The reason why there is no receipt to show.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// The author has made no such payment, or Stripe has no receipt of it.
    #[error("there is no such receipt")]
    NotFound,
    /// The author has asked for too many within a minute.
    #[error("too many receipts were asked for")]
    TooMany,
    /// Stripe does not answer, or refuses.
    #[error("Stripe does not name the receipt")]
    Stripe(#[from] StripeError),
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
}

impl Payments {
    /// Returns the address of Stripe's receipt of an author's payment. It is asked for anew each time,
    /// because it ends after 30 days.
    ///
    /// # Errors
    /// See [`ReceiptError`].
    pub async fn receipt(&self, author: &AuthorId, payment: &PaymentId) -> Result<String, ReceiptError> {
        let shop = self.shop.as_ref().ok_or(ReceiptError::NotFound)?;
        let mut tx = self.core.db.read().await?;
        let checkout = checkouts::of_payment(&mut tx, payment).await?.ok_or(ReceiptError::NotFound)?;
        // The buyer may have been merged into this author since.
        if authors::current(&mut tx, &checkout.author).await? != *author {
            return Err(ReceiptError::NotFound);
        }
        drop(tx);
        if !again!(self.count_receipt(author))? {
            return Err(ReceiptError::TooMany);
        }
        let told = shop.stripe.retrieve_checkout(&checkout.id).await;
        self.note_stripe(told.as_ref().err());
        let told = told.inspect_err(tell)?;
        told.charge.and_then(|charge| charge.receipt_url).ok_or(ReceiptError::NotFound)
    }

    /// Counts a question to Stripe. Returns false if there were too many.
    async fn count_receipt(&self, author: &AuthorId) -> Result<bool, StoreError> {
        let mut tx = self.core.db.write().await?;
        let hit = limits::hit(&mut tx, RECEIPTS, author.as_str(), self.core.now()).await?;
        tx.commit().await?;
        Ok(hit.is_ok())
    }
}
