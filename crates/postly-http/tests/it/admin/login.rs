//! The login of the operator's pages.

use postly_testkit::{EngineName, Options, TestApp, for_each_engine};

use super::desk::{Desk, NAME, PASSWORD};

/// The Argon2id hash of `un croissant`, as printed by Debian's `argon2 … -id -e`.
const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2VsLWRlLWN1aXNpbmUtMTY$PCna4qS7hyYbucrVXSAEVbnarLiJCnL1HAEXZItz5QE";

#[tokio::test]
async fn o41_without_a_password_and_on_the_public_listener_there_are_no_pages() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let off = Desk::with(&app, None).await;
    for path in ["/admin", "/admin/login"] {
        assert_eq!(off.visitor("192.0.2.1").get(path).await.status, 404);
        assert_eq!(app.browser().get(path).await.status, 404);
    }
    off.close().await;
    app.stop().await;
}

#[tokio::test]
async fn s23_the_right_password_opens_the_pages_under_a_name_that_the_audit_log_keeps() {
    for_each_engine(async |app| {
        let desk = Desk::of(app).await;
        let visitor = desk.visitor("192.0.2.7");
        assert_eq!(visitor.get("/admin").await.goes_to(), "/admin/login");
        let form = visitor.get("/admin/login").await;
        form.assert_is_page(200);
        let cookie = form.header("set-cookie");
        assert!(
            cookie.starts_with("postly.admin=") && cookie.contains("; HttpOnly; SameSite=Strict"),
            "{cookie}"
        );
        assert!(!cookie.contains("Secure"), "{cookie}");
        visitor.log_in(NAME, "wrong", "").await.assert_is_page(401).assert_says("not right");
        visitor.log_in("  ", PASSWORD, "").await.assert_is_page(400).assert_says("Write your name");

        let before = visitor.jar.lock().unwrap()["postly.admin"].clone();
        assert_eq!(visitor.log_in(NAME, PASSWORD, "").await.goes_to(), "/admin");
        let token = visitor.jar.lock().unwrap()["postly.admin"].clone();
        assert_ne!(before, token, "a token from before the login opens nothing");
        visitor.get("/admin").await.assert_is_page(200).assert_says("Log out Awa Diop");
        let stored = app.texts("SELECT token_hash FROM admin_sessions").await;
        assert!(stored.len() == 1 && !stored[0].contains(&token));

        assert_eq!(visitor.submit("/admin", "/admin/logout", &[]).await.goes_to(), "/admin/login");
        visitor.jar.lock().unwrap().insert("postly.admin".to_owned(), token);
        assert_eq!(visitor.get("/admin").await.goes_to(), "/admin/login", "the session has ended");
        let log =
            app.texts("SELECT operator || ' ' || action || ' ' || outcome FROM audit_log ORDER BY id").await;
        assert_eq!(log, [" log_in failed", "Awa Diop log_in done", "Awa Diop log_out done"]);
        desk.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_after_twelve_hours_and_with_another_password() {
    for_each_engine(async |app| {
        let desk = Desk::of(app).await;
        let visitor = desk.operator().await;
        let other = Desk::with(app, Some(("another password", None))).await;
        let moved = other.visitor("192.0.2.1");
        moved.jar.lock().unwrap().extend(visitor.jar.lock().unwrap().clone());
        assert_eq!(moved.get("/admin").await.goes_to(), "/admin/login");
        app.advance_ms(12 * 3_600_000 - 1);
        assert_eq!(visitor.get("/admin").await.status, 200);
        app.advance_ms(1);
        assert_eq!(visitor.get("/admin").await.goes_to(), "/admin/login");
        app.sweep().await;
        assert_eq!(app.count("SELECT COUNT(*) FROM admin_sessions").await, 1);
        app.advance_ms(3_600_000);
        app.sweep().await;
        assert_eq!(app.count("SELECT COUNT(*) FROM admin_sessions").await, 0);
        other.close().await;
        desk.close().await;
    })
    .await;
}

#[tokio::test]
async fn five_wrong_passwords_from_one_address_wait_and_right_ones_do_not_count() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let desk = Desk::of(&app).await;
    let (visitor, other) = (desk.visitor("192.0.2.7"), desk.visitor("192.0.2.8"));
    for _ in 0..6 {
        assert_eq!(other.log_in(NAME, PASSWORD, "").await.goes_to(), "/admin");
    }
    for _ in 0..5 {
        visitor.log_in(NAME, "wrong", "").await.assert_is_page(401);
    }
    let refused = visitor.log_in(NAME, PASSWORD, "").await;
    refused.assert_is_page(429);
    assert_eq!(refused.header("retry-after"), "300");
    assert_eq!(other.log_in(NAME, PASSWORD, "").await.goes_to(), "/admin");
    app.advance_ms(300_000);
    assert_eq!(visitor.log_in(NAME, PASSWORD, "").await.goes_to(), "/admin");
    desk.close().await;
    app.stop().await;
}

#[tokio::test]
async fn a_form_of_another_site_or_another_browser_does_nothing() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let desk = Desk::of(&app).await;
    let visitor = desk.operator().await;
    let own = visitor.get("/admin").await.form_token();
    let others = desk.visitor("192.0.2.9").get("/admin/login").await.form_token();
    for (token, headers) in [
        ("", &[][..]),
        (&others, &[]),
        (&own, &[("origin", "https://evil.example")]),
        (&own, &[("origin", "null")]),
        (&own, &[("sec-fetch-site", "cross-site")]),
        (&own, &[("sec-fetch-site", "same-site")]),
    ] {
        visitor.post("/admin/logout", &[("form_token", token)], headers).await.assert_is_page(403);
    }
    let foreign = desk.visitor("192.0.2.9");
    let fields = [("name", NAME), ("password", PASSWORD), ("form_token", &others)];
    foreign.post("/admin/login", &fields, &[]).await.assert_is_page(403);
    assert_eq!(visitor.get("/admin").await.status, 200, "still logged in");
    let headers = [("sec-fetch-site", "same-origin"), ("origin", "http://elsewhere")];
    let out = visitor.post("/admin/logout", &[("form_token", &own)], &headers).await;
    assert_eq!(out.goes_to(), "/admin/login");
    desk.close().await;
    app.stop().await;
}

#[tokio::test]
async fn behind_a_proxy_that_speaks_https_the_cookie_is_for_https_alone() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let desk = Desk::of(&app).await;
    let https = [("x-forwarded-proto", "https")];
    let form =
        desk.visitor("192.0.2.7").send(reqwest::Method::GET, "/admin/login", &https, String::new()).await;
    assert!(form.header("set-cookie").ends_with("; Secure"), "{}", form.header("set-cookie"));
    desk.close().await;
    app.stop().await;
}

#[tokio::test]
async fn the_second_factor_is_asked_for_and_each_of_its_codes_is_accepted_once() {
    // RFC 6238, appendix B: the codes of this secret at 2,000,000,000 s and one step later.
    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    for_each_engine(async |app| {
        let desk = Desk::with(app, Some((HASH, Some(SECRET)))).await;
        app.advance_ms(2_000_000_000_000 - app.app.core.now().0);
        let visitor = desk.visitor("192.0.2.7");
        visitor.get("/admin/login").await.assert_is_page(200).assert_says("Code of the authenticator");
        for (password, code) in
            [("un croissant", ""), ("un croissant", "279038"), ("wrong", "279037"), (HASH, "279037")]
        {
            visitor.log_in(NAME, password, code).await.assert_is_page(401);
        }
        assert_eq!(visitor.log_in(NAME, "un croissant", "279 037").await.goes_to(), "/admin");
        desk.visitor("192.0.2.8").log_in(NAME, "un croissant", "279037").await.assert_is_page(401);
        desk.close().await;
    })
    .await;
}
