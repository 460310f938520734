//! A running service under hostile requests: the bytes it reads, and the output it shows.

use postly_simulator::{Channel, meta_signature};
use postly_testkit::EngineName;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{outside::Outside, process::Service};

const MIB: u64 = 1_048_576;
/// The most memory that a single request may add to the service (THREATS W24).
const MOST_GROWTH: u64 = 16 * MIB;

/// The peak memory of the process so far, in bytes.
fn peak_memory(service: &Service) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}

/// Sends a head, and then pieces until the service stops reading. Returns the status and the number of bytes
/// that were sent.
async fn pour(service: &Service, head: &str, piece: &[u8], most: u64) -> (u16, u64) {
    let stream = TcpStream::connect(service.public).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    writer.write_all(head.as_bytes()).await.unwrap();
    let piece = piece.to_vec();
    let pouring = tokio::spawn(async move {
        let mut poured = 0;
        while poured < most && writer.write_all(&piece).await.is_ok() {
            poured += piece.len() as u64;
        }
        (poured, writer)
    });
    let mut answer = vec![];
    drop(reader.read_to_end(&mut answer).await);
    drop(reader);
    let (poured, _) = pouring.await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    (answer.split(' ').nth(1).unwrap_or_default().parse().unwrap_or(0), poured)
}

#[tokio::test]
async fn w08_w24_bodies_without_end_and_bombs_take_no_memory() {
    let outside = Outside::start(EngineName::Sqlite).await;
    let service = outside.serve(&[]).await;
    // Memory that a usual request needs is allocated before the measurement.
    let fatou = outside.simulator.person(Channel::Meta, "+33639981001");
    outside.deliver_for_sure(&outside.simulator.webhook_text(&fatou, "SOLDE")).await;
    outside.until_idle().await;

    const POST: &str = "POST /api/whatsapp/webhook HTTP/1.1\r\nhost: x\r\n";
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000)).into_bytes();
    let zeros = vec![0; 0x10000];
    for (name, head, piece, expected) in [
        ("announced", format!("{POST}content-length: 1073741824\r\n\r\n"), &zeros, 413),
        ("a bomb", format!("{POST}content-encoding: gzip\r\ncontent-length: 1048576\r\n\r\n"), &zeros, 415),
        ("without end", format!("{POST}transfer-encoding: chunked\r\n\r\n"), &chunk, 413),
        ("a head without end", format!("{POST}x: "), &zeros.iter().map(|_| b'y').collect(), 431),
    ] {
        let before = peak_memory(&service);
        let (status, poured) = pour(&service, &head, piece, 1_024 * MIB).await;
        assert_eq!(status, expected, "{name}");
        assert!(poured < 32 * MIB, "{name}: {poured} bytes were taken");
        let growth = peak_memory(&service) - before;
        assert!(growth < MOST_GROWTH, "{name}: {growth} bytes more");
    }
    service.stop().await;
    outside.end().await;
}

#[tokio::test]
async fn w09_a_secret_is_good_while_it_is_listed_and_not_after() {
    let outside = Outside::start(EngineName::Sqlite).await;
    let old = outside.simulator.config().meta.app_secret.clone();
    const NEW: &str = "the-secret-that-takes-its-place";
    let fatou = outside.simulator.person(Channel::Meta, "+33639981001");
    let webhook = || outside.simulator.webhook_text(&fatou, "SOLDE");
    let with_new = || {
        let webhook = webhook();
        let signature = meta_signature(NEW, &webhook.body);
        webhook.with_header("x-hub-signature-256", &signature)
    };
    for (listed, old_is_good, new_is_good) in
        [(old.clone(), true, false), (format!("{NEW},{old}"), true, true), (NEW.to_owned(), false, true)]
    {
        let service = outside.serve(&[("META_APP_SECRET", &listed)]).await;
        for (webhook, good) in [(webhook(), old_is_good), (with_new(), new_is_good)] {
            let expected = if good { 200 } else { 401 };
            assert_eq!(outside.simulator.deliver(&webhook).await.status, expected);
        }
        service.stop().await;
    }
    outside.end().await;
}

#[tokio::test]
async fn s05_the_list_of_processes_shows_no_secret() {
    let outside = Outside::start(EngineName::Sqlite).await;
    let service = outside.serve(&[]).await;
    let line = std::fs::read_to_string(format!("/proc/{}/cmdline", service.id())).unwrap();
    assert!(line.contains("serve"), "{line:?}");
    for (name, value) in outside.variables() {
        assert!(!line.contains(&value), "{name} stands in {line:?}");
    }
    service.stop().await;
    outside.end().await;
}
