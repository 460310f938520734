//! Resends a code once by the template, if the provider accepted it as text and later reported that it failed
//! because the service window was closed.
//!
//! The sealed text is deleted when the provider has answered (RULES 7.5). That answer is not final here:
//! 131047 and 63016 come in a status, seconds later, and a code cannot be recovered from its hash. Therefore
//! a second sealed copy is stored in its own table from the moment the code is queued. It is deleted by the
//! first final status of the text (delivered, read, failed), by a clear refusal, and at the end of the code,
//! after ten minutes. *Sent* does not delete it: Twilio reports it before *undelivered*.

use postly_domain::{
    PhoneE164, Provider, UnixMillis,
    delivery::{ErrorAction, Form},
    event::DeliveryStatus,
    id::MessageId,
};
use postly_store::{
    StoreError, Tx,
    attempts::Reported,
    code_fallbacks::{self, CodeFallback},
    identities,
    lanes::Queue,
    outbox::{self, NewMessage},
};
use postly_whatsapp::{action_for, send::Senders};

use crate::{Core, JourneyError, ids::Fresh as _, seal::Sealed};

/// The most expired copies deleted at once.
const MOST_AT_ONCE: i64 = 100;

/// The second copies of codes, for the template.
#[derive(Clone)]
pub struct CodeTemplates {
    pub(crate) core: Core,
    pub(crate) senders: Senders,
}

impl CodeTemplates {
    /// Stores a second copy of a code that is queued as text, if a template could carry it.
    pub(crate) async fn keep_for_template(
        &self,
        tx: &mut Tx,
        message: &NewMessage<'_>,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let (Form::Code, Some(sealed)) = (message.form, message.sealed) else { return Ok(()) };
        if !self.senders.can_send_code(message.provider) {
            return Ok(());
        }
        code_fallbacks::expire(tx, now, MOST_AT_ONCE).await?;
        let kept = CodeFallback {
            sealed: sealed.to_owned(),
            is_answer: message.event.is_some(),
            expires_at: message.expires_at,
        };
        code_fallbacks::keep(tx, message.id, &kept).await
    }

    /// Deletes the second copy of a code that no longer needs one.
    pub(crate) async fn drop_for_template(
        &self,
        tx: &mut Tx,
        message: &MessageId,
        form: Form,
    ) -> Result<(), StoreError> {
        if form == Form::Code {
            code_fallbacks::take(tx, message).await?;
        }
        Ok(())
    }

    /// Queues a code for the template when a status reports that its text failed because the window was
    /// closed.
    pub(crate) async fn fall_back_to_template(
        &self,
        tx: &mut Tx,
        provider: Provider,
        reported: &Reported,
        status: DeliveryStatus,
        error_code: Option<i64>,
    ) -> Result<(), JourneyError> {
        if reported.form != Form::Code || matches!(status, DeliveryStatus::Accepted | DeliveryStatus::Sent) {
            return Ok(());
        }
        let Some(kept) = code_fallbacks::take(tx, &reported.message).await? else { return Ok(()) };
        let action = error_code.map(|code| action_for(provider, code, None, false));
        let now = self.core.now();
        if status != DeliveryStatus::Failed
            || action != Some(ErrorAction::WindowClosed)
            || now >= kept.expires_at
            || !self.senders.can_send_code(provider)
        {
            return Ok(());
        }
        let Some(phone) = PhoneE164::from_provider(&reported.address) else { return Ok(()) };
        let Some(business) = self.core.routes.business(provider) else { return Ok(()) };
        let identities = identities::by_phone(tx, &phone).await?;
        if !kept.is_answer && identities.iter().any(|identity| identity.stopped_at.is_some()) {
            return Ok(());
        }
        let Some(sealed) = self.core.code_keys.unseal(&reported.message, &kept.sealed) else { return Ok(()) };
        let id = MessageId::fresh(now);
        // The template carries only the code.
        let sealed = Sealed { code: sealed.code, language: sealed.language, ..Sealed::default() };
        let message = NewMessage {
            buttons: None,
            id: &id,
            key: &format!("template:{}", reported.message),
            lane: &reported.lane,
            author: reported.author.as_ref(),
            provider,
            business: &business,
            address: &reported.address,
            purpose: "code",
            event: None,
            generation: None,
            carries_variant: false,
            reply_to: None,
            body: "",
            form: Form::Template,
            sealed: Some(&self.core.code_keys.seal(&id, &sealed)?),
            expires_at: kept.expires_at,
        };
        outbox::queue(tx, &message, now).await?;
        tracing::info!(message.id = %reported.message, "The window was closed for message {}: its code goes by the template", reported.message);
        self.core.wakers.wake_here(Queue::Outbox);
        Ok(())
    }
}
