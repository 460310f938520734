//! Who signed this: nothing of a webhook is read before its signature has been checked.

use hmac::digest::{FixedOutput, Update};
use hmac::{Hmac, KeyInit};
use http::HeaderMap;
use postly_domain::{Provider, id::AttemptId};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::inbound::attempt_id;
use crate::{meta, twilio};

/// Bytes that a provider has signed. Only [`Verifier::verify`] makes them: the fields are private, so that
/// holding a `VerifiedWebhook` is proof.
#[derive(Clone)]
pub struct VerifiedWebhook {
    provider: Provider,
    body: Vec<u8>,
    attempt: Option<AttemptId>,
    is_json: bool,
}

impl VerifiedWebhook {
    /// Whose signature it carries.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// The bytes, as they came.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The attempt named in the signed address of a Twilio status callback.
    pub fn attempt(&self) -> Option<&AttemptId> {
        self.attempt.as_ref()
    }

    /// Whether the body is JSON; otherwise it is a form.
    pub fn is_json(&self) -> bool {
        self.is_json
    }
}

/// Leaves the body out: it holds numbers and texts.
impl std::fmt::Debug for VerifiedWebhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifiedWebhook")
            .field("provider", &self.provider)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A webhook as it came in, before anything is believed.
#[derive(Clone, Copy)]
pub struct WebhookRequest<'a> {
    /// Path and query, byte for byte as in the request line.
    pub target: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body, byte for byte: both providers sign what they sent, not what it means.
    pub body: &'a [u8],
}

impl WebhookRequest<'_> {
    /// The provider whose signature header the request bears, right or wrong. Says nothing about who sent it.
    pub fn claimed_provider(&self) -> Option<Provider> {
        if self.headers.contains_key(meta::signature::HEADER) {
            Some(Provider::Meta)
        } else if self.headers.contains_key(twilio::signature::HEADER) {
            Some(Provider::Twilio)
        } else {
            None
        }
    }
}

/// Why bytes are not believed. Callers answer all of these alike, so that nobody can learn from the difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no signature.
    #[error("the request carries no signature")]
    Missing,
    /// There are several, and it is not ours to choose among them.
    #[error("the request carries more than one signature")]
    Ambiguous,
    /// What stands there is not a signature, or the request lacks what is needed to check it.
    #[error("the signature cannot be read")]
    Malformed,
    /// It is a signature, but not of these bytes with our secret.
    #[error("the signature is wrong")]
    Wrong,
    /// We have no secret to check it with.
    #[error("no secret is configured for this signature")]
    NotConfigured,
}

/// What Meta signs with.
#[derive(Debug, Clone, Default)]
pub struct MetaSecrets {
    /// The app secrets, newest first. Several while one is being replaced.
    pub app_secrets: Vec<SecretString>,
}

/// What Twilio signs with.
#[derive(Debug, Clone, Default)]
pub struct TwilioSecrets {
    /// The auth tokens, newest first. Several while one is being promoted.
    pub auth_tokens: Vec<SecretString>,
    /// Shared keys, by their id. A request names the key it was signed with.
    pub shared_keys: Vec<(String, SecretString)>,
}

/// A configuration with which no signature could be checked safely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifierError {
    /// Anyone can sign with an empty secret.
    #[error("a webhook secret is empty")]
    EmptySecret,
    /// Twilio signs the address it called, which therefore must be known.
    #[error("the public base URL is not an http or https URL without query and fragment")]
    PublicBaseUrl,
}

/// Checks signatures. Fails closed: a provider without secrets is refused.
#[derive(Debug, Clone)]
pub struct Verifier {
    meta: Option<MetaSecrets>,
    twilio: Option<TwilioSecrets>,
    public_url: twilio::signature::PublicUrl,
}

impl Verifier {
    /// A verifier for what is configured. `public_base_url` is where the providers reach us; it may have a path
    /// and a trailing slash.
    ///
    /// # Errors
    /// See [`VerifierError`].
    pub fn new(
        meta: Option<MetaSecrets>,
        twilio: Option<TwilioSecrets>,
        public_base_url: &str,
    ) -> Result<Self, VerifierError> {
        let public_url =
            twilio::signature::PublicUrl::parse(public_base_url).ok_or(VerifierError::PublicBaseUrl)?;
        let of_meta = meta.iter().flat_map(|secrets| &secrets.app_secrets);
        let of_twilio = twilio.iter().flat_map(|secrets| {
            secrets.auth_tokens.iter().chain(secrets.shared_keys.iter().map(|(_, secret)| secret))
        });
        if of_meta.chain(of_twilio).any(|secret| secret.expose_secret().is_empty()) {
            return Err(VerifierError::EmptySecret);
        }
        Ok(Self { meta, twilio, public_url })
    }

    /// Believes the request, or says why not.
    ///
    /// The signature's header says whose it is. We never try one provider after the other: a body that one of
    /// them signed must not be read as the other's.
    ///
    /// # Errors
    /// See [`SignatureError`].
    pub fn verify(&self, request: &WebhookRequest<'_>) -> Result<VerifiedWebhook, SignatureError> {
        let of_meta = single(request.headers, meta::signature::HEADER)?;
        let of_twilio = single(request.headers, twilio::signature::HEADER)?;
        match (of_meta, of_twilio) {
            (Some(_), Some(_)) => Err(SignatureError::Ambiguous),
            (None, None) => Err(SignatureError::Missing),
            (Some(signature), None) => {
                let secrets = self.meta.as_ref().ok_or(SignatureError::NotConfigured)?;
                meta::signature::check(secrets, signature, request.body)?;
                Ok(verified(Provider::Meta, request.body, None, true))
            }
            (None, Some(signature)) => {
                let secrets = self.twilio.as_ref().ok_or(SignatureError::NotConfigured)?;
                let is_json = twilio::signature::check(secrets, &self.public_url, signature, request)?;
                let attempt = only_parameter(request.target, "attempt");
                let attempt = attempt.and_then(|text| attempt_id(&text));
                Ok(verified(Provider::Twilio, request.body, attempt, is_json))
            }
        }
    }
}

fn verified(provider: Provider, body: &[u8], attempt: Option<AttemptId>, is_json: bool) -> VerifiedWebhook {
    VerifiedWebhook { provider, body: body.to_vec(), attempt, is_json }
}

/// The one value of a header. Twice the same header is a request that two readers may read differently.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a [u8]>, SignatureError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(_), Some(_)) => Err(SignatureError::Ambiguous),
        (first, _) => Ok(first.map(http::HeaderValue::as_bytes)),
    }
}

/// The decoded value of a query parameter that stands there exactly once.
pub(crate) fn only_parameter(target: &str, name: &str) -> Option<String> {
    let (_, query) = target.split_once('?')?;
    only(query, name)
}

fn only(query: &str, name: &str) -> Option<String> {
    let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) => Some(value.into_owned()),
        _ => None,
    }
}

/// The HMAC of `parts`, one after the other. `None` cannot happen with HMAC, which takes keys of any length; the
/// caller refuses then, rather than panic.
pub(crate) fn mac<H>(secret: &SecretString, parts: &[&[u8]]) -> Option<Vec<u8>>
where
    Hmac<H>: KeyInit + Update + FixedOutput,
    H: hmac::EagerHash,
{
    let mut mac = <Hmac<H> as KeyInit>::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
    for part in parts {
        Update::update(&mut mac, part);
    }
    Some(mac.finalize_fixed().to_vec())
}

/// Answers Meta's question whether this address is ours: the challenge to send back, or `None` to refuse.
///
/// `query` is the raw query. Each of the three parameters must stand there once. An empty configured token
/// refuses everyone.
pub fn handshake(expected_verify_token: &str, query: &str) -> Option<String> {
    if only(query, "hub.mode")? != "subscribe" || expected_verify_token.is_empty() {
        return None;
    }
    // Digests have one length, so that the comparison does not tell the token's.
    let given = Sha256::digest(only(query, "hub.verify_token")?.as_bytes());
    let expected = Sha256::digest(expected_verify_token.as_bytes());
    let challenge = only(query, "hub.challenge")?;
    bool::from(given.as_slice().ct_eq(expected.as_slice())).then_some(challenge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w12_the_handshake_wants_each_parameter_once_and_the_right_token() {
        let good = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=s%20cret";
        assert_eq!(handshake("s cret", good).as_deref(), Some("1158201444"));
        for (token, query) in [
            ("", "hub.mode=subscribe&hub.challenge=1&hub.verify_token="),
            ("s cret", "hub.mode=subscribe&hub.challenge=1&hub.verify_token=wrong"),
            ("s cret", "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=s+cret"),
            ("s cret", "hub.mode=subscribe&hub.challenge=1&hub.challenge=2&hub.verify_token=s+cret"),
            ("s cret", "hub.mode=subscribe&hub.challenge=1&hub.verify_token=x&hub.verify_token=s+cret"),
            ("s cret", "hub.mode=subscribe&hub.mode=subscribe&hub.challenge=1&hub.verify_token=s+cret"),
            ("s cret", "hub.mode=subscribe&hub.verify_token=s+cret"),
            ("s cret", "hub_mode=subscribe&hub_challenge=1&hub_verify_token=s+cret"),
            ("s cret", ""),
        ] {
            assert_eq!(handshake(token, query), None, "{query}");
        }
    }

    #[test]
    fn w10_a_verifier_refuses_to_start_with_an_empty_secret_or_without_an_address() {
        let meta = |secret: &str| Some(MetaSecrets { app_secrets: vec![secret.to_owned().into()] });
        let start = |meta, url| Verifier::new(meta, None, url).err();
        assert_eq!(start(meta(""), "https://p.example"), Some(VerifierError::EmptySecret));
        for url in ["", "p.example", "ftp://p.example", "https://", "https://p.example/?x=1"] {
            assert_eq!(start(meta("x"), url), Some(VerifierError::PublicBaseUrl), "{url}");
        }
        assert_eq!(start(meta("x"), "https://p.example/"), None);
    }
}
