//! Checks of the models: key, name, one small generation, price and shutdown date.

use std::{sync::Arc, time::Duration};

use postly_domain::{Brief, Language};
use postly_pipeline::{
    WriteError, WriteRequest, Writer,
    openai::{ModelInspection, ModelList, OpenAiConfig, OpenAiModel, is_openai_host, transcription_shutdown},
};

use super::Finding;
use crate::config::WriterChoice;

/// The time limit of the small generation. A generation for an author has 25 s.
const TIME_LIMIT: Duration = Duration::from_secs(5);
const BRIEF: &str = "Un post court pour Instagram : -10 % sur les croissants samedi";

/// Examines the writer.
pub(super) async fn examine(writer: &WriterChoice) -> Vec<Finding> {
    match writer {
        WriterChoice::Offline => vec![Finding::info(
            "model.offline",
            "The built-in writer writes, without a model",
            "Its posts are composed of fixed sentences with the facts of the brief.",
            "Set OPENAI_API_KEY, or OPENAI_BASE_URL and OPENAI_MODEL, to have a model write.",
        )],
        WriterChoice::OpenAi { first, fallback, transcribe_model } => {
            let second = async {
                match fallback {
                    Some(second) => one(second, "model_fallback", "OPENAI_FALLBACK_").await,
                    None => vec![],
                }
            };
            let (mut findings, more) = tokio::join!(one(first, "model", "OPENAI_"), second);
            findings.extend(more);
            if is_openai_host(&first.base_url) {
                findings.extend(transcription(transcribe_model));
            }
            findings
        }
    }
}

/// Examines the transcription model by its name alone, because there is no recording to send to it.
fn transcription(model: &str) -> Option<Finding> {
    let date = transcription_shutdown(model)?;
    Some(Finding::warning(
        "transcription.shutdown",
        format!("The provider shuts {model} down on {date}"),
        "From then on voice notes are answered with a hint to write instead.",
        "Set OPENAI_TRANSCRIBE_MODEL to another model before, such as gpt-transcribe.",
    ))
}

/// Examines one model. `area` begins the ids of findings, `variables` the names of its variables.
async fn one(config: &OpenAiConfig, area: &str, variables: &str) -> Vec<Finding> {
    let Ok(model) = OpenAiModel::new(config.clone()) else {
        return vec![Finding::error(
            format!("{area}.address"),
            format!("{variables}BASE_URL is no http(s) address"),
            "No posts are written.",
            format!("Correct {variables}BASE_URL."),
        )];
    };
    let inspection = model.inspect().await;
    let mut findings = known(config, &inspection, area, variables);
    if findings.iter().all(|finding| finding.level != super::Level::Error) {
        findings.extend(generation(model, config, area, variables).await);
    }
    findings
}

/// Returns the findings from the list of models and our own tables.
fn known(config: &OpenAiConfig, found: &ModelInspection, area: &str, variables: &str) -> Vec<Finding> {
    let (model, mut findings) = (&config.model, vec![]);
    match found.list {
        ModelList::Unreachable => findings.push(Finding::error(
            format!("{area}.unreachable"),
            format!("{} does not answer within 5 s", config.base_url),
            "No posts are written while this lasts; nothing is charged.",
            format!("Check the network, the firewall and {variables}BASE_URL."),
        )),
        ModelList::Refused(401 | 403) => findings.push(Finding::error(
            format!("{area}.key"),
            format!("{} refuses {variables}API_KEY", config.base_url),
            "No posts are written; nothing is charged.",
            format!("Make a key at the provider and set {variables}API_KEY."),
        )),
        ModelList::NotListed => findings.push(Finding::warning(
            format!("{area}.unlisted"),
            format!("{model} is not on the list of models of {}", config.base_url),
            "The name may be misspelt, or the account may not use it.",
            format!("Compare {variables}MODEL with the provider's list of models."),
        )),
        ModelList::Listed | ModelList::Refused(_) | ModelList::Unreadable => {}
    }
    if let Some(date) = &found.shutdown {
        findings.push(Finding::warning(
            format!("{area}.shutdown"),
            format!("The provider shuts {model} down on {date}"),
            "From then on no posts are written.",
            format!("Set {variables}MODEL to another model before, and read some of its posts first."),
        ));
    }
    if !found.has_price {
        findings.push(Finding::info(
            format!("{area}.price_unknown"),
            format!("The price of {model} is not known to this version"),
            "Calls are recorded without a price; credits are not affected.",
            "Nothing, or watch the costs at the provider.",
        ));
    }
    findings
}

/// Has the model write once, with the schema and checks of the service. This costs a fraction of a cent.
async fn generation(
    model: OpenAiModel,
    config: &OpenAiConfig,
    area: &str,
    variables: &str,
) -> Option<Finding> {
    let brief = Brief::parse(BRIEF).ok()?;
    let ask = WriteRequest {
        brief,
        is_explicit: true,
        language_hint: Language::Fr,
        language_hint_is_known: true,
        language_forced: None,
        platform: None,
        tone: None,
        brand: postly_domain::brand::Brand::default(),
        region: None,
        user_ref: "postly-doctor".to_owned(),
        seed: 0,
        revision: None,
        picture: None,
    };
    let writer = Writer::new(Arc::new(model));
    let name = &config.model;
    let failure = match tokio::time::timeout(TIME_LIMIT, writer.write(&ask)).await {
        Ok(Ok(_)) => return None,
        Ok(Err(failure)) => failure.kind,
        Err(_) => WriteError::DeadlineExceeded,
    };
    let kept = "Authors get an apology instead of posts; nothing is charged.";
    Some(match failure {
        WriteError::DeadlineExceeded => Finding::warning(
            format!("{area}.slow"),
            format!("{name} wrote no posts within 5 s"),
            "Authors wait; after 25 s they get an apology, and nothing is charged.",
            format!(
                "Choose a faster model, or set {variables}REASONING_EFFORT=none if it thinks before it answers."
            ),
        ),
        WriteError::Quota => Finding::error(
            format!("{area}.quota"),
            "The account at the model's provider is used up",
            kept,
            "Add credit or a payment method at the provider.",
        ),
        WriteError::RateLimited => Finding::warning(
            format!("{area}.rate_limited"),
            "The model's provider answers that there are too many requests",
            "Some authors get an apology at busy times.",
            "Ask the provider for a higher limit, or set a second one (OPENAI_FALLBACK_…).",
        ),
        WriteError::Unavailable => Finding::error(
            format!("{area}.unavailable"),
            format!("{} takes no request for {name}: it refuses it or fails", config.base_url),
            kept,
            format!(
                "Compare {variables}MODEL with the provider's list, and read the provider's status page."
            ),
        ),
        WriteError::SmallTalk
        | WriteError::OffTopic
        | WriteError::NoVision
        | WriteError::Unchangeable
        | WriteError::TooManyFacts
        | WriteError::NoTranslation
        | WriteError::UnclearInstructions
        | WriteError::Refused
        | WriteError::Filtered
        | WriteError::Truncated
        | WriteError::Invalid(_) => Finding::error(
            format!("{area}.schema"),
            format!("{name} does not write three posts in the form that is asked for"),
            kept,
            format!("Set {variables}MODEL to a model that follows a JSON schema; small ones often do not."),
        ),
    })
}
