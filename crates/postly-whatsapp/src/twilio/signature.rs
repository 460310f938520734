//! Twilio's signature over the address that it called and the form that it sent.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::SecretString;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use url::Url;

use super::form;
use crate::signature::{SignatureError, TwilioSecrets, WebhookRequest, mac, only_parameter, single};

pub(crate) const HEADER: &str = "x-twilio-signature";

/// Names the shared key and the algorithm. Without it, the auth token signs with SHA-1.
const SETTINGS_HEADER: &str = "x-twilio-webhooks-signature-settings";

/// The forms of our address that Twilio may have signed.
///
/// It is configured and never taken from `Host` or a forwarding header, because any client can set those.
#[derive(Debug, Clone)]
pub(crate) struct PublicUrl {
    forms: Vec<String>,
}

impl PublicUrl {
    /// Reads `scheme://authority[/path][/]`.
    ///
    /// Twilio is inconsistent about the default port, so the address is kept with and without it. The host is
    /// kept as configured and in the compared form of URLs (lower case, Punycode). Twilio signs the address
    /// that was typed into its console, which may be either.
    pub(crate) fn parse(base: &str) -> Option<Self> {
        let (scheme, rest) = base.split_once("://")?;
        let plain_scheme = scheme.to_ascii_lowercase();
        let default_port = match plain_scheme.as_str() {
            "https" => "443",
            "http" => "80",
            _ => return None,
        };
        let rest = rest.trim_end_matches('/');
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at_checked(slash)?,
            None => (rest, ""),
        };
        let strange = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '@' | '\\');
        if authority.is_empty() || rest.contains(strange) {
            return None;
        }
        // The colons of an IPv6 address stand within brackets.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let url = Url::parse(base).ok()?;
        let ports = match port {
            Some(port) if port != default_port => vec![format!(":{port}")],
            _ => vec![String::new(), format!(":{default_port}")],
        };
        let mut forms = vec![];
        for (scheme, host) in [(scheme, host), (plain_scheme.as_str(), url.host_str()?)] {
            for port in &ports {
                let form = format!("{scheme}://{host}{port}{path}");
                if !forms.contains(&form) {
                    forms.push(form);
                }
            }
        }
        Some(Self { forms })
    }
}

/// The signature scheme that the request declares.
enum Scheme<'a> {
    /// HMAC-SHA1 with one of the auth tokens.
    AuthToken(&'a [SecretString]),
    /// HMAC-SHA256 with the shared key that it names.
    SharedKey(&'a SecretString),
}

/// Checks the header's value. Returns true if the body is JSON, false if it is a form.
pub(crate) fn check(
    secrets: &TwilioSecrets,
    public_url: &PublicUrl,
    header: &[u8],
    request: &WebhookRequest<'_>,
) -> Result<bool, SignatureError> {
    // A target in absolute form would include its own host.
    if !request.target.starts_with('/') {
        return Err(SignatureError::Malformed);
    }
    let is_json = is_json(request)?;
    let signed_body = if is_json {
        check_body_hash(request)?;
        vec![]
    } else {
        signed_parameters(request.body)
    };
    let scheme = scheme(secrets, request)?;
    let given = decode(header, &scheme)?;

    let mut good = Choice::from(0);
    for form in &public_url.forms {
        let parts = [form.as_bytes(), request.target.as_bytes(), signed_body.as_slice()];
        match scheme {
            Scheme::AuthToken(tokens) => {
                for token in tokens {
                    good |= mac::<Sha1>(token, &parts).ok_or(SignatureError::Wrong)?.ct_eq(&given);
                }
            }
            Scheme::SharedKey(key) => {
                good |= mac::<Sha256>(key, &parts).ok_or(SignatureError::Wrong)?.ct_eq(&given);
            }
        }
    }
    if bool::from(good) { Ok(is_json) } else { Err(SignatureError::Wrong) }
}

/// Returns true for JSON, false for a form. The content type decides how the body was signed, so any other is
/// refused.
fn is_json(request: &WebhookRequest<'_>) -> Result<bool, SignatureError> {
    let value = single(request.headers, http::header::CONTENT_TYPE.as_str())?;
    let value = value.and_then(|value| std::str::from_utf8(value).ok()).ok_or(SignatureError::Malformed)?;
    let essence = value.split(';').next().unwrap_or(value).trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/x-www-form-urlencoded" => Ok(false),
        "application/json" => Ok(true),
        _ => Err(SignatureError::Malformed),
    }
}

/// A JSON webhook has its address signed, and the address contains the hash of the body.
fn check_body_hash(request: &WebhookRequest<'_>) -> Result<(), SignatureError> {
    let given = only_parameter(request.target, "bodySHA256").ok_or(SignatureError::Malformed)?;
    let expected = hex::encode(Sha256::digest(request.body));
    if bool::from(expected.as_bytes().ct_eq(given.as_bytes())) { Ok(()) } else { Err(SignatureError::Wrong) }
}

/// Names and values, sorted by name; of a repeated name each different value once, sorted. Bytes throughout:
/// nothing is trimmed, repaired or dropped.
fn signed_parameters(body: &[u8]) -> Vec<u8> {
    let mut parameters: BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>> = BTreeMap::new();
    for (name, value) in form::pairs(body) {
        parameters.entry(name).or_default().insert(value);
    }
    let mut signed = Vec::with_capacity(body.len());
    for (name, values) in &parameters {
        for value in values {
            signed.extend_from_slice(name);
            signed.extend_from_slice(value);
        }
    }
    signed
}

/// Reads the settings header. It cannot weaken the check, because it only names a key that we were given for
/// SHA-256.
fn scheme<'a>(
    secrets: &'a TwilioSecrets,
    request: &WebhookRequest<'_>,
) -> Result<Scheme<'a>, SignatureError> {
    let Some(settings) = single(request.headers, SETTINGS_HEADER)? else {
        if secrets.auth_tokens.is_empty() {
            return Err(SignatureError::NotConfigured);
        }
        return Ok(Scheme::AuthToken(&secrets.auth_tokens));
    };
    let settings = std::str::from_utf8(settings).map_err(|_| SignatureError::Malformed)?;
    let (mut key, mut algorithm) = (None, None);
    for setting in settings.split(',') {
        let (name, value) = setting.split_once('=').ok_or(SignatureError::Malformed)?;
        let place = match name.trim() {
            "key" => &mut key,
            "algorithm" => &mut algorithm,
            _ => continue,
        };
        if place.replace(value.trim()).is_some() {
            return Err(SignatureError::Ambiguous);
        }
    }
    let (Some(key), Some("HMAC_SHA256")) = (key, algorithm) else {
        return Err(SignatureError::Malformed);
    };
    let known = secrets.shared_keys.iter().find(|(id, _)| id == key);
    known.map(|(_, secret)| Scheme::SharedKey(secret)).ok_or(SignatureError::NotConfigured)
}

/// Strict base64: the standard alphabet, with padding, of exactly one digest.
fn decode(header: &[u8], scheme: &Scheme<'_>) -> Result<Vec<u8>, SignatureError> {
    let characters = match scheme {
        Scheme::AuthToken(_) => 28,
        Scheme::SharedKey(_) => 44,
    };
    if header.len() != characters {
        return Err(SignatureError::Malformed);
    }
    BASE64_STANDARD.decode(header).map_err(|_| SignatureError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t04_the_port_that_goes_without_saying_is_tried_both_ways_and_no_other_is() {
        for (base, expected) in [
            ("https://p.example", vec!["https://p.example", "https://p.example:443"]),
            ("https://p.example:443/", vec!["https://p.example", "https://p.example:443"]),
            ("http://p.example", vec!["http://p.example", "http://p.example:80"]),
            ("http://p.example:443", vec!["http://p.example:443"]),
            ("https://p.example:8443", vec!["https://p.example:8443"]),
            (
                "https://P.Example/a/B/",
                vec![
                    "https://P.Example/a/B",
                    "https://P.Example:443/a/B",
                    "https://p.example/a/B",
                    "https://p.example:443/a/B",
                ],
            ),
            ("HTTPS://P.example:8443", vec!["HTTPS://P.example:8443", "https://p.example:8443"]),
            ("https://café.example:444", vec!["https://café.example:444", "https://xn--caf-dma.example:444"]),
            ("http://[::1]", vec!["http://[::1]", "http://[::1]:80"]),
            ("http://[::1]:8080", vec!["http://[::1]:8080"]),
        ] {
            assert_eq!(PublicUrl::parse(base).unwrap().forms, expected, "{base}");
        }
    }
}
