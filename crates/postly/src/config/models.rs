//! Who writes: the variables of the models.

use postly_pipeline::openai::OpenAiConfig;

use super::Reader;

/// Who writes.
#[derive(Debug)]
pub(crate) enum WriterChoice {
    Offline,
    OpenAi(OpenAiConfig),
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
        let reachable = api_key.is_some() || has_base;
        let chosen = self.choice("WRITER", &[("openai", Choice::OpenAi), ("offline", Choice::Offline)]);
        match chosen {
            Some(Choice::Offline) => Some(WriterChoice::Offline),
            Some(Choice::OpenAi) | None if reachable => {
                Some(WriterChoice::OpenAi(OpenAiConfig { api_key, base_url, model }))
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::read;

    #[test]
    fn without_a_model_the_writer_must_be_chosen() {
        assert!(read(&[("WRITER", None)]).unwrap_err().concat().contains("WRITER"));
        let base = ("OPENAI_BASE_URL", Some("http://127.0.0.1:11434/v1"));
        assert!(matches!(read(&[("WRITER", None), base]).unwrap().writer, WriterChoice::OpenAi(_)));
        assert!(matches!(read(&[base]).unwrap().writer, WriterChoice::Offline));
    }
}
