//! Signatures that are nearly right.

use std::collections::BTreeSet;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderValue};
use postly_whatsapp::{WEBHOOK_PATH, WebhookRequest};
use proptest::prelude::*;
use sha1::Sha1;

use crate::{
    mutate::{Script, mutate, script},
    support::{BASE, SECRET, TOKEN, headers, meta_signature, verifier},
    target::fuzz,
};

/// The signature of a form, computed here on bytes by Twilio's own description.
pub(crate) fn twilio_signature(target: &str, body: &[u8]) -> String {
    let mut fields = BTreeSet::new();
    for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        fields.insert((plain(&pair[..end]), plain(pair.get(end + 1..).unwrap_or_default())));
    }
    let mut mac = Hmac::<Sha1>::new_from_slice(TOKEN.as_bytes()).unwrap();
    mac.update(format!("{BASE}{target}").as_bytes());
    for (name, value) in fields {
        mac.update(&name);
        mac.update(&value);
    }
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

/// Decodes the escapes of a form.
fn plain(escaped: &[u8]) -> Vec<u8> {
    let mut plain = vec![];
    let mut at = 0;
    while at < escaped.len() {
        let digits = escaped.get(at + 1..at + 3).filter(|_| escaped[at] == b'%');
        let value = digits.and_then(|digits| Some(hex_digit(digits[0])? * 16 + hex_digit(digits[1])?));
        plain.push(match (escaped[at], value) {
            (_, Some(value)) => value,
            (b'+', None) => b' ',
            (byte, None) => byte,
        });
        at += if value.is_some() { 3 } else { 1 };
    }
    plain
}

fn hex_digit(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

const FORM: &str = "application/x-www-form-urlencoded";

pub(crate) fn form_headers(signature: &str) -> HeaderMap {
    headers(&[("x-twilio-signature", signature), ("content-type", FORM)])
}

const TOKENS: &[&str] = &[
    "",
    "sha256=",
    "sha1=",
    "SHA256=",
    "=",
    " ",
    "0",
    "f",
    "F",
    "A",
    "+",
    "/",
    "==",
    ",",
    "\t",
    "é",
    "&",
    "?",
    "#",
    "%00",
    "%2B",
    "a=1",
    "attempt=x",
    "bodySHA256=",
    "https://evil.example",
    "application/json",
    "; charset=utf-8",
];

/// A part of the request with some changes; the result may be no valid header.
fn changed(part: &str, script: &Script) -> Vec<u8> {
    mutate(&[part.as_bytes().to_vec()], script, TOKENS)
}

#[test]
fn meta_signatures() {
    let verifier = verifier();
    fuzz(file!(), &(script(), script()), |(of_header, of_body)| {
        let body = b"{\"object\":\"whatsapp_business_account\"}";
        let signature = changed(&meta_signature(SECRET, body), &of_header);
        let body = changed(std::str::from_utf8(body).unwrap(), &of_body);
        let Ok(value) = HeaderValue::from_bytes(&signature) else { return };
        let headers = HeaderMap::from_iter([("x-hub-signature-256".parse().unwrap(), value.clone())]);
        let request = WebhookRequest { target: WEBHOOK_PATH, headers: &headers, body: &body };
        let is_right = value.as_bytes() == meta_signature(SECRET, &body).as_bytes();
        assert_eq!(verifier.verify(&request).is_ok(), is_right);
    });
}

#[test]
fn twilio_signatures() {
    let verifier = verifier();
    fuzz(
        file!(),
        &(any::<u8>(), script(), script(), any::<bool>()),
        |(part, script, again, is_signed_anew)| {
            let (target, body) =
                (format!("{WEBHOOK_PATH}?attempt=a-1"), "Body=Bonjour+%C3%A0+tous&MessageSid=SM1");
            let mut parts =
                [twilio_signature(&target, body.as_bytes()), target, body.to_owned(), FORM.to_owned()]
                    .map(String::into_bytes);
            for script in [&script, &again] {
                let part = &mut parts[usize::from(part) % 4];
                *part = changed(&String::from_utf8_lossy(part), script);
            }
            let [mut signature, target, body, kind] = parts;
            let target = String::from_utf8_lossy(&target).into_owned();
            let right = twilio_signature(&target, &body);
            if is_signed_anew {
                signature = right.clone().into_bytes();
            }
            let (Ok(signature), Ok(kind)) =
                (HeaderValue::from_bytes(&signature), HeaderValue::from_bytes(&kind))
            else {
                return;
            };
            let headers = HeaderMap::from_iter([
                ("x-twilio-signature".parse().unwrap(), signature.clone()),
                ("content-type".parse().unwrap(), kind),
            ]);
            let request = WebhookRequest { target: &target, headers: &headers, body: &body };
            let is_right = signature.as_bytes() == right.as_bytes();
            match verifier.verify(&request) {
                Ok(verified) => {
                    assert!(is_right && !verified.is_json(), "nothing here is signed as JSON");
                    assert_eq!(verified.body(), body);
                }
                // An unclear content type, or a target that includes its own host, is refused in any case.
                Err(_) => assert!(!is_right || headers["content-type"] != FORM || !target.starts_with('/')),
            }
        },
    );
}
