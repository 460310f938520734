//! The operator's changes of a running service: blocks, pauses, and links that set a password.

use postly_simulator::Channel;
use postly_testkit::EngineName;
use serde_json::json;

use crate::outside::{CHANNELS, Outside};

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";

async fn for_each_engine(test: impl AsyncFn(&Outside)) {
    for engine in EngineName::ALL {
        let outside = Outside::silent(engine).await;
        test(&outside).await;
        outside.end().await;
    }
}

#[tokio::test]
async fn h3_a_pause_acts_in_a_running_service_and_waits_for_nobody() {
    for_each_engine(async |outside| {
        let service = outside.serve(&[]).await;
        for (target, (channel, number)) in
            [("generation", CHANNELS[0]), ("meta", CHANNELS[0]), ("twilio", CHANNELS[1])]
        {
            let switch = async |what: &str| outside.postly(&[what, target, "--json"]).await.exits(0).json();
            let changed =
                |paused: bool, changed: bool| json!({"target": target, "paused": paused, "changed": changed});
            assert_eq!(switch("pause").await, changed(true, true));
            assert_eq!(switch("pause").await, changed(true, false));
            let author = outside.simulator.person(channel, number);
            let before = outside.phone(&author).matches("en pause").count();
            outside.deliver_for_sure(&outside.simulator.webhook_text(&author, BRIEF)).await;
            outside.until("SELECT COUNT(*) FROM inbox WHERE state = 'ready'", 0).await;
            if target != "generation" {
                assert_eq!(
                    outside.phone(&author).matches("en pause").count(),
                    before,
                    "{target}: messages wait"
                );
            }
            assert_eq!(switch("resume").await, changed(false, true));
            assert_eq!(switch("resume").await, changed(false, false));
            outside.until_idle().await;
            let phone = outside.phone(&author);
            assert_eq!(phone.matches("en pause").count(), before + 1, "{target}: {phone}");
            assert_eq!(phone.matches("*1.* ").count(), 0, "{target}: {phone}");
        }
        let (channel, number) = CHANNELS[0];
        let author = outside.simulator.person(channel, number);
        outside.deliver_for_sure(&outside.simulator.webhook_text(&author, BRIEF)).await;
        outside.until_idle().await;
        assert_eq!(outside.phone(&author).matches("*1.* ").count(), 1);
        outside.postly(&["pause", "everything"]).await.exits(2);
        service.stop().await;
        outside.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn an_author_is_found_by_address_blocked_and_helped_to_a_new_password() {
    for_each_engine(async |outside| {
        let service = outside.serve(&[]).await;
        let client = reqwest::Client::new();
        let api = async |path: &str, password: &str| {
            let body = json!({ "email": "fatou@example.com", "password": password });
            let url = format!("http://{}/api/auth/{path}", service.public);
            client.post(url).json(&body).send().await.unwrap().status().as_u16()
        };
        assert_eq!(api("signup", "un croissant doré").await, 201);
        let by_mail = |command: &'static str| ["users", command, "--email", "Fatou@Example.com", "--json"];
        let shown = outside.postly(&by_mail("show")).await.exits(0).json();
        assert_eq!(shown["email"], "fatou@example.com");
        let id = &shown["id"];
        for (command, blocked, changed) in [
            ("block", true, true),
            ("block", true, false),
            ("unblock", false, true),
            ("unblock", false, false),
        ] {
            let done = outside.postly(&by_mail(command)).await.exits(0).json();
            assert_eq!(done, json!({ "id": id, "blocked": blocked, "changed": changed }));
        }
        let ran = outside.postly(&["users", "block", "--email", "no address"]).await.exits(2);
        assert!(ran.err.contains("--email"), "{ran:?}");
        outside.postly(&["users", "block", "--email", "marie@example.com"]).await.exits(1);
        outside.postly(&["users", "block"]).await.exits(2);

        let made = outside.postly(&by_mail("reset-password")).await.exits(0).json();
        let url = made["url"].as_str().unwrap();
        let (page, token) = url.split_once('#').unwrap();
        assert!(page.ends_with("/reset") && made["expiresAt"].as_str().unwrap().ends_with('Z'), "{made}");
        let stored = outside.database.texts("SELECT token_hash FROM password_resets").await;
        assert!(!stored.concat().contains(token), "only its hash is kept");
        let form = client
            .post(format!("http://{}/reset", service.public))
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("token={token}&password=une+brioche+ti%C3%A8de"));
        assert_eq!(form.send().await.unwrap().status().as_u16(), 200);
        assert_eq!(
            (api("login", "un croissant doré").await, api("login", "une brioche tiède").await),
            (400, 200)
        );
        let plain =
            outside.postly(&["users", "reset-password", "--email", "fatou@example.com"]).await.exits(0);
        assert!(plain.out.starts_with("http") && plain.out.lines().count() == 1, "{plain:?}");
        let nobody = outside.simulator.person(Channel::Meta, "+33639981001");
        outside.deliver_for_sure(&outside.simulator.webhook_text(&nobody, "SOLDE")).await;
        outside.until_idle().await;
        let ran = outside.postly(&["users", "reset-password", "--phone", "+33639981001"]).await.exits(1);
        assert!(ran.out.is_empty() && ran.err.contains("LOGIN"), "{ran:?}");
        service.stop().await;
    })
    .await;
}

#[tokio::test]
async fn e13_an_adjustment_bears_the_name_of_its_maker() {
    for_each_engine(async |outside| {
        let grant = async |by: &str| {
            let args = [
                "credits",
                "grant",
                "--phone",
                "+33612345678",
                "--amount",
                "3",
                "--reason",
                "geste",
                "--by",
                by,
            ];
            outside.postly(&args).await
        };
        grant("Awa").await.exits(0);
        grant(" ").await.exits(2);
        let shown = outside.postly(&["credits", "show", "--phone", "+33612345678"]).await.exits(0);
        assert!(shown.out.contains("+3 adjustment geste (by Awa)"), "{shown:?}");
        assert_eq!(outside.database.count("SELECT COUNT(*) FROM adjustments").await, 1);
    })
    .await;
}
