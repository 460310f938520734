//! The payments of an author, and the page of one payment.

use postly_domain::{
    Money, UnixMillis,
    id::{AuthorId, PaymentId},
    payment::{CheckoutState, Dispute, Refund},
};
use postly_store::{
    StoreError, Tx,
    checkouts::{self, Checkout},
    payments::{self, Payment},
    refund_requests::{self, RefundRequest},
};

use crate::{
    Admin,
    operator::{AuthorSelector, OperatorError},
    people::find_author,
};

/// The most requests on a page.
const MOST_REQUESTS: i64 = 50;
/// The most payments that a command lists.
const MOST_PAYMENTS: i64 = 200;

/// A payment in a list.
#[derive(Debug, Clone)]
pub struct PaymentLine {
    /// The payment; `None` if none has begun.
    pub id: Option<PaymentId>,
    /// The pack.
    pub pack: String,
    /// The credits of the pack.
    pub credits: i64,
    /// The credits of these that were taken back.
    pub taken_back: i64,
    /// The state of its Checkout Session.
    pub state: CheckoutState,
    /// The amount that was paid, or is to be paid.
    pub paid: Money,
    /// The amount that was not refunded.
    pub left: Money,
    /// True if a dispute over it is open or lost.
    pub is_disputed: bool,
    /// True if a refund of it waits for Stripe's answer.
    pub is_refund_open: bool,
    /// The time at which the buyer began.
    pub created_at: UnixMillis,
}

/// One payment.
#[derive(Debug, Clone)]
pub struct PaymentPage {
    /// The author who owns it now.
    pub author: AuthorId,
    /// Its line in the list.
    pub line: PaymentLine,
    /// Every refund that Stripe told of, by Stripe's id, made here or in Stripe's dashboard.
    pub refunds: Vec<(String, Refund)>,
    /// Every dispute.
    pub disputes: Vec<(String, Dispute)>,
    /// The requests of operators, newest first.
    pub requests: Vec<RefundRequest>,
}

impl Admin {
    /// Returns a payment of ours; `None` for another id.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn payment_page(&self, id: &PaymentId) -> Result<Option<PaymentPage>, StoreError> {
        let mut tx = self.core.db.read().await?;
        let Some(checkout) = checkouts::of_payment(&mut tx, id).await? else { return Ok(None) };
        let (refunds, disputes) = payments::refunds_and_disputes(&mut tx, id).await?;
        Ok(Some(PaymentPage {
            author: checkout.author.clone(),
            refunds,
            disputes,
            requests: refund_requests::of_payment(&mut tx, id, MOST_REQUESTS).await?,
            line: line(&mut tx, checkout).await?,
        }))
    }

    /// Returns the newest payments of an author, newest first.
    ///
    /// # Errors
    /// Fails if no author has this number, id or address, or if the database fails.
    pub async fn payments_of(&self, who: &AuthorSelector) -> Result<Vec<PaymentLine>, OperatorError> {
        let mut tx = self.core.db.read().await?;
        let id = find_author(&mut tx, who).await?.ok_or(OperatorError::UnknownAuthor)?;
        Ok(payment_lines(&mut tx, &id, MOST_PAYMENTS).await?)
    }
}

/// Returns the newest payments of an author, newest first; at most `most`.
pub(super) async fn payment_lines(
    tx: &mut Tx,
    author: &AuthorId,
    most: i64,
) -> Result<Vec<PaymentLine>, StoreError> {
    let mut lines = vec![];
    for checkout in checkouts::newest_of_author(tx, author, most).await? {
        lines.push(line(tx, checkout).await?);
    }
    Ok(lines)
}

async fn line(tx: &mut Tx, checkout: Checkout) -> Result<PaymentLine, StoreError> {
    let Checkout { pack, credits, price, state, payment, total, created_at, .. } = checkout;
    let asked = total.clone().unwrap_or(price);
    let (mut paid, mut left) = (asked.clone(), asked);
    let (mut taken_back, mut is_disputed, mut is_refund_open) = (0, false, false);
    if let Some(id) = &payment {
        let known = payments::known(tx, id, total).await?;
        paid = known.paid().cloned().unwrap_or(paid);
        left = known.refundable().unwrap_or(left);
        is_disputed = known.disputes.iter().any(Dispute::counts);
        taken_back = payments::get(tx, id).await?.map_or(0, |payment: Payment| payment.taken_back);
        is_refund_open = refund_requests::is_open(tx, id).await?;
    }
    Ok(PaymentLine {
        id: payment,
        pack,
        credits,
        taken_back,
        state,
        paid,
        left,
        is_disputed,
        is_refund_open,
        created_at,
    })
}
