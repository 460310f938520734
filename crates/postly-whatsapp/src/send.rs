//! Sending: every call ends in a [`SendOutcome`], which decides the next step.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderValue, header::RETRY_AFTER};
use postly_domain::delivery::{ErrorAction, SendOutcome};
use postly_domain::{Language, Provider};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::inbound::plausible_id;
use crate::media;
use crate::outgoing::{Outgoing, Unsendable};
use crate::public_hosts::PublicHosts;
use crate::timely::{is_too_late, timely};
use crate::{action_for, meta, twilio};

/// Our number at Meta.
#[derive(Debug, Clone)]
pub struct MetaConfig {
    /// The token of the system user.
    pub access_token: SecretString,
    /// Meta's id of our number.
    pub phone_number_id: String,
    /// `https://graph.facebook.com`, or a stand-in.
    pub base_url: String,
    /// The version of the API, `v25.0`.
    pub version: String,
    /// The name of the authentication template, `postly_code`. Empty if there is none.
    pub otp_template: String,
    /// Its approved translations as Meta names them, best first. A code is sent in the author's language,
    /// else in the first that Meta accepts.
    pub otp_template_languages: Vec<String>,
}

/// Our number at Twilio.
#[derive(Debug, Clone)]
pub struct TwilioConfig {
    /// The account.
    pub account_sid: String,
    /// Its token.
    pub auth_token: SecretString,
    /// Our number, with or without `whatsapp:`.
    pub from: String,
    /// `https://api.twilio.com`, or a stand-in.
    pub api_base_url: String,
    /// Our address for the providers, which receives statuses.
    pub public_base_url: String,
    /// The content resource of the authentication template, `HX` and 32 hexadecimal digits.
    pub otp_content_sid: Option<String>,
}

/// The time limits of calls. The outbox relies on a result within `total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For a whole message, from the connection to the end of the answer.
    pub total: Duration,
    /// For the typing indicator, which is not worth a longer wait.
    pub typing: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            total: Duration::from_secs(10),
            typing: Duration::from_secs(2),
        }
    }
}

/// A configuration that cannot send anything.
#[derive(Debug, thiserror::Error)]
pub enum SendersError {
    /// The provider's base URL cannot have a path.
    #[error("the base URL of {0} is not an http or https URL")]
    BaseUrl(Provider),
    /// A token with characters that a header cannot contain.
    #[error("the token of {0} holds characters that a header cannot carry")]
    Token(Provider),
    /// Our number at Twilio is not a number.
    #[error("the sender at Twilio is not a telephone number with its country code")]
    From,
    /// The client could not be created.
    #[error("cannot make the HTTP client")]
    Client(#[source] reqwest::Error),
}

/// The largest body of an answer. A larger one is not the provider's.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Twilio's API, and the separate host of its typing indicator.
pub(crate) const TWILIO_API: &str = "https://api.twilio.com";
const TWILIO_MESSAGING: &str = "https://messaging.twilio.com";

/// Sends messages by the configured providers.
#[derive(Debug, Clone)]
pub struct Senders {
    pub(crate) meta: Option<MetaSender>,
    pub(crate) twilio: Option<TwilioSender>,
    http: reqwest::Client,
    /// For files: it calls public addresses only.
    pub(crate) downloads: reqwest::Client,
    /// See [`media::room`].
    pub(crate) room: Arc<Semaphore>,
    timeouts: Timeouts,
}

#[derive(Debug, Clone)]
pub(crate) struct MetaSender {
    pub(crate) config: MetaConfig,
    messages: Url,
}

#[derive(Debug, Clone)]
pub(crate) struct TwilioSender {
    pub(crate) config: TwilioConfig,
    messages: Url,
    typing: Url,
}

impl Senders {
    /// Creates the senders for the configured providers. A TLS provider must be installed in the process
    /// before.
    ///
    /// # Errors
    /// See [`SendersError`].
    pub fn new(meta: Option<MetaConfig>, twilio: Option<TwilioConfig>) -> Result<Self, SendersError> {
        Self::with_timeouts(meta, twilio, Timeouts::default())
    }

    /// As [`Senders::new`], with other time limits.
    ///
    /// # Errors
    /// See [`SendersError`].
    pub fn with_timeouts(
        meta: Option<MetaConfig>,
        twilio: Option<TwilioConfig>,
        timeouts: Timeouts,
    ) -> Result<Self, SendersError> {
        let http = reqwest::Client::builder()
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.total)
            // A redirect would send the token, and the message, to another host.
            .redirect(reqwest::redirect::Policy::none())
            // Retries are the outbox's decision, because a second message has a cost.
            .retry(reqwest::retry::never())
            .build()
            .map_err(SendersError::Client)?;
        let bases = meta.iter().map(|meta| &meta.base_url);
        let bases = bases.chain(twilio.iter().map(|twilio| &twilio.api_base_url));
        let host = |base: &String| Url::parse(base).ok()?.host_str().map(str::to_owned);
        let downloads = reqwest::Client::builder()
            .connect_timeout(timeouts.connect)
            // A redirect is followed by hand, to the hosts that are allowed.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            // Meta's storage turns requests without a name away.
            .user_agent(concat!("postly/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(PublicHosts::and(bases.filter_map(host)))
            .build()
            .map_err(SendersError::Client)?;
        Ok(Self {
            meta: meta.map(MetaSender::new).transpose()?,
            twilio: twilio.map(TwilioSender::new).transpose()?,
            http,
            downloads,
            room: media::room(),
            timeouts,
        })
    }

    /// Returns true if a one-time code can be sent by this provider outside of the service window: it is
    /// configured, and has its template.
    pub fn can_send_code(&self, provider: Provider) -> bool {
        match provider {
            Provider::Meta => self.meta.as_ref().is_some_and(|sender| !sender.config.otp_template.is_empty()),
            Provider::Twilio => {
                self.twilio.as_ref().is_some_and(|sender| sender.config.otp_content_sid.is_some())
            }
        }
    }

    /// The template that is tried first for a code in this language, and its translation as the provider
    /// names it.
    pub fn code_template(&self, provider: Provider, language: Language) -> Option<(String, String)> {
        match provider {
            Provider::Meta => {
                let config = &self.meta.as_ref()?.config;
                let translations =
                    meta::send::translations(&config.otp_template_languages, language).into_iter();
                let first = translations.map(str::to_owned).next()?;
                Some((config.otp_template.clone(), first))
            }
            Provider::Twilio => Some((self.twilio.as_ref()?.config.otp_content_sid.clone()?, String::new())),
        }
    }

    /// Sends one message.
    ///
    /// A provider that is not configured results in [`ErrorAction::StopSender`]: messages are held until it
    /// is. A code without its template ([`Senders::can_send_code`]), or one that no template accepts, is
    /// refused as our own fault, with the code 0.
    pub async fn send(&self, provider: Provider, message: &Outgoing<'_>) -> SendOutcome {
        let sent = match provider {
            Provider::Meta => match &self.meta {
                Some(sender) => Some(sender.send(&self.http, message).await),
                None => None,
            },
            Provider::Twilio => match &self.twilio {
                Some(sender) => Some(sender.send(&self.http, message).await),
                None => None,
            },
        };
        let outcome = match sent {
            Some(Ok(outcome)) => outcome,
            Some(Err(Unsendable::Address)) => {
                let code = match provider {
                    Provider::Meta => meta::send::INVALID_ADDRESS,
                    Provider::Twilio => twilio::send::INVALID_ADDRESS,
                };
                refused(code, action_for(provider, code, None, false))
            }
            Some(Err(Unsendable::Code)) => refused(0, ErrorAction::OurFault),
            None => refused(0, ErrorAction::StopSender),
        };
        let (name, code) = match &outcome {
            SendOutcome::Accepted { .. } => ("accepted", None),
            SendOutcome::Refused { code, .. } => ("refused", Some(*code)),
            SendOutcome::NotSent => ("not sent", None),
            SendOutcome::Unclear => ("unclear", None),
        };
        tracing::debug!(
            provider = provider.as_str(),
            attempt.id = %message.attempt,
            error.code = code,
            "Attempt {}: {name}",
            message.attempt,
        );
        outcome
    }

    /// Marks a message read and shows the typing indicator. Errors are ignored: nothing depends on it.
    pub async fn show_typing(&self, provider: Provider, provider_message_id: &str) {
        let request = match provider {
            Provider::Meta => self.meta.as_ref().map(|sender| sender.typing(&self.http, provider_message_id)),
            Provider::Twilio => {
                self.twilio.as_ref().map(|sender| sender.typing(&self.http, provider_message_id))
            }
        };
        let Some(request) = request else { return };
        match request.timeout(self.timeouts.typing).send().await {
            Ok(response) if response.status().is_success() => {}
            Ok(response) => {
                let status = response.status().as_u16();
                let error = read(response).await.map(|body| answer(provider, &body));
                let code = match error {
                    Some(Answer::Error { code, .. }) => Some(code),
                    Some(Answer::Taken(_) | Answer::Neither) | None => None,
                };
                tracing::debug!(
                    provider = provider.as_str(),
                    http.status = status,
                    error.code = code,
                    "The typing sign was refused"
                );
            }
            Err(error) => tracing::debug!(
                provider = provider.as_str(),
                timeout = error.is_timeout(),
                "The typing sign was not sent"
            ),
        }
    }
}

impl MetaSender {
    fn new(config: MetaConfig) -> Result<Self, SendersError> {
        let bearer = format!("Bearer {}", config.access_token.expose_secret());
        HeaderValue::from_str(&bearer).map_err(|_| SendersError::Token(Provider::Meta))?;
        let messages = url(&config.base_url, &[&config.version, &config.phone_number_id, "messages"])
            .ok_or(SendersError::BaseUrl(Provider::Meta))?;
        Ok(Self { config, messages })
    }

    /// Sends a message; a code in the first translation of its template that Meta has. A missing translation
    /// is clearly refused, so all calls belong to one attempt, and at most one is accepted.
    async fn send(&self, http: &reqwest::Client, message: &Outgoing<'_>) -> Result<SendOutcome, Unsendable> {
        let MetaConfig { otp_template, otp_template_languages, .. } = &self.config;
        let mut languages = meta::send::template_languages(otp_template_languages, message).into_iter();
        loop {
            let language = languages.next().unwrap_or_default();
            let body = meta::send::message(message, otp_template, language)?;
            let outcome = call(Provider::Meta, self.post(http).json(&body), message.send_by).await;
            match outcome {
                SendOutcome::Refused { code: meta::send::NO_TRANSLATION, .. } if languages.len() > 0 => {
                    tracing::warn!(
                        language,
                        "Meta has no translation of the template of codes in {language}: trying the next of META_OTP_TEMPLATE_LANGUAGES"
                    );
                }
                outcome => return Ok(outcome),
            }
        }
    }

    fn typing(&self, http: &reqwest::Client, provider_message_id: &str) -> RequestBuilder {
        self.post(http).json(&meta::send::typing(provider_message_id))
    }

    fn post(&self, http: &reqwest::Client) -> RequestBuilder {
        http.post(self.messages.clone()).bearer_auth(self.config.access_token.expose_secret())
    }
}

impl TwilioSender {
    fn new(config: TwilioConfig) -> Result<Self, SendersError> {
        twilio::send::address(&config.from).ok_or(SendersError::From)?;
        let base = config.api_base_url.trim_end_matches('/');
        let typing_base = if base == TWILIO_API { TWILIO_MESSAGING } else { base };
        let path = ["2010-04-01", "Accounts", &config.account_sid, "Messages.json"];
        let refused = || SendersError::BaseUrl(Provider::Twilio);
        let messages = url(base, &path).ok_or_else(refused)?;
        let typing = url(typing_base, &["v2", "Indicators", "Typing.json"]).ok_or_else(refused)?;
        Ok(Self { config, messages, typing })
    }

    async fn send(&self, http: &reqwest::Client, message: &Outgoing<'_>) -> Result<SendOutcome, Unsendable> {
        let TwilioConfig { from, public_base_url, otp_content_sid, .. } = &self.config;
        let fields = twilio::send::message(message, from, public_base_url, otp_content_sid.as_deref())?;
        let request = self.post(http, &self.messages).form(&fields);
        Ok(call(Provider::Twilio, request, message.send_by).await)
    }

    fn typing(&self, http: &reqwest::Client, provider_message_id: &str) -> RequestBuilder {
        self.post(http, &self.typing).form(&twilio::send::typing(provider_message_id))
    }

    fn post(&self, http: &reqwest::Client, url: &Url) -> RequestBuilder {
        let token = self.config.auth_token.expose_secret();
        http.post(url.clone()).basic_auth(&self.config.account_sid, Some(token))
    }
}

/// `base` with `segments` after its path, each escaped as one segment.
pub(crate) fn url(base: &str, segments: &[&str]) -> Option<Url> {
    let mut url = Url::parse(base).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    url.path_segments_mut().ok()?.pop_if_empty().extend(segments);
    Some(url)
}

/// The content of a provider's answer, independent of its HTTP status.
pub(crate) enum Answer {
    /// The provider has the message, under this id.
    Taken(String),
    /// The provider refused it.
    Error {
        /// Its code.
        code: i64,
        /// True if the provider itself calls the error transient.
        is_transient: bool,
    },
    /// Neither an id nor a code.
    Neither,
}

/// The id in an answer, if it is plausible.
pub(crate) fn plausible_answer_id(value: &Value) -> Option<String> {
    plausible_id(value.as_str()?.to_owned())
}

fn answer(provider: Provider, body: &Value) -> Answer {
    match provider {
        Provider::Meta => meta::send::answer(body),
        Provider::Twilio => twilio::send::answer(body),
    }
}

async fn call(provider: Provider, request: RequestBuilder, send_by: Instant) -> SendOutcome {
    let (client, Ok(request)) = request.build_split() else { return SendOutcome::NotSent };
    let response = match client.execute(timely(request, send_by)).await {
        Ok(response) => response,
        // The only failures that prove that the provider cannot have the message: no part of it was sent.
        Err(error) if error.is_connect() || error.is_builder() || is_too_late(&error) => {
            return SendOutcome::NotSent;
        }
        Err(_) => return SendOutcome::Unclear,
    };
    let status = response.status();
    let retry_after_ms = retry_after_ms(&response);
    let body = read(response).await;
    outcome(provider, status, retry_after_ms, body.as_ref())
}

/// Evaluates an answer. The code decides; the status counts only without a code.
fn outcome(
    provider: Provider,
    status: StatusCode,
    retry_after_ms: Option<i64>,
    body: Option<&Value>,
) -> SendOutcome {
    let number = status.as_u16();
    let (code, action) = match body.map_or(Answer::Neither, |body| answer(provider, body)) {
        Answer::Taken(provider_message_id) if status.is_success() => {
            return SendOutcome::Accepted { provider_message_id };
        }
        Answer::Error { code, is_transient } => {
            (code, action_for(provider, code, Some(number), is_transient))
        }
        Answer::Taken(_) | Answer::Neither => {
            let action = match number {
                401 | 403 => ErrorAction::StopSender,
                429 => ErrorAction::WaitForSender,
                // "Currently unable to handle the request" (RFC 9110, 15.6.4): an outage may last for hours.
                503 => ErrorAction::Retry,
                300..=499 => ErrorAction::OurFault,
                // A gateway's error page says nothing about the provider behind it.
                _ => return SendOutcome::Unclear,
            };
            (i64::from(number), action)
        }
    };
    SendOutcome::Refused { code, action, retry_after_ms }
}

fn refused(code: i64, action: ErrorAction) -> SendOutcome {
    SendOutcome::Refused { code, action, retry_after_ms: None }
}

/// `Retry-After` in seconds; neither provider uses the form with a date.
fn retry_after_ms(response: &Response) -> Option<i64> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    let secs: u32 = value.trim().parse().ok()?;
    Some(i64::from(secs) * 1000)
}

/// Reads a JSON answer; `None` if it is incomplete, too large or not JSON.
pub(crate) async fn read(mut response: Response) -> Option<Value> {
    let mut body = vec![];
    while let Some(chunk) = response.chunk().await.ok()? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).ok()
}
