//! Codes: limits of requests and tries, and responses that give nothing away.

use postly_domain::challenge::Budgets;
use postly_simulator::Channel;
use postly_testkit::{Options, code_in, for_each_engine, for_each_engine_and_a_pooler, for_each_engine_with};
use serde_json::json;

use crate::phone::{FATOU, arrived, code_for, token_in};

#[tokio::test]
async fn o12_o27_o28_what_is_asked_for_shows_in_no_answer() {
    for_each_engine(async |app| {
        let known = app.author();
        known.says("bonjour").await;
        let stopped = app.author_of(Channel::Meta, "+33639981002");
        stopped.says("STOP").await;
        let mut answers = vec![];
        for phone in [
            FATOU,
            "+33639981002",
            "+33639981003",
            "0639981004",
            "0033639981005",
            // A country that is not allowed, no mobile number, numbers that cannot exist.
            "+12025550123",
            "+33142685300",
            "+33899701234",
            "+3361234",
        ] {
            let mut answer = app.browser().request_code(phone).await.ok();
            let cookie = answer.headers.remove("set-cookie").unwrap();
            let cookie = cookie.to_str().unwrap();
            assert!(
                cookie.starts_with("postly.challenge=") && cookie.contains("HttpOnly; SameSite=Lax; Secure")
            );
            answers.push(answer.features());
        }
        assert_eq!(answers[0].2, json!({ "success": true, "message": "Code envoyé par WhatsApp" }));
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
        app.run_until_idle().await;
        // Two replies to messages, and codes for the first, third, fourth and fifth number.
        assert_eq!(app.count("SELECT COUNT(*) FROM outbox WHERE purpose = 'code'").await, 4);
        assert_eq!(stopped.received().len(), 1);

        let long = "0".repeat(65);
        let huge = "0".repeat(1_000_000);
        for phone in [
            json!(""),
            json!(" "),
            json!("abc"),
            json!("06 12 34 56 7O"),
            json!(long),
            json!(huge),
            json!(null),
            json!(33_612_345_678_i64),
            json!(["+33612345678"]),
            json!({ "number": "+33612345678" }),
            json!("12"),
        ] {
            let answer = app.browser().post("/api/auth/request-otp", &json!({ "phone": phone })).await;
            assert_eq!(answer.problem(), (400, "invalid_phone".to_owned()), "{phone}");
            assert_eq!(answer.json()["error"], answer.json()["detail"]);
        }
        for body in [
            "{",
            "[]",
            r#"{"phone":"+33612345678","phone":"+33612345679"}"#,
            r#"{"phone":"+33612345678","admin":true}"#,
        ] {
            let headers = [("content-type", "application/json")];
            let path = "/api/auth/request-otp";
            let answer =
                app.browser().send(reqwest::Method::POST, path, &headers, Some(body.to_owned())).await;
            assert_eq!(answer.problem(), (400, "invalid_request".to_owned()), "{body}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_code_reaches_a_number_however_it_is_pasted_and_whatever_island_it_is_from() {
    for_each_engine(async |app| {
        for (typed, again, number) in [
            ("06\u{202f}39\u{202f}98\u{202f}10\u{202f}01", "tel:+33-6-39-98-10-01", "+33639981001"),
            ("\u{202a}+33 (0)6 39 98 10 02\u{202c}", "０６３９９８１００２", "+33639981002"),
            ("0692 12 34 56", "+262692123456", "+262692123456"),
            ("0639\u{a0}01\u{a0}23\u{a0}45", "00 262 639 01 23 45", "+262639012345"),
            ("0690 12 34 56", "tel:0690123456", "+590690123456"),
            ("0694 20 12 34", "+594 (0)694 20 12 34", "+594694201234"),
            ("٠٦٩٦٢٠١٢٣٤", "0696 20 12 34", "+596696201234"),
        ] {
            let browser = app.browser();
            browser.request_code(typed).await.ok();
            app.run_until_idle().await;
            let code = code_in(&arrived(app, number).last().expect(number).body);
            browser.verify(again, &code).await.ok();
            assert_eq!(browser.me().await.ok().json()["waPhoneE164"], *number, "{typed:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn o01_o13_o14_o16_o17_every_code_that_opens_nothing_gets_one_answer() {
    for_each_engine(async |app| {
        let browser = app.browser();
        let mut answers = vec![];
        // No code exists yet.
        answers.push(browser.verify(FATOU, "123456").await);
        let code = code_for(app, &browser, FATOU).await;
        let wrong = if code == "000000" { "000001" } else { "000000" };
        // From another browser, for another number, not six digits.
        answers.push(app.browser().verify(FATOU, &code).await);
        answers.push(browser.verify("+33639981009", &code).await);
        answers.push(browser.verify("no number", &code).await);
        // Wrong, then right, then used.
        answers.push(browser.verify(FATOU, wrong).await);
        answers.push(browser.verify(FATOU, "١٢٣٤٥٦").await);
        browser.verify(FATOU, &format!("{} {}", &code[..3], &code[3..])).await.ok();
        answers.push(browser.verify(FATOU, &code).await);
        assert!(browser.me().await.status.is_success());

        // Expired, also if the clock is set back.
        app.advance_ms(61_000);
        let late = app.browser();
        let code = code_for(app, &late, FATOU).await;
        app.advance_ms(600_001);
        answers.push(late.verify(FATOU, &code).await);
        app.sweep().await;
        // Three wrong tries, then the right code.
        let tired = app.browser();
        let code = code_for(app, &tired, FATOU).await;
        for _ in 0..3 {
            answers.push(tired.verify(FATOU, if code == wrong { "000001" } else { wrong }).await);
        }
        answers.push(tired.verify(FATOU, &code).await);
        // With a session of the author, the code would link the number, which is another purpose.
        app.advance_ms(61_000);
        let other = app.browser();
        let code = code_for(app, &other, FATOU).await;
        other.set_cookie(postly_testkit::SESSION_COOKIE, &browser.session().unwrap());
        answers.push(other.verify(FATOU, &code).await);

        for answer in &answers {
            assert_eq!(answer.problem(), (400, "invalid_code".to_owned()));
            assert_eq!(answer.json()["detail"], "Code invalide ou expiré");
            assert_eq!(answer.features(), answers[0].features());
        }
    })
    .await;
}

#[tokio::test]
async fn o02_two_hundred_wrong_codes_at_once_are_three_comparisons() {
    for_each_engine(async |app| {
        let browser = app.browser();
        let code = code_for(app, &browser, FATOU).await;
        let wrong = if code == "000000" { "000001" } else { "000000" };
        let guesses = (0..200).map(|_| browser.verify(FATOU, wrong));
        for answer in futures_util::future::join_all(guesses).await {
            assert_eq!(answer.problem(), (400, "invalid_code".to_owned()));
        }
        assert_eq!(app.count("SELECT CAST(SUM(tries) AS BIGINT) FROM challenges").await, 3);
        assert_eq!(app.count("SELECT CAST(SUM(tries) AS BIGINT) FROM wrong_tries").await, 3);
        assert_eq!(browser.verify(FATOU, &code).await.status, 400, "the right one comes too late");
    })
    .await;
}

#[tokio::test]
async fn o15_the_right_code_fifty_times_at_once_opens_one_session() {
    for_each_engine_and_a_pooler(async |app| {
        let browser = app.browser();
        let code = code_for(app, &browser, FATOU).await;
        let answers = futures_util::future::join_all((0..50).map(|_| browser.verify(FATOU, &code))).await;
        let opened = answers.iter().filter(|answer| answer.status.is_success()).count();
        assert_eq!(opened, 1);
        assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, 1);
        assert_eq!(app.count("SELECT COUNT(*) FROM ledger").await, 1, "one welcome");
    })
    .await;
}

#[tokio::test]
async fn o10_a_number_gets_a_code_a_minute_and_six_a_day_from_the_web() {
    for_each_engine(async |app| {
        let browser = app.browser();
        let code = code_for(app, &browser, FATOU).await;
        // Too soon: nothing is sent, and the earlier code stays valid, also if a stranger asks.
        browser.request_code(FATOU).await.ok();
        app.browser().request_code(FATOU).await.ok();
        app.run_until_idle().await;
        assert_eq!(arrived(app, FATOU).len(), 1);
        browser.verify(FATOU, &code).await.ok();
        for _ in 0..20 {
            app.advance_ms(60_000);
            app.browser().request_code(FATOU).await.ok();
            app.run_until_idle().await;
        }
        assert_eq!(arrived(app, FATOU).len(), 6);
        app.advance_ms(24 * 3_600_000);
        app.browser().request_code(FATOU).await.ok();
        app.run_until_idle().await;
        assert_eq!(arrived(app, FATOU).len(), 7);
    })
    .await;
}

#[tokio::test]
async fn o04_o05_the_sixth_request_within_five_minutes_is_refused_whatever_a_visitor_calls_herself() {
    for_each_engine(async |app| {
        let browser = app.browser();
        let asks = async |headers: &[(&str, &str)], number: usize| {
            let body = json!({ "phone": format!("+3363998100{number}") }).to_string();
            let mut all = vec![("content-type", "application/json")];
            all.extend(headers);
            browser.beside().send(reqwest::Method::POST, "/api/auth/request-otp", &all, Some(body)).await
        };
        for number in 0..5 {
            asks(&[("x-real-ip", "203.0.113.9"), ("forwarded", "for=203.0.113.7")], number).await.ok();
        }
        let sixth = asks(&[("x-real-ip", "203.0.113.8")], 5).await;
        assert_eq!(sixth.problem(), (429, "rate_limited".to_owned()));
        let wait: i64 = sixth.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert_eq!(wait, 300, "the window is exact");
        app.advance_ms(wait * 1000 - 1);
        assert_eq!(asks(&[], 5).await.status, 429);
        app.advance_ms(1);
        asks(&[], 5).await.ok();
    })
    .await;
}

#[tokio::test]
async fn o06_o08_ten_thousand_requests_bring_out_sixty_codes_and_keep_nobody_out() {
    let options = Options { code_budgets: Budgets { country_hour: 30, hour: 60 }, ..Options::default() };
    for_each_engine_with(options, async |app| {
        let fatou = app.author();
        fatou.says("bonjour").await;
        let honest = app.browser();
        honest.sign_up("fatou@example.com").await.ok();

        let prefixes = ["+3363998", "+3246012", "+4478000", "+4179123"];
        let requests = (0..10_000_u32).map(|n| {
            let browser = app.browser().at(&format!("203.0.{}.{}", n % 200 / 100, n % 100));
            async move {
                let number = n.wrapping_mul(2_654_435_761) % 500;
                let phone = format!("{}{:04}", prefixes[number as usize % 4], 2000 + number / 4);
                browser.request_code(&phone).await
            }
        });
        // Only as many at once as PostgreSQL has connections: further requests would wait, and some would be
        // refused.
        let statuses: Vec<_> = {
            use futures_util::StreamExt as _;
            futures_util::stream::iter(requests)
                .buffer_unordered(16)
                .map(|answer| answer.status.as_u16())
                .collect()
                .await
        };
        app.run_until_idle().await;
        let sent = app.count("SELECT COUNT(*) FROM code_sends").await;
        assert!((30..=60).contains(&sent), "{sent} codes went out");
        assert_eq!(app.count("SELECT COUNT(*) FROM outbox WHERE purpose = 'code'").await, sent);
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1_000, "five for each address");
        assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 9_000);

        // A login from a session or by a WhatsApp message still succeeds.
        honest.request_code(FATOU).await.ok();
        app.run_until_idle().await;
        honest.verify(FATOU, &fatou.last_code()).await.ok();
        app.advance_ms(60_000);
        fatou.says("LOGIN").await;
        app.browser().verify(FATOU, &fatou.last_code()).await.ok();
    })
    .await;
}

#[tokio::test]
async fn o03_o11_a_stranger_who_spends_every_try_and_request_locks_nobody_out() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says("bonjour").await;
        let hers = app.browser();
        hers.request_code(FATOU).await.ok();
        app.run_until_idle().await;
        let own_code = fatou.last_code();
        // A try without the author's cookie does not count against the author's code.
        for _ in 0..30 {
            app.browser().verify(FATOU, "000000").await;
        }
        hers.verify(FATOU, &own_code).await.ok();
        // Spends every request of the day.
        for _ in 0..10 {
            app.advance_ms(60_000);
            let stranger = app.browser();
            stranger.request_code(FATOU).await.ok();
            for _ in 0..3 {
                stranger.verify(FATOU, "000001").await;
            }
        }
        app.run_until_idle().await;
        // LOGIN has codes of its own, and strangers spend their tries, too.
        fatou.says("LOGIN").await;
        let text = fatou.last_text();
        for _ in 0..3 {
            app.browser().verify(FATOU, "000001").await;
        }
        let browser = app.browser();
        assert_eq!(browser.verify(FATOU, &code_in(&text)).await.status, 400, "its code is worn out");
        let token = token_in(&text);
        browser.post("/api/auth/link", &json!({ "token": token })).await.ok();
        browser.me().await.ok();
        assert_eq!(
            app.browser().post("/api/auth/link", &json!({ "token": token })).await.status,
            400,
            "once"
        );
    })
    .await;
}

#[tokio::test]
async fn o03_after_twenty_wrong_tries_in_a_day_only_the_link_opens() {
    for_each_engine(async |app| {
        // Wrong tries are counted by UTC day, and this test takes some hours of one.
        const DAY_MS: i64 = 24 * 60 * 60_000;
        app.advance_ms(DAY_MS - app.clock.now_ms() % DAY_MS);
        let fatou = app.author();
        fatou.says("bonjour").await;
        let mut tries = 0;
        while tries < 20 {
            app.advance_ms(20 * 60_000);
            fatou.says("LOGIN").await;
            let code = fatou.last_code();
            for _ in 0..3_i32.min(20 - tries) {
                let wrong = if code == "000000" { "000001" } else { "000000" };
                app.browser().verify(FATOU, wrong).await;
                tries += 1;
            }
        }
        app.advance_ms(20 * 60_000);
        fatou.says("LOGIN").await;
        let text = fatou.last_text();
        assert_eq!(app.browser().verify(FATOU, &code_in(&text)).await.status, 400);
        let token = token_in(&text);
        app.browser().post("/api/auth/link", &json!({ "token": token })).await.ok();
    })
    .await;
}

#[tokio::test]
async fn o07_guesses_at_numbers_that_asked_for_nothing_are_compared_with_nothing() {
    for_each_engine(async |app| {
        let guesses = (0..300).map(|n| {
            let browser = app.browser();
            async move { browser.verify(&format!("+3363998{:04}", 2000 + n % 100), "123456").await.status }
        });
        assert!(futures_util::future::join_all(guesses).await.iter().all(|status| *status == 400));
        assert_eq!(app.count("SELECT CAST(SUM(tries) AS BIGINT) FROM wrong_tries").await, 0);
        assert_eq!(app.count("SELECT COUNT(*) FROM challenges").await, 0);
    })
    .await;
}

#[tokio::test]
async fn s19_a_thousand_addresses_leave_nothing_behind_after_a_day() {
    for_each_engine(async |app| {
        use futures_util::StreamExt as _;
        let requests = (0..1_000).map(|n| {
            let browser = app.browser().at(&format!("2001:db8:0:{n:x}::1"));
            async move { browser.request_code("+12025550123").await.status }
        });
        let statuses: Vec<_> = futures_util::stream::iter(requests).buffer_unordered(32).collect().await;
        assert!(statuses.iter().all(|status| *status == 200));
        // The counters are in the database, not in memory: one small row each, until the end of the day.
        assert_eq!(app.count("SELECT COUNT(*) FROM rate_limits").await, 1_000);
        app.advance_ms(25 * 3_600_000);
        app.sweep().await;
        assert_eq!(app.count("SELECT COUNT(*) FROM rate_limits").await, 0);
    })
    .await;
}
