//! Alerts to the operator: their time, their repetition, and their end.

use postly_app::{NotReady, Readiness};
use postly_simulator::{Channel, Fault, FaultKind, Upstream};
use postly_testkit::{TestApp, for_each_engine};
use serde_json::json;

use crate::alerts::Alerts;

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";

/// Passes the time, with the due work and a run of the monitor every ten seconds.
async fn pass(app: &TestApp, secs: i64) {
    for _ in 0..secs / 10 {
        app.advance_ms(10_000);
        app.run_until_idle().await;
        app.app.monitor.look().await;
    }
}

async fn degraded(app: &TestApp) -> Vec<&'static str> {
    let Readiness { fault, degraded } = app.app.monitor.readiness().await;
    assert_eq!(fault, None, "what others do not answer is no reason to be taken out of service");
    degraded
}

#[tokio::test]
async fn a_provider_that_does_not_answer_for_a_minute_is_told_of_once_with_what_waits() {
    for_each_engine(async |app| {
        let alerts = Alerts::listen();
        // Each provider reports itself unavailable.
        for (channel, upstream, code, name, number) in [
            (Channel::Meta, Upstream::Meta, 131_016, "meta", "+33639981001"),
            (Channel::Twilio, Upstream::Twilio, 20_500, "twilio", "+33639981002"),
        ] {
            let broken = FaultKind::ProviderError { code };
            app.world.fault(upstream, Fault::always(broken));
            let fatou = app.author_of(channel, number);
            fatou.says("SOLDE").await;
            app.app.monitor.look().await;
            assert_eq!((degraded(app).await, alerts.take()), (vec![], vec![]), "it may be a moment");

            pass(app, 90).await;
            assert_eq!(degraded(app).await, [name]);
            let told = alerts.take_told();
            assert_eq!(told.len(), 1, "{told:?}");
            assert_eq!(told[0].0, "provider_unreachable");
            assert!(told[0].1.contains(name) && told[0].1.contains("1 messages wait"), "{told:?}");

            // An alert for a backlog names the ids of stuck messages; the other alerts are not repeated
            // within the hour.
            pass(app, 300).await;
            let told = alerts.take_told();
            let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["outbox_stalled"], "{told:?}");
            let stuck = app.texts("SELECT id FROM outbox WHERE finished_at_ms IS NULL").await;
            assert!(told[0].1.contains(&stuck[0]), "{told:?} {stuck:?}");

            app.world.clear_faults();
            pass(app, 600).await;
            assert_eq!(fatou.received().len(), 1);
            assert_eq!((degraded(app).await, alerts.take()), (vec![], vec![]));
            assert_eq!(app.count("SELECT COUNT(*) FROM open_alerts").await, 0);
        }
    })
    .await;
}

#[tokio::test]
async fn a_model_that_does_not_answer_is_told_of_and_its_authors_pay_nothing() {
    for_each_engine(async |app| {
        let alerts = Alerts::listen();
        let broken = FaultKind::Status { code: 404, body: String::new(), headers: vec![] };
        app.world.fault(Upstream::Model, Fault::always(broken));
        let fatou = app.author();
        for _ in 0..2 {
            fatou.says(BRIEF).await;
            pass(app, 50).await;
        }
        assert_eq!(degraded(app).await, ["model"]);
        assert_eq!(alerts.take(), ["model_rejected", "model_rejected", "model_unreachable"]);
        assert_eq!(fatou.credits().await, 5);
        app.world.clear_faults();
        fatou.says(BRIEF).await;
        pass(app, 20).await;
        assert_eq!((degraded(app).await, alerts.take()), (vec![], vec![]));
    })
    .await;
}

#[tokio::test]
async fn a_balance_that_is_not_its_ledger_is_told_of_within_a_minute() {
    const DRIFT: &str = "UPDATE wallets SET balance = balance + 1";
    const MENDED: &str = "UPDATE wallets SET balance = balance - 1";
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says(BRIEF).await;
        let alerts = Alerts::listen();
        pass(app, 60).await;
        assert_eq!(alerts.take(), Vec::<String>::new());

        app.change(DRIFT).await;
        pass(app, 60).await;
        let told = alerts.take_told();
        assert!(
            told.iter().any(|(name, message)| name == "ledger_drift" && message.contains("2a")),
            "{told:?}"
        );
        pass(app, 180).await;
        assert_eq!(alerts.take(), Vec::<String>::new(), "once a day is enough");
        app.change(MENDED).await;
        pass(app, 60).await;
        assert_eq!(app.count("SELECT COUNT(*) FROM open_alerts").await, 0);

        // On a large database the whole audit is rare, but recent changes are checked every time.
        app.change("UPDATE jobs SET due_at_ms = due_at_ms + 86400000 WHERE name = 'monitor.audit'").await;
        fatou.says(BRIEF).await;
        app.change(DRIFT).await;
        pass(app, 60).await;
        assert_eq!(alerts.take(), ["ledger_drift"], "by the rows of the last minutes");
        app.change(MENDED).await;
        pass(app, 120).await;
    })
    .await;
}

#[tokio::test]
async fn a_wrong_secret_is_told_of_and_a_stranger_is_not() {
    for_each_engine(async |app| {
        let alerts = Alerts::listen();
        let fatou = app.author();
        fatou.says("SOLDE").await;
        let wrong = |text: &str| {
            let mut webhook = fatou.writes(text);
            webhook.body.push(b' ');
            webhook
        };
        for _ in 0..10 {
            assert_eq!(app.deliver(&wrong("SOLDE")).await.status, 401);
            fatou.says("SOLDE").await;
        }
        pass(app, 120).await;
        assert_eq!(alerts.take(), Vec::<String>::new(), "others verify");
        for _ in 0..5 {
            app.deliver(&wrong("SOLDE")).await;
        }
        pass(app, 120).await;
        let told = alerts.take_told();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].0 == "webhook_signatures" && told[0].1.contains("META_APP_SECRET"), "{told:?}");
    })
    .await;
}

#[tokio::test]
async fn work_that_was_given_up_is_told_of() {
    for_each_engine(async |app| {
        let alerts = Alerts::listen();
        let fatou = app.author();
        fatou.says("SOLDE").await;
        app.change("UPDATE outbox SET state = 'dead', reason = 'attempts_exhausted'").await;
        pass(app, 60).await;
        let told = alerts.take_told();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].0 == "dead_letters" && told[0].1.contains("postly dead-letters list"), "{told:?}");
        app.change("UPDATE outbox SET state = 'accepted', reason = NULL").await;
    })
    .await;
}

#[tokio::test]
async fn tables_of_another_build_are_no_ready_service() {
    for_each_engine(async |app| {
        app.change("UPDATE schema_build SET hash = 'x' || hash").await;
        assert_eq!(app.app.monitor.readiness().await.fault, Some(NotReady::Schema));
        app.change("UPDATE schema_build SET hash = substr(hash, 2)").await;
        assert_eq!(app.app.monitor.readiness().await.fault, None);
    })
    .await;
}

#[tokio::test]
async fn a_cut_line_to_a_provider_is_told_of_though_nothing_waits_in_the_end() {
    for_each_engine(async |app| {
        let alerts = Alerts::listen();
        app.world.fault(Upstream::Meta, Fault::always(FaultKind::ResetBeforeAcceptance));
        let fatou = app.author();
        fatou.says("SOLDE").await;
        pass(app, 90).await;
        assert_eq!(
            (degraded(app).await, alerts.take()),
            (vec!["meta"], vec!["provider_unreachable".to_owned()])
        );
        // A message that was sent twice without a response is presumed delivered, and listed.
        assert_eq!(app.texts("SELECT reason FROM outbox").await, ["unknown_delivery"]);
    })
    .await;
}

/// Delivers an event of our account as Meta sends it, in the shape of its reference.
async fn meta_says(app: &TestApp, field: &str, value: serde_json::Value) {
    let time = app.world.now_ms() / 1_000;
    let body = json!({
        "object": "whatsapp_business_account",
        "entry": [{"id": "102290129340398", "time": time, "changes": [{"field": field, "value": value}]}],
    });
    let webhook = app.world.webhook_raw(Channel::Meta, body.to_string());
    assert_eq!(app.deliver(&webhook).await.status, 200);
    app.run_until_idle().await;
    app.advance_ms(1_000);
}

fn template(event: &str) -> serde_json::Value {
    json!({
        "event": event,
        "message_template_id": 1_689_556_908_129_832_i64,
        "message_template_name": "postly_code",
        "message_template_language": "fr",
        "reason": "NONE",
        "message_template_category": "AUTHENTICATION",
    })
}

fn quality(event: &str) -> serde_json::Value {
    json!({"display_phone_number": "15550783881", "event": event, "current_limit": "TIER_250"})
}

/// Requests a code on the web for a new number. Returns the providers of all template messages so far.
async fn code_leaves_by(app: &TestApp, number: &str) -> Vec<String> {
    let asked = app.browser().request_code(number).await;
    assert_eq!(asked.status, 200);
    let sql = "SELECT provider FROM outbox WHERE form = 'template' ORDER BY id";
    app.run_until_idle().await;
    app.texts(sql).await
}

#[tokio::test]
async fn a_template_that_meta_pauses_is_told_of_and_codes_leave_by_the_other_provider() {
    const FIELD: &str = "message_template_status_update";
    for_each_engine(async |app| {
        let alerts = Alerts::listen();
        assert_eq!(code_leaves_by(app, "+33639981001").await, ["meta"]);
        meta_says(app, FIELD, template("PAUSED")).await;
        pass(app, 20).await;
        let told = alerts.take_told();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].0 == "template_stopped" && told[0].1.contains("PAUSED"), "{told:?}");
        assert_eq!(code_leaves_by(app, "+33639981002").await, ["meta", "twilio"]);

        meta_says(app, FIELD, template("APPROVED")).await;
        pass(app, 20).await;
        assert_eq!(app.count("SELECT COUNT(*) FROM open_alerts").await, 0);
        assert_eq!(code_leaves_by(app, "+33639981003").await, ["meta", "twilio", "meta"]);
        // The status of another template, or one without a consequence, changes nothing.
        let mut other = template("DISABLED");
        other["message_template_name"] = "order_confirmation".into();
        meta_says(app, FIELD, other).await;
        meta_says(app, FIELD, template("PENDING")).await;
        assert_eq!(code_leaves_by(app, "+33639981004").await, ["meta", "twilio", "meta", "meta"]);
        let ends = app.texts("SELECT state FROM inbox WHERE kind = 'unknown' ORDER BY id").await;
        assert_eq!(ends, ["applied", "applied", "applied", "ignored"]);
    })
    .await;
}

#[tokio::test]
async fn a_flagged_number_starts_nothing_and_answers_all_the_same() {
    for_each_engine(async |app| {
        let alerts = Alerts::listen();
        meta_says(app, "phone_number_quality_update", quality("FLAGGED")).await;
        let banned = json!({"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "DISABLE"}});
        meta_says(app, "account_update", banned).await;
        pass(app, 20).await;
        let mut told = alerts.take();
        told.sort_unstable();
        assert_eq!(told, ["account_restricted", "quality_dropped"]);
        assert_eq!(code_leaves_by(app, "+33639981001").await, ["twilio"]);
        let fatou = app.author();
        fatou.says("SOLDE").await;
        assert_eq!(fatou.received().len(), 1, "a reply goes on");

        meta_says(app, "phone_number_quality_update", quality("UNFLAGGED")).await;
        let back = json!({"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "REINSTATE"}});
        meta_says(app, "account_update", back).await;
        assert_eq!(code_leaves_by(app, "+33639981005").await, ["twilio", "meta"]);
    })
    .await;
}
