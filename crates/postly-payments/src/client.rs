//! The calls to Stripe: their limits, retries and errors, and the two calls for a Checkout Session.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use postly_domain::id::CheckoutId;
use reqwest::{RequestBuilder, Url, header, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::{
    checkout::{NewCheckout, fields, form},
    event::Checkout,
};

/// The version of the API in our requests.
pub const API_VERSION: &str = "2026-10-28.endive";

/// The time limits of a connection, of one exchange, and of all tries of a call together. They are short,
/// because a buyer waits.
const CONNECT: Duration = Duration::from_secs(3);
const ATTEMPT: Duration = Duration::from_secs(8);
const PATIENCE: Duration = Duration::from_secs(20);
/// The number of retries of a call (the default of the official libraries), and the pause before the first,
/// which doubles.
const RETRIES: u32 = 2;
const PAUSE: Duration = Duration::from_millis(400);
/// The longest pause that Stripe may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The largest answer. A session with all its objects has some 10 kB; a larger response is not Stripe's.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// The account at Stripe.
#[derive(Debug, Clone)]
pub struct StripeConfig {
    /// The secret key, or a restricted one that may write Checkout Sessions and refunds, and read
    /// PaymentIntents and charges.
    pub secret_key: SecretString,
    /// The base URL of the API.
    pub api_base_url: String,
    /// The tax code of the credits; with it Stripe is the merchant of record (`STRIPE_MANAGED_PAYMENTS`).
    pub tax_code: Option<String>,
}

/// A configuration that cannot call Stripe.
#[derive(Debug, thiserror::Error)]
pub enum StripeConfigError {
    /// The base URL cannot have a path.
    #[error("the base URL of Stripe's API is not an http or https URL")]
    BaseUrl,
    /// The key contains characters that a header cannot contain.
    #[error("the secret key of Stripe holds characters that a header cannot carry")]
    Key,
    /// The client could not be created.
    #[error("cannot make the HTTP client")]
    Client(#[source] reqwest::Error),
}

/// The failure of a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StripeError {
    /// No answer, or a temporary error. The same call may succeed later.
    #[error("Stripe does not answer ({0})")]
    Unavailable(&'static str),
    /// Stripe refused the call permanently: our key, our account or our request is wrong.
    #[error("Stripe refused the call with status {status} ({code})")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Stripe's error code, or the type of the error.
        code: String,
    },
}

impl StripeError {
    /// True if a refusal tells the outcome of every call with the same idempotency key: Stripe answers those
    /// alike. A refusal for another reason (our key, the rate, a proxy between us) only tells that this call
    /// had no effect.
    pub fn is_of_the_request(&self) -> bool {
        // `idempotency_error`: another request has this key, and may have had an effect.
        matches!(self, Self::Refused { status: 400 | 402 | 404, code } if code != UNKNOWN && !code.starts_with("idempotency"))
    }
}

/// The code of an error without one.
const UNKNOWN: &str = "unknown";

/// Stripe's API.
#[derive(Debug, Clone)]
pub struct Stripe {
    http: reqwest::Client,
    config: StripeConfig,
    sessions: Url,
}

impl Stripe {
    /// Creates a client for an account. A TLS provider must be installed in the process before.
    ///
    /// # Errors
    /// See [`StripeConfigError`].
    pub fn new(config: StripeConfig) -> Result<Self, StripeConfigError> {
        let base = config.api_base_url.trim_end_matches('/');
        let sessions =
            Url::parse(&format!("{base}/v1/checkout/sessions")).map_err(|_| StripeConfigError::BaseUrl)?;
        if !matches!(sessions.scheme(), "http" | "https") {
            return Err(StripeConfigError::BaseUrl);
        }
        let key = config.secret_key.expose_secret();
        header::HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| StripeConfigError::Key)?;
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            // A redirect would send the key to a host that is not configured.
            .redirect(redirect::Policy::none())
            .build()
            .map_err(StripeConfigError::Client)?;
        Ok(Self { http, config, sessions })
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    pub(crate) fn secret_key(&self) -> &SecretString {
        &self.config.secret_key
    }

    pub(crate) fn checkout_sessions(&self) -> &Url {
        &self.sessions
    }

    /// The address of a collection of the API's first version.
    pub(crate) fn endpoint(&self, collection: &str) -> Url {
        let mut url = self.sessions.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            // The base of the API may have a path of its own.
            path.pop().pop().push(collection);
        }
        url
    }

    /// True if our key moves real money; `None` if the key does not show it.
    pub fn livemode(&self) -> Option<bool> {
        let key = self.config.secret_key.expose_secret();
        let mode = key.strip_prefix("sk_").or_else(|| key.strip_prefix("rk_"))?;
        match mode {
            mode if mode.starts_with("live_") => Some(true),
            mode if mode.starts_with("test_") => Some(false),
            _ => None,
        }
    }

    /// Creates a Checkout Session. Every try has the same idempotency key, so there is one session even if
    /// answers are lost.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn create_checkout(
        &self,
        new: &NewCheckout<'_>,
        idempotency_key: &str,
    ) -> Result<Checkout, StripeError> {
        let body = form(&fields(new, self.config.tax_code.as_deref()));
        let call = self
            .http
            .post(self.sessions.clone())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("idempotency-key", idempotency_key)
            .body(body);
        self.ask(call, Checkout::read).await
    }

    /// Retrieves a Checkout Session, with the charge of its payment.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn retrieve_checkout(&self, id: &CheckoutId) -> Result<Checkout, StripeError> {
        let mut url = self.sessions.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(id.as_str());
        }
        url.query_pairs_mut().append_pair("expand[0]", "payment_intent.latest_charge");
        self.ask(self.http.get(url), Checkout::read).await
    }

    /// Calls until there is a final answer that `read` can read, a bounded number of times within a bounded
    /// time. Without an answer to one try, only a refusal that tells the outcome of all is final.
    pub(crate) async fn ask<T>(
        &self,
        call: RequestBuilder,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<T, StripeError> {
        let call =
            call.bearer_auth(self.config.secret_key.expose_secret()).header("stripe-version", API_VERSION);
        let tries = async {
            let mut retries = 0;
            loop {
                let Some(attempt) = call.try_clone() else { return Err(StripeError::Unavailable("body")) };
                let ended = match tokio::time::timeout(ATTEMPT, exchange(attempt, &read)).await {
                    Ok(ended) => ended,
                    Err(_) => Ended::again("timeout"),
                };
                match ended {
                    Ended::Answered(answer) => return Ok(answer),
                    Ended::Refused(refusal) if retries == 0 || refusal.is_of_the_request() => {
                        return Err(refusal);
                    }
                    Ended::Refused(_) => return Err(StripeError::Unavailable("refused_after_no_answer")),
                    Ended::Again { why, .. } if retries == RETRIES => {
                        return Err(StripeError::Unavailable(why));
                    }
                    Ended::Again { after, .. } => {
                        tokio::time::sleep(after.unwrap_or_else(|| pause(retries))).await;
                        retries += 1;
                    }
                }
            }
        };
        tokio::time::timeout(PATIENCE, tries).await.unwrap_or(Err(StripeError::Unavailable("timeout")))
    }
}

/// The result of one exchange.
enum Ended<T> {
    Answered(T),
    Refused(StripeError),
    Again { why: &'static str, after: Option<Duration> },
}

impl<T> Ended<T> {
    fn again(why: &'static str) -> Self {
        Self::Again { why, after: None }
    }
}

async fn exchange<T>(call: RequestBuilder, read: impl Fn(&Value) -> Option<T>) -> Ended<T> {
    let mut response = match call.send().await {
        Ok(response) => response,
        Err(error) if error.is_connect() => return Ended::again("connect"),
        Err(_) => return Ended::again("torn"),
    };
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    // This header decides if a retry may succeed; without it these statuses do.
    let worth_it = match header("stripe-should-retry") {
        Some("true") => true,
        Some("false") => false,
        Some(_) | None => matches!(status, 409 | 429 | 500..),
    };
    let after = header("retry-after").and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    let after = after.map(|after| after.min(LONGEST_PAUSE));
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= LARGEST_ANSWER => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Ended::again("too_large"),
            Ok(None) => break,
            // The status of an error is sufficient without its body.
            Err(_) if !(200..300).contains(&status) => break,
            Err(_) => return Ended::again("torn"),
        }
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    if (200..300).contains(&status) {
        return read(&body).map_or_else(|| Ended::again("unreadable"), Ended::Answered);
    }
    if worth_it {
        return Ended::Again { why: if status == 429 { "rate_limited" } else { "server_error" }, after };
    }
    Ended::Refused(StripeError::Refused { status, code: code(&body) })
}

/// Refusals without a code that operators must understand, by the beginning of their message.
const BY_MESSAGE: [(&str, &str); 2] = [
    ("Insufficient funds in your Stripe balance", "insufficient_balance_for_refund"),
    ("Refund amount (", "refund_amount_too_large"),
];

/// Returns the code of an error, or its type, but never its message, because it may quote our request.
fn code(body: &Value) -> String {
    let named = |field: &str| body.get("error").and_then(|error| error.get(field)).and_then(Value::as_str);
    let by_message = || {
        let message = named("message")?;
        BY_MESSAGE.into_iter().find(|(begin, _)| message.starts_with(begin)).map(|(_, code)| code)
    };
    let code = named("code").or_else(by_message).or_else(|| named("type")).unwrap_or(UNKNOWN);
    let plain = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_';
    code.chars().filter(plain).take(64).collect()
}

/// The pause before a retry: doubled each time, plus up to the same again at random, so that clients do not
/// retry together.
fn pause(retries: u32) -> Duration {
    let pause = PAUSE.saturating_mul(1 << retries.min(4));
    // A fresh hasher has a random key, which is random enough here.
    let chance = u32::try_from(RandomState::new().hash_one(retries) % 1024).unwrap_or(0);
    pause + pause.saturating_mul(chance) / 1024
}
