//! The fake of Stripe, checked against the documentation of a Checkout Session.

use postly_simulator::{Fault, FaultKind, Payment, RequestKind, Upstream, stripe_signature};
use serde_json::Value;

use crate::{Scene, answer};

const VERSION: &str = "2026-10-28.endive";

fn fields() -> Vec<(&'static str, &'static str)> {
    vec![
        ("mode", "payment"),
        ("success_url", "https://postly.example/return?session_id={CHECKOUT_SESSION_ID}"),
        ("cancel_url", "https://postly.example/return"),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price_data][currency]", "eur"),
        ("line_items[0][price_data][unit_amount]", "490"),
        ("line_items[0][price_data][product_data][name]", "20 <crédits>"),
        ("metadata[pack]", "s"),
    ]
}

fn create(scene: &Scene, key: &str, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
    scene
        .client
        .post(format!("{}/v1/checkout/sessions", scene.world.base_url()))
        .bearer_auth(&scene.world.config().stripe.secret_key)
        .header("stripe-version", VERSION)
        .header("idempotency-key", key)
        .form(fields)
}

async fn retrieve(scene: &Scene, id: &str) -> (u16, Value) {
    let url = format!(
        "{}/v1/checkout/sessions/{id}?expand[0]=payment_intent.latest_charge",
        scene.world.base_url()
    );
    let call = scene.client.get(url).bearer_auth(&scene.world.config().stripe.secret_key);
    answer(call.header("stripe-version", VERSION)).await.unwrap()
}

async fn made(scene: &Scene, key: &str) -> Value {
    let (status, session) = answer(create(scene, key, &fields())).await.unwrap();
    assert_eq!(status, 200, "{session}");
    session
}

#[tokio::test]
async fn a_session_is_made_once_for_a_key_and_what_is_wrong_with_it_is_named() {
    let scene = Scene::set().await;
    let session = made(&scene, "one").await;
    assert_eq!((&session["object"], &session["amount_total"]), (&"checkout.session".into(), &490.into()));
    assert_eq!((&session["status"], &session["metadata"]["pack"]), (&"open".into(), &"s".into()));
    assert_eq!(made(&scene, "one").await["id"], session["id"]);
    assert_ne!(made(&scene, "two").await["id"], session["id"]);
    let with = |name, value| {
        let mut fields = fields();
        fields.retain(|(known, _)| *known != name);
        fields.push((name, value));
        fields
    };
    for (key, changed, kind, code) in [
        ("one", with("mode", "setup"), "idempotency_error", Value::Null),
        (
            "3",
            with("payment_method_types[0]", "card"),
            "invalid_request_error",
            "payment_method_types_no_longer_supported".into(),
        ),
        ("4", with("price", "x"), "invalid_request_error", "parameter_unknown".into()),
        ("5", with("success_url", ""), "invalid_request_error", "parameter_missing".into()),
        (
            "6",
            with("line_items[0][price_data][unit_amount]", "4.90"),
            "invalid_request_error",
            "parameter_invalid_integer".into(),
        ),
        ("7", with("managed_payments[enabled]", "true"), "invalid_request_error", "parameter_missing".into()),
    ] {
        let (status, body) = answer(create(&scene, key, &changed)).await.unwrap();
        assert_eq!(
            (status, &body["error"]["type"], &body["error"]["code"]),
            (400, &kind.into(), &code),
            "{body}"
        );
    }
    let (status, _) = answer(create(&scene, "8", &fields()).bearer_auth("sk_test_wrong")).await.unwrap();
    assert!(matches!(status, 400 | 401), "{status}");
    assert_eq!(retrieve(&scene, "cs_test_none").await.0, 404);
    let kinds: Vec<_> = scene.world.journal().iter().map(|entry| (entry.upstream, entry.kind)).collect();
    assert!(kinds.contains(&(Upstream::Stripe, RequestKind::Checkout)));
    scene.world.fault(Upstream::Stripe, Fault::once(FaultKind::ProviderError { code: 503 }));
    assert_eq!(answer(create(&scene, "9", &fields())).await.unwrap().0, 503);
}

#[tokio::test]
async fn a_buyer_pays_on_the_page_and_the_signed_events_follow() {
    let scene = Scene::set().await;
    let session = made(&scene, "one").await;
    let (id, url) = (session["id"].as_str().unwrap(), session["url"].as_str().unwrap());
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let page = client.get(url).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("20 &lt;crédits&gt;") && page.contains("4,90 EUR"), "{page}");
    let choose = async |with: &str| {
        let answer = client.post(url).form(&[("with", with)]).send().await.unwrap();
        let to = answer.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        (answer.status().as_u16(), to)
    };
    assert_eq!(choose("declined").await, (200, None));
    assert_eq!(choose("cancel").await, (303, Some("https://postly.example/return".to_owned())));
    assert_eq!(retrieve(&scene, id).await.1["payment_status"], "unpaid");
    let back = format!("https://postly.example/return?session_id={id}");
    assert_eq!(choose("card").await, (303, Some(back)));
    let events = scene.service.wait_for(2).await;
    let secret = &scene.world.config().stripe.webhook_secret;
    for (event, kind) in events.iter().zip(["charge.succeeded", "checkout.session.completed"]) {
        assert_eq!(event.target, "/api/stripe/webhook");
        let signature = event.headers["stripe-signature"].to_str().unwrap();
        let time = signature.split_once(',').unwrap().0.strip_prefix("t=").unwrap().parse().unwrap();
        assert_eq!(signature, stripe_signature(secret, time, &event.body));
        let body: Value = serde_json::from_slice(&event.body).unwrap();
        assert_eq!((&body["object"], &body["type"]), (&"event".into(), &kind.into()));
    }
    let (_, paid) = retrieve(&scene, id).await;
    assert_eq!((&paid["status"], &paid["payment_status"]), (&"complete".into(), &"paid".into()));
    assert_eq!(paid["payment_intent"]["latest_charge"]["amount"], 490);
    // A session is not paid twice, and another site cannot trigger an action.
    assert_eq!(choose("card").await.0, 303);
    let foreign =
        client.post(format!("{}/stripe/{id}", scene.world.base_url())).header("sec-fetch-site", "cross-site");
    assert_eq!(foreign.form(&[("do", "refund")]).send().await.unwrap().status(), 404);
    assert_eq!(scene.service.received().len(), 2);
}

#[tokio::test]
async fn whoever_shows_the_demo_makes_refunds_disputes_and_thin_events_happen() {
    let scene = Scene::set().await;
    let session = made(&scene, "one").await;
    let id = session["id"].as_str().unwrap();
    assert_eq!(scene.world.pay_checkout(id, Payment::Delayed).len(), 1);
    let act = async |what: &str| {
        let desk = format!("{}/stripe/{id}", scene.world.base_url());
        scene.client.post(desk).form(&[("do", what)]).send().await.unwrap().status().as_u16()
    };
    let mut count = 0;
    for (what, kinds) in [
        ("succeed", &["checkout.session.async_payment_succeeded"][..]),
        ("refund_half", &["charge.refunded", "refund.created"]),
        ("refund", &["charge.refunded", "refund.created"]),
        ("fail_refund", &["refund.failed"]),
        ("dispute", &["charge.dispute.created"]),
        ("won", &["charge.dispute.closed"]),
        ("dispute", &["charge.dispute.created"]),
        ("lost", &["charge.dispute.closed"]),
        ("thin", &["v1.checkout.session.completed"]),
    ] {
        assert_eq!(act(what).await, 200, "{what}: the desk again");
        count += kinds.len();
        let received = scene.service.wait_for(count).await;
        let told: Vec<String> = received[count - kinds.len()..]
            .iter()
            .map(|event| {
                serde_json::from_slice::<Value>(&event.body).unwrap()["type"].as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(told, kinds, "{what}");
    }
    let (_, session) = retrieve(&scene, id).await;
    assert_eq!(session["payment_intent"]["latest_charge"]["amount_refunded"], 245);
    // An action that is no longer possible makes no event.
    for what in ["expire", "succeed", "won", "nothing"] {
        act(what).await;
    }
    assert_eq!(scene.service.received().len(), count);
}

#[tokio::test]
async fn events_wait_until_someone_sends_them_in_any_order() {
    let scene = Scene::set().await;
    let session = made(&scene, "one").await;
    let id = session["id"].as_str().unwrap();
    let act = async |of: &str, what: &str| {
        let desk = format!("{}/stripe/{of}", scene.world.base_url());
        scene.client.post(desk).form(&[("do", what)]).send().await.unwrap().text().await.unwrap()
    };
    act("all", "hold").await;
    let url = session["url"].as_str().unwrap();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    client.post(url).form(&[("with", "card")]).send().await.unwrap();
    let page = act(id, "refund").await;
    // Newest first.
    let events: Vec<(String, String)> = page
        .split("action=\"/stripe/evt_")
        .skip(1)
        .map(|rest| {
            let (id, rest) = rest.split_once('"').unwrap();
            let kind = rest.split("Envoyer ").nth(1).unwrap().split('<').next().unwrap();
            (format!("evt_{id}"), kind.to_owned())
        })
        .collect();
    let kinds: Vec<&str> = events.iter().map(|(_, kind)| kind.as_str()).collect();
    assert_eq!(
        kinds,
        ["refund.created", "charge.refunded", "checkout.session.completed", "charge.succeeded"]
    );
    assert_eq!(scene.service.received().len(), 0, "all are held back");
    for (count, (id, _)) in events.iter().enumerate() {
        act(id, "send").await;
        scene.service.wait_for(count + 1).await;
    }
    let received = scene.service.received();
    let told: Vec<Value> = received
        .iter()
        .map(|event| serde_json::from_slice::<Value>(&event.body).unwrap()["type"].clone())
        .collect();
    assert_eq!(told, kinds);
    act("all", "release").await;
    act(id, "dispute").await;
    scene.service.wait_for(5).await;
}
