//! Free replies: commands, small talk, hints.

use postly_simulator::{Channel, MessageKind};
use postly_testkit::{Options, for_each_engine, for_each_engine_with};

#[tokio::test]
async fn commands_are_answered_for_free_in_the_language_of_the_author() {
    for_each_engine(async |app| {
        let fatou = app.author();
        let expect = async |text: &str, part: &str| {
            fatou.says(text).await;
            assert!(fatou.last_text().contains(part), "{text}: {}", fatou.last_text());
        };
        expect("AIDE", "*Postly-AI écrit vos posts*").await;
        expect("/solde", "💳 Crédits restants: 5").await;
        expect("LANG en", "I will speak English").await;
        expect("balance", "💳 Credits left: 5").await;
        expect("LOGIN", "Your Postly-AI verification code: *").await;
        expect("RECHARGE", "*Postly-AI writes your posts*").await;
        expect("Lang", "I speak English").await;
        expect("lang de", "I do not know this language").await;
        expect("STOP", "we will not write to you").await;
        expect("START", "Good to have you back").await;
        expect("gen", "What do you want to announce?").await;
        expect("merci", "My pleasure").await;
        expect("👍", "Send the idea").await;
        expect("how much is it?", "1 credit per request").await;
        expect(&"a b ".repeat(1200), "too long").await;
        for (language, word) in [("es", "español"), ("pt", "português"), ("ar", "العربية")] {
            expect(&format!("lang {language}"), word).await;
        }
        assert_eq!(fatou.ledger().await, ["+5 trial"]);
        assert_eq!(app.count("SELECT COUNT(*) FROM model_calls").await, 0);
    })
    .await;
}

#[tokio::test]
async fn l21_stop_is_noted_and_what_she_writes_afterwards_is_answered() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says("Arrêt").await;
        assert_eq!(fatou.received().len(), 1);
        assert_eq!(app.count("SELECT COUNT(*) FROM identities WHERE stopped_at_ms IS NOT NULL").await, 1);
        fatou.says("Post promo pour Instagram").await;
        assert!(fatou.last_text().contains("*3.*"), "{}", fatou.last_text());
        fatou.says("START").await;
        assert_eq!(app.count("SELECT COUNT(*) FROM identities WHERE stopped_at_ms IS NOT NULL").await, 0);
    })
    .await;
}

#[tokio::test]
async fn w20_what_we_cannot_read_gets_one_hint_a_day_and_reactions_none() {
    for_each_engine(async |app| {
        for (channel, number) in [(Channel::Meta, "+33639981020"), (Channel::Twilio, "+33639981021")] {
            let fatou = app.author_of(channel, number);
            for kind in [
                MessageKind::Audio { voice: true },
                MessageKind::Image { caption: None },
                MessageKind::Location,
                MessageKind::Sticker,
            ] {
                app.deliver(&fatou.sends(kind)).await;
                app.run_until_idle().await;
            }
            assert_eq!(fatou.received().len(), 1, "{channel:?}");
            assert!(fatou.last_text().contains("Je ne lis que du texte"));
            app.advance_ms(24 * 3_600_000);
            app.deliver(&fatou.sends(MessageKind::Video { caption: None })).await;
            app.run_until_idle().await;
            assert_eq!(fatou.received().len(), 2, "{channel:?}");
        }
        let fatou = app.author();
        let reaction =
            MessageKind::Reaction { message_id: "wamid.X".to_owned(), emoji: Some("👍".to_owned()) };
        app.deliver(&fatou.sends(reaction)).await;
        app.run_until_idle().await;
        assert_eq!(fatou.received().len(), 0);
    })
    .await;
}

#[tokio::test]
async fn without_credit_the_answer_tells_where_to_get_some() {
    let options = Options { trial_credits: 0, ..Options::default() };
    for_each_engine_with(options, async |app| {
        let fatou = app.author();
        fatou.says("Post promo pour Instagram").await;
        let text = fatou.last_text();
        for part in [
            "❌ Crédits insuffisants. Visitez le site web pour recharger vos crédits.",
            "https://postly.example",
            "LOGIN",
            "5 crédits de bienvenue",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(text.starts_with("🎁"), "the way to the welcome credits comes first: {text}");
        // A later message receives the reply again.
        fatou.says("Post promo pour Facebook").await;
        assert_eq!(fatou.received().len(), 2);
        assert_eq!(app.count("SELECT COUNT(*) FROM model_calls").await, 0);
    })
    .await;
}

#[tokio::test]
async fn l19_a_flood_gets_one_notice_and_ends_by_name() {
    for_each_engine(async |app| {
        let fatou = app.author();
        for number in 0..75 {
            assert_eq!(app.deliver(&fatou.writes(&format!("SOLDE{}", " ".repeat(number)))).await.status, 200);
        }
        app.run_until_idle().await;
        // The pair limit allows 45 messages at once; the others follow one by one.
        for _ in 0..20 {
            app.advance_ms(6_000);
            app.run_until_idle().await;
        }
        let texts = fatou.texts();
        assert_eq!(texts.iter().filter(|text| text.contains("⏳")).count(), 1);
        assert_eq!(texts.len(), 61);
        assert_eq!(app.count("SELECT COUNT(*) FROM inbox WHERE outcome = 'flood'").await, 15);
    })
    .await;
}

#[tokio::test]
async fn the_balance_names_the_last_five_movements_in_words() {
    for_each_engine(async |app| {
        let fatou = app.author();
        for day in ["lundi", "mardi", "jeudi", "vendredi", "samedi"] {
            fatou.says(&format!("GEN promo brioche 4 € {day}")).await;
        }
        app.app.operator.adjust(&fatou.who(), 2, "for a test").await.unwrap();
        fatou.says("SOLDE").await;
        let lines: Vec<String> = fatou.last_text().lines().map(str::to_owned).collect();
        let spent = "-1 · 3 posts demandés sur WhatsApp";
        assert_eq!(
            lines,
            [
                "💳 Crédits restants: 2",
                "",
                "Derniers mouvements :",
                "+2 · Correction par le support",
                spent,
                spent,
                spent,
                spent
            ]
        );
        fatou.says("LANG ar").await;
        fatou.says("رصيد").await;
        assert!(fatou.last_text().contains("+2 · تصحيح من الدعم"), "{}", fatou.last_text());
    })
    .await;
}
