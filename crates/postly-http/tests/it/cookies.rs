//! Several cookies of one name: a browser sends one for each path and domain that ever set it, including
//! outdated ones.

use postly_testkit::{
    Answer, Options, SESSION_COOKIE, TestApp, TestBrowser, code_in, for_each_engine, for_each_engine_with,
    session_cookie,
};
use reqwest::Method;
use serde_json::json;

const NUMBER: &str = "+33639981001";
const CHALLENGE: &str = "postly.challenge";

/// Requests the profile with these cookies, in this order.
async fn me(app: &TestApp, cookies: &[String]) -> Answer {
    app.browser().send(Method::GET, "/api/me", &[("cookie", &cookies.join("; "))], None).await
}

async fn post(browser: &TestBrowser, path: &str, cookies: &[String], body: &serde_json::Value) -> Answer {
    let cookies = cookies.join("; ");
    let headers = [
        ("content-type", "application/json"),
        ("sec-fetch-site", "same-origin"),
        ("cookie", cookies.as_str()),
    ];
    browser.send(Method::POST, path, &headers, Some(body.to_string())).await
}

fn named(value: &str) -> String {
    format!("{SESSION_COOKIE}={value}")
}

#[tokio::test]
async fn a_login_wins_over_cookies_of_its_name_that_open_nothing() {
    for_each_engine(async |app| {
        let fatou = app.browser();
        fatou.sign_up("fatou@example.org").await.ok();
        let live = fatou.session().unwrap();
        let id = fatou.me().await.ok().json()["id"].as_str().unwrap().to_owned();
        let left = app.browser();
        left.sign_up("bob@example.org").await.ok();
        let ended = left.session().unwrap();
        left.post("/api/auth/logout", &json!({})).await.ok();
        let now = app.clock.now_ms();
        let old = session_cookie(&id, Some("a-session-of-long-ago"), now - 40 * 86_400_000);
        let foreign = session_cookie(&id, None, now);
        let dead = [named("x"), named(&ended), named(&old), named(&foreign)];
        for cookie in &dead {
            assert_eq!(me(app, std::slice::from_ref(cookie)).await.status, 401, "{cookie:.60}");
            for cookies in [[cookie.clone(), named(&live)], [named(&live), cookie.clone()]] {
                assert_eq!(me(app, &cookies).await.ok().json()["id"], *id, "{cookie:.60}");
            }
        }
        assert_eq!(me(app, &[&dead[..], &[named(&live)]].concat()).await.ok().json()["id"], *id);
        // A sixth cookie is not tried.
        let too_many = [&dead[..], &[named("y"), named(&live)]].concat();
        assert_eq!(me(app, &too_many).await.status, 401);

        // In pieces, as next-auth splits a long cookie, with the pieces of another path before or after them.
        let (one, two) = live.split_at(200);
        let pieces = [format!("{SESSION_COOKIE}.0={one}"), format!("{SESSION_COOKIE}.1={two}")];
        let (one, two) = ended.split_at(150);
        let others = [format!("{SESSION_COOKIE}.0={one}"), format!("{SESSION_COOKIE}.1={two}")];
        for cookies in [
            pieces.to_vec(),
            [&others[..], &pieces].concat(),
            [&pieces[..], &others].concat(),
            [&dead[..1], &others, &pieces].concat(),
        ] {
            assert_eq!(me(app, &cookies).await.ok().json()["id"], *id, "{}", cookies.len());
        }

        // A cookie under the name without `__Secure-`, which an unencrypted page can set, neither logs in nor
        // interferes.
        let plain = format!("next-auth.session-token={live}");
        assert_eq!(me(app, std::slice::from_ref(&plain)).await.status, 401);
        assert_eq!(me(app, &[plain, named(&live)]).await.ok().json()["id"], *id);
    })
    .await;
}

#[tokio::test]
async fn leaving_ends_every_session_that_the_browser_brings() {
    for_each_engine(async |app| {
        let [one, two] = [app.browser(), app.browser()];
        one.sign_up("fatou@example.org").await.ok();
        two.sign_up("bob@example.org").await.ok();
        let cookies = [named(&one.session().unwrap()), named(&two.session().unwrap())];
        post(&app.browser(), "/api/auth/logout", &cookies, &json!({})).await.ok();
        for browser in [one, two] {
            assert_eq!(browser.me().await.status, 401);
        }
    })
    .await;
}

#[tokio::test]
async fn a_shared_cookie_wins_over_one_of_an_author_who_is_gone() {
    let options = Options { nextauth_shared: true, ..Options::default() };
    for_each_engine_with(options, async |app| {
        let fatou = app.browser();
        fatou.sign_up("fatou@example.org").await.ok();
        let id = fatou.me().await.ok().json()["id"].as_str().unwrap().to_owned();
        let now = app.clock.now_ms();
        let cookies =
            [session_cookie("nobody", None, now), session_cookie(&id, None, now)].map(|it| named(&it));
        assert_eq!(me(app, &cookies).await.ok().json()["id"], *id);
        assert_eq!(me(app, &cookies[..1]).await.status, 401);
    })
    .await;
}

#[tokio::test]
async fn a_code_is_tried_with_every_challenge_that_the_browser_brings() {
    for_each_engine(async |app| {
        let other = app.browser();
        other.request_code("+33639981002").await.ok();
        let foreign = other.cookie(CHALLENGE).unwrap();
        for (number, first) in [(NUMBER, "left-by-another-program"), ("+33639981003", &foreign)] {
            let first = format!("{CHALLENGE}={first}");
            let browser = app.browser();
            browser.request_code(number).await.ok();
            app.run_until_idle().await;
            let phone = app.world.phone_messages(&app.world.person(postly_simulator::Channel::Meta, number));
            let code = code_in(&phone.last().expect("a code").body);
            let own = format!("{CHALLENGE}={}", browser.cookie(CHALLENGE).unwrap());
            let body = json!({ "phone": number, "code": code });
            let stranger =
                post(&app.browser(), "/api/auth/verify-otp", std::slice::from_ref(&first), &body).await;
            assert_eq!(stranger.problem(), (400, "invalid_code".to_owned()));
            let verified = post(&app.browser(), "/api/auth/verify-otp", &[first, own], &body).await;
            assert_eq!(verified.ok().json()["user"]["waPhoneE164"], *number);
        }
        // The same for the code of a phrase.
        app.author().says("SOLDE").await;
        let browser = app.browser();
        let phrase = browser.post("/api/auth/phrase", &json!({})).await.ok().json();
        let own = format!("{CHALLENGE}={}", browser.cookie(CHALLENGE).unwrap());
        let fatou = app.author();
        fatou.says(phrase["phrase"].as_str().unwrap()).await;
        let body = json!({ "code": fatou.last_code() });
        let cookies = [format!("{CHALLENGE}={foreign}"), own];
        post(&app.browser(), "/api/auth/phrase/verify", &cookies, &body).await.ok();
    })
    .await;
}
