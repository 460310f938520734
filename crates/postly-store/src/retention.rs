//! Retention: the deletion of expired data, by class. docs/PRIVACY.md describes the same.

use postly_domain::UnixMillis;

use crate::{
    StoreError, Tx,
    sql::{Sql, args},
};

/// A class of data with its own retention time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Codes, phrases and login links that have ended.
    Challenges,
    /// The counts of codes and requests.
    Counts,
    /// Sessions that have ended.
    Sessions,
    /// Codes sent to numbers of unknown owners, and the receipts of erasures.
    Strangers,
    /// The raw content of providers' events.
    RawEvents,
    /// The outcomes of voice notes and photos, with the transcripts.
    Media,
    /// Messages, posts, model calls, and their events.
    Messages,
    /// The marks of erased authors: older messages are not answered anyway.
    Erasures,
    /// Events of payments, and facts of payments that turned out not to be ours.
    Payments,
    /// Expired purchase links.
    RechargeLinks,
    /// Expired password resets.
    PasswordResets,
    /// The log of the operators' actions.
    AuditLog,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 12] = [
        Self::Challenges,
        Self::Counts,
        Self::Sessions,
        Self::Strangers,
        Self::RawEvents,
        Self::Media,
        Self::Messages,
        Self::Erasures,
        Self::Payments,
        Self::RechargeLinks,
        Self::PasswordResets,
        Self::AuditLog,
    ];

    /// The name in the database, in logs and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Challenges => "challenges",
            Self::Counts => "counts",
            Self::Sessions => "sessions",
            Self::Strangers => "strangers",
            Self::RawEvents => "raw_events",
            Self::Media => "media",
            Self::Messages => "messages",
            Self::Erasures => "erasures",
            Self::Payments => "payments",
            Self::RechargeLinks => "recharge_links",
            Self::PasswordResets => "password_resets",
            Self::AuditLog => "audit_log",
        }
    }

    fn by_time(self) -> &'static [Sql] {
        match self {
            Self::Challenges => &CHALLENGES,
            Self::Counts => &COUNTS,
            Self::Sessions => &SESSIONS,
            Self::Strangers => &STRANGERS,
            Self::RawEvents | Self::Messages | Self::AuditLog => &[],
            Self::Media => &MEDIA,
            Self::Erasures => &ERASURES,
            Self::Payments => &PAYMENTS,
            Self::RechargeLinks => &RECHARGE_LINKS,
            Self::PasswordResets => &PASSWORD_RESETS,
        }
    }
}

// By time: `$1` is the instant before which rows are expired, `$2` the number of rows per statement.
const CHALLENGES: [Sql; 1] = [Sql::both(
    "DELETE FROM challenges WHERE id IN (SELECT id FROM challenges WHERE (expires_at_ms < $1 OR closed_at_ms < $1) \
     LIMIT $2)",
)];
const COUNTS: [Sql; 4] = [
    Sql::both(
        "DELETE FROM web_requests WHERE hold_key IN (SELECT hold_key FROM web_requests WHERE created_at_ms < $1 LIMIT $2)",
    ),
    Sql::both(
        "DELETE FROM code_sends WHERE challenge_id IN \
         (SELECT challenge_id FROM code_sends WHERE sent_at_ms < $1 LIMIT $2)",
    ),
    Sql::both(
        "DELETE FROM rate_limits WHERE limit_key IN (SELECT limit_key FROM rate_limits WHERE h0 < $1 LIMIT $2)",
    ),
    Sql::both(
        "DELETE FROM wrong_tries WHERE day < $1 / 86400000 AND subject_hash IN \
         (SELECT subject_hash FROM wrong_tries WHERE day < $1 / 86400000 LIMIT $2)",
    ),
];
macro_rules! strange_payments {
    ($table:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE id IN (SELECT id FROM ",
            $table,
            " AS told WHERE told.noted_at_ms < $1 AND NOT EXISTS (SELECT 1 FROM checkout_sessions \
             WHERE checkout_sessions.payment_id = told.payment_id) LIMIT $2)"
        )
    };
    ($table:literal, by charge) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE id IN (SELECT id FROM ",
            $table,
            " AS told WHERE told.noted_at_ms < $1 AND NOT EXISTS (SELECT 1 FROM checkout_sessions \
             WHERE checkout_sessions.payment_id = told.payment_id) AND NOT EXISTS (SELECT 1 FROM payment_charges \
             JOIN checkout_sessions ON checkout_sessions.payment_id = payment_charges.payment_id \
             WHERE payment_charges.id = told.charge_id) LIMIT $2)"
        )
    };
}
const PAYMENTS: [Sql; 4] = [
    Sql::both(
        "DELETE FROM payment_events WHERE id IN (SELECT id FROM payment_events WHERE received_at_ms < $1 LIMIT $2)",
    ),
    Sql::both(strange_payments!("payment_refunds", by charge)),
    Sql::both(strange_payments!("payment_disputes", by charge)),
    Sql::both(strange_payments!("payment_charges")),
];
const MEDIA: [Sql; 1] = [Sql::both(
    "DELETE FROM media WHERE event_id IN (SELECT event_id FROM media WHERE created_at_ms < $1 LIMIT $2)",
)];
const RECHARGE_LINKS: [Sql; 1] = [Sql::both(
    "DELETE FROM recharge_links WHERE token_hash IN \
     (SELECT token_hash FROM recharge_links WHERE expires_at_ms < $1 LIMIT $2)",
)];
const PASSWORD_RESETS: [Sql; 1] = [Sql::both(
    "DELETE FROM password_resets WHERE token_hash IN \
     (SELECT token_hash FROM password_resets WHERE expires_at_ms < $1 LIMIT $2)",
)];
const SESSIONS: [Sql; 2] = [
    Sql::both("DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at_ms < $1 LIMIT $2)"),
    Sql::both(
        "DELETE FROM admin_sessions WHERE token_hash IN \
         (SELECT token_hash FROM admin_sessions WHERE expires_at_ms < $1 LIMIT $2)",
    ),
];

macro_rules! strangers {
    ($before:literal) => {
        concat!(
            $before,
            "(SELECT outbox.id FROM outbox LEFT JOIN authors ON authors.id = outbox.author_id \
             WHERE outbox.purpose IN ('code', 'erased') AND outbox.finished_at_ms < $1 \
             AND (authors.id IS NULL OR authors.erased_at_ms IS NOT NULL) ORDER BY outbox.finished_at_ms, outbox.id \
             LIMIT $2)"
        )
    };
}
const STRANGERS: [Sql; 2] = [
    Sql::both(strangers!("DELETE FROM attempts WHERE message_id IN ")),
    Sql::both(strangers!("DELETE FROM outbox WHERE id IN ")),
];
const ERASURES: [Sql; 1] = [Sql::both(
    "DELETE FROM erasures WHERE subject_hash IN (SELECT subject_hash FROM erasures WHERE until_ms < $1 LIMIT $2)",
)];

// By id, for tables in which a search by time would read every row: ids follow the time of their creation.
// `$1` is the first id that is not expired, `$2` the number of rows per statement.
//
// Referencing rows are deleted before the rows they refer to. Work that has not ended stays, regardless of
// its age.
macro_rules! old_messages {
    ($before:literal) => {
        concat!(
            $before,
            "(SELECT id FROM outbox WHERE id < $1 AND finished_at_ms IS NOT NULL ORDER BY id LIMIT $2)"
        )
    };
}
const MESSAGES: [Sql; 7] = [
    Sql::both(
        "DELETE FROM handoffs WHERE id IN (SELECT id FROM handoffs WHERE id < $1 ORDER BY id LIMIT $2)",
    ),
    Sql::both(
        "DELETE FROM model_calls WHERE id IN (SELECT id FROM model_calls WHERE id < $1 ORDER BY id LIMIT $2)",
    ),
    Sql::both(old_messages!("DELETE FROM attempts WHERE message_id IN ")),
    Sql::both(old_messages!("DELETE FROM outbox WHERE id IN ")),
    Sql::both(
        "DELETE FROM generations WHERE id IN (SELECT id FROM generations WHERE id < $1 AND NOT EXISTS \
         (SELECT 1 FROM outbox WHERE outbox.generation_id = generations.id) ORDER BY id LIMIT $2)",
    ),
    Sql::both(
        "DELETE FROM holds WHERE id IN (SELECT id FROM holds WHERE id < $1 AND state <> 'open' AND NOT EXISTS \
         (SELECT 1 FROM generations WHERE generations.hold_id = holds.id) ORDER BY id LIMIT $2)",
    ),
    Sql::both(
        "DELETE FROM inbox WHERE id IN (SELECT id FROM inbox WHERE id < $1 AND state <> 'ready' AND NOT EXISTS \
         (SELECT 1 FROM generations WHERE generations.event_id = inbox.id) ORDER BY id LIMIT $2)",
    ),
];

const AUDIT_LOG: Sql = Sql::both(
    "DELETE FROM audit_log WHERE id IN (SELECT id FROM audit_log WHERE id < $1 ORDER BY id LIMIT $2)",
);

// The row stays: its key still recognises the event if it is delivered again. `$3` is the id of the last row
// done.
const RAW_EVENTS: Sql = Sql::both(
    "UPDATE inbox SET slice = '', lane = '' WHERE id IN (SELECT id FROM inbox WHERE id > $3 AND id < $1 \
     ORDER BY id LIMIT $2) AND state <> 'ready' RETURNING id",
);
const PROGRESS: Sql = Sql::both("SELECT progress FROM jobs WHERE name = $1");
const NOTE_PROGRESS: Sql = Sql::both(
    "INSERT INTO jobs (name, due_at_ms, progress) VALUES ($1, 0, $2) \
     ON CONFLICT (name) DO UPDATE SET progress = excluded.progress",
);

/// Deletes rows older than an instant, at most `most` of each kind. Returns the number deleted; 0 means that
/// none is left.
///
/// # Errors
/// Fails if the database fails.
pub async fn sweep(tx: &mut Tx, class: Class, before: UnixMillis, most: i64) -> Result<u64, StoreError> {
    let mut gone = 0;
    for sql in class.by_time() {
        gone += tx.execute(*sql, args![before, most]).await?;
    }
    let first_id = first_id(before);
    if class == Class::Messages {
        for sql in MESSAGES {
            gone += tx.execute(sql, args![&first_id, most]).await?;
        }
    }
    if class == Class::AuditLog {
        gone += tx.execute(AUDIT_LOG, args![&first_id, most]).await?;
    }
    if class == Class::RawEvents {
        let progress = match tx.maybe_one(PROGRESS, args![class.as_str()]).await? {
            Some(row) => row.text("progress")?,
            None => String::new(),
        };
        let mut ids = vec![];
        for row in tx.all(RAW_EVENTS, args![&first_id, most, &progress]).await? {
            ids.push(row.text("id")?);
        }
        gone += u64::try_from(ids.len()).unwrap_or(u64::MAX);
        if let Some(last) = ids.into_iter().max() {
            tx.execute(NOTE_PROGRESS, args![class.as_str(), &last]).await?;
        }
    }
    Ok(gone)
}

/// Returns the lowest UUID of version 7 for an instant (RFC 9562, 5.7: 48 bits of milliseconds come first).
pub(crate) fn first_id(at: UnixMillis) -> String {
    let millis = at.0.clamp(0, (1 << 48) - 1);
    let (high, low) = (millis >> 16, millis & 0xffff);
    format!("{high:08x}-{low:04x}-7000-8000-000000000000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_later_are_greater_than_the_first_of_an_instant() {
        // RFC 9562, appendix A.6: the timestamp of this UUID is 0x017F22E279B0.
        let example = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
        assert!(first_id(UnixMillis(0x017F_22E2_79B0)).as_str() < example);
        assert!(first_id(UnixMillis(0x017F_22E2_79B1)).as_str() > example);
    }
}
