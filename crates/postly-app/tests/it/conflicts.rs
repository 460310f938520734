//! Transactions that the database aborts because of concurrent work (PostgreSQL 40001, 40P01).

use postly_simulator::Channel;
use postly_testkit::{EngineName, Options, PASSWORD, TestApp, code_in};
use serde_json::json;

/// Aborts one transaction in this number of row changes. A transaction makes fewer changes, so that its
/// second try succeeds.
const EVERY: u32 = 37;

/// From now on the database aborts some transactions. A rollback does not reset a sequence, so the count
/// continues.
async fn begin_conflicts(app: &TestApp) {
    app.change("CREATE SEQUENCE changes").await;
    app.change(&format!(
        "CREATE FUNCTION meet() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF nextval('changes') % {EVERY} = 0 THEN RAISE EXCEPTION 'met other work' USING ERRCODE = \
         CASE WHEN currval('changes') % 2 = 0 THEN '40001' ELSE '40P01' END; END IF; RETURN NULL; END $$"
    ))
    .await;
    for table in app.texts("SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = 'public'").await
    {
        if !table.starts_with('_') {
            let sql = format!(
                "CREATE TRIGGER meet AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION meet()"
            );
            app.change(&sql).await;
        }
    }
}

#[tokio::test]
async fn work_that_met_other_work_is_done_again_at_once_and_nobody_notices() {
    let app = TestApp::start(EngineName::Postgres, &Options::default()).await;
    begin_conflicts(&app).await;
    // Enough authors to hit every statement of every journey. The clock does not advance, so a pause would
    // never end.
    for n in 10..40 {
        let number = format!("+336399810{n}");
        let author = app.author_of(if n % 2 == 0 { Channel::Meta } else { Channel::Twilio }, &number);
        author.says("Crée un post promo pour Instagram, -20 % sur les croissants ce week-end").await;
        assert!(author.texts().join("\n").contains("croissants"), "author {n}");
        assert_eq!(author.ledger().await, ["+5 trial", "-1 whatsapp_generation"]);
        let author = author.has_credits(1).await;
        author.says("LOGIN").await;
        let phone = app.browser();
        phone.verify(&number, &code_in(&author.last_text())).await.ok();
        phone.get("/api/me").await.ok();
        let email = format!("author{n}@example.com");
        let web = app.browser();
        web.sign_up(&email).await.ok();
        web.post("/api/auth/logout", &json!({})).await.ok();
        web.post("/api/auth/login", &json!({ "email": email, "password": PASSWORD })).await.ok();
        web.post("/api/auth/phrase", &json!({})).await.ok();
        app.sweep().await;
        author.says("SUPPRIMER").await;
        author.says("OUI").await;
        app.advance_ms(61_000);
    }
    let calls = app.count("SELECT COUNT(*) FROM inbox WHERE attempts > 1").await;
    assert_eq!(calls, 0, "no event is handed back");
    let met = app.count("SELECT last_value / 37 FROM changes").await;
    assert!(met > 50, "{met} transactions were given up");
    app.assert_audit_is_clean().await;
    app.stop().await;
}
