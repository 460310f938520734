//! The ingress: what a provider brings is stored, and only then acknowledged. Nothing else happens here.

use std::{collections::BTreeMap, time::Duration};

use postly_domain::{event::ReceivedEvent, id::EventId};
use postly_store::{StoreError, inbox, lanes};
use postly_whatsapp::signature::{SignatureError, WebhookRequest};
use secrecy::ExposeSecret as _;

use crate::{App, crash, ids::Fresh as _};

/// How long storing may take before we answer that we cannot (PRODUCT 5: 503 within 2 s).
const STORE_TIMEOUT: Duration = Duration::from_millis(1_800);

/// Why a webhook is not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// It is not authentic.
    #[error("the webhook is not authentic")]
    NotAuthentic(#[from] SignatureError),
    /// It could not be stored: the provider will bring it again.
    #[error("the webhook could not be stored")]
    NotStored(#[source] StoreError),
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

    /// Whether the database can be written to, within a second.
    pub async fn is_ready(&self) -> bool {
        let probed = tokio::time::timeout(Duration::from_secs(1), self.0.db.probe(self.now())).await;
        matches!(probed, Ok(Ok(())))
    }

    /// Checks a webhook and stores its events, each once. When this returns, they survive a crash.
    ///
    /// # Errors
    /// When it is not authentic (nothing is stored), or cannot be stored.
    pub async fn ingest(&self, request: WebhookRequest<'_>) -> Result<postly_domain::Provider, IngestError> {
        let verified = self.0.verifier.verify(&request)?;
        let events = postly_whatsapp::receive(&verified, &self.0.routes, self.now());
        crash::point("received");
        match tokio::time::timeout(STORE_TIMEOUT, self.store(&events)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(IngestError::NotStored(error)),
            Err(_) => return Err(IngestError::TooSlow),
        }
        crash::point("stored");
        for queue in
            events.iter().filter(|event| event.ignored.is_none()).map(|event| inbox::queue_of(event.kind))
        {
            self.0.wakers.wake(queue);
        }
        Ok(verified.provider())
    }

    async fn store(&self, events: &[ReceivedEvent]) -> Result<(), StoreError> {
        let now = self.now();
        // The ids follow the order of arrival; the statements follow the order of the keys, so that two batches
        // with the same events do not wait for each other in a circle.
        let mut rows: Vec<(EventId, &ReceivedEvent)> =
            events.iter().map(|event| (EventId::fresh(), event)).collect();
        rows.sort_by(|(_, left), (_, right)| left.key.cmp(&right.key));

        let mut tx = self.0.db.write().await?;
        let mut joined: BTreeMap<(&'static str, &str), (lanes::Queue, i64)> = BTreeMap::new();
        for (id, event) in &rows {
            let kind = event.kind.as_str();
            if !inbox::store(&mut tx, id, event, now).await? {
                metrics::counter!("inbound_total", "kind" => kind, "state" => "duplicate").increment(1);
                continue;
            }
            match event.ignored {
                Some(rule) => {
                    metrics::counter!("inbound_total", "kind" => kind, "state" => rule.as_str()).increment(1);
                    tracing::info!(event.id = %id, rule = rule.as_str(), "Ignored event {id}");
                }
                None => {
                    metrics::counter!("inbound_total", "kind" => kind, "state" => "stored").increment(1);
                    tracing::debug!(event.id = %id, kind, "Stored event {id}");
                    let queue = inbox::queue_of(event.kind);
                    joined.entry((queue.as_str(), &event.lane)).or_insert((queue, 0)).1 += 1;
                }
            }
        }
        for ((_, lane), (queue, count)) in joined {
            lanes::add(&mut tx, queue, lane, count, now).await?;
        }
        tx.commit().await
    }
}
