//! Authentic webhooks with unexpected content.

use postly_domain::event::{Content, EventKind, IgnoreRule, InboundEvent, InboundMessage, ReceivedEvent};
use postly_domain::{PhoneE164, Provider, UnixMillis};
use postly_whatsapp::{OwnNumbers, parse_event, split_webhook};
use proptest::prelude::*;

use crate::support::{NOW, batch, meta, receive_meta, receive_twilio, routes, text_message, twilio};

fn rules(body: &str) -> Vec<Option<IgnoreRule>> {
    receive_meta(body).iter().map(|event| event.ignored).collect()
}

fn read(event: &ReceivedEvent) -> InboundMessage {
    match parse_event(event.provider, event.kind, &event.slice) {
        Ok(InboundEvent::Message(message)) => message,
        other => panic!("{other:?}"),
    }
}

fn one(message: &str, contacts: &str) -> ReceivedEvent {
    let mut events = receive_meta(&batch(&format!("[{message}]"), contacts, "[]"));
    assert_eq!(events.len(), 1);
    events.remove(0)
}

const UNREADABLE: Option<IgnoreRule> = Some(IgnoreRule::Unreadable);
const UNKNOWN: Option<IgnoreRule> = Some(IgnoreRule::UnknownKind);

#[test]
fn w18_w26_w27_a_bad_item_takes_none_of_its_siblings_along() {
    let good = |id: &str| text_message(id, "33612345678", "bonjour");
    let deep = format!(
        r#"{{"id":"wamid.d","from":"33612345678","x":{}{}}}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    let huge_number = r#"{"id":"wamid.n","from":"33612345678","x":1e400}"#;
    let long_id = text_message(&"w".repeat(513), "33612345678", "x");
    let no_body = r#"{"id":"wamid.t","from":"33612345678","type":"text","timestamp":"1795340000"}"#;
    let bad = ["7", "null", "{}", r#"{"id":7}"#, r#"{"id":""}"#, &deep, huge_number, &long_id, no_body];
    for item in bad {
        let body = batch(&format!("[{},{item},{}]", good("wamid.1"), good("wamid.2")), "[]", "[]");
        assert_eq!(rules(&body), [None, UNREADABLE, None], "{}", &item[..item.len().min(80)]);
        let event = &receive_meta(&body)[1];
        assert!(event.key.to_string().starts_with("meta:unreadable:") && event.slice.is_empty());
        assert_eq!((event.kind, event.lane.as_str()), (EventKind::Unknown, ""));
    }
}

#[test]
fn w18_a_bad_level_is_as_small_as_it_can_be() {
    let message = text_message("wamid.1", "33612345678", "x");
    assert_eq!(rules(&batch(&format!("[{message}]"), "7", "7")), [None, UNREADABLE]);
    assert_eq!(rules(&batch("7", "[7]", r#"[{"id":"wamid.2","status":"sent"}]"#)), [UNREADABLE, None]);
    for entries in ["7", r#"{"a":1}"#] {
        let body = format!(r#"{{"object":"whatsapp_business_account","entry":{entries}}}"#);
        assert_eq!(rules(&body), [UNREADABLE]);
    }
    let body = r#"{"object":"whatsapp_business_account","entry":[7,{"changes":[7,{"field":"messages"},{"field":7},
        {"field":"messages","value":7},{"field":"future","value":7}]},{"changes":7}]}"#;
    let mut expected = vec![UNREADABLE; 7];
    expected[5] = UNKNOWN;
    assert_eq!(rules(body), expected);
}

#[test]
fn w26_w27_a_body_that_cannot_be_read_is_one_event() {
    let bodies: [&[u8]; 9] = [
        b"",
        b"{",
        b"[]",
        b"7",
        b"{\"object\":\"whatsapp_business_account\"}",
        b"{\"object\":\"whatsapp_business_account\",\"x\":\"\xff\"}",
        b"{\"object\":\"whatsapp_business_account\",\"x\":\"\0\"}",
        b"\0",
        &[b'['; 10_000],
    ];
    for body in bodies {
        let events = split_webhook(&meta(body), &routes(), NOW);
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].ignored, UNREADABLE);
        assert!(events[0].slice.is_empty() && events[0].lane.is_empty());
    }
}

#[test]
fn w19_what_we_do_not_know_is_counted_once_and_not_kept() {
    let bomb = format!(r#"{{"object":"page","x":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    for body in [
        r#"{"object":"page","entry":[]}"#,
        r#"{"object":"whatsapp_business_account","entry":[]}"#,
        r#"{"object":"whatsapp_business_account","entry":[{"changes":[]}]}"#,
        &bomb,
        &batch("[]", "[]", "[]"),
        &batch("[]", "[]", r#"[{"id":"wamid.1","status":"teleported","recipient_id":"33612345678"}]"#),
    ] {
        let events = receive_meta(body);
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].ignored, UNKNOWN);
        assert!(events[0].slice.is_empty());
        assert_eq!(events[0].key, receive_meta(body)[0].key);
    }
}

#[test]
fn w19_w27_marks_and_extras_are_tolerated_and_nul_is_left_out() {
    let message = text_message("wamid.1", "33612345678", r"a\u0000b \u00e9 \ud83e\udd50");
    let body =
        batch(&format!("[{message}]"), "[]", "[]").replace("\"id\":\"1\"", "\"id\":\"1\",\"future\":[1]");
    let events = split_webhook(&meta(format!("\u{FEFF}{body}").as_bytes()), &routes(), NOW);
    assert_eq!(read(&events[0]).content, Content::Text("ab é 🥐".to_owned()));
    assert!(!events[0].slice.contains('\0'));

    let event = one(&text_message(r"wamid.\u0000x", "33612345678", "x"), "[]");
    assert_eq!(event.key.to_string(), "meta:message:wamid.x");

    let form = "MessageSid=SM1&SmsStatus=received&AccountSid=AC00000000000000000000000000000001\
                &From=whatsapp%3A%2B33612345678&To=whatsapp%3A%2B14155238886&Body=a%00b";
    let event = receive_twilio("", form);
    assert_eq!(read(&event).content, Content::Text("ab".to_owned()));
}

#[test]
fn w29_long_texts_pass_through() {
    for length in [4_096, 65_536] {
        let event = one(&text_message("wamid.1", "33612345678", &"é".repeat(length)), "[]");
        assert_eq!(read(&event).content, Content::Text("é".repeat(length)));
    }
}

#[test]
fn w30_who_wrote_is_named_by_number_or_by_id_or_not_at_all() {
    let check = |from: &str, contacts: &str, expected: Option<(&str, Option<&str>, Option<&str>)>| {
        let event = one(
            &format!(
                r#"{{{from}"id":"wamid.1","timestamp":"1795340000","type":"text","text":{{"body":"x"}}}}"#
            ),
            contacts,
        );
        match expected {
            None => assert_eq!(event.ignored, Some(IgnoreRule::NoSender), "{from}"),
            Some((address, phone, bsuid)) => {
                let sender = read(&event).sender;
                assert_eq!(sender.address, address, "{from}");
                assert_eq!(sender.phone.as_ref().map(PhoneE164::as_str), phone);
                assert_eq!(sender.bsuid.as_deref(), bsuid);
                let person = phone.or(bsuid).unwrap();
                assert_eq!(event.lane, format!("meta:106540352242922:{person}"));
            }
        }
    };
    let known = Some("+33612345678");
    check(r#""from":"33612345678","#, "[]", Some(("33612345678", known, None)));
    check(r#""from":"+33612345678","#, "[]", Some(("+33612345678", known, None)));
    check(r#""from":"","from_user_id":"FR.1A","#, "[]", Some(("FR.1A", None, Some("FR.1A"))));
    check(r#""from":"abc","from_user_id":"FR.1A","#, "[]", Some(("FR.1A", None, Some("FR.1A"))));
    check(r#""from":"FR.1A","#, "[]", Some(("FR.1A", None, Some("FR.1A"))));
    check(
        r#""from":"33612345678","from_user_id":"FR.1A","#,
        "[]",
        Some(("33612345678", known, Some("FR.1A"))),
    );
    for nobody in [
        "",
        r#""from":"","#,
        r#""from":"+","#,
        r#""from":"abc","#,
        r#""from":"123","#,
        r#""from":7,"#,
        r#""from":"1234567890123456","#,
        r#""from":"","from_user_id":"user.93737...","#,
    ] {
        check(nobody, "[]", None);
    }

    // A contact completes a message only if it is the sender's.
    check(
        r#""from":"33612345678","#,
        r#"[{"wa_id":"33700000001","user_id":"FR.B0B"},{"wa_id":"33612345678","user_id":"FR.1A"}]"#,
        Some(("33612345678", known, Some("FR.1A"))),
    );
    check(
        r#""from_user_id":"FR.1A","#,
        r#"[{"wa_id":"33612345678","user_id":"FR.1A"}]"#,
        Some(("33612345678", known, Some("FR.1A"))),
    );
    check(
        r#""from":"33612345678","#,
        r#"[{"wa_id":"33700000001","user_id":"FR.B0B"}]"#,
        Some(("33612345678", known, None)),
    );
    check(
        r#""from":"33612345678","from_user_id":"FR.1A","#,
        r#"[{"wa_id":"33612345678","user_id":"FR.B0B"}]"#,
        Some(("33612345678", known, Some("FR.1A"))),
    );
    check(
        r#""from":"33612345678","#,
        r#"[{"user_id":"FR.1A"}]"#,
        Some(("33612345678", known, Some("FR.1A"))),
    );
    check(
        r#""from":"33612345678","#,
        r#"[{"user_id":"FR.1A"},{"user_id":"FR.B0B"}]"#,
        Some(("33612345678", known, None)),
    );
}

#[test]
fn w31_t08_what_is_for_others_is_not_kept() {
    let body = batch(
        &format!("[{}]", text_message("wamid.1", "33612345678", "x")),
        "[]",
        r#"[{"id":"wamid.2","status":"sent","recipient_id":"33612345678"}]"#,
    );
    let other = OwnNumbers { meta_phone_number_id: Some("1".to_owned()), ..routes() };
    for routes in
        [other, OwnNumbers::default(), OwnNumbers { meta_phone_number_id: Some(String::new()), ..routes() }]
    {
        for event in split_webhook(&meta(body.as_bytes()), &routes, NOW) {
            assert_eq!(event.ignored, Some(IgnoreRule::Unrouted));
            assert!(event.slice.is_empty() && event.lane.is_empty());
        }
    }
    let form = |account: &str, to: &str| {
        format!(
            "MessageSid=SM1&SmsStatus=received&Body=x&AccountSid={account}&From=whatsapp%3A%2B33612345678&To={to}"
        )
    };
    let ours = "AC00000000000000000000000000000001";
    let check = |account, to, rule| assert_eq!(receive_twilio("", &form(account, to)).ignored, rule);
    check(ours, "whatsapp%3A%2B14155238886", None);
    check("AC2", "whatsapp%3A%2B14155238886", Some(IgnoreRule::Unrouted));
    check("", "whatsapp%3A%2B14155238886", Some(IgnoreRule::Unrouted));
    check(ours, "whatsapp%3A%2B14155238887", Some(IgnoreRule::Unrouted));
    check(ours, "", Some(IgnoreRule::Unrouted));
    let none = split_webhook(&twilio("", form(ours, "").as_bytes()), &OwnNumbers::default(), NOW);
    assert_eq!(none[0].ignored, Some(IgnoreRule::Unrouted));
}

#[test]
fn w38_a_message_of_yesterday_is_too_late_and_a_status_of_yesterday_is_not() {
    let sent = UnixMillis::from_secs(1_795_340_000);
    let body = batch(
        &format!("[{}]", text_message("wamid.1", "33612345678", "x")),
        "[]",
        r#"[{"id":"wamid.2","status":"sent","timestamp":"1795340000","recipient_id":"33612345678"}]"#,
    );
    let rules = |now| {
        let events = split_webhook(&meta(body.as_bytes()), &routes(), now);
        events.into_iter().map(|event| event.ignored).collect::<Vec<_>>()
    };
    assert_eq!(rules(sent.plus_secs(24 * 3600)), [None, None]);
    assert_eq!(rules(sent.plus_secs(24 * 3600 + 1)), [Some(IgnoreRule::WindowClosed), None]);
    assert_eq!(rules(sent.plus_secs(6 * 24 * 3600)), [Some(IgnoreRule::WindowClosed), None]);
    // A provider's clock ahead of ours does not extend the window.
    let early = split_webhook(&meta(body.as_bytes()), &routes(), sent.plus_secs(-3600));
    assert_eq!(early[0].occurred_at, sent.plus_secs(-3600));
    assert_eq!(read(&early[0]).occurred_at, sent.plus_secs(-3600));
}

#[test]
fn w22_only_our_own_correlation_ids_come_back() {
    let attempt = |data: &str| {
        let status = format!(
            r#"[{{"id":"wamid.2","status":"failed","recipient_id":"","biz_opaque_callback_data":"{data}","errors":[{{"code":"131047"}}]}}]"#
        );
        let events = receive_meta(&batch("[]", "[]", &status));
        assert_eq!(events[0].lane, "meta:106540352242922:wamid.2#status");
        match parse_event(Provider::Meta, EventKind::Status, &events[0].slice) {
            Ok(InboundEvent::Status(status)) => {
                assert_eq!(status.error_code, Some(131_047));
                status.attempt.map(|attempt| attempt.to_string())
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(attempt("outbox:0192f0c1-7b7e").as_deref(), Some("0192f0c1-7b7e"));
    for data in ["", "0192f0c1", "outbox:", "outbox:a' OR 1=1", &format!("outbox:{}", "x".repeat(10_240))] {
        assert_eq!(attempt(data), None);
    }
}

#[test]
fn w20_kinds_of_content_are_told_apart() {
    let kind = |json: &str| {
        read(&one(
            &format!(r#"{{"from":"33612345678","id":"wamid.1","timestamp":"1795340000",{json}}}"#),
            "[]",
        ))
        .content
    };
    for name in [
        "audio",
        "image",
        "video",
        "document",
        "sticker",
        "location",
        "contacts",
        "button",
        "interactive",
        "unsupported",
    ] {
        let expected = Content::Unreadable { kind: name.to_owned() };
        assert_eq!(kind(&format!(r#""type":"{name}","{name}":{{}}"#)), expected);
    }
    for name in ["reaction", "order", "system", "hologram", ""] {
        assert_eq!(kind(&format!(r#""type":"{name}""#)), Content::Silent { kind: name.to_owned() });
    }
    assert_eq!(kind(r#""x":1"#), Content::Silent { kind: String::new() });
    assert_eq!(
        kind(r#""type":"text","text":{"body":"x"},"group_id":"G1""#),
        Content::Silent { kind: "group".to_owned() }
    );
    assert_eq!(
        kind(&format!(r#""type":"{}""#, "k".repeat(10_000))),
        Content::Silent { kind: "k".repeat(40) }
    );
}

#[test]
fn a_change_that_names_nobody_changes_nobody() {
    let change = |system: &str, from: &str| {
        one(
            &format!(
                r#"{{{from}"id":"wamid.1","timestamp":"1","type":"system","system":{{"type":"user_changed_number"{system}}}}}"#
            ),
            "[]",
        )
    };
    let good = change(r#","wa_id":"33698765432""#, r#""from":"33612345678","#);
    assert_eq!((good.kind, good.ignored), (EventKind::IdentityChange, None));
    assert_eq!(good.key.to_string(), "meta:change:wamid.1");
    assert_eq!(good.lane, "meta:106540352242922:+33612345678");
    for event in
        [change("", r#""from":"33612345678","#), change(r#","wa_id":"33698765432""#, r#""from":"","#)]
    {
        assert_eq!(
            (event.kind, event.ignored),
            (EventKind::IdentityChange, Some(IgnoreRule::UnknownIdentity))
        );
    }
}

/// A notice of a changed id, with its sentence and further fields.
fn id_notice(body: &str, more: &str) -> ReceivedEvent {
    one(
        &format!(
            r#"{{"id":"wamid.1","timestamp":"1","type":"system","system":{{"type":"user_changed_user_id","user_id":"FR.NEW","body":"{body}"{more}}}}}"#
        ),
        "[]",
    )
}

#[test]
fn the_id_before_is_read_from_the_end_of_the_sentence_or_not_at_all() {
    let before = |body: &str, more: &str| {
        let event = id_notice(body, more);
        if event.ignored.is_some() {
            assert_eq!(event.ignored, Some(IgnoreRule::UnknownIdentity), "{body}");
            return None;
        }
        match parse_event(Provider::Meta, EventKind::IdentityChange, &event.slice).unwrap() {
            InboundEvent::IdentityChange(change) => change.previous_bsuid,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(before("User Ada changed from FR.OLD to FR.NEW", "").as_deref(), Some("FR.OLD"));
    // The name at the beginning is chosen by its owner.
    let forged = "User changed from FR.VICTIM to FR.NEW changed from FR.OLD to FR.NEW";
    assert_eq!(before(forged, "").as_deref(), Some("FR.OLD"));
    for body in [
        "User Ada changed from FR.OLD to FR.OTHER",
        "User Ada changed from FR.OLD to FR.NEW.",
        "User Ada changed from FR.OLD",
        "User Ada changed from old to FR.NEW",
        "User Ada changed from FR.OLD and FR.OLDER to FR.NEW",
        "User Ada changed from 33612345678 to 33698765432",
        "FR.OLD FR.NEW",
        "",
    ] {
        assert_eq!(before(body, ""), None, "{body}");
    }
    // An explicit previous id has precedence over the sentence.
    let named = r#","previous_user_id":"FR.NAMED""#;
    assert_eq!(before("User Ada changed from FR.OLD to FR.NEW", named).as_deref(), Some("FR.NAMED"));
    assert_eq!(before("", r#","previous_user_id":"FR.NEW""#), None, "nothing has changed");
}

#[test]
fn only_one_own_number_that_was_asked_for_is_a_number() {
    let shared = |contacts: &str, from: &str| {
        let message = format!(
            r#"{{{from}"from_user_id":"FR.ADA","id":"wamid.1","timestamp":"1795340000","type":"contacts","contacts":{contacts}}}"#
        );
        let event = one(&message, "[]");
        match parse_event(Provider::Meta, EventKind::Message, &event.slice).unwrap() {
            InboundEvent::Message(message) => match message.content {
                Content::OwnNumber { phone } => Some(phone.as_str().to_owned()),
                _ => None,
            },
            other => panic!("{other:?}"),
        }
    };
    let phones = r#""phones":[{"wa_id":"33612345678"}]"#;
    let asked = format!(r#"[{{"origin":"contact_request",{phones}}}]"#);
    assert_eq!(shared(&asked, "").as_deref(), Some("+33612345678"));
    assert_eq!(shared(&asked, r#""from":"33612345678","#).as_deref(), Some("+33612345678"));
    assert_eq!(shared(&asked, r#""from":"33698765432","#), None, "it is somebody else's");
    for contacts in [
        format!(r#"[{{"origin":"other",{phones}}}]"#),
        format!("[{{{phones}}}]"),
        format!(r#"[{{"origin":"contact_request",{phones}}},{{"origin":"other",{phones}}}]"#),
        format!(r#"[{{"origin":"contact_request","user_id":"FR.BOB",{phones}}}]"#),
        r#"[{"origin":"contact_request","phones":[{"wa_id":"33612345678"},{"wa_id":"33698765432"}]}]"#
            .to_owned(),
        r#"[{"origin":"contact_request","phones":[{"phone":"+33 6 12 34 56 78"}]}]"#.to_owned(),
        r#"[{"origin":"contact_request","phones":[]}]"#.to_owned(),
        r#"[{"origin":"contact_request"}]"#.to_owned(),
        r#"["contact_request"]"#.to_owned(),
        r#"{"origin":"contact_request"}"#.to_owned(),
    ] {
        assert_eq!(shared(&contacts, ""), None, "{contacts}");
    }
}

#[test]
fn t09_forms_that_are_no_messages_are_counted() {
    let base = "AccountSid=AC00000000000000000000000000000001&To=whatsapp%3A%2B14155238886";
    let check = |rest: &str, rule: IgnoreRule| {
        let event = receive_twilio("", &format!("{base}{rest}"));
        assert_eq!(event.ignored, Some(rule), "{rest}");
        assert!(event.slice.is_empty() && event.lane.is_empty());
    };
    check("", IgnoreRule::UnknownKind);
    check("&MessageSid=SM1", IgnoreRule::UnknownKind);
    check("&Body=x&From=whatsapp%3A%2B33612345678", IgnoreRule::Unreadable);
    check(&format!("&Body=x&MessageSid={}", "S".repeat(513)), IgnoreRule::Unreadable);
    for from in
        ["%2B33612345678", "", "whatsapp%3A", "whatsapp%3A%2B", "messenger%3A123456789", "whatsapp%3Aabc"]
    {
        check(&format!("&Body=x&MessageSid=SM1&From={from}"), IgnoreRule::NoSender);
    }
    // A message is never read as a status, whatever other fields it has.
    let both = format!(
        "{base}&MessageSid=SM1&From=whatsapp%3A%2B33612345678&SmsStatus=received&MessageStatus=failed"
    );
    assert_eq!(receive_twilio("", &both).kind, EventKind::Message);
}

#[test]
fn w20_twilios_media_without_a_named_kind_is_known_by_its_media() {
    for (fields, expected) in [
        ("&Body=x&NumMedia=0", Content::Text("x".to_owned())),
        ("&NumMedia=0", Content::Text(String::new())),
        ("&NumMedia=1&MediaContentType0=image%2Fpng", Content::Unreadable { kind: "image".to_owned() }),
        ("&NumMedia=1&MediaContentType0=audio%2Fogg", Content::Unreadable { kind: "audio".to_owned() }),
        ("&NumMedia=2&MessageType=text", Content::Unreadable { kind: "document".to_owned() }),
        ("&Body=&Latitude=1&Longitude=2", Content::Unreadable { kind: "location".to_owned() }),
        ("&MessageType=reaction&Body=x", Content::Silent { kind: "reaction".to_owned() }),
        ("&MessageType=hologram&Body=x", Content::Silent { kind: "hologram".to_owned() }),
    ] {
        let event = receive_twilio(
            "",
            &format!(
                "MessageSid=SM1&SmsStatus=received&AccountSid=AC00000000000000000000000000000001\
                 &From=whatsapp%3A%2B33612345678&To=whatsapp%3A%2B14155238886{fields}"
            ),
        );
        assert_eq!(read(&event).content, expected, "{fields}");
    }
}

#[test]
fn w17_a_thousand_messages_are_a_thousand_events() {
    let text = "é".repeat(1_300);
    let messages: Vec<String> = (0..1_000)
        .map(|number| {
            text_message(&format!("wamid.{number}"), &format!("336000000{:02}", number % 50), &text)
        })
        .collect();
    let events = receive_meta(&batch(&format!("[{}]", messages.join(",")), "[]", "[]"));
    assert_eq!(events.len(), 1_000);
    assert!(events.iter().all(|event| event.ignored.is_none()));
    let lanes: std::collections::BTreeSet<_> = events.iter().map(|event| &event.lane).collect();
    assert_eq!(lanes.len(), 50);
}

proptest! {
    #[test]
    fn no_signed_bytes_make_it_fail(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let events = split_webhook(&meta(&body), &routes(), NOW);
        prop_assert!(events.iter().all(|event| event.ignored.is_some()));
    }

    #[test]
    fn no_signed_form_makes_it_fail(body in "[A-Za-z0-9%&=+]{0,200}|MessageSid=[a-z0-9%]{0,20}&Body=[a-z%0-9+]{0,20}&From=whatsapp%3A[0-9.A-Z%]{0,20}") {
        if let Ok(decoded) = std::str::from_utf8(body.as_bytes())
            && form_urlencoded::parse(decoded.as_bytes()).all(|(name, value)| !name.contains('\u{FFFD}') && !value.contains('\u{FFFD}'))
        {
            split_webhook(&twilio("", body.as_bytes()), &routes(), NOW);
        }
    }

    #[test]
    fn a_message_cut_short_or_altered_never_fails(at in 0_usize..400, byte in any::<u8>()) {
        let message = text_message("wamid.1", "33612345678", "bonjour");
        let mut body = batch(&format!("[{message}]"), r#"[{"wa_id":"33612345678"}]"#, "[]").into_bytes();
        let at = at % body.len();
        body[at] = byte;
        for event in split_webhook(&meta(&body), &routes(), NOW) {
            prop_assert_eq!(event.ignored.is_some(), event.slice.is_empty());
            if event.ignored.is_none() {
                prop_assert!(parse_event(event.provider, event.kind, &event.slice).is_ok());
            }
        }
    }

    #[test]
    fn no_slice_makes_the_worker_fail_otherwise_than_by_an_error(slice in "\\PC{0,200}") {
        for kind in [EventKind::Message, EventKind::Status, EventKind::IdentityChange, EventKind::Unknown] {
            for provider in [Provider::Meta, Provider::Twilio] {
                prop_assert!(parse_event(provider, kind, &slice).is_err());
            }
        }
    }
}
