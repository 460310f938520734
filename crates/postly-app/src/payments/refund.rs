//! Refunds of money that an operator orders: a row is stored, Stripe is asked with a key made of it, and the
//! answer is applied like an event.
//!
//! A row without an answer stays open and is asked for again with the same key, so that a lost answer, a
//! crash or a second process never refund twice. Once Stripe may have forgotten the key, its list of refunds
//! decides instead.

use postly_domain::{
    Money, RefundReason, UnixMillis,
    id::PaymentId,
    payment::{CheckoutState, Known, Refund, Settlement},
    refund::{AmountError, RefundState, RequestState},
    time::HOUR_MS,
};
use postly_payments::{Fact, NewRefund, RefundFact, StripeError};
use postly_store::{
    StoreError, Tx,
    checkouts::{self, Checkout},
    payments,
    refund_requests::{self, RefundRequest},
    wallets,
};

use super::{Shop, checkout::tell};
use crate::{Payments, conflict::again, crash, ids::fresh_text};

/// The time for which a call is repeated with its key. Stripe keeps keys for 24 hours at least.
const KEY_MS: i64 = 20 * HOUR_MS;
/// The most requests that one sweep asks Stripe about.
const MOST: i64 = 50;

/// An operator's order to refund money.
#[derive(Debug, Clone, Copy)]
pub struct RefundOrder<'a> {
    /// The payment.
    pub payment: &'a PaymentId,
    /// The amount as typed; empty for all that is left.
    pub amount: &'a str,
    /// The reason for Stripe.
    pub reason: RefundReason,
    /// The name of the operator, if it is known.
    pub made_by: Option<&'a str>,
    /// The key of the form: a second order with the same key is refused.
    pub form_key: Option<&'a str>,
}

/// The effect that a refund will have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundPreview {
    /// The amount that goes to the buyer.
    pub amount: Money,
    /// The credits that are taken back.
    pub credits: i64,
    /// The part of these credits that is spent, and becomes a debt.
    pub owed: i64,
}

/// The reason why no refund is known to be made.
#[derive(Debug, thiserror::Error)]
pub enum RefundPaymentError {
    /// There is no shop.
    #[error("STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET are not set")]
    NoShop,
    /// No payment of ours has this id.
    #[error("no payment of ours has this id")]
    UnknownPayment,
    /// The money has not come, or nothing was paid.
    #[error("the payment has not succeeded, so there is nothing to give back")]
    NotPaid,
    /// The payment is of the other mode of Stripe than our key.
    #[error(
        "the payment was made in the other mode of Stripe (test or live) than the one of STRIPE_SECRET_KEY"
    )]
    OtherMode,
    /// The amount cannot be refunded.
    #[error(transparent)]
    Amount(#[from] AmountError),
    /// Another request of the payment has no answer yet.
    #[error("another refund of this payment waits for Stripe's answer: look at it again in a few minutes")]
    UnderWay,
    /// The same form was submitted before.
    #[error("this was done before: the form was sent twice")]
    AlreadyDone,
    /// Stripe refused: nothing was refunded.
    #[error("Stripe refused the refund: {}", explain(.0))]
    Refused(String),
    /// Stripe has not answered: the request stays open.
    #[error(
        "Stripe has not answered ({0}): the service asks again with the same key, so that it is refunded once; do not \
         refund it in Stripe's dashboard as well"
    )]
    NoAnswer(String),
    /// Stripe does not tell what was charged. Nothing was refunded.
    #[error("Stripe does not tell what was charged ({0}), so nothing was refunded: try again in a minute")]
    UnknownCharge(String),
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
}

/// Explains Stripe's code of a refused refund.
pub fn explain(code: &str) -> String {
    let meaning = match code {
        "charge_already_refunded" => "the whole payment was refunded before",
        "charge_disputed" => "the payment is disputed: the bank has the money, so answer the dispute",
        "resource_missing" => {
            "it knows no such payment: it was made in the other mode, or in another account, than STRIPE_SECRET_KEY is of"
        }
        "insufficient_balance_for_refund" | "balance_insufficient" => {
            "the balance at Stripe is too low: add funds in Stripe's dashboard, or wait for sales, and try again"
        }
        "refund_amount_too_large" | "amount_too_large" => "the amount is more than is left of the payment",
        "no_permission" => {
            "STRIPE_SECRET_KEY may not make refunds: give the restricted key write permission for refunds"
        }
        "wrong_key" => "it does not accept STRIPE_SECRET_KEY",
        _ => return format!("its code is {code}"),
    };
    format!("{meaning} ({code})")
}

/// Returns the code of a refusal; refusals of our key have one of ours.
fn code_of(status: u16, code: String) -> String {
    match status {
        401 => "wrong_key".to_owned(),
        403 => "no_permission".to_owned(),
        _ => code,
    }
}

impl Payments {
    /// Refunds a payment at Stripe, in full or in part. The credits are taken back with it. Returns the
    /// request with the state of its refund.
    ///
    /// # Errors
    /// See [`RefundPaymentError`].
    pub async fn refund_payment(&self, order: &RefundOrder<'_>) -> Result<RefundRequest, RefundPaymentError> {
        let shop = self.shop.as_ref().ok_or(RefundPaymentError::NoShop)?;
        self.learn_charge(shop, order.payment).await?;
        let request = again!(self.add_refund_request(shop, order))?;
        tracing::info!(payment.id = %request.payment, refund.request = request.id, "An operator refunds payment {}", request.payment);
        crash::point("refund.stored");
        self.ask_for_refund(shop, &request).await
    }

    /// Returns the effect that a refund would have now.
    ///
    /// # Errors
    /// See [`RefundPaymentError`].
    pub async fn preview_refund(
        &self,
        payment: &PaymentId,
        amount: &str,
    ) -> Result<RefundPreview, RefundPaymentError> {
        let shop = self.shop.as_ref().ok_or(RefundPaymentError::NoShop)?;
        self.learn_charge(shop, payment).await?;
        let mut tx = self.core.db.read().await?;
        let (checkout, mut known) = refundable(&mut tx, shop, payment).await?;
        let amount = known.amount_to_refund(amount)?;
        let granted = payments::get(&mut tx, payment).await?.ok_or(RefundPaymentError::NotPaid)?;
        let available = wallets::get(&mut tx, &checkout.author).await?.available();
        // A further refund, after one of all that was refunded so far.
        let left = known.refundable().map_or(0, |left| left.amount);
        let Some(paid) = known.paid().cloned() else { return Err(AmountError::NothingLeft.into()) };
        let refund = |amount| Refund {
            amount: Money { amount, currency: paid.currency.clone() },
            state: RefundState::Succeeded,
        };
        known.refunds = vec![refund(paid.amount - left), refund(amount.amount)];
        // The charge counts failed refunds, too.
        if let Some(charge) = &mut known.charge {
            charge.refunded = 0;
        }
        let credits = (known.taken_back(granted.granted) - granted.taken_back).max(0);
        Ok(RefundPreview { owed: Settlement::take(credits, available).owed, credits, amount })
    }

    /// Asks Stripe for the charge of a payment whose event has not come: a refund is an amount in the
    /// currency of the charge, which may differ from that of the Checkout Session.
    async fn learn_charge(&self, shop: &Shop, payment: &PaymentId) -> Result<(), RefundPaymentError> {
        let has_charge = |known: &Known| known.charge.as_ref().is_some_and(|charge| charge.amount.is_some());
        let mut tx = self.core.db.read().await?;
        let (checkout, known) = refundable(&mut tx, shop, payment).await?;
        drop(tx);
        if has_charge(&known) {
            return Ok(());
        }
        self.ask_about(&checkout)
            .await?
            .map_err(|error| RefundPaymentError::UnknownCharge(error.to_string()))?;
        let mut tx = self.core.db.read().await?;
        let (_, known) = refundable(&mut tx, shop, payment).await?;
        match has_charge(&known) {
            true => Ok(()),
            false => Err(RefundPaymentError::UnknownCharge("it names no charge".to_owned())),
        }
    }

    /// Stores a request, if the payment can be refunded now.
    async fn add_refund_request(
        &self,
        shop: &Shop,
        order: &RefundOrder<'_>,
    ) -> Result<RefundRequest, RefundPaymentError> {
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        payments::lock(&mut tx, order.payment.as_str()).await?;
        if let Some(key) = order.form_key
            && let Some(earlier) = refund_requests::of_form(&mut tx, key).await?
        {
            return Err(match earlier.state {
                RequestState::Open | RequestState::Made => RefundPaymentError::AlreadyDone,
                RequestState::Refused | RequestState::NotMade => {
                    RefundPaymentError::Refused(earlier.code.unwrap_or_default())
                }
            });
        }
        let (_, known) = refundable(&mut tx, shop, order.payment).await?;
        if refund_requests::is_open(&mut tx, order.payment).await? {
            return Err(RefundPaymentError::UnderWay);
        }
        let request = RefundRequest {
            id: fresh_text(now),
            payment: order.payment.clone(),
            amount: known.amount_to_refund(order.amount)?,
            reason: order.reason,
            made_by: order.made_by.map(str::to_owned),
            state: RequestState::Open,
            refund: None,
            refund_state: None,
            code: None,
            tries: 1,
            created_at: now,
        };
        refund_requests::add(&mut tx, &request, order.form_key).await?;
        tx.commit().await?;
        Ok(request)
    }

    /// Asks Stripe for the refund of an open request, and records the outcome.
    async fn ask_for_refund(
        &self,
        shop: &Shop,
        request: &RefundRequest,
    ) -> Result<RefundRequest, RefundPaymentError> {
        let RefundRequest { id, payment, amount, reason, tries, created_at, .. } = request;
        // A process that was suspended may come after the end of its key, and would refund a second time.
        if self.core.now().since_ms(*created_at) >= KEY_MS {
            return Err(RefundPaymentError::NoAnswer("late".to_owned()));
        }
        let new = NewRefund { request: id, payment, amount: amount.amount, reason: *reason };
        let answer = shop.stripe.create_refund(&new).await;
        self.note_stripe(answer.as_ref().err());
        crash::point("refund.answered");
        let error = match answer {
            Ok(refund) => return Ok(again!(self.record_refund(request, &refund))?),
            Err(error) => error,
        };
        let is_first = *tries == 1;
        match error {
            StripeError::Refused { status, code } if is_final(is_first, status, &code) => {
                let code = code_of(status, code);
                if matches!(status, 401 | 403) {
                    tell(&StripeError::Refused { status, code: code.clone() });
                }
                again!(self.end_refund_request(id, RequestState::Refused, &code))?;
                Err(RefundPaymentError::Refused(code))
            }
            StripeError::Refused { status, code } => {
                let code = code_of(status, code);
                again!(self.end_refund_request(id, RequestState::Open, &code))?;
                Err(RefundPaymentError::NoAnswer(code))
            }
            StripeError::Unavailable(why) => {
                again!(self.end_refund_request(id, RequestState::Open, why))?;
                Err(RefundPaymentError::NoAnswer(why.to_owned()))
            }
        }
    }

    /// Applies a refund that Stripe made for a request, like an event about it, and returns the request.
    async fn record_refund(
        &self,
        request: &RefundRequest,
        refund: &RefundFact,
    ) -> Result<RefundRequest, StoreError> {
        let mut tx = self.core.db.write().await?;
        self.learn(&mut tx, &Fact::Refund(refund.clone()), self.core.now()).await?;
        refund_requests::made(&mut tx, &request.id, &refund.id, &request.payment).await?;
        let known = refund_requests::get(&mut tx, &request.id).await?;
        tx.commit().await?;
        known.ok_or(StoreError::Unreadable { column: "id" })
    }

    async fn end_refund_request(&self, id: &str, state: RequestState, code: &str) -> Result<(), StoreError> {
        let mut tx = self.core.db.write().await?;
        refund_requests::end(&mut tx, id, state, code).await?;
        tx.commit().await
    }

    /// Asks Stripe again about requests without an answer. Returns their number.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn sweep_refunds(&self) -> Result<usize, StoreError> {
        let Some(shop) = &self.shop else { return Ok(0) };
        let now = self.core.now();
        let mut tx = self.core.db.read().await?;
        let due = refund_requests::due(&mut tx, now, MOST).await?;
        drop(tx);
        let mut asked = 0;
        for mut request in due {
            if !again!(self.claim_refund_request(&request, now))? {
                continue;
            }
            request.tries += 1;
            asked += 1;
            let outcome = if now.since_ms(request.created_at) < KEY_MS {
                self.ask_for_refund(shop, &request).await.map(drop)
            } else {
                self.look_for_refund(shop, &request).await
            };
            match outcome {
                Ok(()) => {}
                Err(RefundPaymentError::Store(error)) => return Err(error),
                Err(error) => {
                    tracing::info!(payment.id = %request.payment, refund.request = request.id, error = %error, "The refund of payment {} is not made", request.payment);
                }
            }
        }
        Ok(asked)
    }

    async fn claim_refund_request(
        &self,
        request: &RefundRequest,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        let mut tx = self.core.db.write().await?;
        let claimed = refund_requests::claim(&mut tx, request, now).await?;
        tx.commit().await?;
        Ok(claimed)
    }

    /// Ends a request by Stripe's list of refunds: a call with its key might refund a second time.
    async fn look_for_refund(&self, shop: &Shop, request: &RefundRequest) -> Result<(), RefundPaymentError> {
        let found = shop.stripe.find_refund(&request.payment, &request.id).await;
        self.note_stripe(found.as_ref().err());
        match found {
            Ok(Some(refund)) => again!(self.record_refund(request, &refund)).map(drop)?,
            Ok(None) => {
                again!(self.end_refund_request(&request.id, RequestState::NotMade, "no_answer"))?;
                tracing::warn!(payment.id = %request.payment, refund.request = request.id, "Stripe made no refund for a request without an answer: payment {} is as it was", request.payment);
            }
            Err(error) => {
                again!(self.end_refund_request(&request.id, RequestState::Open, "unreachable"))?;
                return Err(RefundPaymentError::NoAnswer(error.to_string()));
            }
        }
        Ok(())
    }
}

/// Returns true if a refusal ends a request: it tells the outcome of all its calls, or there was only one.
fn is_final(is_first: bool, status: u16, code: &str) -> bool {
    let refusal = StripeError::Refused { status, code: code.to_owned() };
    refusal.is_of_the_request() || is_first && status < 500 && !code.starts_with("idempotency")
}

/// Returns a payment of ours that was paid in the mode of our key, with its known facts.
async fn refundable(
    tx: &mut Tx,
    shop: &Shop,
    payment: &PaymentId,
) -> Result<(Checkout, Known), RefundPaymentError> {
    let checkout = checkouts::of_payment(tx, payment).await?.ok_or(RefundPaymentError::UnknownPayment)?;
    if checkout.state != CheckoutState::Paid {
        return Err(RefundPaymentError::NotPaid);
    }
    // The id of a Checkout Session names its mode.
    let livemode = match checkout.id.as_str() {
        id if id.starts_with("cs_live_") => Some(true),
        id if id.starts_with("cs_test_") => Some(false),
        _ => None,
    };
    if !shop.is_of_our_mode(livemode) {
        return Err(RefundPaymentError::OtherMode);
    }
    let known = payments::known(tx, payment, checkout.total.clone()).await?;
    Ok((checkout, known))
}
