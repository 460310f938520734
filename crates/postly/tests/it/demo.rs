//! `postly demo --brief`: one whole exchange in the terminal, embedded, without a key.

use serde_json::{Value, json};

use crate::{
    outside::until,
    process::{Demo, Folder, run},
};

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";

#[tokio::test]
async fn a_brief_in_the_terminal_is_answered_as_on_the_phone() {
    for args in [
        vec!["demo", "--brief", BRIEF],
        vec!["demo", "--", "--brief", BRIEF],
        vec!["demo", "--provider", "twilio", "--brief", BRIEF],
        vec!["demo", "--provider", "meta", "--brief", BRIEF],
    ] {
        let folder = Folder::fresh();
        let ran = run(&folder, &args, &[]).await.exits(0);
        let lines: Vec<&str> = ran.out.lines().collect();
        assert_eq!(lines[0], "✨ *3 Posts générés pour vous:*", "{args:?}: {}", ran.out);
        for part in ["*1.* ", "*2.* ", "*3.* ", "-20 %", "croissants", "💳 Crédits restants: 4"] {
            assert!(ran.out.contains(part), "{args:?}: {part} in {}", ran.out);
        }
        assert_eq!(
            lines[lines.len() - 3..],
            ["+5 trial", "-1 whatsapp_generation", "Balance: 4"],
            "{args:?}"
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the database was a throw-away one");
    }
}

#[tokio::test]
async fn in_json_it_is_one_object_and_nothing_else() {
    for provider in ["meta", "twilio"] {
        let args = ["demo", "--brief", BRIEF, "--json", "--provider", provider];
        let shown = run(&Folder::fresh(), &args, &[]).await.exits(0).json();
        let keys: Vec<&String> = shown.as_object().unwrap().keys().collect();
        assert_eq!(keys.len(), 4, "{keys:?}");
        let variants: Vec<&str> =
            shown["variants"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(variants.len(), 3);
        assert!(variants.iter().all(|variant| variant.contains("croissants")), "{variants:?}");
        let reply: Vec<&str> = shown["reply"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(reply.concat().contains("*3.* "), "{reply:?}");
        let ledger = json!([{"delta": 5, "reason": "trial"}, {"delta": -1, "reason": "whatsapp_generation"}]);
        assert_eq!((&shown["ledger"], &shown["available"]), (&ledger, &json!(4)));
    }
}

#[tokio::test]
async fn an_empty_brief_is_refused() {
    for brief in ["", "  \n "] {
        let ran = run(&Folder::fresh(), &["demo", "--brief", brief], &[]).await.exits(2);
        assert!(ran.err.contains("--brief") && ran.out.is_empty(), "{ran:?}");
    }
}

#[tokio::test]
async fn a_configuration_around_it_changes_nothing() {
    // A developer's environment for the real service must not affect the demo.
    let real = [
        ("DATABASE_URL", "postgres://127.0.0.1:1/real"),
        ("WHATSAPP_TRIAL_CREDITS", "9"),
        ("META_GRAPH_BASE_URL", "https://graph.facebook.com"),
        ("WRITER", "openai"),
    ];
    let args = ["demo", "--brief", BRIEF, "--json"];
    let shown = run(&Folder::fresh(), &args, &crate::outside::variables(&real)).await.exits(0).json();
    assert_eq!(shown["available"], 4);
}

/// The simulated phone of one author, and a client for its pages and those of the app.
struct Phone {
    client: reqwest::Client,
    number: Value,
}

impl Phone {
    fn new() -> Self {
        // Another test may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { client, number: json!({"channel": "meta", "number": "+33639981234"}) }
    }

    async fn state(&self, phone: &str) -> Value {
        let request = self.client.get(format!("{phone}/phone/state")).query(&self.number);
        serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap()
    }

    async fn write(&self, phone: &str) {
        let mut message = self.number.clone();
        message["text"] = BRIEF.into();
        self.client.post(format!("{phone}/phone/send")).json(&message).send().await.unwrap();
    }

    /// Returns the number of charged briefs.
    async fn charged(&self, phone: &str) -> usize {
        let state = self.state(phone).await;
        let lines = state["ledger"].as_array().unwrap();
        lines.iter().filter(|line| line["reason"] == "3 posts demandés sur WhatsApp").count()
    }
}

#[tokio::test]
async fn the_phone_and_the_web_app_know_each_other_and_begin_again_on_wish() {
    let folder = Folder::fresh();
    let mut demo = Demo::start(&folder).await;
    let fatou = Phone::new();
    let client = &fatou.client;
    let (phone, app) = demo.addresses().await;
    assert_eq!(fatou.state(&phone).await["web_app"], format!("{app}/"));
    // Our number is known before any message, and its link leads to the phone.
    let link = format!("{phone}/wa.me/15550783881");
    until(async || client.get(&app).send().await.unwrap().text().await.unwrap().contains(&link)).await;
    let opened = client.get(link).send().await.unwrap();
    assert!(opened.url().as_str().starts_with(&format!("{phone}/phone?")), "{}", opened.url());

    fatou.write(&phone).await;
    until(async || fatou.charged(&phone).await == 1).await;

    let reset = client.post(format!("{phone}/phone/reset")).json(&json!({})).send().await.unwrap();
    assert_eq!(reset.status(), 202);
    let (phone, _) = demo.addresses().await;
    let fresh = fatou.state(&phone).await;
    assert_eq!((&fresh["messages"], &fresh["ledger"]), (&json!([]), &json!([])), "{fresh}");
    fatou.write(&phone).await;
    until(async || fatou.charged(&phone).await == 1).await;
}

#[tokio::test]
async fn a_database_of_another_build_is_set_aside() {
    let folder = Folder::fresh();
    let data = folder.path().join("data");
    let mut demo = Demo::start(&folder).await;
    demo.addresses().await;
    demo.stop().await;
    let change = |file: &str, sql: &str| {
        rusqlite::Connection::open(data.join(file)).unwrap().execute_batch(sql).unwrap();
    };
    change("demo.db", "UPDATE schema_build SET hash = 'another'");
    let mut demo = Demo::start(&folder).await;
    demo.addresses().await;
    let names: Vec<String> = std::fs::read_dir(&data)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".old"))
        .collect();
    let [old] = names.as_slice() else { panic!("one database is set aside: {names:?}") };
    let old = rusqlite::Connection::open(data.join(old)).unwrap();
    let hash: String = old.query_row("SELECT hash FROM schema_build", [], |row| row.get(0)).unwrap();
    assert_eq!(hash, "another", "nothing is lost");
}

#[tokio::test]
async fn credits_posts_and_logins_of_the_demo_survive_a_restart() {
    let folder = Folder::fresh();
    let mut demo = Demo::start(&folder).await;
    let fatou = Phone::new();
    let client = &fatou.client;
    let (phone, app) = demo.addresses().await;
    fatou.write(&phone).await;
    until(async || fatou.charged(&phone).await == 1).await;
    let account = json!({"email": "fatou@example.com", "password": "un croissant doré"});
    let opened =
        client.post(format!("{app}/api/auth/signup")).json(&account).header("sec-fetch-site", "same-origin");
    let opened = opened.send().await.unwrap();
    assert_eq!(opened.status(), 201);
    let cookies: Vec<&str> = opened
        .headers()
        .get_all("set-cookie")
        .iter()
        .filter_map(|cookie| cookie.to_str().unwrap().split(';').next())
        .collect();
    let cookies = cookies.join("; ");

    demo.stop().await;
    let mut demo = Demo::start(&folder).await;
    let (phone, app) = demo.addresses().await;
    fatou.write(&phone).await;
    until(async || fatou.charged(&phone).await == 2).await;
    let me = client.get(format!("{app}/api/me")).header("cookie", cookies).send().await.unwrap();
    let me: Value = serde_json::from_str(&me.text().await.unwrap()).unwrap();
    assert_eq!(me["email"], "fatou@example.com");
}
