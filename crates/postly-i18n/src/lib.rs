//! Every text that people read, in one catalogue: chat (`i18n/LANG.ftl`) and pages (`i18n/pages.LANG.ftl`).

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use postly_domain::Language;
use unic_langid::LanguageIdentifier;

/// The texts of every language.
pub struct Catalogue {
    bundles: Vec<(Language, FluentBundle<FluentResource>)>,
}

/// The files of one language. A text that a language lacks would be a bug; a test compares them.
macro_rules! files {
    ($language:literal) => {
        [
            include_str!(concat!("../i18n/", $language, ".ftl")),
            include_str!(concat!("../i18n/pages.", $language, ".ftl")),
        ]
    };
}

fn sources(language: Language) -> [&'static str; 2] {
    match language {
        Language::Fr => files!("fr"),
        Language::En => files!("en"),
        Language::Es => files!("es"),
        Language::Pt => files!("pt"),
        Language::Ar => files!("ar"),
    }
}

impl std::fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Catalogue({} languages)", self.bundles.len())
    }
}

impl Default for Catalogue {
    fn default() -> Self {
        Self::load()
    }
}

impl Catalogue {
    /// Reads the files, which are part of the program.
    pub fn load() -> Self {
        Self { bundles: Language::ALL.into_iter().map(|language| (language, bundle(language))).collect() }
    }

    /// A text without variables.
    pub fn text(&self, language: Language, key: &str) -> String {
        self.format(language, key, &[])
    }

    /// The text for the reason of a ledger entry, by its word in the ledger.
    pub fn reason(&self, language: Language, reason: &str) -> String {
        self.text(language, &format!("page-reason-{}", reason.replace('_', "-")))
    }

    /// A text with numbers and words in it.
    pub fn format(&self, language: Language, key: &str, values: &[(&'static str, Value<'_>)]) -> String {
        let mut args = FluentArgs::new();
        for (name, value) in values {
            match value {
                // As text: a number would be written with the separators of the language, "1 000" or "1,000".
                Value::Number(number) => args.set(*name, FluentValue::from(number.to_string())),
                // As a number, so that the text may choose its words by it; it is written without separators
                // all the same.
                Value::Count(count) => args.set(*name, FluentValue::from(*count)),
                Value::Text(text) => args.set(*name, FluentValue::from(*text)),
            }
        }
        let bundle = self.bundles.iter().find(|(of, _)| *of == language).map(|(_, bundle)| bundle);
        let pattern = bundle.and_then(|bundle| Some((bundle, bundle.get_message(key)?.value()?)));
        let Some((bundle, pattern)) = pattern else {
            tracing::error!(key, language = language.code(), "A text is missing from the catalogue");
            return key.to_owned();
        };
        let mut errors = vec![];
        let text = bundle.format_pattern(pattern, Some(&args), &mut errors).into_owned();
        if !errors.is_empty() {
            tracing::error!(key, language = language.code(), "A text of the catalogue lacks a variable");
        }
        text
    }
}

/// A value that stands in a text.
pub enum Value<'a> {
    /// A number.
    Number(i64),
    /// A number that the words around it agree with.
    Count(i64),
    /// Words.
    Text(&'a str),
}

#[expect(clippy::expect_used, reason = "the files are part of the program, and a test reads them all")]
fn bundle(language: Language) -> FluentBundle<FluentResource> {
    let locale: LanguageIdentifier = language.code().parse().expect("an ISO 639-1 code is a locale");
    let mut bundle = FluentBundle::new_concurrent(vec![locale]);
    // Isolation marks around variables would be pasted along with the text.
    bundle.set_use_isolating(false);
    for source in sources(language) {
        let resource = FluentResource::try_new(source.to_owned()).expect("the catalogue is well formed");
        bundle.add_resource(resource).expect("no key stands twice");
    }
    bundle
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// The keys of a file, each with the variables its text names.
    fn shape(language: Language) -> BTreeMap<String, Vec<String>> {
        let mut shape: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut current = String::new();
        for line in sources(language).into_iter().flat_map(str::lines).filter(|line| !line.starts_with('#')) {
            if !line.starts_with([' ', '\t'])
                && let Some((key, _)) = line.split_once('=')
            {
                current = key.trim().to_owned();
                shape.entry(current.clone()).or_default();
            }
            for variable in line.split("{ $").skip(1) {
                let name = variable.split(' ').next().unwrap_or_default().to_owned();
                shape.entry(current.clone()).or_default().push(name);
            }
        }
        for variables in shape.values_mut() {
            variables.sort();
            // A language with more plurals names a number more often.
            variables.dedup();
        }
        shape
    }

    #[test]
    fn every_language_has_every_text_with_the_same_variables() {
        let catalogue = Catalogue::load();
        for language in Language::ALL {
            assert_eq!(shape(language), shape(Language::Fr), "{language}");
            for key in shape(Language::Fr).keys() {
                assert_ne!(&catalogue.text(language, key), key, "{language}");
            }
        }
    }

    #[test]
    fn variables_stand_in_the_text_without_marks_around_them() {
        let text =
            Catalogue::load().format(Language::Fr, "credits-left", &[("credits", Value::Number(1004))]);
        assert_eq!(text, "💳 Crédits restants: 1004");
    }

    #[test]
    fn a_french_mark_is_not_parted_from_its_word_on_the_pages() {
        let [_, pages] = sources(Language::Fr);
        // The example is pasted as it is.
        for line in
            pages.lines().filter(|line| line.contains(" = ") && !line.starts_with("page-land-example"))
        {
            for mark in [" :", " ;", " ?", " !", " »", " %", "« "] {
                assert!(!line.contains(mark), "an ordinary space at {mark}: {line}");
            }
        }
    }
}
