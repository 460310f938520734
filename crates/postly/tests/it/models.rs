//! The configured model, from the operator's view.

use std::time::Duration;

use postly_simulator::{
    Channel, Fault, FaultKind, ModelServer, RefusalForm, RequestKind, SimulatorConfig, Upstream,
};
use postly_testkit::EngineName;
use serde_json::Value;

use crate::outside::Outside;

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";

async fn outside() -> Outside {
    Outside::start_with(EngineName::Sqlite, SimulatorConfig::default()).await
}

#[tokio::test]
async fn the_end_of_the_configured_model_is_told_once_at_the_start() {
    let outside = outside().await;
    let service = outside.serve(&[("OPENAI_MODEL", "gpt-4o-mini")]).await;
    let line: Value = serde_json::from_str(&service.line_with("shutdown_date").await).unwrap();
    assert_eq!(line["level"], "WARN", "{line}");
    assert!(line["message"].as_str().unwrap().contains("gpt-4o-mini"), "{line}");
    assert_eq!(line["shutdown_date"], "2027-01-14", "{line}");
    let logs = service.stop().await;
    assert_eq!(logs.iter().filter(|line| line.contains("shutdown_date")).count(), 1, "{logs:#?}");
    outside.end().await;
}

#[tokio::test]
async fn a_list_of_models_that_never_comes_delays_and_ends_nothing() {
    for kind in [FaultKind::Hang, FaultKind::Html200, FaultKind::ProviderError { code: 500 }] {
        let outside = outside().await;
        outside.simulator.fault(Upstream::Model, Fault::once(kind.clone()).on_every_request());
        let service = outside.serve(&[]).await;
        let fatou = outside.simulator.person(Channel::Meta, "+33639981001");
        while !outside.simulator.journal().iter().any(|entry| entry.kind == RequestKind::Lookup) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        outside.deliver_for_sure(&outside.simulator.webhook_text(&fatou, BRIEF)).await;
        let phone = outside.simulator.wait_for_messages(&fatou, 1, Duration::from_secs(30)).await;
        assert!(phone[0].body.contains("*3.*"), "{kind:?}: {phone:?}");
        service.stop().await;
        outside.end().await;
    }
}

#[tokio::test]
async fn a_refused_field_is_told_once_by_name_and_never_with_the_text_of_the_error() {
    let outside = outside().await;
    let refused = vec!["max_tokens", "temperature", "json_schema"];
    outside.simulator.model_server(ModelServer::Refusing(refused, RefusalForm::OpenAi));
    let service = outside.serve(&[("RUST_LOG", "postly_pipeline=trace,info")]).await;
    let fatou = outside.simulator.person(Channel::Meta, "+33639981001");
    for count in 1..=2 {
        outside.deliver_for_sure(&outside.simulator.webhook_text(&fatou, BRIEF)).await;
        let phone = outside.simulator.wait_for_messages(&fatou, count, Duration::from_secs(30)).await;
        assert!(phone[count - 1].body.contains("*3.*"), "{phone:?}");
    }
    let logs = service.stop().await;
    let told: Vec<Value> = logs
        .iter()
        .filter(|line| line.contains("refuses the field"))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let fields: Vec<&str> = told.iter().map(|line| line["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["max_tokens", "temperature", "response_format"]);
    for line in &told {
        assert_eq!(
            (&line["level"], &line["status"], &line["code"]),
            (&"WARN".into(), &400.into(), &"unsupported_parameter".into()),
            "{line}"
        );
    }
    for text in ["croissants", "not supported"] {
        assert!(!logs.concat().contains(text), "{text}");
    }
    outside.end().await;
}
