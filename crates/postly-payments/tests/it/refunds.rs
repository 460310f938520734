//! Refunds: our requests against the parameters of Stripe's own library, and the answers to them.

use postly_domain::{RefundReason, id::PaymentId, refund::RefundState};
use postly_payments::{API_VERSION, NewRefund, RefundFact, StripeError};
use serde_json::{Value, json};

use crate::{
    client::stripe,
    requests::fits,
    server::{Server, answer},
};

fn refund(request: &str, status: &str) -> Value {
    let fixtures: Value = serde_json::from_str(include_str!("../../testdata/fixtures.trimmed.json")).unwrap();
    let mut refund = fixtures["resources"]["refund"].clone();
    refund["status"] = json!(status);
    refund["payment_intent"] = json!("pi_1");
    refund["metadata"] = json!({"refund_request": request});
    refund
}

async fn create(server: &Server, reason: RefundReason) -> Result<RefundFact, StripeError> {
    let payment = PaymentId::new("pi_1");
    let new = NewRefund { request: "r-1", payment: &payment, amount: 245, reason };
    stripe(server).create_refund(&new).await
}

#[tokio::test]
async fn every_parameter_of_a_refund_is_one_of_the_version_that_it_names() {
    let declared: Value =
        serde_json::from_str(include_str!("../../testdata/refund_params.2026-10-28.endive.json")).unwrap();
    assert_eq!(declared["api_version"], API_VERSION);
    for reason in RefundReason::ALL {
        let server = Server::answering(&[&answer(200, &[], &refund("r-1", "pending").to_string())]).await;
        let made = create(&server, *reason).await.unwrap();
        assert_eq!(
            (made.request.as_deref(), made.refund.state, made.refund.amount.amount),
            (Some("r-1"), RefundState::Pending, 100)
        );
        let request = server.seen().remove(0);
        assert!(request.head.starts_with("POST /v1/refunds HTTP/1.1"), "{request:?}");
        assert_eq!(request.header("stripe-version"), Some(API_VERSION));
        assert_eq!(request.header("idempotency-key"), Some("refund:r-1"));
        let fields: Vec<(String, String)> =
            form_urlencoded::parse(request.body.as_bytes()).into_owned().collect();
        assert_eq!(fields.len(), 4);
        for (name, value) in &fields {
            let top = name.split('[').next().unwrap();
            let kind = declared["create"][top].as_str().unwrap_or_else(|| panic!("{name} is no parameter"));
            assert!(name == "metadata[refund_request]" || fits(kind, value), "{name}={value} is no {kind}");
        }
        // The type also lets any text through, so the words are compared by themselves.
        let words = declared["create"]["reason"].as_str().unwrap();
        assert!(
            words.contains(&format!("{}]", reason.as_str()))
                || words.contains(&format!("{}, ", reason.as_str()))
        );
    }

    let list = json!({"object": "list", "has_more": false, "data": [refund("other", "succeeded"), refund("r-1", "failed")]});
    let server = Server::answering(&[&answer(200, &[], &list.to_string())]).await;
    let payment = PaymentId::new("pi_1&x=/../y");
    let found = stripe(&server).find_refund(&payment, "r-1").await.unwrap().unwrap();
    assert_eq!(found.refund.state, RefundState::Failed);
    assert_eq!(stripe(&server).find_refund(&payment, "r-2").await.unwrap(), None);
    let head = server.seen().remove(0).head;
    let target = "GET /v1/refunds?payment_intent=pi_1%26x%3D%2F..%2Fy&limit=100 HTTP/1.1";
    assert!(head.starts_with(target), "{head}");
    assert!(declared["list"]["payment_intent"].is_string() && declared["list"]["limit"].is_string());
}

#[tokio::test]
async fn what_stripe_says_against_a_refund_is_named_by_a_code() {
    for (status, body, code) in [
        (
            400,
            json!({"code": "charge_already_refunded", "type": "invalid_request_error"}),
            "charge_already_refunded",
        ),
        (404, json!({"code": "resource_missing", "type": "invalid_request_error"}), "resource_missing"),
        (
            400,
            json!({"type": "invalid_request_error", "message": "Insufficient funds in your Stripe balance to refund this amount."}),
            "insufficient_balance_for_refund",
        ),
        (
            400,
            json!({"type": "invalid_request_error", "message": "Refund amount (€5.00) is greater than unrefunded amount on charge (€4.90)"}),
            "refund_amount_too_large",
        ),
        (400, json!({"type": "invalid_request_error", "message": "Anything else"}), "invalid_request_error"),
    ] {
        let server = Server::answering(&[&answer(status, &[], &json!({ "error": body }).to_string())]).await;
        let refused = StripeError::Refused { status, code: code.to_owned() };
        assert!(refused.is_of_the_request());
        assert_eq!(create(&server, RefundReason::Duplicate).await, Err(refused));
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn after_a_call_without_an_answer_only_a_refusal_of_the_request_itself_is_one() {
    let refused = |status: u16| answer(status, &[], r#"{"error":{"type":"invalid_request_error"}}"#);
    for (status, outcome) in [
        (401, Err(StripeError::Unavailable("refused_after_no_answer"))),
        (403, Err(StripeError::Unavailable("refused_after_no_answer"))),
        (302, Err(StripeError::Unavailable("refused_after_no_answer"))),
        (400, Err(StripeError::Refused { status: 400, code: "invalid_request_error".to_owned() })),
    ] {
        // The first call may have made the refund: its answer is lost.
        let server = Server::answering(&["", &refused(status)]).await;
        assert_eq!(create(&server, RefundReason::Duplicate).await, outcome, "{status}");
        assert_eq!(server.seen().len(), 2, "{status}");
        // Without a lost answer before, every refusal is final.
        let server = Server::answering(&[&refused(status)]).await;
        let alone = create(&server, RefundReason::Duplicate).await;
        assert!(matches!(alone, Err(StripeError::Refused { .. })), "{status}: {alone:?}");
    }
    // A page of a proxy is no refusal of Stripe's.
    let server = Server::answering(&["", &answer(404, &[], "<html>")]).await;
    let outcome = create(&server, RefundReason::Duplicate).await;
    assert_eq!(outcome, Err(StripeError::Unavailable("refused_after_no_answer")));
}
