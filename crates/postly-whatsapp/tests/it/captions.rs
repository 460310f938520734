//! Captions of photos, videos and documents, and media without a caption.

use postly_domain::event::{Content, InboundEvent, ReceivedEvent};
use postly_whatsapp::{message_key, parse_event};

use crate::support::{batch, receive_meta, receive_twilio};

fn content(event: &ReceivedEvent) -> Content {
    match parse_event(event.provider, event.kind, &event.slice) {
        Ok(InboundEvent::Message(message)) => message.content,
        other => panic!("{other:?}"),
    }
}

fn meta(fields: &str) -> ReceivedEvent {
    let message = format!(r#"{{"from":"33612345678","id":"wamid.1","timestamp":"1795340000",{fields}}}"#);
    receive_meta(&batch(&format!("[{message}]"), "[]", "[]")).remove(0)
}

fn twilio(fields: &str) -> ReceivedEvent {
    receive_twilio(
        "",
        &format!(
            "MessageSid=SM1&SmsStatus=received&AccountSid=AC00000000000000000000000000000001\
             &From=whatsapp%3A%2B33612345678&To=whatsapp%3A%2B14155238886&NumMedia=1{fields}"
        ),
    )
}

fn caption(kind: &str, text: &str) -> Content {
    Content::Caption { kind: kind.to_owned(), text: text.to_owned() }
}

fn unreadable(kind: &str) -> Content {
    Content::Unreadable { kind: kind.to_owned() }
}

#[test]
fn the_caption_of_a_photo_a_video_or_a_document_is_text() {
    for kind in ["image", "video", "document"] {
        let said = format!(r#""type":"{kind}","{kind}":{{"id":"1","caption":"Croissants \u0000-20 %"}}"#);
        assert_eq!(content(&meta(&said)), caption(kind, "Croissants -20 %"));
        let fields = format!("&MessageType={kind}&Body=Croissants+-20+%25&MediaContentType0=a%2Fb");
        assert_eq!(content(&twilio(&fields)), caption(kind, "Croissants -20 %"));
        for blank in [String::new(), r#","caption":"""#.to_owned(), r#","caption":" \n""#.to_owned()] {
            let said = format!(r#""type":"{kind}","{kind}":{{"id":"1"{blank}}}"#);
            assert_eq!(content(&meta(&said)), unreadable(kind));
        }
        assert_eq!(content(&twilio(&format!("&MessageType={kind}&Body=+"))), unreadable(kind));
        assert_eq!(content(&twilio(&format!("&MessageType={kind}"))), unreadable(kind));
    }
    for (mime, kind) in
        [("image%2Fpng", "image"), ("video%2Fmp4", "video"), ("application%2Fpdf", "document")]
    {
        assert_eq!(
            content(&twilio(&format!("&Body=Promo&MediaContentType0={mime}"))),
            caption(kind, "Promo")
        );
    }
    // A voice note has no caption; its `Body` is ignored.
    assert_eq!(
        content(&twilio("&MessageType=audio&Body=x&MediaContentType0=audio%2Fogg")),
        unreadable("audio")
    );
    assert_eq!(content(&twilio("&Body=x&MediaContentType0=audio%2Fogg")), unreadable("audio"));
}

#[test]
fn the_name_of_a_file_is_no_caption() {
    for name in ["menu.pdf", "Carte de Noël 2026.PDF", "tarifs.xlsx"] {
        let said =
            format!(r#""type":"document","document":{{"id":"1","caption":"{name}","filename":"{name}"}}"#);
        assert_eq!(content(&meta(&said)), unreadable("document"));
        let fields: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
        assert_eq!(content(&twilio(&format!("&MessageType=document&Body={fields}"))), unreadable("document"));
    }
    let said = r#""type":"document","document":{"id":"1","caption":"devis-0042","filename":"devis-0042"}"#;
    assert_eq!(content(&meta(said)), unreadable("document"));
    let said =
        r#""type":"document","document":{"id":"1","caption":"Notre menu, dès 12 €","filename":"menu.pdf"}"#;
    assert_eq!(content(&meta(said)), caption("document", "Notre menu, dès 12 €"));
}

#[test]
fn a_deletion_and_an_edit_name_the_message_that_they_amend() {
    let original = Some(message_key(postly_domain::Provider::Meta, "wamid.0"));
    let revoke = meta(r#""type":"revoke","revoke":{"original_message_id":"wamid.0"}"#);
    assert_eq!(revoke.amends, original);
    assert_eq!(content(&revoke), Content::Revoke { original: "wamid.0".to_owned() });
    let edit = meta(
        r#""type":"edit","edit":{"original_message_id":"wamid.0","message":{"type":"text","text":{"body":"Promo"}}}"#,
    );
    assert_eq!(edit.amends, original);
    let now = Box::new(Content::Text("Promo".to_owned()));
    assert_eq!(content(&edit), Content::Edit { original: "wamid.0".to_owned(), content: now });
    // An amendment without the id of a message is silent, as one that Meta does not forward.
    for silent in [
        r#""type":"revoke""#,
        r#""type":"revoke","revoke":{"original_message_id":""}"#,
        r#""type":"edit","edit":{"message":{"type":"text","text":{"body":"Promo"}}}"#,
        r#""type":"unsupported","unsupported":{"type":"edit"}"#,
        r#""type":"unsupported","unsupported":{"type":"revoke"}"#,
    ] {
        let event = meta(silent);
        assert_eq!(event.amends, None, "{silent}");
        assert!(matches!(content(&event), Content::Silent { .. }), "{silent}");
    }
    assert_eq!(
        meta(r#""type":"text","text":{"body":"x"},"revoke":{"original_message_id":"wamid.0"}"#).amends,
        None
    );
}
