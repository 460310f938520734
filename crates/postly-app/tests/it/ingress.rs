//! Webhooks: accepted and refused ones, and their stored parts.

use futures_util::future::join_all;
use postly_simulator::{Channel, MessageKind, Webhook};
use postly_testkit::{EngineName, TestApp, for_each_engine};

async fn rows(app: &TestApp) -> i64 {
    app.count("SELECT COUNT(*) FROM inbox").await
}

#[tokio::test]
async fn w12_the_handshake_gives_back_exactly_the_challenge() {
    for_each_engine(async |app| {
        let right = app.world.handshake("<script>1158201444").await;
        assert_eq!((right.status, right.body.as_slice()), (200, b"<script>1158201444".as_slice()));
        assert_eq!(right.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(right.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(app.world.handshake_with("wrong", "1").await.status, 403);
    })
    .await;
}

#[tokio::test]
async fn w02_w06_one_changed_byte_is_refused_and_leaves_nothing() {
    for_each_engine(async |app| {
        for (channel, number) in [(Channel::Meta, "+33639981001"), (Channel::Twilio, "+33639981002")] {
            let webhook = app.author_of(channel, number).writes("Post promo");
            let mut body = webhook.body.clone();
            let position = body.len() / 2;
            body[position] ^= 1;
            let delivery = app.deliver(&webhook.clone().with_body(body)).await;
            assert_eq!((delivery.status, delivery.body.len()), (401, 0), "{channel:?}");
        }
        assert_eq!(rows(app).await, 0);
    })
    .await;
}

#[tokio::test]
async fn w01_w03_w07_t11_no_signature_two_signatures_and_the_other_providers_are_refused() {
    for_each_engine(async |app| {
        let meta = app.author_of(Channel::Meta, "+33639981001").writes("Post promo");
        let twilio = app.author_of(Channel::Twilio, "+33639981002").writes("Post promo");
        let (of_meta, of_twilio) = ("x-hub-signature-256", "x-twilio-signature");
        let signature = |webhook: &Webhook, name: &str| webhook.header(name).expect("a signature").to_owned();
        let twilio_value = signature(&twilio, of_twilio);
        let twice = |webhook: &Webhook, name: &str| {
            let mut webhook = webhook.clone();
            webhook.headers.push((name.to_owned(), signature(&webhook, name)));
            webhook
        };
        for (name, webhook) in [
            ("none, Meta", meta.clone().without_header(of_meta)),
            ("none, Twilio", twilio.clone().without_header(of_twilio)),
            ("both", meta.clone().with_header(of_twilio, &twilio_value)),
            ("Meta's twice", twice(&meta, of_meta)),
            ("Twilio's twice", twice(&twilio, of_twilio)),
            (
                "Twilio's on Meta's body",
                meta.clone().without_header(of_meta).with_header(of_twilio, &twilio_value),
            ),
            ("SHA-1 only", meta.clone().without_header(of_meta).with_header("x-hub-signature", "sha1=00")),
            ("empty", meta.clone().without_header(of_meta).with_header(of_meta, "sha256=")),
            (
                "not hexadecimal",
                meta.clone()
                    .without_header(of_meta)
                    .with_header(of_meta, &format!("sha256={}", "z".repeat(64))),
            ),
        ] {
            assert_eq!(app.deliver(&webhook).await.status, 401, "{name}");
        }
        assert_eq!(rows(app).await, 0);
    })
    .await;
}

#[tokio::test]
async fn the_answers_are_what_each_provider_likes_to_hear() {
    for_each_engine(async |app| {
        let meta = app.deliver(&app.author_of(Channel::Meta, "+33639981001").writes("SOLDE")).await;
        assert_eq!((meta.status, meta.body.len()), (200, 0));
        let twilio = app.deliver(&app.author_of(Channel::Twilio, "+33639981002").writes("SOLDE")).await;
        assert_eq!(twilio.header("content-type"), Some("text/xml"));
        assert!(String::from_utf8_lossy(&twilio.body).ends_with("<Response/>"));
        app.run_until_idle().await;
    })
    .await;
}

#[tokio::test]
async fn w24_a_body_of_four_mebibytes_passes_and_one_byte_more_does_not() {
    const LIMIT: usize = 4_194_304;
    for_each_engine(async |app| {
        let empty = r#"{"object":"whatsapp_business_account","entry":[],"padding":""}"#;
        for (length, status) in [(LIMIT, 200), (LIMIT + 1, 413)] {
            let padding = "x".repeat(length - empty.len());
            let body = empty.replace(r#""padding":"""#, &format!(r#""padding":"{padding}""#));
            assert_eq!(body.len(), length);
            assert_eq!(app.deliver(&app.world.webhook_raw(Channel::Meta, body)).await.status, status);
        }
    })
    .await;
}

#[tokio::test]
async fn w26_w27_what_is_authentic_but_not_understood_is_stored_counted_and_answered_200() {
    for_each_engine(async |app| {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        for body in [
            "not json",
            "",
            "\u{FEFF}{}",
            "{\"object\":\"page\"}",
            "{\"a\":1e400}",
            "\"\\ud800\"",
            &deep,
            "{\"x\":\"\\u0000\"}",
        ] {
            let delivery = app.deliver(&app.world.webhook_raw(Channel::Meta, body)).await;
            assert_eq!(delivery.status, 200, "{body:.40}");
        }
        let stored = rows(app).await;
        assert!(stored >= 6, "{stored}");
        assert_eq!(app.count("SELECT COUNT(*) FROM inbox WHERE state = 'ignored'").await, stored);
        assert_eq!(
            app.count("SELECT COUNT(*) FROM inbox WHERE slice <> ''").await,
            0,
            "nothing of them is kept"
        );
    })
    .await;
}

#[tokio::test]
async fn w18_a_malformed_item_does_not_reject_its_siblings() {
    for_each_engine(async |app| {
        let fatou = app.author();
        let webhook = fatou.writes("SOLDE");
        let body = String::from_utf8(webhook.body).unwrap();
        let broken = body.replacen("\"messages\":[", "\"messages\":[42,{\"id\":7},", 1);
        assert_ne!(broken, body);
        assert_eq!(app.deliver(&app.world.webhook_raw(Channel::Meta, broken)).await.status, 200);
        app.run_until_idle().await;
        assert_eq!(fatou.received().len(), 1);
        assert_eq!(app.count("SELECT COUNT(*) FROM inbox WHERE outcome = 'unreadable'").await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_webhook_that_the_database_refuses_does_not_keep_out_those_that_came_with_it() {
    for_each_engine(async |app| {
        app.change(match app.engine {
            EngineName::Sqlite => {
                "CREATE TRIGGER refuses BEFORE INSERT ON inbox WHEN NEW.slice LIKE '%refuse me%' \
                 BEGIN SELECT RAISE(ABORT, 'refused'); END"
            }
            EngineName::Postgres => "ALTER TABLE inbox ADD CHECK (slice NOT LIKE '%refuse me%')",
        })
        .await;
        let fatou = app.author();
        let texts = (0..40).map(|number| if number == 7 { "refuse me" } else { "SOLDE" });
        let webhooks: Vec<_> = texts.map(|text| fatou.writes(text)).collect();
        let delivered = join_all(webhooks.iter().map(|webhook| app.deliver(webhook))).await;
        let refused: Vec<_> =
            delivered.iter().enumerate().filter(|(_, delivery)| delivery.status != 200).collect();
        assert!(matches!(refused.as_slice(), [(7, delivery)] if delivery.status == 503), "{:?}", app.engine);
        assert_eq!(rows(app).await, 39);
    })
    .await;
}

#[tokio::test]
async fn w31_w38_t08_what_is_for_another_number_or_too_old_is_ignored_by_name() {
    for_each_engine(async |app| {
        let fatou = app.author();
        let body = String::from_utf8(fatou.writes("SOLDE").body).unwrap();
        let foreign = body.replace("106540352242922", "999999999999999");
        assert_eq!(app.deliver(&app.world.webhook_raw(Channel::Meta, foreign)).await.status, 200);
        let day_old = app.world.now_ms() / 1000 - 24 * 3600 - 1;
        let old = app.world.webhook_at(&fatou.person, MessageKind::Text("SOLDE".to_owned()), day_old);
        assert_eq!(app.deliver(&old).await.status, 200);
        let bob = app.author_of(Channel::Twilio, "+33639981002");
        // Signed with our token, for another account.
        let mut form = String::from_utf8(bob.writes("SOLDE").body).unwrap();
        form = form.replace("AC0123456789abcdef0123456789abcdef", "AC99999999999999999999999999999999");
        assert_eq!(app.deliver(&app.world.webhook_raw(Channel::Twilio, form)).await.status, 200);
        app.run_until_idle().await;
        assert_eq!(
            app.texts("SELECT outcome FROM inbox ORDER BY outcome").await,
            ["unrouted", "unrouted", "window_closed"]
        );
        assert_eq!(app.count("SELECT COUNT(*) FROM outbox").await, 0);
        assert_eq!(app.count("SELECT COUNT(*) FROM authors").await, 0);
    })
    .await;
}

#[tokio::test]
async fn messages_of_one_author_are_handled_in_the_providers_order() {
    for_each_engine(async |app| {
        let fatou = app.author();
        let now = app.world.now_ms() / 1000;
        let mut expected = vec![];
        // They arrive in reverse order.
        for number in (0..20).rev() {
            let text = MessageKind::Text("SOLDE".to_owned());
            let webhook = app.world.webhook_at(&fatou.person, text, now - 100 + number);
            expected.insert(0, Some(webhook.id.clone()));
            app.deliver(&webhook).await;
        }
        app.run_until_idle().await;
        let answered: Vec<_> = fatou.received().into_iter().map(|message| message.reply_to).collect();
        assert_eq!(answered, expected);
    })
    .await;
}

#[tokio::test]
async fn w27_a_brief_with_half_an_emoji_is_answered_and_so_are_its_siblings() {
    for_each_engine(async |app| {
        let fatou = app.author();
        let webhook = fatou.writes("Post promo pour les tartes HALF");
        let body = String::from_utf8(webhook.body).unwrap();
        // Meta escapes non-ASCII characters; the phone cut the emoji in two. A name can be cut in the same
        // way.
        let cut = body.replace("HALF", r"\ud83e").replace(r#""name":""#, r#""name":"\udd50"#);
        assert_ne!(cut.matches(r"\ud").count(), body.matches(r"\ud").count());
        assert_eq!(app.deliver(&app.world.webhook_raw(Channel::Meta, cut)).await.status, 200);
        app.run_until_idle().await;
        assert!(fatou.last_text().contains("*3.*"), "{}", fatou.last_text());
        assert_eq!(app.texts("SELECT brief FROM generations").await, ["Post promo pour les tartes \u{fffd}"]);
        assert_eq!(app.count("SELECT COUNT(*) FROM inbox WHERE outcome = 'unreadable'").await, 0);
    })
    .await;
}

#[tokio::test]
async fn w27_a_text_with_a_nul_is_the_same_on_both_engines() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says("Post promo\u{0} pour les tartes").await;
        assert!(fatou.last_text().contains("*3.*"), "{}", fatou.last_text());
        assert_eq!(app.texts("SELECT brief FROM generations").await, ["Post promo pour les tartes"]);
    })
    .await;
}
