//! The three calls of the design: read the intent, build a prompt, write the posts.

use postly_domain::Language;
use postly_pipeline::Written;
use serde_json::json;

use crate::{Call, Counter, numbered};

const PARSE_INTENT: &str = include_str!("guide/parse_intent.txt");
const PROMPT_BUILDER: &str = include_str!("guide/prompt_builder.txt");
const GENERATE: &str = include_str!("guide/generate.txt");
/// The answer of the second call, with gaps for the brief and its intent.
const BUILT_PROMPT: &str = include_str!("guide/built_prompt.txt");

/// The calls for a brief, with these posts as the answer of the last.
pub(crate) fn calls(counter: &Counter, brief: &str, written: &Written) -> [Call; 3] {
    let intent = &written.intent;
    let read = json!({
        "platform": intent.platform.as_str(),
        "industry": intent.industry,
        "objective": intent.objective,
        "tone": intent.tone,
    })
    .to_string();
    let language = language_name(intent.language);
    let in_language = |prompt: &str| prompt.trim_end().replace("{language}", language);
    let built = in_language(BUILT_PROMPT)
        .replace("{brief}", brief)
        .replace("{industry}", &intent.industry)
        .replace("{objective}", &intent.objective)
        .replace("{platform}", intent.platform.as_str())
        .replace("{tone}", &intent.tone);
    [
        counter.call(PARSE_INTENT.trim_end(), brief, &read),
        counter.call(&in_language(PROMPT_BUILDER), &format!("BRIEF: \"{brief}\"\nINTENT: {read}"), &built),
        counter.call(&in_language(GENERATE), &built, &numbered(written)),
    ]
}

fn language_name(language: Language) -> &'static str {
    match language {
        Language::Fr => "français",
        Language::En => "anglais",
        Language::Es => "espagnol",
        Language::Pt => "portugais",
        Language::Ar => "arabe",
    }
}
