//! `postly import`: the guide's database is imported, into both engines.

use postly_testkit::{Database, EngineName, Wish};
use serde_json::{Value, json};

use crate::{
    outside::{LOOK_AGAIN, Outside, variables},
    process::{PATIENCE, Ran, run},
};

/// The guide's schema as Prisma 7's engine writes it, and people for every case.
const SCHEMA: &str = include_str!("../../../postly-testkit/testdata/prisma/schema.sql");
const PEOPLE: &str = include_str!("../../../postly-testkit/testdata/prisma/people.sql");

/// A database of the guide's application with these people.
async fn source(people: &str) -> Database {
    let source = Database::as_wished(Wish { empty: true, ..Wish::default() }).await;
    source.change(SCHEMA).await.unwrap();
    source.change(people).await.unwrap();
    source
}

async fn import(outside: &Outside, source: &str, more: &[&str]) -> Ran {
    let all = [
        ("DATABASE_URL", outside.database.url.as_str()),
        ("IDENTITY_HASH_KEY", "hash-key-of-these-tests-only"),
        ("WHATSAPP_PROVIDER", "twilio"),
    ];
    run(&outside.folder, &[&["import", "prisma", "--from", source], more].concat(), &variables(&all)).await
}

async fn for_each_engine(test: impl AsyncFn(&Outside, &Database)) {
    for engine in EngineName::ALL {
        let source = source(PEOPLE).await;
        let outside = Outside::silent(engine).await;
        test(&outside, &source).await;
        outside.end().await;
        source.drop().await;
    }
}

/// Everything that an import writes, except for its time and the ids that depend on it.
const WRITTEN: [&str; 6] = [
    "SELECT id || ' ' || COALESCE(email, '-') || ' ' || COALESCE(password_hash, '-') || ' ' || language || ' ' || \
     language_settled || ' ' || created_at_ms FROM authors ORDER BY id",
    "SELECT author_id || ' ' || balance || ' ' || held || ' ' || debt FROM wallets ORDER BY author_id",
    "SELECT author_id || ' ' || provider || ' ' || phone || ' ' || COALESCE(proved_at_ms, 0) FROM identities ORDER BY phone",
    "SELECT author_id || ' ' || delta || ' ' || reason || ' ' || operation || ' ' || COALESCE(note, '-') || ' ' || CASE \
     WHEN operation LIKE 'import:balance:%' THEN 'now' ELSE id || ' ' || created_at_ms END FROM ledger ORDER BY operation",
    "SELECT id || ' ' || author_id || ' ' || state || ' ' || brief || ' ' || platform || ' ' || language || ' ' || variants \
     || ' ' || origin || ' ' || search_text || ' ' || created_at_ms FROM generations ORDER BY id",
    "SELECT author_id || ' ' || debt || ' ' || report FROM imports ORDER BY author_id",
];

async fn written(database: &Database) -> Vec<String> {
    let mut all = vec![];
    for sql in WRITTEN {
        // The order of texts depends on the server.
        let mut rows = database.texts(sql).await;
        rows.sort();
        all.extend(rows);
    }
    all
}

fn left_out(report: &Value) -> Vec<String> {
    let rows = report["leftOut"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.map(|row| format!("{} {} {}", text(&row["what"]), text(&row["why"]), row["ids"])).collect()
}

#[tokio::test]
async fn a_dry_run_tells_what_an_import_does_and_an_import_done_twice_is_done_once() {
    for_each_engine(async |outside, source| {
        let dry = import(outside, &source.url, &["--dry-run", "--json"]).await.exits(0).json();
        assert!(written(&outside.database).await.is_empty(), "a dry run writes nothing");
        assert_eq!(outside.database.count("SELECT COUNT(*) FROM grants").await, 0);
        assert_eq!(
            left_out(&dry),
            [
                r#"user unreachable ["cm8nobody"]"#,
                r#"user email_taken ["cm6twin"]"#,
                r#"password hash_not_bcrypt ["cm4max"]"#,
                r#"number number_unreadable ["cm7spoilt"]"#,
                r#"number number_not_proved ["cm3lea"]"#,
                r#"ledger zero ["cl05"]"#,
                r#"generation no_posts ["cg02"]"#,
                r#"generation past_retention ["cg03"]"#,
                r#"posts more_than_three ["cg01"]"#,
            ]
        );
        assert_eq!(
            (&dry["users"], &dry["ledger"], &dry["generations"], &dry["codesLeftOut"]),
            (
                &json!({"read": 9, "imported": 7, "earlier": 0, "leftOut": 2, "leftOutCredits": 12}),
                &json!({"read": 9, "imported": 7, "leftOut": 2}),
                &json!({"read": 4, "imported": 2, "leftOut": 2}),
                &json!(1)
            )
        );
        assert_eq!(
            dry["credits"],
            json!({"balance": 25, "debt": 2, "debtors": 1, "differences": 6, "difference": 26})
        );

        let mut first = import(outside, &source.url, &["--json"]).await.exits(0).json();
        assert_eq!(first["dryRun"], false);
        first["dryRun"] = json!(true);
        assert_eq!(first, dry, "the same report");
        let once = written(&outside.database).await;
        outside.assert_audit_is_clean().await;

        let mut second = import(outside, &source.url, &["--json"]).await.exits(0).json();
        assert_eq!(second["users"]["earlier"], 7);
        second["users"]["earlier"] = json!(0);
        second["dryRun"] = json!(true);
        assert_eq!(second, dry, "the same report, of an earlier run");
        assert_eq!(written(&outside.database).await, once);
        outside.assert_audit_is_clean().await;

        // A later change of the source is reported, and not imported.
        source.change("UPDATE \"User\" SET credits = credits + 1 WHERE id = 'cm2john'").await.unwrap();
        let third = import(outside, &source.url, &["--json"]).await.exits(0).json();
        assert_eq!(third["changedSince"], json!(["cm2john"]));
        assert_eq!(written(&outside.database).await, once);

        let plain = import(outside, &source.url, &[]).await.exits(0);
        assert!(plain.out.contains("9 read, 7 imported (7 by an earlier run), 2 left out with 12 credits"));
        assert_eq!(plain.err.lines().count(), 1, "no progress in a pipe: {plain:?}");
        assert!(!plain.err.contains('\r'), "{plain:?}");
    })
    .await;
}

#[tokio::test]
async fn balances_numbers_and_history_are_those_of_the_source() {
    for_each_engine(async |outside, source| {
        import(outside, &source.url, &["--json"]).await.exits(0);
        let ledger = outside.ledger("+33612345678").await;
        assert_eq!(
            ledger,
            [
                "+10 purchase",
                "-1 whatsapp_generation",
                "-1 web_generation",
                "+1 refund",
                "-2 import",
                "+5 import"
            ]
        );
        let shown = outside.postly(&["users", "show", "--id", "cm0fatou", "--json"]).await.exits(0).json();
        assert_eq!(
            shown,
            json!({
                "id": "cm0fatou",
                "email": "fatou@example.com",
                "language": "fr",
                "available": 12,
                "held": 0,
                "identities": [{
                    "provider": "twilio",
                    "providerUserId": null,
                    "phone": "+33612345678",
                    "bsuid": null,
                    "stopped": false,
                }],
                "createdAt": "2026-03-01T09:30:00.5Z",
            })
        );
        let john = outside.postly(&["users", "export", "--phone", "+447400123456"]).await.exits(0);
        let john: Value = serde_json::from_str(&john.out).unwrap();
        assert_eq!(john["author"]["language"], "en");
        assert_eq!(john["generations"][0]["brief"], "Tea for two", "{john}");
        let debt = "SELECT debt FROM wallets WHERE author_id = 'cm5neg' AND balance = 0";
        assert_eq!(outside.database.count(debt).await, 2);
        let brief = "SELECT brief FROM generations WHERE author_id = 'cm0fatou'";
        assert_eq!(
            outside.database.texts(brief).await,
            ["Promo\tcroissants, -20 % \\ \"ce\" week-end\nà Lyon"]
        );
        let variants = "SELECT variants FROM generations WHERE author_id = 'cm0fatou'";
        let variants: Value = serde_json::from_str(&outside.database.texts(variants).await[0]).unwrap();
        assert_eq!(variants[1]["text"], "Deux 🥐");
        assert_eq!(variants[0]["text"], "Un\npost");
        // Numbers that had credits at the source get none here: three have written, and two of them are
        // proved.
        let given = "SELECT kind FROM grants ORDER BY kind";
        assert_eq!(outside.database.texts(given).await, ["trial", "trial", "trial", "welcome", "welcome"]);
    })
    .await;
}

#[tokio::test]
async fn whoever_is_here_already_keeps_the_address_and_the_number() {
    for_each_engine(async |outside, source| {
        let grant = ["credits", "grant", "--phone", "+33612345678", "--amount", "3", "--reason", "x"];
        outside.postly(&grant).await.exits(0);
        outside.postly(&["credits", "grant", "--phone", "+447400123456", "--amount", "3", "--reason", "x"]).await.exits(0);
        let lea = "INSERT INTO authors (id, email, language, created_at_ms) VALUES ('here', 'lea@example.com', 'fr', 1)";
        outside.database.change(lea).await.unwrap();
        outside.database.change("INSERT INTO wallets (author_id, balance, held) VALUES ('here', 0, 0)").await.unwrap();

        let dry = import(outside, &source.url, &["--dry-run", "--json"]).await.exits(0).json();
        let mut report = import(outside, &source.url, &["--json"]).await.exits(0).json();
        let told = left_out(&report);
        assert!(told.contains(&r#"user email_taken ["cm3lea","cm6twin"]"#.to_owned()), "{told:?}");
        assert!(told.contains(&r#"user number_taken ["cm2john"]"#.to_owned()), "{told:?}");
        assert!(told.contains(&r#"number number_taken ["cm0fatou"]"#.to_owned()), "{told:?}");
        report["dryRun"] = json!(true);
        assert_eq!(report, dry);
        // The web account is imported with its credits; the number keeps its author.
        let fatou = outside.postly(&["users", "show", "--id", "cm0fatou", "--json"]).await.exits(0).json();
        assert_eq!((&fatou["available"], &fatou["identities"]), (&json!(12), &json!([])));
        let number = outside.postly(&["users", "show", "--phone", "+33612345678", "--json"]).await.exits(0).json();
        assert_eq!(number["available"], 3);
        outside.assert_audit_is_clean().await;

        // Once the number is free, the next run imports the user.
        let key = outside.variables();
        let erase = ["users", "erase", "--phone", "+33612345678"];
        run(&outside.folder, &erase, &key).await.exits(0);
        outside.database.change("DELETE FROM identities WHERE phone = '+447400123456'").await.unwrap();
        let again = import(outside, &source.url, &["--json"]).await.exits(0).json();
        assert_eq!(again["users"]["imported"], 6, "{again}");
        outside.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn whoever_was_erased_does_not_come_back() {
    for_each_engine(async |outside, source| {
        import(outside, &source.url, &[]).await.exits(0);
        let key = outside.variables();
        run(&outside.folder, &["users", "erase", "--id", "cm0fatou"], &key).await.exits(0);
        import(outside, &source.url, &[]).await.exits(0);
        let erased = "SELECT COUNT(*) FROM authors WHERE id = 'cm0fatou' AND erased_at_ms IS NOT NULL";
        assert_eq!(outside.database.count(erased).await, 1);
        assert_eq!(
            outside.database.count("SELECT COUNT(*) FROM identities WHERE author_id = 'cm0fatou'").await,
            0
        );
        outside.assert_audit_is_clean().await;

        // A number that was erased here does not return with a user of a later import, either.
        let john = "UPDATE \"User\" SET \"waPhoneE164\" = '+33612345678' WHERE id = 'cm8nobody'";
        source.change("UPDATE \"User\" SET \"waPhoneE164\" = NULL WHERE id = 'cm0fatou'").await.unwrap();
        source.change(john).await.unwrap();
        let report = import(outside, &source.url, &["--json"]).await.exits(0).json();
        assert!(left_out(&report).contains(&r#"user erased_here ["cm8nobody"]"#.to_owned()), "{report}");
    })
    .await;
}

/// Two hundred people with three hundred rows each: several transactions.
const MANY: &str = "INSERT INTO \"User\" (\"id\", \"email\", \"credits\", \"createdAt\", \"updatedAt\") \
    SELECT 'u' || n, 'u' || n || '@example.com', n, to_timestamp(1760000000 + n), now() FROM generate_series(1, 200) AS n; \
    INSERT INTO \"CreditLedger\" (\"id\", \"userId\", \"delta\", \"reason\", \"createdAt\") \
    SELECT 'l' || u || '-' || n, 'u' || u, n % 5 - 2, 'reason ' || n % 3, to_timestamp(1760000000 + n) \
    FROM generate_series(1, 200) AS u, generate_series(1, 300) AS n; \
    INSERT INTO \"Generation\" (\"id\", \"userId\", \"brief\", \"variants\", \"createdAt\") \
    SELECT 'g' || n, 'u' || n, 'brief', ARRAY['a', 'b', 'c'], now() - interval '1 day' FROM generate_series(1, 200) AS n";

#[tokio::test]
async fn an_import_that_was_killed_goes_on_to_the_same_end() {
    for engine in EngineName::ALL {
        let source = source(MANY).await;
        let (whole, killed) = (Outside::silent(engine).await, Outside::silent(engine).await);
        let expected = import(&whole, &source.url, &["--json"]).await.exits(0).json();

        let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_postly"))
            .args(["import", "prisma", "--from", &source.url])
            .env_clear()
            .env("DATABASE_URL", &killed.database.url)
            .env("IDENTITY_HASH_KEY", "hash-key-of-these-tests-only")
            .env("WHATSAPP_PROVIDER", "twilio")
            .current_dir(killed.folder.path())
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while killed.database.count("SELECT COUNT(*) FROM imports").await == 0 {
            assert!(tokio::time::Instant::now() < deadline, "nobody is imported");
            tokio::time::sleep(LOOK_AGAIN / 5).await;
        }
        child.kill().await.unwrap();
        let half = killed.database.count("SELECT COUNT(*) FROM imports").await;
        assert!((1..200).contains(&half), "{half} of 200 on {engine:?}: killed half-way");
        killed.assert_audit_is_clean().await;

        let mut report = import(&killed, &source.url, &["--json"]).await.exits(0).json();
        assert!(report["users"]["earlier"].as_i64().unwrap() >= half);
        report["users"]["earlier"] = json!(0);
        report["target"] = expected["target"].clone();
        assert_eq!(report, expected);
        assert_eq!(written(&killed.database).await, written(&whole.database).await);
        assert_eq!(
            killed.database.count("SELECT COUNT(*) FROM ledger WHERE operation LIKE 'import:entry:%'").await,
            48_000
        );
        killed.assert_audit_is_clean().await;
        for outside in [whole, killed] {
            outside.end().await;
        }
        source.drop().await;
    }
}

#[tokio::test]
async fn a_source_that_is_not_the_guides_is_refused_by_name() {
    let outside = Outside::silent(EngineName::Sqlite).await;
    let other = Database::fresh(EngineName::Postgres).await;
    for (from, code, said) in [
        (other.url.as_str(), 2, "has no table \"User\""),
        ("sqlite://data/postly.db", 2, "the source must be a PostgreSQL"),
        ("mysql://root:secret-word@localhost/app", 2, "--from must start with"),
        ("postgres://postgres:secret-word@127.0.0.1:1/app", 1, "127.0.0.1:1"),
    ] {
        let ran = import(&outside, from, &["--json"]).await.exits(code);
        assert!(ran.err.contains(said), "{from}: {ran:?}");
        assert!(!ran.err.contains("secret-word") && ran.out.is_empty(), "{ran:?}");
    }
    other.change("CREATE TABLE \"User\" (\"id\" TEXT, \"credits\" INT)").await.unwrap();
    let ran = import(&outside, &other.url, &[]).await.exits(2);
    assert!(ran.err.contains("has no column \"User\".\"createdAt\""), "{ran:?}");
    let keyless = [("DATABASE_URL", outside.database.url.as_str())];
    let args = ["import", "prisma", "--from", &other.url];
    let ran = run(&outside.folder, &args, &variables(&keyless)).await.exits(2);
    assert!(ran.err.contains("IDENTITY_HASH_KEY"), "{ran:?}");
    other.drop().await;
    outside.end().await;
}
