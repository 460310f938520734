//! Identities: how providers name authors.

use postly_domain::{
    PhoneDoubt, PhoneE164, Provider, UnixMillis,
    id::{AuthorId, IdentityId},
};

use crate::{
    StoreError, Tx,
    sql::{Row, Sql, args},
};

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

const BY_BSUID: Sql = Sql::both(identity_sql!("WHERE provider = $1 AND bsuid = $2"));

/// Returns the identity with this business-scoped user id of this provider.
///
/// # Errors
/// Fails if the database fails.
pub async fn by_bsuid(tx: &mut Tx, provider: Provider, bsuid: &str) -> Result<Option<Identity>, StoreError> {
    tx.maybe_one(BY_BSUID, args![provider, bsuid]).await?.as_ref().map(identity).transpose()
}

const BY_PHONE: Sql = Sql::both(identity_sql!("WHERE phone = $1 ORDER BY created_at_ms, id"));

/// Returns the identities with this number: at most one per provider.
///
/// # Errors
/// Fails if the database fails.
pub async fn by_phone(tx: &mut Tx, phone: &PhoneE164) -> Result<Vec<Identity>, StoreError> {
    tx.all(BY_PHONE, args![phone]).await?.iter().map(identity).collect()
}

const OF_AUTHOR: Sql = Sql::both(identity_sql!("WHERE author_id = $1 ORDER BY created_at_ms, id"));

/// Returns all identities of an author.
///
/// # Errors
/// Fails if the database fails.
pub async fn of_author(tx: &mut Tx, author: &AuthorId) -> Result<Vec<Identity>, StoreError> {
    tx.all(OF_AUTHOR, args![author]).await?.iter().map(identity).collect()
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
pub async fn prove(tx: &mut Tx, id: &IdentityId, now: UnixMillis) -> Result<(), StoreError> {
    tx.execute(PROVE_ONE, args![id, now]).await?;
    Ok(())
}

const IDENTITY: Sql = Sql::both(identity_sql!("WHERE id = $1"));

/// Returns the identity with this id.
///
/// # Errors
/// Fails if the database fails.
pub async fn by_id(tx: &mut Tx, id: &IdentityId) -> Result<Option<Identity>, StoreError> {
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
pub async fn give(tx: &mut Tx, id: &IdentityId, to: &AuthorId) -> Result<(), StoreError> {
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
pub async fn add(tx: &mut Tx, identity: &Identity, now: UnixMillis) -> Result<(), StoreError> {
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
pub async fn rename(tx: &mut Tx, identity: &Identity) -> Result<(), StoreError> {
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
