//! Authors and their identities.

use postly_domain::{
    Language, PhoneDoubt, PhoneE164, Provider, UnixMillis,
    brand::Brand,
    event::Sender,
    id::{AuthorId, IdentityId},
};

use crate::{
    StoreError, Tx, brands,
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
    /// The text about which the author was asked for more, and the time of that question.
    pub asked_about: Option<(String, UnixMillis)>,
    /// The time at which the operator blocked the author: nothing is written for them.
    pub blocked_at: Option<UnixMillis>,
    /// Rules and facts that hold for every brief.
    pub brand: Brand,
}

/// The names by which a provider knows an author.
#[derive(Clone)]
pub struct Identity {
    /// The id.
    pub id: IdentityId,
    /// The author.
    pub author_id: AuthorId,
    /// The provider.
    pub provider: Provider,
    /// The address of replies.
    pub address: Option<String>,
    /// The number, in the form used for comparisons.
    pub phone: Option<PhoneE164>,
    /// The reason why the number no longer counts as proved, until a message comes from it.
    pub phone_doubt: Option<PhoneDoubt>,
    /// The business-scoped user id.
    pub bsuid: Option<String>,
    /// The time at which the author sent STOP.
    pub stopped_at: Option<UnixMillis>,
}

impl Identity {
    /// Returns the number unless it is in doubt: codes may go to it, and a login may prove it.
    pub fn trusted_phone(&self) -> Option<&PhoneE164> {
        self.phone.as_ref().filter(|_| self.phone_doubt.is_none())
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("id", &self.id).finish_non_exhaustive()
    }
}

macro_rules! identity_sql {
    ($rest:literal) => {
        concat!(
            "SELECT id, author_id, provider, address, phone, phone_doubt, bsuid, stopped_at_ms FROM identities ",
            $rest
        )
    };
}

fn identity(row: &Row) -> Result<Identity, StoreError> {
    let phone = row.maybe_text("phone")?;
    let doubt = row.maybe_text("phone_doubt")?;
    let read_doubt =
        |text: String| PhoneDoubt::parse(&text).ok_or(StoreError::Unreadable { column: "phone_doubt" });
    Ok(Identity {
        id: IdentityId::new(row.text("id")?),
        author_id: AuthorId::new(row.text("author_id")?),
        provider: row.provider("provider")?,
        address: row.maybe_text("address")?,
        phone: match phone {
            Some(text) => {
                Some(PhoneE164::from_provider(&text).ok_or(StoreError::Unreadable { column: "phone" })?)
            }
            None => None,
        },
        phone_doubt: doubt.map(read_doubt).transpose()?,
        bsuid: row.maybe_text("bsuid")?,
        stopped_at: row.maybe_time("stopped_at_ms")?,
    })
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
            "authors.language, authors.language_settled, authors.greeted_at_ms, authors.created_at_ms, authors.erasure_asked_at_ms, authors.asked_about, authors.asked_at_ms, authors.blocked_at_ms, authors.brand, ",
            "(SELECT opened_at_ms FROM handoffs WHERE author_id = authors.id AND closed_at_ms IS NULL) AS handed_over_at_ms, ",
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

const BY_BSUID: Sql = Sql::both(identity_sql!("WHERE provider = $1 AND bsuid = $2"));

/// Returns the identity with this business-scoped user id of this provider.
///
/// # Errors
/// Fails if the database fails.
pub async fn identity_by_bsuid(
    tx: &mut Tx,
    provider: Provider,
    bsuid: &str,
) -> Result<Option<Identity>, StoreError> {
    tx.maybe_one(BY_BSUID, args![provider, bsuid]).await?.as_ref().map(identity).transpose()
}

const BY_PHONE: Sql = Sql::both(identity_sql!("WHERE phone = $1 ORDER BY created_at_ms, id"));

/// Returns the identities with this number: at most one per provider.
///
/// # Errors
/// Fails if the database fails.
pub async fn identities_by_phone(tx: &mut Tx, phone: &PhoneE164) -> Result<Vec<Identity>, StoreError> {
    tx.all(BY_PHONE, args![phone]).await?.iter().map(identity).collect()
}

const OF_AUTHOR: Sql = Sql::both(identity_sql!("WHERE author_id = $1 ORDER BY created_at_ms, id"));

/// Returns all identities of an author.
///
/// # Errors
/// Fails if the database fails.
pub async fn identities_of(tx: &mut Tx, author: &AuthorId) -> Result<Vec<Identity>, StoreError> {
    tx.all(OF_AUTHOR, args![author]).await?.iter().map(identity).collect()
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
        asked_about: None,
        blocked_at: None,
        brand: Brand::default(),
    })
}

const GET: Sql = Sql::both(
    "SELECT email, language, language_settled, greeted_at_ms, created_at_ms, erasure_asked_at_ms, asked_about, asked_at_ms, blocked_at_ms, brand, \
     (SELECT opened_at_ms FROM handoffs WHERE author_id = authors.id AND closed_at_ms IS NULL) AS handed_over_at_ms FROM authors \
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
        asked_about: row.maybe_text("asked_about")?.zip(row.maybe_time("asked_at_ms")?),
        blocked_at: row.maybe_time("blocked_at_ms")?,
        brand: brands::of(row)?,
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

const PROVE: Sql = Sql::both(
    "UPDATE identities SET proved_at_ms = $3 WHERE author_id = $1 AND phone = $2 AND proved_at_ms IS NULL",
);
const PROVE_ONE: Sql =
    Sql::both("UPDATE identities SET proved_at_ms = $2 WHERE id = $1 AND proved_at_ms IS NULL");

/// Records that an author proved a number.
///
/// # Errors
/// Fails if the database fails.
pub async fn prove_phone(
    tx: &mut Tx,
    author: &AuthorId,
    phone: &PhoneE164,
    now: UnixMillis,
) -> Result<(), StoreError> {
    tx.execute(PROVE, args![author, phone, now]).await?;
    Ok(())
}

/// Records that an identity was proved.
///
/// # Errors
/// Fails if the database fails.
pub async fn prove_identity(tx: &mut Tx, id: &IdentityId, now: UnixMillis) -> Result<(), StoreError> {
    tx.execute(PROVE_ONE, args![id, now]).await?;
    Ok(())
}

const IDENTITY: Sql = Sql::both(identity_sql!("WHERE id = $1"));

/// Returns the identity with this id.
///
/// # Errors
/// Fails if the database fails.
pub async fn identity_by_id(tx: &mut Tx, id: &IdentityId) -> Result<Option<Identity>, StoreError> {
    tx.maybe_one(IDENTITY, args![id]).await?.as_ref().map(identity).transpose()
}

const LAST_HEARD: Sql = Sql::both(
    "SELECT MAX(occurred_at_ms) AS at_ms FROM inbox WHERE author_id IN \
     (SELECT id FROM authors WHERE id = $1 OR merged_into_id = $1) AND provider = $2 AND kind = 'message'",
);

/// Returns the time of an author's last message through a provider: the service window starts then.
///
/// # Errors
/// Fails if the database fails.
pub async fn last_heard(
    tx: &mut Tx,
    author: &AuthorId,
    provider: Provider,
) -> Result<Option<UnixMillis>, StoreError> {
    tx.one(LAST_HEARD, args![author, provider]).await?.maybe_time("at_ms")
}

const GIVE_IDENTITY: Sql =
    Sql::both("UPDATE identities SET author_id = $2, proved_at_ms = NULL WHERE id = $1");

/// Moves an identity to another author and marks it unproved.
///
/// # Errors
/// Fails if the database fails.
pub async fn give_identity(tx: &mut Tx, id: &IdentityId, to: &AuthorId) -> Result<(), StoreError> {
    tx.execute(GIVE_IDENTITY, args![id, to]).await?;
    Ok(())
}

const ADD_IDENTITY: Sql = Sql::both(
    "INSERT INTO identities (id, author_id, provider, address, phone, bsuid, stopped_at_ms, created_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
);

/// Adds an identity.
///
/// # Errors
/// Fails if the database fails, or another identity has the number or user id.
pub async fn add_identity(tx: &mut Tx, identity: &Identity, now: UnixMillis) -> Result<(), StoreError> {
    let args = args![
        &identity.id,
        &identity.author_id,
        identity.provider,
        identity.address.as_deref(),
        identity.phone.as_ref(),
        identity.bsuid.as_deref(),
        identity.stopped_at,
        now,
    ];
    tx.execute(ADD_IDENTITY, args).await?;
    Ok(())
}

const NAME_IDENTITY: Sql =
    Sql::both("UPDATE identities SET address = $2, phone = $3, bsuid = $4, phone_doubt = $5 WHERE id = $1");

/// Replaces the address, number and user id by which a provider knows an author.
///
/// # Errors
/// Fails if the database fails, or another identity has the number or user id.
pub async fn name_identity(tx: &mut Tx, identity: &Identity) -> Result<(), StoreError> {
    let args = args![
        &identity.id,
        identity.address.as_deref(),
        identity.phone.as_ref(),
        identity.bsuid.as_deref(),
        identity.phone_doubt.map(PhoneDoubt::as_str),
    ];
    tx.execute(NAME_IDENTITY, args).await?;
    Ok(())
}

const DROP_PHONE: Sql = Sql::both(
    "UPDATE identities SET phone = NULL, phone_doubt = NULL, address = bsuid WHERE author_id = $1 AND phone = $2",
);

/// Removes a number from an author, because it belongs to another person now. The author keeps credits and
/// history.
///
/// # Errors
/// Fails if the database fails.
pub async fn drop_phone(tx: &mut Tx, author: &AuthorId, phone: &PhoneE164) -> Result<(), StoreError> {
    tx.execute(DROP_PHONE, args![author, phone]).await?;
    Ok(())
}

// A doubt about the owner of a number outlasts a doubt about its device.
const DOUBT_PHONES: Sql = Sql::both(
    "UPDATE identities SET phone_doubt = CASE WHEN phone_doubt = 'id_changed' THEN phone_doubt ELSE $2 END, \
     proved_at_ms = NULL WHERE author_id = $1 AND phone IS NOT NULL",
);

/// Records that no number of an author is proved any more, for any provider.
///
/// # Errors
/// Fails if the database fails.
pub async fn doubt_phones(tx: &mut Tx, author: &AuthorId, doubt: PhoneDoubt) -> Result<(), StoreError> {
    tx.execute(DOUBT_PHONES, args![author, doubt.as_str()]).await?;
    Ok(())
}

const TRUST_PHONE: Sql = Sql::both(
    "UPDATE identities SET phone_doubt = NULL WHERE author_id = $1 AND phone = $2 AND phone_doubt IS NOT NULL",
);

/// Clears the doubt about a number, because its author wrote from it.
///
/// # Errors
/// Fails if the database fails.
pub async fn trust_phone(tx: &mut Tx, author: &AuthorId, phone: &PhoneE164) -> Result<(), StoreError> {
    tx.execute(TRUST_PHONE, args![author, phone]).await?;
    Ok(())
}

const SET_STOPPED: Sql = Sql::both("UPDATE identities SET stopped_at_ms = $2 WHERE id = $1");

/// Records STOP (`Some`) or START (`None`).
///
/// # Errors
/// Fails if the database fails.
pub async fn set_stopped(
    tx: &mut Tx,
    identity: &IdentityId,
    stopped_at: Option<UnixMillis>,
) -> Result<(), StoreError> {
    tx.execute(SET_STOPPED, args![identity, stopped_at]).await?;
    Ok(())
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
