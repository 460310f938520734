//! Interprets the texts of requests on the web: briefs, and changes of a result.

use postly_domain::{
    Brief, Command, Language,
    id::AuthorId,
    intent::{Change, Intent, State, Wish, interpret},
};
use postly_pipeline::{brand::banned_word, guard::forbidden};
use postly_store::{Tx, authors::Author, results};

use crate::{
    WebGenerations,
    generate::Work,
    web_generation::{WebChange, WebGenerationError},
};

impl WebGenerations {
    /// Interprets the change of a result. A change that no rule recognizes is left to a model.
    pub(crate) async fn change_of(
        &self,
        tx: &mut Tx,
        author: &AuthorId,
        language: Language,
        change: &WebChange,
    ) -> Result<Work, WebGenerationError> {
        let result = results::get(tx, author, &change.generation).await?;
        let result = result.ok_or(WebGenerationError::UnknownGeneration)?;
        let sentence = |key| self.core.catalogue.text(language, key);
        if change.instruction.trim().is_empty() {
            return Err(WebGenerationError::TooVague(sentence("cannot-change")));
        }
        let state = State { has_result: true, ..State::default() };
        let read = match interpret(&change.instruction, &state) {
            Intent::Change(read) => read,
            // A fact on its own replaces another.
            Intent::Brief(_) | Intent::TooVague(_) | Intent::Chat | Intent::NothingToChange => {
                Change { wish: Wish::Correct(change.instruction.trim().to_owned()), variant: None }
            }
            Intent::Command(Command::BriefTooLong) => {
                return Err(WebGenerationError::Refused(sentence("cannot-change")));
            }
            Intent::Command(_)
            | Intent::Choose(_)
            | Intent::Lesson(_)
            | Intent::Cancel
            | Intent::Human
            | Intent::Refund
            | Intent::Question
            | Intent::OffTopic => return Err(WebGenerationError::NotABrief(sentence("cannot-change"))),
        };
        let read = Change { variant: change.variant.or(read.variant), ..read };
        let work = self.turns.plan_change(tx, &result, read, &change.instruction).await?;
        work.ok_or_else(|| WebGenerationError::Refused(sentence("forbidden")))
    }

    /// Interprets a brief as on WhatsApp; for any other text returns the text of the WhatsApp answer as the
    /// error.
    pub(crate) fn brief_of(&self, text: &str, author: &Author) -> Result<Brief, WebGenerationError> {
        let language = author.language;
        let sentence = |key| self.core.catalogue.text(language, key);
        if text.trim().is_empty() {
            return Err(WebGenerationError::TooVague(sentence("missing-brief")));
        }
        let refused = |limit| {
            let limit = [("limit", postly_i18n::Value::Number(i64::try_from(limit).unwrap_or(i64::MAX)))];
            WebGenerationError::Refused(self.core.catalogue.format(language, "brief-too-long", &limit))
        };
        match interpret(text, &State::default()) {
            Intent::Brief(brief) if forbidden(brief.as_str()).is_some() => {
                Err(WebGenerationError::Refused(sentence("forbidden")))
            }
            Intent::Brief(brief) => match banned_word(&author.brand, brief.as_str()) {
                None => Ok(brief),
                Some(word) => Err(WebGenerationError::Refused(self.brand.banned_word_text(language, word))),
            },
            Intent::TooVague(brief) => {
                let subject = [("subject", postly_i18n::Value::Text(brief.as_str()))];
                Err(WebGenerationError::TooVague(self.core.catalogue.format(
                    language,
                    "ask-more-web",
                    &subject,
                )))
            }
            Intent::Command(Command::MissingBrief) => {
                Err(WebGenerationError::TooVague(sentence("missing-brief")))
            }
            Intent::Command(Command::BriefTooLong) => Err(refused(postly_domain::brief::MAX_BRIEF_CHARS)),
            Intent::Command(_)
            | Intent::Choose(_)
            | Intent::Change(_)
            | Intent::NothingToChange
            | Intent::Lesson(_)
            | Intent::Cancel
            | Intent::Human
            | Intent::Refund
            | Intent::OffTopic => Err(WebGenerationError::NotABrief(sentence("off-topic"))),
            Intent::Question => Err(WebGenerationError::NotABrief(sentence("question-asked"))),
            Intent::Chat => Err(WebGenerationError::NotABrief(sentence("small-talk-acknowledgement"))),
        }
    }
}
