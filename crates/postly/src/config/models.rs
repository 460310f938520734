//! The variables of the writer and its models.

use postly_domain::ModelBudget;
use postly_pipeline::openai::{
    DEFAULT_MODEL, DEFAULT_TRANSCRIBE_MODEL, OpenAiConfig, ReasoningEffort, is_openai_host,
};

use super::Reader;

/// The writer of posts.
#[derive(Debug)]
pub(crate) enum WriterChoice {
    Offline,
    OpenAi {
        first: OpenAiConfig,
        /// Used while the first server is down.
        fallback: Option<OpenAiConfig>,
        /// The model of the first server that transcribes voice notes.
        transcribe_model: String,
    },
}

impl WriterChoice {
    /// The name of the model, or `offline`.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Offline => "offline",
            Self::OpenAi { first, .. } => &first.model,
        }
    }
}

impl Reader {
    /// Reads the writer and its models.
    pub(super) fn writer(&mut self) -> Option<WriterChoice> {
        #[derive(Clone, Copy, PartialEq)]
        enum Choice {
            OpenAi,
            Offline,
        }
        let api_key = self.maybe_secret("OPENAI_API_KEY");
        let has_base = self.get("OPENAI_BASE_URL").is_some();
        let base_url = self.url("OPENAI_BASE_URL", "https://api.openai.com/v1");
        let model = self.get("OPENAI_MODEL");
        if model.is_none() && !is_openai_host(&base_url) {
            self.fault("OPENAI_MODEL is missing: OPENAI_BASE_URL names another host than OpenAI's, which has models of its own");
        }
        let model = model.unwrap_or_else(|| DEFAULT_MODEL.to_owned());
        let efforts = ReasoningEffort::ALL.map(|effort| (effort.as_str(), effort));
        let reasoning_effort = self.choice("OPENAI_REASONING_EFFORT", &efforts);
        let transcribe_model =
            self.get("OPENAI_TRANSCRIBE_MODEL").unwrap_or_else(|| DEFAULT_TRANSCRIBE_MODEL.to_owned());
        let vision = self.choice("OPENAI_VISION", &[("true", true), ("false", false)]);
        let seen_by =
            |config: OpenAiConfig| OpenAiConfig { vision: vision.unwrap_or(config.vision), ..config };
        let fallback = self.fallback().map(seen_by);
        let reachable = api_key.is_some() || has_base;
        let chosen = self.choice("WRITER", &[("openai", Choice::OpenAi), ("offline", Choice::Offline)]);
        match chosen {
            Some(Choice::Offline) => Some(WriterChoice::Offline),
            Some(Choice::OpenAi) | None if reachable => {
                let first =
                    OpenAiConfig { reasoning_effort, ..OpenAiConfig::new(api_key, &base_url, &model) };
                Some(WriterChoice::OpenAi { first: seen_by(first), fallback, transcribe_model })
            }
            Some(Choice::OpenAi) => {
                self.fault(
                    "WRITER is openai: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server without a key",
                );
                None
            }
            None => {
                self.fault("WRITER is missing: set OPENAI_API_KEY or OPENAI_BASE_URL, or WRITER=offline for the built-in writer");
                None
            }
        }
    }

    /// The limits of model calls in a day: for one author, and in all.
    pub(super) fn model_budget(&mut self) -> ModelBudget {
        let ModelBudget { author, all } = ModelBudget::default();
        ModelBudget {
            author: self.number("MODEL_DAILY_CALLS_PER_AUTHOR", author),
            all: self.number("MODEL_DAILY_CALLS", all),
        }
    }

    /// Reads the second model provider. It has a key of its own, because the first key must not be sent
    /// there; a private server may need none. Its URL and model have no default, because no second provider
    /// is common to all.
    fn fallback(&mut self) -> Option<OpenAiConfig> {
        let api_key = self.maybe_secret("OPENAI_FALLBACK_API_KEY");
        let base_url = self.get("OPENAI_FALLBACK_BASE_URL");
        let model = self.get("OPENAI_FALLBACK_MODEL");
        if api_key.is_none() && base_url.is_none() && model.is_none() {
            return None;
        }
        for (name, missing) in
            [("OPENAI_FALLBACK_BASE_URL", base_url.is_none()), ("OPENAI_FALLBACK_MODEL", model.is_none())]
        {
            if missing {
                self.fault(format!(
                    "{name} is missing: the second model provider needs its address and its model"
                ));
            }
        }
        let base_url = self.url("OPENAI_FALLBACK_BASE_URL", &base_url?);
        Some(OpenAiConfig::new(api_key, &base_url, &model?))
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::config::{Config, tests::read};

    #[test]
    fn without_a_model_the_writer_must_be_chosen() {
        assert!(read(&[("WRITER", None)]).unwrap_err().concat().contains("WRITER"));
        let base = ("OPENAI_BASE_URL", Some("http://127.0.0.1:11434/v1"));
        let model = ("OPENAI_MODEL", Some("llama3.2"));
        assert!(matches!(
            read(&[("WRITER", None), base, model]).unwrap().writer,
            WriterChoice::OpenAi { fallback: None, .. }
        ));
        assert!(matches!(read(&[base, model]).unwrap().writer, WriterChoice::Offline));
    }

    /// Returns the first model of a configuration with this base URL, model and effort.
    fn first(
        base_url: Option<&str>,
        model: Option<&str>,
        effort: Option<&str>,
    ) -> Result<OpenAiConfig, Vec<String>> {
        let config = read(&[
            ("WRITER", None),
            ("OPENAI_API_KEY", Some("sk-0123456789abcdef")),
            ("OPENAI_BASE_URL", base_url),
            ("OPENAI_MODEL", model),
            ("OPENAI_REASONING_EFFORT", effort),
        ])?;
        let WriterChoice::OpenAi { first, .. } = config.writer else { panic!("a model") };
        Ok(first)
    }

    #[test]
    fn openai_has_a_default_model_and_another_host_needs_one_named() {
        for own in [None, Some("https://api.openai.com/v1/"), Some("https://eu.api.openai.com/v1")] {
            assert_eq!(first(own, None, None).unwrap().model, "gpt-6-luna", "{own:?}");
        }
        for other in [
            "https://api.mistral.ai/v1",
            "http://127.0.0.1:11434/v1",
            "https://shop.openai.azure.com/openai/v1",
            "https://api.openai.com.example/v1",
            "https://notapi.openai.com/v1",
        ] {
            let faults = first(Some(other), None, None).unwrap_err();
            assert!(faults.concat().contains("OPENAI_MODEL is missing"), "{faults:?}");
            assert!(!faults.concat().contains(other), "{faults:?}");
            assert_eq!(
                first(Some(other), Some("mistral-small-latest"), None).unwrap().model,
                "mistral-small-latest"
            );
        }
    }

    #[test]
    fn photos_are_shown_to_openais_own_host_unless_the_operator_says_otherwise() {
        for (base_url, vision, expected) in [
            (None, None, true),
            (None, Some("false"), false),
            (Some("http://127.0.0.1:11434/v1"), None, false),
            (Some("http://127.0.0.1:11434/v1"), Some("true"), true),
        ] {
            let config = read(&[
                ("WRITER", None),
                ("OPENAI_API_KEY", Some("sk-0123456789abcdef")),
                ("OPENAI_BASE_URL", base_url),
                ("OPENAI_MODEL", Some("a-model")),
                ("OPENAI_VISION", vision),
                ("OPENAI_FALLBACK_BASE_URL", Some("https://second.example/v1")),
                ("OPENAI_FALLBACK_MODEL", Some("second")),
            ]);
            let WriterChoice::OpenAi { first, fallback: Some(second), transcribe_model } =
                config.unwrap().writer
            else {
                panic!("two models");
            };
            assert_eq!(first.vision, expected, "{base_url:?} {vision:?}");
            assert_eq!(second.vision, vision == Some("true"));
            assert_eq!(transcribe_model, "gpt-transcribe");
        }
        let faults = read(&[("OPENAI_VISION", Some("yes"))]).unwrap_err();
        assert!(faults.concat().contains("OPENAI_VISION must be one of: true, false"), "{faults:?}");
        let other = read(&[
            ("WRITER", None),
            ("OPENAI_API_KEY", Some("sk-0123456789abcdef")),
            ("OPENAI_TRANSCRIBE_MODEL", Some("voxtral-mini")),
        ]);
        let WriterChoice::OpenAi { transcribe_model, .. } = other.unwrap().writer else { panic!("a model") };
        assert_eq!(transcribe_model, "voxtral-mini");
    }

    #[test]
    fn the_effort_is_one_of_the_words_of_the_specification() {
        assert_eq!(first(None, None, None).unwrap().reasoning_effort, None);
        assert_eq!(first(None, None, Some("low")).unwrap().reasoning_effort, Some(ReasoningEffort::Low));
        let faults = first(None, None, Some("some")).unwrap_err();
        assert!(faults.concat().contains("OPENAI_REASONING_EFFORT must be one of: none, minimal, low"));
    }

    #[test]
    fn a_second_provider_is_whole_or_not_there() {
        let key = ("OPENAI_FALLBACK_API_KEY", Some("sk-of-the-second-provider"));
        let base = ("OPENAI_FALLBACK_BASE_URL", Some("https://second.example/v1/"));
        let model = ("OPENAI_FALLBACK_MODEL", Some("mistral-small"));
        let online = [("WRITER", None), ("OPENAI_API_KEY", Some("sk-of-the-first-provider"))];
        let with = |more: &[(&'static str, Option<&'static str>)]| read(&[&online, more].concat());
        for (variables, has_key) in [([key, base, model].as_slice(), true), (&[base, model], false)] {
            let Ok(Config { writer: WriterChoice::OpenAi { first, fallback: Some(second), .. }, .. }) =
                with(variables)
            else {
                panic!("two providers");
            };
            assert_eq!(
                (second.base_url.as_str(), second.model.as_str()),
                ("https://second.example/v1", "mistral-small")
            );
            assert_eq!(second.api_key.is_some(), has_key);
            assert!(first.api_key.is_some_and(|key| key.expose_secret() == "sk-of-the-first-provider"));
        }
        for (variables, missing) in [
            ([key].as_slice(), ["OPENAI_FALLBACK_BASE_URL", "OPENAI_FALLBACK_MODEL"].as_slice()),
            (&[model], &["OPENAI_FALLBACK_BASE_URL"]),
            (&[base], &["OPENAI_FALLBACK_MODEL"]),
            (&[key, model], &["OPENAI_FALLBACK_BASE_URL"]),
            (&[key, base], &["OPENAI_FALLBACK_MODEL"]),
        ] {
            let faults = with(variables).unwrap_err();
            assert_eq!(faults.len(), missing.len(), "{faults:?}");
            assert!(
                missing.iter().all(|name| faults.concat().contains(&format!("{name} is missing"))),
                "{faults:?}"
            );
            // The offline writer does not hide these faults.
            assert_eq!(read(variables).unwrap_err(), faults);
        }
        let placeholder = ("OPENAI_FALLBACK_API_KEY", Some("changeme-changeme"));
        assert!(
            with(&[placeholder, base, model])
                .unwrap_err()
                .concat()
                .contains("OPENAI_FALLBACK_API_KEY is a placeholder")
        );
        // A second provider without a first is refused.
        assert!(
            read(&[("WRITER", None), key, base, model]).unwrap_err().concat().contains("WRITER is missing")
        );
    }
}
