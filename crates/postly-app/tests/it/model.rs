//! Every failure of the model: the author is told once, nothing is charged, nothing stays held.

use postly_simulator::{Fault, FaultKind, ModelBehaviour, Upstream};
use postly_testkit::{TestApp, for_each_engine};

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";
const FAILURE: &str = "❌ Erreur lors de la génération. Réessayez plus tard. Aucun crédit n'a été débité.";

async fn told_once_and_not_charged(app: &TestApp, name: &str) {
    let before = app.author().texts().len();
    let fatou = app.author();
    fatou.says(BRIEF).await;
    let texts = fatou.texts();
    assert_eq!(texts.len(), before + 1, "{name}: {texts:#?}");
    assert!(texts.last().is_some_and(|text| text.starts_with(FAILURE)), "{name}: {texts:#?}");
    assert_eq!(fatou.ledger().await, ["+5 trial"], "{name}");
    assert_eq!(fatou.wallet().await.held, 0, "{name}");
    app.assert_audit_is_clean().await;
    app.world.clear_faults();
    app.world.model(ModelBehaviour::Compose);
}

#[tokio::test]
async fn c17_l03_l04_l06_l16_a_model_that_answers_wrongly_costs_nothing() {
    for_each_engine(async |app| {
        for behaviour in [
            ModelBehaviour::TwoVariants,
            ModelBehaviour::FourVariants,
            ModelBehaviour::ThreeEqual,
            ModelBehaviour::InventsNumber,
            ModelBehaviour::Refuses,
            ModelBehaviour::Filtered,
            ModelBehaviour::Truncated,
            ModelBehaviour::Garbage,
            ModelBehaviour::Content("{}".to_owned()),
        ] {
            app.world.model(behaviour.clone());
            told_once_and_not_charged(app, &format!("{behaviour:?}")).await;
        }
    })
    .await;
}

#[tokio::test]
async fn c17_l05_a_model_that_fails_costs_nothing() {
    for_each_engine(async |app| {
        let status =
            |code: u16, body: &str| FaultKind::Status { code, body: body.to_owned(), headers: vec![] };
        for kind in [
            status(500, r#"{"error":{"message":"down"}}"#),
            status(401, r#"{"error":{"message":"key"}}"#),
            status(429, r#"{"error":{"message":"quota","code":"insufficient_quota"}}"#),
            FaultKind::RetryAfter { seconds: 120 },
            FaultKind::ResetBeforeAcceptance,
            FaultKind::TornBody,
            FaultKind::Html200,
        ] {
            app.world.fault(Upstream::Model, Fault::always(kind.clone()));
            told_once_and_not_charged(app, &format!("{kind:?}")).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_model_that_fails_once_is_asked_again() {
    for_each_engine(async |app| {
        app.world.fault(Upstream::Model, Fault::once(FaultKind::ResetBeforeAcceptance));
        let fatou = app.author();
        fatou.says(BRIEF).await;
        assert!(fatou.texts().concat().contains("*3.*"));
        assert_eq!(fatou.credits().await, 4);
    })
    .await;
}

#[tokio::test]
async fn an_invented_number_is_repaired_once() {
    for_each_engine(async |app| {
        app.world.model_once(ModelBehaviour::InventsNumber);
        let fatou = app.author();
        fatou.says(BRIEF).await;
        assert!(fatou.texts().concat().contains("*3.*"));
        let stages = app.texts("SELECT stage FROM model_calls ORDER BY id").await;
        assert_eq!(stages, ["draft", "repair"]);
    })
    .await;
}

#[tokio::test]
async fn a_brief_that_a_model_calls_small_talk_gets_its_posts() {
    for_each_engine(async |app| {
        let fatou = app.author();
        for brief in ["GEN nos tartes aux pommes", BRIEF] {
            for talk in [ModelBehaviour::SmallTalk, ModelBehaviour::OffTopic] {
                app.world.model_once(talk);
                fatou.says(brief).await;
                assert!(fatou.last_text().contains("*3.*"), "{brief}: {}", fatou.last_text());
            }
        }
        assert_eq!(fatou.credits().await, 1);
        let stages = app.texts("SELECT stage FROM model_calls ORDER BY id").await;
        assert_eq!(stages, ["draft", "repair"].repeat(4));
        app.world.model(ModelBehaviour::SmallTalk);
        fatou.says("GEN nos tartes").await;
        assert!(fatou.last_text().starts_with(FAILURE), "{}", fatou.last_text());
        assert_eq!(fatou.credits().await, 1);
    })
    .await;
}

#[tokio::test]
async fn l10_what_the_model_calls_small_talk_or_off_topic_is_free() {
    for_each_engine(async |app| {
        let fatou = app.author();
        app.world.model(ModelBehaviour::OffTopic);
        fatou.says("Écris-moi un poème sur la mer").await;
        assert!(fatou.last_text().contains("rien n'a été débité"), "{}", fatou.last_text());
        app.world.model(ModelBehaviour::SmallTalk);
        fatou.says("Tu es vraiment très sympathique aujourd'hui").await;
        assert_eq!(fatou.ledger().await, ["+5 trial"]);
        assert_eq!(fatou.received().len(), 2);
    })
    .await;
}
