//! Codes and links of accounts, as read from a phone.

use postly_simulator::{Channel, PhoneMessage};
use postly_testkit::{TestApp, TestBrowser, code_in};

pub(crate) const FATOU: &str = "+33639981001";
pub(crate) const MARIE: &str = "+33639981002";

/// The messages at a number that may never have written.
pub(crate) fn arrived(app: &TestApp, number: &str) -> Vec<PhoneMessage> {
    app.world.phone_messages(&app.world.person(Channel::Meta, number))
}

/// Requests a code in a browser, and reads it from the phone.
pub(crate) async fn code_for(app: &TestApp, browser: &TestBrowser, number: &str) -> String {
    browser.request_code(number).await.ok();
    app.run_until_idle().await;
    code_in(&arrived(app, number).last().expect("a code on the phone").body)
}

/// The token of the login link in a message.
pub(crate) fn token_in(text: &str) -> String {
    text.split("/login#").nth(1).unwrap().split_whitespace().next().unwrap().to_owned()
}
