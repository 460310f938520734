//! The effects of poolers on sessions, statements and settings.

use std::time::{Duration, Instant};

use postly_postgres::{Pooler, Pooling as Mode};

use super::*;
use crate::{Address, address::Place, sql::args};

fn cluster() -> String {
    std::env::var("POSTLY_TEST_POSTGRES").expect("`cargo xtask test` starts a PostgreSQL")
}

fn pooler(mode: Mode) -> Pooler {
    let port = cluster().trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap();
    Pooler::start(port, mode, 5, &["postgres"]).unwrap()
}

async fn open(base: &str, query: &str) -> Remote {
    let Place::Postgres(server) = Address::parse(&format!("{base}postgres?{query}")).unwrap().0 else {
        panic!("an address of PostgreSQL");
    };
    Remote::open(*server, None).await.unwrap()
}

async fn setting(remote: &Remote, name: &str) -> String {
    let mut tx = remote.write(Class::Ordinary).await.unwrap();
    let row = tx.maybe_one(Sql::postgres("SELECT current_setting($1) AS value"), args![name]).await.unwrap();
    row.unwrap().try_get("value").unwrap()
}

#[tokio::test]
async fn settings_hold_in_each_transaction_through_every_pooler() {
    let (transaction, session) = (pooler(Mode::Transaction), pooler(Mode::Session));
    for base in [cluster(), transaction.address(), session.address()] {
        let remote = open(&base, "schema=pg_temp_of_nobody").await;
        for (name, expected) in [
            ("statement_timeout", "2s"),
            ("idle_in_transaction_session_timeout", "10s"),
            ("synchronous_commit", "on"),
            ("transaction_isolation", "read committed"),
            ("search_path", "pg_temp_of_nobody"),
        ] {
            assert_eq!(setting(&remote, name).await, expected, "{name} through {base}");
        }
        let mut tx = remote.write(Class::Ordinary).await.unwrap();
        let started = Instant::now();
        tx.execute(Sql::postgres("SELECT pg_sleep(10)"), args![]).await.unwrap_err();
        assert!(
            started.elapsed() < Duration::from_millis(2_400),
            "the server ends a statement that takes too long"
        );
        drop(tx);
        remote.close().await;
    }
}

#[tokio::test]
async fn a_transaction_pooler_is_recognized() {
    let (transaction, session) = (pooler(Mode::Transaction), pooler(Mode::Session));
    for (base, expected) in [(cluster(), false), (transaction.address(), true), (session.address(), false)] {
        let remote = open(&base, "").await;
        assert_eq!(remote.0.nameless.load(Ordering::Relaxed), expected, "{base}");
        assert_eq!(remote.listen().await.unwrap().is_none(), expected, "{base}");
        remote.close().await;
    }
}

#[tokio::test]
async fn a_pooler_that_was_not_recognized_is_noticed_by_what_it_answers() {
    let pooler = pooler(Mode::Transaction);
    let remote = open(&pooler.address(), "pgbouncer=false").await;
    let mut failures = 0;
    // Several at once, so that transactions use each other's connections.
    for _ in 0..5 {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let remote = remote.clone();
            tasks.spawn(async move { setting(&remote, "statement_timeout").await });
        }
        while let Some(ended) = tasks.join_next().await {
            failures += usize::from(ended.is_err());
        }
    }
    assert!(failures > 0, "the pooler mixes connections in this test");
    assert!(remote.0.nameless.load(Ordering::Relaxed));
    for _ in 0..8 {
        assert_eq!(setting(&remote, "statement_timeout").await, "2s");
    }
    remote.close().await;
}

#[tokio::test]
async fn an_acknowledgement_does_not_wait_for_workers() {
    for limit in [2, 5, 9, 18] {
        let remote =
            open(&cluster(), &format!("connection_limit={limit}&pool_timeout=1&pgbouncer=true")).await;
        let mut workers = vec![];
        while let Ok(tx) = remote.write(Class::Ordinary).await {
            workers.push(tx);
        }
        let reserve = if limit < 8 { 1 } else { 2 };
        assert_eq!(workers.len(), limit - reserve);
        let started = Instant::now();
        drop(remote.write(Class::Urgent).await.unwrap());
        assert!(started.elapsed() < Duration::from_millis(500));
        drop(workers);
        remote.close().await;
    }
    // With a single connection, the urgent caller is served next.
    let remote = open(&cluster(), "connection_limit=1").await;
    let only = remote.write(Class::Ordinary).await.unwrap();
    let later = tokio::spawn({
        let remote = remote.clone();
        async move { remote.write(Class::Ordinary).await.map(|_tx| Instant::now()) }
    });
    tokio::task::yield_now().await;
    let urgent = tokio::spawn({
        let remote = remote.clone();
        async move { remote.write(Class::Urgent).await.map(|_tx| Instant::now()) }
    });
    tokio::task::yield_now().await;
    drop(only);
    let (later, urgent) = (later.await.unwrap().unwrap(), urgent.await.unwrap().unwrap());
    assert!(urgent < later);
    remote.close().await;
}

#[tokio::test]
async fn connections_that_rest_are_given_up_and_one_is_kept() {
    const OURS: &str = "SELECT CAST(COUNT(*) AS TEXT) FROM pg_stat_activity WHERE application_name = 'rests'";
    let watch = open(&cluster(), "").await;
    let count = async || {
        let counted: String =
            watch.fetch_one_autocommit(Class::Ordinary, OURS).await.unwrap().try_get(0).unwrap();
        counted.parse::<usize>().unwrap()
    };
    let remote = open(&cluster(), "application_name=rests").await;
    let mut all = vec![];
    for _ in 0..10 {
        all.push(remote.write(Class::Ordinary).await.unwrap());
    }
    assert_eq!(count().await, 10);
    drop(all);
    let deadline = Instant::now() + Duration::from_secs(30);
    while count().await > 1 {
        assert!(Instant::now() < deadline, "they rest for ever");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    drop(remote.write(Class::Ordinary).await.unwrap());
    remote.close().await;
    watch.close().await;
}
