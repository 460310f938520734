//! Concurrent requests that concern one author: merges, erasures, logins, and the author's other work.

use std::time::Duration;

use postly_domain::{challenge::Budgets, id::AuthorId};
use postly_simulator::{Channel, Fault, FaultKind, MessageKind, ModelBehaviour, Upstream};
use postly_testkit::{Options, PASSWORD, TestBrowser, code_in, for_each_engine, for_each_engine_with};
use reqwest::Method;
use serde_json::json;

use crate::phone::{FATOU, MARIE, code_for, token_in};

async fn pause(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

#[tokio::test]
async fn s12_whoever_is_erased_while_her_posts_fail_is_told_nothing_and_leaves_nothing() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says("bonjour").await;
        let id = app.app.people.account(&fatou.who()).await.unwrap().author.id;
        app.world.fault(Upstream::Model, Fault::once(FaultKind::Delay(1_500)));
        app.world.model_once(ModelBehaviour::Refuses);
        app.deliver(&fatou.writes("Promo secret-brief pour Instagram")).await;
        let before = fatou.received().len();
        let erased = async {
            pause(600).await;
            app.app.erasure.erase(&id).await.unwrap();
        };
        tokio::join!(erased, app.run_until_idle());
        app.advance_ms(5_000);
        app.run_until_idle().await;
        assert_eq!(fatou.received().len(), before);
        assert!(app.rows("outbox").await.is_empty() && app.rows("model_calls").await.is_empty());
        assert_eq!(app.texts("SELECT slice FROM inbox WHERE slice <> ''").await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn o38_a_login_that_is_given_while_she_is_merged_away_ends_on_nobody() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says("LOGIN").await;
        let by_whatsapp = app.browser();
        by_whatsapp.verify(FATOU, &fatou.last_code()).await.ok();
        app.advance_ms(60_000);
        let web = app.browser();
        web.sign_up("web@example.com").await.ok();
        let code = code_for(app, &web, FATOU).await;
        // Other requests occupy the two places for password hashing, and this one waits.
        let others: Vec<TestBrowser> = (0..12).map(|_| app.browser()).collect();
        let wrong = json!({ "email": "x@example.com", "password": "a wrong one!!" });
        let crowd = futures_util::future::join_all(
            others.iter().map(|browser| browser.post("/api/auth/login", &wrong)),
        );
        let login = json!({ "email": "ghost@example.com", "password": PASSWORD });
        let (_, given, linked) = tokio::join!(
            crowd,
            async {
                pause(20).await;
                by_whatsapp.json(Method::PATCH, "/api/me", &login).await
            },
            async {
                pause(60).await;
                web.verify(FATOU, &code).await
            }
        );
        // Either the author is merged and has no login, or has a login and is not merged.
        let merged = linked.status.is_success();
        assert!(merged || linked.problem() == (409, "number_taken".to_owned()), "{linked:?}");
        assert_eq!(given.status.is_success(), !merged, "{given:?}");
        assert_eq!(app.browser().post("/api/auth/login", &login).await.status.is_success(), !merged);
    })
    .await;
}

#[tokio::test]
async fn o21_o36_links_logins_and_erasures_at_once_fail_by_name_and_leave_the_books_in_order() {
    let plenty = Budgets { country_hour: 100_000, hour: 100_000 };
    let options = Options { code_budgets: plenty, ..Options::default() };
    for_each_engine_with(options, async |app| {
        for round in 0..12_u64 {
            let number = format!("+336399{:05}", 81_000 + round);
            let fatou = app.author_of(Channel::Meta, &number);
            fatou.says("LOGIN").await;
            let by_whatsapp = app.browser();
            by_whatsapp.verify(&number, &fatou.last_code()).await.ok();
            let mut webs = vec![];
            for name in ["a", "b"] {
                app.advance_ms(61_000);
                let web = app.browser();
                web.sign_up(&format!("{name}{round}@example.com")).await.ok();
                let code = code_for(app, &web, &number).await;
                webs.push((web, code));
            }
            app.advance_ms(61_000);
            fatou.says("LOGIN").await;
            let link = json!({ "token": token_in(&fatou.last_text()) });
            let phone = app.browser();
            app.deliver(&fatou.writes("Crée un post promo pour Instagram")).await;
            let (first, second, opened, erased, ()) = tokio::join!(
                async {
                    pause(round % 7 * 3).await;
                    webs[0].0.verify(&number, &webs[0].1).await
                },
                async {
                    pause(round % 5 * 4).await;
                    webs[1].0.verify(&number, &webs[1].1).await
                },
                async {
                    pause(round % 3 * 5).await;
                    phone.post("/api/auth/link", &link).await
                },
                async {
                    pause(round % 11 * 4).await;
                    if round % 2 == 0 {
                        by_whatsapp.delete("/api/me").await
                    } else {
                        webs[0].0.delete("/api/me").await
                    }
                },
                app.run_until_idle()
            );
            for answer in [&first, &second, &opened, &erased] {
                assert!(answer.status.as_u16() < 500, "round {round}: {answer:?}");
            }
            app.advance_ms(120_000);
            app.run_until_idle().await;
            app.assert_audit_is_clean().await;
            // The author can still log in.
            app.advance_ms(61_000);
            fatou.says("LOGIN").await;
            let link = json!({ "token": token_in(&fatou.last_text()) });
            app.browser().post("/api/auth/link", &link).await.ok();
        }
    })
    .await;
}

#[tokio::test]
async fn what_waits_for_whoever_is_erased_leaves_its_line_in_order() {
    for_each_engine(async |app| {
        // The author hides the number, and the greeting waits for the provider.
        let hidden = app.world.person(Channel::Meta, "+33639981003").hiding_phone("aminata");
        app.world.fault(Upstream::Meta, Fault::once(FaultKind::RetryAfter { seconds: 5 }));
        app.deliver(&app.world.webhook_text(&hidden, "bonjour")).await;
        app.run_until_idle().await;
        let id = app.texts("SELECT id FROM authors").await.remove(0);
        app.app.erasure.erase(&AuthorId::new(id)).await.unwrap();
        app.assert_audit_is_clean().await;
        app.world.clear_faults();
        app.advance_ms(6_000);

        // The notice to a number that the author has left waits in another author's lane.
        let fatou = app.author();
        fatou.says("LOGIN").await;
        let browser = app.browser();
        browser.verify(FATOU, &fatou.last_code()).await.ok();
        let code = code_for(app, &browser, MARIE).await;
        browser.verify(MARIE, &code).await.ok();
        assert_eq!(browser.delete("/api/me").await.status, 204);
        app.run_until_idle().await;
        app.assert_audit_is_clean().await;
        assert!(app.app.operator.is_idle().await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn w14_what_a_provider_brings_again_after_an_erasure_makes_nobody() {
    for_each_engine(async |app| {
        for (channel, number) in [(Channel::Meta, FATOU), (Channel::Twilio, MARIE)] {
            let fatou = app.author_of(channel, number);
            let webhook = fatou.writes("bonjour");
            app.deliver(&webhook).await;
            app.run_until_idle().await;
            let id = app.app.people.account(&fatou.who()).await.unwrap().author.id;
            app.app.erasure.erase(&id).await.unwrap();
            app.advance_ms(60_000);
            app.deliver(&webhook).await;
            app.run_until_idle().await;
            assert_eq!(fatou.received().len(), 1, "{channel:?}");
            assert!(app.app.people.account(&fatou.who()).await.is_err());
        }
    })
    .await;
}

#[tokio::test]
async fn l21_a_number_that_said_stop_has_said_so_whoever_leaves_it() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says("LOGIN").await;
        let browser = app.browser();
        browser.verify(FATOU, &fatou.last_code()).await.ok();
        fatou.says("STOP").await;
        let code = code_for(app, &browser, MARIE).await;
        browser.verify(MARIE, &code).await.ok();
        app.advance_ms(61_000);
        let before = fatou.received().len();
        app.browser().request_code(FATOU).await.ok();
        app.run_until_idle().await;
        assert_eq!(fatou.received().len(), before);
    })
    .await;
}

#[tokio::test]
async fn o17_a_phrase_of_a_number_that_has_moved_links_nothing() {
    for_each_engine(async |app| {
        let fatou = app.author();
        let browser = app.browser();
        browser.sign_up("fatou@example.com").await.ok();
        fatou.says("bonjour").await;
        let phrase = browser.post("/api/auth/phrase", &json!({})).await.ok().json();
        fatou.says(phrase["phrase"].as_str().unwrap()).await;
        let typed = json!({ "code": fatou.last_code() });
        app.deliver(&fatou.sends(MessageKind::ChangedNumber { new_number: "33639981007".to_owned() })).await;
        app.run_until_idle().await;
        assert_eq!(browser.post("/api/auth/phrase/verify", &typed).await.problem().0, 400);
        assert_eq!(browser.me().await.ok().json()["waPhoneE164"], json!(null));
    })
    .await;
}

#[tokio::test]
async fn a_code_that_waits_behind_another_message_does_not_outlast_its_ten_minutes() {
    for_each_engine(async |app| {
        let fatou = app.author();
        let failing = Fault::always(FaultKind::ProviderError { code: 131_000 }).matching("Bonjour");
        app.world.fault(Upstream::Meta, failing);
        fatou.says("bonjour").await;
        for seconds in [2, 7, 40, 150, 750] {
            app.advance_ms(seconds * 1000);
            app.run_until_idle().await;
        }
        fatou.says("LOGIN").await;
        assert_eq!(app.count("SELECT COUNT(*) FROM outbox WHERE sealed IS NOT NULL").await, 1);
        // A code that a browser requests does not wait behind that message.
        app.advance_ms(60_000);
        let browser = app.browser();
        let code = code_for(app, &browser, FATOU).await;
        browser.verify(FATOU, &code).await.ok();
        app.advance_ms(11 * 60_000);
        app.sweep().await;
        assert_eq!(app.count("SELECT COUNT(*) FROM outbox WHERE sealed IS NOT NULL").await, 0);
        app.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn whoever_says_too_late_that_it_was_not_her_turns_everybody_out() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says("bonjour").await;
        let browser = app.browser();
        let phrase = browser.post("/api/auth/phrase", &json!({})).await.ok().json();
        fatou.says(phrase["phrase"].as_str().unwrap()).await;
        let answer = fatou.received().pop().unwrap();
        browser.post("/api/auth/phrase/verify", &json!({ "code": code_in(&answer.body) })).await.ok();
        app.deliver(&fatou.sends(answer.tap("Ce n'est pas moi").unwrap())).await;
        app.run_until_idle().await;
        assert!(fatou.last_text().contains("toutes les sessions"), "{}", fatou.last_text());
        assert_eq!(browser.me().await.problem().0, 401);
    })
    .await;
}

#[tokio::test]
async fn o03_the_password_so_far_is_guessed_no_more_often_than_any_other() {
    for_each_engine(async |app| {
        let browser = app.browser();
        browser.sign_up("fatou@example.com").await.ok();
        let guess = json!({ "password": "une brioche tressée", "currentPassword": "a wrong one" });
        for _ in 0..5 {
            assert_eq!(
                browser.json(Method::PATCH, "/api/me", &guess).await.problem().1,
                "invalid_credentials"
            );
        }
        let right = json!({ "password": "une brioche tressée", "currentPassword": PASSWORD });
        assert_eq!(browser.json(Method::PATCH, "/api/me", &right).await.problem().1, "rate_limited");
        app.advance_ms(300_000);
        browser.json(Method::PATCH, "/api/me", &right).await.ok();
    })
    .await;
}

#[tokio::test]
async fn s11_an_address_or_a_cursor_that_no_database_can_hold_names_nothing() {
    for_each_engine(async |app| {
        let browser = app.browser();
        browser.sign_up("fatou@example.com").await.ok();
        for id in ["%00", "%ff", "'%20OR%201=1"] {
            let answer = browser.delete(&format!("/api/auth/sessions/{id}")).await;
            assert_eq!(answer.problem(), (404, "not_found".to_owned()), "{id}");
        }
        for query in ["cursor=%00", "cursor=a&cursor=b"] {
            let answer = browser.get(&format!("/api/credits?{query}")).await;
            assert_eq!(answer.problem(), (400, "invalid_request".to_owned()), "{query}");
        }
        browser.get("/api/credits?cursor=%ff&page=2").await.ok();
        let id = browser.get("/api/auth/sessions").await.ok().json()["sessions"][0]["id"].clone();
        let one = browser.get(&format!("/api/auth/sessions/{}", id.as_str().unwrap())).await.ok();
        assert_eq!(one.json()["current"], true);
    })
    .await;
}
