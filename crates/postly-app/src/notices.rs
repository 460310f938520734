//! Notices of a provider about our account. Meanwhile, conversations that the service starts wait, or are
//! sent by the other provider (RULES 10.11).
//!
//! Replies are still sent; the provider accepts or refuses each of them. The monitor tells the operator.

use postly_domain::{
    Language, Provider,
    event::{AccountNotice, NoticeSubject},
};
use postly_store::{
    StoreError, Tx,
    inbox::{DueEvent, Outcome},
    lanes::ClaimedLane,
    notices,
};
use postly_whatsapp::send::Senders;

use crate::{Core, JourneyError, Replies};

/// The provider's notices about templates, quality and the account.
#[derive(Clone)]
pub struct ProviderNotices {
    pub(crate) core: Core,
    pub(crate) replies: Replies,
    pub(crate) senders: Senders,
}

impl ProviderNotices {
    /// Records a notice of a provider about our account.
    pub(crate) async fn apply_notice(
        &self,
        claimed: &ClaimedLane,
        event: &DueEvent,
        notice: &AccountNotice,
    ) -> Result<(), JourneyError> {
        let mut tx = self.core.db.write().await?;
        let is_last_word = notices::note(&mut tx, event.provider, notice).await?;
        let (subject, word) = (notice.subject.key(), notice.word.as_str());
        tracing::info!(provider = %event.provider, subject, word, is_last_word, "The provider tells of {subject}: {word}");
        self.replies.finish(tx, claimed, event, None, &Outcome::Applied).await
    }

    /// Chooses the provider for starting a conversation by the template of codes: the configured one, or the
    /// other while a notice stops the first. `None` if neither is available.
    pub(crate) async fn starting_provider(
        &self,
        tx: &mut Tx,
        language: Language,
    ) -> Result<Option<Provider>, StoreError> {
        let first = self.core.settings.default_provider;
        let second = match first {
            Provider::Meta => Provider::Twilio,
            Provider::Twilio => Provider::Meta,
        };
        let can =
            |provider| self.senders.can_send_code(provider) && self.core.routes.business(provider).is_some();
        if !can(first) {
            return Ok(None);
        }
        for provider in [first, second].into_iter().filter(|provider| can(*provider)) {
            let template = self
                .senders
                .code_template(provider, language)
                .map(|(name, language)| NoticeSubject::Template { name, language }.key());
            if !notices::stops_starting(tx, provider, &template.unwrap_or_default()).await? {
                return Ok(Some(provider));
            }
        }
        Ok(None)
    }
}
