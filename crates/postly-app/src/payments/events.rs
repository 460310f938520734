//! Events of Stripe's webhook: each is applied once, in one transaction.

use postly_domain::{Alert, metric};
use postly_payments::{Event, Fact, Received, SignatureError, StripeWebhook, read};
use postly_store::{StoreError, payments};

use super::apply::Applied;
use crate::{Payments, alerts, conflict::again};

/// The reason why an event is not answered with 200.
#[derive(Debug, thiserror::Error)]
pub enum PaymentEventError {
    /// There is no shop.
    #[error("nothing is for sale")]
    NoShop,
    /// The signature is invalid.
    #[error("the event is not authentic")]
    NotAuthentic(#[from] SignatureError),
    /// The database failed. Stripe delivers the event again.
    #[error("the database failed")]
    Store(#[from] StoreError),
}

/// The outcome of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventOutcome {
    /// It was applied.
    Applied,
    /// It was applied before.
    Duplicate,
    /// It has no effect, by this rule.
    Ignored(&'static str),
}

impl EventOutcome {
    /// Returns the name for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Duplicate => "duplicate",
            Self::Ignored(rule) => rule,
        }
    }
}

impl Payments {
    /// Handles an event: a fact about one of our payments is applied once.
    ///
    /// # Errors
    /// See [`PaymentEventError`].
    pub async fn receive_payment_event(
        &self,
        webhook: StripeWebhook<'_>,
    ) -> Result<EventOutcome, PaymentEventError> {
        let shop = self.shop.as_ref().ok_or(PaymentEventError::NoShop)?;
        let verified = shop.webhook_secrets.verify(webhook.headers, webhook.body, self.core.now());
        self.core.health.signature("stripe", verified.is_ok(), self.core.now());
        verified?;
        // Only kinds that are handled here are labels: Stripe has hundreds.
        let mut counted = "other".to_owned();
        let outcome = match read(webhook.body) {
            Received::Thin { kind } => {
                let message = format!(
                    "Stripe sends thin events here, which tell nothing of payments (this one: {kind:?}): choose \"snapshot\" as the payload style of the event destination"
                );
                alerts::raise(Alert::StripeThinEvent, &message);
                EventOutcome::Ignored("thin_event")
            }
            Received::Unreadable => EventOutcome::Ignored("unreadable"),
            Received::Event(event) => match &event.fact {
                None => EventOutcome::Ignored("not_of_payments"),
                Some(fact) => {
                    counted.clone_from(&event.kind);
                    let foreign = if event.of_other_account {
                        Some(OTHER_ACCOUNT)
                    } else if shop.is_of_our_mode(event.livemode) {
                        None
                    } else {
                        Some(OTHER_MODE)
                    };
                    again!(self.apply_event(&event, fact, foreign))?
                }
            },
        };
        metrics::counter!(metric::STRIPE_EVENTS, "type" => counted, "outcome" => outcome.as_str())
            .increment(1);
        Ok(outcome)
    }

    /// Records an event and applies it, in one transaction. `foreign` is the rule by which it concerns
    /// another service.
    async fn apply_event(
        &self,
        event: &Event,
        fact: &Fact,
        foreign: Option<Foreign>,
    ) -> Result<EventOutcome, StoreError> {
        let (id, kind) = (event.id.as_str(), event.kind.as_str());
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        if !payments::add_event(&mut tx, id, kind, now).await? {
            return Ok(EventOutcome::Duplicate);
        }
        let ignored = match foreign {
            Some(foreign) => Some(foreign),
            None => match self.learn(&mut tx, fact, now).await? {
                Applied::Done => None,
                Applied::UnknownCheckout => Some(UNKNOWN_CHECKOUT),
                Applied::OfNothing => Some(OF_NOTHING),
            },
        };
        if let Some(Foreign { rule, .. }) = ignored {
            payments::end_event(&mut tx, id, rule).await?;
        }
        tx.commit().await?;
        tracing::info!(
            event.id = id,
            event.kind = kind,
            outcome = ignored.map_or("applied", |it| it.rule),
            "Stripe told of {kind}"
        );
        let Some(Foreign { rule, alert }) = ignored else { return Ok(EventOutcome::Applied) };
        if let Some((name, message)) = alert {
            alerts::raise(name, &format!("{message} (event {id}, {kind})"));
        }
        Ok(EventOutcome::Ignored(rule))
    }
}

/// The rule by which an event concerns another service, and the alert it raises.
#[derive(Debug, Clone, Copy)]
struct Foreign {
    rule: &'static str,
    alert: Option<(Alert, &'static str)>,
}

const UNKNOWN_CHECKOUT: Foreign = Foreign {
    rule: "unknown_checkout",
    alert: Some((
        Alert::StripeUnknownCheckout,
        "Stripe tells of a Checkout Session that we did not make: it grants nothing. Is another shop on this account?",
    )),
};
const OTHER_MODE: Foreign = Foreign {
    rule: "other_mode",
    alert: Some((
        Alert::StripeOtherMode,
        "Stripe sends an event of the other mode (test or live) than STRIPE_SECRET_KEY is of: it grants nothing",
    )),
};
const OTHER_ACCOUNT: Foreign = Foreign {
    rule: "other_account",
    alert: Some((
        Alert::StripeOtherAccount,
        "Stripe sends an event of a connected account: it grants nothing. Let the destination listen to your account only",
    )),
};
const OF_NOTHING: Foreign = Foreign { rule: "of_no_payment", alert: None };
