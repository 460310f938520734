//! Connections that send slowly, incompletely or not at all.

use std::time::{Duration, Instant};

use postly_http::MAX_CONNECTIONS;
use postly_testkit::{EngineName, Options, TestApp};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    task::JoinSet,
};

use crate::wire::{Wire, ask, length, request, status};

/// The delay between two bytes of a slow client.
const DRIP: Duration = Duration::from_secs(1);
/// The tolerance for a busy machine.
const SLACK: Duration = Duration::from_secs(3);

/// Sends `opening` at once, then one byte per second. Returns the time until the service closes the
/// connection.
async fn drip(app: &TestApp, opening: &str) -> impl Future<Output = Duration> + Send + 'static {
    let mut wire = Wire::open(app).await;
    let opening = opening.to_owned();
    async move {
        let began = Instant::now();
        wire.says(opening).await;
        let (mut reader, writer) = wire.0.into_split();
        let talking = tokio::spawn(async move {
            while writer.writable().await.is_ok() && writer.try_write(b"x").is_ok() {
                tokio::time::sleep(DRIP).await;
            }
            std::future::pending::<()>().await;
        });
        let mut heard = vec![];
        // The response does not matter, only the end of the connection.
        drop(reader.read_to_end(&mut heard).await);
        talking.abort();
        began.elapsed()
    }
}

#[tokio::test]
async fn w25_two_hundred_who_speak_one_byte_a_second_are_closed_and_others_are_served_meanwhile() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let fatou = app.author();
    // Measure this machine without slow clients.
    let mut usual = Duration::ZERO;
    for _ in 0..20 {
        let begun = Instant::now();
        assert_eq!(app.deliver(&fatou.writes("SOLDE")).await.status, 200);
        usual = usual.max(begun.elapsed());
    }
    let mut heads = JoinSet::new();
    let mut bodies = JoinSet::new();
    for _ in 0..100 {
        heads.spawn(drip(&app, "POST /api/whatsapp/webhook HTTP/1.1\r\nx-slow: ").await);
        let opening = "POST /api/whatsapp/webhook HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n";
        bodies.spawn(drip(&app, opening).await);
    }
    let mut took = vec![];
    let mut closed = 0;
    while closed < 200 {
        let begun = Instant::now();
        assert_eq!(app.deliver(&fatou.writes("SOLDE")).await.status, 200);
        took.push(begun.elapsed());
        let pause = tokio::time::sleep(Duration::from_millis(200));
        tokio::pin!(pause);
        loop {
            tokio::select! {
                Some(let_for) = heads.join_next() => {
                    assert!(let_for.as_ref().unwrap() < &(Duration::from_secs(10) + SLACK), "{let_for:?}");
                    closed += 1;
                }
                Some(let_for) = bodies.join_next() => {
                    assert!(let_for.as_ref().unwrap() < &(Duration::from_secs(30) + SLACK), "{let_for:?}");
                    closed += 1;
                }
                () = &mut pause => break,
            }
        }
    }
    took.sort();
    let p99 = took[took.len() * 99 / 100];
    assert!(took.len() > 50 && p99 < usual.max(Duration::from_millis(500)), "{usual:?}: {took:?}");
    app.run_until_idle().await;
    app.stop().await;
}

#[tokio::test]
async fn w25_long_bodies_that_do_not_end_keep_neither_the_memory_nor_the_door() {
    /// More than the limit of bodies read at a time (16).
    const BODIES: usize = 40;
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let mut asking = JoinSet::new();
    for number in 0..BODIES {
        let announced = ["content-length: 2000000", "transfer-encoding: chunked"][number % 2];
        let path = ["/api/whatsapp/webhook", "/api/auth/login"][number / 2 % 2];
        let mut wire = Wire::open(&app).await;
        asking.spawn(async move {
            let kind = "content-type: application/json";
            wire.says(format!("POST {path} HTTP/1.1\r\nhost: x\r\n{kind}\r\n{announced}\r\n\r\n")).await;
            status(&wire.rest().await)
        });
    }
    let mut answers = vec![];
    while answers.len() < BODIES - 16 {
        // Short requests do not wait for them.
        assert_eq!(app.deliver(&app.author().writes("SOLDE")).await.status, 200);
        while let Some(answer) = asking.try_join_next() {
            answers.push(answer.unwrap());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(answers.iter().all(|status| *status == 503), "{answers:?}");
    while let Some(answer) = asking.join_next().await {
        let answer = answer.unwrap();
        assert!(matches!(answer, 400 | 408), "{answer}: it was given a place, and time");
    }
    // The permits are free again.
    let mut batch = app.author().writes("SOLDE");
    batch.body.extend(vec![b' '; 200_000]);
    assert_eq!(status(&ask(&app, request(&batch, &[&length(&batch), "connection: close"])).await), 401);
    app.stop().await;
}

#[tokio::test]
async fn w25_who_was_answered_once_may_rest_but_not_dawdle() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    const HANDSHAKE: &str = "GET /api/whatsapp/webhook HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut resting = Wire::open(&app).await;
    resting.says(HANDSHAKE).await;
    assert_eq!(status(&resting.answer().await), 403);
    let mut dawdling = Wire::open(&app).await;
    dawdling.says(HANDSHAKE).await;
    assert_eq!(status(&dawdling.answer().await), 403);

    let began = Instant::now();
    dawdling.says("GET /api/wh").await;
    assert_eq!(dawdling.rest().await, "");
    let let_for = began.elapsed();
    assert!(let_for > Duration::from_secs(8) && let_for < Duration::from_secs(10) + SLACK, "{let_for:?}");
    // The other connection was idle for the same time.
    resting.says(HANDSHAKE).await;
    assert_eq!(status(&resting.answer().await), 403);
    app.stop().await;
}

#[tokio::test]
async fn s20_when_every_place_is_taken_by_who_asks_nothing_whoever_knocks_is_served() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    for opening in
        ["", "GET / HT", "POST /api/whatsapp/webhook HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n"]
    {
        let mut known = Wire::open(&app).await;
        known.says("GET /api/whatsapp/webhook HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert_eq!(status(&known.answer().await), 403);

        let mut silent = vec![];
        for number in 0..MAX_CONNECTIONS + 50 {
            if number == MAX_CONNECTIONS - 10 {
                // A connection is not evicted in its first second.
                tokio::time::sleep(Duration::from_millis(1_100)).await;
            }
            let mut wire = Wire::open(&app).await;
            wire.says(opening).await;
            silent.push(wire);
        }
        for _ in 0..10 {
            let begun = Instant::now();
            assert_eq!(app.deliver(&app.author().writes("SOLDE")).await.status, 200, "{opening:?}");
            assert!(begun.elapsed() < SLACK, "{:?} {opening:?}", begun.elapsed());
        }
        let begun = Instant::now();
        assert_eq!(silent.remove(0).rest().await, "", "the first who came made room");
        assert!(begun.elapsed() < Duration::from_secs(1));
        // A connection that has completed a request is evicted last.
        known.says("GET /api/whatsapp/webhook HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert_eq!(status(&known.answer().await), 403, "{opening:?}");
    }
    app.run_until_idle().await;
    app.stop().await;
}

#[tokio::test]
async fn a_stop_ends_the_idle_at_once_and_lets_a_request_end() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let webhook = app.author().writes("SOLDE");
    let whole = request(&webhook, &[&length(&webhook)]);
    let (first, second) = whole.split_at(whole.len() - 10);
    let mut half = Wire::open(&app).await;
    half.says(first).await;
    let idle = Wire::open(&app).await;
    // The response shows that the other two connections have been accepted.
    assert_eq!(
        status(&ask(&app, "GET /nothing HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await),
        404
    );
    let second = second.to_vec();
    let ending = tokio::spawn(async move {
        assert_eq!(idle.rest().await, "");
        half.says(second).await;
        half.rest().await
    });
    let began = Instant::now();
    app.stop().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(status(&ending.await.unwrap()), 200);
}

#[tokio::test]
async fn who_asks_on_and_on_and_reads_nothing_is_turned_out() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let address: std::net::SocketAddr = app.base_url.trim_start_matches("http://").parse().unwrap();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(2_048).unwrap();
    let mut deaf = socket.connect(address).await.unwrap();
    let asked = "GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100);
    let turned_out = async { while deaf.write_all(asked.as_bytes()).await.is_ok() {} };
    // Ten seconds, plus the time to fill the socket buffers.
    tokio::time::timeout(Duration::from_secs(40), turned_out).await.expect("it is turned out");
    app.stop().await;
}
