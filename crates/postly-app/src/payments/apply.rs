//! Records each reported fact of a payment and recomputes its value from all recorded facts: the difference
//! is written to the ledger in the same transaction.
//!
//! Lock order: the charge, the payment, the wallet of the payer, then the Checkout Session. A merge locks
//! wallets and then moves sessions, so the owner of a session is read again once the wallet is locked.

use postly_domain::{
    LedgerReason, UnixMillis,
    id::{AuthorId, CheckoutId, EntryId, PaymentId},
    metric,
    payment::{Charge, CheckoutState, Known, Settlement},
};
use postly_payments::{ChargeFact, Checkout as Told, Fact};
use postly_store::{
    StoreError, Tx,
    checkouts::{self, Checkout},
    payments::{self, Of, Payment},
    refund_requests,
    wallets::{self, NewEntry, Posted},
};

use crate::{Payments, ids::Fresh as _};

/// The outcome of applying a reported fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applied {
    /// It is recorded, and its effect is applied.
    Done,
    /// It belongs to a Checkout Session that this service did not create.
    UnknownCheckout,
    /// It names neither a payment nor a charge.
    OfNothing,
}

/// The most changes of a session's owner between two locks: a merge changes it once in an author's life.
const MOST_OWNERS: usize = 4;

impl Payments {
    /// Records a reported fact and applies its effect.
    pub(super) async fn learn(
        &self,
        tx: &mut Tx,
        fact: &Fact,
        now: UnixMillis,
    ) -> Result<Applied, StoreError> {
        let nothing = Charge { amount: None, refunded: 0 };
        let (charge, payment, told, reason) = match fact {
            Fact::Checkout(told) => return self.learn_checkout(tx, told, now).await,
            Fact::Charge(ChargeFact { id, payment, charge, .. }) => {
                (Some(id), payment, charge, LedgerReason::PurchaseReversal)
            }
            Fact::Refund(told) => {
                (told.charge.as_ref(), &told.payment, &nothing, LedgerReason::PurchaseReversal)
            }
            Fact::Dispute(told) => (told.charge.as_ref(), &told.payment, &nothing, LedgerReason::Dispute),
        };
        let payment = match charge {
            Some(charge) => {
                payments::lock(tx, charge).await?;
                payments::learn_charge(tx, charge, payment.as_ref(), told.clone(), now).await?
            }
            None => payment.clone(),
        };
        if charge.is_none() && payment.is_none() {
            return Ok(Applied::OfNothing);
        }
        if let Some(payment) = &payment {
            payments::lock(tx, payment.as_str()).await?;
        }
        let of = Of { payment: payment.as_ref(), charge: charge.map(String::as_str) };
        match fact {
            Fact::Refund(told) => {
                payments::learn_refund(tx, &told.id, of, told.refund.clone(), now).await?;
                if let (Some(request), Some(payment)) = (&told.request, &payment) {
                    refund_requests::made(tx, request, &told.id, payment).await?;
                }
            }
            Fact::Dispute(told) => {
                payments::learn_dispute(tx, &told.id, of, told.dispute.clone(), now).await?;
            }
            Fact::Checkout(_) | Fact::Charge(_) => {}
        }
        // The payment is not ours, or not known to be ours yet: the recorded fact waits.
        let Some(payment) = payment else { return Ok(Applied::Done) };
        let Some(checkout) = checkouts::of_payment(tx, &payment).await? else { return Ok(Applied::Done) };
        let (checkout, wallet) = self.lock_owner(tx, &checkout.id, checkout.author).await?;
        self.settle_payment(tx, &checkout, &payment, wallet, Some(reason), now).await?;
        Ok(Applied::Done)
    }

    async fn learn_checkout(&self, tx: &mut Tx, told: &Told, now: UnixMillis) -> Result<Applied, StoreError> {
        let Some(found) = checkouts::find(tx, &told.id).await? else { return Ok(Applied::UnknownCheckout) };
        let state = found.state.learn(told.state);
        // If there was nothing to pay, the session's id is used for its payment.
        let alone = (state == CheckoutState::Paid).then(|| PaymentId::new(told.id.as_str()));
        let payment = found.payment.or_else(|| told.payment.clone()).or(alone);
        if let Some(ChargeFact { id, charge, .. }) = &told.charge {
            payments::lock(tx, id).await?;
            payments::learn_charge(tx, id, payment.as_ref(), charge.clone(), now).await?;
        }
        if let Some(payment) = &payment {
            payments::lock(tx, payment.as_str()).await?;
        }
        let (mut checkout, wallet) = self.lock_owner(tx, &found.id, found.author).await?;
        checkout.state = checkout.state.learn(told.state);
        checkout.payment = checkout.payment.or(payment);
        // The total is final when it is paid: until then a buyer may choose another currency.
        let (first, second) = match told.state {
            CheckoutState::Paid => (told.total.clone(), checkout.total),
            CheckoutState::Open | CheckoutState::Expired | CheckoutState::Pending | CheckoutState::Failed => {
                (checkout.total, told.total.clone())
            }
        };
        checkout.total = first.or(second);
        checkouts::learn(tx, &checkout).await?;
        if let Some(payment) = checkout.payment.clone()
            && checkout.state == CheckoutState::Paid
        {
            self.settle_payment(tx, &checkout, &payment, wallet, None, now).await?;
        }
        Ok(Applied::Done)
    }

    /// Locks the wallet of the owner of a Checkout Session. Returns the session as it is then, with the
    /// available credits and the debt.
    async fn lock_owner(
        &self,
        tx: &mut Tx,
        id: &CheckoutId,
        mut owner: AuthorId,
    ) -> Result<(Checkout, Purse), StoreError> {
        for _ in 0..MOST_OWNERS {
            let (wallet, debt) = wallets::lock_with_debt(tx, &owner).await?;
            let checkout = checkouts::find(tx, id).await?;
            let checkout = checkout.ok_or(StoreError::Unreadable { column: "checkout_id" })?;
            if checkout.author == owner {
                return Ok((checkout, Purse { available: wallet.available(), debt }));
            }
            owner = checkout.author;
        }
        Err(StoreError::Unreadable { column: "author_id" })
    }

    /// Recomputes the value of a payment, and writes the difference. `reason` is the reason of the change.
    /// `None` means that the payment is only now known to be paid; credits lost before then are booked with
    /// the reason of the loss.
    async fn settle_payment(
        &self,
        tx: &mut Tx,
        checkout: &Checkout,
        id: &PaymentId,
        purse: Purse,
        reason: Option<LedgerReason>,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        if checkout.state != CheckoutState::Paid {
            return Ok(());
        }
        let mut books = Books { author: &checkout.author, payment: id, purse, now };
        let mut payment = match payments::get(tx, id).await? {
            Some(payment) => payment,
            None => {
                payments::add(tx, id, &checkout.id, checkout.credits, now).await?;
                let operation = format!("purchase:{id}");
                let given = Settlement::give(checkout.credits, books.purse.debt);
                books.write(tx, given, LedgerReason::Purchase, &operation).await?;
                tracing::info!(author.id = %checkout.author, checkout.id = %checkout.id, credits = checkout.credits, "Granted a paid pack to author {}", checkout.author);
                let (granted, none) = (checkout.credits, 0);
                Payment { id: id.clone(), granted, taken_back: none, owed: none, changes: none }
            }
        };
        let known = payments::known(tx, id, checkout.total.clone()).await?;
        let taken_back = known.taken_back(payment.granted);
        let difference = taken_back - payment.taken_back;
        let settlement = match difference {
            0 => return Ok(()),
            1.. => Settlement::take(difference, books.purse.available),
            ..0 => Settlement::give(-difference, books.purse.debt),
        };
        payment.changes += 1;
        payment.taken_back = taken_back;
        payment.owed += settlement.owed;
        let reason = reason.unwrap_or_else(|| reason_of(&known));
        let operation = format!("reversal:{id}:{}", payment.changes);
        books.write(tx, settlement, reason, &operation).await?;
        payments::change(tx, &payment).await?;
        tracing::info!(author.id = %checkout.author, checkout.id = %checkout.id, taken_back, reason = reason.as_str(), "What a payment of author {} is worth has changed", checkout.author);
        Ok(())
    }
}

/// Returns the reason of the loss of credits before a payment was recorded as paid.
fn reason_of(known: &Known) -> LedgerReason {
    let refunded = known.refunds.iter().any(|refund| !refund.has_failed())
        || known.charge.as_ref().is_some_and(|charge| charge.refunded > 0);
    if refunded { LedgerReason::PurchaseReversal } else { LedgerReason::Dispute }
}

/// The balance and the debt of a locked wallet.
#[derive(Debug, Clone, Copy)]
struct Purse {
    available: i64,
    debt: i64,
}

/// A payment, and its author with a locked wallet.
struct Books<'a> {
    author: &'a AuthorId,
    payment: &'a PaymentId,
    purse: Purse,
    now: UnixMillis,
}

impl Books<'_> {
    /// Writes a settlement: its entry, the repaid part of the debt, and the new debt.
    async fn write(
        &mut self,
        tx: &mut Tx,
        settlement: Settlement,
        reason: LedgerReason,
        operation: &str,
    ) -> Result<(), StoreError> {
        let Settlement { entry, repaid, owed } = settlement;
        self.post(tx, entry, reason, operation).await?;
        self.post(tx, -repaid, LedgerReason::DebtRepaid, &format!("debt:{operation}")).await?;
        if owed != repaid {
            wallets::change_debt(tx, self.author, owed - repaid).await?;
        }
        self.purse.available += entry - repaid;
        self.purse.debt += owed - repaid;
        Ok(())
    }

    async fn post(
        &self,
        tx: &mut Tx,
        delta: i64,
        reason: LedgerReason,
        operation: &str,
    ) -> Result<(), StoreError> {
        if delta == 0 {
            return Ok(());
        }
        let entry = NewEntry {
            id: &EntryId::fresh(self.now),
            author: self.author,
            delta,
            reason,
            operation,
            note: None,
            reference: Some(self.payment.as_str()),
        };
        match wallets::post(tx, &entry, self.now).await? {
            Posted::Done(_) => {
                metrics::counter!(metric::CREDITS, "reason" => reason.as_str())
                    .increment(delta.unsigned_abs());
                Ok(())
            }
            // Under its lock a payment does each of its operations once, and takes no more than is available.
            Posted::AlreadyDone | Posted::Insufficient => Err(StoreError::Unreadable { column: "operation" }),
        }
    }
}
