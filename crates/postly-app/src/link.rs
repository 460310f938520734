//! Finds the account of a number: proves the number, links it to an account, exchanges it for another.

use postly_domain::{
    Language, LedgerReason, PhoneE164, UnixMillis,
    delivery::Form,
    id::{AuthorId, EntryId, IdentityId, MessageId},
    metric,
};
use postly_store::{
    StoreError, Tx, authors,
    challenges::{self, Challenge},
    grants::{self, GrantKind},
    identities::{self, Identity},
    merges,
    outbox::{self, NewMessage},
    sessions,
    wallets::{self, NewEntry},
};

use crate::{Browser, LoggedIn, People, ids::Fresh as _, people::open_window};

/// The outcome of a link.
pub(crate) enum LinkOutcome {
    /// The number is linked to the author.
    Linked,
    /// It belongs to a full account.
    NumberTaken,
    /// The session, or the holder of the number, no longer exists.
    Refused,
}

impl People {
    /// Locks the authors concerned by a challenge. Lock order: its number first, then its owner and the
    /// author of the session, by id.
    pub(crate) async fn lock_people(
        &self,
        tx: &mut Tx,
        challenge: &Challenge,
        session: Option<&LoggedIn>,
    ) -> Result<(), StoreError> {
        if let Some(phone) = &challenge.phone {
            authors::lock_person(tx, phone.as_str()).await?;
        }
        let holder = self.holder(tx, challenge).await?;
        let mut people: Vec<AuthorId> = holder.map(|identity| identity.author_id).into_iter().collect();
        people.extend(session.map(|session| session.session.author.clone()));
        people.sort();
        for author in &people {
            authors::lock(tx, author).await?;
        }
        Ok(())
    }

    /// Returns the identity of a challenge: the one that wrote on WhatsApp, unless its number has changed
    /// since; else the one known by the number.
    async fn holder(&self, tx: &mut Tx, challenge: &Challenge) -> Result<Option<Identity>, StoreError> {
        match (&challenge.identity, &challenge.phone) {
            (Some(identity), _) => {
                let identity = identities::by_id(tx, identity).await?;
                Ok(identity.filter(|identity| identity.trusted_phone() == challenge.phone.as_ref()))
            }
            (None, Some(phone)) => Ok(identities::by_phone(tx, phone).await?.into_iter().next()),
            (None, None) => Ok(None),
        }
    }

    /// Returns the owner of the number proved by a login, and creates one if there is none. `None` if the
    /// identity that opened the challenge has lost the number since.
    pub(crate) async fn prove(
        &self,
        tx: &mut Tx,
        challenge: &Challenge,
        browser: &Browser,
    ) -> Result<Option<AuthorId>, StoreError> {
        let now = self.core.now();
        let author = match (self.holder(tx, challenge).await?, &challenge.identity, &challenge.phone) {
            (Some(holder), Some(_), _) if !authors::lock(tx, &holder.author_id).await? => return Ok(None),
            (Some(holder), _, _) => {
                if challenge.identity.is_some() {
                    identities::prove(tx, &holder.id, now).await?;
                }
                holder.author_id
            }
            (None, None, Some(phone)) => {
                let author = self.create_author_for_phone(tx, phone, Language::Fr, now).await?;
                browser.settle_language(tx, &author).await?;
                author
            }
            (None, _, _) => return Ok(None),
        };
        if let Some(phone) = &challenge.phone {
            identities::prove_phone(tx, &author, phone, now).await?;
        }
        self.grant_welcome(tx, &author, challenge.phone.as_ref(), challenge.identity.as_ref(), now).await?;
        Ok(Some(author))
    }

    /// Links the number of a challenge to the account of a session. A WhatsApp-only author with the number is
    /// merged into it. The caller has locked the authors by [`People::lock_people`].
    pub(crate) async fn link(
        &self,
        tx: &mut Tx,
        challenge: &Challenge,
        session: &LoggedIn,
    ) -> Result<LinkOutcome, StoreError> {
        let now = self.core.now();
        let author = &session.session.author;
        if sessions::find(tx, &session.session.id, now).await?.is_none() {
            return Ok(LinkOutcome::Refused);
        }
        match (self.holder(tx, challenge).await?, &challenge.identity, &challenge.phone) {
            (Some(holder), _, _) if holder.author_id == *author => {}
            (Some(Identity { author_id: owner, .. }), _, _) => {
                // An author with a login is not merged, not even one that got it concurrently.
                if !merges::merge(tx, &owner, author, &EntryId::fresh(now), &EntryId::fresh(now), now).await?
                {
                    return Ok(LinkOutcome::NumberTaken);
                }
                tracing::info!(author.id = %author, merged.id = %owner, "Merged author {owner} into {author}");
            }
            (None, None, Some(phone)) => self.add_phone_identity(tx, author, phone, now).await?,
            (None, _, _) => return Ok(LinkOutcome::Refused),
        }
        if let Some(phone) = &challenge.phone {
            self.leave_other_numbers(tx, author, phone, session, now).await?;
            identities::prove_phone(tx, author, phone, now).await?;
        }
        self.grant_welcome(tx, author, challenge.phone.as_ref(), challenge.identity.as_ref(), now).await?;
        Ok(LinkOutcome::Linked)
    }

    /// Removes the previous numbers of an account, because an account has one number. Each is notified, if it
    /// still may be, and belongs to nobody afterwards.
    async fn leave_other_numbers(
        &self,
        tx: &mut Tx,
        author: &AuthorId,
        phone: &PhoneE164,
        session: &LoggedIn,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let identities = identities::of_author(tx, author).await?;
        let mut left: Vec<(PhoneE164, AuthorId)> = vec![];
        for identity in identities {
            let Some(old) = identity.phone.clone().filter(|old| old != phone) else { continue };
            self.tell_number_changed(tx, &identity, &old, session.language, now).await?;
            // The old number gets an author of its own, with its identity and therefore its STOP and its id.
            let known = left.iter().find(|(number, _)| *number == old).map(|(_, holder)| holder.clone());
            let holder = match known {
                Some(holder) => holder,
                None => {
                    let holder = authors::add(tx, &AuthorId::fresh(now), session.language, now).await?.id;
                    challenges::deny_all(tx, &old, now).await?;
                    left.push((old, holder.clone()));
                    holder
                }
            };
            identities::give(tx, &identity.id, &holder).await?;
        }
        if !left.is_empty() {
            authors::number_changed(tx, author, now).await?;
            sessions::end_all(tx, author, Some(&session.session.id)).await?;
        }
        Ok(())
    }

    async fn tell_number_changed(
        &self,
        tx: &mut Tx,
        identity: &Identity,
        old: &PhoneE164,
        language: Language,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let (Some(address), Some(business)) =
            (&identity.address, self.core.routes.business(identity.provider))
        else {
            return Ok(());
        };
        let window = open_window(tx, identity, now).await?;
        let Some(window_ends_at) = window.filter(|_| identity.stopped_at.is_none()) else { return Ok(()) };
        let id = MessageId::fresh(now);
        let lane = self.core.lane(&postly_whatsapp::conversation_lane(identity.provider, &business, old));
        let message = NewMessage {
            buttons: None,
            id: &id,
            key: &format!("number_changed:{id}"),
            lane: &lane,
            author: Some(&identity.author_id),
            provider: identity.provider,
            business: &business,
            address,
            purpose: "number_changed",
            event: None,
            generation: None,
            carries_variant: false,
            reply_to: None,
            body: &self.core.catalogue.text(language, "number-changed"),
            form: Form::Text,
            sealed: None,
            expires_at: window_ends_at,
        };
        outbox::queue(tx, &message, now).await?;
        Ok(())
    }

    /// Grants the welcome credits, unless this number or id, or this author under any of their ids, has had
    /// them before.
    async fn grant_welcome(
        &self,
        tx: &mut Tx,
        author: &AuthorId,
        phone: Option<&PhoneE164>,
        identity: Option<&IdentityId>,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let amount = self.core.settings.welcome_credits;
        if amount == 0 {
            return Ok(());
        }
        // All names under which the author could come again.
        let mut names: Vec<String> = phone.iter().map(|phone| phone.as_str().to_owned()).collect();
        for known in identities::of_author(tx, author).await? {
            let proved = known.phone.as_ref() == phone && phone.is_some() || Some(&known.id) == identity;
            names.extend(known.bsuid.filter(|_| proved));
        }
        let mut first_time = !names.is_empty();
        for name in names {
            first_time &=
                grants::grant_once(tx, GrantKind::Welcome, &self.core.name_hash(&name), now).await?;
        }
        if !first_time || wallets::ever_had(tx, author, LedgerReason::Welcome).await? {
            return Ok(());
        }
        let entry = NewEntry {
            id: &EntryId::fresh(now),
            author,
            delta: amount,
            reason: LedgerReason::Welcome,
            operation: &format!("welcome:{author}"),
            note: None,
            reference: None,
        };
        wallets::post(tx, &entry, now).await?;
        metrics::counter!(metric::CREDITS, "reason" => "welcome").increment(1);
        Ok(())
    }

    /// True if an author, or an earlier owner of one of the author's numbers or ids, had the welcome credits.
    pub(crate) async fn had_welcome(&self, tx: &mut Tx, author: &AuthorId) -> Result<bool, StoreError> {
        for known in identities::of_author(tx, author).await? {
            for name in known.phone.iter().map(PhoneE164::as_str).chain(known.bsuid.as_deref()) {
                if grants::was_granted(tx, GrantKind::Welcome, &self.core.name_hash(name)).await? {
                    return Ok(true);
                }
            }
        }
        wallets::ever_had(tx, author, LedgerReason::Welcome).await
    }

    /// True if an author was merged into another.
    pub(crate) async fn was_merged(&self, tx: &mut Tx, author: &AuthorId) -> Result<bool, StoreError> {
        Ok(authors::current(tx, author).await? != *author)
    }
}
