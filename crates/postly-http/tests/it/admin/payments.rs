//! `/admin/payments`: the payments of an author, and refunds of money in two steps.

use postly_simulator::{Channel, Fault, FaultKind, Payment, Upstream};
use postly_testkit::{Options, TestApp, TestAuthor, for_each_engine_with};
use serde_json::json;

use super::desk::{Desk, Page, Visitor};

const FATOU: &str = "+33639981001";

fn shop() -> Options {
    Options { shop: true, trial_credits: 0, ..Options::default() }
}

/// The author buys the smallest pack. Returns the ids of the Checkout Session and of the payment.
async fn buys(app: &TestApp, author: &TestAuthor<'_>) -> (String, String) {
    author.says("RECHARGE").await;
    let opens =
        author.received().pop().unwrap().buttons.iter().find_map(|button| button.opens.clone()).unwrap();
    let token = opens.split('#').nth(1).unwrap().to_owned();
    let answer = app.browser().post("/recharge", &json!({ "token": token, "pack": "s" })).await.ok();
    let checkout = app.world.checkout_at(answer.json()["url"].as_str().unwrap()).unwrap();
    for event in app.world.pay_checkout(&checkout.id, Payment::Card) {
        assert_eq!(app.world.deliver_event(&event).await.status, 200);
    }
    (checkout.id, app.world.checkouts().pop().unwrap().payment.unwrap())
}

/// Returns the value of a hidden field.
fn hidden<'a>(page: &'a Page, name: &str) -> &'a str {
    let rest = page.text.split(&format!("name=\"{name}\" value=\"")).nth(1).expect(name);
    rest.split('"').next().unwrap()
}

/// The first step, and the fields of the second.
async fn checked(visitor: &Visitor, address: &str, amount: &str) -> Vec<(&'static str, String)> {
    let fields = [("amount", amount), ("reason", "duplicate"), ("note", "payé <b>deux</b> fois")];
    let page = visitor.submit(address, &format!("{address}/check"), &fields).await;
    page.assert_is_page(200);
    assert_eq!(hidden(&page, "note"), "payé &#60;b&#62;deux&#60;/b&#62; fois");
    vec![
        ("amount", hidden(&page, "amount").to_owned()),
        ("reason", hidden(&page, "reason").to_owned()),
        ("note", "payé <b>deux</b> fois".to_owned()),
        ("key", hidden(&page, "key").to_owned()),
    ]
}

async fn confirmed(visitor: &Visitor, address: &str, fields: &[(&'static str, String)]) -> Page {
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    visitor.submit(address, &format!("{address}/refund"), &fields).await
}

#[tokio::test]
async fn money_is_refunded_in_two_steps_once_for_a_form_and_stands_in_the_log() {
    for_each_engine_with(shop(), async |app| {
        app.world.hold_payment_events();
        let desk = Desk::of(app).await;
        let visitor = desk.operator().await;
        let fatou = app.author_of(Channel::Meta, FATOU);
        let (checkout, payment) = buys(app, &fatou).await;
        let author =
            visitor.submit("/admin/authors", "/admin/authors", &[("who", FATOU)]).await.goes_to().to_owned();
        let address = format!("/admin/payments/{payment}");
        let page = visitor.get(&author).await;
        page.assert_is_page(200).assert_says("<b>€4.90</b> for 20 credits: paid").assert_says(&address);

        let page = visitor.get(&address).await;
        page.assert_is_page(200).assert_says("Stripe told of none.");
        assert_eq!((page.figure("Paid"), page.figure("Left to refund")), ("€4.90", "€4.90"));
        let fields = checked(&visitor, &address, "2,45").await;
        assert_eq!(fields[0].1, "2.45");
        // The first step changes nothing.
        assert!(app.world.refunds_of(&checkout).is_empty());
        assert_eq!(app.count("SELECT COUNT(*) FROM refund_requests").await, 0);
        assert_eq!(confirmed(&visitor, &address, &fields).await.goes_to(), address);
        let again = confirmed(&visitor, &address, &fields).await;
        again.assert_is_page(422).assert_says("the form was sent twice");
        assert_eq!(app.world.refunds_of(&checkout), [(245, "succeeded".to_owned())]);
        assert_eq!(fatou.ledger().await, ["+20 purchase", "-10 purchase_reversal"]);
        let page = visitor.get(&address).await;
        page.assert_is_page(200)
            .assert_says("<b>Refund of €2.45</b>: succeeded")
            .assert_says("by <bdi>Awa Diop</bdi>");
        page.assert_says("paid, €2.45 refunded");
        assert_eq!(page.figure("Left to refund"), "€2.45");

        let log =
            "SELECT note || ' | ' || outcome FROM audit_log WHERE action = 'refund_payment' ORDER BY id";
        let log = app.texts(log).await;
        let note = format!("2.45 of payment {payment} (duplicate): payé <b>deux</b> fois");
        assert_eq!(log[0], format!("{note} | done"));
        assert!(log[1].starts_with(&format!("{note} | failed: this was done before")), "{log:#?}");
        desk.close().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_refused_pending_or_not_answered_is_said_on_the_page() {
    for_each_engine_with(shop(), async |app| {
        app.world.hold_payment_events();
        let desk = Desk::of(app).await;
        let visitor = desk.operator().await;
        let fatou = app.author_of(Channel::Meta, FATOU);
        let (_, payment) = buys(app, &fatou).await;
        let address = format!("/admin/payments/{payment}");
        let check = format!("{address}/check");
        for (amount, reason, note, told) in [
            ("5", "duplicate", "x", "more than is left"),
            ("abc", "duplicate", "x", "such as 4.90"),
            ("1", "because", "x", "Choose a reason"),
            ("1", "duplicate", " ", "Choose a reason"),
        ] {
            let fields = [("amount", amount), ("reason", reason), ("note", note)];
            visitor.submit(&address, &check, &fields).await.assert_is_page(422).assert_says(told);
        }
        let fields = checked(&visitor, &address, "").await;
        let foreign: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let refund = format!("{address}/refund");
        visitor.post(&refund, &foreign, &[("sec-fetch-site", "cross-site")]).await.assert_is_page(403);
        visitor.submit(&address, &refund, &foreign[..3]).await.assert_is_page(400);
        assert_eq!(app.count("SELECT COUNT(*) FROM refund_requests").await, 0);
        let stranger = desk.visitor("192.0.2.9");
        assert_eq!(stranger.get(&address).await.goes_to(), "/admin/login");
        for path in ["/admin/payments/pi_none", "/admin/payments/%00"] {
            assert_eq!(visitor.get(path).await.status, 404, "{path}");
        }

        app.world.set_stripe_balance(Some(1));
        let page = confirmed(&visitor, &address, &fields).await;
        page.assert_is_page(422).assert_says("balance at Stripe is too low");
        app.world.set_stripe_balance(None);
        visitor.get(&address).await.assert_is_page(200).assert_says("refused, nothing was refunded");

        app.world.fault(Upstream::Stripe, Fault::once(FaultKind::AcceptThenReset).times(3));
        app.world.set_refund_status("pending");
        let fields = checked(&visitor, &address, "").await;
        assert_eq!(confirmed(&visitor, &address, &fields).await.goes_to(), address);
        let page = visitor.get(&address).await;
        page.assert_is_page(200).assert_says("Stripe has not answered (torn)").assert_says("a refund waits");
        assert!(!page.text.contains("Refund money"), "one at a time");
        app.advance_ms(60_000);
        assert_eq!(app.app.payments.sweep_refunds().await.unwrap(), 1);
        visitor.get(&address).await.assert_is_page(200).assert_says("<b>€4.90</b>: pending");
        assert_eq!(fatou.credits().await, 0);
        desk.close().await;
    })
    .await;
}
