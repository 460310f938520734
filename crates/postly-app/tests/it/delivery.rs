//! Sending: messages that are lost on the way to the provider, and their consequences.

use postly_app::Queue;
use postly_domain::{UnixMillis, id::LeaseToken};
use postly_simulator::{Channel, Fault, FaultKind, MessageStatus, Upstream};
use postly_store::{inbox, lanes};
use postly_testkit::{TestApp, TestAuthor, for_each_engine, for_each_engine_and_a_pooler};

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";
const CHANNELS: [(Channel, Upstream, &str); 2] =
    [(Channel::Meta, Upstream::Meta, "+33639981001"), (Channel::Twilio, Upstream::Twilio, "+33639981002")];

/// The provider reports this status of every message that it accepted.
async fn report_all(app: &TestApp, author: &TestAuthor<'_>, status: MessageStatus, code: Option<i64>) {
    for (_, _, message) in app.world.accepted_messages() {
        if author.received().iter().any(|shown| shown.id == message.id) || status == MessageStatus::Failed {
            let webhook = app.world.webhook_status(&message.id, status, code);
            assert_eq!(app.deliver(&webhook).await.status, 200);
        }
    }
    app.run_until_idle().await;
}

#[tokio::test]
async fn an_answer_that_is_lost_is_settled_by_the_status_and_shown_once() {
    for_each_engine_and_a_pooler(async |app| {
        for (channel, upstream, number) in CHANNELS {
            for kind in [FaultKind::AcceptThenReset, FaultKind::AcceptThenTornBody] {
                let fatou = app.author_of(channel, number);
                let before = fatou.received().len();
                app.world.fault(upstream, Fault::once(kind.clone()));
                fatou.says("SOLDE").await;
                assert_eq!(fatou.received().len(), before + 1);
                assert_eq!(
                    app.count("SELECT COUNT(*) FROM outbox WHERE state = 'unknown'").await,
                    1,
                    "{kind:?}"
                );

                report_all(app, &fatou, MessageStatus::Sent, None).await;
                assert_eq!(
                    app.count("SELECT COUNT(*) FROM outbox WHERE state = 'unknown'").await,
                    0,
                    "{kind:?}"
                );
                app.advance_ms(60_000);
                app.run_until_idle().await;
                assert_eq!(fatou.received().len(), before + 1, "{kind:?} through {channel:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_told_of_in_the_hands_of_a_worker_that_died_is_not_sent_again() {
    for_each_engine(async |app| {
        for (channel, upstream, number) in CHANNELS {
            let fatou = app.author_of(channel, number);
            app.world.fault(upstream, Fault::once(FaultKind::AcceptThenReset));
            fatou.says("SOLDE").await;
            let [shown] = &fatou.received()[..] else { panic!("{:?}", fatou.received()) };
            let webhook = app.world.webhook_status(&shown.id, MessageStatus::Sent, None);
            assert_eq!(app.deliver(&webhook).await.status, 200);

            // A worker claims the stored status and dies.
            let now = UnixMillis(app.clock.now_ms());
            let mut tx = app.app.core.db().write().await.unwrap();
            inbox::join_lanes(&mut tx, Queue::Status, 10, now).await.unwrap();
            let token = LeaseToken::new("a lease");
            let leased =
                lanes::claim(&mut tx, Queue::Status, &token, now, now.plus_ms(60_000), 10).await.unwrap();
            assert_eq!(leased.len(), 1);
            tx.commit().await.unwrap();
            for _ in 0..2 {
                app.advance_ms(29_500);
                app.run_until_idle().await;
                assert_eq!(fatou.received().len(), 1);
                assert_eq!(app.count("SELECT COUNT(*) FROM outbox WHERE state = 'unknown'").await, 1);
            }
            // Another worker claims the status, perhaps during another check of the message.
            for _ in 0..2 {
                app.advance_ms(2_000);
                app.run_until_idle().await;
            }
            assert_eq!(app.count("SELECT COUNT(*) FROM outbox WHERE state = 'unknown'").await, 0);
            assert_eq!(fatou.received().len(), 1);
        }
    })
    .await;
}

#[tokio::test]
async fn without_a_status_it_is_resent_once_and_then_presumed_delivered() {
    for_each_engine_and_a_pooler(async |app| {
        for (channel, upstream, number) in CHANNELS {
            let fatou = app.author_of(channel, number);
            app.world.fault(upstream, Fault::once(FaultKind::ResetBeforeAcceptance).times(2));
            fatou.says("SOLDE").await;
            assert_eq!(fatou.received().len(), 0);
            app.advance_ms(29_000);
            app.run_until_idle().await;
            assert_eq!(app.count("SELECT COUNT(*) FROM outbox WHERE state = 'unknown'").await, 1);
            app.advance_ms(2_000);
            app.run_until_idle().await;
            app.advance_ms(31_000);
            app.run_until_idle().await;
            assert_eq!(fatou.received().len(), 0);
            let letters = app.app.operator.dead_letters().await.unwrap();
            assert_eq!(letters.len(), 1, "{letters:?}");
            assert_eq!(letters[0].reason, "unknown_delivery");
            assert_eq!(letters[0].attempts, 2);

            // The operator replays the message.
            let replayed = app.app.operator.replay(None).await.unwrap();
            assert_eq!((replayed.replayed, replayed.skipped), (1, 0));
            app.run_until_idle().await;
            assert_eq!(fatou.received().len(), 1);
            assert_eq!(app.app.operator.dead_letters().await.unwrap().len(), 0);
        }
    })
    .await;
}

#[tokio::test]
async fn c19_posts_that_fail_for_good_are_refunded_once() {
    for_each_engine(async |app| {
        for (channel, _, number) in CHANNELS {
            let fatou = app.author_of(channel, number);
            fatou.says(BRIEF).await;
            assert_eq!(fatou.credits().await, 4);
            let code = if channel == Channel::Meta { 131_026 } else { 63_024 };
            report_all(app, &fatou, MessageStatus::Failed, Some(code)).await;
            report_all(app, &fatou, MessageStatus::Failed, Some(code)).await;
            assert_eq!(fatou.credits().await, 5);
            assert_eq!(fatou.ledger().await, ["+5 trial", "-1 whatsapp_generation", "+1 refund"]);
            assert!(
                app.app.operator.latest_posts(&fatou.who()).await.unwrap().is_empty(),
                "the posts are hidden"
            );
        }
        assert!(app.app.operator.dead_letters().await.unwrap().iter().all(|letter| letter.refunded));
    })
    .await;
}

#[tokio::test]
async fn a_refund_is_told_by_the_next_reply_and_by_no_message_of_its_own() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says(BRIEF).await;
        report_all(app, &fatou, MessageStatus::Failed, Some(131_026)).await;
        let told = "↩️ 1 crédit vous a été rendu";
        assert!(!fatou.texts().concat().contains(told));
        fatou.says("AIDE").await;
        assert!(fatou.last_text().contains(told), "{}", fatou.last_text());
        fatou.says("LANGUE").await;
        assert!(!fatou.last_text().contains(told), "{}", fatou.last_text());
    })
    .await;
}

#[tokio::test]
async fn c19_a_refused_message_is_refunded_and_its_replay_takes_a_new_hold() {
    for_each_engine(async |app| {
        for (channel, upstream, number) in CHANNELS {
            let fatou = app.author_of(channel, number);
            let code = if channel == Channel::Meta { 131_026 } else { 63_024 };
            app.world.fault(upstream, Fault::always(FaultKind::ProviderError { code }));
            fatou.says(BRIEF).await;
            assert_eq!(fatou.received().len(), 0);
            assert_eq!(fatou.ledger().await, ["+5 trial", "-1 whatsapp_generation", "+1 refund"]);

            app.world.clear_faults();
            let replayed = app.app.operator.replay(None).await.unwrap();
            assert!(replayed.replayed >= 1 && replayed.skipped == 0, "{replayed:?}");
            app.run_until_idle().await;
            assert!(fatou.texts().concat().contains("*3.*"));
            assert_eq!(fatou.credits().await, 4);
            assert_eq!(app.app.operator.latest_posts(&fatou.who()).await.unwrap().len(), 3);
        }
    })
    .await;
}

#[tokio::test]
async fn a_late_failure_of_an_attempt_that_was_replaced_changes_nothing() {
    for_each_engine(async |app| {
        let fatou = app.author();
        app.world.fault(Upstream::Meta, Fault::once(FaultKind::AcceptThenReset));
        fatou.says(BRIEF).await;
        let lost = fatou.received()[0].id.clone();
        app.advance_ms(31_000);
        app.run_until_idle().await;
        assert_eq!(fatou.received().len(), 2, "resent once");
        app.deliver(&app.world.webhook_status(&lost, MessageStatus::Failed, Some(131_026))).await;
        app.run_until_idle().await;
        assert_eq!(fatou.ledger().await, ["+5 trial", "-1 whatsapp_generation"]);
        let successor = fatou.received()[1].id.clone();
        app.deliver(&app.world.webhook_status(&successor, MessageStatus::Failed, Some(131_026))).await;
        app.run_until_idle().await;
        assert_eq!(fatou.ledger().await.last().unwrap(), "+1 refund");
    })
    .await;
}

#[tokio::test]
async fn c19_the_fourth_refund_of_a_day_waits_for_the_operator() {
    for_each_engine(async |app| {
        let fatou = app.author();
        app.world.fault(Upstream::Meta, Fault::always(FaultKind::ProviderError { code: 131_026 }));
        for _ in 0..4 {
            fatou.says(BRIEF).await;
        }
        let refunds = fatou.ledger().await.iter().filter(|line| *line == "+1 refund").count();
        assert_eq!(refunds, 3);
        app.advance_ms(24 * 3_600_000);
        fatou.says(BRIEF).await;
        assert_eq!(fatou.ledger().await.iter().filter(|line| *line == "+1 refund").count(), 4);
    })
    .await;
}

#[tokio::test]
async fn errors_of_the_provider_are_waited_for_as_their_code_asks() {
    for_each_engine(async |app| {
        // (code, the time until the message is sent)
        for (code, wait_ms) in
            [(131_000, 1_300), (131_056, 1_000), (130_429, 5_000), (190, 60_000), (131_016, 1_300)]
        {
            let fatou = app.author_of(Channel::Meta, &format!("+3363998{}", 2000 + code % 1000));
            app.world.fault(Upstream::Meta, Fault::once(FaultKind::ProviderError { code }));
            fatou.says("SOLDE").await;
            assert_eq!(fatou.received().len(), 0, "{code}");
            app.advance_ms(wait_ms);
            app.run_until_idle().await;
            assert_eq!(fatou.received().len(), 1, "{code}");
        }
        for (code, wait_ms) in [(63_012, 1_300), (63_018, 5_000), (20_003, 60_000)] {
            let fatou = app.author_of(Channel::Twilio, &format!("+3363998{}", 4000 + code % 1000));
            app.world.fault(Upstream::Twilio, Fault::once(FaultKind::ProviderError { code }));
            fatou.says("SOLDE").await;
            assert_eq!(fatou.received().len(), 0, "{code}");
            app.advance_ms(wait_ms);
            app.run_until_idle().await;
            assert_eq!(fatou.received().len(), 1, "{code}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_provider_that_is_gone_is_tried_again_and_the_order_is_kept() {
    for_each_engine(async |app| {
        let fatou = app.author();
        app.world.open_window(&fatou.person);
        let (first, second) = (fatou.writes("SOLDE"), fatou.writes("AIDE"));
        app.deliver(&first).await;
        app.deliver(&second).await;
        app.world.stop_listening().await;
        app.run_until_idle().await;
        app.world.resume().await;
        app.advance_ms(1_300);
        app.run_until_idle().await;
        let replies: Vec<_> = fatou.received().into_iter().filter_map(|message| message.reply_to).collect();
        assert_eq!(replies, [first.id, second.id]);
    })
    .await;
}

#[tokio::test]
async fn c19_nothing_leaves_after_its_window() {
    for_each_engine(async |app| {
        let fatou = app.author();
        app.world.fault(Upstream::Meta, Fault::always(FaultKind::ProviderError { code: 131_016 }));
        fatou.says(BRIEF).await;
        for _ in 0..12 {
            app.advance_ms(5 * 3_600_000);
            app.run_until_idle().await;
        }
        app.world.clear_faults();
        app.advance_ms(5 * 3_600_000);
        app.run_until_idle().await;
        assert_eq!(fatou.received().len(), 0);
        let letters = app.app.operator.dead_letters().await.unwrap();
        assert!(
            letters.iter().all(|letter| letter.reason == "window_closed" && letter.refunded),
            "{letters:?}"
        );
        assert_eq!(fatou.credits().await, 5);
        let replayed = app.app.operator.replay(None).await.unwrap();
        assert_eq!(replayed.replayed, 0, "its window has closed");
    })
    .await;
}

#[tokio::test]
async fn a_long_result_is_split_between_posts_on_twilio() {
    for_each_engine(async |app| {
        let fatou = app.author_of(Channel::Twilio, "+33639981002");
        let post = |word: &str| {
            let text: Vec<String> = (0..110).map(|number| format!("{word}{}", "abcdefghij".chars().nth(number % 10).unwrap())).collect();
            text.join(" ")
        };
        let variants: Vec<_> = ["un", "deux", "trois"]
            .iter()
            .map(|word| format!(r#"{{"text":"Découvrez les croissants. {}","angle":"{word}"}}"#, post(word)))
            .collect();
        app.world.model(postly_simulator::ModelBehaviour::Content(format!(
            r#"{{"kind":"post","platform":"general","industry":"boulangerie","objective":"promotion","tone":"amical","language":"fr","variants":[{}]}}"#,
            variants.join(",")
        )));
        fatou.says("Un post pour présenter les croissants de ma boulangerie à mes clients").await;
        let texts = fatou.texts();
        assert!(texts.len() > 1, "{texts:#?}");
        for text in &texts {
            assert!(text.encode_utf16().count() <= 1600);
        }
        for number in 1..=3 {
            let whole = texts.iter().filter(|text| text.contains(&format!("*{number}.* "))).count();
            assert_eq!(whole, 1);
        }
        assert_eq!(fatou.credits().await, 4);
    })
    .await;
}
