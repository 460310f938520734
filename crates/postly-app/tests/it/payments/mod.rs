//! The shop, against the simulated Stripe: purchases, refunds, and events that grant nothing.

mod debts;
mod events;
mod orders;
mod refunds;
mod shop;
mod sweep;

use postly_simulator::{Payment, SimulatedCheckout, StripeEvent};
use postly_testkit::{Options, TestApp, TestAuthor, TestBrowser};
use reqwest::Method;
use serde_json::{Value, json};

/// A service that sells packs, without trial credits.
pub(super) fn shop() -> Options {
    Options { shop: true, trial_credits: 0, ..Options::default() }
}

/// The token of the last purchase link on a phone: behind a button on Meta, in the text at Twilio.
pub(super) fn recharge_token(author: &TestAuthor<'_>) -> String {
    let message = author.received().pop().expect("a message");
    let opens = message.buttons.iter().find_map(|button| button.opens.clone());
    let link = opens.unwrap_or(message.body);
    let token = link.split("https://postly.example/recharge#").nth(1).expect("a link to buy by");
    token.split_whitespace().next().unwrap_or_default().to_owned()
}

/// Requests a Checkout Session with the token of a message's link.
pub(super) async fn checkout_by_link(app: &TestApp, token: &str, pack: &str) -> SimulatedCheckout {
    let answer = app.browser().post("/recharge", &json!({ "token": token, "pack": pack })).await.ok();
    let url = answer.json()["url"].as_str().expect("an address").to_owned();
    app.world.checkout_at(&url).expect("a session at Stripe")
}

/// The author writes RECHARGE and opens a Checkout Session.
pub(super) async fn begins_to_buy(app: &TestApp, author: &TestAuthor<'_>, pack: &str) -> SimulatedCheckout {
    author.says("RECHARGE").await;
    checkout_by_link(app, &recharge_token(author), pack).await
}

/// The author buys a pack: paid by card, and reported by the webhook.
pub(super) async fn buys(app: &TestApp, author: &TestAuthor<'_>, pack: &str) -> SimulatedCheckout {
    let checkout = begins_to_buy(app, author, pack).await;
    for event in app.world.pay_checkout(&checkout.id, Payment::Card) {
        brings(app, &event).await;
    }
    app.world.checkout_at(&checkout.url).expect("it is there")
}

/// Stripe delivers an event, and the service accepts it.
pub(super) async fn brings(app: &TestApp, event: &StripeEvent) {
    let delivery = app.world.deliver_event(event).await;
    assert_eq!((delivery.status, delivery.body.as_slice()), (200, &[][..]), "{}", event.kind);
}

/// Stripe delivers events, one after the other.
pub(super) async fn bring_all(app: &TestApp, events: &[StripeEvent]) {
    for event in events {
        brings(app, event).await;
    }
}

/// A browser that is logged in to an account with an e-mail address and no number.
pub(super) async fn logged_in(app: &TestApp, email: &str) -> TestBrowser {
    let browser = app.browser();
    browser.sign_up(email).await.ok();
    browser
}

/// The available credits of an author, by the API.
pub(super) async fn available(browser: &TestBrowser) -> i64 {
    browser.get("/api/credits").await.ok().json()["available"].as_i64().expect("a number")
}

/// The sum of all debts.
pub(super) async fn debts(app: &TestApp) -> i64 {
    app.count("SELECT CAST(COALESCE(SUM(debt), 0) AS BIGINT) FROM wallets").await
}

/// The outcomes of the events so far, sorted.
pub(super) async fn outcomes(app: &TestApp) -> Vec<String> {
    app.texts("SELECT outcome FROM payment_events ORDER BY outcome").await
}

/// Sends a body as it is.
pub(super) async fn post_raw(app: &TestApp, path: &str, body: &Value) -> (u16, String) {
    let headers = [("content-type", "application/json"), ("sec-fetch-site", "same-origin")];
    app.browser().send(Method::POST, path, &headers, Some(body.to_string())).await.problem()
}
