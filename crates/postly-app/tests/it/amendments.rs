//! Messages that are deleted or edited, before and after they are handled. Only Meta has these events.

use postly_simulator::{MessageKind, Webhook};
use postly_testkit::{TestApp, TestAuthor, for_each_engine};

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants";

fn revokes(author: &TestAuthor<'_>, message: &Webhook) -> Webhook {
    author.sends(MessageKind::Revoke { message_id: message.id.clone() })
}

fn edits(author: &TestAuthor<'_>, message: &Webhook, text: &str) -> Webhook {
    let now = Box::new(MessageKind::Text(text.to_owned()));
    author.sends(MessageKind::Edit { message_id: message.id.clone(), now })
}

async fn deliver(app: &TestApp, webhook: &Webhook) {
    assert_eq!(app.deliver(webhook).await.status, 200);
}

async fn ended(app: &TestApp) -> Vec<String> {
    app.texts("SELECT state || ' ' || COALESCE(outcome, '') FROM inbox ORDER BY id").await
}

#[tokio::test]
async fn a17_a_brief_deleted_before_its_turn_is_neither_written_nor_paid() {
    for_each_engine(async |app| {
        let fatou = app.author().has_credits(3).await;
        let brief = fatou.writes(BRIEF);
        deliver(app, &brief).await;
        deliver(app, &revokes(&fatou, &brief)).await;
        app.run_until_idle().await;
        assert_eq!(fatou.received().len(), 0);
        assert_eq!(ended(app).await, ["ignored revoked", "ignored nothing_to_say"]);
        assert_eq!(app.count("SELECT COUNT(*) FROM model_calls").await, 0);
        assert_eq!(app.count("SELECT COUNT(*) FROM holds").await, 0);
        // The next message is answered as usual.
        fatou.says(BRIEF).await;
        assert!(fatou.last_text().contains("*3.*"));
    })
    .await;
}

#[tokio::test]
async fn a17_a_deletion_that_comes_before_its_message_holds() {
    for_each_engine(async |app| {
        let fatou = app.author().has_credits(3).await;
        let brief = fatou.writes(BRIEF);
        deliver(app, &revokes(&fatou, &brief)).await;
        app.run_until_idle().await;
        // Meta repeats webhooks that failed, and not in order.
        deliver(app, &brief).await;
        app.run_until_idle().await;
        assert_eq!(fatou.received().len(), 0);
        assert_eq!(ended(app).await, ["applied ", "ignored revoked"]);
        assert_eq!(app.count("SELECT COUNT(*) FROM model_calls").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a17_a_deletion_after_the_turn_of_its_message_is_silent_and_changes_nothing() {
    for_each_engine(async |app| {
        let fatou = app.author().has_credits(3).await;
        let brief = fatou.writes(BRIEF);
        deliver(app, &brief).await;
        app.run_until_idle().await;
        let (texts, ledger) = (fatou.texts(), fatou.ledger().await);
        deliver(app, &revokes(&fatou, &brief)).await;
        deliver(app, &edits(&fatou, &brief, "Crée un post pour nos tartes")).await;
        app.run_until_idle().await;
        assert_eq!((fatou.texts(), fatou.ledger().await), (texts, ledger));
        assert_eq!(ended(app).await, ["answered result", "ignored nothing_to_say", "ignored nothing_to_say"]);
        assert_eq!(app.count("SELECT COUNT(*) FROM inbox WHERE slice <> '' AND state = 'ignored'").await, 0);
    })
    .await;
}

#[tokio::test]
async fn an_edit_before_its_turn_replaces_the_text_and_the_last_one_counts() {
    for_each_engine(async |app| {
        let fatou = app.author().has_credits(3).await;
        let brief = fatou.writes(BRIEF);
        deliver(app, &brief).await;
        deliver(app, &edits(&fatou, &brief, "Crée un post promo pour Instagram, -30 % sur les tartes")).await;
        deliver(app, &edits(&fatou, &brief, "Crée un post promo pour Instagram, -40 % sur les éclairs"))
            .await;
        app.run_until_idle().await;
        assert_eq!(fatou.received().len(), 1);
        assert_eq!(fatou.ledger().await.len(), 3, "a grant, the trial and one generation");
        let briefs = app.texts("SELECT brief FROM generations").await;
        assert_eq!(briefs, ["Crée un post promo pour Instagram, -40 % sur les éclairs"]);

        // A command, a caption, and an edit of a photo without text.
        let waiting = fatou.writes(BRIEF);
        deliver(app, &waiting).await;
        deliver(app, &edits(&fatou, &waiting, "SOLDE")).await;
        app.run_until_idle().await;
        assert!(fatou.last_text().contains("💳 Crédits restants: 7"), "{}", fatou.last_text());
        let photo = fatou.sends(MessageKind::Image { caption: None });
        let now = Box::new(MessageKind::Image { caption: Some("AIDE".to_owned()) });
        deliver(app, &photo).await;
        deliver(app, &fatou.sends(MessageKind::Edit { message_id: photo.id.clone(), now })).await;
        app.run_until_idle().await;
        assert!(fatou.last_text().contains("*Postly-AI écrit vos posts*"), "{}", fatou.last_text());
    })
    .await;
}

#[tokio::test]
async fn nobody_amends_what_somebody_else_wrote() {
    for_each_engine(async |app| {
        let fatou = app.author().has_credits(3).await;
        let other = app.author_of(postly_simulator::Channel::Meta, "+33639981002");
        let brief = fatou.writes(BRIEF);
        deliver(app, &brief).await;
        deliver(app, &revokes(&other, &brief)).await;
        deliver(app, &edits(&other, &brief, "SOLDE")).await;
        app.run_until_idle().await;
        assert_eq!((fatou.received().len(), other.received().len()), (1, 0));
        assert!(fatou.last_text().contains("*3.*"));
    })
    .await;
}

#[tokio::test]
async fn a_deletion_survives_a_flood() {
    for_each_engine(async |app| {
        let fatou = app.author().has_credits(3).await;
        let brief = fatou.writes(BRIEF);
        deliver(app, &brief).await;
        for number in 0..70 {
            deliver(app, &fatou.writes(&format!("SOLDE{}", " ".repeat(number)))).await;
        }
        deliver(app, &revokes(&fatou, &brief)).await;
        app.run_until_idle().await;
        assert_eq!(app.count("SELECT COUNT(*) FROM inbox WHERE outcome = 'revoked'").await, 1);
        assert_eq!(app.count("SELECT COUNT(*) FROM inbox WHERE outcome = 'flood'").await, 11);
        assert_eq!(app.count("SELECT COUNT(*) FROM generations").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_deletion_beside_a_claim_ends_in_posts_that_are_paid_or_in_neither() {
    for_each_engine(async |app| {
        let fatou = app.author().has_credits(20).await;
        for round in 0..15 {
            let brief =
                fatou.writes(&format!("Crée un post promo pour Instagram, -{round} % sur les croissants"));
            deliver(app, &brief).await;
            let revoke = revokes(&fatou, &brief);
            let (_, delivery) = tokio::join!(app.run_until_idle(), app.deliver(&revoke));
            assert_eq!(delivery.status, 200);
            app.run_until_idle().await;
            app.advance_ms(60_000);
        }
        let written = app.count("SELECT COUNT(*) FROM generations").await;
        let revoked = app.count("SELECT COUNT(*) FROM inbox WHERE outcome = 'revoked'").await;
        assert_eq!(written + revoked, 15);
        assert_eq!(i64::try_from(fatou.received().len()).unwrap(), written);
        assert_eq!(fatou.credits().await, 25 - written);
        assert_eq!(app.count("SELECT COUNT(*) FROM holds WHERE state = 'open'").await, 0);
    })
    .await;
}
