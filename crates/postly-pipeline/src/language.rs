//! Detects the language of a text or the language that it asks for, with a certainty.
//!
//! Detectors trained on sentences guess short texts badly (whatlang calls "promo pizza -20%" Italian,
//! whichlang calls "post instagram para mañana" Swedish). A scored list of words decides instead, and the
//! detectors have little weight. In doubt, [`Detection::sure`] is false, and nothing that could hurt the
//! author may depend on the guess.

use postly_domain::Language;
use whatlang::{Detector, Lang};

use crate::model::WriteRequest;

mod evidence;
mod request;
mod table;

pub use request::requested_language;

/// The detected language of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detection {
    /// The language with the most evidence; `None` without evidence, or if two have the same.
    pub best: Option<Language>,
    /// True if the evidence is enough to act on.
    pub sure: bool,
    /// The first of the languages with the most evidence, if there is any: a guess if two have the same.
    pub leaning: Option<Language>,
    /// The languages with the most evidence, in the order of [`Language::ALL`].
    pub(crate) tied: [bool; 5],
}

impl Detection {
    /// The language, if there is no doubt.
    pub fn certain(self) -> Option<Language> {
        self.best.filter(|_| self.sure)
    }
}

/// Detects the language in which a text is written.
pub fn detect_language(text: &str) -> Detection {
    evidence::weigh(text)
}

/// The language of the posts, as known before they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    /// The best guess.
    pub(crate) guess: Language,
    /// True if the author chose it, asked for it, or wrote the brief in it without doubt.
    pub(crate) sure: bool,
}

impl Target {
    /// Returns the chosen language, else the requested one, else that of the brief, else the author's.
    pub(crate) fn of(ask: &WriteRequest) -> Self {
        let brief = ask.brief.as_str();
        if let Some(guess) = ask.language_forced.or_else(|| requested_language(brief)) {
            return Self { guess, sure: true };
        }
        let detected = detect_language(brief);
        let hint_fits = Language::ALL
            .into_iter()
            .zip(detected.tied)
            .any(|(language, tied)| tied && language == ask.language_hint);
        let leaning = detected.leaning.filter(|_| !hint_fits);
        Self { guess: detected.best.or(leaning).unwrap_or(ask.language_hint), sure: detected.sure }
    }

    /// The language, if it is known.
    pub(crate) fn known(self) -> Option<Language> {
        self.sure.then_some(self.guess)
    }
}

/// True if both detectors agree, with at least this confidence, that a text is in another language than this
/// one, and its words do not contradict them.
pub(crate) fn is_in_another(text: &str, language: Language, least_confidence: f64) -> bool {
    // whichlang runs first, because it is twenty times as fast as whatlang and both must agree.
    whichlang::detect_language(text) != of_whichlang(language)
        && agreed(text, least_confidence).is_some_and(|found| found != language)
        && detect_language(text).certain() != Some(language)
}

fn of_whichlang(language: Language) -> whichlang::Lang {
    match language {
        Language::Fr => whichlang::Lang::Fra,
        Language::En => whichlang::Lang::Eng,
        Language::Es => whichlang::Lang::Spa,
        Language::Pt => whichlang::Lang::Por,
        Language::Ar => whichlang::Lang::Ara,
    }
}

/// The language on which both detectors agree, with at least this confidence.
fn agreed(text: &str, least_confidence: f64) -> Option<Language> {
    let allowed = vec![Lang::Fra, Lang::Eng, Lang::Spa, Lang::Por, Lang::Ara];
    let info = Detector::with_allowlist(allowed).detect(text)?;
    if info.confidence() < least_confidence {
        return None;
    }
    let language = match info.lang() {
        Lang::Fra => Language::Fr,
        Lang::Eng => Language::En,
        Lang::Spa => Language::Es,
        Lang::Por => Language::Pt,
        Lang::Ara => Language::Ar,
        _ => return None,
    };
    (whichlang::detect_language(text) == of_whichlang(language)).then_some(language)
}

#[cfg(test)]
mod tests;
