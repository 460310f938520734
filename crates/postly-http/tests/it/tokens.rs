//! API tokens: shown once, stored as a hash, valid for reading and generating only.

use postly_testkit::{Answer, EngineName, Options, TestApp, for_each_engine};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    generations::{BRIEF, available, logged_in},
    stream::EventStream,
};

/// Sends a request with a token only.
async fn bearing(app: &TestApp, token: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
    let authorization = format!("Bearer {token}");
    let headers = [
        ("authorization", authorization.as_str()),
        ("content-type", "application/json"),
        ("idempotency-key", "of-the-program"),
    ];
    app.browser().send(method, path, &headers, body.map(|body| body.to_string())).await
}

#[tokio::test]
async fn a_token_is_shown_once_reads_and_generates_and_ends_when_it_is_revoked() {
    for_each_engine(async |app| {
        let browser = logged_in(app, 3).await;
        let made = browser.post("/api/tokens", &json!({ "name": " Ma caisse " })).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let made = made.json();
        let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
        assert_eq!((&made["name"], &made["usedAt"]), (&json!("Ma caisse"), &Value::Null));
        assert!(secret.starts_with("postly_") && secret.len() == 50, "{secret}");
        // The secret is never shown again.
        let listed = browser.get("/api/tokens").await;
        assert!(!listed.text.contains(secret) && listed.json()["tokens"][0]["id"] == id);
        let stolen = app.stolen().await;
        assert!(!stolen.windows(secret.len()).any(|window| window == secret.as_bytes()));

        let me = bearing(app, secret, Method::GET, "/api/me", None).await.ok().json();
        assert_eq!(me["id"], browser.me().await.json()["id"]);
        let before = available(&browser).await;
        let body = json!({ "brief": BRIEF });
        let created = bearing(app, secret, Method::POST, "/api/generations", Some(body)).await;
        assert_eq!((created.status.as_u16(), created.json()["available"].clone()), (201, json!(before - 1)));
        assert_ne!(browser.get("/api/tokens").await.json()["tokens"][0]["usedAt"], Value::Null);
        let authorization = format!("bearer {secret}");
        let mut stream = EventStream::with(app, "", ("authorization", &authorization)).await;
        stream.next_of("balance").await;

        // Endpoints that require a session refuse a token.
        for (method, path) in [
            (Method::GET, "/api/tokens"),
            (Method::POST, "/api/tokens"),
            (Method::GET, "/api/me/export"),
            (Method::DELETE, "/api/me"),
            (Method::GET, "/api/auth/sessions"),
        ] {
            let refused = bearing(app, secret, method.clone(), path, Some(json!({ "name": "x" }))).await;
            assert_eq!(refused.problem(), (401, "unauthenticated".to_owned()), "{method} {path}");
        }
        let other = app.browser();
        other.sign_up("autre@example.com").await.ok();
        assert_eq!(other.delete(&format!("/api/tokens/{id}")).await.status, 404);
        assert_eq!(browser.delete(&format!("/api/tokens/{id}")).await.status, 204);
        assert_eq!(bearing(app, secret, Method::GET, "/api/me", None).await.status, 401);
        while stream.next().await.is_some() {}
        assert_eq!(browser.delete(&format!("/api/tokens/{id}")).await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn a_bad_token_is_refused_even_beside_a_good_cookie() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let browser = logged_in(&app, 3).await;
    for value in
        ["Bearer", "Bearer ", "Bearer postly_", "Bearer nonsense", "Basic eDp5", "postly_x", "Bearer\tx"]
    {
        let answer = browser.send(Method::GET, "/api/me", &[("authorization", value)], None).await;
        assert_eq!(answer.problem(), (401, "unauthenticated".to_owned()), "{value:?}");
    }
    let made = browser.post("/api/tokens", &json!({ "name": "a" })).await.json();
    let good = format!("Bearer {}", made["secret"].as_str().unwrap());
    let twice = [("authorization", good.as_str()), ("authorization", "Bearer other")];
    assert_eq!(app.browser().send(Method::GET, "/api/me", &twice, None).await.status, 401);
    app.browser().send(Method::GET, "/api/me", &twice[..1], None).await.ok();
    app.stop().await;
}

#[tokio::test]
async fn ten_tokens_with_readable_names_are_enough_and_go_with_their_author() {
    for_each_engine(async |app| {
        let browser = logged_in(app, 3).await;
        for name in ["", "   ", "two\nlines", &"x".repeat(61)] {
            let refused = browser.post("/api/tokens", &json!({ "name": name })).await;
            assert_eq!(refused.problem(), (400, "invalid_name".to_owned()), "{name:?}");
        }
        let mut last = Value::Null;
        for number in 0..10 {
            last = browser.post("/api/tokens", &json!({ "name": format!("n{number}") })).await.ok().json();
        }
        let refused = browser.post("/api/tokens", &json!({ "name": "one more" })).await;
        assert_eq!(refused.problem(), (409, "too_many_tokens".to_owned()));
        let export = browser.get("/api/me/export").await.ok().json();
        assert_eq!(export["tokens"].as_array().unwrap().len(), 10);
        browser.delete("/api/me").await.ok();
        assert_eq!(app.count("SELECT COUNT(*) FROM api_tokens").await, 0);
        let secret = last["secret"].as_str().unwrap();
        assert_eq!(bearing(app, secret, Method::GET, "/api/me", None).await.status, 401);
    })
    .await;
}
