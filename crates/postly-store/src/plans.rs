//! Proof that the operator's pages and the history of an author read no table from end to end, on either
//! engine.

use rusqlite::Connection;
use sqlx::{Connection as _, Executor as _, Row as _};

use crate::{
    Db, audit_log, checkouts, dead_letters, figures, history, monitor, payments, refund_requests, sql::Sql,
    timeline,
};

/// Tables that grow with the service.
const GROWING: [&str; 15] = [
    "inbox",
    "outbox",
    "attempts",
    "ledger",
    "holds",
    "generations",
    "model_calls",
    "wallets",
    "authors",
    "audit_log",
    "checkout_sessions",
    "payment_charges",
    "payment_refunds",
    "payment_disputes",
    "refund_requests",
];

/// Indexes that hold rows that are open or given up, and no others.
const OF_FEW_ROWS: [&str; 5] =
    ["inbox_waiting", "inbox_arrived", "inbox_dead", "outbox_waiting", "outbox_failed"];

const OF_THE_AUTHOR: &str = "SEARCH generations USING INDEX generations_author (author_id=? AND id<?)";

const QUESTIONS: &[(&str, Sql)] = &[
    ("history", history::LIST),
    ("dead letters", dead_letters::LIST),
    ("queues", monitor::QUEUES),
    ("oldest messages", monitor::OLDEST_MESSAGES),
    ("oldest events", monitor::OLDEST_EVENTS),
    ("log", audit_log::LIST),
    ("log of a subject", audit_log::OF_SUBJECT),
    ("events of a time", figures::EVENTS),
    ("undelivered", figures::UNDELIVERED),
    ("entries", figures::ENTRIES),
    ("sales", figures::SALES),
    ("calls", figures::CALLS),
    ("sends", figures::SENDS),
    ("days", figures::DAYS),
    ("event", timeline::EVENT),
    ("events of an author", timeline::EVENTS_OF),
    ("message", timeline::MESSAGE),
    ("message by key", timeline::BY_KEY),
    ("messages of a generation", timeline::BY_GENERATION),
    ("messages of an author", timeline::MESSAGES_OF),
    ("generation", timeline::GENERATION),
    ("generation of an event", timeline::BY_EVENT),
    ("generations of an author", timeline::GENERATIONS_OF),
    ("calls for an event", timeline::CALLS_FOR),
    ("calls before", timeline::CALLS_BEFORE),
    ("hold", timeline::HOLD),
    ("hold by key", timeline::HOLD_BY_KEY),
    ("entries of a hold", timeline::ENTRIES),
    ("attempts", timeline::ATTEMPTS),
    ("tick", timeline::TICK),
    ("event with key", timeline::EVENT_WITH_KEY),
    ("message of an attempt", timeline::MESSAGE_OF_ATTEMPT),
    ("message by its name", timeline::MESSAGE_CALLED),
    ("payments of an author", checkouts::NEWEST_OF_AUTHOR),
    ("payment", checkouts::OF_PAYMENT),
    ("charge of a payment", payments::CHARGE_OF),
    ("refunds of a payment", payments::REFUNDS_OF),
    ("disputes of a payment", payments::DISPUTES_OF),
    ("refund requests of a payment", refund_requests::OF_PAYMENT),
    ("refund request of a form", refund_requests::OF_FORM),
    ("refund request", refund_requests::GET),
];

#[test]
fn sqlite_scans_no_growing_table_for_the_operators_pages() {
    let mut connection = Connection::open_in_memory().unwrap();
    crate::schema::create_sqlite(&mut connection).unwrap();
    for (name, sql) in QUESTIONS {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", sql.lite)).unwrap();
        let bound = vec!["0"; statement.parameter_count()];
        let steps = statement.query_map(rusqlite::params_from_iter(bound), |row| row.get::<_, String>(3));
        for step in steps.unwrap().map(Result::unwrap) {
            let scanned = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
            let of_few = OF_FEW_ROWS.iter().any(|index| step.contains(index));
            // The search of a history reads the rows of its author alone.
            assert!(*name != "history" || step == OF_THE_AUTHOR, "{name}: {step}");
            assert!(of_few || !scanned.is_some_and(|table| GROWING.contains(&table)), "{name}: {step}");
            // Of ten million rows, those of one day.
            assert!(!step.contains("ledger_author") && !step.contains("ledger_reference"), "{name}: {step}");
        }
    }
}

#[tokio::test]
async fn postgres_scans_no_growing_table_for_the_operators_pages() {
    let cluster = std::env::var("POSTLY_TEST_POSTGRES").expect("`cargo xtask test` starts a PostgreSQL");
    let name = format!("postly_plans_{}", std::process::id());
    let url = format!("{cluster}{name}");
    let mut admin = sqlx::PgConnection::connect(&format!("{cluster}postgres")).await.unwrap();
    let create = format!("CREATE DATABASE {name}");
    admin.execute(sqlx::AssertSqlSafe(create)).await.unwrap();
    let db = Db::open(&url).await.unwrap();
    db.migrate().await.unwrap();
    db.close().await;
    let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
    // Empty tables are cheapest to scan: then a scan says that there is no other way.
    connection.execute("SET enable_seqscan = off").await.unwrap();
    let mut faults = vec![];
    for (name, sql) in QUESTIONS {
        let bound =
            (1..=6).rev().fold(sql.pg.to_owned(), |text, number| text.replace(&format!("${number}"), "'0'"));
        let explained = sqlx::AssertSqlSafe(format!("EXPLAIN {bound}"));
        for row in connection.fetch_all(explained).await.unwrap() {
            let step: String = row.get(0);
            if step.contains("Seq Scan") && GROWING.iter().any(|table| step.contains(&format!(" {table} "))) {
                faults.push(format!("{name}: {step}"));
            }
        }
    }
    connection.close().await.unwrap();
    admin.execute(sqlx::AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await.unwrap();
    assert!(faults.is_empty(), "{faults:#?}");
}
