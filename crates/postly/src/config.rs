//! The configuration: environment variables (RULES 2), checked all at once. A fault names the variable and
//! the remedy, never the value.

use std::{collections::BTreeMap, fmt::Display, net::SocketAddr, ops::RangeInclusive, str::FromStr};

use postly_app::{Legal, StorageAccount, admin::AdminAccess};
use postly_domain::{ModelBudget, PhoneE164, Provider};
use postly_store::Address;
use postly_whatsapp::{
    CHAT_LINK_BASE,
    send::{MetaConfig, TwilioConfig},
};
use secrecy::SecretString;

mod accounts;
mod addresses;
mod database;
mod legal;
mod models;
mod secrets;
mod shop;
mod storage;
mod templates;

pub(crate) use accounts::Accounts;
pub(crate) use models::WriterChoice;
use secrets::{SHORTEST_SECRET, SHORTEST_VERIFY_TOKEN, is_placeholder};
pub(crate) use shop::{ShopConfig, default_prices};

/// The configuration of the service.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) database: DatabasePlace,
    pub(crate) bind_address: SocketAddr,
    pub(crate) admin_bind_address: SocketAddr,
    /// Opens the operator's pages; `None` when they are off.
    pub(crate) admin: Option<AdminAccess>,
    pub(crate) public_base_url: String,
    pub(crate) provider: Provider,
    pub(crate) meta: Option<Meta>,
    pub(crate) twilio: Option<Twilio>,
    pub(crate) identity_hash_key: SecretString,
    pub(crate) writer: WriterChoice,
    pub(crate) model_budget: ModelBudget,
    pub(crate) welcome_credits: i64,
    pub(crate) trial_credits: i64,
    pub(crate) accounts: Accounts,
    pub(crate) shop: Option<ShopConfig>,
    pub(crate) legal: Legal,
    /// The account at the storage of the backups.
    pub(crate) storage: Option<StorageAccount>,
    pub(crate) bounds: Bounds,
    /// The address of the collector of traces.
    pub(crate) traces_to: Option<String>,
    /// The address of links that open a conversation.
    pub(crate) chat_link_base: String,
}

/// The most connections of the public listener at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Connections of requests.
    pub(crate) connections: usize,
    /// Live streams, each on a connection of its own.
    pub(crate) streams: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        // A stream takes some 20 KB (docs/PERFORMANCE.md).
        Self { connections: postly_http::MAX_CONNECTIONS, streams: 5_000 }
    }
}

/// The address of the database.
#[derive(Debug, Clone)]
pub(crate) struct DatabasePlace {
    pub(crate) address: Address,
    /// The same database without the pooler, for the creation of tables and LISTEN.
    pub(crate) direct: Option<Address>,
}

/// Meta's account.
#[derive(Debug)]
pub(crate) struct Meta {
    pub(crate) send: MetaConfig,
    pub(crate) verify_token: SecretString,
    pub(crate) app_secrets: Vec<SecretString>,
}

/// Twilio's account.
#[derive(Debug)]
pub(crate) struct Twilio {
    pub(crate) send: TwilioConfig,
    pub(crate) auth_tokens: Vec<SecretString>,
    pub(crate) shared_keys: Vec<(String, SecretString)>,
}

/// A fault of the configuration, as a sentence for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault(String);

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The variables, and the faults found so far.
pub(crate) struct Reader {
    variables: BTreeMap<String, String>,
    faults: Vec<Fault>,
}

impl Reader {
    /// Reads the environment of the process.
    pub(crate) fn from_process() -> Self {
        let text = |value: std::ffi::OsString| value.into_string().ok();
        Self::new(std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect())
    }

    fn new(variables: BTreeMap<String, String>) -> Self {
        Self { variables, faults: vec![] }
    }

    fn fault(&mut self, text: impl Into<String>) {
        self.faults.push(Fault(text.into()));
    }

    /// Returns the value, or the faults if there are any.
    pub(crate) fn done<T>(self, value: T) -> Result<T, Vec<Fault>> {
        if self.faults.is_empty() { Ok(value) } else { Err(self.faults) }
    }

    /// Returns a variable, or the content of the file that `NAME_FILE` names. An empty value is absent.
    fn get(&mut self, name: &str) -> Option<String> {
        #[cfg(test)]
        tests::ASKED.with_borrow_mut(|asked| asked.insert(name.to_owned()));
        let direct =
            self.variables.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let file = self.variables.get(&format!("{name}_FILE")).filter(|path| !path.is_empty()).cloned();
        match (direct, file) {
            (Some(_), Some(_)) => {
                self.fault(format!("{name} and {name}_FILE are both set: keep one of them"));
                None
            }
            (Some(value), None) => Some(value),
            (None, Some(path)) => match std::fs::read_to_string(path) {
                Ok(content) => Some(content.trim().to_owned()).filter(|content| !content.is_empty()),
                Err(error) => {
                    self.fault(format!("{name}_FILE cannot be read: {}", error.kind()));
                    None
                }
            },
            (None, None) => None,
        }
    }

    fn number(&mut self, name: &str, default: i64) -> i64 {
        self.whole_number(name, default, 0..=1_000_000)
    }

    fn bounds(&mut self) -> Bounds {
        // A process without any connection would be of no use.
        const ALLOWED: RangeInclusive<usize> = 16..=100_000;
        let usual = Bounds::default();
        Bounds {
            connections: self.whole_number("MAX_CONNECTIONS", usual.connections, ALLOWED),
            streams: self.whole_number("MAX_EVENT_STREAMS", usual.streams, ALLOWED),
        }
    }

    /// The address of the collector of traces, as every client of OpenTelemetry reads it.
    fn traces_to(&mut self) -> Option<String> {
        const NAME: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
        self.get(NAME).map(|url| self.url(NAME, &url))
    }

    fn whole_number<T>(&mut self, name: &str, default: T, allowed: RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + Display,
    {
        let Some(value) = self.get(name) else { return default };
        match value.parse() {
            Ok(number) if allowed.contains(&number) => number,
            _ => {
                let (least, most) = allowed.into_inner();
                self.fault(format!("{name} must be a whole number from {least} to {most}"));
                default
            }
        }
    }

    fn address(&mut self, name: &str, default: SocketAddr) -> SocketAddr {
        let Some(value) = self.get(name) else { return default };
        value.parse().unwrap_or_else(|_| {
            self.fault(format!("{name} must be an address and a port, such as {default}"));
            default
        })
    }

    /// The address of the operator's listener.
    pub(crate) fn admin_bind_address(&mut self) -> SocketAddr {
        self.address("ADMIN_BIND_ADDRESS", SocketAddr::from(([127, 0, 0, 1], 9090)))
    }

    /// Reads a variable that takes one of these words.
    fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let value = self.get(name)?;
        let chosen = choices.iter().find(|(word, _)| *word == value).map(|(_, choice)| *choice);
        if chosen.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.fault(format!("{name} must be one of: {}", words.join(", ")));
        }
        chosen
    }

    /// The region in which national numbers are read.
    pub(crate) fn default_region(&mut self) -> String {
        let region = self.get("DEFAULT_REGION").unwrap_or_else(|| "FR".to_owned());
        if region.len() != 2 || !region.bytes().all(|byte| byte.is_ascii_uppercase()) {
            self.fault("DEFAULT_REGION must be a country code of two capital letters, such as FR");
        }
        region
    }

    /// The provider of conversations that the service starts: the named one, else the configured one.
    pub(crate) fn provider(&mut self) -> Option<Provider> {
        self.choice("WHATSAPP_PROVIDER", &[("meta", Provider::Meta), ("twilio", Provider::Twilio)])
    }

    /// Returns true if all variables of the group are set. Some of them without the others are a fault.
    fn complete(&mut self, names: &[&str]) -> bool {
        let missing: Vec<&str> = names.iter().copied().filter(|name| self.get(name).is_none()).collect();
        if missing.len() == names.len() {
            return false;
        }
        for name in &missing {
            let others: Vec<&str> = names.iter().copied().filter(|other| !missing.contains(other)).collect();
            self.fault(format!("{name} is missing: {} set, and they go together", are(&others)));
        }
        missing.is_empty()
    }

    fn meta(&mut self) -> Option<Meta> {
        let group = ["META_ACCESS_TOKEN", "META_PHONE_NUMBER_ID", "META_VERIFY_TOKEN", "META_APP_SECRET"];
        let base_url = self.url("META_GRAPH_BASE_URL", "https://graph.facebook.com");
        let version = self.get("META_GRAPH_VERSION").unwrap_or_else(|| "v25.0".to_owned());
        let numbered = version.strip_prefix('v').and_then(|number| number.split_once('.'));
        if numbered.is_none_or(|(major, minor)| major.parse::<u8>().is_err() || minor.parse::<u8>().is_err())
        {
            self.fault("META_GRAPH_VERSION must be a version of the Graph API, such as v25.0");
        }
        let otp_template = self.otp_template();
        let otp_template_languages = self.otp_template_languages();
        if !self.complete(&group) {
            return None;
        }
        let verify_token = self.get("META_VERIFY_TOKEN")?;
        let phone_number_id = self.get("META_PHONE_NUMBER_ID")?;
        if !phone_number_id.bytes().all(|byte| byte.is_ascii_digit()) {
            self.fault("META_PHONE_NUMBER_ID must be the number's id at Meta, digits only");
        }
        Some(Meta {
            verify_token: self.secret_of("META_VERIFY_TOKEN", SHORTEST_VERIFY_TOKEN, &verify_token),
            app_secrets: self.maybe_secrets("META_APP_SECRET")?,
            send: MetaConfig {
                access_token: self.maybe_key("META_ACCESS_TOKEN")?,
                phone_number_id,
                base_url,
                version,
                otp_template,
                otp_template_languages,
            },
        })
    }

    fn twilio(&mut self, public_base_url: &str) -> Option<Twilio> {
        let group = ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_WHATSAPP_FROM"];
        let api_base_url = self.url("TWILIO_API_BASE_URL", "https://api.twilio.com");
        let otp_content_sid = self.otp_content_sid();
        if !self.complete(&group) {
            return None;
        }
        let account_sid = self.get("TWILIO_ACCOUNT_SID")?;
        if is_placeholder(&account_sid) {
            self.fault("TWILIO_ACCOUNT_SID is a placeholder: put the real one");
        }
        let auth_tokens = self.maybe_secrets("TWILIO_AUTH_TOKEN")?;
        let from = self.get("TWILIO_WHATSAPP_FROM")?;
        if PhoneE164::from_provider(&from).is_none() {
            self.fault("TWILIO_WHATSAPP_FROM must be a number with its country code, such as +14155238886");
        }
        Some(Twilio {
            send: TwilioConfig {
                account_sid,
                // The newest token alone signs the service's own requests.
                auth_token: auth_tokens.first()?.clone(),
                from,
                api_base_url,
                public_base_url: public_base_url.to_owned(),
                otp_content_sid,
            },
            auth_tokens,
            shared_keys: self.shared_keys(),
        })
    }

    fn shared_keys(&mut self) -> Vec<(String, SecretString)> {
        const NAME: &str = "TWILIO_SHARED_KEYS";
        let Some(list) = self.get(NAME) else { return vec![] };
        let mut keys = vec![];
        for pair in list.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            match pair.split_once(':') {
                Some((id, secret)) if !id.is_empty() => {
                    keys.push((id.to_owned(), self.secret_of(NAME, SHORTEST_SECRET, secret)));
                }
                _ => self.fault(format!("{NAME} must be a list of id:secret")),
            }
        }
        keys
    }

    /// Reads the whole configuration.
    ///
    /// # Errors
    /// Returns all faults at once.
    pub(crate) fn config(mut self) -> Result<Config, Vec<Fault>> {
        let database = self.database();
        let bind_address = self.address("BIND_ADDRESS", SocketAddr::from(([127, 0, 0, 1], 8080)));
        let admin_bind_address = self.admin_bind_address();
        let public_base_url = self.public_base_url();
        let meta = self.meta();
        let twilio = self.twilio(&public_base_url);
        self.check_reachable(&public_base_url, meta.as_ref(), twilio.as_ref());
        let named = self.provider();
        let provider = self.default_provider(named, meta.is_some(), twilio.is_some());
        let accounts = self.accounts();
        let admin = self.admin_access();
        let shop = self.shop();
        let legal = self.legal();
        let storage = self.storage();
        let identity_hash_key = self.identity_hash_key();
        let identity_hash_key = self.required("IDENTITY_HASH_KEY", identity_hash_key);
        let writer = self.writer();
        let model_budget = self.model_budget();
        let welcome_credits = self.number("WELCOME_CREDITS", 5);
        let trial_credits = self.number("WHATSAPP_TRIAL_CREDITS", 0);
        let bounds = self.bounds();
        let traces_to = self.traces_to();
        let (Some(database), Some(writer), Some(provider), Some(identity_hash_key)) =
            (database, writer, provider, identity_hash_key)
        else {
            return Err(self.faults);
        };
        self.done(Config {
            database,
            bind_address,
            admin_bind_address,
            admin,
            public_base_url,
            provider,
            meta,
            twilio,
            identity_hash_key,
            writer,
            welcome_credits,
            model_budget,
            trial_credits,
            accounts,
            shop,
            legal,
            storage,
            bounds,
            traces_to,
            chat_link_base: CHAT_LINK_BASE.to_owned(),
        })
    }

    fn default_provider(&mut self, named: Option<Provider>, meta: bool, twilio: bool) -> Option<Provider> {
        match (named, meta, twilio) {
            (Some(Provider::Meta), false, _) => {
                self.fault("WHATSAPP_PROVIDER is meta, but the META_ variables are not all set");
                named
            }
            (Some(Provider::Twilio), _, false) => {
                self.fault("WHATSAPP_PROVIDER is twilio, but the TWILIO_ variables are not all set");
                named
            }
            (Some(_), _, _) => named,
            (None, true, true) => {
                self.fault(
                    "WHATSAPP_PROVIDER is missing: both providers are configured, name one (meta or twilio)",
                );
                None
            }
            (None, true, false) => Some(Provider::Meta),
            (None, false, true) => Some(Provider::Twilio),
            (None, false, false) => {
                self.fault(
                    "META_ACCESS_TOKEN or TWILIO_ACCOUNT_SID is missing: configure a WhatsApp provider",
                );
                None
            }
        }
    }
}

fn are(names: &[&str]) -> String {
    match names {
        [one] => format!("{one} is"),
        _ => format!("{} are", names.join(", ")),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{cell::RefCell, collections::BTreeSet};

    use secrecy::ExposeSecret as _;

    use super::*;

    const GOOD: &[(&str, &str)] = &[
        ("META_ACCESS_TOKEN", "a-token-of-some-length"),
        ("META_PHONE_NUMBER_ID", "106540352242922"),
        ("META_VERIFY_TOKEN", "verify-me"),
        ("META_APP_SECRET", "an-app-secret-of-32-characters-xx,an-older-app-secret"),
        ("OTP_SALT", "a-pepper-of-some-length"),
        ("IDENTITY_HASH_KEY", "a-key,with a comma in it"),
        ("NEXTAUTH_SECRET", "a-session-secret-of-some-length"),
        ("PUBLIC_BASE_URL", "https://postly.example"),
        ("WRITER", "offline"),
    ];

    thread_local! {
        /// The variables that were read on this thread.
        pub(super) static ASKED: RefCell<BTreeSet<String>> = RefCell::default();
    }

    #[test]
    fn the_example_names_every_variable_and_no_other() {
        const EXAMPLE: &str = include_str!("../../../.env.example");
        ASKED.take();
        for writer in ["openai", "offline"] {
            read(&[
                ("WRITER", Some(writer)),
                ("OPENAI_API_KEY", Some("sk-0123456789abcdef")),
                ("OPENAI_FALLBACK_BASE_URL", Some("https://models.example/v1")),
                ("OPENAI_FALLBACK_MODEL", Some("second-model")),
                ("TWILIO_ACCOUNT_SID", Some("AC00000000000000000000000000000001")),
                ("TWILIO_AUTH_TOKEN", Some("0123456789abcdef0123456789abcdef")),
                ("TWILIO_WHATSAPP_FROM", Some("whatsapp:+14155238886")),
                ("WHATSAPP_PROVIDER", Some("meta")),
                ("STRIPE_SECRET_KEY", Some("sk_test_0123456789abcdef")),
                ("STRIPE_WEBHOOK_SECRET", Some("whsec_0123456789abcdef")),
                ("STRIPE_MANAGED_PAYMENTS", Some("true")),
                ("STRIPE_TAX_CODE", Some("txcd_10105001")),
            ])
            .unwrap();
        }
        // The second address is read only without the first.
        read(&[("PUBLIC_BASE_URL", None), ("NEXTAUTH_URL", Some("https://postly.example"))]).unwrap();
        let named: BTreeSet<String> = EXAMPLE
            .lines()
            .filter_map(|line| line.strip_prefix('#').unwrap_or(line).split_once('='))
            .map(|(name, _)| name.to_owned())
            .filter(|name| {
                name.bytes().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'0'..=b'9'))
            })
            // Read by the log's filter.
            .filter(|name| name != "RUST_LOG")
            .collect();
        assert_eq!(named, ASKED.take(), "left: .env.example; right: what the configuration reads");
    }

    pub(crate) fn read(changes: &[(&str, Option<&str>)]) -> Result<Config, Vec<String>> {
        let mut variables: BTreeMap<String, String> =
            GOOD.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        for (name, value) in changes {
            match value {
                Some(value) => variables.insert((*name).to_owned(), (*value).to_owned()),
                None => variables.remove(*name),
            };
        }
        Reader::new(variables).config().map_err(|faults| faults.into_iter().map(|fault| fault.0).collect())
    }

    #[test]
    fn a_complete_configuration_is_taken() {
        let config = read(&[]).unwrap();
        assert_eq!(config.provider, Provider::Meta);
        assert_eq!(config.meta.unwrap().app_secrets.len(), 2);
        assert_eq!(config.identity_hash_key.expose_secret(), "a-key,with a comma in it");
        assert_eq!(config.public_base_url, "https://postly.example");
    }

    #[test]
    fn s05_a_configuration_that_is_printed_shows_no_secret() {
        let config = read(&[
            ("DATABASE_URL", Some("postgres://postly:hunter2hunter2@db.internal/postly")),
            ("OPENAI_API_KEY", Some("sk-0123456789abcdef")),
            ("WRITER", Some("openai")),
            ("WHATSAPP_PROVIDER", Some("meta")),
            ("TWILIO_ACCOUNT_SID", Some("AC00000000000000000000000000000001")),
            ("TWILIO_AUTH_TOKEN", Some("0123456789abcdef0123456789abcdef")),
            ("TWILIO_WHATSAPP_FROM", Some("whatsapp:+14155238886")),
            ("TWILIO_SHARED_KEYS", Some("key-1:fedcba9876543210fedcba98")),
        ])
        .unwrap();
        let printed = format!("{config:?} {config:#?}");
        assert!(printed.contains("AC00000000000000000000000000000001"), "{printed}");
        for secret in [
            "hunter2hunter2",
            "sk-0123456789abcdef",
            "0123456789abcdef0123456789abcdef",
            "fedcba9876543210fedcba98",
            "a-key,with a comma in it",
        ] {
            assert!(!printed.contains(secret), "{secret} in {printed}");
        }
        for secret in config.meta.unwrap().app_secrets {
            assert!(!printed.contains(secret.expose_secret()), "{printed}");
        }
    }

    #[test]
    fn every_fault_is_named_at_once_and_no_value_is_shown() {
        let faults = read(&[
            ("OTP_SALT", Some("default-salt")),
            ("NEXTAUTH_SECRET", Some("short-one")),
            ("IDENTITY_HASH_KEY", None),
            ("META_APP_SECRET", None),
            ("META_VERIFY_TOKEN", Some("1234567")),
            ("DATABASE_URL", Some("mysql://somewhere")),
            ("WELCOME_CREDITS", Some("-1")),
            ("TWILIO_AUTH_TOKEN", Some("xxxxxxxxxxxxxxxxxxxxxxxxxxxx")),
            ("BIND_ADDRESS", Some("here")),
            ("PUBLIC_BASE_URL", Some("postly.example")),
            ("META_OTP_TEMPLATE", Some("Postly-Code")),
            ("TWILIO_OTP_CONTENT_SID", Some("HX0123")),
            ("WRITER", Some("parrot")),
        ])
        .unwrap_err();
        let all = faults.join("\n");
        for name in [
            "OTP_SALT",
            "NEXTAUTH_SECRET",
            "IDENTITY_HASH_KEY",
            "META_APP_SECRET",
            "DATABASE_URL",
            "WELCOME_CREDITS",
            "TWILIO_ACCOUNT_SID",
            "TWILIO_WHATSAPP_FROM",
            "BIND_ADDRESS",
            "PUBLIC_BASE_URL",
            "META_OTP_TEMPLATE",
            "TWILIO_OTP_CONTENT_SID",
            "WRITER",
        ] {
            assert!(all.contains(name), "{name} in {all}");
        }
        for value in ["short-one", "1234567", "Postly-Code", "HX0123", "mysql", "somewhere", "parrot", "xxxx"]
        {
            assert!(!all.contains(value), "{value} in {all}");
        }
    }

    #[test]
    fn two_providers_need_a_choice_and_none_is_no_choice() {
        let twilio: &[(&str, Option<&str>)] = &[
            ("TWILIO_ACCOUNT_SID", Some("AC00000000000000000000000000000001")),
            ("TWILIO_AUTH_TOKEN", Some("0123456789abcdef0123456789abcdef")),
            ("TWILIO_WHATSAPP_FROM", Some("whatsapp:+14155238886")),
        ];
        assert!(read(twilio).unwrap_err().concat().contains("WHATSAPP_PROVIDER"));
        let mut named = twilio.to_vec();
        named.push(("WHATSAPP_PROVIDER", Some("twilio")));
        assert_eq!(read(&named).unwrap().provider, Provider::Twilio);
        let none = ["META_ACCESS_TOKEN", "META_PHONE_NUMBER_ID", "META_VERIFY_TOKEN", "META_APP_SECRET"]
            .map(|name| (name, None));
        assert!(read(&none).is_err());
    }
}
