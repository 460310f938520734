//! Wallets, holds and the ledger.
//!
//! A balance changes only together with a ledger entry; this module writes both in one transaction.

use postly_domain::{
    HoldState, LedgerReason, UnixMillis,
    id::{AuthorId, EntryId, HoldId},
};

use crate::{
    Engine, StoreError, Tx, authors,
    sql::{Row, Sql, args},
};

/// An author's credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wallet {
    /// The sum of the author's ledger entries.
    pub balance: i64,
    /// The part of the balance that is held.
    pub held: i64,
}

impl Wallet {
    /// Returns the credits that the author can still spend.
    pub fn available(self) -> i64 {
        self.balance - self.held
    }
}

/// A ledger entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: EntryId,
    /// Credits in (positive) or out.
    pub delta: i64,
    /// The reason.
    pub reason: String,
    /// The operator's note.
    pub note: Option<String>,
    /// The subject: a generation, a payment.
    pub reference: Option<String>,
    /// The time of creation.
    pub created_at: UnixMillis,
}

/// A ledger entry to be written.
pub struct NewEntry<'a> {
    /// Its id.
    pub id: &'a EntryId,
    /// The owner of the ledger.
    pub author: &'a AuthorId,
    /// Credits in (positive) or out.
    pub delta: i64,
    /// The reason.
    pub reason: LedgerReason,
    /// The operation; a second entry for the same operation is refused.
    pub operation: &'a str,
    /// The operator's note.
    pub note: Option<&'a str>,
    /// The subject: a generation, a payment.
    pub reference: Option<&'a str>,
}

const WALLET: Sql = Sql::both("SELECT balance, held FROM wallets WHERE author_id = $1");

/// Returns the wallet of an author.
///
/// # Errors
/// Fails if the database fails.
pub async fn get(tx: &mut Tx, author: &AuthorId) -> Result<Wallet, StoreError> {
    wallet(&tx.one(WALLET, args![author]).await?)
}

fn wallet(row: &Row) -> Result<Wallet, StoreError> {
    Ok(Wallet { balance: row.int("balance")?, held: row.int("held")? })
}

const LOCK: Sql = Sql::both("UPDATE wallets SET held = held WHERE author_id = $1");

/// Locks a wallet until the transaction ends.
///
/// # Errors
/// Fails if the database fails.
pub async fn lock(tx: &mut Tx, author: &AuthorId) -> Result<(), StoreError> {
    tx.execute(LOCK, args![author]).await?;
    Ok(())
}

const LOCK_WITH_DEBT: Sql =
    Sql::both("UPDATE wallets SET held = held WHERE author_id = $1 RETURNING balance, held, debt");
const CHANGE_DEBT: Sql = Sql::both("UPDATE wallets SET debt = debt + $2 WHERE author_id = $1");
const DEBT: Sql = Sql::both("SELECT debt FROM wallets WHERE author_id = $1");

/// Locks a wallet as [`lock`] does, and returns it with the author's debt.
///
/// # Errors
/// Fails if the database fails.
pub async fn lock_with_debt(tx: &mut Tx, author: &AuthorId) -> Result<(Wallet, i64), StoreError> {
    let row = tx.one(LOCK_WITH_DEBT, args![author]).await?;
    Ok((wallet(&row)?, row.int("debt")?))
}

/// Adds `delta` to the debt of an author.
///
/// # Errors
/// Fails if the database fails, or the debt would be negative.
pub async fn change_debt(tx: &mut Tx, author: &AuthorId, delta: i64) -> Result<(), StoreError> {
    tx.execute(CHANGE_DEBT, args![author, delta]).await?;
    Ok(())
}

/// Returns an author's debt: credits that were withdrawn after they were spent.
///
/// # Errors
/// Fails if the database fails.
pub async fn debt(tx: &mut Tx, author: &AuthorId) -> Result<i64, StoreError> {
    tx.one(DEBT, args![author]).await?.int("debt")
}

const RESERVE: Sql = Sql::both(
    "UPDATE wallets SET held = held + $2 WHERE author_id = $1 AND balance - held >= $2 RETURNING balance, held",
);
const PLACE: Sql = Sql::both(
    "INSERT INTO holds (id, author_id, hold_key, amount, state, created_at_ms) \
     SELECT $1, $2, $3, CAST($4 AS BIGINT), 'open', CAST($5 AS BIGINT) \
     WHERE NOT EXISTS (SELECT 1 FROM authors WHERE id = $2 AND erased_at_ms IS NOT NULL) \
     ON CONFLICT (hold_key) DO NOTHING",
);
const FIND: Sql = Sql::both("SELECT id, state FROM holds WHERE hold_key = $1");

/// The result of [`hold`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// The credit is held (by this call, or by an earlier one with the same key).
    Open(HoldId),
    /// An earlier hold with this key is closed: its work is over.
    Closed(HoldState),
    /// The available credits do not suffice.
    Insufficient,
    /// The author was erased while the call waited for the wallet.
    Erased,
}

/// Reserves credits under a key. A second call with the same key returns the first hold.
///
/// # Errors
/// Fails if the database fails.
pub async fn hold(
    tx: &mut Tx,
    id: &HoldId,
    author: &AuthorId,
    key: &str,
    amount: i64,
    now: UnixMillis,
) -> Result<Held, StoreError> {
    // Most keys are new, so the credit is reserved before an earlier hold is looked up.
    let reserved = tx.maybe_one(RESERVE, args![author, amount]).await?.is_some();
    if reserved {
        // A statement of its own, so that it reads the commit that the one above had to wait for.
        if tx.execute(PLACE, args![id, author, key, amount, now]).await? == 1 {
            return Ok(Held::Open(id.clone()));
        }
        tx.execute(UNRESERVE, args![author, amount]).await?;
    }
    let Some(row) = tx.maybe_one(FIND, args![key]).await? else {
        return Ok(if reserved { Held::Erased } else { Held::Insufficient });
    };
    let state = row.text("state")?;
    match HoldState::parse(&state).ok_or(StoreError::Unreadable { column: "state" })? {
        HoldState::Open => Ok(Held::Open(HoldId::new(row.text("id")?))),
        closed @ (HoldState::Settled | HoldState::Released) => Ok(Held::Closed(closed)),
    }
}

const CLOSE: Sql = Sql::both(
    "UPDATE holds SET state = $2, closed_at_ms = $3 WHERE id = $1 AND state = 'open' RETURNING author_id, amount",
);
const SPEND: Sql = Sql::both(
    "UPDATE wallets SET held = held - $2, balance = balance - $2 WHERE author_id = $1 RETURNING balance, held",
);
const UNRESERVE: Sql = Sql::both("UPDATE wallets SET held = held - $2 WHERE author_id = $1");
const ADD_ENTRY: Sql = Sql::both(
    "INSERT INTO ledger (id, author_id, delta, reason, operation, note, reference, created_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (operation) DO NOTHING",
);

async fn add_entry(tx: &mut Tx, entry: &NewEntry<'_>, now: UnixMillis) -> Result<bool, StoreError> {
    let args = args![
        entry.id,
        entry.author,
        entry.delta,
        entry.reason,
        entry.operation,
        entry.note,
        entry.reference,
        now,
    ];
    Ok(tx.execute(ADD_ENTRY, args).await? == 1)
}

const OWNER: Sql = Sql::both("SELECT author_id FROM holds WHERE id = $1");

async fn owner(tx: &mut Tx, hold: &HoldId) -> Result<Option<AuthorId>, StoreError> {
    let row = tx.maybe_one(OWNER, args![hold]).await?;
    row.map(|row| row.text("author_id").map(AuthorId::new)).transpose()
}

/// Locks the row of a hold's owner, and returns the owner; `None` if the hold is gone, as after an erasure. A
/// transaction that settles or releases a hold and writes rows of its author calls this before it writes
/// anything: merging and erasing lock the author, then the wallet, then the holds.
///
/// # Errors
/// Fails if the database fails; with [`StoreError::OwnerChanged`] if the author was merged while the call
/// waited.
pub async fn lock_owner(tx: &mut Tx, hold: &HoldId) -> Result<Option<AuthorId>, StoreError> {
    let Some(found) = owner(tx, hold).await? else { return Ok(None) };
    if tx.engine() == Engine::Sqlite {
        // On SQLite, one transaction writes at a time.
        return Ok(Some(found));
    }
    authors::lock_row(tx, &found).await?;
    match owner(tx, hold).await? {
        // Do not keep the lock on the old owner while waiting for the new one.
        Some(current) if current != found => Err(StoreError::OwnerChanged),
        current => Ok(current),
    }
}

/// Spends a hold: closes it, deducts the credits and writes the ledger entry. Returns the hold's current
/// owner, which differs from the author of the [`hold`] call if that author was merged in between. `None` if
/// the hold was not open.
///
/// # Errors
/// Fails if the database fails.
pub async fn settle(
    tx: &mut Tx,
    hold: &HoldId,
    entry: &EntryId,
    reason: LedgerReason,
    reference: &str,
    now: UnixMillis,
) -> Result<Option<(AuthorId, Wallet)>, StoreError> {
    let Some(row) = tx.maybe_one(CLOSE, args![hold, HoldState::Settled.as_str(), now]).await? else {
        return Ok(None);
    };
    let author = AuthorId::new(row.text("author_id")?);
    let amount = row.int("amount")?;
    let wallet = wallet(&tx.one(SPEND, args![&author, amount]).await?)?;
    let entry = NewEntry {
        id: entry,
        author: &author,
        delta: -amount,
        reason,
        operation: &format!("settle:{hold}"),
        note: None,
        reference: Some(reference),
    };
    if !add_entry(tx, &entry, now).await? {
        // The hold was open, so this operation cannot have been recorded before.
        return Err(StoreError::Unreadable { column: "operation" });
    }
    Ok(Some((author.clone(), wallet)))
}

/// Releases a hold. Returns false if it was not open.
///
/// # Errors
/// Fails if the database fails.
pub async fn release(tx: &mut Tx, hold: &HoldId, now: UnixMillis) -> Result<bool, StoreError> {
    let Some(row) = tx.maybe_one(CLOSE, args![hold, HoldState::Released.as_str(), now]).await? else {
        return Ok(false);
    };
    let author = AuthorId::new(row.text("author_id")?);
    tx.execute(UNRESERVE, args![&author, row.int("amount")?]).await?;
    Ok(true)
}

const OPEN_BY_KEY: Sql = Sql::both("SELECT id FROM holds WHERE hold_key = $1 AND state = 'open'");

/// Returns the open hold with this key, if there is one.
///
/// # Errors
/// Fails if the database fails.
pub async fn open_hold(tx: &mut Tx, key: &str) -> Result<Option<HoldId>, StoreError> {
    let row = tx.maybe_one(OPEN_BY_KEY, args![key]).await?;
    row.map(|row| row.text("id").map(HoldId::new)).transpose()
}

/// Locks the owner of the open hold with this key and releases the hold. Does nothing without an open hold.
///
/// # Errors
/// Fails as [`lock_owner`] does.
pub async fn release_by_key(tx: &mut Tx, key: &str, now: UnixMillis) -> Result<(), StoreError> {
    if let Some(hold) = open_hold(tx, key).await? {
        lock_owner(tx, &hold).await?;
        release(tx, &hold, now).await?;
    }
    Ok(())
}

const CHANGE: Sql = Sql::both(
    "UPDATE wallets SET balance = balance + $2 WHERE author_id = $1 AND balance - held + $2 >= 0 \
     RETURNING balance, held",
);

/// The result of [`post`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// The entry was written; this is the wallet after it.
    Done(Wallet),
    /// The operation was recorded before: nothing was written.
    AlreadyDone,
    /// The entry exceeds the available credits: nothing was written.
    Insufficient,
}

/// Writes a ledger entry and changes the balance by it.
///
/// # Errors
/// Fails if the database fails.
pub async fn post(tx: &mut Tx, entry: &NewEntry<'_>, now: UnixMillis) -> Result<Posted, StoreError> {
    // The wallet first: other transactions wait for that row, and locks are taken in one order everywhere.
    let Some(row) = tx.maybe_one(CHANGE, args![entry.author, entry.delta]).await? else {
        return Ok(Posted::Insufficient);
    };
    if add_entry(tx, entry, now).await? {
        return Ok(Posted::Done(wallet(&row)?));
    }
    const UNDO: Sql = Sql::both("UPDATE wallets SET balance = balance - $2 WHERE author_id = $1");
    tx.execute(UNDO, args![entry.author, entry.delta]).await?;
    Ok(Posted::AlreadyDone)
}

const ENTRIES: Sql = Sql::both(
    "SELECT id, delta, reason, note, reference, created_at_ms FROM ledger \
     WHERE author_id IN (SELECT id FROM authors WHERE id = $1 OR merged_into_id = $1) AND id < $2 \
     ORDER BY id DESC LIMIT $3",
);

/// Returns the ledger entries of an author and of those merged into them, newest first, from just before
/// `cursor`, and the cursor of the next page.
///
/// # Errors
/// Fails if the database fails.
pub async fn entries(
    tx: &mut Tx,
    author: &AuthorId,
    cursor: Option<&str>,
    limit: usize,
) -> Result<(Vec<Entry>, Option<String>), StoreError> {
    // A letter, because ids are hexadecimal: a server's linguistic order may sort any sign before all of
    // them.
    let before = cursor.unwrap_or("z");
    let wanted = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let rows = tx.all(ENTRIES, args![author, before, wanted]).await?;
    let mut entries = rows
        .iter()
        .map(|row| {
            Ok(Entry {
                id: EntryId::new(row.text("id")?),
                delta: row.int("delta")?,
                reason: row.text("reason")?,
                note: row.maybe_text("note")?,
                reference: row.maybe_text("reference")?,
                created_at: row.time("created_at_ms")?,
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    let more = entries.len() > limit;
    entries.truncate(limit);
    let next = if more { entries.last().map(|entry| entry.id.to_string()) } else { None };
    Ok((entries, next))
}

const NOTE_REFUND: Sql =
    Sql::both("UPDATE wallets SET untold_refunds = untold_refunds + $2 WHERE author_id = $1");
const TELL_REFUNDS: Sql = Sql::both(
    "UPDATE wallets SET untold_refunds = untold_refunds - $2 WHERE author_id = $1 AND untold_refunds >= $2",
);
const MOVE_REFUNDS: Sql = Sql::both(
    "UPDATE wallets SET untold_refunds = untold_refunds \
     + (SELECT moved.untold_refunds FROM wallets AS moved WHERE moved.author_id = $1) WHERE author_id = $2",
);

/// Records that credits came back, for the author's next reply.
///
/// # Errors
/// Fails if the database fails.
pub async fn note_refund(tx: &mut Tx, author: &AuthorId, credits: i64) -> Result<(), StoreError> {
    tx.execute(NOTE_REFUND, args![author, credits]).await?;
    Ok(())
}

/// Claims the naming of credits that came back. Returns false if another reply has named them.
///
/// # Errors
/// Fails if the database fails.
pub async fn tell_refunds(tx: &mut Tx, author: &AuthorId, credits: i64) -> Result<bool, StoreError> {
    Ok(tx.execute(TELL_REFUNDS, args![author, credits]).await? == 1)
}

/// Moves the credits that came back, and that no reply has named, to another author.
///
/// # Errors
/// Fails if the database fails.
pub async fn move_untold_refunds(tx: &mut Tx, from: &AuthorId, into: &AuthorId) -> Result<(), StoreError> {
    tx.execute(MOVE_REFUNDS, args![from, into]).await?;
    const CLEAR: Sql = Sql::both("UPDATE wallets SET untold_refunds = 0 WHERE author_id = $1");
    tx.execute(CLEAR, args![from]).await?;
    Ok(())
}

const SIGN: Sql = Sql::both("INSERT INTO adjustments (entry_id, made_by) VALUES ($1, $2)");

/// Records the maker of an adjustment.
///
/// # Errors
/// Fails if the database fails.
pub async fn sign(tx: &mut Tx, entry: &EntryId, made_by: &str) -> Result<(), StoreError> {
    tx.execute(SIGN, args![entry, made_by]).await?;
    Ok(())
}

const SIGNED: Sql = Sql::both("SELECT made_by FROM adjustments WHERE entry_id = $1");

/// Returns the maker of an adjustment, if the operator named one.
///
/// # Errors
/// Fails if the database fails.
pub async fn signed_by(tx: &mut Tx, entry: &EntryId) -> Result<Option<String>, StoreError> {
    let row = tx.maybe_one(SIGNED, args![entry]).await?;
    row.map(|row| row.text("made_by")).transpose()
}

const REFUNDS_SINCE: Sql = Sql::both(
    "SELECT COUNT(*) AS refunds FROM ledger WHERE author_id = $1 AND reason = 'refund' AND created_at_ms >= $2",
);

/// Returns the number of refunds to an author since an instant.
///
/// # Errors
/// Fails if the database fails.
pub async fn refunds_since(tx: &mut Tx, author: &AuthorId, since: UnixMillis) -> Result<i64, StoreError> {
    tx.one(REFUNDS_SINCE, args![author, since]).await?.int("refunds")
}

const EVER_HAD: Sql = Sql::both(
    "SELECT 1 AS found FROM ledger WHERE reason = $2 AND author_id IN \
     (SELECT id FROM authors WHERE id = $1 OR merged_into_id = $1) LIMIT 1",
);

/// True if an author, or one merged into them, ever had credits for this reason.
///
/// # Errors
/// Fails if the database fails.
pub async fn ever_had(tx: &mut Tx, author: &AuthorId, reason: LedgerReason) -> Result<bool, StoreError> {
    Ok(tx.maybe_one(EVER_HAD, args![author, reason]).await?.is_some())
}
