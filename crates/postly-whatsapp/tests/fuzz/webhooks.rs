//! Signed bodies that no provider would write.

use postly_domain::{
    Provider,
    event::{Content, InboundEvent, ReceivedEvent},
};
use postly_whatsapp::{VerifiedWebhook, WEBHOOK_PATH, WebhookRequest, parse_event, split_webhook};

use crate::{
    mutate::{mutate, script},
    samples,
    signatures::{form_headers, twilio_signature},
    support::{NOW, meta, routes, verifier},
    target::fuzz,
};

/// Longer than any key or lane that two plausible ids make.
const LONGEST_NAME: usize = 1_500;

const JSON_TOKENS: &[&str] = &[
    "null",
    "true",
    "0",
    "-1",
    "1e400",
    "18446744073709551616",
    "[]",
    "{}",
    "\"\"",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "messages",
    "statuses",
    "errors",
    "contacts",
    "metadata",
    "phone_number_id",
    "106540352242922",
    "id",
    "from",
    "from_user_id",
    "wa_id",
    "user_id",
    "timestamp",
    "type",
    "text",
    "body",
    "system",
    "user_changed_number",
    "user_changed_user_id",
    "customer_identity_changed",
    "previous_user_id",
    " changed from ",
    " to ",
    "origin",
    "contact_request",
    "phones",
    "pricing",
    "billable",
    "user_id_update",
    "previous",
    "current",
    "failed",
    "delivered",
    "read",
    "sent",
    "group_id",
    "button",
    "payload",
    "interactive",
    "button_reply",
    "list_reply",
    "FR.1A2B3C4D5E6F7G8H9I",
    "33612345678",
    "5511987654321",
    "1795340000",
    "99999999999999",
    "-62135596800",
    "p:0192f0c1-7b7e-7000-8000-000000000000",
    "\u{FEFF}",
    "\0",
    "é",
    "🥐",
];

const FORM_TOKENS: &[&str] = &[
    "&",
    "=",
    "+",
    "%",
    "%00",
    "%FF",
    "%C3%A9",
    "%zz",
    "Body",
    "From",
    "To",
    "MessageSid",
    "SmsSid",
    "SmsStatus",
    "received",
    "MessageStatus",
    "delivered",
    "failed",
    "undelivered",
    "NumMedia",
    "MediaContentType0",
    "image/png",
    "MessageType",
    "AccountSid",
    "AC00000000000000000000000000000001",
    "ExternalUserId",
    "WaId",
    "whatsapp%3A",
    "whatsapp%3A%2B33612345678",
    "whatsapp%3A%2B14155238886",
    "FR.1A2B3C4D5E",
    "ButtonPayload",
    "ListId",
    "interactive",
    "Latitude",
    "ErrorCode",
    "63016",
    "",
];

/// Every accepted event can be stored, and the worker reads it as the ingress did.
fn check(verified: &VerifiedWebhook, provider: Provider) {
    let events = split_webhook(verified, &routes(), NOW);
    assert!(!events.is_empty(), "what was acknowledged is counted");
    let again = split_webhook(verified, &routes(), NOW);
    assert_eq!(events.len(), again.len());
    for (event, again) in events.iter().zip(&again) {
        assert_eq!((&event.key, &event.slice, &event.lane), (&again.key, &again.slice, &again.lane));
        check_event(event, provider);
    }
}

fn check_event(event: &ReceivedEvent, provider: Provider) {
    assert_eq!(event.provider, provider);
    for name in [&event.key.0, &event.lane] {
        assert!(name.len() <= LONGEST_NAME && !name.contains('\0'), "{name:?}");
    }
    assert!(event.key.0.starts_with(&format!("{provider}:")), "{:?}", event.key);
    assert!(!event.slice.contains('\0'));
    assert!(event.occurred_at <= NOW);
    if event.ignored.is_some() {
        assert!(event.slice.is_empty() && event.lane.is_empty(), "what is ignored keeps nothing");
        return;
    }
    assert!(!event.lane.is_empty());
    let read = parse_event(event.provider, event.kind, &event.slice).expect("what is let in can be read");
    if let InboundEvent::Message(message) = &read {
        assert_eq!(message.occurred_at, event.occurred_at);
        assert!(message.sender.phone.is_some() || message.sender.bsuid.is_some());
        if let Content::Tap { payload, title } = &message.content {
            let plausible = |payload: &String| (1..=256).contains(&payload.len()) && !payload.contains('\0');
            assert!(payload.as_ref().is_none_or(plausible) && (payload.is_some() || title.is_some()));
        }
        if let Content::Caption { text, .. } = &message.content {
            assert!(!text.trim().is_empty() && !text.contains('\0'));
        }
        assert!(!message.sender.address.is_empty() && !message.provider_message_id.is_empty());
    }
    assert_eq!(parse_event(event.provider, event.kind, &event.slice), Ok(read));
}

#[test]
fn meta_webhooks() {
    let samples = samples("meta", "json");
    fuzz(file!(), &script(), |script| check(&meta(&mutate(&samples, &script, JSON_TOKENS)), Provider::Meta));
}

#[test]
fn twilio_webhooks() {
    let samples = samples("twilio", "form");
    let verifier = verifier();
    fuzz(file!(), &script(), |script| {
        let body = mutate(&samples, &script, FORM_TOKENS);
        let target = format!("{WEBHOOK_PATH}?attempt=a-1");
        let headers = form_headers(&twilio_signature(&target, &body));
        let request = WebhookRequest { target: &target, headers: &headers, body: &body };
        check(&verifier.verify(&request).expect("rightly signed"), Provider::Twilio);
    });
}
