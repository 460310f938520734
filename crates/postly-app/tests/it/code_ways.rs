//! Codes in the forms that people paste, and the messages that carry them.

use postly_simulator::{Channel, MessageStatus, PhoneMessage, Rules};
use postly_testkit::{Options, TestApp, TestAuthor, code_in, for_each_engine, for_each_engine_with};
use serde_json::json;

use crate::phone::{FATOU, arrived, code_for};

/// Each provider, an author's number there, the provider's code for a closed window, and the code of a final
/// failure.
const CHANNELS: [(Channel, &str, i64, i64); 2] =
    [(Channel::Meta, "+33639981001", 131_047, 131_026), (Channel::Twilio, "+33639981002", 63_016, 63_024)];

async fn report(app: &TestApp, message: &PhoneMessage, status: MessageStatus, code: Option<i64>) {
    let webhook = app.world.webhook_status(&message.id, status, code);
    assert_eq!(app.deliver(&webhook).await.status, 200);
    app.run_until_idle().await;
}

/// Opens the author's service window; returns the text message with the code of a browser's challenge.
async fn code_as_text(app: &TestApp, fatou: &TestAuthor<'_>, number: &str) -> PhoneMessage {
    fatou.says("bonjour").await;
    app.browser().request_code(number).await.ok();
    app.run_until_idle().await;
    let message = fatou.received().pop().unwrap();
    assert_eq!(message.template, None);
    code_in(&message.body);
    message
}

async fn kept(app: &TestApp) -> i64 {
    app.count("SELECT COUNT(*) FROM code_fallbacks").await
}

#[tokio::test]
async fn o29_a_code_is_taken_however_it_is_pasted() {
    for_each_engine(async |app| {
        fn in_arabic(code: &str) -> String {
            code.chars().map(|c| char::from_u32(u32::from(c) + 0x660 - 0x30).unwrap()).collect()
        }
        let ways: [fn(&str, &str) -> String; 8] = [
            |code, _| format!("*{code}*"),
            |code, _| format!("{code}."),
            |code, _| format!("{code}\r\n"),
            |code, _| format!("{} {}", &code[..3], &code[3..]),
            |code, _| format!("\u{200e}{}-{}\u{feff}", &code[..3], &code[3..]),
            |code, _| in_arabic(code),
            |code, _| format!("Votre code : {code}"),
            |_, bubble| bubble.to_owned(),
        ];
        for (number, way) in (0..).zip(ways) {
            let phone = format!("+3363998130{number}");
            let browser = app.browser();
            let code = code_for(app, &browser, &phone).await;
            let bubble = arrived(app, &phone).pop().unwrap().body;
            let typed = way(&code, &bubble);
            browser.verify(&phone, &typed).await.ok();
            assert!(browser.me().await.status.is_success(), "{typed:?}");
            app.advance_ms(61_000);
        }
    })
    .await;
}

#[tokio::test]
async fn o29_what_is_no_code_is_refused_and_is_no_try() {
    for_each_engine(async |app| {
        let browser = app.browser();
        let code = code_for(app, &browser, FATOU).await;
        for typed in
            ["", "12345", "1234567", "abcdef", &format!("{code} 1"), &format!("{code}\n{code}"), "①②③④⑤⑥"]
        {
            let answer = browser.verify(FATOU, typed).await;
            assert_eq!(answer.problem(), (400, "invalid_code".to_owned()), "{typed:?}");
        }
        for typed in [json!(null), json!(123_456), json!(["123456"])] {
            let body = json!({ "phone": FATOU, "code": typed });
            let answer = browser.post("/api/auth/verify-otp", &body).await;
            assert_eq!(answer.problem(), (400, "invalid_code".to_owned()));
        }
        assert_eq!(app.count("SELECT CAST(SUM(tries) AS BIGINT) FROM challenges").await, 0);
        assert_eq!(app.count("SELECT COUNT(*) FROM wrong_tries").await, 0);
        browser.verify(FATOU, &code).await.ok();
    })
    .await;
}

#[tokio::test]
async fn a_code_goes_out_in_the_first_translation_that_meta_has() {
    for_each_engine(async |app| {
        let only = |language: &str| Rules { otp_languages: vec![language.to_owned()], ..Rules::default() };
        // The number has no author yet: French is tried first.
        app.world.set_rules(only("pt_PT"));
        let browser = app.browser();
        let code = code_for(app, &browser, FATOU).await;
        assert_eq!(arrived(app, FATOU)[0].template.as_deref(), Some("postly_code"));
        browser.verify(FATOU, &code).await.ok();
        assert_eq!(app.count("SELECT COUNT(*) FROM attempts").await, 1, "one attempt, whatever it took");
        // A template without any translation is our fault, and the code is lost.
        app.world.set_rules(only("de"));
        app.browser().request_code("+33639981002").await.ok();
        app.run_until_idle().await;
        assert_eq!(arrived(app, "+33639981002").len(), 0);
        assert_eq!(app.count("SELECT COUNT(*) FROM outbox WHERE reason = 'refused:132001'").await, 1);
        assert_eq!(app.count("SELECT COUNT(*) FROM outbox WHERE sealed IS NOT NULL").await, 0);
    })
    .await;
}

#[tokio::test]
async fn b01_a_code_whose_text_a_status_reports_as_outside_the_window_goes_once_by_the_template() {
    for (channel, number, closed, _) in CHANNELS {
        for_each_engine(async |app| {
            let fatou = app.author_of(channel, number);
            let browser = app.browser();
            fatou.says("bonjour").await;
            browser.request_code(number).await.ok();
            app.run_until_idle().await;
            let text = fatou.received().pop().unwrap();
            let shown = fatou.received().len();
            assert_eq!((text.template.as_deref(), kept(app).await), (None, 1));
            // Twilio first reports "sent", which decides nothing.
            report(app, &text, MessageStatus::Sent, None).await;
            for _ in 0..2 {
                report(app, &text, MessageStatus::Failed, Some(closed)).await;
            }
            assert_eq!(fatou.received().len(), shown + 1);
            let template = fatou.received().pop().unwrap();
            assert!(template.template.is_some(), "{template:?}");
            assert_eq!(code_in(&template.body), code_in(&text.body));
            assert_eq!(app.count("SELECT COUNT(*) FROM outbox WHERE sealed IS NOT NULL").await, 0);
            assert_eq!(kept(app).await, 0);
            // One template only, also if it fails.
            report(app, &template, MessageStatus::Failed, Some(closed)).await;
            assert_eq!(fatou.received().len(), shown + 1);
            browser.verify(number, &code_in(&template.body)).await.ok();
        })
        .await;
    }
}

#[tokio::test]
async fn b01_the_code_of_login_goes_by_the_template_too() {
    for (channel, number, closed, _) in CHANNELS {
        for_each_engine(async |app| {
            let fatou = app.author_of(channel, number);
            // A code that the author requests on WhatsApp is sent also after STOP.
            fatou.says("STOP").await;
            fatou.says("LOGIN").await;
            let text = fatou.received().pop().unwrap();
            report(app, &text, MessageStatus::Failed, Some(closed)).await;
            let template = fatou.received().pop().unwrap();
            assert!(template.template.is_some(), "{template:?}");
            app.browser().verify(number, &code_in(&template.body)).await.ok();
        })
        .await;
    }
}

#[tokio::test]
async fn a_code_that_arrived_or_failed_for_another_reason_is_not_kept() {
    for (channel, number, closed, failed) in CHANNELS {
        for (status, code) in [
            (MessageStatus::Delivered, None),
            (MessageStatus::Read, None),
            (MessageStatus::Failed, Some(failed)),
            (MessageStatus::Failed, None),
        ] {
            for_each_engine(async |app| {
                let fatou = app.author_of(channel, number);
                let text = code_as_text(app, &fatou, number).await;
                let shown = fatou.received().len();
                report(app, &text, status, code).await;
                assert_eq!(kept(app).await, 0);
                report(app, &text, MessageStatus::Failed, Some(closed)).await;
                assert_eq!(fatou.received().len(), shown);
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_code_is_kept_for_its_ten_minutes_at_most_and_never_in_clear() {
    for_each_engine(async |app| {
        let fatou = app.author();
        let text = code_as_text(app, &fatou, FATOU).await;
        let code = code_in(&text.body);
        assert_eq!(kept(app).await, 1);
        assert_eq!(app.count("SELECT COUNT(*) FROM outbox WHERE sealed IS NOT NULL").await, 0);
        assert!(app.rows("code_fallbacks").await.iter().all(|row| !row.contains(&code)));
        app.advance_ms(599_999);
        app.sweep().await;
        assert_eq!(kept(app).await, 1);
        app.advance_ms(1);
        // Too late for the template, also before the sweep.
        let shown = fatou.received().len();
        report(app, &text, MessageStatus::Failed, Some(131_047)).await;
        assert_eq!((fatou.received().len(), kept(app).await), (shown, 0));
        let text = code_as_text(app, &fatou, FATOU).await;
        assert_eq!((text.template, kept(app).await), (None, 1));
        app.advance_ms(600_000);
        app.sweep().await;
        assert_eq!(kept(app).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_code_asked_for_on_the_web_does_not_follow_a_stop_and_goes_with_its_author() {
    for_each_engine(async |app| {
        let fatou = app.author();
        let text = code_as_text(app, &fatou, FATOU).await;
        fatou.says("STOP").await;
        let shown = fatou.received().len();
        report(app, &text, MessageStatus::Failed, Some(131_047)).await;
        assert_eq!((fatou.received().len(), kept(app).await), (shown, 0));

        fatou.says("START").await;
        app.advance_ms(61_000);
        code_as_text(app, &fatou, FATOU).await;
        assert_eq!(kept(app).await, 1);
        fatou.says("SUPPRIMER").await;
        fatou.says("OUI").await;
        assert_eq!(kept(app).await, 0);
    })
    .await;
}

#[tokio::test]
async fn welcome_credits_are_promised_only_to_whom_they_would_be_given() {
    let options = Options { trial_credits: 0, ..Options::default() };
    for_each_engine_with(options, async |app| {
        for (channel, number) in [(Channel::Meta, FATOU), (Channel::Twilio, "+33639981002")] {
            let fatou = app.author_of(channel, number);
            let refused = async |promised: bool| {
                app.advance_ms(61_000);
                fatou.says("Post promo pour Instagram").await;
                let text = fatou.last_text();
                assert!(text.contains("❌ Crédits insuffisants"), "{text}");
                assert_eq!(text.contains("crédits de bienvenue"), promised, "{text}");
            };
            refused(true).await;
            fatou.says("LOGIN").await;
            app.browser().verify(number, &fatou.last_code()).await.ok();
            assert_eq!(fatou.credits().await, 5);
            app.app.operator.adjust(&fatou.who(), -5, "for a test").await.unwrap();
            refused(false).await;
            // The keyed hash of the number survives an erasure.
            fatou.says("SUPPRIMER").await;
            fatou.says("OUI").await;
            app.advance_ms(61_000);
            refused(false).await;
            assert_eq!(fatou.credits().await, 0);
        }
    })
    .await;
}
