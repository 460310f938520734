//! Payments without their webhook: the service asks Stripe on the buyer's return, and each hour.

use postly_simulator::{Channel, Fault, FaultKind, Payment, RequestKind, Upstream};
use postly_testkit::for_each_engine_with;

use crate::alerts::Alerts;

use super::{begins_to_buy, bring_all, shop};

const HOUR_MS: i64 = 3_600_000;

#[tokio::test]
async fn c23_an_address_that_says_success_grants_nothing() {
    for_each_engine_with(shop(), async |app| {
        let fatou = app.author();
        let checkout = begins_to_buy(app, &fatou, "s").await;
        let id = &checkout.id;
        for query in [
            "?success=true".to_owned(),
            format!("?success=true&session_id={id}"),
            format!("?session_id={id}&payment_status=paid&credits=1000"),
            "?session_id=cs_test_of_nobody".to_owned(),
            format!("?session_id={}", "x".repeat(3_000)),
            "?session_id=%00".to_owned(),
            String::new(),
        ] {
            let page = app.browser().get(&format!("/recharge/return{query}")).await.ok();
            assert!(page.text.contains("n&#39;est pas terminé"), "{query}: {}", page.text);
            app.advance_ms(4_000);
        }
        assert_eq!(fatou.credits().await, 0);
    })
    .await;
}

#[tokio::test]
async fn c24_after_four_days_without_webhooks_the_page_and_the_sweep_grant_once() {
    for_each_engine_with(shop(), async |app| {
        let authors = ["+33639981080", "+33639981081", "+33639981082"];
        let mut events = vec![];
        for (number, payment) in authors.iter().zip([Payment::Card, Payment::Delayed, Payment::Declined]) {
            let author = app.author_of(Channel::Meta, number);
            let checkout = begins_to_buy(app, &author, "s").await;
            events.extend(app.world.pay_checkout(&checkout.id, payment));
            if payment == Payment::Card {
                let path = format!("/recharge/return?session_id={}", checkout.id);
                let page = app.browser().get(&path).await.ok();
                assert!(page.text.contains("Merci ! 20 crédits sont arrivés"), "{}", page.text);
            }
        }
        let of = |number| app.author_of(Channel::Meta, number);
        assert_eq!((of(authors[0]).credits().await, of(authors[1]).credits().await), (20, 0));

        let delayed = app.world.checkouts().remove(1);
        assert_eq!(app.app.payments.sweep_payments().await.unwrap(), 2, "the paid one is not asked about");
        assert_eq!(app.app.payments.sweep_payments().await.unwrap(), 0, "not before an hour is over");
        events.extend(app.world.settle_checkout(&delayed.id, true));
        let left = app.world.checkouts().remove(2);
        events.extend(app.world.expire_checkout(&left.id));
        app.advance_ms(4 * 24 * HOUR_MS);
        assert_eq!(app.app.payments.sweep_payments().await.unwrap(), 2);
        assert_eq!(of(authors[1]).credits().await, 20);
        assert_eq!(
            app.texts("SELECT state FROM checkout_sessions ORDER BY state").await,
            ["expired", "paid", "paid"]
        );
        app.advance_ms(HOUR_MS);
        assert_eq!(app.app.payments.sweep_payments().await.unwrap(), 0);
        // The webhooks arrive after all.
        bring_all(app, &events).await;
        for (number, expected) in authors.iter().zip([20, 20, 0]) {
            assert_eq!(of(number).credits().await, expected, "{number}");
        }
    })
    .await;
}

#[tokio::test]
async fn c24_what_was_refunded_while_nobody_listened_is_seen_on_the_charge() {
    for_each_engine_with(shop(), async |app| {
        let fatou = app.author();
        let checkout = begins_to_buy(app, &fatou, "s").await;
        app.world.present_checkout_in(&checkout.id, 600, "usd");
        app.world.pay_checkout(&checkout.id, Payment::Card);
        app.world.refund_checkout(&checkout.id, 150);
        app.app.payments.sweep_payments().await.unwrap();
        assert_eq!(fatou.ledger().await, ["+20 purchase", "-5 purchase_reversal"]);
    })
    .await;
}

#[tokio::test]
async fn a_stripe_that_is_down_ends_a_sweep_and_one_that_refuses_raises_an_alert() {
    for_each_engine_with(shop(), async |app| {
        for number in ["+33639981090", "+33639981091"] {
            begins_to_buy(app, &app.author_of(Channel::Meta, number), "s").await;
        }
        app.world.clear_journal();
        let down = FaultKind::RetryAfter { seconds: 0 };
        app.world.fault(Upstream::Stripe, Fault::always(down).on_every_request());
        assert_eq!(app.app.payments.sweep_payments().await.unwrap(), 1);
        let asked = app.world.journal().iter().filter(|entry| entry.kind == RequestKind::Lookup).count();
        assert_eq!(asked, 3, "a call and its two retries");
        let id = app.world.checkouts().remove(0).id;
        let page = app.browser().get(&format!("/recharge/return?session_id={id}")).await.ok();
        assert!(page.text.contains("Nous vérifions votre paiement"), "{}", page.text);
        app.world.clear_faults();
        app.advance_ms(HOUR_MS);
        let alerts = Alerts::listen();
        app.world.fault(
            Upstream::Stripe,
            Fault::always(FaultKind::ProviderError { code: 401 }).on_every_request(),
        );
        assert_eq!(
            app.app.payments.sweep_payments().await.unwrap(),
            1,
            "a refused key is refused for every session"
        );
        app.world.clear_faults();
        assert_eq!(alerts.take(), ["stripe_refused"]);

        // A session that Stripe does not know is given up a day after its last possible payment.
        app.world.fault(
            Upstream::Stripe,
            Fault::always(FaultKind::ProviderError { code: 404 }).on_every_request(),
        );
        app.advance_ms(47 * HOUR_MS);
        app.app.payments.sweep_payments().await.unwrap();
        app.advance_ms(HOUR_MS);
        app.app.payments.sweep_payments().await.unwrap();
        app.world.clear_faults();
        assert_eq!(app.texts("SELECT state FROM checkout_sessions").await, ["expired", "expired"]);
    })
    .await;
}
