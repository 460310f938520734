//! Who writes: the variables of the models.

use postly_domain::ModelBudget;
use postly_pipeline::openai::OpenAiConfig;

use super::Reader;

/// Who writes.
#[derive(Debug)]
pub(crate) enum WriterChoice {
    Offline,
    OpenAi {
        first: OpenAiConfig,
        /// Used when the first is down.
        fallback: Option<OpenAiConfig>,
    },
}

impl Reader {
    /// Chooses the writer.
    pub(super) fn writer(&mut self) -> Option<WriterChoice> {
        #[derive(Clone, Copy, PartialEq)]
        enum Choice {
            OpenAi,
            Offline,
        }
        let api_key = self.maybe_secret("OPENAI_API_KEY");
        let has_base = self.get("OPENAI_BASE_URL").is_some();
        let base_url = self.url("OPENAI_BASE_URL", "https://api.openai.com/v1");
        let model = self.get("OPENAI_MODEL").unwrap_or_else(|| "gpt-4o-mini".to_owned());
        let fallback = self.fallback();
        let reachable = api_key.is_some() || has_base;
        let chosen = self.choice("WRITER", &[("openai", Choice::OpenAi), ("offline", Choice::Offline)]);
        match chosen {
            Some(Choice::Offline) => Some(WriterChoice::Offline),
            Some(Choice::OpenAi) | None if reachable => {
                let first = OpenAiConfig { api_key, base_url, model };
                Some(WriterChoice::OpenAi { first, fallback })
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

    /// How often models may be asked in a day.
    pub(super) fn model_budget(&mut self) -> ModelBudget {
        let ModelBudget { author, all } = ModelBudget::default();
        ModelBudget {
            author: self.number("MODEL_DAILY_CALLS_PER_AUTHOR", author),
            all: self.number("MODEL_DAILY_CALLS", all),
        }
    }

    /// The second model provider. Its key is its own: the first one's is never sent there, and a server of one's own
    /// may need none. Nothing is assumed of it, for there is no second provider that everybody has.
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
        Some(OpenAiConfig { api_key, base_url, model: model? })
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
        assert!(matches!(
            read(&[("WRITER", None), base]).unwrap().writer,
            WriterChoice::OpenAi { fallback: None, .. }
        ));
        assert!(matches!(read(&[base]).unwrap().writer, WriterChoice::Offline));
    }
    #[test]
    fn a_second_provider_is_whole_or_not_there() {
        let key = ("OPENAI_FALLBACK_API_KEY", Some("sk-of-the-second-provider"));
        let base = ("OPENAI_FALLBACK_BASE_URL", Some("https://second.example/v1/"));
        let model = ("OPENAI_FALLBACK_MODEL", Some("mistral-small"));
        let online = [("WRITER", None), ("OPENAI_API_KEY", Some("sk-of-the-first-provider"))];
        let with = |more: &[(&'static str, Option<&'static str>)]| read(&[&online, more].concat());
        for (variables, has_key) in [([key, base, model].as_slice(), true), (&[base, model], false)] {
            let Ok(Config { writer: WriterChoice::OpenAi { first, fallback: Some(second) }, .. }) =
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
            // Whoever writes without a network is told all the same.
            assert_eq!(read(variables).unwrap_err(), faults);
        }
        let placeholder = ("OPENAI_FALLBACK_API_KEY", Some("changeme-changeme"));
        assert!(
            with(&[placeholder, base, model])
                .unwrap_err()
                .concat()
                .contains("OPENAI_FALLBACK_API_KEY is a placeholder")
        );
        // A second provider alone is none.
        assert!(
            read(&[("WRITER", None), key, base, model]).unwrap_err().concat().contains("WRITER is missing")
        );
    }
}
