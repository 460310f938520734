//! The operator's commands.

use postly_domain::{
    Email, Language, LedgerReason, PhoneE164,
    credits::{GENERATION_PRICE, MAX_ADJUSTMENT},
    id::{AuthorId, EntryId, EventId, HoldId, MessageId},
    post::Variant,
};
use postly_store::{
    StoreError, audit,
    authors::{self, Author},
    blocks,
    dead_letters::{self, DeadLetter},
    generations,
    identities::Identity,
    lanes,
    wallets::{self, Entry, Held, NewEntry, Posted, Wallet},
};

use crate::{Core, People, conflict::again, ids::Fresh as _, people::find_author};

pub use postly_store::audit::Finding;

/// The name by which an operator selects an author.
#[derive(Debug, Clone)]
pub enum AuthorSelector {
    /// By number.
    Phone(PhoneE164),
    /// By id.
    Id(AuthorId),
    /// By the e-mail address of the login.
    Email(Email),
}

/// An author, as shown to the operator.
#[derive(Debug, Clone)]
pub struct AuthorDetails {
    /// The person.
    pub author: Author,
    /// The balance.
    pub wallet: Wallet,
    /// The identities of the author.
    pub identities: Vec<Identity>,
}

/// A change of credits by an operator.
#[derive(Debug, Clone, Copy)]
pub struct Adjustment<'a> {
    /// The number of credits: positive to add, negative to deduct, 1 to 1,000,000 in amount.
    pub delta: i64,
    /// The operator's reason, the note of the entry.
    pub note: &'a str,
    /// The name of the operator, if it is known.
    pub made_by: Option<&'a str>,
    /// Makes the adjustment idempotent: a second one with the same key is refused.
    pub key: Option<&'a str>,
}

/// The number of ledger entries on a page.
const LEDGER_PAGE: usize = 50;
/// The most dead letters that are listed, and replayed by one command.
const MOST_DEAD_LETTERS: i64 = 1_000;

/// The reason why an operator's command changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// No author has this number, id or address.
    #[error("no author has this number, id or e-mail address")]
    UnknownAuthor,
    /// The author logs in by WhatsApp only.
    #[error("the author has no e-mail address to log in with: LOGIN on WhatsApp opens the account")]
    NoLogin,
    /// No random bytes could be drawn.
    #[error("no random bytes could be drawn")]
    Randomness(#[from] crate::NoRandomness),
    /// The amount is not from 1 to a million.
    #[error("the amount must be from 1 to {MAX_ADJUSTMENT}")]
    Amount,
    /// The author has fewer credits available.
    #[error("the author has fewer credits available than that")]
    Insufficient,
    /// The credit of the generation was refunded before, or there is none.
    #[error(
        "nothing to give back: no generation has this id, it was free, or its credit was given back before"
    )]
    NothingToRefund,
    /// The same form was submitted before.
    #[error("this was done before: the form was sent twice")]
    AlreadyDone,
    /// The window of the message has closed, or the author has no credit to hold again.
    #[error(
        "it cannot be replayed: its window has closed, its content is gone, or the author has no credit for it"
    )]
    NotReplayable,
    /// No dead letter has this id.
    #[error("no dead letter has this id")]
    UnknownDeadLetter,
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
}

/// The result of a replay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replayed {
    /// The number of dead letters enqueued again.
    pub replayed: usize,
    /// The number of dead letters left: their window has closed, or there is no credit to hold again.
    pub skipped: usize,
}

/// The operator's changes: credits, blocks, replays and conversations taken over.
#[derive(Clone)]
pub struct Operator {
    pub(crate) core: Core,
    pub(crate) people: People,
}

impl Operator {
    /// Builds the service.
    pub fn new(core: &Core) -> Self {
        Self { core: core.clone(), people: People::new(core) }
    }

    /// Returns the wallet of an author and a page of their ledger, newest first, with the cursor of the next
    /// page.
    ///
    /// # Errors
    /// Fails if no author has this number or id, or if the database fails.
    pub async fn credits(
        &self,
        who: &AuthorSelector,
        cursor: Option<&str>,
    ) -> Result<(Wallet, Vec<Entry>, Option<String>), OperatorError> {
        let mut tx = self.core.db.read().await?;
        let id = find_author(&mut tx, who).await?.ok_or(OperatorError::UnknownAuthor)?;
        let (entries, next) = wallets::entries(&mut tx, &id, cursor, LEDGER_PAGE).await?;
        Ok((wallets::get(&mut tx, &id).await?, entries, next))
    }

    /// Adds credits, or deducts them if `delta` is negative, with the operator's note. A grant to an unknown
    /// number creates the author.
    ///
    /// # Errors
    /// Fails if the amount is out of bounds or more than is available, or if no author has this id.
    pub async fn adjust(
        &self,
        who: &AuthorSelector,
        delta: i64,
        note: &str,
    ) -> Result<(Entry, Wallet), OperatorError> {
        self.adjust_as(who, delta, note, None).await
    }

    /// Does the same as [`Operator::adjust`], and records the operator.
    ///
    /// # Errors
    /// See [`Operator::adjust`].
    pub async fn adjust_as(
        &self,
        who: &AuthorSelector,
        delta: i64,
        note: &str,
        made_by: Option<&str>,
    ) -> Result<(Entry, Wallet), OperatorError> {
        self.adjust_once(who, &Adjustment { delta, note, made_by, key: None }).await
    }

    /// Does the same as [`Operator::adjust`], once for the key of the adjustment, if it has one.
    ///
    /// # Errors
    /// See [`Operator::adjust`]; fails with [`OperatorError::AlreadyDone`] if the key was used before.
    pub async fn adjust_once(
        &self,
        who: &AuthorSelector,
        adjustment: &Adjustment<'_>,
    ) -> Result<(Entry, Wallet), OperatorError> {
        let delta = adjustment.delta;
        if delta == 0 || delta.checked_abs().is_none_or(|amount| amount > MAX_ADJUSTMENT) {
            return Err(OperatorError::Amount);
        }
        again!(self.try_adjust(who, adjustment))
    }

    async fn try_adjust(
        &self,
        who: &AuthorSelector,
        adjustment: &Adjustment<'_>,
    ) -> Result<(Entry, Wallet), OperatorError> {
        let Adjustment { delta, note, made_by, key } = *adjustment;
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        if let AuthorSelector::Phone(phone) = who {
            // The author may be sending their first message concurrently.
            authors::lock_person(&mut tx, phone.as_str()).await?;
        }
        let author = match (find_author(&mut tx, who).await?, who) {
            (Some(author), _) => author,
            (None, AuthorSelector::Phone(phone)) if delta > 0 => {
                self.people.create_author_for_phone(&mut tx, phone, Language::Fr, now).await?
            }
            (None, _) => return Err(OperatorError::UnknownAuthor),
        };
        let entry = Entry {
            id: EntryId::fresh(now),
            delta,
            reason: LedgerReason::Adjustment.as_str().to_owned(),
            note: Some(note.to_owned()),
            reference: None,
            created_at: now,
        };
        let new = NewEntry {
            id: &entry.id,
            author: &author,
            delta,
            reason: LedgerReason::Adjustment,
            operation: &match key {
                None => format!("adjustment:{}", entry.id),
                Some(key) => format!("adjustment:form:{key}"),
            },
            note: Some(note),
            reference: None,
        };
        match wallets::post(&mut tx, &new, now).await? {
            Posted::Done(wallet) => {
                if let Some(made_by) = made_by {
                    wallets::sign(&mut tx, &entry.id, made_by).await?;
                }
                tx.commit().await?;
                tracing::info!(author.id = %author, delta, "Adjusted the credits of author {author}");
                Ok((entry, wallet))
            }
            Posted::Insufficient => Err(OperatorError::Insufficient),
            Posted::AlreadyDone => Err(OperatorError::AlreadyDone),
        }
    }

    /// Returns the operator of each of these entries, if one is recorded, in their order.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn signatures(&self, entries: &[Entry]) -> Result<Vec<Option<String>>, StoreError> {
        let mut tx = self.core.db.read().await?;
        let mut found = Vec::with_capacity(entries.len());
        for entry in entries {
            found.push(wallets::signed_by(&mut tx, &entry.id).await?);
        }
        Ok(found)
    }

    /// Blocks an author, or unblocks them. Nothing is written for a blocked author, on WhatsApp or on the
    /// web; STOP and erasure still work. Returns the author, and false if nothing changed.
    ///
    /// # Errors
    /// Fails if no author has this number, id or address, or if the database fails.
    pub async fn set_blocked(
        &self,
        who: &AuthorSelector,
        is_blocked: bool,
    ) -> Result<(AuthorId, bool), OperatorError> {
        let set = async || {
            let mut tx = self.core.db.write().await?;
            let id = find_author(&mut tx, who).await?.ok_or(OperatorError::UnknownAuthor)?;
            let blocked_at = is_blocked.then(|| self.core.now());
            let changed = blocks::set(&mut tx, &id, blocked_at).await?;
            tx.commit().await?;
            tracing::info!(author.id = %id, is_blocked, "Changed the block of author {id}");
            Ok::<_, OperatorError>((id, changed))
        };
        again!(set())
    }

    /// Returns the newest posts of an author; none if their credit was refunded.
    ///
    /// # Errors
    /// Fails if no author has this number or id, or if the database fails.
    pub async fn latest_posts(&self, who: &AuthorSelector) -> Result<Vec<Variant>, OperatorError> {
        let mut tx = self.core.db.read().await?;
        let id = find_author(&mut tx, who).await?.ok_or(OperatorError::UnknownAuthor)?;
        Ok(generations::latest(&mut tx, &id).await?.unwrap_or_default())
    }

    /// True if no work waits or is in progress.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn is_idle(&self) -> Result<bool, StoreError> {
        let mut tx = self.core.db.read().await?;
        Ok(!lanes::any_waiting(&mut tx).await?)
    }

    /// Checks every invariant.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn audit(&self) -> Result<Vec<Finding>, StoreError> {
        let mut tx = self.core.db.begin_long_read().await?;
        audit::findings(&mut tx, self.core.now()).await
    }

    /// Returns the newest dead letters.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn dead_letters(&self) -> Result<Vec<DeadLetter>, StoreError> {
        let mut tx = self.core.db.read().await?;
        dead_letters::list(&mut tx, MOST_DEAD_LETTERS).await
    }

    /// Replays one dead letter, or all of them. Replaying a message with a refunded credit takes a new hold;
    /// without a credit, or after its window, it is skipped.
    ///
    /// # Errors
    /// Fails if no dead letter has this id, or if the database fails.
    pub async fn replay(&self, id: Option<&str>) -> Result<Replayed, OperatorError> {
        let letters = self.dead_letters().await?;
        let mut done = Replayed::default();
        let mut found = false;
        // A refunded reply is replayed as a whole, so some letters are replayed with an earlier one.
        let mut together: Vec<MessageId> = vec![];
        for letter in letters.iter().filter(|letter| id.is_none_or(|id| id == letter.id)) {
            found = true;
            if together.iter().any(|message| message.as_str() == letter.id) {
                continue;
            }
            let replayed = match letter.queue {
                crate::Queue::Outbox => {
                    let messages = again!(self.replay_message(&MessageId::new(letter.id.clone())))?;
                    let count = messages.len();
                    together.extend(messages);
                    count
                }
                crate::Queue::Inbox | crate::Queue::Status => {
                    usize::from(again!(self.replay_event(&EventId::new(letter.id.clone())))?)
                }
            };
            done.replayed += replayed;
            done.skipped += usize::from(replayed == 0);
        }
        if id.is_some() && !found {
            return Err(OperatorError::UnknownDeadLetter);
        }
        self.core.db.wake_peers().await;
        Ok(done)
    }

    async fn replay_event(&self, id: &EventId) -> Result<bool, StoreError> {
        let mut tx = self.core.db.write().await?;
        let revived = dead_letters::revive_event(&mut tx, id, self.core.now()).await?;
        tx.commit().await?;
        Ok(revived)
    }

    /// Enqueues a message again. If its credit was refunded, the rest of its reply is enqueued too, because
    /// the author pays for the posts and not for a footer. Returns the messages enqueued.
    async fn replay_message(&self, id: &MessageId) -> Result<Vec<MessageId>, StoreError> {
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        let Some(message) = dead_letters::message(&mut tx, id).await? else { return Ok(vec![]) };
        if now >= message.expires_at {
            return Ok(vec![]);
        }
        let mut messages = vec![id.clone()];
        if let (Some(author), Some(generation)) =
            (message.author, message.generation.filter(|_| message.refunded))
        {
            let hold = HoldId::fresh(now);
            let key = format!("replay:{id}:{hold}");
            let held = wallets::hold(&mut tx, &hold, &author, &key, GENERATION_PRICE, now).await?;
            let Held::Open(hold) = held else { return Ok(vec![]) };
            let reason = LedgerReason::WhatsappGeneration;
            let settled =
                wallets::settle(&mut tx, &hold, &EntryId::fresh(now), reason, generation.as_str(), now)
                    .await?;
            if settled.is_none() || !generations::settle_again(&mut tx, &generation, &hold).await? {
                return Ok(vec![]);
            }
            messages = dead_letters::of_generation(&mut tx, &generation).await?;
        }
        for message in &messages {
            dead_letters::revive_message(&mut tx, message, now).await?;
        }
        tx.commit().await?;
        Ok(messages)
    }
}
