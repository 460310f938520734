//! Providers' notices about our account, numbers and templates: the last one of each subject.

use postly_domain::{Provider, UnixMillis, event::AccountNotice};

use crate::{
    StoreError, Tx,
    sql::{Row, Sql, args},
};

const NOTE: Sql = Sql::both(
    "INSERT INTO account_notices (provider, subject, word, effect, occurred_at_ms) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (provider, subject) DO UPDATE SET word = excluded.word, effect = excluded.effect, \
     occurred_at_ms = excluded.occurred_at_ms WHERE account_notices.occurred_at_ms <= excluded.occurred_at_ms",
);

/// Records a notice. Returns false if a later one of its subject is recorded.
///
/// # Errors
/// Fails if the database fails.
pub async fn note(tx: &mut Tx, provider: Provider, notice: &AccountNotice) -> Result<bool, StoreError> {
    let AccountNotice { subject, word, effect, occurred_at } = notice;
    let subject = subject.key();
    let args = args![provider, &subject, word.as_str(), effect.as_str(), *occurred_at];
    Ok(tx.execute(NOTE, args).await? == 1)
}

/// A notice of a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenNotice {
    /// The provider.
    pub provider: String,
    /// `template:NAME:LANGUAGE`, `quality` or `account`.
    pub subject: String,
    /// The provider's word.
    pub word: String,
    /// True if its subject cannot be used.
    pub stops: bool,
    /// The time of the notice.
    pub occurred_at: UnixMillis,
}

const OPEN: Sql = Sql::both(
    "SELECT provider, subject, word, effect, occurred_at_ms FROM account_notices WHERE effect <> 'clear' \
     ORDER BY provider, subject",
);

/// Returns the notices of problems.
///
/// # Errors
/// Fails if the database fails.
pub async fn open(tx: &mut Tx) -> Result<Vec<OpenNotice>, StoreError> {
    let notice = |row: &Row| {
        Ok(OpenNotice {
            provider: row.text("provider")?,
            subject: row.text("subject")?,
            word: row.text("word")?,
            stops: row.text("effect")? == "stops",
            occurred_at: row.time("occurred_at_ms")?,
        })
    };
    tx.all(OPEN, &[]).await?.iter().map(notice).collect()
}

const STOPS: Sql = Sql::both(
    "SELECT 1 AS one FROM account_notices WHERE provider = $1 AND effect = 'stops' \
     AND (subject IN ('quality', 'account') OR subject = $2) LIMIT 1",
);

/// True if a provider forbids us to start conversations: with our account, our number, or this template.
///
/// # Errors
/// Fails if the database fails.
pub async fn stops_starting(tx: &mut Tx, provider: Provider, template: &str) -> Result<bool, StoreError> {
    Ok(tx.maybe_one(STOPS, args![provider, template]).await?.is_some())
}
