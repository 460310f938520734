//! Each failure of the providers, as an ordinary client sees it.

use std::time::Duration;

use postly_simulator::{
    Channel, Fault, FaultKind, MessageStatus, Outcome, Simulator, SimulatorConfig, Upstream,
};
use serde_json::{Value, json};

use crate::{NUMBER, Received, Scene, answer, pairs, reply, text};

async fn played(kind: FaultKind) -> (Scene, Result<(u16, Value), reqwest::Error>, usize) {
    let scene = Scene::set().await;
    let fatou = scene.writer(Channel::Meta);
    scene.world.fault(Upstream::Meta, Fault::once(kind));
    let said = answer(scene.meta_request(&text("Bonjour")).timeout(Duration::from_millis(600))).await;
    let arrived = scene.world.phone_messages(&fatou).len();
    (scene, said, arrived)
}

#[tokio::test]
async fn errors_of_the_provider_are_not_accepted() {
    let codes = [
        (131_056, 400),
        (130_429, 400),
        (131_047, 400),
        (131_026, 400),
        (137_000, 400),
        (190, 401),
        (368, 403),
        (131_000, 500),
        (131_016, 500),
    ];
    for (code, status) in codes {
        let (scene, said, arrived) = played(FaultKind::ProviderError { code }).await;
        let (got, body) = said.unwrap();
        assert_eq!((got, body["error"]["code"].as_i64(), arrived), (status, Some(code), 0));
        let entry = scene.world.journal().pop().unwrap();
        assert_eq!(entry.outcome, Outcome::Refused { status, code: Some(code) });
        assert_eq!(entry.fault, Some("provider_error"));
        assert_eq!(scene.meta(&text("Encore")).await.0, 200, "only once");
    }
}

#[tokio::test]
async fn any_answer_can_stand_in() {
    let headers = vec![("location".to_owned(), "https://elsewhere.example/".to_owned())];
    let (_, said, arrived) = played(FaultKind::Status { code: 307, body: String::new(), headers }).await;
    assert!(said.is_err() || said.unwrap().0 == 307);
    assert_eq!(arrived, 0);
    let body = "x".repeat(10 * 1024 * 1024);
    let (_, said, _) = played(FaultKind::Status { code: 200, body, headers: Vec::new() }).await;
    assert_eq!(said.unwrap().1.as_str().unwrap().len(), 10 * 1024 * 1024);
    let (_, said, arrived) = played(FaultKind::Html200).await;
    let (status, page) = said.unwrap();
    assert!(status == 200 && page.as_str().unwrap().contains("<h1>") && arrived == 0);
}

#[tokio::test]
async fn told_to_wait() {
    let scene = Scene::set().await;
    scene.writer(Channel::Meta);
    for upstream in [Upstream::Meta, Upstream::Twilio, Upstream::Model] {
        scene.world.fault(upstream, Fault::once(FaultKind::RetryAfter { seconds: 7 }));
    }
    let fields = reply("x");
    let model = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
    for request in
        [scene.meta_request(&text("x")), scene.twilio_request(&pairs(&fields)), scene.model_request(&model)]
    {
        let response = request.send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["retry-after"]),
            (429, &"7".parse().unwrap())
        );
    }
}

#[tokio::test]
async fn a_reset_before_acceptance_leaves_nothing() {
    let (scene, said, arrived) = played(FaultKind::ResetBeforeAcceptance).await;
    let error = said.unwrap_err();
    assert!(error.is_request() && !error.is_timeout(), "{error:?}");
    assert_eq!(arrived, 0);
    assert_eq!(scene.world.journal()[0].outcome, Outcome::Dropped);
}

/// Checks the error of the kernel, without an HTTP client in between.
#[tokio::test]
async fn a_reset_is_a_reset() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let world = Simulator::start(SimulatorConfig::default()).await.unwrap();
    world.fault(Upstream::Meta, Fault::once(FaultKind::ResetBeforeAcceptance).on_every_request());
    let mut socket =
        tokio::net::TcpStream::connect(world.base_url().trim_start_matches("http://")).await.unwrap();
    socket.write_all(b"GET /v25.0/1 HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let error = socket.read(&mut [0; 64]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_reset_after_acceptance_leaves_the_message_and_its_statuses() {
    let (scene, said, arrived) = played(FaultKind::AcceptThenReset).await;
    assert!(said.unwrap_err().is_request());
    assert_eq!(arrived, 1);
    let received = scene.service.wait_for(2).await;
    assert_eq!(received[1].status().as_deref(), Some("delivered"));
}

#[tokio::test]
async fn torn_bodies_break_off_in_the_middle() {
    for (kind, expected) in [(FaultKind::TornBody, 0), (FaultKind::AcceptThenTornBody, 1)] {
        let (scene, said, arrived) = played(kind.clone()).await;
        let error = said.unwrap_err();
        assert!(error.is_body() || error.is_decode(), "{error:?}");
        assert!(!error.is_timeout());
        assert_eq!(arrived, expected);
        scene.world.fault(Upstream::Meta, Fault::once(kind));
        let response = scene.meta_request(&text("x")).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200, "the head arrives");
    }
}

#[tokio::test]
async fn hanging_calls_are_left_to_the_callers_patience() {
    for (kind, expected) in
        [(FaultKind::Hang, 0), (FaultKind::AcceptThenHang, 1), (FaultKind::AcceptThenNoAnswerNoStatus, 1)]
    {
        let (_, said, arrived) = played(kind).await;
        assert!(said.unwrap_err().is_timeout());
        assert_eq!(arrived, expected);
    }
}

#[tokio::test]
async fn a_slow_answer_is_still_an_answer() {
    let (_, said, arrived) = played(FaultKind::Delay(50)).await;
    assert_eq!((said.unwrap().0, arrived), (200, 1));
    let (_, said, arrived) = played(FaultKind::SlowBody { pause_ms: 2 }).await;
    assert!(said.unwrap().1["messages"][0]["id"].is_string());
    assert_eq!(arrived, 1);
    let (_, said, _) = played(FaultKind::SlowBody { pause_ms: 200 }).await;
    assert!(said.unwrap_err().is_timeout());
}

#[tokio::test]
async fn statuses_can_fail_repeat_swap_or_stay_away() {
    async fn check(kind: FaultKind, expected: &[&str], on_phone: usize) {
        let (scene, said, arrived) = played(kind.clone()).await;
        assert_eq!((said.unwrap().0, arrived), (200, on_phone), "{kind:?}");
        // The statuses of a second message prove that no more follow for the first.
        let (_, last) = scene.meta(&text("Encore")).await;
        let received = scene.service.wait_for(expected.len() + 2).await;
        let first: Vec<String> = received
            .iter()
            .filter(|event| {
                !String::from_utf8_lossy(&event.body)
                    .replace("\\/", "/")
                    .contains(last["messages"][0]["id"].as_str().unwrap())
            })
            .filter_map(Received::status)
            .collect();
        assert_eq!(first, expected, "{kind:?}");
    }
    check(FaultKind::FailedStatus { code: 131_026 }, &["failed"], 0).await;
    check(FaultKind::DuplicateStatus, &["sent", "sent", "delivered", "delivered"], 1).await;
    check(FaultKind::ReorderedStatuses, &["delivered", "sent"], 1).await;
    check(FaultKind::NoStatus, &[], 1).await;
}

#[tokio::test]
async fn faults_choose_their_calls() {
    let scene = Scene::set().await;
    let fatou = scene.world.person(Channel::Meta, NUMBER);
    let event = scene.world.webhook_text(&fatou, "Bonjour");
    scene.world.open_window(&scene.world.person(Channel::Twilio, NUMBER));
    let error = FaultKind::ProviderError { code: 131_000 };
    scene.world.fault(Upstream::Meta, Fault::once(error.clone()).times(2).matching("outbox:1"));
    let mark = json!({"messaging_product": "whatsapp", "status": "read", "message_id": event.id});
    assert_eq!(scene.meta(&mark).await.0, 200, "a fault waits for a message");
    let mut other = text("x");
    other["biz_opaque_callback_data"] = json!("outbox:2");
    assert_eq!(scene.meta(&other).await.0, 200, "that matches");
    assert_eq!(scene.meta(&text("x")).await.0, 500);
    assert_eq!(scene.meta(&text("x")).await.0, 500);
    assert_eq!(scene.meta(&text("x")).await.0, 200);
    scene.world.fault(Upstream::Meta, Fault::always(error));
    for _ in 0..3 {
        assert_eq!(scene.meta(&text("x")).await.0, 500);
    }
    assert_eq!(scene.twilio(&pairs(&reply("x"))).await.0, 201, "only that upstream");
    scene.world.clear_faults();
    assert_eq!(scene.meta(&text("x")).await.0, 200);
    scene
        .world
        .fault(Upstream::Twilio, Fault::once(FaultKind::ProviderError { code: 20_429 }).matching("20 % 🥐"));
    assert_eq!(scene.twilio(&pairs(&reply("-20 % 🥐"))).await.0, 429, "forms are matched decoded");
}

#[tokio::test]
async fn an_unplugged_provider_refuses_connections_and_comes_back() {
    let scene = Scene::set().await;
    let fatou = scene.writer(Channel::Meta);
    assert_eq!(scene.meta(&text("x")).await.0, 200);
    scene.world.stop_listening().await;
    assert!(answer(scene.meta_request(&text("x"))).await.is_err(), "the open connection is reset");
    assert!(answer(scene.meta_request(&text("x"))).await.unwrap_err().is_connect(), "a new one is refused");
    scene.world.resume().await;
    assert_eq!(scene.meta(&text("x")).await.0, 200);
    assert_eq!(scene.world.phone_messages(&fatou).len(), 2);
}

#[tokio::test]
async fn the_last_handle_ends_it() {
    let world = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let clone = world.clone();
    let url = format!("{}/phone", world.base_url());
    drop(world);
    let client = reqwest::Client::new();
    assert_eq!(client.get(&url).send().await.unwrap().status().as_u16(), 200);
    drop(clone);
    tokio::task::yield_now().await;
    assert!(reqwest::Client::new().get(&url).send().await.is_err());
    let world = Simulator::start(SimulatorConfig::default()).await.unwrap();
    world.stop().await;
    assert!(client.get(format!("{}/phone", world.base_url())).send().await.is_err());
}

#[tokio::test]
async fn a_status_never_moves_a_message_back() {
    let scene = Scene::set().await;
    let fatou = scene.writer(Channel::Meta);
    scene.world.fault(Upstream::Meta, Fault::once(FaultKind::ReorderedStatuses));
    scene.meta(&text("x")).await;
    scene.service.wait_for(2).await;
    assert_eq!(scene.world.phone_messages(&fatou)[0].status, MessageStatus::Delivered);
    let waited = scene.world.wait_for_messages(&fatou, 2, Duration::from_millis(30)).await;
    assert_eq!(waited.len(), 1, "the wait ends with what there is");
}
