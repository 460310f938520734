//! Asks a real model server for posts, and prints the result as one line of JSON:
//! `cargo run -p postly-pipeline --example ask_server -- BASE_URL MODEL [openai]`. `OPENAI_API_KEY` is sent
//! if it is set. With `openai`, the request has the fields of OpenAI's own host on any host. All briefs use
//! one client, one after another, so that fields refused for the first are left out for the second.

#![expect(clippy::print_stdout, reason = "the line is this example's whole answer")]

use std::{sync::Arc, time::Duration};

use postly_domain::{Brief, Language};
use postly_pipeline::{
    CallRecord, WriteRequest, Writer,
    openai::{Dialect, OpenAiConfig, OpenAiModel, Timing},
};
use serde_json::json;

const BRIEFS: [&str; 2] = [
    "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end",
    "Write a Facebook post: our bakery opens a tea room on Saturday",
];

/// Long, because a small model on a slow machine is judged by its answer, not by its speed.
const PATIENCE: Duration = Duration::from_secs(240);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (base_url, model, dialect) = match args.as_slice() {
        [base_url, model] => (base_url, model, Dialect::of(base_url)),
        [base_url, model, word] if word == "openai" => (base_url, model, Dialect::OpenAi),
        _ => return Err("ask_server BASE_URL MODEL [openai]".into()),
    };
    let api_key = std::env::var("OPENAI_API_KEY").ok().map(Into::into);
    let config = OpenAiConfig { dialect, ..OpenAiConfig::new(api_key, base_url, model) };
    let timing = Timing { attempt: PATIENCE, ..Timing::default() };
    let writer =
        Writer::new(Arc::new(OpenAiModel::with_timing(config, timing)?)).with_time_limit(2 * PATIENCE);
    for brief in BRIEFS {
        let ask = WriteRequest {
            brief: Brief::parse(brief)?,
            is_explicit: false,
            language_hint: Language::Fr,
            language_hint_is_known: true,
            language_forced: None,
            platform: None,
            tone: None,
            brand: postly_domain::brand::Brand::default(),
            region: None,
            user_ref: "0123456789abcdef".to_owned(),
            seed: 0,
            revision: None,
            picture: None,
        };
        let (ended, calls) = match writer.write(&ask).await {
            Ok(written) => ("Posts".to_owned(), written.calls),
            Err(failure) => (format!("{:?}", failure.kind), failure.calls),
        };
        let outcome = |call: &CallRecord| format!("{} {} ms", call.outcome, call.latency_ms);
        let calls: Vec<String> = calls.iter().map(outcome).collect();
        println!("{}", json!({"ended": ended, "calls": calls}));
    }
    Ok(())
}
