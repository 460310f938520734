//! Downloads of voice notes and photos, from a provider with every kind of fault.

use std::net::TcpListener;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use postly_domain::{
    Provider,
    event::{EventKind, InboundEvent, ReceivedEvent},
    media::{FileType, InboundMedia, MediaKind, MediaSource},
};
use postly_whatsapp::{MediaError, parse_event, split_webhook};
use sha2::{Digest as _, Sha256};

use crate::{
    sending::senders,
    server::{Behaviour, Server, answer},
    support::{NOW, meta, receive_twilio, routes},
};

const VOICE: &str = "OggS and then some sound";
const NODE: &str = r#"{"url":"http://127.0.0.1:PORT0/store?mid=7","mime_type":"audio/ogg","file_size":24,"id":"7","messaging_product":"whatsapp"}"#;

fn voice(source: MediaSource) -> InboundMedia {
    let sha256 = Some(Sha256::digest(VOICE.as_bytes()).into());
    InboundMedia { kind: MediaKind::Voice, source, content_type: "audio/ogg; codecs=opus".to_owned(), sha256 }
}

fn of_meta() -> InboundMedia {
    voice(MediaSource::Id("7".to_owned()))
}

fn of_twilio(base: &str) -> InboundMedia {
    voice(MediaSource::Url(format!("{base}/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1")))
}

async fn server(answers: &[Vec<u8>]) -> Server {
    Server::start(Behaviour::Answers(answers.to_vec())).await
}

/// A listener that must receive no connection.
struct Trap(TcpListener);

impl Trap {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn url(&self) -> String {
        format!("http://{}/bait", self.0.local_addr().unwrap())
    }

    fn assert_unvisited(&self) {
        assert!(self.0.accept().is_err(), "somebody came for the bait");
    }
}

fn path(request: &crate::server::Request) -> &str {
    request.head.lines().next().unwrap().split(' ').nth(1).unwrap()
}

#[tokio::test]
async fn meta_exchanges_the_id_and_both_requests_bear_the_token() {
    let server = server(&[answer(200, "", NODE), answer(200, "Content-Type: audio/ogg\r\n", VOICE)]).await;
    let download = senders(&server.url).download(Provider::Meta, &of_meta()).await.unwrap();
    assert_eq!(download.file.file_type, FileType::Ogg);
    assert_eq!(&download.file.bytes[..], VOICE.as_bytes());
    let requests = server.requests();
    assert_eq!(requests.iter().map(path).collect::<Vec<_>>(), ["/v25.0/7", "/store?mid=7"]);
    for request in requests {
        assert_eq!(request.header("authorization"), Some("Bearer EAAtoken"));
    }
}

#[tokio::test]
async fn twilio_is_followed_once_and_without_credentials() {
    let there = "Location: /signed?key=1\r\n";
    let server = server(&[answer(307, there, ""), answer(200, "", VOICE)]).await;
    let download = senders(&server.url).download(Provider::Twilio, &of_twilio(&server.url)).await.unwrap();
    assert_eq!(&download.file.bytes[..], VOICE.as_bytes());
    let requests = server.requests();
    assert_eq!(path(&requests[1]), "/signed?key=1");
    assert!(requests[0].header("authorization").is_some_and(|value| value.starts_with("Basic ")));
    assert_eq!(requests[1].header("authorization"), None);

    let server = crate::media::server(&[answer(307, there, ""), answer(302, there, "")]).await;
    let refused = senders(&server.url).download(Provider::Twilio, &of_twilio(&server.url)).await;
    assert_eq!(refused.unwrap_err(), MediaError::ForbiddenAddress);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn s01_s02_no_other_host_is_called_and_none_sees_a_token() {
    let trap = Trap::new();
    let node = NODE.replace("http://127.0.0.1:PORT0/store?mid=7", &trap.url());
    let redirect = format!("Location: {}\r\n", trap.url());
    for answers in [
        vec![answer(200, "", &node)],
        vec![answer(302, &redirect, "")],
        vec![answer(200, "", NODE), answer(302, &redirect, "")],
    ] {
        let server = server(&answers).await;
        let refused = senders(&server.url).download(Provider::Meta, &of_meta()).await;
        assert_eq!(refused.unwrap_err(), MediaError::ForbiddenAddress);
        assert_eq!(server.requests().len(), answers.len());
    }
    let server = server(&[answer(302, &redirect, "")]).await;
    let senders = senders(&server.url);
    let refused = senders.download(Provider::Twilio, &of_twilio(&server.url)).await;
    assert_eq!(refused.unwrap_err(), MediaError::ForbiddenAddress);
    assert_eq!(server.requests().len(), 1);
    let base = &server.url;
    for url in [
        trap.url(),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "file:///etc/passwd".to_owned(),
        "https://mms.twiliocdn.com/AC1/1".to_owned(),
        // On our host, but no file of a message: our credentials would admit to it.
        format!("{base}/2010-04-01/Accounts/AC1/Messages.json"),
        format!("{base}/2010-04-01/Accounts/AC2/Messages/MM1/Media/ME1"),
        format!("{base}/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1.json"),
        format!("{base}/2010-04-01/Accounts/AC1/Messages/MM1/Media/../../../Keys"),
    ] {
        let refused = senders.download(Provider::Twilio, &voice(MediaSource::Url(url.clone()))).await;
        assert_eq!(refused.unwrap_err(), MediaError::ForbiddenAddress, "{url}");
    }
    assert_eq!(server.requests().len(), 1);
    trap.assert_unvisited();
}

/// Downloads a file from a Twilio that gives these answers. Returns the outcome and the number of requests.
async fn outcome(media: &InboundMedia, answers: &[Vec<u8>]) -> (Result<(), MediaError>, usize) {
    let server = server(answers).await;
    let source = of_twilio(&server.url).source;
    let media = InboundMedia { source, ..media.clone() };
    let done = senders(&server.url).download(Provider::Twilio, &media).await;
    (done.map(drop), server.requests().len())
}

#[tokio::test]
async fn what_is_no_file_of_its_kind_is_refused() {
    let ok = |headers: &str, body: &str| answer(200, headers, body);
    let voice = InboundMedia { sha256: None, ..of_meta() };
    let photo =
        InboundMedia { kind: MediaKind::Photo, content_type: "image/jpeg".to_owned(), ..voice.clone() };
    let declared =
        |content_type: &str| InboundMedia { content_type: content_type.to_owned(), ..voice.clone() };
    let endless = [b"HTTP/1.1 200 X\r\nConnection: close\r\n\r\nOggS".to_vec(), vec![0; 17 << 20]].concat();
    for (media, answer, expected) in [
        (&voice, ok("", VOICE), Ok(())),
        (&voice, ok("Content-Type: binary/octet-stream\r\n", VOICE), Ok(())),
        (&photo, ok("", "OggS"), Err(MediaError::WrongType)),
        (&voice, ok("", "<!doctype html>"), Err(MediaError::WrongType)),
        (&voice, ok("Content-Type: text/html\r\n", VOICE), Err(MediaError::WrongType)),
        (&declared("text/plain"), ok("", VOICE), Err(MediaError::WrongType)),
        (&declared("image/jpeg"), ok("", VOICE), Err(MediaError::WrongType)),
        (&voice, ok("", ""), Err(MediaError::Empty)),
        (&voice, endless, Err(MediaError::TooLarge)),
        (
            &voice,
            b"HTTP/1.1 200 X\r\nContent-Length: 16777217\r\n\r\nOggS".to_vec(),
            Err(MediaError::TooLarge),
        ),
        (
            &photo,
            b"HTTP/1.1 200 X\r\nContent-Length: 5242881\r\n\r\n\xFF\xD8\xFF".to_vec(),
            Err(MediaError::TooLarge),
        ),
        (&voice, answer(401, "", ""), Err(MediaError::Refused { status: 401 })),
    ] {
        let (found, _) = outcome(media, &[answer]).await;
        assert_eq!(found, expected, "{media:?}");
    }
    let large = NODE.replace("\"file_size\":24", "\"file_size\":16777217");
    let server = server(&[answer(200, "", &large)]).await;
    let refused = senders(&server.url).download(Provider::Meta, &of_meta()).await;
    assert_eq!(refused.unwrap_err(), MediaError::TooLarge);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_file_that_is_late_or_torn_is_asked_for_again_a_bounded_number_of_times() {
    let voice = of_meta();
    let torn = b"HTTP/1.1 200 X\r\nContent-Length: 24\r\n\r\nOggS".to_vec();
    let changed = answer(200, "", "OggS and then some noise");
    let whole = answer(200, "", VOICE);
    for first in [answer(404, "", ""), answer(503, "", ""), torn, changed] {
        assert_eq!(outcome(&voice, &[first, whole.clone()]).await, (Ok(()), 2));
    }
    assert_eq!(outcome(&voice, &[answer(404, "", "")]).await, (Err(MediaError::Gone), 3));
}

fn read(event: &ReceivedEvent) -> Option<InboundMedia> {
    match parse_event(event.provider, EventKind::Message, &event.slice).unwrap() {
        InboundEvent::Message(message) => message.media,
        other => panic!("{other:?}"),
    }
}

#[test]
fn voice_notes_and_photos_bring_their_file_and_nothing_else_does() {
    let of_meta = |kind: &str, fields: &str| {
        let body = format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{
            "messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550783881","phone_number_id":"106540352242922"}},
            "messages":[{{"from":"33612345678","id":"wamid.1","timestamp":"1795340000","type":"{kind}","{kind}":{{{fields}}}}}]}}}}]}}]}}"#
        );
        read(&split_webhook(&meta(body.as_bytes()), &routes(), NOW)[0])
    };
    let hash = BASE64_STANDARD.encode([7; 32]);
    let media = of_meta(
        "audio",
        &format!(r#""id":"9","mime_type":"audio/ogg; codecs=opus","sha256":"{hash}","voice":true"#),
    );
    let expected = InboundMedia {
        kind: MediaKind::Voice,
        source: MediaSource::Id("9".to_owned()),
        content_type: "audio/ogg; codecs=opus".to_owned(),
        sha256: Some([7; 32]),
    };
    assert_eq!(media, Some(expected));
    let photo =
        of_meta("image", r#""id":"9","mime_type":"image/jpeg","caption":"Promo","sha256":"?""#).unwrap();
    assert_eq!((photo.kind, photo.sha256), (MediaKind::Photo, None));
    assert_eq!(of_meta("image", r#""mime_type":"image/jpeg""#), None);
    for kind in ["video", "document", "sticker"] {
        assert_eq!(of_meta(kind, r#""id":"9","mime_type":"image/webp""#), None, "{kind}");
    }

    let of_twilio = |fields: &str| {
        let form = format!(
            "MessageSid=MM1&SmsStatus=received&AccountSid=AC00000000000000000000000000000001\
             &From=whatsapp%3A%2B33612345678&To=whatsapp%3A%2B14155238886{fields}"
        );
        read(&receive_twilio("", &form))
    };
    let url = "&MediaUrl0=https%3A%2F%2Fapi.twilio.com%2Fx";
    for (fields, expected) in [
        ("&NumMedia=1&MessageType=audio&MediaContentType0=audio%2Fogg", Some(MediaKind::Voice)),
        ("&NumMedia=1&MediaContentType0=audio%2Fogg", Some(MediaKind::Voice)),
        ("&NumMedia=1&MessageType=image&Body=Promo&MediaContentType0=image%2Fjpeg", Some(MediaKind::Photo)),
        ("&NumMedia=1&MessageType=document&MediaContentType0=image%2Fjpeg", None),
        ("&NumMedia=1&MessageType=sticker&MediaContentType0=image%2Fwebp", None),
        ("&NumMedia=0&MessageType=text&Body=x", None),
    ] {
        assert_eq!(of_twilio(&format!("{fields}{url}")).map(|media| media.kind), expected, "{fields}");
        assert_eq!(of_twilio(fields), None, "{fields}");
    }
}
