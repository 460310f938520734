//! Signed notices of Meta: a new id, a new number, a new key; and numbers that authors share.

use postly_simulator::{Channel, MessageKind, Person, Webhook};
use postly_testkit::{TestApp, TestBrowser, for_each_engine};
use serde_json::{Value, json};

use crate::phone::{FATOU, MARIE, arrived, code_for, token_in};

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";
const NEW_ID: &str = "FR.9Z8Y7X6W5V";

async fn send(app: &TestApp, webhook: &Webhook) {
    assert_eq!(app.deliver(webhook).await.status, 200);
    app.run_until_idle().await;
}

async fn say(app: &TestApp, person: &Person, text: &str) -> String {
    send(app, &app.world.webhook_text(person, text)).await;
    app.world.phone_messages(person).pop().expect("an answer").body
}

async fn change_id(app: &TestApp, person: &Person) {
    let kind = MessageKind::ChangedUserId { new_bsuid: NEW_ID.to_owned() };
    send(app, &app.world.webhook_kind(person, kind)).await;
}

/// A system message as Meta writes it, with the given id and fields.
fn notice(app: &TestApp, id: &str, from: Option<&str>, system: &Value) -> Webhook {
    let accounts = app.world.config();
    let mut message = json!({
        "id": format!("wamid.{id}"),
        "timestamp": (app.world.now_ms() / 1000).to_string(),
        "type": "system",
        "system": system,
    });
    if let Some(from) = from {
        message["from"] = from.into();
    }
    let value = json!({
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": accounts.meta.display_phone_number,
            "phone_number_id": accounts.meta.phone_number_id,
        },
        "messages": [message],
    });
    let change = json!({ "value": value, "field": "messages" });
    let entry = json!([{ "id": accounts.meta.waba_id, "changes": [change] }]);
    let body = json!({ "object": "whatsapp_business_account", "entry": entry }).to_string();
    app.world.webhook_raw(Channel::Meta, body)
}

async fn outcomes(app: &TestApp) -> Vec<String> {
    app.texts("SELECT COALESCE(outcome, state) FROM inbox WHERE kind = 'identity_change' ORDER BY id").await
}

async fn logged_in(app: &TestApp, number: &str) -> TestBrowser {
    let browser = app.browser();
    let code = code_for(app, &browser, number).await;
    browser.verify(number, &code).await.ok();
    browser
}

#[tokio::test]
async fn another_id_takes_credits_and_history_along_whether_the_number_shows_or_not() {
    for_each_engine(async |app| {
        for (number, hidden) in [(FATOU, false), (MARIE, true)] {
            let mut fatou = Person::new(Channel::Meta, number);
            if hidden {
                fatou = fatou.hiding_phone("fatou");
            }
            let before = app.count("SELECT COUNT(*) FROM authors").await;
            say(app, &fatou, BRIEF).await;
            let new_id = format!("FR.NEW{hidden}");
            let kind = MessageKind::ChangedUserId { new_bsuid: new_id.clone() };
            send(app, &app.world.webhook_kind(&fatou, kind)).await;
            let moved = fatou.with_bsuid(&new_id);
            let balance = say(app, &moved, "SOLDE").await;
            assert!(balance.contains("restants: 4"), "hidden: {hidden}, {balance}");
            assert_eq!(app.count("SELECT COUNT(*) FROM authors").await, before + 1, "hidden: {hidden}");
        }
        assert_eq!(outcomes(app).await, ["applied", "applied"]);
        let owners = app.count(
            "SELECT COUNT(DISTINCT generations.author_id) FROM generations \
             JOIN identities ON identities.author_id = generations.author_id WHERE identities.bsuid LIKE 'FR.NEW%'",
        );
        assert_eq!(owners.await, 2, "each has the posts from before");
    })
    .await;
}

#[tokio::test]
async fn older_notices_name_the_id_before_in_their_sentence_and_forged_names_move_nobody() {
    for_each_engine(async |app| {
        let victim = Person::new(Channel::Meta, MARIE).with_bsuid("FR.VICTIM");
        say(app, &victim, BRIEF).await;
        let fatou = Person::new(Channel::Meta, FATOU).with_bsuid("FR.OLD").hiding_phone("fatou");
        say(app, &fatou, BRIEF).await;
        for body in ["User Ada changed from FR.VICTIM to FR.OTHER", "User FR.VICTIM to FR.NEW", "changed"] {
            let system = json!({ "type": "user_changed_user_id", "user_id": "FR.NEW", "body": body });
            send(app, &notice(app, body, None, &system)).await;
        }
        let body = "User changed from FR.VICTIM to FR.NEW changed from FR.OLD to FR.NEW";
        let system = json!({ "type": "user_changed_user_id", "user_id": "FR.NEW", "body": body });
        send(app, &notice(app, "last", None, &system)).await;
        let mut ends = outcomes(app).await;
        ends.sort();
        assert_eq!(ends, ["applied", "unknown_identity", "unknown_identity", "unknown_identity"]);
        assert!(say(app, &fatou.with_bsuid("FR.NEW"), "SOLDE").await.contains("restants: 4"));
        assert!(say(app, &victim, "SOLDE").await.contains("restants: 4"));
        assert_eq!(app.count("SELECT COUNT(*) FROM authors").await, 2);
    })
    .await;
}

#[tokio::test]
async fn the_same_change_twice_is_one_change() {
    for_each_engine(async |app| {
        let fatou = Person::new(Channel::Meta, FATOU).with_bsuid("FR.OLD");
        say(app, &fatou, BRIEF).await;
        let system =
            || json!({ "type": "user_changed_user_id", "previous_user_id": "FR.OLD", "user_id": NEW_ID });
        let first = notice(app, "1", None, &system());
        send(app, &first).await;
        let moved = fatou.clone().with_bsuid(NEW_ID);
        say(app, &moved, "bonjour").await;
        let browser = logged_in(app, FATOU).await;
        send(app, &first).await;
        send(app, &notice(app, "2", None, &system())).await;
        assert_eq!(outcomes(app).await, ["applied", "unknown_identity"]);
        browser.me().await.ok();
        assert!(say(app, &moved, "SOLDE").await.contains("restants: 9"), "trial, welcome, and one spent");

        // The same change again, now with the number of the new id.
        let mut with_number = system();
        with_number["type"] = "user_changed_number".into();
        with_number["wa_id"] = MARIE.trim_start_matches('+').into();
        send(app, &notice(app, "3", Some(FATOU.trim_start_matches('+')), &with_number)).await;
        let there = Person::new(Channel::Meta, MARIE).with_bsuid(NEW_ID);
        assert!(say(app, &there, "SOLDE").await.contains("restants: 9"));
        assert_eq!(app.count("SELECT COUNT(*) FROM authors").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_new_id_that_another_author_has_moves_nothing() {
    for_each_engine(async |app| {
        let fatou = Person::new(Channel::Meta, FATOU).with_bsuid("FR.OLD");
        say(app, &fatou, BRIEF).await;
        let browser = logged_in(app, FATOU).await;
        let marie = Person::new(Channel::Meta, MARIE).with_bsuid(NEW_ID);
        say(app, &marie, "SOLDE").await;
        change_id(app, &fatou).await;
        assert_eq!(outcomes(app).await, ["unknown_identity"]);
        browser.me().await.ok();
        assert!(say(app, &fatou, "SOLDE").await.contains("restants: 9"));
        assert!(say(app, &marie, "SOLDE").await.contains("restants: 5"));
    })
    .await;
}

#[tokio::test]
async fn after_another_id_no_code_goes_to_the_number_until_a_message_comes_from_it() {
    for_each_engine(async |app| {
        let fatou = Person::new(Channel::Meta, FATOU).with_bsuid("FR.OLD");
        say(app, &fatou, BRIEF).await;
        let browser = logged_in(app, FATOU).await;
        app.advance_ms(61_000);
        let link = token_in(&say(app, &fatou, "LOGIN").await);
        let typed = app.browser();
        let code = code_for(app, &typed, FATOU).await;
        change_id(app, &fatou).await;

        // Every session, code and link of the number has ended.
        assert_eq!(browser.me().await.problem().0, 401);
        assert_eq!(typed.verify(FATOU, &code).await.problem().0, 400);
        let opened = app.browser().post("/api/auth/link", &json!({ "token": link })).await;
        assert_eq!(opened.problem().0, 400);

        // The response does not reveal that no code is sent.
        app.advance_ms(61_000);
        let shown = arrived(app, FATOU).len();
        let stranger = app.browser();
        let answer = stranger.request_code(FATOU).await.ok();
        assert_eq!(answer.json(), json!({ "success": true, "message": "Code envoyé par WhatsApp" }));
        app.run_until_idle().await;
        assert_eq!(arrived(app, FATOU).len(), shown, "no code");

        // LOGIN under the new id, without a number, opens the account by its link and proves no number.
        let hidden = fatou.clone().with_bsuid(NEW_ID).hiding_phone("fatou");
        let link = token_in(&say(app, &hidden, "LOGIN").await);
        app.browser().post("/api/auth/link", &json!({ "token": link })).await.ok();
        let shown = arrived(app, FATOU).len();
        app.browser().request_code(FATOU).await.ok();
        app.run_until_idle().await;
        assert_eq!(arrived(app, FATOU).len(), shown, "still no code");

        say(app, &fatou.clone().with_bsuid(NEW_ID), "bonjour").await;
        app.advance_ms(61_000);
        logged_in(app, FATOU).await.me().await.ok();
        assert_eq!(app.count("SELECT COUNT(*) FROM authors").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_code_that_waits_when_the_id_changes_does_not_leave() {
    for_each_engine(async |app| {
        let fatou = Person::new(Channel::Meta, FATOU).with_bsuid("FR.OLD");
        say(app, &fatou, "bonjour").await;
        app.browser().request_code(FATOU).await.ok();
        let shown = arrived(app, FATOU).len();
        app.world.stop_listening().await;
        app.run_until_idle().await;
        app.world.resume().await;
        change_id(app, &fatou).await;
        app.advance_ms(2_000);
        app.run_until_idle().await;
        assert_eq!(arrived(app, FATOU).len(), shown, "no code");
        assert_eq!(app.count("SELECT COUNT(*) FROM outbox WHERE sealed IS NOT NULL").await, 0);
        assert_eq!(app.texts("SELECT reason FROM outbox WHERE reason IS NOT NULL").await, ["unproved"]);
    })
    .await;
}

#[tokio::test]
async fn whoever_gets_the_number_after_another_id_finds_nothing_under_it() {
    for_each_engine(async |app| {
        let fatou = Person::new(Channel::Meta, FATOU).with_bsuid("FR.OLD");
        say(app, &fatou, BRIEF).await;
        let same = Person::new(Channel::Twilio, FATOU).without_bsuid();
        say(app, &same, "SOLDE").await;
        assert_eq!(app.count("SELECT COUNT(*) FROM authors").await, 1);
        change_id(app, &fatou).await;
        // The number was assigned to another person. Neither provider names the sender by an id.
        let stranger = Person::new(Channel::Twilio, FATOU).without_bsuid();
        assert!(say(app, &stranger, "SOLDE").await.contains("restants: 0"));
        let by_meta = Person::new(Channel::Meta, FATOU).without_bsuid();
        assert!(say(app, &by_meta, "SOLDE").await.contains("restants: 0"));
        assert_eq!(app.count("SELECT COUNT(*) FROM authors").await, 2);
        let moved = Person::new(Channel::Meta, MARIE).with_bsuid(NEW_ID);
        assert!(say(app, &moved, "SOLDE").await.contains("restants: 4"));
    })
    .await;
}

#[tokio::test]
async fn another_key_takes_trust_back_until_a_message_comes_from_the_number() {
    for_each_engine(async |app| {
        let fatou = app.author_of(Channel::Meta, FATOU);
        fatou.says(BRIEF).await;
        let browser = logged_in(app, FATOU).await;
        app.advance_ms(61_000);
        send(app, &fatou.sends(MessageKind::ChangedIdentityKey)).await;
        assert_eq!(outcomes(app).await, ["applied"]);
        assert_eq!(browser.me().await.problem().0, 401);
        let shown = fatou.received().len();
        app.browser().request_code(FATOU).await.ok();
        app.run_until_idle().await;
        assert_eq!(fatou.received().len(), shown, "no code");

        fatou.says("SOLDE").await;
        assert!(fatou.last_text().contains("restants: 9"), "{}", fatou.last_text());
        app.advance_ms(61_000);
        logged_in(app, FATOU).await.me().await.ok();
        assert_eq!(app.count("SELECT COUNT(*) FROM authors").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_number_that_is_shared_because_we_asked_is_proved_and_no_other_contact_is() {
    for_each_engine(async |app| {
        let hidden = Person::new(Channel::Meta, FATOU).with_bsuid("FR.ADA").hiding_phone("ada");
        say(app, &hidden, BRIEF).await;
        // A contact card without a request may show another person's number.
        send(app, &app.world.webhook_kind(&hidden, MessageKind::Contacts)).await;
        assert_eq!(app.count("SELECT COUNT(*) FROM identities WHERE phone IS NOT NULL").await, 0);
        let shared = app.world.webhook_kind(&hidden, MessageKind::OwnNumber);
        send(app, &shared).await;
        let answer = app.world.phone_messages(&hidden).pop().unwrap().body;
        assert!(answer.contains("numéro est confirmé"), "{answer}");
        let browser = logged_in(app, FATOU).await;
        assert_eq!(browser.me().await.ok().json()["waPhoneE164"], FATOU);
        assert!(say(app, &hidden, "SOLDE").await.contains("restants: 9"), "the same account");

        // After a change of the id, sharing the number proves it, as a message from it does.
        change_id(app, &hidden).await;
        let moved = hidden.with_bsuid(NEW_ID);
        send(app, &app.world.webhook_kind(&moved, MessageKind::OwnNumber)).await;
        app.advance_ms(61_000);
        logged_in(app, FATOU).await.me().await.ok();
        assert_eq!(app.count("SELECT COUNT(*) FROM authors").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_shared_number_that_another_author_may_have_merges_nobody() {
    for_each_engine(async |app| {
        let plain = Person::new(Channel::Meta, FATOU).without_bsuid();
        say(app, &plain, BRIEF).await;
        let hidden = Person::new(Channel::Meta, FATOU).with_bsuid("FR.ADA").hiding_phone("ada");
        say(app, &hidden, "SOLDE").await;
        send(app, &app.world.webhook_kind(&hidden, MessageKind::OwnNumber)).await;
        let answer = app.world.phone_messages(&hidden).pop().unwrap().body;
        assert!(answer.contains("autre compte"), "{answer}");
        assert_eq!(app.count("SELECT COUNT(*) FROM authors").await, 2);
    })
    .await;
}
