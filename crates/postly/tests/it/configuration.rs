//! The output of the binary for a wrong command line or configuration: all faults at once, by name, never a
//! value.

use postly_testkit::{Database, EngineName};

use crate::{
    outside::variables,
    process::{Folder, Ran, Variables, run},
};

const GOOD: [(&str, &str); 10] = [
    ("DATABASE_URL", "sqlite://data/test.db"),
    ("META_ACCESS_TOKEN", "a-token-of-some-length"),
    ("META_PHONE_NUMBER_ID", "106540352242922"),
    ("META_VERIFY_TOKEN", "verify-me"),
    ("META_APP_SECRET", "an-app-secret-of-some-length"),
    ("OTP_SALT", "a-pepper-of-some-length"),
    ("IDENTITY_HASH_KEY", "a-hash-key-of-some-length"),
    ("NEXTAUTH_SECRET", "a-session-secret-of-some-length"),
    ("PUBLIC_BASE_URL", "https://postly.example"),
    ("WRITER", "offline"),
];

/// The valid configuration with changes; an empty value is an absent one.
fn with(changes: &[(&str, &str)]) -> Variables {
    let mut all = variables(&GOOD);
    all.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    all.extend(variables(changes));
    all
}

/// Runs `serve`, which must refuse this configuration.
async fn refused(changes: &[(&str, &str)]) -> Ran {
    let folder = Folder::fresh();
    let ran = run(&folder, &["serve"], &with(changes)).await.exits(2);
    assert_eq!(ran.out, "", "nothing stands on standard output");
    assert!(!folder.path().join("data").exists(), "nothing was begun");
    ran
}

#[tokio::test]
async fn w10_all_faults_are_named_at_once_and_no_value_is_shown() {
    let ran = refused(&[
        ("OTP_SALT", "default-salt"),
        ("IDENTITY_HASH_KEY", ""),
        ("NEXTAUTH_SECRET", "votre-secret-nextauth-ici"),
        ("META_VERIFY_TOKEN", "7-chars"),
        ("META_APP_SECRET", "fifteen-letters"),
        ("META_ACCESS_TOKEN", "XXXXXXXXXXXXXXXXXXXXXXXX"),
        ("DATABASE_URL", "mysql://root:hunter2@somewhere/postly"),
        ("WHATSAPP_TRIAL_CREDITS", "plenty"),
        ("BIND_ADDRESS", "everywhere"),
        ("WRITER", "parrot"),
    ])
    .await;
    for name in [
        "OTP_SALT is a placeholder",
        "IDENTITY_HASH_KEY is missing",
        "NEXTAUTH_SECRET is a placeholder",
        "META_VERIFY_TOKEN is too short",
        "META_APP_SECRET is too short",
        "META_ACCESS_TOKEN is a placeholder",
        "DATABASE_URL must start with",
        "WHATSAPP_TRIAL_CREDITS must be",
        "BIND_ADDRESS must be",
        "WRITER must be",
    ] {
        assert!(ran.err.contains(name), "{name} in {}", ran.err);
    }
    for value in [
        "default-salt",
        "votre-secret",
        "7-chars",
        "fifteen-letters",
        "XXXX",
        "hunter2",
        "plenty",
        "everywhere",
        "parrot",
    ] {
        assert!(!ran.err.contains(value), "{value} in {}", ran.err);
    }
}

#[tokio::test]
async fn w10_changeme_is_no_secret() {
    let ran = refused(&[("OTP_SALT", "changeme"), ("IDENTITY_HASH_KEY", "CHANGEME")]).await;
    assert!(
        ran.err.contains("OTP_SALT is a placeholder")
            && ran.err.contains("IDENTITY_HASH_KEY is a placeholder")
    );
}

#[tokio::test]
async fn a_database_of_an_unknown_kind_is_refused_by_every_command() {
    for url in ["mysql://somewhere/postly", "postly.db", "sqlite://", "file:postly.db"] {
        let ran = refused(&[("DATABASE_URL", url)]).await;
        assert!(ran.err.contains("DATABASE_URL must start with"), "{ran:?}");
    }
    let folder = Folder::fresh();
    for args in [
        ["migrate", "", "", ""].as_slice(),
        &["audit", "--json"],
        &["users", "show", "--phone", "+33612345678"],
        &["credits", "show", "--phone", "+33612345678"],
        &["dead-letters", "list"],
    ] {
        let args: Vec<&str> = args.iter().copied().filter(|arg| !arg.is_empty()).collect();
        let ran = run(&folder, &args, &variables(&[("DATABASE_URL", "mysql://somewhere")])).await.exits(2);
        assert!(ran.err.contains("DATABASE_URL") && ran.out.is_empty(), "{ran:?}");
    }
}

#[tokio::test]
async fn a_database_in_memory_is_refused_by_name_and_by_every_command() {
    for url in ["sqlite://:memory:", "sqlite::memory:", "sqlite://postly.db?mode=memory"] {
        let ran = refused(&[("DATABASE_URL", url)]).await;
        assert!(ran.err.contains("DATABASE_URL names an SQLite database in memory"), "{ran:?}");
        let folder = Folder::fresh();
        let ran = run(&folder, &["audit"], &variables(&[("DATABASE_URL", url)])).await.exits(2);
        assert!(ran.err.contains("in memory") && ran.out.is_empty(), "{ran:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no file of that name is made");
    }
}

#[tokio::test]
async fn a_password_that_breaks_the_address_is_said_to_need_encoding() {
    let ran = refused(&[("DATABASE_URL", "postgres://postly:hunter#2@db.example/postly")]).await;
    assert!(ran.err.contains("write # as %23") && !ran.err.contains("hunter"), "{ran:?}");
}

#[tokio::test]
async fn a_real_provider_that_cannot_reach_us_is_refused_with_the_reason() {
    let twilio = [
        ("WHATSAPP_PROVIDER", "twilio"),
        ("TWILIO_ACCOUNT_SID", "AC0123456789abcdef0123456789abcdef"),
        ("TWILIO_AUTH_TOKEN", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"),
        ("TWILIO_WHATSAPP_FROM", "whatsapp:+14155238886"),
    ];
    for (url, reason) in [
        ("", "is on localhost"),
        ("http://localhost:8080", "is on localhost"),
        ("https://192.168.1.20", "is in a private network"),
        ("http://postly.example", "is plain http"),
    ] {
        let ran = refused(&[("PUBLIC_BASE_URL", url)]).await;
        assert!(ran.err.contains("PUBLIC_BASE_URL") && ran.err.contains(reason), "{ran:?}");
        let mut both = twilio.to_vec();
        both.push(("PUBLIC_BASE_URL", url));
        let ran = refused(&both).await;
        assert!(ran.err.contains(reason) && ran.err.contains("21609"), "{ran:?}");
    }
}

#[tokio::test]
async fn another_model_server_than_openais_needs_its_model_named() {
    let ran = refused(&[("OPENAI_BASE_URL", "https://api.mistral.ai/v1")]).await;
    assert!(ran.err.contains("OPENAI_MODEL is missing"), "{}", ran.err);
    let ran = refused(&[("OPENAI_REASONING_EFFORT", "a lot")]).await;
    assert!(ran.err.contains("OPENAI_REASONING_EFFORT must be one of"), "{}", ran.err);
    assert!(!ran.err.contains("a lot"), "{}", ran.err);
}

#[tokio::test]
async fn half_a_provider_is_refused_and_what_is_missing_is_named() {
    let ran = refused(&[("META_APP_SECRET", ""), ("META_VERIFY_TOKEN", "")]).await;
    for name in ["META_APP_SECRET is missing", "META_VERIFY_TOKEN is missing"] {
        assert!(ran.err.contains(name), "{}", ran.err);
    }
    let ran = refused(&[("TWILIO_ACCOUNT_SID", "AC0123456789abcdef0123456789abcdef")]).await;
    for name in ["TWILIO_AUTH_TOKEN is missing", "TWILIO_WHATSAPP_FROM is missing"] {
        assert!(ran.err.contains(name), "{}", ran.err);
    }
    let none = ["META_ACCESS_TOKEN", "META_PHONE_NUMBER_ID", "META_VERIFY_TOKEN", "META_APP_SECRET"];
    let ran = refused(&none.map(|name| (name, ""))).await;
    assert!(ran.err.contains("configure a WhatsApp provider"), "{}", ran.err);
}

#[tokio::test]
async fn half_a_second_model_provider_is_refused_and_what_is_missing_is_named() {
    let folder = Folder::fresh();
    let key = folder.file("key", "sk-of-the-second-provider\n");
    let ran = refused(&[("OPENAI_FALLBACK_API_KEY_FILE", &key)]).await;
    for name in ["OPENAI_FALLBACK_BASE_URL is missing", "OPENAI_FALLBACK_MODEL is missing"] {
        assert!(ran.err.contains(name), "{}", ran.err);
    }
    assert!(!ran.err.contains("sk-of-the-second"), "{}", ran.err);
    let ran = refused(&[("OPENAI_FALLBACK_BASE_URL", "https://second.example/v1")]).await;
    assert!(ran.err.contains("OPENAI_FALLBACK_MODEL is missing"), "{}", ran.err);
    let ran =
        refused(&[("OPENAI_FALLBACK_BASE_URL", "second.example"), ("OPENAI_FALLBACK_MODEL", "small")]).await;
    assert!(ran.err.contains("OPENAI_FALLBACK_BASE_URL must be"), "{}", ran.err);
}

#[tokio::test]
async fn two_providers_need_a_choice() {
    let both = [
        ("TWILIO_ACCOUNT_SID", "AC0123456789abcdef0123456789abcdef"),
        ("TWILIO_AUTH_TOKEN", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"),
        ("TWILIO_WHATSAPP_FROM", "whatsapp:+14155238886"),
    ];
    let ran = refused(&both).await;
    assert!(ran.err.contains("WHATSAPP_PROVIDER is missing"), "{}", ran.err);
    let mut wrong = both.to_vec();
    wrong.push(("WHATSAPP_PROVIDER", "pigeon"));
    let ran = refused(&wrong).await;
    assert!(
        ran.err.contains("WHATSAPP_PROVIDER must be one of") && !ran.err.contains("pigeon"),
        "{}",
        ran.err
    );
}

#[tokio::test]
async fn without_a_model_the_writer_must_be_chosen() {
    let ran = refused(&[("WRITER", "")]).await;
    assert!(ran.err.contains("WRITER is missing"), "{}", ran.err);
}

#[tokio::test]
async fn web_and_worker_need_a_database_that_can_be_shared() {
    for role in ["web", "worker"] {
        let folder = Folder::fresh();
        let ran = run(&folder, &["serve", "--role", role], &with(&[])).await.exits(2);
        assert!(ran.err.contains("PostgreSQL"), "{ran:?}");
        assert!(!folder.path().join("data").exists(), "nothing was begun");
    }
}

#[tokio::test]
async fn a_command_line_that_says_nothing_sensible_is_refused() {
    let folder = Folder::fresh();
    for args in [
        [].as_slice(),
        &["fly"],
        &["serve", "--role", "king"],
        &["users", "show"],
        &["users", "show", "--phone", "+33612345678", "--id", "x"],
        &["dead-letters", "replay"],
        &["dead-letters", "replay", "x", "--all"],
        &["demo", "--json"],
        &["demo", "--provider", "pigeon", "--brief", "x"],
    ] {
        let ran = run(&folder, args, &with(&[])).await.exits(2);
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{args:?}: {ran:?}");
    }
}

#[tokio::test]
async fn a_secret_may_lie_in_a_file() {
    let folder = Folder::fresh();
    let short = folder.file("short", "too-short\n");
    let good = folder.file("good", "a-pepper-of-some-length\n");
    // The fault of a file names its variable; a valid file is accepted.
    let check = async |changes: &[(&str, &str)], expected: Option<&str>| {
        let mut all = with(changes);
        // Another fault, so that the service never starts.
        all.extend(variables(&[("DEFAULT_REGION", "nowhere")]));
        let ran = run(&folder, &["serve"], &all).await.exits(2);
        assert!(ran.err.contains("DEFAULT_REGION"), "{ran:?}");
        match expected {
            Some(expected) => assert!(ran.err.contains(expected), "{expected} in {ran:?}"),
            None => assert!(!ran.err.contains("OTP_SALT"), "{ran:?}"),
        }
        assert!(!ran.err.contains("too-short") && !ran.err.contains("a-pepper"), "{ran:?}");
    };
    check(&[("OTP_SALT", ""), ("OTP_SALT_FILE", &good)], None).await;
    check(&[("OTP_SALT", ""), ("OTP_SALT_FILE", &short)], Some("OTP_SALT is too short")).await;
    check(&[("OTP_SALT", ""), ("OTP_SALT_FILE", "nowhere")], Some("OTP_SALT_FILE cannot be read")).await;
    check(&[("OTP_SALT_FILE", &good)], Some("OTP_SALT and OTP_SALT_FILE are both set")).await;
}

#[tokio::test]
async fn a_file_of_variables_is_read_and_the_process_wins() {
    let folder = Folder::fresh();
    folder.file(".env", "DATABASE_URL=mysql://from-the-file\n");
    let ran = run(&folder, &["migrate"], &[]).await.exits(2);
    assert!(ran.err.contains("DATABASE_URL"), "{ran:?}");
    run(&folder, &["migrate"], &variables(&[("DATABASE_URL", "sqlite://data/test.db")])).await.exits(0);

    folder.file(".env", "this is no variable, but a secret-in-the-wrong-place\n");
    let ran =
        run(&folder, &["migrate"], &variables(&[("DATABASE_URL", "sqlite://data/test.db")])).await.exits(2);
    assert!(ran.err.contains(".env") && !ran.err.contains("secret-in-the-wrong-place"), "{ran:?}");
}

#[tokio::test]
async fn migrating_twice_is_as_good_as_once() {
    let folder = Folder::fresh();
    for engine in EngineName::ALL {
        let database = Database::fresh(engine).await;
        database.db.close().await;
        let variables = variables(&[("DATABASE_URL", &database.url)]);
        for _ in 0..2 {
            run(&folder, &["migrate"], &variables).await.exits(0);
        }
        run(&folder, &["audit"], &variables).await.exits(0);
        database.drop().await;
    }
    let fresh = variables(&[("DATABASE_URL", "sqlite://a/folder/that/is/not/there.db")]);
    run(&folder, &["migrate"], &fresh).await.exits(0);
    assert!(folder.path().join("a/folder/that/is/not/there.db").exists());
}

#[tokio::test]
async fn s05_a_database_that_does_not_answer_is_a_failure_and_no_fault_of_the_configuration() {
    let folder = Folder::fresh();
    let url = "postgres://nobody:hunter2hunter2@127.0.0.1:1/postly";
    let ran = run(&folder, &["migrate"], &variables(&[("DATABASE_URL", url)])).await.exits(1);
    assert!(ran.err.contains("DATABASE_URL") && !ran.err.contains("hunter2"), "{ran:?}");
}
