//! Two model providers, as an operator configures them.

use std::time::Duration;

use postly_simulator::{Channel, Fault, FaultKind, RequestKind, Simulator, SimulatorConfig, Upstream};
use postly_testkit::EngineName;

use crate::outside::Outside;

const FIRST_KEY: &str = "sk-of-the-first-provider-0123456789";
const SECOND_KEY: &str = "sk-of-the-second-provider-0123456789";
const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";

fn asks_for(key: &str) -> SimulatorConfig {
    SimulatorConfig { openai_api_key: Some(key.to_owned()), ..SimulatorConfig::default() }
}

#[tokio::test]
async fn the_second_provider_writes_while_the_first_is_down_and_the_figures_say_so() {
    for engine in EngineName::ALL {
        let outside = Outside::start_with(engine, asks_for(FIRST_KEY)).await;
        let second = Simulator::start(asks_for(SECOND_KEY)).await.unwrap();
        let key_file = outside.folder.file("second-key", &format!("{SECOND_KEY}\n"));
        let service = outside
            .serve(&[
                ("OPENAI_FALLBACK_BASE_URL", &second.openai_base_url()),
                ("OPENAI_FALLBACK_API_KEY_FILE", &key_file),
                ("OPENAI_FALLBACK_MODEL", "second-model"),
                ("RUST_LOG", "postly_pipeline=trace,info"),
            ])
            .await;
        let body = r#"{"error":{"message":"quota","code":"insufficient_quota"}}"#.to_owned();
        let quota = FaultKind::Status { code: 429, body, headers: vec![] };
        outside.simulator.fault(Upstream::Model, Fault::always(quota));
        let fatou = outside.simulator.person(Channel::Meta, "+33639981001");
        outside.deliver_for_sure(&outside.simulator.webhook_text(&fatou, BRIEF)).await;
        let phone = outside.simulator.wait_for_messages(&fatou, 1, Duration::from_secs(30)).await;
        assert!(phone[0].body.contains("*3.*"), "{phone:?}");
        outside.until_idle().await;
        assert_eq!(outside.ledger("+33639981001").await, ["+5 trial", "-1 whatsapp_generation"]);

        // Each provider received one request, with its own key.
        for world in [&outside.simulator, &second] {
            let journal = world.journal();
            let asked: Vec<_> =
                journal.iter().filter(|entry| entry.kind == RequestKind::Completion).collect();
            assert_eq!(asked.len(), 1);
            assert!(asked.iter().all(|entry| entry.authorized));
        }
        let url = format!("http://{}/metrics", service.admin);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let figures = client.get(url).send().await.unwrap().text().await.unwrap();
        for line in [
            "postly_breaker_state{upstream=\"model\"} 0",
            "postly_breaker_state{upstream=\"model_fallback\"} 0",
            "postly_llm_requests_total{model=\"gpt-6-luna\",stage=\"draft\",outcome=\"quota\"} 1",
            "postly_llm_requests_total{model=\"second-model\",stage=\"draft\",outcome=\"ok\"} 1",
        ] {
            assert!(figures.lines().any(|found| found == line), "{line} in {figures}");
        }
        outside.assert_audit_is_clean().await;
        let logs = service.stop().await.join("\n");
        assert!(logs.contains("asking second-model"), "{logs}");
        for private in [FIRST_KEY, SECOND_KEY, "croissants"] {
            assert!(!logs.contains(private), "{private} in {logs}");
        }
        second.stop().await;
        outside.end().await;
    }
}
