//! Events of Stripe: valid senders, events with one effect, and events without one.

use postly_simulator::{Channel, Payment};
use postly_testkit::for_each_engine_with;
use serde_json::json;

use crate::alerts::Alerts;

use super::{available, begins_to_buy, bring_all, brings, buys, logged_in, outcomes, shop};

const DAY_MS: i64 = 86_400_000;

#[tokio::test]
async fn c05_c06_what_stripe_did_not_sign_now_is_refused_and_leaves_nothing() {
    for_each_engine_with(shop(), async |app| {
        let fatou = app.author();
        let checkout = begins_to_buy(app, &fatou, "s").await;
        let events = app.world.pay_checkout(&checkout.id, Payment::Card);
        let event = events.last().unwrap();
        let now_s = app.clock.now_ms().div_euclid(1_000);
        let good = app.world.event_signature(&event.body, now_s);
        let spoiled = [event.body.as_slice(), b" "].concat();
        let compact = serde_json::from_slice::<serde_json::Value>(&event.body).unwrap().to_string();
        for (body, signature) in [
            (event.body.as_slice(), String::new()),
            (&event.body, "t=1,v1=00".to_owned()),
            (&event.body, good.replace("v1=", "v0=")),
            (&event.body, format!("{good},t={now_s}")),
            (&event.body, app.world.event_signature(&event.body, now_s - 301)),
            (&event.body, app.world.event_signature(&event.body, now_s + 301)),
            (&event.body, postly_simulator::stripe_signature("whsec_of_somebody_else", now_s, &event.body)),
            (&spoiled, good.clone()),
            (compact.as_bytes(), good.clone()),
        ] {
            let delivery = app.world.deliver_event_signed(body, &signature).await;
            assert_eq!((delivery.status, delivery.body.len()), (400, 0), "{signature}");
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM payment_events").await, 0);
        assert_eq!(fatou.credits().await, 0);
        for at in [now_s - 300, now_s + 300] {
            let signature = app.world.event_signature(&event.body, at);
            let rotated = format!("t={at},v1={},{}", "0".repeat(64), signature.split_once(',').unwrap().1);
            assert_eq!(app.world.deliver_event_signed(&event.body, &rotated).await.status, 200, "{at}");
        }
        assert_eq!(fatou.credits().await, 20);
    })
    .await;
}

#[tokio::test]
async fn c07_one_event_ten_times_at_once_and_forty_days_later_grants_once() {
    for_each_engine_with(shop(), async |app| {
        let fatou = app.author();
        let checkout = begins_to_buy(app, &fatou, "s").await;
        let events = app.world.pay_checkout(&checkout.id, Payment::Card);
        let completed = events.last().unwrap();
        let all = futures_util::future::join_all((0..10).map(|_| app.world.deliver_event(completed))).await;
        assert!(all.iter().all(|delivery| delivery.status == 200));
        assert_eq!(fatou.ledger().await, ["+20 purchase"]);
        app.advance_ms(40 * DAY_MS);
        app.sweep().await;
        assert_eq!(app.count("SELECT COUNT(*) FROM payment_events").await, 0, "events are not kept for ever");
        bring_all(app, &events).await;
        assert_eq!(fatou.ledger().await, ["+20 purchase"]);
    })
    .await;
}

#[tokio::test]
async fn c08_a_payment_that_is_told_of_in_many_ways_at_once_grants_once() {
    for_each_engine_with(shop(), async |app| {
        for round in 0..5 {
            let fatou = app.author_of(Channel::Meta, &format!("+3363998130{round}"));
            let checkout = begins_to_buy(app, &fatou, "s").await;
            let paid = app.world.pay_checkout(&checkout.id, Payment::Card);
            let object =
                serde_json::from_slice::<serde_json::Value>(&paid[1].body).unwrap()["data"]["object"].clone();
            let again = app.world.payment_event("checkout.session.async_payment_succeeded", &object);
            let intent =
                json!({ "id": object["payment_intent"], "object": "payment_intent", "status": "succeeded" });
            let intent = app.world.payment_event("payment_intent.succeeded", &intent);
            let page = app.browser();
            let path = format!("/recharge/return?session_id={}", checkout.id);
            let (one, two, three, four, returned, swept) = tokio::join!(
                app.world.deliver_event(&paid[1]),
                app.world.deliver_event(&again),
                app.world.deliver_event(&intent),
                app.world.deliver_event(&paid[0]),
                page.get(&path),
                app.app.payments.sweep_payments(),
            );
            for delivery in [one, two, three, four] {
                assert_eq!(delivery.status, 200);
            }
            assert!(returned.status.is_success() && swept.is_ok());
            assert_eq!(fatou.ledger().await, ["+20 purchase"]);
            app.advance_ms(3_600_000);
        }
    })
    .await;
}

#[tokio::test]
async fn c09_an_event_of_the_other_mode_or_of_another_account_grants_nothing_and_raises_an_alert() {
    for_each_engine_with(shop(), async |app| {
        let fatou = app.author();
        let checkout = begins_to_buy(app, &fatou, "s").await;
        let completed = app.world.pay_checkout(&checkout.id, Payment::Card).remove(1);
        let with = |id: &str, field: &str, value: serde_json::Value| {
            let mut event = completed.clone();
            let mut body: serde_json::Value = serde_json::from_slice(&event.body).unwrap();
            body["id"] = json!(id);
            body[field] = value;
            event.body = body.to_string().into_bytes();
            event
        };
        let alerts = Alerts::listen();
        brings(app, &with("evt_live", "livemode", json!(true))).await;
        assert_eq!(alerts.take(), ["stripe_other_mode"]);
        brings(app, &with("evt_connect", "account", json!("acct_1"))).await;
        assert_eq!(alerts.take(), ["stripe_other_account"]);
        // One alert per event, also if it is repeated.
        brings(app, &with("evt_connect", "account", json!("acct_1"))).await;
        assert!(alerts.take().is_empty());
        assert_eq!(fatou.credits().await, 0);
        assert_eq!(outcomes(app).await, ["other_account", "other_mode"]);
        brings(app, &completed).await;
        assert_eq!(fatou.credits().await, 20);
    })
    .await;
}

#[tokio::test]
async fn c10_a_session_that_we_did_not_make_grants_nothing_and_raises_an_alert() {
    for_each_engine_with(shop(), async |app| {
        let fatou = app.author();
        let checkout = buys(app, &fatou, "s").await;
        let id = app.app.people.account(&fatou.who()).await.unwrap().author.id.to_string();
        // Another shop on the account, or a payment link to which somebody has added the id of an author of
        // ours.
        let session = json!({
            "id": "cs_test_of_somebody_else", "object": "checkout.session", "status": "complete",
            "payment_status": "paid", "payment_intent": "pi_of_somebody_else", "amount_total": 100, "currency": "eur",
            "client_reference_id": id, "metadata": {"author_id": id, "pack": "l", "credits": "150"},
        });
        let alerts = Alerts::listen();
        for kind in ["checkout.session.completed", "checkout.session.async_payment_succeeded"] {
            brings(app, &app.world.payment_event(kind, &session)).await;
            assert_eq!(alerts.take(), ["stripe_unknown_checkout"]);
        }
        // A refund of that payment is ignored as well, without an alert.
        let refund = json!({
            "id": "re_1", "object": "refund", "amount": 100, "currency": "eur", "status": "succeeded",
            "payment_intent": "pi_of_somebody_else", "charge": "ch_of_somebody_else",
        });
        brings(app, &app.world.payment_event("refund.created", &refund)).await;
        assert!(alerts.take().is_empty());
        assert_eq!(fatou.ledger().await, ["+20 purchase"]);
        assert_eq!(checkout.status, "complete");
        // Records of foreign payments are deleted after some time.
        app.advance_ms(31 * DAY_MS);
        app.sweep().await;
        assert_eq!(app.count("SELECT COUNT(*) FROM payment_refunds").await, 0);
        let charges = app.texts("SELECT id FROM payment_charges").await;
        assert_eq!(charges, [checkout.charge.unwrap()]);
    })
    .await;
}

#[tokio::test]
async fn c10_another_amount_in_another_currency_grants_our_pack_once() {
    for_each_engine_with(shop(), async |app| {
        let fatou = app.author();
        let checkout = begins_to_buy(app, &fatou, "s").await;
        app.world.present_checkout_in(&checkout.id, 590, "usd");
        let paid = app.world.pay_checkout(&checkout.id, Payment::Card);
        // The charge is reported last: until then the refund in dollars cannot be compared with an amount.
        brings(app, &paid[1]).await;
        assert_eq!(fatou.credits().await, 20);
        let half = app.world.refund_checkout(&checkout.id, 295);
        brings(app, &half[1]).await;
        assert_eq!(fatou.credits().await, 10);
        brings(app, &half[0]).await;
        brings(app, &paid[0]).await;
        assert_eq!(fatou.credits().await, 10);
    })
    .await;
}

#[tokio::test]
async fn c11_a_method_that_takes_days_is_pending_and_grants_when_the_money_is_there() {
    for_each_engine_with(shop(), async |app| {
        for (number, succeeds) in [("+33639981030", true), ("+33639981031", false)] {
            let fatou = app.author_of(Channel::Meta, number);
            let checkout = begins_to_buy(app, &fatou, "m").await;
            let pending = app.world.pay_checkout(&checkout.id, Payment::Delayed);
            bring_all(app, &pending).await;
            assert_eq!(fatou.credits().await, 0);
            let path = format!("/recharge/return?session_id={}", checkout.id);
            let page = app.browser().get(&path).await.ok();
            assert!(page.text.contains("Votre paiement est en cours : 60 crédits"), "{}", page.text);
            let settled = app.world.settle_checkout(&checkout.id, succeeds);
            bring_all(app, &settled).await;
            // The reverse order, too.
            bring_all(app, &pending).await;
            assert_eq!(fatou.credits().await, if succeeds { 60 } else { 0 });
            let page = app.browser().get(&path).await.ok();
            let said = if succeeds { "60 crédits sont arrivés" } else { "n&#39;a pas abouti" };
            assert!(page.text.contains(said), "{}", page.text);
        }
    })
    .await;
}

#[tokio::test]
async fn a_payment_that_takes_days_is_shown_as_pending_until_it_ends() {
    for_each_engine_with(shop(), async |app| {
        let buyer = logged_in(app, "fatou@example.com").await;
        let answer = buyer.post("/api/billing/checkout", &json!({ "pack": "m" })).await.ok();
        let checkout = app.world.checkout_at(answer.json()["url"].as_str().unwrap()).unwrap();
        let said = "Votre paiement est en cours : 60 crédits";
        assert!(!buyer.get("/credits").await.ok().text.contains(said));
        bring_all(app, &app.world.pay_checkout(&checkout.id, Payment::Delayed)).await;
        assert!(buyer.get("/credits").await.ok().text.contains(said));
        bring_all(app, &app.world.settle_checkout(&checkout.id, true)).await;
        assert!(!buyer.get("/credits").await.ok().text.contains(said));
        assert_eq!(available(&buyer).await, 60);
    })
    .await;
}

#[tokio::test]
async fn a_thin_event_is_answered_and_the_alert_says_which_kind_of_destination_to_choose() {
    for_each_engine_with(shop(), async |app| {
        let alerts = Alerts::listen();
        let event = app.world.thin_event("v1.checkout.session.completed");
        brings(app, &event).await;
        assert_eq!(alerts.take(), ["stripe_thin_event"]);
        // The alert is raised only after a valid signature.
        assert_eq!(app.world.deliver_event_signed(&event.body, "t=1,v1=00").await.status, 400);
        assert!(alerts.take().is_empty());
        assert_eq!(app.count("SELECT COUNT(*) FROM payment_events").await, 0);
    })
    .await;
}

#[tokio::test]
async fn what_is_not_understood_is_answered_and_has_no_effect() {
    for_each_engine_with(shop(), async |app| {
        let now_s = app.clock.now_ms().div_euclid(1_000);
        for body in
            ["", "x", "[]", "{}", "{\"object\":\"event\"}", "{\"object\":\"v1.of_tomorrow\",\"id\":\"e\"}"]
        {
            let signature = app.world.event_signature(body.as_bytes(), now_s);
            assert_eq!(
                app.world.deliver_event_signed(body.as_bytes(), &signature).await.status,
                200,
                "{body}"
            );
        }
        for object in [json!({"object": "product", "id": "p"}), json!({"object": "refund"}), json!(null)] {
            brings(app, &app.world.payment_event("of.tomorrow", &object)).await;
        }
        // A refund that names neither a payment nor a charge.
        let refund =
            json!({"id": "re_1", "object": "refund", "amount": 5, "currency": "eur", "status": "succeeded"});
        brings(app, &app.world.payment_event("refund.created", &refund)).await;
        assert_eq!(outcomes(app).await, ["of_no_payment"]);
        let get = app.browser().get("/api/stripe/webhook").await;
        assert_eq!(get.problem(), (405, "method_not_allowed".to_owned()));
    })
    .await;
}
