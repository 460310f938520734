//! The fields that a model's family accepts, read from its name.

use super::ReasoningEffort;

/// Removes the additions of gateways from a model's name: "openrouter/openai/gpt-6-luna:floor" becomes
/// "gpt-6-luna".
pub(super) fn bare(model: &str) -> &str {
    let name = model.rsplit('/').next().unwrap_or(model);
    name.split(':').next().unwrap_or(name)
}

/// The reasoning effort if the operator names none.
///
/// The luna tier reasons unless the request forbids it, which costs time and answer tokens; it accepts `none`
/// from 5.6 on. `gpt-6-astra` and `gpt-6.1-sol` do not accept `none`, and every other family uses its own
/// default.
pub(super) fn default_effort(model: &str) -> Option<ReasoningEffort> {
    let name = bare(model).to_ascii_lowercase();
    let (_, tier) = name.strip_prefix("gpt-")?.split_once('-')?;
    tier.strip_prefix("luna")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        .then_some(ReasoningEffort::None)
}

/// Families that never reason. A model that reasons refuses any temperature but its own, so a name that is
/// not listed here is sent none: the posts matter more than their variety.
const NEVER_REASON: &[&str] = &[
    "gpt-3.5",
    "gpt-4",
    "chatgpt-4o",
    "mistral-small",
    "mistral-medium",
    "mistral-large",
    "mistral-nemo",
    "open-mistral",
    "open-mixtral",
    "mixtral",
    "ministral",
    "llama",
    "meta-llama",
    "gemma",
    "phi-3",
    "phi3",
    "command-r",
    "smollm2",
    "qwen2.5",
];

/// True if a model never reasons, so that it accepts a temperature without an effort.
pub(super) fn never_reasons(model: &str) -> bool {
    let name = bare(model).to_ascii_lowercase();
    NEVER_REASON.iter().any(|family| name.starts_with(family))
}

/// True if a model's reasoning uses its answer tokens, at this effort.
pub(super) fn thinks(model: &str, effort: Option<ReasoningEffort>) -> bool {
    let name = bare(model).to_ascii_lowercase();
    match effort {
        Some(effort) => effort != ReasoningEffort::None,
        None => ["o1", "o3", "o4", "gpt-5", "gpt-6"].iter().any(|family| name.starts_with(family)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_family_stands_after_the_last_slash() {
        for (model, expected) in [
            ("gpt-6-luna", "gpt-6-luna"),
            ("openai/gpt-5-mini", "gpt-5-mini"),
            ("openrouter/openai/gpt-6-luna:floor", "gpt-6-luna"),
            ("", ""),
        ] {
            assert_eq!(bare(model), expected);
        }
    }

    #[test]
    fn only_a_model_that_thinks_unless_told_not_to_is_told() {
        let none = Some(ReasoningEffort::None);
        for (model, expected) in [
            ("gpt-6-luna", none),
            ("gpt-5.6-luna", none),
            ("gpt-6-luna-2026-09-22", none),
            ("openai/gpt-6-luna", none),
            ("GPT-6-Luna", none),
            ("gpt-6-astra", None),
            ("gpt-6.1-sol", None),
            ("gpt-6-sol", None),
            ("gpt-4o-mini", None),
            ("mistral-small-latest", None),
            ("gpt-6-lunatic", None),
        ] {
            assert_eq!(default_effort(model), expected, "{model}");
        }
    }

    #[test]
    fn a_temperature_goes_only_to_families_that_never_reason() {
        for model in
            ["gpt-4o-mini", "gpt-4.1", "mistral-small-latest", "meta/llama-3.1-8b", "gpt-4o-2024-11-20"]
        {
            assert!(never_reasons(model), "{model}");
        }
        for model in [
            "openai/gpt-5-mini",
            "gpt-6.1-sol",
            "gpt-6-astra",
            "o3",
            "magistral-small",
            "deepseek-r1",
            "tomorrow-1",
        ] {
            assert!(!never_reasons(model), "{model}");
        }
    }
}
