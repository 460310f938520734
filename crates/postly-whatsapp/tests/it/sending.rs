//! Requests on the wire, and the outcome of each kind of answer.

use std::time::{Duration, Instant};

use postly_domain::delivery::{ErrorAction, SendOutcome};
use postly_domain::{Language, Provider, id::AttemptId};
use postly_whatsapp::send::{SendersError, Timeouts};
use postly_whatsapp::{Body, MetaConfig, Outgoing, Senders, TwilioConfig};
use serde_json::{Value, json};

use crate::server::{Behaviour, Server, answer};

/// The content resource of codes.
pub(crate) const CONTENT_SID: &str = "HX0123456789abcdef0123456789abcdef";

const META_OK: &str = r#"{"messaging_product":"whatsapp","contacts":[{"input":"+33612345678","wa_id":"33612345678"}],"messages":[{"id":"wamid.OK"}]}"#;
const TWILIO_OK: &str = r#"{"sid":"SM77","status":"queued","error_code":null}"#;

pub(crate) fn meta_config(url: &str) -> MetaConfig {
    MetaConfig {
        access_token: "EAAtoken".to_owned().into(),
        phone_number_id: "106540352242922".to_owned(),
        base_url: format!("{url}/"),
        version: "v25.0".to_owned(),
        otp_template: "postly_code".to_owned(),
        otp_template_languages: ["fr", "en", "en_US", "es", "pt_BR", "pt_PT", "ar"]
            .map(str::to_owned)
            .to_vec(),
    }
}

pub(crate) fn twilio_config(url: &str) -> TwilioConfig {
    TwilioConfig {
        account_sid: "AC1".to_owned(),
        auth_token: "token".to_owned().into(),
        from: "+14155238886".to_owned(),
        api_base_url: url.to_owned(),
        public_base_url: "https://postly.example/".to_owned(),
        otp_content_sid: Some(CONTENT_SID.to_owned()),
    }
}

/// A deadline beyond the end of these tests.
pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

pub(crate) fn senders(url: &str) -> Senders {
    rustls::crypto::ring::default_provider().install_default().ok();
    let timeouts = Timeouts { total: Duration::from_millis(400), ..Timeouts::default() };
    Senders::with_timeouts(Some(meta_config(url)), Some(twilio_config(url)), timeouts).unwrap()
}

async fn send(provider: Provider, url: &str, address: &str, reply_to: Option<&str>) -> SendOutcome {
    let attempt = AttemptId::new("0192f0c1-7b7e");
    let body = Body::Text("Été 🥐 & co +1\n\nfin");
    senders(url)
        .send(provider, &Outgoing { address, body, attempt: &attempt, reply_to, send_by: soon() })
        .await
}

pub(crate) fn address(provider: Provider) -> &'static str {
    match provider {
        Provider::Meta => "33612345678",
        Provider::Twilio => "whatsapp:+33612345678",
    }
}

pub(crate) fn ok(provider: Provider) -> &'static str {
    match provider {
        Provider::Meta => META_OK,
        Provider::Twilio => TWILIO_OK,
    }
}

pub(crate) const BOTH: [Provider; 2] = [Provider::Meta, Provider::Twilio];

#[tokio::test]
async fn l08_metas_text_has_its_exact_form() {
    let check = async |address: &str, reply_to: Option<&str>, expected: Value| {
        let server = Server::answering(200, META_OK).await;
        let outcome = send(Provider::Meta, &server.url, address, reply_to).await;
        assert_eq!(outcome, SendOutcome::Accepted { provider_message_id: "wamid.OK".to_owned() });
        let requests = server.requests();
        assert_eq!(requests.len(), 1);
        assert!(requests[0].head.starts_with("POST /v25.0/106540352242922/messages HTTP/1.1\r\n"));
        assert_eq!(requests[0].header("authorization"), Some("Bearer EAAtoken"));
        assert_eq!(requests[0].header("content-type"), Some("application/json"));
        assert_eq!(serde_json::from_str::<Value>(&requests[0].body).unwrap(), expected);
    };
    let text = json!({"preview_url": false, "body": "Été 🥐 & co +1\n\nfin"});
    let to_number = json!({
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": "+33612345678", "type": "text",
        "text": text, "biz_opaque_callback_data": "outbox:0192f0c1-7b7e",
    });
    check("33612345678", None, to_number.clone()).await;
    check("+33612345678", Some("SM1"), to_number.clone()).await;
    let mut reply = to_number;
    reply["context"] = json!({"message_id": "wamid.IN"});
    check("33612345678", Some("wamid.IN"), reply).await;
    let to_id = json!({
        "messaging_product": "whatsapp", "recipient_type": "individual", "recipient": "FR.1A2B", "type": "text",
        "text": text, "biz_opaque_callback_data": "outbox:0192f0c1-7b7e",
    });
    check("FR.1A2B", None, to_id).await;
}

#[tokio::test]
async fn twilios_text_has_its_exact_form() {
    for (address, to) in [
        ("whatsapp:+33612345678", "whatsapp%3A%2B33612345678"),
        ("+33612345678", "whatsapp%3A%2B33612345678"),
        ("33612345678", "whatsapp%3A%2B33612345678"),
        ("whatsapp:FR.1A2B", "whatsapp%3AFR.1A2B"),
        ("FR.1A2B", "whatsapp%3AFR.1A2B"),
    ] {
        let server = Server::answering(201, TWILIO_OK).await;
        let outcome = send(Provider::Twilio, &server.url, address, Some("wamid.IN")).await;
        assert_eq!(outcome, SendOutcome::Accepted { provider_message_id: "SM77".to_owned() });
        let requests = server.requests();
        assert_eq!(requests.len(), 1);
        assert!(requests[0].head.starts_with("POST /2010-04-01/Accounts/AC1/Messages.json HTTP/1.1\r\n"));
        assert_eq!(requests[0].header("authorization"), Some("Basic QUMxOnRva2Vu"));
        assert_eq!(requests[0].header("content-type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(
            requests[0].body,
            format!(
                "To={to}&StatusCallback=https%3A%2F%2Fpostly.example%2Fapi%2Fwhatsapp%2Fwebhook%3Fattempt%3D\
                 0192f0c1-7b7e&From=whatsapp%3A%2B14155238886\
                 &Body=%C3%89t%C3%A9+%F0%9F%A5%90+%26+co+%2B1%0A%0Afin"
            )
        );
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_without_a_call() {
    for provider in BOTH {
        for address in ["", "+", "abc", "whatsapp:", "whatsapp:whatsapp:+33612345678", "fr.1A"] {
            let server = Server::answering(200, ok(provider)).await;
            let outcome = send(provider, &server.url, address, None).await;
            assert!(matches!(outcome, SendOutcome::Refused { .. }), "{address}: {outcome:?}");
            assert!(server.requests().is_empty());
        }
    }
}

#[tokio::test]
async fn a_provider_that_is_not_configured_holds_its_messages() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let senders = Senders::new(None, None).unwrap();
    let attempt = AttemptId::new("a");
    let text = Body::Text("x");
    let code = Body::Code { code: "123456", language: Language::Fr };
    for provider in BOTH {
        for body in [text, code] {
            let message =
                Outgoing { address: "33612345678", body, attempt: &attempt, reply_to: None, send_by: soon() };
            let outcome = senders.send(provider, &message).await;
            assert!(matches!(outcome, SendOutcome::Refused { action: ErrorAction::StopSender, .. }));
        }
        assert!(!senders.can_send_code(provider));
        senders.show_typing(provider, "wamid.1").await;
    }
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_has_nothing() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for provider in BOTH {
        assert_eq!(send(provider, &closed, address(provider), None).await, SendOutcome::NotSent);
        let nowhere = "http://nowhere.invalid";
        assert_eq!(send(provider, nowhere, address(provider), None).await, SendOutcome::NotSent);
    }
}

#[tokio::test]
async fn whoever_breaks_off_may_have_it_and_is_called_once() {
    for provider in BOTH {
        let full = String::from_utf8(answer(200, "", ok(provider))).unwrap();
        let torn = full.as_bytes()[..full.len() - 5].to_vec();
        let torn_head = b"HTTP/1.1 200 OK\r\nConten".to_vec();
        for behaviour in [
            Behaviour::ResetBefore,
            Behaviour::ResetAfter,
            Behaviour::Silence,
            Behaviour::Answer(torn),
            Behaviour::Answer(torn_head),
            Behaviour::Answer(b"garbage".to_vec()),
        ] {
            let server = Server::start(behaviour).await;
            let outcome = send(provider, &server.url, address(provider), None).await;
            assert_eq!(outcome, SendOutcome::Unclear);
            assert_eq!(server.requests().len(), 1);
        }
    }
}

#[tokio::test]
async fn an_answer_that_says_neither_is_unclear_when_the_provider_may_have_it() {
    let large = format!(r#"{{"pad":"{}","sid":"SM1","messages":[{{"id":"w"}}]}}"#, "x".repeat(70_000));
    let long_id = format!(r#"{{"sid":"{0}","messages":[{{"id":"{0}"}}]}}"#, "x".repeat(600));
    for provider in BOTH {
        for (status, body) in [
            (200, "<html>welcome</html>"),
            (200, ""),
            (204, ""),
            (200, "{}"),
            (200, r#"{"messages":[{"id":""}],"sid":""}"#),
            (200, &large),
            (200, &long_id),
            (500, "<html>oops</html>"),
            (502, ""),
            (504, "{}"),
        ] {
            let server = Server::answering(status, body).await;
            let outcome = send(provider, &server.url, address(provider), None).await;
            assert_eq!(outcome, SendOutcome::Unclear, "{status}");
        }
    }
}

#[tokio::test]
async fn a_status_without_a_code_says_what_it_can() {
    for provider in BOTH {
        for (status, action) in [
            (401, ErrorAction::StopSender),
            (403, ErrorAction::StopSender),
            (429, ErrorAction::WaitForSender),
            (503, ErrorAction::Retry),
            (400, ErrorAction::OurFault),
            (404, ErrorAction::OurFault),
            (302, ErrorAction::OurFault),
            (307, ErrorAction::OurFault),
        ] {
            let elsewhere = Server::answering(200, ok(provider)).await;
            let bytes = answer(status, &format!("Location: {}\r\nRetry-After: 7\r\n", elsewhere.url), "no");
            let server = Server::start(Behaviour::Answer(bytes)).await;
            let outcome = send(provider, &server.url, address(provider), None).await;
            let expected =
                SendOutcome::Refused { code: i64::from(status), action, retry_after_ms: Some(7_000) };
            assert_eq!(outcome, expected);
            assert!(elsewhere.requests().is_empty(), "a redirect is not followed");
        }
    }
}

#[tokio::test]
async fn a_code_decides_whatever_the_status() {
    let meta = |code: i64, transient: &str| {
        format!(
            r#"{{"error":{{"message":"x","type":"OAuthException","code":{code}{transient},"fbtrace_id":"A"}}}}"#
        )
    };
    let twilio = |code: i64| format!(r#"{{"code":{code},"message":"x","more_info":"y","status":400}}"#);
    let check = async |provider, status, body: String, code, action| {
        let server = Server::answering(status, &body).await;
        let outcome = send(provider, &server.url, address(provider), None).await;
        assert_eq!(outcome, SendOutcome::Refused { code, action, retry_after_ms: None });
    };
    for (status, code, action) in [
        (400, 131_047, ErrorAction::WindowClosed),
        (400, 131_056, ErrorAction::WaitForRecipient),
        (400, 130_429, ErrorAction::WaitForSender),
        (400, 131_048, ErrorAction::StopSender),
        (401, 190, ErrorAction::StopSender),
        (401, 0, ErrorAction::StopSender),
        (400, 131_026, ErrorAction::GiveUp),
        (500, 131_000, ErrorAction::Retry),
        (500, 131_045, ErrorAction::OurFault),
        (400, 100, ErrorAction::OurFault),
        (403, 250, ErrorAction::OurFault),
        (200, 131_047, ErrorAction::WindowClosed),
        (500, 987_654, ErrorAction::Retry),
        (400, 987_654, ErrorAction::OurFault),
    ] {
        check(Provider::Meta, status, meta(code, ""), code, action).await;
    }
    check(Provider::Meta, 400, meta(987_654, r#","is_transient":true"#), 987_654, ErrorAction::Retry).await;
    for (status, code, action) in [
        (400, 63_016, ErrorAction::WindowClosed),
        (429, 20_429, ErrorAction::WaitForSender),
        (401, 20_003, ErrorAction::StopSender),
        (400, 21_211, ErrorAction::GiveUp),
        (400, 21_617, ErrorAction::OurFault),
        (500, 63_012, ErrorAction::Retry),
        (503, 20_500, ErrorAction::Retry),
        (400, 20_001, ErrorAction::OurFault),
        (200, 63_016, ErrorAction::WindowClosed),
    ] {
        check(Provider::Twilio, status, twilio(code), code, action).await;
    }
}

#[tokio::test]
async fn the_typing_sign_has_its_exact_form_and_never_gets_in_the_way() {
    let server = Server::answering(200, r#"{"success":true}"#).await;
    let senders = senders(&server.url);
    senders.show_typing(Provider::Meta, "wamid.IN").await;
    senders.show_typing(Provider::Twilio, "SM1").await;
    let requests = server.requests();
    assert!(requests[0].head.starts_with("POST /v25.0/106540352242922/messages HTTP/1.1\r\n"));
    assert_eq!(
        serde_json::from_str::<Value>(&requests[0].body).unwrap(),
        json!({
            "messaging_product": "whatsapp", "status": "read", "message_id": "wamid.IN",
            "typing_indicator": {"type": "text"},
        })
    );
    assert!(requests[1].head.starts_with("POST /v2/Indicators/Typing.json HTTP/1.1\r\n"));
    assert_eq!(requests[1].header("authorization"), Some("Basic QUMxOnRva2Vu"));
    assert_eq!(requests[1].body, "channel=whatsapp&messageId=SM1");

    for behaviour in [Behaviour::ResetAfter, Behaviour::Answer(answer(400, "", META_OK))] {
        let server = Server::start(behaviour).await;
        for provider in BOTH {
            self::senders(&server.url).show_typing(provider, "x").await;
        }
    }
}

#[test]
fn a_configuration_that_cannot_send_is_refused_at_the_start() {
    rustls::crypto::ring::default_provider().install_default().ok();
    for url in ["", "graph.facebook.com", "ftp://p.example", "mailto:x"] {
        let meta = Senders::new(Some(meta_config(url)), None);
        assert!(matches!(meta, Err(SendersError::BaseUrl(Provider::Meta))), "{url}");
        let twilio = Senders::new(None, Some(twilio_config(url)));
        assert!(matches!(twilio, Err(SendersError::BaseUrl(Provider::Twilio))), "{url}");
    }
    let token = MetaConfig { access_token: "a\nb".to_owned().into(), ..meta_config("https://p.example") };
    assert!(matches!(Senders::new(Some(token), None), Err(SendersError::Token(Provider::Meta))));
    let from = TwilioConfig { from: "Postly".to_owned(), ..twilio_config("https://p.example") };
    assert!(matches!(Senders::new(None, Some(from)), Err(SendersError::From)));
}
