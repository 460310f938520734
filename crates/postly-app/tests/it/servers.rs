//! Model servers that accept fewer fields than OpenAI's: the posts arrive, are paid once, and each field is
//! refused only once.

use postly_pipeline::openai::Dialect;
use postly_simulator::{ModelServer, RefusalForm, RequestKind, Simulator};
use postly_testkit::{EngineName, Options, TestApp, for_each_engine_with};
use serde_json::Value;

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";
const FAILURE: &str = "❌ Erreur lors de la génération. Réessayez plus tard. Aucun crédit n'a été débité.";

/// Every optional field of a request, under each of its names.
const EVERY_FIELD: [&str; 9] = [
    "max_tokens",
    "max_completion_tokens",
    "json_schema",
    "json_object",
    "reasoning_effort",
    "temperature",
    "store",
    "safety_identifier",
    "stream",
];

fn completions(world: &Simulator) -> Vec<Value> {
    let journal = world.journal();
    let asked = journal.iter().filter(|entry| entry.kind == RequestKind::Completion);
    asked.map(|entry| serde_json::from_slice(&entry.body).unwrap()).collect()
}

fn fields(request: &Value) -> Vec<&str> {
    request.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Asserts that one brief succeeds after at most this number of refusals, and the next one without any.
async fn delivers(app: &TestApp, server: ModelServer, most_refusals: usize) {
    let name = format!("{server:?}");
    app.world.model_server(server);
    let fatou = app.author();
    fatou.says(BRIEF).await;
    assert!(fatou.last_text().contains("*3.*"), "{name}: {}", fatou.last_text());
    let asked = completions(&app.world);
    assert!((1..=most_refusals + 1).contains(&asked.len()), "{name}: {} requests", asked.len());
    fatou.says(BRIEF).await;
    assert!(fatou.last_text().contains("*3.*"), "{name}: {}", fatou.last_text());
    let again = completions(&app.world);
    assert_eq!(again.len(), asked.len() + 1, "{name}: what was refused is remembered");
    assert_eq!(fields(again.last().unwrap()), fields(asked.last().unwrap()), "{name}");
    let ledger = ["+5 trial", "-1 whatsapp_generation", "-1 whatsapp_generation"];
    assert_eq!(fatou.ledger().await, ledger, "{name}");
    app.assert_audit_is_clean().await;
}

async fn each_delivers(model: (&'static str, Dialect), server: ModelServer, most_refusals: usize) {
    let options = Options { model, ..Options::default() };
    for_each_engine_with(options, async |app| delivers(app, server.clone(), most_refusals).await).await;
}

#[tokio::test]
async fn a_compatible_server_takes_the_first_request() {
    for model in ["mistral-small-latest", "llama3.2", "openai/gpt-6-luna"] {
        each_delivers((model, Dialect::Compatible), ModelServer::Compatible, 0).await;
    }
}

#[tokio::test]
async fn openai_takes_the_first_request_to_each_of_its_models() {
    for model in ["gpt-6-luna", "gpt-6.1-sol", "gpt-6-astra", "gpt-5.6-luna", "gpt-5-mini"] {
        each_delivers((model, Dialect::OpenAi), ModelServer::Gpt6, 0).await;
    }
    // Behind a gateway that forwards every field.
    each_delivers(("openai/gpt-6-luna", Dialect::Compatible), ModelServer::Gpt6, 1).await;
}

#[tokio::test]
async fn mistral_takes_the_first_request_and_mends_one_made_for_openai() {
    let refused = vec!["store", "max_completion_tokens", "safety_identifier", "reasoning_effort"];
    for form in [RefusalForm::MistralTop, RefusalForm::MistralMessage, RefusalForm::MistralInText] {
        let server = ModelServer::Refusing(refused.clone(), form);
        each_delivers(("mistral-small-latest", Dialect::Compatible), server.clone(), 0).await;
        each_delivers(("gpt-6-luna", Dialect::OpenAi), server, 1).await;
    }
}

#[tokio::test]
async fn litellm_names_the_fields_in_its_sentence_only() {
    let server = ModelServer::Refusing(vec!["store", "safety_identifier"], RefusalForm::LiteLlm);
    each_delivers(("openai/gpt-6-luna", Dialect::OpenAi), server, 1).await;
}

#[tokio::test]
async fn a_field_that_is_refused_is_left_out_whatever_the_field_and_the_words() {
    let forms = [RefusalForm::OpenAi, RefusalForm::LiteLlm, RefusalForm::LlamaCpp, RefusalForm::MistralTop];
    for (dialect, shift) in [(Dialect::OpenAi, 0), (Dialect::Compatible, 1)] {
        for (field, form) in EVERY_FIELD.into_iter().zip(forms.into_iter().cycle().skip(shift)) {
            let options = Options { model: ("gpt-6-luna", dialect), ..Options::default() };
            let app = TestApp::start(EngineName::Sqlite, &options).await;
            delivers(&app, ModelServer::Refusing(vec![field], form), 1).await;
            app.stop().await;
        }
    }
}

#[tokio::test]
async fn a_server_that_takes_no_optional_field_at_all_still_writes() {
    for form in
        [RefusalForm::OpenAi, RefusalForm::LiteLlm, RefusalForm::LlamaCpp, RefusalForm::MistralMessage]
    {
        let server = ModelServer::Refusing(EVERY_FIELD.to_vec(), form);
        each_delivers(("gpt-6-luna", Dialect::OpenAi), server, 9).await;
    }
}

#[tokio::test]
async fn a_required_field_is_never_left_out() {
    for field in ["model", "messages"] {
        for form in [RefusalForm::OpenAi, RefusalForm::MistralTop, RefusalForm::LiteLlm] {
            for_each_engine_with(Options::default(), async |app| {
                app.world.model_server(ModelServer::Refusing(vec![field], form));
                let fatou = app.author();
                fatou.says(BRIEF).await;
                assert!(fatou.last_text().starts_with(FAILURE), "{}", fatou.last_text());
                assert_eq!(completions(&app.world).len(), 1);
                assert_eq!(fatou.ledger().await, ["+5 trial"]);
            })
            .await;
        }
    }
}
