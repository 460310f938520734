//! Calls to Stripe: their headers, their retries, and their results.

use postly_domain::{
    Currency, Language, Money, Pack,
    id::{AuthorId, CheckoutId},
    payment::CheckoutState,
};
use postly_payments::{Checkout, NewCheckout, Stripe, StripeConfig, StripeError};
use serde_json::{Value, json};

use crate::server::{Server, answer};

fn session() -> String {
    let fixtures: Value = serde_json::from_str(include_str!("../../testdata/fixtures.trimmed.json")).unwrap();
    let mut session = fixtures["resources"]["checkout.session"].clone();
    session["payment_intent"] = json!(null);
    session.to_string()
}

pub(crate) fn stripe(server: &Server) -> Stripe {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = StripeConfig {
        secret_key: "sk_test_a_key_of_some_length".to_owned().into(),
        api_base_url: server.url.clone(),
        tax_code: None,
    };
    Stripe::new(config).unwrap()
}

async fn create(server: &Server) -> Result<Checkout, StripeError> {
    let price = Money { amount: 490, currency: Currency::parse("eur").unwrap() };
    let new = NewCheckout {
        author: &AuthorId::new("a-1"),
        pack: &Pack { id: "s".to_owned(), credits: 20, price },
        name: "20 crédits",
        language: Language::Fr,
        success_url: "https://postly.example/recharge/return?session_id={CHECKOUT_SESSION_ID}",
        cancel_url: "https://postly.example/recharge/return",
    };
    stripe(server).create_checkout(&new, "a-key-of-the-call").await
}

#[tokio::test]
async fn a_call_bears_its_version_its_key_and_a_key_of_its_own() {
    let server = Server::answering(&[&answer(200, &[], &session())]).await;
    let checkout = create(&server).await.unwrap();
    assert_eq!(checkout.state, CheckoutState::Open);
    assert!(checkout.url.unwrap().starts_with("https://checkout.stripe.com/"));
    let request = server.seen().remove(0);
    assert!(request.head.starts_with("POST /v1/checkout/sessions HTTP/1.1"), "{request:?}");
    for (name, value) in [
        ("stripe-version", "2026-10-28.endive"),
        ("authorization", "Bearer sk_test_a_key_of_some_length"),
        ("idempotency-key", "a-key-of-the-call"),
        ("content-type", "application/x-www-form-urlencoded"),
    ] {
        assert_eq!(request.header(name), Some(value));
    }

    stripe(&server).retrieve_checkout(&CheckoutId::new("cs_test_1/../x?y")).await.unwrap();
    let request = server.seen().remove(1);
    let target = "GET /v1/checkout/sessions/cs_test_1%2F..%2Fx%3Fy?expand%5B0%5D=payment_intent.latest_charge HTTP/1.1";
    assert!(request.head.starts_with(target), "{request:?}");
    assert_eq!(request.header("stripe-version"), Some("2026-10-28.endive"));
    assert_eq!((request.header("idempotency-key"), request.body.as_str()), (None, ""));
}

#[tokio::test]
async fn what_may_pass_is_tried_again_with_the_same_key_and_not_for_ever() {
    let good = answer(200, &[], &session());
    for failure in [
        String::new(),
        answer(500, &[], "<html>"),
        answer(503, &["retry-after: 0"], ""),
        answer(409, &[], r#"{"error":{"type":"idempotency_error"}}"#),
        answer(429, &["retry-after: 0"], r#"{"error":{"code":"rate_limit"}}"#),
        answer(402, &["stripe-should-retry: true"], "{}"),
        answer(200, &[], "<html>Please sign in</html>"),
        answer(200, &[], r#"{"object":"charge"}"#),
        "HTTP/1.1 200 X\r\ncontent-length: 500\r\n\r\n{".to_owned(),
    ] {
        let server = Server::answering(&[&failure, &good]).await;
        assert!(create(&server).await.is_ok(), "{failure}");
        let keys: Vec<_> = server.seen();
        assert_eq!(keys.len(), 2, "{failure}");
        assert!(keys.iter().all(|request| request.header("idempotency-key") == Some("a-key-of-the-call")));
        assert_eq!(keys[0].body, keys[1].body);
    }
    let server = Server::answering(&[&answer(500, &[], "")]).await;
    assert_eq!(create(&server).await, Err(StripeError::Unavailable("server_error")));
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn s07_what_would_end_the_same_is_not_tried_again_and_a_redirect_is_not_followed() {
    for (answer, status, code) in [
        (
            answer(
                401,
                &[],
                r#"{"error":{"type":"invalid_request_error","message":"Invalid API Key: sk_x"}}"#,
            ),
            401,
            "invalid_request_error",
        ),
        (
            answer(
                400,
                &[],
                r#"{"error":{"type":"invalid_request_error","code":"payment_method_types_no_longer_supported","message":"m"}}"#,
            ),
            400,
            "payment_method_types_no_longer_supported",
        ),
        (answer(402, &[], "<html>"), 402, "unknown"),
        (answer(302, &["location: http://127.0.0.1:9/elsewhere"], ""), 302, "unknown"),
        (
            answer(429, &["stripe-should-retry: false"], r#"{"error":{"code":"lock_timeout"}}"#),
            429,
            "lock_timeout",
        ),
        (answer(400, &[], r#"{"error":{"code":"<b>\nsk_live"}}"#), 400, "bsk_live"),
    ] {
        let server = Server::answering(&[&answer]).await;
        let refused = StripeError::Refused { status, code: code.to_owned() };
        assert_eq!(create(&server).await, Err(refused), "{answer}");
        assert_eq!(server.seen().len(), 1, "{answer}");
    }
}

#[test]
fn c09_a_key_says_whether_it_moves_real_money() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    for (key, expected) in [
        ("sk_test_1", Some(false)),
        ("rk_test_1", Some(false)),
        ("sk_live_1", Some(true)),
        ("rk_live_1", Some(true)),
        ("sk_1", None),
        ("live_1", None),
    ] {
        let config = StripeConfig {
            secret_key: key.to_owned().into(),
            api_base_url: "https://api.stripe.com/".to_owned(),
            tax_code: None,
        };
        assert_eq!(Stripe::new(config).unwrap().livemode(), expected, "{key}");
    }
}

#[test]
fn s05_a_client_that_is_printed_shows_no_key() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = StripeConfig {
        secret_key: "sk_live_hunter2".to_owned().into(),
        api_base_url: "https://api.stripe.com".to_owned(),
        tax_code: Some("txcd_10105001".to_owned()),
    };
    let printed = format!("{config:?} {:?}", Stripe::new(config.clone()).unwrap());
    assert!(printed.contains("txcd_10105001") && !printed.contains("hunter2"), "{printed}");
    for base in ["", "ftp://x", "api.stripe.com", "mailto:x"] {
        assert!(
            Stripe::new(StripeConfig { api_base_url: base.to_owned(), ..config.clone() }).is_err(),
            "{base}"
        );
    }
}
