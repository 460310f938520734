//! `postly serve` from outside: health, metrics, problems, and logs without personal data or secrets.

use std::time::Duration;

use postly_simulator::{
    Channel, Fault, FaultKind, MessageKind, MessageStatus, ModelBehaviour, SimulatorConfig, Upstream,
};
use postly_store::Db;
use postly_testkit::{EngineName, PASSWORD, TestBrowser, code_in};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    outside::{CHANNELS, Outside, TRIAL_CREDITS},
    process::PATIENCE,
};

async fn get(address: std::net::SocketAddr, path: &str) -> reqwest::Response {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
    client.get(format!("http://{address}{path}")).send().await.unwrap()
}

#[tokio::test]
async fn o41_health_figures_and_problems() {
    for engine in EngineName::ALL {
        let outside = Outside::start(engine).await;
        let service = outside.serve(&[]).await;
        assert_eq!(get(service.admin, "/healthz").await.status(), 200);
        let ready = get(service.admin, "/readyz").await;
        assert_eq!(ready.status(), 200);
        assert_eq!(ready.headers()["content-type"], "application/json");
        assert_eq!(ready.text().await.unwrap(), r#"{"ready":true,"degraded":[]}"#);
        let fatou = outside.simulator.person(Channel::Meta, "+33639981001");
        outside.deliver_for_sure(&outside.simulator.webhook_text(&fatou, "SOLDE")).await;
        let phone = outside.simulator.wait_for_messages(&fatou, 1, Duration::from_secs(30)).await;
        assert!(phone[0].body.contains(&format!("Crédits restants: {TRIAL_CREDITS}")), "{phone:?}");
        let figures = get(service.admin, "/metrics").await;
        assert_eq!(figures.status(), 200);
        let figures = figures.text().await.unwrap();
        let counted = "postly_webhook_requests_total{provider=\"meta\",outcome=\"ok\"} ";
        assert!(figures.contains(counted), "{figures}");

        // The operator's pages are not on the public listener, and neither listener has any other route.
        for (address, path) in [
            (service.public, "/nothing"),
            (service.public, "/metrics"),
            (service.public, "/healthz"),
            (service.admin, "/nothing"),
            (service.admin, "/api/whatsapp/webhook"),
        ] {
            let response = get(address, path).await;
            assert_eq!(response.status(), 404, "{path}");
            assert_eq!(response.headers()["content-type"], "application/problem+json", "{path}");
            let request_id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
            let problem: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
            let mut keys: Vec<&str> = problem.as_object().unwrap().keys().map(String::as_str).collect();
            keys.sort_unstable();
            assert_eq!(keys, ["code", "detail", "error", "request_id", "status", "title", "type"]);
            assert_eq!(
                (problem["status"].as_u64(), problem["code"].as_str()),
                (Some(404), Some("not_found"))
            );
            assert_eq!(problem["error"], problem["detail"]);
            assert_eq!(problem["request_id"], request_id.as_str());
        }
        assert_eq!(outside.simulator.handshake("12345").await.body, b"12345");
        assert_eq!(outside.simulator.handshake_with("a guess", "12345").await.status, 403);
        service.stop().await;
        outside.end().await;
    }
}

#[tokio::test]
async fn the_first_line_says_what_runs_and_where_and_a_drain_is_not_ready() {
    for engine in EngineName::ALL {
        let outside = Outside::start(engine).await;
        let mut service = outside.serve(&[]).await;
        let first: Value = serde_json::from_str(&service.logs()[0]).unwrap();
        assert_eq!(first["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!((&first["provider"], &first["writer"]), (&"meta".into(), &"gpt-6-luna".into()));
        assert_eq!(first["webhook"], "https://postly.example/api/whatsapp/webhook");
        assert!(first["message"].as_str().unwrap().contains("the database is "), "{first}");

        let here = [("ADMIN_BIND_ADDRESS".to_owned(), service.admin.to_string())];
        crate::process::run(&outside.folder, &["healthcheck"], &here).await.exits(0);

        let slow = Fault::once(FaultKind::Delay(3_000));
        outside.simulator.fault(Upstream::Model, slow);
        let fatou = outside.simulator.person(Channel::Meta, "+33639981001");
        let brief = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";
        outside.deliver_for_sure(&outside.simulator.webhook_text(&fatou, brief)).await;
        outside.until("SELECT COUNT(*) FROM holds WHERE state = 'open'", 1).await;
        service.ask_to_stop().await;
        service.line_with("Stopping").await;
        let ready = get(service.admin, "/readyz").await;
        assert_eq!(ready.status(), 503);
        let checked = crate::process::run(&outside.folder, &["healthcheck"], &here).await.exits(1);
        assert!(checked.err.contains("draining"), "{checked:?}");
        assert_eq!(ready.text().await.unwrap(), r#"{"ready":false,"degraded":[],"reason":"draining"}"#);
        assert_eq!(service.ended().await.code(), Some(0));
        let logs = service.logs();
        let checked = crate::process::run(&outside.folder, &["healthcheck"], &here).await.exits(1);
        assert!(checked.err.contains("no service answers"), "{checked:?}");
        assert!(logs.iter().all(|line| !line.contains('\u{1b}')), "no colours: {logs:#?}");
        outside.end().await;
    }
}

#[tokio::test]
async fn a_host_configured_in_capitals_is_the_one_that_twilio_and_browsers_name() {
    let outside = Outside::start(EngineName::Sqlite).await;
    let service = outside.serve(&[("PUBLIC_BASE_URL", "https://Postly.EXAMPLE:443/")]).await;
    // Signed for `https://postly.example/api/whatsapp/webhook`.
    let fatou = outside.simulator.person(Channel::Twilio, "+33639981001");
    let delivered = outside.simulator.deliver(&outside.simulator.webhook_text(&fatou, "SOLDE")).await;
    assert_eq!(delivered.status, 200);
    let phone = outside.simulator.wait_for_messages(&fatou, 1, Duration::from_secs(30)).await;
    assert!(phone[0].body.contains("Crédits restants"), "{phone:?}");
    let ask = async |origin: &str| {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let address = format!("http://{}/api/auth/logout", service.public);
        client.post(address).header("origin", origin).send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask("https://postly.example").await, 200);
    assert_eq!(ask("https://evil.example").await, 403);
    service.stop().await;
    outside.end().await;
}

#[tokio::test]
async fn a_process_without_workers_wakes_those_that_have_some() {
    let outside = Outside::start(EngineName::Postgres).await;
    let web = outside.serve_as("web", &[]).await;
    let worker = Db::open(&outside.database.url).await.unwrap();
    let mut wakeups = worker.listen().await.unwrap().expect("several processes share PostgreSQL");
    let fatou = outside.simulator.person(Channel::Meta, "+33639981001");
    outside.deliver_for_sure(&outside.simulator.webhook_text(&fatou, "SOLDE")).await;
    tokio::time::timeout(PATIENCE, wakeups.next()).await.expect("somebody wakes the workers").unwrap();
    drop(wakeups);
    worker.close().await;
    web.stop().await;
    outside.end().await;
}

#[tokio::test]
async fn an_address_that_is_taken_is_a_failure() {
    let outside = Outside::start(EngineName::Sqlite).await;
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for variable in ["BIND_ADDRESS", "ADMIN_BIND_ADDRESS"] {
        let mut all = outside.variables();
        all.push((variable.to_owned(), address.clone()));
        let ran = crate::process::run(&outside.folder, &["serve"], &all).await.exits(1);
        assert!(ran.err.contains(variable), "{ran:?}");
    }
    outside.end().await;
}

/// A word that occurs only in the brief, and so in the posts.
const MARKER: &str = "Zanzibarine";
const OPENAI_KEY: &str = "sk-marker-of-the-openai-key-0123456789";

/// Has an agent write posts, then sends requests that the endpoint cannot read. Returns the secret of the
/// agent's token.
async fn brief_by_an_agent(browser: &TestBrowser, brief: &str) -> String {
    let made = browser.post("/api/tokens", &json!({ "name": "agent" })).await.ok().json();
    let token = made["secret"].as_str().unwrap().to_owned();
    let write = json!({ "name": "write_posts", "arguments": { "brief": brief, "idempotency_key": "k" } });
    let forged = json!({ "name": MARKER, "arguments": { "brief": brief } });
    for (method, params) in [("tools/call", &write), ("tools/call", &forged), (MARKER, &write)] {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let authorization = format!("Bearer {token}");
        let headers = [
            ("authorization", authorization.as_str()),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
        ];
        let answer = browser.beside().send(Method::POST, "/mcp", &headers, Some(body)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text.contains("variants")),
            (200, params == &write && method != MARKER)
        );
    }
    token
}

#[tokio::test]
async fn s03_s15_l18_logs_hold_no_number_no_brief_no_post_and_no_secret_even_when_they_say_everything() {
    for engine in EngineName::ALL {
        let config =
            SimulatorConfig { openai_api_key: Some(OPENAI_KEY.to_owned()), ..SimulatorConfig::default() };
        let outside = Outside::start_with(engine, config).await;
        const EVERYTHING: &str = "postly=trace,postly_app=trace,postly_domain=trace,postly_http=trace,\
                                  postly_store=trace,postly_whatsapp=trace,postly_pipeline=trace,rmcp=trace,info";
        let service = outside.serve(&[("RUST_LOG", EVERYTHING)]).await;
        let world = &outside.simulator;
        let brief = format!("Crée un post promo pour Instagram, -20 % sur les tartes {MARKER} ce week-end");
        for (channel, number) in CHANNELS {
            let upstream = if channel == Channel::Meta { Upstream::Meta } else { Upstream::Twilio };
            let author = world.person(channel, number);
            let mut messages = 0;
            let mut says = async |text: &str| {
                outside.deliver_for_sure(&world.webhook_text(&author, text)).await;
                messages += 1;
                outside.until_idle().await;
                world.phone_messages(&author).len()
            };
            assert!(says(&brief).await > 0);
            says("SOLDE").await;
            // Each failure: of the model, of its bytes, a provider's refusal, its silence, a failed status, a
            // forged webhook.
            for mood in [ModelBehaviour::Refuses, ModelBehaviour::InventsNumber, ModelBehaviour::Truncated] {
                world.model_once(mood);
                says(&brief).await;
            }
            let answer = format!("{{\"error\": {{\"message\": \"{number} {MARKER}\", \"code\": 131026}}}}");
            let refusal = FaultKind::Status { code: 400, body: answer, headers: vec![] };
            world.fault(Upstream::Model, Fault::once(refusal.clone()));
            says(&brief).await;
            world.clear_faults();
            world.fault(upstream, Fault::once(refusal));
            says("AIDE").await;
            world.fault(upstream, Fault::once(FaultKind::AcceptThenReset));
            says("AIDE").await;
            let forged = world.webhook_text(&author, &brief);
            let name = if channel == Channel::Meta { "x-hub-signature-256" } else { "x-twilio-signature" };
            assert_eq!(world.deliver(&forged.with_header(name, "sha256=00")).await.status, 401);
            // An attacker puts lines of our log format into the text, the name and the headers.
            let forger =
                author.clone().named("Fatou\r\n{\"level\":\"ERROR\",\"message\":\"forged\"}\u{1b}[31m");
            let line = format!("SOLDE\r\n{{\"level\":\"ERROR\",\"message\":\"forged {MARKER}\"}}\u{1b}[2J");
            let forged =
                world.webhook_text(&forger, &line).with_header("user-agent", "{\"message\":\"forged\"}");
            outside.deliver_for_sure(&forged).await;
            let strange =
                forged.without_header(name).with_header("x-request-id", "forged\",\"message\":\"forged");
            assert_eq!(world.deliver(&strange).await.status, 401);
            let unread = world.webhook_kind(&author, MessageKind::Image { caption: Some(brief.clone()) });
            outside.deliver_for_sure(&unread).await;
            let first = world.phone_messages(&author)[0].id.clone();
            outside
                .deliver_for_sure(&world.webhook_status(&first, MessageStatus::Failed, Some(131_026)))
                .await;
            outside.deliver_for_sure(&world.webhook_raw(channel, format!("{{{MARKER}"))).await;
            outside.until_idle().await;
            assert!(messages > 0);
        }
        assert!(outside.phone(&world.person(Channel::Meta, CHANNELS[0].1)).contains(MARKER));

        // The same with an account and all its secrets.
        let author = world.person(Channel::Meta, CHANNELS[0].1);
        let browser = TestBrowser::new(&format!("http://{}", service.public));
        let last_text = || world.phone_messages(&author).pop().unwrap().body;
        outside.deliver_for_sure(&world.webhook_text(&author, "LOGIN")).await;
        outside.until_idle().await;
        let (login_code, login_text) = (code_in(&last_text()), last_text());
        let link_token =
            login_text.split("/login#").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        browser.verify(CHANNELS[0].1, "000000").await;
        browser.sign_up("marker.of.mail@example.com").await.ok();
        let phrase = browser.post("/api/auth/phrase", &serde_json::json!({})).await.ok().json();
        let phrase = phrase["phrase"].as_str().unwrap().to_owned();
        outside.deliver_for_sure(&world.webhook_text(&author, &phrase)).await;
        outside.until_idle().await;
        let phrase_code = code_in(&last_text());
        let typed = serde_json::json!({ "code": phrase_code });
        browser.post("/api/auth/phrase/verify", &typed).await.ok();
        browser.request_code(CHANNELS[1].1).await.ok();
        outside.until_idle().await;
        let (channel, number) = CHANNELS[1];
        let web_code = code_in(&world.phone_messages(&world.person(channel, number)).pop().unwrap().body);
        let session = browser.session().unwrap();
        let challenge = browser.cookie("postly.challenge").unwrap();
        browser.get("/api/me/export").await.ok();
        let token = brief_by_an_agent(&browser, &brief).await;
        for text in ["SUPPRIMER", "OUI"] {
            outside.deliver_for_sure(&world.webhook_text(&author, text)).await;
            outside.until_idle().await;
        }
        assert!(last_text().contains("effacé"), "{}", last_text());
        let of_accounts = [
            login_code,
            link_token,
            phrase_code,
            web_code,
            session,
            challenge,
            token,
            phrase.replace(['#', '-'], ""),
            phrase,
            "marker.of.mail".to_owned(),
            PASSWORD.to_owned(),
        ];

        let accounts = world.config().clone();
        let variables = outside.variables();
        let logs = service.stop().await;
        let all = logs.join("\n");
        for said in ["Finished event", "Stored event", "No posts for event", "Refused a webhook"] {
            assert!(all.contains(said), "the logs say everything, and so {said:?}: {all}");
        }
        for line in &logs {
            let event: Value = serde_json::from_str(line).expect("a line for machines");
            assert!(!event["message"].to_string().contains("forged") && !line.contains('\u{1b}'), "{line}");
        }
        let numbers = CHANNELS.iter().map(|(_, number)| number.trim_start_matches("+33").to_owned());
        let secrets = variables
            .iter()
            .filter(|(name, _)| ["TOKEN", "SECRET", "KEY", "SALT"].iter().any(|part| name.contains(part)))
            .map(|(_, value)| value.clone());
        let texts = [MARKER, "croissants", "tartes", "Envie de vous faire plaisir", "Derrière le comptoir"];
        let private: Vec<String> = numbers
            .chain(secrets)
            .chain(texts.map(str::to_owned))
            .chain(of_accounts)
            .chain([accounts.meta.app_secret, accounts.twilio.auth_token, OPENAI_KEY.to_owned()])
            .collect();
        assert!(private.len() > 12, "{private:?}");
        for word in &private {
            let told: Vec<&String> = logs.iter().filter(|line| line.contains(word.as_str())).collect();
            assert!(told.is_empty(), "{engine:?}: {word} stands in {told:#?}");
        }
        outside.end().await;
    }
}
