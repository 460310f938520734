//! The ingress: stores the events of a webhook, and acknowledges it afterwards. Nothing else happens here.

use std::{sync::Arc, time::Duration};

use postly_domain::{
    TRACE,
    event::{EventKey, ReceivedEvent},
    id::EventId,
    metric,
};
use postly_store::{StoreError, inbox, lanes::Queue};
use postly_whatsapp::signature::{SignatureError, Verifier, WebhookRequest};
use secrecy::{ExposeSecret as _, SecretString};
use tracing::Span;

use crate::{
    Core,
    batcher::{BatchWrite, Batcher, QueueFull},
    crash,
    ids::Fresh as _,
};

/// The time limit for storing a webhook (RULES 3.1: 503 within 2 s).
const STORE_TIMEOUT: Duration = Duration::from_millis(1_800);

/// The approximate size of an event without its slice, in bytes.
const EVENT_BYTES: usize = 256;

/// The events of a webhook, for the batch, and the span of its request.
pub(crate) struct Webhook(Vec<ReceivedEvent>, Span);

impl BatchWrite for Webhook {
    type Service = Ingress;
    type Outcome = ();
    const MAX_BATCH: usize = 64;
    /// Twice the largest webhook.
    const MAX_BATCH_BYTES: usize = 8 * 1024 * 1024;
    /// Some hundred thousand messages; further webhooks are refused with 503.
    const MAX_PENDING_BYTES: usize = 128 * 1024 * 1024;

    fn batcher(service: &Ingress) -> &Batcher<Self> {
        &service.webhooks
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(|event| event.slice.len() + EVENT_BYTES).sum()
    }

    async fn write(service: &Ingress, webhooks: &[&Self]) -> Result<Vec<()>, StoreError> {
        service.store(webhooks).await?;
        Ok(vec![(); webhooks.len()])
    }
}

/// Begins the trace of an event, with a link to the request that brought it: several events of a request have
/// a trace each.
fn trace_root(id: &EventId, kind: &'static str, request: &Span) {
    let root = tracing::info_span!(target: TRACE, parent: None, "event.receive", event.id = %id, kind);
    root.follows_from(request);
    drop(root.entered());
}

/// The reason why a webhook is not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The signature is invalid.
    #[error("the webhook is not authentic")]
    NotAuthentic(#[from] SignatureError),
    /// The webhook could not be stored; the provider will send it again.
    #[error("the webhook could not be stored")]
    NotStored(#[source] Arc<StoreError>),
    /// The webhook could not be stored in time; the provider will send it again.
    #[error("the webhook could not be stored in time")]
    TooSlow,
}

/// The receipt of webhooks: authenticated, split into events and stored.
#[derive(Clone)]
pub struct Ingress {
    pub(crate) core: Core,
    pub(crate) meta_verify_token: Option<SecretString>,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) webhooks: Arc<Batcher<Webhook>>,
}

impl Ingress {
    /// Answers Meta's handshake: returns the challenge if all parts of the query are right.
    pub fn handshake(&self, query: &str) -> Option<String> {
        let token = self.meta_verify_token.as_ref()?;
        postly_whatsapp::signature::handshake(token.expose_secret(), query)
    }

    /// Verifies a webhook and stores its events, each once. After the return they survive a crash.
    ///
    /// # Errors
    /// Fails if the signature is invalid (nothing is stored), or if the events cannot be stored.
    pub async fn ingest(&self, request: WebhookRequest<'_>) -> Result<postly_domain::Provider, IngestError> {
        let signed_by = request.claimed_provider();
        let verified = self.verifier.verify(&request).inspect_err(|_| {
            if let Some(provider) = signed_by {
                self.core.health.signature(provider.as_str(), false, self.core.now());
            }
        })?;
        self.core.health.signature(verified.provider().as_str(), true, self.core.now());
        let mut events = postly_whatsapp::split_webhook(&verified, &self.core.routes, self.core.now());
        // The message ids of a provider contain phone numbers, like the names of lanes. Both are only
        // compared, so hashes are stored.
        for event in &mut events {
            event.key = EventKey(self.core.name_hash(&event.key.0));
            event.amends = event.amends.take().map(|key| EventKey(self.core.name_hash(&key.0)));
            if !event.lane.is_empty() {
                event.lane = self.core.lane(&event.lane);
            }
        }
        crash::point("received");
        let webhook = Webhook(events, Span::current());
        let told = self.webhooks.enqueue(self, webhook).map_err(|QueueFull| IngestError::TooSlow)?;
        match tokio::time::timeout(STORE_TIMEOUT, told).await {
            Ok(Ok(stored)) => stored.map_err(IngestError::NotStored)?,
            Ok(Err(_)) | Err(_) => return Err(IngestError::TooSlow),
        }
        crash::point("stored");
        Ok(verified.provider())
    }

    /// Stores the events of some webhooks, all or none, within the time limit of a webhook.
    async fn store(&self, webhooks: &[&Webhook]) -> Result<(), StoreError> {
        match tokio::time::timeout(STORE_TIMEOUT, self.store_events(webhooks)).await {
            Ok(stored) => stored,
            Err(late) => Err(StoreError::Unavailable(late.into())),
        }
    }

    async fn store_events(&self, webhooks: &[&Webhook]) -> Result<(), StoreError> {
        let now = self.core.now();
        // Ids follow the order of arrival.
        let mut events: Vec<(EventId, &ReceivedEvent)> = vec![];
        let mut requests = vec![];
        for Webhook(of_request, request) in webhooks {
            events.extend(of_request.iter().map(|event| (EventId::fresh(now), event)));
            requests.resize(events.len(), request);
        }
        let mut tx = self.core.db.begin_priority_write().await?;
        let stored = inbox::store(&mut tx, &events, now).await?;
        tx.commit().await?;
        // Wake the workers here rather than in the handler, which is dropped if its client disconnects.
        for queue in [Queue::Inbox, Queue::Status] {
            if events.iter().any(|(_, event)| event.ignored.is_none() && inbox::queue_of(event.kind) == queue)
            {
                self.core.wakers.wake(queue);
            }
        }
        for (((id, event), request), is_new) in events.iter().zip(requests).zip(stored) {
            let kind = event.kind.as_str();
            let state = match (is_new, event.ignored) {
                (false, _) => "duplicate",
                (true, None) => "stored",
                (true, Some(rule)) => rule.as_str(),
            };
            metrics::counter!(metric::INBOUND, "kind" => kind, "state" => state).increment(1);
            match state {
                "duplicate" => tracing::debug!(kind, "An event came again"),
                "stored" => {
                    trace_root(id, kind, request);
                    tracing::debug!(event.id = %id, kind, "Stored event {id}");
                }
                rule => tracing::info!(event.id = %id, rule, "Ignored event {id}"),
            }
        }
        Ok(())
    }
}
