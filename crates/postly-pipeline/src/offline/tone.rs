//! The tone that an author asks for.

use postly_domain::Language;

/// The tone of the posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Warm,
    Funny,
    Professional,
    Elegant,
}

impl Tone {
    /// The tone that folded words name. In Portuguese "pro" is "for the".
    pub(super) fn read(words: &[String], language: Language) -> Self {
        let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
        if has(&[
            "drole",
            "droles",
            "humour",
            "humoristique",
            "fun",
            "funny",
            "rigolo",
            "divertido",
            "engracado",
        ]) {
            Self::Funny
        } else if (language != Language::Pt && has(&["pro"]))
            || has(&[
                "professionnel",
                "professional",
                "serieux",
                "formel",
                "formal",
                "profesional",
                "profissional",
                "serio",
                "مهني",
                "رسمي",
            ])
        {
            Self::Professional
        } else if has(&["chic", "elegant", "elegante", "raffine", "luxe", "classy", "luxury"]) {
            Self::Elegant
        } else {
            Self::Warm
        }
    }

    /// The name of the tone, for the intent.
    pub(super) fn name(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Warm, Language::Fr) => "chaleureux",
            (Self::Warm, Language::En) => "warm",
            (Self::Warm, Language::Es) => "cercano",
            (Self::Warm, Language::Pt) => "próximo",
            (Self::Warm, Language::Ar) => "ودود",
            (Self::Funny, Language::Fr) => "drôle",
            (Self::Funny, Language::En) => "funny",
            (Self::Funny, Language::Es) => "divertido",
            (Self::Funny, Language::Pt) => "divertido",
            (Self::Funny, Language::Ar) => "مرح",
            (Self::Professional, Language::Fr) => "professionnel",
            (Self::Professional, Language::En) => "professional",
            (Self::Professional, Language::Es) => "profesional",
            (Self::Professional, Language::Pt) => "profissional",
            (Self::Professional, Language::Ar) => "مهني",
            (Self::Elegant, Language::Fr) => "élégant",
            (Self::Elegant, Language::En) => "elegant",
            (Self::Elegant, Language::Es) => "elegante",
            (Self::Elegant, Language::Pt) => "elegante",
            (Self::Elegant, Language::Ar) => "أنيق",
        }
    }

    /// True if a few emojis suit the tone.
    pub(super) fn likes_emojis(self) -> bool {
        matches!(self, Self::Warm | Self::Funny)
    }
}
