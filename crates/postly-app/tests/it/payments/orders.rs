//! Every order in which Stripe may report a payment ends at the same balance.

use postly_simulator::{Channel, Payment, StripeEvent};
use postly_testkit::{TestApp, TestAuthor, for_each_engine_with};

use super::{begins_to_buy, brings, debts, shop};

/// Every order of `count` items.
fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![vec![]];
    }
    let mut all = vec![];
    for order in orders(count - 1) {
        for place in 0..count {
            let mut longer = order.clone();
            longer.insert(place, count - 1);
            all.push(longer);
        }
    }
    all
}

/// The events of one payment of 4.90 € for 20 credits. Each refund is reported by one of its two events,
/// depending on `which`, so that neither is needed.
async fn story(
    app: &TestApp,
    author: &TestAuthor<'_>,
    full: bool,
    end: &str,
    which: usize,
) -> Vec<StripeEvent> {
    let checkout = begins_to_buy(app, author, "s").await;
    let world = &app.world;
    let mut story = vec![world.pay_checkout(&checkout.id, Payment::Card).remove(1)];
    let refunds = [Some(122), full.then_some(368)];
    for amount in refunds.into_iter().flatten() {
        let mut told = world.refund_checkout(&checkout.id, amount);
        story.push(told.remove(which % 2));
    }
    story.extend(world.dispute_checkout(&checkout.id, 245, false));
    story.extend(world.close_dispute(&checkout.id, end));
    story
}

async fn tell_in_every_order(app: &TestApp, full: bool, end: &str, expected: i64) {
    let count = if full { 5 } else { 4 };
    let author = app.author_of(Channel::Meta, "+33639981040");
    author.says("RECHARGE").await;
    let all = orders(count);
    assert_eq!(all.len(), if full { 120 } else { 24 });
    for (number, order) in all.iter().enumerate() {
        let before = author.credits().await;
        let story = story(app, &author, full, end, number).await;
        assert_eq!(story.len(), count);
        for place in order {
            for _ in 0..2 {
                brings(app, &story[*place]).await;
            }
        }
        let after = author.credits().await - before;
        assert_eq!((after, debts(app).await), (expected, 0), "{end}, order {order:?}");
    }
}

#[tokio::test]
async fn c12_c13_all_orders_of_a_payment_that_is_refunded_in_full_end_at_nothing() {
    for_each_engine_with(shop(), async |app| {
        // This test does not concern the pair limit of the simulated WhatsApp.
        app.world
            .set_rules(postly_simulator::Rules { pair_limit: false, ..postly_simulator::Rules::default() });
        for end in ["won", "lost"] {
            tell_in_every_order(app, true, end, 0).await;
        }
    })
    .await;
}

#[tokio::test]
async fn c12_c13_all_orders_of_a_partial_refund_and_a_dispute_end_at_what_was_not_lost() {
    for_each_engine_with(shop(), async |app| {
        app.world
            .set_rules(postly_simulator::Rules { pair_limit: false, ..postly_simulator::Rules::default() });
        // Of 490 are lost 122, which is floor(20 × 122 ÷ 490) = 4 credits; and with the dispute 367, which is
        // 14.
        for (end, expected) in [("won", 16), ("warning_closed", 16), ("lost", 6)] {
            tell_in_every_order(app, false, end, expected).await;
        }
    })
    .await;
}

#[tokio::test]
async fn c12_events_of_one_payment_at_once_end_where_they_end_one_after_the_other() {
    for_each_engine_with(shop(), async |app| {
        for round in 0..8 {
            let author = app.author_of(Channel::Meta, &format!("+3363998105{round}"));
            let end = if round % 2 == 0 { "won" } else { "lost" };
            let story = story(app, &author, false, end, round).await;
            let twice = story.iter().chain(&story);
            let told =
                futures_util::future::join_all(twice.map(|event| app.world.deliver_event(event))).await;
            for delivery in told {
                assert_eq!(delivery.status, 200);
            }
            assert_eq!(author.credits().await, if end == "won" { 16 } else { 6 }, "round {round}");
        }
    })
    .await;
}
