//! Refunds of spent credits: a debt, which the next purchase repays first.

use postly_domain::id::AuthorId;
use postly_simulator::Channel;
use postly_testkit::{TestApp, TestAuthor, for_each_engine_with};
use serde_json::json;

use super::{available, bring_all, buys, debts, logged_in, shop};
use crate::phone::{FATOU, code_for};

async fn spends(app: &TestApp, author: &TestAuthor<'_>, credits: i64) {
    app.app.operator.adjust(&author.who(), -credits, "spent").await.unwrap();
}

#[tokio::test]
async fn c14_a_refund_of_spent_credits_is_a_debt_that_the_next_purchase_repays_first() {
    for_each_engine_with(shop(), async |app| {
        let fatou = app.author();
        let first = buys(app, &fatou, "s").await;
        spends(app, &fatou, 15).await;
        bring_all(app, &app.world.refund_checkout(&first.id, 490)).await;
        assert_eq!((fatou.credits().await, debts(app).await), (0, 15));
        fatou.says("RECHARGE").await;
        assert!(
            fatou.last_text().contains("15 crédits remboursés avaient déjà servi"),
            "{}",
            fatou.last_text()
        );
        buys(app, &fatou, "s").await;
        assert_eq!((fatou.credits().await, debts(app).await), (5, 0));
        let expected =
            ["+20 purchase", "-15 adjustment", "-5 purchase_reversal", "+20 purchase", "-15 debt_repaid"];
        assert_eq!(fatou.ledger().await, expected);
    })
    .await;
}

#[tokio::test]
async fn c13_c14_a_dispute_that_is_won_gives_back_what_it_took_and_takes_the_debt_away() {
    for_each_engine_with(shop(), async |app| {
        let fatou = app.author();
        let checkout = buys(app, &fatou, "s").await;
        spends(app, &fatou, 15).await;
        bring_all(app, &app.world.dispute_checkout(&checkout.id, 490, false)).await;
        assert_eq!((fatou.credits().await, debts(app).await), (0, 15));
        bring_all(app, &app.world.close_dispute(&checkout.id, "won")).await;
        assert_eq!((fatou.credits().await, debts(app).await), (5, 0));
        let expected = ["+20 purchase", "-15 adjustment", "-5 dispute", "+20 dispute", "-15 debt_repaid"];
        assert_eq!(fatou.ledger().await, expected);
    })
    .await;
}

#[tokio::test]
async fn a_refund_that_fails_gives_back_what_it_took_also_when_its_failure_is_known_first() {
    for_each_engine_with(shop(), async |app| {
        for (number, reversed) in [("+33639981060", false), ("+33639981061", true)] {
            let fatou = app.author_of(Channel::Meta, number);
            let checkout = buys(app, &fatou, "s").await;
            let mut events = app.world.refund_checkout(&checkout.id, 490);
            events.extend(app.world.fail_refund(&checkout.id));
            assert_eq!(events.len(), 3);
            if reversed {
                events.reverse();
            }
            bring_all(app, &events).await;
            assert_eq!((fatou.credits().await, debts(app).await), (20, 0), "{reversed}");
        }
    })
    .await;
}

#[tokio::test]
async fn c14_what_is_held_for_work_under_way_is_not_taken_from_it() {
    for_each_engine_with(shop(), async |app| {
        let fatou = app.author();
        let checkout = buys(app, &fatou, "s").await;
        spends(app, &fatou, 19).await;
        app.world.fault(
            postly_simulator::Upstream::Model,
            postly_simulator::Fault::once(postly_simulator::FaultKind::Delay(1_000)),
        );
        app.deliver(&fatou.writes("Post promo pour Instagram : -20 % samedi")).await;
        let refunded = async {
            tokio::time::sleep(std::time::Duration::from_millis(400)).await;
            bring_all(app, &app.world.refund_checkout(&checkout.id, 490)).await;
            assert_eq!((fatou.wallet().await.held, debts(app).await), (1, 20));
        };
        tokio::join!(refunded, app.run_until_idle());
        assert!(fatou.last_text().contains("Crédits restants: 0"), "{}", fatou.last_text());
        assert_eq!(debts(app).await, 20);
    })
    .await;
}

#[tokio::test]
async fn a_merge_takes_along_the_debt_the_payments_and_what_is_still_told_of_them() {
    for_each_engine_with(shop(), async |app| {
        let fatou = app.author();
        let spent = buys(app, &fatou, "s").await;
        spends(app, &fatou, 20).await;
        bring_all(app, &app.world.refund_checkout(&spent.id, 490)).await;
        assert_eq!(debts(app).await, 20);
        let kept = super::begins_to_buy(app, &fatou, "m").await;
        // The author links the number to a web account.
        let web = logged_in(app, "web@example.com").await;
        let code = code_for(app, &web, FATOU).await;
        web.verify(FATOU, &code).await.ok();
        // The welcome credits of a proved number can be spent: only a purchase repays.
        assert_eq!((available(&web).await, debts(app).await), (5, 20));
        app.assert_audit_is_clean().await;
        // A purchase that began before the merge repays that debt, and an earlier refund may still fail.
        bring_all(app, &app.world.pay_checkout(&kept.id, postly_simulator::Payment::Card)).await;
        assert_eq!((available(&web).await, debts(app).await), (45, 0));
        bring_all(app, &app.world.fail_refund(&spent.id)).await;
        assert_eq!((available(&web).await, debts(app).await), (65, 0));
        let purchases = web.get("/api/me/export").await.ok().json()["purchases"].as_array().unwrap().len();
        assert_eq!(purchases, 2);
    })
    .await;
}

#[tokio::test]
async fn s12_an_erasure_leaves_the_books_of_payments_and_no_way_to_buy_for_nobody() {
    for_each_engine_with(shop(), async |app| {
        let fatou = app.author();
        let paid = buys(app, &fatou, "s").await;
        let begun = super::begins_to_buy(app, &fatou, "s").await;
        let token = super::recharge_token(&fatou);
        let id = AuthorId::new(app.app.people.account(&fatou.who()).await.unwrap().author.id.as_str());
        app.app.erasure.erase(&id).await.unwrap();
        let answer = app.browser().post("/recharge", &json!({ "token": token, "pack": "s" })).await;
        assert_eq!(answer.problem(), (400, "invalid_link".to_owned()));
        let mut all = String::new();
        for table in [
            "checkout_sessions",
            "payments",
            "payment_events",
            "payment_charges",
            "payment_refunds",
            "recharge_links",
        ] {
            all.push_str(&app.rows(table).await.join("\n"));
        }
        assert!(all.contains(&paid.id) && !all.contains(FATOU.trim_start_matches('+')), "{all}");
        // Stripe reports further events: the ledger stays right, though the author is erased.
        bring_all(app, &app.world.pay_checkout(&begun.id, postly_simulator::Payment::Card)).await;
        bring_all(app, &app.world.refund_checkout(&paid.id, 490)).await;
        app.assert_audit_is_clean().await;
        app.advance_ms(1_000);
        fatou.says("SOLDE").await;
        assert_eq!(fatou.credits().await, 0);
    })
    .await;
}

#[tokio::test]
async fn events_and_a_merge_at_once_leave_the_books_in_order() {
    for_each_engine_with(shop(), async |app| {
        for round in 0..6 {
            let number = format!("+3363998107{round}");
            let fatou = app.author_of(Channel::Meta, &number);
            let checkout = super::begins_to_buy(app, &fatou, "s").await;
            let web = logged_in(app, &format!("web{round}@example.com")).await;
            let code = code_for(app, &web, &number).await;
            let mut events = app.world.pay_checkout(&checkout.id, postly_simulator::Payment::Card);
            events.extend(app.world.refund_checkout(&checkout.id, 245));
            let linked = async {
                tokio::time::sleep(std::time::Duration::from_millis(round * 2)).await;
                web.verify(&number, &code).await
            };
            let told =
                futures_util::future::join_all(events.iter().map(|event| app.world.deliver_event(event)));
            let (linked, told) = tokio::join!(linked, told);
            linked.ok();
            for (event, delivery) in events.iter().zip(told) {
                if delivery.status != 200 {
                    super::brings(app, event).await;
                }
            }
            // And five for proving the number.
            assert_eq!(available(&web).await, 15, "round {round}");
            app.assert_audit_is_clean().await;
            app.advance_ms(61_000);
        }
    })
    .await;
}
