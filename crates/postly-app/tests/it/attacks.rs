//! Hostile messages with a valid signature, and forged ones.

use std::time::Duration;

use postly_simulator::{Channel, MessageKind, Webhook, meta_signature};
use postly_testkit::{EngineName, Options, TestApp, for_each_engine, for_each_engine_with};
use serde_json::Value;

const CHANNELS: [(Channel, &str); 2] = [(Channel::Meta, "+33639981001"), (Channel::Twilio, "+33639981002")];

/// The same webhook with another body, signed as Meta signs it.
fn signed_again(app: &TestApp, webhook: &Webhook, change: impl Fn(&str) -> String) -> Webhook {
    let body = String::from_utf8(webhook.body.clone()).unwrap();
    let changed = change(&body);
    assert_ne!(changed, body, "the change changes something");
    app.world.webhook_raw(webhook.channel, changed)
}

#[tokio::test]
async fn w05_the_bytes_are_signed_and_not_what_they_mean() {
    for_each_engine(async |app| {
        let fatou = app.author();
        let webhook = fatou.writes("Crée un post 🥐 / SOLDE");
        let value: Value = serde_json::from_slice(&webhook.body).unwrap();
        let again = value.to_string();
        assert_ne!(again.as_bytes(), webhook.body, "Meta escapes what we would write plainly");
        let secret = &app.world.config().meta.app_secret;
        let name = "x-hub-signature-256";
        // The signature of one body with the other body, both ways.
        let of_again = webhook.clone().with_header(name, &meta_signature(secret, again.as_bytes()));
        assert_eq!(app.deliver(&of_again).await.status, 401);
        assert_eq!(app.deliver(&webhook.clone().with_body(again.clone())).await.status, 401);
        assert_eq!(app.count("SELECT COUNT(*) FROM inbox").await, 0);
        // Each body with its own signature.
        assert_eq!(app.deliver(&webhook).await.status, 200);
        let spaced = again.replace(':', " : \t").replace(',', "\r\n, ");
        assert_eq!(app.deliver(&app.world.webhook_raw(Channel::Meta, spaced)).await.status, 200);
        app.run_until_idle().await;
        assert_eq!(app.count("SELECT COUNT(*) FROM inbox").await, 1, "it is the same message");
    })
    .await;
}

#[tokio::test]
async fn w06_nothing_in_a_signed_body_can_be_exchanged() {
    for_each_engine(async |app| {
        let fatou = app.author();
        let webhook = fatou.writes("SOLDE");
        let body = String::from_utf8(webhook.body.clone()).unwrap();
        for (what, by) in [
            ("33639981001", "33639981009"),
            ("SOLDE", "SALDO"),
            ("106540352242922", "106540352242923"),
            ("\"type\":\"text\"", "\"type\":\"texts\""),
        ] {
            let changed = body.replace(what, by);
            assert_ne!(changed, body);
            assert_eq!(app.deliver(&webhook.clone().with_body(changed)).await.status, 401, "{what}");
        }
        let bob = app.author_of(Channel::Twilio, "+33639981002");
        let webhook = bob.writes("SOLDE");
        let form = String::from_utf8(webhook.body.clone()).unwrap();
        for (what, by) in [("33639981002", "33639981009"), ("SOLDE", "SALDO"), ("NumMedia=0", "NumMedia=1")] {
            let changed = form.replace(what, by);
            assert_ne!(changed, form);
            assert_eq!(app.deliver(&webhook.clone().with_body(changed)).await.status, 401, "{what}");
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM inbox").await, 0);
    })
    .await;
}

#[tokio::test]
async fn w15_of_two_texts_under_one_id_the_first_counts() {
    for_each_engine(async |app| {
        for (channel, number) in CHANNELS {
            let fatou = app.author_of(channel, number);
            let first = fatou.writes("SOLDE");
            let second = signed_again(app, &first, |body| body.replace("SOLDE", "AIDE"));
            assert_eq!(app.deliver(&first).await.status, 200);
            assert_eq!(app.deliver(&second).await.status, 200);
            app.run_until_idle().await;
            assert_eq!(fatou.received().len(), 1, "{channel:?}");
            assert!(fatou.last_text().contains("Crédits restants"), "{}", fatou.last_text());
        }
    })
    .await;
}

#[tokio::test]
async fn w16_the_same_text_under_another_id_is_another_order() {
    for_each_engine(async |app| {
        for (channel, number) in CHANNELS {
            let fatou = app.author_of(channel, number);
            for _ in 0..2 {
                fatou.says("Post promo pour Instagram").await;
            }
            let ledger = ["+5 trial", "-1 whatsapp_generation", "-1 whatsapp_generation"];
            assert_eq!(fatou.ledger().await, ledger, "{channel:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn w27_a_name_no_database_takes_and_a_field_named_twice_harm_nobody() {
    for_each_engine(async |app| {
        for (channel, number) in CHANNELS {
            let fatou = app.author_of(channel, number);
            let named = fatou.person.clone().named("Fa\0tou\u{202E}\u{FEFF}\r\n\u{1b}[31m");
            assert_eq!(app.deliver(&app.world.webhook_text(&named, "SOLDE")).await.status, 200);
            app.run_until_idle().await;
            assert_eq!(fatou.received().len(), 1, "{channel:?}");
        }
        let fatou = app.author();
        let webhook = fatou.writes("SOLDE");
        for (what, by) in [
            (r#""type":"text""#, r#""type":"text","type":"image""#),
            (r#""body":"SOLDE""#, r#""body":"AIDE","body":"SOLDE""#),
            (r#""body":"SOLDE""#, r#""body":"\ud800""#),
            (r#""body":"SOLDE""#, r#""body":"SOLDE","x":1e400"#),
            (r#""object":"#, r#""object":"page","object":"#),
            (r#""entry":"#, r#""entry":[],"entry":"#),
        ] {
            let changed = signed_again(app, &webhook, |body| body.replacen(what, by, 1));
            assert_eq!(app.deliver(&changed).await.status, 200, "{by}");
        }
        app.run_until_idle().await;
        assert_eq!(app.count("SELECT COUNT(*) FROM inbox WHERE state = 'ready'").await, 0);
        // None of these messages blocks the next one.
        assert_eq!(app.deliver(&fatou.writes("AIDE")).await.status, 200);
        app.run_until_idle().await;
        assert!(fatou.last_text().contains("Postly-AI écrit vos posts"), "{}", fatou.last_text());
    })
    .await;
}

#[tokio::test]
async fn w29_a_brief_may_be_long_and_one_that_is_too_long_is_refused_once_and_for_free() {
    for_each_engine(async |app| {
        for (channel, number) in CHANNELS {
            let fatou = app.author_of(channel, number);
            let calls = app.count("SELECT COUNT(*) FROM model_calls").await;
            for length in [65_536, 4_097] {
                let before = fatou.received().len();
                fatou.says(&"é".repeat(length)).await;
                assert_eq!(fatou.received().len(), before + 1, "{length}");
                assert!(fatou.last_text().contains("trop long"), "{}", fatou.last_text());
            }
            assert_eq!(fatou.ledger().await, ["+5 trial"]);
            assert_eq!(app.count("SELECT COUNT(*) FROM model_calls").await, calls, "no model was asked");

            let mut brief = "Annonce nos nouveaux croissants. ".repeat(200);
            brief.truncate(4_096);
            fatou.says(&brief).await;
            assert!(app.count("SELECT COUNT(*) FROM model_calls").await > calls, "{channel:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn w37_a_thousand_forgeries_leave_nothing_and_hold_up_nobody() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let fatou = app.author();
    let forged = fatou.writes("Post promo").with_header("x-hub-signature-256", &format!("sha256={:064}", 0));
    // This body is not even JSON: the signature is checked first.
    let garbage = forged.clone().with_body("{".repeat(10_000));
    let mut forgers = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (world, forged, garbage) = (app.world.clone(), forged.clone(), garbage.clone());
        forgers.spawn(async move {
            for _ in 0..10 {
                assert_eq!(world.deliver(&forged).await.status, 401);
                assert_eq!(world.deliver(&garbage).await.status, 401);
            }
        });
    }
    let mut honest = 0;
    while !forgers.is_empty() {
        let webhook = fatou.writes("SOLDE");
        let delivered = tokio::time::timeout(Duration::from_secs(2), app.deliver(&webhook)).await;
        assert_eq!(delivered.expect("an answer in time").status, 200);
        honest += 1;
        while let Some(ended) = forgers.try_join_next() {
            ended.unwrap();
        }
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM inbox").await, honest);
    app.run_until_idle().await;
    app.stop().await;
}

/// SQL injections, placed in every field that a person can fill.
const SQL: [&str; 8] = [
    "'; DROP TABLE inbox; --",
    "\" OR \"1\"=\"1",
    "Robert'); DELETE FROM ledger;--",
    "1; UPDATE wallets SET balance = 999",
    "' UNION SELECT id, body FROM outbox --",
    "$1 ?1 :name @p %s {} \\",
    "pg_sleep(10)",
    "\\'; VACUUM; --",
];

#[tokio::test]
async fn s11_sql_in_every_field_is_text_like_any_other() {
    let options = Options { trial_credits: 20, ..Options::default() };
    for_each_engine_with(options, async |app| {
        for (channel, number) in CHANNELS {
            let fatou = app.author_of(channel, number);
            for (index, hostile) in SQL.into_iter().enumerate() {
                let person = fatou.person.clone().named(hostile);
                let brief = format!("Post promo croissants {hostile}");
                let webhook = app.world.webhook_text(&person, &brief);
                let webhook = if channel == Channel::Meta {
                    // A hostile message id, which only a sender with the secret could send.
                    let hostile = hostile.replace(['\\', '"'], "");
                    let body = String::from_utf8(webhook.body.clone()).unwrap();
                    app.world
                        .webhook_raw(channel, body.replace(&webhook.id, &format!("wamid.{hostile}{index}")))
                } else {
                    webhook
                };
                assert_eq!(app.deliver(&webhook).await.status, 200, "{hostile}");
                app.deliver(&app.world.webhook_status(hostile, postly_simulator::MessageStatus::Sent, None))
                    .await;
                app.deliver(&app.world.webhook_kind(&person, MessageKind::Image { caption: Some(brief) }))
                    .await;
                app.run_until_idle().await;
            }
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM authors").await, 2);
        assert_eq!(app.count("SELECT COUNT(*) FROM inbox WHERE state = 'ready'").await, 0);
        let briefs = app.texts("SELECT DISTINCT brief FROM generations").await;
        for brief in &briefs {
            assert!(SQL.iter().any(|hostile| brief.ends_with(hostile)), "{brief}");
        }
        assert!(briefs.len() >= SQL.len() - 1, "{briefs:#?}");
    })
    .await;
}
