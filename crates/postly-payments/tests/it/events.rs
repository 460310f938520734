//! Reading of Stripe's own fixtures, and of variations of them.

use postly_domain::{
    id::PaymentId,
    payment::{CheckoutState, DisputeEnd},
    refund::RefundState,
};
use postly_payments::{Event, Fact, Received, read};
use serde_json::{Value, json};

/// An object of `fixtures3.json` of Stripe's own repository, with some of its fields set.
fn fixture(name: &str, fields: &Value) -> Value {
    let fixtures: Value = serde_json::from_str(include_str!("../../testdata/fixtures.trimmed.json")).unwrap();
    let mut object = fixtures["resources"][name].clone();
    assert!(object.is_object(), "{name}");
    for (field, value) in fields.as_object().unwrap() {
        object[field] = value.clone();
    }
    object
}

fn event(kind: &str, object: &Value) -> Event {
    let event = fixture("event", &json!({"type": kind, "data": {"object": object}}));
    match read(event.to_string().as_bytes()) {
        Received::Event(event) => *event,
        other => panic!("{other:?}"),
    }
}

fn checkout(kind: &str, fields: &Value) -> CheckoutState {
    match event(kind, &fixture("checkout.session", fields)).fact {
        Some(Fact::Checkout(checkout)) => checkout.state,
        other => panic!("{other:?}"),
    }
}

#[test]
fn c11_a_session_is_paid_when_it_says_so_and_not_when_it_is_completed() {
    for (kind, status, payment_status, expected) in [
        ("checkout.session.completed", "complete", "paid", CheckoutState::Paid),
        ("checkout.session.completed", "complete", "no_payment_required", CheckoutState::Paid),
        ("checkout.session.completed", "complete", "unpaid", CheckoutState::Pending),
        ("checkout.session.completed", "open", "unpaid", CheckoutState::Pending),
        ("checkout.session.completed", "complete", "a word of tomorrow", CheckoutState::Pending),
        ("checkout.session.async_payment_succeeded", "complete", "paid", CheckoutState::Paid),
        ("checkout.session.async_payment_failed", "complete", "unpaid", CheckoutState::Failed),
        ("checkout.session.expired", "expired", "unpaid", CheckoutState::Expired),
        ("checkout.session.of_tomorrow", "open", "no_payment_required", CheckoutState::Open),
        ("checkout.session.of_tomorrow", "open", "unpaid", CheckoutState::Open),
    ] {
        let fields = json!({"status": status, "payment_status": payment_status});
        assert_eq!(checkout(kind, &fields), expected, "{kind} {status} {payment_status}");
    }
}

#[test]
fn a_session_tells_its_payment_whether_it_is_named_or_shown_and_its_charge_when_it_is_shown() {
    let fields =
        json!({"amount_total": 490, "currency": "eur", "status": "complete", "payment_status": "paid"});
    let Some(Fact::Checkout(named)) =
        event("checkout.session.completed", &fixture("checkout.session", &fields)).fact
    else {
        panic!()
    };
    assert_eq!(named.payment, Some(PaymentId::new("pi_1PgafyB7WZ01zgkWSjxsAJo3")));
    assert_eq!(named.total.unwrap().amount, 490);
    assert_eq!((named.charge, named.livemode), (None, Some(false)));

    let charge = fixture(
        "charge",
        &json!({"amount": 590, "currency": "usd", "amount_refunded": 295, "payment_intent": "pi_1PgafyB7WZ01zgkWSjxsAJo3"}),
    );
    let intent = fixture("payment_intent", &json!({"latest_charge": charge, "status": "succeeded"}));
    let mut session = fixture("checkout.session", &fields);
    session["payment_intent"] = intent;
    let Some(Fact::Checkout(shown)) = event("checkout.session.completed", &session).fact else { panic!() };
    assert_eq!(shown.payment, Some(PaymentId::new("pi_1PgafyB7WZ01zgkWSjxsAJo3")));
    let charge = shown.charge.unwrap();
    assert_eq!((charge.charge.amount.unwrap().amount, charge.charge.refunded), (590, 295));

    // A method that takes days, and has failed: only the intent shows it.
    for (status, expected) in [
        ("processing", CheckoutState::Pending),
        ("requires_payment_method", CheckoutState::Failed),
        ("canceled", CheckoutState::Failed),
    ] {
        session["payment_status"] = json!("unpaid");
        session["payment_intent"]["status"] = json!(status);
        let Some(Fact::Checkout(checkout)) = event("checkout.session.completed", &session).fact else {
            panic!()
        };
        assert_eq!(checkout.state, expected, "{status}");
    }
}

#[test]
fn refunds_disputes_and_charges_are_read_from_every_event_that_holds_one() {
    let of = json!({"payment_intent": "pi_1"});
    for kind in ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"] {
        for (status, state) in [
            ("succeeded", RefundState::Succeeded),
            ("pending", RefundState::Pending),
            ("requires_action", RefundState::Pending),
            ("failed", RefundState::Failed),
            ("canceled", RefundState::Failed),
        ] {
            let mut refund = fixture("refund", &of);
            refund["status"] = json!(status);
            refund["metadata"] = json!({"refund_request": "r-1"});
            let Some(Fact::Refund(fact)) = event(kind, &refund).fact else { panic!("{kind}") };
            assert_eq!((fact.refund.state, fact.refund.amount.amount), (state, 100), "{kind} {status}");
            assert_eq!(fact.request.as_deref(), Some("r-1"));
            assert_eq!(fact.payment, Some(PaymentId::new("pi_1")));
            assert_eq!(fact.charge.as_deref(), Some("ch_1PgafuB7WZ01zgkWXYmPNZs8"));
        }
    }
    for kind in [
        "charge.dispute.created",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
    ] {
        for (status, end) in [
            ("warning_needs_response", None),
            ("warning_under_review", None),
            ("needs_response", None),
            ("under_review", None),
            ("prevented", None),
            ("warning_closed", Some(DisputeEnd::WarningClosed)),
            ("won", Some(DisputeEnd::Won)),
            ("lost", Some(DisputeEnd::Lost)),
        ] {
            let mut dispute = fixture("dispute", &of);
            dispute["status"] = json!(status);
            let Some(Fact::Dispute(fact)) = event(kind, &dispute).fact else { panic!("{kind}") };
            assert_eq!((fact.dispute.end, fact.dispute.amount.amount), (end, 1_000), "{kind} {status}");
        }
    }
    let mut charge = fixture("charge", &of);
    charge["amount_refunded"] = json!(40);
    let Some(Fact::Charge(fact)) = event("charge.refunded", &charge).fact else { panic!() };
    assert_eq!((fact.charge.amount.unwrap().amount, fact.charge.refunded), (100, 40));
    charge["paid"] = json!(false);
    assert_eq!(event("charge.failed", &charge).fact, None);
}

#[test]
fn every_type_of_event_there_is_passes_whatever_stands_in_it() {
    let types: Value =
        serde_json::from_str(include_str!("../../testdata/event_types.2026-10-28.endive.json")).unwrap();
    let types = types["types"].as_array().unwrap();
    assert!(types.len() > 150);
    for kind in types {
        let kind = kind.as_str().unwrap();
        for object in [
            json!({}),
            json!([]),
            json!({"object": kind}),
            json!({"object": "refund"}),
            json!({"object": "charge", "id": 5, "amount": "much"}),
            json!({"object": "dispute", "id": "du_1", "amount": -5, "currency": "eur"}),
            json!({"object": "refund", "id": "re_1", "amount": 5, "currency": "e"}),
            json!({"object": "checkout.session", "id": ""}),
            json!({"object": "checkout.session", "id": "x".repeat(300)}),
        ] {
            let event = event(kind, &object);
            assert!(event.fact.is_none(), "{kind} {object}: {event:?}");
        }
    }
}

#[test]
fn c09_an_event_says_whose_it_is_and_whether_real_money_moves() {
    let with = |fields: &Value| {
        let mut event = fixture("event", &json!({}));
        for (field, value) in fields.as_object().unwrap() {
            event[field] = value.clone();
        }
        match read(event.to_string().as_bytes()) {
            Received::Event(event) => (event.livemode, event.of_other_account),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(with(&json!({})), (Some(false), false));
    assert_eq!(with(&json!({"livemode": true})), (Some(true), false));
    assert_eq!(with(&json!({"livemode": null, "account": null})), (None, false));
    assert_eq!(with(&json!({"account": "acct_1"})), (Some(false), true));
}

#[test]
fn a_thin_event_is_recognised_and_what_is_no_event_is_unreadable() {
    // Stripe, "Event destinations", example of a thin event.
    let thin = json!({
        "id": "evt_test_65R9Ijk8dKEYZcXeRWn16R9A7j1FSQ3w3TGDPLLGSM4CW0",
        "object": "v2.core.event",
        "type": "v1.billing.meter.error_report_triggered",
        "livemode": false,
        "created": "2024-09-17T06:20:52.246Z",
        "related_object": {"id": "mtr_test_1", "type": "billing.meter", "url": "/v1/billing/meters/mtr_test_1"}
    });
    let kind = "v1.billing.meter.error_report_triggered".to_owned();
    assert_eq!(read(thin.to_string().as_bytes()), Received::Thin { kind });
    for body in ["", "null", "[]", "{}", "x", "{\"object\":\"event\"}", "{\"object\":\"event\",\"id\":\"\"}"]
    {
        assert_eq!(read(body.as_bytes()), Received::Unreadable, "{body}");
    }
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(read(deep.as_bytes()), Received::Unreadable);
}
