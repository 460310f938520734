//! Live streams: their events, delays and end.

use std::time::{Duration, Instant};

use postly_app::{Credential, MAX_STREAMS_OF_AUTHOR};
use postly_domain::id::AuthorId;
use postly_simulator::{Channel, MessageStatus, ModelBehaviour};
use postly_testkit::{EngineName, MAX_STREAMS, Options, TestApp, for_each_engine};
use reqwest::Method;
use serde_json::json;

use crate::{
    generations::{BRIEF, available, fatou, log_in, logged_in},
    stream::EventStream,
};

/// The longest delay of an event, as promised for the dashboard.
const PROMISE: Duration = Duration::from_secs(1);

#[tokio::test]
async fn an_answer_on_whatsapp_reaches_the_open_page_within_a_second_with_its_ticks() {
    for_each_engine(async |app| {
        let author = fatou(app).has_credits(3).await;
        let browser = log_in(app, &author).await;
        let mut stream = EventStream::open(app, &browser, "").await;
        let before = available(&browser).await;
        assert_eq!(stream.next_of("balance").await, json!({ "available": before, "held": 0 }));

        author.says(BRIEF).await;
        let answered = Instant::now();
        let generation = stream.next_of("generation").await;
        assert!(answered.elapsed() < PROMISE, "{:?}", answered.elapsed());
        assert_eq!(
            (&generation["origin"], &generation["platform"]),
            (&json!("whatsapp"), &json!("instagram"))
        );
        assert_eq!(generation["variants"].as_array().unwrap().len(), 3);
        let mut seen = vec![];
        while seen.last() != Some(&json!({ "available": before - 1, "held": 0 })) {
            seen.push(stream.next_of("balance").await);
        }

        for (status, delivery) in [
            (MessageStatus::Sent, "sent"),
            (MessageStatus::Delivered, "delivered"),
            (MessageStatus::Read, "read"),
        ] {
            for message in author.received().into_iter().filter(|message| message.body.contains("croissants"))
            {
                app.deliver(&app.world.webhook_status(&message.id, status, None)).await;
            }
            app.run_until_idle().await;
            let settled = Instant::now();
            let mut told = stream.next_of("status").await;
            // An earlier status of the same reply may precede it.
            while told["delivery"] != delivery {
                told = stream.next_of("status").await;
            }
            assert!(settled.elapsed() < PROMISE, "{delivery} after {:?}", settled.elapsed());
            assert_eq!(told["id"], generation["id"]);
        }
        let page = browser.get("/dashboard").await;
        assert!(page.text.contains("data-delivery=\"read\""), "{}", page.text);
    })
    .await;
}

#[tokio::test]
async fn a_page_that_comes_back_is_told_what_it_missed_and_nothing_twice() {
    for_each_engine(async |app| {
        let author = fatou(app).has_credits(5).await;
        let browser = log_in(app, &author).await;
        author.says(BRIEF).await;
        let shown = browser.get("/api/generations").await.json()["generations"][0]["id"].clone();
        author.says("GEN promo tarte aux pommes 3 €").await;
        let query = format!("?after={}", shown.as_str().unwrap());
        let mut stream = EventStream::open(app, &browser, &query).await;
        let missed = stream.next_of("generation").await;
        assert!(missed["brief"].as_str().unwrap().contains("tarte"));
        stream.next_of("balance").await;
        author.says("GEN promo éclairs au café 2 €").await;
        let next = stream.next_of("generation").await;
        assert!(next["brief"].as_str().unwrap().contains("éclairs"), "{next}");
        // A change without a notification, as by another process, is sent too.
        app.app.operator.adjust(&author.who(), 7, "for a test").await.unwrap();
        let before = available(&browser).await;
        while stream.next_of("balance").await["available"] != before {}
    })
    .await;
}

#[tokio::test]
async fn a_stream_ends_with_its_session_and_shows_nobody_elses_account() {
    for_each_engine(async |app| {
        let browser = logged_in(app, 3).await;
        let other = app.browser();
        other.sign_up("autre@example.com").await.ok();
        assert_eq!(app.browser().get("/api/events").await.problem(), (401, "unauthenticated".to_owned()));
        let me = browser.me().await.json()["id"].as_str().unwrap().to_owned();
        let foreign = other.get(&format!("/api/events?author={me}")).await;
        assert_eq!(foreign.problem(), (403, "forbidden".to_owned()));
        let mut stream = EventStream::open(app, &browser, &format!("?author={me}")).await;
        stream.next_of("balance").await;
        let mut others = EventStream::open(app, &other, "").await;
        others.next_of("balance").await;
        fatou(app).says(BRIEF).await;
        stream.next_of("generation").await;
        browser.post("/api/auth/logout", &json!({})).await.ok();
        while stream.next().await.is_some() {}
        other.delete("/api/me").await.ok();
        // The other author received none of these events.
        assert_eq!(others.next().await, None);
    })
    .await;
}

#[tokio::test]
async fn one_stream_too_many_of_an_author_ends_the_oldest() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let browser = logged_in(&app, 3).await;
    let mut streams = vec![];
    for _ in 0..=MAX_STREAMS_OF_AUTHOR {
        let mut stream = EventStream::open(&app, &browser, "").await;
        stream.next_of("balance").await;
        streams.push(stream);
    }
    while streams[0].next().await.is_some() {}
    fatou(&app).says(BRIEF).await;
    for stream in &mut streams[1..] {
        stream.next_of("generation").await;
    }
    app.stop().await;
}

#[tokio::test]
async fn all_streams_together_have_a_bound_and_requests_are_served_beyond_it() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let browser = logged_in(&app, 3).await;
    for number in 0..=MAX_STREAMS / MAX_STREAMS_OF_AUTHOR {
        app.author_of(Channel::Meta, &format!("+3363998{:04}", 2000 + number)).has_credits(1).await;
    }
    let own = browser.me().await.json()["id"].as_str().unwrap().to_owned();
    let authors = app.texts("SELECT author_id FROM wallets").await.into_iter().filter(|id| *id != own);
    let authors: Vec<_> = authors.map(AuthorId::new).collect();
    let all: Vec<_> = authors
        .iter()
        .flat_map(|author| (0..MAX_STREAMS_OF_AUTHOR).map(move |_| author))
        .map_while(|author| app.app.streams.watch(author, Credential::Shared, None).ok())
        .collect();
    assert_eq!(all.len(), MAX_STREAMS);
    let refused = browser.get("/api/events").await;
    assert_eq!(refused.problem(), (503, "unavailable".to_owned()));
    assert_eq!(refused.headers["retry-after"], "5");
    // Requests are served while the streams are open.
    browser.get("/dashboard").await.ok();
    drop(all);
    app.stop().await;
}

#[tokio::test]
async fn a_stream_outlives_the_limits_of_requests_and_does_not_hold_up_a_stop() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let browser = logged_in(&app, 3).await;
    let mut stream = EventStream::open(&app, &browser, "").await;
    stream.next_of("balance").await;
    let begun = Instant::now();
    app.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    while stream.next().await.is_some() {}
}

#[tokio::test]
async fn a_request_with_events_tells_its_steps_and_a_refusal_is_a_problem() {
    for_each_engine(async |app| {
        let browser = logged_in(app, 1).await;
        let headers = |key: &'static str| {
            [
                ("content-type", "application/json"),
                ("sec-fetch-site", "same-origin"),
                ("accept", "text/event-stream"),
                ("idempotency-key", key),
            ]
        };
        let ask = async |key, body: serde_json::Value| {
            browser.send(Method::POST, "/api/generations", &headers(key), Some(body.to_string())).await
        };
        let steps = |text: &str| -> Vec<String> {
            text.lines().filter_map(|line| line.strip_prefix("event: ")).map(str::to_owned).collect()
        };
        let body = json!({ "brief": BRIEF, "tone": "drôle" });
        let done = ask("one", body.clone()).await.ok();
        assert_eq!(steps(&done.text), ["accepted", "writing", "done"]);
        let data =
            done.text.lines().rfind(|line| line.starts_with("data: ")).unwrap().trim_start_matches("data: ");
        let created: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(created["variants"].as_array().unwrap().len(), 3);
        assert_eq!(created["available"], available(&browser).await);
        let again = ask("one", body).await.ok();
        assert_eq!(steps(&again.text), ["accepted", "done"]);
        // Refused before the generation began.
        assert_eq!(ask("two", json!({ "brief": "merci" })).await.problem(), (422, "not_a_brief".to_owned()));
        // Failed later: nothing is charged, and the problem is the last event.
        app.world.model(ModelBehaviour::Garbage);
        let before = available(&browser).await;
        let failed = ask("three", json!({ "brief": "GEN promo tarte 3 €" })).await.ok();
        assert_eq!(steps(&failed.text), ["accepted", "writing", "failed"]);
        assert!(failed.text.contains("\"code\":\"generation_failed\""), "{}", failed.text);
        let id = failed.headers["x-request-id"].to_str().unwrap();
        assert!(failed.text.contains(id), "{id}: {}", failed.text);
        assert_eq!(available(&browser).await, before);
    })
    .await;
}
