//! Evidence in the words of a message that it is a brief, whatever label a model gives it.
//!
//! Small models sometimes label a short brief as small talk, and the author would get a friendly answer
//! instead of posts.

use postly_domain::post::{BriefKind, Variant};

use crate::{DraftBody, WriteRequest, facts, guard::Guard, networks};

/// The certainty with which the words of a message ask for posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// `GEN` or an offer: overrides any label of a model.
    Certain,
    /// A price, a day or a network: the model is asked a second time, and its second answer counts.
    Likely,
    /// No evidence: the model decides.
    Silent,
}

impl Evidence {
    pub(crate) fn of(ask: &WriteRequest, guard: &Guard) -> Self {
        let brief = ask.brief.as_str();
        if ask.is_explicit || guard.has_offer() {
            return Self::Certain;
        }
        // Read as strictly as a post: "la mer" names no day.
        let says_what = facts::of_post(brief).iter().any(|fact| match fact {
            facts::Fact::Money(..)
            | facts::Fact::Percent(_)
            | facts::Fact::Weekday(_)
            | facts::Fact::Month(_)
            | facts::Fact::Date { .. }
            | facts::Fact::Deal(..) => true,
            // Common in any conversation: a number, a time, a phone, a link, "demain".
            facts::Fact::Number(_)
            | facts::Fact::Counted(..)
            | facts::Fact::Time(_)
            | facts::Fact::Dial(_)
            | facts::Fact::Phone(_)
            | facts::Fact::Link(_)
            | facts::Fact::Relative(_) => false,
        });
        if says_what || networks::named(brief).platform().is_some() { Self::Likely } else { Self::Silent }
    }

    /// Judges a draft by the model's label and this evidence.
    pub(crate) fn judge(self, body: &DraftBody, is_repair: bool) -> Judgement {
        let talk = match body.kind {
            BriefKind::Post => return Judgement::Posts,
            BriefKind::SmallTalk => Judgement::SmallTalk,
            BriefKind::OffTopic => Judgement::OffTopic,
        };
        match self {
            Self::Silent => talk,
            // A wrong label on three posts is corrected without another call.
            Self::Certain | Self::Likely if has_posts(&body.variants) => Judgement::Posts,
            Self::Certain | Self::Likely if !is_repair => Judgement::AskAgain,
            // A model that twice calls a homework off topic is believed, even after `GEN`.
            Self::Certain if talk == Judgement::SmallTalk => Judgement::AskAgain,
            Self::Certain | Self::Likely => talk,
        }
    }
}

/// The next step for a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// Check the posts.
    Posts,
    /// Send the fixed answer to small talk, free.
    SmallTalk,
    /// Send the fixed answer to a message that is no brief of a business, free.
    OffTopic,
    /// Ask the model again, if this draft is not a repair.
    AskAgain,
}

fn has_posts(variants: &[Variant]) -> bool {
    variants.len() == postly_domain::post::VARIANTS
        && variants.iter().all(|variant| variant.text.chars().any(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;
    use postly_domain::Language;

    #[test]
    fn the_words_of_a_brief_say_how_surely_it_is_one() {
        for (brief, is_explicit, expected) in [
            ("bonjour à tous", true, Evidence::Certain),
            ("-20 % sur les croissants", false, Evidence::Certain),
            ("2 achetés 1 offert sur les tartes", false, Evidence::Certain),
            ("Buy one get one free on paperbacks", false, Evidence::Certain),
            ("Les huîtres à 12 €", false, Evidence::Likely),
            ("Ouvert dimanche", false, Evidence::Likely),
            ("un mot pour Instagram", false, Evidence::Likely),
            ("Écris-moi un poème sur la mer", false, Evidence::Silent),
            ("Tu es vraiment très sympathique aujourd'hui", false, Evidence::Silent),
            ("résous 2 + 2", false, Evidence::Silent),
        ] {
            let ask = WriteRequest { is_explicit, ..crate::prompt::tests::ask(brief) };
            assert_eq!(Evidence::of(&ask, &Guard::new(brief, Language::Fr)), expected, "{brief}");
        }
    }
}
