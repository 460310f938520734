//! Buying: prices and links on WhatsApp, packs and Checkout Sessions on the web.

use postly_simulator::{Channel, Fault, FaultKind, Payment, RequestKind, Upstream};
use postly_testkit::{Options, for_each_engine, for_each_engine_with};
use reqwest::Method;
use serde_json::json;

use super::{
    available, begins_to_buy, bring_all, brings, buys, checkout_by_link, logged_in, post_raw, recharge_token,
    shop,
};

#[tokio::test]
async fn recharge_brings_prices_and_a_personal_link_by_which_a_pack_is_bought() {
    for_each_engine_with(shop(), async |app| {
        for (channel, number) in [(Channel::Meta, "+33639981020"), (Channel::Twilio, "+33639981021")] {
            let fatou = app.author_of(channel, number);
            fatou.says("Recharger").await;
            let text = fatou.last_text();
            for part in
                ["Recharger vos crédits", "• 20 crédits : 4,90\u{A0}€ TTC", "150 crédits : 27,90\u{A0}€ TTC"]
            {
                assert!(text.contains(part), "{part} in {text}");
            }
            let buttons = fatou.received().pop().unwrap().buttons;
            let titles: Vec<&str> = buttons.iter().map(|button| button.title.as_str()).collect();
            match channel {
                Channel::Meta => assert_eq!(titles, ["Recharger"], "{text}"),
                Channel::Twilio => assert!(titles.is_empty() && text.contains("/recharge#"), "{text}"),
            }
            let token = recharge_token(&fatou);
            // Neither opening the page nor showing the balance uses up the link.
            for _ in 0..3 {
                app.browser().get("/recharge").await.ok();
                let view = app.browser().post("/recharge", &json!({ "token": token })).await.ok();
                assert_eq!(view.json()["balance"], "Il vous reste 0 crédit.");
            }
            let checkout = checkout_by_link(app, &token, "m").await;
            assert_eq!((checkout.amount, checkout.currency.as_str()), (1_290, "eur"));
            for event in app.world.pay_checkout(&checkout.id, Payment::Card) {
                brings(app, &event).await;
            }
            assert_eq!(fatou.credits().await, 60);
            assert_eq!(fatou.ledger().await, ["+60 purchase"]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_link_to_buy_by_logs_nobody_in_is_good_for_thirty_minutes_and_lies_hashed() {
    for_each_engine_with(shop(), async |app| {
        let fatou = app.author();
        fatou.says("RECHARGE").await;
        let token = recharge_token(&fatou);
        let stolen = app.stolen().await;
        assert!(!stolen.windows(token.len()).any(|window| window == token.as_bytes()));

        let browser = app.browser();
        let answer = browser.post("/recharge", &json!({ "token": token, "pack": "s" })).await.ok();
        assert!(answer.headers.get("set-cookie").is_none() && browser.session().is_none());
        assert_eq!(browser.me().await.problem(), (401, "unauthenticated".to_owned()));
        for path in ["/api/auth/link", "/api/auth/phrase/verify"] {
            let answer = browser.post(path, &json!({ "token": token })).await;
            assert!(answer.status.is_client_error(), "{path}: {answer:?}");
        }
        // The other endpoint that accepts the token.
        let body = json!({ "token": token, "pack": "s" });
        app.browser().post("/api/billing/checkout", &body).await.ok();

        app.advance_ms(30 * 60_000 - 1);
        app.browser().post("/recharge", &json!({ "token": token })).await.ok();
        app.advance_ms(1);
        for body in
            [json!({ "token": token }), json!({ "token": token, "pack": "s" }), json!({ "token": "x" })]
        {
            let answer = app.browser().post("/recharge", &body).await;
            assert_eq!(answer.problem(), (400, "invalid_link".to_owned()), "{body}");
        }
        app.advance_ms(1);
        app.sweep().await;
        assert_eq!(app.count("SELECT COUNT(*) FROM recharge_links").await, 0);
        assert_eq!(fatou.credits().await, 0);
    })
    .await;
}

#[tokio::test]
async fn without_credit_the_answer_brings_prices_and_the_link_once_for_what_waits_together() {
    for_each_engine_with(shop(), async |app| {
        let fatou = app.author();
        for _ in 0..3 {
            app.deliver(&fatou.writes("Post promo pour Instagram : -20 % samedi")).await;
        }
        app.run_until_idle().await;
        assert_eq!(fatou.received().len(), 1);
        let text = fatou.last_text();
        for part in [
            "❌ Crédits insuffisants. Visitez le site web pour recharger vos crédits.",
            "5 crédits de bienvenue",
            "20 crédits : 4,90\u{A0}€ TTC",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM recharge_links").await, 1);
        let checkout = checkout_by_link(app, &recharge_token(&fatou), "s").await;
        for event in app.world.pay_checkout(&checkout.id, Payment::Card) {
            brings(app, &event).await;
        }
        fatou.says("Post promo pour Instagram : -20 % samedi").await;
        assert!(fatou.last_text().contains("Crédits restants: 19"), "{}", fatou.last_text());
    })
    .await;
}

#[tokio::test]
async fn at_two_credits_left_the_answer_says_where_there_are_more() {
    for_each_engine_with(Options { trial_credits: 4, ..shop() }, async |app| {
        let fatou = app.author();
        for (left, said) in [(3, false), (2, true), (1, true)] {
            fatou.says(&format!("Post promo pour Instagram : -{left}0 % samedi")).await;
            let text = fatou.texts().join("\n");
            assert!(text.contains(&format!("Crédits restants: {left}")), "{text}");
            assert_eq!(text.contains("Envoyez RECHARGER"), said, "{left}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_question_about_the_price_is_answered_with_it_in_every_language() {
    for_each_engine_with(shop(), async |app| {
        for (question, language, label) in [
            ("Combien ça coûte ?", "fr", "20 crédits : 4,90\u{A0}€ TTC"),
            ("how much is it?", "en", "20 credits: €4.90 incl. VAT"),
            ("¿Cuánto cuesta?", "es", "20 créditos: 4,90\u{A0}€ IVA incl."),
            ("Quanto custa?", "pt", "20 créditos: 4,90\u{A0}€ IVA incl."),
            ("كم السعر؟", "ar", "20 نقطة: 4.90\u{A0}€ شامل الضريبة"),
        ] {
            let number = format!("+336399811{}", 10 + language.len() + question.len() % 80);
            let author = app.author_of(Channel::Twilio, &number);
            author.says(&format!("LANG {language}")).await;
            author.says(question).await;
            assert!(author.last_text().contains(label), "{}", author.last_text());
            assert!(author.last_text().contains("/recharge#"));
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM model_calls").await, 0);
    })
    .await;
}

#[tokio::test]
async fn without_a_shop_its_addresses_do_not_exist_and_recharge_is_answered_like_help() {
    for_each_engine(async |app| {
        let browser = logged_in(app, "marie@example.com").await;
        for (method, path) in [
            (Method::GET, "/api/billing/packs"),
            (Method::POST, "/api/billing/checkout"),
            (Method::POST, "/api/stripe/webhook"),
            (Method::GET, "/recharge"),
            (Method::POST, "/recharge"),
            (Method::GET, "/recharge/return?session_id=cs_1"),
        ] {
            let answer = browser.json(method.clone(), path, &json!({ "pack": "s" })).await;
            assert_eq!(answer.problem(), (404, "not_found".to_owned()), "{method} {path}");
        }
        let fatou = app.author();
        fatou.says("RECHARGE").await;
        assert!(fatou.last_text().contains("*Postly-AI écrit vos posts*"));
        assert_eq!(app.app.payments.sweep_payments().await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn packs_are_named_with_their_price_and_bought_with_a_session_of_ours_only() {
    let options = Options { nextauth_shared: true, ..shop() };
    for_each_engine_with(options, async |app| {
        let english = [("accept-language", "en")];
        let packs = app.browser().send(Method::GET, "/api/billing/packs", &english, None).await.ok().json();
        let first = json!({
            "id": "s", "credits": 20, "amount": 490, "currency": "eur", "label": "20 credits: €4.90 incl. VAT"
        });
        assert_eq!((&packs["packs"][0], packs["packs"].as_array().unwrap().len()), (&first, 3));

        let body = json!({ "pack": "s" });
        assert_eq!(post_raw(app, "/api/billing/checkout", &body).await, (401, "unauthenticated".to_owned()));
        let marie = logged_in(app, "marie@example.com").await;
        // A cookie of another application can read and generate, but not pay.
        let id = marie.me().await.ok().json()["id"].as_str().unwrap().to_owned();
        let guest = app.browser();
        let cookie = postly_testkit::session_cookie(&id, None, app.clock.now_ms());
        guest.set_cookie(postly_testkit::SESSION_COOKIE, &cookie);
        guest.me().await.ok();
        let refused = guest.post("/api/billing/checkout", &body).await;
        assert_eq!(refused.problem(), (401, "unauthenticated".to_owned()));

        let url = marie.post("/api/billing/checkout", &body).await.ok().json()["url"].clone();
        let checkout = app.world.checkout_at(url.as_str().unwrap()).unwrap();
        for event in app.world.pay_checkout(&checkout.id, Payment::Card) {
            brings(app, &event).await;
        }
        assert_eq!(available(&marie).await, 20);
        let export = marie.get("/api/me/export").await.ok().json();
        let purchase = &export["purchases"][0];
        assert_eq!(
            (&purchase["state"], &purchase["credits"], &purchase["amount"]),
            (&"paid".into(), &20.into(), &490.into())
        );
    })
    .await;
}

#[tokio::test]
async fn c03_a_price_comes_from_our_list_and_from_nothing_that_is_sent() {
    for_each_engine_with(shop(), async |app| {
        let marie = logged_in(app, "marie@example.com").await;
        for (body, code) in [
            (json!({ "pack": "xl" }), "unknown_pack"),
            (json!({ "pack": "" }), "unknown_pack"),
            (json!({ "pack": "S" }), "unknown_pack"),
            (json!({ "pack": 20 }), "invalid_request"),
            (json!({ "pack": null }), "invalid_request"),
            (json!({}), "invalid_request"),
            (json!({ "pack": "s", "amount": 1 }), "invalid_request"),
            (json!({ "pack": "s", "credits": 1_000_000 }), "invalid_request"),
            (json!({ "amount": -5 }), "invalid_request"),
        ] {
            let answer = marie.post("/api/billing/checkout", &body).await;
            assert_eq!(answer.problem(), (400, code.to_owned()), "{body}");
        }
        // A page of another site cannot buy in the author's name.
        let headers = [("content-type", "application/json"), ("sec-fetch-site", "cross-site")];
        let body = Some(json!({ "pack": "s" }).to_string());
        let answer = marie.send(Method::POST, "/api/billing/checkout", &headers, body).await;
        assert_eq!(answer.problem(), (403, "cross_site".to_owned()));
        assert!(app.world.checkouts().is_empty());
    })
    .await;
}

#[tokio::test]
async fn an_answer_of_stripe_that_is_lost_makes_one_session_and_a_stripe_that_is_down_makes_none() {
    for_each_engine_with(shop(), async |app| {
        let fatou = app.author();
        app.world.fault(Upstream::Stripe, Fault::once(FaultKind::AcceptThenReset));
        begins_to_buy(app, &fatou, "s").await;
        assert_eq!(app.world.checkouts().len(), 1);
        assert_eq!(app.count("SELECT COUNT(*) FROM checkout_sessions").await, 1);
        let calls = app.world.journal();
        let keys: Vec<_> = calls.iter().filter(|entry| entry.kind == RequestKind::Checkout).collect();
        assert_eq!(keys.len(), 2);

        for fault in [
            FaultKind::ProviderError { code: 402 },
            FaultKind::Status {
                code: 302,
                body: String::new(),
                headers: vec![("location".into(), "http://127.0.0.1:9/".into())],
            },
        ] {
            app.world.fault(Upstream::Stripe, Fault::always(fault));
            let body = json!({ "token": recharge_token(&fatou), "pack": "s" });
            let answer = app.browser().post("/recharge", &body).await;
            assert_eq!(answer.problem(), (502, "payment_unavailable".to_owned()));
            app.world.clear_faults();
        }
        assert_eq!(app.world.checkouts().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn sessions_that_are_begun_and_left_are_bounded_and_those_that_are_paid_are_not_counted() {
    for_each_engine_with(shop(), async |app| {
        let fatou = app.author();
        buys(app, &fatou, "s").await;
        fatou.says("RECHARGE").await;
        let token = recharge_token(&fatou);
        for _ in 0..30 {
            checkout_by_link(app, &token, "s").await;
        }
        let answer = app.browser().post("/recharge", &json!({ "token": token, "pack": "s" })).await;
        assert_eq!(answer.problem(), (429, "rate_limited".to_owned()));
        assert!(answer.headers.contains_key("retry-after"));
    })
    .await;
}

#[tokio::test]
async fn the_page_works_without_a_script_for_whoever_is_logged_in_and_speaks_their_language() {
    for_each_engine_with(shop(), async |app| {
        let page =
            app.browser().send(Method::GET, "/recharge", &[("accept-language", "ar")], None).await.ok();
        assert!(
            page.text.contains("lang=\"ar\" dir=\"rtl\"") && page.text.contains("20 نقطة"),
            "{}",
            page.text
        );
        let marie = logged_in(app, "marie@example.com").await;
        let page = marie.get("/recharge").await.ok();
        assert!(page.text.contains("Il vous reste 0 crédit.") && page.text.contains("4,90\u{A0}€ TTC"));
        let headers =
            [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
        let send = async |browser: &postly_testkit::TestBrowser, pack: &str| {
            browser.send(Method::POST, "/recharge/pay", &headers, Some(format!("pack={pack}"))).await
        };
        let page = send(&marie, "l").await.ok();
        let checkout = app.world.checkouts().pop().unwrap();
        assert!(page.text.contains(&format!("href=\"{}\"", checkout.url)), "{}", page.text);
        assert_eq!(checkout.amount, 2_790);
        assert_eq!(send(&marie, "xl").await.status, 400);
        assert_eq!(send(&app.browser(), "s").await.status, 401);
        assert_eq!(app.world.checkouts().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn c02_fifty_briefs_at_once_spend_the_three_credits_that_were_left_of_a_pack() {
    for_each_engine_with(shop(), async |app| {
        let fatou = app.author();
        buys(app, &fatou, "s").await;
        app.app.operator.adjust(&fatou.who(), -17, "for a test").await.unwrap();
        let briefs: Vec<_> = (0..50)
            .map(|number| fatou.writes(&format!("Post promo numéro {number} pour Instagram samedi")))
            .collect();
        let deliveries = briefs.iter().map(|brief| app.deliver(brief));
        for delivery in futures_util::future::join_all(deliveries).await {
            assert_eq!(delivery.status, 200);
        }
        app.run_until_idle().await;
        assert_eq!(fatou.credits().await, 0);
        assert_eq!(app.count("SELECT COUNT(*) FROM generations").await, 3);
        assert_eq!(app.count("SELECT COUNT(*) FROM ledger WHERE reason = 'whatsapp_generation'").await, 3);
    })
    .await;
}

#[tokio::test]
async fn a_purchase_leads_to_its_receipt_and_to_nobody_elses() {
    for_each_engine_with(shop(), async |app| {
        let buyer = logged_in(app, "fatou@example.com").await;
        let answer = buyer.post("/api/billing/checkout", &json!({ "pack": "s" })).await.ok();
        let checkout = app.world.checkout_at(answer.json()["url"].as_str().unwrap()).unwrap();
        bring_all(app, &app.world.pay_checkout(&checkout.id, Payment::Card)).await;
        let page = buyer.get("/credits").await.ok().text;
        let link = page.split("href=\"").find(|rest| rest.starts_with("/credits/receipt/")).expect("a link");
        let link = link.split('"').next().unwrap();
        // The browser follows to the simulated Stripe.
        let receipt = buyer.get(link).await.ok().text;
        assert!(receipt.contains("4,90 EUR") && receipt.contains("<code>ch_"), "{receipt}");

        let other = logged_in(app, "awa@example.com").await;
        assert_eq!(other.get(link).await.status, 404);
        assert_eq!(buyer.get("/credits/receipt/pi_none").await.status, 404);
        app.world.fault(Upstream::Stripe, Fault::always(FaultKind::Html200).on_every_request());
        let told = buyer.get(link).await.ok().text;
        assert!(told.contains("le reçu n&#39;a pas pu être ouvert"), "{told}");
    })
    .await;
}
