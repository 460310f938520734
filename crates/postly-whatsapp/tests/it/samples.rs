//! All samples, and the events read from them.

use std::path::Path;

use postly_domain::event::{
    Content, DeliveryStatus, EventKind, IdentityChangeKind, IgnoreRule, InboundEvent, ReceivedEvent,
};
use postly_domain::{Provider, UnixMillis};
use postly_whatsapp::{parse_event, split_webhook};

use crate::support::{NOW, meta, receive_twilio, routes};

fn said(content: &Content) -> String {
    match content {
        Content::Text(text) => format!("text {text:?}"),
        Content::Spoken(text) => format!("spoken {text:?}"),
        Content::Caption { kind, text } => format!("caption of {kind} {text:?}"),
        Content::Tap { payload, title } => {
            let part =
                |part: &Option<String>| part.as_ref().map_or("-".to_owned(), |part| format!("{part:?}"));
            format!("tap {} {}", part(payload), part(title))
        }
        Content::OwnNumber { phone } => format!("own number {}", phone.as_str()),
        Content::Unreadable { kind } => format!("unreadable {kind}"),
        Content::Revoke { original } => format!("revoke {original}"),
        Content::Edit { original, content } => format!("edit {original} to {}", said(content)),
        Content::Silent { kind } => format!("silent {kind}"),
    }
}

/// One line per event: its kind, its rule or lane, and the parsed event.
fn summary(event: &ReceivedEvent) -> String {
    let kind = event.kind.as_str();
    if let Some(rule) = event.ignored {
        assert!(event.lane.is_empty() && event.slice.is_empty(), "what is ignored keeps nothing");
        return format!("{kind} ignored {}", rule.as_str());
    }
    let read = match parse_event(event.provider, event.kind, &event.slice).expect("a slice of ours") {
        InboundEvent::Message(message) => {
            assert_eq!(message.occurred_at, event.occurred_at);
            let content = said(&message.content);
            let bsuid = message.sender.bsuid.unwrap_or("-".to_owned());
            format!("{} {bsuid} {content}", message.sender.address)
        }
        InboundEvent::Status(status) => {
            let attempt = status.attempt.map_or("-".to_owned(), |attempt| attempt.to_string());
            let code = status.error_code.map_or("-".to_owned(), |code| code.to_string());
            let price = status.pricing.map_or(String::new(), |pricing| {
                let word = |word: Option<String>| word.unwrap_or("-".to_owned());
                let words = [word(pricing.category), word(pricing.kind), word(pricing.model)].join(" ");
                format!(" price {words} {:?}", pricing.billable)
            });
            format!("{} attempt {attempt} code {code}{price}", status.status.as_str())
        }
        InboundEvent::Notice(notice) => {
            assert_eq!(notice.occurred_at, event.occurred_at);
            format!("{} {} {}", notice.subject.key(), notice.word, notice.effect.as_str())
        }
        InboundEvent::IdentityChange(change) => {
            let phone = |phone: Option<postly_domain::PhoneE164>| {
                phone.map_or("-".to_owned(), |phone| phone.as_str().to_owned())
            };
            let id = |id: Option<String>| id.unwrap_or("-".to_owned());
            if change.kind == IdentityChangeKind::KeyChanged {
                let (phone, id) = (phone(change.previous_phone), id(change.previous_bsuid));
                return format!("{kind} [{}] {phone} {id} has another key", event.lane);
            }
            format!(
                "{} {} -> {} {} at {}",
                phone(change.previous_phone),
                id(change.previous_bsuid),
                phone(change.phone),
                id(change.bsuid),
                id(change.address)
            )
        }
    };
    format!("{kind} [{}] {read}", event.lane)
}

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

/// An instant shortly after the messages of a sample: the samples are of different years.
fn soon_after(body: &str) -> UnixMillis {
    let stamps = body.split("\"timestamp\": \"").skip(1).filter_map(|rest| rest.split('"').next());
    stamps
        .filter_map(|secs| secs.parse().ok())
        .max()
        .map_or(NOW, |secs| UnixMillis::from_secs(secs).plus_secs(60))
}

#[test]
fn every_sample_of_meta_is_read_as_it_is_meant() {
    let expected = include_str!("../../testdata/meta/expected.txt");
    let mut found = String::new();
    let mut files: Vec<_> = std::fs::read_dir(folder("meta"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    assert_eq!(files.len(), 42);
    for path in files {
        let body = std::fs::read_to_string(&path).unwrap();
        found.push_str(&format!("{}\n", path.file_name().unwrap().to_str().unwrap()));
        for event in split_webhook(&meta(body.as_bytes()), &routes(), soon_after(&body)) {
            found.push_str(&format!("  {}\n", summary(&event)));
        }
    }
    assert_eq!(found, expected, "\n{found}");
}

#[test]
fn every_sample_of_twilio_is_read_as_it_is_meant() {
    let expected = include_str!("../../testdata/twilio/expected.txt");
    let mut found = String::new();
    let mut files: Vec<_> = std::fs::read_dir(folder("twilio"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "form"))
        .collect();
    files.sort();
    assert_eq!(files.len(), 16);
    for path in files {
        let body = std::fs::read_to_string(&path).unwrap();
        let event = receive_twilio("?attempt=0192f0c1-7b7e", body.trim_end());
        let name = path.file_name().unwrap().to_str().unwrap();
        found.push_str(&format!("{name}\n  {}\n", summary(&event)));
    }
    assert_eq!(found, expected, "\n{found}");
}

#[test]
fn keys_name_the_event_and_not_the_delivery() {
    let body = std::fs::read_to_string(
        folder("meta").join("batch_2_entries_4_changes_4_messages_1_duplicate_1_status.json"),
    )
    .unwrap();
    let keys: Vec<String> = split_webhook(&meta(body.as_bytes()), &routes(), NOW)
        .into_iter()
        .map(|event| event.key.to_string())
        .collect();
    assert_eq!(
        keys,
        [
            "meta:message:wamid.SYNTH0001==",
            "meta:status:wamid.SYNTH0008==:sent",
            "meta:message:wamid.SYNTH0010==",
            "meta:message:wamid.SYNTH0011==",
            "meta:message:wamid.SYNTH0001==",
        ]
    );
}

#[test]
fn a_slice_holds_one_persons_event_and_nobody_elses() {
    let body = std::fs::read_to_string(
        folder("meta").join("batch_2_entries_4_changes_4_messages_1_duplicate_1_status.json"),
    )
    .unwrap();
    for event in split_webhook(&meta(body.as_bytes()), &routes(), NOW) {
        let bob = event.slice.contains("33700000001") || event.slice.contains("Bob");
        let amelie = event.slice.contains("33612345678") || event.slice.contains("Amélie");
        assert!(bob != amelie, "{}", event.key);
    }
}

#[test]
fn the_national_variants_of_one_number_wait_in_one_line() {
    let pairs = [
        ("551167654300", "5511967654300"),
        ("552177654301", "5521977654301"),
        ("553187654302", "5531987654302"),
        ("554197654303", "5541997654303"),
        ("555167654304", "5551967654304"),
        ("556177654305", "5561977654305"),
        ("557187654306", "5571987654306"),
        ("558197654307", "5581997654307"),
        ("554767654308", "5547967654308"),
        ("558577654309", "5585977654309"),
        ("5215512345678", "525512345678"),
        ("5213312345678", "523312345678"),
        ("5218112345678", "528112345678"),
        ("5212221234567", "522221234567"),
        ("5219981234567", "529981234567"),
        ("541123456789", "5491123456789"),
        ("543511234567", "5493511234567"),
        ("542611234567", "5492611234567"),
        ("543411234567", "5493411234567"),
        ("542211234567", "5492211234567"),
    ];
    for (left, right) in pairs {
        let lane = |from: &str| {
            let message = crate::support::text_message("wamid.1", from, "x");
            let events =
                crate::support::receive_meta(&crate::support::batch(&format!("[{message}]"), "[]", "[]"));
            let read = parse_event(Provider::Meta, EventKind::Message, &events[0].slice).unwrap();
            let InboundEvent::Message(read) = read else { panic!("a message") };
            assert_eq!(read.sender.address, from, "replies go to the address as it came");
            events[0].lane.clone()
        };
        assert_eq!(lane(left), lane(right));
        assert_eq!(lane(left), format!("meta:106540352242922:+{right}"));
    }
}

#[test]
fn twilios_statuses_carry_the_attempt_of_their_signed_address_only() {
    let form = "MessageSid=SM2&MessageStatus=sent&AccountSid=AC00000000000000000000000000000001\
                &From=whatsapp%3A%2B14155238886&To=whatsapp%3A%2B33612345678&attempt=forged";
    let attempt = |query: &str| {
        let event = receive_twilio(query, form);
        let read = parse_event(Provider::Twilio, event.kind, &event.slice).unwrap();
        let InboundEvent::Status(status) = read else { panic!("a status") };
        assert_eq!(status.status, DeliveryStatus::Sent);
        status.attempt.map(|attempt| attempt.to_string())
    };
    assert_eq!(attempt("?attempt=a-1").as_deref(), Some("a-1"));
    assert_eq!(attempt(""), None);
    assert_eq!(attempt("?attempt=a-1&attempt=a-2"), None);
    assert_eq!(attempt("?attempt=a%20b"), None);
}

#[test]
fn twilios_statuses_have_our_names() {
    for (name, expected) in [
        ("queued", Some("accepted")),
        ("accepted", Some("accepted")),
        ("sending", Some("accepted")),
        ("sent", Some("sent")),
        ("delivered", Some("delivered")),
        ("read", Some("read")),
        ("failed", Some("failed")),
        ("undelivered", Some("failed")),
        ("canceled", None),
    ] {
        let form = format!(
            "MessageSid=SM2&MessageStatus={name}&AccountSid=AC00000000000000000000000000000001\
             &From=whatsapp%3A%2B14155238886&To=whatsapp%3A%2B33612345678"
        );
        let event = receive_twilio("", &form);
        match (expected, parse_event(Provider::Twilio, event.kind, &event.slice)) {
            (Some(expected), Ok(InboundEvent::Status(status))) => {
                assert_eq!(status.status.as_str(), expected);
                assert_eq!(event.key.to_string(), format!("twilio:status:SM2:{name}"));
                assert_eq!(event.lane, "twilio:whatsapp:+14155238886:+33612345678#status");
            }
            (None, _) => assert_eq!(event.ignored, Some(IgnoreRule::UnknownKind)),
            (expected, read) => panic!("{name}: {expected:?}, {read:?}"),
        }
    }
}
