//! Challenges (codes, login links and phrases), and the codes sent and tried.

use postly_domain::{
    PhoneE164, Purpose, UnixMillis,
    challenge::{COOLDOWN_MS, MAX_TRIES, Spent},
    id::{AuthorId, ChallengeId, IdentityId},
    time::DAY_MS,
};

use crate::{
    StoreError, Tx,
    sql::{Row, Sql, args},
};

/// The place at which a challenge can be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The browser that asked for a message with a code.
    Browser,
    /// The browser that shows a phrase.
    Phrase,
    /// The conversation in which the author sent LOGIN.
    Whatsapp,
}

impl Origin {
    fn as_str(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Phrase => "phrase",
            Self::Whatsapp => "whatsapp",
        }
    }
}

/// A challenge to be opened.
pub struct NewChallenge<'a> {
    /// Its id.
    pub id: &'a ChallengeId,
    /// The purpose.
    pub purpose: Purpose,
    /// The place at which it can be answered.
    pub origin: Origin,
    /// Hash of the browser's secret.
    pub browser_hash: Option<&'a str>,
    /// The number.
    pub phone: Option<&'a PhoneE164>,
    /// The identity that wrote on WhatsApp.
    pub identity: Option<&'a IdentityId>,
    /// The author of the session, or of the message.
    pub author: Option<&'a AuthorId>,
    /// Keyed hash of the code.
    pub code_hash: Option<&'a str>,
    /// Hash of a link's token or of a phrase.
    pub secret_hash: Option<&'a str>,
    /// The browser's label, for the message that names it.
    pub browser_label: &'a str,
    /// The end of validity.
    pub expires_at: UnixMillis,
}

const OPEN: Sql = Sql::both(
    "INSERT INTO challenges (id, purpose, origin, browser_hash, phone, identity_id, author_id, code_hash, secret_hash, \
     browser_label, created_at_ms, expires_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
);
const REPLACE_OF_BROWSER: Sql = Sql::both(
    "UPDATE challenges SET closed_at_ms = $2 WHERE browser_hash = $1 AND origin = $3 AND closed_at_ms IS NULL",
);
const REPLACE_OF_IDENTITY: Sql = Sql::both(
    "UPDATE challenges SET closed_at_ms = $2 WHERE identity_id = $1 AND origin = $3 AND closed_at_ms IS NULL",
);

/// Opens a challenge. It replaces an open one of the same browser or WhatsApp identity.
///
/// # Errors
/// Fails if the database fails.
pub async fn open(tx: &mut Tx, new: &NewChallenge<'_>, now: UnixMillis) -> Result<(), StoreError> {
    let origin = new.origin.as_str();
    match (new.browser_hash, new.identity) {
        (Some(browser), _) => tx.execute(REPLACE_OF_BROWSER, args![browser, now, origin]).await?,
        (None, Some(identity)) => tx.execute(REPLACE_OF_IDENTITY, args![identity, now, origin]).await?,
        (None, None) => 0,
    };
    let args = args![
        new.id,
        new.purpose.as_str(),
        origin,
        new.browser_hash,
        new.phone,
        new.identity,
        new.author,
        new.code_hash,
        new.secret_hash,
        new.browser_label,
        now,
        new.expires_at,
    ];
    tx.execute(OPEN, args).await?;
    Ok(())
}

/// The parts of a stored challenge that its use needs.
#[derive(Clone)]
pub struct Challenge {
    /// Its id.
    pub id: ChallengeId,
    /// The purpose.
    pub purpose: Purpose,
    /// The number.
    pub phone: Option<PhoneE164>,
    /// The identity that wrote on WhatsApp.
    pub identity: Option<IdentityId>,
    /// The author of the session, or of the message.
    pub author: Option<AuthorId>,
    /// Keyed hash of the code.
    pub code_hash: Option<String>,
    /// The browser's label; empty if it does not matter.
    pub browser_label: String,
}

macro_rules! columns {
    () => {
        "id, purpose, phone, identity_id, author_id, code_hash, browser_label"
    };
}

fn challenge(row: &Row) -> Result<Challenge, StoreError> {
    let phone = row.maybe_text("phone")?;
    Ok(Challenge {
        id: ChallengeId::new(row.text("id")?),
        purpose: Purpose::parse(&row.text("purpose")?).ok_or(StoreError::Unreadable { column: "purpose" })?,
        phone: match phone {
            Some(text) => {
                Some(PhoneE164::from_provider(&text).ok_or(StoreError::Unreadable { column: "phone" })?)
            }
            None => None,
        },
        identity: row.maybe_text("identity_id")?.map(IdentityId::new),
        author: row.maybe_text("author_id")?.map(AuthorId::new),
        code_hash: row.maybe_text("code_hash")?,
        browser_label: row.text("browser_label")?,
    })
}

/// Selects the challenge that a typed code is compared with.
#[derive(Debug, Clone, Copy)]
pub enum Typed<'a> {
    /// The browser's challenge for this number.
    InBrowser {
        /// Hash of the browser's secret.
        browser_hash: &'a str,
        /// The number that was typed.
        phone: &'a PhoneE164,
        /// The author of the session, for a link.
        author: Option<&'a AuthorId>,
    },
    /// The browser's challenge after its phrase was sent; no number is typed.
    ForPhrase {
        /// Hash of the browser's secret.
        browser_hash: &'a str,
        /// The author of the session, for a link.
        author: Option<&'a AuthorId>,
    },
    /// The challenge that LOGIN on WhatsApp opened for this number.
    FromWhatsapp {
        /// The number that was typed.
        phone: &'a PhoneE164,
    },
}

macro_rules! try_sql {
    ($condition:literal) => {
        concat!(
            "UPDATE challenges SET tries = tries + 1 WHERE id = (SELECT id FROM challenges WHERE ",
            $condition,
            " AND code_hash IS NOT NULL AND closed_at_ms IS NULL AND expires_at_ms > $1 \
             ORDER BY created_at_ms DESC, id DESC LIMIT 1) AND tries < $2 AND closed_at_ms IS NULL RETURNING ",
            columns!()
        )
    };
}
const TRY_LOGIN: Sql =
    Sql::both(try_sql!("browser_hash = $3 AND phone = $4 AND origin = 'browser' AND purpose = 'login'"));
const TRY_LINK: Sql = Sql::both(try_sql!(
    "browser_hash = $3 AND phone = $4 AND origin = 'browser' AND purpose = 'link' AND author_id = $5"
));
const TRY_PHRASE_LOGIN: Sql =
    Sql::both(try_sql!("browser_hash = $3 AND origin = 'phrase' AND purpose = 'login'"));
const TRY_PHRASE_LINK: Sql =
    Sql::both(try_sql!("browser_hash = $3 AND origin = 'phrase' AND purpose = 'link' AND author_id = $4"));
const TRY_WHATSAPP: Sql = Sql::both(try_sql!("phone = $3 AND origin = 'whatsapp' AND purpose = 'login'"));

/// Counts a try on a challenge. Commit the transaction before the code is compared. `None` if no challenge
/// may be tried.
///
/// # Errors
/// Fails if the database fails.
pub async fn count_try(
    tx: &mut Tx,
    typed: Typed<'_>,
    now: UnixMillis,
) -> Result<Option<Challenge>, StoreError> {
    let row = match typed {
        Typed::InBrowser { browser_hash, phone, author: None } => {
            tx.maybe_one(TRY_LOGIN, args![now, MAX_TRIES, browser_hash, phone]).await?
        }
        Typed::InBrowser { browser_hash, phone, author: Some(author) } => {
            tx.maybe_one(TRY_LINK, args![now, MAX_TRIES, browser_hash, phone, author]).await?
        }
        Typed::ForPhrase { browser_hash, author: None } => {
            tx.maybe_one(TRY_PHRASE_LOGIN, args![now, MAX_TRIES, browser_hash]).await?
        }
        Typed::ForPhrase { browser_hash, author: Some(author) } => {
            tx.maybe_one(TRY_PHRASE_LINK, args![now, MAX_TRIES, browser_hash, author]).await?
        }
        Typed::FromWhatsapp { phone } => tx.maybe_one(TRY_WHATSAPP, args![now, MAX_TRIES, phone]).await?,
    };
    row.as_ref().map(challenge).transpose()
}

const CONSUME: Sql = Sql::both(
    "UPDATE challenges SET closed_at_ms = $2 WHERE id = $1 AND closed_at_ms IS NULL AND expires_at_ms > $2",
);

/// Closes an open challenge. Returns true for one caller, even if several have the right code.
///
/// # Errors
/// Fails if the database fails.
pub async fn consume(tx: &mut Tx, id: &ChallengeId, now: UnixMillis) -> Result<bool, StoreError> {
    Ok(tx.execute(CONSUME, args![id, now]).await? == 1)
}

const BY_LINK: Sql = Sql::both(concat!(
    "SELECT ",
    columns!(),
    " FROM challenges WHERE secret_hash = $1 AND origin = 'whatsapp' AND closed_at_ms IS NULL AND expires_at_ms > $2"
));

/// Returns the challenge of a login link while it is valid. Wrong tries of its code do not affect the link.
///
/// # Errors
/// Fails if the database fails.
pub async fn by_link(
    tx: &mut Tx,
    secret_hash: &str,
    now: UnixMillis,
) -> Result<Option<Challenge>, StoreError> {
    tx.maybe_one(BY_LINK, args![secret_hash, now]).await?.as_ref().map(challenge).transpose()
}

const CLAIM_PHRASE: Sql = Sql::both(concat!(
    "UPDATE challenges SET identity_id = $2, phone = $3 WHERE secret_hash = $1 AND origin = 'phrase' \
     AND identity_id IS NULL AND closed_at_ms IS NULL AND expires_at_ms > $4 RETURNING ",
    columns!()
));

/// Records the sender of a phrase. Works once: `None` if the phrase was sent before or is not open.
///
/// # Errors
/// Fails if the database fails.
pub async fn claim_phrase(
    tx: &mut Tx,
    secret_hash: &str,
    identity: &IdentityId,
    phone: Option<&PhoneE164>,
    now: UnixMillis,
) -> Result<Option<Challenge>, StoreError> {
    let row = tx.maybe_one(CLAIM_PHRASE, args![secret_hash, identity, phone, now]).await?;
    row.as_ref().map(challenge).transpose()
}

const SET_CODE: Sql = Sql::both("UPDATE challenges SET code_hash = $2 WHERE id = $1");

/// Sets the code of a challenge.
///
/// # Errors
/// Fails if the database fails.
pub async fn set_code(tx: &mut Tx, id: &ChallengeId, code_hash: &str) -> Result<(), StoreError> {
    tx.execute(SET_CODE, args![id, code_hash]).await?;
    Ok(())
}

const DENY_PHRASE: Sql = Sql::both(
    "UPDATE challenges SET closed_at_ms = $3 WHERE id = $1 AND identity_id = $2 AND closed_at_ms IS NULL",
);
const DENY_PHONE: Sql = Sql::both(
    "UPDATE challenges SET closed_at_ms = $2 WHERE phone = $1 AND origin IN ('browser', 'phrase') \
     AND closed_at_ms IS NULL",
);

/// Closes the challenge of a phrase that this identity sent, because the author denies that the browser is
/// theirs.
///
/// # Errors
/// Fails if the database fails.
pub async fn deny(
    tx: &mut Tx,
    id: &ChallengeId,
    identity: &IdentityId,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    Ok(tx.execute(DENY_PHRASE, args![id, identity, now]).await? == 1)
}

const DENY_IDENTITY: Sql = Sql::both(
    "UPDATE challenges SET closed_at_ms = $2 WHERE identity_id = $1 AND origin = 'phrase' AND closed_at_ms IS NULL",
);

/// Closes every challenge of a phrase that this identity sent. Returns the number that were still open.
///
/// # Errors
/// Fails if the database fails.
pub async fn deny_of_identity(
    tx: &mut Tx,
    identity: &IdentityId,
    now: UnixMillis,
) -> Result<u64, StoreError> {
    tx.execute(DENY_IDENTITY, args![identity, now]).await
}

/// Closes every challenge that browsers opened for a number, because its owner denies the request or the
/// number changed hands. Returns the number that were still open.
///
/// # Errors
/// Fails if the database fails.
pub async fn deny_all(tx: &mut Tx, phone: &PhoneE164, now: UnixMillis) -> Result<u64, StoreError> {
    tx.execute(DENY_PHONE, args![phone, now]).await
}

const END_ALL: Sql = Sql::both(
    "UPDATE challenges SET closed_at_ms = $2 WHERE closed_at_ms IS NULL AND (author_id = $1 \
     OR identity_id IN (SELECT id FROM identities WHERE author_id = $1) \
     OR phone IN (SELECT phone FROM identities WHERE author_id = $1 AND phone IS NOT NULL))",
);

/// Closes every challenge of an author and of the author's numbers: codes, login links and phrases.
///
/// # Errors
/// Fails if the database fails.
pub async fn end_all(tx: &mut Tx, author: &AuthorId, now: UnixMillis) -> Result<(), StoreError> {
    tx.execute(END_ALL, args![author, now]).await?;
    Ok(())
}

/// The budget that a sent code counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pool {
    /// Requested on the web without a session.
    Login,
    /// Requested on the web with a session.
    Link,
    /// Requested by LOGIN on WhatsApp.
    Whatsapp,
}

impl Pool {
    fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Link => "link",
            Self::Whatsapp => "whatsapp",
        }
    }
}

const NOTE_SEND: Sql = Sql::both(
    "INSERT INTO code_sends (challenge_id, pool, subject_hash, country, sent_at_ms) VALUES ($1, $2, $3, $4, $5)",
);

/// Records that a code is sent.
///
/// # Errors
/// Fails if the database fails.
pub async fn note_send(
    tx: &mut Tx,
    id: &ChallengeId,
    pool: Pool,
    subject_hash: &str,
    country: &str,
    now: UnixMillis,
) -> Result<(), StoreError> {
    tx.execute(NOTE_SEND, args![id, pool.as_str(), subject_hash, country, now]).await?;
    Ok(())
}

const SPENT: Sql = Sql::both(
    "SELECT (SELECT COUNT(*) FROM code_sends WHERE subject_hash = $1 AND pool <> 'whatsapp' \
     AND sent_at_ms > $4) AS just_now, \
     (SELECT COUNT(*) FROM code_sends WHERE subject_hash = $1 AND pool <> 'whatsapp' AND sent_at_ms > $5) AS today, \
     (SELECT COUNT(*) FROM code_sends WHERE pool = $2 AND country = $3 AND proved_at_ms IS NULL \
     AND sent_at_ms > $6) AS country_hour, \
     (SELECT COUNT(*) FROM code_sends WHERE pool = $2 AND proved_at_ms IS NULL AND sent_at_ms > $6) AS hour",
);
const HOUR_MS: i64 = 3_600_000;

/// Returns the recent sends that count against one more code by the web. The caller holds the lock that every
/// sender of a code takes.
///
/// # Errors
/// Fails if the database fails.
pub async fn spent(
    tx: &mut Tx,
    pool: Pool,
    subject_hash: &str,
    country: &str,
    now: UnixMillis,
) -> Result<Spent, StoreError> {
    let args = args![
        subject_hash,
        pool.as_str(),
        country,
        now.plus_ms(-COOLDOWN_MS),
        now.plus_ms(-DAY_MS),
        now.plus_ms(-HOUR_MS),
    ];
    let row = tx.one(SPENT, args).await?;
    Ok(Spent {
        just_now: row.int("just_now")?,
        today: row.int("today")?,
        country_hour: row.int("country_hour")?,
        hour: row.int("hour")?,
    })
}

const LOGINS: Sql = Sql::both(
    "SELECT sent_at_ms FROM code_sends WHERE subject_hash = $1 AND pool = 'whatsapp' AND sent_at_ms > $2 \
     ORDER BY sent_at_ms DESC",
);

/// Returns the times at which LOGIN on WhatsApp sent this subject a code in the last hour, newest first.
///
/// # Errors
/// Fails if the database fails.
pub async fn logins(tx: &mut Tx, subject_hash: &str, now: UnixMillis) -> Result<Vec<UnixMillis>, StoreError> {
    let rows = tx.all(LOGINS, args![subject_hash, now.plus_ms(-HOUR_MS)]).await?;
    rows.iter().map(|row| row.time("sent_at_ms")).collect()
}

const PROVE: Sql =
    Sql::both("UPDATE code_sends SET proved_at_ms = $2 WHERE challenge_id = $1 AND proved_at_ms IS NULL");

/// Records that a code was received: it no longer counts against the budgets of unproved codes.
///
/// # Errors
/// Fails if the database fails.
pub async fn prove(tx: &mut Tx, id: &ChallengeId, now: UnixMillis) -> Result<(), StoreError> {
    tx.execute(PROVE, args![id, now]).await?;
    Ok(())
}

// A count of 0 is written like a count of 1: the time taken must not reveal if a code was compared.
const COUNT_WRONG: Sql = Sql::both(
    "INSERT INTO wrong_tries (subject_hash, day, tries) VALUES ($1, $2, $3) ON CONFLICT (subject_hash, day) \
     DO UPDATE SET tries = wrong_tries.tries + excluded.tries RETURNING tries",
);

/// Adds `tries` to today's wrong tries on a number, and returns their number. 0 adds nothing; -1 takes one
/// back.
///
/// # Errors
/// Fails if the database fails.
pub async fn count_wrong(
    tx: &mut Tx,
    subject_hash: &str,
    tries: i64,
    now: UnixMillis,
) -> Result<i64, StoreError> {
    tx.one(COUNT_WRONG, args![subject_hash, now.day(), tries]).await?.int("tries")
}
