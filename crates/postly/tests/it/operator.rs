//! The operator's commands, on both databases: their output, their refusals, and their exit codes.

use postly_simulator::{Fault, FaultKind, MessageStatus, Upstream};
use postly_testkit::EngineName;
use serde_json::{Value, json};

use crate::outside::Outside;

const NUMBER: &str = "+33612345678";
const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";

async fn for_each_engine(test: impl AsyncFn(&Outside)) {
    for engine in EngineName::ALL {
        let outside = Outside::silent(engine).await;
        test(&outside).await;
        outside.end().await;
    }
}

/// The keys of an object, in any order.
fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// Returns true for a time as the service prints it: RFC 3339 in UTC.
fn is_time(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with("20") && text.contains('T') && text.ends_with('Z'))
}

#[tokio::test]
async fn a_grant_to_an_unknown_number_makes_its_author() {
    for_each_engine(async |outside| {
        let grant =
            ["credits", "grant", "--phone", "06 12 34 56 78", "--amount", "7", "--reason", "geste", "--json"];
        let shown = outside.postly(&grant).await.exits(0).json();
        assert_eq!(keys(&shown), ["available", "entry", "held"]);
        let entry = &shown["entry"];
        assert_eq!(keys(entry), ["createdAt", "delta", "id", "note", "reason", "reference"]);
        assert!(entry["id"].is_string() && is_time(&entry["createdAt"]), "{entry}");
        assert_eq!(
            (&entry["delta"], &entry["reason"], &entry["note"], &entry["reference"]),
            (&json!(7), &json!("adjustment"), &json!("geste"), &Value::Null)
        );
        assert_eq!((&shown["available"], &shown["held"]), (&json!(7), &json!(0)));

        let shown = outside.postly(&["credits", "show", "--phone", NUMBER, "--json"]).await.exits(0).json();
        assert_eq!(shown, json!({"available": 7, "held": 0, "entries": [entry], "next": null}));

        let shown = outside.postly(&["users", "show", "--phone", NUMBER, "--json"]).await.exits(0).json();
        assert_eq!(keys(&shown), ["available", "createdAt", "email", "held", "id", "identities", "language"]);
        assert!(is_time(&shown["createdAt"]) && shown["email"].is_null(), "{shown}");
        assert_eq!(
            (&shown["available"], &shown["held"], &shown["language"]),
            (&json!(7), &json!(0), &json!("fr"))
        );
        let identity = &shown["identities"][0];
        assert_eq!(keys(identity), ["bsuid", "phone", "provider", "providerUserId", "stopped"]);
        assert_eq!((&identity["phone"], &identity["stopped"]), (&json!(NUMBER), &json!(false)));

        // The same person by id.
        let id = shown["id"].as_str().unwrap();
        let by_id = outside.postly(&["users", "show", "--id", id, "--json"]).await.exits(0).json();
        assert_eq!(by_id, shown);
        outside.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn c03_a_deduction_takes_what_is_there_and_never_more() {
    for_each_engine(async |outside| {
        let change = async |what: &str, amount: &str| {
            let args =
                ["credits", what, "--phone", NUMBER, "--amount", amount, "--reason", "un motif", "--json"];
            outside.postly(&args).await
        };
        change("grant", "5").await.exits(0);
        let ran = change("deduct", "6").await.exits(1);
        assert!(ran.out.is_empty() && ran.err.contains("fewer credits"), "{ran:?}");
        assert_eq!(outside.ledger(NUMBER).await, ["+5 adjustment"]);
        let shown = change("deduct", "5").await.exits(0).json();
        assert_eq!((&shown["available"], &shown["entry"]["delta"]), (&json!(0), &json!(-5)));
        change("deduct", "1").await.exits(1);

        for amount in ["0", "1000001", "-1", "1.5", "many", "9223372036854775808"] {
            for what in ["grant", "deduct"] {
                let ran = change(what, amount).await.exits(2);
                assert!(ran.out.is_empty(), "{ran:?}");
            }
        }
        change("grant", "1000000").await.exits(0);
        let nameless = ["credits", "grant", "--phone", NUMBER, "--amount", "1", "--reason", ""];
        outside.postly(&nameless).await.exits(2);
        assert_eq!(outside.ledger(NUMBER).await, ["+5 adjustment", "-5 adjustment", "+1000000 adjustment"]);
        // A deduction from an unknown number fails, and creates no author.
        let nobody = ["credits", "deduct", "--phone", "+33612345679", "--amount", "1", "--reason", "x"];
        outside.postly(&nobody).await.exits(1);
        assert_eq!(outside.database.count("SELECT COUNT(*) FROM authors").await, 1);
        outside.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn c04_no_balance_leaves_its_bounds() {
    for_each_engine(async |outside| {
        let change = async |what: &str, amount: &str| {
            let args = ["credits", what, "--phone", NUMBER, "--amount", amount, "--reason", "un motif"];
            outside.postly(&args).await
        };
        change("grant", "5").await.exits(0);
        for sql in [
            "UPDATE wallets SET balance = -1",
            "UPDATE wallets SET balance = 1000000000001",
            "UPDATE wallets SET balance = 9223372036854775807",
            "UPDATE wallets SET held = -1",
            "UPDATE wallets SET held = balance + 1",
        ] {
            assert!(outside.database.change(sql).await.is_err(), "{sql}");
        }
        // The balance is at its upper bound: a grant beyond it is refused as a whole.
        outside.database.change("UPDATE wallets SET balance = 1000000000000").await.unwrap();
        let ran = change("grant", "1").await.exits(1);
        assert!(ran.out.is_empty() && !ran.err.contains("panicked"), "{ran:?}");
        assert_eq!(outside.ledger(NUMBER).await, ["+5 adjustment"]);
        outside.database.change("UPDATE wallets SET balance = 5").await.unwrap();
        outside.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn an_unknown_number_is_a_failure_and_an_unreadable_one_a_fault() {
    for_each_engine(async |outside| {
        for command in [["users", "show"], ["credits", "show"]] {
            for (phone, code) in [
                ("+33612345679", 1),
                ("06 12 34 56 79", 1),
                ("0612", 2),
                ("zero six", 2),
                ("", 2),
                ("+99999999999", 2),
            ] {
                let args = [command[0], command[1], "--phone", phone, "--json"];
                let ran = outside.postly(&args).await.exits(code);
                assert!(ran.out.is_empty() && !ran.err.is_empty(), "{args:?}: {ran:?}");
            }
            outside.postly(&[command[0], command[1], "--id", "nobody", "--json"]).await.exits(1);
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_has_written_is_found_even_if_no_numbering_plan_knows_her_number() {
    for_each_engine(async |outside| {
        // Numbers for films and novels: WhatsApp may deliver from a number that a library calls impossible.
        const NUMBER: &str = "+33639981001";
        let service = outside.serve(&[]).await;
        let author = outside.simulator.person(postly_simulator::Channel::Meta, NUMBER);
        outside.deliver_for_sure(&outside.simulator.webhook_text(&author, "SOLDE")).await;
        outside.until("SELECT COUNT(*) FROM outbox WHERE state = 'accepted'", 1).await;
        service.stop().await;

        for typed in
            [NUMBER, "+33 6 39 98 10 01", "06\u{202f}39\u{202f}98\u{202f}10\u{202f}01", "tel:+33639981001"]
        {
            outside.postly(&["users", "show", "--phone", typed, "--json"]).await.exits(0);
        }
        let grant = ["credits", "grant", "--phone", NUMBER, "--amount", "2", "--reason", "x", "--json"];
        assert_eq!(outside.postly(&grant).await.exits(0).json()["available"], 7);
        // A mistyped number of that range creates no author.
        let typo = ["credits", "grant", "--phone", "+33639981002", "--amount", "2", "--reason", "x"];
        outside.postly(&typo).await.exits(2);
    })
    .await;
}

#[tokio::test]
async fn a_number_typed_as_at_home_is_that_of_its_island() {
    let outside = Outside::silent(EngineName::Sqlite).await;
    for (typed, number) in [
        ("0692 12 34 56", "+262692123456"),
        ("06 39 01 23 45", "+262639012345"),
        ("0690\u{202f}12\u{202f}34\u{202f}56", "+590690123456"),
        ("0694 20 12 34", "+594694201234"),
        ("0696 20 12 34", "+596696201234"),
    ] {
        let grant = ["credits", "grant", "--phone", typed, "--amount", "1", "--reason", "x", "--json"];
        outside.postly(&grant).await.exits(0);
        for spelled in [typed, number] {
            let show = ["users", "show", "--phone", spelled, "--json"];
            let shown = outside.postly(&show).await.exits(0).json();
            assert_eq!(shown["identities"][0]["phone"], *number, "{spelled}");
        }
    }
    outside.end().await;
}

#[tokio::test]
async fn the_audit_names_a_balance_that_was_tampered_with() {
    for_each_engine(async |outside| {
        let clean = outside.postly(&["audit", "--json"]).await.exits(0).json();
        assert_eq!(keys(&clean), ["invariants", "ok"]);
        assert_eq!(clean["ok"], true);
        let invariants = clean["invariants"].as_array().unwrap();
        assert!(!invariants.is_empty());
        for invariant in invariants {
            assert_eq!(keys(invariant), ["examples", "id", "name", "ok", "violations"]);
            assert_eq!(
                (&invariant["ok"], &invariant["violations"], &invariant["examples"]),
                (&json!(true), &json!(0), &json!([]))
            );
        }
        outside.postly(&["audit"]).await.exits(0);

        let grant = ["credits", "grant", "--phone", NUMBER, "--amount", "3", "--reason", "x", "--json"];
        outside.postly(&grant).await.exits(0);
        assert_eq!(outside.database.change("UPDATE wallets SET balance = balance + 40").await.unwrap(), 1);
        let broken = outside.postly(&["audit", "--json"]).await.exits(1).json();
        assert_eq!(broken["ok"], false);
        let found: Vec<&Value> = broken["invariants"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|invariant| invariant["ok"] == false)
            .collect();
        let author = outside.database.texts("SELECT id FROM authors").await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0]["name"], "every balance is the sum of its ledger");
        assert_eq!((&found[0]["violations"], &found[0]["examples"]), (&json!(1), &json!(author)));
        let plain = outside.postly(&["audit"]).await.exits(1);
        assert!(plain.out.contains("FAIL") && plain.out.contains("every balance is the sum"), "{plain:?}");

        assert_eq!(outside.database.change("UPDATE wallets SET balance = balance - 40").await.unwrap(), 1);
        outside.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn c22_the_ledger_takes_no_second_thoughts() {
    for_each_engine(async |outside| {
        let grant = ["credits", "grant", "--phone", NUMBER, "--amount", "3", "--reason", "x"];
        outside.postly(&grant).await.exits(0);
        for sql in ["UPDATE ledger SET delta = 300", "UPDATE ledger SET note = 'autre'", "DELETE FROM ledger"]
        {
            let refused = outside.database.change(sql).await.unwrap_err().to_string();
            assert!(refused.contains("the ledger is append-only"), "{sql}: {refused}");
        }
        if outside.database.engine == EngineName::Postgres {
            assert!(outside.database.change("TRUNCATE ledger").await.is_err());
        }
        assert_eq!(outside.ledger(NUMBER).await, ["+3 adjustment"]);
    })
    .await;
}

#[tokio::test]
async fn what_was_given_up_is_listed_and_replayed() {
    for_each_engine(async |outside| {
        let empty = outside.postly(&["dead-letters", "list", "--json"]).await.exits(0).json();
        assert_eq!(empty, json!([]));
        let nothing = outside.postly(&["dead-letters", "replay", "--all", "--json"]).await.exits(0).json();
        assert_eq!(nothing, json!({"replayed": 0, "skipped": 0}));
        outside.postly(&["dead-letters", "replay", "nothing", "--json"]).await.exits(1);

        // Meta accepts this reply and then cannot deliver it.
        let service = outside.serve(&[]).await;
        let author = outside.simulator.person(postly_simulator::Channel::Meta, NUMBER);
        let fails = FaultKind::FailedStatus { code: 131_026 };
        outside.simulator.fault(Upstream::Meta, Fault::once(fails));
        outside.deliver_for_sure(&outside.simulator.webhook_text(&author, BRIEF)).await;
        outside.until("SELECT COUNT(*) FROM outbox WHERE state = 'accepted' OR state = 'dead'", 1).await;
        outside.statuses_come_again(MessageStatus::Failed, Some(131_026)).await;
        outside.until("SELECT COUNT(*) FROM outbox WHERE state = 'dead'", 1).await;
        outside.until_idle().await;

        let letters = outside.postly(&["dead-letters", "list", "--json"]).await.exits(0).json();
        let [letter] = letters.as_array().unwrap().as_slice() else { panic!("{letters}") };
        assert_eq!(keys(letter), ["attempts", "authorId", "createdAt", "id", "queue", "reason", "refunded"]);
        let id = letter["id"].as_str().unwrap();
        assert!(is_time(&letter["createdAt"]) && letter["authorId"].is_string(), "{letter}");
        assert_eq!(
            (&letter["queue"], &letter["reason"], &letter["attempts"], &letter["refunded"]),
            (&json!("outbox"), &json!("undeliverable:131026"), &json!(1), &json!(true))
        );
        assert_eq!(outside.ledger(NUMBER).await, ["+5 trial", "-1 whatsapp_generation", "+1 refund"]);

        // The replay takes a new hold, and the reply arrives.
        let done = outside.postly(&["dead-letters", "replay", id, "--json"]).await.exits(0).json();
        assert_eq!(done, json!({"replayed": 1, "skipped": 0}));
        outside.until("SELECT COUNT(*) FROM outbox WHERE state = 'accepted'", 1).await;
        outside.until_idle().await;
        assert_eq!(outside.phone(&author).matches("*1.* ").count(), 1);
        let ledger = outside.ledger(NUMBER).await;
        assert_eq!(ledger, ["+5 trial", "-1 whatsapp_generation", "+1 refund", "-1 whatsapp_generation"]);
        outside.postly(&["dead-letters", "replay", id, "--json"]).await.exits(1);
        service.stop().await;
        outside.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn an_author_is_handed_over_and_erased_on_request() {
    for_each_engine(async |outside| {
        let grant = ["credits", "grant", "--phone", NUMBER, "--amount", "3", "--reason", "geste", "--json"];
        outside.postly(&grant).await.exits(0);
        let export = outside.postly(&["users", "export", "--phone", NUMBER]).await.exits(0);
        let export: Value = serde_json::from_str(&export.out).unwrap();
        assert_eq!(export["identities"][0]["phone"], NUMBER);
        assert_eq!(export["credits"]["entries"][0]["note"], "geste");
        let id = export["author"]["id"].as_str().unwrap().to_owned();

        let variables = outside.variables();
        let erase = async |args: &[&str]| {
            let args = [&["users", "erase"], args].concat();
            crate::process::run(&outside.folder, &args, &variables).await
        };
        erase(&["--phone", "+33600000000"]).await.exits(1);
        let erased = erase(&["--id", &id, "--json"]).await.exits(0).json();
        assert_eq!(erased, json!({ "erased": id }));
        erase(&["--id", &id]).await.exits(1);
        for command in [["users", "show"], ["users", "export"], ["credits", "show"]] {
            let ran = outside.postly(&[&command[..], &["--id", &id]].concat()).await.exits(1);
            assert!(ran.err.contains("no author"), "{ran:?}");
        }
        outside.postly(&["users", "show", "--phone", NUMBER]).await.exits(1);
        outside.assert_audit_is_clean().await;
        // Without the key of the author's hashes, the erasure is refused.
        let keyless: Vec<_> =
            variables.iter().filter(|(name, _)| name != "IDENTITY_HASH_KEY").cloned().collect();
        let ran =
            crate::process::run(&outside.folder, &["users", "erase", "--id", &id], &keyless).await.exits(2);
        assert!(ran.err.contains("IDENTITY_HASH_KEY"), "{ran:?}");
    })
    .await;
}
