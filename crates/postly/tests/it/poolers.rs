//! PostgreSQL behind PgBouncer, and with fewer connections than the service wants.

use postly_postgres::{Pooler, Pooling};
use postly_simulator::{Channel, SimulatorConfig};
use postly_testkit::{Database, EngineName, Wish};

use crate::{
    databases::writes,
    outside::{Outside, variables},
    process::{PATIENCE, run},
};

/// More than a burst of one shop.
const WEBHOOKS: usize = 40;

/// Two processes share a database: every webhook is accepted at once, and every reply is sent.
async fn two_processes_answer(outside: &Outside, more: &[(&str, &str)]) {
    let one = outside.serve(more).await;
    // The first process opens all its connections before the second starts.
    writes(outside, 20).await;
    let other = outside.serve(more).await;
    let people: Vec<_> = (0..WEBHOOKS)
        .map(|n| outside.simulator.person(Channel::Meta, &format!("+336399811{n:02}")))
        .collect();
    let brought = people.iter().map(|person| {
        let webhook = outside
            .simulator
            .webhook_text(person, "Crée un post promo pour Instagram, -20 % sur les croissants");
        async move { outside.simulator.deliver(&webhook).await }
    });
    for delivery in futures_util::future::join_all(brought).await {
        assert_eq!(delivery.status, 200, "{delivery:?}");
    }
    for person in &people {
        let phone = outside.simulator.wait_for_messages(person, 1, PATIENCE).await;
        assert!(phone[0].body.contains("croissants"), "{phone:?}");
    }
    outside.until_idle().await;
    for service in [one, other] {
        let logs = service.stop().await.join("\n");
        for never in ["prepared statement", "Work failed", "Could not claim"] {
            assert!(!logs.contains(never), "{logs}");
        }
    }
    outside.assert_audit_is_clean().await;
}

fn cluster_port(database: &Database) -> u16 {
    let place = database.direct_url.rsplit('@').next().unwrap();
    place.split([':', '/']).nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn two_processes_share_five_connections_of_a_transaction_pooler() {
    let outside = Outside::on(Database::behind_a_pooler().await, SimulatorConfig::default()).await;
    two_processes_answer(&outside, &[]).await;
    outside.end().await;
}

#[tokio::test]
async fn two_processes_share_a_session_pooler() {
    for size in [20, 5] {
        let database = Database::fresh(EngineName::Postgres).await;
        let pooler = Pooler::start(cluster_port(&database), Pooling::Session, size, &["postgres"]).unwrap();
        let url = format!("{}{}", pooler.address(), database.name());
        let outside = Outside::on(database, SimulatorConfig::default()).await;
        two_processes_answer(&outside, &[("DATABASE_URL", &url)]).await;
        outside.end().await;
    }
}

#[tokio::test]
async fn two_processes_share_what_a_small_server_gives() {
    let database = Database::fresh(EngineName::Postgres).await;
    let role = format!("role_of_{}", database.name());
    // The limit of a role is reported with the code of a full server (53300), and cannot be queried
    // beforehand.
    Database::on_cluster(&format!("CREATE ROLE {role} LOGIN CONNECTION LIMIT 9")).await;
    database
        .change(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"))
        .await
        .unwrap();
    let url = database.url.replace("postgres@", &format!("{role}@"));
    let outside = Outside::on(database, SimulatorConfig::default()).await;
    two_processes_answer(&outside, &[("DATABASE_URL", &url)]).await;
    outside.database.change(&format!("DROP OWNED BY {role}")).await.unwrap();
    outside.end().await;
    Database::on_cluster(&format!("DROP ROLE {role}")).await;
}

#[tokio::test]
async fn a_process_takes_no_more_connections_than_its_address_allows() {
    for limit in [1, 2, 4] {
        let database = Database::fresh(EngineName::Postgres).await;
        let role = format!("role_of_{}", database.name());
        Database::on_cluster(&format!("CREATE ROLE {role} LOGIN CONNECTION LIMIT {limit}")).await;
        database
            .change(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"))
            .await
            .unwrap();
        let url =
            format!("{}?connection_limit={limit}", database.url.replace("postgres@", &format!("{role}@")));
        let outside = Outside::on(database, SimulatorConfig::default()).await;
        let service = outside.serve(&[("DATABASE_URL", &url)]).await;
        writes(&outside, 20).await;
        outside.until_idle().await;
        let logs = service.stop().await.join("\n");
        assert!(!logs.contains("fewer connections") && !logs.contains("Work failed"), "{logs}");
        outside.database.change(&format!("DROP OWNED BY {role}")).await.unwrap();
        outside.end().await;
        Database::on_cluster(&format!("DROP ROLE {role}")).await;
    }
}

/// Sessions that listen, on the database itself.
const LISTENERS: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
                         AND query LIKE 'LISTEN%'";

#[tokio::test]
async fn the_address_without_the_pooler_is_for_creating_tables_and_for_listening() {
    let database = Database::as_wished(Wish { empty: true, pooled: true, ..Wish::default() }).await;
    let outside = Outside::on(database, SimulatorConfig::default()).await;
    let pooled = outside.database.url.clone();
    let direct = outside.database.direct_url.clone();

    // An address of another database is refused before the service runs without tables.
    let elsewhere = Database::fresh(EngineName::Postgres).await;
    let wrong = variables(&[("DATABASE_URL", &pooled), ("DIRECT_URL", &elsewhere.url)]);
    let ran = run(&outside.folder, &["migrate"], &wrong).await.exits(2);
    assert!(ran.err.contains("DIRECT_URL names another database"), "{ran:?}");
    elsewhere.drop().await;
    let wrong = variables(&[("DATABASE_URL", &pooled), ("DIRECT_URL", "postgres://127.0.0.1:1/postly")]);
    let ran = run(&outside.folder, &["migrate"], &wrong).await.exits(1);
    assert!(ran.err.contains("by DIRECT_URL: no PostgreSQL listens on 127.0.0.1:1"), "{ran:?}");
    let wrong = variables(&[("DATABASE_URL", &pooled), ("DIRECT_URL", "sqlite://postly.db")]);
    assert!(run(&outside.folder, &["migrate"], &wrong).await.exits(2).err.contains("DIRECT_URL"));

    let service = outside.serve(&[("DIRECT_URL", &direct)]).await;
    outside.until(LISTENERS, 1).await;
    writes(&outside, 2).await;
    service.stop().await;

    // With a current schema, only LISTEN needs the direct address: without it, the workers poll.
    let service = outside.serve(&[("DIRECT_URL", "postgres://127.0.0.1:1/postly")]).await;
    let author = outside.simulator.person(Channel::Meta, "+33639981050");
    outside.deliver_for_sure(&outside.simulator.webhook_text(&author, "SOLDE")).await;
    outside.simulator.wait_for_messages(&author, 1, PATIENCE).await;
    assert_eq!(outside.database.count(LISTENERS).await, 0);
    service.stop().await;
    outside.end().await;
}

#[tokio::test]
async fn tables_are_in_the_schema_that_the_address_names() {
    const TABLES: &str = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'public'";
    const OURS: &str = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'postly'";
    for pooled in [false, true] {
        let database = Database::as_wished(Wish { empty: true, pooled, ..Wish::default() }).await;
        let url = format!("{}?schema=postly", database.url);
        let outside = Outside::on(database, SimulatorConfig::default()).await;
        let service = outside.serve(&[("DATABASE_URL", &url)]).await;
        writes(&outside, 3).await;
        service.stop().await;
        assert_eq!(outside.database.count(TABLES).await, 0);
        assert!(outside.database.count(OURS).await > 5);
        assert_eq!(outside.database.count("SELECT COUNT(*) FROM postly.authors").await, 3);
        let ran =
            run(&outside.folder, &["audit", "--json"], &variables(&[("DATABASE_URL", &url)])).await.exits(0);
        assert_eq!(ran.json()["ok"], true);
        outside.end().await;
    }
}
