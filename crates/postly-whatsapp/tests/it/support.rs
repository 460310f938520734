//! Webhooks, signed as the providers sign them.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use postly_domain::UnixMillis;
use postly_domain::event::ReceivedEvent;
use postly_whatsapp::{
    MetaSecrets, OwnNumbers, TwilioSecrets, VerifiedWebhook, Verifier, WEBHOOK_PATH, WebhookRequest,
    split_webhook,
};
use sha1::Sha1;
use sha2::Sha256;

pub(crate) const BASE: &str = "https://postly.example";
pub(crate) const SECRET: &str = "app-secret-app-secret-app-secret";
pub(crate) const TOKEN: &str = "auth-token-auth-token-auth-token";

/// An instant shortly after the synthetic samples were written.
pub(crate) const NOW: UnixMillis = UnixMillis(1_795_340_060_000);

pub(crate) fn verifier() -> Verifier {
    let meta = MetaSecrets { app_secrets: vec![SECRET.to_owned().into()] };
    let twilio = TwilioSecrets { auth_tokens: vec![TOKEN.to_owned().into()], shared_keys: vec![] };
    Verifier::new(Some(meta), Some(twilio), BASE).unwrap()
}

pub(crate) fn routes() -> OwnNumbers {
    OwnNumbers {
        meta_phone_number_id: Some("106540352242922".to_owned()),
        twilio_account_sid: Some("AC00000000000000000000000000000001".to_owned()),
        twilio_from: Some("+14155238886".to_owned()),
    }
}

pub(crate) fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

pub(crate) fn meta_signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

pub(crate) fn meta(body: &[u8]) -> VerifiedWebhook {
    let headers = headers(&[("x-hub-signature-256", &meta_signature(SECRET, body))]);
    verifier().verify(&WebhookRequest { target: WEBHOOK_PATH, headers: &headers, body }).unwrap()
}

/// Signs a form independently of the code under test: the signed data is built from decoded text.
pub(crate) fn twilio(query: &str, body: &[u8]) -> VerifiedWebhook {
    let target = format!("{WEBHOOK_PATH}{query}");
    let mut fields: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    fields.sort();
    fields.dedup();
    let mut data = format!("{BASE}{target}");
    fields.iter().for_each(|(name, value)| data.extend([name.as_str(), value.as_str()]));
    let mut mac = Hmac::<Sha1>::new_from_slice(TOKEN.as_bytes()).unwrap();
    mac.update(data.as_bytes());
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    let headers = headers(&[
        ("x-twilio-signature", &signature),
        ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
    ]);
    verifier().verify(&WebhookRequest { target: &target, headers: &headers, body }).unwrap()
}

pub(crate) fn receive_meta(body: &str) -> Vec<ReceivedEvent> {
    split_webhook(&meta(body.as_bytes()), &routes(), NOW)
}

pub(crate) fn receive_twilio(query: &str, body: &str) -> ReceivedEvent {
    let mut events = split_webhook(&twilio(query, body.as_bytes()), &routes(), NOW);
    assert_eq!(events.len(), 1, "a form is one event");
    events.remove(0)
}

/// A webhook of Meta with these messages, contacts and statuses, as JSON lists.
pub(crate) fn batch(messages: &str, contacts: &str, statuses: &str) -> String {
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{
        "messaging_product":"whatsapp","metadata":{{"display_phone_number":"1","phone_number_id":"106540352242922"}},
        "contacts":{contacts},"messages":{messages},"statuses":{statuses}}}}}]}}]}}"#
    )
}

/// A text message.
pub(crate) fn text_message(id: &str, from: &str, body: &str) -> String {
    format!(
        r#"{{"from":"{from}","id":"{id}","timestamp":"1795340000","type":"text","text":{{"body":"{body}"}}}}"#
    )
}
