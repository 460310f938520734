//! The phone in the browser.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use postly_simulator::{Channel, LedgerLine, SimulatorConfig};
use serde_json::{Value, json};

use crate::{NUMBER, Scene, answer, pairs, reply, text};

async fn state(scene: &Scene, channel: &str) -> Value {
    let request = scene.client.get(format!("{}/state", scene.world.phone_url()));
    answer(request.query(&[("channel", channel), ("number", NUMBER)])).await.unwrap().1
}

async fn write(scene: &Scene, channel: &str, text: &str) -> u16 {
    let body = json!({"channel": channel, "number": NUMBER, "text": text});
    answer(scene.client.post(format!("{}/send", scene.world.phone_url())).json(&body)).await.unwrap().0
}

#[tokio::test]
async fn the_page_is_whole_and_asks_nothing_of_others() {
    let scene = Scene::set().await;
    let response = scene.client.get(scene.world.phone_url()).send().await.unwrap();
    assert!(
        response.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'")
    );
    let page = response.text().await.unwrap();
    assert!(page.contains("lang=\"fr\"") && !page.contains("innerHTML"));
    assert!(!page.contains("src=") && !page.contains("<link"));
}

#[tokio::test]
async fn a_conversation_shows_on_the_phone() {
    let config = SimulatorConfig {
        balance: Some(Arc::new(|_, number| async move { (number == "33612345678").then_some(4) }.boxed())),
        ledger: Some(Arc::new(|_, _| {
            async { vec![LedgerLine { delta: -1, reason: "whatsapp_generation".to_owned() }] }.boxed()
        })),
        ..SimulatorConfig::default()
    };
    let scene = Scene::set_with(config).await;
    assert_eq!(write(&scene, "meta", "Solde <b>*x*</b>").await, 202);
    let event = scene.service.wait_for(1).await.remove(0);
    let event: Value = serde_json::from_slice(&event.body).unwrap();
    let message = &event["entry"][0]["changes"][0]["value"]["messages"][0];
    assert_eq!(message["text"]["body"], "Solde <b>*x*</b>");
    let mark = json!({"messaging_product": "whatsapp", "status": "read", "message_id": message["id"],
        "typing_indicator": {"type": "text"}});
    scene.meta(&mark).await;
    let shown = state(&scene, "meta").await;
    assert_eq!(shown["typing"], true);
    assert_eq!(shown["messages"][0]["ticks"], "read");
    assert_eq!((&shown["balance"], &shown["ledger"][0]["delta"]), (&json!(4), &json!(-1)));
    scene.meta(&text("Voici")).await;
    let shown = state(&scene, "meta").await;
    assert_eq!(shown["typing"], false);
    assert_eq!(shown["messages"][1]["text"], "Voici");
    assert_eq!(shown["messages"][1]["mine"], false);
    assert_eq!(state(&scene, "twilio").await["messages"], json!([]));
}

#[tokio::test]
async fn twilio_has_its_own_conversation() {
    let scene = Scene::set().await;
    assert_eq!(write(&scene, "twilio", "Aide").await, 202);
    scene.service.wait_for(1).await;
    scene.twilio(&pairs(&reply("Voici"))).await;
    let fatou = scene.world.person(Channel::Twilio, NUMBER);
    assert_eq!(scene.world.wait_for_messages(&fatou, 1, Duration::from_secs(2)).await.len(), 1);
    assert_eq!(state(&scene, "twilio").await["messages"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_button_is_tapped_on_the_phone() {
    let scene = Scene::set().await;
    scene.writer(Channel::Meta);
    let button = |id: &str, title: &str| json!({"type": "reply", "reply": {"id": id, "title": title}});
    let question = json!({"messaging_product": "whatsapp", "to": NUMBER, "type": "interactive",
        "interactive": {"type": "button", "body": {"text": "Alors ?"},
            "action": {"buttons": [button("yes:1", "Oui"), button("no:1", "Non")]}}});
    let (_, said) = scene.meta(&question).await;
    let id = said["messages"][0]["id"].as_str().unwrap();
    scene.service.wait_for(2).await;
    let shown = state(&scene, "meta").await;
    let label = |title: &str| json!({"title": title, "taps": true, "opens": null});
    let labels = json!([label("Oui"), label("Non")]);
    assert_eq!(shown["messages"][0]["buttons"], labels);

    let tap = async |channel: &str, below: &str, text: &str| {
        let body = json!({"channel": channel, "number": NUMBER, "text": text, "below": below});
        answer(scene.client.post(format!("{}/send", scene.world.phone_url())).json(&body)).await.unwrap().0
    };
    assert_eq!(tap("meta", id, "Peut-être").await, 400);
    assert_eq!(tap("meta", "wamid.HBgL", "Non").await, 400);
    assert_eq!(tap("twilio", id, "Non").await, 400, "it is on another phone");
    assert_eq!(tap("meta", id, "Non").await, 202);
    let event = scene.service.wait_for(3).await.remove(2);
    let event: Value = serde_json::from_slice(&event.body).unwrap();
    let message = &event["entry"][0]["changes"][0]["value"]["messages"][0];
    assert_eq!(message["interactive"]["button_reply"], json!({"id": "no:1", "title": "Non"}));
    assert_eq!(state(&scene, "meta").await["messages"][1]["text"], "Non");
}

#[tokio::test]
async fn nonsense_is_refused() {
    let scene = Scene::set().await;
    assert_eq!(write(&scene, "meta", "  ").await, 400);
    assert_eq!(write(&scene, "signal", "x").await, 400);
    assert_eq!(write(&scene, "meta", &"x".repeat(4097)).await, 400);
    let form = scene.client.post(format!("{}/send", scene.world.phone_url())).body("{}");
    assert_eq!(form.send().await.unwrap().status().as_u16(), 404);
    assert!(scene.world.journal().is_empty(), "the phone is no provider");
}
