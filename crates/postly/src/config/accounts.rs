//! The configuration of codes, sessions and retention.

use postly_app::Retention;
use postly_domain::challenge::Budgets;
use postly_http::Network;
use secrecy::SecretString;

use super::Reader;

/// Codes, sessions and retention.
#[derive(Debug)]
pub(crate) struct Accounts {
    pub(crate) otp_peppers: Vec<SecretString>,
    pub(crate) session_secrets: Vec<SecretString>,
    pub(crate) nextauth_shared: bool,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) default_region: String,
    pub(crate) allowed_countries: Vec<String>,
    pub(crate) code_budgets: Budgets,
    pub(crate) retention: Retention,
}

/// The European Union with those parts of it that have calling or country codes of their own, the United
/// Kingdom and Switzerland (RULES 2.2).
const ALLOWED_COUNTRIES: &str = "AT,BE,BG,HR,CY,CZ,DK,EE,FI,FR,DE,GR,HU,IE,IT,LV,LT,LU,MT,NL,PL,PT,RO,SK,SI,ES,SE,\
     AX,GP,MQ,GF,RE,YT,MF,GB,CH";

impl Accounts {
    /// The defaults, with these secrets, for a demo.
    pub(crate) fn of_a_demo(pepper: SecretString, session_secret: SecretString) -> Self {
        Self {
            otp_peppers: vec![pepper],
            session_secrets: vec![session_secret],
            nextauth_shared: false,
            trusted_proxies: vec![],
            default_region: "FR".to_owned(),
            allowed_countries: ALLOWED_COUNTRIES.split(',').map(|code| code.trim().to_owned()).collect(),
            code_budgets: Budgets { country_hour: 30, hour: 60 },
            retention: Retention { events_days: 30, media_days: 7, messages_days: 365 },
        }
    }
}

impl Reader {
    pub(super) fn accounts(&mut self) -> Accounts {
        Accounts {
            otp_peppers: self.required_secrets("OTP_SALT"),
            session_secrets: self.required_secrets("NEXTAUTH_SECRET"),
            nextauth_shared: self
                .choice("NEXTAUTH_SHARED", &[("true", true), ("false", false)])
                .unwrap_or(false),
            trusted_proxies: self.trusted_proxies(),
            default_region: self.default_region(),
            allowed_countries: self.allowed_countries(),
            code_budgets: Budgets {
                country_hour: self.number("OTP_BUDGET_COUNTRY_HOUR", 30),
                hour: self.number("OTP_BUDGET_HOUR", 60),
            },
            retention: self.retention(),
        }
    }

    fn trusted_proxies(&mut self) -> Vec<Network> {
        const NAME: &str = "TRUSTED_PROXIES";
        let Some(list) = self.get(NAME) else { return vec![] };
        let mut networks = vec![];
        for text in list.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            match Network::parse(text) {
                Some(network) => networks.push(network),
                None => self.fault(format!(
                    "{NAME} must be a list of addresses or networks, such as 10.0.0.5,192.168.0.0/16"
                )),
            }
        }
        networks
    }

    fn allowed_countries(&mut self) -> Vec<String> {
        const NAME: &str = "ALLOWED_COUNTRIES";
        let list = self.get(NAME).unwrap_or_else(|| ALLOWED_COUNTRIES.to_owned());
        let codes: Vec<String> =
            list.split(',').map(|code| code.trim().to_uppercase()).filter(|code| !code.is_empty()).collect();
        if codes.iter().any(|code| code.len() != 2 || !code.bytes().all(|byte| byte.is_ascii_uppercase())) {
            self.fault(format!("{NAME} must be a list of country codes of two letters, such as FR,BE,CH"));
        }
        codes
    }

    /// The days for which media, events and messages are kept.
    pub(crate) fn retention(&mut self) -> Retention {
        Retention {
            media_days: self.number("RETENTION_MEDIA_DAYS", 7),
            events_days: self.number("RETENTION_EVENTS_DAYS", 30),
            messages_days: self.number("RETENTION_MESSAGES_DAYS", 365),
        }
    }
}
