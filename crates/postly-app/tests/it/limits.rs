//! Forbidden topics, the daily limits, and the loop guard.

use postly_domain::ModelBudget;
use postly_simulator::Channel;
use postly_testkit::{Options, TestApp, TestAuthor, for_each_engine, for_each_engine_with};

use crate::phone::MARIE;

const BRIEF: &str = "Promo -20 % sur les croissants ce week-end";

/// Returns the replies to a message that the author sends five seconds later.
async fn answers(app: &TestApp, author: &TestAuthor<'_>, text: &str) -> Vec<String> {
    app.advance_ms(5_000);
    let before = author.texts().len();
    author.says(text).await;
    author.texts().split_off(before)
}

async fn calls(app: &TestApp) -> i64 {
    app.count("SELECT COUNT(*) FROM model_calls").await
}

async fn outcomes(app: &TestApp) -> Vec<String> {
    app.texts("SELECT outcome FROM inbox WHERE kind = 'message' ORDER BY id").await
}

#[tokio::test]
async fn l09_a_forbidden_brief_is_refused_for_free_and_after_three_in_silence() {
    for_each_engine(async |app| {
        let fatou = app.author();
        for _ in 0..3 {
            let told = answers(app, &fatou, "Promo -20 % sur toutes nos cigarettes").await;
            assert!(told.len() == 1 && told[0].starts_with("🚫"), "{told:?}");
        }
        assert_eq!(answers(app, &fatou, "Pistolets 9 mm et munitions en promo").await, [""; 0]);
        assert!(answers(app, &fatou, BRIEF).await[0].contains("croissants"), "she may still write");
        assert_eq!((calls(app).await, fatou.credits().await), (1, 4));
        let expected = ["forbidden", "forbidden", "forbidden", "said_already", "result"];
        assert_eq!(outcomes(app).await, expected);
        app.advance_ms(86_400_000);
        assert_eq!(answers(app, &fatou, "Cigares à -10 %").await.len(), 1, "another day");
    })
    .await;
}

#[tokio::test]
async fn l13_a_bomb_of_tokens_and_a_spent_budget_cost_nothing() {
    let options = Options { model_budget: ModelBudget { author: 2, all: 3 }, ..Options::default() };
    for_each_engine_with(options, async |app| {
        let (fatou, marie) = (app.author(), app.author_of(Channel::Meta, MARIE));
        assert!(answers(app, &fatou, &format!("Promo {}", "🥐".repeat(4_000))).await[0].starts_with("✂️"));
        assert_eq!(calls(app).await, 0);
        for _ in 0..2 {
            assert!(answers(app, &fatou, BRIEF).await.concat().contains("*3.*"));
        }
        // Several briefs that wait together share one reply.
        for number in 0..3 {
            assert_eq!(app.deliver(&fatou.writes(&format!("{BRIEF} n° {number}"))).await.status, 200);
        }
        app.advance_ms(5_000);
        let before = fatou.texts().len();
        app.run_until_idle().await;
        assert!(matches!(fatou.texts().split_off(before).as_slice(), [text] if text.starts_with("🌙")));
        assert_eq!((calls(app).await, fatou.wallet().await.held, fatou.credits().await), (2, 0, 3));
        // The limit of one author does not affect others. The count of all authors is refreshed after ten
        // seconds.
        let told = answers(app, &marie, BRIEF).await.concat();
        assert!(told.contains("*3.*"), "{told}");
        app.advance_ms(10_000);
        assert!(answers(app, &marie, BRIEF).await[0].starts_with("🌙"));
        assert_eq!((calls(app).await, marie.credits().await), (3, 4));
        app.advance_ms(86_400_000);
        assert!(answers(app, &fatou, BRIEF).await.concat().contains("*3.*"), "another day");
    })
    .await;
}

#[tokio::test]
async fn l20_a_machine_that_answers_us_is_left_alone_and_who_says_something_else_is_not() {
    const MACHINE: &str = "Merci pour votre message, nous vous répondrons dans les meilleurs délais.";
    let options = Options { trial_credits: 1, ..Options::default() };
    for_each_engine_with(options, async |app| {
        let shop = app.author();
        let mut told = vec![];
        for _ in 0..9 {
            told.push(answers(app, &shop, MACHINE).await);
        }
        let said: Vec<&str> = told
            .iter()
            .map(|texts| texts.first().map_or("", |text| text.split(' ').next().unwrap()))
            .collect();
        // Five free replies, and a last one.
        assert_eq!(said, ["👍", "👍", "👍", "👍", "👍", "🤖", "", "", ""]);
        assert_eq!(shop.credits().await, 1);
        assert_eq!(outcomes(app).await[6..], ["loop", "loop", "loop"]);
        assert!(answers(app, &shop, "Solde").await[0].starts_with("💳"));
        assert!(answers(app, &shop, MACHINE).await[0].starts_with("👍"), "something else came between");
        for _ in 0..5 {
            answers(app, &shop, MACHINE).await;
        }
        assert!(answers(app, &shop, MACHINE).await.is_empty());
        app.advance_ms(120_000);
        assert!(answers(app, &shop, MACHINE).await[0].starts_with("👍"), "after a pause");
        // Fifty refusals at once do not trigger the loop guard: they share their reply.
        shop.says(BRIEF).await;
        for _ in 0..50 {
            assert_eq!(app.deliver(&shop.writes(BRIEF)).await.status, 200);
        }
        app.run_until_idle().await;
        assert!(!outcomes(app).await.iter().rev().take(50).any(|outcome| outcome == "loop"));
    })
    .await;
}

#[tokio::test]
async fn l13_what_was_reserved_before_the_budget_was_spent_is_let_go() {
    let options = Options { model_budget: ModelBudget { author: 5, all: 1 }, ..Options::default() };
    for_each_engine_with(options, async |app| {
        let (fatou, marie) = (app.author(), app.author_of(Channel::Meta, MARIE));
        fatou.says("bonjour").await;
        // The posts cannot be saved; the work is retried later.
        app.change("ALTER TABLE generations RENAME TO elsewhere").await;
        app.deliver(&fatou.writes(BRIEF)).await;
        app.run_until_idle().await;
        app.change("ALTER TABLE elsewhere RENAME TO generations").await;
        assert_eq!(fatou.wallet().await.held, 1);
        app.deliver(&marie.writes(BRIEF)).await;
        app.run_until_idle().await;
        app.advance_ms(60_000);
        app.run_until_idle().await;
        assert!(fatou.last_text().starts_with("🌙"), "{}", fatou.last_text());
        assert_eq!((fatou.wallet().await.held, fatou.credits().await), (0, 5));
    })
    .await;
}
