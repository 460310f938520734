//! The OpenAI-compatible server.

use postly_simulator::{Fault, FaultKind, ModelBehaviour, SimulatorConfig, Upstream};
use serde_json::{Value, json};

use crate::{Scene, answer};

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";

fn schema() -> Value {
    let variant = json!({"type": "object", "additionalProperties": false, "required": ["text", "angle"],
        "properties": {"text": {"type": "string"}, "angle": {"type": "string"}}});
    json!({"type": "object", "additionalProperties": false, "required": ["kind", "platform", "notes", "variants"],
    "properties": {
        "kind": {"type": "string", "enum": ["post", "smallTalk", "offTopic"]},
        "platform": {"type": "string"},
        "notes": {"type": ["string", "null"]},
        "variants": {"type": "array", "items": variant},
    }})
}

fn request() -> Value {
    json!({
        "model": "gpt-6-luna",
        "messages": [
            {"role": "system", "content": "Write posts."},
            {"role": "user", "content": json!({"brief": BRIEF, "language": "fr"}).to_string()},
        ],
        "response_format": {"type": "json_schema", "json_schema": {"name": "posts", "strict": true, "schema": schema()}},
        "max_completion_tokens": 1200,
        "temperature": 0.7,
        "store": false,
    })
}

fn content(body: &Value) -> Value {
    serde_json::from_str(body["choices"][0]["message"]["content"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn it_composes_three_posts_in_the_shape_asked_for() {
    let scene = Scene::set().await;
    let response = scene.model_request(&request()).send().await.unwrap();
    assert!(response.headers().contains_key("x-request-id"));
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    assert_eq!(body["choices"][0]["message"]["refusal"], Value::Null);
    assert!(body["usage"]["total_tokens"].as_u64().unwrap() > 0);
    let said = content(&body);
    assert_eq!(said["kind"], "post");
    assert_eq!(said["notes"], Value::Null);
    assert!(said.get("industry").is_none(), "the schema has no such key");
    let variants = said["variants"].as_array().unwrap();
    assert_eq!(variants.len(), 3);
    assert!(
        variants.iter().all(|variant| variant["text"].as_str().unwrap().contains("-20 % sur les croissants"))
    );
}

#[tokio::test]
async fn a_repair_is_about_the_same_brief() {
    let scene = Scene::set().await;
    let mut request = request();
    let more = [
        json!({"role": "assistant", "content": "oops"}),
        json!({"role": "user", "content": "Not JSON. Repair."}),
    ];
    request["messages"].as_array_mut().unwrap().extend(more);
    request.as_object_mut().unwrap().remove("response_format");
    let said = content(&scene.model(&request).await.1);
    assert_eq!(said["language"], "fr");
    assert!(said["variants"][0]["text"].as_str().unwrap().contains("-20 %"));
}

#[tokio::test]
async fn wrong_requests_are_refused() {
    let scene = Scene::set().await;
    let cases: Vec<(&str, Value)> = vec![
        ("/max_tokens", json!(100)),
        ("/unheard_of", json!(1)),
        ("/model", json!("")),
        ("/messages", json!([])),
        ("/messages/0/role", json!("narrator")),
        ("/temperature", json!(3)),
        ("/max_completion_tokens", json!(0)),
        ("/stream", json!(true)),
        (
            "/response_format",
            json!({"type": "json_schema", "schema": {}, "json_schema": {"name": "posts", "schema": {}}}),
        ),
        ("/response_format/json_schema/name", json!("three posts")),
        ("/response_format/json_schema/name", json!("x".repeat(65))),
        ("/response_format/json_schema/schema", Value::Null),
        ("/response_format/json_schema/schema/additionalProperties", json!(true)),
        ("/response_format/json_schema/schema/required", json!(["kind"])),
        ("/response_format/json_schema/schema/properties/variants/items/required", json!(["text"])),
    ];
    for (pointer, value) in cases {
        let mut body = request();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match body.pointer_mut(parent).unwrap() {
            Value::Object(object) => drop(object.insert(key.to_owned(), value)),
            other => panic!("{other} has no {key}"),
        }
        let (status, said) = scene.model(&body).await;
        assert_eq!(
            (status, &said["error"]["type"]),
            (400, &json!("invalid_request_error")),
            "{pointer}: {said}"
        );
    }
    let plain = json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "response_format": {"type": "json_object"}});
    assert_eq!(scene.model(&plain).await.0, 400, "the word JSON is missing");
    let not_json = scene.client.post(format!("{}/chat/completions", scene.world.openai_base_url())).body("{");
    assert_eq!(answer(not_json.header("content-type", "application/json")).await.unwrap().0, 400);
}

#[tokio::test]
async fn a_configured_key_is_asked_for() {
    let config =
        SimulatorConfig { openai_api_key: Some("sk-simulated".to_owned()), ..SimulatorConfig::default() };
    let scene = Scene::set_with(config).await;
    assert_eq!(scene.model(&request()).await.0, 401);
    assert_eq!(answer(scene.model_request(&request()).bearer_auth("sk-simulated")).await.unwrap().0, 200);
    let models =
        scene.client.get(format!("{}/models", scene.world.openai_base_url())).bearer_auth("sk-simulated");
    assert_eq!(answer(models).await.unwrap().1["object"], "list");
}

#[tokio::test]
async fn it_can_behave_in_many_ways() {
    let scene = Scene::set().await;
    let ask = async |behaviour: ModelBehaviour| {
        scene.world.model_once(behaviour);
        scene.model(&request()).await.1["choices"][0].clone()
    };
    let texts = |choice: &Value| -> Vec<String> {
        let said: Value = serde_json::from_str(choice["message"]["content"].as_str().unwrap()).unwrap();
        said["variants"].as_array().unwrap().iter().map(|variant| variant["text"].to_string()).collect()
    };
    assert_eq!(texts(&ask(ModelBehaviour::TwoVariants).await).len(), 2);
    assert_eq!(texts(&ask(ModelBehaviour::FourVariants).await).len(), 4);
    let equal = texts(&ask(ModelBehaviour::ThreeEqual).await);
    assert!(equal.len() == 3 && equal.iter().all(|text| text == &equal[0]));
    assert!(texts(&ask(ModelBehaviour::InventsNumber).await).iter().all(|text| text.contains("37 %")));
    let refused = ask(ModelBehaviour::Refuses).await;
    assert!(refused["message"]["content"].is_null() && refused["message"]["refusal"].is_string());
    assert_eq!(ask(ModelBehaviour::Filtered).await["finish_reason"], "content_filter");
    let cut = ask(ModelBehaviour::Truncated).await;
    assert_eq!(cut["finish_reason"], "length");
    assert!(serde_json::from_str::<Value>(cut["message"]["content"].as_str().unwrap()).is_err());
    let garbage = ask(ModelBehaviour::Garbage).await;
    assert!(serde_json::from_str::<Value>(garbage["message"]["content"].as_str().unwrap()).is_err());
    assert!(
        ask(ModelBehaviour::SmallTalk).await["message"]["content"].as_str().unwrap().contains("smallTalk")
    );
    assert!(ask(ModelBehaviour::OffTopic).await["message"]["content"].as_str().unwrap().contains("offTopic"));
    assert_eq!(ask(ModelBehaviour::Content("tel quel".to_owned())).await["message"]["content"], "tel quel");
    assert_eq!(texts(&ask(ModelBehaviour::LatencyMs(20)).await).len(), 3);
    scene.world.model(ModelBehaviour::Garbage);
    let (_, said) = scene.model(&request()).await;
    assert_eq!(said["choices"][0], garbage);
}

#[tokio::test]
async fn the_model_can_be_down() {
    let scene = Scene::set().await;
    for status in [429, 500, 503] {
        scene.world.fault(Upstream::Model, Fault::once(FaultKind::ProviderError { code: status }));
        let (got, said) = scene.model(&request()).await;
        assert_eq!(i64::from(got), status);
        assert!(said["error"]["message"].is_string());
    }
    scene.world.fault(Upstream::Model, Fault::once(FaultKind::ResetBeforeAcceptance));
    assert!(answer(scene.model_request(&request())).await.is_err());
    scene.world.fault(Upstream::Model, Fault::once(FaultKind::AcceptThenTornBody));
    assert!(answer(scene.model_request(&request())).await.is_err());
}
