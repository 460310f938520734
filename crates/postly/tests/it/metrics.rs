//! The metrics for the operator's Prometheus: names, help, rules and dashboards, after a journey through a
//! real process.
//!
//! With `POSTLY_TEST_PROMETHEUS` (any value; `cargo xtask ci` sets it), a real Prometheus and its promtool
//! check them.

use std::{collections::BTreeSet, path::PathBuf, process::Stdio, time::Duration};

use postly_domain::metric;
use postly_simulator::{Channel, MessageStatus};
use postly_testkit::EngineName;
use serde_json::Value;
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
    time::Instant,
};

use crate::{
    outside::{LOOK_AGAIN, Outside},
    process::{Folder, PATIENCE, Service},
};

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";

fn deploy(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(path)
}

fn has_prometheus() -> bool {
    std::env::var_os("POSTLY_TEST_PROMETHEUS").is_some()
}

/// Runs a brief, its statuses, a code, an unknown address, and the first run of the monitor.
async fn journey(outside: &Outside, service: &Service) {
    let fatou = outside.simulator.person(Channel::Meta, "+33639981001");
    outside.deliver_for_sure(&outside.simulator.webhook_text(&fatou, BRIEF)).await;
    outside.simulator.wait_for_messages(&fatou, 1, Duration::from_secs(30)).await;
    outside.until_idle().await;
    outside.statuses_come_again(MessageStatus::Delivered, None).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{}/api/auth/request-otp", service.public);
    let body = serde_json::json!({"phone": "+33639981001"}).to_string();
    let asked = client.post(url).header("content-type", "application/json").body(body).send().await.unwrap();
    assert_eq!(asked.status(), 200);
    for path in ["/nothing", "/nothing/else"] {
        let url = format!("http://{}{path}", service.public);
        assert_eq!(client.get(url).send().await.unwrap().status(), 404);
    }
    outside.until("SELECT COUNT(*) FROM monitor_reports", 3).await;
}

async fn scrape(service: &Service) -> String {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.get(format!("http://{}/metrics", service.admin)).send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn every_metric_has_its_help_and_unit_and_no_label_tells_of_an_author() {
    for engine in EngineName::ALL {
        let outside = Outside::start(engine).await;
        let service = outside.serve(&[]).await;
        journey(&outside, &service).await;
        let text = scrape(&service).await;
        let names = |prefix: &str| -> BTreeSet<String> {
            let lines = text.lines().filter_map(|line| line.strip_prefix(prefix));
            lines.map(|rest| rest.split(' ').next().unwrap().to_owned()).collect()
        };
        let (shown, helped) = (names("# TYPE "), names("# HELP "));
        assert_eq!(shown, helped);
        for name in &shown {
            assert!(metric::ALL.iter().any(|known| known.name == name), "{name}");
        }
        assert!(text.lines().filter(|line| line.starts_with("# HELP ")).all(|line| line.contains(" Unit: ")));
        for expected in [
            metric::WEBHOOK_ACK_SECONDS,
            metric::OWN_SECONDS,
            metric::LLM_SECONDS,
            metric::PROVIDER_SECONDS,
            metric::REPLY_SECONDS,
            metric::QUEUE_OLDEST_SECONDS,
            metric::DEAD_LETTERS_OPEN,
            metric::REFUNDS_LAST_DAY,
            metric::HANDOFFS_WAITING,
            metric::UNKNOWN_DELIVERIES,
            metric::LEDGER_MISMATCH_USERS,
            metric::HOLDS_STUCK,
            metric::SPEND_LAST_DAY,
            metric::BUILD_INFO,
        ] {
            assert!(shown.contains(expected), "{expected} is missing: {text}");
        }
        assert!(text.contains("# TYPE postly_webhook_ack_seconds histogram"), "{text}");
        for private in ["33639981001", "croissants", "/nothing"] {
            assert!(!text.contains(private), "{private} in {text}");
        }
        if has_prometheus() {
            promtool_accepts(&text).await;
        }
        service.stop().await;
        outside.end().await;
    }
}

async fn promtool_accepts(text: &str) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs");
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).await.unwrap();
    let judged = promtool.wait_with_output().await.unwrap();
    assert!(
        judged.status.success() && judged.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&judged.stderr)
    );
}

#[tokio::test]
async fn the_shipped_rules_pass_their_own_tests() {
    if !has_prometheus() {
        return;
    }
    for args in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]] {
        let judged =
            Command::new("promtool").args(args).current_dir(deploy("prometheus")).output().await.unwrap();
        assert!(judged.status.success(), "{args:?}: {judged:?}");
    }
}

/// Every metric name in an expression.
fn metrics_of(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words
        .filter(|word| word.starts_with("postly_") || word.starts_with("process_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn rules_and_dashboards_name_metrics_that_exist() {
    for file in ["prometheus/alerts.yml", "prometheus/alerts_test.yml", "grafana/postly.json"] {
        let text = std::fs::read_to_string(deploy(file)).unwrap();
        for name in metrics_of(&text) {
            let base = name.strip_suffix("_bucket").unwrap_or(&name);
            // A runbook with the name of its alert is not a metric.
            let known = metric::ALL.iter().any(|known| known.name == base) || name == "postly_down";
            assert!(known, "{file}: {name}");
        }
    }
}

/// A Prometheus that reads a service each second.
struct Prometheus {
    child: Child,
    address: String,
    _folder: Folder,
}

impl Prometheus {
    async fn beside(service: &Service) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let folder = Folder::fresh();
        let rules = deploy("prometheus/alerts.yml").canonicalize().unwrap();
        let file = folder.file(
            "prometheus.yml",
            &format!(
                "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: ['{}']\nscrape_configs:\n\
                 - {{job_name: postly, static_configs: [{{targets: ['{}']}}]}}\n",
                rules.display(),
                service.admin
            ),
        );
        let child = Command::new("prometheus")
            .arg(format!("--config.file={file}"))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("prometheus runs");
        Self { child, address, _folder: folder }
    }

    /// Returns the current series of an expression.
    async fn ask(&self, expression: &str) -> Result<Vec<Value>, String> {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("http://{}/api/v1/query", self.address);
        let answer = client.get(url).query(&[("query", expression)]).send().await;
        let answer: Value =
            answer.map_err(|error| error.to_string())?.json().await.map_err(|e| e.to_string())?;
        match answer["data"]["result"].as_array() {
            Some(series) if answer["status"] == "success" => Ok(series.clone()),
            _ => Err(answer.to_string()),
        }
    }

    /// Waits until an expression has series.
    async fn until(&self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let series = self.ask(expression).await;
            if series.as_ref().is_ok_and(|series| !series.is_empty()) {
                return;
            }
            assert!(Instant::now() < deadline, "{expression}: {series:?}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

#[tokio::test]
async fn every_expression_of_the_dashboard_gives_a_series_and_no_rule_fires_on_a_healthy_service() {
    if !has_prometheus() {
        return;
    }
    let outside = Outside::start(EngineName::Sqlite).await;
    let service = outside.serve(&[]).await;
    journey(&outside, &service).await;
    let mut prometheus = Prometheus::beside(&service).await;
    // Rates need two readings.
    prometheus.until("count_over_time(postly_build_info[1m]) >= 3").await;
    let dashboard: Value =
        serde_json::from_str(&std::fs::read_to_string(deploy("grafana/postly.json")).unwrap()).unwrap();
    let targets =
        dashboard["panels"].as_array().unwrap().iter().filter_map(|panel| panel["targets"].as_array());
    let mut asked = 0;
    for target in targets.flatten() {
        let expression = target["expr"].as_str().unwrap();
        let series = prometheus.ask(expression).await.unwrap_or_else(|error| panic!("{expression}: {error}"));
        assert!(!series.is_empty(), "no series: {expression}");
        asked += 1;
    }
    assert!(asked > 40, "{asked}");
    prometheus.until("count(ALERTS) or vector(0)").await;
    let firing = prometheus.ask("ALERTS{alertstate=\"firing\"}").await.unwrap();
    assert_eq!(firing, Vec::<Value>::new());
    prometheus.child.kill().await.unwrap();
    service.stop().await;
    outside.end().await;
}
