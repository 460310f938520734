//! `postly doctor`: a valid configuration has no errors, and each planted fault has its own finding.

use std::os::unix::fs::PermissionsExt as _;

use postly_simulator::{AccountSetup, Fault, FaultKind, ModelBehaviour, Upstream};
use postly_testkit::EngineName;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{
    outside::{Outside, variables},
    process::{Ran, Service, Variables, run},
};

const OPERATIONS: &str = include_str!("../../../../docs/OPERATIONS.md");
/// No server listens at this address.
const NOWHERE: &str = "http://127.0.0.1:1";
const SENDER: &str = "whatsapp:+15005550006";
const CONTENT: &str = "HX0123456789abcdef0123456789abcdef";

/// A running service, and its valid configuration.
struct Ward {
    outside: Outside,
    service: Service,
    public: String,
    setup: AccountSetup,
}

impl Ward {
    async fn open(engine: EngineName) -> Self {
        let outside = Outside::silent(engine).await;
        let service = outside.serve(&[]).await;
        let public = format!("http://{}", service.public);
        let mut setup = outside.simulator.setup();
        setup.senders = vec![(SENDER.to_owned(), "ONLINE".to_owned(), None)];
        let setup = setup.at(&public);
        if let Some(path) = outside.database.url.strip_prefix("sqlite://") {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        outside.backed_up_hours_ago(1).await;
        Self { outside, service, public, setup }
    }

    fn right(&self) -> Variables {
        let simulator = self.outside.simulator.base_url();
        let accounts = self.outside.simulator.config();
        let mut all = self.outside.variables();
        let right = variables(&[
            ("PUBLIC_BASE_URL", &self.public),
            ("OTP_SALT", "h7Gq2LrZ9vXw4TnB6mKd8PyS3cFj5AeU"),
            ("NEXTAUTH_SECRET", "Q1wE5rT9yU3iO7pA2sD6fG0hJ4kL8zXc"),
            ("IDENTITY_HASH_KEY", "mN6bV2cX8zL4kJ0hG7fD3sA9pO5iU1yT"),
            ("TWILIO_WHATSAPP_FROM", SENDER),
            ("TWILIO_OTP_CONTENT_SID", CONTENT),
            ("STRIPE_SECRET_KEY", &accounts.stripe.secret_key),
            ("STRIPE_WEBHOOK_SECRET", &accounts.stripe.webhook_secret),
            ("STRIPE_API_BASE_URL", &simulator),
            ("LEGAL_NAME", "Postly SARL"),
            ("LEGAL_ADDRESS", "1 rue des Halles, 69001 Lyon"),
            ("SUPPORT_EMAIL", "aide@postly.example"),
            ("TERMS_URL", "https://postly.example/cgv"),
        ]);
        all.retain(|(name, _)| !right.iter().any(|(changed, _)| changed == name));
        all.extend(right);
        all
    }

    /// Runs the command with these changes of the valid configuration; an empty value is an absent one.
    async fn doctor(&self, changes: &[(&str, &str)]) -> Ran {
        let mut all = self.right();
        all.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        all.extend(variables(changes));
        let ran = run(&self.outside.folder, &["doctor", "--json"], &all).await;
        for (name, value) in &all {
            let is_secret = ["TOKEN", "SECRET", "SALT", "KEY"].iter().any(|part| name.contains(part));
            let is_public = value.is_empty() || value == "changeme";
            assert!(
                is_public || !is_secret || !(ran.out.clone() + &ran.err).contains(value.as_str()),
                "{name}"
            );
        }
        ran
    }

    async fn close(self) {
        self.service.stop().await;
        self.outside.end().await;
    }
}

impl Outside {
    async fn backed_up_hours_ago(&self, hours: i64) {
        let at = self.simulator.now_ms() - hours * 3_600_000;
        self.database.change("DELETE FROM backups").await.unwrap();
        let add =
            format!("INSERT INTO backups (id, folder, finished_at_ms) VALUES ('one', '/nowhere', {at})");
        self.database.change(&add).await.unwrap();
    }
}

/// The findings of a run: id and level.
fn findings(ran: &Ran) -> Vec<(String, String)> {
    let body = ran.json();
    let list = body["findings"].as_array().unwrap();
    let is_error = |finding: &Value| finding["level"] == "error";
    assert_eq!(body["ok"], json!(!list.iter().any(is_error)), "{body}");
    assert_eq!(ran.code, Some(if body["ok"] == true { 0 } else { 1 }), "{ran:?}");
    list.iter()
        .map(|finding| {
            for key in ["what", "why", "do"] {
                assert!(!finding[key].as_str().unwrap().is_empty(), "{finding}");
            }
            (finding["id"].as_str().unwrap().to_owned(), finding["level"].as_str().unwrap().to_owned())
        })
        .collect()
}

#[tokio::test]
async fn a_configuration_that_is_right_has_no_errors() {
    for engine in EngineName::ALL {
        let ward = Ward::open(engine).await;
        ward.outside.simulator.set_setup(ward.setup.clone());
        let found = findings(&ward.doctor(&[]).await);
        // The test server runs without durability, which is a fault of a real server; the free disk of the
        // test machine is unrelated to the configuration.
        let of_the_machine = ["database.durability", "database.disk"];
        let found: Vec<_> = found
            .iter()
            .filter(|(id, level)| level != "info" && !of_the_machine.contains(&id.as_str()))
            .collect();
        assert!(found.is_empty(), "{engine:?}: {found:?}");
        let before = ward.outside.database.texts("SELECT COUNT(*) || '' FROM ledger").await;
        let plain = run(&ward.outside.folder, &["doctor"], &ward.right()).await;
        assert!(plain.out.contains("database.engine"), "{plain:?}");
        assert_eq!(ward.outside.database.texts("SELECT COUNT(*) || '' FROM ledger").await, before);
        assert!(ward.outside.simulator.accepted_messages().is_empty(), "nothing is sent");
        ward.close().await;
    }
}

/// A fault to plant: id, level, changed variables, and a change of the accounts at the providers.
type Plant = (&'static str, &'static str, &'static [(&'static str, &'static str)], fn(&mut AccountSetup));

const AS_IT_IS: fn(&mut AccountSetup) = |_| {};

const PLANTS: &[Plant] = &[
    ("config.OTP_SALT", "error", &[("OTP_SALT", "changeme")], AS_IT_IS),
    ("config.DATABASE_URL", "error", &[("DATABASE_URL", "mysql://somewhere/postly")], AS_IT_IS),
    ("config.META_APP_SECRET", "error", &[("META_APP_SECRET", "")], AS_IT_IS),
    ("config.WHATSAPP_PROVIDER", "error", &[("WHATSAPP_PROVIDER", "")], AS_IT_IS),
    ("config.STRIPE_WEBHOOK_SECRET", "error", &[("STRIPE_WEBHOOK_SECRET", "")], AS_IT_IS),
    ("secrets.weak", "warning", &[("OTP_SALT", "a-pepper-of-some-length")], AS_IT_IS),
    ("secrets.reused", "warning", &[("OTP_SALT", "Q1wE5rT9yU3iO7pA2sD6fG0hJ4kL8zXc")], AS_IT_IS),
    ("admin.exposed", "warning", &[("ADMIN_BIND_ADDRESS", "0.0.0.0:9090")], AS_IT_IS),
    (
        "admin.pages",
        "warning",
        &[("ADMIN_BIND_ADDRESS", "0.0.0.0:9090"), ("ADMIN_PASSWORD", "un croissant d'opérateur")],
        AS_IT_IS,
    ),
    ("proxy.everyone", "error", &[("TRUSTED_PROXIES", "0.0.0.0/0")], AS_IT_IS),
    ("proxy.untrusted", "warning", &[("PUBLIC_BASE_URL", "https://127.0.0.1:1")], AS_IT_IS),
    ("legal.name", "warning", &[("LEGAL_NAME", "")], AS_IT_IS),
    ("legal.address", "warning", &[("LEGAL_ADDRESS", "")], AS_IT_IS),
    ("legal.support_email", "warning", &[("SUPPORT_EMAIL", "")], AS_IT_IS),
    ("legal.terms_url", "warning", &[("TERMS_URL", "")], AS_IT_IS),
    ("database.address", "error", &[("DATABASE_URL", "sqlite://nowhere.db")], AS_IT_IS),
    ("database.schema", "error", &[("DATABASE_URL", "sqlite://empty.db")], AS_IT_IS),
    ("database.unavailable", "error", &[("DATABASE_URL", "postgres://postly@127.0.0.1:1/postly")], AS_IT_IS),
    ("public.unreachable", "error", &[("PUBLIC_BASE_URL", NOWHERE)], AS_IT_IS),
    ("public.verify_token", "error", &[("META_VERIFY_TOKEN", "another-verify-token")], AS_IT_IS),
    ("meta.token", "error", &[("META_ACCESS_TOKEN", "a-token-of-nobody")], AS_IT_IS),
    ("meta.token", "error", &[], |setup| setup.token_is_valid = false),
    ("meta.unreachable", "error", &[("META_GRAPH_BASE_URL", NOWHERE)], AS_IT_IS),
    ("meta.permissions", "error", &[], |setup| setup.scopes.truncate(1)),
    ("meta.number", "error", &[("META_PHONE_NUMBER_ID", "999")], AS_IT_IS),
    ("meta.number_status", "error", &[], |setup| setup.number_status = "PENDING".to_owned()),
    ("meta.number_quality", "warning", &[], |setup| setup.number_quality = "RED".to_owned()),
    ("meta.account_unknown", "warning", &[], |setup| setup.accounts.clear()),
    ("meta.template_missing", "error", &[("META_OTP_TEMPLATE", "another_template")], AS_IT_IS),
    ("meta.template_translation", "warning", &[], |setup| {
        setup.templates.retain(|template| template.language != "es");
    }),
    ("meta.template_status.fr", "error", &[], |setup| {
        setup.templates[0].status = "REJECTED".to_owned();
    }),
    ("meta.template_category", "error", &[], |setup| {
        setup.templates[0].category = "MARKETING".to_owned();
    }),
    ("meta.app_not_subscribed", "error", &[], |setup| setup.subscribed_apps.clear()),
    ("meta.webhook_missing", "error", &[], |setup| setup.callback = None),
    ("meta.callback", "error", &[], |setup| setup.callback = Some("https://old.example/hook".to_owned())),
    ("meta.fields", "error", &[], |setup| setup.fields.retain(|field| field != "messages")),
    ("meta.app_secret", "error", &[("META_APP_SECRET", "a-secret-of-another-app")], AS_IT_IS),
    ("twilio.credentials", "error", &[("TWILIO_AUTH_TOKEN", "a-token-of-another-account")], AS_IT_IS),
    ("twilio.unreachable", "error", &[("TWILIO_API_BASE_URL", NOWHERE)], AS_IT_IS),
    ("twilio.account_status", "error", &[], |setup| setup.twilio_status = "suspended".to_owned()),
    ("twilio.trial", "warning", &[], |setup| setup.twilio_type = "Trial".to_owned()),
    ("twilio.sender", "error", &[("TWILIO_WHATSAPP_FROM", "+15005550009")], AS_IT_IS),
    ("twilio.sender_offline", "error", &[], |setup| setup.senders[0].1 = "OFFLINE".to_owned()),
    ("twilio.callback", "error", &[], |setup| setup.senders[0].2 = None),
    ("twilio.sandbox", "warning", &[("TWILIO_WHATSAPP_FROM", "+14155238886")], AS_IT_IS),
    ("twilio.content_missing", "warning", &[("TWILIO_OTP_CONTENT_SID", "")], AS_IT_IS),
    (
        "twilio.content_unknown",
        "error",
        &[("TWILIO_OTP_CONTENT_SID", "HXffffffffffffffffffffffffffffffff")],
        AS_IT_IS,
    ),
    ("twilio.content_kind", "error", &[], |setup| setup.content_type = "twilio/text".to_owned()),
    ("twilio.content_approval", "error", &[], |setup| setup.content_approval = "pending".to_owned()),
    ("model.unreachable", "error", &[("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")], AS_IT_IS),
    ("model.unlisted", "warning", &[("OPENAI_MODEL", "gpt-6-moon")], AS_IT_IS),
    ("model.price_unknown", "info", &[("OPENAI_MODEL", "gpt-6-moon")], AS_IT_IS),
    ("model.shutdown", "warning", &[("OPENAI_MODEL", "gpt-4o-mini")], AS_IT_IS),
    ("model.offline", "info", &[("WRITER", "offline")], AS_IT_IS),
    (
        "model_fallback.unreachable",
        "error",
        &[("OPENAI_FALLBACK_BASE_URL", "http://127.0.0.1:1/v1"), ("OPENAI_FALLBACK_MODEL", "another")],
        AS_IT_IS,
    ),
    ("stripe.missing", "info", &[("STRIPE_SECRET_KEY", ""), ("STRIPE_WEBHOOK_SECRET", "")], AS_IT_IS),
    ("stripe.key", "error", &[("STRIPE_SECRET_KEY", "sk_test_of_another_account")], AS_IT_IS),
    ("stripe.permission", "error", &[], |setup| setup.stripe_key_reads = false),
    ("stripe.unreachable", "error", &[("STRIPE_API_BASE_URL", NOWHERE)], AS_IT_IS),
    ("stripe.test_mode", "warning", &[("PUBLIC_BASE_URL", "https://127.0.0.1:1")], AS_IT_IS),
    ("stripe.webhook_missing", "error", &[], |setup| setup.destinations.clear()),
    ("stripe.webhook_thin", "error", &[], |setup| setup.destinations[0].payload = "thin".to_owned()),
    ("stripe.webhook_disabled", "error", &[], |setup| {
        setup.destinations[0].status = "disabled".to_owned();
    }),
    ("stripe.webhook_events", "error", &[], |setup| {
        setup.destinations[0].events = vec!["checkout.session.completed".to_owned()];
    }),
    ("stripe.webhook_version", "warning", &[], |setup| {
        setup.destinations[0].api_version = Some("2019-12-03".to_owned());
    }),
];

#[tokio::test]
async fn k5_each_planted_fault_has_a_diagnosis_of_its_own() {
    let ward = Ward::open(EngineName::Sqlite).await;
    ward.outside.folder.file("empty.db", "");
    for (id, level, changes, arrange) in PLANTS {
        let mut setup = ward.setup.clone();
        arrange(&mut setup);
        ward.outside.simulator.set_setup(setup);
        let ran = ward.doctor(changes).await;
        let found = findings(&ran);
        let expected = ((*id).to_owned(), (*level).to_owned());
        assert!(found.contains(&expected), "{id}: {found:?}");
        assert!(
            OPERATIONS.contains(&format!("`{id}`")) || id.starts_with("config."),
            "{id} in OPERATIONS.md"
        );
    }
    let ids: std::collections::BTreeSet<_> = PLANTS.iter().map(|(id, ..)| id).collect();
    assert!(ids.len() >= 60, "{}", ids.len());
    ward.close().await;
}

#[tokio::test]
async fn the_request_that_makes_what_is_missing_is_printed_and_holds_no_secret() {
    let ward = Ward::open(EngineName::Sqlite).await;
    let action = async |id: &str, changes: &[(&str, &str)]| {
        let body = ward.doctor(changes).await.json();
        let found = body["findings"].as_array().unwrap().iter().find(|finding| finding["id"] == id).cloned();
        found.unwrap_or_else(|| panic!("{id} in {body}"))["do"].as_str().unwrap().to_owned()
    };
    let body_of = |action: &str| -> Value {
        let body = action.split_once("-d '").unwrap().1.split_once('\'').unwrap().0;
        serde_json::from_str(body).unwrap()
    };
    ward.outside.simulator.set_setup(ward.setup.clone());
    let waba = &ward.outside.simulator.config().meta.waba_id;
    let template = action("meta.template_missing", &[("META_OTP_TEMPLATE", "another_template")]).await;
    assert!(template.contains(&format!("/v25.0/{waba}/message_templates'")), "{template}");
    assert!(template.contains("Bearer $META_ACCESS_TOKEN"), "{template}");
    let body = body_of(&template);
    assert_eq!((&body["name"], &body["language"]), (&json!("another_template"), &json!("fr")));
    assert_eq!(body["components"][2]["buttons"][0], json!({"type": "OTP", "otp_type": "COPY_CODE"}));
    let mut setup = ward.setup.clone();
    setup.templates.retain(|template| !["es", "ar"].contains(&template.language.as_str()));
    ward.outside.simulator.set_setup(setup);
    let translations = action("meta.template_translation", &[]).await;
    assert!(translations.contains("upsert_message_templates"), "{translations}");
    assert_eq!(body_of(&translations)["languages"], json!(["es", "ar"]));
    let content = action("twilio.content_missing", &[("TWILIO_OTP_CONTENT_SID", "")]).await;
    assert!(content.contains("https://content.twilio.com/v1/Content'"), "{content}");
    assert_eq!(body_of(&content)["types"]["whatsapp/authentication"]["actions"][0]["type"], "COPY_CODE");
    ward.close().await;
}

#[tokio::test]
async fn faults_of_the_moment_are_told_apart() {
    let ward = Ward::open(EngineName::Sqlite).await;
    let simulator = &ward.outside.simulator;
    simulator.set_setup(ward.setup.clone());
    let expect = async |id: &str, level: &str, changes: &[(&str, &str)]| {
        let found = findings(&ward.doctor(changes).await);
        assert!(found.contains(&(id.to_owned(), level.to_owned())), "{id}: {found:?}");
        assert!(OPERATIONS.contains(&format!("`{id}`")), "{id} in OPERATIONS.md");
    };
    for (id, level, behaviour) in [
        ("model.schema", "error", ModelBehaviour::Garbage),
        ("model.slow", "warning", ModelBehaviour::LatencyMs(7_000)),
    ] {
        simulator.model(behaviour);
        expect(id, level, &[]).await;
    }
    simulator.model(ModelBehaviour::Compose);
    let answer = |code: u16, body: Value, headers: &[(&str, &str)]| FaultKind::Status {
        code,
        body: body.to_string(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    };
    let quota =
        json!({"error": {"message": "x", "type": "insufficient_quota", "code": "insufficient_quota"}});
    let unknown =
        json!({"error": {"message": "x", "type": "invalid_request_error", "code": "model_not_found"}});
    for (id, fault) in [
        ("model.quota", Fault::always(answer(429, quota, &[]))),
        ("model.unavailable", Fault::always(answer(404, unknown, &[]))),
        ("model.key", Fault::always(answer(401, json!({}), &[])).on_every_request()),
    ] {
        simulator.fault(Upstream::Model, fault);
        expect(id, "error", &[]).await;
        simulator.clear_faults();
    }
    let both = json!({
        "data": {"is_valid": true, "app_id": "1", "scopes": [], "granular_scopes": []},
        "display_phone_number": "15550783881",
    });
    let date = [("date", "Sat, 01 Jan 2000 00:00:00 GMT"), ("content-type", "application/json")];
    simulator.fault(Upstream::Meta, Fault::always(answer(200, both, &date)).on_every_request());
    expect("clock.skew", "error", &[]).await;
    simulator.clear_faults();
    simulator.fault(Upstream::Meta, Fault::always(FaultKind::Html200).on_every_request());
    expect("meta.unclear", "warning", &[]).await;
    simulator.clear_faults();
    let mut setup = ward.setup.clone();
    setup.token_expires_at_s = simulator.now_ms() / 1000 + 3 * 86_400;
    simulator.set_setup(setup);
    expect("meta.token_expires", "warning", &[]).await;
    simulator.set_setup(ward.setup.clone());

    ward.outside.database.change("DELETE FROM backups").await.unwrap();
    expect("backup.never", "warning", &[]).await;
    ward.outside.backed_up_hours_ago(49).await;
    expect("backup.old", "warning", &[]).await;
    let path = ward.outside.database.url.strip_prefix("sqlite://").unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
    expect("database.permissions", "warning", &[]).await;

    expect("public.other_service", "error", &[("PUBLIC_BASE_URL", &simulator.base_url())]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = format!("http://{}", listener.local_addr().unwrap());
    let redirecting = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            let answer = "HTTP/1.1 308 Permanent Redirect\r\nlocation: https://www.example/\r\ncontent-length: 0\r\n\r\n";
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    expect("public.redirect", "error", &[("PUBLIC_BASE_URL", &elsewhere)]).await;
    redirecting.abort();
    ward.close().await;
}

#[tokio::test]
async fn a_pooler_without_a_direct_address_is_told_of() {
    let ward = Ward::open(EngineName::Postgres).await;
    ward.outside.simulator.set_setup(ward.setup.clone());
    let url = &ward.outside.database.url;
    let sign = if url.contains('?') { '&' } else { '?' };
    let found = findings(&ward.doctor(&[("DATABASE_URL", &format!("{url}{sign}pgbouncer=true"))]).await);
    assert!(found.contains(&("database.pooler".to_owned(), "warning".to_owned())), "{found:?}");
    assert!(found.iter().any(|(id, _)| id == "backup.postgres"), "{found:?}");
    ward.close().await;
}
