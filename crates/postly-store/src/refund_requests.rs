//! Refunds that an operator asked of Stripe.
//!
//! A request is added, and ended by an event, under the lock of its payment ([`crate::payments::lock`]).

use postly_domain::{
    Money, RefundReason, UnixMillis,
    id::PaymentId,
    refund::{RefundState, RequestState},
};

use crate::{
    StoreError, Tx,
    checkouts::money,
    sql::{Row, Sql, args},
};

/// A request for a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundRequest {
    /// The id.
    pub id: String,
    /// The payment.
    pub payment: PaymentId,
    /// The amount, in the currency of the charge.
    pub amount: Money,
    /// The reason for Stripe.
    pub reason: RefundReason,
    /// The operator, if the name is known.
    pub made_by: Option<String>,
    /// The state.
    pub state: RequestState,
    /// Stripe's id of the refund, once it is known.
    pub refund: Option<String>,
    /// The state of that refund, once an event or an answer told it.
    pub refund_state: Option<RefundState>,
    /// Stripe's code of the refusal, or the reason why there is no answer yet.
    pub code: Option<String>,
    /// The number of calls of Stripe.
    pub tries: i64,
    /// The time of creation.
    pub created_at: UnixMillis,
}

macro_rules! columns {
    ($rest:literal) => {
        concat!(
            "SELECT refund_requests.id, refund_requests.payment_id, refund_requests.amount, ",
            "refund_requests.currency, refund_requests.reason, refund_requests.made_by, refund_requests.state, ",
            "refund_requests.refund_id, payment_refunds.state AS refund_state, refund_requests.code, ",
            "refund_requests.tries, refund_requests.created_at_ms FROM refund_requests LEFT JOIN payment_refunds ",
            "ON payment_refunds.id = refund_requests.refund_id ",
            $rest
        )
    };
}

fn request(row: &Row) -> Result<RefundRequest, StoreError> {
    let unreadable = |column| StoreError::Unreadable { column };
    let refund_state = row.maybe_text("refund_state")?;
    Ok(RefundRequest {
        id: row.text("id")?,
        payment: PaymentId::new(row.text("payment_id")?),
        amount: money(Some(row.int("amount")?), Some(row.text("currency")?))?.ok_or(unreadable("amount"))?,
        reason: RefundReason::parse(&row.text("reason")?).ok_or(unreadable("reason"))?,
        made_by: row.maybe_text("made_by")?,
        state: RequestState::parse(&row.text("state")?).ok_or(unreadable("state"))?,
        refund: row.maybe_text("refund_id")?,
        refund_state: refund_state
            .map(|state| RefundState::parse(&state).ok_or(unreadable("refund_state")))
            .transpose()?,
        code: row.maybe_text("code")?,
        tries: row.int("tries")?,
        created_at: row.time("created_at_ms")?,
    })
}

const ADD: Sql = Sql::both(
    "INSERT INTO refund_requests (id, form_key, payment_id, amount, currency, reason, made_by, state, refund_id, code, \
     tries, tried_at_ms, created_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', NULL, NULL, 1, $8, $8)",
);

/// Adds an open request, which its maker is about to send to Stripe.
///
/// # Errors
/// Fails if the database fails, the form was sent before, or another request of the payment is open.
pub async fn add(tx: &mut Tx, new: &RefundRequest, form_key: Option<&str>) -> Result<(), StoreError> {
    let args = args![
        &new.id,
        form_key,
        &new.payment,
        new.amount.amount,
        new.amount.currency.as_str(),
        new.reason.as_str(),
        new.made_by.as_deref(),
        new.created_at,
    ];
    tx.execute(ADD, args).await?;
    Ok(())
}

pub(crate) const OF_FORM: Sql = Sql::both(columns!("WHERE form_key = $1"));
pub(crate) const GET: Sql = Sql::both(columns!("WHERE refund_requests.id = $1"));

/// Returns the request that a form made.
///
/// # Errors
/// Fails if the database fails.
pub async fn of_form(tx: &mut Tx, form_key: &str) -> Result<Option<RefundRequest>, StoreError> {
    tx.maybe_one(OF_FORM, args![form_key]).await?.as_ref().map(request).transpose()
}

/// Returns a request.
///
/// # Errors
/// Fails if the database fails.
pub async fn get(tx: &mut Tx, id: &str) -> Result<Option<RefundRequest>, StoreError> {
    tx.maybe_one(GET, args![id]).await?.as_ref().map(request).transpose()
}

pub(crate) const OF_PAYMENT: Sql =
    Sql::both(columns!("WHERE refund_requests.payment_id = $1 ORDER BY refund_requests.id DESC LIMIT $2"));

/// Returns the requests of a payment, newest first; at most `most`.
///
/// # Errors
/// Fails if the database fails.
pub async fn of_payment(
    tx: &mut Tx,
    payment: &PaymentId,
    most: i64,
) -> Result<Vec<RefundRequest>, StoreError> {
    tx.all(OF_PAYMENT, args![payment, most]).await?.iter().map(request).collect()
}

const OPEN: Sql = Sql::both("SELECT id FROM refund_requests WHERE payment_id = $1 AND state = 'open'");

/// Returns true if a request of the payment is open.
///
/// # Errors
/// Fails if the database fails.
pub async fn is_open(tx: &mut Tx, payment: &PaymentId) -> Result<bool, StoreError> {
    Ok(tx.maybe_one(OPEN, args![payment]).await?.is_some())
}

// A minute after the first call, then a minute more after each, up to an hour.
const DUE: Sql = Sql::both(columns!(
    "WHERE refund_requests.state = 'open' AND refund_requests.tried_at_ms <= $1 - 60000 * \
     (CASE WHEN refund_requests.tries < 60 THEN refund_requests.tries ELSE 60 END) \
     ORDER BY refund_requests.id LIMIT $2"
));
const CLAIM: Sql = Sql::both(
    "UPDATE refund_requests SET tries = tries + 1, tried_at_ms = $3 WHERE id = $1 AND tries = $2 AND state = 'open'",
);

/// Returns the open requests about which Stripe is to be asked again, oldest first; at most `most`.
///
/// # Errors
/// Fails if the database fails.
pub async fn due(tx: &mut Tx, now: UnixMillis, most: i64) -> Result<Vec<RefundRequest>, StoreError> {
    tx.all(DUE, args![now, most]).await?.iter().map(request).collect()
}

/// Claims the next call of Stripe for an open request. Returns false if another process has.
///
/// # Errors
/// Fails if the database fails.
pub async fn claim(tx: &mut Tx, request: &RefundRequest, now: UnixMillis) -> Result<bool, StoreError> {
    Ok(tx.execute(CLAIM, args![&request.id, request.tries, now]).await? == 1)
}

const MADE: Sql = Sql::both(
    "UPDATE refund_requests SET state = 'made', refund_id = $2, code = NULL WHERE id = $1 AND payment_id = $3",
);
const END: Sql =
    Sql::both("UPDATE refund_requests SET state = $2, code = $3 WHERE id = $1 AND state = 'open'");

/// Records the refund of a request, by an answer or by an event, whichever comes first. A refund is final: a
/// refusal recorded before was wrong. Returns false for a request that is unknown, or of another payment.
///
/// # Errors
/// Fails if the database fails.
pub async fn made(tx: &mut Tx, id: &str, refund: &str, payment: &PaymentId) -> Result<bool, StoreError> {
    Ok(tx.execute(MADE, args![id, refund, payment]).await? == 1)
}

/// Records the outcome of a call without a refund. Changes nothing if the request is not open.
///
/// # Errors
/// Fails if the database fails.
pub async fn end(tx: &mut Tx, id: &str, state: RequestState, code: &str) -> Result<(), StoreError> {
    tx.execute(END, args![id, state.as_str(), code]).await?;
    Ok(())
}
