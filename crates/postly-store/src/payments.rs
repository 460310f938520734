//! Payments: their known facts, the credits that they granted and took back, and their events.
//!
//! The facts of a payment are read and written under [`lock`] of its charge and of the payment, in this
//! order, both before the buyer's wallet.

use postly_domain::{
    Money, UnixMillis,
    id::{CheckoutId, PaymentId},
    payment::{Charge, Dispute, DisputeEnd, Known, Refund},
    refund::RefundState,
};

use crate::{
    StoreError, Tx, authors,
    checkouts::money,
    sql::{Row, Sql, args},
};

/// Locks the facts of a charge or payment until the transaction ends, even before its row exists.
///
/// # Errors
/// Fails if the database fails.
pub async fn lock(tx: &mut Tx, name: &str) -> Result<(), StoreError> {
    authors::lock_person(tx, name).await
}

const ADD_EVENT: Sql = Sql::both(
    "INSERT INTO payment_events (id, kind, outcome, received_at_ms) VALUES ($1, $2, 'applied', $3) \
     ON CONFLICT (id) DO NOTHING",
);
const END_EVENT: Sql = Sql::both("UPDATE payment_events SET outcome = $2 WHERE id = $1");

/// Claims an event. Returns false if it was claimed before: it has had its effect.
///
/// # Errors
/// Fails if the database fails.
pub async fn add_event(tx: &mut Tx, id: &str, kind: &str, now: UnixMillis) -> Result<bool, StoreError> {
    Ok(tx.execute(ADD_EVENT, args![id, kind, now]).await? == 1)
}

/// Records the outcome of an event.
///
/// # Errors
/// Fails if the database fails.
pub async fn end_event(tx: &mut Tx, id: &str, outcome: &str) -> Result<(), StoreError> {
    tx.execute(END_EVENT, args![id, outcome]).await?;
    Ok(())
}

const CHARGE: Sql =
    Sql::both("SELECT payment_id, amount, currency, refunded FROM payment_charges WHERE id = $1");
const SET_CHARGE: Sql = Sql::both(
    "INSERT INTO payment_charges (id, payment_id, amount, currency, refunded, noted_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE SET payment_id = excluded.payment_id, \
     amount = excluded.amount, currency = excluded.currency, refunded = excluded.refunded",
);

fn charge(row: &Row) -> Result<Charge, StoreError> {
    Ok(Charge {
        amount: money(row.maybe_int("amount")?, row.maybe_text("currency")?)?,
        refunded: row.int("refunded")?,
    })
}

/// Merges a report about a charge into the known facts, and returns its payment, if known.
///
/// # Errors
/// Fails if the database fails.
pub async fn learn_charge(
    tx: &mut Tx,
    id: &str,
    payment: Option<&PaymentId>,
    told: Charge,
    now: UnixMillis,
) -> Result<Option<PaymentId>, StoreError> {
    let row = tx.maybe_one(CHARGE, args![id]).await?;
    let (known_payment, known) = match &row {
        None => (None, told),
        Some(row) => (row.maybe_text("payment_id")?.map(PaymentId::new), charge(row)?.learn(&told)),
    };
    let payment = known_payment.or_else(|| payment.cloned());
    let amount = known.amount.as_ref();
    let args = args![
        id,
        payment.as_ref(),
        amount.map(|amount| amount.amount),
        amount.map(|amount| amount.currency.as_str()),
        known.refunded,
        now,
    ];
    tx.execute(SET_CHARGE, args).await?;
    Ok(payment)
}

const REFUND: Sql = Sql::both("SELECT amount, currency, state FROM payment_refunds WHERE id = $1");
const SET_REFUND: Sql = Sql::both(
    "INSERT INTO payment_refunds (id, payment_id, charge_id, amount, currency, state, noted_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET \
     payment_id = COALESCE(payment_refunds.payment_id, excluded.payment_id), \
     charge_id = COALESCE(payment_refunds.charge_id, excluded.charge_id), \
     amount = excluded.amount, currency = excluded.currency, state = excluded.state",
);

fn refund(row: &Row) -> Result<Refund, StoreError> {
    let state = RefundState::parse(&row.text("state")?).ok_or(StoreError::Unreadable { column: "state" })?;
    Ok(Refund { amount: amount(row)?, state })
}

fn amount(row: &Row) -> Result<Money, StoreError> {
    money(Some(row.int("amount")?), Some(row.text("currency")?))?
        .ok_or(StoreError::Unreadable { column: "amount" })
}

/// The payment and charge of a refund or a dispute, as named by the event.
#[derive(Debug, Clone, Copy)]
pub struct Of<'a> {
    /// The payment.
    pub payment: Option<&'a PaymentId>,
    /// The charge.
    pub charge: Option<&'a str>,
}

/// Merges a report about a refund into the known facts.
///
/// # Errors
/// Fails if the database fails.
pub async fn learn_refund(
    tx: &mut Tx,
    id: &str,
    of: Of<'_>,
    told: Refund,
    now: UnixMillis,
) -> Result<(), StoreError> {
    let known = match tx.maybe_one(REFUND, args![id]).await? {
        None => told,
        Some(row) => refund(&row)?.learn(&told),
    };
    let (amount, currency) = (known.amount.amount, known.amount.currency.as_str());
    let args = args![id, of.payment, of.charge, amount, currency, known.state.as_str(), now];
    tx.execute(SET_REFUND, args).await?;
    Ok(())
}

const DISPUTE: Sql = Sql::both("SELECT amount, currency, ended FROM payment_disputes WHERE id = $1");
const SET_DISPUTE: Sql = Sql::both(
    "INSERT INTO payment_disputes (id, payment_id, charge_id, amount, currency, ended, noted_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET \
     payment_id = COALESCE(payment_disputes.payment_id, excluded.payment_id), \
     charge_id = COALESCE(payment_disputes.charge_id, excluded.charge_id), \
     amount = excluded.amount, currency = excluded.currency, ended = excluded.ended",
);

fn dispute(row: &Row) -> Result<Dispute, StoreError> {
    let end = match row.maybe_text("ended")? {
        None => None,
        Some(end) => Some(DisputeEnd::parse(&end).ok_or(StoreError::Unreadable { column: "ended" })?),
    };
    Ok(Dispute { amount: amount(row)?, end })
}

/// Merges a report about a dispute into the known facts.
///
/// # Errors
/// Fails if the database fails.
pub async fn learn_dispute(
    tx: &mut Tx,
    id: &str,
    of: Of<'_>,
    told: Dispute,
    now: UnixMillis,
) -> Result<(), StoreError> {
    let known = match tx.maybe_one(DISPUTE, args![id]).await? {
        None => told,
        Some(row) => dispute(&row)?.learn(&told),
    };
    let (amount, currency) = (known.amount.amount, known.amount.currency.as_str());
    let args = args![id, of.payment, of.charge, amount, currency, known.end.map(DisputeEnd::as_str), now];
    tx.execute(SET_DISPUTE, args).await?;
    Ok(())
}

pub(crate) const CHARGE_OF: Sql =
    Sql::both("SELECT amount, currency, refunded FROM payment_charges WHERE payment_id = $1 ORDER BY id");
pub(crate) const REFUNDS_OF: Sql = Sql::both(
    "SELECT id, amount, currency, state FROM payment_refunds WHERE payment_id = $1 OR payment_id IS NULL AND charge_id IN \
     (SELECT id FROM payment_charges WHERE payment_id = $1) ORDER BY id",
);
pub(crate) const DISPUTES_OF: Sql = Sql::both(
    "SELECT id, amount, currency, ended FROM payment_disputes WHERE payment_id = $1 OR payment_id IS NULL AND charge_id IN \
     (SELECT id FROM payment_charges WHERE payment_id = $1) ORDER BY id",
);

/// Returns all known facts of a payment; `total` is the total of its Checkout Session.
///
/// # Errors
/// Fails if the database fails.
pub async fn known(tx: &mut Tx, payment: &PaymentId, total: Option<Money>) -> Result<Known, StoreError> {
    let mut charges = tx.all(CHARGE_OF, args![payment]).await?;
    // Only one charge of a payment took money.
    let charge = charges.iter_mut().map(|row| charge(row)).reduce(|one, other| Ok(one?.learn(&other?)));
    let refunds = tx.all(REFUNDS_OF, args![payment]).await?;
    let disputes = tx.all(DISPUTES_OF, args![payment]).await?;
    Ok(Known {
        total,
        charge: charge.transpose()?,
        refunds: refunds.iter().map(refund).collect::<Result<_, _>>()?,
        disputes: disputes.iter().map(dispute).collect::<Result<_, _>>()?,
    })
}

/// Returns the refunds of a payment with Stripe's ids, and the disputes over it.
///
/// # Errors
/// Fails if the database fails.
pub async fn refunds_and_disputes(
    tx: &mut Tx,
    payment: &PaymentId,
) -> Result<(Vec<(String, Refund)>, Vec<(String, Dispute)>), StoreError> {
    let refunds = tx.all(REFUNDS_OF, args![payment]).await?;
    let disputes = tx.all(DISPUTES_OF, args![payment]).await?;
    Ok((
        refunds.iter().map(|row| Ok((row.text("id")?, refund(row)?))).collect::<Result<_, StoreError>>()?,
        disputes.iter().map(|row| Ok((row.text("id")?, dispute(row)?))).collect::<Result<_, StoreError>>()?,
    ))
}

/// The credits that a payment granted and took back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The id.
    pub id: PaymentId,
    /// The credits granted.
    pub granted: i64,
    /// The credits of these that are taken back now.
    pub taken_back: i64,
    /// The sum of credits that could not be taken back when due.
    pub owed: i64,
    /// The number of changes.
    pub changes: i64,
}

const GET: Sql = Sql::both("SELECT granted, taken_back, owed, changes FROM payments WHERE id = $1");
const ADD: Sql = Sql::both(
    "INSERT INTO payments (id, checkout_id, granted, taken_back, owed, changes, paid_at_ms) \
     VALUES ($1, $2, $3, 0, 0, 0, $4)",
);
const CHANGE: Sql = Sql::both("UPDATE payments SET taken_back = $2, owed = $3, changes = $4 WHERE id = $1");

/// Returns the credits of a payment; `None` if it has granted none.
///
/// # Errors
/// Fails if the database fails.
pub async fn get(tx: &mut Tx, id: &PaymentId) -> Result<Option<Payment>, StoreError> {
    let Some(row) = tx.maybe_one(GET, args![id]).await? else { return Ok(None) };
    Ok(Some(Payment {
        id: id.clone(),
        granted: row.int("granted")?,
        taken_back: row.int("taken_back")?,
        owed: row.int("owed")?,
        changes: row.int("changes")?,
    }))
}

/// Records that a payment granted credits.
///
/// # Errors
/// Fails if the database fails, or the payment or its session has granted before.
pub async fn add(
    tx: &mut Tx,
    id: &PaymentId,
    checkout: &CheckoutId,
    granted: i64,
    now: UnixMillis,
) -> Result<(), StoreError> {
    tx.execute(ADD, args![id, checkout, granted, now]).await?;
    Ok(())
}

/// Updates the credits that a payment took back.
///
/// # Errors
/// Fails if the database fails.
pub async fn change(tx: &mut Tx, payment: &Payment) -> Result<(), StoreError> {
    let args = args![&payment.id, payment.taken_back, payment.owed, payment.changes];
    tx.execute(CHANGE, args).await?;
    Ok(())
}

const TO_RECOMPUTE: Sql = Sql::both(
    "SELECT payments.id, payments.granted, payments.taken_back, checkout_sessions.total, \
     checkout_sessions.total_currency FROM payments JOIN checkout_sessions ON checkout_sessions.id = payments.checkout_id \
     WHERE payments.id > $1 AND (payments.taken_back > 0 \
     OR EXISTS (SELECT 1 FROM payment_charges WHERE payment_charges.payment_id = payments.id AND \
     (refunded > 0 OR EXISTS (SELECT 1 FROM payment_refunds WHERE charge_id = payment_charges.id) \
     OR EXISTS (SELECT 1 FROM payment_disputes WHERE charge_id = payment_charges.id))) \
     OR EXISTS (SELECT 1 FROM payment_refunds WHERE payment_refunds.payment_id = payments.id) \
     OR EXISTS (SELECT 1 FROM payment_disputes WHERE payment_disputes.payment_id = payments.id)) \
     ORDER BY payments.id LIMIT $2",
);

/// Returns the payments for which the credits taken back differ from the rule's result for the known facts;
/// at most `most`.
///
/// # Errors
/// Fails if the database fails.
pub async fn astray(tx: &mut Tx, most: usize) -> Result<Vec<String>, StoreError> {
    const PAGE: i64 = 500;
    let mut astray = vec![];
    let mut after = String::new();
    loop {
        let rows = tx.all(TO_RECOMPUTE, args![&after, PAGE]).await?;
        for row in &rows {
            let id = PaymentId::new(row.text("id")?);
            let total = money(row.maybe_int("total")?, row.maybe_text("total_currency")?)?;
            let known = known(tx, &id, total).await?;
            if known.taken_back(row.int("granted")?) != row.int("taken_back")? && astray.len() < most {
                astray.push(id.as_str().to_owned());
            }
        }
        match rows.last() {
            Some(row) if astray.len() < most => after = row.text("id")?,
            Some(_) | None => return Ok(astray),
        }
    }
}
