//! Sends to Twilio's REST API.

use postly_simulator::{Channel, MessageStatus};
use serde_json::{Value, json};

use crate::{NUMBER, Scene, answer, pairs, reply};

#[tokio::test]
async fn an_accepted_message_is_on_the_phone_and_can_be_fetched() {
    let scene = Scene::set().await;
    let fatou = scene.writer(Channel::Twilio);
    let (status, said) = scene.twilio(&pairs(&reply("Bonjour 🥐"))).await;
    assert_eq!((status, &said["status"]), (201, &json!("queued")));
    let phone = scene.world.phone_messages(&fatou);
    assert_eq!(phone[0].body, "Bonjour 🥐");
    assert_eq!(phone[0].correlation.as_deref(), Some("m=outbox%3A1"));
    let id = said["sid"].as_str().unwrap();
    assert!(id.starts_with("SM") && id.len() == 34);
    scene.service.wait_for(2).await;
    let account = scene.world.config().twilio.clone();
    let url = format!("{}{}", scene.world.base_url(), said["uri"].as_str().unwrap());
    let request = scene.client.get(url).basic_auth(&account.account_sid, Some(&account.auth_token));
    assert_eq!(answer(request).await.unwrap().1["status"], "delivered");
}

#[tokio::test]
async fn wrong_requests_get_the_codes_of_the_dictionary() {
    let scene = Scene::set().await;
    scene.writer(Channel::Twilio);
    let with = |name: &'static str, value: Option<&str>| {
        let mut fields = reply("x");
        fields.retain(|(known, _)| *known != name);
        fields.extend(value.map(|value| (name, value.to_owned())));
        fields
    };
    let sid = scene.world.config().rules.content_sids[0].clone();
    let unknown = format!("HX{}", "0".repeat(32));
    let mut both = with("ContentSid", Some(&sid));
    let by_content = |sid: &str, variables: &str| {
        let mut fields = with("Body", None);
        fields.push(("ContentSid", sid.to_owned()));
        fields.push(("ContentVariables", variables.to_owned()));
        fields
    };
    let template = |variables: &str| by_content(&sid, variables);
    both.push(("ContentVariables", "{}".to_owned()));
    let cases = [
        (with("To", None), 21_604),
        (with("To", Some(NUMBER)), 21_211),
        (with("To", Some("whatsapp: 33612345678")), 21_211),
        (with("To", Some("whatsapp:FR.nobody")), 21_211),
        (with("From", Some("+14155238886")), 63_007),
        (with("Body", None), 21_619),
        (with("Body", Some(&"é".repeat(1601))), 21_617),
        (with("Body", Some(&"🥐".repeat(801))), 21_617),
        (with("StatusCallback", Some("/relative")), 21_609),
        (with("Statuscallback", Some("https://x.example/")), 20_001),
        (both, 21_655),
        (by_content(&unknown, "{\"1\":\"123456\"}"), 21_655),
        (by_content("HX1", "{\"1\":\"123456\"}"), 21_655),
        (template("{}"), 21_656),
        (template("{\"code\":\"123456\"}"), 21_656),
        (template("{\"1\":\"123456\",\"2\":\"10\"}"), 21_656),
        (template("{\"1\":\"1234567890123456\"}"), 21_656),
        (template("{\"1\":123456}"), 21_656),
        (template("1=123456"), 21_656),
    ];
    for (fields, expected) in cases {
        let (status, said) = scene.twilio(&pairs(&fields)).await;
        assert_eq!((status, said["code"].as_i64()), (400, Some(expected)), "{said}");
        assert_eq!(said["status"], 400);
        assert!(said["more_info"].as_str().unwrap().ends_with(&expected.to_string()));
    }
    assert_eq!(scene.twilio(&pairs(&template("{\"1\":\"123456\"}"))).await.0, 201);
    assert_eq!(scene.twilio(&pairs(&with("Body", Some(&"🥐".repeat(800))))).await.0, 201);
}

#[tokio::test]
async fn a_code_goes_out_by_its_content_without_a_window() {
    let scene = Scene::set().await;
    let fatou = scene.world.person(Channel::Twilio, NUMBER);
    let sid = scene.world.config().rules.content_sids[0].clone();
    let mut fields = reply("");
    fields.retain(|(name, _)| *name != "Body");
    fields.push(("ContentSid", sid.clone()));
    fields.push(("ContentVariables", "{\"1\":\"123456\"}".to_owned()));
    assert_eq!(scene.twilio(&pairs(&fields)).await.0, 201);
    let phone = scene.world.phone_messages(&fatou);
    assert_eq!(phone.len(), 1);
    assert_eq!(phone[0].template.as_deref(), Some(sid.as_str()));
    assert!(phone[0].body.contains("*123456*"));
    assert_eq!(phone[0].buttons[0].title, "Copier le code");
}

#[tokio::test]
async fn a_wrong_password_or_account_is_refused() {
    let scene = Scene::set().await;
    let fields = reply("x");
    let account = scene.world.config().twilio.clone();
    let url = |sid: &str| format!("{}/2010-04-01/Accounts/{sid}/Messages.json", scene.world.base_url());
    let request = scene
        .client
        .post(url(&account.account_sid))
        .basic_auth(&account.account_sid, Some("no"))
        .form(&fields);
    let (status, said) = answer(request).await.unwrap();
    assert_eq!((status, said["code"].as_i64()), (401, Some(20_003)));
    let request = scene
        .client
        .post(url("AC9"))
        .basic_auth(&account.account_sid, Some(&account.auth_token))
        .form(&fields);
    assert_eq!(answer(request).await.unwrap().0, 404);
    let request = scene
        .client
        .post(url(&account.account_sid))
        .basic_auth(&account.account_sid, Some(&account.auth_token));
    assert_eq!(answer(request.json(&json!({"To": "x"}))).await.unwrap().0, 400);
    assert_eq!(scene.world.journal().iter().filter(|entry| entry.authorized).count(), 2);
}

#[tokio::test]
async fn status_callbacks_go_to_the_url_of_the_message_and_are_signed_for_it() {
    let scene = Scene::set().await;
    let fatou = scene.writer(Channel::Twilio);
    scene.twilio(&pairs(&reply("Bonjour"))).await;
    let received = scene.service.wait_for(2).await;
    let statuses: Vec<Option<String>> = received.iter().map(crate::Received::status).collect();
    assert_eq!(statuses, [Some("sent".to_owned()), Some("delivered".to_owned())]);
    for callback in &received {
        assert_eq!(callback.target, "/api/whatsapp/webhook?m=outbox%3A1");
        let fields: Vec<(String, String)> = form_urlencoded::parse(&callback.body).into_owned().collect();
        let url = format!("{}?m=outbox%3A1", crate::PUBLIC);
        let token = &scene.world.config().twilio.auth_token;
        let expected = postly_simulator::twilio_signature(token, &url, &fields);
        assert_eq!(callback.headers["x-twilio-signature"], expected.as_str());
    }
    assert_eq!(scene.world.phone_messages(&fatou)[0].status, MessageStatus::Delivered);
}

#[tokio::test]
async fn free_text_outside_the_window_is_undelivered() {
    let scene = Scene::set().await;
    let fatou = scene.world.person(Channel::Twilio, NUMBER);
    assert_eq!(scene.twilio(&pairs(&reply("Bonjour"))).await.0, 201);
    let received = scene.service.wait_for(1).await;
    assert_eq!(received[0].status().as_deref(), Some("undelivered"));
    assert_eq!(received[0].field("ErrorCode").as_deref(), Some("63016"));
    assert!(scene.world.phone_messages(&fatou).is_empty());
}

#[tokio::test]
async fn without_a_status_callback_nobody_hears_of_it() {
    let scene = Scene::set().await;
    scene.writer(Channel::Twilio);
    let fields = reply("Bonjour");
    assert_eq!(scene.twilio(&pairs(&fields[..3])).await.0, 201);
    let (_, said) = scene.twilio(&pairs(&fields)).await;
    let received = scene.service.wait_for(2).await;
    assert!(received.iter().all(|callback| callback.field("MessageSid").as_deref() == said["sid"].as_str()));
}

#[tokio::test]
async fn typing_is_shown() {
    let scene = Scene::set().await;
    let fatou = scene.world.person(Channel::Twilio, NUMBER);
    let event = scene.world.webhook_text(&fatou, "Bonjour");
    let account = scene.world.config().twilio.clone();
    let typing = async |fields: &[(&str, &str)]| -> (u16, Value) {
        let url = format!("{}/v2/Indicators/Typing.json", scene.world.base_url());
        let request = scene.client.post(url).basic_auth(&account.account_sid, Some(&account.auth_token));
        answer(request.form(fields)).await.unwrap()
    };
    assert_eq!(typing(&[("channel", "whatsapp"), ("messageId", "SM1")]).await.0, 400);
    assert!(!scene.world.typing(&fatou));
    let (status, said) = typing(&[("channel", "whatsapp"), ("messageId", &event.id)]).await;
    assert_eq!((status, said), (200, json!({"success": true})));
    assert!(scene.world.typing(&fatou));
}
