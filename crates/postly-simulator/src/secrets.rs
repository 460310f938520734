//! The credentials of the accounts, which may change while the simulator runs.

use std::fmt;

use crate::config::SimulatorConfig;

/// The credentials of the accounts. During a rotation several are accepted; one signs.
#[derive(Clone)]
pub struct Secrets {
    /// Signs Meta's webhooks.
    pub meta_app_secret: String,
    /// The tokens that Meta accepts.
    pub meta_access_tokens: Vec<String>,
    /// Signs Twilio's webhooks.
    pub twilio_signing_token: String,
    /// The tokens that Twilio accepts.
    pub twilio_auth_tokens: Vec<String>,
    /// Signs Stripe's events.
    pub stripe_webhook_secret: String,
    /// The keys that Stripe accepts.
    pub stripe_secret_keys: Vec<String>,
    /// The keys that the model server accepts; with `None` it requires none.
    pub openai_api_keys: Option<Vec<String>>,
}

impl Secrets {
    pub(crate) fn of(config: &SimulatorConfig) -> Self {
        Self {
            meta_app_secret: config.meta.app_secret.clone(),
            meta_access_tokens: vec![config.meta.access_token.clone()],
            twilio_signing_token: config.twilio.auth_token.clone(),
            twilio_auth_tokens: vec![config.twilio.auth_token.clone()],
            stripe_webhook_secret: config.stripe.webhook_secret.clone(),
            stripe_secret_keys: vec![config.stripe.secret_key.clone()],
            openai_api_keys: config.openai_api_key.clone().map(|key| vec![key]),
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

/// Returns true if a header holds one of these bearer tokens.
pub(crate) fn is_bearer(header: Option<&str>, accepted: &[String]) -> bool {
    let token = header.and_then(|value| value.strip_prefix("Bearer "));
    token.is_some_and(|token| accepted.iter().any(|one| one == token))
}
