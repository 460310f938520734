//! Signatures: no part of a webhook is read before its signature has been checked.

use hmac::digest::{FixedOutput, Update};
use hmac::{Hmac, KeyInit};
use http::HeaderMap;
use postly_domain::{Provider, id::AttemptId};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::inbound::attempt_id;
use crate::{meta, twilio};

/// Bytes that a provider has signed. Only [`Verifier::verify`] creates them: the fields are private, so a
/// `VerifiedWebhook` is proof of the signature.
#[derive(Clone)]
pub struct VerifiedWebhook {
    provider: Provider,
    body: Vec<u8>,
    attempt: Option<AttemptId>,
    is_json: bool,
}

impl VerifiedWebhook {
    /// The provider that signed it.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// The bytes, unchanged.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The attempt named in the signed address of a Twilio status callback.
    pub fn attempt(&self) -> Option<&AttemptId> {
        self.attempt.as_ref()
    }

    /// Returns true if the body is JSON; otherwise it is a form.
    pub fn is_json(&self) -> bool {
        self.is_json
    }
}

/// Omits the body, because it holds numbers and texts.
impl std::fmt::Debug for VerifiedWebhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifiedWebhook")
            .field("provider", &self.provider)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A received webhook, not yet verified.
#[derive(Clone, Copy)]
pub struct WebhookRequest<'a> {
    /// Path and query, byte for byte as in the request line.
    pub target: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body, byte for byte: both providers sign bytes, not their meaning.
    pub body: &'a [u8],
}

impl WebhookRequest<'_> {
    /// The provider of the request's signature header, valid or not. It does not prove the sender.
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

/// The reason why a request is refused. Callers answer all of them alike, so that the difference reveals
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no signature.
    #[error("the request carries no signature")]
    Missing,
    /// There are several signatures, and choosing one would be a guess.
    #[error("the request carries more than one signature")]
    Ambiguous,
    /// The header is not a signature, or the request lacks the data to check it.
    #[error("the signature cannot be read")]
    Malformed,
    /// It is a signature, but not of these bytes with our secret.
    #[error("the signature is wrong")]
    Wrong,
    /// We have no secret to check it with.
    #[error("no secret is configured for this signature")]
    NotConfigured,
}

/// The secrets for Meta's signatures.
#[derive(Debug, Clone, Default)]
pub struct MetaSecrets {
    /// The app secrets, newest first. Several during a rotation.
    pub app_secrets: Vec<SecretString>,
}

/// The secrets for Twilio's signatures.
#[derive(Debug, Clone, Default)]
pub struct TwilioSecrets {
    /// The auth tokens, newest first. Several during a rotation.
    pub auth_tokens: Vec<SecretString>,
    /// Shared keys, by their id. A request names its key.
    pub shared_keys: Vec<(String, SecretString)>,
}

/// A configuration that cannot check signatures safely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifierError {
    /// Anyone can sign with an empty secret.
    #[error("a webhook secret is empty")]
    EmptySecret,
    /// Twilio signs the address that it called, so the address must be known.
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
    /// Creates a verifier for the configured providers. `public_base_url` is our address for the providers;
    /// it may have a path and a trailing slash.
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

    /// Verifies the signature of a request.
    ///
    /// The signature's header names the provider. The providers are never tried in turn, because a body
    /// signed by one must not be read as the other's.
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

/// The only value of a header. A repeated header is refused, because two readers may read it differently.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a [u8]>, SignatureError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(_), Some(_)) => Err(SignatureError::Ambiguous),
        (first, _) => Ok(first.map(http::HeaderValue::as_bytes)),
    }
}

/// The decoded value of a query parameter that occurs exactly once.
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

/// The HMAC of the concatenated `parts`. `None` cannot occur, because HMAC accepts keys of any length; the
/// caller then refuses rather than panics.
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

/// Answers Meta's verification of our address. Returns the challenge to send back, or `None` to refuse.
///
/// `query` is the raw query. Each of the three parameters must occur once. An empty configured token refuses
/// every request.
pub fn handshake(expected_verify_token: &str, query: &str) -> Option<String> {
    if only(query, "hub.mode")? != "subscribe" || expected_verify_token.is_empty() {
        return None;
    }
    // Digests have one length, so the comparison does not reveal the token's length.
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
