//! Authors.

use postly_domain::{
    Language, UnixMillis,
    brand::Brand,
    event::Sender,
    id::{AuthorId, IdentityId},
};

use crate::{
    StoreError, Tx, brands,
    identities::Identity,
    questions::{self, Question},
    retention::first_id,
    sql::{Row, Sql, args},
};

/// A person and their login, language and brand memory.
#[derive(Debug, Clone)]
pub struct Author {
    /// The id.
    pub id: AuthorId,
    /// The email address, if the author signed up on the web.
    pub email: Option<String>,
    /// The language of our texts to the author.
    pub language: Language,
    /// True if the language is settled: the author chose it, or wrote a message that left no doubt.
    pub language_settled: bool,
    /// True if the first reply to the author, the one that introduces us, was queued.
    pub greeted: bool,
    /// The time of creation.
    pub created_at: UnixMillis,
    /// The time of a request for erasure that the author has not confirmed yet.
    pub erasure_asked_at: Option<UnixMillis>,
    /// The time at which the author asked for a person, while that request is open.
    pub handed_over_at: Option<UnixMillis>,
    /// The open question to the author.
    pub question: Option<Question>,
    /// The time at which the operator blocked the author: nothing is written for them.
    pub blocked_at: Option<UnixMillis>,
    /// Rules and facts that hold for every brief.
    pub brand: Brand,
    /// The credits that came back since the last reply.
    pub untold_refunds: i64,
}

const LOCK_PERSON: Sql = Sql::each(
    "SELECT 1 AS locked WHERE $1 IS NOT NULL",
    "SELECT 1 AS locked FROM (SELECT pg_advisory_xact_lock(hashtextextended($1, 0))) AS held",
);

/// Locks a name (a number, an address or an id) until the transaction ends, so that two transactions do not
/// handle one new person at once. On SQLite, one transaction writes at a time and this does nothing.
///
/// # Errors
/// Fails if the database fails.
pub async fn lock_person(tx: &mut Tx, name: &str) -> Result<(), StoreError> {
    tx.one(LOCK_PERSON, args![name]).await?;
    Ok(())
}

macro_rules! known_sql {
    ($names:literal) => {
        concat!(
            "SELECT identities.id AS identity_id, identities.author_id, identities.stopped_at_ms, authors.email, ",
            "authors.language, authors.language_settled, authors.greeted_at_ms, authors.created_at_ms, authors.erasure_asked_at_ms, authors.asked_about, authors.asked_at_ms, authors.asked_if_wanted, authors.blocked_at_ms, authors.brand, ",
            "(SELECT opened_at_ms FROM handoffs WHERE author_id = authors.id AND closed_at_ms IS NULL) AS handed_over_at_ms, ",
            "(SELECT untold_refunds FROM wallets WHERE author_id = authors.id) AS untold_refunds, ",
            "(SELECT COUNT(*) FROM model_calls WHERE model_calls.author_id = identities.author_id ",
            "AND model_calls.id >= $3) AS recent_calls FROM identities ",
            "JOIN authors ON authors.id = identities.author_id ",
            "WHERE identities.provider = $1 AND identities.address = $2 AND ",
            $names
        )
    };
}

const KNOWN_BY_PHONE: Sql = Sql::both(known_sql!(
    "identities.phone = $4 AND identities.phone_doubt IS NULL AND identities.bsuid IS NULL"
));

const KNOWN_BY_BSUID: Sql = Sql::both(known_sql!("identities.bsuid = $4 AND identities.phone IS NULL"));

const KNOWN_BY_BOTH: Sql = Sql::both(known_sql!(
    "identities.phone = $4 AND identities.phone_doubt IS NULL AND identities.bsuid = $5"
));

/// Returns the identity that equals this sender in address, number and user id, with its author and the
/// number of model calls made for the author since `since`. Such a sender needs no update. `None` does not
/// mean that the sender is unknown.
///
/// # Errors
/// Fails if the database fails, or the row cannot be read.
pub async fn known(
    tx: &mut Tx,
    sender: &Sender,
    since: UnixMillis,
) -> Result<Option<(Identity, Author, i64)>, StoreError> {
    let (provider, address, since) = (sender.provider, &sender.address, &first_id(since));
    let row = match (&sender.phone, &sender.bsuid) {
        (Some(phone), Some(bsuid)) => {
            tx.maybe_one(KNOWN_BY_BOTH, args![provider, address, since, phone, bsuid]).await?
        }
        (Some(phone), None) => tx.maybe_one(KNOWN_BY_PHONE, args![provider, address, since, phone]).await?,
        (None, Some(bsuid)) => tx.maybe_one(KNOWN_BY_BSUID, args![provider, address, since, bsuid]).await?,
        (None, None) => None,
    };
    let Some(row) = row else { return Ok(None) };
    let author_id = AuthorId::new(row.text("author_id")?);
    let identity = Identity {
        id: IdentityId::new(row.text("identity_id")?),
        author_id: author_id.clone(),
        provider,
        address: Some(address.clone()),
        phone: sender.phone.clone(),
        phone_doubt: None,
        bsuid: sender.bsuid.clone(),
        stopped_at: row.maybe_time("stopped_at_ms")?,
    };
    Ok(Some((identity, author(author_id, &row)?, row.int("recent_calls")?)))
}

const ADD_AUTHOR: Sql = Sql::both("INSERT INTO authors (id, language, created_at_ms) VALUES ($1, $2, $3)");

const ADD_WALLET: Sql = Sql::both("INSERT INTO wallets (author_id, balance, held) VALUES ($1, 0, 0)");

/// Adds an author with an empty wallet and no login.
///
/// # Errors
/// Fails if the database fails.
pub async fn add(
    tx: &mut Tx,
    id: &AuthorId,
    language: Language,
    now: UnixMillis,
) -> Result<Author, StoreError> {
    tx.execute(ADD_AUTHOR, args![id, language, now]).await?;
    tx.execute(ADD_WALLET, args![id]).await?;
    Ok(Author {
        id: id.clone(),
        email: None,
        language,
        language_settled: false,
        greeted: false,
        created_at: now,
        erasure_asked_at: None,
        handed_over_at: None,
        question: None,
        blocked_at: None,
        brand: Brand::default(),
        untold_refunds: 0,
    })
}

const GET: Sql = Sql::both(
    "SELECT email, language, language_settled, greeted_at_ms, created_at_ms, erasure_asked_at_ms, asked_about, asked_at_ms, asked_if_wanted, blocked_at_ms, brand, \
     (SELECT opened_at_ms FROM handoffs WHERE author_id = authors.id AND closed_at_ms IS NULL) AS handed_over_at_ms, \
     (SELECT untold_refunds FROM wallets WHERE author_id = authors.id) AS untold_refunds FROM authors \
     WHERE id = $1 AND erased_at_ms IS NULL",
);

/// Returns the author with this id; `None` if there is none or the author was erased. A merged author is
/// still found under the old id: see [`current`].
///
/// # Errors
/// Fails if the database fails.
pub async fn get(tx: &mut Tx, id: &AuthorId) -> Result<Option<Author>, StoreError> {
    tx.maybe_one(GET, args![id]).await?.map(|row| author(id.clone(), &row)).transpose()
}

const CURRENT: Sql = Sql::both("SELECT COALESCE(merged_into_id, id) AS id FROM authors WHERE id = $1");

/// Returns the author that an id stands for now: the same id, or the author it was merged into.
///
/// # Errors
/// Fails if the database fails.
pub async fn current(tx: &mut Tx, id: &AuthorId) -> Result<AuthorId, StoreError> {
    let row = tx.maybe_one(CURRENT, args![id]).await?;
    row.map_or_else(|| Ok(id.clone()), |row| row.text("id").map(AuthorId::new))
}

const LOCK_ROW: Sql = Sql::each(
    "SELECT id FROM authors WHERE id = $1",
    "SELECT id FROM authors WHERE id = $1 FOR NO KEY UPDATE",
);

/// Locks the row of an author. A transaction that changes the wallet and also inserts rows of the author
/// calls this first: merging and erasing lock the author, then the wallet, and the opposite order deadlocks
/// with them.
///
/// # Errors
/// Fails if the database fails.
pub async fn lock_row(tx: &mut Tx, id: &AuthorId) -> Result<(), StoreError> {
    tx.maybe_one(LOCK_ROW, args![id]).await?;
    Ok(())
}

const LOCK: Sql = Sql::each(
    "SELECT id FROM authors WHERE id = $1 AND merged_into_id IS NULL AND erased_at_ms IS NULL",
    "SELECT id FROM authors WHERE id = $1 AND merged_into_id IS NULL AND erased_at_ms IS NULL FOR UPDATE",
);

/// Locks an author against merging and erasure until the transaction ends. Returns false if the author was
/// already merged or erased.
///
/// # Errors
/// Fails if the database fails.
pub async fn lock(tx: &mut Tx, id: &AuthorId) -> Result<bool, StoreError> {
    Ok(tx.maybe_one(LOCK, args![id]).await?.is_some())
}

fn author(id: AuthorId, row: &Row) -> Result<Author, StoreError> {
    Ok(Author {
        id,
        email: row.maybe_text("email")?,
        language: row.language("language")?,
        language_settled: row.int("language_settled")? == 1,
        greeted: row.maybe_int("greeted_at_ms")?.is_some(),
        created_at: row.time("created_at_ms")?,
        erasure_asked_at: row.maybe_time("erasure_asked_at_ms")?,
        handed_over_at: row.maybe_time("handed_over_at_ms")?,
        question: questions::of(row)?,
        blocked_at: row.maybe_time("blocked_at_ms")?,
        brand: brands::of(row)?,
        untold_refunds: row.int("untold_refunds")?,
    })
}

const SIGN_UP: Sql = Sql::both(
    "UPDATE authors SET email = $2, password_hash = COALESCE($3, password_hash) WHERE id = $1 \
     AND NOT EXISTS (SELECT 1 FROM authors AS other WHERE other.email = $2 AND other.id <> $1)",
);

/// Sets an author's email address and, if given, the password. Returns false if another author has the
/// address.
///
/// # Errors
/// Fails if the database fails; with a conflict if two transactions take one address at once.
pub async fn set_login(
    tx: &mut Tx,
    id: &AuthorId,
    email: &str,
    password_hash: Option<&str>,
) -> Result<bool, StoreError> {
    Ok(tx.execute(SIGN_UP, args![id, email, password_hash]).await? == 1)
}

const SET_PASSWORD: Sql = Sql::both("UPDATE authors SET password_hash = $2 WHERE id = $1");

/// Replaces a password.
///
/// # Errors
/// Fails if the database fails.
pub async fn set_password(tx: &mut Tx, id: &AuthorId, password_hash: &str) -> Result<(), StoreError> {
    tx.execute(SET_PASSWORD, args![id, password_hash]).await?;
    Ok(())
}

const BY_EMAIL: Sql = Sql::both("SELECT id, password_hash FROM authors WHERE email = $1");

const PASSWORD: Sql = Sql::both("SELECT password_hash FROM authors WHERE id = $1");

/// Returns the author with this email address, and the hash of their password.
///
/// # Errors
/// Fails if the database fails.
pub async fn by_email(tx: &mut Tx, email: &str) -> Result<Option<(AuthorId, Option<String>)>, StoreError> {
    let Some(row) = tx.maybe_one(BY_EMAIL, args![email]).await? else { return Ok(None) };
    Ok(Some((AuthorId::new(row.text("id")?), row.maybe_text("password_hash")?)))
}

/// Returns the hash of an author's password.
///
/// # Errors
/// Fails if the database fails.
pub async fn password(tx: &mut Tx, id: &AuthorId) -> Result<Option<String>, StoreError> {
    let row = tx.maybe_one(PASSWORD, args![id]).await?;
    Ok(row.map(|row| row.maybe_text("password_hash")).transpose()?.flatten())
}

const ASK_ERASURE: Sql = Sql::both("UPDATE authors SET erasure_asked_at_ms = $2 WHERE id = $1");

/// Records the time of a request for erasure; `None` withdraws the request.
///
/// # Errors
/// Fails if the database fails.
pub async fn ask_erasure(tx: &mut Tx, id: &AuthorId, at: Option<UnixMillis>) -> Result<(), StoreError> {
    tx.execute(ASK_ERASURE, args![id, at]).await?;
    Ok(())
}

const NUMBER_CHANGED: Sql = Sql::both("UPDATE authors SET number_changed_at_ms = $2 WHERE id = $1");

const NUMBER_CHANGED_AT: Sql = Sql::both("SELECT number_changed_at_ms FROM authors WHERE id = $1");

/// Records that the author's number was exchanged for another.
///
/// # Errors
/// Fails if the database fails.
pub async fn number_changed(tx: &mut Tx, id: &AuthorId, now: UnixMillis) -> Result<(), StoreError> {
    tx.execute(NUMBER_CHANGED, args![id, now]).await?;
    Ok(())
}

/// Returns the time at which the author's number was last exchanged for another.
///
/// # Errors
/// Fails if the database fails.
pub async fn number_changed_at(tx: &mut Tx, id: &AuthorId) -> Result<Option<UnixMillis>, StoreError> {
    let row = tx.maybe_one(NUMBER_CHANGED_AT, args![id]).await?;
    Ok(row.map(|row| row.maybe_time("number_changed_at_ms")).transpose()?.flatten())
}

const SET_LANGUAGE: Sql =
    Sql::both("UPDATE authors SET language = $2, language_chosen = $3, language_settled = 1 WHERE id = $1");

/// Settles the language of our texts to an author, and records if they chose it.
///
/// # Errors
/// Fails if the database fails.
pub async fn set_language(
    tx: &mut Tx,
    author: &AuthorId,
    language: Language,
    chosen: bool,
) -> Result<(), StoreError> {
    tx.execute(SET_LANGUAGE, args![author, language, chosen]).await?;
    Ok(())
}

const GUESS_LANGUAGE: Sql =
    Sql::both("UPDATE authors SET language = $2 WHERE id = $1 AND language_settled = 0");

/// Sets the language of our texts to an author unless it is settled.
///
/// # Errors
/// Fails if the database fails.
pub async fn guess_language(tx: &mut Tx, author: &AuthorId, language: Language) -> Result<(), StoreError> {
    tx.execute(GUESS_LANGUAGE, args![author, language]).await?;
    Ok(())
}

const GREET: Sql = Sql::both("UPDATE authors SET greeted_at_ms = $2 WHERE id = $1 AND greeted_at_ms IS NULL");

/// Claims the first reply of an author. Returns true once per author.
///
/// # Errors
/// Fails if the database fails.
pub async fn greet(tx: &mut Tx, author: &AuthorId, now: UnixMillis) -> Result<bool, StoreError> {
    Ok(tx.execute(GREET, args![author, now]).await? == 1)
}
