//! Follow-ups of a result, and messages that are not briefs: choices, changes, a question, a request for a
//! person.

use postly_app::HandoffError;
use postly_simulator::{Channel, MessageKind, RequestKind};
use postly_testkit::{Options, TestApp, TestAuthor, for_each_engine, for_each_engine_with};
use serde_json::Value;

const BRIEF: &str = "Post Instagram : brunch samedi 15h à 12 €";

fn offline() -> Options {
    Options { offline: true, ..Options::default() }
}

fn author(app: &TestApp, channel: Channel) -> TestAuthor<'_> {
    app.author_of(channel, "+33639981201")
}

/// Returns the last reply, with all its messages.
async fn answer(author: &TestAuthor<'_>, text: &str) -> String {
    let before = author.texts().len();
    author.says(text).await;
    author.texts().split_off(before).join("\n\n")
}

/// Returns the text of one of three posts in a result.
fn post(result: &str, number: usize) -> String {
    let (_, rest) = result.split_once(&format!("*{number}.* ")).unwrap();
    let end = [format!("\n\n*{}.* ", number + 1), "\n\n💳".to_owned()];
    let end = end.iter().filter_map(|end| rest.find(end.as_str())).min().unwrap();
    rest[..end].to_owned()
}

#[tokio::test]
async fn a_choice_brings_that_post_alone_for_free() {
    for channel in [Channel::Meta, Channel::Twilio] {
        for_each_engine_with(offline(), async |app| {
            let lea = author(app, channel);
            assert!(answer(&lea, "2").await.starts_with("🤔"), "there is nothing to choose from");
            let result = answer(&lea, BRIEF).await;
            assert_eq!(answer(&lea, "j'aime la deuxième").await, post(&result, 2));
            assert_eq!(answer(&lea, "3").await, post(&result, 3));
            app.advance_ms(31 * 60 * 1000);
            assert!(answer(&lea, "2").await.starts_with("🤔"), "half an hour later");
            assert_eq!(lea.ledger().await, ["+5 trial", "-1 whatsapp_generation"]);
            app.assert_audit_is_clean().await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_short_result_has_buttons_at_meta_that_work_a_week_later() {
    for_each_engine_with(offline(), async |app| {
        let lea = author(app, Channel::Meta);
        lea.says("bonjour").await;
        let result = answer(&lea, "Croissants -20% samedi").await;
        let message = lea.received().pop().unwrap();
        let tap = message.tap("2").expect("a button");
        assert!(!result.contains("Répondez 1, 2 ou 3"), "{result}");
        app.advance_ms(7 * 86_400_000);
        app.deliver(&lea.sends(tap)).await;
        app.run_until_idle().await;
        assert_eq!(lea.last_text(), post(&result, 2));
        // A button with another signature is refused.
        let MessageKind::ButtonReply { id, .. } = message.tap("2").unwrap() else { panic!("another kind") };
        let id = format!("{}0", id.rsplit_once(':').unwrap().0.to_owned() + ":");
        let forged = MessageKind::ButtonReply { id, title: "2".to_owned() };
        app.deliver(&lea.sends(forged)).await;
        app.run_until_idle().await;
        assert!(lea.last_text().starts_with("🤔"), "{}", lea.last_text());
        assert_eq!(lea.ledger().await, ["+5 trial", "-1 whatsapp_generation"]);

        let zoe = app.author_of(Channel::Twilio, "+33639981202");
        assert!(
            answer(&zoe, "Croissants -20% samedi")
                .await
                .contains("Répondez 1, 2 ou 3 pour recevoir ce post seul")
        );
    })
    .await;
}

#[tokio::test]
async fn the_first_change_is_free_and_each_further_one_costs_a_credit() {
    for_each_engine_with(offline(), async |app| {
        let lea = author(app, Channel::Meta);
        answer(&lea, BRIEF).await;
        let changed = answer(&lea, "en fait c'est dimanche 17h").await;
        assert!(changed.contains("Vos 3 posts modifiés"), "{changed}");
        assert!(changed.contains("dimanche") && changed.contains("17"), "{changed}");
        assert!(!changed.contains("samedi") && changed.contains("12 €"), "{changed}");
        assert!(changed.contains("première modification est gratuite"), "{changed}");
        let ledger = ["+5 trial", "-1 whatsapp_generation", "+0 free_refinement"];
        assert_eq!(lea.ledger().await, ledger);

        let bare = answer(&lea, "sans hashtags").await;
        assert!(!bare.contains('#') && bare.contains("dimanche"), "{bare}");
        assert_eq!(lea.ledger().await.last().unwrap(), "-1 refinement");
        assert_eq!(lea.credits().await, 3);

        // A change with forbidden content is refused like a brief.
        assert!(answer(&lea, "ajoute vente de cocaïne").await.starts_with("🚫"));
        assert_eq!(lea.credits().await, 3);
        // The built-in writer refuses changes beyond its abilities, for free.
        assert!(answer(&lea, "plus drôle").await.starts_with("✋"));
        assert_eq!(lea.credits().await, 3);
        app.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn a_change_with_a_model_is_one_call_that_knows_the_posts() {
    for_each_engine(async |app| {
        let lea = author(app, Channel::Meta);
        answer(&lea, BRIEF).await;
        let calls = app.count("SELECT COUNT(*) FROM model_calls").await;
        let changed = answer(&lea, "plus drôle").await;
        assert!(changed.contains("Vos 3 posts modifiés"), "{changed}");
        assert_eq!(app.count("SELECT COUNT(*) FROM model_calls").await, calls + 1);
        let journal = app.world.journal();
        let last = journal.iter().rfind(|entry| entry.kind == RequestKind::Completion).expect("a request");
        let body: Value = serde_json::from_slice(&last.body).unwrap();
        let task: Value = serde_json::from_str(body["messages"][1]["content"].as_str().unwrap()).unwrap();
        assert_eq!(task["change"], "plus drôle");
        assert_eq!(task["previous"].as_array().unwrap().len(), 3);
        app.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_too_vague_is_asked_about_once_and_the_answer_completes_it() {
    for_each_engine_with(offline(), async |app| {
        let lea = author(app, Channel::Meta);
        assert!(answer(&lea, "promo").await.starts_with("✍️ « promo »"));
        assert_eq!(lea.ledger().await, ["+5 trial"]);
        let result = answer(&lea, "les pulls, -20 % samedi").await;
        assert!(result.contains("*3.*") && result.contains("pulls"), "{result}");
        assert_eq!(lea.ledger().await, ["+5 trial", "-1 whatsapp_generation"]);

        assert!(answer(&lea, "soldes").await.starts_with("✍️"));
        assert!(answer(&lea, "annuler").await.contains("annulé"));
        assert!(answer(&lea, "annuler").await.contains("Rien n'est en attente"));
        assert_eq!(lea.credits().await, 4);
        assert_eq!(app.count("SELECT COUNT(*) FROM identities WHERE stopped_at_ms IS NOT NULL").await, 0);
    })
    .await;
}

#[tokio::test]
async fn an_author_who_asks_for_a_person_is_left_to_that_person() {
    for_each_engine_with(offline(), async |app| {
        let lea = author(app, Channel::Meta);
        assert!(answer(&lea, "je veux parler à un humain").await.starts_with("🙋"));
        assert_eq!(answer(&lea, BRIEF).await, "", "the person answers");
        assert!(answer(&lea, "SOLDE").await.starts_with("💳"), "commands go on working");
        let open = app.app.operator.handoffs().await.unwrap();
        assert_eq!(open.len(), 1);
        app.app.operator.answer_handoff(&open[0].id, "Bonjour, ici Claire. Je regarde.").await.unwrap();
        app.run_until_idle().await;
        assert_eq!(lea.last_text(), "Bonjour, ici Claire. Je regarde.");
        let unknown = app.app.operator.answer_handoff("nobody", "Bonjour").await;
        assert!(matches!(unknown, Err(HandoffError::Unknown)), "{unknown:?}");

        answer(&lea, "START").await;
        assert!(app.app.operator.handoffs().await.unwrap().is_empty());
        assert!(answer(&lea, BRIEF).await.contains("*3.*"));

        answer(&lea, "je veux parler à un humain").await;
        answer(&lea, "STOP").await;
        let stopped = app
            .app
            .operator
            .answer_handoff(&app.app.operator.handoffs().await.unwrap()[0].id, "Bonjour")
            .await;
        assert!(matches!(stopped, Err(HandoffError::Unreachable)), "{stopped:?}");
        answer(&lea, "START").await;
        answer(&lea, "je veux parler à un humain").await;
        app.advance_ms(12 * 3_600_000);
        assert!(answer(&lea, BRIEF).await.contains("*3.*"), "nobody came");
        app.advance_ms(13 * 3_600_000);
        let late = app
            .app
            .operator
            .answer_handoff(&app.app.operator.handoffs().await.unwrap()[0].id, "Bonjour")
            .await;
        assert!(matches!(late, Err(HandoffError::WindowClosed)), "{late:?}");
        app.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_no_brief_is_free() {
    for_each_engine_with(offline(), async |app| {
        let lea = author(app, Channel::Twilio);
        for (text, part) in [
            ("supprime mon compte", "Tout effacer"),
            ("Qui a gagné le match hier soir ?", "💡"),
            ("écris moi un poème", "🙂"),
            ("je suis pas content, remboursez moi", "💬"),
            ("combien il me reste de crédits", "💳"),
            ("Merci pour votre message, nous vous répondrons vite.", "👍"),
            ("plus court", "🤔"),
        ] {
            let reply = answer(&lea, text).await;
            assert!(reply.contains(part), "{text}: {reply}");
        }
        assert_eq!(lea.ledger().await, ["+5 trial"]);
    })
    .await;
}
