//! The request that refunds a payment, and the search for the refund of an earlier request.

use postly_domain::{RefundReason, id::PaymentId};
use reqwest::header;
use serde_json::Value;

use crate::{
    Stripe, StripeError,
    checkout::form,
    event::{RefundFact, refund},
};

/// The key in the metadata of a refund that holds the id of our request. Events show it.
pub(crate) const REQUEST: &str = "refund_request";
/// The field of the form for [`REQUEST`].
const METADATA: &str = "metadata[refund_request]";
/// The most refunds that are read of a payment: a page of the list. More are not made by hand.
const PAGE: &str = "100";

/// A refund to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewRefund<'a> {
    /// The id of our request: one request is one refund.
    pub request: &'a str,
    /// The payment.
    pub payment: &'a PaymentId,
    /// The amount, in the minor units of the currency of the charge.
    pub amount: i64,
    /// The reason.
    pub reason: RefundReason,
}

impl Stripe {
    /// Refunds a part of a payment. Every call for a request has the same idempotency key and the same
    /// fields, so there is one refund even if answers are lost, for the 24 hours for which Stripe keeps keys.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn create_refund(&self, new: &NewRefund<'_>) -> Result<RefundFact, StripeError> {
        let fields = [
            ("payment_intent", new.payment.to_string()),
            ("amount", new.amount.to_string()),
            ("reason", new.reason.as_str().to_owned()),
            (METADATA, new.request.to_owned()),
        ];
        let call = self
            .http()
            .post(self.endpoint("refunds"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("idempotency-key", format!("refund:{}", new.request))
            .body(form(&fields));
        self.ask(call, refund).await
    }

    /// Returns the refund of an earlier request, if Stripe made one.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn find_refund(
        &self,
        payment: &PaymentId,
        request: &str,
    ) -> Result<Option<RefundFact>, StripeError> {
        let mut url = self.endpoint("refunds");
        url.query_pairs_mut().append_pair("payment_intent", payment.as_str()).append_pair("limit", PAGE);
        let read = |list: &Value| {
            // An item that cannot be read may be the refund.
            if list.get("has_more").and_then(Value::as_bool) != Some(false) {
                return None;
            }
            let refunds: Vec<_> = list.get("data")?.as_array()?.iter().map(refund).collect::<Option<_>>()?;
            Some(refunds.into_iter().find(|found| found.request.as_deref() == Some(request)))
        };
        self.ask(self.http().get(url), read).await
    }
}
