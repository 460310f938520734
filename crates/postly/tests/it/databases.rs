//! Databases as operators have them: missing, empty, of another build, without permission, or set up in
//! another way than ours.

use postly_simulator::{Channel, SimulatorConfig};
use postly_testkit::{Database, EngineName, Wish};

use crate::{
    outside::{Outside, insist, variables},
    process::{Folder, PATIENCE, Ran, run},
};

/// Every command that works on a database, `migrate` and the service aside.
const COMMANDS: [&[&str]; 10] = [
    &["audit"],
    &["audit", "--json"],
    &["users", "show", "--phone", "+33639981001", "--json"],
    &["users", "export", "--phone", "+33639981001"],
    &["users", "erase", "--phone", "+33639981001"],
    &["credits", "show", "--phone", "+33639981001"],
    &["credits", "grant", "--phone", "+33639981001", "--amount", "1", "--reason", "x"],
    &["credits", "deduct", "--phone", "+33639981001", "--amount", "1", "--reason", "x"],
    &["dead-letters", "list", "--json"],
    &["dead-letters", "replay", "--all"],
];

async fn run_on(folder: &Folder, args: &[&str], url: &str) -> Ran {
    let all = [("DATABASE_URL", url), ("IDENTITY_HASH_KEY", "hash-key-of-these-tests-only")];
    run(folder, args, &variables(&all)).await
}

#[tokio::test]
async fn no_command_makes_a_database_in_the_wrong_folder() {
    let folder = Folder::fresh();
    for args in COMMANDS {
        let ran = run_on(&folder, args, "sqlite://data/postly.db").await.exits(2);
        let path = folder.path().join("data/postly.db").display().to_string();
        assert!(ran.err.contains(&path) && ran.err.contains("postly migrate"), "{ran:?}");
        assert!(ran.out.is_empty(), "{ran:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is made");
}

#[tokio::test]
async fn no_command_changes_an_empty_file_or_one_of_another_build() {
    let folder = Folder::fresh();
    let url = "sqlite://postly.db";
    run_on(&folder, &["migrate"], url).await.exits(0);
    let file = folder.path().join("postly.db");
    let whole = std::fs::read(&file).unwrap();
    let changed = |sql: &str| {
        let connection = rusqlite::Connection::open(&file).unwrap();
        connection.execute_batch(sql).unwrap();
        connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE").unwrap();
        drop(connection);
        let content = std::fs::read(&file).unwrap();
        std::fs::write(&file, &whole).unwrap();
        content
    };
    let other = changed("UPDATE schema_build SET hash = 'another'");
    let older = changed("DROP TABLE schema_build");
    let incomplete = changed("DROP TRIGGER ledger_keeps_lines");
    for (content, said) in [
        (vec![], "postly migrate"),
        (other, "another build"),
        (older, "another build"),
        (incomplete, "postly migrate"),
        (b"no database".repeat(100), "no SQLite"),
    ] {
        std::fs::write(&file, &content).unwrap();
        for args in COMMANDS {
            let ran = run_on(&folder, args, url).await.exits(2);
            assert!(ran.err.contains(said) && ran.err.contains("postly.db") && ran.out.is_empty(), "{ran:?}");
            assert_eq!(std::fs::read(&file).unwrap(), content, "{args:?} changed the file");
        }
    }
    std::fs::write(&file, whole).unwrap();
    let ran = run_on(&folder, &["audit", "--json"], url).await.exits(0);
    assert!(ran.err.contains(&file.display().to_string()), "the database is named: {ran:?}");
    assert_eq!(ran.json()["ok"], true);
}

#[tokio::test]
async fn no_command_changes_an_empty_database_or_one_of_another_build_of_postgres() {
    let folder = Folder::fresh();
    let database = Database::as_wished(Wish { empty: true, ..Wish::default() }).await;
    const TABLES: &str = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'public'";
    let with_password = database.url.replace("postgres@", "postgres:hunter2hunter2@");
    for args in COMMANDS {
        let ran = run_on(&folder, args, &with_password).await.exits(2);
        assert!(ran.err.contains(database.name()) && ran.err.contains("postly migrate"), "{ran:?}");
        assert!(!ran.err.contains("hunter2") && ran.out.is_empty(), "{ran:?}");
    }
    assert_eq!(database.count(TABLES).await, 0);
    run_on(&folder, &["migrate"], &database.url).await.exits(0);
    let ran = run_on(&folder, &["audit", "--json"], &with_password).await.exits(0);
    assert_eq!(ran.json()["ok"], true);
    assert!(
        ran.err.contains(database.name()) && !ran.err.contains("hunter2"),
        "the database is named: {ran:?}"
    );
    for (change, said) in [
        ("DROP TRIGGER ledger_keeps_lines ON ledger", "postly migrate"),
        ("UPDATE schema_build SET hash = 'another'", "another build"),
        ("DROP TABLE schema_build", "another build"),
    ] {
        database.change(change).await.unwrap();
        let ran = run_on(&folder, &["audit", "--json"], &database.url).await.exits(2);
        assert!(ran.err.contains(said) && ran.out.is_empty(), "{ran:?}");
    }
    database.drop().await;
}

/// Asserts that the error is one sentence with these words, and has no text of a driver.
#[track_caller]
fn assert_says(ran: &Ran, words: &[&str]) {
    let said = ran.err.lines().filter(|line| line.contains("DATABASE_URL")).count();
    assert_eq!(said, 1, "one sentence: {ran:?}");
    for word in words {
        assert!(ran.err.contains(word), "{word}: {ran:?}");
    }
    for never in ["pool timed out", "invalid port", "hunter2", "panicked"] {
        assert!(!ran.err.contains(never), "{never}: {ran:?}");
    }
    assert!(ran.out.is_empty(), "{ran:?}");
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_said_in_one_sentence() {
    let folder = Folder::fresh();
    for (url, code, words) in [
        ("postgres://fatou:hunter2@127.0.0.1:1/postly", 1, &["127.0.0.1:1", "listens"][..]),
        ("postgres://fatou:hunter2@[::1]:1/postly", 1, &["[::1]:1", "listens"]),
        ("postgres://fatou:hunter2@no-such-host.invalid/postly", 2, &["no-such-host.invalid", "name"]),
    ] {
        let ran = run_on(&folder, &["migrate"], url).await.exits(code);
        assert_says(&ran, words);
    }
    for password in ["hun#ter2", "hun/ter2", "hun?ter2", "1?2/3#4"] {
        let url = format!("postgres://fatou:{password}@db.example:5432/postly");
        let ran = run_on(&folder, &["migrate"], &url).await.exits(2);
        assert_says(&ran, &["%23", "%2F", "%3F"]);
        assert!(!ran.err.contains("ter2"), "{ran:?}");
    }
}

#[tokio::test]
async fn a_server_that_refuses_us_is_said_in_one_sentence() {
    let folder = Folder::fresh();
    let database = Database::fresh(EngineName::Postgres).await;
    let name = database.name().to_owned();
    let role = format!("role_of_{name}");
    let fails = async |url: &str, code: i32, words: &[&str]| {
        for args in [&["migrate"][..], &["audit"]] {
            assert_says(&run_on(&folder, args, url).await.exits(code), words);
        }
    };
    let base = database.url.strip_suffix(&name).unwrap().to_owned();
    fails(&format!("{base}no_such_database"), 2, &["no_such_database", "CREATE DATABASE"]).await;
    for query in ["ssl=true", "sslmode=require", "sslmode=verify-full", "sslrootcert=system"] {
        fails(&format!("{}?{query}", database.url), 2, &["TLS"]).await;
    }
    fails(&format!("{}?sslpassword=hunter2", database.url), 2, &["sslpassword"]).await;

    Database::on_cluster(&format!("CREATE ROLE {role} LOGIN CONNECTION LIMIT 0")).await;
    let url = database.url.replace("postgres@", &format!("{role}@"));
    let full = run_on(&folder, &["audit"], &url).await.exits(1);
    assert_says(&full, &["no connection left", "connection_limit"]);
    Database::on_cluster(&format!("ALTER ROLE {role} CONNECTION LIMIT -1")).await;
    fails(&url, 2, &["GRANT"]).await;
    Database::on_cluster(&format!("ALTER ROLE {role} SET default_transaction_read_only = on")).await;
    fails(&url, 1, &["only reads", "primary"]).await;
    database.drop().await;
    Database::on_cluster(&format!("DROP ROLE {role}")).await;

    let created = "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0";
    let latin = Database::as_wished(Wish { created, empty: true, pooled: false }).await;
    fails(&latin.url, 2, &["LATIN1", "ENCODING 'UTF8'"]).await;
    latin.drop().await;
}

#[tokio::test]
async fn a_role_that_may_make_nothing_serves_a_schema_that_is_up_to_date() {
    let database = Database::fresh(EngineName::Postgres).await;
    let role = format!("role_of_{}", database.name());
    Database::on_cluster(&format!("CREATE ROLE {role} LOGIN")).await;
    for sql in [
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC".to_owned(),
        format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"),
    ] {
        database.change(&sql).await.unwrap();
    }
    let url = database.url.replace("postgres@", &format!("{role}@"));
    let outside = Outside::on(database, SimulatorConfig::default()).await;
    let service = outside.serve(&[("DATABASE_URL", &url)]).await;
    writes(&outside, 2).await;
    service.stop().await;
    // This role may not create the missing trigger.
    outside.database.change("DROP TRIGGER ledger_keeps_lines ON ledger").await.unwrap();
    let ran = run_on(&outside.folder, &["migrate"], &url).await.exits(2);
    assert_says(&ran, &["postly migrate", "owner"]);
    outside.database.change(&format!("DROP OWNED BY {role}")).await.unwrap();
    outside.end().await;
    Database::on_cluster(&format!("DROP ROLE {role}")).await;
}

#[tokio::test]
async fn every_reply_leaves_whatever_isolation_the_database_has_by_default() {
    let database = Database::fresh(EngineName::Postgres).await;
    let sql =
        format!("ALTER DATABASE {} SET default_transaction_isolation = 'serializable'", database.name());
    Database::on_cluster(&sql).await;
    let outside = Outside::on(database, SimulatorConfig::default()).await;
    let (one, other) = (outside.serve(&[]).await, outside.serve(&[]).await);
    writes(&outside, 60).await;
    outside.until_idle().await;
    for service in [one, other] {
        let logs = service.stop().await.join("\n");
        for never in ["trying again", "40001", "could not serialize"] {
            assert!(!logs.contains(never), "{logs}");
        }
    }
    outside.assert_audit_is_clean().await;
    outside.end().await;
}

/// This number of authors send a brief at once, and each receives posts.
pub(crate) async fn writes(outside: &Outside, authors: usize) {
    let people: Vec<_> =
        (0..authors).map(|n| outside.simulator.person(Channel::Meta, &format!("+336399810{n:02}"))).collect();
    let brought = people.iter().map(|person| {
        let webhook = outside
            .simulator
            .webhook_text(person, "Crée un post promo pour Instagram, -20 % sur les croissants");
        async move { insist(&outside.simulator, &webhook).await }
    });
    futures_util::future::join_all(brought).await;
    for person in &people {
        let phone = outside.simulator.wait_for_messages(person, 1, PATIENCE).await;
        assert!(phone[0].body.contains("croissants"), "{phone:?}");
    }
}
