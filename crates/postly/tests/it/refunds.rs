//! `postly payments`, and refunds of money by processes that stop half-way.

use postly_simulator::{Channel, Fault, FaultKind, Payment, Upstream};
use postly_testkit::EngineName;
use reqwest::Client;
use serde_json::json;

use crate::{
    outside::Outside,
    process::{Ran, Service, run},
};

const NUMBER: &str = "+33639981001";
/// The points at which a refund can be stopped (`crash::point` in postly-app).
pub(crate) const POINTS: [&str; 2] = ["refund.stored", "refund.answered"];

/// The variables of the shop at the simulated Stripe.
fn shop(outside: &Outside) -> Vec<(String, String)> {
    let stripe = outside.simulator.config().stripe.clone();
    [
        ("STRIPE_SECRET_KEY", stripe.secret_key),
        ("STRIPE_WEBHOOK_SECRET", stripe.webhook_secret),
        ("STRIPE_API_BASE_URL", outside.simulator.base_url()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

async fn serve(outside: &Outside) -> Service {
    let shop = shop(outside);
    let shop: Vec<_> = shop.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    outside.serve(&shop).await
}

/// Runs a command with the shop, and perhaps a point at which it is aborted.
async fn command(outside: &Outside, args: &[&str], crash_at: Option<&str>) -> Ran {
    let mut all = shop(outside);
    all.push(("DATABASE_URL".to_owned(), outside.database.url.clone()));
    all.extend(crash_at.map(|point| ("POSTLY_CRASH_AT".to_owned(), point.to_owned())));
    run(&outside.folder, args, &all).await
}

/// An author buys the smallest pack. Returns the ids of the Checkout Session and of the payment.
async fn buys(outside: &Outside, service: &Service) -> (String, String) {
    let author = outside.simulator.person(Channel::Meta, NUMBER);
    let webhook = outside.simulator.webhook_text(&author, "RECHARGE");
    outside.deliver_for_sure(&webhook).await;
    outside.until_idle().await;
    let opens = outside.simulator.phone_messages(&author).pop().unwrap().buttons;
    let opens = opens.iter().find_map(|button| button.opens.clone()).unwrap();
    let body = json!({"token": opens.split('#').nth(1).unwrap(), "pack": "s"});
    let url = format!("http://{}/recharge", service.public);
    let post = Client::new().post(url).header("sec-fetch-site", "same-origin").json(&body);
    let answer: serde_json::Value = post.send().await.unwrap().json().await.unwrap();
    let checkout = outside.simulator.checkout_at(answer["url"].as_str().unwrap()).unwrap().id;
    for event in outside.simulator.pay_checkout(&checkout, Payment::Card) {
        assert_eq!(outside.simulator.deliver_event(&event).await.status, 200);
    }
    (checkout, outside.simulator.checkouts().pop().unwrap().payment.unwrap())
}

#[tokio::test]
async fn payments_are_listed_and_refunded_by_a_command() {
    for engine in EngineName::ALL {
        let outside = Outside::start(engine).await;
        let service = serve(&outside).await;
        let (checkout, payment) = buys(&outside, &service).await;
        let refund =
            ["payments", "refund", &payment, "--reason", "requested_by_customer", "--note", "un geste"];
        let with = |more: &[&'static str]| [&refund[..], more].concat();
        // Without the account at Stripe nothing can be refunded; half of it is a fault of the configuration.
        let ran = outside.postly(&refund).await.exits(2);
        assert!(ran.err.contains("STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET are missing"), "{ran:?}");
        let wrong = ["payments", "refund", &payment, "--reason", "because", "--note", "x"];
        command(&outside, &wrong, None).await.exits(2);
        command(&outside, &with(&["--amount", "5"]), None).await.exits(1);

        let ran = command(&outside, &with(&["--amount", "2.45", "--by", "Awa Diop", "--json"]), None)
            .await
            .exits(0);
        let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(
            (&told["amount"], &told["state"], &told["payment"]),
            (&json!(245), &json!("succeeded"), &json!(payment))
        );
        let list = ["payments", "list", "--phone", NUMBER, "--json"];
        let ran = outside.postly(&list).await.exits(0);
        let listed: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!((&listed[0]["refundable"], &listed[0]["takenBack"]), (&json!(245), &json!(10)));
        let ran = outside.postly(&list[..4]).await.exits(0);
        assert!(ran.out.contains("€4.90 (€2.45 left to refund)  20 credits, 10 taken back"), "{ran:?}");
        let ran = command(&outside, &refund, None).await.exits(0);
        assert!(ran.out.contains("of €2.45: succeeded."), "{ran:?}");
        let ran = command(&outside, &refund, None).await.exits(1);
        assert!(ran.err.contains("nothing is left to refund"), "{ran:?}");
        assert_eq!(outside.simulator.refunds_of(&checkout).len(), 2);
        let log = "SELECT CASE WHEN operator = 'Awa Diop' THEN operator ELSE 'account' END || ' ' || \
                   CASE WHEN outcome = 'done' THEN outcome ELSE 'failed' END FROM audit_log \
                   WHERE action = 'refund_payment' ORDER BY id";
        let expected =
            ["account failed", "account failed", "Awa Diop done", "account done", "account failed"];
        assert_eq!(outside.database.texts(log).await, expected);
        service.stop().await;
        outside.assert_audit_is_clean().await;
        outside.end().await;
    }
}

#[tokio::test]
async fn c18_stopped_at_any_point_of_a_refund_the_money_goes_back_once() {
    if cfg!(not(feature = "crash-points")) {
        panic!("this binary has no points to stop at: run the tests with `--features postly/crash-points`");
    }
    for engine in EngineName::ALL {
        for point in POINTS {
            let outside = Outside::start(engine).await;
            outside.simulator.hold_payment_events();
            let service = serve(&outside).await;
            let (checkout, payment) = buys(&outside, &service).await;
            service.stop().await;
            let refund = ["payments", "refund", &payment, "--reason", "duplicate", "--note", "x"];
            let ran = command(&outside, &refund, Some(point)).await;
            assert_eq!(ran.code, None, "{point}: {ran:?}");
            assert_eq!(outside.database.texts("SELECT state FROM refund_requests").await, ["open"]);
            // The next call comes a minute later, by the service.
            outside.database.change("UPDATE refund_requests SET tried_at_ms = 0").await.unwrap();
            // Its first answer is lost as well.
            outside.simulator.fault(Upstream::Stripe, Fault::once(FaultKind::AcceptThenReset));
            let service = serve(&outside).await;
            outside.until("SELECT COUNT(*) FROM refund_requests WHERE state = 'made'", 1).await;
            for event in outside.simulator.payment_events() {
                assert_eq!(outside.simulator.deliver_event(&event).await.status, 200);
            }
            service.stop().await;
            assert_eq!(outside.simulator.refunds_of(&checkout), [(490, "succeeded".to_owned())], "{point}");
            assert_eq!(outside.ledger(NUMBER).await, ["+5 trial", "+20 purchase", "-20 purchase_reversal"]);
            outside.assert_audit_is_clean().await;
            outside.end().await;
        }
    }
}
