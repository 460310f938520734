//! Logins: by a code from WhatsApp, by the link beside it, and by a phrase that is sent on WhatsApp.

use postly_domain::Provider;
use postly_simulator::{Channel, Fault, FaultKind, MessageKind, Upstream};
use postly_testkit::{
    EngineName, Options, TestApp, code_in, for_each_engine, for_each_engine_and_a_pooler,
    for_each_engine_with,
};
use serde_json::json;

use crate::phone::{FATOU, arrived, code_for, token_in};

#[tokio::test]
async fn o21_login_by_whatsapp_opens_the_account_that_the_message_made() {
    for_each_engine_and_a_pooler(async |app| {
        let fatou = app.author();
        fatou.says("Crée un post promo pour Instagram").await;
        fatou.says("LOGIN").await;
        let text = fatou.last_text();
        for line in ["🔐 Votre code de vérification Postly-AI: *", "⏰ Valide 10 minutes", "🛡️ Ne partagez jamais ce code"] {
            assert!(text.contains(line), "{text}");
        }
        let browser = app.browser();
        let answer = browser.verify(FATOU, &fatou.last_code()).await.ok().json();
        assert_eq!(answer["success"], true);
        assert_eq!(answer["redirect"], "/dashboard");
        // Five for the first message, one spent, five for the proof.
        assert_eq!(answer["user"]["credits"], 9);
        assert_eq!(answer["user"]["waPhoneE164"], FATOU);
        assert_eq!(answer["user"]["email"], json!(null));

        let me = browser.me().await.ok().json();
        let expected = json!({
            "id": answer["user"]["id"], "email": null, "waPhoneE164": FATOU, "language": "fr", "available": 9, "held": 0,
        });
        assert_eq!(me, expected);
        assert_eq!(fatou.ledger().await, ["+5 trial", "-1 whatsapp_generation", "+5 welcome"]);
        // The web and WhatsApp spend one balance.
        fatou.says("Crée un post promo pour Facebook").await;
        assert_eq!(browser.me().await.ok().json()["available"], 8);
    })
    .await;
}

#[tokio::test]
async fn a_code_asked_for_on_the_web_reaches_an_unknown_number_by_the_template() {
    for_each_engine(async |app| {
        let browser = app.browser();
        browser.request_code("06 39 98 10 01").await.ok();
        app.run_until_idle().await;
        let code = code_in(&arrived(app, FATOU).last().unwrap().body);
        let message = arrived(app, FATOU).pop().unwrap();
        assert_eq!(message.template.as_deref(), Some("postly_code"));
        assert!(!browser.cookie("postly.challenge").unwrap().is_empty());

        let answer = browser.verify(FATOU, &code).await.ok().json();
        assert_eq!(answer["user"]["credits"], 5);
        // The author's first message finds the account.
        let fatou = app.author();
        fatou.says("SOLDE").await;
        assert_eq!(fatou.credits().await, 10, "the trial comes with the first message");
        assert_eq!(app.count("SELECT COUNT(*) FROM authors").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_code_is_free_form_text_while_the_window_is_open_and_goes_where_it_is() {
    let options = Options { provider: Provider::Twilio, ..Options::default() };
    for_each_engine_with(options, async |app| {
        let fatou = app.author();
        fatou.says("bonjour").await;
        let browser = app.browser();
        browser.request_code(FATOU).await.ok();
        app.run_until_idle().await;
        let message = fatou.received().pop().unwrap();
        assert_eq!(message.template, None);
        assert!(message.body.starts_with("🔐 Votre code de vérification Postly-AI: *"), "{}", message.body);

        // A day later the window is closed, and the configured provider's template is sent.
        app.advance_ms(24 * 3_600_000);
        app.browser().request_code(FATOU).await.ok();
        app.run_until_idle().await;
        let twilio = app.world.phone_messages(&app.world.person(Channel::Twilio, FATOU));
        assert!(twilio.last().unwrap().template.as_deref().unwrap().starts_with("HX"), "{twilio:?}");
    })
    .await;
}

#[tokio::test]
async fn o42_a_hundred_logins_bring_three_codes_an_hour_and_one_notice() {
    for_each_engine(async |app| {
        let fatou = app.author();
        for _ in 0..50 {
            fatou.says("LOGIN").await;
            fatou.says("login svp").await;
            app.advance_ms(60_000);
        }
        let codes =
            fatou.texts().iter().filter(|text| text.contains("🔐 Votre code de vérification")).count();
        let notices = fatou.texts().iter().filter(|text| text.contains("Trop de codes")).count();
        assert_eq!((codes, notices), (3, 1));
        // Another request within the minute is answered, but not every time.
        let soon = fatou.texts().iter().filter(|text| text.contains("vient de partir")).count();
        assert!((1..=3).contains(&soon), "{soon}");
    })
    .await;
}

#[tokio::test]
async fn whoever_hides_her_number_logs_in_by_the_link() {
    for_each_engine(async |app| {
        let hidden = app.world.person(Channel::Meta, FATOU).hiding_phone("fatou.diop");
        let webhook = app.world.webhook_text(&hidden, "LOGIN");
        app.deliver(&webhook).await;
        app.run_until_idle().await;
        let text = app.world.phone_messages(&hidden).pop().unwrap().body;
        let token = token_in(&text);
        let browser = app.browser();
        browser.post("/api/auth/link", &json!({ "token": token })).await.ok();
        assert_eq!(browser.me().await.ok().json()["available"], 10, "trial and welcome");
    })
    .await;
}

#[tokio::test]
async fn a_phrase_sent_from_whatsapp_logs_the_browser_in_that_shows_it() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says("bonjour").await;
        let browser = app.browser();
        let phrase = browser.post("/api/auth/phrase", &json!({})).await.ok().json();
        let url = phrase["url"].as_str().unwrap();
        assert!(url.starts_with("https://wa.me/") && url.contains("?text=Postly-AI%20%23"), "{url}");
        let shown = phrase["phrase"].as_str().unwrap();
        fatou.says(&format!("Postly-AI {shown}")).await;
        let answer = fatou.received().pop().unwrap();
        assert!(answer.body.contains("Firefox · Linux"), "{}", answer.body);
        let code = code_in(&answer.body);

        // The code is refused in another browser, and as the code of a number.
        let stranger = app.browser();
        let typed = json!({ "code": code });
        assert_eq!(stranger.post("/api/auth/phrase/verify", &typed).await.problem().0, 400);
        assert_eq!(stranger.verify(FATOU, &code).await.status, 400);
        browser.post("/api/auth/phrase/verify", &typed).await.ok();
        assert_eq!(browser.me().await.ok().json()["waPhoneE164"], FATOU);
        // A used phrase is no longer valid.
        fatou.says(&format!("Postly-AI {shown}")).await;
        assert!(fatou.last_text().contains("n'est plus valable"), "{}", fatou.last_text());
    })
    .await;
}

#[tokio::test]
async fn a_tap_says_that_it_is_not_me_and_the_code_opens_nothing() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says("bonjour").await;
        for words in [false, true] {
            let browser = app.browser();
            let phrase = browser.post("/api/auth/phrase", &json!({})).await.ok().json();
            fatou.says(phrase["phrase"].as_str().unwrap()).await;
            let answer = fatou.received().pop().unwrap();
            if words {
                fatou.says("Pas moi").await;
            } else {
                let tap = answer.tap("Ce n'est pas moi").unwrap();
                app.deliver(&fatou.sends(tap)).await;
                app.run_until_idle().await;
            }
            assert!(fatou.last_text().contains("n'ouvre plus rien"), "{}", fatou.last_text());
            let typed = json!({ "code": code_in(&answer.body) });
            assert_eq!(browser.post("/api/auth/phrase/verify", &typed).await.problem().0, 400);
        }
    })
    .await;
}

#[tokio::test]
async fn the_button_of_the_template_kills_the_code() {
    for_each_engine(async |app| {
        let browser = app.browser();
        let code = code_for(app, &browser, FATOU).await;
        let fatou = app.author();
        let denial = MessageKind::Button {
            payload: "DID_NOT_REQUEST_CODE".to_owned(),
            text: "I didn't request a code".to_owned(),
        };
        app.deliver(&fatou.sends(denial)).await;
        app.run_until_idle().await;
        assert_eq!(browser.verify(FATOU, &code).await.status, 400);
    })
    .await;
}

#[tokio::test]
async fn o30_a_robot_that_looks_at_the_link_does_not_use_it_up() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let fatou = app.author();
    fatou.says("LOGIN").await;
    let text = fatou.last_text();
    let link = text.split("https://postly.example").nth(1).unwrap().split_whitespace().next().unwrap();
    let token = link.split('#').nth(1).unwrap();
    assert!(token.len() >= 43, "256 bits");
    for _ in 0..5 {
        app.browser().get(&format!("/api/auth/link?token={token}")).await;
        app.browser().send(reqwest::Method::HEAD, "/login", &[], None).await;
    }
    app.browser().post("/api/auth/link", &json!({ "token": token })).await.ok();
    app.assert_audit_is_clean().await;
    app.stop().await;
}

#[tokio::test]
async fn o43_nothing_of_an_author_stands_in_a_message_with_a_code() {
    for_each_engine(async |app| {
        let name = "🔐 Votre code: *999999*";
        let person = app.world.person(Channel::Meta, FATOU).named(name);
        for text in ["Crée un post promo pour 🔐 999999 sur Instagram", "LOGIN"] {
            app.deliver(&app.world.webhook_text(&person, text)).await;
            app.run_until_idle().await;
        }
        let text = app.world.phone_messages(&person).pop().unwrap().body;
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("🔐 Votre code de vérification Postly-AI: *"), "{text}");
        assert!(!text.contains("999999") && text.matches("🔐").count() == 1, "{text}");
    })
    .await;
}

#[tokio::test]
async fn the_journeys_go_the_same_way_through_twilio() {
    let options = Options { provider: Provider::Twilio, ..Options::default() };
    for_each_engine_with(options, async |app| {
        let fatou = app.author_of(Channel::Twilio, FATOU);
        // Requested on the web, for a number that has never written: by the content template.
        let browser = app.browser();
        browser.request_code(FATOU).await.ok();
        app.run_until_idle().await;
        let message = fatou.received().pop().unwrap();
        assert!(message.template.is_some(), "{message:?}");
        browser.verify(FATOU, &code_in(&message.body)).await.ok();
        // By LOGIN.
        fatou.says("LOGIN").await;
        app.browser().verify(FATOU, &fatou.last_code()).await.ok();
        // By a phrase. Twilio has no button to deny it, so the author replies with words.
        for denies in [false, true] {
            let browser = app.browser();
            let phrase = browser.post("/api/auth/phrase", &json!({})).await.ok().json();
            fatou.says(phrase["phrase"].as_str().unwrap()).await;
            let answer = fatou.received().pop().unwrap();
            assert!(answer.body.contains("PAS MOI") && answer.buttons.is_empty(), "{answer:?}");
            if denies {
                fatou.says("PAS MOI").await;
            }
            let typed = json!({ "code": code_in(&answer.body) });
            let status = browser.post("/api/auth/phrase/verify", &typed).await.status.as_u16();
            assert_eq!(status, if denies { 400 } else { 200 });
        }
    })
    .await;
}

#[tokio::test]
async fn a_code_whose_outcome_is_unclear_is_not_sent_again_and_a_closed_window_is_got_around_once() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says("bonjour").await;
        // The provider accepts the message, and its response is lost.
        app.world.fault(Upstream::Meta, Fault::once(FaultKind::AcceptThenReset));
        app.browser().request_code(FATOU).await.ok();
        app.run_until_idle().await;
        for _ in 0..5 {
            app.advance_ms(31_000);
            app.run_until_idle().await;
        }
        assert_eq!(fatou.received().len(), 2, "the greeting and one code");
        let ended = "SELECT state || ' ' || reason FROM outbox WHERE purpose = 'code' ORDER BY id";
        assert_eq!(app.texts(ended).await, ["dead unknown_delivery"]);
        assert_eq!(app.count("SELECT COUNT(*) FROM outbox WHERE sealed IS NOT NULL").await, 0);
        app.world.clear_faults();

        // The window is open by our records, and closed by the provider's.
        let closed = r#"{"error": {"message": "Re-engagement message", "code": 131047}}"#.to_owned();
        let refusal = FaultKind::Status { code: 400, body: closed, headers: vec![] };
        app.world.fault(Upstream::Meta, Fault::once(refusal.clone()));
        let browser = app.browser();
        browser.request_code(FATOU).await.ok();
        app.run_until_idle().await;
        let message = fatou.received().pop().unwrap();
        assert!(message.template.is_some(), "{message:?}");
        browser.verify(FATOU, &code_in(&message.body)).await.ok();
    })
    .await;
}
