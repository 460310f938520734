//! Cookies of next-auth 4.24 and @auth/core 0.41 under `NEXTAUTH_SHARED` (`cargo xtask oracles` regenerates
//! them).

use postly_testkit::{Options, SESSION_COOKIE, TestApp, for_each_engine_with};
use reqwest::Method;
use serde_json::{Value, json};

/// The author of all cookies, and the session that some of them name.
const AUTHOR: &str = "01990000-0000-7000-8000-000000000001";
const SESSION: &str = "01990000-0000-7000-8000-0000000000aa";
const AUTH_JS_COOKIE: &str = "__Secure-authjs.session-token";

/// Returns the value of a generated cookie by its name.
fn made(name: &str) -> String {
    let vectors: Value =
        serde_json::from_str(include_str!("../../testdata/session_cookie/vectors.json")).unwrap();
    let vector =
        vectors["vectors"].as_array().unwrap().iter().find(|vector| vector["name"] == name).expect(name);
    // The session cookie is the last of them.
    vector["cookie"].as_str().unwrap().rsplit_once("session-token=").unwrap().1.to_owned()
}

/// Creates the author, and sets the clock to a time at which the cookies are valid.
async fn prepare(app: &TestApp) {
    app.advance_ms(1_800_000_100_000 - app.clock.now_ms());
    app.change(&format!("INSERT INTO authors (id, language, created_at_ms) VALUES ('{AUTHOR}', 'fr', 1)"))
        .await;
    app.change(&format!("INSERT INTO wallets (author_id, balance, held) VALUES ('{AUTHOR}', 0, 0)")).await;
}

#[tokio::test]
async fn o34_a_shared_cookie_reads_and_does_nothing_else() {
    for shared in [true, false] {
        let options = Options { nextauth_shared: shared, ..Options::default() };
        for_each_engine_with(options, async |app| {
            prepare(app).await;
            for (name, cookie) in [
                (SESSION_COOKIE, "next-auth: a session without sid, with a profile"),
                (AUTH_JS_COOKIE, "Auth.js: a session, on https"),
            ] {
                let browser = app.browser();
                browser.set_cookie(name, &made(cookie));
                let me = browser.me().await;
                assert_eq!(me.status.as_u16(), if shared { 200 } else { 401 }, "{cookie}");
                if shared {
                    assert_eq!(me.json()["id"], AUTHOR);
                }
                let language = json!({ "language": "en" });
                let link = json!({ "phone": "+33639981001", "userId": AUTHOR });
                for refused in [
                    browser.delete("/api/me").await,
                    browser.json(Method::PATCH, "/api/me", &language).await,
                    browser.get("/api/me/export").await,
                    browser.get("/api/auth/sessions").await,
                    browser.delete("/api/auth/sessions").await,
                    browser.post("/api/auth/request-otp", &link).await,
                ] {
                    assert_eq!(refused.problem(), (401, "unauthenticated".to_owned()), "{cookie}");
                }
            }
        })
        .await;
    }
}

#[tokio::test]
async fn o36_a_cookie_that_next_auth_sealed_again_lives_and_dies_with_our_session() {
    let options = Options { nextauth_shared: true, ..Options::default() };
    for_each_engine_with(options, async |app| {
        prepare(app).await;
        let browser = app.browser();
        browser.set_cookie(SESSION_COOKIE, &made("next-auth: sealed again by /api/auth/session"));
        assert_eq!(browser.me().await.problem().0, 401, "there is no such session, and sharing does not make one");
        let now = app.clock.now_ms();
        app.change(&format!(
            "INSERT INTO sessions (id, author_id, label, by_whatsapp, created_at_ms, seen_at_ms, expires_at_ms) \
             VALUES ('{SESSION}', '{AUTHOR}', 'a browser', 0, {now}, {now}, {now} + 1000)"
        ))
        .await;
        browser.me().await.ok();
        browser.get("/api/auth/sessions").await.ok();
        browser.post("/api/auth/logout", &json!({})).await.ok();
        browser.set_cookie(SESSION_COOKIE, &made("next-auth: sealed again by /api/auth/session"));
        assert_eq!(browser.me().await.problem().0, 401);
    })
    .await;
}
