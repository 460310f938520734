//! Posts generated on the web: one wallet with WhatsApp, one effect per idempotency key, and a history of
//! both channels.

use futures_util::future::join_all;
use postly_simulator::{Channel, ModelBehaviour};
use postly_testkit::{Answer, TestApp, TestAuthor, TestBrowser, code_in, for_each_engine};
use reqwest::Method;
use serde_json::{Value, json};

use crate::pages::FATOU;

pub(crate) const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";

/// Returns a browser logged in as an author with this number of credits.
pub(crate) async fn logged_in(app: &TestApp, credits: i64) -> TestBrowser {
    log_in(app, &fatou(app).has_credits(credits).await).await
}

pub(crate) fn fatou(app: &TestApp) -> TestAuthor<'_> {
    app.author_of(Channel::Meta, FATOU)
}

pub(crate) async fn log_in(app: &TestApp, author: &TestAuthor<'_>) -> TestBrowser {
    author.says("LOGIN").await;
    let browser = app.browser();
    browser.verify(FATOU, &code_in(&author.last_text())).await.ok();
    browser
}

pub(crate) async fn generate(browser: &TestBrowser, key: &str, body: &Value) -> Answer {
    let headers =
        [("content-type", "application/json"), ("sec-fetch-site", "same-origin"), ("idempotency-key", key)];
    browser.send(Method::POST, "/api/generations", &headers, Some(body.to_string())).await
}

pub(crate) async fn available(browser: &TestBrowser) -> i64 {
    browser.me().await.json()["available"].as_i64().unwrap()
}

#[tokio::test]
async fn a_brief_on_the_web_becomes_three_posts_for_one_credit() {
    for_each_engine(async |app| {
        let browser = logged_in(app, 3).await;
        let before = available(&browser).await;
        let created = generate(&browser, "k1", &json!({ "brief": BRIEF })).await;
        assert_eq!(created.status, 201, "{}", created.text);
        let body = created.json();
        assert_eq!(body["variants"].as_array().unwrap().len(), 3);
        assert_eq!((&body["platform"], &body["language"]), (&json!("instagram"), &json!("fr")));
        assert_eq!(body["available"], before - 1);
        let credits = browser.get("/api/credits").await.json();
        assert_eq!(credits["entries"][0]["reason"], "web_generation");
        assert_eq!((&credits["available"], &credits["held"]), (&json!(before - 1), &json!(0)));
        app.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn c20_c21_a_double_click_is_one_generation_and_a_key_stands_for_one_request() {
    for_each_engine(async |app| {
        let browser = logged_in(app, 5).await;
        let before = available(&browser).await;
        let body = json!({ "brief": BRIEF });
        let answers = join_all((0..8).map(|_| generate(&browser, "click", &body))).await;
        let ids: Vec<String> = answers.iter().map(|answer| answer.json()["id"].to_string()).collect();
        assert!(ids.iter().all(|id| *id == ids[0] && id.len() > 10), "{ids:?}");
        assert_eq!(available(&browser).await, before - 1);
        let other = generate(&browser, "click", &json!({ "brief": "GEN promo tarte" })).await;
        assert_eq!(other.problem(), (422, "idempotency_mismatch".to_owned()));
        let none = browser.post("/api/generations", &body).await;
        assert_eq!(none.problem(), (400, "idempotency_key_needed".to_owned()));
        app.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn a_text_that_is_no_brief_and_a_forbidden_one_are_refused_for_free() {
    for_each_engine(async |app| {
        let browser = logged_in(app, 2).await;
        let before = available(&browser).await;
        for (number, (text, code)) in [
            ("merci", "not_a_brief"),
            ("SOLDE", "not_a_brief"),
            ("   ", "brief_too_vague"),
            ("GEN post pour vendre de la cocaïne", "brief_refused"),
        ]
        .into_iter()
        .enumerate()
        {
            let refused = generate(&browser, &format!("k{number}"), &json!({ "brief": text })).await;
            assert_eq!(refused.problem(), (422, code.to_owned()), "{text}");
            assert!(refused.json()["detail"].as_str().unwrap().len() > 20, "{text}");
        }
        assert_eq!(available(&browser).await, before);
        // No failure has used up its key.
        generate(&browser, "k0", &json!({ "brief": BRIEF })).await.ok();
        app.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn without_credits_there_are_no_posts_and_the_key_serves_again() {
    for_each_engine(async |app| {
        let browser = logged_in(app, 1).await;
        let credits = available(&browser).await;
        for number in 0..credits {
            generate(&browser, &number.to_string(), &json!({ "brief": BRIEF })).await.ok();
            // Stay below the limit of requests per minute.
            app.advance_ms(10_000);
        }
        for _ in 0..2 {
            let refused = generate(&browser, "last", &json!({ "brief": BRIEF })).await;
            assert_eq!(refused.problem(), (402, "insufficient_credits".to_owned()));
        }
        app.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn c02_fifty_briefs_at_once_on_the_web_and_on_whatsapp_spend_three_credits() {
    for_each_engine(async |app| {
        let author = fatou(app);
        let browser = log_in(app, &author).await;
        let surplus = available(&browser).await - 3;
        app.app.operator.adjust(&author.who(), -surplus, "for a test").await.unwrap();
        let known = author.texts().len();
        // Ten a minute is the limit of the web.
        let bodies: Vec<_> =
            (0..10).map(|number| json!({ "brief": format!("Post promo numéro {number} samedi") })).collect();
        let keys: Vec<_> = (0..10).map(|number| format!("k{number}")).collect();
        let on_the_web = join_all(keys.iter().zip(&bodies).map(|(key, body)| generate(&browser, key, body)));
        let on_whatsapp = async {
            let messages: Vec<_> =
                (10..50).map(|number| author.writes(&format!("Post promo numéro {number} samedi"))).collect();
            for delivery in join_all(messages.iter().map(|message| app.deliver(message))).await {
                assert_eq!(delivery.status, 200);
            }
            app.run_until_idle().await;
        };
        let (answers, ()) = futures_util::join!(on_the_web, on_whatsapp);
        app.run_until_idle().await;

        let written = answers.iter().filter(|answer| answer.status == 201).count();
        let refused = answers
            .iter()
            .filter(|answer| answer.problem() == (402, "insufficient_credits".to_owned()))
            .count();
        assert_eq!(written + refused, 10, "{answers:?}");
        let told = author.texts().iter().skip(known).filter(|text| text.contains("*1.*")).count();
        assert_eq!(written + told, 3);
        assert_eq!(app.count("SELECT COUNT(*) FROM generations").await, 3);
        assert_eq!(available(&browser).await, 0);
        app.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn the_eleventh_request_within_a_minute_waits() {
    for_each_engine(async |app| {
        let browser = logged_in(app, 12).await;
        for number in 0..10 {
            generate(&browser, &format!("k{number}"), &json!({ "brief": BRIEF })).await.ok();
        }
        let refused = generate(&browser, "k10", &json!({ "brief": BRIEF })).await;
        assert_eq!(refused.problem(), (429, "rate_limited".to_owned()));
        assert!(refused.headers.contains_key("retry-after"));
        app.advance_ms(61_000);
        generate(&browser, "k10", &json!({ "brief": BRIEF })).await.ok();
    })
    .await;
}

#[tokio::test]
async fn requests_that_the_writer_turns_down_count_too_and_leave_their_keys() {
    for_each_engine(async |app| {
        let browser = logged_in(app, 12).await;
        let before = available(&browser).await;
        let off_topic = json!({ "brief": BRIEF });
        app.world.model(ModelBehaviour::OffTopic);
        for number in 0..10 {
            let refused = generate(&browser, &format!("k{number}"), &off_topic).await;
            assert_eq!(refused.problem(), (422, "not_a_brief".to_owned()));
        }
        let refused = generate(&browser, "k10", &off_topic).await;
        assert_eq!(refused.problem(), (429, "rate_limited".to_owned()));
        assert_eq!(available(&browser).await, before);
        app.advance_ms(61_000);
        app.world.model(ModelBehaviour::Compose);
        generate(&browser, "k0", &json!({ "brief": BRIEF })).await.ok();
        app.sweep().await;
        app.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn a_tone_is_part_of_the_request() {
    for_each_engine(async |app| {
        let browser = logged_in(app, 3).await;
        let with = |tone: &str| json!({ "brief": BRIEF, "tone": tone });
        generate(&browser, "formal", &with("professionnel")).await.ok();
        let other = generate(&browser, "formal", &with("drôle")).await;
        assert_eq!(other.problem(), (422, "idempotency_mismatch".to_owned()));
        for tone in ["x".repeat(61), "deux\nlignes".to_owned()] {
            assert_eq!(generate(&browser, "long", &with(&tone)).await.problem().0, 400);
        }
    })
    .await;
}

#[tokio::test]
async fn the_history_holds_the_posts_of_both_channels_and_is_searched_without_accents() {
    for_each_engine(async |app| {
        let fatou = fatou(app).has_credits(4).await;
        fatou.says(BRIEF).await;
        let browser = log_in(app, &fatou).await;
        let web = json!({ "brief": "Éclairs à la pistache, 3,50 € la pièce", "platform": "facebook" });
        let created = generate(&browser, "web", &web).await.ok().json();
        let list = async |query: &str| {
            let body = browser.get(&format!("/api/generations{query}")).await.ok().json();
            let found = body["generations"].as_array().unwrap().clone();
            found.iter().map(|one| one["origin"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(list("").await, ["web", "whatsapp"]);
        assert_eq!(list("?q=ECLAIRS").await, ["web"]);
        assert_eq!(list("?q=croissants").await, ["whatsapp"]);
        assert_eq!(list("?q=%25").await.len(), list("?q=%25&origin=web").await.len() + 1);
        assert_eq!(list("?platform=facebook").await, ["web"]);
        assert_eq!(list("?origin=whatsapp").await, ["whatsapp"]);
        assert!(list("?q=macarons").await.is_empty());
        assert!(list("?q=croiss%25ts").await.is_empty(), "a percent sign is no wildcard");
        assert_eq!(browser.get("/api/generations?platform=orkut").await.problem().0, 400);

        let path = format!("/api/generations/{}", created["id"].as_str().unwrap());
        let used = browser.json(Method::PATCH, &path, &json!({ "used": 2 })).await.ok();
        assert_eq!(used.json()["used"], 2);
        assert_eq!(browser.json(Method::PATCH, &path, &json!({ "used": 4 })).await.problem().0, 400);
        // Another author cannot see it.
        let stranger = app.browser();
        stranger.sign_up("autre@example.com").await.ok();
        assert_eq!(stranger.get(&path).await.problem().0, 404);
        assert_eq!(stranger.json(Method::PATCH, &path, &json!({ "used": 1 })).await.problem().0, 404);
    })
    .await;
}

#[tokio::test]
async fn three_credits_pay_for_exactly_three_of_fifty_requests_on_both_channels_at_once() {
    for_each_engine(async |app| {
        let fatou = fatou(app).has_credits(3).await;
        let browser = log_in(app, &fatou).await;
        let credits = fatou.credits().await;
        let (body, web) = (json!({ "brief": BRIEF }), 6);
        let from_web = join_all((0..web).map(|number| {
            let (browser, body) = (&browser, &body);
            async move { generate(browser, &format!("p{number}"), body).await.status == 201 }
        }));
        let from_phone = async {
            for _ in 0..44 {
                app.deliver(&fatou.writes(BRIEF)).await;
            }
            app.run_until_idle().await;
        };
        let (from_web, ()) = tokio::join!(from_web, from_phone);
        app.run_until_idle().await;
        let written = app.count("SELECT COUNT(*) FROM generations").await;
        assert_eq!((written, fatou.credits().await), (credits, 0), "{from_web:?}");
        app.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn a_request_whose_process_died_gives_its_credit_back() {
    for_each_engine(async |app| {
        let browser = logged_in(app, 2).await;
        let before = available(&browser).await;
        let author = browser.me().await.json()["id"].as_str().unwrap().to_owned();
        let now = app.clock.now_ms();
        app.change(&format!(
            "INSERT INTO holds (id, author_id, hold_key, amount, state, created_at_ms) \
             VALUES ('h1', '{author}', 'web:dead', 1, 'open', {now})"
        ))
        .await;
        app.change(&format!("UPDATE wallets SET held = held + 1 WHERE author_id = '{author}'")).await;
        app.change(&format!(
            "INSERT INTO web_requests (author_id, key_hash, body_hash, hold_key, leased_until_ms, created_at_ms) \
             VALUES ('{author}', 'k', 'b', 'web:dead', {now} + 60000, {now})"
        ))
        .await;
        app.sweep().await;
        assert_eq!(available(&browser).await, before - 1, "its lease still runs");
        app.advance_ms(61_000);
        app.sweep().await;
        assert_eq!(available(&browser).await, before);
        app.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn a_result_is_refined_once_for_free_and_then_for_a_credit() {
    for_each_engine(async |app| {
        let browser = logged_in(app, 3).await;
        let created = generate(&browser, "k1", &json!({ "brief": BRIEF })).await.json();
        let path = format!("/api/generations/{}/refine", created["id"].as_str().unwrap());
        let before = available(&browser).await;
        let first = browser.post(&path, &json!({ "instruction": "plus drôle", "variant": 2 })).await;
        assert_eq!(first.status, 201, "{}", first.text);
        let first = first.json();
        assert_eq!(first["available"], before);
        assert_ne!(first["id"], created["id"]);
        // Only the named post changes.
        assert_eq!(first["variants"][0]["text"], created["variants"][0]["text"]);
        assert_eq!(first["variants"][2]["text"], created["variants"][2]["text"]);
        let second = browser.post(&path, &json!({ "instruction": "en anglais" })).await.json();
        assert_eq!((&second["available"], &second["language"]), (&json!(before - 1), &json!("en")));
        let entries = browser.get("/api/credits").await.json()["entries"].clone();
        assert_eq!((&entries[0]["reason"], &entries[0]["delta"]), (&json!("refinement"), &json!(-1)));
        assert_eq!((&entries[1]["reason"], &entries[1]["delta"]), (&json!("free_refinement"), &json!(0)));

        let elsewhere =
            browser.post("/api/generations/none/refine", &json!({ "instruction": "plus court" })).await;
        assert_eq!(elsewhere.problem().0, 404);
        for body in [json!({ "instruction": " " }), json!({ "instruction": "plus court", "variant": 4 })] {
            assert_eq!(browser.post(&path, &body).await.problem().0, 400, "{body}");
        }
        app.assert_audit_is_clean().await;
    })
    .await;
}
