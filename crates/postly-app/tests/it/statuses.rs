//! Statuses: in any order, repeated, and of unknown messages.

use postly_simulator::{Channel, MessageStatus};
use postly_testkit::{EngineName, Options, TestApp, for_each_engine};

#[tokio::test]
async fn w21_w23_statuses_end_the_same_in_any_order_and_never_start_a_conversation() {
    use MessageStatus::{Delivered, Read, Sent};
    for_each_engine(async |app| {
        for (channel, first) in [(Channel::Meta, 1100), (Channel::Twilio, 1200)] {
            let orders = [[Sent, Delivered, Read], [Read, Delivered, Sent], [Delivered, Read, Sent]];
            for (index, order) in orders.into_iter().enumerate() {
                let fatou = app.author_of(channel, &format!("+3363998{}", first + index));
                fatou.says("SOLDE").await;
                let id = fatou.received()[0].id.clone();
                for status in order.into_iter().chain(order) {
                    let webhook = app.world.webhook_status(&id, status, None);
                    assert_eq!(app.deliver(&webhook).await.status, 200);
                    app.run_until_idle().await;
                }
                assert_eq!(fatou.received().len(), 1);
            }
        }
        let statuses = app.texts("SELECT DISTINCT status FROM attempts").await;
        assert_eq!(statuses, ["read"]);
        assert_eq!(
            app.count("SELECT COUNT(*) FROM inbox WHERE kind = 'status' AND state = 'applied'").await,
            18
        );
    })
    .await;
}

#[tokio::test]
async fn w23_a_failure_after_delivery_is_not_believed() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says("Post promo pour Instagram").await;
        let id = fatou.received()[0].id.clone();
        for (status, code) in [(MessageStatus::Delivered, None), (MessageStatus::Failed, Some(131_026))] {
            app.deliver(&app.world.webhook_status(&id, status, code)).await;
            app.run_until_idle().await;
        }
        assert_eq!(fatou.ledger().await, ["+5 trial", "-1 whatsapp_generation"]);
    })
    .await;
}

#[tokio::test]
async fn w22_a_status_of_a_message_that_is_not_ours_is_ignored_by_name() {
    for_each_engine(async |app| {
        let webhook = app.world.webhook_status("wamid.NOTOURS==", MessageStatus::Sent, None);
        assert_eq!(app.deliver(&webhook).await.status, 200);
        app.run_until_idle().await;
        assert_eq!(app.texts("SELECT outcome FROM inbox").await, ["unknown_message"]);
    })
    .await;
}

#[tokio::test]
async fn a_claim_takes_no_more_lanes_than_it_may() {
    use postly_app::Queue;
    use postly_domain::{UnixMillis, id::LeaseToken};
    use postly_store::lanes;
    for engine in EngineName::ALL {
        // The lanes are empty, which an audit would report.
        let app = TestApp::start(engine, &Options::default()).await;
        let now = UnixMillis(app.clock.now_ms());
        let fill = async |lanes: std::ops::Range<i64>| {
            let mut tx = app.app.core.db().write().await.unwrap();
            for number in lanes {
                lanes::add(&mut tx, Queue::Status, &format!("lane {number}"), 1, now).await.unwrap();
            }
            tx.commit().await.unwrap();
        };
        // With statistics of one lane, PostgreSQL would run a limited subquery once for each row.
        fill(0..1).await;
        app.texts("ANALYZE lanes").await;
        fill(1..13).await;
        let mut tx = app.app.core.db().write().await.unwrap();
        let token = LeaseToken::new("a lease");
        let claimed = lanes::claim(&mut tx, Queue::Status, &token, now, now.plus_ms(1_000), 2).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(claimed.len(), 2, "{engine:?}");
        app.stop().await;
    }
}
