//! A simulator of all external services over real HTTP, for the demo and for tests: Meta's Graph API,
//! Twilio's REST API, Stripe's API with its payment page, an OpenAI-compatible server, and the authors'
//! phones.
//!
//! The fakes are written only from the providers' contracts: this crate depends on no other crate of the
//! workspace, so it cannot share their mistakes. It has its own HMAC, ids and clock. One loopback port serves
//! every provider; the service under test gets only its base URL.
//!
//! ```no_run
//! # async fn story() -> Result<(), postly_simulator::StartError> {
//! use postly_simulator::{Channel, Simulator, SimulatorConfig};
//!
//! let world = Simulator::start(SimulatorConfig::default()).await?;
//! world.set_webhook(
//!     "http://127.0.0.1:8080/api/whatsapp/webhook",
//!     "https://postly.example/api/whatsapp/webhook",
//! )?;
//! let fatou = world.person(Channel::Meta, "+33612345678");
//! let event = world.webhook_text(&fatou, "Crée un post promo pour Instagram");
//! assert_eq!(world.deliver(&event).await.status, 200);
//! # Ok(())
//! # }
//! ```

mod attachment;
mod billing;
mod clock;
mod compose;
mod config;
mod deliver;
mod errors;
mod fault;
mod fault_menu;
mod fields;
mod ids;
mod journal;
mod meta;
mod meta_hooks;
mod meta_rules;
mod model;
mod model_rules;
mod model_server;
mod person;
mod phone;
mod reply;
mod secrets;
mod server;
mod setup;
mod signing;
mod simulator;
mod simulator_stripe;
mod statuses;
mod stripe;
mod stripe_events;
mod stripe_pages;
mod stripe_refunds;
mod traffic;
mod transcribe;
mod twilio;
mod twilio_hooks;
mod webhook;
mod wire;
mod world;

pub use attachment::MediaFile;
pub use config::{
    BalanceHook, Channel, LedgerHook, LedgerLine, MetaAccount, ResetHook, Rules, SimulatorConfig,
    StatusPolicy, StripeAccount, TwilioAccount, Upstream,
};
pub use deliver::Delivery;
pub use fault::{Fault, FaultKind};
pub use journal::{JournalEntry, Outcome, RequestKind};
pub use model::ModelBehaviour;
pub use model_server::{ModelServer, RefusalForm};
pub use person::{MessageKind, Person, PhoneButton};
pub use secrets::Secrets;
pub use setup::{AccountSetup, SimulatedDestination, SimulatedTemplate};
pub use signing::{meta_signature, stripe_signature, twilio_signature};
pub use simulator::{Simulator, StartError};
pub use stripe::{Payment, SimulatedCheckout};
pub use stripe_events::StripeEvent;
pub use webhook::Webhook;
pub use world::{MessageStatus, PhoneMessage};
