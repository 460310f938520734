//! Requests that no provider sends, and the headers of every response.

use postly_simulator::{Channel, Webhook};
use postly_testkit::{EngineName, Options, TestApp};
use tokio::io::AsyncReadExt as _;

use crate::wire::{Wire, ask, length, request, status};

const PATH: &str = "/api/whatsapp/webhook";

/// Runs a test with a service that must store none of its requests.
async fn refusing(test: impl AsyncFn(&TestApp)) {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    test(&app).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM inbox").await, 0);
    app.stop().await;
}

/// Sends a webhook with additional header lines, and returns the response.
async fn knock(app: &TestApp, webhook: &Webhook, lines: &[&str]) -> String {
    let length = length(webhook);
    ask(app, request(webhook, &[lines, &[&length, "connection: close"]].concat())).await
}

#[tokio::test]
async fn w03_a_signature_of_64_kilobytes_is_refused_like_any_other() {
    refusing(async |app| {
        for (channel, name) in
            [(Channel::Meta, "x-hub-signature-256"), (Channel::Twilio, "x-twilio-signature")]
        {
            let webhook = app.world.webhook_raw(channel, "{}");
            let long = format!("sha256={}", "0".repeat(65_536));
            let answer = knock(app, &webhook.with_header(name, &long), &[]).await;
            assert_eq!(status(&answer), 401, "{channel:?}");
        }
        let endless = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}", "y".repeat(1_000_000));
        assert_eq!(status(&ask(app, endless).await), 431);
    })
    .await;
}

#[tokio::test]
async fn w08_a_compressed_body_is_refused_unread_however_it_is_signed() {
    refusing(async |app| {
        // Compressed and signed as compressed; plain and declared as compressed.
        let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec();
        for body in [gzip, app.author().writes("SOLDE").body] {
            let webhook = app.world.webhook_raw(Channel::Meta, body);
            for encoding in ["gzip", "deflate", "br", "identity, gzip", "x"] {
                let answer = knock(app, &webhook, &[&format!("content-encoding: {encoding}")]).await;
                assert_eq!(status(&answer), 415, "{encoding}");
            }
        }
        // Refused before a byte of the announced gigabyte arrives.
        let bomb = format!(
            "POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-encoding: gzip\r\ncontent-length: 1073741824\r\n\r\n"
        );
        assert_eq!(status(&ask(app, bomb).await), 415);
    })
    .await;
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let webhook = app.world.webhook_raw(Channel::Meta, "{}");
    assert_eq!(status(&knock(&app, &webhook, &["content-encoding: identity"]).await), 200);
    app.stop().await;
}

#[tokio::test]
async fn w24_a_body_that_announces_too_much_is_refused_unread_and_one_without_end_is_cut() {
    refusing(async |app| {
        let announced = format!("POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 4194305\r\n\r\n");
        assert_eq!(status(&ask(app, announced).await), 413);

        let mut wire = Wire::open(app).await;
        wire.says(format!("POST {PATH} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")).await;
        let (mut reader, mut writer) = wire.0.into_split();
        let talking = tokio::spawn(async move {
            let piece = format!("10000\r\n{}\r\n", "x".repeat(0x10000)).into_bytes();
            let mut said = 0;
            while tokio::io::AsyncWriteExt::write_all(&mut writer, &piece).await.is_ok() {
                said += piece.len();
            }
            said
        });
        let mut bytes = vec![];
        drop(reader.read_to_end(&mut bytes).await);
        drop(reader);
        let said = talking.await.unwrap();
        assert_eq!(status(&String::from_utf8_lossy(&bytes)), 413);
        // The limit, plus the socket buffers of both sides.
        assert!(said < 4_194_304 + 16 * 1_048_576, "{said} bytes were taken");
    })
    .await;
}

#[tokio::test]
async fn w32_other_methods_and_kinds_are_refused() {
    refusing(async |app| {
        let webhook = app.author().writes("SOLDE");
        for method in ["PUT", "DELETE", "TRACE", "PATCH", "OPTIONS", "BREW"] {
            let webhook = Webhook { method: method.to_owned(), ..webhook.clone() };
            assert_eq!(status(&knock(app, &webhook, &[]).await), 405, "{method}");
        }
        for kind in ["text/plain", "multipart/form-data; boundary=x", "application/jsonp", "", "é"] {
            let webhook = webhook.clone().with_header("content-type", kind);
            assert_eq!(status(&knock(app, &webhook, &[]).await), 415, "{kind:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn w33_no_other_spelling_of_the_address_leads_to_the_webhook() {
    refusing(async |app| {
        let webhook = app.author().writes("SOLDE");
        for target in [
            "//api/whatsapp/webhook",
            "/api//whatsapp/webhook",
            "/api/whatsapp/webhook/",
            "/api/whatsapp/webhook//",
            "/API/whatsapp/webhook",
            "/x/%2e%2e/api/whatsapp/webhook",
            "/x/../api/whatsapp/webhook",
            "/api/whatsapp/webhoo%6b",
            "/api/whatsapp/webhook%00",
            "/api/whatsapp/webhook%2f",
            &format!("/{}", "a".repeat(8_192)),
        ] {
            let webhook = Webhook { path_query: target.to_owned(), ..webhook.clone() };
            assert_eq!(status(&knock(app, &webhook, &[]).await), 404, "{target:.60}");
        }
        let longest =
            format!("GET /{} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "a".repeat(100_000));
        assert_eq!(status(&ask(app, longest).await), 414);
    })
    .await;
}

#[tokio::test]
async fn w34_a_request_whose_end_is_in_doubt_is_the_last_of_its_connection() {
    refusing(async |app| {
        // If the first request were parsed differently, this would be a second one and be answered.
        let smuggled = "GET /api/whatsapp/webhook HTTP/1.1\r\nhost: x\r\n\r\n";
        for (name, lines, expected) in [
            ("two lengths", "content-length: 0\r\ncontent-length: 5", 400),
            ("a list of lengths", "content-length: 0, 5", 400),
            ("a signed length", "content-length: +5", 400),
            ("a negative length", "content-length: -1", 400),
            ("a folded line", "x: a\r\n b", 400),
            ("a blank before the colon", "content-length : 0", 400),
            ("a coding that is none", "transfer-encoding: xchunked", 400),
            ("chunked, but not at the end", "transfer-encoding: chunked, identity", 400),
            ("a bare return", "x: a\rcontent-length: 0", 400),
            ("a NUL", "x: a\0", 400),
            // RFC 9112, 6.1: the length may be ignored if the connection is closed afterwards. The body has
            // no signature.
            ("a length and a coding", "content-length: 0\r\ntransfer-encoding: chunked", 401),
            ("a coding and a length", "transfer-encoding: chunked\r\ncontent-length: 0", 401),
        ] {
            let bytes = format!("POST {PATH} HTTP/1.1\r\nhost: x\r\n{lines}\r\n\r\n0\r\n\r\n{smuggled}");
            let answer = ask(app, bytes).await;
            assert_eq!(status(&answer), expected, "{name}: {answer}");
            assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{name}: {answer}");
        }
        let old = "POST /api/whatsapp/webhook HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
        assert_eq!(status(&ask(app, old).await), 400);
        for chunk in [
            "x\r\n\r\n",
            "-1\r\n\r\n",
            "ffffffffffffffffff\r\n\r\n",
            "5;\nx\r\nhello\r\n",
            "1\r\nab0\r\n\r\n",
        ] {
            let bytes = format!(
                "POST {PATH} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{chunk}{smuggled}"
            );
            let answer = ask(app, bytes).await;
            assert!([400, 408].contains(&status(&answer)), "{chunk:?}: {answer}");
            assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{chunk:?}: {answer}");
        }
    })
    .await;
}

#[tokio::test]
async fn w34_a_line_that_ends_without_a_return_hides_nothing() {
    refusing(async |app| {
        // RFC 9112, 2.2: a bare LF may end a line. The service always treats it so: the length after it
        // counts.
        let bytes = format!(
            "POST {PATH} HTTP/1.1\r\nhost: x\r\nx: a\ncontent-length: 6\r\nconnection: close\r\n\r\nGET / "
        );
        let answer = ask(app, bytes).await;
        assert_eq!(status(&answer), 401, "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    })
    .await;
}

#[tokio::test]
async fn w35_nobody_speaks_another_http_with_us() {
    refusing(async |app| {
        let answer = ask(app, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
        assert!(status(&answer) != 200 && !answer.contains('\0'), "{answer:?}");
        let upgrade = "GET /nothing HTTP/1.1\r\nhost: x\r\nconnection: Upgrade, HTTP2-Settings, close\r\n\
                       upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n";
        assert_eq!(status(&ask(app, upgrade).await), 404);
    })
    .await;
}

#[tokio::test]
async fn s16_every_answer_forbids_what_no_answer_needs() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let signed = app.author().writes("SOLDE");
    let unsigned = signed.clone().without_header("x-hub-signature-256");
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let mut answers = vec![
        (200, knock(&app, &signed, &[]).await),
        (401, knock(&app, &unsigned, &[]).await),
        (403, ask(&app, get(PATH)).await),
        (404, ask(&app, get("/nothing")).await),
        (405, knock(&app, &Webhook { method: "PUT".to_owned(), ..signed.clone() }, &[]).await),
        (415, knock(&app, &signed, &["content-encoding: gzip"]).await),
    ];
    let announced = format!("POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 4194305\r\n\r\n");
    answers.push((413, ask(&app, announced).await));
    for (expected, answer) in answers {
        assert_eq!(status(&answer), expected, "{answer}");
        for line in [
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
            "content-security-policy: default-src 'none'; frame-ancestors 'none'",
            "x-request-id: ",
        ] {
            assert!(answer.contains(line), "{line} in {answer}");
        }
        assert!(!answer.contains("\r\nserver:"), "{answer}");
    }
    app.run_until_idle().await;
    app.stop().await;
}

#[tokio::test]
async fn s17_no_other_site_is_let_in() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let signed = app.author().writes("SOLDE");
    for origin in ["https://evil.example", "null", "https://postly.example"] {
        let origin = format!("origin: {origin}");
        let asked = ["access-control-request-method: POST", "access-control-request-headers: x", &origin];
        let preflight = Webhook { method: "OPTIONS".to_owned(), ..signed.clone() };
        for answer in [knock(&app, &preflight, &asked).await, knock(&app, &signed, &[&origin]).await] {
            assert!(!answer.to_lowercase().contains("access-control-allow"), "{answer}");
        }
    }
    app.run_until_idle().await;
    app.stop().await;
}

#[tokio::test]
async fn s18_t02_links_lead_to_our_address_whatever_host_the_request_names() {
    let options = Options { trial_credits: 0, ..Options::default() };
    let app = TestApp::start(EngineName::Sqlite, &options).await;
    for (channel, number) in [(Channel::Meta, "+33639981001"), (Channel::Twilio, "+33639981002")] {
        let fatou = app.author_of(channel, number);
        let webhook = fatou.writes("Post promo pour Instagram");
        let bytes = request(
            &webhook,
            &[
                &length(&webhook),
                "connection: close",
                "x-forwarded-host: evil.example",
                "x-forwarded-proto: http",
            ],
        );
        let bytes =
            String::from_utf8(bytes).unwrap().replacen("host: postly.example", "host: evil.example", 1);
        assert_eq!(status(&ask(&app, bytes).await), 200, "{channel:?}");
        app.run_until_idle().await;
        let reply = fatou.last_text();
        assert!(reply.contains("https://postly.example") && !reply.contains("evil"), "{reply}");
    }
    app.stop().await;
}
