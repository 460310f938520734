use postly_simulator::{JournalEntry, Outcome, RequestKind, Upstream};
use serde_json::{Value, json};

use super::faults;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const ACCOUNT: &str = "/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages.json";

fn entry(
    upstream: Upstream,
    kind: RequestKind,
    path: &str,
    content_type: &str,
    body: impl Into<Vec<u8>>,
) -> JournalEntry {
    JournalEntry {
        seq: 1,
        at_ms: 0,
        upstream,
        kind,
        method: "POST".to_owned(),
        path: path.to_owned(),
        headers: vec![("content-type".to_owned(), content_type.to_owned())],
        authorized: true,
        body: body.into(),
        outcome: Outcome::Pending,
        fault: None,
    }
}

fn meta(body: &Value) -> JournalEntry {
    let kind = if body.get("status").is_some() { RequestKind::Typing } else { RequestKind::Send };
    entry(Upstream::Meta, kind, "/v25.0/106540352242922/messages", JSON, body.to_string())
}

fn twilio(body: &str) -> JournalEntry {
    entry(Upstream::Twilio, RequestKind::Send, ACCOUNT, FORM, body)
}

fn twilio_typing(body: &str) -> JournalEntry {
    entry(Upstream::Twilio, RequestKind::Typing, "/v2/Indicators/Typing.json", FORM, body)
}

fn model(body: &Value) -> JournalEntry {
    entry(Upstream::Model, RequestKind::Completion, "/v1/chat/completions", JSON, body.to_string())
}

#[track_caller]
fn good(entry: JournalEntry) {
    assert_eq!(faults(&[entry]), Vec::<String>::new());
}

/// Asserts that the request is refused with a reason that contains `expected`.
#[track_caller]
fn bad(entry: JournalEntry, expected: &str) {
    let faults = faults(&[entry]);
    assert!(faults.iter().any(|fault| fault.contains(expected)), "{expected:?} is not in {faults:#?}");
}

/// Returns a copy with one value set, or removed if it is null.
fn with(body: &Value, pointer: &str, value: Value) -> Value {
    let mut body = body.clone();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(map), Value::Null) => drop(map.remove(key).unwrap()),
        (Value::Object(map), value) => drop(map.insert(key.to_owned(), value)),
        (parent, value) => parent[key.parse::<usize>().unwrap()] = value,
    }
    body
}

fn meta_text() -> Value {
    json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+33612345678",
        "type": "text",
        "text": {"preview_url": false, "body": "Vos trois posts 🥐"},
        "context": {"message_id": "wamid.HBgL"},
        "biz_opaque_callback_data": "outbox:0192f0c1",
    })
}

#[test]
fn texts_to_meta() {
    let text = meta_text();
    good(meta(&text));
    good(meta(&with(&with(&text, "/to", Value::Null), "/recipient", json!("FR.1A2B3C"))));
    for (pointer, value, expected) in [
        ("/messaging_product", Value::Null, "messaging_product"),
        ("/to", Value::Null, "either `to` or `recipient`"),
        ("/recipient", json!("FR.1A2B3C"), "either `to` or `recipient`"),
        ("/to", json!("33612345678"), "/to"),
        ("/type", Value::Null, "type"),
        ("/text", json!("Bonjour"), "/text"),
        ("/text/body", Value::Null, "body"),
        ("/text/body", json!("a".repeat(4097)), "/text/body"),
        ("/text/previewUrl", json!(true), "previewUrl"),
        ("/context/message_id", json!("SM1"), "/context/message_id"),
        ("/biz_opaque_callback_data", Value::Null, "without biz_opaque_callback_data"),
        ("/ttl", json!(60), "ttl"),
    ] {
        bad(meta(&with(&text, pointer, value)), expected);
    }
}

#[test]
fn where_a_request_goes_and_as_what() {
    let text = meta_text();
    for (path, expected) in [
        ("/25.0/106540352242922/messages", "{version}"),
        ("/v25.0/me/messages", "{phone_number_id}"),
        ("/v25.0/106540352242922/messages?a=1", "stands for messages"),
        ("/v25.0/106540352242922/messages/", "its path is not"),
    ] {
        bad(JournalEntry { path: path.to_owned(), ..meta(&text) }, expected);
    }
    bad(JournalEntry { authorized: false, ..meta(&text) }, "credentials");
    bad(JournalEntry { method: "PUT".to_owned(), ..meta(&text) }, "it is a PUT");
    bad(JournalEntry { headers: vec![], ..meta(&text) }, "content type");
    bad(JournalEntry { body: b"{".to_vec(), ..meta(&text) }, "not JSON");
    bad(JournalEntry { kind: RequestKind::Unknown, ..meta(&text) }, "no such endpoint");
    let as_json = json!({"To": "whatsapp:+33612345678"}).to_string();
    bad(entry(Upstream::Twilio, RequestKind::Send, ACCOUNT, JSON, as_json), "content type");
    bad(JournalEntry { path: ACCOUNT.replace("AC0", "0"), ..twilio("To=x") }, "{AccountSid}");
}

#[test]
fn the_typing_sign_to_meta() {
    let typing = json!({
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": "wamid.HBgL",
        "typing_indicator": {"type": "text"},
    });
    good(meta(&typing));
    for (pointer, value, expected) in [
        ("/message_id", Value::Null, "message_id"),
        ("/message_id", json!("SM1"), "/message_id"),
        ("/status", json!("typing"), "/status"),
        ("/typing_indicator/type", json!("audio"), "/typing_indicator/type"),
        ("/to", json!("+33612345678"), "to"),
    ] {
        bad(meta(&with(&typing, pointer, value)), expected);
    }
}

#[test]
fn buttons_lists_and_codes_to_meta() {
    let message = |kind: &str, content: Value| {
        json!({
            "messaging_product": "whatsapp",
            "to": "+33612345678",
            "type": kind,
            kind: content,
            "biz_opaque_callback_data": "outbox:1",
        })
    };
    let buttons = |titles: &[&str]| {
        let buttons: Vec<Value> = titles
            .iter()
            .enumerate()
            .map(
                |(index, title)| json!({"type": "reply", "reply": {"id": index.to_string(), "title": title}}),
            )
            .collect();
        message(
            "interactive",
            json!({"type": "button", "body": {"text": "?"}, "action": {"buttons": buttons}}),
        )
    };
    good(meta(&buttons(&["Oui", "Non"])));
    bad(meta(&buttons(&["Oui", "Oui"])), "two buttons");
    bad(meta(&buttons(&["Un titre de bouton trop long"])), "title");

    let list = |rows: usize| {
        let rows: Vec<Value> = (0..rows).map(|row| json!({"id": row.to_string(), "title": "a"})).collect();
        let sections = json!([{"title": "A", "rows": rows}, {"title": "B", "rows": rows}]);
        message(
            "interactive",
            json!({"type": "list", "body": {"text": "?"}, "action": {"button": "Choisir", "sections": sections}}),
        )
    };
    good(meta(&list(5)));
    bad(meta(&list(6)), "12 rows");
    bad(meta(&with(&list(2), "/interactive/action/sections/0/title", Value::Null)), "without a title");

    let code = |shown: &str, copied: &str| {
        let parameter = |code: &str| json!([{"type": "text", "text": code}]);
        message(
            "template",
            json!({
                "name": "postly_code",
                "language": {"code": "fr"},
                "components": [
                    {"type": "body", "parameters": parameter(shown)},
                    {"type": "button", "sub_type": "url", "index": "0", "parameters": parameter(copied)},
                ],
            }),
        )
    };
    good(meta(&code("123456", "123456")));
    bad(meta(&code("123456", "654321")), "another code");
    let long = "1".repeat(16);
    bad(meta(&code(&long, &long)), "more than 15 characters");
    let button = "/template/components/1";
    for (pointer, value, expected) in [
        ("/template/language".to_owned(), json!("fr"), "/template/language"),
        ("/template/components".to_owned(), json!([]), "a body and a button"),
        (format!("{button}/sub_type"), json!("copy_code"), "/sub_type is not"),
        (format!("{button}/sub_type"), json!("otp"), "/sub_type"),
        (format!("{button}/index"), json!(0), "/index is not"),
        (format!("{button}/index"), json!("1"), "/index is not"),
        ("/to".to_owned(), json!("33612345678"), "/to"),
    ] {
        bad(meta(&with(&code("123456", "123456"), &pointer, value)), expected);
    }
    let whole = code("123456", "123456");
    let bare = json!([whole["template"]["components"][0]]);
    bad(meta(&with(&whole, "/template/components", bare)), "a body and a button");
}

#[test]
fn messages_to_twilio() {
    let good_form = "To=whatsapp%3A%2B33612345678&StatusCallback=https%3A%2F%2Fp.example%2Fcb%3Fattempt%3D1\
                     &From=whatsapp%3A%2B14155238886&Body=Vos+trois+posts";
    good(twilio(good_form));
    good(twilio(&good_form.replace("%2B33612345678", "FR.1A2B3C")));
    let template = good_form.replace(
        "Body=Vos+trois+posts",
        "ContentSid=HX0123456789abcdef0123456789abcdef&ContentVariables=%7B%221%22%3A+%22123456%22%7D",
    );
    good(twilio(&template));
    let long = format!("Body={}", "%F0%9F%A5%90".repeat(801));
    for (form, expected) in [
        (good_form.replace("%2B33612345678", "+33612345678"), "To is \"whatsapp: 33612345678\""),
        (good_form.replace("To=whatsapp%3A", "To="), "To is"),
        (good_form.replace("From=whatsapp%3A", "From="), "From is"),
        (good_form.replace("&From=whatsapp%3A%2B14155238886", ""), "no From"),
        (good_form.replace("To=", "to="), "\"to\", which the specification does not know"),
        (good_form.replace("StatusCallback=", "ApplicationSid="), "no StatusCallback"),
        (good_form.replace("https%3A%2F%2Fp.example%2F", ""), "/StatusCallback"),
        (good_form.replace("Body=Vos+trois+posts", &long), "1602 UTF-16 units"),
        (good_form.replace("Body=Vos+trois+posts", "Body="), "0 UTF-16 units"),
        (good_form.replace("&Body=Vos+trois+posts", ""), "nothing to send"),
        (format!("{good_form}&Body=encore"), "Body comes twice"),
        (format!("{good_form}&ContentVariables=%7B%7D"), "ContentVariables without ContentSid"),
        (format!("{good_form}&SmartEncoded=oui"), "/SmartEncoded"),
        (format!("{good_form}&ValidityPeriod=soon"), "/ValidityPeriod"),
        (format!("{good_form}&ContentRetention=never"), "/ContentRetention"),
        (format!("{template}&Body=Bonjour"), "Body or MediaUrl beside ContentSid"),
        (format!("{template}&MediaUrl=https%3A%2F%2Fp.example"), "Body or MediaUrl beside ContentSid"),
        (template.replace("HX0", "HX"), "/ContentSid"),
        (template.replace("%22123456%22", "123456"), "a JSON object of strings"),
    ] {
        bad(twilio(&form), expected);
    }
    good(twilio(&format!("{good_form}&SmartEncoded=true&ValidityPeriod=60&ContentRetention=discard")));
}

#[test]
fn the_typing_sign_to_twilio() {
    let form = "channel=whatsapp&messageId=SM0123456789abcdef0123456789abcdef";
    good(twilio_typing(form));
    bad(twilio_typing("channel=whatsapp"), "messageId");
    bad(twilio_typing(&form.replace("whatsapp", "sms")), "/channel");
    bad(twilio_typing(&form.replace("SM0", "SM")), "/messageId");
    bad(twilio_typing(&form.replace("messageId", "MessageId")), "does not know");
}

#[test]
fn questions_to_the_model() {
    let question = json!({
        "model": "gpt-6-luna",
        "messages": [{"role": "system", "content": "…"}, {"role": "user", "content": "…"}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {
                "name": "posts",
                "strict": true,
                "schema": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["variants"],
                    "properties": {"variants": {"type": "array", "items": {
                        "type": "object",
                        "additionalProperties": false,
                        "required": ["text"],
                        "properties": {"text": {"type": "string"}},
                    }}},
                },
            },
        },
        "max_completion_tokens": 1200,
        "temperature": 0.7,
        "safety_identifier": "0123456789abcdef",
        "store": false,
    });
    good(model(&question));
    let format = "/response_format/json_schema";
    let items = format!("{format}/schema/properties/variants/items");
    for (pointer, value, expected) in [
        ("/model".to_owned(), Value::Null, "model"),
        ("/messages".to_owned(), Value::Null, "messages"),
        ("/messages/0".to_owned(), json!({"role": "narrator", "content": "…"}), "/messages/0"),
        ("/messages/1".to_owned(), json!({"role": "user"}), "content"),
        ("/temperature".to_owned(), json!(2.1), "/temperature"),
        ("/safety_identifier".to_owned(), json!("a".repeat(65)), "/safety_identifier"),
        ("/max_tokens".to_owned(), json!(1200), "max_tokens is deprecated"),
        ("/user".to_owned(), json!("a"), "user is deprecated"),
        ("/max_completion_token".to_owned(), json!(1), "does not know"),
        ("/response_format".to_owned(), json!({"type": "json_object"}), "no message says JSON"),
        ("/response_format/type".to_owned(), json!("json"), "/response_format"),
        (format!("{format}/name"), Value::Null, "name"),
        (format!("{format}/name"), json!("trois posts"), "a schema named"),
        (format!("{format}/schema"), Value::Null, "without its schema"),
        (format!("{items}/additionalProperties"), Value::Null, "not closed"),
        (format!("{items}/required"), json!([]), "does not require text"),
    ] {
        bad(model(&with(&question, &pointer, value)), expected);
    }
}
