//! The environment of a service: a database, and the simulated world behind its sockets.

use std::time::Duration;

use postly_simulator::{Channel, MessageStatus, Person, Simulator, SimulatorConfig, StatusPolicy, Webhook};
use postly_testkit::{Database, EngineName, PUBLIC_BASE_URL};
use serde_json::Value;
use tokio::time::Instant;

use crate::process::{Folder, PATIENCE, Ran, Service, Variables, run};

/// The time between two checks of a condition.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(25);
/// The work that waits or is in progress: lanes, and events that have not joined their lane.
pub(crate) const WAITING: &str = "SELECT (SELECT COUNT(*) FROM lanes WHERE ready_at_ms IS NOT NULL) \
                                  + (SELECT COUNT(*) FROM inbox WHERE state = 'ready' AND in_lane = 0)";
/// The number of statuses that have not been applied.
const WAITING_STATUSES: &str = "SELECT COUNT(*) FROM inbox WHERE queue = 'status' AND state = 'ready'";
/// The trial credits of a number in these tests.
pub(crate) const TRIAL_CREDITS: &str = "5";

/// A database, a simulated world, and a working folder.
pub(crate) struct Outside {
    pub(crate) simulator: Simulator,
    pub(crate) database: Database,
    pub(crate) folder: Folder,
}

/// Variables from names and values.
pub(crate) fn variables(pairs: &[(&str, &str)]) -> Variables {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

impl Outside {
    pub(crate) async fn start(engine: EngineName) -> Self {
        Self::start_with(engine, SimulatorConfig::default()).await
    }

    /// A world that sends no status by itself.
    pub(crate) async fn silent(engine: EngineName) -> Self {
        let config = SimulatorConfig { statuses: StatusPolicy::silent(), ..SimulatorConfig::default() };
        Self::start_with(engine, config).await
    }

    pub(crate) async fn start_with(engine: EngineName, config: SimulatorConfig) -> Self {
        Self::on(Database::fresh(engine).await, config).await
    }

    /// A world around the given database.
    pub(crate) async fn on(database: Database, config: SimulatorConfig) -> Self {
        // From here on, the service alone uses the database.
        database.db.close().await;
        let simulator = Simulator::start(config).await.unwrap();
        Self { simulator, database, folder: Folder::fresh() }
    }

    pub(crate) async fn end(self) {
        self.simulator.stop().await;
        self.database.drop().await;
    }

    /// A complete configuration, with both providers.
    pub(crate) fn variables(&self) -> Variables {
        let accounts = self.simulator.config();
        let mut all = variables(&[
            ("DATABASE_URL", &self.database.url),
            ("BIND_ADDRESS", "127.0.0.1:0"),
            ("ADMIN_BIND_ADDRESS", "127.0.0.1:0"),
            ("PUBLIC_BASE_URL", PUBLIC_BASE_URL),
            ("WHATSAPP_PROVIDER", "meta"),
            ("META_ACCESS_TOKEN", &accounts.meta.access_token),
            ("META_PHONE_NUMBER_ID", &accounts.meta.phone_number_id),
            ("META_VERIFY_TOKEN", &accounts.meta.verify_token),
            ("META_APP_SECRET", &accounts.meta.app_secret),
            ("META_GRAPH_BASE_URL", &self.simulator.base_url()),
            ("TWILIO_ACCOUNT_SID", &accounts.twilio.account_sid),
            ("TWILIO_AUTH_TOKEN", &accounts.twilio.auth_token),
            ("TWILIO_WHATSAPP_FROM", &accounts.twilio.from),
            ("TWILIO_API_BASE_URL", &self.simulator.base_url()),
            ("OTP_SALT", "pepper-of-these-tests-only"),
            ("IDENTITY_HASH_KEY", "hash-key-of-these-tests-only"),
            ("NEXTAUTH_SECRET", "session-secret-of-these-tests-only"),
            ("WRITER", "openai"),
            ("OPENAI_BASE_URL", &self.simulator.openai_base_url()),
            ("OPENAI_MODEL", "gpt-6-luna"),
            ("WHATSAPP_TRIAL_CREDITS", TRIAL_CREDITS),
        ]);
        if let Some(key) = &accounts.openai_api_key {
            all.push(("OPENAI_API_KEY".to_owned(), key.clone()));
        }
        all
    }

    /// Starts the service, and gives its address to the providers.
    pub(crate) async fn serve(&self, more: &[(&str, &str)]) -> Service {
        self.serve_as("all", more).await
    }

    /// Starts the service in a role, and gives its address to the providers.
    pub(crate) async fn serve_as(&self, role: &str, more: &[(&str, &str)]) -> Service {
        let mut all = self.variables();
        all.extend(variables(more));
        let service = Service::start(&self.folder, role, &all).await;
        const PATH: &str = "/api/whatsapp/webhook";
        let url = format!("http://{}{PATH}", service.public);
        self.simulator.set_webhook(&url, &format!("{PUBLIC_BASE_URL}{PATH}")).unwrap();
        service
    }

    /// Runs a command of the operator.
    pub(crate) async fn postly(&self, args: &[&str]) -> Ran {
        run(&self.folder, args, &variables(&[("DATABASE_URL", &self.database.url)])).await
    }

    /// Passes the time: ends the leases of a dead process, and with them the pauses.
    pub(crate) async fn leases_end(&self) {
        self.database.change("UPDATE lanes SET ready_at_ms = 0 WHERE ready_at_ms IS NOT NULL").await.unwrap();
    }

    /// Passes the time: ends the 30 s of waiting for a status of attempts that began before this instant.
    pub(crate) async fn unclear_waits_end(&self, before_ms: i64) {
        let sql = format!(
            "UPDATE attempts SET started_at_ms = started_at_ms - 60000 \
             WHERE state IN ('sending', 'unclear') AND started_at_ms < {before_ms}"
        );
        self.database.change(&sql).await.unwrap();
        self.pauses_end().await;
    }

    /// Passes the time: messages that wait for an instant, without a lease, become due.
    pub(crate) async fn pauses_end(&self) {
        let sql = "UPDATE lanes SET ready_at_ms = 0 WHERE queue = 'outbox' AND lease_token IS NULL \
                   AND ready_at_ms IS NOT NULL";
        self.database.change(sql).await.unwrap();
    }

    /// Waits until a query returns this number.
    pub(crate) async fn until(&self, sql: &'static str, expected: i64) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.database.count(sql).await;
            if found == expected {
                return;
            }
            if Instant::now() >= deadline {
                panic!("{found} instead of {expected}: {sql}\n{}", self.waiting().await);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The work that waits, for the output of a failed test.
    pub(crate) async fn waiting(&self) -> String {
        const LANES: &str = "SELECT queue || ' ' || lane || ': ' || waiting || ' waiting, due ' || ready_at_ms || ', ' \
                             || COALESCE(lease_token, 'in nobody''s hands') FROM lanes WHERE ready_at_ms IS NOT NULL";
        const MESSAGES: &str = "SELECT outbox.state || ' message, attempt ' || COALESCE(attempts.state, 'none') \
                                FROM outbox LEFT JOIN attempts ON attempts.message_id = outbox.id \
                                WHERE outbox.finished_at_ms IS NULL";
        let mut lines = self.database.texts(LANES).await;
        lines.extend(self.database.texts(MESSAGES).await);
        lines.join("\n")
    }

    /// Waits until no work waits or is in progress.
    pub(crate) async fn until_idle(&self) {
        self.until(WAITING, 0).await;
    }

    /// Delivers a webhook until it is accepted, as its provider does, even while the service is down.
    pub(crate) async fn deliver_for_sure(&self, webhook: &Webhook) {
        insist(&self.simulator, webhook).await;
    }

    /// The providers repeat the statuses that were not accepted: every accepted message has this status.
    pub(crate) async fn statuses_come_again(&self, status: MessageStatus, code: Option<i64>) {
        for (_, _, message) in self.simulator.accepted_messages() {
            self.deliver_for_sure(&self.simulator.webhook_status(&message.id, status, code)).await;
        }
        self.until(WAITING_STATUSES, 0).await;
    }

    /// All messages on a person's phone, as one text.
    pub(crate) fn phone(&self, person: &Person) -> String {
        let texts: Vec<_> =
            self.simulator.phone_messages(person).into_iter().map(|message| message.body).collect();
        texts.join("\n\n")
    }

    /// The ledger of a number, oldest first, as `+5 trial`, from the operator's command.
    pub(crate) async fn ledger(&self, number: &str) -> Vec<String> {
        let shown = self.postly(&["credits", "show", "--phone", number, "--json"]).await.exits(0).json();
        let entries = shown["entries"].as_array().unwrap();
        let line = |entry: &Value| {
            format!("{:+} {}", entry["delta"].as_i64().unwrap(), entry["reason"].as_str().unwrap())
        };
        entries.iter().rev().map(line).collect()
    }

    /// Asserts that `postly audit` finds no violation.
    pub(crate) async fn assert_audit_is_clean(&self) {
        let audit = self.postly(&["audit", "--json"]).await;
        assert_eq!(audit.code, Some(0), "{audit:?}");
        assert_eq!(audit.json()["ok"], true);
    }
}

/// See [`Outside::deliver_for_sure`].
pub(crate) async fn insist(simulator: &Simulator, webhook: &Webhook) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let delivery = simulator.deliver(webhook).await;
        if delivery.status == 200 {
            return;
        }
        assert!(Instant::now() < deadline, "nobody takes the webhook: {delivery:?}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Both providers, each with an author's number.
pub(crate) const CHANNELS: [(Channel, &str); 2] =
    [(Channel::Meta, "+33639981001"), (Channel::Twilio, "+33639981002")];

/// Waits until a condition holds.
pub(crate) async fn until(holds: impl AsyncFn() -> bool) {
    let waited = async {
        while !holds().await {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    tokio::time::timeout(PATIENCE, waited).await.expect("it holds in time");
}
