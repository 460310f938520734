//! Accounts on the web: sign-up, linking a number, the shared balance, and attempts to take an account over.

use postly_simulator::{Channel, MessageStatus};
use postly_testkit::{
    Options, PASSWORD, SESSION_COOKIE, TestApp, TestBrowser, code_in, for_each_engine, for_each_engine_with,
    session_cookie,
};
use reqwest::Method;
use serde_json::json;

use crate::phone::{FATOU, MARIE, arrived, code_for};

/// Links a number to the account of the browser's session.
async fn link(app: &TestApp, browser: &TestBrowser, number: &str) -> postly_testkit::Answer {
    let code = code_for(app, browser, number).await;
    browser.verify(number, &code).await
}

#[tokio::test]
async fn sign_up_then_link_then_a_message_spends_the_shared_balance() {
    for_each_engine(async |app| {
        let browser = app.browser();
        let answer = browser.sign_up("Fatou@Example.com").await;
        assert_eq!(answer.status, 201);
        assert_eq!(answer.json()["user"]["email"], "fatou@example.com");
        assert_eq!(answer.json()["user"]["credits"], 0);
        let linked = link(app, &browser, FATOU).await.ok().json();
        assert_eq!(linked, json!({ "success": true, "message": "Numéro WhatsApp lié avec succès" }));
        assert_eq!(browser.me().await.ok().json()["available"], 5, "the welcome");

        let fatou = app.author();
        fatou.says("Crée un post promo pour Instagram").await;
        assert!(
            fatou.texts().iter().any(|text| text.contains("💳 Crédits restants: 9")),
            "{:?}",
            fatou.texts()
        );
        let credits = browser.get("/api/credits").await.ok().json();
        assert_eq!((&credits["available"], &credits["held"]), (&json!(9), &json!(0)));
        let reasons: Vec<_> =
            credits["entries"].as_array().unwrap().iter().map(|entry| &entry["reason"]).collect();
        assert_eq!(reasons, ["whatsapp_generation", "trial", "welcome"]);
    })
    .await;
}

#[tokio::test]
async fn an_account_begins_in_the_language_of_its_browser() {
    for_each_engine(async |app| {
        let browser = app.browser().reading("ar-MA,fr;q=0.5");
        assert_eq!(
            browser.sign_up("fatou@example.com").await.ok().json()["user"]["email"],
            "fatou@example.com"
        );
        assert_eq!(browser.me().await.ok().json()["language"], "ar");
        browser.request_code(FATOU).await.ok();
        app.run_until_idle().await;
        // A number without an owner: its code is in the language of the account that links it.
        let code = arrived(app, FATOU).pop().unwrap().body;
        assert!(code.contains("رمز"), "{code:?}");
        browser.verify(FATOU, &code_in(&code)).await.ok();
        assert_eq!(browser.me().await.ok().json()["language"], "ar", "linking keeps it");
        app.author().says("GEN promo tarte aux pommes, 3 € samedi").await;
        assert_eq!(browser.me().await.ok().json()["language"], "ar", "a French brief keeps it");

        let stranger = app.browser().reading("en-GB");
        let code = code_for(app, &stranger, MARIE).await;
        stranger.verify(MARIE, &code).await.ok();
        assert_eq!(stranger.me().await.ok().json()["language"], "en", "a first login by number, too");

        app.advance_ms(61_000);
        let guest = app.browser().reading("es");
        let code = code_for(app, &guest, MARIE).await;
        guest.verify(MARIE, &code).await.ok();
        assert_eq!(guest.me().await.ok().json()["language"], "en", "another browser changes nothing");
    })
    .await;
}

#[tokio::test]
async fn an_address_has_one_account_and_a_wrong_password_tells_nothing() {
    for_each_engine(async |app| {
        let browser = app.browser();
        browser.sign_up("fatou@example.com").await.ok();
        let taken = app.browser().sign_up("FATOU@example.com").await;
        assert_eq!(taken.problem(), (409, "email_taken".to_owned()));
        for (email, password, expected) in [
            ("no address", PASSWORD, "invalid_email"),
            ("marie@example.com", "short", "weak_password"),
            ("marie@example.com", "password", "weak_password"),
        ] {
            let body = json!({ "email": email, "password": password });
            let answer = app.browser().post("/api/auth/signup", &body).await;
            assert_eq!(answer.problem(), (400, expected.to_owned()), "{email}");
        }
        let try_login = async |email: &str, password: &str| {
            app.browser().post("/api/auth/login", &json!({ "email": email, "password": password })).await
        };
        let wrong = try_login("fatou@example.com", "another croissant").await;
        let unknown = try_login("nobody@example.com", "another croissant").await;
        let nonsense = try_login("nobody", "another croissant").await;
        assert_eq!(wrong.problem(), (400, "invalid_credentials".to_owned()));
        assert_eq!(wrong.features(), unknown.features());
        assert_eq!(wrong.features(), nonsense.features());
        let right = app.browser();
        let body = json!({ "email": "Fatou@example.com ", "password": PASSWORD });
        right.post("/api/auth/login", &body).await.ok();
        assert_eq!(right.me().await.ok().json()["email"], "fatou@example.com");

        // Concurrent sign-ups: one of them gets the address.
        let at_once =
            (0..6).map(|_| async { app.browser().sign_up("marie@example.com").await.status.as_u16() });
        let mut statuses = futures_util::future::join_all(at_once).await;
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409, 409, 409, 409]);
    })
    .await;
}

#[tokio::test]
async fn an_address_of_the_network_signs_up_five_times_an_hour_and_guesses_five_times() {
    for_each_engine(async |app| {
        let browser = app.browser();
        for number in 0..5 {
            browser.beside().sign_up(&format!("author{number}@example.com")).await.ok();
        }
        assert_eq!(browser.beside().sign_up("author5@example.com").await.problem().1, "rate_limited");
        app.advance_ms(3_600_000);
        browser.beside().sign_up("author5@example.com").await.ok();

        let body = json!({ "email": "author1@example.com", "password": "a wrong one" });
        for _ in 0..5 {
            assert_eq!(
                browser.beside().post("/api/auth/login", &body).await.problem().1,
                "invalid_credentials"
            );
        }
        assert_eq!(browser.beside().post("/api/auth/login", &body).await.problem().1, "rate_limited");
        // From another network address, the owner may log in without this limit.
        let home = app.browser();
        for _ in 0..7 {
            let right = json!({ "email": "author1@example.com", "password": PASSWORD });
            home.beside().post("/api/auth/login", &right).await.ok();
        }
    })
    .await;
}

#[tokio::test]
async fn o21_a_number_that_wrote_first_is_merged_with_all_that_is_hers_and_once() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says("Crée un post promo pour Instagram").await;
        let by_whatsapp = app.browser();
        fatou.says("LOGIN").await;
        by_whatsapp.verify(FATOU, &fatou.last_code()).await.ok();
        let old_id = by_whatsapp.me().await.ok().json()["id"].as_str().unwrap().to_owned();
        fatou.says("STOP").await;
        fatou.says("START").await;
        fatou.says("Retiens : on est à Lyon").await;

        app.advance_ms(60_000);
        let browser = app.browser();
        browser.sign_up("fatou@example.com").await.ok();
        let new_id = browser.me().await.ok().json()["id"].as_str().unwrap().to_owned();
        link(app, &browser, FATOU).await.ok();
        let me = browser.me().await.ok().json();
        assert_eq!((&me["id"], &me["available"]), (&json!(new_id), &json!(9)));
        assert_eq!(by_whatsapp.me().await.problem().0, 401, "the sessions of the old one have ended");
        assert_eq!(app.count("SELECT COUNT(*) FROM generations WHERE author_id IN (SELECT id FROM authors WHERE email IS NOT NULL)").await, 1);
        assert_eq!(
            app.texts("SELECT CAST(delta AS TEXT) || ' ' || reason FROM ledger WHERE reason = 'merge' ORDER BY delta").await,
            ["-9 merge", "9 merge"]
        );
        let brand = app.app.brand.brand(&postly_domain::id::AuthorId::new(&*new_id)).await.unwrap().unwrap();
        assert_eq!(brand.place.as_deref(), Some("Lyon"), "the memory comes along");
        // The old id still finds the author, and a second link changes nothing.
        let who = postly_app::operator::AuthorSelector::Id(postly_domain::id::AuthorId::new(old_id));
        assert_eq!(app.app.people.account(&who).await.unwrap().author.id.as_str(), new_id);
        app.advance_ms(60_000);
        link(app, &browser, FATOU).await.ok();
        assert_eq!(app.count("SELECT COUNT(*) FROM ledger WHERE reason IN ('merge', 'welcome')").await, 3);
        fatou.says("SOLDE").await;
        assert!(fatou.last_text().contains("9"), "{}", fatou.last_text());
    })
    .await;
}

#[tokio::test]
async fn what_is_being_written_for_her_while_she_is_merged_is_paid_and_kept_by_whom_she_is_merged_into() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says("bonjour").await;
        let browser = app.browser();
        browser.sign_up("fatou@example.com").await.ok();
        browser.request_code(FATOU).await.ok();
        app.run_until_idle().await;
        let code = fatou.last_code();
        // The author links the number while the model is writing.
        app.world.model_once(postly_simulator::ModelBehaviour::LatencyMs(1_500));
        app.deliver(&fatou.writes("Crée un post promo pour Instagram")).await;
        let (linked, ()) = tokio::join!(
            async {
                tokio::time::sleep(std::time::Duration::from_millis(700)).await;
                browser.verify(FATOU, &code).await
            },
            app.run_until_idle()
        );
        linked.ok();
        app.run_until_idle().await;
        assert_eq!(browser.me().await.ok().json()["available"], 9);
        assert_eq!(app.count("SELECT COUNT(*) FROM generations WHERE author_id IN (SELECT id FROM authors WHERE email IS NOT NULL)").await, 1);
        assert!(fatou.texts().iter().any(|text| text.contains("💳 Crédits restants: ")));
    })
    .await;
}

#[tokio::test]
async fn o20_the_number_of_a_full_account_is_refused_after_the_right_code_only() {
    for_each_engine(async |app| {
        let owner = app.browser();
        owner.sign_up("fatou@example.com").await.ok();
        link(app, &owner, FATOU).await.ok();
        app.advance_ms(60_000);
        let thief = app.browser();
        thief.sign_up("thief@example.com").await.ok();
        thief.request_code(FATOU).await.ok();
        app.run_until_idle().await;
        let code = code_in(&arrived(app, FATOU).last().unwrap().body);
        let wrong = if code == "000000" { "000001" } else { "000000" };
        assert_eq!(thief.verify(FATOU, wrong).await.problem(), (400, "invalid_code".to_owned()));
        assert_eq!(thief.verify(FATOU, &code).await.problem(), (409, "number_taken".to_owned()));
        assert_eq!(thief.me().await.ok().json()["waPhoneE164"], json!(null));
        assert_eq!(owner.me().await.ok().json()["waPhoneE164"], FATOU);
    })
    .await;
}

#[tokio::test]
async fn o18_o19_nobody_is_named_in_a_body() {
    for_each_engine(async |app| {
        let victim = app.browser();
        victim.sign_up("victim@example.com").await.ok();
        let id = victim.me().await.ok().json()["id"].clone();
        let body = json!({ "phone": FATOU, "userId": id });
        // Without a session, with another author's session, and with an ended one.
        assert_eq!(
            app.browser().post("/api/auth/request-otp", &body).await.problem(),
            (401, "unauthenticated".to_owned())
        );
        let thief = app.browser();
        thief.sign_up("thief@example.com").await.ok();
        assert_eq!(thief.post("/api/auth/request-otp", &body).await.problem(), (403, "forbidden".to_owned()));
        let ended = app.browser();
        ended.set_cookie(SESSION_COOKIE, &victim.session().unwrap());
        victim.post("/api/auth/logout", &json!({})).await.ok();
        assert_eq!(
            ended.post("/api/auth/request-otp", &body).await.problem(),
            (401, "unauthenticated".to_owned())
        );
        // With the author's own session.
        let login = json!({ "email": "victim@example.com", "password": PASSWORD });
        victim.post("/api/auth/login", &login).await.ok();
        victim.post("/api/auth/request-otp", &body).await.ok();
        app.run_until_idle().await;
        // A link's code is valid only in the session that requested it.
        let code = code_in(&arrived(app, FATOU).last().unwrap().body);
        let challenge = victim.cookie("postly.challenge").unwrap();
        let stranger = app.browser();
        stranger.set_cookie("postly.challenge", &challenge);
        assert_eq!(stranger.verify(FATOU, &code).await.problem().0, 400);
        thief.set_cookie("postly.challenge", &challenge);
        assert_eq!(thief.verify(FATOU, &code).await.problem().0, 400);
        victim.verify(FATOU, &code).await.ok();
    })
    .await;
}

#[tokio::test]
async fn o22_another_number_tells_the_old_one_and_ends_the_other_sessions() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says("bonjour").await;
        let browser = app.browser();
        browser.sign_up("fatou@example.com").await.ok();
        link(app, &browser, FATOU).await.ok();
        let other = app.browser();
        let login = json!({ "email": "fatou@example.com", "password": PASSWORD });
        other.post("/api/auth/login", &login).await.ok();

        link(app, &browser, MARIE).await.ok();
        app.run_until_idle().await;
        assert!(fatou.last_text().contains("lié à un autre numéro"), "{}", fatou.last_text());
        assert_eq!(other.me().await.problem().0, 401);
        assert_eq!(browser.me().await.ok().json()["waPhoneE164"], MARIE);
        let sessions = browser.get("/api/auth/sessions").await.ok().json();
        assert_eq!(sessions["sessions"].as_array().unwrap().len(), 1);
        assert!(sessions["numberChangedAt"].is_string(), "{sessions}");
        // A second number brings no second welcome. The old number is free, and a sender from it is a new
        // author.
        assert_eq!(app.count("SELECT COUNT(*) FROM ledger WHERE reason = 'welcome'").await, 1);
        fatou.says("SOLDE").await;
        assert!(fatou.last_text().contains("Crédits restants: 0"), "{}", fatou.last_text());
    })
    .await;
}

#[tokio::test]
async fn o26_whoever_gets_a_number_after_her_gets_neither_her_account_nor_her_code() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says("LOGIN").await;
        let browser = app.browser();
        browser.verify(FATOU, &fatou.last_code()).await.ok();
        let id = browser.me().await.ok().json()["id"].clone();
        app.advance_ms(3_600_000);
        fatou.says("LOGIN").await;
        let her_code = fatou.last_code();
        // The same number with another id of the same provider is another person.
        let next = app.world.person(Channel::Meta, FATOU).with_bsuid("FR.SOMEBODYELSE1");
        app.deliver(&app.world.webhook_text(&next, "bonjour")).await;
        app.run_until_idle().await;
        assert_eq!(browser.me().await.problem().0, 401, "her sessions have ended with the number");
        assert_eq!(app.browser().verify(FATOU, &her_code).await.problem().0, 400);
        app.advance_ms(60_000);
        let theirs = app.browser();
        theirs.request_code(FATOU).await.ok();
        app.run_until_idle().await;
        let code = code_in(&app.world.phone_messages(&next).pop().unwrap().body);
        theirs.verify(FATOU, &code).await.ok();
        let account = theirs.me().await.ok().json();
        assert_ne!(account["id"], id);
        assert_eq!(account["available"], 0, "the number had its trial and its welcome");
    })
    .await;
}

#[tokio::test]
async fn o26_a_code_that_reaches_somebody_else_on_her_number_opens_nothing_of_hers() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says("LOGIN").await;
        let browser = app.browser();
        browser.verify(FATOU, &fatou.last_code()).await.ok();
        app.advance_ms(25 * 3_600_000);
        // The new owner of the number has never written, and requests a code on the web.
        let next = app.world.person(Channel::Meta, FATOU).with_bsuid("FR.SOMEBODYELSE1");
        app.world.open_window(&next);
        let theirs = app.browser();
        theirs.request_code(FATOU).await.ok();
        app.run_until_idle().await;
        let message = app.world.phone_messages(&next).pop().unwrap();
        // The provider reports the id of the recipient before the code is entered.
        app.deliver(&app.world.webhook_status(&message.id, MessageStatus::Delivered, None)).await;
        app.run_until_idle().await;
        assert_eq!(theirs.verify(FATOU, &code_in(&message.body)).await.problem().0, 400);
        assert_eq!(browser.me().await.problem().0, 401, "she has to log in again, by another way");
        // From now on the number belongs to the new owner, and opens an account of their own.
        app.advance_ms(60_000);
        theirs.request_code(FATOU).await.ok();
        app.run_until_idle().await;
        let code = code_in(&app.world.phone_messages(&next).pop().unwrap().body);
        theirs.verify(FATOU, &code).await.ok();
        assert_eq!(theirs.me().await.ok().json()["available"], 0);
    })
    .await;
}

#[tokio::test]
async fn o31_o36_o38_a_login_makes_a_session_of_its_own_and_its_end_is_at_once() {
    for_each_engine(async |app| {
        let attacker = app.browser();
        attacker.sign_up("attacker@example.com").await.ok();
        let planted = attacker.session().unwrap();
        let victim = app.browser();
        victim.set_cookie(SESSION_COOKIE, &planted);
        victim.sign_up("victim@example.com").await.ok();
        assert_ne!(victim.session().unwrap(), planted);
        // The planted session has ended.
        assert_eq!(attacker.me().await.problem().0, 401);

        let copy = app.browser();
        copy.set_cookie(SESSION_COOKIE, &victim.session().unwrap());
        copy.me().await.ok();
        victim.post("/api/auth/logout", &json!({})).await.ok();
        assert_eq!(victim.session(), None);
        assert_eq!(copy.me().await.problem(), (401, "unauthenticated".to_owned()));

        // Ends one of several sessions, and all of them.
        let login = json!({ "email": "victim@example.com", "password": PASSWORD });
        let (first, second) = (app.browser(), app.browser());
        first.post("/api/auth/login", &login).await.ok();
        second.post("/api/auth/login", &login).await.ok();
        let sessions = first.get("/api/auth/sessions").await.ok().json()["sessions"].clone();
        assert_eq!(sessions.as_array().unwrap().len(), 2);
        assert_eq!((&sessions[0]["current"], &sessions[0]["browser"]), (&json!(false), &json!("Firefox · Linux")));
        let id = sessions[0]["id"].as_str().unwrap();
        assert_eq!(attacker.delete(&format!("/api/auth/sessions/{id}")).await.problem().0, 401);
        let stranger = app.browser();
        stranger.sign_up("stranger@example.com").await.ok();
        let unknown = stranger.delete("/api/auth/sessions/no-such-session").await;
        let anothers = stranger.delete(&format!("/api/auth/sessions/{id}")).await;
        assert_eq!(anothers.problem(), (404, "not_found".to_owned()));
        assert_eq!(anothers.features(), unknown.features());
        assert_eq!(first.delete(&format!("/api/auth/sessions/{id}")).await.status, 204);
        assert_eq!(second.me().await.problem().0, 401);
        assert_eq!(first.delete("/api/auth/sessions").await.status, 204);
        assert_eq!(app.count("SELECT COUNT(*) FROM sessions JOIN authors ON authors.id = author_id WHERE email = 'victim@example.com'").await, 0);
    })
    .await;
}

#[tokio::test]
async fn o37_the_eleventh_session_closes_the_oldest() {
    for_each_engine(async |app| {
        let first = app.browser();
        first.sign_up("fatou@example.com").await.ok();
        for _ in 0..9 {
            app.advance_ms(1_000);
            let login = json!({ "email": "fatou@example.com", "password": PASSWORD });
            app.browser().post("/api/auth/login", &login).await.ok();
        }
        first.me().await.ok();
        app.advance_ms(1_000);
        let login = json!({ "email": "fatou@example.com", "password": PASSWORD });
        app.browser().post("/api/auth/login", &login).await.ok();
        assert_eq!(first.me().await.problem().0, 401);
        assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, 10);
    })
    .await;
}

#[tokio::test]
async fn o33_nothing_changes_by_a_form_or_from_another_site() {
    for_each_engine(async |app| {
        let browser = app.browser();
        browser.sign_up("fatou@example.com").await.ok();
        let json_type = ("content-type", "application/json");
        let body = || Some(r#"{"language":"en"}"#.to_owned());
        for headers in [
            vec![json_type, ("origin", "https://evil.example")],
            vec![json_type, ("origin", "null")],
            vec![json_type, ("sec-fetch-site", "cross-site")],
            vec![json_type, ("sec-fetch-site", "same-site")],
            vec![json_type, ("origin", "https://postly.example"), ("sec-fetch-site", "cross-site")],
        ] {
            let answer = browser.send(Method::PATCH, "/api/me", &headers, body()).await;
            assert_eq!(answer.problem(), (403, "cross_site".to_owned()), "{headers:?}");
        }
        for kind in ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", ""]
        {
            let answer = browser.send(Method::PATCH, "/api/me", &[("content-type", kind)], body()).await;
            assert_eq!(answer.problem(), (415, "unsupported_media_type".to_owned()), "{kind}");
        }
        assert_eq!(browser.get("/api/auth/logout").await.status, 405);
        assert_eq!(
            browser.send(Method::DELETE, "/api/me", &[("origin", "https://evil.example")], None).await.status,
            403
        );
        assert_eq!(browser.me().await.ok().json()["language"], "fr");
        // From our own pages, and from a client that is not a browser.
        browser
            .send(Method::PATCH, "/api/me", &[json_type, ("origin", "https://postly.example")], body())
            .await
            .ok();
        browser.send(Method::PATCH, "/api/me", &[json_type], body()).await.ok();
        assert_eq!(browser.me().await.ok().json()["language"], "en");
    })
    .await;
}

#[tokio::test]
async fn o39_what_is_not_hers_to_change_is_refused_whole() {
    for_each_engine(async |app| {
        let browser = app.browser();
        browser.sign_up("fatou@example.com").await.ok();
        for body in [
            json!({ "credits": 999 }),
            json!({ "language": "en", "role": "admin" }),
            json!({ "waPhoneE164": MARIE }),
            json!({ "language": "tlh" }),
            json!([]),
        ] {
            let answer = browser.json(Method::PATCH, "/api/me", &body).await;
            assert_eq!(answer.problem(), (400, "invalid_request".to_owned()), "{body}");
        }
        let me = browser.me().await.ok().json();
        assert_eq!((&me["available"], &me["language"]), (&json!(0), &json!("fr")));
    })
    .await;
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_after_a_login_by_whatsapp() {
    for_each_engine(async |app| {
        let browser = app.browser();
        browser.sign_up("fatou@example.com").await.ok();
        link(app, &browser, FATOU).await.ok();
        let change = json!({ "password": "une brioche tressée" });
        let refused = browser.json(Method::PATCH, "/api/me", &change).await;
        assert_eq!(refused.problem(), (403, "proof_needed".to_owned()));
        let wrong = json!({ "password": "une brioche tressée", "currentPassword": "wrong wrong" });
        assert_eq!(browser.json(Method::PATCH, "/api/me", &wrong).await.problem().1, "invalid_credentials");

        let fatou = app.author();
        fatou.says("LOGIN").await;
        let phone = app.browser();
        phone.verify(FATOU, &fatou.last_code()).await.ok();
        phone.json(Method::PATCH, "/api/me", &change).await.ok();
        assert_eq!(browser.me().await.problem().0, 401, "whoever knew the old one is out");
        let login = json!({ "email": "fatou@example.com", "password": "une brioche tressée" });
        app.browser().post("/api/auth/login", &login).await.ok();
        // An hour later the proof is too old.
        app.advance_ms(3_600_000);
        assert_eq!(phone.json(Method::PATCH, "/api/me", &change).await.problem().1, "proof_needed");
    })
    .await;
}

#[tokio::test]
async fn a_phrase_links_a_number_to_the_session_that_shows_it() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says("bonjour").await;
        let browser = app.browser();
        browser.sign_up("fatou@example.com").await.ok();
        let phrase = browser.post("/api/auth/phrase", &json!({})).await.ok().json();
        fatou.says(phrase["phrase"].as_str().unwrap()).await;
        let typed = json!({ "code": fatou.last_code() });
        browser.post("/api/auth/phrase/verify", &typed).await.ok();
        let me = browser.me().await.ok().json();
        assert_eq!((&me["waPhoneE164"], &me["available"]), (&json!(FATOU), &json!(10)));
    })
    .await;
}

#[tokio::test]
async fn cookies_of_other_apps_read_where_they_are_shared_and_nothing_else() {
    let shared = Options { nextauth_shared: true, ..Options::default() };
    for (options, reads) in [(shared, true), (Options::default(), false)] {
        for_each_engine_with(options, async |app| {
            let browser = app.browser();
            browser.sign_up("fatou@example.com").await.ok();
            let id = browser.me().await.ok().json()["id"].as_str().unwrap().to_owned();
            let cookie = |sub: &str, sid: Option<&str>| session_cookie(sub, sid, app.clock.now_ms());
            let other_app = app.browser();
            other_app.set_cookie(SESSION_COOKIE, &cookie(&id, None));
            assert_eq!(other_app.me().await.status.is_success(), reads);
            assert_eq!(other_app.get("/api/credits").await.status.is_success(), reads);
            for path in ["/api/me/export", "/api/auth/sessions"] {
                assert_eq!(
                    other_app.get(path).await.problem(),
                    (401, "unauthenticated".to_owned()),
                    "{path}"
                );
            }
            assert_eq!(other_app.delete("/api/me").await.problem().0, 401);
            assert_eq!(
                other_app.json(Method::PATCH, "/api/me", &json!({ "language": "en" })).await.problem().0,
                401
            );
            let body = json!({ "phone": FATOU, "userId": id });
            assert_eq!(other_app.post("/api/auth/request-otp", &body).await.problem().0, 401);
            // An unknown author, and an ended session of ours.
            for (sub, sid) in [("nobody", None), (id.as_str(), Some("an-ended-session"))] {
                let stranger = app.browser();
                stranger.set_cookie(SESSION_COOKIE, &cookie(sub, sid));
                assert_eq!(stranger.me().await.problem().0, 401, "{sub}");
            }
        })
        .await;
    }
}
