//! Signed notices about an identity: a new number, a new id, a new key (RULES 6.3).
//!
//! The account keeps its credits and its history. It also keeps its number if the notice names no other, but
//! the number is no longer proved: no code is sent to it until a message comes from it.

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

use crate::People;

impl People {
    /// Applies a notice. Returns the author of the identity; `None` if the identity is unknown, or if the new
    /// id belongs to another.
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

    /// Finds the identity of a notice by its previous id, else by its previous number.
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
            // A message under the new id came before this notice and created an account. A notice does not
            // merge two accounts.
            return Ok(None);
        }
        if let Some(phone) = &change.phone {
            authors::lock_person(tx, phone.as_str()).await?;
            for holder in identities::by_phone(tx, phone).await? {
                if holder.author_id != known.author_id {
                    self.detach_phone(tx, &holder).await?;
                } else if holder.provider == known.provider && holder.id != known.id {
                    // Another identity of the same author has the number: one provider shows a number once.
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
        // End access under the old names: a challenge for a new number does not belong to the old one.
        self.end_access(tx, &moved.author_id).await?;
        identities::rename(tx, &moved).await?;
        if keeps_phone && has_another_id {
            identities::doubt_phones(tx, &moved.author_id, PhoneDoubt::IdChanged).await?;
        }
        tracing::info!(author.id = %moved.author_id, "The identity of author {} has moved", moved.author_id);
        Ok(Some(moved.author_id))
    }

    /// Ends the sessions and all challenges of an author, and cancels the codes that have not been sent.
    async fn end_access(&self, tx: &mut Tx, author: &AuthorId) -> Result<(), StoreError> {
        let now = self.core.now();
        sessions::end_all(tx, author, None).await?;
        challenges::end_all(tx, author, now).await?;
        outbox::cancel_codes(tx, author, now).await
    }
}

/// Returns true if a notice that names a number is about this identity with the number. It is not if it names
/// another previous id. It is if the identity already has the new id, by an earlier notice that named no
/// number.
fn is_named(change: &IdentityChange, known: &Identity) -> bool {
    let has_moved = change.bsuid.is_some() && change.bsuid == known.bsuid;
    let is_another =
        matches!((&change.previous_bsuid, &known.bsuid), (Some(said), Some(known)) if said != known);
    has_moved || (!is_another && known.phone_doubt != Some(PhoneDoubt::IdChanged))
}
