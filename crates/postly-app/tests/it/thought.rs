//! Two messages that form one brief, and briefs that arrive late.

use postly_simulator::{Channel, MessageKind};
use postly_testkit::{Options, for_each_engine_with};

fn offline() -> Options {
    Options { offline: true, ..Options::default() }
}

#[tokio::test]
async fn a_text_that_is_no_brief_waits_for_the_next_and_both_are_one() {
    for channel in [Channel::Meta, Channel::Twilio] {
        for_each_engine_with(offline(), async |app| {
            let lea = app.author_of(channel, "+33639981401");
            app.deliver(&lea.writes("croissants")).await;
            app.run_until_idle().await;
            assert!(lea.texts().is_empty(), "it waits");
            app.advance_ms(900);
            app.deliver(&lea.writes("-20 % ce week-end")).await;
            app.run_until_idle().await;
            app.advance_ms(600);
            app.run_until_idle().await;
            let result = lea.texts().join("\n");
            assert!(
                result.contains("*3.*") && result.contains("roissants") && result.contains("-20 %"),
                "{result}"
            );
            assert_eq!(result.matches("Crédits restants").count(), 1, "{result}");
            assert_eq!(lea.ledger().await, ["+5 trial", "-1 whatsapp_generation"]);
            assert_eq!(app.count("SELECT COUNT(*) FROM inbox WHERE outcome = 'joined'").await, 1);
            app.assert_audit_is_clean().await;
        })
        .await;
    }
}

#[tokio::test]
async fn alone_it_is_asked_about_and_what_does_not_continue_it_is_read_apart() {
    for_each_engine_with(offline(), async |app| {
        let lea = app.author_of(Channel::Meta, "+33639981402");
        app.deliver(&lea.writes("croissants")).await;
        app.run_until_idle().await;
        app.advance_ms(1_499);
        app.run_until_idle().await;
        assert!(lea.texts().is_empty());
        app.advance_ms(1);
        app.run_until_idle().await;
        assert!(lea.last_text().starts_with("✍️ « croissants »"));

        for (second, answers) in [("SOLDE", 2), ("merci", 2), ("GEN pulls -20 % samedi", 2)] {
            let zoe = app.author_of(Channel::Meta, &format!("+3363998141{}", second.len() % 10));
            let zoe = zoe.has_credits(3).await;
            app.deliver(&zoe.writes("promo")).await;
            app.deliver(&zoe.writes(second)).await;
            app.run_until_idle().await;
            assert!(zoe.texts().len() >= answers, "{second}: {:?}", zoe.texts());
            assert!(zoe.texts().iter().any(|text| text.starts_with("✍️ « promo »")), "{second}");
        }
        // Two complete briefs have two results.
        let awa = app.author_of(Channel::Meta, "+33639981420").has_credits(3).await;
        app.deliver(&awa.writes("-20 % sur les croissants samedi")).await;
        app.deliver(&awa.writes("-30 % sur les pulls dimanche")).await;
        app.run_until_idle().await;
        assert_eq!(awa.ledger().await.iter().filter(|entry| *entry == "-1 whatsapp_generation").count(), 2);
        assert_eq!(app.count("SELECT COUNT(*) FROM inbox WHERE outcome = 'joined'").await, 0);
        app.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn a_second_half_that_is_deleted_or_edited_counts_as_it_is_left() {
    for_each_engine_with(offline(), async |app| {
        let lea = app.author_of(Channel::Meta, "+33639981403");
        app.deliver(&lea.writes("croissants")).await;
        let second = lea.writes("-20 % ce week-end");
        app.deliver(&second).await;
        app.deliver(&lea.sends(MessageKind::Revoke { message_id: second.id.clone() })).await;
        app.run_until_idle().await;
        assert!(lea.last_text().starts_with("✍️ « croissants »"), "{}", lea.last_text());
        assert_eq!(lea.ledger().await, ["+5 trial"]);
        app.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn a_brief_older_than_ten_minutes_is_asked_about_before_it_costs() {
    for channel in [Channel::Meta, Channel::Twilio] {
        for_each_engine_with(offline(), async |app| {
            let lea = app.author_of(channel, "+33639981404");
            let early = lea.writes("-20 % sur les croissants samedi");
            app.deliver(&early).await;
            app.advance_ms(10 * 60_000 + 1);
            app.run_until_idle().await;
            assert!(
                lea.last_text().starts_with("⏳ Votre message « -20 % sur les croissants samedi »"),
                "{}",
                lea.last_text()
            );
            assert_eq!(lea.ledger().await, ["+5 trial"]);
            lea.says("ok").await;
            assert!(lea.texts().join("\n").contains("*3.*"));
            assert_eq!(lea.ledger().await, ["+5 trial", "-1 whatsapp_generation"]);

            // Only a plain yes writes, and a text from before the question answers nothing.
            app.deliver(&lea.writes("-40 % sur les brioches lundi")).await;
            app.advance_ms(60_000);
            app.deliver(&lea.writes("ok")).await;
            app.advance_ms(9 * 60_000 + 30_000);
            app.run_until_idle().await;
            lea.says("non").await;
            assert!(lea.last_text().contains("annulé"), "{}", lea.last_text());
            app.deliver(&lea.writes("-40 % sur les brioches mardi")).await;
            app.advance_ms(11 * 60_000);
            app.run_until_idle().await;
            for words in ["bonne soirée", "Trop tard, c'est fini"] {
                lea.says(words).await;
            }
            assert_eq!(lea.credits().await, 4);

            app.deliver(&lea.writes("-30 % sur les pulls dimanche")).await;
            // Meta's timestamps have whole seconds.
            app.advance_ms(10 * 60_000 - 1_000);
            app.run_until_idle().await;
            assert_eq!(lea.credits().await, 3, "ten minutes are not late");
            app.assert_audit_is_clean().await;
        })
        .await;
    }
}
