//! Emoji that were cut in half in transit: JSON writes the half as an escape that is no character.

use postly_domain::{
    Provider,
    event::{Content, EventKind, InboundEvent, InboundMessage, ReceivedEvent},
};
use postly_whatsapp::parse_event;
use proptest::prelude::*;

use crate::support::{batch, receive_meta, text_message};

fn read(event: &ReceivedEvent) -> InboundMessage {
    match parse_event(event.provider, event.kind, &event.slice) {
        Ok(InboundEvent::Message(message)) => message,
        other => panic!("{other:?}"),
    }
}

fn texts(body: &str) -> Vec<Content> {
    receive_meta(body).iter().map(|event| read(event).content).collect()
}

fn text(text: &str) -> Content {
    Content::Text(text.to_owned())
}

#[test]
fn w27_half_an_emoji_is_replaced_and_its_siblings_are_untouched() {
    let messages = [
        text_message("wamid.1", "33612345678", "bonjour"),
        text_message("wamid.2", "33612345678", r"-20 % sur les croissants \ud83e"),
        text_message("wamid.3", "33612345678", r"\udd50 \ud83e\udd50 \\ud83e"),
    ]
    .join(",");
    let body = batch(&format!("[{messages}]"), "[]", "[]");
    let expected = ["bonjour", "-20 % sur les croissants \u{fffd}", "\u{fffd} 🥐 \\ud83e"].map(text);
    assert_eq!(texts(&body), expected);
}

#[test]
fn w27_half_an_emoji_in_a_name_costs_neither_the_sender_nor_the_message() {
    let contact =
        r#"[{"profile":{"name":"Fatou \ud83e","\udd50":1},"wa_id":"33612345678","user_id":"FR.1A2B3C4D5E"}]"#;
    // The message names its sender by an id only, so the number comes from the contact.
    let message = r#"{"from_user_id":"FR.1A2B3C4D5E","id":"wamid.1","timestamp":"1795340000","type":"text","text":{"body":"x"},
        "context":{"quoted":"\ud83e"}}"#;
    let events = receive_meta(&batch(&format!("[{message}]"), contact, "[]"));
    let read = read(&events[0]);
    assert_eq!(
        (read.sender.address.as_str(), read.sender.bsuid.as_deref()),
        ("33612345678", Some("FR.1A2B3C4D5E"))
    );
    assert_eq!((read.provider_message_id.as_str(), read.content), ("wamid.1", text("x")));
    assert_eq!(events[0].key.to_string(), "meta:message:wamid.1");
    // The stored slice is valid JSON for every later reader.
    assert!(serde_json::from_str::<serde_json::Value>(&events[0].slice).is_ok(), "{}", events[0].slice);
}

#[test]
fn w27_half_an_emoji_in_a_form_is_replaced() {
    let form = "MessageSid=SM1&SmsStatus=received&From=whatsapp%3A%2B33612345678&To=whatsapp%3A%2B14155238886\
                &ProfileName=F%F0%9F&Body=promo+%F0%9F%A5";
    let slice = serde_json::json!({ "at": 1_795_340_000_000_i64, "form": form }).to_string();
    let read = parse_event(Provider::Twilio, EventKind::Message, &slice);
    assert!(matches!(read, Ok(InboundEvent::Message(message)) if message.content == text("promo \u{fffd}")));
}

/// Pieces of a JSON text, and their UTF-16 code units.
const PIECES: &[(&str, &[u16])] = &[
    (r"\ud83e", &[0xD83E]),
    (r"\uD83E", &[0xD83E]),
    (r"\udd50", &[0xDD50]),
    (r"\uDBFF", &[0xDBFF]),
    (r"\uDFFF", &[0xDFFF]),
    (r"\u00e9", &[0xE9]),
    (r"\ufffd", &[0xFFFD]),
    (r"\\", &[0x5C]),
    (r#"\""#, &[0x22]),
    (r"\n", &[0x0A]),
    (r"\/", &[0x2F]),
    ("ud83e", &[0x75, 0x64, 0x38, 0x33, 0x65]),
    ("u", &[0x75]),
    ("é", &[0xE9]),
    ("🥐", &[0xD83E, 0xDD50]),
    ("x", &[0x78]),
];

proptest! {
    #[test]
    fn w27_any_escapes_are_read_as_the_text_they_stand_for(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..12)
    ) {
        let json: String = pieces.iter().map(|(json, _)| *json).collect();
        // An unescaped character is never joined with an escaped half beside it.
        let mut expected = String::new();
        let mut run = vec![];
        for (json, units) in &pieces {
            if json.starts_with("\\u") {
                run.extend_from_slice(units);
            } else {
                expected.push_str(&String::from_utf16_lossy(&std::mem::take(&mut run)));
                expected.push_str(&String::from_utf16_lossy(units));
            }
        }
        expected.push_str(&String::from_utf16_lossy(&run));
        let body = batch(&format!("[{}]", text_message("wamid.1", "33612345678", &json)), "[]", "[]");
        prop_assert_eq!(texts(&body), [text(&expected)]);
    }
}
