//! The handle that the demo and the tests hold.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::config::{Channel, Rules, SimulatorConfig, StatusPolicy, Upstream};
use crate::deliver::{self, Delivery, Target};
use crate::fault::Fault;
use crate::journal::JournalEntry;
use crate::meta_hooks::Inbound;
use crate::model::ModelBehaviour;
use crate::model_server::ModelServer;
use crate::person::{MessageKind, Person, digits};
use crate::server::router;
use crate::setup::AccountSetup;
use crate::webhook::{self, Webhook};
use crate::wire::{Door, Scissors};
use crate::world::{MessageStatus, PhoneMessage, World};
use crate::{ids, meta_hooks, statuses};

/// The most updates that Meta puts into one webhook.
const LARGEST_BATCH: usize = 1000;

/// Why the outside world could not be set up.
#[derive(Debug)]
pub enum StartError {
    /// The port could not be bound.
    Bind(io::Error),
    /// The HTTP client for webhooks could not be built.
    Client(reqwest::Error),
    /// A webhook URL is no absolute http(s) URL.
    WebhookUrl,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(_) => f.write_str("could not bind the simulator's port"),
            Self::Client(_) => f.write_str("could not build the simulator's HTTP client"),
            Self::WebhookUrl => f.write_str("the webhook URL is not an absolute URL"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind(source) => Some(source),
            Self::Client(source) => Some(source),
            Self::WebhookUrl => None,
        }
    }
}

/// The outside world. Clones are handles of the same one; it ends with the last of them.
#[derive(Clone)]
pub struct Simulator {
    shared: Arc<Shared>,
}

struct Shared {
    world: Arc<World>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.server.abort();
        self.world.stop();
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator").field("address", &self.shared.address).finish_non_exhaustive()
    }
}

impl Simulator {
    /// Starts every fake on one port.
    pub async fn start(config: SimulatorConfig) -> Result<Self, StartError> {
        // Another one may be installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let target = match &config.webhook_url {
            Some(url) => Some(Target::parse(url, url)?),
            None => None,
        };
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(StartError::Client)?;
        let listener = TcpListener::bind(config.bind).await.map_err(StartError::Bind)?;
        let address = listener.local_addr().map_err(StartError::Bind)?;
        let world = Arc::new(World::new(config, target, client));
        world.found_at(address);
        let door = Door::new(address, listener, Arc::clone(&world.wire));
        let service = router(Arc::clone(&world)).into_make_service_with_connect_info::<Scissors>();
        let server = tokio::spawn(async move {
            let _ = axum::serve(door, service).await;
        });
        Ok(Self { shared: Arc::new(Shared { world, address, server }) })
    }

    pub(crate) fn world(&self) -> &Arc<World> {
        &self.shared.world
    }

    /// The base URL of the Graph API and of Twilio's REST API, without a slash at its end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    /// The base URL of the model server.
    pub fn openai_base_url(&self) -> String {
        format!("{}/v1", self.base_url())
    }

    /// The page with the phone.
    pub fn phone_url(&self) -> String {
        format!("{}/phone", self.base_url())
    }

    /// The accounts, for whoever configures the service under test.
    pub fn config(&self) -> &SimulatorConfig {
        &self.world().config
    }

    /// Says where webhooks go, and by which public URL Twilio knows that place and signs it.
    pub fn set_webhook(&self, url: &str, public_url: &str) -> Result<(), StartError> {
        let target = Target::parse(url, public_url)?;
        self.world().state().target = Some(target);
        Ok(())
    }

    /// Changes which statuses come by themselves.
    pub fn set_statuses(&self, policy: StatusPolicy) {
        self.world().state().statuses = policy;
    }

    /// Changes which provider rules hold.
    pub fn set_rules(&self, rules: Rules) {
        self.world().state().rules = rules;
    }

    /// How the accounts are set up at the providers.
    pub fn setup(&self) -> AccountSetup {
        self.world().state().setup.clone()
    }

    /// Sets the accounts up otherwise.
    pub fn set_setup(&self, setup: AccountSetup) {
        self.world().state().setup = setup;
    }

    /// Unplugs every fake: connections are reset, and new ones refused, until [`Simulator::resume`].
    pub async fn stop_listening(&self) {
        self.world().wire.plug(false).await;
    }

    /// Plugs the fakes in again, on the same port.
    pub async fn resume(&self) {
        self.world().wire.plug(true).await;
    }

    /// Ends it for good, background deliveries included.
    pub async fn stop(&self) {
        self.stop_listening().await;
        self.shared.server.abort();
        self.world().stop();
    }

    /// Moves the outside world's time, backwards if negative.
    pub fn advance_ms(&self, ms: i64) {
        self.world().clock.advance_ms(ms);
    }

    /// Takes the outside world's time (milliseconds since the epoch) from a function.
    pub fn set_clock(&self, now_ms: impl Fn() -> i64 + Send + Sync + 'static) {
        self.world().clock.set(Arc::new(now_ms));
    }

    /// The outside world's time.
    pub fn now_ms(&self) -> i64 {
        self.world().clock.now_ms()
    }

    /// Somebody at this number, with a business-scoped id as everybody has since April 2026.
    pub fn person(&self, channel: Channel, number: &str) -> Person {
        let mut state = self.world().state();
        let known = state.person(channel, &digits(number)).cloned();
        let person = known.unwrap_or_else(|| Person::new(channel, number));
        state.meet(&person);
        person
    }

    /// She writes a text.
    pub fn webhook_text(&self, person: &Person, text: &str) -> Webhook {
        self.webhook_kind(person, MessageKind::Text(text.to_owned()))
    }

    /// She sends something.
    pub fn webhook_kind(&self, person: &Person, kind: MessageKind) -> Webhook {
        self.webhook_at(person, kind, self.world().clock.now_s())
    }

    /// She sent something at this time (seconds since the epoch). Twilio's webhooks do not carry it.
    pub fn webhook_at(&self, person: &Person, kind: MessageKind, at_s: i64) -> Webhook {
        webhook::of(self.world(), person, kind, at_s)
    }

    /// Many people write at once, in one webhook of Meta's: several entries, changes and messages. At most
    /// 1000 are taken, as Meta does.
    pub fn webhook_batch(&self, items: &[(Person, String)]) -> Webhook {
        let world = self.world();
        let at_s = world.clock.now_s();
        let inbound: Vec<Inbound<'_>> = items
            .iter()
            .take(LARGEST_BATCH)
            .map(|(person, text)| {
                let id = ids::wamid();
                world.state().wrote(person, &id, at_s.saturating_mul(1000));
                Inbound { person, id, kind: MessageKind::Text(text.clone()), file: None, at_s }
            })
            .collect();
        let ids = inbound.iter().map(|inbound| inbound.id.clone()).collect();
        webhook::meta(world, ids, meta_hooks::messages(&world.config.meta, &inbound))
    }

    /// Any bytes, rightly signed: JSON for Meta, a form for Twilio.
    pub fn webhook_raw(&self, channel: Channel, body: impl Into<Vec<u8>>) -> Webhook {
        match channel {
            Channel::Meta => webhook::meta(self.world(), Vec::new(), body.into()),
            Channel::Twilio => webhook::twilio(self.world(), Vec::new(), body.into()),
        }
    }

    /// A status of a message, accepted here or not; the code is for `Failed`.
    pub fn webhook_status(
        &self,
        message_id: &str,
        status: MessageStatus,
        error_code: Option<i64>,
    ) -> Webhook {
        statuses::build(self.world(), message_id, status, error_code)
    }

    /// Opens somebody's service window without a webhook.
    pub fn open_window(&self, person: &Person) {
        let world = self.world();
        let now_ms = world.clock.now_ms();
        world.state().wrote(person, "", now_ms);
    }

    /// Delivers a webhook once.
    pub async fn deliver(&self, webhook: &Webhook) -> Delivery {
        deliver::once(self.world(), webhook).await
    }

    /// Delivers a webhook until it is taken, as its provider would, within bounds.
    pub async fn deliver_with_retries(&self, webhook: &Webhook) -> Delivery {
        deliver::with_retries(self.world(), webhook).await
    }

    /// Meta's handshake with the configured token.
    pub async fn handshake(&self, challenge: &str) -> Delivery {
        deliver::handshake(self.world(), &self.world().config.meta.verify_token, challenge).await
    }

    /// Meta's handshake with any token.
    pub async fn handshake_with(&self, token: &str, challenge: &str) -> Delivery {
        deliver::handshake(self.world(), token, challenge).await
    }

    /// What her phone shows of us, in order.
    pub fn phone_messages(&self, person: &Person) -> Vec<PhoneMessage> {
        let state = self.world().state();
        state.on_phone(person.channel, &person.number).map(|message| message.shown.clone()).collect()
    }

    /// Everything that was ever accepted, in order, with the number it was for; also what failed afterwards.
    pub fn accepted_messages(&self) -> Vec<(Channel, String, PhoneMessage)> {
        let state = self.world().state();
        let all = state.all_accepted().iter();
        all.map(|message| (message.channel, message.number.clone(), message.shown.clone())).collect()
    }

    /// Waits until her phone shows at least `count` messages of ours, and returns them; fewer if the time
    /// runs out first.
    pub async fn wait_for_messages(
        &self,
        person: &Person,
        count: usize,
        timeout: Duration,
    ) -> Vec<PhoneMessage> {
        let mut changes = self.world().changes.subscribe();
        let enough = changes.wait_for(|_| self.phone_messages(person).len() >= count);
        let _ = tokio::time::timeout(timeout, enough).await;
        self.phone_messages(person)
    }

    /// Our service shows that it is typing to her.
    pub fn typing(&self, person: &Person) -> bool {
        let world = self.world();
        let now_ms = world.clock.now_ms();
        world.state().typing(person.channel, &person.number, now_ms)
    }

    /// Every request that came, in order, refused ones included.
    pub fn journal(&self) -> Vec<JournalEntry> {
        self.world().journal.entries()
    }

    /// Forgets the journal so far.
    pub fn clear_journal(&self) {
        self.world().journal.clear();
    }

    /// Queues a fault.
    pub fn fault(&self, upstream: Upstream, fault: Fault) {
        self.world().faults.push(upstream, fault);
    }

    /// Forgets the faults that have not been played.
    pub fn clear_faults(&self) {
        self.world().faults.clear();
    }

    /// Sets how the model behaves from now on.
    pub fn model(&self, behaviour: ModelBehaviour) {
        self.world().mind.set(behaviour);
    }

    /// Sets the server that the model stands behind from now on.
    pub fn model_server(&self, server: ModelServer) {
        self.world().mind.stand_behind(server);
    }

    /// Queues a behaviour for one call; afterwards the model is its usual self.
    pub fn model_once(&self, behaviour: ModelBehaviour) {
        self.world().mind.push(behaviour);
    }
}
