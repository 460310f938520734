//! The operator's controls: pauses, blocks, and links that set a password.

use postly_app::{PauseTarget, operator::AuthorSelector};
use postly_domain::Email;
use postly_simulator::{Channel, RequestKind};
use postly_testkit::{Answer, PASSWORD, TestApp, TestBrowser, for_each_engine};
use reqwest::Method;
use serde_json::json;

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";
const PAUSED: &str = "service en pause, rien n'est débité";

fn model_calls(app: &TestApp) -> usize {
    app.world.journal().iter().filter(|entry| entry.kind == RequestKind::Completion).count()
}

async fn generate(browser: &TestBrowser, key: &str) -> Answer {
    let headers =
        [("content-type", "application/json"), ("sec-fetch-site", "same-origin"), ("idempotency-key", key)];
    let body = json!({ "brief": BRIEF }).to_string();
    browser.send(Method::POST, "/api/generations", &headers, Some(body)).await
}

/// A browser with an account and credits.
async fn member(app: &TestApp) -> TestBrowser {
    let browser = app.browser();
    browser.sign_up("fatou@example.com").await.ok();
    let who = AuthorSelector::Email(Email::parse("fatou@example.com").unwrap());
    app.app.operator.adjust(&who, 5, "for a test").await.unwrap();
    browser
}

#[tokio::test]
async fn a_pause_of_generation_costs_nobody_anything_and_is_told_once() {
    for_each_engine(async |app| {
        let browser = member(app).await;
        let (fatou, marie) = (app.author(), app.author_of(Channel::Twilio, "+33639981003"));
        assert!(app.app.pauses.pause(PauseTarget::Generation).await.unwrap());
        assert!(!app.app.pauses.pause(PauseTarget::Generation).await.unwrap(), "it is paused already");
        for author in [&fatou, &marie] {
            author.says(BRIEF).await;
            author.says(BRIEF).await;
            assert_eq!(author.texts().iter().filter(|text| text.contains(PAUSED)).count(), 1);
            assert_eq!(author.ledger().await, ["+5 trial"]);
            // Free messages are answered.
            author.says("SOLDE").await;
            assert!(!author.last_text().contains(PAUSED), "{}", author.last_text());
        }
        let refused = generate(&browser, "one").await;
        assert_eq!(refused.problem(), (502, "generation_failed".to_owned()));
        assert!(refused.json()["detail"].as_str().unwrap().contains(PAUSED), "{refused:?}");
        assert_eq!(model_calls(app), 0);
        assert_eq!(browser.get("/api/credits").await.ok().json()["available"], 5);

        assert!(app.app.pauses.resume(PauseTarget::Generation).await.unwrap());
        assert!(!app.app.pauses.resume(PauseTarget::Generation).await.unwrap(), "there is none any more");
        fatou.says(BRIEF).await;
        assert!(fatou.last_text().contains("*3.*"), "{}", fatou.last_text());
        assert_eq!(generate(&browser, "one").await.status, 201);

        // A later pause is announced again.
        app.advance_ms(1_000);
        app.app.pauses.pause(PauseTarget::Generation).await.unwrap();
        fatou.says(BRIEF).await;
        assert_eq!(fatou.texts().iter().filter(|text| text.contains(PAUSED)).count(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_paused_provider_keeps_its_messages_and_sends_them_at_the_resume() {
    for_each_engine(async |app| {
        for (channel, target, number, other, other_number) in [
            (Channel::Meta, PauseTarget::Meta, "+33639981001", Channel::Twilio, "+33639981002"),
            (Channel::Twilio, PauseTarget::Twilio, "+33639981003", Channel::Meta, "+33639981004"),
        ] {
            let (fatou, marie) = (app.author_of(channel, number), app.author_of(other, other_number));
            app.app.pauses.pause(target).await.unwrap();
            fatou.says("SOLDE").await;
            let calls = model_calls(app);
            fatou.says(BRIEF).await;
            fatou.says(BRIEF).await;
            for _ in 0..3 {
                app.advance_ms(60_000);
                app.run_until_idle().await;
            }
            assert_eq!((fatou.received().len(), model_calls(app)), (0, calls), "{channel:?}");
            marie.says(BRIEF).await;
            assert!(marie.last_text().contains("*3.*"), "the other provider goes on");

            app.app.pauses.resume(target).await.unwrap();
            app.run_until_idle().await;
            let texts = fatou.texts();
            assert_eq!(texts.len(), 2, "{texts:#?}");
            assert!(texts[1].contains(PAUSED), "{texts:#?}");
            fatou.says(BRIEF).await;
            assert!(fatou.last_text().contains("*3.*"), "{}", fatou.last_text());
        }
    })
    .await;
}

#[tokio::test]
async fn a_blocked_author_is_told_once_and_can_still_stop_and_leave() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says("SOLDE").await;
        let (id, changed) = app.app.operator.set_blocked(&fatou.who(), true).await.unwrap();
        assert!(changed && !app.app.operator.set_blocked(&AuthorSelector::Id(id), true).await.unwrap().1);
        for text in [BRIEF, BRIEF, "AIDE", "SOLDE"] {
            fatou.says(text).await;
        }
        let told = |text: &str| text.contains("votre compte est suspendu");
        assert_eq!(fatou.texts().iter().filter(|text| told(text)).count(), 1, "{:#?}", fatou.texts());
        assert_eq!(fatou.received().len(), 2);
        assert_eq!((model_calls(app), fatou.ledger().await), (0, vec!["+5 trial".to_owned()]));
        let ends =
            app.texts("SELECT outcome FROM inbox WHERE outcome = 'blocked' AND state = 'ignored'").await;
        assert_eq!(ends.len(), 3);
        fatou.says("STOP").await;
        assert!(!told(&fatou.last_text()) && fatou.received().len() == 3, "{}", fatou.last_text());

        assert!(app.app.operator.set_blocked(&fatou.who(), false).await.unwrap().1);
        fatou.says(BRIEF).await;
        assert!(fatou.last_text().contains("*3.*"), "{}", fatou.last_text());

        app.app.operator.set_blocked(&fatou.who(), true).await.unwrap();
        fatou.says("SUPPRIMER").await;
        fatou.says("Oui").await;
        assert!(fatou.last_text().contains("effacé"), "{}", fatou.last_text());
    })
    .await;
}

#[tokio::test]
async fn a_block_holds_on_the_web_and_comes_along_with_a_merge() {
    for_each_engine(async |app| {
        let browser = member(app).await;
        let fatou = app.author();
        fatou.says("SOLDE").await;
        app.app.operator.set_blocked(&fatou.who(), true).await.unwrap();
        assert_eq!(generate(&browser, "one").await.status, 201);
        browser.request_code(crate::phone::FATOU).await.ok();
        app.run_until_idle().await;
        browser.verify(crate::phone::FATOU, &fatou.last_code()).await.ok();
        let refused = generate(&browser, "two").await;
        assert_eq!(refused.problem(), (422, "brief_refused".to_owned()));
        assert!(refused.json()["detail"].as_str().unwrap().contains("suspendu"), "{refused:?}");
    })
    .await;
}

/// Submits the form of the page, and returns the page in response.
async fn reset(browser: &TestBrowser, token: &str, password: &str) -> Answer {
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("token", token)
        .append_pair("password", password)
        .finish();
    browser.send(Method::POST, "/reset", &headers, Some(body)).await
}

#[tokio::test]
async fn a_link_sets_a_password_once_and_ends_every_session() {
    for_each_engine(async |app| {
        let browser = member(app).await;
        let who = AuthorSelector::Email(Email::parse("FATOU@example.com").unwrap());
        let token = async || {
            let made = app.app.accounts.new_password_reset(&who).await.unwrap();
            made.url.strip_prefix("https://postly.example/reset#").unwrap().to_owned()
        };
        let (older, newer) = (token().await, token().await);
        assert!(browser.get("/reset").await.ok().text.contains("name=\"token\" value=\"\""));
        let other = app.browser();
        assert_eq!(reset(&other, &older, "une brioche tiède").await.status, 400, "a newer link replaced it");
        let weak = reset(&other, &newer, "court").await;
        assert_eq!(weak.status, 400);
        assert!(weak.text.contains(&newer), "the token stays in the form");
        assert_eq!(browser.me().await.status, 200, "nothing has changed");
        assert_eq!(reset(&other, &newer, "une brioche tiède").await.status, 200);
        assert_eq!(browser.me().await.status, 401, "every session has ended");
        assert_eq!(reset(&other, &newer, "un pain au chocolat").await.status, 400, "used up");
        for (password, status) in [(PASSWORD, 400), ("une brioche tiède", 200)] {
            let body = json!({ "email": "fatou@example.com", "password": password });
            assert_eq!(other.post("/api/auth/login", &body).await.status, status, "{password}");
        }
        let late = token().await;
        app.advance_ms(30 * 60 * 1_000);
        assert_eq!(reset(&other, &late, "un pain au chocolat").await.status, 400, "expired");
        app.app.retention_sweep.sweep().await.unwrap();
        assert_eq!(app.count("SELECT COUNT(*) FROM password_resets").await, 1, "an end is no age");
        app.advance_ms(3_600_000);
        app.app.retention_sweep.sweep().await.unwrap();
        assert_eq!(app.count("SELECT COUNT(*) FROM password_resets").await, 0);
        // An author without a login has no password to set.
        let fatou = app.author();
        fatou.says("SOLDE").await;
        let refused = app.app.accounts.new_password_reset(&fatou.who()).await.unwrap_err();
        assert!(refused.to_string().contains("LOGIN on WhatsApp"), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn one_link_that_is_sent_many_times_at_once_sets_one_password() {
    for_each_engine(async |app| {
        member(app).await;
        let who = AuthorSelector::Email(Email::parse("fatou@example.com").unwrap());
        let made = app.app.accounts.new_password_reset(&who).await.unwrap();
        let token = made.url.split_once('#').unwrap().1;
        let sent = (0..4).map(|n| {
            let password = format!("un mot de passe numéro {n}");
            async move { app.app.accounts.reset_password(token, &password).await.is_ok() }
        });
        let taken = futures_util::future::join_all(sent).await;
        assert_eq!(taken.iter().filter(|taken| **taken).count(), 1, "{taken:?}");
    })
    .await;
}
