//! What the outside world is told before it starts.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;

/// Which of the two providers carries a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// The WhatsApp Cloud API of Meta.
    Meta,
    /// WhatsApp through Twilio.
    Twilio,
}

impl Channel {
    /// The lower-case name, as the phone page spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Twilio => "twilio",
        }
    }

    /// Reads what [`Channel::name`] writes.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "meta" => Some(Self::Meta),
            "twilio" => Some(Self::Twilio),
            _ => None,
        }
    }
}

/// A server that our service calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Upstream {
    /// The Graph API.
    Meta,
    /// Twilio's REST API.
    Twilio,
    /// The OpenAI-compatible server.
    Model,
    /// Stripe's API.
    Stripe,
}

/// The business account at Meta.
#[derive(Clone, Debug)]
pub struct MetaAccount {
    /// Keys the webhook signature.
    pub app_secret: String,
    /// The bearer token that sends must carry.
    pub access_token: String,
    /// The id of the business number: in the path of sends and in the metadata of webhooks.
    pub phone_number_id: String,
    /// The id of the WhatsApp business account: `entry[].id`.
    pub waba_id: String,
    /// The business number itself, digits only.
    pub display_phone_number: String,
    /// What the handshake presents as `hub.verify_token`.
    pub verify_token: String,
}

/// The account at Twilio.
#[derive(Clone, Debug)]
pub struct TwilioAccount {
    /// The account's `AC…` id.
    pub account_sid: String,
    /// Opens the REST API and keys the webhook signature.
    pub auth_token: String,
    /// The sender, `whatsapp:+…`.
    pub from: String,
}

/// The account at Stripe.
#[derive(Clone, Debug)]
pub struct StripeAccount {
    /// Opens the API.
    pub secret_key: String,
    /// Keys the signature of events.
    pub webhook_secret: String,
}

/// Which statuses follow an accepted message without being asked for.
#[derive(Clone, Debug)]
pub struct StatusPolicy {
    /// Emit `sent`.
    pub sent: bool,
    /// Emit `delivered`.
    pub delivered: bool,
    /// Emit `read`.
    pub read: bool,
    /// Pause before each of them.
    pub delay_ms: u64,
}

impl StatusPolicy {
    /// No status unless a test builds it (a refusal that Meta only tells by status is still told).
    pub fn silent() -> Self {
        Self { sent: false, delivered: false, read: false, delay_ms: 0 }
    }
}

impl Default for StatusPolicy {
    fn default() -> Self {
        Self { sent: true, delivered: true, read: false, delay_ms: 20 }
    }
}

/// The providers' rules that a test may want out of its way.
#[derive(Clone, Debug)]
pub struct Rules {
    /// 45 messages at once to one person, then one each 6 s (Meta, error 131056).
    pub pair_limit: bool,
    /// Free text reaches only who wrote in the last 24 hours (131047, Twilio 63016).
    pub service_window: bool,
    /// The approved authentication templates. Any other name is unknown (132001).
    pub otp_templates: Vec<String>,
    /// The translations of those templates. One in any other language is unknown (132001).
    pub otp_languages: Vec<String>,
    /// The content ids at Twilio, all of them of an authentication template. Any other one is unknown (21655).
    pub content_sids: Vec<String>,
    /// The service messages of a business number and month that Meta delivers for free.
    pub free_service_messages: u64,
    /// A method of payment stands behind the account at Meta. Without one, what is not free is answered as if it were
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

/// Tells the phone page how many credits the owner of a number has.
pub type BalanceHook = Arc<dyn Fn(Channel, String) -> BoxFuture<'static, Option<i64>> + Send + Sync>;

/// Tells the phone page what happened to those credits, newest first.
pub type LedgerHook = Arc<dyn Fn(Channel, String) -> BoxFuture<'static, Vec<LedgerLine>> + Send + Sync>;

/// One line of the panel beside the phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerLine {
    /// Credits won or spent.
    pub delta: i64,
    /// Why, in the words of whoever set the hook.
    pub reason: String,
}

/// How to set up the outside world. The default is a complete pair of accounts on a free loopback port.
#[derive(Clone)]
pub struct SimulatorConfig {
    /// Where webhooks go, if it is already known. Also the URL that Twilio signs, until
    /// [`Simulator::set_webhook`](crate::Simulator::set_webhook) names the public one.
    pub webhook_url: Option<String>,
    /// The account at Meta.
    pub meta: MetaAccount,
    /// The account at Twilio.
    pub twilio: TwilioAccount,
    /// The account at Stripe.
    pub stripe: StripeAccount,
    /// The key the model server asks for. `None` asks for none, as self-hosted servers do.
    pub openai_api_key: Option<String>,
    /// Where to listen.
    pub bind: SocketAddr,
    /// Which statuses come by themselves.
    pub statuses: StatusPolicy,
    /// Which provider rules hold.
    pub rules: Rules,
    /// Feeds the balance panel of the phone page.
    pub balance: Option<BalanceHook>,
    /// Feeds the ledger panel of the phone page.
    pub ledger: Option<LedgerHook>,
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
