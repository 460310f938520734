//! The operator's pauses.

use postly_domain::{Provider, UnixMillis, rest::PauseTarget};

use crate::{
    StoreError, Tx,
    sql::{Sql, args},
};

/// The pauses of the operator, each with its beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OperatorPauses {
    /// Generation: no posts are written.
    pub generation: Option<UnixMillis>,
    /// Meta: no message is sent through it.
    pub meta: Option<UnixMillis>,
    /// Twilio: no message is sent through it.
    pub twilio: Option<UnixMillis>,
}

impl OperatorPauses {
    /// Returns the beginning of the pause of a provider.
    pub fn provider(&self, provider: Provider) -> Option<UnixMillis> {
        match provider {
            Provider::Meta => self.meta,
            Provider::Twilio => self.twilio,
        }
    }

    /// Returns the beginning of the pause of a target.
    pub fn of(&self, target: PauseTarget) -> Option<UnixMillis> {
        match target {
            PauseTarget::Generation => self.generation,
            PauseTarget::Meta => self.meta,
            PauseTarget::Twilio => self.twilio,
        }
    }
}

const ALL: Sql = Sql::both("SELECT target, since_ms FROM operator_pauses");

/// Returns every pause of the operator. A target unknown to this version stops nothing.
///
/// # Errors
/// Fails if the database fails.
pub async fn all(tx: &mut Tx) -> Result<OperatorPauses, StoreError> {
    let mut pauses = OperatorPauses::default();
    for row in tx.all(ALL, args![]).await? {
        let since = Some(row.time("since_ms")?);
        match PauseTarget::parse(&row.text("target")?) {
            Some(PauseTarget::Generation) => pauses.generation = since,
            Some(PauseTarget::Meta) => pauses.meta = since,
            Some(PauseTarget::Twilio) => pauses.twilio = since,
            None => {}
        }
    }
    Ok(pauses)
}

const PAUSE: Sql = Sql::both(
    "INSERT INTO operator_pauses (target, since_ms) VALUES ($1, $2) ON CONFLICT (target) DO NOTHING",
);

/// Begins a pause. Returns false if the target is paused already: that pause continues.
///
/// # Errors
/// Fails if the database fails.
pub async fn pause(tx: &mut Tx, target: PauseTarget, now: UnixMillis) -> Result<bool, StoreError> {
    Ok(tx.execute(PAUSE, args![target.as_str(), now]).await? == 1)
}

const RESUME: Sql = Sql::both("DELETE FROM operator_pauses WHERE target = $1");

/// Ends a pause. Returns false if there was none.
///
/// # Errors
/// Fails if the database fails.
pub async fn resume(tx: &mut Tx, target: PauseTarget) -> Result<bool, StoreError> {
    Ok(tx.execute(RESUME, args![target.as_str()]).await? == 1)
}

// A message that must still wait for another reason is deferred again when its lane is claimed.
const DUE: Sql = Sql::both(
    "UPDATE lanes SET ready_at_ms = $2 WHERE queue = 'outbox' AND lease_token IS NULL AND ready_at_ms > $2 \
     AND lane IN (SELECT lane FROM outbox WHERE provider = $1 AND finished_at_ms IS NULL)",
);

/// Makes the waiting messages of a provider due now.
///
/// # Errors
/// Fails if the database fails.
pub async fn make_due(tx: &mut Tx, provider: Provider, now: UnixMillis) -> Result<u64, StoreError> {
    tx.execute(DUE, args![provider, now]).await
}
