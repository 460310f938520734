//! The texts authors read, one file per language in `i18n/`.

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use postly_domain::Language;
use unic_langid::LanguageIdentifier;

/// The texts of every language.
pub(crate) struct Catalogue {
    bundles: Vec<(Language, FluentBundle<FluentResource>)>,
}

/// The files. A text that a language lacks would be a bug; a test compares them.
fn source(language: Language) -> &'static str {
    match language {
        Language::Fr => include_str!("../i18n/fr.ftl"),
        Language::En => include_str!("../i18n/en.ftl"),
        Language::Es => include_str!("../i18n/es.ftl"),
        Language::Pt => include_str!("../i18n/pt.ftl"),
        Language::Ar => include_str!("../i18n/ar.ftl"),
    }
}

impl Catalogue {
    /// Reads the files, which are part of the program.
    pub(crate) fn load() -> Self {
        Self { bundles: Language::ALL.into_iter().map(|language| (language, bundle(language))).collect() }
    }

    /// A text without variables.
    pub(crate) fn text(&self, language: Language, key: &str) -> String {
        self.format(language, key, &[])
    }

    /// A text with numbers and words in it.
    pub(crate) fn format(
        &self,
        language: Language,
        key: &str,
        values: &[(&'static str, Value<'_>)],
    ) -> String {
        let mut args = FluentArgs::new();
        for (name, value) in values {
            match value {
                // As text: a number would be written with the separators of the language, "1 000" or "1,000".
                Value::Number(number) => args.set(*name, FluentValue::from(number.to_string())),
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
pub(crate) enum Value<'a> {
    /// A number.
    Number(i64),
    /// Words.
    Text(&'a str),
}

#[expect(clippy::expect_used, reason = "the files are part of the program, and a test reads them all")]
fn bundle(language: Language) -> FluentBundle<FluentResource> {
    let locale: LanguageIdentifier = language.code().parse().expect("an ISO 639-1 code is a locale");
    let resource =
        FluentResource::try_new(source(language).to_owned()).expect("the catalogue is well formed");
    let mut bundle = FluentBundle::new_concurrent(vec![locale]);
    // Isolation marks around variables would be pasted along with the text.
    bundle.set_use_isolating(false);
    bundle.add_resource(resource).expect("no key stands twice");
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
        for line in source(language).lines().filter(|line| !line.starts_with('#')) {
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
}
