//! The configuration of the simulator.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;

/// The provider that carries a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// The WhatsApp Cloud API of Meta.
    Meta,
    /// WhatsApp through Twilio.
    Twilio,
}

impl Channel {
    /// Returns the lower-case name, as the phone page spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Twilio => "twilio",
        }
    }

    /// Parses the output of [`Channel::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "meta" => Some(Self::Meta),
            "twilio" => Some(Self::Twilio),
            _ => None,
        }
    }
}

/// A server that the service under test calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Upstream {
    /// The Graph API.
    Meta,
    /// Twilio's REST API.
    Twilio,
    /// The OpenAI-compatible model server.
    Model,
    /// Stripe's API.
    Stripe,
}

/// The business account at Meta.
#[derive(Clone, Debug)]
pub struct MetaAccount {
    /// The key of the webhook signature.
    pub app_secret: String,
    /// The bearer token that sends must carry.
    pub access_token: String,
    /// The id of the business number: in the path of sends and in the metadata of webhooks.
    pub phone_number_id: String,
    /// The id of the WhatsApp business account: `entry[].id`.
    pub waba_id: String,
    /// The business number itself, digits only.
    pub display_phone_number: String,
    /// The `hub.verify_token` of the handshake.
    pub verify_token: String,
}

/// The account at Twilio.
#[derive(Clone, Debug)]
pub struct TwilioAccount {
    /// The account's `AC…` id.
    pub account_sid: String,
    /// The password of the REST API, and the key of the webhook signature.
    pub auth_token: String,
    /// The sender, `whatsapp:+…`.
    pub from: String,
}

/// The account at Stripe.
#[derive(Clone, Debug)]
pub struct StripeAccount {
    /// The key of the API.
    pub secret_key: String,
    /// The key of the signature of events.
    pub webhook_secret: String,
}

/// The statuses that follow an accepted message by themselves.
#[derive(Clone, Debug)]
pub struct StatusPolicy {
    /// Emit `sent`.
    pub sent: bool,
    /// Emit `delivered`.
    pub delivered: bool,
    /// Emit `read`.
    pub read: bool,
    /// The pause before each of them, in milliseconds.
    pub delay_ms: u64,
}

impl StatusPolicy {
    /// Returns a policy without statuses; tests build their own. A refusal that Meta reports only by status
    /// is still sent.
    pub fn silent() -> Self {
        Self { sent: false, delivered: false, read: false, delay_ms: 0 }
    }
}

impl Default for StatusPolicy {
    fn default() -> Self {
        Self { sent: true, delivered: true, read: false, delay_ms: 20 }
    }
}

/// The providers' rules, which a test may switch off.
#[derive(Clone, Debug)]
pub struct Rules {
    /// 45 messages at once to one person, then one every 6 s (Meta, error 131056).
    pub pair_limit: bool,
    /// Free text reaches only people with a message in the last 24 hours (131047, Twilio 63016).
    pub service_window: bool,
    /// The approved authentication templates. Any other name is unknown (132001).
    pub otp_templates: Vec<String>,
    /// The translations of those templates. Any other language is unknown (132001).
    pub otp_languages: Vec<String>,
    /// The content ids at Twilio, all of them of an authentication template. Any other id is unknown (21655).
    pub content_sids: Vec<String>,
    /// The service messages per business number and month that Meta delivers for free.
    pub free_service_messages: u64,
    /// The account at Meta has a payment method. Without one, a billed message is answered as if it were
    /// sent, and fails by a status (131042).
    pub payment_method: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            pair_limit: true,
            service_window: true,
            otp_templates: vec!["postly_code".to_owned()],
            otp_languages: ["fr", "en", "es", "pt_PT", "ar"].map(str::to_owned).to_vec(),
            content_sids: vec!["HX0123456789abcdef0123456789abcdef".to_owned()],
            free_service_messages: 1_000,
            payment_method: true,
        }
    }
}

/// Returns the credits of the owner of a number, for the phone page.
pub type BalanceHook = Arc<dyn Fn(Channel, String) -> BoxFuture<'static, Option<i64>> + Send + Sync>;

/// Returns the latest changes of those credits, newest first, for the phone page.
pub type LedgerHook = Arc<dyn Fn(Channel, String) -> BoxFuture<'static, Vec<LedgerLine>> + Send + Sync>;

/// Called when the reader of the phone page asks to begin again with an empty database.
pub type ResetHook = Arc<dyn Fn() + Send + Sync>;

/// One line of the ledger panel on the phone page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerLine {
    /// The change of the balance, in credits.
    pub delta: i64,
    /// The reason, in the words of the hook.
    pub reason: String,
}

/// The settings of a simulator. The default is a complete set of accounts on a free loopback port.
#[derive(Clone)]
pub struct SimulatorConfig {
    /// The URL for webhooks, if it is already known. Twilio also signs this URL, until
    /// [`Simulator::set_webhook`](crate::Simulator::set_webhook) sets the public one.
    pub webhook_url: Option<String>,
    /// The account at Meta.
    pub meta: MetaAccount,
    /// The account at Twilio.
    pub twilio: TwilioAccount,
    /// The account at Stripe.
    pub stripe: StripeAccount,
    /// The key that the model server requires; with `None` it requires none, as self-hosted servers do.
    pub openai_api_key: Option<String>,
    /// The address to listen on.
    pub bind: SocketAddr,
    /// The statuses that are sent by themselves.
    pub statuses: StatusPolicy,
    /// The provider rules in force.
    pub rules: Rules,
    /// The source of the balance panel on the phone page.
    pub balance: Option<BalanceHook>,
    /// The source of the ledger panel on the phone page.
    pub ledger: Option<LedgerHook>,
    /// Begins again with an empty database; without it the phone page offers no such button.
    pub reset: Option<ResetHook>,
    /// The web app of the service, to which the phone page links.
    pub web_app_url: Option<String>,
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            webhook_url: None,
            meta: MetaAccount {
                app_secret: "5e1f0c2b9a8d47c6b3e2f1a0d9c8b7a6".to_owned(),
                access_token: "EAAGsimulatedSystemUserToken0123456789".to_owned(),
                phone_number_id: "106540352242922".to_owned(),
                waba_id: "102290129340398".to_owned(),
                display_phone_number: "15550783881".to_owned(),
                verify_token: "simulated-verify-token".to_owned(),
            },
            twilio: TwilioAccount {
                account_sid: "AC0123456789abcdef0123456789abcdef".to_owned(),
                auth_token: "0f1e2d3c4b5a69788796a5b4c3d2e1f0".to_owned(),
                from: "whatsapp:+14155238886".to_owned(),
            },
            stripe: StripeAccount {
                secret_key: "sk_test_51simulated0123456789".to_owned(),
                webhook_secret: "whsec_simulated0123456789abcdef".to_owned(),
            },
            openai_api_key: None,
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            statuses: StatusPolicy::default(),
            rules: Rules::default(),
            balance: None,
            ledger: None,
            reset: None,
            web_app_url: None,
        }
    }
}

impl fmt::Debug for SimulatorConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatorConfig")
            .field("webhook_url", &self.webhook_url)
            .field("bind", &self.bind)
            .finish_non_exhaustive()
    }
}
