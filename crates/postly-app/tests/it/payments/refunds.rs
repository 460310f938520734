//! Refunds of money that an operator orders: once, whatever happens to the calls, answers and events.

use postly_app::{RefundOrder, RefundPaymentError};
use postly_domain::{
    RefundReason,
    id::PaymentId,
    refund::{AmountError, RefundState, RequestState},
};
use postly_simulator::{Fault, FaultKind, RequestKind, SimulatedCheckout, Upstream};
use postly_testkit::{TestApp, for_each_engine_with};

use super::{bring_all, brings, buys, debts, shop};

const HOUR_MS: i64 = 3_600_000;

/// An order for the rest of a payment, or for the typed amount.
fn order<'a>(payment: &'a PaymentId, amount: &'a str, form_key: Option<&'a str>) -> RefundOrder<'a> {
    let reason = RefundReason::RequestedByCustomer;
    RefundOrder { payment, amount, reason, made_by: Some("Awa Diop"), form_key }
}

fn payment_of(checkout: &SimulatedCheckout) -> PaymentId {
    PaymentId::new(checkout.payment.clone().expect("it is paid"))
}

/// The amounts and statuses of the refunds at Stripe.
fn at_stripe(app: &TestApp, checkout: &SimulatedCheckout) -> Vec<(i64, String)> {
    app.world.refunds_of(&checkout.id)
}

fn calls(app: &TestApp) -> usize {
    app.world.journal().iter().filter(|entry| entry.kind == RequestKind::Refund).count()
}

async fn states(app: &TestApp) -> Vec<String> {
    app.texts("SELECT state FROM refund_requests ORDER BY id").await
}

#[tokio::test]
async fn a_part_and_then_the_rest_are_refunded_and_the_credits_go_with_them_once() {
    for_each_engine_with(shop(), async |app| {
        app.world.hold_payment_events();
        let fatou = app.author();
        let checkout = buys(app, &fatou, "s").await;
        let payment = payment_of(&checkout);
        let preview = app.app.payments.preview_refund(&payment, "2,45").await.unwrap();
        assert_eq!((preview.amount.amount, preview.credits, preview.owed), (245, 10, 0));
        let made = app.app.payments.refund_payment(&order(&payment, "2.45", Some("form-1"))).await.unwrap();
        assert_eq!((made.state, made.refund_state), (RequestState::Made, Some(RefundState::Succeeded)));
        assert_eq!(fatou.credits().await, 10);
        // The events of the refund arrive after the answer, and change nothing.
        bring_all(app, &app.world.payment_events()).await;
        assert_eq!(fatou.ledger().await, ["+20 purchase", "-10 purchase_reversal"]);

        app.app.operator.adjust(&fatou.who(), -7, "spent").await.unwrap();
        let preview = app.app.payments.preview_refund(&payment, "").await.unwrap();
        assert_eq!((preview.amount.amount, preview.credits, preview.owed), (245, 10, 7));
        app.app.payments.refund_payment(&order(&payment, "", Some("form-2"))).await.unwrap();
        assert_eq!((fatou.credits().await, debts(app).await), (0, 7));
        assert_eq!(at_stripe(app, &checkout), [(245, "succeeded".to_owned()), (245, "succeeded".to_owned())]);
        let page = app.app.admin.payment_page(&payment).await.unwrap().unwrap();
        assert_eq!((page.line.left.amount, page.line.taken_back, page.refunds.len()), (0, 20, 2));
        assert_eq!(page.requests[0].made_by.as_deref(), Some("Awa Diop"));
        let again = app.app.payments.refund_payment(&order(&payment, "", None)).await;
        assert!(matches!(again, Err(RefundPaymentError::Amount(AmountError::NothingLeft))), "{again:?}");
        bring_all(app, &app.world.payment_events()).await;
        assert_eq!((fatou.credits().await, debts(app).await, calls(app)), (0, 7, 2));
    })
    .await;
}

#[tokio::test]
async fn c20_the_same_form_twice_and_two_operators_at_once_refund_once() {
    for_each_engine_with(shop(), async |app| {
        let fatou = app.author();
        let checkout = buys(app, &fatou, "s").await;
        let payment = payment_of(&checkout);
        let twice = order(&payment, "", Some("form-1"));
        let (one, two) =
            tokio::join!(app.app.payments.refund_payment(&twice), app.app.payments.refund_payment(&twice));
        let refusals: Vec<_> = [one, two].into_iter().filter_map(Result::err).collect();
        assert!(matches!(refusals.as_slice(), [RefundPaymentError::AlreadyDone]), "{refusals:?}");
        assert_eq!(at_stripe(app, &checkout).len(), 1);

        let awa = app.author_of(postly_simulator::Channel::Meta, "+33639981031");
        let checkout = buys(app, &awa, "s").await;
        let payment = payment_of(&checkout);
        // While the first call runs, a second order of another form waits for its outcome.
        app.world.fault(Upstream::Stripe, Fault::once(FaultKind::Delay(300)));
        let orders = [order(&payment, "", Some("form-2")), order(&payment, "", Some("form-3"))];
        let (one, two) = tokio::join!(
            app.app.payments.refund_payment(&orders[0]),
            app.app.payments.refund_payment(&orders[1])
        );
        let refusals: Vec<_> = [one, two].into_iter().filter_map(Result::err).collect();
        assert!(matches!(refusals.as_slice(), [RefundPaymentError::UnderWay]), "{refusals:?}");
        assert_eq!(at_stripe(app, &checkout), [(490, "succeeded".to_owned())]);
        assert_eq!((fatou.credits().await, awa.credits().await), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_same_key() {
    for_each_engine_with(shop(), async |app| {
        app.world.hold_payment_events();
        let fatou = app.author();
        let checkout = buys(app, &fatou, "s").await;
        let payment = payment_of(&checkout);
        // The first call refunds, and all of its answers are lost.
        app.world.fault(Upstream::Stripe, Fault::once(FaultKind::AcceptThenReset).times(3));
        let lost = app.app.payments.refund_payment(&order(&payment, "2.45", Some("form-1"))).await;
        assert!(matches!(&lost, Err(RefundPaymentError::NoAnswer(why)) if why == "torn"), "{lost:?}");
        assert_eq!((states(app).await, calls(app)), (vec!["open".to_owned()], 3));
        let other = app.app.payments.refund_payment(&order(&payment, "", None)).await;
        assert!(matches!(other, Err(RefundPaymentError::UnderWay)), "{other:?}");
        // Not before a minute has passed.
        assert_eq!(app.app.payments.sweep_refunds().await.unwrap(), 0);
        app.advance_ms(60_000);
        let (one, two) = tokio::join!(app.app.payments.sweep_refunds(), app.app.payments.sweep_refunds());
        assert_eq!(one.unwrap() + two.unwrap(), 1);
        assert_eq!(states(app).await, ["made"]);
        assert_eq!(at_stripe(app, &checkout), [(245, "succeeded".to_owned())]);
        assert_eq!(fatou.credits().await, 10);
        let keys: Vec<_> = app.world.journal();
        let keys: std::collections::BTreeSet<_> = keys
            .iter()
            .filter(|entry| entry.kind == RequestKind::Refund)
            .flat_map(|entry| entry.headers.iter().find(|(name, _)| name == "idempotency-key"))
            .collect();
        assert_eq!(keys.len(), 1);
        app.advance_ms(HOUR_MS);
        assert_eq!(app.app.payments.sweep_refunds().await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn an_event_that_is_faster_than_the_answer_ends_the_request() {
    for_each_engine_with(shop(), async |app| {
        app.world.hold_payment_events();
        let fatou = app.author();
        let checkout = buys(app, &fatou, "s").await;
        let payment = payment_of(&checkout);
        app.world.fault(Upstream::Stripe, Fault::once(FaultKind::AcceptThenReset).times(3));
        app.app.payments.refund_payment(&order(&payment, "", None)).await.unwrap_err();
        bring_all(app, &app.world.payment_events()).await;
        assert_eq!((states(app).await, fatou.credits().await), (vec!["made".to_owned()], 0));
        app.advance_ms(2 * HOUR_MS);
        assert_eq!((app.app.payments.sweep_refunds().await.unwrap(), calls(app)), (0, 3));
    })
    .await;
}

#[tokio::test]
async fn once_stripe_may_have_forgotten_the_key_its_list_decides() {
    for_each_engine_with(shop(), async |app| {
        app.world.hold_payment_events();
        for (round, fault, state, refunds) in
            [(0, FaultKind::AcceptThenReset, "made", 1), (1, FaultKind::ResetBeforeAcceptance, "not_made", 0)]
        {
            let number = format!("+3363998131{round}");
            let fatou = app.author_of(postly_simulator::Channel::Meta, &number);
            let checkout = buys(app, &fatou, "s").await;
            let payment = payment_of(&checkout);
            app.world.fault(Upstream::Stripe, Fault::once(fault).times(3));
            app.app.payments.refund_payment(&order(&payment, "", None)).await.unwrap_err();
            app.advance_ms(25 * HOUR_MS);
            app.world.forget_idempotency_keys();
            let before = calls(app);
            assert_eq!(app.app.payments.sweep_refunds().await.unwrap(), 1);
            assert_eq!((states(app).await.last().unwrap().as_str(), calls(app)), (state, before));
            assert_eq!(at_stripe(app, &checkout).len(), refunds);
            assert_eq!(fatou.credits().await, if refunds == 1 { 0 } else { 20 });
        }
        // Nothing was refunded, so it may be ordered anew.
        let payment =
            app.texts("SELECT payment_id FROM refund_requests WHERE state = 'not_made'").await.remove(0);
        app.app.payments.refund_payment(&order(&PaymentId::new(payment), "", None)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_refund_that_waits_or_fails_is_shown_and_a_failed_one_gives_the_credits_back() {
    for_each_engine_with(shop(), async |app| {
        app.world.hold_payment_events();
        let fatou = app.author();
        let checkout = buys(app, &fatou, "s").await;
        let payment = payment_of(&checkout);
        app.world.set_refund_status("pending");
        let made = app.app.payments.refund_payment(&order(&payment, "", None)).await.unwrap();
        assert_eq!((made.refund_state, fatou.credits().await), (Some(RefundState::Pending), 0));
        let refund_state =
            async || app.app.admin.payment_page(&payment).await.unwrap().unwrap().requests[0].refund_state;
        let paid_out = app.world.complete_refund(&checkout.id);
        bring_all(app, &paid_out).await;
        assert_eq!(refund_state().await, Some(RefundState::Succeeded));
        bring_all(app, &app.world.fail_refund(&checkout.id)).await;
        // An older event that is late changes nothing.
        let late =
            app.world.payment_events().into_iter().find(|event| event.kind == "refund.created").unwrap();
        brings(app, &late).await;
        assert_eq!((refund_state().await, fatou.credits().await), (Some(RefundState::Failed), 20));
        // A failed refund counts for nothing, and its amount can be refunded again.
        let preview = app.app.payments.preview_refund(&payment, "2.45").await.unwrap();
        assert_eq!((preview.amount.amount, preview.credits, preview.owed), (245, 10, 0));
        app.world.set_refund_status("succeeded");
        app.app.payments.refund_payment(&order(&payment, "", None)).await.unwrap();
        assert_eq!(fatou.credits().await, 0);
    })
    .await;
}

#[tokio::test]
async fn what_stripe_or_the_payment_says_against_a_refund_is_told_and_takes_nothing() {
    for_each_engine_with(shop(), async |app| {
        app.world.hold_payment_events();
        let fatou = app.author();
        let checkout = buys(app, &fatou, "s").await;
        let payment = payment_of(&checkout);
        let told = async |amount: &str| {
            app.app.payments.refund_payment(&order(&payment, amount, None)).await.unwrap_err().to_string()
        };
        for (amount, part) in
            [("4.91", "more than is left"), ("0", "more than is left"), ("x", "such as 4.90")]
        {
            assert!(told(amount).await.contains(part), "{amount}");
        }
        let unknown = PaymentId::new("pi_of_somebody_else");
        let unknown = app.app.payments.refund_payment(&order(&unknown, "", None)).await;
        assert!(matches!(unknown, Err(RefundPaymentError::UnknownPayment)), "{unknown:?}");
        assert_eq!(calls(app), 0);

        app.world.set_stripe_balance(Some(100));
        assert!(told("").await.contains("balance at Stripe is too low"));
        app.world.set_stripe_balance(None);
        for (code, part) in
            [(401, "does not accept STRIPE_SECRET_KEY"), (403, "write permission for refunds")]
        {
            app.world.fault(Upstream::Stripe, Fault::once(FaultKind::ProviderError { code }));
            let told = told("").await;
            assert!(told.contains(part), "{told}");
        }
        assert_eq!(states(app).await, ["refused", "refused", "refused"]);
        assert_eq!((fatou.credits().await, at_stripe(app, &checkout).len()), (20, 0));

        // Refunded and disputed in Stripe's dashboard, before its events arrive.
        let dispute = app.world.dispute_checkout(&checkout.id, 490, false);
        assert!(told("").await.contains("the payment is disputed"));
        bring_all(app, &dispute).await;
        bring_all(app, &app.world.close_dispute(&checkout.id, "won")).await;
        let by_hand = app.world.refund_checkout(&checkout.id, 490);
        assert!(told("").await.contains("refunded before"));
        bring_all(app, &by_hand).await;
        assert_eq!(fatou.credits().await, 0);
        assert!(told("").await.contains("nothing is left"));
    })
    .await;
}

#[tokio::test]
async fn c09_a_payment_of_the_other_mode_is_not_refunded() {
    for_each_engine_with(shop(), async |app| {
        let fatou = app.author();
        buys(app, &fatou, "s").await;
        let begun = super::begins_to_buy(app, &fatou, "s").await;
        let sql = "UPDATE checkout_sessions SET id = 'cs_live_1', payment_id = 'pi_live_1', state = 'paid' WHERE state = 'open'";
        app.change(sql).await;
        let live = PaymentId::new("pi_live_1");
        let refused = app.app.payments.refund_payment(&order(&live, "", None)).await;
        assert!(matches!(refused, Err(RefundPaymentError::OtherMode)), "{refused:?}");
        assert_eq!(calls(app), 0);
        let back = format!("UPDATE checkout_sessions SET id = '{}', payment_id = NULL, state = 'open' WHERE id = 'cs_live_1'", begun.id);
        app.change(&back).await;
    })
    .await;
}
