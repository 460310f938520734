//! Our Checkout Sessions, and the links that open them without a login.

use postly_domain::{
    Currency, Money, UnixMillis,
    id::{AuthorId, CheckoutId, PaymentId},
    payment::CheckoutState,
};

use crate::{
    StoreError, Tx,
    sql::{Row, Sql, args},
};

/// A Checkout Session that we created.
#[derive(Debug, Clone)]
pub struct Checkout {
    /// Stripe's id.
    pub id: CheckoutId,
    /// The buyer.
    pub author: AuthorId,
    /// The pack that is bought.
    pub pack: String,
    /// The number of credits granted on payment.
    pub credits: i64,
    /// The price that we asked.
    pub price: Money,
    /// The state.
    pub state: CheckoutState,
    /// The payment, once it is known.
    pub payment: Option<PaymentId>,
    /// The total that the buyer pays, which may be in another currency.
    pub total: Option<Money>,
    /// The time of creation.
    pub created_at: UnixMillis,
    /// The end of the time to pay.
    pub expires_at: UnixMillis,
}

macro_rules! columns {
    ($rest:literal) => {
        concat!(
            "SELECT id, author_id, pack, credits, amount, currency, state, payment_id, total, total_currency, ",
            "created_at_ms, expires_at_ms FROM checkout_sessions ",
            $rest
        )
    };
}

fn checkout(row: &Row) -> Result<Checkout, StoreError> {
    let state = CheckoutState::parse(&row.text("state")?);
    Ok(Checkout {
        id: CheckoutId::new(row.text("id")?),
        author: AuthorId::new(row.text("author_id")?),
        pack: row.text("pack")?,
        credits: row.int("credits")?,
        price: money(Some(row.int("amount")?), Some(row.text("currency")?))?
            .ok_or(StoreError::Unreadable { column: "amount" })?,
        state: state.ok_or(StoreError::Unreadable { column: "state" })?,
        payment: row.maybe_text("payment_id")?.map(PaymentId::new),
        total: money(row.maybe_int("total")?, row.maybe_text("total_currency")?)?,
        created_at: row.time("created_at_ms")?,
        expires_at: row.time("expires_at_ms")?,
    })
}

/// Returns an amount with its currency; `None` unless both are present.
pub(crate) fn money(amount: Option<i64>, currency: Option<String>) -> Result<Option<Money>, StoreError> {
    let (Some(amount), Some(currency)) = (amount, currency) else { return Ok(None) };
    let currency = Currency::parse(&currency).ok_or(StoreError::Unreadable { column: "currency" })?;
    Ok(Some(Money { amount, currency }))
}

const ADD: Sql = Sql::both(
    "INSERT INTO checkout_sessions (id, author_id, pack, credits, amount, currency, state, created_at_ms, \
     expires_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING",
);

/// Records a Checkout Session that Stripe created for us.
///
/// # Errors
/// Fails if the database fails.
pub async fn add(tx: &mut Tx, new: &Checkout) -> Result<(), StoreError> {
    let args = args![
        &new.id,
        &new.author,
        &new.pack,
        new.credits,
        new.price.amount,
        new.price.currency.as_str(),
        new.state.as_str(),
        new.created_at,
        new.expires_at,
    ];
    tx.execute(ADD, args).await?;
    Ok(())
}

const FIND: Sql = Sql::both(columns!("WHERE id = $1"));
pub(crate) const OF_PAYMENT: Sql = Sql::both(columns!("WHERE payment_id = $1"));

/// Returns the Checkout Session with this id, if it is one of ours.
///
/// # Errors
/// Fails if the database fails.
pub async fn find(tx: &mut Tx, id: &CheckoutId) -> Result<Option<Checkout>, StoreError> {
    tx.maybe_one(FIND, args![id]).await?.as_ref().map(checkout).transpose()
}

/// Returns our Checkout Session that this payment pays.
///
/// # Errors
/// Fails if the database fails.
pub async fn of_payment(tx: &mut Tx, payment: &PaymentId) -> Result<Option<Checkout>, StoreError> {
    tx.maybe_one(OF_PAYMENT, args![payment]).await?.as_ref().map(checkout).transpose()
}

const LEARN: Sql = Sql::both(
    "UPDATE checkout_sessions SET state = $2, payment_id = $3, total = $4, total_currency = $5 WHERE id = $1",
);

/// Updates state, payment and total of a Checkout Session.
///
/// # Errors
/// Fails if the database fails, or another session has the payment.
pub async fn learn(tx: &mut Tx, known: &Checkout) -> Result<(), StoreError> {
    let total = known.total.as_ref();
    let args = args![
        &known.id,
        known.state.as_str(),
        known.payment.as_ref(),
        total.map(|total| total.amount),
        total.map(|total| total.currency.as_str()),
    ];
    tx.execute(LEARN, args).await?;
    Ok(())
}

const OPEN_OF_AUTHOR: Sql = Sql::both(
    "SELECT COUNT(*) AS open FROM checkout_sessions WHERE author_id = $1 AND state = 'open' AND created_at_ms > $2",
);

/// Returns the number of Checkout Sessions that an author began since an instant and did not continue.
///
/// # Errors
/// Fails if the database fails.
pub async fn open_since(tx: &mut Tx, author: &AuthorId, since: UnixMillis) -> Result<i64, StoreError> {
    tx.one(OPEN_OF_AUTHOR, args![author, since]).await?.int("open")
}

// Includes paid sessions with a refund or dispute in another currency, until the amount of their charge is
// known.
const TO_ASK: Sql = Sql::both(columns!(
    "WHERE id > $1 AND (state IN ('open', 'pending') OR state = 'paid' AND created_at_ms > $2 AND NOT EXISTS \
     (SELECT 1 FROM payment_charges WHERE payment_charges.payment_id = checkout_sessions.payment_id \
     AND payment_charges.amount IS NOT NULL) AND (EXISTS (SELECT 1 FROM payment_refunds \
     WHERE payment_refunds.payment_id = checkout_sessions.payment_id AND currency <> total_currency) \
     OR EXISTS (SELECT 1 FROM payment_disputes WHERE payment_disputes.payment_id = checkout_sessions.payment_id \
     AND currency <> total_currency))) ORDER BY id LIMIT $3"
));

/// Returns the next Checkout Sessions to query at Stripe, after an id. Paid ones only if created since
/// `since`.
///
/// # Errors
/// Fails if the database fails.
pub async fn to_ask(
    tx: &mut Tx,
    after: &str,
    since: UnixMillis,
    most: i64,
) -> Result<Vec<Checkout>, StoreError> {
    tx.all(TO_ASK, args![after, since, most]).await?.iter().map(checkout).collect()
}

const ASK: Sql = Sql::both(
    "UPDATE checkout_sessions SET asked_at_ms = $2 WHERE id = $1 AND (asked_at_ms IS NULL OR asked_at_ms <= $3)",
);

/// Claims the right to query a Checkout Session at Stripe. Returns false if it was claimed since `before`.
///
/// # Errors
/// Fails if the database fails.
pub async fn ask(
    tx: &mut Tx,
    id: &CheckoutId,
    before: UnixMillis,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    Ok(tx.execute(ASK, args![id, now, before]).await? == 1)
}

const OF_AUTHOR: Sql = Sql::both(columns!(
    "WHERE author_id IN (SELECT id FROM authors WHERE id = $1 OR merged_into_id = $1) ORDER BY created_at_ms, id LIMIT $2"
));

/// Returns the Checkout Sessions of an author, oldest first; at most `most`.
///
/// # Errors
/// Fails if the database fails.
pub async fn of_author(tx: &mut Tx, author: &AuthorId, most: i64) -> Result<Vec<Checkout>, StoreError> {
    tx.all(OF_AUTHOR, args![author, most]).await?.iter().map(checkout).collect()
}

pub(crate) const NEWEST_OF_AUTHOR: Sql = Sql::both(columns!(
    "WHERE author_id = $1 AND state NOT IN ('open', 'expired') ORDER BY created_at_ms DESC, id DESC LIMIT $2"
));

/// Returns the Checkout Sessions of an author that were submitted, newest first; at most
/// `most`.
///
/// # Errors
/// Fails if the database fails.
pub async fn newest_of_author(
    tx: &mut Tx,
    author: &AuthorId,
    most: i64,
) -> Result<Vec<Checkout>, StoreError> {
    tx.all(NEWEST_OF_AUTHOR, args![author, most]).await?.iter().map(checkout).collect()
}

const PENDING: Sql = Sql::both(
    "SELECT CAST(COALESCE(SUM(credits), 0) AS BIGINT) AS credits FROM checkout_sessions \
     WHERE author_id IN (SELECT id FROM authors WHERE id = $1 OR merged_into_id = $1) AND state = 'pending'",
);

/// Returns the credits of an author's payments that are not confirmed yet.
///
/// # Errors
/// Fails if the database fails.
pub async fn pending(tx: &mut Tx, author: &AuthorId) -> Result<i64, StoreError> {
    tx.one(PENDING, args![author]).await?.int("credits")
}

const ADD_LINK: Sql = Sql::both(
    "INSERT INTO recharge_links (token_hash, author_id, created_at_ms, expires_at_ms) VALUES ($1, $2, $3, $4)",
);
const FIND_LINK: Sql =
    Sql::both("SELECT author_id FROM recharge_links WHERE token_hash = $1 AND expires_at_ms > $2");

/// Records a purchase link of an author, under the hash of its token.
///
/// # Errors
/// Fails if the database fails.
pub async fn add_link(
    tx: &mut Tx,
    token_hash: &str,
    author: &AuthorId,
    now: UnixMillis,
    expires_at: UnixMillis,
) -> Result<(), StoreError> {
    tx.execute(ADD_LINK, args![token_hash, author, now, expires_at]).await?;
    Ok(())
}

/// Returns the author of a link that has not expired.
///
/// # Errors
/// Fails if the database fails.
pub async fn link(tx: &mut Tx, token_hash: &str, now: UnixMillis) -> Result<Option<AuthorId>, StoreError> {
    let row = tx.maybe_one(FIND_LINK, args![token_hash, now]).await?;
    row.map(|row| row.text("author_id").map(AuthorId::new)).transpose()
}
