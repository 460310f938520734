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

async fn tool(scene: &Scene, path: &str, body: &Value) -> u16 {
    answer(scene.client.post(format!("{}/{path}", scene.world.phone_url())).json(body)).await.unwrap().0
}

#[tokio::test]
async fn a_fault_is_switched_on_and_off_from_the_page() {
    let scene = Scene::set().await;
    scene.writer(Channel::Meta);
    assert_eq!(state(&scene, "meta").await["fault"], Value::Null);
    assert_eq!(tool(&scene, "fault", &json!({"name": "whatsapp_down"})).await, 200);
    assert_eq!(state(&scene, "meta").await["fault"], "whatsapp_down");
    for _ in 0..2 {
        assert_eq!(scene.meta(&text("Voici")).await.0, 503);
    }
    assert_eq!(tool(&scene, "fault", &json!({"name": "no such fault"})).await, 400);
    assert_eq!(tool(&scene, "fault", &json!({"name": ""})).await, 200);
    assert_eq!(scene.meta(&text("Voici")).await.0, 200);
    assert_eq!(state(&scene, "meta").await["fault"], Value::Null);
}

#[tokio::test]
async fn the_page_lists_the_traffic_in_both_directions() {
    let scene = Scene::set().await;
    write(&scene, "meta", "Aide").await;
    scene.service.wait_for(1).await;
    tool(&scene, "fault", &json!({"name": "whatsapp_down"})).await;
    scene.meta(&text("Voici")).await;
    tool(&scene, "fault", &json!({"name": ""})).await;
    scene.meta(&text("Voici")).await;
    let request = scene.client.get(format!("{}/traffic", scene.world.phone_url()));
    let lines = answer(request).await.unwrap().1;
    let lines: Vec<String> = lines
        .as_array()
        .unwrap()
        .iter()
        .map(|line| format!("{} {} {} {}", line["direction"], line["request"], line["answer"], line["fault"]))
        .collect();
    let has =
        |start: &str, end: &str| lines.iter().any(|line| line.starts_with(start) && line.ends_with(end));
    assert!(has("\"in\" \"POST /", "\"200\" null"), "{lines:?}");
    assert!(has("\"out\" \"Meta · POST /", "\"503\" \"status\""), "{lines:?}");
    assert!(has("\"out\" \"Meta · POST /", "\"accepté\" null"), "{lines:?}");
}

#[tokio::test]
async fn a_link_to_a_conversation_opens_the_phone_with_its_text() {
    let scene = Scene::set().await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    for (number, channel) in [("15550783881", "meta"), ("14155238886", "twilio")] {
        let url = format!("{}/{number}?text=Postly-AI%20%23K7M4&x=1", scene.world.chat_link_base());
        let opened = client.get(url).send().await.unwrap();
        assert_eq!(opened.status().as_u16(), 303);
        let to = opened.headers()["location"].to_str().unwrap();
        assert_eq!(to, format!("/phone?channel={channel}&text=Postly-AI+%23K7M4"));
    }
}

#[tokio::test]
async fn a_reset_is_asked_of_its_hook() {
    let scene = Scene::set().await;
    assert_eq!(tool(&scene, "reset", &json!({})).await, 400, "there is no hook");
    assert_eq!(state(&scene, "meta").await["resets"], false);
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let reset: postly_simulator::ResetHook = Arc::new(move || {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    });
    let scene = Scene::set_with(SimulatorConfig { reset: Some(reset), ..SimulatorConfig::default() }).await;
    assert_eq!(tool(&scene, "reset", &json!({})).await, 202);
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 1);
}
