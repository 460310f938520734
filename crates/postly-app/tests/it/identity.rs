//! The sender of a message: numbers, ids, and people with the same number or id.

use postly_simulator::{Channel, MessageKind, Person};
use postly_testkit::{TestApp, for_each_engine};

async fn say(app: &TestApp, person: &Person, text: &str) {
    let delivery = app.deliver(&app.world.webhook_text(person, text)).await;
    assert_eq!(delivery.status, 200);
    app.run_until_idle().await;
}

async fn authors(app: &TestApp) -> i64 {
    app.count("SELECT COUNT(*) FROM authors").await
}

#[tokio::test]
async fn one_number_through_two_providers_is_one_author() {
    for_each_engine(async |app| {
        let on_meta = app.author_of(Channel::Meta, "+33639981001");
        let on_twilio = app.author_of(Channel::Twilio, "+33639981001");
        on_meta.says("SOLDE").await;
        on_twilio.says("SOLDE").await;
        assert_eq!(authors(app).await, 1);
        assert_eq!(app.count("SELECT COUNT(*) FROM identities").await, 2);
        assert_eq!(on_meta.ledger().await, ["+5 trial"], "the trial comes once");
    })
    .await;
}

#[tokio::test]
async fn w30_a_username_without_a_number_is_an_author_and_gains_the_number_later() {
    for_each_engine(async |app| {
        let hidden = Person::new(Channel::Meta, "+33639981002").hiding_phone("sheena");
        let other = Person::new(Channel::Meta, "+33639981003").hiding_phone("bob");
        say(app, &hidden, "SOLDE").await;
        say(app, &other, "SOLDE").await;
        assert_eq!(authors(app).await, 2, "two people without a number are two people");
        assert_eq!(app.world.phone_messages(&hidden).len(), 1, "she is answered at her id");

        let shown = Person { phone_hidden: false, ..hidden.clone() };
        say(app, &shown, "SOLDE").await;
        assert_eq!(authors(app).await, 2);
        assert_eq!(app.count("SELECT COUNT(*) FROM identities WHERE phone = '+33639981002'").await, 1);
    })
    .await;
}

#[tokio::test]
async fn another_id_on_a_known_number_is_another_person() {
    for_each_engine(async |app| {
        let number = "+33639981004";
        let before = app.author_of(Channel::Meta, number);
        before.says("Post promo pour Instagram").await;
        assert_eq!(before.credits().await, 4);
        let old = app.texts("SELECT id FROM authors").await;

        // The number was assigned to another person, with another id.
        let after = Person::new(Channel::Meta, number).with_bsuid("FR.SOMEBODYELSE");
        say(app, &after, "SOLDE").await;
        assert_eq!(authors(app).await, 2);
        // The number had its trial, and the new author does not see the credits of the earlier one.
        let messages = app.world.phone_messages(&after);
        assert!(messages.last().unwrap().body.contains("restants: 0"), "{messages:#?}");
        let old = postly_app::operator::AuthorSelector::Id(postly_domain::id::AuthorId::new(old[0].clone()));
        let account = app.app.people.account(&old).await.unwrap();
        assert_eq!(account.wallet.available(), 4, "the old account keeps its credits");
        assert!(
            account.identities.iter().all(|identity| identity.phone.is_none()),
            "and has lost the number"
        );
    })
    .await;
}

#[tokio::test]
async fn a_number_known_without_an_id_keeps_its_author_when_the_id_comes() {
    for_each_engine(async |app| {
        let plain = Person::new(Channel::Meta, "+33639981005").without_bsuid();
        say(app, &plain, "SOLDE").await;
        let with_id = Person::new(Channel::Meta, "+33639981005").with_bsuid("FR.LATER");
        say(app, &with_id, "SOLDE").await;
        say(app, &plain, "SOLDE").await;
        assert_eq!(authors(app).await, 1);
        assert_eq!(app.count("SELECT COUNT(*) FROM identities WHERE bsuid = 'FR.LATER'").await, 1);
    })
    .await;
}

#[tokio::test]
async fn both_national_forms_of_a_number_are_one_author_and_replies_use_the_form_she_wrote_from() {
    for_each_engine(async |app| {
        for (now, then) in [
            ("5511987654321", "551187654321"),
            ("525512345678", "5215512345678"),
            ("5491123456789", "541123456789"),
        ] {
            let before = authors(app).await;
            let modern = Person::new(Channel::Meta, now).without_bsuid();
            let old = Person::new(Channel::Meta, then).without_bsuid();
            say(app, &modern, "SOLDE").await;
            say(app, &old, "SOLDE").await;
            assert_eq!(authors(app).await, before + 1, "{now} {then}");
            assert_eq!(app.world.phone_messages(&modern).len(), 1);
            assert_eq!(app.world.phone_messages(&old).len(), 1);
        }
    })
    .await;
}

#[tokio::test]
async fn a_signed_change_of_number_moves_the_account() {
    for_each_engine(async |app| {
        let fatou = app.author_of(Channel::Meta, "+33639981006");
        fatou.says("Post promo pour Instagram").await;
        let change = MessageKind::ChangedNumber { new_number: "33639981007".to_owned() };
        app.deliver(&fatou.sends(change)).await;
        app.run_until_idle().await;
        let moved = Person::new(Channel::Meta, "+33639981007").with_bsuid("FR.NEWID");
        say(app, &moved, "SOLDE").await;
        assert_eq!(authors(app).await, 1);
        let messages = app.world.phone_messages(&moved);
        assert!(messages.last().unwrap().body.contains("restants: 4"), "{messages:#?}");
        // A sender from the old number is now another person.
        let stranger = Person::new(Channel::Meta, "+33639981006").with_bsuid("FR.STRANGER");
        say(app, &stranger, "SOLDE").await;
        assert_eq!(authors(app).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_grant_to_an_unknown_number_waits_for_its_first_message() {
    for_each_engine(async |app| {
        let fatou = app.author_of(Channel::Meta, "+33639981008").has_credits(7).await;
        fatou.says("SOLDE").await;
        assert_eq!(authors(app).await, 1);
        assert!(fatou.last_text().contains("restants: 12"), "{}", fatou.last_text());
        assert_eq!(fatou.ledger().await, ["+7 adjustment", "+5 trial"]);
    })
    .await;
}

#[tokio::test]
async fn a_number_that_was_moved_away_from_takes_nothing_along_through_the_other_provider() {
    for_each_engine(async |app| {
        let (old, new) = ("+33639981030", "+33639981031");
        // The author writes through both providers, then changes the number at one of them.
        let on_twilio = Person::new(Channel::Twilio, old).without_bsuid();
        say(app, &on_twilio, "SOLDE").await;
        let on_meta = Person::new(Channel::Meta, old).with_bsuid("FR.HERS");
        say(app, &on_meta, "SOLDE").await;
        assert_eq!(authors(app).await, 1);
        let change = MessageKind::ChangedNumber { new_number: new.trim_start_matches('+').to_owned() };
        app.deliver(&app.world.webhook_kind(&on_meta, change)).await;
        app.run_until_idle().await;

        let stranger = Person::new(Channel::Meta, old).with_bsuid("FR.STRANGERS");
        say(app, &stranger, "SOLDE").await;
        assert_eq!(authors(app).await, 2, "the old number is somebody else's now");
        let shown = app.world.phone_messages(&stranger).pop().unwrap().body;
        assert!(shown.contains("restants: 0"), "{shown}");
        // The author may use the new number without blocking any event.
        let back = Person::new(Channel::Meta, new).with_bsuid("FR.HERS");
        say(app, &back, "SOLDE").await;
        assert_eq!(app.count("SELECT COUNT(*) FROM inbox WHERE state = 'ready'").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_known_id_that_writes_from_a_number_her_other_identity_holds_is_answered() {
    for_each_engine(async |app| {
        let number = "+33639981032";
        let by_number = Person::new(Channel::Meta, number).without_bsuid();
        say(app, &by_number, "SOLDE").await;
        let by_id = Person::new(Channel::Meta, "+33639981033").with_bsuid("FR.KNOWN");
        say(app, &by_id, "SOLDE").await;
        // The known id now writes from the number of an identity without an id: no merge, and every message
        // is answered.
        let both = Person::new(Channel::Meta, number).with_bsuid("FR.KNOWN");
        say(app, &both, "SOLDE").await;
        assert_eq!(app.count("SELECT COUNT(*) FROM inbox WHERE state = 'answered'").await, 3);
        assert_eq!(authors(app).await, 2);
    })
    .await;
}
