//! Which language a brief is in.

use postly_domain::{Language, text::fold};
use whatlang::{Detector, Lang};

/// Below this the detector is guessing, and the author's own language is the better guess: "promo brunch" reads
/// as five languages.
const LEAST_CONFIDENCE: f64 = 0.10;

/// The language of a text, or `prior` when two independent detectors do not agree with some confidence.
///
/// Asking for a language by name ("un post en anglais", "in Spanish, please") wins over what the brief is in.
pub fn detect_language(text: &str, prior: Language) -> Language {
    requested(text)
        .or_else(|| detect(text, LEAST_CONFIDENCE))
        .or_else(|| by_small_words(text))
        .unwrap_or(prior)
}

/// Small words that no other of our languages has.
const SMALL_WORDS: [(Language, &[&str]); 4] = [
    (
        Language::Fr,
        &[
            "pour", "sur", "avec", "notre", "nos", "mon", "une", "du", "au", "aux", "est", "fais", "et",
            "qui", "dans", "je", "nous", "vous", "chez", "ce", "cette", "cherche", "moi",
        ],
    ),
    (
        Language::En,
        &[
            "the", "our", "your", "with", "about", "for", "this", "write", "new", "from", "and", "we", "is",
            "are", "of", "my", "make", "please", "until", "every", "all",
        ],
    ),
    (
        Language::Es,
        &["el", "los", "las", "con", "nuestro", "nuestra", "nuestros", "nuestras", "una", "del", "y", "hoy"],
    ),
    (
        Language::Pt,
        &["uma", "um", "com", "nosso", "nossa", "nossos", "nossas", "do", "da", "na", "hoje", "os"],
    ),
];

/// How many small words of one language, and none of another, tell when the detectors disagree.
const ENOUGH_SMALL_WORDS: usize = 3;

/// The language of the small words, when they are of one language only: proper names mislead a detector, small
/// words do not.
fn by_small_words(text: &str) -> Option<Language> {
    let folded = fold(text);
    let words: Vec<&str> = folded.split(|c: char| !c.is_alphanumeric()).collect();
    let mut told = SMALL_WORDS.iter().filter_map(|(language, small)| {
        let count = words.iter().filter(|word| small.contains(*word)).count();
        (count > 0).then_some((*language, count))
    });
    match (told.next(), told.next()) {
        (Some((language, count)), None) if count >= ENOUGH_SMALL_WORDS => Some(language),
        _ => None,
    }
}

/// Whether both detectors agree, with at least this confidence, that a text is in another language than this one.
pub(crate) fn is_in_another(text: &str, language: Language, least_confidence: f64) -> bool {
    // One detector is twenty times as fast as the other, and its word is needed in any case.
    whichlang::detect_language(text) != of_whichlang(language)
        && detect(text, least_confidence).is_some_and(|found| found != language)
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

/// The language on which both detectors agree with at least this confidence.
fn detect(text: &str, least_confidence: f64) -> Option<Language> {
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

/// Words after which "in English" is about the post and not about the shop ("cours en anglais").
const ABOUT_THE_POST: &[&str] = &[
    "post",
    "posts",
    "publication",
    "publications",
    "texte",
    "textes",
    "legende",
    "ecris",
    "redige",
    "write",
    "written",
    "caption",
    "text",
    "it",
    "this",
    "instagram",
    "insta",
    "facebook",
    "linkedin",
    "tiktok",
    "whatsapp",
    "twitter",
    "promo",
    "texto",
    "publicacion",
    "publicacao",
    "escribe",
    "escreve",
    "escreva",
    "reponds",
    "reply",
    "answer",
];

/// The language the author asks for by name, if she does.
fn requested(text: &str) -> Option<Language> {
    let folded = fold(text);
    let words: Vec<&str> =
        folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.windows(3).enumerate().find_map(|(at, window)| {
        let [before, preposition, name] = window else { return None };
        let last = at + 3 == words.len();
        (matches!(*preposition, "en" | "in" | "em")
            && name.chars().count() > 2
            && (ABOUT_THE_POST.contains(before) || last && matches!(*before, "svp" | "stp" | "please")))
        .then(|| Language::from_folded_name(name))
        .flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brief_is_read_in_its_own_language() {
        for (text, expected) in [
            ("Crée un post promo pour Instagram, -20 % sur les croissants ce week-end", Language::Fr),
            ("Write a Facebook post about our new summer menu, starting on Friday", Language::En),
            ("Crea una publicación para Instagram sobre nuestra nueva colección de verano", Language::Es),
            ("Cria uma publicação para o Instagram sobre a nossa nova coleção de verão", Language::Pt),
            ("اكتب منشورا عن افتتاح مخبزنا الجديد يوم السبت", Language::Ar),
        ] {
            for prior in [Language::Fr, Language::En] {
                assert_eq!(detect_language(text, prior), expected, "{text}");
            }
        }
    }

    #[test]
    fn too_little_text_leaves_the_authors_language() {
        for prior in Language::ALL {
            assert_eq!(detect_language("promo", prior), prior);
            assert_eq!(detect_language("🥐🥐 -20 %", prior), prior);
        }
    }

    #[test]
    fn a_language_asked_for_by_name_wins() {
        let fr = Language::Fr;
        assert_eq!(
            detect_language("Fais un post en anglais sur nos croissants du dimanche", fr),
            Language::En
        );
        assert_eq!(detect_language("Fais un post sur mes cours en anglais du mercredi", fr), fr);
    }
}
