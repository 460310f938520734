//! Codes and buttons: their exact wire forms, and messages that are never sent.

use postly_domain::delivery::{ErrorAction, SendOutcome};
use postly_domain::{Language, Provider, id::AttemptId};
use postly_whatsapp::{Body, Button, MetaConfig, Outgoing, Senders, TwilioConfig};
use serde_json::{Value, json};

use crate::sending::{BOTH, CONTENT_SID, address, meta_config, ok, senders, soon, twilio_config};
use crate::server::{Behaviour, Server, answer};

const FR: Language = Language::Fr;

/// Returns the body sent to a provider, or the outcome of a refusal without a call.
async fn sent(provider: Provider, address: &str, body: Body<'_>) -> Result<String, SendOutcome> {
    let server = Server::answering(200, ok(provider)).await;
    let attempt = AttemptId::new("0192f0c1-7b7e");
    let message = Outgoing { address, body, attempt: &attempt, reply_to: Some("wamid.IN"), send_by: soon() };
    let outcome = senders(&server.url).send(provider, &message).await;
    let mut requests = server.requests();
    match requests.pop() {
        Some(request) => {
            assert!(requests.is_empty() && matches!(outcome, SendOutcome::Accepted { .. }), "{outcome:?}");
            Ok(request.body)
        }
        None => Err(outcome),
    }
}

async fn meta(body: Body<'_>) -> Value {
    serde_json::from_str(&sent(Provider::Meta, "33612345678", body).await.unwrap()).unwrap()
}

#[tokio::test]
async fn metas_code_has_its_exact_form() {
    for (language, name) in [
        (Language::Fr, "fr"),
        (Language::En, "en"),
        (Language::Es, "es"),
        (Language::Pt, "pt_BR"),
        (Language::Ar, "ar"),
    ] {
        // The code occurs twice; the button is a `url` with the index "0" as a text; the message answers
        // none.
        let expected = json!({
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": "+33612345678",
            "type": "template",
            "template": {
                "name": "postly_code",
                "language": {"code": name},
                "components": [
                    {"type": "body", "parameters": [{"type": "text", "text": "012345"}]},
                    {
                        "type": "button", "sub_type": "url", "index": "0",
                        "parameters": [{"type": "text", "text": "012345"}],
                    },
                ],
            },
            "biz_opaque_callback_data": "outbox:0192f0c1-7b7e",
        });
        assert_eq!(meta(Body::Code { code: "012345", language }).await, expected);
    }
}

/// Meta's answer for a template without a translation in a language (Cloud API error codes, 132001).
const NO_TRANSLATION: &str = r#"{"error":{"message":"(#132001) Template name does not exist in the translation","type":"OAuthException","code":132001,"error_data":{"messaging_product":"whatsapp","details":"template name (postly_code) does not exist in en"},"fbtrace_id":"A"}}"#;

/// Returns the languages tried for a code if Meta lacks the template in the first `missing`, and the outcome.
async fn tried(language: Language, missing: usize) -> (Vec<String>, SendOutcome) {
    let mut answers = vec![answer(404, "", NO_TRANSLATION); missing];
    answers.push(answer(200, "", ok(Provider::Meta)));
    let server = Server::start(Behaviour::Answers(answers)).await;
    let attempt = AttemptId::new("0192f0c1-7b7e");
    let body = Body::Code { code: "012345", language };
    let message =
        Outgoing { address: "33612345678", body, attempt: &attempt, reply_to: None, send_by: soon() };
    let outcome = senders(&server.url).send(Provider::Meta, &message).await;
    let language_of = |request: crate::server::Request| {
        let body: Value = serde_json::from_str(&request.body).unwrap();
        assert_eq!(body["biz_opaque_callback_data"], "outbox:0192f0c1-7b7e");
        body["template"]["language"]["code"].as_str().unwrap().to_owned()
    };
    (server.requests().into_iter().map(language_of).collect(), outcome)
}

#[tokio::test]
async fn a_translation_that_meta_does_not_have_is_followed_by_the_next() {
    for (language, missing, expected) in [
        (Language::Es, 0, ["es"].as_slice()),
        (Language::En, 2, &["en", "en_US", "fr"]),
        (Language::Pt, 1, &["pt_BR", "pt_PT"]),
        (Language::Ar, 3, &["ar", "fr", "en", "en_US"]),
    ] {
        let (languages, outcome) = tried(language, missing).await;
        assert_eq!(languages, expected);
        assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{outcome:?}");
    }
    let (languages, outcome) = tried(Language::Ar, 7).await;
    assert_eq!(languages, ["ar", "fr", "en", "en_US", "es", "pt_BR", "pt_PT"]);
    let none = SendOutcome::Refused { code: 132_001, action: ErrorAction::OurFault, retry_after_ms: None };
    assert_eq!(outcome, none);
}

#[tokio::test]
async fn a_refusal_for_another_reason_is_not_followed_by_another_translation() {
    let refusal = NO_TRANSLATION.replace("132001", "131047");
    let server = Server::answering(400, &refusal).await;
    let attempt = AttemptId::new("a");
    let body = Body::Code { code: "012345", language: FR };
    let message =
        Outgoing { address: "33612345678", body, attempt: &attempt, reply_to: None, send_by: soon() };
    let outcome = senders(&server.url).send(Provider::Meta, &message).await;
    assert!(matches!(outcome, SendOutcome::Refused { code: 131_047, .. }), "{outcome:?}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn twilios_code_has_its_exact_form() {
    for address in ["whatsapp:+33612345678", "+33612345678", "33612345678"] {
        let body =
            sent(Provider::Twilio, address, Body::Code { code: "012345", language: FR }).await.unwrap();
        // No `Body` beside the content. The variables are a text that holds JSON, with texts for names and
        // values.
        assert_eq!(
            body,
            format!(
                "To=whatsapp%3A%2B33612345678&StatusCallback=https%3A%2F%2Fpostly.example%2Fapi%2Fwhatsapp%2Fwebhook\
                 %3Fattempt%3D0192f0c1-7b7e&From=whatsapp%3A%2B14155238886&ContentSid={CONTENT_SID}\
                 &ContentVariables=%7B%221%22%3A%22012345%22%7D"
            )
        );
    }
}

#[tokio::test]
async fn a_code_goes_to_a_number_only() {
    for (provider, ids, code) in [
        (Provider::Meta, ["FR.1A2B", "US.ENT.1", ""], 131_009),
        (Provider::Twilio, ["FR.1A2B", "whatsapp:FR.1A2B", "whatsapp:"], 21_211),
    ] {
        for id in ids {
            let refused = sent(provider, id, Body::Code { code: "123456", language: FR }).await;
            assert!(
                matches!(refused, Err(SendOutcome::Refused { code: found, .. }) if found == code),
                "{provider} {id}: {refused:?}"
            );
        }
    }
}

const OUR_FAULT: SendOutcome =
    SendOutcome::Refused { code: 0, action: ErrorAction::OurFault, retry_after_ms: None };

#[tokio::test]
async fn a_code_that_no_template_takes_is_our_fault() {
    let longest = "1".repeat(15);
    for provider in BOTH {
        assert!(sent(provider, address(provider), Body::Code { code: &longest, language: FR }).await.is_ok());
        for code in ["", &"1".repeat(16), "123 456", "12345🥐", "١٢٣٤٥٦", "https://x"] {
            let refused = sent(provider, address(provider), Body::Code { code, language: FR }).await;
            assert_eq!(refused, Err(OUR_FAULT), "{code}");
        }
    }
}

#[tokio::test]
async fn a_code_without_its_template_is_our_fault_and_everything_else_leaves() {
    rustls::crypto::ring::default_provider().install_default().ok();
    for provider in BOTH {
        let server = Server::answering(200, ok(provider)).await;
        let with = senders(&server.url);
        assert!(with.can_send_code(provider));
        let meta = MetaConfig { otp_template: String::new(), ..meta_config(&server.url) };
        let twilio = TwilioConfig { otp_content_sid: None, ..twilio_config(&server.url) };
        let without = Senders::new(Some(meta), Some(twilio)).unwrap();
        assert!(!without.can_send_code(provider));
        let attempt = AttemptId::new("a");
        let outgoing = |body| Outgoing {
            address: address(provider),
            body,
            attempt: &attempt,
            reply_to: None,
            send_by: soon(),
        };
        let code = Body::Code { code: "123456", language: FR };
        assert_eq!(without.send(provider, &outgoing(code)).await, OUR_FAULT);
        assert!(server.requests().is_empty());
        let text = without.send(provider, &outgoing(Body::Text("x"))).await;
        assert!(matches!(text, SendOutcome::Accepted { .. }), "{text:?}");
    }
}

#[tokio::test]
async fn metas_buttons_have_their_exact_form_and_quote_what_they_answer() {
    let buttons =
        [Button { id: "again:01", title: "Trois autres" }, Button { id: "pay", title: "Recharger 💳" }];
    let expected = json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+33612345678",
        "type": "interactive",
        "interactive": {
            "type": "button",
            "body": {"text": "Été 🥐 & co"},
            "action": {"buttons": [
                {"type": "reply", "reply": {"id": "again:01", "title": "Trois autres"}},
                {"type": "reply", "reply": {"id": "pay", "title": "Recharger 💳"}},
            ]},
        },
        "context": {"message_id": "wamid.IN"},
        "biz_opaque_callback_data": "outbox:0192f0c1-7b7e",
    });
    let body = Body::Buttons { text: "Été 🥐 & co", buttons: &buttons };
    assert_eq!(meta(body).await, expected);
    let to_id: Value = serde_json::from_str(&sent(Provider::Meta, "FR.1A2B", body).await.unwrap()).unwrap();
    assert_eq!((&to_id["recipient"], &to_id["type"]), (&json!("FR.1A2B"), &json!("interactive")));
}

#[tokio::test]
async fn at_twilio_buttons_are_the_text_alone() {
    let buttons = [Button { id: "a", title: "Oui" }];
    let with = Body::Buttons { text: "Alors ?", buttons: &buttons };
    let number = address(Provider::Twilio);
    let alone = sent(Provider::Twilio, number, Body::Text("Alors ?")).await;
    assert_eq!(sent(Provider::Twilio, number, with).await, alone);
}

#[tokio::test]
async fn what_exceeds_metas_limits_is_sent_as_plain_text() {
    let kind = async |text: &str, buttons: &[(&str, &str)]| {
        let buttons: Vec<Button<'_>> = buttons.iter().map(|&(id, title)| Button { id, title }).collect();
        let body = meta(Body::Buttons { text, buttons: &buttons }).await;
        if body["type"] == "text" {
            assert_eq!(body["text"], json!({"preview_url": false, "body": text}));
            assert!(body.get("interactive").is_none());
        }
        body["type"].as_str().unwrap().to_owned()
    };
    let (text, title, id) = ("🥐".repeat(512), "🥐".repeat(10), "é".repeat(128));
    assert_eq!(kind(&text, &[("a", &title), (&id, "B"), ("c", "C")]).await, "interactive");
    for (text, buttons) in [
        (format!("{text}x"), [("a", "A")].as_slice()),
        ("x".to_owned(), &[]),
        ("x".to_owned(), &[("a", "A"), ("b", "B"), ("c", "C"), ("d", "D")]),
        ("x".to_owned(), &[("a", &format!("{title}x"))]),
        ("x".to_owned(), &[("a", "")]),
        ("x".to_owned(), &[("a", " ")]),
        ("x".to_owned(), &[(&format!("{id}x"), "A")]),
        ("x".to_owned(), &[("", "A")]),
        ("x".to_owned(), &[(" a", "A")]),
        ("x".to_owned(), &[("a\nb", "A")]),
        ("x".to_owned(), &[("a", "A"), ("a", "B")]),
        ("x".to_owned(), &[("a", "A"), ("b", "A")]),
    ] {
        assert_eq!(kind(&text, buttons).await, "text", "{buttons:?}");
    }
}

#[tokio::test]
async fn a_link_is_a_button_at_meta_and_stands_below_the_text_where_none_is_taken() {
    // Meta, "Interactive call-to-action URL button messages".
    let url = "https://postly.example/recharge#a-token";
    fn link<'a>(text: &'a str, title: &'a str, url: &'a str) -> Body<'a> {
        Body::Link { text, title, url }
    }
    let body = meta(link("Votre lien :", "Recharger", url)).await;
    assert_eq!(body["type"], "interactive");
    let expected = json!({
        "type": "cta_url",
        "body": {"text": "Votre lien :"},
        "action": {"name": "cta_url", "parameters": {"display_text": "Recharger", "url": url}},
    });
    assert_eq!(body["interactive"], expected);
    let (longest, title) = ("🥐".repeat(512), "🥐".repeat(10));
    assert_eq!(meta(link(&longest, &title, url)).await["type"], "interactive");
    for (text, title) in [
        (format!("{longest}x"), "Recharger".to_owned()),
        ("x".to_owned(), format!("{title}x")),
        ("x".to_owned(), String::new()),
    ] {
        let body = meta(link(&text, &title, url)).await;
        assert_eq!(body["type"], "text");
        assert_eq!(body["text"], json!({"preview_url": false, "body": format!("{text}\n{url}")}));
    }
    for other in ["javascript:alert(1)", "postly.example", "https://a b"] {
        assert_eq!(meta(link("x", "Recharger", other)).await["type"], "text", "{other}");
    }
    let number = address(Provider::Twilio);
    let alone = sent(Provider::Twilio, number, Body::Text(&format!("Votre lien :\n{url}"))).await;
    assert_eq!(sent(Provider::Twilio, number, link("Votre lien :", "Recharger", url)).await, alone);
}

#[test]
fn a_message_that_is_printed_shows_no_code() {
    let attempt = AttemptId::new("a-1");
    let button = [Button { id: "secret-id", title: "secret-title" }];
    for body in [
        Body::Code { code: "735924", language: FR },
        Body::Text("735924"),
        Body::Buttons { text: "735924", buttons: &button },
        Body::Link { text: "735924", title: "secret-title", url: "https://secret" },
    ] {
        let message =
            Outgoing { address: "33612345678", body, attempt: &attempt, reply_to: None, send_by: soon() };
        let printed = format!("{message:?} {message:#?} {body:?}");
        for secret in ["735924", "secret", "33612345678"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
}
