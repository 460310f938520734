//! Signed notices about an identity: another number, another id, another key (RULES 6.3).
//!
//! The account moves with its credits and its history. The number stays with it where the notice names no other, and is not
//! proved any more: no code goes there until a message comes from it.

use postly_domain::{
    PhoneDoubt,
    event::{IdentityChange, IdentityChangeKind},
    id::AuthorId,
};
use postly_store::{
    StoreError, Tx, authors, challenges,
    identities::{self, Identity},
    outbox, sessions,
};

use crate::App;

impl App {
    /// Applies a notice. Returns whose identity it is about: `None` when we do not know it, or when the new id is already
    /// another's.
    pub(crate) async fn apply_identity_change(
        &self,
        tx: &mut Tx,
        change: &IdentityChange,
    ) -> Result<Option<AuthorId>, StoreError> {
        let Some(known) = self.find_named(tx, change).await? else { return Ok(None) };
        match change.kind {
            IdentityChangeKind::Moved => self.move_identity(tx, change, known).await,
            IdentityChangeKind::KeyChanged => {
                self.end_access(tx, &known.author_id).await?;
                identities::doubt_phones(tx, &known.author_id, PhoneDoubt::KeyChanged).await?;
                tracing::info!(author.id = %known.author_id, "The key of author {} has changed", known.author_id);
                Ok(Some(known.author_id))
            }
        }
    }

    /// The identity that a notice is about: by the id before, else by the number before.
    async fn find_named(&self, tx: &mut Tx, change: &IdentityChange) -> Result<Option<Identity>, StoreError> {
        if let Some(bsuid) = &change.previous_bsuid
            && let Some(known) = identities::by_bsuid(tx, change.provider, bsuid).await?
        {
            return Ok(Some(known));
        }
        let Some(phone) = &change.previous_phone else { return Ok(None) };
        let by_phone = identities::by_phone(tx, phone).await?;
        Ok(by_phone.into_iter().find(|known| known.provider == change.provider && is_named(change, known)))
    }

    async fn move_identity(
        &self,
        tx: &mut Tx,
        change: &IdentityChange,
        known: Identity,
    ) -> Result<Option<AuthorId>, StoreError> {
        if let Some(bsuid) = &change.bsuid
            && let Some(holder) = identities::by_bsuid(tx, change.provider, bsuid).await?
            && holder.id != known.id
        {
            // A message under the new id came before this notice, and has an account by it. Two accounts are not merged by a
            // notice.
            return Ok(None);
        }
        if let Some(phone) = &change.phone {
            authors::lock_person(tx, phone.as_str()).await?;
            for holder in identities::by_phone(tx, phone).await? {
                if holder.author_id != known.author_id {
                    self.detach_phone(tx, &holder).await?;
                } else if holder.provider == known.provider && holder.id != known.id {
                    // The author's already, under another name: one provider shows a number once.
                    let unnamed =
                        Identity { address: holder.bsuid.clone(), phone: None, phone_doubt: None, ..holder };
                    identities::rename(tx, &unnamed).await?;
                }
            }
        }
        let keeps_phone = change.phone.is_none() && change.bsuid.is_some();
        let phone = if keeps_phone { known.phone.clone() } else { change.phone.clone() };
        let has_another_id = change.bsuid != known.bsuid;
        let moved = Identity {
            address: change.address.clone().or_else(|| change.bsuid.clone()).or(known.address.clone()),
            phone_doubt: known.phone_doubt.filter(|_| phone == known.phone),
            phone,
            // An id belongs to a number: a new number without an id has lost the old one.
            bsuid: change.bsuid.clone(),
            ..known.clone()
        };
        if let Some(before) = known.phone.filter(|before| Some(before) != moved.phone.as_ref()) {
            // The next owner of the old number must not find the account under it, through any provider.
            identities::drop_phone(tx, &moved.author_id, &before).await?;
            self.revoke_sessions_and_codes(tx, &moved.author_id, &before).await?;
        }
        // By the names before: what was asked for a new number is not the old one's.
        self.end_access(tx, &moved.author_id).await?;
        identities::rename(tx, &moved).await?;
        if keeps_phone && has_another_id {
            identities::doubt_phones(tx, &moved.author_id, PhoneDoubt::IdChanged).await?;
        }
        tracing::info!(author.id = %moved.author_id, "The identity of author {} has moved", moved.author_id);
        Ok(Some(moved.author_id))
    }

    /// Ends the sessions of an author, every challenge, and the codes that have not left.
    async fn end_access(&self, tx: &mut Tx, author: &AuthorId) -> Result<(), StoreError> {
        let now = self.now();
        sessions::end_all(tx, author, None).await?;
        challenges::end_all(tx, author, now).await?;
        outbox::cancel_codes(tx, author, now).await
    }
}

/// Tells a notice that names a number and is about this identity on it. It is not if it names another id before; but it is if
/// the identity has the new id already, by a notice that came earlier and named no number.
fn is_named(change: &IdentityChange, known: &Identity) -> bool {
    let has_moved = change.bsuid.is_some() && change.bsuid == known.bsuid;
    let is_another =
        matches!((&change.previous_bsuid, &known.bsuid), (Some(said), Some(known)) if said != known);
    has_moved || (!is_another && known.phone_doubt != Some(PhoneDoubt::IdChanged))
}
