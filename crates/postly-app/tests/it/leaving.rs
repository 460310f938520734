//! Export, erasure, retention, and the return of an erased author.

use postly_app::operator::AuthorSelector;
use postly_domain::id::AuthorId;
use postly_simulator::{Channel, MessageStatus};
use postly_testkit::{
    EngineName, TestApp, TestBrowser, code_in, for_each_engine, for_each_engine_and_a_pooler,
};
use serde_json::{Value, json};

use crate::phone::{FATOU, token_in};

const DAY_MS: i64 = 86_400_000;

/// All rows of the tables, as text.
async fn dump(app: &TestApp) -> String {
    let mut all = String::new();
    for table in TABLES {
        for row in app.rows(table).await {
            all.push_str(table);
            all.push('\t');
            all.push_str(&row);
            all.push('\n');
        }
    }
    all
}

/// Every table that may hold data of an author.
const TABLES: [&str; 30] = [
    "authors",
    "identities",
    "grants",
    "wallets",
    "holds",
    "ledger",
    "lanes",
    "inbox",
    "generations",
    "model_calls",
    "outbox",
    "attempts",
    "challenges",
    "code_sends",
    "wrong_tries",
    "rate_limits",
    "sessions",
    "erasures",
    "checkout_sessions",
    "payments",
    "payment_charges",
    "payment_refunds",
    "payment_disputes",
    "payment_events",
    "recharge_links",
    "password_resets",
    "adjustments",
    "operator_pauses",
    "audit_log",
    "admin_sessions",
];

#[tokio::test]
async fn s12_nothing_of_her_is_left_but_a_pseudonym_in_the_ledger() {
    for_each_engine_and_a_pooler(async |app| {
        let fatou = app.author();
        let browser = app.browser().at("203.0.113.77");
        browser.sign_up("marker-mail@example.com").await.ok();
        let brief = fatou.writes("Promo marker-brief : -20 % sur les croissants ce week-end");
        app.deliver(&brief).await;
        app.run_until_idle().await;
        fatou.says("LOGIN").await;
        let code = fatou.last_code();
        browser.request_code(FATOU).await.ok();
        app.run_until_idle().await;
        browser.verify(FATOU, &fatou.last_code()).await.ok();
        let id = browser.me().await.ok().json()["id"].as_str().unwrap().to_owned();
        // A message that waits, and a status that arrives after the erasure.
        fatou.says("SUPPRIMER").await;
        assert!(fatou.last_text().contains("Répondez *OUI*"), "{}", fatou.last_text());
        assert!(dump(app).await.contains("marker-brief"));
        fatou.says("Oui").await;
        assert!(fatou.last_text().contains("effacé"), "{}", fatou.last_text());

        let sent = app.world.journal().len();
        let digits = FATOU.trim_start_matches('+');
        let bsuid = app.world.person(Channel::Meta, FATOU).bsuid.unwrap();
        // The message ids of providers hold numbers (`wamid.…` is Base64 of a number and more), so none may
        // remain.
        let wamid = &brief.id;
        let markers = [
            "marker-mail",
            "marker-brief",
            "croissants",
            "week-end",
            digits,
            &digits[2..],
            wamid,
            &bsuid,
            &code,
            "Fatou",
            "Diop",
            "203.0.113.77",
            "Firefox",
            "SUPPRIMER",
            "LOGIN",
            "Instagram",
            "https://postly.example/login#",
            "Votre code",
            "3 Posts",
            "Linux",
        ];
        assert_eq!(markers.len(), 20);
        let stolen = app.stolen().await;
        for marker in markers {
            let at = stolen.windows(marker.len()).position(|bytes| bytes == marker.as_bytes());
            let around =
                at.map(|at| String::from_utf8_lossy(&stolen[at.saturating_sub(80)..at + 80]).into_owned());
            assert_eq!(around, None, "{marker} on {:?}", app.engine);
        }
        // The ledger keeps its author's id, without personal data.
        assert!(dump(app).await.contains(&id), "the pseudonym stays");
        assert_eq!(browser.me().await.problem().0, 401);
        // Statuses of earlier messages have no author now, and no message is sent any more.
        for message in fatou.received() {
            app.deliver(&app.world.webhook_status(&message.id, MessageStatus::Delivered, None)).await;
        }
        app.run_until_idle().await;
        assert!(!dump(app).await.contains(digits));
        app.advance_ms(DAY_MS + 1);
        app.run_until_idle().await;
        assert_eq!(app.world.journal().len(), sent);

        // The erased author returns as a new author, without trial or welcome credits.
        fatou.says("LOGIN").await;
        let back = app.browser();
        back.verify(FATOU, &fatou.last_code()).await.ok();
        let account = back.me().await.ok().json();
        assert_ne!(account["id"], json!(id));
        assert_eq!(account["available"], 0);
    })
    .await;
}

#[tokio::test]
async fn c15_c16_a_welcome_is_given_once_through_every_order_of_ways() {
    for_each_engine_and_a_pooler(async |app| {
        let welcomes = async || app.count("SELECT COUNT(*) FROM ledger WHERE reason = 'welcome'").await;
        let fatou = app.author();
        // First by WhatsApp, then on the web, then by a merge.
        fatou.says("LOGIN").await;
        app.browser().verify(FATOU, &fatou.last_code()).await.ok();
        assert_eq!(welcomes().await, 1);
        app.advance_ms(60_000);
        let web = app.browser();
        web.sign_up("fatou@example.com").await.ok();
        web.request_code(FATOU).await.ok();
        app.run_until_idle().await;
        web.verify(FATOU, &fatou.last_code()).await.ok();
        assert_eq!(welcomes().await, 1);
        // After an erasure, the same ways again.
        assert_eq!(web.delete("/api/me").await.status, 204);
        app.advance_ms(3_600_000);
        fatou.says("LOGIN").await;
        app.browser().verify(FATOU, &fatou.last_code()).await.ok();
        app.advance_ms(60_000);
        let again = app.browser();
        again.sign_up("fatou@example.com").await.ok();
        again.request_code(FATOU).await.ok();
        app.run_until_idle().await;
        again.verify(FATOU, &fatou.last_code()).await.ok();
        assert_eq!(welcomes().await, 1);
        assert_eq!(app.count("SELECT COUNT(*) FROM ledger WHERE reason = 'trial'").await, 1);
    })
    .await;
}

#[tokio::test]
async fn only_a_plain_yes_within_a_quarter_of_an_hour_erases() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says("bonjour").await;
        let erased = async || app.count("SELECT COUNT(*) FROM authors WHERE erased_at_ms IS NOT NULL").await;
        fatou.says("oui").await;
        fatou.says("DELETE").await;
        fatou.says("merci").await;
        fatou.says("oui").await;
        assert_eq!(erased().await, 0, "she went on to something else");
        fatou.says("supprimer mon compte").await;
        app.advance_ms(15 * 60_000);
        fatou.says("oui").await;
        assert_eq!(erased().await, 0, "too late");
        fatou.says("SUPPRIMER").await;
        fatou.says("SUPPRIMER").await;
        assert_eq!(erased().await, 1);
    })
    .await;
}

#[tokio::test]
async fn what_waits_for_her_dies_with_her_and_what_comes_again_makes_nobody() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says("bonjour").await;
        let again = fatou.writes("Crée un post promo pour Instagram");
        app.deliver(&again).await;
        // The operator erases the author before the message is answered.
        let id = app.app.people.account(&fatou.who()).await.unwrap().author.id;
        let remembered = async || app.count("SELECT COUNT(*) FROM lanes WHERE repeats IS NOT NULL").await;
        assert_eq!(remembered().await, 1, "what she said last");
        app.app.erasure.erase(&id).await.unwrap();
        assert_eq!(remembered().await, 0);
        let before = fatou.received().len();
        app.run_until_idle().await;
        app.deliver(&again).await;
        app.run_until_idle().await;
        assert_eq!(fatou.received().len(), before);
        assert_eq!(app.count("SELECT COUNT(*) FROM authors").await, 1);
        assert_eq!(
            app.texts("SELECT outcome FROM inbox WHERE state = 'ignored'").await,
            ["erased"; 2],
            "one before, one after"
        );
        assert!(
            app.app.people.account(&AuthorSelector::Id(AuthorId::new(id.as_str()))).await.is_err(),
            "she is not there any more"
        );
    })
    .await;
}

#[tokio::test]
async fn s13_the_export_holds_everything_of_hers_and_nothing_of_others() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says("Promo brioche : -20 % ce week-end sur Instagram").await;
        app.author_of(Channel::Meta, "+33639981002").says("Promo macarons sur Facebook").await;
        fatou.says("EXPORT").await;
        let text = fatou.last_text();
        assert!(text.contains("/api/me/export"), "{text}");
        let browser = app.browser();
        browser.verify(FATOU, &code_in(&text)).await.ok();
        let answer = browser.get("/api/me/export").await.ok();
        assert!(answer.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
        let export: Value = answer.json();
        assert_eq!(export["identities"][0]["phone"], FATOU);
        assert_eq!(export["credits"]["available"], 9);
        assert_eq!(export["generations"][0]["machineGenerated"], true);
        assert_eq!(export["generations"][0]["variants"].as_array().unwrap().len(), 3);
        assert!(export["generations"][0]["brief"].as_str().unwrap().contains("brioche"));
        let received: Vec<_> = export["messagesReceived"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|event| event["text"].as_str())
            .collect();
        assert_eq!(received, ["Promo brioche : -20 % ce week-end sur Instagram", "EXPORT"]);
        let sent = export["messagesSent"].as_array().unwrap();
        assert!(sent.iter().any(|message| message["machineGenerated"] == true));
        assert!(!answer.text.contains("macarons") && !answer.text.contains(&code_in(&text)));
        assert_eq!(app.browser().get("/api/me/export").await.problem().0, 401);
    })
    .await;
}

#[tokio::test]
async fn s14_o25_what_has_had_its_time_goes_class_by_class() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says("Promo brioche : -20 % ce week-end sur Instagram").await;
        fatou.says("LOGIN").await;
        let browser = app.browser();
        browser.verify(FATOU, &fatou.last_code()).await.ok();
        app.browser().request_code("+33639981009").await.ok();
        app.run_until_idle().await;
        let count = async |sql| app.count(sql).await;

        // A quarter of an hour after their end, all codes are deleted.
        app.advance_ms(15 * 60_000 + 1);
        app.sweep().await;
        assert_eq!(count("SELECT COUNT(*) FROM challenges").await, 0);
        // A day later, no row shows that a code was requested for a stranger's number.
        app.advance_ms(DAY_MS + 3_600_000);
        app.sweep().await;
        for sql in [
            "SELECT COUNT(*) FROM code_sends",
            "SELECT COUNT(*) FROM rate_limits",
            "SELECT COUNT(*) FROM outbox WHERE author_id IS NULL",
        ] {
            assert_eq!(count(sql).await, 0, "{sql}");
        }
        assert!(count("SELECT COUNT(*) FROM inbox WHERE slice <> ''").await > 0);
        // A month: the text of the provider's webhook is deleted. Its key still identifies repeated
        // deliveries.
        app.advance_ms(30 * DAY_MS);
        app.sweep().await;
        assert_eq!(count("SELECT COUNT(*) FROM inbox WHERE slice <> ''").await, 0);
        assert!(count("SELECT COUNT(*) FROM inbox").await > 0);
        assert_eq!(count("SELECT COUNT(*) FROM sessions").await, 0, "not used for a month");
        assert_eq!(count("SELECT COUNT(*) FROM generations").await, 1);
        app.assert_audit_is_clean().await;
        // A year: messages and posts are deleted. The ledger remains.
        app.advance_ms(400 * DAY_MS);
        app.sweep().await;
        for table in ["outbox", "attempts", "generations", "model_calls", "holds", "inbox"] {
            assert!(app.rows(table).await.is_empty(), "{table}");
        }
        assert_eq!(count("SELECT COUNT(*) FROM ledger").await, 3);
    })
    .await;
}

#[tokio::test]
async fn o23_no_code_token_or_number_lies_in_clear_in_the_database() {
    let app = TestApp::start(EngineName::Sqlite, &postly_testkit::Options::default()).await;
    let fatou = app.author();
    fatou.says("LOGIN").await;
    let (code, text) = (fatou.last_code(), fatou.last_text());
    let token = token_in(&text);
    let browser: TestBrowser = app.browser();
    let phrase = browser.post("/api/auth/phrase", &json!({})).await.ok().json();
    let phrase = phrase["phrase"].as_str().unwrap().trim_start_matches('#').replace('-', "");
    let waiting = app.browser();
    waiting.request_code("+33639981002").await.ok();
    let left = dump(&app).await;
    for secret in [&code, &token, &phrase, &waiting.cookie("postly.challenge").unwrap()] {
        assert!(!left.contains(secret.as_str()), "{secret} in {left}");
    }
    assert!(
        app.count("SELECT COUNT(*) FROM outbox WHERE sealed IS NOT NULL").await == 1,
        "one code waits, sealed"
    );
    app.run_until_idle().await;
    assert_eq!(
        app.count("SELECT COUNT(*) FROM outbox WHERE sealed IS NOT NULL").await,
        0,
        "and is gone once it was sent"
    );
    app.assert_audit_is_clean().await;
    app.stop().await;
}
