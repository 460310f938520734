//! A paused sender: the notice to authors, free messages, and the end of the pause.

use postly_simulator::{Channel, Fault, FaultKind, MessageStatus, Outcome, RequestKind, Rules, Upstream};
use postly_testkit::{TestApp, TestAuthor, for_each_engine};

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";
const PAUSED: &str = "service en pause, rien n'est débité";
/// A channel, its simulated provider, a code that stops the sender, and two numbers.
const CHANNELS: [(Channel, Upstream, i64, &str, &str); 2] = [
    (Channel::Meta, Upstream::Meta, 131_042, "+33639981001", "+33639981002"),
    (Channel::Twilio, Upstream::Twilio, 63_038, "+33639981003", "+33639981004"),
];

/// The number of calls to the model.
fn model_calls(app: &TestApp) -> usize {
    app.world.journal().iter().filter(|entry| entry.kind == RequestKind::Completion).count()
}

/// The number of messages that providers accepted, including those that failed later.
fn taken(app: &TestApp) -> usize {
    let is_taken = |outcome: &Outcome| matches!(outcome, Outcome::Accepted { .. });
    app.world.journal().iter().filter(|entry| is_taken(&entry.outcome)).count()
}

async fn last_fails(app: &TestApp, author: &TestAuthor<'_>, code: i64) {
    let id = author.received().pop().expect("a message").id;
    let webhook = app.world.webhook_status(&id, MessageStatus::Failed, Some(code));
    assert_eq!(app.deliver(&webhook).await.status, 200);
    app.run_until_idle().await;
}

async fn pass(app: &TestApp, ms: i64) {
    app.advance_ms(ms);
    app.run_until_idle().await;
}

#[tokio::test]
async fn a_status_that_stops_the_sender_ends_briefs_before_the_model_is_paid() {
    for_each_engine(async |app| {
        for (channel, _, code, first, second) in CHANNELS {
            let fatou = app.author_of(channel, first);
            fatou.says(BRIEF).await;
            let calls = model_calls(app);
            last_fails(app, &fatou, code).await;
            assert_eq!(fatou.ledger().await.last().unwrap(), "+1 refund", "the rules of refunds stay");

            let marie = app.author_of(channel, second);
            for brief in [BRIEF, BRIEF, "Un autre post promo pour Facebook, -10 % demain"] {
                marie.says(brief).await;
            }
            assert_eq!(model_calls(app), calls, "{channel:?}");
            assert_eq!(marie.received().len(), 0, "messages wait");
            assert_eq!(marie.wallet().await.held, 0);

            pass(app, 60_000).await;
            let texts = marie.texts();
            assert_eq!(texts.len(), 1, "{texts:#?}");
            assert!(texts[0].contains(PAUSED), "{texts:#?}");
            let left = app.world.webhook_status(&marie.received()[0].id, MessageStatus::Sent, None);
            app.deliver(&left).await;
            app.run_until_idle().await;
            marie.says(BRIEF).await;
            assert_eq!(model_calls(app), calls + 1);
            assert!(marie.last_text().contains("*3.*"), "{}", marie.last_text());
            assert_eq!(marie.ledger().await, ["+5 trial", "-1 whatsapp_generation"]);
        }
        let ends =
            app.texts("SELECT state || ' ' || outcome FROM inbox WHERE outcome = 'paused' ORDER BY state");
        let expected = ["answered paused", "answered paused"].into_iter();
        assert_eq!(ends.await, expected.chain(["ignored paused"; 4]).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn every_code_that_stops_a_sender_in_an_answer_stops_it_in_a_status() {
    for_each_engine(async |app| {
        let mut number = 33_639_982_000_u64;
        for code in [131_042, 131_031, 368, 131_048, 131_064, 131_026] {
            let mut next = || {
                number += 1;
                app.author_of(Channel::Meta, &format!("+{number}"))
            };
            let (fatou, marie) = (next(), next());
            fatou.says("SOLDE").await;
            last_fails(app, &fatou, code).await;
            let calls = model_calls(app);
            marie.says(BRIEF).await;
            let asked = model_calls(app) - calls;
            assert_eq!(asked, usize::from(code == 131_026), "{code}");
            pass(app, 120_000).await;
            pass(app, 120_000).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_stops_the_sender_pauses_briefs_too_and_the_next_answer_ends_the_pause() {
    for_each_engine(async |app| {
        for (channel, upstream, _, first, second) in CHANNELS {
            let code = if channel == Channel::Meta { 190 } else { 20_003 };
            let fatou = app.author_of(channel, first);
            app.world.fault(upstream, Fault::once(FaultKind::ProviderError { code }));
            fatou.says("SOLDE").await;
            let marie = app.author_of(channel, second);
            let calls = model_calls(app);
            marie.says(BRIEF).await;
            assert_eq!(model_calls(app), calls);
            pass(app, 60_000).await;
            pass(app, 1_000).await;
            assert_eq!((fatou.received().len(), marie.received().len()), (1, 1), "{channel:?}");
            assert!(marie.last_text().contains(PAUSED));
            marie.says(BRIEF).await;
            assert!(marie.last_text().contains("*3.*"));
        }
    })
    .await;
}

#[tokio::test]
async fn after_a_pause_one_message_tries_again_and_the_others_wait_for_what_becomes_of_it() {
    for_each_engine(async |app| {
        app.world.set_rules(Rules { free_service_messages: 1, payment_method: false, ..Rules::default() });
        let fatou = app.author_of(Channel::Meta, "+33639981001");
        fatou.says("SOLDE").await;
        assert_eq!(fatou.received().len(), 1, "the last free one");
        fatou.says("SOLDE").await;
        let stopped = || app.count("SELECT COUNT(*) FROM resting_senders WHERE probe_ms IS NULL");
        // The simulated Meta answers 200, and reports the failure by a status.
        for _ in 0..100 {
            if stopped().await == 1 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            app.run_until_idle().await;
        }
        assert_eq!(stopped().await, 1);
        let people: Vec<_> =
            (0..4).map(|n| app.author_of(Channel::Meta, &format!("+3363998200{n}"))).collect();
        for person in &people {
            person.says(BRIEF).await;
        }
        let before = taken(app);
        pass(app, 60_000).await;
        assert_eq!(taken(app), before + 1, "one tries");
        for _ in 0..100 {
            if stopped().await == 1 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            app.run_until_idle().await;
        }
        assert_eq!(stopped().await, 1, "and is refused");
        people[0].says(BRIEF).await;
        assert_eq!(model_calls(app), 0, "the pause goes on");

        // A method of payment is set: all messages are sent, including the one that failed.
        app.world.set_rules(Rules::default());
        pass(app, 60_000).await;
        for _ in 0..4 {
            pass(app, 15_000).await;
        }
        for person in &people {
            assert_eq!(person.texts().len(), 1, "each is told once");
            assert!(person.last_text().contains(PAUSED));
        }
        assert_eq!(fatou.received().len(), 2);
        assert_eq!(app.count("SELECT COUNT(*) FROM resting_senders").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_pause_that_comes_later_is_another_one() {
    for_each_engine(async |app| {
        let fatou = app.author();
        for round in 1..=2 {
            fatou.says("SOLDE").await;
            last_fails(app, &fatou, 131_042).await;
            fatou.says(BRIEF).await;
            fatou.says(BRIEF).await;
            for _ in 0..6 {
                pass(app, 120_000).await;
            }
            let told = fatou.texts().iter().filter(|text| text.contains(PAUSED)).count();
            assert_eq!(told, round);
        }
    })
    .await;
}

#[tokio::test]
async fn a_failure_that_is_not_believed_stops_nobody() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says("SOLDE").await;
        let id = fatou.received()[0].id.clone();
        app.deliver(&app.world.webhook_status(&id, MessageStatus::Delivered, None)).await;
        app.run_until_idle().await;
        last_fails(app, &fatou, 131_042).await;
        fatou.says(BRIEF).await;
        assert!(fatou.last_text().contains("*3.*"));
    })
    .await;
}
