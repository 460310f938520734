//! The ingress: what a provider brings is stored, and only then acknowledged. Nothing else happens here.
//!
//! Webhooks that arrive while another is being stored are stored together by the next transaction: one sync of the disk
//! for all of them.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use postly_domain::{
    event::{EventKey, ReceivedEvent},
    id::EventId,
};
use postly_store::{StoreError, inbox, lanes::Queue};
use postly_whatsapp::signature::{SignatureError, WebhookRequest};
use secrecy::ExposeSecret as _;
use tokio::sync::oneshot;

use crate::{App, crash, ids::Fresh as _};

/// How long storing may take before we answer that we cannot (PRODUCT 5: 503 within 2 s).
const STORE_TIMEOUT: Duration = Duration::from_millis(1_800);

/// How many webhooks are stored by one transaction at most: what fails together is brought again together.
const LARGEST_BATCH: usize = 64;
/// How much is stored by one transaction at most, in bytes of events: two of the largest webhooks.
const LARGEST_BATCH_BYTES: usize = 8 * 1024 * 1024;
/// What an event takes besides its slice, roughly.
const EVENT_BYTES: usize = 256;
/// How much waits to be stored at most, in bytes of events; more is sent away with a 503. Some hundred thousand messages.
const MOST_WAITING_BYTES: usize = 128 * 1024 * 1024;

/// Webhooks that wait to be stored.
#[derive(Default)]
pub(crate) struct Line(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    webhooks: VecDeque<Webhook>,
    /// The sum of their bytes.
    bytes: usize,
    /// Whether somebody is at work on the line.
    attended: bool,
}

/// A webhook's events, and who waits for their commit.
struct Webhook {
    events: Vec<ReceivedEvent>,
    bytes: usize,
    stored: oneshot::Sender<Result<(), Arc<StoreError>>>,
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody's work on the line. Should it end by a panic, the line is left unattended, so that the next webhook finds
/// somebody new.
struct Attendance {
    app: App,
    over: bool,
}

impl Attendance {
    /// The next webhooks to be stored together. None: the line is empty, and from now on unattended.
    fn next(&mut self) -> Vec<Webhook> {
        let mut waiting = self.app.0.line.lock();
        let (mut batch, mut bytes) = (vec![], 0);
        while batch.len() < LARGEST_BATCH
            && let Some(webhook) =
                waiting.webhooks.pop_front_if(|next| bytes == 0 || bytes + next.bytes <= LARGEST_BATCH_BYTES)
        {
            bytes += webhook.bytes;
            batch.push(webhook);
        }
        waiting.bytes -= bytes;
        self.over = batch.is_empty();
        waiting.attended = !self.over;
        batch
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        if !self.over {
            // Whoever waits is told so by the end of its channel, and brings its webhook again.
            *self.app.0.line.lock() = Waiting::default();
        }
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
        let mut events = postly_whatsapp::receive(&verified, &self.0.routes, self.now());
        // A provider's ids of messages hold numbers, as the names of lanes do: both are only ever compared.
        for event in &mut events {
            event.key = EventKey(self.name_hash(&event.key.0));
            if !event.lane.is_empty() {
                event.lane = self.lane(&event.lane);
            }
        }
        crash::point("received");
        let told = self.join_line(events)?;
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

    /// Puts a webhook in the line, and sees to it that somebody attends to the line. Returns what tells of its commit.
    fn join_line(
        &self,
        events: Vec<ReceivedEvent>,
    ) -> Result<oneshot::Receiver<Result<(), Arc<StoreError>>>, IngestError> {
        let (stored, told) = oneshot::channel();
        let bytes = events.iter().map(|event| event.slice.len() + EVENT_BYTES).sum();
        let mut waiting = self.0.line.lock();
        if waiting.bytes + bytes > MOST_WAITING_BYTES {
            return Err(IngestError::TooSlow);
        }
        waiting.bytes += bytes;
        waiting.webhooks.push_back(Webhook { events, bytes, stored });
        if !std::mem::replace(&mut waiting.attended, true) {
            tokio::spawn(attend(Attendance { app: self.clone(), over: false }));
        }
        Ok(told)
    }

    /// Stores the events of some webhooks, all or none, in the time that a webhook has.
    async fn store(&self, webhooks: &[Webhook]) -> Result<(), StoreError> {
        let events = webhooks.iter().flat_map(|webhook| webhook.events.iter());
        match tokio::time::timeout(STORE_TIMEOUT, self.store_events(events)).await {
            Ok(stored) => stored,
            Err(late) => Err(StoreError::Unavailable(late.into())),
        }
    }

    async fn store_events(&self, events: impl Iterator<Item = &ReceivedEvent>) -> Result<(), StoreError> {
        let now = self.now();
        // The ids follow the order of arrival.
        let events: Vec<(EventId, &ReceivedEvent)> = events.map(|event| (EventId::fresh(), event)).collect();
        let mut tx = self.0.db.write_urgently().await?;
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
            metrics::counter!("inbound_total", "kind" => kind, "state" => state).increment(1);
            match state {
                "duplicate" => tracing::debug!(kind, "An event came again"),
                "stored" => tracing::debug!(event.id = %id, kind, "Stored event {id}"),
                rule => tracing::info!(event.id = %id, rule, "Ignored event {id}"),
            }
        }
        Ok(())
    }
}

/// Stores what waits, until nothing does.
async fn attend(mut attendance: Attendance) {
    let app = attendance.app.clone();
    loop {
        let webhooks = attendance.next();
        if webhooks.is_empty() {
            return;
        }
        match app.store(&webhooks).await {
            Ok(()) => tell(webhooks, &Ok(())),
            // One that the database refuses must not keep the others out.
            Err(error) if !error.is_temporary() && webhooks.len() > 1 => {
                for webhook in webhooks {
                    let stored = app.store(std::slice::from_ref(&webhook)).await.map_err(Arc::new);
                    tell(vec![webhook], &stored);
                }
            }
            Err(error) => tell(webhooks, &Err(Arc::new(error))),
        }
    }
}

fn tell(webhooks: Vec<Webhook>, stored: &Result<(), Arc<StoreError>>) {
    for webhook in webhooks {
        // Who does not wait any more has answered that it could not be stored; it will come again, and be known.
        let _ = webhook.stored.send(stored.clone());
    }
}
