//! `/admin`: the figures of today and the chart.

use postly_simulator::{Channel, Fault, FaultKind, Payment, Upstream};
use postly_testkit::{Options, for_each_engine, for_each_engine_with};
use serde_json::json;

use super::desk::Desk;

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";

#[tokio::test]
async fn today_counts_messages_failures_credits_and_cost_and_the_chart_keeps_the_days_before() {
    for_each_engine(async |app| {
        let desk = Desk::of(app).await;
        // Noon, so that the day does not end during the test.
        let now = app.app.core.now();
        app.advance_ms(now.start_of_day().0 + 36 * 3_600_000 - now.0);
        let visitor = desk.operator().await;
        let empty = visitor.get("/admin").await;
        empty.assert_is_page(200).assert_says("nothing was sent");
        assert_eq!(empty.figure("received"), "0");

        let fatou = app.author_of(Channel::Meta, "+33639981001");
        fatou.says(BRIEF).await;
        fatou.says("SOLDE").await;
        let page = visitor.get("/admin").await;
        page.assert_is_page(200).assert_says("not known: the providers tell no price. Of 2 sends");
        for (name, value) in [
            ("received", "2"),
            ("answered", "2"),
            ("failures", "0"),
            ("credits sold", "0"),
            ("credits spent", "1"),
            ("Revenue", "none"),
        ] {
            assert_eq!(page.figure(name), value, "{name}");
        }
        let cost = page.figure("Model cost");
        assert!(cost.starts_with("$0.") && cost != "$0.0000", "{cost}");
        let (sign, margin) = page.figure("Margin, before WhatsApp and fees of payments").split_at(1);
        assert_eq!((sign, margin), ("-", cost));

        // The provider does not respond, two days later.
        app.advance_ms(47 * 3_600_000);
        for _ in 0..14 {
            // The monitor catches up, one day at a time.
            app.advance_ms(60_000);
            app.app.monitor.look().await;
        }
        let log = desk.operator().await;
        let day = page.text.split("<th scope=\"row\">20").last().unwrap().get(..8).unwrap().to_owned();
        let page = log.get("/admin").await;
        assert_eq!(page.figure("received"), "0");
        let row = format!("<th scope=\"row\">20{day}</th><td class=\"num\">2</td><td class=\"num\">2</td>");
        page.assert_says(&row).assert_says("<title>20").assert_says("2 received");

        app.world.fault(Upstream::Meta, Fault::always(FaultKind::ProviderError { code: 131_016 }));
        fatou.says("SOLDE").await;
        for _ in 0..40 {
            app.advance_ms(10_000);
            app.run_until_idle().await;
            app.app.monitor.look().await;
        }
        let page = log.get("/admin").await;
        page.assert_says("meta has not answered for").assert_says("<b>provider_unreachable</b> (meta)");
        page.assert_says("<b>outbox_stalled</b> (outbox)");
        page.assert_says("<th scope=\"row\">outbox</th><td class=\"num\">1</td>");
        app.world.clear_faults();
        desk.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_sale_is_credits_revenue_and_margin() {
    for_each_engine_with(Options { shop: true, ..Options::default() }, async |app| {
        let desk = Desk::of(app).await;
        let visitor = desk.operator().await;
        let fatou = app.author_of(Channel::Meta, "+33639981001");
        for pack in ["s", "m"] {
            fatou.says("RECHARGE").await;
            let buttons = fatou.received().pop().unwrap().buttons;
            let link = buttons.iter().find_map(|button| button.opens.clone()).unwrap();
            let token = link.split('#').nth(1).unwrap();
            let body = json!({ "token": token, "pack": pack });
            let answer = app.browser().post("/recharge", &body).await.ok();
            let checkout = app.world.checkout_at(answer.json()["url"].as_str().unwrap()).unwrap();
            for event in app.world.pay_checkout(&checkout.id, Payment::Card) {
                assert_eq!(app.world.deliver_event(&event).await.status, 200);
            }
        }
        let page = visitor.get("/admin").await;
        page.assert_is_page(200);
        assert_eq!((page.figure("credits sold"), page.figure("Revenue")), ("80", "€17.80"));
        let margin = page.figure("Margin, before WhatsApp and fees of payments");
        assert_eq!(margin, "€17.80 less $0.0000 (not converted)");
        desk.close().await;
    })
    .await;
}

#[tokio::test]
async fn webhooks_of_which_none_is_verified_are_told_at_the_top() {
    for_each_engine(async |app| {
        let desk = Desk::of(app).await;
        let visitor = desk.operator().await;
        let person = app.world.person(Channel::Meta, "+33639981001");
        let forged = || {
            let webhook = app.world.webhook_text(&person, "SOLDE");
            webhook.with_header("x-hub-signature-256", &format!("sha256={}", "0".repeat(64)))
        };
        for _ in 0..5 {
            assert_eq!(app.world.deliver(&forged()).await.status, 401);
        }
        let told = "5 webhooks signed as of meta were refused";
        assert!(!visitor.get("/admin").await.text.contains(told), "strangers may have tried");
        app.advance_ms(60_000);
        visitor.get("/admin").await.assert_is_page(200).assert_says(told);
        assert_eq!(app.world.deliver(&app.world.webhook_text(&person, "SOLDE")).await.status, 200);
        assert!(!visitor.get("/admin").await.text.contains(told), "one is verified");
        desk.close().await;
    })
    .await;
}
