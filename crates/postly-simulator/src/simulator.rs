//! The handle of a running simulator, for the demo and tests.

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
use crate::secrets::Secrets;
use crate::server::router;
use crate::setup::AccountSetup;
use crate::webhook::{self, Webhook};
use crate::wire::{Door, Scissors};
use crate::world::{MessageStatus, PhoneMessage, World};
use crate::{fault_menu, ids, meta_hooks, phone, statuses};

/// The most updates that Meta puts into one webhook.
const LARGEST_BATCH: usize = 1000;

/// The reason why the simulator could not start.
#[derive(Debug)]
pub enum StartError {
    /// The port could not be bound.
    Bind(io::Error),
    /// The HTTP client for webhooks could not be built.
    Client(reqwest::Error),
    /// A webhook URL is not an absolute http(s) URL.
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

/// A running simulator. Clones are handles of the same one; it stops when the last is dropped.
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
        // Another provider may be installed already, and serves as well.
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

    /// Returns the base URL of the Graph API and of Twilio's REST API, without a trailing slash.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    /// Returns the base URL of the model server.
    pub fn openai_base_url(&self) -> String {
        format!("{}/v1", self.base_url())
    }

    /// Returns the URL of the phone page.
    pub fn phone_url(&self) -> String {
        format!("{}/phone", self.base_url())
    }

    /// Returns the base URL of links that open a conversation on the phone page, in place of
    /// `https://wa.me`.
    pub fn chat_link_base(&self) -> String {
        format!("{}{}", self.base_url(), phone::CHAT_LINK_PATH)
    }

    /// Returns the accounts, to configure the service under test.
    pub fn config(&self) -> &SimulatorConfig {
        &self.world().config
    }

    /// Sets the URL for webhooks, and the public URL that Twilio knows and signs.
    pub fn set_webhook(&self, url: &str, public_url: &str) -> Result<(), StartError> {
        let target = Target::parse(url, public_url)?;
        self.world().state().target = Some(target);
        Ok(())
    }

    /// Sets the statuses that are sent by themselves.
    pub fn set_statuses(&self, policy: StatusPolicy) {
        self.world().state().statuses = policy;
    }

    /// Replaces the credentials of the accounts from now on.
    pub fn set_secrets(&self, secrets: Secrets) {
        *self.world().secrets() = secrets;
    }

    /// Sets the provider rules in force.
    pub fn set_rules(&self, rules: Rules) {
        self.world().state().rules = rules;
    }

    /// Returns the setup of the accounts at the providers.
    pub fn setup(&self) -> AccountSetup {
        self.world().state().setup.clone()
    }

    /// Sets the setup of the accounts.
    pub fn set_setup(&self, setup: AccountSetup) {
        self.world().state().setup = setup;
    }

    /// Stops listening on every fake: connections are reset, and new ones refused, until
    /// [`Simulator::resume`].
    pub async fn stop_listening(&self) {
        self.world().wire.plug(false).await;
    }

    /// Listens again, on the same port.
    pub async fn resume(&self) {
        self.world().wire.plug(true).await;
    }

    /// Stops the simulator for good, including background deliveries.
    pub async fn stop(&self) {
        self.stop_listening().await;
        self.shared.server.abort();
        self.world().stop();
    }

    /// Moves the simulator's clock, backwards if negative.
    pub fn advance_ms(&self, ms: i64) {
        self.world().clock.advance_ms(ms);
    }

    /// Takes the simulator's time (milliseconds since the epoch) from a function.
    pub fn set_clock(&self, now_ms: impl Fn() -> i64 + Send + Sync + 'static) {
        self.world().clock.set(Arc::new(now_ms));
    }

    /// Returns the simulator's time in milliseconds since the epoch.
    pub fn now_ms(&self) -> i64 {
        self.world().clock.now_ms()
    }

    /// Returns the person with this number. A new person has a business-scoped id, as is usual since April
    /// 2026.
    pub fn person(&self, channel: Channel, number: &str) -> Person {
        let mut state = self.world().state();
        let known = state.person(channel, &digits(number)).cloned();
        let person = known.unwrap_or_else(|| Person::new(channel, number));
        state.meet(&person);
        person
    }

    /// Builds the webhook of a text that this person sends.
    pub fn webhook_text(&self, person: &Person, text: &str) -> Webhook {
        self.webhook_kind(person, MessageKind::Text(text.to_owned()))
    }

    /// Builds the webhook of a message that this person sends.
    pub fn webhook_kind(&self, person: &Person, kind: MessageKind) -> Webhook {
        self.webhook_at(person, kind, self.world().clock.now_s())
    }

    /// Builds the webhook of a message sent at this time (seconds since the epoch). Twilio's webhooks do not
    /// carry it.
    pub fn webhook_at(&self, person: &Person, kind: MessageKind, at_s: i64) -> Webhook {
        webhook::of(self.world(), person, kind, at_s)
    }

    /// Builds one webhook of Meta with messages of many people, in several entries and changes. At most 1000
    /// messages are used, which is Meta's limit.
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

    /// Builds a correctly signed webhook with any bytes: JSON for Meta, a form for Twilio.
    pub fn webhook_raw(&self, channel: Channel, body: impl Into<Vec<u8>>) -> Webhook {
        match channel {
            Channel::Meta => webhook::meta(self.world(), Vec::new(), body.into()),
            Channel::Twilio => webhook::twilio(self.world(), Vec::new(), body.into()),
        }
    }

    /// Builds a status of a message, accepted here or not. The code is for `Failed`.
    pub fn webhook_status(
        &self,
        message_id: &str,
        status: MessageStatus,
        error_code: Option<i64>,
    ) -> Webhook {
        statuses::build(self.world(), message_id, status, error_code)
    }

    /// Opens the service window of a person without a webhook.
    pub fn open_window(&self, person: &Person) {
        let world = self.world();
        let now_ms = world.clock.now_ms();
        world.state().wrote(person, "", now_ms);
    }

    /// Delivers a webhook once.
    pub async fn deliver(&self, webhook: &Webhook) -> Delivery {
        deliver::once(self.world(), webhook).await
    }

    /// Delivers a webhook until it is taken, as its provider would, within limits.
    pub async fn deliver_with_retries(&self, webhook: &Webhook) -> Delivery {
        deliver::with_retries(self.world(), webhook).await
    }

    /// Performs Meta's handshake with the configured token.
    pub async fn handshake(&self, challenge: &str) -> Delivery {
        deliver::handshake(self.world(), &self.world().config.meta.verify_token, challenge).await
    }

    /// Performs Meta's handshake with any token.
    pub async fn handshake_with(&self, token: &str, challenge: &str) -> Delivery {
        deliver::handshake(self.world(), token, challenge).await
    }

    /// Returns the messages of the service on a person's phone, in order.
    pub fn phone_messages(&self, person: &Person) -> Vec<PhoneMessage> {
        let state = self.world().state();
        state.on_phone(person.channel, &person.number).map(|message| message.shown.clone()).collect()
    }

    /// Returns all accepted messages with their numbers, in order, including those that failed afterwards.
    pub fn accepted_messages(&self) -> Vec<(Channel, String, PhoneMessage)> {
        let state = self.world().state();
        let all = state.all_accepted().iter();
        all.map(|message| (message.channel, message.number.clone(), message.shown.clone())).collect()
    }

    /// Waits until a person's phone shows at least `count` messages of the service, and returns them; fewer
    /// if the time runs out first.
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

    /// Returns true if the service shows the typing indicator to a person.
    pub fn typing(&self, person: &Person) -> bool {
        let world = self.world();
        let now_ms = world.clock.now_ms();
        world.state().typing(person.channel, &person.number, now_ms)
    }

    /// Returns every request, in order, including refused ones.
    pub fn journal(&self) -> Vec<JournalEntry> {
        self.world().journal.entries()
    }

    /// Clears the journal.
    pub fn clear_journal(&self) {
        self.world().journal.clear();
    }

    /// Queues a fault.
    pub fn fault(&self, upstream: Upstream, fault: Fault) {
        self.world().faults.push(upstream, fault);
    }

    /// Clears the faults that have not been played.
    pub fn clear_faults(&self) {
        fault_menu::switch(self.world(), "");
    }

    /// Sets the behaviour of the model from now on.
    pub fn model(&self, behaviour: ModelBehaviour) {
        self.world().mind.set(behaviour);
    }

    /// Sets the server of the model from now on.
    pub fn model_server(&self, server: ModelServer) {
        self.world().mind.stand_behind(server);
    }

    /// Queues a behaviour for one call, after which the model behaves as before.
    pub fn model_once(&self, behaviour: ModelBehaviour) {
        self.world().mind.push(behaviour);
    }
}
