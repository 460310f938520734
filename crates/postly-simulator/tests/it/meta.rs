//! Sends to the Graph API.

use postly_simulator::{Channel, MessageKind, MessageStatus, Outcome, RequestKind, Rules, StatusPolicy};
use serde_json::{Value, json};

use crate::{NUMBER, Scene, answer, text};

fn code(body: &Value) -> i64 {
    body["error"]["code"].as_i64().unwrap_or_default()
}

#[tokio::test]
async fn an_accepted_text_is_on_the_phone() {
    let scene = Scene::set().await;
    let fatou = scene.writer(Channel::Meta);
    let mut body = text("Bonjour 🥐");
    body["context"] = json!({"message_id": "wamid.HBgL"});
    let (status, said) = scene.meta(&body).await;
    assert_eq!(status, 200);
    assert_eq!(said["contacts"][0]["input"], NUMBER);
    assert_eq!(said["contacts"][0]["wa_id"], "33612345678");
    assert_eq!(said["contacts"][0]["user_id"], fatou.bsuid.clone().unwrap());
    let phone = scene.world.phone_messages(&fatou);
    assert_eq!(phone.len(), 1);
    assert_eq!(said["messages"][0]["id"], phone[0].id);
    assert_eq!(phone[0].body, "Bonjour 🥐");
    assert_eq!(phone[0].reply_to.as_deref(), Some("wamid.HBgL"));
    assert_eq!(phone[0].correlation.as_deref(), Some("outbox:1"));
    let journal = scene.world.journal();
    assert_eq!(journal[0].outcome, Outcome::Accepted { id: phone[0].id.clone() });
    assert!(journal[0].authorized);
    assert!(journal[0].headers.contains(&("authorization".to_owned(), "(redacted)".to_owned())));
}

#[tokio::test]
async fn a_wrong_token_or_number_is_refused_and_journaled() {
    let scene = Scene::set().await;
    scene.writer(Channel::Meta);
    let (status, said) = answer(scene.meta_request(&text("x")).bearer_auth("nobody's")).await.unwrap();
    assert_eq!((status, code(&said)), (401, 190), "a second header does not help");
    let account = scene.world.config().meta.clone();
    let url = format!("{}/v25.0/999/messages", scene.world.base_url());
    let request = scene.client.post(url).bearer_auth(&account.access_token).json(&text("x"));
    assert_eq!(code(&answer(request).await.unwrap().1), 100);
    let url = format!("{}/25/{}/messages", scene.world.base_url(), account.phone_number_id);
    let request = scene.client.post(url).bearer_auth(&account.access_token).json(&text("x"));
    assert_eq!(code(&answer(request).await.unwrap().1), 2500);
    assert_eq!(scene.world.journal().len(), 3);
    assert!(scene.world.accepted_messages().is_empty());
}

#[tokio::test]
async fn bodies_are_read_by_the_letter() {
    let scene = Scene::set().await;
    scene.writer(Channel::Meta);
    let change = |pointer: &str, value: Value| {
        let mut body = text("x");
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let object = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        if value.is_null() {
            object.remove(key)
        } else {
            object.insert(key.to_owned(), value)
        };
        body
    };
    let cases = [
        (change("/messaging_product", Value::Null), 100),
        (change("/messaging_product", json!("messenger")), 131_009),
        (change("/to", json!("33612345678")), 131_009),
        (change("/to", json!("+0612345678")), 131_009),
        (change("/to", Value::Null), 100),
        (change("/type", Value::Null), 100),
        (change("/text", json!("x")), 100),
        (change("/text/body", json!("")), 100),
        (change("/text/body", json!("é".repeat(4097))), 100),
        (change("/text/body", json!("🥐".repeat(2049))), 100),
        (change("/text/preview_url", json!("no")), 100),
        (change("/text/previewUrl", json!(true)), 100),
        (change("/idempotency_key", json!("1")), 100),
        (change("/biz_opaque_callback_data", json!("x".repeat(513))), 100),
        (change("/context", json!({"message_id": "SM1"})), 131_009),
        (change("/type", json!("hologram")), 100),
    ];
    for (body, expected) in cases {
        let (status, said) = scene.meta(&body).await;
        assert_eq!((status, code(&said)), (400, expected), "{body} {said}");
    }
    assert_eq!(scene.meta(&text(&"🥐".repeat(2048))).await.0, 200);
}

#[tokio::test]
async fn buttons_lists_and_links_are_accepted_within_their_limits() {
    let scene = Scene::set().await;
    let fatou = scene.writer(Channel::Meta);
    let interactive = |inner: Value| json!({"messaging_product": "whatsapp", "to": NUMBER, "type": "interactive", "interactive": inner});
    let button = |id: &str, title: &str| json!({"type": "reply", "reply": {"id": id, "title": title}});
    let buttons = |buttons: Vec<Value>| {
        interactive(json!({"type": "button", "body": {"text": "Alors ?"}, "action": {"buttons": buttons}}))
    };
    let rows = |count: usize| {
        let rows: Vec<Value> =
            (0..count).map(|n| json!({"id": n.to_string(), "title": format!("Ligne {n}")})).collect();
        interactive(
            json!({"type": "list", "body": {"text": "Choix"}, "action": {"button": "Choisir", "sections": [
            {"title": "A", "rows": rows}, {"title": "B", "rows": [{"id": "z", "title": "Z"}]}]}}),
        )
    };
    let link =
        interactive(json!({"type": "cta_url", "body": {"text": "Rechargez"}, "action": {"name": "cta_url",
        "parameters": {"display_text": "Recharger", "url": "https://postly.example/credits"}}}));
    assert_eq!(scene.meta(&buttons(vec![button("a", "Oui"), button("b", "Non")])).await.0, 200);
    assert_eq!(scene.meta(&rows(9)).await.0, 200);
    assert_eq!(scene.meta(&link).await.0, 200);
    assert_eq!(scene.meta(&rows(10)).await.0, 400);
    assert_eq!(scene.meta(&buttons(vec![button("a", "Oui"), button("b", "Oui")])).await.0, 400);
    assert_eq!(scene.meta(&buttons(vec![button("a", &"x".repeat(21))])).await.0, 400);
    let phone = scene.world.phone_messages(&fatou);
    assert_eq!(phone.len(), 3);
    let labels: Vec<&str> = phone[0].buttons.iter().map(|button| button.title.as_str()).collect();
    assert_eq!(labels, ["Oui", "Non"]);
    let reply = MessageKind::ButtonReply { id: "b".to_owned(), title: "Non".to_owned() };
    assert_eq!(phone[0].tap("Non"), Some(reply));
    assert_eq!(phone[0].tap("Peut-être"), None);
    let row = MessageKind::ListReply { id: "z".to_owned(), title: "Z".to_owned() };
    assert_eq!(phone[1].tap("Z"), Some(row));
    assert_eq!(phone[2].tap("Recharger"), None, "we do not hear of a link that is opened");
}

fn otp(body: &str, button: &str, components: usize) -> Value {
    let parameter = |text: &str| json!([{"type": "text", "text": text}]);
    let all = vec![
        json!({"type": "body", "parameters": parameter(body)}),
        json!({"type": "button", "sub_type": "url", "index": "0", "parameters": parameter(button)}),
    ];
    json!({
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": NUMBER, "type": "template",
        "template": {"name": "postly_code", "language": {"code": "fr"},
            "components": all.into_iter().take(components).collect::<Vec<_>>()},
    })
}

#[tokio::test]
async fn a_code_goes_out_by_template_without_a_window() {
    let scene = Scene::set().await;
    let fatou = scene.world.person(Channel::Meta, NUMBER);
    assert_eq!(scene.meta(&otp("123456", "123456", 2)).await.0, 200);
    assert_eq!(code(&scene.meta(&otp("123456", "123456", 1)).await.1), 132_000);
    assert_eq!(code(&scene.meta(&otp("123456", "654321", 2)).await.1), 132_000);
    assert_eq!(code(&scene.meta(&otp(&"1".repeat(16), &"1".repeat(16), 2)).await.1), 132_012);
    let mut unknown = otp("123456", "123456", 2);
    unknown["template"]["name"] = json!("nobody_knows");
    let (status, said) = scene.meta(&unknown).await;
    assert_eq!((status, code(&said)), (404, 132_001));
    let mut untranslated = otp("123456", "123456", 2);
    untranslated["template"]["language"]["code"] = json!("pt");
    assert_eq!(code(&scene.meta(&untranslated).await.1), 132_001);
    let mut wrong = otp("123456", "123456", 2);
    wrong["template"]["components"][1]["sub_type"] = json!("copy_code");
    assert_eq!(code(&scene.meta(&wrong).await.1), 131_009);
    let phone = scene.world.phone_messages(&fatou);
    assert_eq!(phone.len(), 1);
    assert_eq!(phone[0].template.as_deref(), Some("postly_code"));
    assert!(phone[0].body.contains("*123456*"));
    assert_eq!(phone[0].buttons[0].title, "Copier le code");
    assert_eq!(phone[0].tap("Copier le code"), None, "we do not hear of a code that is copied");
}

#[tokio::test]
async fn free_text_outside_the_window_is_accepted_and_then_fails() {
    let scene = Scene::set().await;
    let fatou = scene.writer(Channel::Meta);
    scene.world.advance_ms(24 * 3600 * 1000 + 1);
    assert_eq!(scene.meta(&text("Trop tard")).await.0, 200);
    let received = scene.service.wait_for(1).await;
    assert_eq!(received[0].status().as_deref(), Some("failed"));
    let body: Value = serde_json::from_slice(&received[0].body).unwrap();
    let value = &body["entry"][0]["changes"][0]["value"];
    assert_eq!(value["statuses"][0]["errors"][0]["code"], 131_047);
    assert_eq!(value["statuses"][0]["biz_opaque_callback_data"], "outbox:1");
    assert!(value.get("contacts").is_none() && value["statuses"][0].get("recipient_user_id").is_none());
    assert!(scene.world.phone_messages(&fatou).is_empty());
    assert_eq!(scene.world.accepted_messages().len(), 1);
    scene.world.set_rules(Rules { service_window: false, ..Rules::default() });
    scene.meta(&text("Sans règle")).await;
    assert_eq!(scene.world.phone_messages(&fatou).len(), 1);
}

#[tokio::test]
async fn one_person_gets_45_messages_at_once_and_then_one_each_6_seconds() {
    let scene = Scene::set().await;
    scene.world.set_statuses(StatusPolicy::silent());
    let fatou = scene.writer(Channel::Meta);
    let now = scene.world.now_ms();
    scene.world.set_clock(move || now);
    for _ in 0..45 {
        assert_eq!(scene.meta(&text("x")).await.0, 200);
    }
    let (status, said) = scene.meta(&text("x")).await;
    assert_eq!((status, code(&said)), (400, 131_056));
    scene.world.advance_ms(5_999);
    assert_eq!(scene.meta(&text("x")).await.0, 400);
    scene.world.advance_ms(1);
    assert_eq!(scene.meta(&text("x")).await.0, 200);
    assert_eq!(scene.world.phone_messages(&fatou).len(), 46);
}

#[tokio::test]
async fn somebody_who_hides_her_number_is_reached_by_her_other_id() {
    let scene = Scene::set().await;
    let fatou = scene.world.person(Channel::Meta, NUMBER).hiding_phone("fatou");
    scene.world.webhook_text(&fatou, "Bonjour");
    let mut body = text("Bonjour");
    body.as_object_mut().unwrap().remove("to");
    body["recipient"] = json!(fatou.bsuid);
    let (status, said) = scene.meta(&body).await;
    assert_eq!(status, 200);
    assert!(said["contacts"][0].get("wa_id").is_none());
    assert_eq!(scene.world.phone_messages(&fatou).len(), 1);
    body["recipient"] = json!("FR.nobody");
    assert_eq!(code(&scene.meta(&body).await.1), 131_026);
    body["recipient"] = json!("fr.x");
    assert_eq!(code(&scene.meta(&body).await.1), 131_009);
}

#[tokio::test]
async fn typing_shows_until_the_answer_or_25_seconds() {
    let scene = Scene::set().await;
    let fatou = scene.world.person(Channel::Meta, NUMBER);
    let event = scene.world.webhook_text(&fatou, "Bonjour");
    let mark = |id: &str| json!({"messaging_product": "whatsapp", "status": "read", "message_id": id, "typing_indicator": {"type": "text"}});
    let (status, said) = scene.meta(&mark(&event.id)).await;
    assert_eq!((status, said), (200, json!({"success": true})));
    assert!(scene.world.typing(&fatou));
    assert_eq!(scene.world.journal()[0].kind, RequestKind::Typing);
    scene.world.advance_ms(25_001);
    assert!(!scene.world.typing(&fatou));
    scene.meta(&mark(&event.id)).await;
    let (_, said) = scene.meta(&text("Voilà")).await;
    assert!(!scene.world.typing(&fatou));
    let own = said["messages"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(code(&scene.meta(&mark(&own)).await.1), 131_009);
}

#[tokio::test]
async fn the_message_after_the_thousandth_of_a_month_is_billed_and_fails_by_status_without_a_method_of_payment()
 {
    let scene = Scene::set().await;
    let fatou = scene.writer(Channel::Meta);
    scene.world.set_statuses(StatusPolicy::silent());
    scene.world.set_rules(Rules { pair_limit: false, service_window: false, ..Rules::default() });
    for _ in 0..1_001 {
        scene.meta(&text("Bonjour")).await;
    }
    let messages = scene.world.phone_messages(&fatou);
    let pricing = |place: usize| {
        let event = scene.world.webhook_status(&messages[place].id, MessageStatus::Sent, None);
        let body: Value = serde_json::from_slice(&event.body).unwrap();
        body["entry"][0]["changes"][0]["value"]["statuses"][0]["pricing"].clone()
    };
    let free = json!({"billable": false, "pricing_model": "PMP", "type": "free_customer_service", "category": "service"});
    let billed = json!({"billable": true, "pricing_model": "PMP", "type": "regular", "category": "service"});
    assert_eq!((pricing(0), pricing(999), pricing(1_000)), (free.clone(), free.clone(), billed));

    scene.world.set_rules(Rules {
        pair_limit: false,
        service_window: false,
        payment_method: false,
        ..Rules::default()
    });
    let (status, said) = scene.meta(&text("Bonjour")).await;
    assert_eq!((status, said["messages"].as_array().unwrap().len()), (200, 1), "as if it were sent");
    assert_eq!(scene.world.phone_messages(&fatou).len(), 1_001);
    let received = scene.service.wait_for(1).await;
    let body: Value = serde_json::from_slice(&received[0].body).unwrap();
    let failed = &body["entry"][0]["changes"][0]["value"]["statuses"][0];
    assert_eq!((&failed["status"], &failed["errors"][0]["code"]), (&json!("failed"), &json!(131_042)));

    // The next month has its own free messages.
    scene.world.advance_ms(32 * 86_400_000);
    scene.meta(&text("Bonjour")).await;
    let messages = scene.world.phone_messages(&fatou);
    assert_eq!(messages.len(), 1_002);
    let event = scene.world.webhook_status(&messages[1_001].id, MessageStatus::Sent, None);
    let body: Value = serde_json::from_slice(&event.body).unwrap();
    assert_eq!(body["entry"][0]["changes"][0]["value"]["statuses"][0]["pricing"], free);
}
