//! The main journey: a brief becomes three posts, paid exactly once.

use std::collections::BTreeSet;

use postly_simulator::Channel;
use postly_testkit::{Options, TestApp, for_each_engine, for_each_engine_and_a_pooler, for_each_engine_with};

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";
const CHANNELS: [(Channel, &str); 2] = [(Channel::Meta, "+33639981001"), (Channel::Twilio, "+33639981002")];

#[tokio::test]
async fn a_brief_becomes_three_posts_through_either_provider() {
    for_each_engine_and_a_pooler(async |app| {
        for (channel, number) in CHANNELS {
            let fatou = app.author_of(channel, number);
            fatou.says(BRIEF).await;

            let all = fatou.texts().join("\n\n");
            assert!(all.starts_with("✨ *3 Posts générés pour vous:*\n\n*1.* "), "{all}");
            for part in ["*2.* ", "*3.* ", "-20 %", "croissants", "ce week-end", "💳 Crédits restants: 4"]
            {
                assert!(all.contains(part), "{part} in {all}");
            }
            for part in ["Postly-AI : une IA écrit", "Conditions : https://postly.example/terms"] {
                assert!(all.contains(part), "the first reply says who we are, and on what terms: {all}");
            }
            assert_eq!(fatou.ledger().await, ["+5 trial", "-1 whatsapp_generation"]);
            assert_eq!((fatou.wallet().await.balance, fatou.wallet().await.held), (4, 0));

            // The second reply has no introduction, and refers to the message that it answers.
            let second = fatou.writes("Annonce l'ouverture de ma boulangerie samedi");
            app.deliver(&second).await;
            app.run_until_idle().await;
            assert!(!fatou.last_text().contains("Postly-AI"), "{}", fatou.last_text());
            let reply_to = fatou.received().last().and_then(|message| message.reply_to.clone());
            if channel == Channel::Meta {
                assert_eq!(reply_to.as_deref(), Some(second.id.as_str()));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_built_in_writer_says_that_it_is_no_ai() {
    let options = Options { offline: true, ..Options::default() };
    for_each_engine_with(options, async |app| {
        let fatou = app.author();
        fatou.says(BRIEF).await;
        let all = fatou.texts().join("\n\n");
        for number in 1..=3 {
            assert!(all.contains(&format!("*{number}.* ")), "{all}");
        }
        assert_eq!(all.matches("-20 %").count(), 3, "the offer stands in each post: {all}");
        assert!(all.contains("sans IA"), "{all}");
    })
    .await;
}

#[tokio::test]
async fn w13_w14_t10_a_message_delivered_twenty_times_at_once_and_weeks_later_has_one_effect() {
    for_each_engine_and_a_pooler(async |app| {
        for (channel, number) in CHANNELS {
            let fatou = app.author_of(channel, number);
            let webhook = fatou.writes(BRIEF);
            // Twilio's token names a delivery, and half of these have none: the message id identifies
            // duplicates.
            let token = "i-twilio-idempotency-token";
            let copies: Vec<_> = (0..20)
                .map(|copy| {
                    let webhook = webhook.clone();
                    if copy % 2 == 0 { webhook } else { webhook.without_header(token) }
                })
                .collect();
            deliver_all(app, &copies).await;
            app.run_until_idle().await;
            let first = fatou.texts();
            const HOUR_MS: i64 = 3_600_000;
            for hours_later in [1, 7 * 24, 24, 21 * 24] {
                app.advance_ms(hours_later * HOUR_MS);
                assert_eq!(app.deliver(&webhook).await.status, 200);
                app.run_until_idle().await;
                assert_eq!(fatou.texts(), first, "{hours_later} h later");
            }
            assert_eq!(fatou.ledger().await, ["+5 trial", "-1 whatsapp_generation"]);
        }
    })
    .await;
}

#[tokio::test]
async fn c01_fifty_messages_at_once_are_charged_as_often_as_there_are_credits() {
    let options = Options { trial_credits: 0, ..Options::default() };
    for_each_engine_with(options, async |app| {
        for (number, credits) in [("+33639981001", 1), ("+33639981004", 5)] {
            let fatou = app.author_of(Channel::Meta, number).has_credits(credits).await;
            let webhooks: Vec<_> = (0..50)
                .map(|number| fatou.writes(&format!("Post promo numéro {number} pour Instagram")))
                .collect();
            deliver_all(app, &webhooks).await;
            app.run_until_idle().await;

            let texts = fatou.texts();
            let results = texts.iter().filter(|text| text.contains("*1.*")).count();
            assert_eq!(i64::try_from(results).unwrap(), credits);
            let refusals = texts.iter().filter(|text| text.contains("❌ Crédits insuffisants")).count();
            assert_eq!(refusals, 1, "{texts:#?}");
            assert_eq!((fatou.wallet().await.balance, fatou.wallet().await.held), (0, 0));
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM inbox WHERE state = 'answered'").await, 100);
    })
    .await;
}

#[tokio::test]
async fn c02_an_author_who_writes_through_both_providers_at_once_has_one_balance() {
    let options = Options { trial_credits: 0, ..Options::default() };
    for_each_engine_with(options, async |app| {
        let number = "+33639981003";
        let on_meta = app.author_of(Channel::Meta, number).has_credits(5).await;
        let on_twilio = app.author_of(Channel::Twilio, number);
        let webhooks: Vec<_> = (0..50)
            .map(|count| {
                let author = if count % 2 == 0 { &on_meta } else { &on_twilio };
                author.writes(&format!("Post promo numéro {count} pour Instagram"))
            })
            .collect();
        deliver_all(app, &webhooks).await;
        app.run_until_idle().await;

        let results = [&on_meta, &on_twilio]
            .map(|author| author.texts().iter().filter(|text| text.contains("*1.*")).count());
        assert_eq!(results.iter().sum::<usize>(), 5, "{results:?}");
        for author in [&on_meta, &on_twilio] {
            let refusals = author.texts().iter().filter(|text| text.contains("❌ Crédits")).count();
            assert_eq!(refusals, 1);
        }
        assert_eq!((on_meta.wallet().await.balance, on_meta.wallet().await.held), (0, 0));
        assert_eq!(app.count("SELECT COUNT(*) FROM authors").await, 1);
    })
    .await;
}

#[tokio::test]
async fn w17_a_batch_of_a_thousand_messages_of_fifty_people_is_answered_once_each_and_in_order() {
    for_each_engine(async |app| {
        let people: Vec<_> =
            (0..50).map(|number| app.author_of(Channel::Meta, &format!("+3363998{number:04}"))).collect();
        // The size of Meta's largest batch, 2.9 MB: each command is padded with spaces.
        let text = format!("SOLDE{}", " ".repeat(2_450));
        let items: Vec<_> =
            (0..1000).map(|number| (people[number % 50].person.clone(), text.clone())).collect();
        let batch = app.world.webhook_batch(&items);
        assert!(batch.body.len() > 2_800_000 && batch.body.len() < 4_194_304, "{}", batch.body.len());
        assert_eq!(app.deliver(&batch).await.status, 200);
        app.run_until_idle().await;

        for (index, person) in people.iter().enumerate() {
            let asked: Vec<_> = batch.ids.iter().skip(index).step_by(50).cloned().map(Some).collect();
            let answered: Vec<_> = person.received().into_iter().map(|message| message.reply_to).collect();
            assert_eq!(answered, asked, "person {index}");
        }
        assert_eq!(
            app.count("SELECT COUNT(DISTINCT slice) FROM inbox").await,
            1000,
            "no row holds two messages"
        );
    })
    .await;
}

#[tokio::test]
async fn l02_no_stored_row_mixes_two_peoples_content() {
    for_each_engine(async |app| {
        let amelie = app.author_of(Channel::Meta, "+33639981010");
        let bob = app.author_of(Channel::Meta, "+33639981011");
        let items = [
            (amelie.person.clone(), "Promo AMELIE sur les tartes".to_owned()),
            (bob.person.clone(), "Promo BOB sur les pneus".to_owned()),
        ];
        app.deliver(&app.world.webhook_batch(&items)).await;
        app.run_until_idle().await;
        let mut rows = app.texts("SELECT slice FROM inbox").await;
        rows.extend(app.texts("SELECT body FROM outbox").await);
        rows.extend(app.texts("SELECT brief || variants FROM generations").await);
        assert!(rows.len() >= 6);
        for row in rows {
            let hers = row.contains("AMELIE") || row.contains("33639981010");
            let his = row.contains("BOB") || row.contains("33639981011");
            assert!(!(hers && his), "{row}");
        }
    })
    .await;
}

#[tokio::test]
async fn every_model_call_is_on_the_books() {
    for_each_engine(async |app| {
        app.author().says(BRIEF).await;
        let books = app.texts("SELECT model || ' ' || stage || ' ' || outcome FROM model_calls").await;
        assert_eq!(books.len(), 1, "{books:?}");
        assert!(books[0].starts_with("gpt-6-luna draft "), "{books:?}");
        assert_eq!(app.count("SELECT COUNT(*) FROM model_calls WHERE prompt_tokens > 0").await, 1);
    })
    .await;
}

#[tokio::test]
async fn l02_nothing_that_leaves_for_the_model_names_the_author() {
    for_each_engine(async |app| {
        app.author().says(BRIEF).await;
        let authors: BTreeSet<_> = app.texts("SELECT id FROM authors").await.into_iter().collect();
        for entry in app.world.journal() {
            if entry.upstream == postly_simulator::Upstream::Model {
                let body = String::from_utf8_lossy(&entry.body);
                assert!(!body.contains("639981001"), "the number is in a prompt");
                assert!(!authors.iter().any(|id| body.contains(id)), "the author's id is in a prompt");
            }
        }
    })
    .await;
}

/// Delivers webhooks at once; all are acknowledged.
async fn deliver_all(app: &TestApp, webhooks: &[postly_simulator::Webhook]) {
    let mut tasks = tokio::task::JoinSet::new();
    for webhook in webhooks {
        let (world, webhook) = (app.world.clone(), webhook.clone());
        tasks.spawn(async move { world.deliver(&webhook).await.status });
    }
    while let Some(status) = tasks.join_next().await {
        assert_eq!(status.expect("no panic"), 200);
    }
}
