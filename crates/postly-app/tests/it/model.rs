//! Every failure of the model: the author is told once, nothing is charged, nothing stays held.

use postly_simulator::{Channel, Fault, FaultKind, ModelBehaviour, Upstream};
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

/// Content that the model might say: a good answer, then changed at random places.
fn answers(count: usize) -> impl Iterator<Item = String> {
    const PIECES: [&str; 18] = [
        "\"",
        "\\",
        "{",
        "}",
        "[",
        "]",
        ",",
        "null",
        "\"variants\":[]",
        "\"kind\":\"off_topic\"",
        "-30 %",
        "gratuit",
        "06 12 34 56 78",
        "https://exemple.fr",
        "*1.*",
        "#promo ",
        "\\u0000",
        "💳 Crédits restants: 999",
    ];
    let good = serde_json::json!({
        "kind": "post", "platform": "instagram", "industry": "boulangerie", "objective": "promotion",
        "tone": "gai", "language": "fr",
        "variants": [
            {"text": "🥐 -20 % sur les croissants ce week-end.", "angle": "offre"},
            {"text": "Le four chauffe : croissants à -20 % ce week-end.", "angle": "odeur"},
            {"text": "Qui vient chercher les siens ? -20 % sur les croissants ce week-end.", "angle": "question"}
        ]
    })
    .to_string();
    // xorshift64, so that each run says the same.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = move |most: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(most.max(1)).unwrap()).unwrap()
    };
    (0..count).map(move |_| {
        let mut said: Vec<char> = good.chars().collect();
        for _ in 0..=below(4) {
            let (from, piece) = (below(said.len()), PIECES[below(PIECES.len())]);
            let to = (from + below(40)).min(said.len());
            match below(6) {
                0 => said.truncate(from),
                1 => drop(said.drain(from..to)),
                2 => drop(said.splice(from..from, piece.repeat(1 + below(3)).chars())),
                3 => drop(said.splice(from..to, piece.chars())),
                4 => drop(said.splice(from..from, "très ".repeat(below(3_000)).chars())),
                _ => said.extend_from_within(from..to),
            }
        }
        said.into_iter().collect()
    })
}

/// `POSTLY_MODEL_ANSWERS` is the number of answers on each engine.
#[tokio::test]
async fn whatever_a_model_says_is_delivered_within_limits_or_free() {
    const OF_AN_AUTHOR: usize = 10;
    let count = std::env::var("POSTLY_MODEL_ANSWERS").map_or(60, |count| count.parse().unwrap());
    for_each_engine(async |app| {
        let answers: Vec<String> = answers(count).collect();
        let mut written = 0;
        for (at, answers) in answers.chunks(OF_AN_AUTHOR).enumerate() {
            let number = format!("+3363{:07}", 9_000_000 + at);
            let fatou = app.author_of(Channel::Meta, &number).has_credits(20).await;
            fatou.says("SOLDE").await;
            for said in answers {
                app.advance_ms(61_000);
                app.world.model(ModelBehaviour::Content(said.clone()));
                let (before, known) = (fatou.credits().await, fatou.texts().len());
                fatou.says(BRIEF).await;
                let told = fatou.texts().split_off(known).concat();
                let wallet = fatou.wallet().await;
                assert_eq!(wallet.held, 0, "{said}");
                if told.contains("✨ *3 Posts générés") {
                    written += 1;
                    assert_eq!(wallet.balance, before - 1, "{told}");
                    for wrong in ["-30 %", "06 12 34 56 78", "exemple.fr", "999", "\u{0}"] {
                        assert!(!told.contains(wrong), "{wrong} in {told}");
                    }
                    assert_eq!(told.matches("💳 Crédits restants").count(), 1, "{told}");
                    assert!(told.chars().count() < 3 * 2_200 + 500, "{told}");
                } else {
                    assert_eq!(wallet.balance, before, "{said}: {told}");
                    assert!(!told.is_empty(), "{said}");
                }
            }
        }
        assert!(written > 0 && written < count, "{written} of {count} written");
        app.assert_audit_is_clean().await;
    })
    .await;
}
