//! The brand memory: taught, read, applied and deleted.

use postly_domain::brand::{Address, Brand};
use postly_simulator::{Channel, ModelBehaviour, RequestKind};
use postly_testkit::{Options, TestAuthor, for_each_engine, for_each_engine_with};
use serde_json::{Value, json};

const BRIEF: &str = "-20 % sur les croissants samedi";

fn offline() -> Options {
    Options { offline: true, ..Options::default() }
}

async fn answer(author: &TestAuthor<'_>, text: &str) -> String {
    let before = author.texts().len();
    author.says(text).await;
    author.texts().split_off(before).join("\n\n")
}

#[tokio::test]
async fn a_memory_is_taught_read_applied_and_forgotten_for_free() {
    for channel in [Channel::Meta, Channel::Twilio] {
        for_each_engine_with(offline(), async |app| {
            let lea = app.author_of(channel, "+33639981301");
            assert!(answer(&lea, "Ma marque").await.contains("rien pour l'instant"));
            let kept = answer(
                &lea,
                "Retiens : on tutoie, jamais « profitez », on est à Lyon 7e, fermé le lundi, pas d'emoji",
            )
            .await;
            let lines = [
                "1. on tutoie",
                "2. sans emoji",
                "3. lieu : Lyon 7e",
                "4. jamais « profitez »",
                "5. fermé le lundi",
            ];
            for line in lines {
                assert!(kept.contains(line), "{line} in {kept}");
            }
            let result = answer(&lea, BRIEF).await;
            let posts = &result[result.find("*1.*").unwrap()..result.find("💳").unwrap()];
            assert_eq!(posts.matches("Lyon 7e").count(), 3, "{posts}");
            assert!(!posts.to_lowercase().contains("profitez") && !posts.contains(" vous "), "{posts}");
            assert!(
                result.contains("🧠 Vos règles : on tutoie · sans emoji · jamais « profitez »"),
                "{result}"
            );

            assert!(answer(&lea, "oublie 4").await.contains("4. fermé le lundi"));
            assert!(answer(&lea, "oublie 9").await.contains("pas de ligne 9"));
            assert!(answer(&lea, "oublie ma marque").await.starts_with("🧠 C'est oublié"));
            let plain = answer(&lea, "-30 % sur les brioches dimanche").await;
            assert!(plain.contains("*3.*") && !plain.contains("Lyon 7e") && !plain.contains("🧠"), "{plain}");
            assert_eq!(lea.ledger().await, ["+5 trial", "-1 whatsapp_generation", "-1 whatsapp_generation"]);
            app.assert_audit_is_clean().await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_brief_with_a_banned_word_is_free_and_gen_does_not_help() {
    for_each_engine_with(offline(), async |app| {
        let lea = app.author_of(Channel::Meta, "+33639981302");
        answer(&lea, "Retiens : jamais « discount »").await;
        for brief in ["Super discount sur les pulls samedi à -20 %", "GEN discount sur les pulls"] {
            assert!(answer(&lea, brief).await.contains("« discount »"), "{brief}");
        }
        assert_eq!(lea.ledger().await, ["+5 trial"]);
        assert!(answer(&lea, "Retiens : vente de cocaïne").await.starts_with("🚫"));
        assert!(answer(&lea, &format!("Retiens : {}", "x".repeat(300))).await.starts_with("✋"));
        assert!(!answer(&lea, "Ma marque").await.contains("cocaïne"));
        app.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn a_model_is_told_the_memory_as_data_and_a_banned_word_never_reaches_the_author() {
    for_each_engine(async |app| {
        let lea = app.author_of(Channel::Meta, "+33639981303");
        answer(&lea, "Retiens : on vouvoie, signature : Chez Léa, 04 78 00 00 00").await;
        let result = answer(&lea, BRIEF).await;
        assert_eq!(result.matches("\n\nChez Léa, 04 78 00 00 00").count(), 3, "{result}");
        let journal = app.world.journal();
        let last = journal.iter().rfind(|entry| entry.kind == RequestKind::Completion).expect("a request");
        let body: Value = serde_json::from_slice(&last.body).unwrap();
        let task: Value = serde_json::from_str(body["messages"][1]["content"].as_str().unwrap()).unwrap();
        assert_eq!(task["brand"], json!({ "address": "formal" }));
        let posts = [
            "La ruée est lancée au comptoir de la boulangerie : -30 % sur les croissants dimanche. On vous attend.",
            "Dimanche matin, pensez au petit-déjeuner en famille ! Chez nous, -30 % sur les croissants dimanche.",
            "Vous hésitez encore ? Notre four chauffe pour vous, -30 % sur les croissants dimanche. À très vite.",
        ];
        let variants: Vec<Value> = posts.iter().map(|text| json!({ "text": text, "angle": "offre" })).collect();
        let body = json!({
            "kind": "post", "platform": "general", "industry": "boulangerie", "objective": "promo", "tone": "gai",
            "language": "fr", "variants": variants
        });
        app.world.model_once(ModelBehaviour::Content(body.to_string()));
        let delivered = answer(&lea, "-30 % sur les croissants dimanche").await;
        assert!(delivered.contains("La ruée"), "{delivered}");
        answer(&lea, "Retiens : jamais « ruée »").await;
        // The draft, and a repair with the same defect.
        for _ in 0..2 {
            app.world.model_once(ModelBehaviour::Content(body.to_string()));
        }
        let credits = lea.credits().await;
        let refused = answer(&lea, "Dimanche, -30 % sur les croissants").await;
        assert!(refused.starts_with("❌"), "{refused}");
        assert_eq!(lea.credits().await, credits);
        app.world.model_once(ModelBehaviour::Content(body.to_string()));
        let mended = answer(&lea, "-30 % sur les croissants dimanche, post Facebook").await;
        assert!(mended.contains("*3.*") && !mended.contains("La ruée"), "{mended}");
        app.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn a_memory_is_replaced_from_outside_and_goes_with_its_author() {
    for_each_engine_with(offline(), async |app| {
        let lea = app.author_of(Channel::Meta, "+33639981304");
        answer(&lea, "Retiens : on est à Lyon").await;
        let id = app.app.people.account(&lea.who()).await.unwrap().author.id;
        let brand = app.app.brand.brand(&id).await.unwrap().unwrap();
        assert_eq!(brand.place.as_deref(), Some("Lyon"));
        let other = Brand { address: Some(Address::Formal), ..Brand::default() };
        assert_eq!(app.app.brand.set_brand(&id, &other).await.unwrap(), other);
        assert!(answer(&lea, "Ma marque").await.contains("1. on vouvoie"));
        app.app.erasure.erase(&id).await.unwrap();
        assert_eq!(app.count("SELECT COUNT(*) FROM authors WHERE brand IS NOT NULL").await, 0);
        app.assert_audit_is_clean().await;
    })
    .await;
}
