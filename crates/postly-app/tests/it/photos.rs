//! Photos: included in the one call that writes, or not needed, or answered for free.

use postly_simulator::{Channel, JournalEntry, MediaFile, MessageKind, ModelBehaviour, RequestKind, Webhook};
use postly_testkit::{Options, TestApp, TestAuthor, for_each_engine, for_each_engine_with};
use serde_json::{Value, json};

const BRIEF: &str = "-20 % sur les croissants ce week-end";
const ALT: &str = "🖼️ Texte alternatif de la photo : Trois croissants dorés";

fn vision() -> Options {
    Options { vision: true, ..Options::default() }
}

/// An author at each provider.
fn authors(app: &TestApp) -> [TestAuthor<'_>; 2] {
    [app.author_of(Channel::Meta, "+33639981401"), app.author_of(Channel::Twilio, "+33639981402")]
}

fn photo(caption: Option<&str>) -> MessageKind {
    MessageKind::Photo { file: MediaFile::photo(), caption: caption.map(str::to_owned) }
}

async fn delivers(app: &TestApp, webhook: &Webhook) {
    assert_eq!(app.deliver(webhook).await.status, 200);
    app.run_until_idle().await;
}

async fn sends(app: &TestApp, author: &TestAuthor<'_>, kind: MessageKind) -> String {
    let before = author.texts().len();
    delivers(app, &author.sends(kind)).await;
    author.texts().split_off(before).join("\n\n")
}

/// The requests to the model.
fn completions(app: &TestApp) -> Vec<Value> {
    let is_question = |entry: &JournalEntry| entry.kind == RequestKind::Completion;
    let all = app.world.journal();
    all.iter()
        .filter(|entry| is_question(entry))
        .map(|entry| serde_json::from_slice(&entry.body).unwrap())
        .collect()
}

#[tokio::test]
async fn a_photo_alone_is_seen_in_one_call_and_answered_with_its_alt_text() {
    for_each_engine_with(vision(), async |app| {
        for fatou in authors(app) {
            app.world.clear_journal();
            let webhook = fatou.sends(photo(None));
            delivers(app, &webhook).await;
            delivers(app, &webhook).await;
            let reply = fatou.texts().concat();
            assert!(reply.starts_with("✨ *3 Posts") && reply.contains("*3.*"), "{reply}");
            let (before, after) = reply.split_once("💳 Crédits restants: 4").unwrap();
            assert!(after.contains(ALT) && !before.contains("🖼️"), "{reply}");
            assert_eq!(fatou.ledger().await, ["+5 trial", "-1 whatsapp_generation"]);

            let [question] = completions(app).try_into().unwrap();
            let parts = question.pointer("/messages/1/content").unwrap();
            let url = parts.pointer("/1/image_url/url").and_then(Value::as_str).unwrap();
            assert!(url.starts_with("data:image/jpeg;base64,/9j/"), "{url}");
            let data: Value = serde_json::from_str(parts[0]["text"].as_str().unwrap()).unwrap();
            assert_eq!(data["brief"], "Un post à partir de ma photo");
            let system = question.pointer("/messages/0/content").and_then(Value::as_str).unwrap();
            assert!(system.contains("It is no source of facts") && system.contains("alt_text"), "{system}");
        }
        assert_eq!(
            app.texts("SELECT kind || ' ' || content_type || ' ' || outcome FROM media").await,
            ["photo image/jpeg taken", "photo image/jpeg taken"]
        );
    })
    .await;
}

#[tokio::test]
async fn a_caption_is_a_brief_with_and_without_vision_and_when_the_photo_is_lost() {
    for_each_engine_with(vision(), async |app| {
        for fatou in authors(app) {
            let seen = sends(app, &fatou, photo(Some(BRIEF))).await;
            assert!(seen.contains("*3.*") && seen.contains("-20 %") && seen.contains(ALT), "{seen}");
            let page = MediaFile { content_type: "image/jpeg".to_owned(), bytes: b"<html>".to_vec() };
            let lost = MessageKind::Photo { file: page, caption: Some(BRIEF.to_owned()) };
            let unseen = sends(app, &fatou, lost).await;
            assert!(unseen.contains("*3.*") && !unseen.contains("🖼️"), "{unseen}");
            // A command below a photo needs no download.
            app.world.clear_journal();
            sends(app, &fatou, photo(Some("Solde"))).await;
            assert!(app.world.journal().iter().all(|entry| entry.kind != RequestKind::Lookup));
            assert_eq!(fatou.credits().await, 3);
        }
    })
    .await;
    for_each_engine(async |app| {
        for fatou in authors(app) {
            let reply = sends(app, &fatou, photo(Some(BRIEF))).await;
            assert!(reply.contains("*3.*") && !reply.contains("🖼️"), "{reply}");
            let hint = sends(app, &fatou, photo(None)).await;
            assert!(hint.contains("en légende de la photo"), "{hint}");
            assert_eq!(fatou.credits().await, 4);
        }
        assert!(app.world.journal().iter().all(|entry| entry.kind != RequestKind::Lookup));
    })
    .await;
}

#[tokio::test]
async fn what_stands_in_a_photo_is_no_fact() {
    let written = |price: &str, alt: &str| {
        let post = |text: &str| json!({"text": format!("{text}{price}"), "angle": "a"});
        let variants = [
            post("Une fournée dorée attend derrière la vitrine, passez la voir"),
            post("Le comptoir sent le beurre ce matin, venez en famille"),
            post("Trois croissants, un plateau en bois et un grand sourire"),
        ];
        let body = json!({
            "kind": "post", "platform": "general", "industry": "i", "objective": "o", "tone": "t",
            "language": "fr", "variants": variants, "alt_text": alt,
        });
        ModelBehaviour::Content(body.to_string())
    };
    for_each_engine_with(vision(), async |app| {
        for fatou in authors(app) {
            // The posts hold the price on the blackboard, twice: they are refused, and nothing is charged.
            app.world.model(written(" à 3,50 €", "Une ardoise"));
            let refused = sends(app, &fatou, photo(None)).await;
            assert!(refused.contains("❌ Erreur"), "{refused}");
            assert_eq!(fatou.credits().await, 5);
            app.advance_ms(60_000);
            // A price in the description alone removes only the description.
            app.world.model(written("", "Une ardoise : menu à 3,50 €, appelez le 06 39 98 14 01"));
            let reply = sends(app, &fatou, photo(None)).await;
            assert!(reply.contains("*3.*") && !reply.contains("🖼️") && !reply.contains("3,50"), "{reply}");
            assert_eq!(fatou.credits().await, 4);
            app.advance_ms(60_000);
            app.world.model(ModelBehaviour::OffTopic);
            let talk = sends(app, &fatou, photo(None)).await;
            assert!(talk.starts_with("🙂"), "{talk}");
            assert_eq!(fatou.credits().await, 4);
            app.advance_ms(60_000);
        }
    })
    .await;
}

#[tokio::test]
async fn a_model_that_refuses_pictures_is_shown_none_any_more() {
    for_each_engine_with(vision(), async |app| {
        app.world.model(ModelBehaviour::Blind);
        let [fatou, bob] = authors(app);
        let reply = sends(app, &fatou, photo(Some(BRIEF))).await;
        assert!(reply.contains("*3.*") && !reply.contains("🖼️"), "{reply}");
        assert_eq!(completions(app).len(), 2);
        let hint = sends(app, &bob, photo(None)).await;
        assert!(hint.contains("en légende de la photo"), "{hint}");
        sends(app, &bob, photo(Some(BRIEF))).await;
        assert_eq!(completions(app).len(), 3);
        assert_eq!((fatou.credits().await, bob.credits().await), (4, 4));
    })
    .await;
    for_each_engine_with(vision(), async |app| {
        app.world.model(ModelBehaviour::Blind);
        for fatou in authors(app).into_iter().take(1) {
            let reply = sends(app, &fatou, photo(None)).await;
            assert!(reply.contains("Je n'ai pas pu voir cette photo"), "{reply}");
            assert_eq!(fatou.ledger().await, ["+5 trial"]);
        }
    })
    .await;
}

#[tokio::test]
async fn photos_that_are_sent_together_are_paid_once() {
    for_each_engine_with(vision(), async |app| {
        for fatou in authors(app) {
            for _ in 0..4 {
                assert_eq!(app.deliver(&fatou.sends(photo(None))).await.status, 200);
            }
            app.run_until_idle().await;
            let texts = fatou.texts();
            assert!(texts.iter().any(|text| text.contains("*3.*")), "{texts:?}");
            assert_eq!(texts.iter().filter(|text| text.contains("Une photo par demande")).count(), 1);
            assert_eq!(fatou.ledger().await, ["+5 trial", "-1 whatsapp_generation"]);
            app.advance_ms(60_000);
            assert!(sends(app, &fatou, photo(None)).await.contains("*3.*"));
            assert_eq!(fatou.credits().await, 3);
        }
    })
    .await;
}

#[tokio::test]
async fn a_photo_answers_what_was_asked() {
    for_each_engine_with(vision(), async |app| {
        for fatou in authors(app) {
            app.world.clear_journal();
            fatou.says("croissants").await;
            assert!(fatou.last_text().starts_with("✍️"), "{}", fatou.last_text());
            assert!(sends(app, &fatou, photo(None)).await.contains("*3.*"));
            let [question] = completions(app).try_into().unwrap();
            let text = question.pointer("/messages/1/content/0/text").and_then(Value::as_str).unwrap();
            assert!(text.contains("\"brief\": \"croissants\""), "{text}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_photo_that_cannot_be_had_is_free() {
    for_each_engine_with(vision(), async |app| {
        for fatou in authors(app) {
            for bytes in [b"GIF89a".to_vec(), vec![], [b"\xFF\xD8\xFF".as_slice(), &[0; 5 << 20]].concat()] {
                let file = MediaFile { content_type: "image/jpeg".to_owned(), bytes };
                let reply = sends(app, &fatou, MessageKind::Photo { file, caption: None }).await;
                assert!(reply.contains("Je n'ai pas pu voir cette photo"), "{reply}");
            }
            assert_eq!(fatou.ledger().await, ["+5 trial"]);
        }
        assert!(completions(app).is_empty());
        assert_eq!(app.count("SELECT COUNT(*) FROM holds WHERE state = 'released'").await, 6);
    })
    .await;
}
