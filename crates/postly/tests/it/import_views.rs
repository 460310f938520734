//! The guide's tables as views, and imported passwords.

use postly_testkit::{Database, EngineName, PUBLIC_BASE_URL, Wish};
use serde_json::json;

use crate::outside::{Outside, variables};
use crate::process::run;

const SCHEMA: &str = include_str!("../../../postly-testkit/testdata/prisma/schema.sql");
const PEOPLE: &str = include_str!("../../../postly-testkit/testdata/prisma/people.sql");

/// One database that is the source and the target of an import.
async fn both_in_one() -> Outside {
    let database = Database::fresh(EngineName::Postgres).await;
    database.change(SCHEMA).await.unwrap();
    database.change(PEOPLE).await.unwrap();
    let outside = Outside::on(database, postly_simulator::SimulatorConfig::default()).await;
    let url = outside.database.url.clone();
    let key = [("DATABASE_URL", url.as_str()), ("IDENTITY_HASH_KEY", "hash-key-of-these-tests-only")];
    run(&outside.folder, &["import", "prisma", "--from", &url], &variables(&key)).await.exits(0);
    outside
}

#[tokio::test]
async fn prisma_reads_the_same_rows_again_and_writes_none() {
    let outside = both_in_one().await;
    outside.postly(&["import", "views"]).await.exits(0);
    // Creating the views again changes nothing.
    outside.postly(&["import", "views"]).await.exits(0);
    let database = &outside.database;
    for (view, expected) in [
        ("SELECT CAST(COUNT(*) AS TEXT) FROM prisma.\"User\"", "7"),
        (
            "SELECT concat_ws(' ', id, email, \"passwordHash\", credits, \"waPhoneE164\", \"waLinkedAt\" = \
             '2026-03-02 10:00:00.125+00', \"waPreferredLang\", \"createdAt\" = '2026-03-01 09:30:00.5+00') \
             FROM prisma.\"User\" WHERE \"waPhoneE164\" = '+33612345678'",
            "cm0fatou fatou@example.com 12 +33612345678 t fr t",
        ),
        (
            "SELECT concat_ws(' ', \"userId\", delta, reason, \"createdAt\" = '2026-03-02 14:00:00+00') \
             FROM prisma.\"CreditLedger\" WHERE id = 'cl04'",
            "cm0fatou -2 parrainage annulé t",
        ),
        (
            "SELECT concat_ws('|', brief, platform, language, array_length(variants, 1), variants[2]) \
             FROM prisma.\"Generation\" WHERE \"userId\" = 'cm0fatou'",
            "Promo\tcroissants, -20 % \\ \"ce\" week-end\nà Lyon|instagram|fr|3|Deux 🥐",
        ),
    ] {
        assert_eq!(database.texts(view).await, [expected], "{view}");
    }
    let typed = "SELECT pg_typeof(credits) || ' ' || pg_typeof(\"createdAt\") FROM prisma.\"User\" LIMIT 1";
    assert_eq!(database.texts(typed).await, ["integer timestamp with time zone"]);
    // The statements run as a superuser, and the views' own role lacks the permission.
    for (sql, code) in [
        ("INSERT INTO prisma.\"Generation\" (id, \"userId\", brief) VALUES ('x', 'cm0fatou', 'x')", "42501"),
        ("UPDATE prisma.\"Generation\" SET brief = 'x'", "42501"),
        ("DELETE FROM prisma.\"Generation\"", "42501"),
        ("UPDATE prisma.\"OtpChallenge\" SET \"phoneE164\" = 'x'", "42501"),
        ("DELETE FROM prisma.\"OtpChallenge\"", "42501"),
        ("UPDATE prisma.\"User\" SET credits = 100", "55000"),
        ("DELETE FROM prisma.\"User\"", "55000"),
        ("UPDATE prisma.\"CreditLedger\" SET delta = 100", "55000"),
        ("DELETE FROM prisma.\"CreditLedger\"", "55000"),
    ] {
        let refused = database.change(sql).await.unwrap_err();
        let refused = refused.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
        let found = refused.and_then(sqlx::error::DatabaseError::code);
        assert_eq!(found.as_deref(), Some(code), "{sql}");
    }
    let hashes = "SELECT CAST(COUNT(*) AS TEXT) FROM prisma.\"OtpChallenge\" WHERE \"codeHash\" <> ''";
    assert_eq!(database.texts(hashes).await, ["0"]);
    // The views do not show an erased author.
    run(&outside.folder, &["users", "erase", "--id", "cm0fatou"], &outside.variables()).await.exits(0);
    for view in ["\"User\" WHERE id", "\"CreditLedger\" WHERE \"userId\"", "\"Generation\" WHERE \"userId\""]
    {
        assert_eq!(
            database.rows(&format!("(SELECT * FROM prisma.{view} = 'cm0fatou')")).await,
            Vec::<String>::new(),
            "{view}"
        );
    }
    outside.assert_audit_is_clean().await;
    outside.postly(&["import", "views", "--drop"]).await.exits(0);
    assert_eq!(
        database.texts("SELECT nspname::text FROM pg_namespace WHERE nspname = 'prisma'").await.len(),
        0
    );
    outside.end().await;
}

#[tokio::test]
async fn views_need_a_server_and_a_role_that_may_make_them() {
    let outside = Outside::silent(EngineName::Sqlite).await;
    let ran = outside.postly(&["import", "views"]).await.exits(2);
    assert!(ran.err.contains("need PostgreSQL"), "{ran:?}");
    outside.end().await;

    let database = Database::fresh(EngineName::Postgres).await;
    let role = format!("role_of_{}", database.name());
    Database::on_cluster(&format!("CREATE ROLE {role} LOGIN")).await;
    database.change(&format!("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")).await.unwrap();
    let url = database.url.replace("postgres@", &format!("{role}@"));
    let outside = Outside::on(database, postly_simulator::SimulatorConfig::default()).await;
    let ran =
        run(&outside.folder, &["import", "views"], &variables(&[("DATABASE_URL", &url)])).await.exits(1);
    assert!(ran.err.contains("may not make the views") && ran.err.contains("postly_prisma"), "{ran:?}");
    outside.end().await;
    Database::on_cluster(&format!("DROP ROLE {role}")).await;
}

#[tokio::test]
async fn a_password_of_the_source_goes_on_and_becomes_argon2_at_the_first_login() {
    for engine in EngineName::ALL {
        let source = Database::as_wished(Wish { empty: true, ..Wish::default() }).await;
        source.change(SCHEMA).await.unwrap();
        source.change(PEOPLE).await.unwrap();
        let outside = Outside::silent(engine).await;
        let variables = outside.variables();
        run(&outside.folder, &["import", "prisma", "--from", &source.url], &variables).await.exits(0);
        let service = outside.serve(&[]).await;
        let client = reqwest::Client::new();
        let login = async |email: &str, password: &str| {
            let answer = client
                .post(format!("http://{}/api/auth/login", service.public))
                .header("Origin", PUBLIC_BASE_URL)
                .json(&json!({ "email": email, "password": password }))
                .send()
                .await
                .unwrap();
            answer.status().as_u16()
        };
        let hash = async || {
            outside.database.texts("SELECT password_hash FROM authors WHERE id = 'cm0fatou'").await.remove(0)
        };
        assert_eq!(login("fatou@example.com", "un croissant dore").await, 400);
        assert!(hash().await.starts_with("$2b$10$"));
        assert_eq!(login("FATOU@example.com", "un croissant doré").await, 200);
        let ours = hash().await;
        assert!(ours.starts_with("$argon2id$"), "{ours}");
        assert_eq!(login("fatou@example.com", "un croissant doré").await, 200);
        assert_eq!(hash().await, ours);
        assert_eq!(login("fatou@example.com", "un croissant dore").await, 400);
        // A password hash that was not imported admits nobody.
        assert_eq!(login("max@example.com", "password").await, 400);
        service.stop().await;
        outside.assert_audit_is_clean().await;
        outside.end().await;
        source.drop().await;
    }
}
