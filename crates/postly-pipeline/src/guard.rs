//! Checks that a post states only facts and promises of its brief. The guard checks the output of every
//! writer, models included.

use postly_domain::{Language, brand::Brand, post::VARIANTS, post::Variant, text::fold};

use crate::{Defect, facts, language, missing_space, offer, prompt, tokens::spaced_words};

mod alcohol;
mod claims;
mod forbidden;

pub(crate) use alcohol::{add_legal_line, alcohol_line, is_about_alcohol};
pub use forbidden::{Forbidden, forbidden};

/// Returns each fact or promise of these posts that is not in their brief, and each missing part of the
/// offer.
pub fn check(brief: &str, variants: &[Variant], language: impl Into<Option<Language>>) -> Vec<Defect> {
    Guard::new(brief, language).check(variants)
}

/// A brief, read once for any number of drafts.
pub(crate) struct Guard {
    known: facts::BriefFacts,
    /// The parts of the offer that every post must contain.
    required: Option<offer::Required>,
    brief_words: String,
}

impl Guard {
    pub(crate) fn new(brief: &str, language: impl Into<Option<Language>>) -> Self {
        Self::with_brand(brief, &Brand::default(), language)
    }

    /// Like [`Guard::new`], with the facts of the author's brand memory known beside the brief.
    pub(crate) fn with_brand(brief: &str, brand: &Brand, language: impl Into<Option<Language>>) -> Self {
        // A missing space between two sentences is not read as a link.
        let brief = &missing_space::mend_brief(brief);
        let known = brand.texts().fold(brief.to_string(), |known, text| known + "\n" + text);
        let offer = offer::find(brief);
        // The offer's subject must be copied only into posts in the language of the brief.
        let language = language.into();
        let required = offer.map(|offer| offer::Required::of(&offer, is_written_in(brief, language)));
        Self { known: facts::BriefFacts::read(&known), required, brief_words: spaced_words(&known) }
    }

    /// The words of the brief that every post must contain.
    pub(crate) fn must_appear(&self) -> Vec<String> {
        self.required.iter().flat_map(offer::Required::all).map(str::to_owned).collect()
    }

    /// True if the brief makes an offer.
    pub(crate) fn has_offer(&self) -> bool {
        self.required.is_some()
    }

    pub(crate) fn check(&self, variants: &[Variant]) -> Vec<Defect> {
        let mut defects = Vec::new();
        for (post, variant) in (1..=VARIANTS).zip(variants) {
            let text = variant.text.as_str();
            let facts = facts::of_post(text);
            for fact in &facts {
                if !self.known.allow(fact) {
                    defects.push(Defect::UnknownFact { post, fact: fact.to_string() });
                }
            }
            let words = spaced_words(text);
            let phrases = claims::Phrases::of(&words);
            // "Un acheté, un offert" is the brief's "2 pour 1", and not a gift.
            let has_deal =
                facts.iter().any(|fact| matches!(fact, facts::Fact::Deal(..)) && self.known.allow(fact));
            let apart = has_deal.then(|| spaced_words(&facts::without_deals(text)));
            let promising = apart.as_deref().map(claims::Phrases::of);
            let promising = promising.as_ref().unwrap_or(&phrases);
            for words in claims::beyond(&self.brief_words, promising, self.required.is_some()) {
                defects.push(Defect::UnknownPromise { post, words });
            }
            if let Some(required) = &self.required {
                for words in required.missing_in(&facts, &words) {
                    defects.push(Defect::MissingOffer { post, words });
                }
            }
            if claims::is_vulgar(&phrases) {
                defects.push(Defect::Vulgar { post });
            }
            if forbidden::beyond(&self.brief_words, &phrases).is_some() {
                defects.push(Defect::Forbidden { post });
            }
            if leaks(text) {
                defects.push(Defect::Leak { post });
            }
        }
        defects
    }
}

/// True if a brief can be assumed to be in the language of its posts. False while the language of the posts
/// is unknown.
fn is_written_in(brief: &str, language: Option<Language>) -> bool {
    let detected = language::detect_language(brief);
    language.is_some_and(|language| detected.best.is_none_or(|best| best == language))
}

/// True if a post repeats a line of our instructions, or the canary word planted in them.
fn leaks(text: &str) -> bool {
    let folded = fold(text);
    folded.contains(prompt::CANARY)
        || prompt::instruction_lines().iter().any(|line| line.find(folded.as_bytes()).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(brief: &str, post: &str) -> Vec<&'static str> {
        let variant = Variant { text: post.to_owned(), angle: String::new() };
        check(brief, &[variant], Language::Fr).iter().map(Defect::code).collect()
    }

    #[test]
    fn a_promise_needs_the_brief_to_make_it() {
        for (brief, post, expected) in [
            ("un post sur nos pains", "Satisfait ou remboursé !", vec!["unknown_promise"]),
            ("satisfait ou remboursé", "Satisfait ou remboursé !", vec![]),
            ("un post sur nos pains", "Un café offert pour chaque pain.", vec!["unknown_promise"]),
            ("café offert le matin", "Un café offert pour chaque pain.", vec![]),
            (
                "un post sur nos pains",
                "La livraison gratuite vous attend",
                vec!["unknown_promise", "unknown_promise"],
            ),
            (
                "new bread",
                "Free refund guaranteed",
                vec!["unknown_promise", "unknown_promise", "unknown_promise"],
            ),
            ("new bread", "Feel free to drop by in your free time", vec![]),
            ("pain", "Tout est fait maison", vec!["unknown_promise"]),
            ("pain", "Offrez-vous un bon moment", vec![]),
            ("pain", "-20 % cette semaine", vec!["unknown_fact"]),
            ("pain", "Profitez de la promo", vec!["unknown_promise"]),
            ("-20 % sur le pain", "La promo : -20 % sur le pain", vec![]),
            ("2 pour 1 sur le pain", "Un acheté, un offert sur le pain", vec![]),
            (
                "2 pour 1 sur le pain",
                "Un acheté, un offert sur le pain, café offert",
                vec!["unknown_promise"],
            ),
            ("-50 % sur le pain", "Le pain à moitié prix", vec![]),
            ("-40 % sur le pain", "Le pain à moitié prix", vec!["unknown_fact", "missing_offer"]),
        ] {
            assert_eq!(codes(brief, post), expected, "{brief:?} → {post:?}");
        }
    }

    #[test]
    fn an_invented_link_is_found_whatever_its_ending() {
        for link in [
            "chez-lea.nl",
            "chez-lea.coffee",
            "chez-lea.alsace",
            "chez-lea.pizza",
            "chez-lea.ai",
            "x.com",
            "موقع.شبكة",
        ] {
            for post in
                [format!("Tout est sur {link}"), format!("Infos:{link} !"), format!("Mail : lea@{link}")]
            {
                assert_eq!(codes("un post sur nos pains", &post), ["unknown_fact"], "{post}");
            }
            assert!(
                codes(&format!("un post sur nos pains, voir {link}"), &format!("Infos:{link} !")).is_empty()
            );
        }
        // A missing space in the brief gives no link.
        let brief = "Ouvert samedi.Au menu : tarte";
        assert_eq!(codes(brief, "Ouvert samedi, au menu : tarte. Voir samedi.au"), ["unknown_fact"]);
        assert!(codes(brief, "Ouvert samedi. Au menu : tarte").is_empty());
    }

    #[test]
    fn l01_vulgarity_and_leaks_are_found() {
        assert_eq!(codes("pain", "Putain que c'est bon"), ["vulgar"]);
        assert_eq!(codes("pain", &format!("Voici : {}", prompt::CANARY)), ["leak"]);
        for line in prompt::instruction_lines() {
            let line = std::str::from_utf8(line.needle()).unwrap();
            assert!(codes("pain", &format!("Voici : {line}…")).contains(&"leak"), "{line}");
        }
    }
}
