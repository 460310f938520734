//! Polling Stripe for the facts of lost webhooks: when the buyer returns, and each hour.

use std::time::Duration;

use postly_domain::{
    Language, UnixMillis,
    id::CheckoutId,
    payment::CheckoutState,
    time::{DAY_MS, HOUR_MS},
};
use postly_payments::{Fact, StripeError};
use postly_store::{
    StoreError, authors,
    checkouts::{self, Checkout},
    limits,
};

use super::checkout::tell;
use crate::{Payments, Shutdown, conflict::again, work::ErrorChain};

/// The interval of the check for a due sweep; another process may have done it.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// The name of the sweep among the jobs.
const JOB: &str = "payments";
/// The sessions read in one statement, and the most of one sweep.
const PAGE: i64 = 50;
const MOST: usize = 1_000;
/// The interval between two questions about a session from the page of the buyer's return, which may be
/// reloaded often.
const ASK_EVERY_MS: i64 = 3_000;
/// The time for which the charge of a session is asked for while unknown. Disputes usually come within 120
/// days.
const CHARGES_MS: i64 = 180 * DAY_MS;
/// The time for which a session unknown to Stripe is asked for after it can no longer be paid.
const UNKNOWN_MS: i64 = DAY_MS;

/// The state of a Checkout Session, for the page to which its buyer returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// The state for the buyer.
    pub state: ReturnedState,
    /// The number of credits bought.
    pub credits: i64,
    /// The language of the buyer.
    pub language: Language,
}

/// The state of a Checkout Session, as shown to its buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnedState {
    /// It is paid, and the credits are granted.
    Paid,
    /// The payment is in progress.
    Pending,
    /// It is not paid, and may still be.
    Open,
    /// No payment is known, but Stripe could not be reached: the page must not say that nothing was charged.
    Unknown,
    /// It is not paid, and can no longer be.
    Ended,
}

impl Payments {
    /// Returns the state of a Checkout Session. Asks Stripe while it is open. `None` if the session is
    /// unknown.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn returned(&self, id: &CheckoutId) -> Result<Option<Returned>, StoreError> {
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        let Some(found) = checkouts::find(&mut tx, id).await? else { return Ok(None) };
        let ask =
            found.state.is_open() && checkouts::ask(&mut tx, id, now.plus_ms(-ASK_EVERY_MS), now).await?;
        tx.commit().await?;
        // A failure is logged by the call; the webhook or the sweep will report the outcome.
        let has_answer = ask && self.ask_about(&found).await?.is_ok();
        let mut tx = self.core.db.read().await?;
        let Some(checkout) = checkouts::find(&mut tx, id).await? else { return Ok(None) };
        let author = authors::get(&mut tx, &checkout.author).await?;
        let state = match checkout.state {
            CheckoutState::Paid => ReturnedState::Paid,
            CheckoutState::Pending => ReturnedState::Pending,
            CheckoutState::Open if has_answer => ReturnedState::Open,
            CheckoutState::Open => ReturnedState::Unknown,
            CheckoutState::Failed | CheckoutState::Expired => ReturnedState::Ended,
        };
        let language = author.map_or(Language::Fr, |author| author.language);
        Ok(Some(Returned { state, credits: checkout.credits, language }))
    }

    /// Asks Stripe about every open Checkout Session, if the sweep is due. Returns the number of sessions.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn sweep_payments(&self) -> Result<usize, StoreError> {
        if self.shop.is_none() {
            return Ok(0);
        }
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        let due = limits::claim_job(&mut tx, JOB, now, now.plus_ms(HOUR_MS)).await?;
        tx.commit().await?;
        if !due {
            return Ok(0);
        }
        let mut asked = 0;
        let mut after = String::new();
        while asked < MOST {
            let mut tx = self.core.db.read().await?;
            let page = checkouts::to_ask(&mut tx, &after, now.plus_ms(-CHARGES_MS), PAGE).await?;
            drop(tx);
            let Some(last) = page.last() else { break };
            last.id.as_str().clone_into(&mut after);
            for checkout in &page {
                asked += 1;
                match self.ask_about(checkout).await? {
                    // The next sweep asks again: every further call would fail the same way.
                    Err(StripeError::Unavailable(_) | StripeError::Refused { status: 401 | 403, .. }) => {
                        return Ok(asked);
                    }
                    Ok(()) | Err(StripeError::Refused { .. }) => {}
                }
            }
        }
        Ok(asked)
    }

    /// Asks Stripe about a Checkout Session, and applies the answer.
    pub(super) async fn ask_about(&self, checkout: &Checkout) -> Result<Result<(), StripeError>, StoreError> {
        let Some(shop) = &self.shop else { return Ok(Ok(())) };
        let answer = shop.stripe.retrieve_checkout(&checkout.id).await;
        self.note_stripe(answer.as_ref().err());
        let told = match answer {
            Ok(told) if told.id == checkout.id && shop.is_of_our_mode(told.livemode) => told,
            Ok(_) => return Ok(Err(StripeError::Unavailable("another session"))),
            Err(StripeError::Refused { status: 404, .. })
                if self.core.now() >= checkout.expires_at.plus_ms(UNKNOWN_MS) =>
            {
                // The account was exchanged, or its test data deleted: the session will never be paid.
                postly_payments::Checkout::ended(checkout.id.clone())
            }
            Err(error) => {
                tell(&error);
                return Ok(Err(error));
            }
        };
        let fact = Fact::Checkout(told);
        again!(self.try_learn(&fact, self.core.now())).map(Ok)
    }

    async fn try_learn(&self, fact: &Fact, now: UnixMillis) -> Result<(), StoreError> {
        let mut tx = self.core.db.write().await?;
        self.learn(&mut tx, fact, now).await?;
        tx.commit().await
    }
}

/// Sweeps Checkout Sessions each hour, and refunds without an answer each minute, until shutdown.
pub(crate) async fn run(payments: Payments, shutdown: Shutdown) {
    loop {
        let swept = tokio::select! {
            swept = payments.sweep_refunds() => swept,
            () = shutdown.requested() => return,
        };
        if let Err(error) = swept {
            tracing::info!(error = %ErrorChain(&error), "Could not ask Stripe about open refunds; trying again");
        }
        let swept = tokio::select! {
            swept = payments.sweep_payments() => swept,
            () = shutdown.requested() => return,
        };
        if let Err(error) = swept {
            tracing::info!(error = %ErrorChain(&error), "Could not ask Stripe about open Checkout Sessions; trying again");
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = shutdown.requested() => return,
        }
    }
}
