//! Two model providers: while the first is down the second writes, and the author notices nothing.

use postly_simulator::{Fault, FaultKind, ModelBehaviour, RequestKind, Simulator, Upstream};
use postly_testkit::{Options, SECOND_MODEL, TestApp, for_each_engine_with};

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";
const FAILURE: &str = "❌ Erreur lors de la génération. Réessayez plus tard. Aucun crédit n'a été débité.";
const FIRST_MODEL: &str = "gpt-6-luna";

fn with_second() -> Options {
    Options { fallback: true, ..Options::default() }
}

fn status(code: u16, body: &str) -> FaultKind {
    FaultKind::Status { code, body: body.to_owned(), headers: vec![] }
}

fn quota() -> FaultKind {
    status(429, r#"{"error":{"message":"quota","code":"insufficient_quota"}}"#)
}

fn completions(world: &Simulator) -> usize {
    world.journal().iter().filter(|entry| entry.kind == RequestKind::Completion).count()
}

/// Every recorded call, as `model outcome`, oldest first.
async fn calls(app: &TestApp) -> Vec<String> {
    app.texts("SELECT model || ' ' || outcome FROM model_calls ORDER BY id").await
}

async fn open_holds(app: &TestApp) -> i64 {
    app.count("SELECT COUNT(*) FROM holds WHERE state = 'open'").await
}

#[tokio::test]
async fn when_the_first_is_down_the_posts_arrive_and_are_paid_once() {
    for_each_engine_with(with_second(), async |app| {
        let fatou = app.author();
        let mut expected = vec![];
        for (kind, outcomes) in [
            (quota(), ["quota"].as_slice()),
            (status(401, r#"{"error":{"message":"key"}}"#), &["rejected"]),
            (FaultKind::RetryAfter { seconds: 120 }, &["rate_limited"]),
            (status(500, r#"{"error":{"message":"down"}}"#), &["server_error"; 3]),
            (FaultKind::ResetBeforeAcceptance, &["torn"; 3]),
        ] {
            app.world.fault(Upstream::Model, Fault::always(kind));
            fatou.says(BRIEF).await;
            app.world.clear_faults();
            assert!(fatou.last_text().contains("*3.*"), "{}", fatou.last_text());
            expected.extend(outcomes.iter().map(|outcome| format!("{FIRST_MODEL} {outcome}")));
            expected.push(format!("{SECOND_MODEL} ok"));
            assert_eq!(calls(app).await, expected);
        }
        assert_eq!(fatou.received().len(), 5);
        let mut ledger = vec!["+5 trial"];
        ledger.extend(["-1 whatsapp_generation"; 5]);
        assert_eq!(fatou.ledger().await, ledger);
        assert_eq!(open_holds(app).await, 0);
        assert_eq!(app.texts("SELECT DISTINCT writer FROM generations").await, [SECOND_MODEL]);
    })
    .await;
}

#[tokio::test]
async fn when_both_are_down_there_is_one_apology_and_nothing_is_charged() {
    for_each_engine_with(with_second(), async |app| {
        app.world.fault(Upstream::Model, Fault::always(quota()));
        app.second().fault(Upstream::Model, Fault::always(status(503, "down")));
        let fatou = app.author();
        fatou.says(BRIEF).await;
        let texts = fatou.texts();
        assert_eq!(texts.len(), 1, "{texts:#?}");
        assert!(texts[0].starts_with(FAILURE), "{texts:#?}");
        assert_eq!(fatou.ledger().await, ["+5 trial"]);
        assert_eq!((fatou.wallet().await.held, open_holds(app).await), (0, 0));
        let second = format!("{SECOND_MODEL} server_error");
        assert_eq!(
            calls(app).await,
            [format!("{FIRST_MODEL} quota"), second.clone(), second.clone(), second]
        );
        app.assert_audit_is_clean().await;

        // Once one provider has recovered, posts are written again.
        app.second().clear_faults();
        fatou.says(BRIEF).await;
        assert!(fatou.last_text().contains("*3.*"));
        assert_eq!(fatou.credits().await, 4);
    })
    .await;
}

#[tokio::test]
async fn a_refusal_of_the_first_is_not_taken_to_the_second() {
    for_each_engine_with(with_second(), async |app| {
        app.world.model(ModelBehaviour::Refuses);
        let fatou = app.author();
        fatou.says(BRIEF).await;
        assert!(fatou.last_text().starts_with(FAILURE));
        assert_eq!(completions(app.second()), 0);
        assert_eq!(calls(app).await, [format!("{FIRST_MODEL} refused")]);
    })
    .await;
}

#[tokio::test]
async fn a_first_that_stays_down_is_not_asked_each_time() {
    let options = Options { trial_credits: 30, ..with_second() };
    for_each_engine_with(options, async |app| {
        app.world.fault(Upstream::Model, Fault::always(quota()));
        let fatou = app.author();
        for _ in 0..25 {
            fatou.says(BRIEF).await;
        }
        assert_eq!((completions(&app.world), completions(app.second())), (20, 25));
        assert_eq!((fatou.received().len(), fatou.credits().await), (25, 5));
    })
    .await;
}
