//! Resolves the sender of a message to an author.
//!
//! The rules are RULES 6: the provider's id decides first; a phone matches only an identity whose id of that
//! provider is empty or equal; another id on a known phone is another person (a recycled number).

use postly_domain::{
    Language, LedgerReason, PhoneDoubt, PhoneE164, Provider, UnixMillis,
    event::Sender,
    id::{AuthorId, EntryId, IdentityId},
    time::{DAY_MS, SERVICE_WINDOW_SECS},
};
use postly_store::{
    StoreError, Tx,
    authors::{self, Author},
    challenges, erasures,
    grants::{self, GrantKind},
    identities::{self, Identity},
    sessions,
    wallets::{self, NewEntry},
};

use crate::{
    Core, JourneyError,
    ids::Fresh as _,
    operator::{AuthorDetails, AuthorSelector, OperatorError},
};

/// The unused end of the service window: a message takes some time to arrive.
const WINDOW_MARGIN_MS: i64 = 60 * 1000;
/// An author in a conversation.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) author: Author,
    pub(crate) identity: Identity,
    /// The number of model calls for the author in the last 24 hours; 0 if the author is new or an identity
    /// may have changed.
    pub(crate) recent_calls: i64,
}

/// Authors and the numbers they are known by.
#[derive(Clone)]
pub struct People {
    pub(crate) core: Core,
}

impl People {
    /// Builds the service.
    pub fn new(core: &Core) -> Self {
        Self { core: core.clone() }
    }

    /// Finds the author of a sender, or creates one with this language. A number's first message grants its
    /// trial credits. `None` if the sender was erased after writing the message: it creates no author.
    pub(crate) async fn resolve_author(
        &self,
        tx: &mut Tx,
        sender: &Sender,
        written_at: UnixMillis,
        language: impl FnOnce() -> Language,
        now: UnixMillis,
    ) -> Result<Option<Person>, JourneyError> {
        let yesterday = now.plus_ms(-DAY_MS);
        if let Some((identity, author, recent_calls)) = authors::known(tx, sender, yesterday).await?
            && author.greeted
        {
            // The identity is unchanged, and the first message is past: nothing to write, so no lock is
            // needed.
            return Ok(Some(Person { author, identity, recent_calls }));
        }
        // One lock for each name under which a concurrent transaction could resolve the same author, who may
        // write through both providers at once. Lock order: the number first, everywhere.
        let names = sender.phone.iter().map(PhoneE164::as_str).chain(sender.bsuid.as_deref());
        for name in names {
            authors::lock_person(tx, name).await?;
        }
        let identity = match self.match_identity(tx, sender, now).await? {
            Some(identity) => self.trust_number(tx, identity, sender).await?,
            None if self.was_erased(tx, sender, written_at).await? => return Ok(None),
            None => self.create_author(tx, sender, language(), now).await?,
        };
        let author =
            authors::get(tx, &identity.author_id).await?.ok_or(JourneyError::Missing("an author"))?;
        if !author.greeted {
            self.grant_trial(tx, &author.id, sender, now).await?;
        }
        Ok(Some(Person { author, identity, recent_calls: 0 }))
    }

    /// Sets the author's language to that of their message, if its detection is certain and the language is
    /// not settled yet, by a choice or by an earlier message of this kind.
    pub(crate) async fn settle_language(
        &self,
        tx: &mut Tx,
        person: &mut Person,
        text: &str,
    ) -> Result<(), StoreError> {
        if person.author.language_settled {
            return Ok(());
        }
        if let Some(language) = postly_pipeline::detect_language(text).certain() {
            authors::set_language(tx, &person.author.id, language, false).await?;
            person.author.language = language;
            person.author.language_settled = true;
        }
        Ok(())
    }

    /// Returns the identity of a known sender, updated with the provider's current names.
    async fn match_identity(
        &self,
        tx: &mut Tx,
        sender: &Sender,
        now: UnixMillis,
    ) -> Result<Option<Identity>, StoreError> {
        let by_id = match &sender.bsuid {
            Some(bsuid) => identities::by_bsuid(tx, sender.provider, bsuid).await?,
            None => None,
        };
        let by_phone = match &sender.phone {
            Some(phone) => identities::by_phone(tx, phone).await?,
            None => vec![],
        };
        if let Some(known) = by_id {
            // The signed message shows the number. An author with it under another id of this provider has
            // lost it. An identity without an id may be the same person and is left alone: accounts are not
            // merged by a guess.
            for other in by_phone.iter().filter(|other| other.author_id != known.author_id) {
                if is_another(sender, other) {
                    self.detach_phone(tx, other).await?;
                }
            }
            let phone_is_free = match &sender.phone {
                Some(phone) => identities::by_phone(tx, phone).await?.iter().all(|other| {
                    other.author_id == known.author_id
                        && (other.provider != known.provider || other.id == known.id)
                }),
                None => false,
            };
            return self.update(tx, known, sender, phone_is_free).await.map(Some);
        }
        // A number belongs to one person: if one identity with it is another person's, all identities of that
        // author lose it.
        let recycled = by_phone.iter().any(|known| is_another(sender, known));
        if recycled {
            for known in &by_phone {
                self.detach_phone(tx, known).await?;
            }
            return Ok(None);
        }
        if let Some(known) = by_phone.iter().find(|known| known.provider == sender.provider) {
            return self.update(tx, known.clone(), sender, true).await.map(Some);
        }
        // The number is known through the other provider only. It is the same person with a further identity,
        // unless this provider knows that person by another id.
        let Some(known) = by_phone.first() else { return Ok(None) };
        let is_other = identities::of_author(tx, &known.author_id)
            .await?
            .iter()
            .any(|identity| is_another(sender, identity));
        if is_other {
            self.detach_phone(tx, known).await?;
            return Ok(None);
        }
        self.add_identity(tx, known.author_id.clone(), sender, now).await.map(Some)
    }

    /// Trusts the number of an identity again, because a message has come from it.
    async fn trust_number(
        &self,
        tx: &mut Tx,
        mut known: Identity,
        sender: &Sender,
    ) -> Result<Identity, StoreError> {
        if let Some(phone) = sender.phone.as_ref().filter(|phone| known.phone.as_ref() == Some(*phone)) {
            identities::trust_phone(tx, &known.author_id, phone).await?;
            known.phone_doubt = None;
        }
        Ok(known)
    }

    pub(crate) async fn detach_phone(&self, tx: &mut Tx, from: &Identity) -> Result<(), StoreError> {
        if let Some(phone) = &from.phone {
            tracing::info!(author.id = %from.author_id, "A number of author {} is somebody else's now", from.author_id);
            identities::drop_phone(tx, &from.author_id, phone).await?;
            self.revoke_sessions_and_codes(tx, &from.author_id, phone).await?;
        }
        Ok(())
    }

    /// Ends the sessions of an author who has lost a number, and denies every code requested for it.
    pub(crate) async fn revoke_sessions_and_codes(
        &self,
        tx: &mut Tx,
        author: &AuthorId,
        phone: &PhoneE164,
    ) -> Result<(), StoreError> {
        sessions::end_all(tx, author, None).await?;
        challenges::deny_all(tx, phone, self.core.now()).await?;
        Ok(())
    }

    /// Takes a number from its known author if a code sent to it has reached another id of the same provider:
    /// the number and the code belong to the other person. Sessions that the code may have opened end too.
    pub(crate) async fn detach_phone_if_reassigned(
        &self,
        tx: &mut Tx,
        provider: Provider,
        phone: &PhoneE164,
        bsuid: &str,
    ) -> Result<(), StoreError> {
        let known = identities::by_phone(tx, phone).await?;
        let is_another = known.iter().any(|known| {
            known.provider == provider && known.bsuid.as_deref().is_some_and(|known| known != bsuid)
        });
        if is_another {
            for known in &known {
                self.detach_phone(tx, known).await?;
            }
        }
        Ok(())
    }

    /// Updates an identity with the address of its last message, and with a number or id that became visible.
    async fn update(
        &self,
        tx: &mut Tx,
        known: Identity,
        sender: &Sender,
        phone_is_free: bool,
    ) -> Result<Identity, StoreError> {
        let mut named = known.clone();
        named.address = Some(sender.address.clone());
        named.bsuid = sender.bsuid.clone().or(known.bsuid.clone());
        if phone_is_free {
            named.phone = sender.phone.clone().or(known.phone.clone());
            named.phone_doubt = known.phone_doubt.filter(|_| named.phone == known.phone);
        }
        if let Some(before) = known.phone.as_ref().filter(|_| named.phone != known.phone) {
            // The author has moved: the next owner of the old number must not find the account under it,
            // through any provider.
            identities::drop_phone(tx, &known.author_id, before).await?;
            self.revoke_sessions_and_codes(tx, &known.author_id, before).await?;
        }
        let changed =
            (&named.address, &named.bsuid, &named.phone) != (&known.address, &known.bsuid, &known.phone);
        if changed {
            identities::rename(tx, &named).await?;
        }
        Ok(named)
    }

    async fn add_identity(
        &self,
        tx: &mut Tx,
        author_id: AuthorId,
        sender: &Sender,
        now: UnixMillis,
    ) -> Result<Identity, StoreError> {
        let identity = Identity {
            id: IdentityId::fresh(now),
            author_id,
            provider: sender.provider,
            address: Some(sender.address.clone()),
            phone: sender.phone.clone(),
            phone_doubt: None,
            bsuid: sender.bsuid.clone(),
            stopped_at: None,
        };
        identities::add(tx, &identity, now).await?;
        Ok(identity)
    }

    /// Creates an author without login.
    async fn create_author(
        &self,
        tx: &mut Tx,
        sender: &Sender,
        language: Language,
        now: UnixMillis,
    ) -> Result<Identity, StoreError> {
        let author = authors::add(tx, &AuthorId::fresh(now), language, now).await?;
        let identity = self.add_identity(tx, author.id.clone(), sender, now).await?;
        tracing::info!(author.id = %author.id, provider = %sender.provider, "Met author {}", author.id);
        Ok(identity)
    }

    /// Creates an author for a number that has not written yet, so that credits can be granted before its
    /// first message.
    pub(crate) async fn create_author_for_phone(
        &self,
        tx: &mut Tx,
        phone: &PhoneE164,
        language: Language,
        now: UnixMillis,
    ) -> Result<AuthorId, StoreError> {
        let author = authors::add(tx, &AuthorId::fresh(now), language, now).await?;
        self.add_phone_identity(tx, &author.id, phone, now).await?;
        Ok(author.id)
    }

    /// Records that messages from a number are this author's.
    pub(crate) async fn add_phone_identity(
        &self,
        tx: &mut Tx,
        author: &AuthorId,
        phone: &PhoneE164,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let identity = Identity {
            id: IdentityId::fresh(now),
            author_id: author.clone(),
            provider: self.core.settings.default_provider,
            address: None,
            phone: Some(phone.clone()),
            phone_doubt: None,
            bsuid: None,
            stopped_at: None,
        };
        identities::add(tx, &identity, now).await
    }

    /// Grants the trial credits, unless this number or id has had them before. The record of the grant is
    /// written with the credits, and is kept after an erasure.
    async fn grant_trial(
        &self,
        tx: &mut Tx,
        author: &AuthorId,
        sender: &Sender,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let amount = self.core.settings.trial_credits;
        if amount == 0 {
            return Ok(());
        }
        let names = sender.phone.iter().map(PhoneE164::as_str).chain(sender.bsuid.as_deref());
        let mut first_time = true;
        for name in names {
            first_time &= grants::grant_once(tx, GrantKind::Trial, &self.core.name_hash(name), now).await?;
        }
        if first_time {
            let entry = NewEntry {
                id: &EntryId::fresh(now),
                author,
                delta: amount,
                reason: LedgerReason::Trial,
                operation: &format!("trial:{author}"),
                note: None,
                reference: None,
            };
            wallets::post(tx, &entry, now).await?;
        }
        Ok(())
    }

    /// True if the sender was erased after this message was written.
    pub(crate) async fn was_erased(
        &self,
        tx: &mut Tx,
        sender: &Sender,
        written_at: UnixMillis,
    ) -> Result<bool, StoreError> {
        let names = sender.phone.iter().map(PhoneE164::as_str).chain(sender.bsuid.as_deref());
        for name in names {
            if erasures::is_marked(tx, &self.core.name_hash(name), written_at).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the account of an author.
    ///
    /// # Errors
    /// Fails if no author has this number or id, or if the database fails.
    pub async fn account(&self, who: &AuthorSelector) -> Result<AuthorDetails, OperatorError> {
        let mut tx = self.core.db.read().await?;
        let id = find_author(&mut tx, who).await?.ok_or(OperatorError::UnknownAuthor)?;
        let author = authors::get(&mut tx, &id).await?.ok_or(OperatorError::UnknownAuthor)?;
        Ok(AuthorDetails {
            wallet: wallets::get(&mut tx, &id).await?,
            identities: identities::of_author(&mut tx, &id).await?,
            author,
        })
    }
}

/// True if a known identity with the sender's number is another person's: their provider has given the two
/// different ids, or they share only a number that may have changed its owner.
fn is_another(sender: &Sender, known: &Identity) -> bool {
    match (&sender.bsuid, &known.bsuid) {
        (Some(now), Some(then)) if sender.provider == known.provider => now != then,
        _ => known.phone_doubt == Some(PhoneDoubt::IdChanged),
    }
}

/// Finds an author; an id may be that of a merged author.
pub(crate) async fn find_author(tx: &mut Tx, who: &AuthorSelector) -> Result<Option<AuthorId>, StoreError> {
    Ok(match who {
        AuthorSelector::Phone(phone) => {
            identities::by_phone(tx, phone).await?.into_iter().next().map(|found| found.author_id)
        }
        // The id may be that of a merged author.
        AuthorSelector::Id(id) => {
            let current = authors::current(tx, id).await?;
            authors::get(tx, &current).await?.map(|author| author.id)
        }
        AuthorSelector::Email(email) => authors::by_email(tx, email.as_str()).await?.map(|(id, _)| id),
    })
}

/// Returns the end of the service window of this identity, if free-form text can still reach the author
/// through it.
pub(crate) async fn open_window(
    tx: &mut Tx,
    identity: &Identity,
    now: UnixMillis,
) -> Result<Option<UnixMillis>, StoreError> {
    let heard = identities::last_heard(tx, &identity.author_id, identity.provider).await?;
    let ends_at = heard.map(|at| at.plus_secs(SERVICE_WINDOW_SECS));
    Ok(ends_at.filter(|ends_at| ends_at.since_ms(now) > WINDOW_MARGIN_MS))
}
