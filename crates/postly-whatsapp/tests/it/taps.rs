//! Taps, and the lanes of a conversation.

use postly_domain::event::{Content, InboundEvent};
use postly_domain::{PhoneE164, Provider};
use postly_whatsapp::{conversation_lane, parse_event, status_lane};

use crate::support::{batch, receive_meta, receive_twilio, text_message};

fn content(event: &postly_domain::event::ReceivedEvent) -> Content {
    match parse_event(event.provider, event.kind, &event.slice) {
        Ok(InboundEvent::Message(message)) => message.content,
        other => panic!("{other:?}"),
    }
}

fn from_meta(fields: &str) -> Content {
    let message = format!(r#"{{"from":"33612345678","id":"wamid.1","timestamp":"1795340000",{fields}}}"#);
    content(&receive_meta(&batch(&format!("[{message}]"), "[]", "[]"))[0])
}

fn from_twilio(fields: &str) -> Content {
    content(&receive_twilio(
        "",
        &format!(
            "MessageSid=SM1&SmsStatus=received&AccountSid=AC00000000000000000000000000000001\
             &From=whatsapp%3A%2B33612345678&To=whatsapp%3A%2B14155238886&Body=Oui{fields}"
        ),
    ))
}

fn tap(payload: &str, title: Option<&str>) -> Content {
    Content::Tap { payload: Some(payload.to_owned()), title: title.map(str::to_owned) }
}

fn label(title: &str) -> Content {
    Content::Tap { payload: None, title: Some(title.to_owned()) }
}

fn unreadable(kind: &str) -> Content {
    Content::Unreadable { kind: kind.to_owned() }
}

#[test]
fn a_tap_says_what_we_gave_the_button() {
    let button = r#""type":"button","button":{"payload":"DID_NOT_REQUEST_CODE","text":"Ce n'est pas moi"}"#;
    assert_eq!(from_meta(button), tap("DID_NOT_REQUEST_CODE", Some("Ce n'est pas moi")));
    for kind in ["button_reply", "list_reply"] {
        let reply = format!(
            r#""type":"interactive","interactive":{{"type":"{kind}","{kind}":{{"id":"again:\u0000é","title":"Oui"}}}}"#
        );
        assert_eq!(from_meta(&reply), tap("again:é", Some("Oui")), "as databases can hold it");
    }
    assert_eq!(
        from_twilio("&MessageType=button&ButtonPayload=again%3A1&ButtonText=Oui"),
        tap("again:1", Some("Oui"))
    );
    assert_eq!(from_twilio("&ButtonPayload=again%3A1"), tap("again:1", Some("Oui")));
    assert_eq!(
        from_twilio("&MessageType=interactive&ListId=row%3A1&ListTitle=Oui"),
        tap("row:1", Some("Oui"))
    );
}

#[test]
fn w20_a_tap_without_a_payload_of_ours_is_its_label_and_without_one_unreadable() {
    let longest = "x".repeat(256);
    let reply = |id: &str| {
        format!(
            r#""type":"interactive","interactive":{{"type":"button_reply","button_reply":{{"id":"{id}"}}}}"#
        )
    };
    assert_eq!(from_meta(&reply(&longest)), tap(&longest, None));
    for too_long in [format!("{longest}x"), "é".repeat(129), String::new()] {
        assert_eq!(from_meta(&reply(&too_long)), unreadable("interactive"));
        let button = format!(r#""type":"button","button":{{"payload":"{too_long}"}}"#);
        assert_eq!(from_meta(&button), unreadable("button"));
        let button = format!(r#""type":"button","button":{{"payload":"{too_long}","text":"Stop\u0000"}}"#);
        assert_eq!(from_meta(&button), label("Stop"));
        let fields = format!("&MessageType=button&ButtonPayload={too_long}");
        assert_eq!(from_twilio(&fields), label("Oui"), "the body repeats the label");
        let fields = format!("&MessageType=button&ButtonPayload={too_long}&ButtonText=Stop");
        assert_eq!(from_twilio(&fields), label("Stop"));
    }
    for odd in [
        r#""interactive":{"type":"button_reply","button_reply":{"id":7}}"#,
        r#""interactive":{"type":"list_reply","button_reply":{"id":"a"}}"#,
        r#""interactive":{"type":"nfm_reply","nfm_reply":{"response_json":"{}"}}"#,
        r#""interactive":{"button_reply":{"id":"a"}}"#,
        r#""interactive":["button_reply"]"#,
        r#""button":{"payload":"a"}"#,
    ] {
        assert_eq!(from_meta(&format!(r#""type":"interactive",{odd}"#)), unreadable("interactive"), "{odd}");
    }
    assert_eq!(from_twilio("&MessageType=interactive"), label("Oui"));
    assert_eq!(from_twilio("&MessageType=interactive&ListTitle=Aide"), label("Aide"));
    // A text stays a text, and a picture a picture with its caption, with any other fields.
    assert_eq!(from_twilio("&MessageType=text&ButtonPayload=a"), Content::Text("Oui".to_owned()));
    let caption = Content::Caption { kind: "image".to_owned(), text: "Oui".to_owned() };
    assert_eq!(from_twilio("&MessageType=image&ButtonPayload=a"), caption);
}

#[test]
fn a_tap_that_is_printed_shows_no_payload() {
    assert_eq!(format!("{:?}", tap("open:3f9a", Some("Oui"))), "Tap(9 bytes, 3 characters)");
}

#[test]
fn the_line_of_a_conversation_is_where_its_messages_wait() {
    for (number, written) in [
        ("+33612345678", "33612345678"),
        ("+5511987654300", "551187654300"),
        ("+525512345678", "5215512345678"),
    ] {
        let phone = PhoneE164::from_provider(number).unwrap();
        let message = text_message("wamid.1", written, "x");
        let event = &receive_meta(&batch(&format!("[{message}]"), "[]", "[]"))[0];
        assert_eq!(conversation_lane(Provider::Meta, "106540352242922", &phone), event.lane);

        let event = receive_twilio(
            "",
            &format!(
                "MessageSid=SM1&Body=x&AccountSid=AC00000000000000000000000000000001\
                 &From=whatsapp%3A%2B{written}&To=whatsapp%3A%2B14155238886&ExternalUserId=whatsapp%3AFR.1A"
            ),
        );
        for business in ["whatsapp:+14155238886", "+14155238886", "14155238886"] {
            assert_eq!(conversation_lane(Provider::Twilio, business, &phone), event.lane);
        }
    }
}

#[test]
fn the_line_of_statuses_is_where_they_wait() {
    const BSUID: &str = "FR.A94D4B26F61757C965B9";
    for (address, recipient) in [
        ("33612345678", r#""recipient_id":"33612345678""#),
        (BSUID, r#""recipient_user_id":"FR.A94D4B26F61757C965B9""#),
    ] {
        let status = format!(r#"[{{"id":"wamid.2","status":"sent","timestamp":"1795340000",{recipient}}}]"#);
        let event = &receive_meta(&batch("[]", "[]", &status))[0];
        assert_eq!(status_lane(Provider::Meta, "106540352242922", address), event.lane);
    }
    for address in ["whatsapp:+33612345678", "whatsapp:FR.A94D4B26F61757C965B9"] {
        let to = address.replace(':', "%3A").replace('+', "%2B");
        let form = format!(
            "MessageSid=SM2&MessageStatus=sent&AccountSid=AC00000000000000000000000000000001\
             &From=whatsapp%3A%2B14155238886&To={to}"
        );
        let event = receive_twilio("", &form);
        assert_eq!(status_lane(Provider::Twilio, "whatsapp:+14155238886", address), event.lane);
    }
}
