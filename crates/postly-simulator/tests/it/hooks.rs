//! Webhooks to the service.

use std::collections::HashSet;

use postly_simulator::{Channel, MessageKind, MessageStatus, Person, StatusPolicy};
use serde_json::Value;

use crate::{NUMBER, Received, Scene, text};

fn value(body: &[u8]) -> Value {
    serde_json::from_slice::<Value>(body).unwrap()["entry"][0]["changes"][0]["value"].clone()
}

#[tokio::test]
async fn meta_signs_escaped_bytes() {
    let scene = Scene::set().await;
    let fatou = scene.world.person(Channel::Meta, NUMBER).named("Amélie");
    let event = scene.world.webhook_text(&fatou, "Été 🥐 50 €/kg");
    assert_eq!(scene.world.deliver(&event).await.status, 200);
    let [received]: [Received; 1] = scene.service.received().try_into().unwrap();
    assert_eq!(received.target, "/api/whatsapp/webhook");
    assert!(received.body.is_ascii());
    let expected = postly_simulator::meta_signature(&scene.world.config().meta.app_secret, &received.body);
    assert_eq!(received.headers["x-hub-signature-256"], expected.as_str());
    let value = value(&received.body);
    assert_eq!(value["messages"][0]["text"]["body"], "Été 🥐 50 €/kg");
    assert_eq!(value["messages"][0]["id"], event.id);
    assert_eq!(value["messages"][0]["from"], "33612345678");
    assert_eq!(value["contacts"][0]["profile"]["name"], "Amélie");
    assert!(value["messages"][0]["timestamp"].is_string());
}

#[tokio::test]
async fn twilio_signs_the_public_url_and_calls_the_loopback_one() {
    let scene = Scene::set().await;
    let fatou = scene.world.person(Channel::Twilio, NUMBER);
    let event = scene.world.webhook_text(&fatou, "Été 🥐");
    assert_eq!(scene.world.deliver(&event).await.status, 200);
    let [received]: [Received; 1] = scene.service.received().try_into().unwrap();
    let fields: Vec<(String, String)> = form_urlencoded::parse(&received.body).into_owned().collect();
    let token = &scene.world.config().twilio.auth_token;
    let expected = postly_simulator::twilio_signature(token, crate::PUBLIC, &fields);
    assert_eq!(received.headers["x-twilio-signature"], expected.as_str());
    assert_eq!(received.field("Body").as_deref(), Some("Été 🥐"));
    assert_eq!(received.field("From").as_deref(), Some("whatsapp:+33612345678"));
    assert_eq!(received.field("MessageSid").as_deref(), Some(event.id.as_str()));
}

#[tokio::test]
async fn every_kind_of_message_has_its_payload() {
    let scene = Scene::set().await;
    let kinds = [
        (MessageKind::Reaction { message_id: "wamid.x".to_owned(), emoji: None }, "reaction", "reaction"),
        (MessageKind::Audio { voice: true }, "audio", "audio"),
        (MessageKind::Image { caption: Some("Vitrine".to_owned()) }, "image", "image"),
        (MessageKind::Video { caption: None }, "video", "video"),
        (MessageKind::Document { caption: None }, "document", "document"),
        (MessageKind::Sticker, "sticker", "sticker"),
        (MessageKind::Location, "location", "location"),
        (MessageKind::Contacts, "contacts", "contacts"),
        (MessageKind::Button { payload: "p".to_owned(), text: "t".to_owned() }, "button", "button"),
        (MessageKind::ButtonReply { id: "i".to_owned(), title: "t".to_owned() }, "interactive", "button"),
        (MessageKind::ListReply { id: "i".to_owned(), title: "t".to_owned() }, "interactive", "interactive"),
        (MessageKind::Unsupported, "unsupported", "unsupported"),
        (MessageKind::Unknown, "hologram", "hologram"),
        (MessageKind::ChangedNumber { new_number: "33698765432".to_owned() }, "system", "system"),
        (MessageKind::ChangedUserId { new_bsuid: "FR.NEW".to_owned() }, "system", "system"),
        (MessageKind::ChangedIdentityKey, "system", "system"),
        (MessageKind::OwnNumber, "contacts", "contacts"),
    ];
    for (kind, meta, twilio) in kinds {
        let event = scene.world.webhook_kind(&scene.world.person(Channel::Meta, NUMBER), kind.clone());
        let value = value(&event.body);
        assert_eq!(value["messages"][0]["type"], meta);
        assert!(value["messages"][0].get(meta).is_some());
        assert_eq!(value.get("contacts").is_none(), meta == "system");
        let event = scene.world.webhook_kind(&scene.world.person(Channel::Twilio, NUMBER), kind);
        let body = String::from_utf8(event.body).unwrap();
        assert!(body.contains(&format!("MessageType={twilio}&")), "{body}");
    }
}

#[tokio::test]
async fn a_hidden_number_is_nowhere_in_the_webhook() {
    let scene = Scene::set().await;
    for channel in [Channel::Meta, Channel::Twilio] {
        let fatou = scene.world.person(channel, NUMBER).hiding_phone("fatou");
        let body = String::from_utf8(scene.world.webhook_text(&fatou, "Bonjour").body).unwrap();
        assert!(!body.contains("33612345678") && body.contains(fatou.bsuid.as_deref().unwrap()), "{body}");
        let old = scene.world.person(channel, "+33600000001").without_bsuid();
        let body = String::from_utf8(scene.world.webhook_text(&old, "Bonjour").body).unwrap();
        assert!(
            body.contains("33600000001") && !body.contains("user_id") && !body.contains("ExternalUserId")
        );
    }
}

#[tokio::test]
async fn a_batch_holds_a_thousand_messages_in_many_entries() {
    let scene = Scene::set().await;
    let items: Vec<(Person, String)> = (0..1200)
        .map(|n| (scene.world.person(Channel::Meta, &format!("+3361234{n:04}")), format!("Message {n}")))
        .collect();
    let batch = scene.world.webhook_batch(&items);
    assert_eq!(batch.ids.len(), 1000);
    let body: Value = serde_json::from_slice(&batch.body).unwrap();
    let entries = body["entry"].as_array().unwrap();
    assert!(entries.len() > 1 && entries[0]["changes"].as_array().unwrap().len() > 1);
    let messages: HashSet<&str> = entries
        .iter()
        .flat_map(|entry| entry["changes"].as_array().unwrap())
        .flat_map(|change| change["value"]["messages"].as_array().unwrap())
        .map(|message| message["id"].as_str().unwrap())
        .collect();
    assert_eq!(messages, batch.ids.iter().map(String::as_str).collect());
    assert_eq!(scene.world.deliver(&batch).await.status, 200);
}

#[tokio::test]
async fn statuses_follow_an_accepted_message_in_order() {
    let scene = Scene::set().await;
    let fatou = scene.writer(Channel::Meta);
    scene.world.set_statuses(StatusPolicy { read: true, ..StatusPolicy::default() });
    scene.service.refuse(1);
    scene.meta(&text("Bonjour")).await;
    let received = scene.service.wait_for(3).await;
    let statuses: HashSet<String> = received.iter().filter_map(Received::status).collect();
    assert_eq!(statuses, HashSet::from(["sent".to_owned(), "delivered".to_owned(), "read".to_owned()]));
    let about = value(&received[0].body);
    assert_eq!(about["statuses"][0]["biz_opaque_callback_data"], "outbox:1");
    assert_eq!(about["statuses"][0]["pricing"]["category"], "service");
    assert_eq!(about["statuses"][0]["recipient_id"], "33612345678");
    assert_eq!(about["contacts"][0]["wa_id"], "33612345678");
    assert_eq!(scene.world.phone_messages(&fatou)[0].status, MessageStatus::Read);
}

#[tokio::test]
async fn a_status_can_be_about_a_message_that_was_never_ours() {
    let scene = Scene::set().await;
    let event = scene.world.webhook_status("wamid.foreign", MessageStatus::Delivered, None);
    assert_eq!(value(&event.body)["statuses"][0]["id"], "wamid.foreign");
    let event = scene.world.webhook_status("SM00", MessageStatus::Failed, Some(63_024));
    assert_eq!(event.channel, Channel::Twilio);
    assert!(String::from_utf8(event.body).unwrap().contains("ErrorCode=63024"));
}

#[tokio::test]
async fn what_is_refused_is_delivered_again() {
    let scene = Scene::set().await;
    let fatou = scene.world.person(Channel::Meta, NUMBER);
    let event = scene.world.webhook_text(&fatou, "Bonjour");
    scene.service.refuse(2);
    assert_eq!(scene.world.deliver(&event).await.status, 503);
    assert_eq!(scene.world.deliver_with_retries(&event).await.status, 200);
    assert_eq!(scene.service.received().len(), 1);
}

#[tokio::test]
async fn the_time_of_an_event_is_the_outside_worlds() {
    let scene = Scene::set().await;
    let fatou = scene.world.person(Channel::Meta, NUMBER);
    scene.world.set_clock(|| 1_795_340_000_000);
    assert_eq!(value(&scene.world.webhook_text(&fatou, "x").body)["messages"][0]["timestamp"], "1795340000");
    scene.world.advance_ms(-1000);
    assert_eq!(value(&scene.world.webhook_text(&fatou, "x").body)["messages"][0]["timestamp"], "1795339999");
    let event = scene.world.webhook_at(&fatou, MessageKind::Text("x".to_owned()), 1);
    assert_eq!(value(&event.body)["messages"][0]["timestamp"], "1");
}

#[tokio::test]
async fn the_handshake_carries_the_token_and_the_challenge() {
    let scene = Scene::set().await;
    let said = scene.world.handshake("4711").await;
    let query = String::from_utf8(said.body).unwrap();
    assert_eq!(query, "hub.mode=subscribe&hub.challenge=4711&hub.verify_token=simulated-verify-token");
}

#[tokio::test]
async fn nobody_listening_is_no_answer() {
    let scene = Scene::set().await;
    scene.world.set_webhook("http://127.0.0.1:9/hook", crate::PUBLIC).unwrap();
    let event = scene.world.webhook_raw(Channel::Meta, "{}");
    let said = scene.world.deliver(&event).await;
    assert_eq!(said.status, 0);
    assert!(said.error.is_some());
    assert!(scene.world.set_webhook("not a url", crate::PUBLIC).is_err());
}
