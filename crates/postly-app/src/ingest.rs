//! The ingress: what a provider brings is stored, and only then acknowledged. Nothing else happens here.

use std::{sync::Arc, time::Duration};

use postly_domain::{
    event::{EventKey, ReceivedEvent},
    id::EventId,
    metric,
};
use postly_store::{StoreError, inbox, lanes::Queue};
use postly_whatsapp::signature::{SignatureError, WebhookRequest};
use secrecy::ExposeSecret as _;

use crate::{
    App,
    batcher::{BatchWrite, Batcher, QueueFull},
    crash,
    ids::Fresh as _,
};

/// How long storing may take before we answer that we cannot (RULES 3.1: 503 within 2 s).
const STORE_TIMEOUT: Duration = Duration::from_millis(1_800);

/// What an event takes besides its slice, roughly.
const EVENT_BYTES: usize = 256;

/// A webhook's events, to be stored.
pub(crate) struct Webhook(Vec<ReceivedEvent>);

impl BatchWrite for Webhook {
    type Outcome = ();
    const MAX_BATCH: usize = 64;
    /// Two of the largest webhooks.
    const MAX_BATCH_BYTES: usize = 8 * 1024 * 1024;
    /// Some hundred thousand messages; what is beyond is sent away with a 503.
    const MAX_PENDING_BYTES: usize = 128 * 1024 * 1024;

    fn batcher(app: &App) -> &Batcher<Self> {
        &app.0.webhooks
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(|event| event.slice.len() + EVENT_BYTES).sum()
    }

    async fn write(app: &App, webhooks: &[&Self]) -> Result<Vec<()>, StoreError> {
        app.store(webhooks).await?;
        Ok(vec![(); webhooks.len()])
    }
}

/// Why a webhook is not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// It is not authentic.
    #[error("the webhook is not authentic")]
    NotAuthentic(#[from] SignatureError),
    /// It could not be stored: the provider will bring it again.
    #[error("the webhook could not be stored")]
    NotStored(#[source] Arc<StoreError>),
    /// It could not be stored in time: the provider will bring it again.
    #[error("the webhook could not be stored in time")]
    TooSlow,
}

impl App {
    /// Meta's handshake: the challenge to send back, when the query of the request is right in every part.
    pub fn handshake(&self, query: &str) -> Option<String> {
        let token = self.0.meta_verify_token.as_ref()?;
        postly_whatsapp::signature::handshake(token.expose_secret(), query)
    }

    /// Checks a webhook and stores its events, each once. When this returns, they survive a crash.
    ///
    /// # Errors
    /// When it is not authentic (nothing is stored), or cannot be stored.
    pub async fn ingest(&self, request: WebhookRequest<'_>) -> Result<postly_domain::Provider, IngestError> {
        let signed_by = request.claimed_provider();
        let verified = self.0.verifier.verify(&request).inspect_err(|_| {
            if let Some(provider) = signed_by {
                self.0.health.signature(provider.as_str(), false, self.now());
            }
        })?;
        self.0.health.signature(verified.provider().as_str(), true, self.now());
        let mut events = postly_whatsapp::split_webhook(&verified, &self.0.routes, self.now());
        // A provider's ids of messages hold numbers, as the names of lanes do: both are only ever compared.
        for event in &mut events {
            event.key = EventKey(self.name_hash(&event.key.0));
            event.amends = event.amends.take().map(|key| EventKey(self.name_hash(&key.0)));
            if !event.lane.is_empty() {
                event.lane = self.lane(&event.lane);
            }
        }
        crash::point("received");
        let told =
            self.0.webhooks.enqueue(self, Webhook(events)).map_err(|QueueFull| IngestError::TooSlow)?;
        #[cfg(feature = "mutant-m01")]
        return Ok(verified.provider());
        #[cfg_attr(
            feature = "mutant-m01",
            expect(unreachable_code, reason = "the planted defect does not wait")
        )]
        match tokio::time::timeout(STORE_TIMEOUT, told).await {
            Ok(Ok(stored)) => stored.map_err(IngestError::NotStored)?,
            Ok(Err(_)) | Err(_) => return Err(IngestError::TooSlow),
        }
        crash::point("stored");
        Ok(verified.provider())
    }

    /// Stores the events of some webhooks, all or none, in the time that a webhook has.
    async fn store(&self, webhooks: &[&Webhook]) -> Result<(), StoreError> {
        let events = webhooks.iter().flat_map(|webhook| webhook.0.iter());
        match tokio::time::timeout(STORE_TIMEOUT, self.store_events(events)).await {
            Ok(stored) => stored,
            Err(late) => Err(StoreError::Unavailable(late.into())),
        }
    }

    async fn store_events(&self, events: impl Iterator<Item = &ReceivedEvent>) -> Result<(), StoreError> {
        let now = self.now();
        // The ids follow the order of arrival.
        let events: Vec<(EventId, &ReceivedEvent)> =
            events.map(|event| (EventId::fresh(now), event)).collect();
        let mut tx = self.0.db.begin_priority_write().await?;
        let stored = inbox::store(&mut tx, &events, now).await?;
        tx.commit().await?;
        // Not the handlers: one whose client has hung up meanwhile does not come back to ring.
        for queue in [Queue::Inbox, Queue::Status] {
            if events.iter().any(|(_, event)| event.ignored.is_none() && inbox::queue_of(event.kind) == queue)
            {
                self.0.wakers.wake(queue);
            }
        }
        for ((id, event), is_new) in events.iter().zip(stored) {
            let kind = event.kind.as_str();
            let state = match (is_new, event.ignored) {
                (false, _) => "duplicate",
                (true, None) => "stored",
                (true, Some(rule)) => rule.as_str(),
            };
            metrics::counter!(metric::INBOUND, "kind" => kind, "state" => state).increment(1);
            match state {
                "duplicate" => tracing::debug!(kind, "An event came again"),
                "stored" => tracing::debug!(event.id = %id, kind, "Stored event {id}"),
                rule => tracing::info!(event.id = %id, rule, "Ignored event {id}"),
            }
        }
        Ok(())
    }
}
